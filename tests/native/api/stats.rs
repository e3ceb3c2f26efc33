//! Counts per hour, held against a plain count.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::{
        Api, ApiRequest,
        stats::{CACHED_SECONDS, LISTS_MAX},
    },
    config::Config,
    reply::Reply,
    webhook::command::Kind,
};

use super::{
    ADMIN, FakeCache, FakeQueue, FakeShelf, Told, is_problem, json_of, long_log, operated, request, shelf_of, told,
};
use crate::{
    fakes::paused,
    samples::{APP, NOW_MS, TOKEN, config},
};

const HOUR_MS: u64 = 3_600_000;

/// When the hour of [`NOW_MS`] begins.
const THIS_HOUR: u64 = 1_702_018_800_000 - HOUR_MS;

fn ask(config: &Config, shelf: &FakeShelf, cache: &FakeCache, now_ms: u64, query: &str) -> Reply {
    let api = Api { config, shelf, queue: None::<&FakeQueue>, cache, now_ms };
    paused(api.answer(ApiRequest { query, ..request("GET", "/v1/stats") }))
}

/// The answer of now, without a cache.
fn stats(shelf: &FakeShelf, hours: u64) -> Value {
    let reply = ask(&operated(), shelf, &FakeCache::default(), NOW_MS, &format!("hours={hours}"));
    assert_eq!((reply.status, reply.content_type), (200, "application/json"), "{reply:?}");
    json_of(&reply)
}

