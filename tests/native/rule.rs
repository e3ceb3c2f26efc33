//! The acknowledgement rule: OK if, and only if, every wanted sink has taken the event, or the other engine the duty
//! to bring it there; and always within 1.5 s.

use proptest::prelude::*;
use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    event::Entry,
    keep::{ANSWER_WITHIN_MS, within},
    log::Level,
    receive::Receiver,
    refusal::Refusal,
    reply::Reply,
    webhook::command::Kind,
};

use crate::{
    fakes::{
        FakeBody, FakeClock, FakeOrigin, FakeQueue, FakeStore,
        Plan::{self, Busy, Fails, Hangs, Succeeds},
        paused,
    },
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, config, event, post, query, url_of},
};

/// Where an event came to rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    stored: bool,
    /// As a dead letter.
    buried: bool,
    /// On the queue, to be delivered.
    to_deliver: bool,
    /// On the queue, to be stored.
    to_store: bool,
}

impl Places {
    /// What the rule says of these sinks.
    fn satisfy(self, sinks: &str) -> bool {
        let kv = self.stored || self.to_store;
        let origin = self.to_deliver || self.buried;
        (kv || !sinks.contains("kv")) && (origin || !sinks.contains("origin"))
    }
}

fn places(store: &FakeStore, queue: &FakeQueue) -> Places {
    let mut places = Places::default();
    for Entry { key, value, .. } in store.entries() {
        let value: Value = serde_json::from_str(&value).unwrap();
        match key.split('/').next().unwrap() {
            "event" => places.stored = true,
            "dead" => {
                places.buried = true;
                assert_eq!(
                    (&value["last_error"], &value["last_status"], &value["message"]["duty"]),
                    (&"queue".into(), &Value::Null, &"deliver".into())
                );
            }
            other => panic!("{other}"),
        }
    }
    for text in queue.entries() {
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["duty"].as_str().unwrap() {
            "deliver" => places.to_deliver = true,
            "store" => places.to_store = true,
            other => panic!("{other}"),
        }
    }
    places
}

fn with_sinks(sinks: &str) -> Config {
    config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", sinks), ("ORIGIN_URL", ORIGIN)])
}

struct Course {
    reply: Reply,
    line: Value,
    level: Level,
    at: u64,
    /// Where the event was when it was answered, and after what was under way has ended.
    places: Places,
    in_the_end: Places,
    attempts: (usize, usize),
    keys: Vec<String>,
    messages: Vec<String>,
}

fn course(config: &Config, body_delay: u64, kv: FakePlans<'_>, queue: Option<FakePlans<'_>>) -> Course {
    paused(async {
        let (clock, origin) = (FakeClock::at(NOW_MS), FakeOrigin::unused());
        let (store, bound) = (kv.engine(), queue.is_some());
        let queue = queue.unwrap_or(FakePlans::Each(&[])).engine();
        let receiver =
            Receiver { config, store: &store, queue: bound.then_some(&queue), origin: &origin, clock: &clock };
        let url = url_of(Kind::Unfollow);
        let answered = receiver.receive(post(&url), &FakeBody::of(UNFOLLOW).after(body_delay)).await;
        let (at, at_answer) = (clock.elapsed(), places(&store, &queue));
        for attempts in answered.late {
            let _ = within(&clock, 60_000, attempts).await;
        }
        Course {
            reply: answered.reply,
            line: serde_json::from_str(&answered.log.1).unwrap(),
            level: answered.log.0,
            at,
            places: at_answer,
            in_the_end: places(&store, &queue),
            attempts: (store.begun().len(), queue.begun().len()),
            keys: store.attempted().into_iter().map(|entry| entry.key).collect(),
            messages: queue.attempted(),
        }
    })
}

/// The plans of an engine: the same for all attempts, or one for each.
#[derive(Clone, Copy, Debug)]
enum FakePlans<'a> {
    All(Plan),
    Each(&'a [Plan]),
}

impl FakePlans<'_> {
    fn engine<T: Clone + 'static>(self) -> crate::fakes::Engine<T> {
        match self {
            Self::All(plan) => crate::fakes::Engine::that(plan),
            Self::Each(plans) => crate::fakes::Engine::of(plans),
        }
    }
}

const SINKS: [&str; 3] = ["kv", "origin", "kv,origin"];

