//! What the log knows of itself: whether it has every record of KV, and what the retention has left.

use serde::Deserialize;
use strum::IntoStaticStr;

use super::{HOUR_MS, Parameter, Statement};
use crate::{
    encoding::to_json,
    event::EventId,
    webhook::{SdkAppId, command::Kind},
};

/// A name under which something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Name {
    /// Since when (Unix ms) each record that came into KV is in the log, and those before it too. Unknown if it is not there. A
    /// trigger deletes it.
    CompleteSince,
    /// Since when (Unix ms) a look has not found each record of KV in the log. It counts only while [`Self::CompleteSince`] is not
    /// there.
    IncompleteSince,
    /// When the rebuilding of the log that is under way has begun, in Unix ms.
    ReindexBegan,
    /// A hash of the cursor where it goes on: it is complete if each call has gone on where the one before it ended.
    ReindexNext,
    /// The day (since 1970) of the latest run of the retention that deleted something.
    RetentionDay,
    /// How many rows the retention has written on that day.
    RetentionRows,
    /// The time (Unix ms) of the oldest event that was due when the latest run ended. Not there if it left nothing due.
    RetentionDueSince,
}

/// A name with what is known under it.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    name: String,
    value: String,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct LogState(Vec<Known>);

impl From<Vec<Known>> for LogState {
    fn from(rows: Vec<Known>) -> Self {
        Self(rows)
    }
}

impl LogState {
    /// The text under this name.
    #[must_use]
    pub fn text(&self, name: Name) -> Option<&str> {
        let row = self.0.iter().find(|row| row.name == <&str>::from(name));
        row.map(|row| &*row.value).filter(|value| !value.is_empty())
    }

    /// The number under this name.
    #[must_use]
    pub fn number(&self, name: Name) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

/// All that is known. Its rows are those of a [`LogState`].
#[must_use]
pub fn read() -> Statement {
    Statement::new("SELECT name, value FROM log_state", [])
}

/// What is known under one name, in the same way.
#[must_use]
pub fn read_one(name: Name) -> Statement {
    Statement::new("SELECT name, value FROM log_state WHERE name = ?1", [<&str>::from(name).into()])
}

/// Notes what is known; `None` for what is known no longer, which is an empty text.
#[must_use]
pub fn write(known: &[(Name, Option<String>)]) -> Statement {
    const SQL: &str = "INSERT INTO log_state (name, value) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true \
                       ON CONFLICT DO UPDATE SET value = excluded.value";
    let row = |(name, value): &(Name, Option<String>)| (<&str>::from(name), value.clone().unwrap_or_default());
    Statement::new(SQL, [Parameter::Text(to_json(&known.iter().map(row).collect::<Vec<_>>()))])
}

/// Whether the log may lack records of an app that KV has, at `now_ms` (Unix ms).
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Lacking {
    is_incomplete: u64,
}

impl Lacking {
    /// Whether it may.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        self.is_incomplete != 0
    }
}

/// Whether the log may lack records of this app: if it is not known to be complete; if a call was left to the queue since
/// `queued_since` (Unix ms), so that it may still be there; or if a call was not stored in every sink. One row, a [`Lacking`].
#[must_use]
pub fn lacking(app: SdkAppId, queued_since: u64) -> Statement {
    const SQL: &str = "WITH complete (hour) AS ( \
         SELECT CAST(value AS INTEGER) / 3600000 FROM log_state WHERE name = 'complete_since') \
         SELECT NOT EXISTS (SELECT 1 FROM complete) \
         OR EXISTS (SELECT 1 FROM call_counts WHERE app = ?1 AND outcome = 'queued' AND hour >= ?2) \
         OR EXISTS (SELECT 1 FROM call_counts WHERE app = ?1 AND outcome = 'failed' AND reason = 'not_stored' \
         AND hour >= (SELECT hour FROM complete)) AS is_incomplete";
    Statement::new(SQL, [app.into(), (queued_since / HOUR_MS).into()])
}

/// The log is no longer known to be complete: something is stored in KV alone.
#[must_use]
pub fn lose() -> Statement {
    Statement::new("DELETE FROM log_state WHERE name = 'complete_since'", [])
}

/// A key of KV: its event, and until when KV has it (Unix seconds).
pub type StoredKey = (SdkAppId, EventId, u64);

/// Notes until when KV has these records, where the log does not know.
#[must_use]
pub fn note_stored(keys: &[StoredKey]) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "UPDATE events SET kv_until = stored.value ->> 3 FROM json_each(?1) AS stored \
         WHERE app = stored.value ->> 0 AND kind IN ({kinds}) AND event_time = stored.value ->> 1 \
         AND hash = stored.value ->> 2 AND kv_until IS NULL"
    );
    Statement::new(sql, [stored(keys)])
}

/// How many there are of something.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Count {
    /// How many.
    pub count: u64,
}

/// An app of which something is stored.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct KnownApp {
    /// Its SDKAppID.
    pub app: SdkAppId,
}

/// The apps of which there are events, deliveries or records in KV alone, a [`KnownApp`] each. It reads 2 rows of each table for an
/// app, however many there are of it.
#[must_use]
pub fn apps() -> Statement {
    const SQL: &str = "WITH RECURSIVE \
         of_events (app) AS (SELECT min(app) FROM events UNION ALL \
         SELECT (SELECT min(e.app) FROM events AS e WHERE e.app > of_events.app) FROM of_events WHERE app IS NOT NULL), \
         of_deliveries (app) AS (SELECT min(app) FROM deliveries UNION ALL \
         SELECT (SELECT min(d.app) FROM deliveries AS d WHERE d.app > of_deliveries.app) FROM of_deliveries WHERE app IS NOT NULL), \
         of_records (app) AS (SELECT min(app) FROM kv_only UNION ALL \
         SELECT (SELECT min(k.app) FROM kv_only AS k WHERE k.app > of_records.app) FROM of_records WHERE app IS NOT NULL) \
         SELECT app FROM of_events WHERE app IS NOT NULL UNION SELECT app FROM of_deliveries WHERE app IS NOT NULL \
         UNION SELECT app FROM of_records WHERE app IS NOT NULL ORDER BY app";
    Statement::new(SQL, [])
}

/// In how many tables there is something of this app; an erasure of what was there included.
#[must_use]
pub fn count_tables_with(app: SdkAppId) -> Statement {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM events WHERE app = ?1) + EXISTS (SELECT 1 FROM event_users WHERE app = ?1) \
         + EXISTS (SELECT 1 FROM deliveries WHERE app = ?1) + EXISTS (SELECT 1 FROM kv_only WHERE app = ?1) \
         + EXISTS (SELECT 1 FROM erased WHERE app = ?1) AS count";
    Statement::new(SQL, [app.into()])
}

/// How many of these records the log does not have.
#[must_use]
pub fn count_lacking(keys: &[StoredKey]) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "SELECT count(*) AS count FROM json_each(?1) AS stored WHERE NOT EXISTS ( \
         SELECT 1 FROM events WHERE app = stored.value ->> 0 AND kind IN ({kinds}) \
         AND event_time = stored.value ->> 1 AND hash = stored.value ->> 2)"
    );
    Statement::new(sql, [stored(keys)])
}

fn stored(keys: &[StoredKey]) -> Parameter {
    let key = |(app, id, until): &StoredKey| (app.get(), id.event_time(), id.hash().to_owned(), *until);
    Parameter::Text(to_json(&keys.iter().map(key).collect::<Vec<_>>()))
}
