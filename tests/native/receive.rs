//! One call from its arrival to its response: no OK without a stored event, and no response after 1.5 s.

use std::pin::pin;

use proptest::prelude::*;
use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    log::Level,
    receive::rejection::Rejection,
    receive::validate::RequestHead,
    receive::{HandledCall, Receiver},
    response::{CACHE_CONTROL, Response},
    storage::within,
    webhook::command::Kind,
};

use crate::{
    fakes::{
        End, FakeBody, FakeKv,
        Plan::{self, Busy, Fails, Hangs, Succeeds},
        paused,
    },
    ports::FakePorts,
    samples::{FOLLOW, NOW_MS, TOKEN, UNFOLLOW, post, query, signed, unsigned, url, url_of},
};

/// One call, and how it ended.
struct Run {
    handled: HandledCall,
    /// When it was answered, in ms.
    at: u64,
    begun: Vec<u64>,
    /// When an entry was stored before the response.
    stored: Vec<u64>,
    /// And when after it.
    stored_late: Vec<u64>,
}

impl Run {
    fn status(&self) -> u16 {
        self.handled.response.status
    }

    fn record(&self) -> Value {
        serde_json::from_str(&self.handled.log.as_ref().unwrap().1).unwrap()
    }
}

fn run_of(config: &Config, head: RequestHead<'_>, body: FakeBody, plans: &[Plan]) -> Run {
    paused(async {
        let kv = FakeKv::of(plans);
        let ports = FakePorts::at(NOW_MS, &kv);
        let mut handled = Receiver { config: &config.calls, ports: &ports }.receive(head, &body).await;
        let (at, stored) = (ports.clock.elapsed(), kv.puts.stored_at());
        let was_late = !handled.late.is_empty();
        for late in std::mem::take(&mut handled.late) {
            let _ = within(&ports.clock, 60_000, pin!(late.finish(&ports))).await;
        }
        let stored_late = kv.puts.stored_at()[stored.len()..].to_vec();
        assert!(was_late || stored_late.is_empty());
        Run { handled, at, begun: kv.puts.begun(), stored, stored_late }
    })
}

/// A signed unfollow.
fn run(body: FakeBody, plans: &[Plan]) -> Run {
    run_of(&signed(), post(&url_of(Kind::Unfollow)), body, plans)
}

fn unfollow() -> FakeBody {
    FakeBody::of(UNFOLLOW)
}

#[test]
fn an_event_that_is_stored_is_answered_ok() {
    let run = run(unfollow(), &[Succeeds(30)]);
    assert_eq!(run.handled.response, Response::ok());
    assert_eq!(run.handled.response.body, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#);
    assert_eq!((run.at, run.begun, run.stored), (30, vec![0], vec![30]));
}

#[test]
fn both_kinds_are_stored() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        let run = run_of(&signed(), post(&url_of(kind)), FakeBody::of(body), &[Succeeds(1)]);
        assert_eq!((run.status(), run.stored), (200, vec![1]), "{kind:?}");
    }
}

#[test]
fn an_event_that_is_not_stored_is_answered_503() {
    for (plans, at) in [
        (&[Fails(0), Fails(0)][..], 0),
        (&[Fails(100), Fails(200)], 300),
        (&[Busy(0), Busy(0)], 1000),
        (&[Hangs, Hangs], 1500),
        (&[Hangs, Fails(1)], 1500),
        (&[Fails(1), Hangs], 1500),
    ] {
        let run = run(unfollow(), plans);
        assert_eq!(run.handled.response, Response::from(Rejection::NotStored), "{plans:?}");
        assert_eq!(run.handled.response.header, Some(("retry-after", "1".into())));
        assert_eq!((run.at, run.stored, run.stored_late), (at, vec![], vec![]), "{plans:?}");
        assert_eq!(run.handled.log.as_ref().unwrap().0, Level::Error);
    }
}

