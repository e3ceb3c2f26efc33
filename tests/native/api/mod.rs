//! The operator's API: who is let in, what is listed and counted, and that nothing is deleted that is not on the queue.

mod cursor;
mod dead_letters;
mod door;
mod events;
mod listed;
mod parameters;
mod range;
mod stats;
mod time;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ops::Bound,
    rc::Rc,
};

use base64ct::{Base64, Encoding as _};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::{
        Api, ApiRequest,
        shelf::{Cache, Listed, Page, Shelf, ShelfError},
    },
    config::Config,
    dead::{self, Failure},
    event::{self, Entry, EventId},
    keep::{Attempt, AttemptError, Queue},
    message::{Duty, Message},
    reply::Reply,
    webhook::command::Kind,
};

use crate::{
    fakes::paused,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, app, config, event, query},
};

const ADMIN: &str = "a-token-of-the-operator";

/// What was done to shelf and queue, in order.
type Deeds = Rc<RefCell<Vec<String>>>;

/// A namespace as KV's: a list is ascending and of a thousand keys at most, and goes on from a cursor that only the
/// namespace can read. What is listed and what can be got need not be the same.
struct FakeShelf {
    /// Metadata by key, as lists show it.
    listed: RefCell<BTreeMap<String, String>>,
    values: RefCell<BTreeMap<String, String>>,
    deeds: Deeds,
    fails: Cell<Option<&'static str>>,
    /// How many keys all lists together have shown.
    keys_read: Cell<usize>,
    /// Most keys of one list, whatever was asked for: KV may give fewer.
    most: Cell<usize>,
    /// Whether a full list has a cursor also where nothing follows.
    dangles: Cell<bool>,
}

impl Default for FakeShelf {
    fn default() -> Self {
        Self {
            listed: RefCell::default(),
            values: RefCell::default(),
            deeds: Deeds::default(),
            fails: Cell::default(),
            keys_read: Cell::default(),
            most: Cell::new(1000),
            dangles: Cell::default(),
        }
    }
}

impl FakeShelf {
    fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let shelf = Self::default();
        for entry in entries {
            shelf.put(&entry.key, &entry.value, &entry.metadata);
        }
        shelf
    }

    fn put(&self, key: &str, value: &str, metadata: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
        self.list_only(key, metadata);
    }

    /// A key that is listed, and gone.
    fn list_only(&self, key: &str, metadata: &str) {
        self.listed.borrow_mut().insert(key.to_owned(), metadata.to_owned());
    }

    fn forget(&self, key: &str) {
        self.values.borrow_mut().remove(key);
        self.listed.borrow_mut().remove(key);
    }

    fn does(&self, deed: &'static str, what: &str) -> Result<(), ShelfError> {
        self.deeds.borrow_mut().push(format!("{deed} {what}"));
        if self.fails.get() == Some(deed) { Err(ShelfError) } else { Ok(()) }
    }

    /// The keys that have a value.
    fn keys(&self) -> Vec<String> {
        self.values.borrow().keys().cloned().collect()
    }

    /// How often this was done since somebody asked last.
    fn take_deeds(&self) -> Vec<String> {
        self.keys_read.set(0);
        self.deeds.take()
    }
}

impl Shelf for FakeShelf {
    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, ShelfError> {
        self.does("list", prefix)?;
        assert!((1..=1000).contains(&limit), "KV lists 1 to 1000 keys, not {limit}");
        let after = cursor.map(|it| String::from_utf8(Base64::decode_vec(it).unwrap()).unwrap());
        assert!(after.iter().all(|key| key.starts_with(prefix)), "{after:?} is a cursor of another prefix: {prefix}");
        let listed = self.listed.borrow();
        let begin = after.map_or_else(|| Bound::Included(prefix.to_owned()), Bound::Excluded);
        let mut rest =
            listed.range((begin, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix)).peekable();
        let size = limit.min(self.most.get());
        let listed = |(key, metadata): (&String, &String)| Listed { key: key.clone(), metadata: metadata.clone() };
        let keys: Vec<_> = rest.by_ref().take(size).map(listed).collect();
        self.keys_read.set(self.keys_read.get() + keys.len());
        let more = rest.peek().is_some() || self.dangles.get() && keys.len() == size;
        let cursor = keys.last().filter(|_| more).map(|last| Base64::encode_string(last.key.as_bytes()));
        Ok(Page { keys, cursor })
    }

    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        self.does("get", key)?;
        Ok(self.values.borrow().get(key).cloned())
    }

    async fn delete(&self, key: &str) -> Result<(), ShelfError> {
        self.does("delete", key)?;
        self.forget(key);
        Ok(())
    }
}

#[derive(Default)]
struct FakeQueue {
    sent: RefCell<Vec<String>>,
    deeds: Deeds,
    /// How many sends succeed.
    takes: Option<usize>,
}

