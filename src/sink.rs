//! The sinks: where events go. All that is said of one is said here: its words in settings, messages, keys and logs, the
//! binding that it needs, and how an event is brought there.

use std::future::ready;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    database::{Database as _, event_log},
    encoding::to_json,
    event::Event,
    ports::{DB, EVENTS, Ports},
    storage::{Attempt, AttemptError, Kv as _},
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

    /// Begins an attempt to store `event`, at `now` (Unix ms), for `retention_seconds` if the sink is one that deletes by itself. `None`
    /// for a sink that stores nothing.
    pub fn begin(
        self,
        ports: &impl Ports,
        event: &Event<'_>,
        retention_seconds: Option<u64>,
        now: u64,
    ) -> Option<Attempt> {
        match self {
            Self::Kv => Some(ports.kv().put(&event.entry(retention_seconds, now))),
            Self::D1 => Some(ports.database().map_or_else(unbound, |it| it.attempt(event_log::insert(event)))),
            Self::Origin => None,
        }
    }
}

/// An attempt if there is no binding.
pub fn unbound() -> Attempt {
    Box::pin(ready(Err(AttemptError::Failed)))
}
