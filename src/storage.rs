//! What the rules need of the runtime besides D1 and the origin: KV, a queue and a clock. They are traits, so that every failure
//! and every delay can be tested without a runtime.

use std::{
    cell::Cell,
    future::{Future, poll_fn, ready},
    pin::{Pin, pin},
    task::Poll,
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, maybe_done, select},
    stream,
};
use serde_json::Value;

use crate::event::Entry;

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptError {
    /// KV asks for a pause, because the key was written less than a second ago.
    TooManyRequests,
    /// A second attempt would fail in the same way: D1 is overloaded, a day's limit is reached, or the schema is missing.
    Unavailable,
    /// Anything else.
    Failed,
}

/// An attempt under way. It holds all that it needs, so that it can go on after the response.
pub type Attempt = Pin<Box<dyn Future<Output = Result<(), AttemptError>>>>;

/// How long KV refuses a second write to the same key, in ms.
pub const SAME_KEY_PAUSE_MS: u64 = 1000;

/// Most keys that one list holds. [KV: 1,000]
pub const LIST_MAX: usize = 1000;

/// Most keys that are read by one operation. [KV: 100, of 25 MB together]
pub const GET_MAX: usize = 100;

/// How many operations an invocation has under way at most. Further ones wait for these. [Workers: six connections]
const CONNECTIONS: usize = 6;

/// A key of KV, with its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub key: String,
    /// The metadata; null if there is none.
    pub metadata: Value,
    /// When KV forgets it, in Unix seconds; `None` is never.
    pub expiration: Option<u64>,
}

/// A page of KV's keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The keys, ascending.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// Why KV failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The limit of the day is reached: it fails until midnight UTC.
    DayLimit,
    /// Anything else.
    Failed,
}

/// The store of records and dead letters: KV.
pub trait Kv {
    /// Begins to put `entry`. An entry of the same key is overwritten.
    fn put(&self, entry: &Entry) -> Attempt;

    /// Lists at most `limit` keys (1 to [`LIST_MAX`]) that begin with `prefix`, from `cursor` on.
    fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> impl Future<Output = Result<Page, StoreError>>;

    /// The text stored under `key`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StoreError>>;

    /// The texts stored under these keys, in their order: 1 to [`GET_MAX`] of them, by one operation. KV charges a read for each.
    fn get_all(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Option<String>>, StoreError>>;

    /// Deletes `key`, if it is there.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>>;
}

/// What brings messages to this Worker's consumer, later: a queue.
pub trait Queue {
    /// Begins to send `message`.
    fn send(&self, message: &str) -> Attempt;
}

/// The time, and waiting.
pub trait Clock {
    /// Now, in Unix ms.
    fn now_ms(&self) -> u64;

    /// Waits for `ms` ms.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
}

/// Does something with each item, with as many at once as an invocation has connections, in their order. It begins nothing further
/// once `may_begin` says no, or one has failed. The positions of those that are done, ascending, and the first error.
pub async fn side_by_side<T, E, F: Future<Output = Result<(), E>>>(
    items: impl IntoIterator<Item = T>,
    may_begin: impl Fn() -> bool,
    begin: impl Fn(T) -> F,
) -> (Vec<usize>, Option<E>) {
    let has_failed = Cell::new(false);
    let under_way = stream::iter(items.into_iter().enumerate())
        .take_while(|_| ready(!has_failed.get() && may_begin()))
        .map(|(position, item)| begin(item).map(move |outcome| (position, outcome)))
        .buffer_unordered(CONNECTIONS);
    let (mut under_way, mut done, mut error) = (pin!(under_way), Vec::new(), None);
    while let Some((position, outcome)) = under_way.next().await {
        match outcome {
            Ok(()) => done.push(position),
            Err(failure) => {
                has_failed.set(true);
                error.get_or_insert(failure);
            }
        }
    }
    done.sort_unstable();
    (done, error)
}

/// Runs all of these as parts of one task, and gives what they end with, in their order. Unlike `join_all` of futures_util, it has no
/// other way for many, which would be compiled at each cold start, and which would wake them apart.
pub async fn join<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|cx| {
        let pending = running.iter_mut().map(|future| future.as_mut().poll(cx)).filter(Poll::is_pending).count();
        if pending == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.iter_mut().filter_map(|future| future.as_mut().take_output()).collect()
}

/// Runs `future` for at most `ms` ms; `None` when the time is up first.
pub async fn within<F: Future + Unpin>(clock: &impl Clock, ms: u64, future: F) -> Option<F::Output> {
    match select(future, pin!(clock.sleep(ms))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
