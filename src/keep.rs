//! How an event gets into the store within the time that Tencent gives us: two attempts and one deadline.
//!
//! The store and the clock are traits, so that every failure and every delay can be tested without a runtime.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_util::future::{Either, select};

use crate::event::Entry;

/// When every call has to be answered, in ms from its arrival. Tencent waits 2 s, and that includes the way
/// to us and back.
pub const ANSWER_WITHIN_MS: u64 = 1500;

/// When a put that has not answered gets a second one beside it, in ms. A put takes tens of ms.
pub const SECOND_PUT_AFTER_MS: u64 = 600;

/// How much time, in ms, is left to a put that is not begun at once.
const PUT_TAKES_MS: u64 = 250;

/// How long KV refuses a second write to the same key, in ms.
pub const SAME_KEY_PAUSE_MS: u64 = 1000;

/// Why a put failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutError {
    /// The store asks for a pause: the key was written less than a second ago.
    TooManyRequests,
    /// Anything else.
    Failed,
}

/// A put under way. It holds all that it needs, so that it can go on after the answer.
pub type Put = Pin<Box<dyn Future<Output = Result<(), PutError>>>>;

/// Where events are kept.
pub trait Store {
    /// Begins to put `entry`. An entry of the same key is overwritten.
    fn put(&self, entry: &Entry) -> Put;
}

/// The time, and waiting.
pub trait Clock {
    /// Now, in Unix ms.
    fn now_ms(&self) -> u64;

    /// Waits for `ms` ms.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
}

/// What became of an event.
pub enum Outcome {
    /// The store has it.
    Kept,
    /// No put succeeded.
    Failed,
    /// No put has answered in time. The puts go on: run them to their end after the answer. They may store
    /// an event that was not acknowledged, never the other way round.
    Late(Puts),
}

/// Runs `future` for at most `ms` ms; `None` when the time is up first.
pub async fn within<F: Future + Unpin>(clock: &impl Clock, ms: u64, future: F) -> Option<F::Output> {
    match select(future, pin!(clock.sleep(ms))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Brings `entry` into the store before `deadline` (Unix ms). A put that failed, or has not answered after
/// [`SECOND_PUT_AFTER_MS`], gets a second one beside it; the first to succeed settles it.
pub async fn keep(store: &impl Store, clock: &impl Clock, entry: &Entry, deadline: u64) -> Outcome {
    let begun = clock.now_ms();
    // The bound holds the call to its time even where the clock was set back.
    let left = || deadline.saturating_sub(clock.now_ms()).min(ANSWER_WITHIN_MS);

    let mut puts = Puts::of(store.put(entry));
    match within(clock, SECOND_PUT_AFTER_MS.min(left()), &mut puts).await {
        Some(Ok(())) => return Outcome::Kept,
        // A second put at once would meet the same answer.
        Some(Err(PutError::TooManyRequests)) => {
            let pause = begun.saturating_add(SAME_KEY_PAUSE_MS).saturating_sub(clock.now_ms());
            clock.sleep(pause.min(left().saturating_sub(PUT_TAKES_MS))).await;
        }
        None if left() == 0 => return Outcome::Late(puts),
        Some(Err(PutError::Failed)) | None => {}
    }
    puts.second = Some(store.put(entry));
    match within(clock, left(), &mut puts).await {
        Some(Ok(())) => Outcome::Kept,
        Some(Err(_)) => Outcome::Failed,
        None => Outcome::Late(puts),
    }
}

/// One put, or two beside each other: done as soon as one has succeeded or all have failed.
pub struct Puts {
    first: Option<Put>,
    second: Option<Put>,
}

impl Puts {
    fn of(put: Put) -> Self {
        Self { first: Some(put), second: None }
    }
}

impl Future for Puts {
    type Output = Result<(), PutError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut failure = PutError::Failed;
        for slot in [&mut this.first, &mut this.second] {
            match slot.as_mut().map(|put| put.as_mut().poll(cx)) {
                Some(Poll::Ready(Ok(()))) => {
                    *slot = None;
                    return Poll::Ready(Ok(()));
                }
                Some(Poll::Ready(Err(error))) => {
                    *slot = None;
                    failure = error;
                }
                Some(Poll::Pending) | None => {}
            }
        }
        if this.first.is_none() && this.second.is_none() { Poll::Ready(Err(failure)) } else { Poll::Pending }
    }
}
