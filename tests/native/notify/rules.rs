//! When something is told: once at the beginning, once at the end, a reminder a day, and never more than a message a minute.

use std::collections::BTreeSet;

use proptest::prelude::*;
use unfollow_webhook::alerts::{
    Alert, AlertKind,
    notify::{
        rules::{Current, ENDED_MAX, EPISODES_MAX, News, State, calm_ms, hash_of},
        service::Refusal,
    },
};

use super::{all, app, burst, setting};
use crate::samples::NOW_MS;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const A: &str = "target a";
const B: &str = "target b";

/// Runs of the cron with one target or more.
struct Runs {
    state: State,
    targets: Vec<&'static str>,
    now: u64,
}

impl Runs {
    fn new(targets: &[&'static str]) -> Self {
        Self { state: State::default(), targets: targets.to_vec(), now: NOW_MS / MINUTE * MINUTE }
    }

    /// One run, a minute after the one before it. What is told to whom.
    fn run(&mut self, current: &Current, takes: impl Fn(&str) -> bool) -> Vec<(&'static str, News)> {
        self.now += MINUTE;
        let now = self.now;
        self.state.have_targets(self.targets.iter().copied(), now);
        self.state.observe(current, now);
        let news: Vec<_> =
            self.targets.iter().filter_map(|&target| Some((target, self.state.news(target, now)?))).collect();
        for (target, news) in &news {
            self.state.trying(target, now);
            if takes(target) {
                self.state.taken(target, news, now);
            } else {
                self.state.refused(target, &Refusal::default(), now);
            }
        }
        if news.is_empty() {
            return news;
        }
        // As it is stored.
        self.state = serde_json::from_str(&serde_json::to_string(&self.state).unwrap()).unwrap();
        news
    }

    /// Runs for so many minutes in which nothing is to be told.
    fn quiet(&mut self, minutes: u64, current: &Current) {
        for _ in 0..minutes {
            let told = self.run(current, |_| true);
            assert!(told.is_empty(), "{told:?}");
        }
    }

    /// One run, in which the only target takes this.
    fn told(&mut self, current: &Current) -> News {
        let mut told = self.run(current, |_| true);
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0).1
    }
}

fn hashes(alerts: &[Alert]) -> Vec<String> {
    let mut hashes: Vec<_> = alerts.iter().map(hash_of).collect();
    hashes.sort_unstable();
    hashes
}

fn begun(alerts: &[Alert]) -> News {
    News { begun: hashes(alerts), ..News::default() }
}

fn ended(alerts: &[Alert]) -> News {
    News { ended: hashes(alerts), ..News::default() }
}

fn x() -> Alert {
    setting("PLAN", "must be free or paid")
}

fn y() -> Alert {
    Alert::new(AlertKind::DatabaseFails, None, "")
}

#[test]
fn an_alert_is_told_when_it_begins_and_when_it_ends() {
    let mut runs = Runs::new(&[A]);
    runs.quiet(3, &all(&[]));
    assert_eq!(runs.told(&all(&[x()])), begun(&[x()]));
    runs.quiet(60, &all(&[x()]));
    // Ten minutes after it was seen last.
    runs.quiet(10, &all(&[]));
    assert_eq!(runs.told(&all(&[])), ended(&[x()]));
    runs.quiet(3 * 24 * 60, &all(&[]));
    assert_eq!(runs.state.episodes.len(), 0, "it is forgotten");
}

#[test]
fn what_changes_at_once_is_one_message() {
    let mut runs = Runs::new(&[A]);
    let many: Vec<_> = (0..50).map(|n| setting(&format!("NAME_{n}"), "x")).collect();
    assert_eq!(runs.told(&all(&many)), begun(&many));
    runs.quiet(10, &all(&many));
    runs.quiet(10, &all(&[]));
    assert_eq!(runs.told(&all(&[])), ended(&many));
}

#[test]
fn notices_are_not_told() {
    let mut runs = Runs::new(&[A]);
    let notice = Alert::new(AlertKind::StrayCalls, None, "unknown_app");
    runs.quiet(5, &all(std::slice::from_ref(&notice)));
    assert_eq!(runs.told(&all(&[notice, x()])), begun(&[x()]));
}

