//! Whether an app, or a user, was unfollowed far more often than usual. The rule in words, and how often it is wrong, is in
//! `docs/alerts.md`.
//!
//! The log counts by the clock hour. An hour that begins in the middle of one is counted event by event where few are enough for a
//! burst, and estimated otherwise: see [`Counts::judge_user`].

use crate::database::HOUR_MS;

/// How many days of the past say what is usual.
pub const DAYS: u64 = 7;

/// How many of them the log has to have.
const DAYS_MIN: u64 = 3;

/// On fewer days than this, somebody is new: then the hours just before count, too.
const DAYS_WITH_UNFOLLOWS_MIN: usize = 3;

/// The hours just before, from the second before the current one on.
const HOURS_BEFORE: std::ops::RangeInclusive<u64> = 2..=7;

/// How many unfollows in an hour are judged at all: those of a user who is seldom unfollowed.
const USER_MIN: f64 = 30.0;

/// And how many more for each that is usual, up to [`ENOUGH`].
const MORE_FOR_EACH: f64 = 10.0;

/// So many unfollows in an hour are judged in any case.
const ENOUGH: f64 = 50.0;

/// A burst is so many times the usual number. It has to be found at five times: the rest is for what chance does to the usual
/// number.
const TIMES: f64 = 4.75;

/// Up to how many unfollows are counted event by event.
pub const COUNTED_MAX: u64 = 50;

/// Hours of a day.
const DAY: u64 = 24;

/// How much more than usual is expected at most because of the day of the week.
const WEEKDAY_MAX: f64 = 0.6;

/// With fewer unfollows of an app than this in an hour, its rhythm is mostly chance, and counts little.
const CHANCE: f64 = 50.0;

/// Unfollows by the hour since 1970. An hour that is not there had none.
#[derive(Clone, Debug, Default)]
pub struct Counts(Vec<(u64, u64)>);

/// How many unfollows the current clock hour and the one before have of an app, against the mean of both.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm([f64; 2]);

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

impl Burst {
    /// How many are usual, as a whole number, or `<1`.
    #[must_use]
    pub fn usual_text(&self) -> String {
        match whole(self.usual.round()) {
            0 => "<1".to_owned(),
            usual => usual.to_string(),
        }
    }
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

/// How long before the current hour the hours are that are needed to judge it, in hours.
#[must_use]
pub fn hours_ago() -> Vec<u64> {
    let pairs = (0..=DAYS).map(|day| day.saturating_mul(DAY)).flat_map(|ago| [ago, ago.saturating_add(1)]);
    pairs.chain(HOURS_BEFORE).collect()
}

/// The current hour and the one before, so many days ago.
fn pair(now: u64, days: u64) -> [u64; 2] {
    let hour = now.saturating_sub(days.saturating_mul(DAY));
    [hour, hour.saturating_sub(1)]
}

impl Rhythm {
    /// The rhythm of an app with these counts at `now_ms` (Unix ms), whose log begins with the hour `first_hour` (since 1970). `None`
    /// if that is too young to say what is usual.
    #[must_use]
    pub fn of_app(counts: &Counts, first_hour: u64, now_ms: u64) -> Option<Self> {
        let now = now_ms / HOUR_MS;
        let is_known = pair(now, DAYS_MIN).into_iter().all(|hour| hour >= first_hour);
        let both = mean(&counts.days(now)) / 2.0;
        let factor = |hour: u64| {
            let of_days: Vec<_> =
                (1..=DAYS).map(|day| counts.at(hour.saturating_sub(day.saturating_mul(DAY)))).collect();
            let usual = mean(&without_highest(of_days));
            let a_week_ago = number(counts.at(hour.saturating_sub(DAYS.saturating_mul(DAY))));
            // The day of the week, as far as there are so many that it is not chance.
            let more = (a_week_ago - usual).clamp(0.0, usual * WEEKDAY_MAX) * usual / (usual + CHANCE);
            (usual + more + CHANCE) / (both + CHANCE)
        };
        is_known.then(|| Self(pair(now, 0).map(factor)))
    }
}

impl Counts {
    /// These hours (since 1970) with the unfollows in each.
    #[must_use]
    pub const fn of(counts: Vec<(u64, u64)>) -> Self {
        Self(counts)
    }

    fn at(&self, hour: u64) -> u64 {
        self.0.iter().find(|(it, _)| *it == hour).map_or(0, |(_, unfollows)| *unfollows)
    }

