//! What the database forgets: events after RETENTION_DAYS, and the other tables after times of their own.

use serde_json::json;
use strum::VariantArray as _;
use unfollow_webhook::{
    database::{
        DatabaseError, HOUR_MS, call_counts,
        deliveries::{self, Change, State},
        erasures,
        retention::{Retention, retain},
    },
    event::EventId,
    webhook::{SdkAppId, body::Follow, command::Kind},
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::paused,
    samples::{NOW_MS, event_for},
};

const DAY_MS: u64 = 24 * HOUR_MS;

/// A day's retention now deletes what is older than this.
const BEFORE: u64 = NOW_MS - DAY_MS;

/// When the hour of [`BEFORE`] begins.
const HOUR: u64 = BEFORE / HOUR_MS * HOUR_MS;

/// Adds an event of this app and time; another one for each `n`.
fn add(database: &Sqlite, app: u64, kind: Kind, time: u64, n: u64) {
    let (name, to) = match kind {
        Kind::Unfollow => ("To_Account", json!(["b"])),
        Kind::Follow => ("FollowList", json!([{ "To_Account": "b" }])),
    };
    let body = json!({ "From_Account": format!("a{n}"), name: to, "EventTime": time }).to_string();
    let app = SdkAppId::parse(&app.to_string()).unwrap();
    database.insert(&event_for(app, "", Follow::parse(kind, body.as_bytes()).unwrap().remove(0)));
}

/// A database with unfollows of these apps and times.
fn log_of(events: impl IntoIterator<Item = (u64, u64)>) -> Sqlite {
    let database = Sqlite::default();
    events.into_iter().enumerate().for_each(|(n, (app, time))| add(&database, app, Kind::Unfollow, time, n as u64));
    database
}

const fn of_events(seconds: u64) -> Retention {
    Retention { events_seconds: Some(seconds), dead_letters_seconds: None, statements: 5 }
}

const A_DAY: Retention = of_events(24 * 60 * 60);

/// One run of a day's retention of events. How many statements it had for them.
fn run(database: &Sqlite) -> usize {
    database.operations.take();
    paused(retain(database, A_DAY, NOW_MS)).unwrap();
    let statements = database.operations.take();
    assert!(statements.len() <= 10, "{statements:?}");
    // Four are for the other tables.
    statements.len() - 4
}

/// Runs until nothing more is deleted. How many runs deleted something.
fn run_all(database: &Sqlite) -> usize {
    (0..)
        .find(|_| {
            let size = database.size();
            run(database);
            database.size() == size
        })
        .unwrap()
}

#[test]
fn only_what_is_older_is_deleted_with_all_that_it_counts() {
    let times = [HOUR - 2 * HOUR_MS, HOUR - 1, HOUR, BEFORE - 1, BEFORE, BEFORE + 1, NOW_MS, NOW_MS + DAY_MS];
    let database = Sqlite::default();
    for (n, time) in times.into_iter().enumerate() {
        for &kind in Kind::VARIANTS {
            add(&database, 1, kind, time, n as u64);
        }
    }
    run(&database);
    let staying = Sqlite::default();
    for (n, time) in times.into_iter().enumerate().filter(|(_, time)| *time >= BEFORE) {
        for &kind in Kind::VARIANTS {
            add(&staying, 1, kind, time, n as u64);
        }
    }
    for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
        assert_eq!(database.table(table), staying.table(table), "{table}");
    }
    assert_eq!(database.table("events").len(), 8);
}

/// What has become due within an hour goes with that hour.
#[test]
fn an_event_is_deleted_at_most_an_hour_late() {
    let database = log_of([(1, HOUR), (1, BEFORE - 1)]);
    assert_eq!((run(&database), database.event_times(1).len()), (1, 2));
    paused(retain(&database, A_DAY, NOW_MS + HOUR_MS)).unwrap();
    assert_eq!(database.size(), 0);
}

#[test]
fn with_nothing_due_a_run_is_one_statement() {
    assert_eq!(run(&Sqlite::default()), 1);
    let database = log_of((1..30).map(|app| (app, NOW_MS)));
    let size = database.size();
    assert_eq!((run(&database), database.size()), (1, size));
}

/// `retain` is not told which apps there are.
#[test]
fn every_app_of_the_log_is_included() {
    // Also those on either side of others, with the largest and the smallest id.
    let apps = [1, 2, 3, 1_400_000_000, 1_400_000_001, 999_999_999_999_999];
    let database = log_of(apps.into_iter().flat_map(|app| [(app, NOW_MS - 90 * DAY_MS), (app, NOW_MS)]));
    run_all(&database);
    for app in apps {
        assert_eq!(database.event_times(app), [NOW_MS], "{app}");
    }
}

#[test]
fn a_run_is_bounded_and_deletes_the_oldest_first() {
    let database = log_of((0..1100).map(|n| (1, HOUR - 1 - n * 1000)));
    assert_eq!((run(&database), database.event_times(1).len()), (6, 100));
    assert_eq!(database.event_times(1), (0..100).rev().map(|n| HOUR - 1 - n * 1000).collect::<Vec<_>>());
    run(&database);
    assert_eq!(database.size(), 0);
}

