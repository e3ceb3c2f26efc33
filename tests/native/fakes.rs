//! A clock, a store and a body that do what a test tells them to, under tokio's paused time: waiting takes none, and
//! a put that takes 1,600 ms takes exactly 1,600 ms.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, pending},
    rc::Rc,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    time::{Instant, sleep, sleep_until},
};
use unfollow_webhook::{
    event::Entry,
    keep::{Clock, Put, PutError, Store},
    receive::{Body, BodyError},
};

/// Runs `future` in a runtime of its own, in which time moves on only where everything waits.
pub fn paused<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// A clock that showed `epoch_ms` when it was made.
pub struct FakeClock {
    epoch_ms: u64,
    start: Instant,
}

impl FakeClock {
    pub fn at(epoch_ms: u64) -> Self {
        Self { epoch_ms, start: Instant::now() }
    }

    /// How long it has been running, in ms.
    pub fn elapsed(&self) -> u64 {
        since(self.start)
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> u64 {
        self.epoch_ms + self.elapsed()
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        sleep(Duration::from_millis(ms))
    }
}

fn since(start: Instant) -> u64 {
    start.elapsed().as_millis().try_into().unwrap()
}

/// What becomes of a put, and how many ms after its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Succeeds(u64),
    Fails(u64),
    /// KV's 429: the same key was written less than a second ago.
    Busy(u64),
    Hangs,
}

/// A store whose puts follow a plan each. A put that no plan is left for fails the test.
pub struct FakeStore {
    start: Instant,
    plans: RefCell<VecDeque<Plan>>,
    /// When each put was begun, in ms from the store's making.
    begun: RefCell<Vec<u64>>,
    stored: Rc<RefCell<Vec<(u64, Entry)>>>,
}

impl FakeStore {
    pub fn of(plans: &[Plan]) -> Self {
        Self {
            start: Instant::now(),
            plans: RefCell::new(plans.iter().copied().collect()),
            begun: RefCell::default(),
            stored: Rc::default(),
        }
    }

    /// When each put was begun, in ms.
    pub fn begun(&self) -> Vec<u64> {
        self.begun.borrow().clone()
    }

    /// When an entry was stored, in ms, each time that one was.
    pub fn stored_at(&self) -> Vec<u64> {
        self.stored.borrow().iter().map(|(at, _)| *at).collect()
    }

    /// What was stored, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.stored.borrow().iter().map(|(_, entry)| entry.clone()).collect()
    }
}

impl Store for FakeStore {
    fn put(&self, entry: &Entry) -> Put {
        let begun = Instant::now();
        self.begun.borrow_mut().push(since(self.start));
        let plan = self.plans.borrow_mut().pop_front().expect("one put more than was planned");
        let (start, stored, entry) = (self.start, Rc::clone(&self.stored), entry.clone());
        // As in the runtime, a put's time runs from its beginning, whether or not anybody looks at it.
        let after = move |ms| sleep_until(begun + Duration::from_millis(ms));
        Box::pin(async move {
            match plan {
                Plan::Succeeds(ms) => {
                    after(ms).await;
                    stored.borrow_mut().push((since(start), entry));
                    Ok(())
                }
                Plan::Fails(ms) => {
                    after(ms).await;
                    Err(PutError::Failed)
                }
                Plan::Busy(ms) => {
                    after(ms).await;
                    Err(PutError::TooManyRequests)
                }
                Plan::Hangs => pending().await,
            }
        })
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Breaks,
    Never,
}

/// A body that ends as told after `delay` ms.
#[derive(Clone)]
pub struct FakeBody {
    bytes: Vec<u8>,
    end: End,
    delay: u64,
    asked: Rc<Cell<Option<usize>>>,
}

impl FakeBody {
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), end: End::Whole, delay: 0, asked: Rc::default() }
    }

    pub fn after(self, delay: u64) -> Self {
        Self { delay, ..self }
    }

    pub fn that(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// The most bytes that were asked for; `None` where nobody has read it. Clones share it.
    pub fn asked(&self) -> Option<usize> {
        self.asked.get()
    }
}

impl Body for FakeBody {
    async fn read(self, max: usize) -> Result<Vec<u8>, BodyError> {
        self.asked.set(Some(max));
        sleep(Duration::from_millis(self.delay)).await;
        match self.end {
            End::Whole if self.bytes.len() > max => Err(BodyError::TooLarge),
            End::Whole => Ok(self.bytes),
            End::Breaks => Err(BodyError::Broken),
            End::Never => pending().await,
        }
    }
}
