//! A cursor is read as it was written, and only for its own query.

use proptest::{prelude::*, sample::Index};
use unfollow_webhook::api::cursor;

/// An id, one with a cursor of KV's behind it, and any text.
fn positions() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{13}-[0-9a-f]{32}",
        "[0-9]{13}-[0-9a-f]{32} [A-Za-z0-9+/=]{0,80}",
        "\\PC{0,20}",
        Just(String::new())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cursor_is_read_as_it_was_written(position in positions(), query in "\\PC{0,30}") {
        let text = cursor::write(&query, &position);
        // It needs no encoding in a query.
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
        prop_assert_eq!(cursor::read(&query, &text), Some(position));
    }

    #[test]
    fn a_cursor_is_none_with_another_query(position in positions(), one in "[0-2 ]{0,4}", other in "[0-2 ]{0,4}") {
        prop_assert_eq!(cursor::read(&other, &cursor::write(&one, &position)).is_some(), one == other);
    }

    #[test]
    fn a_cursor_that_was_damaged_is_none(position in positions(), at in any::<Index>(), digit in 1..16_u8) {
        let text = cursor::write("q", &position);
        let at = at.index(text.len());
        prop_assert_eq!(cursor::read("q", &text[..at]), None);
        prop_assert_eq!(cursor::read("q", &format!("{text}{digit:x}")), None);
        prop_assert_eq!(cursor::read("q", &format!("{text}{digit:02x}")), None);
        // Another digit instead of this one.
        let mut digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
        digits[at] ^= u32::from(digit);
        let changed: String = digits.into_iter().filter_map(|digit| char::from_digit(digit, 16)).collect();
        prop_assert_eq!(cursor::read("q", &changed), None);
    }

    #[test]
    fn no_other_text_is_a_cursor(text in prop_oneof!["\\PC{0,60}", "[0-9a-f]{0,80}"]) {
        prop_assert_eq!(cursor::read("", &text), None);
    }
}

#[test]
fn what_moves_from_the_cursor_into_the_query_is_noticed() {
    let text = cursor::write("q", "12");
    // The checksum is 16 digits; the position follows.
    let (sum, position, rest) = (&text[..16], &text[16..18], &text[18..]);
    assert_eq!(position, hex::encode("1"));
    assert_eq!(cursor::read("q1", &format!("{sum}{rest}")), None);
}
