//! What became of deliveries, gathered in memory until it is written: while an origin is down, an isolate has hundreds of changes a
//! second, and D1 one writer.
//!
//! What was not written when the isolate ends is lost. Only rows are out of date then: the messages are on the queue, or the dead
//! letters in KV.

use std::cell::{Cell, RefCell};

use crate::database::deliveries::DeliveryChange;

/// How long a change waits for others, in ms.
pub const GATHERED_FOR_MS: u64 = 500;

/// How many changes are written at once at most.
pub const WRITTEN_AT_ONCE_MAX: usize = 250;

/// How many changes wait at most while D1 fails. Beyond these, the latest are dropped.
const WAITING_MAX: usize = 1_000;

/// The changes that an isolate has gathered.
#[derive(Debug, Default)]
pub struct Gathered {
    waiting: RefCell<Vec<DeliveryChange>>,
    /// When they are to be written, in Unix ms, by the call that was told to.
    planned_at: Cell<Option<u64>>,
}

impl Gathered {
    /// Adds a change at `now_ms` (Unix ms). After how many ms the caller has to [`take`](Self::take) them all and write them; `None`
    /// if another call will.
    pub fn add(&self, change: DeliveryChange, now_ms: u64) -> Option<u64> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() < WAITING_MAX {
            waiting.push(change);
            if waiting.len().is_multiple_of(WRITTEN_AT_ONCE_MAX) {
                return Some(0);
            }
        }
        // One that should have written by now was ended before it could.
        let is_planned = self.planned_at.get().is_some_and(|at| now_ms <= at);
        if is_planned {
            return None;
        }
        self.planned_at.set(Some(now_ms.saturating_add(GATHERED_FOR_MS)));
        Some(GATHERED_FOR_MS)
    }

    /// Takes the oldest changes, at most [`WRITTEN_AT_ONCE_MAX`].
    pub fn take(&self) -> Vec<DeliveryChange> {
        self.planned_at.set(None);
        let mut waiting = self.waiting.borrow_mut();
        let count = waiting.len().min(WRITTEN_AT_ONCE_MAX);
        waiting.drain(..count).collect()
    }

    /// Puts back what D1 did not take, to be written with the next.
    pub fn put_back(&self, mut changes: Vec<DeliveryChange>) {
        let mut waiting = self.waiting.borrow_mut();
        changes.append(&mut waiting);
        changes.truncate(WAITING_MAX);
        *waiting = changes;
    }
}
