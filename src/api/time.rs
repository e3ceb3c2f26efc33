//! Times as RFC 3339 writes them. Our own, because a library for it weighs 6 KB (gzip) of a Worker that is to stay small;
//! a test holds it against one.

use crate::webhook::digits;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The Unix ms of a time like `2026-11-24T13:35:00.250+08:00`; what is below a ms is dropped. `t`, `z` and a space for
/// the `T` are as good, and a leap second counts as the first one of the next minute. `None` for any other text, and for a
/// time before 1970.
#[must_use]
#[allow(clippy::arithmetic_side_effects, reason = "no part has more than four digits")]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if !(1..=days_of(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit()).filter(|&digits| digits > 0)?)?,
        None => ("0", rest),
    };
    let ms: String = fraction.chars().chain("00".chars()).take(3).collect();
    let ms = number(&ms, 3)?;
    let seconds = days_since_1970(year, month, day) * DAY_SECONDS + (hour * 60 + minute) * 60 + second;
    u64::try_from((seconds - offset_seconds(offset)?) * 1000 + ms).ok()
}

/// How far a local time is ahead of UTC.
#[allow(clippy::arithmetic_side_effects, reason = "no part has more than two digits")]
fn offset_seconds(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, text) = text.strip_prefix('+').map(|text| (1, text)).or_else(|| Some((-1, text.strip_prefix('-')?)))?;
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

/// Days since 1970-01-01 in the Gregorian calendar. A year counts from March here, so that a leap day is its last one.
#[allow(clippy::arithmetic_side_effects, reason = "a year has four digits")]
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From the first of March of the year 0 on, which is 719,468 days before 1970.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// How many days a month has.
fn days_of(year: i64, month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => Some(29),
        2 => Some(28),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Three numbers of so many digits, with a mark between them.
fn numbers(text: &str, mark: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(mark);
    let numbers = digits.map(|digits| parts.next().and_then(|part| number(part, digits)));
    let [Some(first), Some(second), Some(third)] = numbers else { return None };
    parts.next().is_none().then_some([first, second, third])
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let number = digits::parse(text, digits).filter(|_| text.len() == digits)?;
    i64::try_from(number).ok()
}