impl Queue for FakeQueue {
    fn send(&self, message: &str) -> Attempt {
        self.deeds.borrow_mut().push("send".to_owned());
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
    kept: RefCell<BTreeMap<String, (String, u64)>>,
    /// In seconds.
    now: Cell<u64>,
}

impl Cache for FakeCache {
    async fn find(&self, name: &str) -> Option<String> {
        self.kept.borrow().get(name).filter(|(_, until)| self.now.get() < *until).map(|(text, _)| text.clone())
    }

    async fn keep(&self, name: &str, text: &str, seconds: u32) {
        let until = self.now.get() + u64::from(seconds);
        self.kept.borrow_mut().insert(name.to_owned(), (text.to_owned(), until));
    }
}

fn operated() -> Config {
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("ORIGIN_URL", ORIGIN)];
    config(&variables)
}

fn request<'a>(method: &'a str, path: &'a str) -> ApiRequest<'a> {
    ApiRequest { method, path, query: "", is_confidential: true, authorization: Some("Bearer a-token-of-the-operator") }
}

fn ask(config: &Config, shelf: &FakeShelf, queue: Option<&FakeQueue>, request: ApiRequest<'_>) -> Reply {
    paused(Api { config, shelf, queue, cache: &FakeCache::default(), now_ms: NOW_MS }.answer(request))
}

/// What a GET with the right token is answered.
fn get(shelf: &FakeShelf, path: &str, query: &str) -> Reply {
    ask(&operated(), shelf, None, ApiRequest { query, ..request("GET", path) })
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[track_caller]
fn is_problem(reply: &Reply, status: u16) {
    assert_eq!((reply.status, reply.content_type), (status, "application/problem+json"), "{reply:?}");
    let problem = json_of(reply);
    assert_eq!(problem["status"], status);
    assert!(problem["title"].as_str().is_some_and(|it| !it.is_empty()));
}

fn numbered(n: usize) -> String {
    UNFOLLOW.replace("1702018343678", &(1_702_018_343_678 - n).to_string())
}

/// A dead letter, its id, and the message in it.
fn letter(n: usize) -> (Entry, String, String) {
    let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let entry = dead::entry(&event, Duty::Deliver, Failure::Status(500), NOW_MS + 9, None);
    (entry, event.id().to_string(), Message::of(&event, Duty::Deliver).text())
}

fn letters(count: usize) -> FakeShelf {
    FakeShelf::of((0..count).map(|n| letter(n).0))
}

/// An event as a test tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    time: u64,
    kind: Kind,
    from: String,
    to: Vec<String>,
}

impl Told {
    /// User `a` unfollows user `b`.
    fn at(time: u64) -> Self {
        Self { time, kind: Kind::Unfollow, from: "a".to_owned(), to: vec!["b".to_owned()] }
    }

    /// What the Worker stores of it, had it come with this query.
    fn entry_of(&self, query: &str) -> Entry {
        let Self { time, kind, from, to } = self;
        let (name, to) = match kind {
            Kind::Unfollow => ("To_Account", json!(to)),
            Kind::Follow => ("FollowList", to.iter().map(|it| json!({ "To_Account": it })).collect()),
        };
        let body = json!({ "From_Account": from, name: to, "EventTime": time }).to_string();
        event(query, *kind, body.as_bytes()).entry(None, NOW_MS)
    }

    fn entry(&self) -> Entry {
        self.entry_of("OptPlatform=iOS")
    }

    fn id(&self) -> String {
        id_in(&self.entry().key).to_owned()
    }

    /// Whether the list entry holds less than all.
    fn is_cut(&self) -> bool {
        self.entry().metadata.contains(r#""truncated":true"#)
    }
}

/// What stands behind the last slash of a key.
fn id_in(key: &str) -> &str {
    key.rsplit_once('/').unwrap().1
}

fn shelf_of<'a>(events: impl IntoIterator<Item = &'a Told>) -> FakeShelf {
    FakeShelf::of(events.into_iter().map(Told::entry))
}

/// A long log, made quickly: `count` unfollows of one user each, `time(n)` being the time of the one numbered `n`.
fn long_log(count: usize, time: impl Fn(usize) -> u64) -> FakeShelf {
    let shelf = FakeShelf::default();
    let metadata = Told::at(0).entry().metadata;
    for n in 0..count {
        shelf.list_only(&numbered_key(n, time(n)), &metadata);
    }
    shelf
}

/// The key of an event of this time, told from others by its number.
fn numbered_key(n: usize, time: u64) -> String {
    let id = EventId::read(&format!("{:013}-{n:032x}", 9_999_999_999_999 - time)).unwrap();
    event::key(app(), &id)
}

/// Few users, so that events meet; one of them a target among so many that the metadata is cut.
fn told() -> impl Strategy<Value = Told> {
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
    (time, kind, user(), targets).prop_map(|(time, kind, from, to)| Told {
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