/// Each app that is due gets a part of the run.
#[test]
fn an_app_with_many_events_does_not_hold_up_the_others() {
    let many = (0..1500).map(|n| (1, HOUR - 1 - n * 1000));
    let database = log_of(many.chain([(2, HOUR - 1), (3, HOUR - 1)]));
    run(&database);
    assert_eq!((database.event_times(2).len(), database.event_times(3).len()), (0, 0));
    assert_eq!(run_all(&database), 2);
    assert_eq!(database.size(), 0);
}

/// More apps than a run has statements, in each of which something becomes due in every hour.
#[test]
fn no_app_waits_for_ever() {
    const APPS: u64 = 25;
    let database = log_of((1..=APPS).flat_map(|app| (0..40).map(move |hour| (app, HOUR - HOUR_MS + hour * HOUR_MS))));
    for hour in 0..20 {
        paused(retain(&database, A_DAY, NOW_MS + hour * HOUR_MS)).unwrap();
    }
    let most = (1..=APPS).map(|app| database.event_times(app).len()).max().unwrap();
    // Five apps have their turn in a run, so that none waits for more than four others.
    assert!(most <= 20 + 4, "an app has still {most} events");
}

#[test]
fn a_retention_that_is_longer_than_time_deletes_nothing() {
    let database = log_of([(1, 1_000_000_000_000)]);
    for seconds in [NOW_MS / 1000 + 1, u64::MAX] {
        paused(retain(&database, of_events(seconds), NOW_MS)).unwrap();
        assert_eq!(database.event_times(1).len(), 1);
    }
}

#[test]
fn a_run_that_fails_says_so() {
    let database = log_of([(1, 1_000_000_000_000)]);
    database.trouble.set(Some(Trouble::Fails));
    assert_eq!(paused(retain(&database, of_events(1), NOW_MS)), Err(DatabaseError::Failed));
    assert_eq!(paused(retain(&Sqlite::without_schema(), of_events(1), NOW_MS)), Err(DatabaseError::NoSchema));
}

/// Adds a delivery of an event of this app and time; another one for each `n`.
fn deliver(database: &Sqlite, n: u64, app: u64, (time, state, at): (u64, State, u64)) {
    let app = SdkAppId::parse(&app.to_string()).unwrap();
    let id = EventId::of_parts(time, &format!("{n:032x}")).unwrap();
    let change = Change {
        state,
        attempts: Some(1),
        last_status: None,
        last_error: None,
        answer: None,
        next_attempt_at: None,
        at,
        is_replay: false,
    };
    database.execute(deliveries::write(app, &id, &change));
}

/// Delivered ones by their event, all others by their latest change. Apps are not named.
#[test]
fn deliveries_are_forgotten_after_a_week_and_dead_ones_with_their_letters() {
    let (week, month) = (NOW_MS - 7 * DAY_MS, NOW_MS - 30 * DAY_MS);
    for (dead_letters_seconds, dead_stay) in [(None, 2), (Some(30 * 24 * 60 * 60), 1)] {
        let database = Sqlite::default();
        for app in [1, 1_400_000_000, 999_999_999_999_999] {
            let deliveries = [
                (week, State::Delivered, week),
                (week - 1, State::Delivered, week),
                (month, State::Delivered, week),
                (month, State::Delivered, week - 1),
                (month, State::Retrying, week),
                (month, State::Retrying, week - 1),
                (month, State::Dead, month),
                (month, State::Dead, month - 1),
            ];
            for (n, delivery) in (0..).zip(deliveries) {
                deliver(&database, n, app, delivery);
            }
        }
        let retention = Retention { dead_letters_seconds, ..Retention::default() };
        paused(retain(&database, retention, NOW_MS)).unwrap();
        let states = |app: u64| -> Vec<String> {
            let rows = database.table("deliveries").into_iter().filter(|row| row["app"] == app);
            rows.map(|row| row["state"].as_str().unwrap().to_owned()).collect()
        };
        for app in [1, 1_400_000_000, 999_999_999_999_999] {
            let dead = states(app).iter().filter(|state| *state == "dead").count();
            assert_eq!(dead, dead_stay, "{app}");
            let others: Vec<_> = states(app).into_iter().filter(|state| state != "dead").collect();
            assert_eq!(others, ["delivered", "delivered_late", "retrying"], "{app}");
        }
    }
}

#[test]
fn calls_are_counted_for_90_days_and_a_broken_off_search_is_known_for_an_hour() {
    let database = Sqlite::default();
    let first = (NOW_MS - 90 * DAY_MS) / HOUR_MS;
    for hour in [first - 2000, first - 1, first, NOW_MS / HOUR_MS] {
        database
            .execute(call_counts::add(hour, &json!([[hour, 0, "rejected", "method", 1, hour * HOUR_MS]]).to_string()));
    }
    let app = SdkAppId::parse("1").unwrap();
    for (user, at) in [("a", NOW_MS - HOUR_MS), ("b", NOW_MS - HOUR_MS - 1)] {
        database.execute(erasures::note(app, user, "", at));
    }
    paused(retain(&database, Retention::default(), NOW_MS)).unwrap();
    let hours: Vec<_> = database.table("call_counts").iter().map(|row| row["hour"].as_u64().unwrap()).collect();
    assert_eq!(hours, [first, NOW_MS / HOUR_MS]);
    assert_eq!(database.table("erasures").len(), 1);
}