/// Whatever comes and goes within ten minutes is one alert.
#[test]
fn what_flaps_is_one_alert() {
    let mut runs = Runs::new(&[A]);
    assert_eq!(runs.told(&all(&[x()])), begun(&[x()]));
    for _ in 0..20 {
        runs.quiet(10, &all(&[]));
        runs.quiet(1, &all(&[x()]));
    }
    runs.quiet(10, &all(&[]));
    assert_eq!(runs.told(&all(&[])), ended(&[x()]));
}

/// What comes back has to stay away for twice as long.
#[test]
fn what_comes_back_ends_later_each_time() {
    let mut runs = Runs::new(&[A]);
    for returns in 0..8 {
        assert_eq!(runs.told(&all(&[x()])), begun(&[x()]), "{returns}");
        let minutes = calm_ms(returns) / MINUTE;
        assert_eq!(minutes, 10 << returns.min(5));
        runs.quiet(minutes, &all(&[]));
        assert_eq!(runs.told(&all(&[])), ended(&[x()]));
    }
    // After a day, it is as if it had never been.
    runs.quiet(24 * 60, &all(&[]));
    assert_eq!(runs.told(&all(&[x()])), begun(&[x()]));
    runs.quiet(10, &all(&[]));
    assert_eq!(runs.told(&all(&[])), ended(&[x()]));
}

#[test]
fn a_reminder_is_of_all_that_lasts_and_comes_once_a_day() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[x()]));
    runs.quiet(12 * 60 - 1, &all(&[x()]));
    assert_eq!(runs.told(&all(&[x(), y()])), begun(&[y()]));
    runs.quiet(12 * 60 - 1, &all(&[x(), y()]));
    for _ in 0..3 {
        assert_eq!(runs.told(&all(&[x(), y()])), News { lasting: hashes(&[x(), y()]), ..News::default() });
        runs.quiet(24 * 60 - 1, &all(&[x(), y()]));
    }
}

#[test]
fn what_is_refused_is_told_by_the_next_run_with_what_is_new() {
    let mut runs = Runs::new(&[A, B]);
    let told = runs.run(&all(&[x()]), |target| target == A);
    assert_eq!(told, [(A, begun(&[x()])), (B, begun(&[x()]))]);
    let told = runs.run(&all(&[x(), y()]), |_| true);
    assert_eq!(told, [(A, begun(&[y()])), (B, begun(&[x(), y()]))]);
    runs.quiet(10, &all(&[x(), y()]));
}

/// What had ended by then was there all the same.
#[test]
fn what_began_and_ended_untold_is_told_as_such() {
    let mut runs = Runs::new(&[A]);
    for _ in 0..5 {
        assert_eq!(runs.run(&all(&[x()]), |_| false), [(A, begun(&[x()]))]);
    }
    for _ in 0..10 {
        assert_eq!(runs.run(&all(&[]), |_| false), [(A, begun(&[x()]))], "it is not known yet that it has ended");
    }
    // By now it is tried every quarter of an hour.
    let told = (0..20).find_map(|_| runs.run(&all(&[]), |_| true).pop());
    assert_eq!(told, Some((A, News { passed: hashes(&[x()]), ..News::default() })));
    runs.quiet(60, &all(&[]));
}

#[test]
fn a_target_that_refuses_for_long_is_tried_every_quarter_of_an_hour() {
    let mut runs = Runs::new(&[A]);
    let mut tried = Vec::new();
    for minute in 0..120 {
        if !runs.run(&all(&[x()]), |_| false).is_empty() {
            tried.push(minute);
        }
    }
    assert_eq!(tried[..16], (0..16).collect::<Vec<_>>());
    assert_eq!(tried[16..], [30, 45, 60, 75, 90, 105]);
    let told = (0..20).find_map(|_| runs.run(&all(&[x()]), |_| true).pop());
    assert_eq!(told, Some((A, begun(&[x()]))), "nothing is lost");
}

#[test]
fn a_service_that_asks_for_a_pause_gets_it() {
    let mut runs = Runs::new(&[A]);
    runs.run(&all(&[x()]), |_| false);
    let refusal = Refusal { wait_seconds: 600, ..Refusal::default() };
    runs.state.refused(A, &refusal, runs.now);
    runs.quiet(9, &all(&[x()]));
    assert_eq!(runs.told(&all(&[x()])), begun(&[x()]));
}

