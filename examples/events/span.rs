//! Points and lengths of time, as a user writes them.

use jiff::{SpanRelativeTo, Timestamp, Unit};

/// The last time that an event's id can hold, in Unix ms.
const TIME_MAX: u64 = 9_999_999_999_999;

/// A point of time in Unix ms: given as such, in RFC 3339, or as a length of time ago.
pub fn time(text: &str) -> Result<u64, String> {
    let ms = if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else if let Ok(timestamp) = text.parse::<Timestamp>() {
        timestamp.as_millisecond().try_into().ok()
    } else {
        length(text).map(|ms| now().saturating_sub(ms))
    };
    ms.filter(|&ms| ms <= TIME_MAX).ok_or_else(|| {
        "it is a time in Unix ms, in RFC 3339 (2026-11-24T08:00:00Z), or how long ago it is (10m, 24h, 7d)".into()
    })
}

/// A length of time, such as `90s`, `10m` or `7d`, in ms; a day has 24 hours.
pub fn length(text: &str) -> Option<u64> {
    let span: jiff::Span = text.parse().ok()?;
    let ms = span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok()?;
    // Within what a double holds exactly.
    (0.0..=TIME_MAX as f64).contains(&ms).then_some(ms as u64)
}

/// The point of time in an HTTP `Date` or `Retry-After`, in Unix ms.
pub fn http_date(text: &str) -> Option<u64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok()?.as_millisecond().try_into().ok()
}

/// A time in Unix ms, in RFC 3339.
pub fn display(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| ms.to_string(), |timestamp| timestamp.to_string())
}

/// This machine's time in Unix ms.
pub fn now() -> u64 {
    Timestamp::now().as_millisecond().try_into().unwrap_or_default()
}
