//! Counts per hour or day, compared with a plain count.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{database::event_log, event::EventId, webhook::command::Kind};

use super::{TestEvent, add, any_event, encoded, get, is_problem, json_of, log_of, other_app};
use crate::{
    database::Sqlite,
    samples::{NOW_MS, app},
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// When the hour of [`NOW_MS`] begins.
const THIS_HOUR: u64 = 1_702_018_800_000 - HOUR_MS;

/// The start, unfollows and follows of each bucket.
type Buckets = Vec<(u64, u64, u64)>;

/// The range that is answered, and its buckets.
fn stats(database: &Sqlite, query: &str) -> (u64, u64, Buckets) {
    let response = get(database, "/v1/stats", query);
    assert_eq!((response.status, response.content_type), (200, "application/json"), "{response:?}");
    let answer = json_of(&response);
    assert_eq!(answer.as_object().unwrap().len(), 5, "{answer}");
    let number = |value: &Value, name| value[name].as_u64().unwrap();
    let bucket = |it: &Value| (number(it, "start"), number(it, "unfollows"), number(it, "follows"));
    let buckets = answer["buckets"].as_array().unwrap().iter().map(bucket).collect();
    (number(&answer, "since"), number(&answer, "until"), buckets)
}

/// A plain count: of the distinct targets of each event, or of `user` as one of them, in each bucket of `length` ms that
/// has a part in the range.
fn counted<'a>(
    events: impl IntoIterator<Item = &'a TestEvent>,
    user: Option<&str>,
    since: u64,
    until: u64,
    length: u64,
) -> Buckets {
    // What has the same id is the same event.
    let events: BTreeMap<_, _> = events.into_iter().map(|it| (it.id(), it)).collect();
    let bucket = |number: u64| {
        let targets = |kind| {
            let within = |it: &&&TestEvent| it.kind == kind && it.time / length == number;
            let targets = |it: &TestEvent| {
                let distinct: BTreeSet<_> = it.to.iter().filter(|it| user.is_none_or(|user| user == **it)).collect();
                distinct.len() as u64
            };
            events.values().filter(within).map(|it| targets(it)).sum::<u64>()
        };
        (number * length, targets(Kind::Unfollow), targets(Kind::Follow))
    };
    (since / length..=until / length).map(bucket).collect()
}

