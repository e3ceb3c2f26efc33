//! Counts per hour, compared with a plain count.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::{
        Api, ApiRequest,
        stats::{CACHED_SECONDS, LISTS_MAX},
    },
    config::Config,
    response::Response,
    webhook::command::Kind,
};

use super::{
    ADMIN, FakeCache, FakeQueue, FakeReader, TestEvent, any_event, is_problem, json_of, long_log, operated, reader_of,
    request,
};
use crate::{
    fakes::{FakeClock, paused},
    samples::{APP, NOW_MS, TOKEN, config},
};

const HOUR_MS: u64 = 3_600_000;

/// When the hour of [`NOW_MS`] begins.
const THIS_HOUR: u64 = 1_702_018_800_000 - HOUR_MS;

fn ask(config: &Config, reader: &FakeReader, cache: &FakeCache, now_ms: u64, query: &str) -> Response {
    paused(async {
        let clock = FakeClock::at(now_ms);
        let api = Api { config, reader, queue: None::<&FakeQueue>, cache, clock: &clock };
        api.answer(ApiRequest { query, ..request("GET", "/v1/stats") }).await
    })
}

/// The answer of now, without a cache.
fn stats(reader: &FakeReader, hours: u64) -> Value {
    let response = ask(&operated(), reader, &FakeCache::default(), NOW_MS, &format!("hours={hours}"));
    assert_eq!((response.status, response.content_type), (200, "application/json"), "{response:?}");
    json_of(&response)
}

/// A plain count of what happened from `since` on in each of these hours, the oldest first.
fn counted<'a>(events: impl IntoIterator<Item = &'a TestEvent>, hours: u64, since: u64) -> Vec<(u64, u64, u64)> {
    // What has the same id is the same event.
    let events: BTreeMap<_, _> = events.into_iter().map(|it| (it.id(), it)).collect();
    let hour = |start| {
        let within = |it: &&&TestEvent| (start..start + HOUR_MS).contains(&it.time) && it.time >= since;
        let targets = |kind| {
            events.values().filter(within).filter(|it| it.kind == kind).map(|it| it.to.len() as u64).sum::<u64>()
        };
        (start, targets(Kind::Unfollow), targets(Kind::Follow))
    };
    (0..hours).rev().map(|back| hour(THIS_HOUR - back * HOUR_MS)).collect()
}

fn hours_of(answer: &Value) -> Vec<(u64, u64, u64)> {
    let number = |hour: &Value, name| hour[name].as_u64().unwrap();
    let hour = |it: &Value| (number(it, "start"), number(it, "unfollows"), number(it, "follows"));
    answer["hours"].as_array().unwrap().iter().map(hour).collect()
}