/// While D1 fails, it is not known what is gone.
#[test]
fn nothing_ends_that_cannot_be_looked_at() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[x()]));
    let unknown = |alerts: &[Alert]| Current { alerts: alerts.to_vec(), is_complete: false };
    assert_eq!(runs.told(&unknown(&[y()])), begun(&[y()]));
    runs.quiet(12 * 60, &unknown(&[y()]));
    runs.quiet(10, &all(&[x()]));
    assert_eq!(runs.told(&all(&[x()])), ended(&[y()]));
}

#[test]
fn a_new_target_is_told_what_lasts_and_not_what_was() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[x(), y()]));
    runs.quiet(10, &all(&[x()]));
    assert_eq!(runs.told(&all(&[x()])), ended(&[y()]));
    runs.targets = vec![A, B];
    assert_eq!(runs.run(&all(&[x()]), |_| true), [(B, begun(&[x()]))]);
    // One that is gone is forgotten.
    runs.targets = vec![B];
    runs.quiet(1, &all(&[x()]));
    assert_eq!(runs.state.targets.keys().collect::<Vec<_>>(), [B]);
}

#[test]
fn two_runs_in_a_minute_send_once() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[x()]));
    runs.state.observe(&all(&[x(), y()]), runs.now);
    for early in [0, 1, MINUTE - 1] {
        assert_eq!(runs.state.news(A, runs.now + early), None);
    }
    assert_eq!(runs.state.news(A, runs.now + MINUTE), Some(begun(&[y()])));
    // Also if the clock was set back, by however much.
    assert_eq!(runs.state.news(A, runs.now - MINUTE + 1), None);
    assert_eq!(runs.state.news(A, runs.now - 3 * DAY), Some(begun(&[y()])));
}

#[test]
fn no_user_is_remembered() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[burst("alice")]));
    let stored = serde_json::to_string(&runs.state).unwrap();
    assert!(stored.contains("unfollow_burst_of_user") && !stored.contains("alice"), "{stored}");
    let episode = runs.state.episodes.values().next().unwrap();
    assert_eq!(episode.alert(), Some(Alert { subject: String::new(), ..burst("alice") }));
}

/// What a later version has written, or an earlier one.
#[test]
fn unknown_members_are_passed_over_and_missing_ones_filled_in() {
    let stored =
        r#"{"later":1,"episodes":{"00":{"kind":"later","began_at":1,"later":[]}},"targets":{"a":{"since":1}}}"#;
    let state: State = serde_json::from_str(stored).unwrap();
    assert_eq!(state.episodes["00"].alert(), None);
    assert_eq!(serde_json::from_str::<State>("{}").unwrap(), State::default());
}

