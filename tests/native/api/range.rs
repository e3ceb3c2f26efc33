//! The prefixes that cover a range of time: all of it, in order, each time once; few of them, and little more than it.

use proptest::{prelude::*, sample::Index};
use unfollow_webhook::{
    api::range::{PLACES_MAX, Place, Range},
    event::id::{EVENT_TIME_MAX, countdown},
};

use super::TestEvent;

/// Ids have so many digits of time.
const DIGITS: u32 = 13;

/// The first and the last countdown number of ids with this prefix.
fn span(place: Place) -> (u64, u64) {
    let prefix = place.prefix();
    let unit = 10_u64.pow(DIGITS - u32::try_from(prefix.len()).unwrap());
    let first = if prefix.is_empty() { 0 } else { prefix.parse::<u64>().unwrap() * unit };
    (first, first + unit - 1)
}

/// How many prefixes of so many digits a closed range takes, by counting.
fn needed(since: u64, until: u64, digits: u32) -> u64 {
    let unit = 10_u64.pow(DIGITS - digits);
    countdown(since) / unit - countdown(until) / unit + 1
}

/// Times of all scales: near to each other, and at the ends.
fn times() -> impl Strategy<Value = u64> {
    let scale = (0..14_u32, any::<u64>()).prop_map(|(digits, n)| n % 10_u64.pow(digits.min(13)));
    prop_oneof![
        3 => 0..=EVENT_TIME_MAX,
        2 => scale.clone(),
        2 => scale.prop_map(countdown),
        1 => (0..=EVENT_TIME_MAX, 0..13_u32).prop_map(|(n, digits)| n - n % 10_u64.pow(digits)),
    ]
}

fn closed() -> impl Strategy<Value = (u64, u64)> {
    let length = (0..14_u32, any::<u64>()).prop_map(|(digits, n)| n % 10_u64.pow(digits));
    prop_oneof![
        (times(), times()).prop_map(|(one, other)| (one.min(other), one.max(other))),
        (times(), length).prop_map(|(since, length)| (since, (since + length).min(EVENT_TIME_MAX))),
    ]
}

fn ranges() -> impl Strategy<Value = Range> {
    let ends = (proptest::option::of(times()), proptest::option::of(times()));
    prop_oneof![
        closed().prop_map(|(since, until)| Range { since: Some(since), until: Some(until) }),
        ends.prop_map(|(since, until)| Range {
            since: since.filter(|it| until.is_none_or(|until| *it <= until)),
            until
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn places_follow_on_each_other_and_cover_the_range(range in ranges()) {
        let places = range.places();
        prop_assert!((1..=PLACES_MAX).contains(&places.len()) && PLACES_MAX == 40, "{}", places.len());
        let spans: Vec<_> = places.iter().copied().map(span).collect();
        prop_assert!(spans.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{:?}", spans);
        let (begin, end) = (spans[0].0, spans[spans.len() - 1].1);
        prop_assert!(begin <= countdown(range.until.unwrap_or(EVENT_TIME_MAX)));
        prop_assert!(end >= countdown(range.since.unwrap_or(0)) && end <= EVENT_TIME_MAX);
    }

    /// Against real ids: a time of the range begins with one of the prefixes, and with one only.
    #[test]
    fn the_id_of_an_event_in_the_range_begins_with_one_prefix(range in ranges(), part in any::<Index>()) {
        let (since, until) = (range.since.unwrap_or(0), range.until.unwrap_or(EVENT_TIME_MAX));
        let between = since + part.index(usize::try_from(until - since + 1).unwrap()) as u64;
        for time in [since, between, until] {
            let id = TestEvent::at(time).id();
            let places = range.places();
            let holding = places.iter().filter(|place| id.starts_with(&place.prefix()));
            prop_assert_eq!((holding.count(), range.contains(time)), (1, true), "{} {}", time, id);
        }
    }

    #[test]
    fn a_closed_range_has_prefixes_of_one_length_the_longest_that_are_few_enough((since, until) in closed()) {
        let places = Range { since: Some(since), until: Some(until) }.places();
        let digits = u32::try_from(places[0].prefix().len()).unwrap();
        prop_assert!(places.iter().all(|place| place.prefix().len() == digits as usize));
        prop_assert_eq!(places.len() as u64, needed(since, until, digits));
        prop_assert!(digits == DIGITS || needed(since, until, digits + 1) > 40);
    }

    #[test]
    fn a_closed_range_is_over_read_by_a_third_at_most((since, until) in closed()) {
        let places = Range { since: Some(since), until: Some(until) }.places();
        let spanned: u64 = places.iter().map(|place| span(*place)).map(|(first, last)| last - first + 1).sum();
        let wanted = until - since + 1;
        prop_assert!(3 * (spanned - wanted) <= spanned, "{} of {}", wanted, spanned);
    }

    /// Little that is newer is read: a day's worth, or ten days' in the far future, whose ids begin with low digits.
    #[test]
    fn a_range_open_at_its_older_end_begins_within_a_day_of_its_newer_one(until in times()) {
        let places = Range { since: None, until: Some(until) }.places();
        let spans: Vec<_> = places.into_iter().map(span).collect();
        let day = if until < 3_000_000_000_000 { 100_000_000 } else { 1_000_000_000 };
        prop_assert!(countdown(until) - spans[0].0 < day);
        prop_assert_eq!(spans[spans.len() - 1].1, EVENT_TIME_MAX);
        // They get wider towards the past, never narrower.
        prop_assert!(spans.windows(2).all(|two| two[0].1 - two[0].0 <= two[1].1 - two[1].0), "{:?}", spans);
    }

    #[test]
    fn a_range_open_at_its_newer_end_begins_with_the_newest(since in proptest::option::of(times())) {
        let places = Range { since, until: None }.places();
        prop_assert_eq!(places.iter().map(|place| place.prefix()).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_place_is_within_a_range_that_has_all_its_times(range in ranges(), other in ranges()) {
        for place in range.places().into_iter().chain(other.places()) {
            let (first, last) = span(place);
            let all = countdown(first) <= range.until.unwrap_or(EVENT_TIME_MAX)
                && countdown(last) >= range.since.unwrap_or(0);
            prop_assert_eq!(place.is_within(&range), all, "{:?} {:?}", place, range);
        }
    }
}

#[test]
fn both_ends_are_in_the_range() {
    let range = Range { since: Some(10), until: Some(12) };
    assert_eq!([9, 10, 12, 13].map(|time| range.contains(time)), [false, true, true, false]);
    assert_eq!([9, 10, 13].map(|time| range.is_older(time)), [true, false, false]);
    assert_eq!([9, 12, 13].map(|time| range.is_newer(time)), [false, false, true]);
    assert!([0, EVENT_TIME_MAX].iter().all(|&time| Range::default().contains(time)));
}

#[test]
fn an_hour_and_a_ms() {
    let prefixes = |since, until| {
        let places = Range { since: Some(since), until: Some(until) }.places();
        places.into_iter().map(Place::prefix).collect::<Vec<_>>()
    };
    assert_eq!(prefixes(1_702_018_343_678, 1_702_018_343_678), ["8297981656321"]);
    // 3,600,000 ms from 8297981656321 on, in steps of 100,000.
    let hour = prefixes(1_702_018_343_678 - 3_599_999, 1_702_018_343_678);
    assert_eq!((hour.len(), &*hour[0], &*hour[36]), (37, "82979816", "82979852"));
    assert_eq!(prefixes(0, EVENT_TIME_MAX).len(), 10);
}
