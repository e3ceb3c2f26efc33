//! Webhooks of other kinds: relayed to the app's backend as they came, and its answer handed back.

use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    intake::Head,
    log::Level,
    origin::{OriginAnswer, OriginError, RelayFault},
    receive::Receiver,
    refusal::Refusal,
    relay::ANSWER_MAX,
    reply::Reply,
    webhook::command::Kind,
};

use crate::{
    fakes::{Doing, FakeBody, FakeClock, FakeOrigin, FakeStore, NO_QUEUE, Plan::Succeeds, Seen, paused},
    samples::{APP, FOLLOW, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, config, post, query, signed, url, url_of},
};

const BEFORE: &str = "C2C.CallbackBeforeSendMsg";
const REFUSAL: &str = r#" {"ActionStatus":"OK","ErrorInfo":"微","ErrorCode":120001} "#;

struct Course {
    reply: Reply,
    level: Level,
    line: Value,
    at: u64,
    seen: Vec<Seen>,
    puts: usize,
}

fn relaying() -> Config {
    config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", ORIGIN)])
}

fn course_of(config: &Config, head: Head<'_>, body: FakeBody, does: impl Fn(&Seen) -> Doing) -> Course {
    paused(async {
        let (store, clock, origin) = (FakeStore::that(Succeeds(5)), FakeClock::at(NOW_MS), FakeOrigin::of(does));
        let receiver = Receiver { config, store: &store, queue: NO_QUEUE, origin: &origin, clock: &clock };
        let answered = receiver.receive(head, &body).await;
        assert!(answered.late.is_empty());
        Course {
            reply: answered.reply,
            level: answered.log.0,
            line: serde_json::from_str(&answered.log.1).unwrap(),
            at: clock.elapsed(),
            seen: origin.seen(),
            puts: store.begun().len(),
        }
    })
}

