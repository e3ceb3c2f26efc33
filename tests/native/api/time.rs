//! Times in RFC 3339, judged by chrono.

use chrono::DateTime;
use proptest::{prelude::*, sample::Index};
use unfollow_webhook::api::time::parse_rfc3339;

/// What chrono makes of a text, in Unix ms; `None` before 1970, where no event is. It also takes U+2212 for the minus sign;
/// RFC 3339 knows ASCII only.
fn judge(text: &str) -> Option<u64> {
    if !text.is_ascii() {
        return None;
    }
    u64::try_from(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()).ok()
}

#[test]
fn times_are_read_in_every_spelling() {
    for (text, ms) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2023-12-08T06:52:23.678Z", 1_702_018_343_678),
        ("2023-12-08t14:52:23.678999999+08:00", 1_702_018_343_678),
        ("2023-12-08 00:52:23.6-06:00", 1_702_018_343_600),
        ("2023-12-08T06:52:23-00:00", 1_702_018_343_000),
        ("2024-02-29T00:00:00z", 1_709_164_800_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        // Before 1970 by its own clock, and not by UTC's.
        ("1969-12-31T23:00:00-02:00", 3_600_000),
        // A leap second is the first one of the next minute.
        ("2016-12-31T23:59:60.250Z", 1_483_228_800_250),
    ] {
        assert_eq!((parse_rfc3339(text), judge(text)), (Some(ms), Some(ms)), "{text}");
    }
}

#[test]
fn no_other_text_is_a_time() {
    for text in [
        "",
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
        "2023-1é-8T06:52:23Z",
        "2023-12-08T06:52:23\u{2212}08:00",
        "1969-12-31T23:59:59.999Z",
    ] {
        assert_eq!((parse_rfc3339(text), judge(text)), (None, None), "{text}");
    }
}

/// Dates and times, most of which there are; some are a step too far.
fn texts() -> impl Strategy<Value = String> {
    let year =
        prop_oneof![8 => 1970..2100, 1 => 0..10_000, 1 => proptest::sample::select(vec![1900, 1969, 2000, 2400])];
    let date = (year, prop_oneof![30 => 1..=12, 1 => Just(0), 1 => Just(13)], prop_oneof![30 => 1..=31, 1 => Just(0)]);
    let clock = (prop_oneof![30 => 0..=23, 1 => Just(24)], prop_oneof![30 => 0..=59, 1 => Just(60)], 0..=61);
    let fraction = prop_oneof![2 => Just(String::new()), 4 => "\\.[0-9]{1,12}", 1 => Just(".".to_owned())];
    let hours = prop_oneof![20 => 0..=23, 1 => 24..=99];
    let minutes = prop_oneof![20 => 0..=59, 1 => 60..=99];
    let ahead = (proptest::sample::select(vec!["+", "-"]), hours, minutes);
    let offset = prop_oneof![
        Just("Z".to_owned()),
        Just("z".to_owned()),
        ahead.prop_map(|(sign, hours, minutes)| format!("{sign}{hours:02}:{minutes:02}")),
    ];
    let mark = proptest::sample::select(vec!["T", "t", " "]);
    (date, mark, clock, fraction, offset).prop_map(
        |((year, month, day), mark, (hour, minute, second), fraction, offset)| {
            format!("{year:04}-{month:02}-{day:02}{mark}{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_time_is_what_chrono_says(text in texts()) {
        prop_assert_eq!(parse_rfc3339(&text), judge(&text), "{}", text);
    }

    /// A character more, another one, or one less.
    #[test]
    fn nearly_a_time_is_what_chrono_says(
        text in texts(),
        at in any::<Index>(),
        put in prop_oneof!["[0-9TtZz:.+ -]", "[\u{2212}\u{e9}\u{661}\n,/]", Just(String::new())],
        cut in 0..2_usize,
    ) {
        let mut chars: Vec<_> = text.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..at + cut, put.chars());
        let text = String::from_iter(chars);
        prop_assert_eq!(parse_rfc3339(&text), judge(&text), "{}", text);
    }
}
