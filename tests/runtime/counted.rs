//! A Worker whose KV the test fills with entries as the Worker itself would write them, and which tells the operations on it.

use serde_json::{Value, json};
use unfollow_webhook::{
    delivery::{dead_letter, failure::Failure},
    event::{Entry, Event},
    sink::Sink,
    webhook::{SdkAppId, auth::Policy, body::Follow, command::Kind, query::Query},
};

use crate::{
    ADMIN_TOKEN,
    call::{Answer, post_at, request, request_api},
    worker::{Home, Settings, Worker},
};

/// Such a Worker. Its event log lacks what was put into KV: see `POST /v1/reindex`.
pub struct Counted {
    worker: Worker,
}

impl Counted {
    /// Starts one with these entries in its KV.
    pub fn start(settings: Settings<'_>, entries: &[Entry]) -> Self {
        let home = Home::with_counted_store(settings);
        let worker = home.start();
        let metadata = |entry: &Entry| serde_json::from_str::<Value>(&entry.metadata).unwrap();
        let json = |entry: &Entry| json!({"key": entry.key, "value": entry.value, "metadata": metadata(entry)});
        let all: Vec<_> = entries.iter().map(json).collect();
        let filled = post_at(&format!("{}/fill", worker.url), json!(all).to_string());
        assert_eq!(filled.body, json!({"filled": all.len()}));
        Self { worker }
    }

    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    pub fn url(&self) -> &str {
        &self.worker.url
    }

    /// The response to this call of the API, and the names of the operations on KV since the last one.
    pub fn api(&self, method: &str, path: &str) -> (Answer, Vec<String>) {
        let answer = request_api(method, &format!("{}/v1/{path}", self.url()), Some(ADMIN_TOKEN));
        (answer, self.operations())
    }

    /// The names of the operations on KV since they were last asked for.
    pub fn operations(&self) -> Vec<String> {
        let operations = request("GET", &format!("{}/operations", self.url())).body;
        serde_json::from_value(operations).unwrap()
    }

    /// Allows each request so many operations on KV.
    pub fn limit(&self, operations: u64) {
        let answer = post_at(&format!("{}/limit", self.url()), operations.to_string());
        assert_eq!(answer.body, json!(operations));
    }

    /// How many operations have failed by the limit.
    pub fn struck(&self) -> u64 {
        request("GET", &format!("{}/struck", self.url())).body.as_u64().unwrap()
    }
}

/// Calls `make` with the event of a call that came at `received_at`.
fn with_event<T>(app: &str, query: &str, body: &str, received_at: u64, make: impl FnOnce(&Event<'_>) -> T) -> T {
    let query = Query::parse(query).unwrap();
    let kind = Kind::of(query.command.as_deref().unwrap()).unwrap();
    let query = Policy::Unsigned.check(query, None, None, received_at).unwrap();
    let follow = Follow::parse(kind, body.as_bytes()).unwrap().remove(0);
    make(&Event::new(SdkAppId::parse(app).unwrap(), query, follow, received_at))
}

/// The event of a call with this query and body, as it is stored.
pub fn stored(app: &str, query: &str, body: &str, received_at: u64) -> Entry {
    with_event(app, query, body, received_at, |event| event.entry(None, received_at))
}

/// The event's dead letter.
pub fn dead_lettered(app: &str, query: &str, body: &str, received_at: u64, sink: Sink, failure: Failure) -> Entry {
    with_event(app, query, body, received_at, |event| dead_letter::entry(event, sink, failure, received_at + 1, None))
}

/// The id in an entry's key.
pub fn id(entry: &Entry) -> &str {
    entry.key.rsplit_once('/').unwrap().1
}
