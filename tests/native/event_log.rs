//! The event log takes whatever the webhook's rules accept; its retention, and what a missing schema is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unfollow_webhook::{
    config::{DB, InvalidSetting},
    database::{DatabaseError, HOUR_MS, retention::retain, schema::Schema},
    receive::Receiver,
    response::Response,
    webhook::{SdkAppId, body::Follow, command::Kind},
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeBody, FakeClock, FakeOrigin, FakeStore, NO_QUEUE, paused},
    samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, event_for, post, url_of},
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
    database.insert(&event_for(app, "", Follow::parse(kind, body.as_bytes()).unwrap()));
}

/// A database with unfollows of these apps and times.
fn log_of(events: impl IntoIterator<Item = (u64, u64)>) -> Sqlite {
    let database = Sqlite::default();
    events.into_iter().enumerate().for_each(|(n, (app, time))| add(&database, app, Kind::Unfollow, time, n as u64));
    database
}

/// One run of a day's retention. How many statements it had.
fn run(database: &Sqlite) -> usize {
    database.operations.take();
    paused(retain(database, 24 * 60 * 60, NOW_MS)).unwrap();
    let statements = database.operations.take();
    assert!(statements.len() <= 10, "{statements:?}");
    statements.len()
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
        for kind in Kind::ALL {
            add(&database, 1, kind, time, n as u64);
        }
    }
    run(&database);
    let staying = Sqlite::default();
    for (n, time) in times.into_iter().enumerate().filter(|(_, time)| *time >= BEFORE) {
        for kind in Kind::ALL {
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
    paused(retain(&database, 24 * 60 * 60, NOW_MS + HOUR_MS)).unwrap();
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
    run(&database);
    for app in apps {
        assert_eq!(database.event_times(app), [NOW_MS], "{app}");
    }
}

#[test]
fn a_run_is_bounded_and_deletes_the_oldest_first() {
    let database = log_of((0..1000).map(|n| (1, HOUR - 1 - n * 1000)));
    assert_eq!((run(&database), database.event_times(1).len()), (10, 100));
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
        paused(retain(&database, 24 * 60 * 60, NOW_MS + hour * HOUR_MS)).unwrap();
    }
    let most = (1..=APPS).map(|app| database.event_times(app).len()).max().unwrap();
    // Nine apps have their turn in a run, so that none waits for more than two others.
    assert!(most <= 20 + 4, "an app has still {most} events");
}

#[test]
fn a_retention_that_is_longer_than_time_deletes_nothing() {
    let database = log_of([(1, 1_000_000_000_000)]);
    for seconds in [NOW_MS / 1000 + 1, u64::MAX] {
        paused(retain(&database, seconds, NOW_MS)).unwrap();
        assert_eq!(database.event_times(1).len(), 1);
    }
}

#[test]
fn a_run_that_fails_says_so() {
    let database = log_of([(1, 1_000_000_000_000)]);
    database.trouble.set(Some(Trouble::Fails));
    assert_eq!(paused(retain(&database, 1, NOW_MS)), Err(DatabaseError::Failed));
    assert_eq!(paused(retain(&Sqlite::without_schema(), 1, NOW_MS)), Err(DatabaseError::NoSchema));
}

/// One call with this body, where D1 is the only sink: its status, and the error code.
fn receive(database: &Sqlite, kind: Kind, body: &str) -> (u16, u64) {
    paused(async {
        let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", "d1")]);
        let (store, clock, origin) = (FakeStore::of(&[]), FakeClock::at(NOW_MS), FakeOrigin::unused());
        let receiver = Receiver {
            config: &config,
            store: &store,
            database: Some(database),
            queue: NO_QUEUE,
            origin: &origin,
            clock: &clock,
        };
        let Response { status, body, .. } = receiver.receive(post(&url_of(kind)), &FakeBody::of(body)).await.response;
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["ErrorCode"].as_u64().unwrap())
    })
}

