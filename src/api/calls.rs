//! How many webhook calls there were, and what became of them. The counts are least ones: what an isolate had not written when it
//! ended is missing.

use futures_util::future::try_join;
use serde::Serialize;

use super::{
    Api, our_app,
    parameters::Parameters,
    problem::Problem,
    range::{self, Range},
    store::StoreReader,
};
use crate::{
    config::Settings,
    database::{
        Database,
        call_counts::{self, CallCount, CallOutcome, LatestCall, NO_APP},
    },
    response::Response,
    storage::{Clock, Queue},
    webhook::SdkAppId,
};

#[derive(Serialize)]
struct CountedCalls {
    /// When the hour begins, in Unix ms.
    start: u64,
    sdk_app_id: u64,
    outcome: String,
    reason: Option<String>,
    count: u64,
}

#[derive(Serialize)]
struct Calls {
    hours: Vec<CountedCalls>,
    last_call_at: Option<u64>,
    last_stored_at: Option<u64>,
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn calls(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "since", "until"])?;
        let app = match parameters.text("app") {
            None => None,
            Some("0") => Some(NO_APP),
            Some(app) => Some(our_app(settings, app)?.get()),
        };
        let range = Range::read(&parameters, range::HOUR, self.clock.now_ms())?;
        let apps = match app {
            Some(app) => vec![app],
            None => [NO_APP].into_iter().chain(settings.apps().map(SdkAppId::get)).collect(),
        };
        let database = self.database()?;
        let (counts, latest) = try_join(
            database.rows::<CallCount>(call_counts::read(app, range.first, range.end)),
            database.rows::<LatestCall>(call_counts::latest(&apps)),
        )
        .await?;
        let hour = |CallCount { hour, app, outcome, reason, count }| CountedCalls {
            start: range.start(hour),
            sdk_app_id: app,
            outcome,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            count,
        };
        let stored = [CallOutcome::Stored.name(), CallOutcome::Queued.name()];
        let is_stored = |call: &&LatestCall| stored.contains(&&*call.outcome);
        Ok(Response::json(&Calls {
            last_call_at: latest.iter().map(|call| call.last_at).max(),
            last_stored_at: latest.iter().filter(is_stored).map(|call| call.last_at).max(),
            hours: counts.into_iter().map(hour).collect(),
        }))
    }
}
