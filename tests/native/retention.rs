//! What the database forgets: events after RETENTION_DAYS, and the other tables after times of their own.

use serde_json::json;
use strum::VariantArray as _;
use unfollow_webhook::{
    database::{
        DatabaseError, HOUR_MS, Statement, call_counts,
        deliveries::{self, State},
        erasures::{self, KNOWN_FOR_MS},
        event_log::{self, IN_KV_FOR_GOOD, NOT_IN_KV},
        retention::{Retained, Retention, retain},
    },
    event::{Event, EventId},
    plan::{Plan, RetentionLimits},
    webhook::{
        SdkAppId,
        body::{EVENT_TIME_MAX, Follow},
        command::Kind,
    },
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeClock, paused},
    samples::{NOW_MS, app, event_for, first_attempt},
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
    insert(database, &event_for(app, "", Follow::parse(kind, body.as_bytes()).unwrap().remove(0)));
}

/// Adds an event without a record in KV.
fn insert(database: &Sqlite, event: &Event<'_>) {
    database.execute(event_log::insert(event, NOT_IN_KV));
}

/// A database with unfollows of these apps and times.
fn log_of(events: impl IntoIterator<Item = (u64, u64)>) -> Sqlite {
    let database = Sqlite::default();
    events.into_iter().enumerate().for_each(|(n, (app, time))| add(&database, app, Kind::Unfollow, time, n as u64));
    database
}

/// The statements of a run that are not for the events of an app: those that delete from the other tables, and events dated after
/// their receipt.
const OTHERS: usize = 8;

/// Five statements for events of apps.
const LIMITS: RetentionLimits =
    RetentionLimits { rows_a_day: None, statements: OTHERS + 5, batch: 200, within_ms: 20_000 };

const fn of_events(seconds: u64) -> Retention {
    Retention { events_seconds: Some(seconds), dead_letters_seconds: None, limits: LIMITS }
}

const A_DAY: Retention = of_events(24 * 60 * 60);

/// Nothing but what has times of its own.
const NOTHING: Retention = Retention { events_seconds: None, dead_letters_seconds: None, limits: LIMITS };

fn run_at(database: &Sqlite, retention: Retention, now_ms: u64) -> Result<Retained, DatabaseError> {
    paused(async { retain(database, &FakeClock::at(now_ms), retention).await })
}

/// One run of a day's retention of events. What it has done, and how many deletions there were for them.
fn run(database: &Sqlite) -> (Retained, usize) {
    database.operations.take();
    let retained = run_at(database, A_DAY, NOW_MS).unwrap();
    let deletions = database.operations.take().iter().filter(|it| *it == "sql DELETE").count();
    (retained, deletions - 6)
}

/// Runs until nothing more is deleted. How many runs deleted something.
fn run_all(database: &Sqlite) -> usize {
    (0..).find(|_| run(database).0.events == 0).unwrap()
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
        assert_eq!(database.log_table(table), staying.log_table(table), "{table}");
    }
    assert_eq!(database.table("events").len(), 8);
}

/// A row whose record is damaged goes as any other, with all that it counts: what is left of the log has none of it.
#[test]
fn a_damaged_row_holds_nothing_up() {
    for damage in ["''", "'{'", "'{}'", "'null'", "'[1]'", r#"'{"from_account":1,"to_accounts":{}}'"#, "char(0)"] {
        let database = log_of([(1, NOW_MS), (1, HOUR - 2), (1, HOUR - 1)]);
        let staying = log_of([(1, NOW_MS)]);
        let sql = format!("UPDATE events SET record = {damage} WHERE event_time < {}", HOUR - 1);
        database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
        run_all(&database);
        for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
            assert_eq!(database.log_table(table), staying.log_table(table), "{damage}: {table}");
        }
    }
}

/// What has become due within an hour goes with that hour.
#[test]
fn an_event_is_deleted_at_most_an_hour_late() {
    let database = log_of([(1, HOUR), (1, BEFORE - 1)]);
    assert_eq!((run(&database).0, database.event_times(1).len()), (Retained::default(), 2));
    run_at(&database, A_DAY, NOW_MS + HOUR_MS).unwrap();
    assert_eq!(database.size(), 0);
}

