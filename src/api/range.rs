//! A range of time in whole hours or days, as counts are kept.

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{
    parameters::{HourStart, Time, ordered},
    problem::Problem,
};
use crate::{database::HOUR_MS, encoding::UnixMs, event::id::EVENT_TIME_MAX};

const DAY_MS: u64 = 24 * HOUR_MS;

/// The range unless said, in ms.
const DEFAULT_MS: u64 = DAY_MS;

/// What is counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum BucketSize {
    /// What happens in an hour.
    #[default]
    Hour,
    /// What happens in a day of UTC.
    Day,
}

impl BucketSize {
    const fn hours(self) -> u64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }

    /// The longest range, in days.
    const fn days_max(self) -> u64 {
        match self {
            Self::Hour => 31,
            Self::Day => 366,
        }
    }

    /// The most buckets of a range: those of the longest, with a part of one on either side.
    #[must_use]
    pub const fn buckets_max(self) -> u64 {
        match self {
            Self::Hour => 31 * 24 + 2,
            Self::Day => 366 + 2,
        }
    }
}

/// Whole buckets, which are numbered from 1970 on: from `first` to before `end`.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    size: BucketSize,
    /// The first bucket.
    pub first: u64,
    /// The bucket after the last.
    pub end: u64,
}

impl Range {
    /// The buckets that `since` and `until` reach into. Without `until`, the range ends now, or as long after `since` as it may
    /// be; without `since`, it begins 24 hours before `until`.
    pub fn read(since: Option<Time>, until: Option<Time>, size: BucketSize, now_ms: u64) -> Result<Self, Problem> {
        let (since, until) = ordered(since, until)?;
        let longest_ms = size.days_max().saturating_mul(DAY_MS);
        let until = until.unwrap_or_else(|| since.map_or(now_ms, |since| now_ms.min(since.saturating_add(longest_ms))));
        let since = since.unwrap_or(until.saturating_sub(DEFAULT_MS));
        // It may be after now.
        ordered(Some(Time(since)), Some(Time(until)))?;
        let number = |time: u64| time.checked_div(size.hours().saturating_mul(HOUR_MS)).unwrap_or_default();
        let (first, end) = (number(since), number(until).saturating_add(1));
        if end.saturating_sub(first) > size.buckets_max() {
            let of = match size {
                BucketSize::Hour => " of hours",
                BucketSize::Day => "",
            };
            return Err(Problem::BadRequest(format!("The range is at most {} days{of}.", size.days_max()).into()));
        }
        Ok(Self { size, first, end })
    }

    /// When a bucket begins.
    pub fn start(&self, number: u64) -> HourStart {
        HourStart(self.hour(number).saturating_mul(HOUR_MS))
    }

    /// When the first bucket begins.
    pub fn since(&self) -> HourStart {
        self.start(self.first)
    }

    /// When the last bucket ends. No bucket ends after the last time that there is.
    pub fn until(&self) -> UnixMs {
        UnixMs(self.start(self.end).0.min(EVENT_TIME_MAX))
    }

    /// The first hour of a bucket, in hours since 1970.
    pub fn hour(&self, number: u64) -> u64 {
        number.saturating_mul(self.size.hours())
    }

    /// Where the bucket of an hour is in the range.
    pub fn index(&self, hour: u64) -> Option<usize> {
        let number = hour.checked_div(self.size.hours())?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
