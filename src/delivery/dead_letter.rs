//! A dead letter: what could not be delivered, stored in KV until somebody has it replayed.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json, value::RawValue};
use strum::VariantArray as _;

use super::{
    failure::{Failed, Failure},
    message::Message,
};
use crate::{
    encoding::{UNKNOWN, from_json_object, to_json},
    event::{EXPIRATION_AHEAD_SECONDS, Entry, Event, EventId},
    sink::Sink,
    webhook::SdkAppId,
};

/// What the keys of all dead letters begin with.
pub const PREFIX: &str = "dead/";

/// Stands for the SDKAppID in the key of a message that cannot be read.
pub const NO_APP: &str = "0";

/// What a list shows of a dead letter besides its key. It may have been written by another version of this Worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metadata {
    #[serde(default)]
    last_status: Option<u16>,
    #[serde(default, deserialize_with = "known_word")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<u64>,
    #[serde(default)]
    dead_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_job")]
    job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<usize>,
}

impl Metadata {
    /// Reads what KV lists; everything is missing if this Worker cannot have written it.
    #[must_use]
    pub fn read(metadata: &Value) -> Option<Self> {
        metadata.is_object().then(|| Self::deserialize(metadata).ok()).flatten()
    }

    /// What has all members that a list always has, and says nothing.
    #[must_use]
    pub fn unknown() -> Option<Self> {
        Self::read(&json!({}))
    }

    /// Whether a message that replays it may still be on its way at `now` (Unix ms), if that takes `life_seconds` at most.
    #[must_use]
    pub fn is_under_way(&self, now: u64, life_seconds: u64) -> bool {
        let is_recent = |at: u64| now.saturating_sub(at) / 1000 <= life_seconds;
        self.replayed_at.is_some_and(is_recent)
    }
}

/// The `last_error` that another version of this Worker may have written.
fn known_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| Failure::known_word(&text).to_owned()))
}

/// The `job` that another version of this Worker may have written.
fn known_job<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let is_known = |text: &str| Sink::VARIANTS.iter().any(|sink| sink.job() == text);
    Ok(text.map(|text| if is_known(&text) { text } else { UNKNOWN.to_owned() }))
}

/// The value: the metadata and the message itself.
#[derive(Serialize)]
struct Letter<'a> {
    #[serde(flatten)]
    metadata: &'a Metadata,
    /// The start of the origin's last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    message: Undelivered<'a>,
}

/// A message that can be read goes in as it is, any other one as text.
#[derive(Serialize)]
#[serde(untagged)]
enum Undelivered<'a> {
    Message(&'a Message<'a>),
    Text(&'a str),
}

