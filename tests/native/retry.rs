//! How long a message waits for its next attempt.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use unfollow_webhook::delivery::retry::{
    BACKOFF_MAX_SECONDS, FIRST_WAITS_MAX_SECONDS, RETRY_AFTER_JITTER_MIN_SECONDS, RETRY_AFTER_MAX_SECONDS, wait_seconds,
};

/// Halfway between the bounds, there is no jitter.
const NO_JITTER: f64 = 0.5;

const HOUR: u64 = 3600;

/// The wait without jitter and `Retry-After`.
fn wait(attempts: u32, base: u64) -> u32 {
    wait_seconds(attempts, base, None, NO_JITTER)
}

#[test]
fn the_wait_doubles_up_to_ten_minutes_for_two_hours_and_then_up_to_90_minutes() {
    let waits: Vec<_> = (1..=24).map(|attempts| wait(attempts, 5)).collect();
    let minutes = 60;
    let mut expected = vec![5, 10, 20, 40, 80, 160, 320];
    // 635 s; then ten minutes each, until they make two hours.
    expected.extend([10 * minutes; 11]);
    expected.extend([20 * minutes, 40 * minutes, 80 * minutes, 90 * minutes, 90 * minutes, 90 * minutes]);
    assert_eq!(waits, expected);
    let waits: Vec<_> = (1..=12).map(|attempts| wait(attempts, 1)).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    assert_eq!([1, 2, 3].map(|attempts| wait(attempts, 60)), [60, 120, 240]);
    assert_eq!([1, 12, 13, 14].map(|attempts| wait(attempts, 3600)), [600, 600, 1200, 2400]);
    assert_eq!((wait(100, 5), wait(u32::MAX, 3600)), (5400, 5400));
    // A queue counts from 1.
    assert_eq!(wait(0, 5), 5);
    assert_eq!((FIRST_WAITS_MAX_SECONDS, BACKOFF_MAX_SECONDS, RETRY_AFTER_MAX_SECONDS), (600, 5400, 10 * HOUR));
}

#[test]
fn a_wait_has_20_percent_jitter_to_either_side() {
    let wait = |base, random| wait_seconds(1, base, None, random);
    assert_eq!((wait(100, 0.0), wait(100, 0.25), wait(100, NO_JITTER)), (80, 90, 100));
    assert!((119..=120).contains(&wait(100, 0.999_999)));
    // Never none at all, and never more than the longest.
    assert_eq!((wait(1, 0.0), wait(1, 0.999_999)), (1, 1));
    assert_eq!((wait(600, 0.0), wait(600, 0.999_999)), (480, 600));
    let late = |random| wait_seconds(50, 5, None, random);
    assert_eq!((late(0.0), late(0.999_999)), (4320, 5400));
}

#[test]
fn a_longer_retry_after_is_honoured_up_to_10_hours() {
    for (retry_after, seconds) in
        [(0, 4), (3, 4), (4, 4), (5, 5), (3601, 3601), (35_999, 35_999), (36_000, 36_000), (36_001, 36_000)]
    {
        assert_eq!(wait_seconds(1, 5, Some(retry_after), 0.0), seconds, "{retry_after}");
    }
    assert_eq!(wait_seconds(1, 5, Some(u64::MAX), 0.0), 36_000);
    // A shorter one does not shorten the wait.
    assert_eq!(wait_seconds(11, 5, Some(60), NO_JITTER), 600);
}