/// A "before" command whose body comes at once.
fn course(doing: &Doing) -> Course {
    course_of(&relaying(), post(&url(&query(BEFORE))), FakeBody::of(r#"{"x":1}"#), |_| doing.clone())
}

#[test]
fn a_webhook_of_another_kind_is_relayed_exactly_as_it_came() {
    // Odd spaces, an unknown parameter, and bytes that are no UTF-8: none of it is ours to mend.
    let sent: &[u8] = b" {\"CallbackCommand\" : \"C2C.CallbackBeforeSendMsg\", \"x\":\"\xff\"}\r\n";
    let query = format!("x=%zz&&{}&y=a+b", query(BEFORE));
    let url = url(&query);
    for content_type in [None, Some("application/json"), Some("text/plain;charset=x"), Some("")] {
        let body = FakeBody::of(sent).of_type(content_type);
        let course = course_of(&relaying(), post(&url), body, |_| Doing::answer(200, REFUSAL));
        let [seen] = &course.seen[..] else { panic!("{:?}", course.seen) };
        assert_eq!(seen.url, format!("{ORIGIN}?{query}"));
        assert!(seen.url.contains("&Sign=") && seen.url.contains("&RequestTime="));
        assert_eq!(seen.body, sent);
        let headers: Vec<_> = content_type.map(|it| ("content-type", it.to_owned())).into_iter().collect();
        assert_eq!((&seen.headers, course.puts), (&headers, 0));
    }
}

#[test]
fn the_origins_status_and_json_are_handed_back() {
    for (status, body) in [
        (200, REFUSAL),
        (200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#),
        (201, "{}"),
        (403, "[1,2.50]"),
        (500, "\"x\""),
        (404, "null"),
    ] {
        let course = course(&Doing::answer(status, body));
        let reply = Reply { status, body: body.into(), ..Reply::ok() };
        assert_eq!((course.reply.content_type, &course.reply), ("application/json", &reply));
        assert_eq!((&course.line["outcome"], course.at), (&"relayed".into(), 20));
    }
}

#[test]
fn what_goes_wrong_with_the_origin_has_a_code_of_its_own() {
    let json = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let redirect = |status| Doing::answer(status, "{}");
    for (doing, fault, status) in [
        (redirect(301), RelayFault::Redirect, 502),
        (redirect(302), RelayFault::Redirect, 502),
        (redirect(307), RelayFault::Redirect, 502),
        (redirect(399), RelayFault::Redirect, 502),
        (Doing::answer(200, ""), RelayFault::NotJson, 502),
        // The runtime would not build a response of such a status.
        (Doing::answer(204, "{}"), RelayFault::NotJson, 502),
        (Doing::answer(600, "{}"), RelayFault::NotJson, 502),
        (Doing::answer(200, "<html>"), RelayFault::NotJson, 502),
        (Doing::answer(200, "{} {}"), RelayFault::NotJson, 502),
        (Doing::answer(200, &b"\"\xff\""[..]), RelayFault::NotJson, 502),
        (Doing::answer(200, json(ANSWER_MAX + 1)), RelayFault::TooLarge, 502),
        (Doing { after: Some(1), with: Err(OriginError::TooLarge) }, RelayFault::TooLarge, 502),
        (Doing::refuse(), RelayFault::Unreachable, 502),
        (Doing::hang(), RelayFault::Late, 504),
        (Doing { after: Some(1501), ..Doing::answer(200, "{}") }, RelayFault::Late, 504),
    ] {
        let course = course(&doing);
        let refusal = Refusal::Relay(fault);
        assert_eq!(course.reply, Reply::refusal(refusal), "{fault:?}");
        assert_eq!((course.reply.status, course.level), (status, Level::Error), "{fault:?}");
        let answer: Value = serde_json::from_str(&course.reply.body).unwrap();
        assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&"FAIL".into(), &refusal.row().error_code.into()));
        assert_eq!(course.line["reason"], refusal.row().name);
        assert!(course.at <= 1500);
    }
    assert_eq!(ANSWER_MAX, 1_048_576);
    assert_eq!(course(&Doing::answer(200, json(ANSWER_MAX))).reply.status, 200);
}

#[test]
fn a_relayed_answer_is_logged_with_its_own_status() {
    for (status, level) in [(200, Level::Info), (403, Level::Info), (503, Level::Warn)] {
        let course = course(&Doing::answer(status, "{}"));
        assert_eq!((&course.line["outcome"], &course.line["status"]), (&"relayed".into(), &status.into()));
        assert_eq!(course.level, level, "{status}");
    }
}

#[test]
fn a_relay_has_what_is_left_of_the_calls_time() {
    let head_url = url(&query(BEFORE));
    for (body_delay, left) in [(0, 1500), (400, 1100), (1499, 1)] {
        let body = FakeBody::of(r#"{"x":1}"#).after(body_delay);
        let course = course_of(&relaying(), post(&head_url), body, |_| Doing::hang());
        assert_eq!((course.reply.status, course.at), (504, 1500));
        assert_eq!(course.seen[0].within_ms, left);
    }
    let body = || FakeBody::of(r#"{"x":1}"#).after(400);
    let slow = Doing { after: Some(1099), ..Doing::answer(200, "{}") };
    let course = course_of(&relaying(), post(&head_url), body(), |_| slow.clone());
    assert_eq!((course.reply.status, course.at), (200, 1499));
}

#[test]
fn the_probe_is_answered_here() {
    for query in [query(BEFORE), query(Kind::Unfollow.command())] {
        for body in ["", "{}", r#"{"CallbackCommand":"C2C.CallbackBeforeSendMsg"}"#] {
            let course = course_of(&relaying(), post(&url(&query)), FakeBody::of(body), |_| Doing::refuse());
            assert_eq!((course.reply, course.seen.len(), course.puts), (Reply::ok(), 0, 0), "{body}");
            assert_eq!(course.line["outcome"], "probe");
        }
    }
}

#[test]
fn the_follow_family_is_not_relayed() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        let course = course_of(&relaying(), post(&url_of(kind)), FakeBody::of(body), |_| Doing::refuse());
        assert_eq!((course.reply, course.seen.len(), course.puts), (Reply::ok(), 0, 1));
    }
}

#[test]
fn what_is_refused_is_not_relayed() {
    let good = url(&query(BEFORE));
    let (unsigned, forged) = (good.replace("Sign=", "x="), good.replace("Sign=8d", "Sign=9d"));
    let foreign = good.replace("1400000000", "1");
    for head in [post(&unsigned), post(&forged), post(&foreign), Head { method: "GET", ..post(&good) }] {
        let course = course_of(&relaying(), head, FakeBody::of("{\"x\":1}"), |_| Doing::refuse());
        assert!((400..500).contains(&course.reply.status));
        assert!(course.seen.is_empty(), "{}", head.target.query);
    }
}

#[test]
fn without_an_origin_other_webhooks_are_ok_as_before() {
    let course = course_of(&signed(), post(&url(&query(BEFORE))), FakeBody::of("{\"x\":1}"), |_| Doing::refuse());
    assert_eq!((course.reply, course.seen.len()), (Reply::ok(), 0));
    assert_eq!(course.line["outcome"], "unhandled");
}

#[test]
fn with_a_broken_origin_url_nothing_is_allowed_in_the_backends_name() {
    let broken = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", "ftp://example.com")]);
    let course = course_of(&broken, post(&url(&query(BEFORE))), FakeBody::of("{\"x\":1}"), |_| Doing::refuse());
    assert_eq!((course.reply, course.seen.len()), (Reply::refusal(Refusal::Relay(RelayFault::Unreachable)), 0));
}

#[test]
fn a_relay_carries_no_header_of_the_origins_answer() {
    let answer = OriginAnswer { status: 503, retry_after: Some(9), body: b"{}".to_vec() };
    let course = course(&Doing { after: Some(1), with: Ok(answer) });
    assert_eq!((course.reply.status, course.reply.header), (503, None));
}
