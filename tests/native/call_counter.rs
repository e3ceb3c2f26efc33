//! Calls are counted in memory: when the counts are written, and that none is lost or counted twice on the way.

use proptest::prelude::*;
use serde_json::Value;
use unfollow_webhook::{
    database::{Parameter, call_counts::CallOutcome},
    plan::Plan,
    receive::{
        call_counter::{CallCounter, CallKind, HourOfCalls, INTERVAL_MAX_MS, INTERVAL_MIN_MS},
        rejection::Rejection,
    },
};

use crate::samples::{NOW_MS, app};

fn kind(reason: &'static str) -> CallKind {
    CallKind { app: Some(app()), outcome: CallOutcome::Rejected, reason }
}

/// How many calls there are in what was taken.
fn sum(hours: &[HourOfCalls]) -> u64 {
    let rows = |hour: &HourOfCalls| -> Vec<Value> {
        let [Parameter::Text(rows), ..] = &hour.statement(Plan::Free).parameters[..] else { panic!("{hour:?}") };
        serde_json::from_str(rows).unwrap()
    };
    hours.iter().flat_map(rows).map(|row| row[4].as_u64().unwrap()).sum()
}

/// One isolate, whose writes run when they are due. The times of its writes, and what they have written.
fn written(calls: &[(CallKind, u64)]) -> Vec<(u64, u64)> {
    let counter = CallCounter::default();
    let (mut writes, mut planned) = (Vec::new(), Vec::new());
    let mut run = |planned: &mut Vec<u64>, until: u64, counter: &CallCounter| {
        planned.sort_unstable();
        while planned.first().is_some_and(|at| *at <= until) {
            let at = planned.remove(0);
            let taken = sum(&counter.take(at));
            if taken > 0 {
                writes.push((at, taken));
            }
        }
    };
    for (kind, at) in calls {
        run(&mut planned, at - 1, &counter);
        planned.extend(counter.count(*kind, *at).map(|wait| at + wait));
        run(&mut planned, *at, &counter);
    }
    run(&mut planned, u64::MAX, &counter);
    writes
}

#[test]
fn the_first_of_a_kind_is_written_at_once() {
    let counter = CallCounter::default();
    assert_eq!(counter.count(kind("a"), NOW_MS), Some(0));
    assert_eq!(sum(&counter.take(NOW_MS)), 1);
    assert_eq!(counter.count(kind("b"), NOW_MS + 1), Some(0));
    assert_eq!(sum(&counter.take(NOW_MS + 1)), 1);
    let other = CallKind { app: None, ..kind("a") };
    assert_eq!(counter.count(other, NOW_MS + 2), Some(0));
}

/// The calls of a burst are all written, although none follows.
#[test]
fn the_rest_of_a_burst_is_written_after_ten_seconds() {
    let calls: Vec<_> = (0..300).map(|n| (kind("a"), NOW_MS + n)).collect();
    assert_eq!(written(&calls), [(NOW_MS, 1), (NOW_MS + INTERVAL_MIN_MS, 299)]);
}

#[test]
fn waits_double_up_to_five_minutes() {
    let calls: Vec<_> = (0..3_600).map(|n| (kind("a"), NOW_MS + n * 1000)).collect();
    let writes = written(&calls);
    let waits: Vec<_> = writes.windows(2).map(|pair| (pair[1].0 - pair[0].0) / 1000).collect();
    assert_eq!(waits[..7], [10, 20, 40, 80, 160, 300, 300]);
    assert!(waits.iter().all(|wait| *wait <= INTERVAL_MAX_MS / 1000));
    assert!(writes.len() < 20, "{writes:?}");
}

/// A planned write that never ran, as its call was broken off, does not hold up the others.
#[test]
fn a_planned_write_that_is_lost_is_made_up_for() {
    let counter = CallCounter::default();
    counter.count(kind("a"), NOW_MS);
    counter.take(NOW_MS);
    assert_eq!(counter.count(kind("a"), NOW_MS + 1), Some(INTERVAL_MIN_MS - 1));
    assert_eq!(counter.count(kind("a"), NOW_MS + 2), None);
    assert_eq!(counter.count(kind("a"), NOW_MS + INTERVAL_MIN_MS + 1), Some(0));
    assert_eq!(sum(&counter.take(NOW_MS + INTERVAL_MIN_MS + 1)), 3);
}

#[test]
fn after_a_pause_the_waits_begin_again() {
    let mut calls: Vec<_> = (0..2_000).map(|n| (kind("a"), NOW_MS + n * 1000)).collect();
    let later = NOW_MS + 2_000_000 + 2 * INTERVAL_MAX_MS;
    calls.extend((0..50).map(|n| (kind("a"), later + n)));
    let writes = written(&calls);
    // The first call of the burst brings what was left, and the rest follows soon.
    let [.., (first, _), last] = writes[..] else { panic!("{writes:?}") };
    assert_eq!((first, last), (later, (later + INTERVAL_MIN_MS, 49)));
}

#[test]
fn what_was_not_taken_by_the_database_is_written_with_the_next() {
    let counter = CallCounter::default();
    for n in 0..5 {
        counter.count(kind("a"), NOW_MS + n);
    }
    for hour in counter.take(NOW_MS) {
        counter.put_back(hour);
    }
    counter.count(kind("a"), NOW_MS + 6);
    assert_eq!(sum(&counter.take(NOW_MS + 7)), 6);
    assert!(counter.take(NOW_MS + 8).is_empty());
}

/// A database that is down for days.
#[test]
fn what_waits_is_bounded() {
    let counter = CallCounter::default();
    let reasons: Vec<_> = Rejection::ALL.iter().map(|rejection| rejection.row().name).collect();
    for hour in 0..500 {
        for reason in &reasons {
            counter.count(kind(reason), NOW_MS + hour * 3_600_000);
        }
        for hour in counter.take(NOW_MS + hour * 3_600_000) {
            counter.put_back(hour);
        }
    }
    let waiting = sum(&counter.take(u64::MAX));
    assert!((1_000..1_100).contains(&waiting), "{waiting}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    /// No count is lost while there are calls, and none is written twice.
    #[test]
    fn every_call_is_written_once(pauses in prop::collection::vec((0..4_usize, 0..200_000_u64), 1..200)) {
        let mut at = NOW_MS;
        let calls: Vec<_> = pauses
            .into_iter()
            .map(|(reason, pause)| {
                at += pause;
                (kind(["a", "b", "c", "d"][reason]), at)
            })
            // The last one comes after the longest wait.
            .collect();
        let last = (kind("a"), calls.last().unwrap().1 + INTERVAL_MAX_MS);
        let calls = [calls, vec![last]].concat();
        let total: u64 = written(&calls).iter().map(|(_, count)| count).sum();
        prop_assert_eq!(total, calls.len() as u64);
    }
}