#[test]
fn whatever_the_rules_accept_is_logged_byte_for_byte() {
    let with = |more: &str| format!("{{{more}{}", &UNFOLLOW[1..]);
    let from = |user: &str| UNFOLLOW.replace("UserID_001", user);
    for body in [
        with(&format!("\"x\":{}{},", "[".repeat(20_000), "]".repeat(20_000))),
        with(&format!("\"x\":{}1{},", "{\"a\":".repeat(5_000), "}".repeat(5_000))),
        with(&format!("\"x\":\"{}\",", "x".repeat(65_000))),
        with(" \r\n\t\"x\" : 1E400 , \"x\":\"\\ud800\",\"\\udc00\":-0.0e-999,"),
        with("\"record\":\"'; DROP TABLE events; --\",\"NEW.record\":\"?1\","),
        format!("  {UNFOLLOW}\n").trim_end().to_owned(),
        from("a\\u0000b"),
        from("\\u0000"),
        from("\\ud83d\\ude42"),
        from("$.to_accounts\\\"'"),
        UNFOLLOW.replace("UserID_003", "UserID_002"),
        UNFOLLOW.replace("UserID_003", "UserID_001"),
        UNFOLLOW.replace("UserID_003", "UserID_002\\u0000"),
    ] {
        let (database, shown) = (Sqlite::default(), &body[..body.len().min(100)]);
        for _ in 0..2 {
            assert_eq!(receive(&database, Kind::Unfollow, &body), (200, 0), "{shown}");
        }
        let [event] = &database.table("events")[..] else { panic!("{shown}") };
        // The body is the object, without the white space around it.
        assert_eq!(event["body"], body.trim(), "{shown}");
        let record: Value = serde_json::from_str(event["record"].as_str().unwrap()).unwrap();
        // Each user as the body has it: the actor, and each distinct target.
        let users = database.table("event_users");
        let names = |role: &str| -> BTreeSet<_> {
            users.iter().filter(|row| row["role"] == role).map(|row| row["user"].as_str().unwrap().to_owned()).collect()
        };
        let targets: BTreeSet<_> =
            record["to_accounts"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
        assert_eq!(names("actor").into_iter().collect::<Vec<_>>(), [record["from_account"].as_str().unwrap()]);
        assert_eq!(names("target"), targets, "{shown}");
        assert_eq!(database.table("hourly_totals")[0]["unfollows"], targets.len(), "{shown}");
    }
}

#[test]
fn an_event_has_at_most_500_targets() {
    for (count, answer) in [(1, (200, 0)), (500, (200, 0)), (501, (413, 41301)), (2000, (413, 41301))] {
        let users: Vec<_> = (0..count).map(|n| format!("u{n}")).collect();
        let follows: Vec<_> = users.iter().map(|user| json!({ "To_Account": user })).collect();
        let time = 1_702_018_343_678_u64;
        for (kind, body) in [
            (Kind::Unfollow, json!({ "From_Account": "a", "To_Account": users, "EventTime": time })),
            (Kind::Follow, json!({ "From_Account": "a", "FollowList": follows, "EventTime": time })),
        ] {
            let database = Sqlite::default();
            assert_eq!(receive(&database, kind, &body.to_string()), answer, "{count}");
            assert_eq!(database.table("event_users").len(), if answer.0 == 200 { count + 1 } else { 0 });
        }
    }
}

/// An isolate that has seen the schema does not ask again.
#[test]
fn the_schema_is_asked_for_until_it_was_seen() {
    paused(async {
        let schema = Schema::default();
        let (without, database) = (Sqlite::without_schema(), Sqlite::default());
        let problem = "must have the tables of this version: run `npx wrangler d1 migrations apply DB --remote`";
        let missing = InvalidSetting { name: DB.to_owned(), problem };
        for _ in 0..2 {
            assert_eq!(schema.check(&without).await, Err(missing.clone()));
        }
        database.trouble.set(Some(Trouble::Fails));
        let failing = InvalidSetting { name: DB.to_owned(), problem: "must answer: D1 fails" };
        assert_eq!(schema.check(&database).await, Err(failing));
        database.trouble.set(None);
        database.operations.take();
        for _ in 0..3 {
            assert_eq!(schema.check(&database).await, Ok(()));
        }
        assert_eq!((without.operations.take().len(), database.operations.take().len()), (2, 1));
    });
}
