//! What a further kind of event needs besides its variant and its parser, so that a test names each place that the compiler
//! does not.

use serde_json::Value;
use strum::VariantArray as _;
use unfollow_webhook::{
    database::{
        Database as _, HOUR_MS,
        event_log::{self, EventQuery, LoggedEvent},
        retention::{Retention, retain},
    },
    plan::Plan,
    webhook::{body::Follow, command::Kind},
};

use crate::{
    database::Sqlite,
    fakes::{FakeClock, paused},
    samples::{FOLLOW, NOW_MS, UNFOLLOW, app, event_of},
};

/// The sample of Tencent's page for this kind.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Unfollow => UNFOLLOW,
        Kind::Follow => FOLLOW,
    }
}

#[test]
fn each_kind_is_counted_listed_and_expires() {
    for &kind in Kind::VARIANTS {
        assert_eq!((Kind::of(kind.command()), kind.name().parse()), (Some(kind), Ok(kind)));
        let database = Sqlite::default();
        let follow = Follow::parse(kind, sample(kind).as_bytes()).unwrap().remove(0);
        let event = event_of("", follow);
        database.insert(&event);
        for table in ["hourly_totals", "hourly_counts"] {
            let count = |row: &Value| row["unfollows"].as_u64().unwrap() + row["follows"].as_u64().unwrap();
            let counted: u64 = database.table(table).iter().map(count).sum();
            assert_eq!(counted, event.targets() as u64, "{kind:?} in {table}");
        }
        let query = EventQuery { app: app(), kind: Some(kind), user: None, role: None, since: None, until: None };
        let listed: Vec<LoggedEvent> = paused(database.rows(event_log::page(&query, None, 10))).unwrap();
        assert_eq!(listed.len(), 1, "{kind:?}");
        let retention =
            Retention { events_seconds: Some(1), dead_letters_seconds: None, limits: Plan::Free.retention() };
        paused(async { retain(&database, &FakeClock::at(NOW_MS + 2 * HOUR_MS), retention).await }).unwrap();
        let listed: Vec<LoggedEvent> = paused(database.rows(event_log::page(&query, None, 10))).unwrap();
        assert!(listed.is_empty(), "{kind:?} never expires");
    }
}
