//! What the database forgets, and when: a bounded number of statements every hour.

use serde::Deserialize;

use super::{Database, DatabaseError, HOUR_MS, Statement};
use crate::webhook::SdkAppId;

/// How many events one statement of the retention deletes.
const RETENTION_BATCH: u64 = 100;

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

/// Deletes the oldest events of an app before `before` (Unix ms), a hundred at most.
#[must_use]
pub fn delete_due(app: SdkAppId, before: u64) -> Statement {
    // The inner SELECT has to be a simple one: for `IN (… UNION ALL …)`, SQLite reads the whole table.
    const SQL: &str = "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT app, kind, event_time, hash FROM ( \
         SELECT app, kind, event_time, hash FROM events WHERE app = ?1 AND kind = 'unfollow' AND event_time < ?2 \
         UNION ALL \
         SELECT app, kind, event_time, hash FROM events WHERE app = ?1 AND kind = 'follow' AND event_time < ?2 \
         ORDER BY event_time, hash LIMIT ?3))";
    Statement::new(SQL, [app.into(), before.into(), RETENTION_BATCH.into()])
}

/// How many statements one run of the retention has at most.
const RETENTION_STATEMENTS_MAX: usize = 10;

/// Deletes the oldest events that are older than `retention_seconds`, of all apps that the log has. What a run leaves, the next
/// one deletes.
///
/// # Errors
/// [`DatabaseError`]; what was deleted before it stays deleted.
pub async fn retain(database: &impl Database, retention_seconds: u64, now_ms: u64) -> Result<(), DatabaseError> {
    #[derive(Deserialize)]
    struct Due {
        app: SdkAppId,
        hour: u64,
    }
    let before = now_ms.saturating_sub(retention_seconds.saturating_mul(1000));
    let mut due: Vec<Due> = database.rows(due_apps(before / HOUR_MS)).await?;
    if due.is_empty() {
        return Ok(());
    }
    // The app with the oldest event has the first turn, so that none waits for ever. Sorted here, as D1 counts the rows that it
    // sorts as read.
    due.sort_by_key(|due| due.hour);
    let batches = due.iter().cycle().take(RETENTION_STATEMENTS_MAX.saturating_sub(1));
    for Due { app, .. } in batches {
        database.run(delete_due(*app, before)).await?;
    }
    Ok(())
}