/// The dead letter under this `key`. `of` is the event and the sink that it was for, if the message can be read.
fn letter(
    key: String,
    failed: &Failed,
    of: Option<(&Event<'_>, Sink)>,
    dead_at: u64,
    message: Undelivered<'_>,
    retention_seconds: Option<u64>,
) -> Entry {
    let (last_status, last_error) = failed.parts();
    let metadata = Metadata {
        last_status,
        last_error: last_error.map(str::to_owned),
        received_at: of.map(|(event, _)| event.received_at()),
        dead_at: Some(dead_at),
        replayed_at: None,
        job: of.map(|(_, sink)| sink.job()),
        targets: of.map(|(event, _)| event.targets()),
    };
    let value = to_json(&Letter { metadata: &metadata, answer: failed.answer.as_deref(), message });
    Entry { key, value, metadata: to_json(&metadata), expiration: expiration(retention_seconds, dead_at) }
}

/// How long a dead letter stays at least, in seconds: somebody has to have seen it.
const RETENTION_MIN_SECONDS: u64 = 30 * 24 * 60 * 60;

/// How long a dead letter stays, in seconds, when events stay for `events_seconds`; `None` is for good.
#[must_use]
pub fn retention_seconds(events_seconds: Option<u64>) -> Option<u64> {
    events_seconds.map(|seconds| seconds.max(RETENTION_MIN_SECONDS))
}

/// When a dead letter may be forgotten, in Unix seconds: as long after `dead_at` as events are after their receipt.
fn expiration(events_seconds: Option<u64>, dead_at: u64) -> Option<u64> {
    retention_seconds(events_seconds).map(|seconds| (dead_at / 1000).saturating_add(seconds))
}

/// The dead letter of `event`, which could not be brought to `sink`, at `dead_at` (Unix ms). An event can have one for each
/// sink, and none may overwrite another: a key has the sink's job behind the id, unless it is `deliver`.
#[must_use]
pub fn entry(
    event: &Event<'_>,
    sink: Sink,
    failed: impl Into<Failed>,
    dead_at: u64,
    retention_seconds: Option<u64>,
) -> Entry {
    let message = Message::of(event, sink);
    let key = key(event.app(), event.id(), sink);
    letter(key, &failed.into(), Some((event, sink)), dead_at, Undelivered::Message(&message), retention_seconds)
}

/// The keys of the dead letters that there may be of one event.
pub fn keys(app: SdkAppId, id: &EventId) -> impl Iterator<Item = String> {
    Sink::VARIANTS.iter().map(move |&sink| key(app, id, sink))
}

/// The key of the dead letter of an event that could not be brought to `sink`.
#[must_use]
pub fn key(app: SdkAppId, id: &EventId, sink: Sink) -> String {
    match sink {
        Sink::Origin => format!("{PREFIX}{app}/{id}"),
        sink => format!("{PREFIX}{app}/{id}-{}", sink.job()),
    }
}

/// The dead letter of a message that cannot be read, or must not be: its text, under the id that the queue gave it.
#[must_use]
pub fn raw_entry(
    message_id: &str,
    text: &str,
    failure: Failure,
    dead_at: u64,
    retention_seconds: Option<u64>,
) -> Entry {
    let key = format!("{PREFIX}{NO_APP}/{message_id}");
    letter(key, &failure.into(), None, dead_at, Undelivered::Text(text), retention_seconds)
}

/// What the keys of one app's dead letters begin with; without an app, those of messages that cannot be read.
#[must_use]
pub fn prefix(app: Option<SdkAppId>) -> String {
    app.map_or_else(|| format!("{PREFIX}{NO_APP}/"), |app| format!("{PREFIX}{app}/"))
}

/// What is read back of a dead letter's value.
#[derive(Deserialize)]
struct StoredLetter<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

/// The entry of a dead letter of which there is only the key and the `value`, at `now` (Unix ms); `None` if that is none. What
/// another version has written of it stays as it is.
#[must_use]
pub fn restored(key: &str, value: &str, retention_seconds: Option<u64>, now: u64) -> Option<Entry> {
    from_json_object::<StoredLetter<'_>>(value)?;
    entry_of(key, from_json_object(value)?, retention_seconds, now)
}

/// The letter of this key and `value` as one that is replayed at `now` (Unix ms): it stays until its message has ended it.
#[must_use]
pub fn replayed(key: &str, value: &str, now: u64, retention_seconds: Option<u64>) -> Option<Entry> {
    let mut members: Members<'_> = from_json_object(value)?;
    members.insert("replayed_at".into(), Cow::Owned(RawValue::from_string(now.to_string()).ok()?));
    entry_of(key, members, retention_seconds, now)
}

/// The members of a value, whichever there are.
type Members<'a> = BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>;

/// The entry of a letter with these members, at `now` (Unix ms).
fn entry_of(key: &str, mut members: Members<'_>, retention_seconds: Option<u64>, now: u64) -> Option<Entry> {
    let value = to_json(&members);
    for name in ["message", "answer"] {
        members.remove(name);
    }
    let dead_at = members.get("dead_at").and_then(|at| serde_json::from_str(at.get()).ok());
    // KV takes no earlier one.
    let earliest = (now / 1000).saturating_add(EXPIRATION_AHEAD_SECONDS);
    let expiration = expiration(retention_seconds, dead_at.unwrap_or(now)).map(|at| at.max(earliest));
    Some(Entry { key: key.to_owned(), value, metadata: to_json(&members), expiration })
}

/// The message in a dead letter's `value`, as text; `None` if it is about no event: it would only become a dead letter again.
/// One that was stored as text may well be readable: it was stored so because it ended its invocation.
#[must_use]
pub fn message(value: &str) -> Option<Cow<'_, str>> {
    let StoredLetter { message } = from_json_object(value)?;
    let text = match serde_json::from_str::<String>(message.get()) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(message.get()),
    };
    Message::read(&text)?.event().is_some().then_some(text)
}

/// When what a dead letter's `value` is of was received, in Unix ms; `None` if that cannot be read.
#[must_use]
pub fn received_at(value: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Received {
        received_at: Option<u64>,
    }
    let of = |text: &str| from_json_object::<Received>(text)?.received_at;
    of(value).or_else(|| {
        let StoredLetter { message } = from_json_object(value)?;
        of(&serde_json::from_str::<String>(message.get()).ok()?)
    })
}

/// The start of the origin's last answer, which is in a dead letter's `value`; `None` if there was none.
#[must_use]
pub fn answer(value: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct StoredAnswer {
        answer: Option<String>,
    }
    from_json_object::<StoredAnswer>(value)?.answer
}

/// Whether a dead letter's `value` is of an event of this app in which this user has a part. What cannot be read has one if
/// the user's id is among its texts: a letter of no app may be of any.
#[must_use]
pub fn has_part(value: &str, app: SdkAppId, user: &str) -> bool {
    let Some(StoredLetter { message }) = from_json_object(value) else { return false };
    // What was stored as text is not parsed as a message: that may be what ended its invocation.
    let text = match serde_json::from_str::<String>(message.get()) {
        Ok(text) => Cow::Owned(text),
        Err(_) => match Message::read(message.get()).as_ref().and_then(Message::event) {
            Some(event) => return event.app() == app && event.has_part(user),
            None => Cow::Borrowed(message.get()),
        },
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(message) if message.get("sdk_app_id").and_then(Value::as_u64).is_some_and(|other| other != app.get()) => {
            false
        }
        Ok(message) => has_text(message.get("body").unwrap_or(&message), user),
        Err(_) => text.contains(&to_json(user)),
    }
}

/// Whether the id of a user is among the texts of what cannot be read as ours.
#[must_use]
pub fn mentions(text: &str, user: &str) -> bool {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => has_text(&value, user),
        Err(_) => text.contains(&to_json(user)),
    }
}

/// Whether a text in `value` is exactly `wanted`.
fn has_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| has_text(item, wanted)),
        Value::Object(members) => members.values().any(|member| has_text(member, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
