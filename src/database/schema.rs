//! The version of the tables that this Worker needs, and whether the database has them.

use std::{borrow::Cow, cell::Cell};

use serde::Deserialize;

use super::{Database, DatabaseError, Statement};
use crate::{
    config::{Config, InvalidSetting},
    ports::DB,
};

/// The newest migration, which this Worker needs.
pub const SCHEMA_VERSION: u64 = 11;

/// What the migrations have made, with the word of each in `sqlite_master`. A database that was restored in part may lack some
/// of it, and still say its version: without its triggers, events are stored and not counted.
pub const OBJECTS: [(&str, &[&str]); 3] = [
    (
        "table",
        &[
            "alert_messages",
            "call_counts",
            "call_totals",
            "deliveries",
            "delivery_counts",
            "erased",
            "erasures",
            "event_totals",
            "event_users",
            "events",
            "hourly_counts",
            "hourly_totals",
            "kv_only",
            "log_state",
            "packed_counts",
            "rankings",
            "schema_version",
            "unusual_hours",
            "user_totals",
        ],
    ),
    (
        "index",
        &[
            "call_counts_latest",
            "deliveries_changed",
            "erased_began",
            "events_ahead",
            "events_recorded",
            "events_recorded_actors",
            "events_recorded_targets",
            "kv_only_events",
            "kv_only_until",
        ],
    ),
    (
        "trigger",
        &[
            "call_counts_insert",
            "call_counts_update",
            "deliveries_counted",
            "deliveries_insert",
            "deliveries_recounted",
            "deliveries_uncounted",
            "event_users_delete",
            "event_users_insert",
            "event_users_total",
            "event_users_untotal",
            "events_delete",
            "events_delete_damaged",
            "events_deleted",
            "events_insert",
            "events_kv_unknown",
            "events_outlived",
            "events_recorded_known",
            "events_recorded_replaced",
            "hourly_counts_added",
            "hourly_counts_changed",
            "hourly_counts_deleted",
            "hourly_counts_unusual",
            "hourly_counts_usual",
            "hourly_totals_delete",
            "hourly_totals_insert",
        ],
    ),
];

/// How long the schema counts as seen, in ms. Somebody may put another database in its place at any time.
const SEEN_FOR_MS: u64 = 60_000;

/// The version of the schema, and what it consists of: a JSON array of words and names.
#[must_use]
pub fn schema() -> Statement {
    const SQL: &str = "SELECT max(version) AS version, \
                       (SELECT json_group_array(type || ' ' || name) FROM sqlite_master) AS objects FROM schema_version";
    Statement::new(SQL, [])
}

/// Since when the database is known to have the schema, in Unix ms; `None` if it is not.
#[derive(Debug, Default)]
pub struct Schema {
    seen_at: Cell<Option<u64>>,
}

impl Schema {
    /// The invalid settings at `now` (Unix ms): those of `config`, and a database without the schema.
    pub async fn invalid_settings(
        &self,
        config: &Config,
        database: Option<&impl Database>,
        now: u64,
    ) -> Vec<InvalidSetting> {
        let mut invalid = config.invalid_settings.clone();
        if let Some(database) = database {
            invalid.extend(self.check(database, now).await.err());
        }
        invalid
    }

    /// Whether the schema is the one that this Worker needs, at `now` (Unix ms). The database is asked once a minute at most,
    /// as long as it is.
    ///
    /// # Errors
    /// The setting to fix.
    pub async fn check(&self, database: &impl Database, now: u64) -> Result<(), InvalidSetting> {
        #[derive(Deserialize)]
        struct Row {
            version: Option<u64>,
            objects: String,
        }
        if self.seen_at.get().is_some_and(|at| (at..at.saturating_add(SEEN_FOR_MS)).contains(&now)) {
            return Ok(());
        }
        self.seen_at.set(None);
        let problem = match database.rows::<Row>(schema()).await.as_deref() {
            Ok([Row { version: Some(version), objects }]) if *version >= SCHEMA_VERSION => match missing(objects) {
                None => {
                    self.seen_at.set(Some(now));
                    return Ok(());
                }
                Some(missing) => format!(
                    "must have all that its migrations made, and lacks {missing}: see \"A database that lacks something\" in \
                     docs/operations.md"
                )
                .into(),
            },
            Err(DatabaseError::Failed) => Cow::Borrowed("must answer: D1 fails"),
            Err(DatabaseError::DayLimit) => Cow::Borrowed("must answer: D1's limit of the day is reached"),
            Err(DatabaseError::Full) => Cow::Borrowed("must answer: D1 is full"),
            _ => "must have the tables of this version: run `npx wrangler d1 migrations apply DB --remote`".into(),
        };
        Err(InvalidSetting { name: DB.to_owned(), problem })
    }
}

/// What is not among `objects`, in words; `None` if all is.
fn missing(objects: &str) -> Option<String> {
    let there: Vec<Cow<'_, str>> = serde_json::from_str(objects).unwrap_or_default();
    let of =
        |(word, names): (&'static str, &'static [&'static str])| names.iter().map(move |name| format!("{word} {name}"));
    let missing: Vec<_> = OBJECTS.into_iter().flat_map(of).filter(|it| !there.iter().any(|has| has == it)).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}
