//! A clock, KV, a database, a queue, an origin and a body that do what a test tells them to. They run under tokio's paused
//! time: no test waits, and a put that takes 1,600 ms takes exactly 1,600 ms.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::{Future, pending, ready},
    ops::Bound,
    rc::Rc,
    time::Duration,
};

use base64ct::{Base64, Encoding as _};
use serde::de::DeserializeOwned;
use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, sleep, sleep_until},
};
use unfollow_webhook::{
    database::{Changes, Database, DatabaseError, Statement},
    event::Entry,
    outgoing::{Outgoing, OutgoingError, OutgoingRequest, OutgoingResponse, Wanted},
    receive::{Body, BodyError},
    storage::{Attempt, AttemptError, Clock, Kv, Listed, Page, Queue, StoreError},
};

/// Runs `future` in a runtime of its own, in which time advances only while everything waits.
pub fn paused<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// A clock that showed `epoch_ms` when it was made. One that was made outside of a runtime begins when it is first looked at: until
/// then, it would go by the real time.
pub struct FakeClock {
    epoch_ms: u64,
    start: OnceCell<Instant>,
}

impl FakeClock {
    pub fn at(epoch_ms: u64) -> Self {
        let start = Handle::try_current().map_or_else(|_| OnceCell::new(), |_| OnceCell::from(Instant::now()));
        Self { epoch_ms, start }
    }

