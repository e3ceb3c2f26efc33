//! Times and durations, as users and HTTP write them.

#![allow(dead_code, reason = "each example uses some of them")]

use chrono::{DateTime, SecondsFormat};
use unfollow_webhook::event::id::EVENT_TIME_MAX;

use crate::host;

/// A time in Unix ms, given as such, in RFC 3339, or as how long ago it is.
pub fn parse(text: &str) -> Result<u64, &'static str> {
    let ms = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.timestamp_millis().try_into().ok(),
        Err(_) => text.parse().ok().or_else(|| length(text).map(|ms| host::now().saturating_sub(ms))),
    };
    ms.filter(|&ms| ms <= EVENT_TIME_MAX)
        .ok_or("it is a time in Unix ms, in RFC 3339 (2026-11-24T08:00:00Z), or how long ago it is (10m, 24h, 7d)")
}

/// A duration, such as `90s`, `10m`, `24h` or `7d`, in ms.
pub fn length(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)?.checked_mul(1000)
}

/// The time in an HTTP `Date` or `Retry-After`, in Unix ms.
pub fn http_date(text: &str) -> Option<u64> {
    DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis().try_into().ok()
}

/// A time in Unix ms, in RFC 3339.
pub fn display(ms: u64) -> String {
    let time = ms.try_into().ok().and_then(DateTime::from_timestamp_millis);
    time.map_or_else(|| ms.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
