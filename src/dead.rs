//! A dead letter: what could not be delivered, kept in KV until somebody has it replayed.

use crate::{
    event::{Entry, Event, EventId},
    json,
    message::{Duty, Message},
    webhook::SdkAppId,
};

/// What the keys of all dead letters begin with.
const PREFIX: &str = "dead/";

/// Stands for the SDKAppID in the key of a message that cannot be read.
pub const NO_APP: &str = "0";

/// Why the last try failed: an HTTP status, or a word for what happened instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The origin answered with this status.
    Status(u16),
    /// There was no answer, or nothing to ask.
    Error(&'static str),
}

impl Failure {
    /// The queue did not take the message.
    pub const QUEUE: Self = Self::Error("queue");
    /// KV did not take the event.
    pub const KV: Self = Self::Error("kv");
    /// There is no `ORIGIN_URL`, or a setting that delivery depends on is broken.
    pub const SETTINGS: Self = Self::Error("settings");
    /// The message cannot be read.
    pub const UNREADABLE: Self = Self::Error("unreadable");

    /// `last_status` and `last_error`, one of which it is.
    #[must_use]
    pub fn parts(self) -> (Option<u16>, Option<&'static str>) {
        match self {
            Self::Status(status) => (Some(status), None),
            Self::Error(error) => (None, Some(error)),
        }
    }
}

/// The letter under this `key`. `of` is the event and its duty, where there is one; `message` is JSON.
fn letter(
    key: String,
    failure: Failure,
    of: Option<(&Event<'_>, Duty)>,
    dead_at: u64,
    message: &str,
    retention_seconds: Option<u64>,
) -> Entry {
    let (last_status, last_error) = failure.parts();
    let metadata = json::object! {
        "last_status": last_status,
        "last_error": last_error,
        "received_at"?: of.map(|(event, _)| event.received_at()),
        "dead_at": dead_at,
        "duty"?: of.map(|(_, duty)| duty.name()),
        "targets"?: of.map(|(event, _)| event.targets()),
    };
    let value = json::merge(&metadata, &format!(r#"{{"message":{message}}}"#));
    Entry { key, value, metadata, expiration: expiration(retention_seconds, dead_at) }
}

/// How long a dead letter is kept at least, in seconds: somebody has to have seen it.
const KEPT_AT_LEAST_SECONDS: u64 = 30 * 24 * 60 * 60;

/// When a dead letter may be forgotten, in Unix seconds: as long after its death as events are kept after their receipt.
fn expiration(retention_seconds: Option<u64>, dead_at: u64) -> Option<u64> {
    retention_seconds.map(|seconds| (dead_at / 1000).saturating_add(seconds.max(KEPT_AT_LEAST_SECONDS)))
}

/// The dead letter of `event`, whose `duty` failed for good at `dead_at` (Unix ms). An event can owe both duties, and
/// neither letter may overwrite the other: the one that is to be stored has `-store` behind its id.
#[must_use]
pub fn entry(event: &Event<'_>, duty: Duty, failure: Failure, dead_at: u64, retention_seconds: Option<u64>) -> Entry {
    let message = Message::of(event, duty);
    let key = key(event.app(), event.id(), duty);
    letter(key, failure, Some((event, duty)), dead_at, &message.text(), retention_seconds)
}

/// The keys of the dead letters that there may be of one event.
#[must_use]
pub fn keys(app: SdkAppId, id: &EventId) -> [String; 2] {
    [key(app, id, Duty::Deliver), key(app, id, Duty::Store)]
}

fn key(app: SdkAppId, id: &EventId, duty: Duty) -> String {
    let suffix = match duty {
        Duty::Deliver => "",
        Duty::Store => "-store",
    };
    format!("{PREFIX}{app}/{id}{suffix}")
}

/// The dead letter of a message that cannot be read, under the id that the queue gave it.
#[must_use]
pub fn unreadable_entry(message_id: &str, text: &str, dead_at: u64, retention_seconds: Option<u64>) -> Entry {
    let key = format!("{PREFIX}{NO_APP}/{message_id}");
    letter(key, Failure::UNREADABLE, None, dead_at, &json::write(text), retention_seconds)
}

/// What the keys of one app's dead letters begin with; without an app, those of messages that cannot be read.
#[must_use]
pub fn prefix(app: Option<SdkAppId>) -> String {
    app.map_or_else(|| format!("{PREFIX}{NO_APP}/"), |app| format!("{PREFIX}{app}/"))
}

/// The message in a dead letter's `value`, as text; `None` where it is one that cannot be read.
#[must_use]
pub fn message(value: &str) -> Option<&str> {
    let mut message = None;
    json::members(value, |name, value| {
        if name == "message" {
            message = Some(value);
        }
        Some(())
    })?;
    message.filter(|message| Message::read(message).is_some())
}
