//! A cursor is read as it was written, and only for its own query.

use proptest::{prelude::*, sample::Index};
use unfollow_webhook::api::cursor::Cursor;

fn cursors() -> impl Strategy<Value = Cursor> {
    // KV's own is any text that is not empty.
    let kv = proptest::option::of(prop_oneof!["[A-Za-z0-9+/=]{1,80}", "[ a]{1,3}", "\\PC{1,20}"]);
    let after = prop_oneof![Just(String::new()), "[0-9]{13}-[0-9a-f]{32}"];
    (prop_oneof![0..50_usize, any::<usize>()], after, kv).prop_map(|(place, after, kv)| Cursor { place, after, kv })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cursor_is_read_as_it_was_written(cursor in cursors(), query in "\\PC{0,30}") {
        let text = cursor.write(&query);
        // It needs no encoding in a query.
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
        prop_assert_eq!(Cursor::read(&text, &query), Some(cursor));
    }

    #[test]
    fn a_cursor_is_none_with_another_query(cursor in cursors(), one in "[0-2 ]{0,4}", other in "[0-2 ]{0,4}") {
        prop_assert_eq!(Cursor::read(&cursor.write(&one), &other).is_some(), one == other);
    }

    #[test]
    fn a_cursor_that_was_damaged_is_none(cursor in cursors(), at in any::<Index>(), digit in 1..16_u8) {
        let text = cursor.write("q");
        let at = at.index(text.len());
        prop_assert_eq!(Cursor::read(&text[..at], "q"), None);
        prop_assert_eq!(Cursor::read(&format!("{text}{digit:x}"), "q"), None);
        prop_assert_eq!(Cursor::read(&format!("{text}{digit:02x}"), "q"), None);
        // Another digit instead of this one.
        let mut digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
        digits[at] ^= u32::from(digit);
        let changed: String = digits.into_iter().filter_map(|digit| char::from_digit(digit, 16)).collect();
        prop_assert_eq!(Cursor::read(&changed, "q"), None);
    }

    #[test]
    fn no_other_text_is_a_cursor(text in prop_oneof!["\\PC{0,60}", "[0-9a-f]{0,80}"]) {
        prop_assert_eq!(Cursor::read(&text, ""), None);
    }
}

#[test]
fn what_moves_from_the_cursor_into_the_query_is_noticed() {
    let text = Cursor { place: 12, ..Cursor::default() }.write("q");
    // The checksum is 16 digits; the prefix's number follows.
    let (sum, place, rest) = (&text[..16], &text[16..18], &text[18..]);
    assert_eq!(place, hex::encode("1"));
    assert_eq!(Cursor::read(&format!("{sum}{rest}"), "q1"), None);
}