/// Events of these days, and any others.
fn recent() -> impl Strategy<Value = TestEvent> {
    let time = prop_oneof![
        3 => NOW_MS - 5 * HOUR_MS..NOW_MS + 2 * HOUR_MS,
        1 => NOW_MS - 200 * HOUR_MS..NOW_MS,
        // Around the full hours.
        2 => (0..30_u64, 0..3_u64).prop_map(|(back, by)| THIS_HOUR + HOUR_MS - back * HOUR_MS + by - 1),
    ];
    prop_oneof![9 => (any_event(), time).prop_map(|(event, time)| TestEvent { time, ..event }), 1 => any_event()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_a_plain_count(
        events in vec(recent(), 0..60),
        hours in prop_oneof![1..=30_u64, Just(168)],
        list_max in prop_oneof![Just(1000_usize), 1..10_usize],
        has_empty_last_page in any::<bool>(),
    ) {
        let reader = reader_of(&events);
        reader.list_max.set(list_max);
        reader.has_empty_last_page.set(has_empty_last_page);
        let answer = stats(&reader, hours);
        let operations = reader.operations.borrow();
        prop_assert!(operations.len() <= 20 && operations.iter().all(|operation| *operation == format!("list event/{APP}/")), "{:?}", operations);
        prop_assert_eq!(&answer["sdk_app_id"], 1_400_000_000);
        let (read, all) = (hours_of(&answer), counted(&events, hours, 0));
        let Some(since) = answer["complete_since"].as_u64() else {
            prop_assert_eq!(read, all);
            return Ok(());
        };
        // It was cut for a reason, and from there on every count is exact.
        prop_assert!(operations.len() == 20 && list_max < 10);
        let complete = counted(&events, hours, since);
        for ((read, all), complete) in read.iter().zip(&all).zip(&complete) {
            prop_assert!(complete.1 <= read.1 && read.1 <= all.1 && complete.2 <= read.2 && read.2 <= all.2);
            prop_assert!(read.0 < since || read == all, "{:?} {:?} {}", read, all, since);
        }
        // It is as early as can be told: just after the oldest event that was read.
        let mut ids: Vec<_> = events.iter().map(|it| (it.id(), it.time)).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(since, ids[20 * list_max - 1].1 + 1);
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
    let reader = reader_of(&[
        // Not begun yet, or over.
        TestEvent::at(THIS_HOUR + HOUR_MS),
        TestEvent::at(THIS_HOUR - 2 * HOUR_MS - 1),
        // Later than now, but in this hour.
        TestEvent::at(THIS_HOUR + HOUR_MS - 1),
        TestEvent::at(THIS_HOUR),
        follow(THIS_HOUR, &["b", "c", "d"]),
        TestEvent::at(THIS_HOUR - 1),
        TestEvent::at(THIS_HOUR - HOUR_MS),
        follow(THIS_HOUR - 2 * HOUR_MS, &["b"]),
    ]);
    let expected = json!({ "sdk_app_id": 1_400_000_000, "hours": [
        { "start": THIS_HOUR - 2 * HOUR_MS, "unfollows": 0, "follows": 1 },
        { "start": THIS_HOUR - HOUR_MS, "unfollows": 2, "follows": 0 },
        { "start": THIS_HOUR, "unfollows": 2, "follows": 3 },
    ], "complete_since": null });
    assert_eq!(stats(&reader, 3), expected);
    // A day where the parameter is absent.
    let day = json_of(&ask(&operated(), &reader, &FakeCache::default(), NOW_MS, ""));
    assert_eq!(hours_of(&day).len(), 24);
}

#[test]
fn all_targets_of_a_list_that_was_cut_are_counted() {
    let many = TestEvent { to: (0..300).map(|n| format!("user{n}")).collect(), ..TestEvent::at(NOW_MS) };
    assert!(many.is_cut());
    assert_eq!(hours_of(&stats(&reader_of(&[many]), 1)), [(THIS_HOUR, 300, 0)]);
}

#[test]
fn a_log_of_more_than_twenty_lists_is_counted_as_far_as_they_go() {
    // Ten in a ms.
    let reader = long_log(20_001, |n| NOW_MS - n as u64 / 10);
    let answer = stats(&reader, 24);
    assert_eq!((reader.take_operations().len(), LISTS_MAX), (20, 20));
    assert_eq!(answer["complete_since"], NOW_MS - 1999 + 1);
    assert_eq!(hours_of(&answer)[23], (THIS_HOUR, 20_000, 0));
    // One that ends with the last list is complete, and so is one that goes on before the first hour.
    let reader = long_log(2000, |n| NOW_MS - n as u64);
    reader.list_max.set(100);
    assert_eq!((&stats(&reader, 24)["complete_since"], reader.take_operations().len()), (&Value::Null, 20));
    let reader = long_log(4000, |n| if n < 1500 { NOW_MS - n as u64 } else { THIS_HOUR - n as u64 });
    let answer = stats(&reader, 1);
    assert_eq!((reader.operations.borrow().len(), &answer["complete_since"]), (2, &Value::Null));
    assert_eq!(hours_of(&answer), [(THIS_HOUR, 1500, 0)]);
}

#[test]
fn what_is_no_event_is_not_counted_and_does_not_end_the_count() {
    let reader = reader_of(&[TestEvent::at(NOW_MS), TestEvent::at(NOW_MS - 2)]);
    reader.put(&super::numbered_key(1, NOW_MS - 1), "x", "{}");
    for key in ["", "8", "z"] {
        reader.put(&format!("event/{APP}/{key}"), "x", &TestEvent::at(0).entry().metadata);
    }
    reader.put(&format!("event/1400000001/{}", TestEvent::at(NOW_MS).id()), "x", &TestEvent::at(0).entry().metadata);
    assert_eq!(hours_of(&stats(&reader, 1)), [(THIS_HOUR, 2, 0)]);
}

#[test]
fn an_answer_is_cached_for_a_minute_by_app_and_hours() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let (reader, cache) = (reader_of(&[TestEvent::at(NOW_MS)]), FakeCache::default());
    let asked = |query: &str| {
        reader.take_operations();
        let response = ask(&two, &reader, &cache, NOW_MS, query);
        assert_eq!((response.status, response.content_type), (200, "application/json"));
        (json_of(&response), reader.operations.borrow().len())
    };
    let (first, lists) = asked("app=1400000000");
    assert_eq!(lists, 1);
    reader.put(&TestEvent::at(NOW_MS + 1).entry().key, "{}", &TestEvent::at(0).entry().metadata);
    cache.now.set(59);
    // The same query in another spelling.
    for query in ["app=1400000000", "hours=24&app=1400000000", "app=1400000000&hours=024"] {
        assert_eq!(asked(query), (first.clone(), 0), "{query}");
    }
    for (query, app, hours) in [("app=1400000001", 1_400_000_001, 24), ("app=1400000000&hours=2", 1_400_000_000, 2)] {
        let (answer, lists) = asked(query);
        assert_eq!((&answer["sdk_app_id"], hours_of(&answer).len(), lists), (&json!(app), hours, 1));
    }
    cache.now.set(60);
    let (later, lists) = asked("app=1400000000");
    assert_eq!((lists, hours_of(&later)[23], CACHED_SECONDS), (1, (THIS_HOUR, 2, 0), 60));
}

#[test]
fn a_count_that_failed_or_was_rejected_is_not_cached() {
    let (reader, cache) = (reader_of(&[TestEvent::at(NOW_MS)]), FakeCache::default());
    reader.fails.set(Some("list"));
    is_problem(&ask(&operated(), &reader, &cache, NOW_MS, ""), 503);
    is_problem(&ask(&operated(), &reader, &cache, NOW_MS, "hours=0"), 400);
    assert!(cache.entries.borrow().is_empty());
    reader.fails.set(None);
    assert_eq!(ask(&operated(), &reader, &cache, NOW_MS, "").status, 200);
}
