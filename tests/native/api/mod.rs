//! The operator's API: who may use it, what is listed and counted, and that nothing is deleted before it is on the
//! queue. KV is a map, the event log is a real SQLite.

mod access;
mod calls;
mod cursor;
mod dead_letters;
mod deadline;
mod deliveries;
mod erasure;
mod event;
mod events;
mod export;
mod operations;
mod parameters;
mod reindex;
mod stats;
mod status;
mod times;
mod top;
mod users;

use std::{cmp::Reverse, time::Duration};

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use strum::VariantArray as _;
use tokio::time::timeout;
use unfollow_webhook::{
    api::{Api, ApiRequest},
    config::Config,
    database::schema::Schema,
    delivery::{dead_letter, failure::Failure, message::Message},
    event::{Entry, Event},
    log::Level,
    response::Response,
    sink::Sink,
    webhook::{SdkAppId, body::Follow, command::Kind},
};

use crate::{
    database::Sqlite,
    fakes::{FakeKv, FakeQueue, FakeSink, Plan, paused},
    ports::FakePorts,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, app, config, event, event_for, query},
};

const ADMIN: &str = "a-token-of-the-operator";

/// A queue that takes every message at once.
fn a_queue() -> FakeQueue {
    FakeQueue::always(Plan::Succeeds(0))
}

fn operated() -> Config {
    let variables = [
        ("SDK_APP_IDS", APP),
        ("CALLBACK_TOKEN", TOKEN),
        ("ADMIN_TOKEN", ADMIN),
        ("ORIGIN_URL", ORIGIN),
        ("SINKS", "kv,d1"),
    ];
    config(&variables)
}

fn request<'a>(method: &'a str, path: &'a str) -> ApiRequest<'a> {
    ApiRequest { method, path, query: "", is_confidential: true, authorization: Some("Bearer a-token-of-the-operator") }
}

/// The response where no database is bound.
fn ask(config: &Config, kv: &FakeKv, queue: Option<&FakeQueue>, request: ApiRequest<'_>) -> Response {
    timed(config, kv, queue, None, request).0
}

/// A response, and after how many ms it came.
fn timed(
    config: &Config,
    kv: &FakeKv,
    queue: Option<&FakeQueue>,
    database: Option<&Sqlite>,
    request: ApiRequest<'_>,
) -> (Response, u64) {
    let (response, elapsed, _) = logged(config, kv, queue, database, request);
    (response, elapsed)
}

/// A response, after how many ms it came, and the log records.
fn logged(
    config: &Config,
    kv: &FakeKv,
    queue: Option<&FakeQueue>,
    database: Option<&Sqlite>,
    request: ApiRequest<'_>,
) -> (Response, u64, Vec<(Level, String)>) {
    logged_at(NOW_MS, config, kv, queue, database, request)
}

/// The same at `now` (Unix ms).
fn logged_at(
    now: u64,
    config: &Config,
    kv: &FakeKv,
    queue: Option<&FakeQueue>,
    database: Option<&Sqlite>,
    request: ApiRequest<'_>,
) -> (Response, u64, Vec<(Level, String)>) {
    paused(async {
        let ports = FakePorts { queue, ..FakePorts::at(now, kv) }.with_database(database);
        let api = Api { config, ports: &ports, schema: &Schema::default(), pace: &Default::default() };
        let response = timeout(Duration::from_secs(60), api.answer(request)).await.expect("a response within a minute");
        (response, ports.clock.elapsed(), ports.records.take())
    })
}

/// The response to a GET with the right token, where KV has nothing and is not asked.
fn get(database: &Sqlite, path: &str, query: &str) -> Response {
    get_by(&operated(), database, path, query)
}

/// The same with these settings.
fn get_by(config: &Config, database: &Sqlite, path: &str, query: &str) -> Response {
    let kv = FakeKv::default();
    let request = ApiRequest { query, ..request("GET", path) };
    let (response, _) = timed(config, &kv, None, Some(database), request);
    // Only for an app that is not ours: whether it was.
    assert!(kv.operations.borrow().is_empty() || response.status >= 400, "{:?}", kv.operations);
    response
}