#[test]
fn a_store_that_fails_once_or_is_slow_gets_a_second_attempt() {
    for (plans, at) in [
        (&[Fails(20), Succeeds(30)][..], 50),
        (&[Succeeds(700), Succeeds(700)], 700),
        (&[Hangs, Succeeds(30)], 630),
        (&[Busy(20), Succeeds(30)], 1030),
        (&[Succeeds(1499), Fails(0)], 1499),
    ] {
        let run = run(unfollow(), plans);
        assert_eq!((run.status(), run.at, run.stored), (200, at, vec![at]), "{plans:?}");
    }
}

#[test]
fn a_slow_store_is_answered_503_at_one_and_a_half_seconds_and_still_stores_the_event() {
    let run = run(unfollow(), &[Succeeds(1600), Succeeds(1600)]);
    assert_eq!((run.status(), run.at), (503, 1500));
    assert_eq!((run.stored, run.stored_late), (vec![], vec![1600, 2200]));
}

#[test]
fn the_deadline_counts_from_the_calls_arrival() {
    let run = run(unfollow().after(400), &[Hangs, Hangs]);
    assert_eq!((run.status(), run.at, run.begun), (503, 1500, vec![400, 1000]));
}

#[test]
fn a_slow_body_leaves_time_for_the_store() {
    let run = run(unfollow().after(1400), &[Succeeds(99)]);
    assert_eq!((run.status(), run.at, run.stored), (200, 1499, vec![1499]));
}

#[test]
fn a_body_that_does_not_arrive_in_time_is_408() {
    for body in [unfollow().after(1600), unfollow().ending(End::Never), FakeBody::of("").ending(End::Never)] {
        let run = run(body, &[]);
        assert_eq!(run.handled.response, Response::from(Rejection::BodyLate));
        assert_eq!((run.at, run.begun), (1500, vec![]));
    }
    let others = url(&query("State.StateChange"));
    let run = run_of(&signed(), post(&others), FakeBody::of("").ending(End::Never), &[]);
    assert_eq!((run.status(), run.at), (408, 1500));
}

#[test]
fn a_body_that_breaks_off_is_400() {
    // What has arrived may look complete: here, like the probe.
    for bytes in ["", "{}", UNFOLLOW] {
        let run = run(FakeBody::of(bytes).after(50).ending(End::Breaks), &[]);
        assert_eq!(run.handled.response, Response::from(Rejection::BodyBroken));
        assert_eq!((run.at, run.begun), (50, vec![]));
    }
}

#[test]
fn a_body_is_read_up_to_the_cap_of_its_command() {
    let bare = query("").replace("CallbackCommand=&", "");
    for (query, max) in [
        (query(Kind::Unfollow.command()), 65_536),
        (query(Kind::Follow.command()), 65_536),
        (query("C2C.CallbackAfterSendMsg"), 1_048_576),
        (query("Follow.CallbackAfterFollowMute"), 1_048_576),
        (bare, 1_048_576),
    ] {
        let body = FakeBody::of(vec![b'x'; max + 1]);
        let run = run_of(&signed(), post(&url(&query)), body.clone(), &[]);
        assert_eq!((run.status(), body.asked()), (413, Some(max)), "{query}");
    }
}

#[test]
fn a_body_that_declares_itself_too_large_is_not_read() {
    let url = url_of(Kind::Unfollow);
    for content_length in [65_537, u64::MAX] {
        let body = unfollow().declaring(Some(content_length));
        let run = run_of(&signed(), post(&url), body.clone(), &[]);
        assert_eq!((run.status(), body.asked()), (413, None));
    }
}

#[test]
fn a_rejection_by_the_request_head_does_not_touch_the_body() {
    let good = url_of(Kind::Unfollow);
    let elsewhere = good.replace("com/", "com/x");
    let http = good.replace("https", "http");
    let foreign = good.replace("1400000000", "1");
    let other = good.replace("contenttype=json", "contenttype=xml");
    let unsigned = good.replace("Sign=", "x=");
    for (head, status) in [
        (RequestHead { has_hop_header: true, ..post(&good) }, 508),
        (post(&elsewhere), 404),
        (post(&http), 403),
        (RequestHead { method: "GET", ..post(&good) }, 405),
        (post(&foreign), 403),
        (post(&unsigned), 401),
        (post(&other), 415),
    ] {
        let body = unfollow().ending(End::Never);
        let run = run_of(&signed(), head, body.clone(), &[]);
        assert_eq!((run.status(), run.at, body.asked()), (status, 0, None));
    }
}

