//! Unfollows and follows per hour or day.

use serde::Serialize;

use super::{
    Api,
    parameters::Parameters,
    problem::Problem,
    range::{self, Range},
    store::StoreReader,
};
use crate::{
    config::Settings,
    database::{
        Database,
        event_log::{self, HourlyCount},
    },
    response::Response,
    storage::{Clock, Queue},
};

#[derive(Serialize)]
struct Counts {
    /// In Unix ms.
    start: u64,
    unfollows: u64,
    follows: u64,
}

#[derive(Serialize)]
struct Stats {
    since: u64,
    until: u64,
    buckets: Vec<Counts>,
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn stats(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "user", "since", "until", "bucket"])?;
        let app = super::app_of(settings, &parameters)?;
        let bucket = match parameters.text("bucket") {
            None | Some("hour") => range::HOUR,
            Some("day") => range::DAY,
            Some(_) => return Err(Problem::BadRequest("bucket is hour or day.")),
        };
        let range = Range::read(&parameters, bucket, self.clock.now_ms())?;
        let user = parameters.text("user");
        let statement = event_log::hourly_counts(app, user, range.hour(range.first), range.hour(range.end));
        let counts: Vec<HourlyCount> = self.event_log()?.rows(statement).await?;

        let empty = |number| Counts { start: range.start(number), unfollows: 0, follows: 0 };
        let mut buckets: Vec<_> = (range.first..range.end).map(empty).collect();
        for count in counts {
            let Some(bucket) = range.index(count.hour).and_then(|at| buckets.get_mut(at)) else { continue };
            bucket.unfollows = bucket.unfollows.saturating_add(count.unfollows);
            bucket.follows = bucket.follows.saturating_add(count.follows);
        }
        Ok(Response::json(&Stats { since: range.start(range.first), until: range.start(range.end), buckets }))
    }
}