/// The same at `now` (Unix ms).
fn get_at(now: u64, config: &Config, database: &Sqlite, path: &str, query: &str) -> Response {
    let request = ApiRequest { query, ..request("GET", path) };
    logged_at(now, config, &FakeKv::default(), None, Some(database), request).0
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

/// A dead letter, its id, and the message that replays it.
fn numbered_dead_letter(n: usize) -> (Entry, String, String) {
    let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let entry = dead_letter::entry(&event, Sink::Origin, Failure::Status(500), NOW_MS + 9, None);
    let message = Message::of(&event, Sink::Origin).replaying(&*entry.key).text();
    (entry, event.id().to_string(), message)
}

/// A KV that has these entries, and takes others.
fn replayable(entries: impl IntoIterator<Item = Entry>) -> FakeKv {
    FakeKv { puts: FakeSink::always(Plan::Succeeds(0)), ..FakeKv::having(entries) }
}

fn kv_of_dead_letters(count: usize) -> FakeKv {
    replayable((0..count).map(|n| numbered_dead_letter(n).0))
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

    /// User `from` unfollows user `to`.
    fn between(from: &str, to: &str, time: u64) -> Self {
        Self { from: from.to_owned(), to: vec![to.to_owned()], ..Self::at(time) }
    }

    /// What `use_event` makes of it where it came for `app` with this query.
    fn with<T>(&self, app: SdkAppId, query: &str, use_event: impl FnOnce(&Event<'_>) -> T) -> T {
        let Self { time, kind, from, to } = self;
        let (name, to) = match kind {
            Kind::Unfollow => ("To_Account", json!(to)),
            Kind::Follow => ("FollowList", to.iter().map(|it| json!({ "To_Account": it })).collect()),
        };
        let body = json!({ "CallbackCommand": kind.command(), "From_Account": from, name: to, "EventTime": time });
        let body = body.to_string();
        // Any time at all, also such as a body would have in seconds.
        let follow = Follow { event_time: *time, ..Follow::parse(*kind, body.as_bytes()).unwrap().remove(0) };
        use_event(&event_for(app, query, follow))
    }

    fn entry(&self) -> Entry {
        self.with(app(), QUERY, |event| event.entry(None, NOW_MS))
    }

    fn id(&self) -> String {
        self.with(app(), QUERY, |event| event.id().to_string())
    }

    /// What a list shows of it.
    fn listed(&self) -> Value {
        let mut record: Value = serde_json::from_str(&self.entry().value).unwrap();
        for name in ["query", "body"] {
            assert!(record.as_object_mut().unwrap().remove(name).is_some());
        }
        record
    }

    /// Where it comes in a list: the newest first.
    fn rank(&self) -> (Reverse<u64>, Reverse<String>) {
        (Reverse(self.time), Reverse(self.id()[14..].to_owned()))
    }

    fn is_of(&self, user: &str, role: Option<&str>) -> bool {
        let is_actor = role != Some("target") && self.from == user;
        is_actor || role != Some("actor") && self.to.iter().any(|target| target == user)
    }
}

/// The query that a [`TestEvent`] comes with.
const QUERY: &str = "OptPlatform=iOS";

/// Another app of ours.
const OTHER_APP: &str = "1400000001";

fn other_app() -> SdkAppId {
    SdkAppId::parse(OTHER_APP).unwrap()
}

/// Settings with both apps.
fn operated_with_two_apps() -> Config {
    let apps = format!("{APP},{OTHER_APP}");
    config(&[("SDK_APP_IDS", &*apps), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)])
}

/// A database with these events.
fn log_of<'a>(events: impl IntoIterator<Item = &'a TestEvent>) -> Sqlite {
    let database = Sqlite::default();
    add(&database, app(), events);
    database
}

fn add<'a>(database: &Sqlite, app: SdkAppId, events: impl IntoIterator<Item = &'a TestEvent>) {
    events.into_iter().for_each(|event| event.with(app, QUERY, |event| database.insert(event)));
}

/// A log of `count` unfollows, a ms apart, the newest at [`NOW_MS`].
fn long_log(count: u64) -> Sqlite {
    let events: Vec<_> = (0..count).map(|n| TestEvent::at(NOW_MS - n)).collect();
    log_of(&events)
}

/// The times of the events that are listed, as they are listed.
#[track_caller]
fn times_of(response: &Response) -> Vec<u64> {
    assert_eq!(response.status, 200, "{response:?}");
    let answer = json_of(response);
    answer["events"].as_array().unwrap().iter().map(|it| it["event_time"].as_u64().unwrap()).collect()
}

/// Few users, so that events meet; some events of many targets, duplicates among them.
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
    let kind = proptest::sample::select(Kind::VARIANTS);
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
