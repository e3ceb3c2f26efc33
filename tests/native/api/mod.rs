//! The operator's API: who may use it, what is listed and counted, and that nothing is deleted before it is on the
//! queue.

mod access;
mod cursor;
mod dead_letters;
mod deadline;
mod events;
mod listed;
mod parameters;
mod range;
mod stats;
mod times;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::pending,
    ops::Bound,
    rc::Rc,
    time::Duration,
};

use base64ct::{Base64, Encoding as _};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use tokio::time::sleep;
use unfollow_webhook::{
    api::{
        Api, ApiRequest,
        store::{Cache, Listed, Page, StoreError, StoreReader},
    },
    config::Config,
    delivery::dead_letter::{self, Failure},
    delivery::message::{Job, Message},
    event::{self, Entry, EventId},
    response::Response,
    storage::{Attempt, AttemptError, Queue},
    webhook::{body::Follow, command::Kind},
};

use crate::{
    fakes::{FakeClock, paused},
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, app, config, event, event_of, query},
};

const ADMIN: &str = "a-token-of-the-operator";

/// The operations on reader and queue, in order.
type Operations = Rc<RefCell<Vec<String>>>;

/// A namespace like KV's: a list is ascending and has at most a thousand keys. It goes on from a cursor that only the
/// namespace can read. What is listed and what can be read need not be the same.
struct FakeReader {
    /// Metadata by key, as lists show it.
    listed: RefCell<BTreeMap<String, String>>,
    values: RefCell<BTreeMap<String, String>>,
    operations: Operations,
    fails: Cell<Option<&'static str>>,
    hangs: Cell<Option<&'static str>>,
    /// How long each operation takes, in ms.
    takes_ms: Cell<u64>,
    /// Whether lists show what was deleted, as KV's do for a minute.
    lists_deleted: Cell<bool>,
    /// How many keys all lists together have shown.
    keys_read: Cell<usize>,
    /// Most keys of one list, whatever the limit: KV may return fewer.
    list_max: Cell<usize>,
    /// Whether a full list has a cursor even where nothing follows.
    has_empty_last_page: Cell<bool>,
}

impl Default for FakeReader {
    fn default() -> Self {
        Self {
            listed: RefCell::default(),
            values: RefCell::default(),
            operations: Operations::default(),
            fails: Cell::default(),
            hangs: Cell::default(),
            takes_ms: Cell::default(),
            lists_deleted: Cell::default(),
            keys_read: Cell::default(),
            list_max: Cell::new(1000),
            has_empty_last_page: Cell::default(),
        }
    }
}

impl FakeReader {
    fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let reader = Self::default();
        for entry in entries {
            reader.put(&entry.key, &entry.value, &entry.metadata);
        }
        reader
    }

    fn put(&self, key: &str, value: &str, metadata: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
        self.list_only(key, metadata);
    }

    /// A key that is listed although its value is gone.
    fn list_only(&self, key: &str, metadata: &str) {
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
        if self.takes_ms.get() > 0 {
            sleep(Duration::from_millis(self.takes_ms.get())).await;
        }
        if self.fails.get() == Some(operation) { Err(StoreError) } else { Ok(()) }
    }

    /// The keys that have a value.
    fn keys(&self) -> Vec<String> {
        self.values.borrow().keys().cloned().collect()
    }

    /// The operations since the last call.
    fn take_operations(&self) -> Vec<String> {
        self.keys_read.set(0);
        self.operations.take()
    }
}

impl StoreReader for FakeReader {
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
        };
        let keys: Vec<_> = rest.by_ref().take(size).map(listed).collect();
        self.keys_read.set(self.keys_read.get() + keys.len());
        let more = rest.peek().is_some() || self.has_empty_last_page.get() && keys.len() == size;
        let cursor = keys.last().filter(|_| more).map(|last| Base64::encode_string(last.key.as_bytes()));
        Ok(Page { keys, cursor })
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.begin("get", key).await?;
        Ok(self.values.borrow().get(key).cloned())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.begin("delete", key).await?;
        if self.lists_deleted.get() {
            self.values.borrow_mut().remove(key);
        } else {
            self.forget(key);
        }
        Ok(())
    }
}

#[derive(Default)]
struct FakeQueue {
    sent: RefCell<Vec<String>>,
    operations: Operations,
    /// How many sends succeed.
    takes: Option<usize>,
    hangs: bool,
}

impl Queue for FakeQueue {
    fn send(&self, message: &str) -> Attempt {
        self.operations.borrow_mut().push("send".to_owned());
        if self.hangs {
            return Box::pin(pending());
        }
        if self.takes.is_some_and(|takes| self.sent.borrow().len() >= takes) {
            return Box::pin(async { Err(AttemptError::Failed) });
        }
        self.sent.borrow_mut().push(message.to_owned());
        Box::pin(async { Ok(()) })
    }
}

/// A cache with a clock of its own.
#[derive(Default)]
struct FakeCache {
    entries: RefCell<BTreeMap<String, (String, u64)>>,
    /// In seconds.
    now: Cell<u64>,
}

impl Cache for FakeCache {
    async fn find(&self, name: &str) -> Option<String> {
        self.entries.borrow().get(name).filter(|(_, until)| self.now.get() < *until).map(|(text, _)| text.clone())
    }

    async fn store(&self, name: &str, text: &str, seconds: u32) {
        let until = self.now.get() + u64::from(seconds);
        self.entries.borrow_mut().insert(name.to_owned(), (text.to_owned(), until));
    }
}

fn operated() -> Config {
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("ORIGIN_URL", ORIGIN)];
    config(&variables)
}

