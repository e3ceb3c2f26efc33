//! Where it is remembered what was told: in D1, and in one key of KV while D1 fails or is not bound.

use std::pin::pin;

use futures_util::future::join;
use serde::Deserialize;

use super::rules::State;
use crate::{
    database::{Database as _, alert_messages},
    encoding::{from_json_object, to_json},
    event::Entry,
    ports::Ports,
    storage::{Clock as _, Kv as _, within},
};

/// The key of KV. No list, export or erasure of events or dead letters begins so.
pub const KEY: &str = "alerts/state";

/// For how long KV keeps it, in seconds: what is older says nothing.
const EXPIRES_SECONDS: u64 = 7 * 24 * 60 * 60;

/// How long reading may take, in ms.
pub const LOAD_WITHIN_MS: u64 = 1_500;

/// How long writing to one of both may take, in ms.
pub const SAVE_WITHIN_MS: u64 = 700;

/// What is remembered, and where it can be written.
pub struct Memory<'a, P> {
    ports: &'a P,
    /// What was told so far.
    pub state: State,
    /// The revision of the row that was read; `None` if D1 cannot be used.
    revision: Option<u64>,
    /// Whether KV has a state, too, which D1's makes superfluous.
    is_in_kv: bool,
    /// Whether it was read from anywhere. If not, nobody knows what was told.
    pub is_known: bool,
}

/// What became of an attempt to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is written.
    Done,
    /// Another run has written meanwhile, and goes on.
    Superseded,
    /// Neither D1 nor KV took it.
    Failed,
}

impl<'a, P: Ports> Memory<'a, P> {
    /// Reads it.
    pub async fn load(ports: &'a P) -> Self {
        #[derive(Deserialize)]
        struct Row {
            revision: u64,
            state: String,
        }
        let clock = ports.clock();
        let of_database = async {
            let reading = pin!(ports.database()?.rows::<Row>(alert_messages::read()));
            within(clock, LOAD_WITHIN_MS, reading).await?.ok()
        };
        let of_kv = async { within(clock, LOAD_WITHIN_MS, pin!(ports.kv().get(KEY))).await?.ok() };
        let (row, value) = join(of_database, of_kv).await;
        let is_known = row.is_some() || value.is_some();
        let revision = row.as_ref().map(|rows| rows.first().map_or(0, |row| row.revision));
        // What this version cannot read is forgotten: then all that is wrong is told again.
        let read = |text: &str| from_json_object::<State>(text).unwrap_or_default();
        let in_database = row.iter().flatten().next().map(|row| read(&row.state)).unwrap_or_default();
        let value = value.flatten();
        let is_in_kv = value.is_some();
        let state = value.map_or_else(|| in_database.clone(), |text| in_database.clone().merged(read(&text)));
        Self { ports, state, revision, is_in_kv, is_known }
    }

    /// Writes it: to D1, or to KV if that fails.
    pub async fn save(&mut self) -> Saved {
        let clock = self.ports.clock();
        let text = to_json(&self.state);
        if let (Some(database), Some(revision)) = (self.ports.database(), self.revision) {
            let writing = pin!(database.run(alert_messages::write(revision, &text)));
            match within(clock, SAVE_WITHIN_MS, writing).await {
                Some(Ok(changes)) if changes.changed > 0 => {
                    self.revision = Some(revision.saturating_add(1));
                    if self.is_in_kv {
                        let deleted = within(clock, SAVE_WITHIN_MS, pin!(self.ports.kv().delete(KEY))).await;
                        self.is_in_kv = !matches!(deleted, Some(Ok(())));
                    }
                    return Saved::Done;
                }
                Some(Ok(_)) => return Saved::Superseded,
                // It may have been written all the same: the next run puts both together.
                Some(Err(_)) | None => self.revision = None,
            }
        }
        let expiration = (clock.now_ms() / 1000).saturating_add(EXPIRES_SECONDS);
        let entry = Entry { key: KEY.to_owned(), value: text, metadata: "{}".to_owned(), expiration: Some(expiration) };
        match within(clock, SAVE_WITHIN_MS, self.ports.kv().put(&entry)).await {
            Some(Ok(())) => {
                self.is_in_kv = true;
                Saved::Done
            }
            _ => Saved::Failed,
        }
    }
}
