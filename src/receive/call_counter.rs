//! Counts the calls of this isolate in memory, and says when to write the counts. A flood of calls costs a few rows: what comes
//! between two writes is added up.
//!
//! What was not written when the isolate ends is lost, so a count in the database is a lower bound.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    database::{
        HOUR_MS, Statement,
        call_counts::{self, CallOutcome},
    },
    encoding::to_json,
    plan::Plan,
    webhook::SdkAppId,
};

/// The wait after the first write, in ms; it doubles from write to write, and begins again after a pause of
/// [`INTERVAL_MAX_MS`].
pub const INTERVAL_MIN_MS: u64 = 10_000;

/// The longest wait between two writes, in ms, but for calls of a kind that this isolate has not seen.
pub const INTERVAL_MAX_MS: u64 = 5 * 60 * 1000;

/// How far ahead a write may be planned, in ms. The runtime ends what goes on for 30 s after the response.
const PLANNED_AHEAD_MAX_MS: u64 = 20_000;

/// How many counts wait at most while the database fails.
const WAITING_MAX: usize = 1_000;

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKind {
    /// The app, if it is one of ours.
    pub app: Option<SdkAppId>,
    /// What became of the call.
    pub outcome: CallOutcome,
    /// Why it was rejected; empty if it was not.
    pub reason: &'static str,
}

/// How many calls of one kind there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    count: u64,
    /// When the last one came, in Unix ms.
    last_at: u64,
}

/// Counts of one hour, taken to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourOfCalls {
    hour: u64,
    counts: Vec<(CallKind, Count)>,
}

impl HourOfCalls {
    /// The statement that adds them, within the limits of this plan.
    #[must_use]
    pub fn statement(&self, plan: Plan) -> Statement {
        let row = |(kind, count): &(CallKind, Count)| {
            let app = kind.app.map_or(call_counts::NO_APP, SdkAppId::get);
            (self.hour, app, kind.outcome, kind.reason, count.count, count.last_at)
        };
        let counts = to_json(&self.counts.iter().map(row).collect::<Vec<_>>());
        call_counts::add(self.hour, &counts, plan.call_writes_an_hour())
    }
}

/// The counter of an isolate.
#[derive(Debug, Default)]
pub struct CallCounter {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What waits to be written, by the hour since 1970.
    waiting: BTreeMap<u64, BTreeMap<CallKind, Count>>,
    seen: BTreeSet<CallKind>,
    /// The wait after the next write, in ms; 0 before the first.
    interval: u64,
    /// When the next write is due, in Unix ms.
    due_at: u64,
    /// The write that is planned, in Unix ms.
    planned_at: Option<u64>,
}

impl CallCounter {
    /// Counts a call at `now_ms` (Unix ms). After how many ms to [`take`](Self::take) the counts and write them; `None` if
    /// that is not due yet, or already planned.
    pub fn count(&self, kind: CallKind, now_ms: u64) -> Option<u64> {
        let mut state = self.state.borrow_mut();
        state.add(now_ms / HOUR_MS, kind, Count { count: 1, last_at: now_ms });
        let is_new = state.seen.insert(kind);
        if is_new || now_ms >= state.due_at {
            return Some(0);
        }
        // One that should have run by now has been dropped with its call.
        let is_planned = state.planned_at.is_some_and(|at| now_ms <= at);
        let wait = state.due_at.saturating_sub(now_ms);
        if is_planned || wait > PLANNED_AHEAD_MAX_MS {
            return None;
        }
        state.planned_at = Some(state.due_at);
        Some(wait)
    }

    /// Takes what is to be written at `now_ms` (Unix ms).
    pub fn take(&self, now_ms: u64) -> Vec<HourOfCalls> {
        let mut state = self.state.borrow_mut();
        if now_ms >= state.due_at {
            let was_quiet = now_ms >= state.due_at.saturating_add(INTERVAL_MAX_MS);
            let doubled = if was_quiet { 0 } else { state.interval.saturating_mul(2) };
            state.interval = doubled.clamp(INTERVAL_MIN_MS, INTERVAL_MAX_MS);
            state.due_at = now_ms.saturating_add(state.interval);
            state.planned_at = None;
        }
        let waiting = std::mem::take(&mut state.waiting);
        waiting.into_iter().map(|(hour, counts)| HourOfCalls { hour, counts: counts.into_iter().collect() }).collect()
    }

    /// Puts back what the database did not take, to be written with the next.
    pub fn put_back(&self, HourOfCalls { hour, counts }: HourOfCalls) {
        let mut state = self.state.borrow_mut();
        for (kind, count) in counts {
            if state.waiting.values().map(BTreeMap::len).sum::<usize>() < WAITING_MAX {
                state.add(hour, kind, count);
            }
        }
    }
}

impl State {
    fn add(&mut self, hour: u64, kind: CallKind, more: Count) {
        let counts = self.waiting.entry(hour).or_default();
        let count = counts.entry(kind).or_insert(Count { count: 0, last_at: 0 });
        count.count = count.count.saturating_add(more.count);
        count.last_at = count.last_at.max(more.last_at);
    }
}