/// A plain count of what happened from `since` on in each of these hours, the oldest first.
fn counted<'a>(events: impl IntoIterator<Item = &'a Told>, hours: u64, since: u64) -> Vec<(u64, u64, u64)> {
    // What has the same id is the same event.
    let events: BTreeMap<_, _> = events.into_iter().map(|it| (it.id(), it)).collect();
    let hour = |start| {
        let within = |it: &&&Told| (start..start + HOUR_MS).contains(&it.time) && it.time >= since;
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
fn recent() -> impl Strategy<Value = Told> {
    let time = prop_oneof![
        3 => NOW_MS - 5 * HOUR_MS..NOW_MS + 2 * HOUR_MS,
        1 => NOW_MS - 200 * HOUR_MS..NOW_MS,
        // Around the full hours.
        2 => (0..30_u64, 0..3_u64).prop_map(|(back, by)| THIS_HOUR + HOUR_MS - back * HOUR_MS + by - 1),
    ];
    prop_oneof![9 => (told(), time).prop_map(|(told, time)| Told { time, ..told }), 1 => told()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_a_plain_count(
        events in vec(recent(), 0..60),
        hours in prop_oneof![1..=30_u64, Just(168)],
        most in prop_oneof![Just(1000_usize), 1..10_usize],
        dangles in any::<bool>(),
    ) {
        let shelf = shelf_of(&events);
        shelf.most.set(most);
        shelf.dangles.set(dangles);
        let answer = stats(&shelf, hours);
        let deeds = shelf.deeds.borrow();
        prop_assert!(deeds.len() <= 20 && deeds.iter().all(|deed| *deed == format!("list event/{APP}/")), "{:?}", deeds);
        prop_assert_eq!(&answer["sdk_app_id"], 1_400_000_000);
        let (read, all) = (hours_of(&answer), counted(&events, hours, 0));
        let Some(since) = answer["complete_since"].as_u64() else {
            prop_assert_eq!(read, all);
            return Ok(());
        };
        // It was cut for a reason, and from there on every count is exact.
        prop_assert!(deeds.len() == 20 && most < 10);
        let complete = counted(&events, hours, since);
        for ((read, all), complete) in read.iter().zip(&all).zip(&complete) {
            prop_assert!(complete.1 <= read.1 && read.1 <= all.1 && complete.2 <= read.2 && read.2 <= all.2);
            prop_assert!(read.0 < since || read == all, "{:?} {:?} {}", read, all, since);
        }
        // It is as early as can be told: just after the oldest event that was read.
        let mut ids: Vec<_> = events.iter().map(|it| (it.id(), it.time)).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(since, ids[20 * most - 1].1 + 1);
    }
}

#[test]
fn an_hour_begins_with_its_first_ms_and_ends_with_its_last() {
    assert_eq!((THIS_HOUR % HOUR_MS, NOW_MS / HOUR_MS), (0, THIS_HOUR / HOUR_MS));
    let follow = |time, targets: &[&str]| Told {
        kind: Kind::Follow,
        to: targets.iter().map(|&it| it.to_owned()).collect(),
        ..Told::at(time)
    };
    let shelf = shelf_of(&[
        // Not begun, or over.
        Told::at(THIS_HOUR + HOUR_MS),
        Told::at(THIS_HOUR - 2 * HOUR_MS - 1),
        // Later than now, and of this hour.
        Told::at(THIS_HOUR + HOUR_MS - 1),
        Told::at(THIS_HOUR),
        follow(THIS_HOUR, &["b", "c", "d"]),
        Told::at(THIS_HOUR - 1),
        Told::at(THIS_HOUR - HOUR_MS),
        follow(THIS_HOUR - 2 * HOUR_MS, &["b"]),
    ]);
    let expected = json!({ "sdk_app_id": 1_400_000_000, "hours": [
        { "start": THIS_HOUR - 2 * HOUR_MS, "unfollows": 0, "follows": 1 },
        { "start": THIS_HOUR - HOUR_MS, "unfollows": 2, "follows": 0 },
        { "start": THIS_HOUR, "unfollows": 2, "follows": 3 },
    ], "complete_since": null });
    assert_eq!(stats(&shelf, 3), expected);
    // A day where nobody says.
    let day = json_of(&ask(&operated(), &shelf, &FakeCache::default(), NOW_MS, ""));
    assert_eq!(hours_of(&day).len(), 24);
}

#[test]
fn all_targets_of_a_list_that_was_cut_are_counted() {
    let many = Told { to: (0..300).map(|n| format!("user{n}")).collect(), ..Told::at(NOW_MS) };
    assert!(many.is_cut());
    assert_eq!(hours_of(&stats(&shelf_of(&[many]), 1)), [(THIS_HOUR, 300, 0)]);
}

#[test]
fn a_log_of_more_than_twenty_lists_is_counted_as_far_as_they_go() {
    // Ten in a ms.
    let shelf = long_log(20_001, |n| NOW_MS - n as u64 / 10);
    let answer = stats(&shelf, 24);
    assert_eq!((shelf.take_deeds().len(), LISTS_MAX), (20, 20));
    assert_eq!(answer["complete_since"], NOW_MS - 1999 + 1);
    assert_eq!(hours_of(&answer)[23], (THIS_HOUR, 20_000, 0));
    // One that ends with the last list is complete, and so is one that goes on before the first hour.
    let shelf = long_log(2000, |n| NOW_MS - n as u64);
    shelf.most.set(100);
    assert_eq!((&stats(&shelf, 24)["complete_since"], shelf.take_deeds().len()), (&Value::Null, 20));
    let shelf = long_log(4000, |n| if n < 1500 { NOW_MS - n as u64 } else { THIS_HOUR - n as u64 });
    let answer = stats(&shelf, 1);
    assert_eq!((shelf.deeds.borrow().len(), &answer["complete_since"]), (2, &Value::Null));
    assert_eq!(hours_of(&answer), [(THIS_HOUR, 1500, 0)]);
}

#[test]
fn what_is_no_event_is_not_counted_and_does_not_end_the_count() {
    let shelf = shelf_of(&[Told::at(NOW_MS), Told::at(NOW_MS - 2)]);
    shelf.put(&super::numbered_key(1, NOW_MS - 1), "x", "{}");
    for key in ["", "8", "z"] {
        shelf.put(&format!("event/{APP}/{key}"), "x", &Told::at(0).entry().metadata);
    }
    shelf.put(&format!("event/1400000001/{}", Told::at(NOW_MS).id()), "x", &Told::at(0).entry().metadata);
    assert_eq!(hours_of(&stats(&shelf, 1)), [(THIS_HOUR, 2, 0)]);
}

#[test]
fn an_answer_is_kept_for_a_minute_by_app_and_hours() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let (shelf, cache) = (shelf_of(&[Told::at(NOW_MS)]), FakeCache::default());
    let asked = |query: &str| {
        shelf.take_deeds();
        let reply = ask(&two, &shelf, &cache, NOW_MS, query);
        assert_eq!((reply.status, reply.content_type), (200, "application/json"));
        (json_of(&reply), shelf.deeds.borrow().len())
    };
    let (first, lists) = asked("app=1400000000");
    assert_eq!(lists, 1);
    shelf.put(&Told::at(NOW_MS + 1).entry().key, "{}", &Told::at(0).entry().metadata);
    cache.now.set(59);
    // The same question in other words.
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
fn nothing_is_kept_of_a_count_that_failed_or_was_refused() {
    let (shelf, cache) = (shelf_of(&[Told::at(NOW_MS)]), FakeCache::default());
    shelf.fails.set(Some("list"));
    is_problem(&ask(&operated(), &shelf, &cache, NOW_MS, ""), 503);
    is_problem(&ask(&operated(), &shelf, &cache, NOW_MS, "hours=0"), 400);
    assert!(cache.kept.borrow().is_empty());
    shelf.fails.set(None);
    assert_eq!(ask(&operated(), &shelf, &cache, NOW_MS, "").status, 200);
}