#[test]
fn with_nothing_due_a_run_writes_nothing_and_has_no_statement_for_an_app() {
    for database in [Sqlite::default(), log_of((1..30).map(|app| (app, NOW_MS)))] {
        let (size, written) = (database.size(), database.rows_written());
        let (retained, _) = run(&database);
        assert_eq!((retained, database.size(), database.rows_written()), (Retained::default(), size, written));
        run_at(&database, A_DAY, NOW_MS).unwrap();
        // Two ask what is known, and which apps have something due.
        assert_eq!(database.operations.take().len(), 2 + OTHERS);
    }
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
    let (retained, _) = run(&database);
    assert_eq!((retained.events, database.event_times(1).len()), (1000, 100));
    // The hour of the oldest that it has left.
    assert_eq!(retained.due_since, Some(HOUR - HOUR_MS));
    assert_eq!(database.event_times(1), (0..100).rev().map(|n| HOUR - 1 - n * 1000).collect::<Vec<_>>());
    // The hour had been an unusual one, and was still open. The total of the target was written once for twelve events.
    assert_eq!(run(&database).0, Retained { events: 100, rows: 600 + 1 + 1 + 1 + 100 / 12, due_since: None });
    assert_eq!((database.size(), database.table("unusual_hours")), (0, Vec::new()));
}

/// Each app that is due gets a part of the run.
#[test]
fn an_app_with_many_events_does_not_hold_up_the_others() {
    let many = (0..1500).map(|n| (1, HOUR - 1 - n * 1000));
    let database = log_of(many.chain([(2, HOUR - 1), (3, HOUR - 1)]));
    run(&database);
    assert_eq!((database.event_times(2).len(), database.event_times(3).len()), (0, 0));
    assert_eq!(run_all(&database), 1);
    assert_eq!(database.size(), 0);
}

/// More apps than a run has statements, in each of which something becomes due in every hour.
#[test]
fn no_app_waits_for_ever() {
    const APPS: u64 = 25;
    let database = log_of((1..=APPS).flat_map(|app| (0..40).map(move |hour| (app, HOUR - HOUR_MS + hour * HOUR_MS))));
    for hour in 0..20 {
        run_at(&database, A_DAY, NOW_MS + hour * HOUR_MS).unwrap();
    }
    let most = (1..=APPS).map(|app| database.event_times(app).len()).max().unwrap();
    // Five apps have their turn in a run, so that none waits for more than four others.
    assert!(most <= 20 + 4, "an app has still {most} events");
}

#[test]
fn a_retention_that_is_longer_than_time_deletes_nothing() {
    let database = log_of([(1, 1_000_000_000_000)]);
    for seconds in [NOW_MS / 1000 + 1, u64::MAX] {
        run_at(&database, of_events(seconds), NOW_MS).unwrap();
        assert_eq!(database.event_times(1).len(), 1);
    }
}

#[test]
fn a_run_that_fails_says_so() {
    let database = log_of([(1, 1_000_000_000_000)]);
    database.trouble.set(Some(Trouble::Fails));
    assert_eq!(run_at(&database, of_events(1), NOW_MS), Err(DatabaseError::Failed));
    assert_eq!(run_at(&Sqlite::without_schema(), of_events(1), NOW_MS), Err(DatabaseError::NoSchema));
}

/// Adds a delivery of an event of this app and time; another one for each `n`.
fn deliver(database: &Sqlite, n: u64, app: u64, (time, state, at): (u64, State, u64)) {
    let app = SdkAppId::parse(&app.to_string()).unwrap();
    let id = EventId::of_parts(time, &format!("{n:032x}")).unwrap();
    database.execute(deliveries::write(app, &id, &first_attempt(state, at)));
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
                (month, State::DeliveredFail, week),
                (month, State::DeliveredFail, week - 1),
                (month, State::Dead, month),
                (month, State::Dead, month - 1),
            ];
            for (n, delivery) in (0..).zip(deliveries) {
                deliver(&database, n, app, delivery);
            }
        }
        run_at(&database, Retention { dead_letters_seconds, ..NOTHING }, NOW_MS).unwrap();
        let states = |app: u64| -> Vec<String> {
            let rows = database.table("deliveries").into_iter().filter(|row| row["app"] == app);
            rows.map(|row| row["state"].as_str().unwrap().to_owned()).collect()
        };
        for app in [1, 1_400_000_000, 999_999_999_999_999] {
            let dead = states(app).iter().filter(|state| *state == "dead").count();
            assert_eq!(dead, dead_stay, "{app}");
            let others: Vec<_> = states(app).into_iter().filter(|state| state != "dead").collect();
            assert_eq!(others, ["delivered", "delivered_fail", "delivered_late", "retrying"], "{app}");
        }
    }
}