/// Events of these days, and any others.
fn recent() -> impl Strategy<Value = TestEvent> {
    let time = prop_oneof![
        3 => NOW_MS - 5 * HOUR_MS..NOW_MS + 2 * HOUR_MS,
        1 => NOW_MS - 20 * DAY_MS..NOW_MS,
        // Around the full hours.
        2 => (0..60_u64, 0..3_u64).prop_map(|(back, by)| THIS_HOUR + HOUR_MS - back * HOUR_MS + by - 1),
    ];
    prop_oneof![9 => (any_event(), time).prop_map(|(event, time)| TestEvent { time, ..event }), 1 => any_event()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 80, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_a_plain_count(
        events in vec(recent(), 0..60),
        gone in vec(any::<proptest::sample::Index>(), 0..10),
        user in proptest::option::of(proptest::sample::select(&["b", "c", "\u{e9} \"&%+", "nobody"][..])),
        is_daily in any::<bool>(),
        (until, range) in (NOW_MS - 2 * DAY_MS..NOW_MS + DAY_MS, 0..31 * DAY_MS),
    ) {
        let database = log_of(&events);
        // A repeat counts once, another app not at all, and what is erased no longer.
        add(&database, app(), &events);
        add(&database, other_app(), &events);
        let mut staying: BTreeMap<_, _> = events.iter().map(|it| (it.id(), it)).collect();
        for index in gone {
            if events.is_empty() { break; }
            let id = index.get(&events).id();
            database.execute(event_log::delete(app(), &EventId::read(&id).unwrap()));
            staying.remove(&id);
        }
        let (since, length, name) = (until - range, if is_daily { DAY_MS } else { HOUR_MS }, if is_daily { "day" } else { "hour" });
        let by_user = user.map_or(String::new(), |user| format!("&user={}", encoded(user)));
        let answer = stats(&database, &format!("bucket={name}&since={since}&until={until}{by_user}"));
        let expected = counted(staying.values().copied(), user, since, until, length);
        // Widened to whole buckets, and saying so.
        prop_assert_eq!(answer, (since / length * length, (until / length + 1) * length, expected));
    }

    /// Whatever is added and erased in whatever order, the counts are those of the events that are there.
    #[test]
    fn no_count_outlives_its_events(events in vec(any_event(), 1..25), order in vec(any::<proptest::sample::Index>(), 25)) {
        let database = log_of(&events);
        for index in order {
            database.execute(event_log::delete(app(), &EventId::read(&index.get(&events).id()).unwrap()));
        }
        let left: Vec<_> = events.iter().filter(|it| {
            database.table("events").iter().any(|row| row["record"].as_str().unwrap().contains(&it.id()))
        }).collect();
        let expected = log_of(left);
        for table in ["event_users", "hourly_counts", "hourly_totals"] {
            prop_assert_eq!(database.log_table(table), expected.log_table(table));
        }
        events.iter().for_each(|it| database.execute(event_log::delete(app(), &EventId::read(&it.id()).unwrap())));
        prop_assert_eq!(database.size(), 0);
    }
}

#[test]
fn an_hour_begins_with_its_first_ms_and_ends_with_its_last() {
    assert_eq!((THIS_HOUR % HOUR_MS, NOW_MS / HOUR_MS), (0, THIS_HOUR / HOUR_MS));
    let follow = |time, targets: &[&str]| TestEvent {
        kind: Kind::Follow,
        to: targets.iter().map(|&it| it.to_owned()).collect(),
        ..TestEvent::at(time)
    };
    let database = log_of(&[
        // Not begun yet, or over.
        TestEvent::at(THIS_HOUR + HOUR_MS),
        TestEvent::at(THIS_HOUR - 2 * HOUR_MS - 1),
        // Later than now, but in this hour.
        TestEvent::at(THIS_HOUR + HOUR_MS - 1),
        TestEvent::at(THIS_HOUR),
        follow(THIS_HOUR, &["b", "c", "d", "b"]),
        TestEvent::at(THIS_HOUR - 1),
        TestEvent::at(THIS_HOUR - HOUR_MS),
        follow(THIS_HOUR - 2 * HOUR_MS, &["b"]),
    ]);
    let expected = json!({ "since": THIS_HOUR - 2 * HOUR_MS, "until": THIS_HOUR + HOUR_MS, "buckets": [
        { "start": THIS_HOUR - 2 * HOUR_MS, "unfollows": 0, "follows": 1 },
        { "start": THIS_HOUR - HOUR_MS, "unfollows": 2, "follows": 0 },
        { "start": THIS_HOUR, "unfollows": 2, "follows": 3 },
    ], "unfollows_recorded": 0, "follows_recorded": 0 });
    for since in [THIS_HOUR - 2 * HOUR_MS, THIS_HOUR - HOUR_MS - 1] {
        assert_eq!(json_of(&get(&database, "/v1/stats", &format!("since={since}"))), expected);
    }
}

#[test]
fn the_default_is_the_last_24_hours_by_the_hour() {
    let database = log_of(&[TestEvent::at(NOW_MS), TestEvent::at(NOW_MS - DAY_MS), TestEvent::at(NOW_MS - 2 * DAY_MS)]);
    let (since, until, buckets) = stats(&database, "");
    // 24 hours have a part in 25.
    assert_eq!((since, until, buckets.len()), (THIS_HOUR - DAY_MS, THIS_HOUR + HOUR_MS, 25));
    assert_eq!((buckets[0], buckets[24]), ((THIS_HOUR - DAY_MS, 1, 0), (THIS_HOUR, 1, 0)));
    assert_eq!(stats(&database, "bucket=hour"), stats(&database, ""));
    // From until, where that is set.
    let (since, until, _) = stats(&database, &format!("until={}", THIS_HOUR - 1));
    assert_eq!((since, until), (THIS_HOUR - DAY_MS - HOUR_MS, THIS_HOUR));
    // There is nothing before 1970.
    let (since, until, buckets) = stats(&database, "until=1");
    assert_eq!((since, until, buckets), (0, HOUR_MS, vec![(0, 0, 0)]));
}

#[test]
fn a_day_is_one_of_utc() {
    let midnight = NOW_MS / DAY_MS * DAY_MS;
    let database =
        log_of(&[TestEvent::at(midnight - 1), TestEvent::at(midnight), TestEvent::at(midnight + DAY_MS - 1)]);
    let (since, until, buckets) =
        stats(&database, "bucket=day&since=2023-12-07T12:00:00%2B08:00&until=2023-12-08T23:59:59Z");
    assert_eq!((since, until), (midnight - DAY_MS, midnight + DAY_MS));
    assert_eq!(buckets, [(midnight - DAY_MS, 1, 0), (midnight, 2, 0)]);
}

/// Of an event of three targets a user counts one, and the actor none.
#[test]
fn a_user_counts_as_target() {
    let to = ["b", "c", "d"].map(str::to_owned).to_vec();
    let database = log_of(&[TestEvent { to, ..TestEvent::at(NOW_MS) }]);
    for (user, unfollows) in [("b", 1), ("d", 1), ("a", 0), ("e", 0)] {
        let (.., buckets) = stats(&database, &format!("since={NOW_MS}&user={user}"));
        assert_eq!(buckets, [(THIS_HOUR, unfollows, 0)], "{user}");
    }
    assert_eq!(stats(&database, &format!("since={NOW_MS}")).2, [(THIS_HOUR, 3, 0)]);
}

#[test]
fn the_range_is_bounded() {
    let database = Sqlite::default();
    let count = |bucket: &str, since: u64, until: u64| {
        stats(&database, &format!("bucket={bucket}&since={since}&until={until}")).2.len()
    };
    // 31 days have a part in one hour more, and two more are taken at most.
    let end = THIS_HOUR;
    assert_eq!(count("hour", end - 31 * DAY_MS, end), 31 * 24 + 1);
    assert_eq!(count("hour", end - 31 * DAY_MS + 1, end), 31 * 24 + 1);
    assert_eq!(count("day", end - 366 * DAY_MS, end), 367);
    for (bucket, range) in [("hour", 31 * DAY_MS + 2 * HOUR_MS), ("day", 368 * DAY_MS), ("hour", end), ("day", end)] {
        let query = format!("bucket={bucket}&since={}&until={end}", end - range);
        is_problem(&get(&database, "/v1/stats", &query), 400);
    }
    // The counts, and how many of them a comparison has recorded.
    assert_eq!(database.operations.take().len(), 2 * 3);
    for latest in ["hour", "day"] {
        let query = format!("bucket={latest}&since=9999999999999&until=9999999999999");
        assert_eq!(stats(&database, &query).2.len(), 1);
    }
}
