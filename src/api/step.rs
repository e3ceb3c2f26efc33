//! One step of long work, such as an erasure: what one call may do of it, on any plan, before it has to answer.

use std::cell::Cell;

use super::ANSWER_WITHIN_MS;
use crate::{plan::Plan, storage::Clock};

/// After how long a step begins nothing further, in ms: with what is under way then, and with noting how far it came, it ends within
/// the time of an answer. What goes on for longer is cut off.
const STEP_WITHIN_MS: u64 = ANSWER_WITHIN_MS - 2_000;

/// A step, with what is left of it.
pub struct Step<'c, C> {
    clock: &'c C,
    /// When it begins nothing further, in Unix ms.
    ends_at: u64,
    /// How many operations on KV and D1 are left. Each statement of a D1 batch counts as one: Cloudflare limits "queries".
    operations: Cell<usize>,
}

impl<'c, C: Clock> Step<'c, C> {
    /// One that begins now, and leaves so many operations of an invocation to what is `reserved` for before and after it.
    pub fn begin(clock: &'c C, plan: Plan, reserved: usize) -> Self {
        let operations = plan.limits().operations.saturating_sub(reserved);
        let ends_at = clock.now_ms().saturating_add(STEP_WITHIN_MS);
        Self { clock, ends_at, operations: Cell::new(operations) }
    }

    /// How many operations are left.
    pub fn left(&self) -> usize {
        self.operations.get()
    }

    /// Takes so many operations, if they are left. Whether they were.
    pub fn spend(&self, operations: usize) -> bool {
        let left = self.left().checked_sub(operations);
        self.operations.set(left.unwrap_or(self.left()));
        left.is_some()
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.clock.now_ms() >= self.ends_at
    }

    /// Takes so many operations, if they are left and the time is not over. Whether they may begin.
    pub fn may_begin(&self, operations: usize) -> bool {
        !self.is_over() && self.spend(operations)
    }
}