#[test]
fn calls_are_counted_for_90_days_and_a_broken_off_search_is_known_for_an_hour() {
    let database = Sqlite::default();
    let first = (NOW_MS - 90 * DAY_MS) / HOUR_MS;
    for hour in [first - 2000, first - 1, first, NOW_MS / HOUR_MS] {
        database.execute(call_counts::add(
            hour,
            &json!([[hour, 0, "rejected", "method", 1, hour * HOUR_MS]]).to_string(),
            1_000,
        ));
    }
    for (user, at) in [("a", NOW_MS - HOUR_MS), ("b", NOW_MS - HOUR_MS - 1)] {
        let sql = format!("INSERT INTO erasures (app, user_hash, position, updated_at) VALUES (1, '{user}', '', {at})");
        database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
    }
    for (hash, at) in [("a", NOW_MS - KNOWN_FOR_MS), ("b", NOW_MS - KNOWN_FOR_MS - 1)] {
        database.execute(erasures::begin(app(), hash, None, at, 0));
    }
    run_at(&database, NOTHING, NOW_MS).unwrap();
    let hours: Vec<_> = database.table("call_counts").iter().map(|row| row["hour"].as_u64().unwrap()).collect();
    assert_eq!(hours, [first, NOW_MS / HOUR_MS]);
    assert_eq!((database.table("erasures").len(), database.table("erased").len()), (1, 1));
}

/// Next month, in the year 2286, and two minutes ahead; of every kind and of several apps.
#[test]
fn an_event_that_is_dated_after_its_receipt_goes_by_its_receipt() {
    let times = [NOW_MS + 2 * 60_000, NOW_MS + 30 * DAY_MS, EVENT_TIME_MAX];
    let database = Sqlite::default();
    for app in [1, 2] {
        for (n, time) in times.into_iter().enumerate() {
            Kind::VARIANTS.iter().for_each(|&kind| add(&database, app, kind, time, n as u64));
        }
        // These two go by their own time.
        add(&database, app, Kind::Unfollow, NOW_MS, 10);
        add(&database, app, Kind::Unfollow, NOW_MS + 60_000, 11);
    }
    assert_eq!(run_at(&database, A_DAY, NOW_MS + DAY_MS).unwrap(), Retained::default());
    assert_eq!(run_at(&database, A_DAY, NOW_MS + DAY_MS + 1).unwrap().events, 12);
    assert_eq!(database.event_times(1), [NOW_MS, NOW_MS + 60_000]);
    assert_eq!(run_at(&database, A_DAY, NOW_MS + DAY_MS + 2 * HOUR_MS).unwrap().events, 4);
    assert_eq!(database.size(), 0);
}

/// However much it is, on the paid plan; and as long as the time lasts.
#[test]
fn a_run_goes_on_until_nothing_is_due_or_its_time_is_over() {
    let database = log_of((0..1_500).map(|n| (n % 3 + 1, HOUR - 1 - n * 1000)));
    let retention = Retention { limits: RetentionLimits { batch: 50, ..Plan::Paid.retention() }, ..A_DAY };
    let retained = run_at(&database, retention, NOW_MS).unwrap();
    assert_eq!((retained.events, retained.due_since, database.size()), (1_500, None, 0));

    let database = log_of((0..100).map(|n| (1, HOUR - 1 - n * 1000)));
    let limits = RetentionLimits { batch: 1, ..Plan::Paid.retention() };
    database.takes_ms.set(1_000);
    let retained = run_at(&database, Retention { limits, ..A_DAY }, NOW_MS).unwrap();
    // Two statements come before those that delete. The last one begins before the time is over.
    let statements = limits.within_ms / 1_000;
    assert_eq!((retained.events, retained.due_since), (statements - 2 - OTHERS as u64, Some(HOUR - HOUR_MS)));
}

