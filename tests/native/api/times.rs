//! Times as the API's `since` and `until` take them.

use super::{TestEvent, encoded, get, is_problem, log_of, times_of};

/// The latest time that an event can have.
const LATEST: u64 = 9_999_999_999_999;

#[test]
fn times_are_read_in_every_spelling() {
    for (text, ms) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("2023-12-08T06:52:23.678Z", 1_702_018_343_678),
        ("2023-12-08t14:52:23.678999999+08:00", 1_702_018_343_678),
        ("2023-12-08T06:52:23.678999999999Z", 1_702_018_343_678),
        ("2023-12-08 00:52:23.6-06:00", 1_702_018_343_600),
        ("2023-12-08T06:52:23-00:00", 1_702_018_343_000),
        ("2024-02-29T00:00:00z", 1_709_164_800_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("2286-11-20T17:46:39.999Z", LATEST),
        // Before 1970 by its own clock, and not by UTC's.
        ("1969-12-31T23:00:00-02:00", 3_600_000),
        // A leap second is the first one of the next minute.
        ("2016-12-31T23:59:60.250Z", 1_483_228_800_250),
    ] {
        let neighbours = ms.saturating_sub(1)..=LATEST.min(ms + 1);
        let events: Vec<_> = neighbours.map(TestEvent::at).collect();
        let listed = get(&log_of(&events), "/v1/events", &format!("since={0}&until={0}", encoded(text)));
        assert_eq!(times_of(&listed), [ms], "{text}");
    }
}

/// As in a webhook's `EventTime`. As ms, it would be a day in 1970, and the empty answer would look complete.
#[test]
fn a_number_too_small_for_ms_is_in_seconds() {
    for (text, ms) in [
        ("0", 0_u64),
        ("1", 1_000),
        ("1702018343", 1_702_018_343_000),
        ("9999999999", 9_999_999_999_000),
        ("10000000000", 10_000_000_000),
        ("1702018343678", 1_702_018_343_678),
    ] {
        let neighbours = ms.saturating_sub(1)..=LATEST.min(ms + 1);
        let events: Vec<_> = neighbours.map(TestEvent::at).collect();
        let listed = get(&log_of(&events), "/v1/events", &format!("since={text}&until={text}"));
        assert_eq!(times_of(&listed), [ms], "{text}");
    }
}

#[test]
fn no_other_text_is_a_time() {
    let database = log_of(&[]);
    for text in [
        " ",
        "2023-12-08",
        "2023-12-08T06:52:23",
        "2023-12-08T06:52Z",
        "2023-12-08T06:52:23.Z",
        "2023-12-08T06:52:23,5Z",
        "2023-12-08T06:52:23+0800",
        "2023-12-08T06:52:23+08",
        "2023-12-08T06:52:23+24:00",
        "2023-12-08T06:52:23+08:60",
        "2023-12-08T06:52:23 +08:00",
        "2023-12-08T06:52:23ZZ",
        "2023-12-08  06:52:23Z",
        "2023-12-08T24:00:00Z",
        "2023-12-08T06:60:00Z",
        "2023-12-08T06:52:61Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-12-00T00:00:00Z",
        "+023-12-08T06:52:23Z",
        "12023-12-08T06:52:23Z",
        "2023-1\u{e9}-8T06:52:23Z",
        "2023-12-08T06:52:23\u{2212}08:00",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:59:59.999+01:00",
        // Times that no event can have.
        "2286-11-20T17:46:40Z",
        "9999-12-31T23:59:59.999Z",
    ] {
        is_problem(&get(&database, "/v1/events", &format!("since={}", encoded(text))), 400);
    }
}
