//! A dead letter: what could not be delivered, stored in KV until somebody has it replayed.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};
use strum::VariantArray as _;

use super::{failure::Failure, message::Message};
use crate::{
    encoding::{from_json_object, to_json},
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
    #[serde(rename = "job", skip_serializing_if = "Option::is_none")]
    sink: Option<Sink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<usize>,
}

impl Metadata {
    /// Reads what KV lists; everything is missing if this Worker cannot have written it.
    #[must_use]
    pub fn read(metadata: &Value) -> Option<Self> {
        metadata.is_object().then(|| Self::deserialize(metadata).ok()).flatten()
    }
}

/// The `last_error` that another version of this Worker may have written.
fn known_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| Failure::known_word(&text).to_owned()))
}

/// The value: the metadata and the message itself.
#[derive(Serialize)]
struct Letter<'a> {
    #[serde(flatten)]
    metadata: &'a Metadata,
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
    failure: Failure,
    of: Option<(&Event<'_>, Sink)>,
    dead_at: u64,
    message: Undelivered<'_>,
    retention_seconds: Option<u64>,
) -> Entry {
    let (last_status, last_error) = failure.parts();
    let metadata = Metadata {
        last_status,
        last_error: last_error.map(str::to_owned),
        received_at: of.map(|(event, _)| event.received_at()),
        dead_at: Some(dead_at),
        sink: of.map(|(_, sink)| sink),
        targets: of.map(|(event, _)| event.targets()),
    };
    let value = to_json(&Letter { metadata: &metadata, message });
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
pub fn entry(event: &Event<'_>, sink: Sink, failure: Failure, dead_at: u64, retention_seconds: Option<u64>) -> Entry {
    let message = Message::of(event, sink);
    let key = key(event.app(), event.id(), sink);
    letter(key, failure, Some((event, sink)), dead_at, Undelivered::Message(&message), retention_seconds)
}

/// The entry of a dead letter of which there is only the key and the `value`, at `now` (Unix ms); `None` if that is none.
#[must_use]
pub fn restored(key: &str, value: &str, retention_seconds: Option<u64>, now: u64) -> Option<Entry> {
    from_json_object::<StoredLetter<'_>>(value)?;
    let metadata: Metadata = from_json_object(value)?;
    let earliest = (now / 1000).saturating_add(EXPIRATION_AHEAD_SECONDS);
    let expiration = expiration(retention_seconds, metadata.dead_at.unwrap_or(now)).map(|at| at.max(earliest));
    Some(Entry { key: key.to_owned(), value: value.to_owned(), metadata: to_json(&metadata), expiration })
}

/// The keys of the dead letters that there may be of one event.
pub fn keys(app: SdkAppId, id: &EventId) -> impl Iterator<Item = String> {
    Sink::VARIANTS.iter().map(move |&sink| key(app, id, sink))
}

fn key(app: SdkAppId, id: &EventId, sink: Sink) -> String {
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
    letter(key, failure, None, dead_at, Undelivered::Text(text), retention_seconds)
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

/// Whether a text in `value` is exactly `wanted`.
fn has_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| has_text(item, wanted)),
        Value::Object(members) => members.values().any(|member| has_text(member, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
