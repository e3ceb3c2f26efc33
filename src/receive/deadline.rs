//! The time that a call has. It is counted by the clock, and by what was waited out: the clock may be set back meanwhile,
//! and the sender does not wait longer for that.

use std::{cell::Cell, future::Future};

use crate::storage::{Clock, within};

/// A span of time that has begun.
pub struct Deadline<'a, C> {
    clock: &'a C,
    begun: u64,
    span: u64,
    /// How many ms have passed at least.
    passed: Cell<u64>,
}

impl<'a, C: Clock> Deadline<'a, C> {
    /// One that is `span` ms from now.
    pub fn after(clock: &'a C, span: u64) -> Self {
        Self { clock, begun: clock.now_ms(), span, passed: Cell::new(0) }
    }

    /// When the span began, in Unix ms.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// How many ms have passed. Never fewer than before.
    pub fn passed(&self) -> u64 {
        self.count(self.clock.now_ms().saturating_sub(self.begun))
    }

    /// How many ms are left.
    pub fn left(&self) -> u64 {
        self.span.saturating_sub(self.passed())
    }

    /// Runs `future` for at most `ms` ms; `None` when the time is up first.
    pub async fn within<F: Future + Unpin>(&self, ms: u64, future: F) -> Option<F::Output> {
        let until = self.passed().saturating_add(ms);
        let output = within(self.clock, ms, future).await;
        if output.is_none() {
            self.count(until);
        }
        output
    }

    /// Waits for `ms` ms.
    pub async fn sleep(&self, ms: u64) {
        let until = self.passed().saturating_add(ms);
        self.clock.sleep(ms).await;
        self.count(until);
    }

    /// Takes it that `ms` ms have passed, if that is more than was known, and gives how many have.
    fn count(&self, ms: u64) -> u64 {
        let passed = self.passed.get().max(ms);
        self.passed.set(passed);
        passed
    }
}
