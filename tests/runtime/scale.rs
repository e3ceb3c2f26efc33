//! What a call of the API costs in a log of any length. KV operations are counted; time is not measured.

use std::sync::OnceLock;

use serde_json::{Value, json};
use unfollow_webhook::{
    api::{events, range, stats},
    event::Entry,
};

use crate::{
    ADMIN_TOKEN,
    call::{UNFOLLOW, now_ms, unfollow, unsigned},
    counted::{self, Counted, id, names},
};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Three apps, and how many events are in their logs, which span the same 30 days.
const LOGS: [(&str, usize); 3] = [("1400000200", 200), ("1400002000", 2000), ("1400020000", 20_000)];

/// The longest log.
const LONG: (&str, usize) = LOGS[2];

/// How many of a log's events are in the three hours in its middle, one every three minutes, whatever its length.
const AMID: usize = 60;

struct Logs {
    worker: Counted,
    middle: u64,
    /// Of each app, newest first.
    entries: [Vec<Entry>; 3],
}

fn logs() -> &'static Logs {
    static SHARED: OnceLock<Logs> = OnceLock::new();
    SHARED.get_or_init(|| {
        let newest = now_ms();
        let middle = newest - 15 * DAY_MS;
        let entries = LOGS.map(|(app, events)| {
            let times = times(newest, middle, events);
            let entry = |time| {
                let body = unfollow(&format!("user-{}", time % 100), &["bob"], time);
                counted::stored(app, &unsigned(app, UNFOLLOW), &body, time)
            };
            times.into_iter().map(entry).collect()
        });
        let settings = [
            ("SDK_APP_IDS", "1400000200, 1400002000, 1400020000"),
            ("ALLOW_UNSIGNED", "true"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ];
        Logs {
            worker: Counted::start(&settings, &entries.iter().flatten().cloned().collect::<Vec<_>>()),
            middle,
            entries,
        }
    })
}

/// The times of as many events, newest first: evenly over the 30 days up to `newest`, but for the hours in the middle.
fn times(newest: u64, middle: u64, events: usize) -> Vec<u64> {
    let amid = AMID as u64 * 3 * MINUTE_MS;
    let (begin, end) = (middle - amid / 2, middle + amid / 2);
    let spread = |newest: u64, oldest: u64, events: usize| {
        (0..events as u64).map(move |at| newest - at * (newest - oldest) / events as u64)
    };
    let around = (events - AMID) / 2;
    let newer = spread(newest, end, around);
    let older = spread(begin - 1, newest - 30 * DAY_MS, around);
    newer.chain(spread(end, begin, AMID)).chain(older).collect()
}

