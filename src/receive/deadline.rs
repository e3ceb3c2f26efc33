//! The time that a call has. It is counted by the clock, and by what was waited out: the clock may be set back meanwhile,
//! and the sender does not wait longer for that.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    task::{Context, Poll, ready},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::persist::SECOND_AFTER_MS;
use crate::storage::Clock;

/// A span of time that has begun. All who wait for it are parts of one task, because it has one timer, which wakes that task.
pub struct Deadline<'a, C> {
    clock: &'a C,
    begun: u64,
    span: u64,
    /// How many ms have passed at least.
    passed: Cell<u64>,
    /// The timer that runs.
    alarm: RefCell<Option<Alarm<'a>>>,
}

/// A timer that all share who wait for one: most calls are answered before it rings.
struct Alarm<'a> {
    /// How many ms of the span have passed when it rings.
    at: u64,
    ringing: LocalBoxFuture<'a, ()>,
}

impl<'a, C: Clock> Deadline<'a, C> {
    /// One that is `span` ms from now.
    pub fn after(clock: &'a C, span: u64) -> Self {
        Self { clock, begun: clock.now_ms(), span, passed: Cell::new(0), alarm: RefCell::default() }
    }

    /// When the span began, in Unix ms.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// How many ms have passed. Never fewer than before.
    #[inline(never)]
    pub fn passed(&self) -> u64 {
        self.count(self.clock.now_ms().saturating_sub(self.begun))
    }

    /// How many ms are left.
    pub fn left(&self) -> u64 {
        self.span.saturating_sub(self.passed())
    }

    /// How many ms have passed when the span ends.
    pub fn end(&self) -> u64 {
        self.span
    }

    /// Runs `future` until `until` ms of the span have passed; `None` if they pass first.
    pub async fn run_until<F: Future + Unpin>(&self, until: u64, mut future: F) -> Option<F::Output> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = future.poll_unpin(cx) {
                    return Poll::Ready(Some(output));
                }
                if self.passed.get() >= until {
                    return Poll::Ready(None);
                }
                ready!(self.poll_alarm(until, cx));
            }
        })
        .await
    }

    /// Waits for a timer that rings at `until` (ms of the span) or before. A new one rings no later than when a second attempt may be
    /// due, so that whoever waits for that later has no need of another.
    #[inline(never)]
    fn poll_alarm(&self, until: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.borrow_mut();
        // While the timer runs, the clock is not asked: it may have been set forward, and then who is woken would be out of time before
        // what it waits for has had any.
        if alarm.as_ref().is_none_or(|alarm| alarm.at <= self.passed.get() || until < alarm.at) {
            let passed = self.passed();
            if passed >= until {
                return Poll::Ready(());
            }
            let ms = until.saturating_sub(passed).min(SECOND_AFTER_MS);
            let clock = self.clock;
            *alarm = Some(Alarm {
                at: passed.saturating_add(ms),
                ringing: async move { clock.sleep(ms).await }.boxed_local(),
            });
        }
        if let Some(Alarm { at, ringing }) = alarm.as_mut() {
            ready!(ringing.poll_unpin(cx));
            self.count(*at);
            *alarm = None;
        }
        Poll::Ready(())
    }

    /// Waits until `until` ms of the span have passed.
    pub async fn sleep_until(&self, until: u64) {
        self.clock.sleep(until.saturating_sub(self.passed())).await;
        self.count(until);
    }

    /// Takes it that `ms` ms have passed, if that is more than was known, and gives how many have.
    fn count(&self, ms: u64) -> u64 {
        let passed = self.passed.get().max(ms);
        self.passed.set(passed);
        passed
    }
}