    /// How many unfollows the same two clock hours had on each of the days before. The day that had most counts as the one that had
    /// second most: a burst of this week is no habit.
    fn days(&self, now: u64) -> Vec<u64> {
        let of_day = |day| pair(now, day).into_iter().map(|hour| self.at(hour)).fold(0, u64::saturating_add);
        without_highest((1..=DAYS).map(of_day).collect())
    }

    /// Judges a user of an app with this rhythm: the current clock hour, the one before, and the last 60 minutes, at `now_ms` (Unix
    /// ms).
    #[must_use]
    pub fn judge_user(&self, rhythm: Rhythm, now_ms: u64) -> Judgement {
        self.judge(rhythm, now_ms, |usual| (USER_MIN + MORE_FOR_EACH * usual).min(ENOUGH))
    }

    /// The same of the app.
    #[must_use]
    pub fn judge_app(&self, rhythm: Rhythm, now_ms: u64) -> Judgement {
        self.judge(rhythm, now_ms, |_| ENOUGH)
    }

    fn judge(&self, Rhythm(factors): Rhythm, now_ms: u64, least: impl Fn(f64) -> f64) -> Judgement {
        let now = now_ms / HOUR_MS;
        let [current_hour, hour_before] = pair(now, 0);
        let both = self.usual(now);
        // Half of it by the hour's own past, which is little and may be chance, and half by that of both hours.
        let of = |hour: u64, factor: f64| (self.usual_of(hour) + factor * both) / 2.0;
        let [factor, factor_before] = factors;
        let (usual, usual_before) = (of(current_hour, factor), of(hour_before, factor_before));
        let [current, before] = [current_hour, hour_before].map(|hour| self.at(hour));
        let wanted = |usual: f64| whole((TIMES * usual).max(least(usual)).ceil());
        let start = now.saturating_mul(HOUR_MS);
        if current >= wanted(usual) {
            return Judgement::Burst(Burst { since: start, unfollows: current, usual });
        }
        if before >= wanted(usual_before) {
            let since = start.saturating_sub(HOUR_MS);
            return Judgement::Burst(Burst { since, unfollows: before, usual: usual_before });
        }
        let part = number(now_ms % HOUR_MS) / number(HOUR_MS);
        let usual = usual * part + usual_before * (1.0 - part);
        let wanted = wanted(usual);
        if current.saturating_add(before) < wanted {
            return Judgement::Usual;
        }
        let unfollows = last_hour(part, current, before, usual_before);
        let burst = Burst { since: now_ms.saturating_sub(HOUR_MS), unfollows, usual };
        match unfollows {
            _ if wanted <= COUNTED_MAX => Judgement::Count { burst, wanted },
            _ if unfollows >= wanted => Judgement::Burst(burst),
            _ => Judgement::Usual,
        }
    }

    /// How many unfollows this clock hour has on average of the days before.
    fn usual_of(&self, hour: u64) -> f64 {
        let of_days = (1..=DAYS).map(|day| self.at(hour.saturating_sub(day.saturating_mul(DAY))));
        mean(&without_highest(of_days.collect()))
    }

    /// How many unfollows an hour like the current one and the one before has: the mean of the days before. Of somebody who was
    /// unfollowed on few of them, it is not less than half the mean of the hours just before.
    fn usual(&self, now: u64) -> f64 {
        let days = self.days(now);
        let usual = mean(&days) / 2.0;
        if days.iter().filter(|count| **count > 0).count() >= DAYS_WITH_UNFOLLOWS_MIN {
            return usual;
        }
        let just_before: Vec<_> = HOURS_BEFORE.map(|ago| self.at(now.saturating_sub(ago))).collect();
        usual.max(mean(&just_before) / 2.0)
    }
}

/// Counts of which the highest is as high as the second highest.
fn without_highest(mut counts: Vec<u64>) -> Vec<u64> {
    counts.sort_unstable();
    if let [.., second, highest] = counts.as_mut_slice() {
        *highest = *second;
    }
    counts
}

/// How many of the unfollows of two clock hours are of the last 60 minutes, when this `part` of the current hour is over, if those went
/// on at the pace that the current hour has: from the hour before, as many as that pace makes, and not more than what is above the
/// usual number of its first part.
fn last_hour(part: f64, current: u64, before: u64, usual_before: f64) -> u64 {
    let at_pace = if part > 0.0 { number(current) / part * (1.0 - part) } else { f64::MAX };
    let above = (number(before) - usual_before * part).max(number(before) * (1.0 - part));
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
