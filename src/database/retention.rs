//! What the database forgets, and when. A run goes on until nothing is due, or its limits are reached: what it leaves, the next one
//! deletes.

use std::collections::VecDeque;

use serde::Deserialize;
use strum::VariantArray as _;

use super::{
    Changes, Database, DatabaseError, HOUR_MS, Statement,
    deliveries::StoredState,
    erasures,
    log_state::{self, LogState, Name},
};
use crate::{
    plan::RetentionLimits,
    ranking,
    storage::Clock,
    webhook::{SdkAppId, command::Kind},
};

/// How many rows the deletion of one event writes at most, as Tencent sends them with up to 20 targets: its own, that of the index of
/// events ahead, 21 users, 20 counts, 20 unusual hours, 21 totals of users, a packed hour, 2 of hourly totals and 2 of those of metrics;
/// and 3 for each user if its record is still in KV.
const ROWS_AN_EVENT: u64 = 1 + 1 + 21 + 20 + 20 + 21 + 1 + 2 + 2 + 3 * 21;

/// How many rows the deletion of a row of any other table writes at most, those of its indexes included.
const ROWS_A_ROW: u64 = 3;

/// How long a delivery that is not dead is known after its latest change, in ms. A message lives for at most 4 days.
const DELIVERIES_MS: u64 = 7 * DAY_MS;

/// How long calls are counted, in ms.
const CALLS_MS: u64 = 90 * DAY_MS;

/// How long a version before this one knows where an erasure was broken off, in ms.
const ERASURES_MS: u64 = HOUR_MS;

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

/// Deletes the oldest events of an app before `before` (Unix ms), `limit` at most.
#[must_use]
pub fn delete_due(app: SdkAppId, before: u64, limit: u64) -> Statement {
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
    Statement::new(sql, [app.into(), before.into(), limit.into()])
}

