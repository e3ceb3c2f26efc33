//! Whether an app, or a user, was unfollowed far more often than usual. The rule in words, and how often it is wrong, is in
//! `docs/alerts.md`.
//!
//! The log counts by the clock hour. An hour that begins in the middle of one is counted event by event where few are enough for a
//! burst, and estimated otherwise: see [`Counts::judge`].

use crate::database::HOUR_MS;

/// How many days of the past say what is usual.
pub const DAYS: u64 = 7;

/// How many of them the log has to have.
const DAYS_MIN: usize = 3;

/// On fewer days than this, somebody is new: then the hours just before count, too.
const DAYS_WITH_UNFOLLOWS_MIN: usize = 3;

/// The hours just before, from the second before the current one on.
const HOURS_BEFORE: std::ops::RangeInclusive<u64> = 2..=7;

/// How many unfollows in an hour are judged: of a user, and of an app.
pub const USER_MIN: u64 = 20;
pub const APP_MIN: u64 = 50;

/// A burst is so many times the usual number. It has to be found at five times: the rest is for what chance does to the usual
/// number.
const TIMES: f64 = 4.0;

/// And it is above the usual number by so many standard deviations of a Poisson distribution, the root of that number.
const DEVIATIONS: f64 = 12.0;

/// Up to how many unfollows are counted event by event.
pub const COUNTED_MAX: u64 = 60;

/// Ms of a day, in hours.
const DAY: u64 = 24;

/// Unfollows by the hour since 1970. An hour that is not there had none.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    counts: Vec<(u64, u64)>,
    /// The first hour that the log has of the app.
    first_hour: u64,
    /// How few are not judged.
    min: u64,
}

/// A burst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// When the hour began, in Unix ms.
    pub since: u64,
    /// How many unfollows it has, as far as is known.
    pub unfollows: u64,
    /// How many are usual.
    pub usual: f64,
}

/// What the counts say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judgement {
    /// It was no burst, or the log is too young to say.
    Usual,
    /// It was one.
    Burst(Burst),
    /// It was one if the last 60 minutes, event by event, have so many unfollows. The burst has the estimate.
    Count { burst: Burst, wanted: u64 },
}

/// The hours that [`Counts::judge`] needs at `now_ms` (Unix ms).
#[must_use]
pub fn hours(now_ms: u64) -> Vec<u64> {
    let now = now_ms / HOUR_MS;
    let pairs = (0..=DAYS).flat_map(|day| pair(now, day));
    pairs.chain(HOURS_BEFORE.map(|ago| now.saturating_sub(ago))).collect()
}

/// The current hour and the one before, so many days ago.
fn pair(now: u64, days: u64) -> [u64; 2] {
    let hour = now.saturating_sub(days.saturating_mul(DAY));
    [hour, hour.saturating_sub(1)]
}

impl Counts {
    /// Those of a user.
    #[must_use]
    pub fn of_user(counts: Vec<(u64, u64)>, first_hour: u64) -> Self {
        Self { counts, first_hour, min: USER_MIN }
    }

    /// Those of an app.
    #[must_use]
    pub fn of_app(counts: Vec<(u64, u64)>, first_hour: u64) -> Self {
        Self { counts, first_hour, min: APP_MIN }
    }

    fn at(&self, hour: u64) -> u64 {
        self.counts.iter().find(|(it, _)| *it == hour).map_or(0, |(_, unfollows)| *unfollows)
    }

    /// Judges the current clock hour, the one before, and the last 60 minutes, at `now_ms` (Unix ms).
    #[must_use]
    pub fn judge(&self, now_ms: u64) -> Judgement {
        let now = now_ms / HOUR_MS;
        let [current, before] = pair(now, 0).map(|hour| self.at(hour));
        let Some(usual) = self.usual(now) else { return Judgement::Usual };
        let wanted = self.wanted(usual);
        let start = now.saturating_mul(HOUR_MS);
        let burst = |since, unfollows| Burst { since, unfollows, usual };
        if current >= wanted {
            return Judgement::Burst(burst(start, current));
        }
        if before >= wanted {
            return Judgement::Burst(burst(start.saturating_sub(HOUR_MS), before));
        }
        if current.saturating_add(before) < wanted {
            return Judgement::Usual;
        }
        let unfollows = last_hour(now_ms, current, before, usual);
        let burst = burst(now_ms.saturating_sub(HOUR_MS), unfollows);
        match unfollows {
            _ if wanted <= COUNTED_MAX => Judgement::Count { burst, wanted },
            _ if unfollows >= wanted => Judgement::Burst(burst),
            _ => Judgement::Usual,
        }
    }

    /// How many unfollows an hour like this one has; `None` if the log is too young to say.
    ///
    /// It is the mean of the same two clock hours of the days before, without the day that had most. Of somebody who was
    /// unfollowed on few of these days, it is not less than half the mean of the hours just before.
    fn usual(&self, now: u64) -> Option<f64> {
        let known = (1..=DAYS).map(|day| pair(now, day)).filter(|[_, first]| *first >= self.first_hour);
        let mut days: Vec<u64> =
            known.map(|pair| pair.into_iter().map(|hour| self.at(hour)).fold(0, u64::saturating_add)).collect();
        if days.len() < DAYS_MIN {
            return None;
        }
        days.sort_unstable();
        let with_unfollows = days.iter().filter(|count| **count > 0).count();
        let (_, others) = days.split_last()?;
        let usual = mean(others) / 2.0;
        let just_before: Vec<_> = HOURS_BEFORE.map(|ago| self.at(now.saturating_sub(ago))).collect();
        let is_new = with_unfollows < DAYS_WITH_UNFOLLOWS_MIN;
        Some(if is_new { usual.max(mean(&just_before) / 2.0) } else { usual })
    }

    /// How many unfollows are a burst where so many are usual.
    fn wanted(&self, usual: f64) -> u64 {
        let wanted = (TIMES * usual).max(usual + DEVIATIONS * usual.sqrt());
        self.min.max(whole(wanted.ceil()))
    }
}

/// How many of the unfollows of two clock hours are of the last 60 minutes, if those went on at the pace that the current hour has:
/// from the hour before, as many as that pace makes, and not more than what is above the usual number of its first part.
fn last_hour(now_ms: u64, current: u64, before: u64, usual: f64) -> u64 {
    let part = number(now_ms % HOUR_MS) / number(HOUR_MS);
    let at_pace = if part > 0.0 { number(current) / part * (1.0 - part) } else { f64::MAX };
    let above = (number(before) - usual * part).max(number(before) * (1.0 - part));
    current.saturating_add(whole(above.min(at_pace)))
}

fn mean(counts: &[u64]) -> f64 {
    let sum: f64 = counts.iter().copied().map(number).sum();
    if counts.is_empty() { 0.0 } else { sum / number(u64::try_from(counts.len()).unwrap_or(u64::MAX)) }
}

/// Counts are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn number(count: u64) -> f64 {
    count as f64
}

/// What is too large becomes the largest number there is.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