#[test]
fn invalid_settings_answer_500_and_are_named_in_the_log() {
    let invalid = crate::samples::config(&[
        ("SDK_APP_IDS", "1400000000"),
        ("CALLBACK_TOKEN", ""),
        ("SINKS", "origin"),
        ("DELIVERY_HOURS", "x"),
    ]);
    let body = unfollow();
    let run = run_of(&invalid, post(&url_of(Kind::Unfollow)), body.clone(), &[]);
    assert_eq!((run.status(), body.asked()), (500, None));
    // Their names, and nothing else of them.
    let expected = serde_json::json!({
        "outcome": "failed", "reason": "settings", "status": 500,
        "settings": ["CALLBACK_TOKEN", "ORIGIN_URL", "DELIVERY_HOURS"], "duration_ms": 0,
    });
    assert_eq!(run.record(), expected);
    assert_eq!(run.handled.log.as_ref().unwrap().0, Level::Error);
    // What rejects no call is not in its record either.
    let unset =
        crate::samples::config(&[("SDK_APP_IDS", "1400000000"), ("CALLBACK_TOKEN", TOKEN), ("DELIVERY_HOURS", "x")]);
    let run = run_of(&unset, post(&url_of(Kind::Unfollow)), unfollow(), &[Succeeds(1)]);
    assert_eq!((run.status(), run.record().get("settings")), (200, None));
}

/// Before anything else, at whatever path and however it is signed: what this Worker sends must not come back to it.
#[test]
fn what_came_from_this_worker_is_rejected_as_a_loop() {
    let good = url_of(Kind::Unfollow);
    for url in [
        good.clone(),
        good.replace("com/", "com/x"),
        good.replace("https", "http"),
        good.replace("1400000000", "1"),
        good.replace("Sign=", "x="),
        url(&query("State.StateChange")),
        "https://www.example.com/".to_owned(),
    ] {
        for method in ["POST", "GET"] {
            let body = unfollow().declaring(Some(u64::MAX));
            let head = RequestHead { method, has_hop_header: true, ..post(&url) };
            let run = run_of(&signed(), head, body.clone(), &[]);
            assert_eq!(run.handled.response, Response::from(Rejection::Loop), "{method} {url}");
            assert_eq!((run.status(), run.at, body.asked()), (508, 0, None));
            let answer: Value = serde_json::from_str(&run.handled.response.body).unwrap();
            assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&"FAIL".into(), &50_800.into()));
            assert_eq!((&run.record()["reason"], run.handled.log.as_ref().unwrap().0), (&"loop".into(), Level::Error));
        }
    }
    // Only with valid settings can there be a loop.
    let invalid = crate::samples::config(&[]);
    let run = run_of(&invalid, RequestHead { has_hop_header: true, ..post(&good) }, unfollow(), &[]);
    assert_eq!(run.status(), 500);
}

#[test]
fn neither_the_probe_nor_another_command_touches_the_store() {
    let probe = run(FakeBody::of("{}"), &[]);
    assert_eq!((probe.status(), &probe.record()["outcome"]), (200, &Value::from("probe")));
    let other = run_of(&signed(), post(&url(&query("State.StateChange"))), FakeBody::of("x"), &[]);
    assert_eq!((other.status(), &other.record()["outcome"]), (200, &Value::from("unhandled")));
}

#[test]
fn a_second_delivery_overwrites_the_first() {
    let url = url_of(Kind::Unfollow);
    let later = url.replace("OptPlatform=iOS", "OptPlatform=Web&RequestId=2");
    let spaced = UNFOLLOW.replace(':', " : ");
    let config = signed();
    let entries = paused(async {
        let kv = FakeKv::of(&[Succeeds(1); 2]);
        let receiver = Receiver { config: &config.calls, ports: &FakePorts::at(NOW_MS, &kv) };
        receiver.receive(post(&url), &unfollow()).await;
        receiver.receive(post(&later), &FakeBody::of(spaced).after(300)).await;
        kv.puts.entries()
    });
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].key, entries[1].key);
}

