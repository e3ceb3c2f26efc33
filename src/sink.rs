//! The sinks: where events go. All that is said of one is said here: its words in settings, messages, keys and logs, the
//! binding that it needs, and how an event is brought there.

use std::future::ready;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    database::{
        Database as _,
        event_log::{self, IN_KV_FOR_GOOD, NOT_IN_KV},
    },
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
        message::Message,
    },
    encoding::to_json,
    event::Event,
    ports::{DB, EVENTS, Ports},
    storage::{Attempt, AttemptError, Kv as _, Queue},
};

/// A sink. Its word in the setting `SINKS` is its name in lower case; in messages, logs and the keys of dead letters, it is the
/// job that is still to be done for it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray, Serialize, Deserialize,
)]
#[strum(serialize_all = "lowercase")]
pub enum Sink {
    /// A record in KV.
    #[serde(rename = "store_kv")]
    Kv,
    /// A row of the event log in D1.
    #[serde(rename = "store_d1")]
    D1,
    /// A delivery to the app's backend, by way of the queue.
    #[serde(rename = "deliver")]
    Origin,
}

impl Sink {
    /// Its word in `SINKS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its word in messages.
    #[must_use]
    pub fn job(self) -> String {
        to_json(&self).trim_matches('"').to_owned()
    }

    /// The binding that it stores in, and what that is bound to; `None` for a sink that stores nothing itself: the origin gets
    /// events by way of the queue.
    #[must_use]
    pub const fn binding(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Kv => Some((EVENTS, "a KV namespace")),
            Self::D1 => Some((DB, "a D1 database")),
            Self::Origin => None,
        }
    }

    /// Whether it has an event as soon as an attempt succeeds.
    #[must_use]
    pub const fn stores(self) -> bool {
        self.binding().is_some()
    }

    /// Begins an attempt to store `event`, at `now` (Unix ms). `None` for a sink that stores nothing.
    pub fn begin(self, ports: &impl Ports, event: &Event<'_>, storing: &Storing, now: u64) -> Option<Attempt> {
        let kv_until = storing.kv_until(event, now);
        let statement = || match storing.hashes.as_deref() {
            None => event_log::insert(event, kv_until),
            Some(hashes) => event_log::insert_unless_erased(event, kv_until, hashes),
        };
        match self {
            Self::Kv => Some(ports.kv().put(&event.entry(storing.retention_seconds, now))),
            Self::D1 if storing.is_batched => Some(self.leave_on(ports.event_log_queue(), event)),
            Self::D1 => Some(ports.database().map_or_else(unbound, |it| it.attempt(statement()))),
            Self::Origin => None,
        }
    }

    /// Begins to have the sink take an event at `now` (Unix ms). The origin gets it by way of the queue.
    pub fn hand_over(self, ports: &impl Ports, event: &Event<'_>, storing: &Storing, now: u64) -> Attempt {
        self.begin(ports, event, storing, now).unwrap_or_else(|| self.leave_on(ports.queue(), event))
    }

    /// Begins to leave an event elsewhere at `now` (Unix ms), because the sink did not take it: on the queue, or in KV as a dead letter
    /// if the queue is what failed.
    pub fn fall_back(self, ports: &impl Ports, event: &Event<'_>, storing: &Storing, now: u64) -> Attempt {
        if self.stores() {
            return self.leave_on(ports.queue(), event);
        }
        let failure = Failure::Other(Reason::Queue);
        ports.kv().put(&dead_letter::entry(event, self, failure, now, storing.retention_seconds))
    }

    fn leave_on(self, queue: Option<&impl Queue>, event: &Event<'_>) -> Attempt {
        queue.map_or_else(unbound, |queue| queue.send(&Message::of(event, self).text()))
    }
}

/// How events come into D1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum D1Writes {
    /// With a statement each, before the response.
    #[default]
    Direct,
    /// With a statement for up to 100, which a consumer takes off a queue of its own: the response waits for KV and the queue.
    Batched,
}

/// How events are stored.
#[derive(Clone, Debug, Default)]
pub struct Storing {
    /// For how long after its receipt a sink that deletes by itself has an event, in seconds; `None` is for good.
    pub retention_seconds: Option<u64>,
    /// Whether KV is among the sinks.
    pub has_kv: bool,
    /// Whether events go to D1 by way of a queue of its own, as KV has them: see [`D1Writes`].
    pub is_batched: bool,
    /// What an event that was received earlier may have been erased by since: see [`crate::delivery::erased`].
    pub hashes: Option<Vec<String>>,
}

impl Storing {
    /// Until when KV has the record of an event that is stored at `now` (Unix ms), in Unix seconds, as the log has it.
    #[must_use]
    pub fn kv_until(&self, event: &Event<'_>, now: u64) -> u64 {
        if self.has_kv { event.expiration(self.retention_seconds, now).unwrap_or(IN_KV_FOR_GOOD) } else { NOT_IN_KV }
    }
}

/// An attempt if there is no binding.
pub fn unbound() -> Attempt {
    Box::pin(ready(Err(AttemptError::Failed)))
}