/// 200 events a second of all apps together, where D1 takes 500 ms for each statement; a thousand events were measured at 80. No app
/// gets more of it than another.
#[test]
fn the_paid_plan_deletes_200_events_a_second() {
    let limits = Plan::Paid.retention();
    // A statement deletes one event, in the place of a thousand.
    let retention = Retention { limits: RetentionLimits { batch: 1, ..limits }, ..A_DAY };
    let due = [(1, 500), (2, 100), (3, 50)];
    let database = log_of(due.iter().flat_map(|&(app, count)| (0..count).map(move |n| (app, HOUR - 1 - n * 1000))));
    database.takes_ms.set(500);
    let events = run_at(&database, retention, NOW_MS).unwrap().events;
    let runs_an_hour = 60 / Plan::Paid.retention_every_minutes();
    assert!(events * limits.batch * runs_an_hour >= 200 * 3_600, "{events} statements a run");
    let of_app = due.map(|(app, count)| count - database.event_times(app).len() as u64);
    assert!(of_app.iter().max().unwrap() - of_app.iter().min().unwrap() <= 1, "{of_app:?}");
}

/// Whatever is due, and however many targets an event has. A day is that of UTC.
#[test]
fn the_free_plan_keeps_to_its_rows_of_a_day() {
    assert_eq!(Plan::Free.retention().rows_a_day, Some(48_000));
    // A tenth of it, and so of the events.
    let limits = RetentionLimits { rows_a_day: Some(4_800), ..Plan::Free.retention() };
    let database = log_of((0..900).map(|n| (1, HOUR - DAY_MS - 1 - n * 1000)));
    let many = json!((0..20).map(|n| format!("target-{n}")).collect::<Vec<_>>());
    for n in 0..60 {
        let body = json!({ "From_Account": "a", "To_Account": many, "EventTime": HOUR - n * 1000 }).to_string();
        insert(&database, &event_for(app(), "", Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0)));
    }
    let retention = Retention { limits, ..A_DAY };
    let midnight = NOW_MS / DAY_MS * DAY_MS + 2 * DAY_MS;
    let mut days = Vec::new();
    for day in 0..3 {
        let before = database.rows_written();
        let mut due_since = None;
        for hour in 0..24 {
            database.operations.take();
            due_since = run_at(&database, retention, midnight + day * DAY_MS + hour * HOUR_MS).unwrap().due_since;
            assert!(database.operations.take().len() <= 40, "operations on the free plan");
        }
        days.push((database.rows_written() - before, due_since.is_some()));
    }
    // What it notes of itself is no deletion: three rows a run at most.
    assert!(days[0].0 <= 4_800 + 3 * 24 && days[0].0 > 4_600 && days[0].1, "{days:?}");
    assert!(days[1].0 <= 4_800 && !days[1].1 && days[2] == (0, false), "{days:?}");
    assert_eq!(database.size(), 0);
}

/// Deliveries and calls take turns with events.
#[test]
fn what_is_due_of_other_tables_goes_too_however_much_it_is() {
    let database = log_of((0..600).map(|n| (1, HOUR - 1 - n * 1000)));
    for n in 0..2_500 {
        deliver(&database, n, 1, (NOW_MS - 8 * DAY_MS, State::Delivered, NOW_MS - 8 * DAY_MS));
    }
    let retention = Retention { limits: Plan::Paid.retention(), ..A_DAY };
    assert_eq!(run_at(&database, retention, NOW_MS).unwrap().due_since, None);
    assert_eq!((database.size(), database.table("deliveries").len()), (0, 0));
}

/// The record that outlives its event can be found by its users; what KV has forgotten is forgotten here too.
#[test]
fn records_that_outlive_their_events_are_known() {
    let database = Sqlite::default();
    let later = u64::MAX >> 12;
    for (n, until) in [NOT_IN_KV, 1, later, IN_KV_FOR_GOOD].into_iter().enumerate() {
        let body = json!({ "From_Account": "a", "To_Account": ["b", "c", "b"], "EventTime": HOUR - 1 - n as u64 });
        let body = body.to_string();
        let event = event_for(app(), "", Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0));
        database.execute(event_log::insert(&event, until));
    }
    run(&database);
    let rows = database.table("kv_only");
    let of = |until: u64| rows.iter().filter(move |row| row["until"] == until).map(|row| row["user"].clone());
    assert_eq!(rows.len(), 6);
    for until in [later, IN_KV_FOR_GOOD] {
        assert_eq!(of(until).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
    run_at(&database, NOTHING, (IN_KV_FOR_GOOD + 1) * 1000).unwrap();
    assert_eq!(database.table("kv_only").iter().filter(|row| row["until"] == IN_KV_FOR_GOOD).count(), 0);
}
