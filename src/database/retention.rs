//! What the database forgets, and when: a bounded number of statements every hour. What a run leaves, the next one deletes.

use serde::Deserialize;
use strum::VariantArray as _;

use super::{Database, DatabaseError, HOUR_MS, Statement};
use crate::webhook::{SdkAppId, command::Kind};

/// How many events one statement deletes at most.
const EVENTS_BATCH: u64 = 200;

/// How many rows of any other table a run deletes at most.
const ROWS_MAX: u64 = 2_000;

/// How long a delivery that is not dead is known after its latest change, in ms. A message lives for at most 4 days.
const DELIVERIES_MS: u64 = 7 * DAY_MS;

/// How long calls are counted, in ms.
const CALLS_MS: u64 = 90 * DAY_MS;

/// How long it is known where an erasure was broken off, in ms.
pub const ERASURES_MS: u64 = HOUR_MS;

const DAY_MS: u64 = 24 * HOUR_MS;

/// The apps that have an event before the hour `before` (hours since 1970), those included that are no longer in
/// `SDK_APP_IDS`, each with the hour of its oldest event. One row is read for each app.
#[must_use]
pub fn due_apps(before: u64) -> Statement {
    const SQL: &str = "WITH RECURSIVE apps (oldest) AS ( \
         SELECT (SELECT json_array(app, hour) FROM hourly_totals ORDER BY app, hour LIMIT 1) \
         UNION ALL \
         SELECT (SELECT json_array(app, hour) FROM hourly_totals WHERE app > oldest ->> 0 ORDER BY app, hour LIMIT 1) \
         FROM apps WHERE oldest IS NOT NULL) \
         SELECT oldest ->> 0 AS app, oldest ->> 1 AS hour FROM apps WHERE oldest ->> 1 < ?1";
    Statement::new(SQL, [before.into()])
}

/// Deletes the oldest events of an app before `before` (Unix ms), [`EVENTS_BATCH`] at most.
#[must_use]
pub fn delete_due(app: SdkAppId, before: u64) -> Statement {
    // Each kind is a range of the key. The inner SELECT has to be a simple one: for `IN (… UNION ALL …)`, SQLite reads the whole
    // table.
    let range = |kind: &Kind| {
        let kind = kind.name();
        format!("SELECT app, kind, event_time, hash FROM events WHERE app = ?1 AND kind = '{kind}' AND event_time < ?2")
    };
    let ranges: Vec<_> = Kind::VARIANTS.iter().map(range).collect();
    let sql = format!(
        "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT app, kind, event_time, hash FROM ({} ORDER BY event_time, hash LIMIT ?3))",
        ranges.join(" UNION ALL ")
    );
    Statement::new(sql, [app.into(), before.into(), EVENTS_BATCH.into()])
}

/// The apps that have deliveries, one row read each, as the first table of a query.
const APPS_WITH_DELIVERIES: &str = "WITH RECURSIVE apps (app) AS ( \
     SELECT min(app) FROM deliveries \
     UNION ALL \
     SELECT (SELECT min(t.app) FROM deliveries AS t WHERE t.app > apps.app) FROM apps WHERE app IS NOT NULL)";

/// Deletes delivered deliveries of all apps whose events are from before `before` (Unix ms).
#[must_use]
pub fn delete_delivered(before: u64) -> Statement {
    let sql = format!(
        "{APPS_WITH_DELIVERIES} DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT d.app, d.state, d.event_time, d.hash FROM apps CROSS JOIN deliveries AS d \
         ON d.app = apps.app AND d.state = 'delivered' AND d.event_time < ?1 LIMIT ?2)"
    );
    Statement::new(sql, [before.into(), ROWS_MAX.into()])
}

/// Deletes all other deliveries whose latest change was before `before`, or before `dead_before` if they are dead (Unix ms).
#[must_use]
pub fn delete_undelivered(before: u64, dead_before: u64) -> Statement {
    // A state of each row of the second table, with the time that counts for it.
    let sql = format!(
        "{APPS_WITH_DELIVERIES}, \
         states (state, before) AS (VALUES ('retrying', ?1), ('delivered_late', ?1), ('dead', ?2)) \
         DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT d.app, d.state, d.event_time, d.hash FROM apps CROSS JOIN states CROSS JOIN deliveries AS d \
         ON d.app = apps.app AND d.state = states.state AND d.state <> 'delivered' AND d.updated_at < states.before \
         LIMIT ?3)"
    );
    Statement::new(sql, [before.into(), dead_before.into(), ROWS_MAX.into()])
}

/// Deletes the call counts of hours before `before` (hours since 1970).
#[must_use]
pub fn delete_calls(before: u64) -> Statement {
    const SQL: &str = "DELETE FROM call_counts WHERE (hour, app, outcome, reason) IN ( \
         SELECT hour, app, outcome, reason FROM call_counts WHERE hour < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), ROWS_MAX.into()])
}

/// Deletes where erasures were broken off before `before` (Unix ms).
#[must_use]
pub fn delete_erasures(before: u64) -> Statement {
    Statement::new("DELETE FROM erasures WHERE updated_at < ?1", [before.into()])
}

/// For how long, in seconds; `None` is for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Events, from their `EventTime` on.
    pub events_seconds: Option<u64>,
    /// Dead deliveries: as long as their dead letters.
    pub dead_letters_seconds: Option<u64>,
    /// How many statements of a run delete events, each of them 200 at most.
    pub statements: usize,
}

/// Deletes what is due: events of all apps that the log has, the oldest first, and dead deliveries, as `retention` says; other
/// deliveries, call counts and broken-off erasures after times of their own.
///
/// # Errors
/// [`DatabaseError`]; what was deleted before it stays deleted.
pub async fn retain(database: &impl Database, retention: Retention, now_ms: u64) -> Result<(), DatabaseError> {
    let ago = |ms: u64| now_ms.saturating_sub(ms);
    let seconds_ago = |seconds: u64| ago(seconds.saturating_mul(1000));
    let dead_before = retention.dead_letters_seconds.map_or(0, seconds_ago);
    for statement in [
        delete_delivered(ago(DELIVERIES_MS)),
        delete_undelivered(ago(DELIVERIES_MS), dead_before),
        delete_calls(ago(CALLS_MS) / HOUR_MS),
        delete_erasures(ago(ERASURES_MS)),
    ] {
        database.run(statement).await?;
    }
    match retention.events_seconds.map(seconds_ago) {
        Some(before) => retain_events(database, before, retention.statements).await,
        None => Ok(()),
    }
}

async fn retain_events(database: &impl Database, before: u64, statements: usize) -> Result<(), DatabaseError> {
    #[derive(Deserialize)]
    struct Due {
        app: SdkAppId,
        hour: u64,
    }
    let mut due: Vec<Due> = database.rows(due_apps(before / HOUR_MS)).await?;
    if due.is_empty() {
        return Ok(());
    }
    // The app with the oldest event has the first turn, so that none waits for ever. Sorted here, as D1 counts the rows that it
    // sorts as read.
    due.sort_by_key(|due| due.hour);
    for Due { app, .. } in due.iter().cycle().take(statements) {
        database.run(delete_due(*app, before)).await?;
    }
    Ok(())
}