/// Deletes events of all apps that are dated after their receipt, which was before `before` (Unix ms), `limit` at most. The log has an
/// index of them.
#[must_use]
pub fn delete_ahead(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT app, kind, event_time, hash FROM events INDEXED BY events_ahead WHERE json_valid(record) \
         AND event_time > (record ->> '$.received_at') + 60000 AND record ->> '$.received_at' < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// The apps that have deliveries, one row read each, as the first table of a query.
const APPS_WITH_DELIVERIES: &str = "WITH RECURSIVE apps (app) AS ( \
     SELECT min(app) FROM deliveries \
     UNION ALL \
     SELECT (SELECT min(t.app) FROM deliveries AS t WHERE t.app > apps.app) FROM apps WHERE app IS NOT NULL)";

/// Deletes delivered deliveries of all apps whose events are from before `before` (Unix ms).
#[must_use]
pub fn delete_delivered(before: u64, limit: u64) -> Statement {
    let sql = format!(
        "{APPS_WITH_DELIVERIES} DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT d.app, d.state, d.event_time, d.hash FROM apps CROSS JOIN deliveries AS d \
         ON d.app = apps.app AND d.state = 'delivered' AND d.event_time < ?1 LIMIT ?2)"
    );
    Statement::new(sql, [before.into(), limit.into()])
}

/// Deletes all other deliveries whose latest change was before `before`, or before `dead_before` if they are dead (Unix ms).
#[must_use]
pub fn delete_undelivered(before: u64, dead_before: u64, limit: u64) -> Statement {
    // A state of each row of the second table, with the time that counts for it.
    let states = StoredState::VARIANTS.iter().filter(|&&state| state != StoredState::Delivered);
    let bound = |state: &StoredState| if *state == StoredState::Dead { "?2" } else { "?1" };
    let states: Vec<_> = states.map(|state| format!("('{}', {})", state.name(), bound(state))).collect();
    let states = states.join(", ");
    let sql = format!(
        "{APPS_WITH_DELIVERIES}, states (state, before) AS (VALUES {states}) \
         DELETE FROM deliveries WHERE (app, state, event_time, hash) IN ( \
         SELECT d.app, d.state, d.event_time, d.hash FROM apps CROSS JOIN states CROSS JOIN deliveries AS d \
         ON d.app = apps.app AND d.state = states.state AND d.state <> 'delivered' AND d.updated_at < states.before \
         LIMIT ?3)"
    );
    Statement::new(sql, [before.into(), dead_before.into(), limit.into()])
}

/// Deletes the call counts of hours before `before` (hours since 1970).
#[must_use]
pub fn delete_calls(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM call_counts WHERE (hour, app, outcome, reason) IN ( \
         SELECT hour, app, outcome, reason FROM call_counts WHERE hour < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// Deletes where erasures of a version before this one were broken off before `before` (Unix ms).
#[must_use]
pub fn delete_erasures(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM erasures WHERE (app, user_hash) IN ( \
                       SELECT app, user_hash FROM erasures WHERE updated_at < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// Deletes the erasures that began before `before` (Unix ms).
#[must_use]
pub fn delete_erased(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM erased WHERE hash IN (SELECT hash FROM erased WHERE began_at < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// Deletes what is known of records that KV has forgotten before `before` (Unix seconds).
#[must_use]
pub fn delete_kv_only(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM kv_only WHERE (app, user, event_time, hash) IN ( \
                       SELECT app, user, event_time, hash FROM kv_only WHERE until < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// Deletes rankings that were last asked for before `before` (Unix ms).
#[must_use]
pub fn delete_rankings(before: u64, limit: u64) -> Statement {
    const SQL: &str = "DELETE FROM rankings WHERE (app, since_hour, until_hour, measure) IN ( \
                       SELECT app, since_hour, until_hour, measure FROM rankings WHERE asked_at < ?1 LIMIT ?2)";
    Statement::new(SQL, [before.into(), limit.into()])
}

/// For how long, in seconds; `None` is for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events, from their `EventTime` on, or from their receipt if that was before it.
    pub events_seconds: Option<u64>,
    /// Dead deliveries: as long as their dead letters.
    pub dead_letters_seconds: Option<u64>,
    /// What a run may use.
    pub limits: RetentionLimits,
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// How many events it has deleted.
    pub events: u64,
    /// How many rows it has written.
    pub rows: u64,
    /// The time (Unix ms) of the oldest that is due and was left; `None` if nothing was.
    pub due_since: Option<u64>,
}

/// What is deleted with statements of its own. They take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Delivered,
    Undelivered,
    Calls,
    Erasures,
    Erased,
    KvOnly,
    Rankings,
    /// Events dated after their receipt.
    Ahead,
    /// The events of an app, the oldest of which is of this hour (since 1970).
    App {
        app: SdkAppId,
        hour: u64,
    },
}

impl Task {
    const OF_TABLES: [Self; 7] =
        [Self::Delivered, Self::Undelivered, Self::Calls, Self::Erasures, Self::Erased, Self::KvOnly, Self::Rankings];

    const fn is_of_events(self) -> bool {
        matches!(self, Self::Ahead | Self::App { .. })
    }

    /// How many rows the deletion of one item writes at most.
    const fn rows_each(self) -> u64 {
        if self.is_of_events() { ROWS_AN_EVENT } else { ROWS_A_ROW }
    }
}

/// Until when everything is due, at one time.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    now_ms: u64,
    /// In Unix ms; 0 if nothing is.
    events: u64,
    dead: u64,
}

impl Bounds {
    fn of(retention: &Retention, now_ms: u64) -> Self {
        let ago = |seconds: u64| now_ms.saturating_sub(seconds.saturating_mul(1000));
        let of = |seconds: Option<u64>| seconds.map_or(0, ago);
        Self { now_ms, events: of(retention.events_seconds), dead: of(retention.dead_letters_seconds) }
    }

    const fn ago(&self, ms: u64) -> u64 {
        self.now_ms.saturating_sub(ms)
    }

    /// The statement that deletes so many of a task at most.
    fn statement(&self, task: Task, limit: u64) -> Statement {
        match task {
            Task::Delivered => delete_delivered(self.ago(DELIVERIES_MS), limit),
            Task::Undelivered => delete_undelivered(self.ago(DELIVERIES_MS), self.dead, limit),
            Task::Calls => delete_calls(self.ago(CALLS_MS) / HOUR_MS, limit),
            Task::Erasures => delete_erasures(self.ago(ERASURES_MS), limit),
            Task::Erased => delete_erased(self.ago(erasures::KNOWN_FOR_MS), limit),
            Task::KvOnly => delete_kv_only(self.now_ms / 1000, limit),
            Task::Rankings => delete_rankings(self.ago(ranking::ASKED_FOR_MS), limit),
            Task::Ahead => delete_ahead(self.events, limit),
            Task::App { app, .. } => delete_due(app, self.events, limit),
        }
    }

    /// The time (Unix ms) of the oldest that a task has left, as far as that is known.
    const fn oldest(&self, task: Task) -> u64 {
        match task {
            Task::Delivered | Task::Undelivered => self.ago(DELIVERIES_MS),
            Task::Calls => self.ago(CALLS_MS),
            Task::Erasures => self.ago(ERASURES_MS),
            Task::Erased => self.ago(erasures::KNOWN_FOR_MS),
            Task::KvOnly => self.now_ms,
            Task::Rankings => self.ago(ranking::ASKED_FOR_MS),
            Task::Ahead => self.events,
            Task::App { hour, .. } => hour.saturating_mul(HOUR_MS),
        }
    }
}

/// An app with the hour (since 1970) of its oldest event.
#[derive(Deserialize)]
struct Due {
    app: SdkAppId,
    hour: u64,
}

impl Due {
    /// The apps of which something is due, the one with the oldest event first. Sorted here, as D1 counts the rows that it sorts as
    /// read.
    async fn read(database: &impl Database, before: u64) -> Result<Vec<Self>, DatabaseError> {
        let mut due: Vec<Self> = database.rows(due_apps(before / HOUR_MS)).await?;
        due.sort_by_key(|due| due.hour);
        Ok(due)
    }
}

/// Deletes what is due: events of all apps that the log has, the oldest of each first, and dead deliveries, as `retention` says;
/// and everything else after times of its own. Apps and tables take turns, so that none waits for another.
///
/// # Errors
/// [`DatabaseError`]; what was deleted before it stays deleted.
pub async fn retain(
    database: &impl Database,
    clock: &impl Clock,
    retention: Retention,
) -> Result<Retained, DatabaseError> {
    let begun = clock.now_ms();
    let (limits, bounds) = (retention.limits, Bounds::of(&retention, begun));
    let state = LogState::from(database.rows(log_state::read()).await?);
    let today = begun / DAY_MS;
    let used = state.number(Name::RetentionRows).filter(|_| state.number(Name::RetentionDay) == Some(today));
    let used = used.unwrap_or_default();

    let mut tasks: VecDeque<_> = Task::OF_TABLES.into();
    if retention.events_seconds.is_some() {
        tasks.push_back(Task::Ahead);
        let due = Due::read(database, bounds.events).await?;
        tasks.extend(due.into_iter().map(|Due { app, hour }| Task::App { app, hour }));
    }
    let mut retained = Retained::default();
    let mut left = Vec::new();
    let mut statements = 0_usize;
    while let Some(task) = tasks.pop_front() {
        let rows_left = limits.rows_a_day.map(|rows| rows.saturating_sub(used.saturating_add(retained.rows)));
        let batch =
            rows_left.map_or(limits.batch, |rows| limits.batch.min(rows.checked_div(task.rows_each()).unwrap_or(0)));
        let is_over =
            statements >= limits.statements || batch == 0 || clock.now_ms().saturating_sub(begun) >= limits.within_ms;
        if is_over {
            left.push(task);
            continue;
        }
        statements = statements.saturating_add(1);
        let Changes { changed, written, .. } = database.run(bounds.statement(task, batch)).await?;
        retained.rows = retained.rows.saturating_add(written);
        if task.is_of_events() {
            retained.events = retained.events.saturating_add(changed);
        }
        if changed >= batch {
            tasks.push_back(task);
        }
    }
    retained.due_since = due_since(database, &bounds, &left).await?;
    let noted = note(&state, &retained, today, used);
    if !noted.is_empty() {
        database.run(log_state::write(&noted)).await?;
    }
    Ok(retained)
}

/// The time (Unix ms) of the oldest that is due of these tasks.
async fn due_since(database: &impl Database, bounds: &Bounds, left: &[Task]) -> Result<Option<u64>, DatabaseError> {
    let is_app = |task: &&Task| matches!(task, Task::App { .. });
    let others = left.iter().filter(|task| !is_app(task)).map(|&task| bounds.oldest(task)).min();
    if !left.iter().any(|task| is_app(&task)) {
        return Ok(others);
    }
    // What was deleted since is no longer the oldest.
    let due = Due::read(database, bounds.events).await?;
    Ok(due.first().map(|due| due.hour.saturating_mul(HOUR_MS)).into_iter().chain(others).min())
}

/// What has changed of what is known; nothing if nothing was deleted, and nothing is left.
fn note(state: &LogState, retained: &Retained, today: u64, used: u64) -> Vec<(Name, Option<String>)> {
    let mut noted = Vec::new();
    if retained.rows > 0 {
        let rows = used.saturating_add(retained.rows);
        noted.push((Name::RetentionDay, Some(today.to_string())));
        noted.push((Name::RetentionRows, Some(rows.to_string())));
    }
    if state.number(Name::RetentionDueSince) != retained.due_since {
        noted.push((Name::RetentionDueSince, retained.due_since.map(|since| since.to_string())));
    }
    noted
}
