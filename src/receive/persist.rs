//! How an event becomes durable within the time that Tencent gives us: up to three attempts and one deadline.
//!
//! What KV or D1 does not take goes onto the queue, to be stored later. What the queue does not take of the deliveries is
//! written to KV as a dead letter, to be replayed.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::deadline::Deadline;
use crate::storage::{Attempt, AttemptError, Clock, SAME_KEY_PAUSE_MS};

/// When every call has to be answered, in ms from its arrival. Tencent waits 2 s, and that includes the way
/// to us and back.
pub const ANSWER_WITHIN_MS: u64 = 1500;

/// When an attempt that has not finished gets a second one beside it, in ms. A put takes tens of ms.
pub const SECOND_AFTER_MS: u64 = 600;

/// When the fallback is tried, in ms, if neither attempt has finished by then.
pub const FALLBACK_AFTER_MS: u64 = 1000;

/// How much time, in ms, an attempt that is not begun at once has at least.
const ATTEMPT_TAKES_MS: u64 = 250;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persisted {
    /// The sink has it.
    Stored,
    /// The fallback has it: the sink is still to get it.
    FellBack,
    /// No attempt succeeded.
    Failed,
    /// No attempt has finished in time. They may store an event that was not acknowledged, never the other way round.
    Late,
}

/// Has one sink take an event before `deadline`. `begin` begins an attempt; one that failed, or has not finished
/// after [`SECOND_AFTER_MS`], gets a second one beside it. If both have failed, or have not finished after
/// [`FALLBACK_AFTER_MS`], `fall_back`, if there is one, begins an attempt to leave the event elsewhere. The
/// first to succeed settles it.
///
/// If a second attempt is pointless, there is none. If the sink asks for a pause, the second attempt waits for its end,
/// and the fallback for the second attempt: until it failed, or there is just time enough left for the fallback.
///
/// Attempts that are still under way then go on: run them to their end after the response.
pub async fn persist(
    deadline: &Deadline<'_, impl Clock>,
    begin: &dyn Fn() -> Attempt,
    fall_back: Option<&dyn Fn() -> Attempt>,
) -> (Persisted, Attempts) {
    // All times are points of the deadline's span; `after` and `in_time` take ms from `begun`.
    let (begun, end) = (deadline.passed(), deadline.end());
    let after = |ms: u64| begun.saturating_add(ms).min(end);
    // The same for what comes so late that it needs time to count.
    let in_time = |ms: u64| after(ms).min(end.saturating_sub(ATTEMPT_TAKES_MS));

    let mut attempts = Attempts::default();
    attempts.add(StoredBy::Sink, begin());
    let (mut second, mut fall_back) = (Some(begin), fall_back);
    let (second_at, mut fall_back_at) = (after(SECOND_AFTER_MS), in_time(FALLBACK_AFTER_MS));
    loop {
        let until = match (second, fall_back) {
            (Some(_), Some(_)) => second_at.min(fall_back_at),
            (Some(_), None) => second_at,
            (None, Some(_)) => fall_back_at,
            (None, None) => end,
        };
        let settled = deadline.run_until(until, &mut attempts).await;
        match settled {
            Some(Ok(StoredBy::Sink)) => return (Persisted::Stored, attempts),
            Some(Ok(StoredBy::Fallback)) => return (Persisted::FellBack, attempts),
            // A second attempt at once would fail in the same way.
            Some(Err(AttemptError::TooManyRequests)) if second.is_some() => {
                deadline.sleep_until(in_time(SAME_KEY_PAUSE_MS)).await;
                fall_back_at = in_time(ANSWER_WITHIN_MS);
            }
            Some(Err(AttemptError::Unavailable)) => second = None,
            Some(Err(_)) | None => {}
        }
        let (all_failed, now) = (settled.is_some(), deadline.passed());
        if now >= end {
            return (if all_failed { Persisted::Failed } else { Persisted::Late }, attempts);
        }
        if let Some(begin) = second.take_if(|_| all_failed || now >= second_at) {
            attempts.add(StoredBy::Sink, begin());
        } else if let Some(fall_back) = fall_back.take_if(|_| all_failed || now >= fall_back_at) {
            attempts.add(StoredBy::Fallback, fall_back());
        } else if all_failed {
            return (Persisted::Failed, attempts);
        }
    }
}

/// What an attempt leaves an event with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredBy {
    Sink,
    /// What stands in for it.
    Fallback,
}

/// Concurrent attempts: done as soon as one has succeeded or all have failed.
#[derive(Default)]
pub struct Attempts {
    under_way: Vec<(StoredBy, Attempt)>,
}

impl Attempts {
    /// A single one.
    #[must_use]
    pub fn of(attempt: Attempt) -> Self {
        Self { under_way: vec![(StoredBy::Sink, attempt)] }
    }

    /// Whether none is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Adds one that has begun.
    fn add(&mut self, stored_by: StoredBy, attempt: Attempt) {
        self.under_way.push((stored_by, attempt));
    }
}

impl Future for Attempts {
    type Output = Result<StoredBy, AttemptError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut taken = None;
        let mut failure = AttemptError::Failed;
        self.under_way.retain_mut(|(stored_by, attempt)| match attempt.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => {
                // The fallback is added last, so that the sink counts if both have it.
                taken = taken.or(Some(*stored_by));
                false
            }
            Poll::Ready(Err(error)) => {
                failure = error;
                false
            }
        });
        match (taken, self.under_way.is_empty()) {
            (Some(stored_by), _) => Poll::Ready(Ok(stored_by)),
            (None, true) => Poll::Ready(Err(failure)),
            (None, false) => Poll::Pending,
        }
    }
}