fn get(path: &str) -> (Value, Vec<Value>) {
    let (answer, operations) = logs().worker.api("GET", path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    (answer.body, operations)
}

fn ids(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect()
}

/// How many keys were listed in all.
fn keys(operations: &[Value]) -> u64 {
    operations.iter().map(|operation| operation["keys"].as_u64().unwrap()).sum()
}

#[test]
fn a_page_costs_one_list_whatever_the_length_of_the_log() {
    for ((app, _), entries) in LOGS.iter().zip(&logs().entries) {
        let (page, operations) = get(&format!("events?app={app}&limit=100"));
        let list = json!({"operation": "list", "prefix": format!("event/{app}/"), "limit": 100, "keys": 100});
        assert_eq!(operations, [list]);
        let newest: Vec<_> = entries[..100].iter().map(id).collect();
        assert_eq!(ids(&page), newest);
        // And so does the next one.
        let cursor = page["cursor"].as_str().unwrap();
        let (page, operations) = get(&format!("events?app={app}&limit=100&cursor={cursor}"));
        assert_eq!((names(&operations), keys(&operations), ids(&page).len()), (vec!["list"], 100, 100));
    }
}

#[test]
fn a_range_in_the_middle_costs_the_same_whatever_the_length_of_the_log() {
    let middle = logs().middle;
    let (since, until) = (middle - HOUR_MS / 2, middle + HOUR_MS / 2);
    // What is listed, without the app in the prefix.
    let costs: Vec<_> = LOGS
        .iter()
        .zip(&logs().entries)
        .map(|((app, _), entries)| {
            let (page, mut operations) = get(&format!("events?app={app}&since={since}&until={until}"));
            let amid = entries.iter().filter(|entry| (since..=until).contains(&time(entry)));
            assert_eq!((ids(&page), &page["cursor"]), (amid.map(id).collect(), &Value::Null));
            assert!(ids(&page).len() >= 20);
            assert!(names(&operations).iter().all(|name| *name == "list"));
            assert!(operations.len() <= range::PLACES_MAX && keys(&operations) <= AMID as u64, "{operations:?}");
            for operation in &mut operations {
                let prefix = operation["prefix"].as_str().unwrap().strip_prefix(&format!("event/{app}/")).unwrap();
                operation["prefix"] = prefix.into();
            }
            operations
        })
        .collect();
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:#?}");
}

#[test]
fn a_page_from_a_day_on_does_not_read_what_is_newer() {
    let middle = logs().middle;
    let costs: Vec<_> = LOGS
        .iter()
        .zip(&logs().entries)
        .map(|((app, events), entries)| {
            let (page, operations) = get(&format!("events?app={app}&until={middle}&limit=100"));
            let older: Vec<_> = entries.iter().filter(|entry| time(entry) <= middle).take(100).map(id).collect();
            // A short log ends before a page is full.
            assert_eq!(ids(&page), older);
            // The first prefix spans 10^8 ms: no other events that are newer are read in vain.
            let in_vain = *events as u64 * 100_000_000 / (30 * DAY_MS) + AMID as u64;
            assert!(operations[0]["keys"].as_u64().unwrap() <= in_vain + 100, "{operations:?}");
            assert!(operations.len() <= events::LISTS_MAX, "{operations:?}");
            operations.len()
        })
        .collect();
    // The longer a log, the sooner the page is full.
    assert!(costs.is_sorted_by(|shorter, longer| shorter >= longer), "{costs:?}");
}

#[test]
fn a_filter_that_finds_nothing_costs_five_full_lists_a_page() {
    let (app, events) = LONG;
    let (mut calls, mut read, mut cursor) = (0, 0, String::new());
    loop {
        let (page, operations) = get(&format!("events?app={app}&kind=follow&cursor={cursor}"));
        assert_eq!(ids(&page).len(), 0);
        assert!(operations.len() <= events::KEYS_ENOUGH / 1000, "{operations:?}");
        (calls, read) = (calls + 1, read + keys(&operations));
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!((calls, read), (4, events as u64));
}

#[test]
fn the_whole_log_is_walked_with_a_list_for_each_thousand() {
    let (app, events) = LONG;
    let (mut seen, mut lists, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let (page, operations) = get(&format!("events?app={app}&limit=1000&cursor={cursor}"));
        assert_eq!(names(&operations), ["list"]);
        lists += 1;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert!((20..=21).contains(&lists), "{lists}");
    let wanted: Vec<_> = logs().entries[2].iter().map(id).collect();
    assert_eq!((seen.len(), wanted.len()), (events, events));
    // Each once, newest first.
    assert!(seen == wanted && seen.is_sorted_by(|newer, older| newer < older));
}

#[test]
fn counts_cost_a_list_for_each_thousand_events_that_are_counted() {
    for ((app, _), entries) in LOGS.iter().zip(&logs().entries) {
        for hours in [24, 168] {
            let path = format!("stats?app={app}&hours={hours}");
            let (counts, operations) = get(&path);
            let start = counts["hours"][0]["start"].as_u64().unwrap();
            let counted = entries.iter().filter(|entry| time(entry) >= start).count();
            let sum: u64 =
                counts["hours"].as_array().unwrap().iter().map(|hour| hour["unfollows"].as_u64().unwrap()).sum();
            assert_eq!((sum, &counts["complete_since"]), (counted as u64, &Value::Null), "{path}");
            assert!(names(&operations).iter().all(|name| *name == "list"), "{operations:?}");
            assert_eq!(operations.len(), counted / 1000 + 1, "{path}");
            assert!(operations.len() <= stats::LISTS_MAX);
            // The second time they are cached.
            assert_eq!(get(&path), (counts, Vec::new()));
        }
    }
}

/// When an entry's event happened, in Unix ms.
fn time(entry: &Entry) -> u64 {
    9_999_999_999_999 - id(entry)[..13].parse::<u64>().unwrap()
}