    /// How long it has been running, in ms.
    pub fn elapsed(&self) -> u64 {
        since(*self.start.get_or_init(Instant::now))
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

/// The operations on fakes, in order. Several may share a list.
pub type Operations = Rc<RefCell<Vec<String>>>;

/// What takes items, by attempts that follow a plan each. An attempt without a plan fails the test.
pub struct FakeSink<T> {
    start: Instant,
    plans: RefCell<VecDeque<Plan>>,
    /// The plan of each attempt that has none of its own.
    default_plan: Option<Plan>,
    /// When each attempt was begun, in ms from the creation of this sink, and with what.
    begun: RefCell<Vec<(u64, T)>>,
    stored: Rc<RefCell<Vec<(u64, T)>>>,
    /// "send" for each attempt of a queue.
    pub operations: Operations,
}

pub type FakeQueue = FakeSink<String>;

impl<T: Clone + 'static> FakeSink<T> {
    pub fn of(plans: &[Plan]) -> Self {
        Self {
            start: Instant::now(),
            plans: RefCell::new(plans.iter().copied().collect()),
            default_plan: None,
            begun: RefCell::default(),
            stored: Rc::default(),
            operations: Rc::default(),
        }
    }

    /// Each attempt has this plan.
    pub fn always(plan: Plan) -> Self {
        Self { default_plan: Some(plan), ..Self::of(&[]) }
    }

    /// So many attempts succeed at once, and those after them fail.
    pub fn taking(count: usize) -> Self {
        Self { default_plan: Some(Plan::Fails(0)), ..Self::of(&vec![Plan::Succeeds(0); count]) }
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

impl Queue for FakeQueue {
    fn send(&self, message: &str) -> Attempt {
        self.operations.borrow_mut().push("send".to_owned());
        self.attempt(message.to_owned())
    }
}

/// A namespace like KV's, whose puts follow plans. A list is ascending and has at most a thousand keys. It goes on from a cursor
/// that only the namespace can read. What is listed and what can be read need not be the same.
pub struct FakeKv {
    pub puts: FakeSink<Entry>,
    /// Metadata by key, as lists show it.
    pub listed: Rc<RefCell<BTreeMap<String, String>>>,
    pub values: Rc<RefCell<BTreeMap<String, String>>>,
    /// All but puts.
    pub operations: Operations,
    pub fails: Cell<Option<&'static str>>,
    /// An operation that fails after it has succeeded so often.
    pub fails_after: Cell<Option<(&'static str, usize)>>,
    /// The keys that were deleted.
    pub deletes: Operations,
    pub hangs: Cell<Option<&'static str>>,
    /// How long each operation takes, in ms.
    pub takes_ms: Cell<u64>,
    /// How many operations are under way, and how many there were at most.
    pub under_way: Cell<usize>,
    pub most_under_way: Cell<usize>,
    /// Whether lists show what was deleted, as KV's do for a minute.
    pub lists_deleted: Cell<bool>,
    /// Most keys of one list, whatever the limit: KV may return fewer.
    pub list_max: Cell<usize>,
    /// Whether a full list has a cursor even where nothing follows.
    pub has_empty_last_page: Cell<bool>,
}

impl Default for FakeKv {
    /// An empty one, in which nothing may be put.
    fn default() -> Self {
        Self::of(&[])
    }
}

impl FakeKv {
    /// An empty one whose puts follow these plans.
    pub fn of(plans: &[Plan]) -> Self {
        Self::with(FakeSink::of(plans))
    }

    /// An empty one whose puts do this.
    pub fn with(puts: FakeSink<Entry>) -> Self {
        Self {
            puts,
            listed: Rc::default(),
            values: Rc::default(),
            operations: Operations::default(),
            fails: Cell::default(),
            fails_after: Cell::default(),
            deletes: Operations::default(),
            hangs: Cell::default(),
            takes_ms: Cell::default(),
            under_way: Cell::default(),
            most_under_way: Cell::default(),
            lists_deleted: Cell::default(),
            list_max: Cell::new(1000),
            has_empty_last_page: Cell::default(),
        }
    }

    /// One that has these entries.
    pub fn having(entries: impl IntoIterator<Item = Entry>) -> Self {
        let kv = Self::default();
        for entry in entries {
            kv.add(&entry.key, &entry.value, &entry.metadata);
        }
        kv
    }

    /// Adds an entry.
    pub fn add(&self, key: &str, value: &str, metadata: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
        self.list_only(key, metadata);
    }

    /// A key that is listed although its value is gone.
    pub fn list_only(&self, key: &str, metadata: &str) {
        self.listed.borrow_mut().insert(key.to_owned(), metadata.to_owned());
    }

    fn forget(&self, key: &str) {
        self.values.borrow_mut().remove(key);
        self.listed.borrow_mut().remove(key);
    }

    async fn begin(&self, operation: &'static str, what: &str) -> Result<(), StoreError> {
        self.operations.borrow_mut().push(format!("{operation} {what}"));
        if self.hangs.get() == Some(operation) {
            pending::<()>().await;
        }
        self.under_way.set(self.under_way.get() + 1);
        self.most_under_way.set(self.most_under_way.get().max(self.under_way.get()));
        if self.takes_ms.get() > 0 {
            sleep(Duration::from_millis(self.takes_ms.get())).await;
        }
        self.under_way.set(self.under_way.get() - 1);
        match self.fails_after.get() {
            Some((failing, 0)) if failing == operation => return Err(StoreError::Failed),
            Some((failing, left)) if failing == operation => self.fails_after.set(Some((failing, left - 1))),
            _ => {}
        }
        if self.fails.get() == Some(operation) { Err(StoreError::Failed) } else { Ok(()) }
    }

    /// The keys that have a value.
    pub fn keys(&self) -> Vec<String> {
        self.values.borrow().keys().cloned().collect()
    }

    /// The operations since the last call.
    pub fn take_operations(&self) -> Vec<String> {
        self.operations.take()
    }
}

impl Kv for FakeKv {
    fn put(&self, entry: &Entry) -> Attempt {
        let attempt = self.puts.attempt(entry.clone());
        let (values, listed) = (Rc::clone(&self.values), Rc::clone(&self.listed));
        let Entry { key, value, metadata, .. } = entry.clone();
        Box::pin(async move {
            attempt.await?;
            values.borrow_mut().insert(key.clone(), value);
            listed.borrow_mut().insert(key, metadata);
            Ok(())
        })
    }

    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, StoreError> {
        self.begin("list", prefix).await?;
        assert!((1..=1000).contains(&limit), "KV lists 1 to 1000 keys, not {limit}");
        let after = cursor.map(|it| String::from_utf8(Base64::decode_vec(it).unwrap()).unwrap());
        assert!(after.iter().all(|key| key.starts_with(prefix)), "{after:?} is a cursor of another prefix: {prefix}");
        let listed = self.listed.borrow();
        let begin = after.map_or_else(|| Bound::Included(prefix.to_owned()), Bound::Excluded);
        let mut rest =
            listed.range((begin, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix)).peekable();
        let size = limit.min(self.list_max.get());
        let listed = |(key, metadata): (&String, &String)| Listed {
            key: key.clone(),
            metadata: serde_json::from_str(metadata).unwrap_or_default(),
            expiration: None,
        };
        let keys: Vec<_> = rest.by_ref().take(size).map(listed).collect();
        let more = rest.peek().is_some() || self.has_empty_last_page.get() && keys.len() == size;
        let cursor = keys.last().filter(|_| more).map(|last| Base64::encode_string(last.key.as_bytes()));
        Ok(Page { keys, cursor })
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.begin("get", key).await?;
        Ok(self.values.borrow().get(key).cloned())
    }

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        assert!((1..=100).contains(&keys.len()), "KV reads 1 to 100 keys, not {}", keys.len());
        self.begin("get", &format!("{} keys", keys.len())).await?;
        Ok(keys.iter().map(|key| self.values.borrow().get(key).cloned()).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.begin("delete", key).await?;
        self.deletes.borrow_mut().push(key.to_owned());
        if self.lists_deleted.get() {
            self.values.borrow_mut().remove(key);
        } else {
            self.forget(key);
        }
        Ok(())
    }
}

/// A database that events are inserted into, and of which only a delivery is read. `database.rs` has a real one.
pub struct FakeDatabase {
    pub inserts: FakeSink<Statement>,
    /// What was written of deliveries, and how each of these writes ends.
    pub changes: RefCell<Vec<Statement>>,
    pub change_plan: Cell<Plan>,
    /// The row of the delivery that is asked for, as JSON; without one there is none.
    pub delivery: RefCell<Option<String>>,
}

impl FakeDatabase {
    /// One whose inserts do this.
    pub fn with(inserts: FakeSink<Statement>) -> Self {
        let change_plan = Cell::new(Plan::Succeeds(0));
        Self { inserts, changes: RefCell::default(), change_plan, delivery: RefCell::default() }
    }
}

impl Database for FakeDatabase {
    /// Nothing was erased.
    async fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, DatabaseError> {
        if statement.sql.contains("FROM erased") {
            return Ok(Vec::new());
        }
        assert!(statement.sql.contains("FROM deliveries"), "nothing else is read: {statement:?}");
        Ok(self.delivery.borrow().iter().map(|row| serde_json::from_str(row).unwrap()).collect())
    }

    async fn run(&self, statement: Statement) -> Result<Changes, DatabaseError> {
        assert!(statement.sql.contains(" deliveries "), "nothing is deleted: {statement:?}");
        self.changes.borrow_mut().push(statement);
        match self.change_plan.get() {
            Plan::Hangs => pending().await,
            Plan::Succeeds(_) => Ok(Changes::default()),
            _ => Err(DatabaseError::Failed),
        }
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
        self.inserts.attempt(statement)
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
    pub wanted: Wanted,
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
    pub with: Result<OutgoingResponse, OutgoingError>,
}

impl Reaction {
    pub fn status(status: u16) -> Self {
        Self { after: Some(20), with: Ok(OutgoingResponse { status, retry_after: None, body: Vec::new() }) }
    }

    /// 503, with a `Retry-After` in seconds.
    pub fn asking_to_wait(seconds: u64) -> Self {
        let with = Ok(OutgoingResponse { status: 503, retry_after: Some(seconds), body: Vec::new() });
        Self { with, ..Self::status(503) }
    }

    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { after: Some(20), with: Ok(OutgoingResponse { status, retry_after: None, body: body.into() }) }
    }

    pub fn hang() -> Self {
        Self { after: None, ..Self::status(200) }
    }

    pub fn refuse() -> Self {
        Self { after: Some(0), with: Err(OutgoingError::Unreachable) }
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

impl Outgoing for FakeOrigin<'_> {
    async fn post(&self, request: OutgoingRequest<'_>) -> Result<OutgoingResponse, OutgoingError> {
        let OutgoingRequest { url, headers, body, within_ms, wanted } = request;
        let seen = Seen { at: since(self.start), url, headers, body: body.to_vec(), within_ms, wanted };
        let reaction = (self.react)(&seen);
        self.seen.borrow_mut().push(seen);
        self.under_way.set(self.under_way.get() + 1);
        self.most_under_way.set(self.most_under_way.get().max(self.under_way.get()));
        sleep(Duration::from_millis(reaction.after.unwrap_or(u64::MAX).min(within_ms))).await;
        self.under_way.set(self.under_way.get() - 1);
        match reaction.with {
            _ if reaction.after.is_none_or(|ms| ms > within_ms) => Err(OutgoingError::Late),
            Ok(answer) if matches!(wanted, Wanted::Whole(max) if answer.body.len() > max) => {
                Err(OutgoingError::TooLarge)
            }
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
    declared: Option<u64>,
    asked: Rc<Cell<Option<usize>>>,
}

impl FakeBody {
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            end: End::Whole,
            delay: 0,
            content_type: None,
            declared: None,
            asked: Rc::default(),
        }
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

    /// The same, with this length declared for it.
    pub fn declaring(self, declared: Option<u64>) -> Self {
        Self { declared, ..self }
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

    fn declared_length(&self) -> Option<u64> {
        self.declared
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
