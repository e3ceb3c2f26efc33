//! Erasures: which of them are known, how far that of a user has come, and which events and records it deletes.

use serde::Deserialize;
use strum::VariantArray as _;

use super::{HOUR_MS, Parameter, Statement, deliveries::StoredState, rankings};
use crate::{encoding::to_json, event::EventId, webhook::SdkAppId};

/// For how long an erasure is known, in ms: no queue keeps a message for longer. [Queues: 14 days]
pub const KNOWN_FOR_MS: u64 = 14 * 24 * HOUR_MS;

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

/// At most `limit` events in which the user has a part, and that were not received after `began_at` (Unix ms).
#[must_use]
pub fn find(app: SdkAppId, user: &str, began_at: u64, limit: u64) -> Statement {
    const SQL: &str = "SELECT DISTINCT u.kind, u.event_time, u.hash FROM event_users AS u LEFT JOIN events AS e \
         ON e.app = u.app AND e.kind = u.kind AND e.event_time = u.event_time AND e.hash = u.hash \
         WHERE u.app = ?1 AND u.user = ?2 AND coalesce(iif(json_valid(e.record), e.record ->> '$.received_at', 0), 0) <= ?3 LIMIT ?4";
    Statement::new(SQL, [app.into(), user.into(), began_at.into(), limit.into()])
}

/// Takes these events of the user out of the log, with all that counts them, and their deliveries; and notes at `now_ms` (Unix ms)
/// the records that KV may have of them. Rankings that the user may be in go, too. To be run as one transaction.
#[must_use]
pub fn delete(app: SdkAppId, user: &str, events: &[UsersEvent], now_ms: u64) -> Vec<Statement> {
    // SQLite compares an integer with what `->>` makes of JSON as numbers, and ?1 with a column only if it is cast.
    const EVENTS: &str = "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT CAST(?1 AS INTEGER), value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2))";
    const DELIVERIES: &str = "DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT CAST(?1 AS INTEGER), states.value, events.value ->> 1, events.value ->> 2 FROM json_each(?2) AS events \
         CROSS JOIN json_each(?3) AS states)";
    const RECORDS: &str = "INSERT INTO kv_only (app, user, event_time, hash, until, erased_at) \
         SELECT ?1, ?2, e.event_time, e.hash, coalesce(e.kv_until, 9999999999999), ?4 FROM json_each(?3) AS wanted \
         CROSS JOIN events AS e ON e.app = CAST(?1 AS INTEGER) AND e.kind = wanted.value ->> 0 \
         AND e.event_time = wanted.value ->> 1 AND e.hash = wanted.value ->> 2 \
         WHERE coalesce(e.kv_until, 9999999999999) > ?4 / 1000 \
         ON CONFLICT DO UPDATE SET erased_at = excluded.erased_at";
    let keys: Vec<_> = events.iter().map(|event| (&event.kind, event.event_time, &event.hash)).collect();
    let keys = Parameter::Text(to_json(&keys));
    let records = Statement::new(RECORDS, [app.into(), user.into(), keys.clone(), now_ms.into()]);
    let events = Statement::new(EVENTS, [app.into(), keys.clone()]);
    let states: Vec<_> = StoredState::VARIANTS.iter().map(|state| state.name()).collect();
    let deliveries = Statement::new(DELIVERIES, [app.into(), keys, Parameter::Text(to_json(&states))]);
    vec![records, events, deliveries, rankings::forget(app)]
}

/// A record that KV has, or may have, and that the log has not.
#[derive(Clone, Debug, Deserialize)]
pub struct LeftRecord {
    event_time: u64,
    hash: String,
    /// When the erasure took its event out of the log, in Unix ms; `None` if something else did.
    pub erased_at: Option<u64>,
}

impl LeftRecord {
    /// The event's id; `None` if it is none of ours.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        EventId::of_parts(self.event_time, &self.hash)
    }
}

/// At most `limit` records of the user that the log has not, those first that have been so for longest.
#[must_use]
pub fn left_records(app: SdkAppId, user: &str, limit: u64) -> Statement {
    const SQL: &str = "SELECT event_time, hash, erased_at FROM kv_only WHERE app = ?1 AND user = ?2 \
                       ORDER BY erased_at LIMIT ?3";
    Statement::new(SQL, [app.into(), user.into(), limit.into()])
}

