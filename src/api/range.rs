//! A range of time in the log, and the key prefixes that cover it.
//!
//! KV lists keys that begin with a prefix, in ascending order, and cannot begin after a key. An id begins with the digits
//! of [`countdown`], so a prefix of it is a span of time: the fewer digits, the longer.

use crate::event::id::{COUNTDOWN_DIGITS, EVENT_TIME_MAX, countdown};

/// Most prefixes that cover a range. Each costs a list, and on the free plan a call has fifty operations.
pub const PLACES_MAX: usize = 40;

/// How precisely the newer end of a range without an older one is met, in digits of an id: the first prefixes then span
/// about a day (10^8 ms) at most, and those behind them ten times as much, step by step.
const OPEN_DIGITS_MAX: usize = 5;

/// Events from `since` to `until`, both inclusive, in Unix ms of `EventTime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The older end; open where there is none.
    pub since: Option<u64>,
    /// The newer end; open where there is none.
    pub until: Option<u64>,
}

/// One prefix, and the span of ids' first digits that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    digits: usize,
    /// The number that the digits are.
    at: u64,
}

impl Range {
    /// Whether an event of this time (Unix ms) is in the range.
    #[must_use]
    pub fn contains(&self, event_time: u64) -> bool {
        !self.is_newer(event_time) && !self.is_older(event_time)
    }

    /// Whether an event of this time is newer than the whole range.
    #[must_use]
    pub fn is_newer(&self, event_time: u64) -> bool {
        self.until.is_some_and(|until| event_time > until)
    }

    /// Whether an event of this time is older than the whole range; with it are all that are listed after it.
    #[must_use]
    pub fn is_older(&self, event_time: u64) -> bool {
        self.since.is_some_and(|since| event_time < since)
    }

    /// The prefixes that cover the range, newest first; at most [`PLACES_MAX`].
    ///
    /// - A range that begins with the newest event is one prefix: what is listed past its end is not read.
    /// - One with both ends is covered by prefixes of one length, as long as it can be. At most a third of what
    ///   they span lies outside the range.
    /// - One that is open at its older end is covered by prefixes that get shorter: the first ones span little, so that
    ///   little is read that is newer, and the last ones everything that is older.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        match (self.since, self.until) {
            (_, None) => vec![Place { digits: 0, at: 0 }],
            (Some(since), Some(until)) => longest(COUNTDOWN_DIGITS, |digits| even(since, until, digits)),
            (None, Some(until)) => longest(OPEN_DIGITS_MAX, |digits| widening(until, digits)),
        }
    }
}

/// The cover with the most digits, from `digits_max` down, that has no more than [`PLACES_MAX`] prefixes.
fn longest<C: Iterator<Item = Place>>(digits_max: usize, cover: impl Fn(usize) -> C) -> Vec<Place> {
    let covers = (1..=digits_max).rev().map(|digits| cover(digits).take(PLACES_MAX.saturating_add(1)).collect());
    let whole = || vec![Place { digits: 0, at: 0 }];
    covers.into_iter().find(|places: &Vec<_>| places.len() <= PLACES_MAX).unwrap_or_else(whole)
}

fn even(since: u64, until: u64, digits: usize) -> impl Iterator<Item = Place> {
    let unit = unit(digits);
    let [first, last] = [until, since].map(|time| countdown(time).checked_div(unit).unwrap_or_default());
    (first..=last).map(move |at| Place { digits, at })
}

fn widening(until: u64, digits: usize) -> impl Iterator<Item = Place> {
    let first = Place { digits, at: countdown(until).checked_div(unit(digits)).unwrap_or_default() };
    std::iter::successors(Some(first), |place| place.next())
}

/// How many ms a prefix of so many digits spans.
fn unit(digits: usize) -> u64 {
    let others = u32::try_from(COUNTDOWN_DIGITS.saturating_sub(digits)).unwrap_or(0);
    10_u64.saturating_pow(others)
}

impl Place {
    /// The place that begins where this one ends, ten times as wide where that fits; none at the end of all ids.
    fn next(self) -> Option<Self> {
        let (mut at, mut digits) = (self.at.saturating_add(1), self.digits);
        while at % 10 == 0 && digits > 0 {
            (at, digits) = (at / 10, digits.saturating_sub(1));
        }
        (digits > 0).then_some(Self { digits, at })
    }

    /// The digits that ids begin with here; empty where all do.
    #[must_use]
    pub fn prefix(self) -> String {
        let Self { digits, at } = self;
        if digits == 0 { String::new() } else { format!("{at:0digits$}") }
    }

    /// Whether every event that there can be here is in `range`.
    #[must_use]
    pub fn is_within(self, range: &Range) -> bool {
        let unit = unit(self.digits);
        let first = self.at.saturating_mul(unit);
        let last = first.saturating_add(unit.saturating_sub(1)).min(EVENT_TIME_MAX);
        range.contains(countdown(first)) && range.contains(countdown(last))
    }
}