/// Whether a duty is fulfilled in time by an engine with this plan, or else by the other one; `None` is no engine.
fn in_time(first: Plan, other: Option<Plan>) -> bool {
    let takes = |plan, from: u64| matches!(plan, Succeeds(ms) if from + ms < ANSWER_WITHIN_MS);
    // When the other engine gets its turn.
    let turn = match first {
        Fails(ms) => 2 * ms,
        Busy(ms) => 1000 + ms,
        Succeeds(_) | Hangs => 1000,
    };
    takes(first, 0) || other.is_some_and(|other| takes(other, turn))
}

#[test]
fn an_event_is_ok_if_and_only_if_every_wanted_sink_or_the_other_engine_took_it() {
    let plans = [Succeeds(0), Succeeds(30), Succeeds(450), Succeeds(700), Succeeds(1600), Fails(20), Busy(10), Hangs];
    let mut seen = [0, 0];
    for sinks in SINKS {
        let config = with_sinks(sinks);
        for bound in [true, false] {
            // Settings that want the origin want the queue; if it were missing all the same, every send would fail.
            for kv in plans {
                for queue in plans {
                    let why = format!("{sinks}, KV {kv:?}, queue {queue:?} ({bound})");
                    let course = course(&config, 0, FakePlans::All(kv), bound.then_some(FakePlans::All(queue)));
                    let stored = !sinks.contains("kv") || in_time(kv, bound.then_some(queue));
                    let sent = !sinks.contains("origin") || in_time(if bound { queue } else { Fails(0) }, Some(kv));
                    let ok = stored && sent;
                    seen[usize::from(ok)] += 1;

                    let expected = if ok { Reply::ok() } else { Reply::refusal(Refusal::NotKept) };
                    assert_eq!(course.reply, expected, "{why}: {:?} at {}", course.places, course.at);
                    assert_eq!(course.places.satisfy(sinks), ok, "{why}: {:?}", course.places);
                    assert!(course.at <= ANSWER_WITHIN_MS, "{why}: at {}", course.at);
                    assert_eq!(course.level, if ok { Level::Info } else { Level::Error }, "{why}");
                    assert_eq!(course.line["outcome"], if ok { "kept" } else { "failed" }, "{why}");
                    // Nothing goes where nobody wants it.
                    let Places { stored, buried, to_deliver, to_store } = course.in_the_end;
                    assert!(sinks.contains("kv") || !(stored || to_store), "{why}");
                    assert!(sinks.contains("origin") || !(to_deliver || buried), "{why}");
                    assert!(bound || course.attempts.1 == 0, "{why}");
                }
            }
        }
    }
    assert!(seen[0] > 60 && seen[1] > 60, "{seen:?}");
}

#[test]
fn what_kv_does_not_take_goes_onto_the_queue_to_be_stored() {
    for plan in [Fails(20), Busy(10), Hangs] {
        for sinks in ["kv", "kv,origin"] {
            let course = course(&with_sinks(sinks), 0, FakePlans::All(plan), Some(FakePlans::All(Succeeds(30))));
            assert_eq!(course.reply, Reply::ok(), "{sinks} {plan:?}");
            let to_deliver = sinks.contains("origin");
            assert_eq!(course.places, Places { to_store: true, to_deliver, ..Places::default() }, "{sinks} {plan:?}");
            let query = query(Kind::Unfollow.command());
            let (rests, _) = query.split_once("&Sign=").unwrap();
            let expected = format!(
                r#"{{"v":1,"duty":"store","sdk_app_id":{APP},"received_at":{NOW_MS},"query":"{rests}","body":{UNFOLLOW}}}"#
            );
            assert_eq!(course.messages.last(), Some(&expected));
        }
    }
}

#[test]
fn what_the_queue_does_not_take_is_written_as_a_dead_letter() {
    let id = event(&query(Kind::Unfollow.command()), Kind::Unfollow, UNFOLLOW.as_bytes()).id().to_string();
    for plan in [Fails(20), Busy(10), Hangs] {
        for sinks in ["origin", "kv,origin"] {
            let course = course(&with_sinks(sinks), 0, FakePlans::All(Succeeds(30)), Some(FakePlans::All(plan)));
            assert_eq!(course.reply, Reply::ok(), "{sinks} {plan:?}");
            let stored = sinks.contains("kv");
            assert_eq!(course.places, Places { buried: true, stored, ..Places::default() }, "{sinks} {plan:?}");
            assert_eq!(course.keys.last(), Some(&format!("dead/{APP}/{id}")));
        }
    }
}