/// Notes that KV may have a record of these events of the user, which the log has not.
#[must_use]
pub fn note_records(app: SdkAppId, user: &str, events: &[EventId]) -> Statement {
    const SQL: &str = "INSERT INTO kv_only (app, user, event_time, hash, until) \
         SELECT ?1, ?2, value ->> 0, value ->> 1, 9999999999999 FROM json_each(?3) WHERE true ON CONFLICT DO NOTHING";
    Statement::new(SQL, [app.into(), user.into(), parts(events)])
}

/// Forgets the records of these events: KV has them no longer.
#[must_use]
pub fn forget_records(app: SdkAppId, events: &[EventId]) -> Statement {
    const SQL: &str = "DELETE FROM kv_only WHERE (app, event_time, hash) IN ( \
                       SELECT CAST(?1 AS INTEGER), value ->> 0, value ->> 1 FROM json_each(?2))";
    Statement::new(SQL, [app.into(), parts(events)])
}

/// The halves of ids, as JSON.
fn parts(events: &[EventId]) -> Parameter {
    Parameter::Text(to_json(&events.iter().map(|id| (id.event_time(), id.hash())).collect::<Vec<_>>()))
}

/// How far an erasure has come.
#[derive(Clone, Debug, Deserialize)]
pub struct Progress {
    /// When it began, in Unix ms.
    pub began_at: u64,
    /// Where the search through the dead letters goes on; `None` if there is nothing left to do.
    pub position: Option<String>,
}

/// Begins the erasure of what this hash stands for at `now_ms` (Unix ms), at this position; or goes on with one that has come
/// further since `since` (Unix ms). Its row is a [`Progress`].
#[must_use]
pub fn begin(app: SdkAppId, hash: &str, position: Option<&str>, now_ms: u64, since: u64) -> Statement {
    const SQL: &str = "INSERT INTO erased (hash, app, began_at, position, updated_at) VALUES (?1, ?5, ?2, ?3, ?2) \
         ON CONFLICT DO UPDATE SET \
         began_at = iif(position IS NULL OR updated_at < ?4, max(began_at, excluded.began_at), began_at), \
         position = iif(position IS NULL OR updated_at < ?4, excluded.position, position), \
         updated_at = excluded.updated_at RETURNING began_at, position";
    Statement::new(SQL, [hash.into(), now_ms.into(), position.into(), since.into(), app.into()])
}

/// Notes where an erasure goes on, at `now_ms` (Unix ms); `None` if it is done.
#[must_use]
pub fn note(hash: &str, position: Option<&str>, now_ms: u64) -> Statement {
    const SQL: &str = "UPDATE erased SET position = ?2, updated_at = ?3 WHERE hash = ?1";
    Statement::new(SQL, [hash.into(), position.into(), now_ms.into()])
}

/// When the latest erasure of what these hashes stand for began (Unix ms), of those that began at `received_at` or later.
#[must_use]
pub fn latest(hashes: &[String], received_at: u64) -> Statement {
    const SQL: &str = "SELECT max(began_at) AS began_at FROM erased \
                       WHERE hash IN (SELECT value FROM json_each(?1)) AND began_at >= ?2";
    Statement::new(SQL, [Parameter::Text(to_json(hashes)), received_at.into()])
}

/// An erasure that is known.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownErasure {
    /// The hash of what is erased.
    pub hash: String,
    /// When it began, in Unix ms.
    pub began_at: u64,
}

/// The latest erasures that began at `since` (Unix ms) or later, at most `limit`: a [`KnownErasure`] each, the latest first.
#[must_use]
pub fn since(since: u64, limit: usize) -> Statement {
    const SQL: &str = "SELECT hash, began_at FROM erased WHERE began_at >= ?1 ORDER BY began_at DESC LIMIT ?2";
    Statement::new(SQL, [since.into(), u64::try_from(limit).unwrap_or(u64::MAX).into()])
}

/// Those of these hashes that stand for what is erased: a [`KnownErasure`] each.
#[must_use]
pub fn known(hashes: &[String]) -> Statement {
    const SQL: &str = "SELECT hash, began_at FROM erased WHERE hash IN (SELECT value FROM json_each(?1))";
    Statement::new(SQL, [Parameter::Text(to_json(hashes))])
}