/// D1 failed, KV was written meanwhile, and D1 is back: nothing is told twice, and nothing is lost.
#[test]
fn what_was_told_while_d1_failed_is_put_together_with_what_it_knew() {
    let mut runs = Runs::new(&[A]);
    runs.told(&all(&[x()]));
    let of_database = runs.state.clone();
    runs.state = State::default();
    let told = runs.told(&Current { alerts: vec![y()], is_complete: false });
    assert_eq!(told, begun(&[y()]));
    for merged in [of_database.clone().merged(runs.state.clone()), runs.state.clone().merged(of_database)] {
        let mut after = Runs { state: merged, targets: vec![A], now: runs.now };
        after.quiet(5, &all(&[x(), y()]));
        after.quiet(10, &all(&[]));
        assert_eq!(after.told(&all(&[])), ended(&[x(), y()]));
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut runs = Runs::new(&[A]);
    for round in 0..40 {
        let many: Vec<_> = (0..90).map(|n| setting(&format!("ROUND_{round}_{n}"), &"x".repeat(500))).collect();
        runs.run(&all(&many), |_| true);
        for _ in 0..12 {
            runs.run(&all(&[]), |_| round % 2 == 0);
        }
    }
    assert!(runs.state.episodes.len() <= EPISODES_MAX + ENDED_MAX, "{}", runs.state.episodes.len());
    // The gravest have room.
    let mut runs = Runs::new(&[A]);
    let bursts: Vec<_> = (0..200).map(|n| burst(&format!("user{n}"))).collect();
    let news = runs.told(&all(&[bursts.as_slice(), &[y()]].concat()));
    assert_eq!(news.begun.len(), EPISODES_MAX);
    assert!(news.begun.contains(&hash_of(&y())));
}

/// What happens in a minute.
#[derive(Clone, Debug)]
struct Step {
    minutes: u64,
    present: BTreeSet<u8>,
    is_complete: bool,
    takes: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let minutes = prop_oneof![6 => 1u64..4, 3 => 5u64..40, 1 => 100u64..1600];
    let present = prop::collection::btree_set(0u8..4, 0..4);
    (minutes, present, prop::bool::weighted(0.8), prop::bool::weighted(0.7))
        .prop_map(|(minutes, present, is_complete, takes)| Step { minutes, present, is_complete, takes })
}

fn alert_of(number: u8) -> Alert {
    Alert::new(AlertKind::CallsRejected, Some(app()), format!("reason {number}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A target that knows only what it was told: beginnings and ends alternate, it hears of each alert that lasts, and in time; there
    /// is at most a message a minute and a reminder a day; and no alert alone makes more than some twenty messages a day.
    #[test]
    fn a_target_knows_what_is_wrong(steps in prop::collection::vec(step(), 1..40)) {
        let mut runs = Runs::new(&[A]);
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut tried: Vec<u64> = Vec::new();
        let mut reminded: Vec<u64> = Vec::new();
        let mut told_of: Vec<(u64, String)> = Vec::new();
        for Step { minutes, present, is_complete, takes } in steps {
            let alerts: Vec<_> = present.iter().copied().map(alert_of).collect();
            let current = Current { alerts: alerts.clone(), is_complete };
            for _ in 0..minutes {
                let told = runs.run(&current, |_| takes);
                for (_, news) in told {
                    tried.push(runs.now);
                    if !takes {
                        continue;
                    }
                    for hash in &news.begun {
                        known.insert(hash.clone());
                    }
                    for hash in &news.ended {
                        prop_assert!(known.remove(hash), "it was told of the end of what it did not know");
                    }
                    for hash in &news.passed {
                        known.remove(hash);
                    }
                    for hash in &news.lasting {
                        prop_assert!(known.contains(hash));
                    }
                    if !news.lasting.is_empty() {
                        reminded.push(runs.now);
                    }
                    let hashes = [&news.begun, &news.ended, &news.passed].into_iter().flatten();
                    told_of.extend(hashes.map(|hash| (runs.now, hash.clone())));
                }
            }
            if takes && minutes >= 20 {
                // It has had time for everything: it knows of all that is there.
                for alert in &alerts {
                    prop_assert!(known.contains(&hash_of(alert)));
                }
            }
            if takes && is_complete && minutes > 320 + 20 {
                // And of nothing that is gone.
                prop_assert_eq!(known.iter().cloned().collect::<Vec<_>>(), hashes(&alerts));
            }
        }
        prop_assert!(tried.windows(2).all(|pair| pair[1] - pair[0] >= MINUTE));
        prop_assert!(reminded.windows(2).all(|pair| pair[1] - pair[0] >= DAY));
        for (at, hash) in &told_of {
            let within_a_day = told_of.iter().filter(|(it, of)| of == hash && it >= at && *it < at + DAY).count();
            prop_assert!(within_a_day <= 24, "{within_a_day} messages in a day");
        }
    }

    /// Two states put together, in either order, hold all that one of them holds.
    #[test]
    fn states_merge(a in prop::collection::vec(step(), 1..12), b in prop::collection::vec(step(), 1..12)) {
        let state = |steps: &[Step]| {
            let mut runs = Runs::new(&[A]);
            for step in steps {
                let alerts = step.present.iter().copied().map(alert_of).collect();
                runs.run(&Current { alerts, is_complete: step.is_complete }, |_| step.takes);
            }
            runs.state
        };
        let (a, b) = (state(&a), state(&b));
        let merged = a.clone().merged(b.clone());
        prop_assert_eq!(merged.clone().merged(b.clone()), merged.clone());
        prop_assert_eq!(a.clone().merged(a.clone()), a.clone());
        for hash in a.episodes.keys().chain(b.episodes.keys()) {
            let began = |state: &State| state.episodes.get(hash).map(|episode| episode.began_at);
            prop_assert_eq!(began(&merged), began(&a).max(began(&b)));
        }
    }
}