#[test]
fn every_response_is_json_that_must_not_be_cached() {
    assert_eq!((CACHE_CONTROL, Response::ok().content_type), ("no-store", "application/json"));
    for rejection in Rejection::ALL {
        let (response, row) = (Response::from(*rejection), rejection.row());
        let answer: Value = serde_json::from_str(&response.body).unwrap();
        let expected = serde_json::json!({
            "ActionStatus": "FAIL", "ErrorCode": row.error_code, "ErrorInfo": row.error_info(),
        });
        assert_eq!(answer, expected);
        assert!(row.error_code != 0 && !row.error_info().is_empty());
        let header = match row.status {
            405 => Some(("allow", "POST".into())),
            503 => Some(("retry-after", "1".into())),
            _ => None,
        };
        assert_eq!((response.status, response.header), (row.status, header), "{}", row.name);
        assert_eq!(response.content_type, "application/json");
    }
}

/// What a put may do. The times that decide (600, 1500) are drawn more often than by chance.
fn plan() -> impl Strategy<Value = Plan> {
    let delay =
        || prop_oneof![0..2500_u64, Just(0), Just(599), Just(600), Just(601), Just(1499), Just(1500), Just(1501)];
    prop_oneof![
        4 => delay().prop_map(Succeeds),
        3 => delay().prop_map(Fails),
        2 => delay().prop_map(Busy),
        1 => Just(Hangs),
    ]
}

fn ends_at(plan: Plan, begun: u64) -> Option<u64> {
    match plan {
        Succeeds(ms) | Fails(ms) | Busy(ms) | Plan::Unavailable(ms) => Some(begun + ms),
        Hangs => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    /// An event is answered OK if, and only if, a put had succeeded by then; each response comes within 1.5 s; and puts
    /// still under way then run to their end.
    #[test]
    fn an_answer_is_ok_if_and_only_if_the_event_is_stored(
        body_delay in prop_oneof![Just(0_u64), 0..1700_u64],
        first in plan(),
        second in plan(),
        is_signed in any::<bool>(),
    ) {
        let config = if is_signed { signed() } else { unsigned() };
        let run = run_of(&config, post(&url_of(Kind::Unfollow)), unfollow().after(body_delay), &[first, second]);
        let ok = run.status() == 200;

        prop_assert!(run.at <= 1500, "answered at {}", run.at);
        prop_assert_eq!(ok, !run.stored.is_empty());
        prop_assert_eq!(run.record()["outcome"] == "stored", ok);
        prop_assert_eq!(run.record()["duration_ms"].as_u64(), Some(run.at));

        let plans: Vec<_> = [first, second].into_iter().zip(run.begun.iter().copied()).collect();
        let successes: Vec<_> =
            plans.iter().filter_map(|&(plan, begun)| matches!(plan, Succeeds(_)).then(|| ends_at(plan, begun))?).collect();
        match successes.iter().min() {
            // What ends with the deadline may fall on either side of it.
            Some(&soonest) if soonest < 1500 => prop_assert!(ok && run.at == soonest, "stored at {soonest}"),
            Some(&soonest) if soonest > 1500 => prop_assert!(!ok && run.stored_late.iter().min() == Some(&soonest)),
            Some(_) => {}
            None => prop_assert!(!ok && run.stored_late.is_empty()),
        }

        // The puts are begun when they are due.
        match run.begun[..] {
            [] => prop_assert!(body_delay >= 1500 && run.status() == 408),
            [once] => {
                prop_assert_eq!(once, body_delay);
                prop_assert!(ends_at(first, once).is_none_or(|end| end >= 1500) || matches!(first, Succeeds(_)));
            }
            [once, again] => {
                prop_assert_eq!(once, body_delay);
                match (first, ends_at(first, once)) {
                    (Fails(_), Some(end)) if end < once + 600 => prop_assert_eq!(again, end),
                    (Busy(_), Some(end)) if end <= once + 600 => prop_assert!(end <= again && again <= once + 1000),
                    _ => prop_assert_eq!(again, (once + 600).min(1500)),
                }
            }
            _ => prop_assert!(false, "more than two puts"),
        }
    }
}
