//! How many webhook calls there were, and what became of them. The counts are lower bounds: what an isolate had not written when
//! it ended is missing.

use futures_util::future::try_join;
use serde::Serialize;

use super::{
    Context,
    parameters::{AppOrNone, HourStart, Time, parameters},
    problem::Problem,
    range::{BucketSize, Range},
};
use crate::{
    database::{
        Database,
        call_counts::{self, CallCount, CallOutcome, LatestCall, NO_APP},
    },
    encoding::{StoredWord, UnixMs},
    ports::Ports,
    storage::Clock as _,
    webhook::SdkAppId,
};

parameters! {
    /// Which hours, and of which app: without one, of all, and of the calls of no app of ours.
    CallsQuery {
        app: Option<AppOrNone>,
        since: Option<Time>,
        until: Option<Time>,
    }
}

/// The calls of one hour, app, outcome and reason.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "CallCount"))]
struct CountedCalls {
    /// When the hour begins.
    start: HourStart,
    /// The SDKAppID; 0 if the call was for no app of ours, or rejected before the app was known.
    sdk_app_id: AppOrNone,
    /// `stored`: every sink has the event. `queued`: the event is safe, and a sink is still to get it. `dead_lettered`: the event is
    /// safe, and the origin gets it if its dead letter is replayed: the queue did not take it. `probe`: the console
    /// checked the URL. `unhandled`: a webhook of another kind. `relayed`: one that the app's backend has answered. `rejected`:
    /// rejected with a status below 500. `failed`: rejected with one of 500 or above. `unknown`: another version of this Worker
    /// knows.
    outcome: StoredWord<CallOutcome>,
    /// Why the call was rejected, as in the table of webhook responses; null if it was not.
    reason: Option<String>,
    /// How many calls, at least.
    count: u64,
}

/// The calls of a range.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Calls {
    /// When the first hour begins.
    since: HourStart,
    /// When the last hour ends, or the last time there is; its own ms no longer counts.
    until: UnixMs,
    /// Oldest first; hours, apps and outcomes without calls are left out.
    hours: Vec<CountedCalls>,
    /// When the last call of the app, or of any of the apps, came, of whatever outcome; null if none was counted. Requests that
    /// name no app of ours count only if `app` is 0.
    last_call_at: Option<UnixMs>,
    /// When the last event came that is safe: stored, queued or dead-lettered; null if none was counted.
    last_stored_at: Option<UnixMs>,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn calls(&self, query: CallsQuery) -> Result<Calls, Problem> {
        let app = query.app.map(|AppOrNone(app)| app.map_or(NO_APP, SdkAppId::get));
        let range = Range::read(query.since, query.until, BucketSize::Hour, self.ports.clock().now_ms())?;
        let apps = match app {
            Some(app) => vec![app],
            // Requests of strangers, such as a scanner's, are no sign that Tencent calls.
            None => self.settings.apps().map(SdkAppId::get).collect(),
        };
        let database = self.database()?;
        let (mut counts, latest) = try_join(
            database.rows::<CallCount>(call_counts::read(app, range.first, range.end)),
            database.rows::<LatestCall>(call_counts::latest(&apps)),
        )
        .await?;
        counts.sort_unstable();
        let hour = |CallCount { hour, app, outcome, reason, count }| CountedCalls {
            start: range.start(hour),
            sdk_app_id: AppOrNone(SdkAppId::try_from(app).ok()),
            outcome,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            count,
        };
        let stored = [CallOutcome::Stored, CallOutcome::Queued, CallOutcome::DeadLettered].map(StoredWord::Known);
        let is_stored = |call: &&LatestCall| stored.contains(&call.outcome);
        Ok(Calls {
            since: range.since(),
            until: range.until(),
            last_call_at: latest.iter().map(|call| UnixMs(call.last_at)).max(),
            last_stored_at: latest.iter().filter(is_stored).map(|call| UnixMs(call.last_at)).max(),
            hours: counts.into_iter().map(hour).collect(),
        })
    }
}