#[test]
fn both_engines_down_is_503() {
    for sinks in SINKS {
        for (kv, queue) in
            [(Fails(1), Fails(1)), (Hangs, Hangs), (Fails(1), Hangs), (Hangs, Fails(1)), (Busy(1), Fails(1))]
        {
            let course = course(&with_sinks(sinks), 0, FakePlans::All(kv), Some(FakePlans::All(queue)));
            assert_eq!(course.reply, Reply::refusal(Refusal::NotKept), "{sinks} {kv:?} {queue:?}");
            assert_eq!((course.places, course.in_the_end), (Places::default(), Places::default()));
            assert!(course.at <= 1500);
        }
    }
}

#[test]
fn both_sinks_are_worked_on_at_the_same_time() {
    let config = with_sinks("kv,origin");
    let course = course(&config, 0, FakePlans::All(Succeeds(500)), Some(FakePlans::All(Succeeds(550))));
    assert_eq!((course.reply.status, course.at, course.attempts), (200, 550, (1, 1)));
}

#[test]
fn a_sound_engine_is_asked_once() {
    for (sinks, attempts) in [("kv", (1, 0)), ("origin", (0, 1)), ("kv,origin", (1, 1))] {
        let course = course(&with_sinks(sinks), 0, FakePlans::All(Succeeds(30)), Some(FakePlans::All(Succeeds(30))));
        assert_eq!((course.attempts, course.at), (attempts, 30), "{sinks}");
    }
}

#[test]
fn what_is_late_on_either_side_is_run_to_its_end() {
    let course =
        course(&with_sinks("kv,origin"), 0, FakePlans::All(Succeeds(1700)), Some(FakePlans::All(Succeeds(1800))));
    assert_eq!((course.reply.status, course.at, course.places), (503, 1500, Places::default()));
    let all = Places { stored: true, to_deliver: true, ..Places::default() };
    assert_eq!((course.in_the_end.stored, course.in_the_end.to_deliver), (all.stored, all.to_deliver));
}

/// An engine that hangs is found out in time for the other one, however late the body came.
#[test]
fn a_late_body_leaves_the_other_engine_its_time() {
    for body_delay in [0, 100, 450, 500, 700, 900, 1000] {
        for first in [Hangs, Fails(20), Busy(10)] {
            for sinks in SINKS {
                let (kv, queue) = if sinks == "origin" { (Succeeds(30), first) } else { (first, Succeeds(30)) };
                let course = course(&with_sinks(sinks), body_delay, FakePlans::All(kv), Some(FakePlans::All(queue)));
                assert_eq!(course.reply, Reply::ok(), "{sinks}, {first:?}, body after {body_delay} ms");
                assert!(course.at <= ANSWER_WITHIN_MS);
            }
        }
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let delay = || prop_oneof![0..1700_u64, Just(0), Just(600), Just(1000), Just(1499), Just(1500), Just(1501)];
    prop_oneof![
        3 => delay().prop_map(Succeeds),
        4 => (0..800_u64).prop_map(Fails),
        1 => delay().prop_map(Fails),
        1 => delay().prop_map(Busy),
        2 => Just(Hangs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    /// Whatever the engines do at each attempt, and whenever the body comes.
    #[test]
    fn the_rule_holds_for_any_delays(
        sinks in prop::sample::select(&SINKS[..]),
        bound in prop::bool::weighted(0.8),
        body_delay in prop_oneof![2 => Just(0_u64), 1 => 0..1499_u64],
        kv in prop::collection::vec(plan(), 3),
        queue in prop::collection::vec(plan(), 3),
    ) {
        let config = with_sinks(sinks);
        let course = course(&config, body_delay, FakePlans::Each(&kv), bound.then_some(FakePlans::Each(&queue)));
        let ok = course.reply.status == 200;
        prop_assert!(course.at <= ANSWER_WITHIN_MS, "answered at {}", course.at);
        prop_assert_eq!(ok, course.places.satisfy(sinks), "{:?}", course.places);
        prop_assert_eq!(course.reply, if ok { Reply::ok() } else { Reply::refusal(Refusal::NotKept) });
        prop_assert_eq!(course.line["duration_ms"].as_u64(), Some(course.at));
    }
}
