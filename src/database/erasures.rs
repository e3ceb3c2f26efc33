//! The erasure of a user: which events to delete, and how far the search through the dead letters has come.

use serde::Deserialize;

use super::{Parameter, Statement};
use crate::{encoding::to_json, event::EventId, webhook::SdkAppId};

/// An event in which the user has a part.
#[derive(Clone, Debug, Deserialize)]
pub struct UsersEvent {
    kind: String,
    event_time: u64,
    hash: String,
}

impl UsersEvent {
    /// The event's id; `None` if it is none of ours.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        EventId::of_parts(self.event_time, &self.hash)
    }
}

/// At most `limit` events in which the user has a part.
#[must_use]
pub fn find(app: SdkAppId, user: &str, limit: u64) -> Statement {
    const SQL: &str = "SELECT DISTINCT kind, event_time, hash FROM event_users WHERE app = ?1 AND user = ?2 LIMIT ?3";
    Statement::new(SQL, [app.into(), user.into(), limit.into()])
}

/// Deletes these events, with all that counts them, and their deliveries: to be run as one transaction.
#[must_use]
pub fn delete(app: SdkAppId, events: &[UsersEvent]) -> Vec<Statement> {
    // SQLite compares an integer with what `->>` makes of JSON as numbers, and ?1 with a column only if it is cast.
    const EVENTS: &str = "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT CAST(?1 AS INTEGER), value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2))";
    const DELIVERIES: &str = "DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT CAST(?1 AS INTEGER), states.value, events.value ->> 1, events.value ->> 2 FROM json_each(?2) AS events \
         CROSS JOIN json_each('[\"retrying\",\"dead\",\"delivered\",\"delivered_late\"]') AS states)";
    let keys: Vec<_> = events.iter().map(|event| (&event.kind, event.event_time, &event.hash)).collect();
    let keys = Parameter::Text(to_json(&keys));
    [EVENTS, DELIVERIES].map(|sql| Statement::new(sql, [app.into(), keys.clone()])).into()
}

/// How far an erasure has come.
#[derive(Clone, Debug, Deserialize)]
pub struct Progress {
    /// Where the search through the dead letters goes on.
    pub position: String,
}

/// How far the erasure of the user of this hash has come, unless that was noted before `since` (Unix ms): where KV's own cursor
/// may no longer be valid.
#[must_use]
pub fn progress(app: SdkAppId, user_hash: &str, since: u64) -> Statement {
    const SQL: &str = "SELECT position FROM erasures WHERE app = ?1 AND user_hash = ?2 AND updated_at >= ?3";
    Statement::new(SQL, [app.into(), user_hash.into(), since.into()])
}

/// Notes how far it has come, at `now_ms` (Unix ms).
#[must_use]
pub fn note(app: SdkAppId, user_hash: &str, position: &str, now_ms: u64) -> Statement {
    const SQL: &str = "INSERT INTO erasures (app, user_hash, position, updated_at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at";
    Statement::new(SQL, [app.into(), user_hash.into(), position.into(), now_ms.into()])
}

/// Forgets it: the erasure is done.
#[must_use]
pub fn forget(app: SdkAppId, user_hash: &str) -> Statement {
    const SQL: &str = "DELETE FROM erasures WHERE app = ?1 AND user_hash = ?2";
    Statement::new(SQL, [app.into(), user_hash.into()])
}
