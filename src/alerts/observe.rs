//! Observes what alerts are made of: the settings, and D1. Each part of D1 that fails is left out, and said to fail.

use std::pin::pin;

use futures_util::{FutureExt as _, future::try_join};

use super::{
    burst::{self, Burst, Counts, Judgement, Rhythm},
    rules::{DONE_FOR_MS, DatabaseState, NOTABLE, Observations, REJECTED_FOR_MS},
};
use crate::{
    config::{Config, features::MissingLines, unknown::Names},
    database::{
        Database, DatabaseError, HOUR_MS,
        alerts::{self, AppsCalls, AppsDeliveries, AppsUnfollows, Unfollows},
        ask_size,
        call_counts::{self, LatestCall, NO_APP},
        log_state::{self, LogState, Name},
        schema::Schema,
    },
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, within},
    webhook::SdkAppId,
};

/// How far back an event makes a log old, in hours.
const LOG_HOURS: u64 = 90 * 24;

/// How long D1 may take for an answer of the API, in ms.
const WITHIN_MS: u64 = 8_000;

/// How many bursts of an app's users are counted event by event in one run. Of others, the estimate decides.
const COUNTED_USERS: usize = 2;

/// Observes all at once, for these of our apps. At most 500 rows of D1 are read for the unfollows of an app: see `docs/alerts.md`.
pub async fn observe(config: &Config, ports: &impl Ports, schema: &Schema, apps: &[SdkAppId]) -> Observations {
    observe_within(config, ports, schema, apps, WITHIN_MS).await
}

/// The same, for which D1 may take half of `within_ms` to say whether it has its tables, and half of it to say the rest.
pub async fn observe_within(
    config: &Config,
    ports: &impl Ports,
    schema: &Schema,
    apps: &[SdkAppId],
    within_ms: u64,
) -> Observations {
    let each_within_ms = within_ms / 2;
    let now_ms = ports.clock().now_ms();
    let of_settings =
        config.calls.settings.as_ref().map(|settings| settings.apps().collect::<Vec<_>>()).unwrap_or_default();
    let mut observed = Observations {
        now_ms,
        apps: apps.to_vec(),
        invalid_settings: config.invalid_settings.clone(),
        unknown_settings: Names::all().map_or_else(Vec::new, |names| names.unknown(ports.names(), &of_settings)),
        missing_lines: MissingLines::of(ports),
        database_max: config.calls.plan.limits().database_bytes,
        silence_hours: config.silence_hours,
        ..Observations::default()
    };
    if let Some(database) = ports.database() {
        let check = pin!(schema.invalid_settings(config, Some(database), now_ms));
        if let Some(invalid) = within(ports.clock(), each_within_ms, check).await {
            observed.invalid_settings = invalid;
        }
        let asked = within(ports.clock(), each_within_ms, observed.ask(config, database).boxed_local()).await;
        observed.database = match asked.unwrap_or(Err(DatabaseError::Failed)) {
            Ok(size) => DatabaseState::Answers(size),
            Err(error) => DatabaseState::Fails(error),
        };
    }
    observed
}

impl Observations {
    /// Asks the database for all that it knows, and for its size in bytes.
    async fn ask(&mut self, config: &Config, database: &impl Database) -> Result<Option<u64>, DatabaseError> {
        let size = database.run(ask_size()).await?.size;
        let sinks = config.calls.settings.as_ref().map(|settings| &*settings.sinks).unwrap_or_default();
        let state = LogState::from(database.rows(log_state::read()).await?);
        self.retention_due_since = state.number(Name::RetentionDueSince);
        let has_both = sinks.contains(&Sink::Kv) && sinks.contains(&Sink::D1);
        let is_known = !has_both || state.number(Name::CompleteSince).is_some();
        self.incomplete_since = state.number(Name::IncompleteSince).filter(|_| !is_known);

        let with_none: Vec<_> = self.apps.iter().map(|app| app.get()).chain([NO_APP]).collect();
        let since = self.now_ms.saturating_sub(REJECTED_FOR_MS) / HOUR_MS;
        (self.latest, self.calls) = try_join(
            database.rows::<LatestCall>(call_counts::latest(&with_none)),
            database.rows::<AppsCalls>(alerts::calls(&with_none, &NOTABLE, since)),
        )
        .await?;
        if config.calls.settings.as_ref().is_some_and(|settings| settings.origin.is_some()) {
            let since = self.now_ms.saturating_sub(DONE_FOR_MS);
            self.deliveries = database.rows::<AppsDeliveries>(alerts::deliveries(&self.apps, since)).await?;
        }
        if sinks.contains(&Sink::D1) {
            self.bursts = bursts(database, &self.apps, self.now_ms).await?;
        }
        Ok(size)
    }
}

/// The bursts of unfollows of these apps and of their users, at `now_ms` (Unix ms).
async fn bursts(
    database: &impl Database,
    apps: &[SdkAppId],
    now_ms: u64,
) -> Result<Vec<(SdkAppId, Option<String>, Burst)>, DatabaseError> {
    let mut found = Vec::new();
    let now = now_ms / HOUR_MS;
    let unfollows = alerts::unfollows(apps, now, &burst::hours_ago(), now.saturating_sub(LOG_HOURS));
    let rows: Vec<AppsUnfollows> = database.rows(unfollows).await?;
    for AppsUnfollows { app, first_hour, counts, users } in rows {
        let counts = Counts::of(counts);
        let Some(rhythm) = first_hour.and_then(|first| Rhythm::of_app(&counts, first, now_ms)) else { continue };
        let judged =
            users.into_iter().map(|(user, counts)| (Some(user), Counts::of(counts).judge_user(rhythm, now_ms)));
        let mut counted = 0_usize;
        for (user, judgement) in [(None, counts.judge_app(rhythm, now_ms))].into_iter().chain(judged) {
            let burst = match judgement {
                Judgement::Usual => None,
                Judgement::Burst(burst) => Some(burst),
                Judgement::Count { burst, wanted } if counted > COUNTED_USERS => {
                    Some(burst).filter(|burst| burst.unfollows >= wanted)
                }
                Judgement::Count { burst, wanted } => {
                    counted = counted.saturating_add(1);
                    let counting = alerts::unfollows_since(app, user.as_deref(), burst.since, burst::COUNTED_MAX);
                    let rows: Vec<Unfollows> = database.rows(counting).await?;
                    let unfollows = rows.first().map_or(0, |row| row.unfollows);
                    (unfollows >= wanted).then_some(Burst { unfollows, ..burst })
                }
            };
            found.extend(burst.map(|burst| (app, user, burst)));
        }
    }
    Ok(found)
}
