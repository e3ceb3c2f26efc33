//! A clock, a store, a queue, an origin and a body that do what a test tells them to. They run under tokio's paused
//! time: no test waits, and a put that takes 1,600 ms takes exactly 1,600 ms.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, pending, ready},
    rc::Rc,
    time::Duration,
};

use serde::de::DeserializeOwned;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, sleep_until},
};
use unfollow_webhook::{
    config::Config,
    database::{Database, DatabaseError, Statement},
    event::Entry,
    origin::{Origin, OriginError, OriginRequest, OriginResponse},
    receive::{Body, BodyError, Receiver},
    storage::{Attempt, AttemptError, Clock, Queue, Store},
};

/// Runs `future` in a runtime of its own, in which time advances only while everything waits.
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

/// How an attempt ends, and how many ms after its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Succeeds(u64),
    Fails(u64),
    /// KV's 429: the same key was written less than a second ago.
    Busy(u64),
    /// A second attempt would fail in the same way.
    Unavailable(u64),
    Hangs,
}

/// A store or a queue whose attempts follow a plan each. An attempt without a plan fails the test.
pub struct FakeSink<T> {
    start: Instant,
    plans: RefCell<VecDeque<Plan>>,
    /// The plan of each attempt that has none of its own.
    default_plan: Option<Plan>,
    /// When each attempt was begun, in ms from the creation of this sink, and with what.
    begun: RefCell<Vec<(u64, T)>>,
    stored: Rc<RefCell<Vec<(u64, T)>>>,
    /// What was written of deliveries, and how each of these writes ends.
    pub changes: RefCell<Vec<T>>,
    pub change_plan: Cell<Plan>,
}

pub type FakeStore = FakeSink<Entry>;
pub type FakeQueue = FakeSink<String>;
/// A database that events are inserted into and nothing is read from. `database.rs` has a real one.
pub type FakeDatabase = FakeSink<Statement>;

/// For a receiver without queue bindings.
pub const NO_QUEUE: Option<&FakeQueue> = None;

/// For a receiver without a database.
pub const NO_DATABASE: Option<&FakeDatabase> = None;

/// A receiver that has KV alone.
pub fn kv_receiver<'a, 'o>(
    config: &'a Config,
    store: &'a FakeStore,
    origin: &'a FakeOrigin<'o>,
    clock: &'a FakeClock,
) -> Receiver<'a, FakeStore, FakeDatabase, FakeQueue, FakeOrigin<'o>, FakeClock> {
    Receiver { config, store, database: NO_DATABASE, queue: NO_QUEUE, origin, clock }
}

impl<T: Clone + 'static> FakeSink<T> {
    pub fn of(plans: &[Plan]) -> Self {
        let plans = RefCell::new(plans.iter().copied().collect());
        Self {
            start: Instant::now(),
            plans,
            default_plan: None,
            begun: RefCell::default(),
            stored: Rc::default(),
            changes: RefCell::default(),
            change_plan: Cell::new(Plan::Succeeds(0)),
        }
    }

    /// Each attempt has this plan.
    pub fn always(plan: Plan) -> Self {
        Self { default_plan: Some(plan), ..Self::of(&[]) }
    }

    /// When each attempt was begun, in ms.
    pub fn begun(&self) -> Vec<u64> {
        self.begun.borrow().iter().map(|(at, _)| *at).collect()
    }

    /// What was attempted, in order.
    pub fn attempted(&self) -> Vec<T> {
        self.begun.borrow().iter().map(|(_, item)| item.clone()).collect()
    }

    /// When each item was stored, in ms.
    pub fn stored_at(&self) -> Vec<u64> {
        self.stored.borrow().iter().map(|(at, _)| *at).collect()
    }

    /// What was stored, in order.
    pub fn entries(&self) -> Vec<T> {
        self.stored.borrow().iter().map(|(_, item)| item.clone()).collect()
    }

    fn attempt(&self, item: T) -> Attempt {
        let begun = Instant::now();
        self.begun.borrow_mut().push((since(self.start), item.clone()));
        let plan =
            self.plans.borrow_mut().pop_front().or(self.default_plan).expect("one attempt more than was planned");
        let (start, stored) = (self.start, Rc::clone(&self.stored));
        // As in the runtime, an attempt's time runs from its beginning, whether or not anybody polls it.
        let after = move |ms| sleep_until(begun + Duration::from_millis(ms));
        Box::pin(async move {
            match plan {
                Plan::Succeeds(ms) => {
                    after(ms).await;
                    stored.borrow_mut().push((since(start), item));
                    Ok(())
                }
                Plan::Fails(ms) => {
                    after(ms).await;
                    Err(AttemptError::Failed)
                }
                Plan::Busy(ms) => {
                    after(ms).await;
                    Err(AttemptError::TooManyRequests)
                }
                Plan::Unavailable(ms) => {
                    after(ms).await;
                    Err(AttemptError::Unavailable)
                }
                Plan::Hangs => pending().await,
            }
        })
    }
}