#[test]
fn deliveries_that_were_given_the_same_second_do_not_come_back_in_it() {
    // What 100 deliveries draw, evenly.
    let waits =
        |retry_after| (0..100).map(move |n| u64::from(wait_seconds(1, 5, Some(retry_after), f64::from(n) / 100.0)));
    for retry_after in [1, 7, 30, 60, 120, 3600, 36_000, 86_400] {
        let asked = retry_after.min(RETRY_AFTER_MAX_SECONDS);
        let most = waits(retry_after).fold(BTreeMap::<_, u32>::new(), |mut seconds, wait| {
            *seconds.entry(wait).or_default() += 1;
            seconds
        });
        assert!(most.keys().all(|wait| *wait >= asked), "{retry_after}: {most:?}");
        // The backoff's own jitter where that is the longer one; else at least RETRY_AFTER_JITTER_MIN_SECONDS.
        let spread = if asked < 5 { 3 } else { RETRY_AFTER_JITTER_MIN_SECONDS };
        assert!(most.len() as u64 >= spread, "{retry_after}: {most:?}");
        // The longest that a queue takes.
        assert!(most.keys().all(|wait| *wait <= 12 * HOUR), "{retry_after}: {most:?}");
    }
}

/// How often the queue of deliveries retries a message.
fn max_retries() -> u32 {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let consumers = settings["queues"]["consumers"].as_array().unwrap();
    let deliveries = consumers.iter().find(|it| it["queue"].as_str() == Some("unfollow-deliveries")).unwrap();
    deliveries["max_retries"].as_integer().unwrap().try_into().unwrap()
}

/// So that it is this Worker that gives up, and knows why.
#[test]
fn the_retries_last_longer_than_a_delivery_is_tried_whatever_the_jitter() {
    // In hours; with the retries that wrangler.toml has, `DELIVERY_HOURS` unless set, and with the most of both.
    for (retries, hours) in [(max_retries(), 72), (100, 90)] {
        for base in [1, 5, 60, 3600] {
            let waits = (1..=retries).map(|attempts| u64::from(wait_seconds(attempts, base, None, 0.0)));
            let age: u64 = waits.sum();
            assert!(age > hours * HOUR, "{retries} retries from {base} s: {} h", age / HOUR);
        }
    }
}

/// Whatever has failed in an outage of less than two hours comes back within ten minutes of its end.
#[test]
fn no_wait_of_the_first_two_hours_is_longer_than_ten_minutes() {
    for (base, random) in [(1, 0.0), (5, 0.999), (60, 0.5), (3600, 0.999)] {
        let mut age = 0;
        for attempts in 1.. {
            let wait = u64::from(wait_seconds(attempts, base, None, random));
            // A low jitter reaches the end of them sooner.
            if age >= 2 * HOUR * 4 / 5 {
                break;
            }
            assert!(wait <= 600, "{wait} s after {age} s");
            age += wait;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_stays_within_its_bounds(
        attempts in prop_oneof![0..20_u32, 0..200_u32, any::<u32>()],
        base in prop_oneof![Just(1), 1..60_u64, 1..=3600_u64, any::<u64>()],
        retry_after in prop::option::of(prop_oneof![0..100_u64, 0..100_000_u64, any::<u64>()]),
        random in prop_oneof![0.0..1.0_f64, any::<f64>(), Just(0.0), Just(0.999_999_999), Just(f64::NAN)],
    ) {
        let wait = u64::from(wait_seconds(attempts, base, retry_after, random));
        // In numbers that do not overflow. From the thirteenth attempt on, two hours may be over.
        let doubled = u128::from(base) << attempts.saturating_sub(1).min(60);
        let least = u64::try_from(doubled.min(600)).unwrap();
        let most = u64::try_from(doubled.min(if attempts > 12 { 5400 } else { 600 })).unwrap();
        let asked = retry_after.unwrap_or(0).min(10 * HOUR);
        let jitter = if asked == 0 { 0 } else { (asked / 5).max(10) };
        prop_assert!((1..=12 * HOUR).contains(&wait));
        prop_assert!(wait >= asked);
        prop_assert!(wait >= least * 4 / 5);
        prop_assert!(wait <= (asked + jitter).max((most * 6 / 5).clamp(1, 5400)));
        // A later attempt never waits less.
        prop_assert!(u64::from(wait_seconds(attempts.saturating_add(1), base, retry_after, random)) >= wait);
    }
}
