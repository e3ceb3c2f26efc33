//! Unfollows and follows per hour or day.

use serde::Serialize;

use super::{Api, parameters::Parameters, problem::Problem, store::StoreReader};
use crate::{
    config::Settings,
    database::{
        Database, HOUR_MS,
        event_log::{self, HourlyCount},
    },
    response::Response,
    storage::{Clock, Queue},
};

/// The range unless said, in ms.
const RANGE_DEFAULT_MS: u64 = 24 * HOUR_MS;

/// The length of a bucket, and how many there may be: 31 days of hours with a part on either side, 366 days.
#[derive(Clone, Copy)]
struct Bucket {
    hours: u64,
    most: u64,
}

const HOUR: Bucket = Bucket { hours: 1, most: 31 * 24 + 2 };
const DAY: Bucket = Bucket { hours: 24, most: 366 + 2 };

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
            None | Some("hour") => HOUR,
            Some("day") => DAY,
            Some(_) => return Err(Problem::BadRequest("bucket is hour or day.")),
        };
        let (since, until) = parameters.range()?;
        let until = until.unwrap_or_else(|| self.clock.now_ms());
        let since = since.unwrap_or(until.saturating_sub(RANGE_DEFAULT_MS));
        if since > until {
            return Err(Problem::BadRequest("since is after until."));
        }
        // Whole buckets, which begin at 1970: [first, end).
        let length = bucket.hours.saturating_mul(HOUR_MS);
        let number = |time: u64| time.checked_div(length).unwrap_or_default();
        let (first, end) = (number(since), number(until).saturating_add(1));
        if end.saturating_sub(first) > bucket.most {
            return Err(Problem::BadRequest("The range is at most 31 days of hours, or 366 days."));
        }
        let hours = |bucket_number: u64| bucket_number.saturating_mul(bucket.hours);
        let statement = event_log::hourly_counts(app, parameters.text("user"), hours(first), hours(end));
        let counts: Vec<HourlyCount> = self.database()?.rows(statement).await?;

        let start = |bucket_number: u64| bucket_number.saturating_mul(length);
        let empty = |bucket_number| Counts { start: start(bucket_number), unfollows: 0, follows: 0 };
        let mut buckets: Vec<_> = (first..end).map(empty).collect();
        for count in counts {
            let at = count.hour.checked_div(bucket.hours).and_then(|at| usize::try_from(at.checked_sub(first)?).ok());
            let Some(bucket) = at.and_then(|at| buckets.get_mut(at)) else { continue };
            bucket.unfollows = bucket.unfollows.saturating_add(count.unfollows);
            bucket.follows = bucket.follows.saturating_add(count.follows);
        }
        Ok(Response::json(&Stats { since: start(first), until: start(end), buckets }))
    }
}
