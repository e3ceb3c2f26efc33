//! A range of time in whole hours or days, as counts are kept.

use super::{parameters::Parameters, problem::Problem};
use crate::database::HOUR_MS;

/// The range unless said, in ms.
const DEFAULT_MS: u64 = 24 * HOUR_MS;

/// The length of a bucket, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// In hours.
    pub hours: u64,
    most: u64,
    too_long: &'static str,
}

/// Hours: 31 days of them, with a part on either side.
pub const HOUR: Bucket = Bucket { hours: 1, most: 31 * 24 + 2, too_long: "The range is at most 31 days of hours." };

/// Days: 366 of them, with a part on either side.
pub const DAY: Bucket = Bucket { hours: 24, most: 366 + 2, too_long: "The range is at most 366 days." };

/// Whole buckets, which are numbered from 1970 on: from `first` to before `end`.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    bucket: Bucket,
    /// The first bucket.
    pub first: u64,
    /// The bucket after the last.
    pub end: u64,
}

impl Range {
    /// The buckets that `since` and `until` reach into: without them, those of the last 24 hours.
    pub fn read(parameters: &Parameters<'_>, bucket: Bucket, now_ms: u64) -> Result<Self, Problem> {
        let (since, until) = parameters.range()?;
        let until = until.unwrap_or(now_ms);
        let since = since.unwrap_or(until.saturating_sub(DEFAULT_MS));
        if since > until {
            return Err(Problem::BadRequest("since is after until."));
        }
        let number = |time: u64| time.checked_div(bucket.hours.saturating_mul(HOUR_MS)).unwrap_or_default();
        let (first, end) = (number(since), number(until).saturating_add(1));
        if end.saturating_sub(first) > bucket.most {
            return Err(Problem::BadRequest(bucket.too_long));
        }
        Ok(Self { bucket, first, end })
    }

    /// When a bucket begins, in Unix ms.
    pub fn start(&self, number: u64) -> u64 {
        self.hour(number).saturating_mul(HOUR_MS)
    }

    /// The first hour of a bucket, in hours since 1970.
    pub fn hour(&self, number: u64) -> u64 {
        number.saturating_mul(self.bucket.hours)
    }

    /// Where the bucket of an hour is in the range.
    pub fn index(&self, hour: u64) -> Option<usize> {
        let number = hour.checked_div(self.bucket.hours)?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
