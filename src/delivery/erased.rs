//! What was erased is not stored again. An erasure notes a hash of the user, or of the event, and when it began. Whatever stores
//! an event some time after its receipt asks for these notes: a queue's consumer, an attempt that ends after the response, a
//! replay, the rebuilding of the log. The webhook itself does not: an erasure waits until what came before it has ended.

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::dead_letter;
use crate::{
    database::{Database, DatabaseError, erasures, event_log, rankings},
    event::{self, Event, EventId},
    hash::{netstrings, sha256_hex},
    ports::Ports,
    storage::{Kv, StoreError},
    webhook::SdkAppId,
};

/// The hash of a user of an app: 64 hex digits.
#[must_use]
pub fn hash_of_user(app: SdkAppId, user: &str) -> String {
    hash("user", app, user)
}

/// The hash of an event: 64 hex digits.
#[must_use]
pub fn hash_of_event(app: SdkAppId, id: &EventId) -> String {
    hash("event", app, id.as_str())
}

/// Of netstrings, so that no two of them are the same text.
fn hash(what: &str, app: SdkAppId, name: &str) -> String {
    sha256_hex(netstrings([what, &app.text(), name]))
}

/// What an event may have been erased by.
#[derive(Clone, Debug)]
pub struct Traces {
    app: SdkAppId,
    id: EventId,
    /// When the event was received, in Unix ms.
    pub received_at: u64,
    /// Those of its users and its own.
    pub hashes: Vec<String>,
}

impl Traces {
    /// Those of this event.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        let (app, id) = (event.app(), event.id().clone());
        let mut hashes = vec![hash_of_event(app, &id)];
        for user in event.users() {
            let hash = hash_of_user(app, user);
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        Self { app, id, received_at: event.received_at(), hashes }
    }

    /// When the latest erasure of this event began (Unix ms), if that was not before its receipt. A database without the tables
    /// knows none.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`].
    pub async fn erased_at(&self, database: Option<&impl Database>) -> Result<Option<u64>, DatabaseError> {
        let Some(database) = database else { return Ok(None) };
        let found = database.rows::<BeganAt>(erasures::latest(&self.hashes, self.received_at)).await;
        match found {
            Ok(rows) => Ok(rows.first().and_then(|row| row.began_at)),
            Err(DatabaseError::NoSchema) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the event wherever it may have been stored, but for what was received after `began_at` (Unix ms). Whether all of it
    /// could be asked.
    // Boxed, as it is seldom needed.
    pub fn remove<'f>(&'f self, ports: &'f impl Ports, began_at: u64) -> LocalBoxFuture<'f, bool> {
        Box::pin(async move {
            let mut is_done = true;
            for key in dead_letter::keys(self.app, &self.id).chain([event::key(self.app, &self.id)]) {
                is_done &= remove_received_by(ports.kv(), &key, began_at).await.is_ok();
            }
            if let Some(database) = ports.database() {
                let delete = event_log::delete_received_by(self.app, &self.id, began_at);
                is_done &= database.run_all(vec![delete, rankings::forget(self.app)]).await.is_ok();
            }
            is_done
        })
    }
}

#[derive(Deserialize)]
struct BeganAt {
    began_at: Option<u64>,
}

/// What was under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// What was received by the time in question; it is deleted.
    Deleted,
    /// What was received later, which stays.
    Newer(String),
}

/// Whether a record or a dead letter, by its value, was received after `began_at` (Unix ms).
#[must_use]
pub fn is_newer(value: &str, began_at: u64) -> bool {
    dead_letter::received_at(value).is_some_and(|received_at| received_at > began_at)
}

/// Deletes a record or a dead letter, unless it was received after `began_at` (Unix ms).
///
/// # Errors
/// [`StoreError`].
pub async fn remove_received_by(kv: &impl Kv, key: &str, began_at: u64) -> Result<Found, StoreError> {
    let Some(value) = kv.get(key).await? else { return Ok(Found::Nothing) };
    if is_newer(&value, began_at) {
        return Ok(Found::Newer(value));
    }
    kv.delete(key).await?;
    Ok(Found::Deleted)
}
