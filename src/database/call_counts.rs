//! The counts of webhook calls: how many there were in each hour, of each app, and what became of them.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Parameter, Statement};
use crate::encoding::{StoredWord, to_json};

/// Stands for an app that is not ours, or not known.
pub const NO_APP: u64 = 0;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CallOutcome {
    /// Every sink has the event.
    Stored,
    /// The event is safe, and a sink is still to get it.
    Queued,
    /// The event is safe, and the origin does not get it unless somebody replays its dead letter: the queue did not take it.
    DeadLettered,
    /// The console has checked the URL.
    Probe,
    /// A webhook of another kind, answered OK.
    Unhandled,
    /// A webhook of another kind, answered by the app's backend.
    Relayed,
    /// Rejected, with a status below 500.
    Rejected,
    /// Rejected, with a status of 500 or above.
    Failed,
}

/// How many calls of one kind there were in one hour.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallCount {
    /// Hours since 1970.
    pub hour: u64,
    /// The app, or [`NO_APP`].
    pub app: u64,
    /// What became of the calls.
    pub outcome: StoredWord<CallOutcome>,
    /// Why they were rejected; empty if they were not.
    pub reason: String,
    /// How many there were, at least.
    pub count: u64,
}

/// Adds counts, unless rows of their hour were written so often as `writes_max`: `[[hour, app, outcome, reason, count, last_at], …]` as
/// JSON, all of them of this `hour`.
#[must_use]
pub fn add(hour: u64, counts: &str, writes_max: u64) -> Statement {
    const SQL: &str = "INSERT INTO call_counts (hour, app, outcome, reason, count, writes, last_at) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 1, value ->> 5 FROM json_each(?1) \
         WHERE (SELECT total(writes) FROM call_counts WHERE hour = ?2) < ?3 \
         ON CONFLICT DO UPDATE SET count = count + excluded.count, writes = writes + 1, \
         last_at = max(last_at, excluded.last_at)";
    Statement::new(SQL, [counts.into(), hour.into(), writes_max.into()])
}

/// The counts of the hours from `since` to before `until` (hours since 1970), in no order: of this app ([`NO_APP`] for no app of
/// ours), or of all.
///
/// For an app, each of its outcomes is a range of the index, so that nothing is read but what is returned. By the key alone, either
/// the other apps of these hours were read too, or the other hours of this app. D1 counts what it sorts as read once more.
#[must_use]
pub fn read(app: Option<u64>, since: u64, until: u64) -> Statement {
    match app {
        None => {
            const SQL: &str =
                "SELECT hour, app, outcome, reason, count FROM call_counts WHERE hour >= ?1 AND hour < ?2";
            Statement::new(SQL, [since.into(), until.into()])
        }
        Some(app) => {
            const SQL: &str = "SELECT c.hour, c.app, c.outcome, c.reason, c.count \
                 FROM (SELECT DISTINCT outcome FROM call_totals WHERE app = ?3) AS o \
                 CROSS JOIN call_counts AS c INDEXED BY call_counts_latest \
                 ON c.app = ?3 AND c.outcome = o.outcome AND c.hour >= ?1 AND c.hour < ?2";
            Statement::new(SQL, [since.into(), until.into(), app.into()])
        }
    }
}

/// When the last call of an outcome and reason came.
#[derive(Clone, Debug, Deserialize)]
pub struct LatestCall {
    /// The app, or [`NO_APP`].
    pub app: u64,
    /// What became of it.
    pub outcome: StoredWord<CallOutcome>,
    /// In Unix ms.
    pub last_at: u64,
}

/// When the last call of each outcome and reason came, for each of these apps ([`NO_APP`] for no app of ours) that had any. These
/// times stay when the counts of their hours are deleted.
#[must_use]
pub fn latest(apps: &[u64]) -> Statement {
    const SQL: &str =
        "SELECT t.app, t.outcome, t.last_at FROM json_each(?1) AS a CROSS JOIN call_totals AS t ON t.app = a.value";
    Statement::new(SQL, [Parameter::Text(to_json(apps))])
}