impl Store for FakeStore {
    fn put(&self, entry: &Entry) -> Attempt {
        self.attempt(entry.clone())
    }
}

impl Queue for FakeQueue {
    fn send(&self, message: &str) -> Attempt {
        self.attempt(message.to_owned())
    }
}

impl Database for FakeDatabase {
    async fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, DatabaseError> {
        panic!("nothing is read: {statement:?}")
    }

    async fn run(&self, statement: Statement) -> Result<(), DatabaseError> {
        panic!("nothing is deleted: {statement:?}")
    }

    async fn run_all(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        panic!("events come one by one: {statements:?}")
    }

    fn attempt(&self, statement: Statement) -> Attempt {
        if statement.sql.starts_with("INSERT INTO deliveries") {
            self.changes.borrow_mut().push(statement);
            return match self.change_plan.get() {
                Plan::Hangs => Box::pin(pending()),
                Plan::Succeeds(_) => Box::pin(ready(Ok(()))),
                _ => Box::pin(ready(Err(AttemptError::Failed))),
            };
        }
        FakeSink::attempt(self, statement)
    }
}

/// A request as the origin saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In ms from the creation of the origin.
    pub at: u64,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub within_ms: u64,
    pub body_max: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| *it == name).map(|(_, value)| &**value)
    }
}

/// What the origin does with a request.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// After so many ms; `None` hangs.
    pub after: Option<u64>,
    pub with: Result<OriginResponse, OriginError>,
}

impl Reaction {
    pub fn status(status: u16) -> Self {
        Self { after: Some(20), with: Ok(OriginResponse { status, retry_after: None, body: Vec::new() }) }
    }

    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { after: Some(20), with: Ok(OriginResponse { status, retry_after: None, body: body.into() }) }
    }

    pub fn hang() -> Self {
        Self { after: None, ..Self::status(200) }
    }

    pub fn refuse() -> Self {
        Self { after: Some(0), with: Err(OriginError::Unreachable) }
    }
}

/// An origin that does what the test says, within the trait's limits of time and length.
pub struct FakeOrigin<'a> {
    start: Instant,
    react: Box<dyn Fn(&Seen) -> Reaction + 'a>,
    seen: RefCell<Vec<Seen>>,
    /// How many requests are under way, and how many were at most.
    pub under_way: Cell<usize>,
    pub most_under_way: Cell<usize>,
}

impl<'a> FakeOrigin<'a> {
    pub fn of(react: impl Fn(&Seen) -> Reaction + 'a) -> Self {
        let (start, react) = (Instant::now(), Box::new(react));
        Self { start, react, seen: RefCell::default(), under_way: Cell::default(), most_under_way: Cell::default() }
    }

    /// One that must not be called.
    pub fn unused() -> Self {
        Self::of(|seen| panic!("the origin must not be called: {seen:?}"))
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }
}

impl Origin for FakeOrigin<'_> {
    async fn post(&self, request: OriginRequest<'_>) -> Result<OriginResponse, OriginError> {
        let OriginRequest { url, headers, body, within_ms, body_max } = request;
        let seen = Seen { at: since(self.start), url, headers, body: body.to_vec(), within_ms, body_max };
        let reaction = (self.react)(&seen);
        self.seen.borrow_mut().push(seen);
        self.under_way.set(self.under_way.get() + 1);
        self.most_under_way.set(self.most_under_way.get().max(self.under_way.get()));
        sleep(Duration::from_millis(reaction.after.unwrap_or(u64::MAX).min(within_ms))).await;
        self.under_way.set(self.under_way.get() - 1);
        match reaction.with {
            _ if reaction.after.is_none_or(|ms| ms > within_ms) => Err(OriginError::Late),
            Ok(answer) if body_max > 0 && answer.body.len() > body_max => Err(OriginError::TooLarge),
            with => with,
        }
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
    content_type: Option<&'static str>,
    asked: Rc<Cell<Option<usize>>>,
}

impl FakeBody {
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), end: End::Whole, delay: 0, content_type: None, asked: Rc::default() }
    }

    pub fn after(self, delay: u64) -> Self {
        Self { delay, ..self }
    }

    pub fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }

    pub fn of_type(self, content_type: Option<&'static str>) -> Self {
        Self { content_type, ..self }
    }

    /// The limit in bytes that it was read with; `None` where nobody has read it. Clones share it.
    pub fn asked(&self) -> Option<usize> {
        self.asked.get()
    }
}

impl Body for FakeBody {
    fn content_type(&self) -> Option<String> {
        self.content_type.map(str::to_owned)
    }

    async fn read(&self, max: usize) -> Result<Vec<u8>, BodyError> {
        self.asked.set(Some(max));
        sleep(Duration::from_millis(self.delay)).await;
        match self.end {
            End::Whole if self.bytes.len() > max => Err(BodyError::TooLarge),
            End::Whole => Ok(self.bytes.clone()),
            End::Breaks => Err(BodyError::Broken),
            End::Never => pending().await,
        }
    }
}