fn request<'a>(method: &'a str, path: &'a str) -> ApiRequest<'a> {
    ApiRequest { method, path, query: "", is_confidential: true, authorization: Some("Bearer a-token-of-the-operator") }
}

fn ask(config: &Config, reader: &FakeReader, queue: Option<&FakeQueue>, request: ApiRequest<'_>) -> Response {
    timed(config, reader, queue, request).0
}

/// A response, and after how many ms it came.
fn timed(config: &Config, reader: &FakeReader, queue: Option<&FakeQueue>, request: ApiRequest<'_>) -> (Response, u64) {
    paused(async {
        let clock = FakeClock::at(NOW_MS);
        let api = Api { config, reader, queue, cache: &FakeCache::default(), clock: &clock };
        (api.answer(request).await, clock.elapsed())
    })
}

/// The response to a GET with the right token.
fn get(reader: &FakeReader, path: &str, query: &str) -> Response {
    ask(&operated(), reader, None, ApiRequest { query, ..request("GET", path) })
}

fn json_of(response: &Response) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

#[track_caller]
fn is_problem(response: &Response, status: u16) {
    assert_eq!((response.status, response.content_type), (status, "application/problem+json"), "{response:?}");
    let problem = json_of(response);
    assert_eq!(problem["status"], status);
    assert!(problem["title"].as_str().is_some_and(|it| !it.is_empty()));
}

fn numbered(n: usize) -> String {
    UNFOLLOW.replace("1702018343678", &(1_702_018_343_678 - n).to_string())
}

/// A dead letter, its id, and the message in it.
fn numbered_dead_letter(n: usize) -> (Entry, String, String) {
    let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let entry = dead_letter::entry(&event, Job::Deliver, Failure::Status(500), NOW_MS + 9, None);
    (entry, event.id().to_string(), Message::of(&event, Job::Deliver).text())
}

fn reader_of_dead_letters(count: usize) -> FakeReader {
    FakeReader::of((0..count).map(|n| numbered_dead_letter(n).0))
}

/// An event as a test describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TestEvent {
    time: u64,
    kind: Kind,
    from: String,
    to: Vec<String>,
}

impl TestEvent {
    /// User `a` unfollows user `b`.
    fn at(time: u64) -> Self {
        Self { time, kind: Kind::Unfollow, from: "a".to_owned(), to: vec!["b".to_owned()] }
    }

    /// What the Worker stores of it where it came with this query.
    fn entry_of(&self, query: &str) -> Entry {
        let Self { time, kind, from, to } = self;
        let (name, to) = match kind {
            Kind::Unfollow => ("To_Account", json!(to)),
            Kind::Follow => ("FollowList", to.iter().map(|it| json!({ "To_Account": it })).collect()),
        };
        let body = json!({ "From_Account": from, name: to, "EventTime": time }).to_string();
        // Any time at all, also such as a body would have in seconds.
        let follow = Follow { event_time: *time, ..Follow::parse(*kind, body.as_bytes()).unwrap() };
        event_of(query, follow).entry(None, NOW_MS)
    }

    fn entry(&self) -> Entry {
        self.entry_of("OptPlatform=iOS")
    }

    fn id(&self) -> String {
        id_in(&self.entry().key).to_owned()
    }

    /// Whether the metadata was cut.
    fn is_cut(&self) -> bool {
        self.entry().metadata.contains(r#""truncated":true"#)
    }
}

/// What follows the last slash of a key.
fn id_in(key: &str) -> &str {
    key.rsplit_once('/').unwrap().1
}

fn reader_of<'a>(events: impl IntoIterator<Item = &'a TestEvent>) -> FakeReader {
    FakeReader::of(events.into_iter().map(TestEvent::entry))
}

/// A long log, made quickly: `count` unfollows of one user each, `time(n)` being the time of the one numbered `n`.
fn long_log(count: usize, time: impl Fn(usize) -> u64) -> FakeReader {
    let reader = FakeReader::default();
    let metadata = TestEvent::at(0).entry().metadata;
    for n in 0..count {
        reader.list_only(&numbered_key(n, time(n)), &metadata);
    }
    reader
}

/// The key of an event of this time, told from others by its number.
fn numbered_key(n: usize, time: u64) -> String {
    let id = EventId::read(&format!("{:013}-{n:032x}", 9_999_999_999_999 - time)).unwrap();
    event::key(app(), &id)
}

/// Few users, so that events meet; one of them a target among so many that the metadata is cut.
fn any_event() -> impl Strategy<Value = TestEvent> {
    // Clusters within a ms, some ms, a minute, a day, a year; and the ends of all time.
    let time = prop_oneof![
        4 => (0..6_u32, 0..4_u64).prop_map(|(scale, n)| NOW_MS + n * 60_u64.pow(scale)),
        2 => NOW_MS - 90_000_000..NOW_MS + 90_000_000,
        1 => prop_oneof![Just(0), Just(1), Just(9_999_999_999_998_u64), Just(9_999_999_999_999)],
        1 => 0..=9_999_999_999_999_u64,
    ];
    let user = || proptest::sample::select(&["a", "b", "c", "\u{e9} \"&%+", "long-name-of-a-user-in-32-bytes."][..]);
    let targets = prop_oneof![9 => vec(user(), 1..4), 1 => vec(user(), 60..130)];
    let kind = proptest::sample::select(&Kind::ALL[..]);
    (time, kind, user(), targets).prop_map(|(time, kind, from, to)| TestEvent {
        time,
        kind,
        from: from.to_owned(),
        to: to.into_iter().map(str::to_owned).collect(),
    })
}

/// A parameter's value, percent-encoded.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
