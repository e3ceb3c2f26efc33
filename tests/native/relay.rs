//! Webhooks of other kinds: relayed to the app's backend as they came, and its response handed back.

use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    log::Level,
    origin::HOP_HEADER,
    outgoing::{OutgoingError, OutgoingResponse},
    receive::Receiver,
    receive::rejection::Rejection,
    receive::relay::RESPONSE_MAX,
    receive::relay::RelayError,
    receive::validate::RequestHead,
    response::Response,
    webhook::command::Kind,
};

use crate::{
    fakes::{FakeBody, FakeKv, FakeOrigin, FakeSink, Plan::Succeeds, Reaction, Seen, paused},
    ports::FakePorts,
    samples::{APP, FOLLOW, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, config, post, query, signed, url, url_of},
};

const BEFORE: &str = "C2C.CallbackBeforeSendMsg";
const REJECTION: &str = r#" {"ActionStatus":"OK","ErrorInfo":"微","ErrorCode":120001} "#;

struct Run {
    response: Response,
    level: Level,
    record: Value,
    at: u64,
    seen: Vec<Seen>,
    puts: usize,
}

fn relaying() -> Config {
    config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", ORIGIN)])
}

fn run_of(config: &Config, head: RequestHead<'_>, body: FakeBody, react: impl Fn(&Seen) -> Reaction) -> Run {
    paused(async {
        let kv = FakeKv::with(FakeSink::always(Succeeds(5)));
        let ports = FakePorts { origin: FakeOrigin::of(react), ..FakePorts::at(NOW_MS, &kv) };
        let handled = Receiver { config: &config.calls, ports: &ports }.receive(head, &body).await;
        assert!(handled.late.is_empty());
        Run {
            response: handled.response,
            level: handled.log.as_ref().unwrap().0,
            record: serde_json::from_str(&handled.log.as_ref().unwrap().1).unwrap(),
            at: ports.clock.elapsed(),
            seen: ports.origin.seen(),
            puts: kv.puts.begun().len(),
        }
    })
}

/// A "before" command whose body comes at once.
fn run(reaction: &Reaction) -> Run {
    run_of(&relaying(), post(&url(&query(BEFORE))), FakeBody::of(r#"{"x":1}"#), |_| reaction.clone())
}

#[test]
fn a_webhook_of_another_kind_is_relayed_exactly_as_it_came() {
    // Odd spaces, an unknown parameter, and bytes that are not UTF-8: the relay must not fix any of them.
    let sent: &[u8] = b" {\"CallbackCommand\" : \"C2C.CallbackBeforeSendMsg\", \"x\":\"\xff\"}\r\n";
    let query = format!("x=%zz&&{}&y=a+b", query(BEFORE));
    let url = url(&query);
    for content_type in [None, Some("application/json"), Some("text/plain;charset=x"), Some("")] {
        let body = FakeBody::of(sent).of_type(content_type);
        let run = run_of(&relaying(), post(&url), body, |_| Reaction::answer(200, REJECTION));
        let [seen] = &run.seen[..] else { panic!("{:?}", run.seen) };
        assert_eq!(seen.url, format!("{ORIGIN}?{query}"));
        assert!(seen.url.contains("&Sign=") && seen.url.contains("&RequestTime="));
        assert_eq!(seen.body, sent);
        // All that is added, for what comes back to this Worker.
        let mut headers = vec![(HOP_HEADER, "1".to_owned())];
        headers.extend(content_type.map(|it| ("content-type", it.to_owned())));
        assert_eq!((&seen.headers, run.puts), (&headers, 0));
    }
}

#[test]
fn the_origins_status_and_json_are_handed_back() {
    for (status, body) in [
        (200, REJECTION),
        (200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#),
        (201, "{}"),
        (403, "[1,2.50]"),
        (500, "\"x\""),
        (404, "null"),
    ] {
        let run = run(&Reaction::answer(status, body));
        let response = Response { status, body: body.into(), ..Response::ok() };
        assert_eq!((run.response.content_type, &run.response), ("application/json", &response));
        assert_eq!((&run.record["outcome"], run.at), (&"relayed".into(), 20));
    }
}

#[test]
fn each_error_of_the_origin_has_a_code_of_its_own() {
    let json = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let redirect = |status| Reaction::answer(status, "{}");
    for (reaction, error, status) in [
        (redirect(301), RelayError::Redirect, 502),
        (redirect(302), RelayError::Redirect, 502),
        (redirect(307), RelayError::Redirect, 502),
        (redirect(399), RelayError::Redirect, 502),
        (Reaction::answer(200, ""), RelayError::NotJson, 502),
        // The runtime would not build a response of such a status.
        (Reaction::answer(204, "{}"), RelayError::NotJson, 502),
        (Reaction::answer(600, "{}"), RelayError::NotJson, 502),
        (Reaction::answer(200, "<html>"), RelayError::NotJson, 502),
        (Reaction::answer(200, "{} {}"), RelayError::NotJson, 502),
        (Reaction::answer(200, &b"\"\xff\""[..]), RelayError::NotJson, 502),
        (Reaction::answer(200, json(RESPONSE_MAX + 1)), RelayError::TooLarge, 502),
        (Reaction { after: Some(1), with: Err(OutgoingError::TooLarge) }, RelayError::TooLarge, 502),
        (Reaction::refuse(), RelayError::Unreachable, 502),
        (Reaction::hang(), RelayError::Late, 504),
        (Reaction { after: Some(1501), ..Reaction::answer(200, "{}") }, RelayError::Late, 504),
    ] {
        let run = run(&reaction);
        let rejection = Rejection::Relay(error);
        assert_eq!(run.response, Response::from(rejection), "{error:?}");
        assert_eq!((run.response.status, run.level), (status, Level::Error), "{error:?}");
        let answer: Value = serde_json::from_str(&run.response.body).unwrap();
        assert_eq!(
            (&answer["ActionStatus"], &answer["ErrorCode"]),
            (&"FAIL".into(), &rejection.row().error_code.into())
        );
        assert_eq!(run.record["reason"], rejection.row().name);
        assert!(run.at <= 1500);
    }
    assert_eq!(RESPONSE_MAX, 1_048_576);
    assert_eq!(run(&Reaction::answer(200, json(RESPONSE_MAX))).response.status, 200);
}

#[test]
fn a_relayed_answer_is_logged_with_its_own_status() {
    for (status, level) in [(200, Level::Info), (403, Level::Info), (503, Level::Warn)] {
        let run = run(&Reaction::answer(status, "{}"));
        assert_eq!((&run.record["outcome"], &run.record["status"]), (&"relayed".into(), &status.into()));
        assert_eq!(run.level, level, "{status}");
    }
}

#[test]
fn a_relay_has_what_is_left_of_the_calls_time() {
    let head_url = url(&query(BEFORE));
    for (body_delay, left) in [(0, 1500), (400, 1100), (1499, 1)] {
        let body = FakeBody::of(r#"{"x":1}"#).after(body_delay);
        let run = run_of(&relaying(), post(&head_url), body, |_| Reaction::hang());
        assert_eq!((run.response.status, run.at), (504, 1500));
        assert_eq!(run.seen[0].within_ms, left);
    }
    let body = || FakeBody::of(r#"{"x":1}"#).after(400);
    let slow = Reaction { after: Some(1099), ..Reaction::answer(200, "{}") };
    let run = run_of(&relaying(), post(&head_url), body(), |_| slow.clone());
    assert_eq!((run.response.status, run.at), (200, 1499));
}

#[test]
fn the_probe_is_not_relayed() {
    for query in [query(BEFORE), query(Kind::Unfollow.command())] {
        for body in ["", "{}", r#"{"CallbackCommand":"C2C.CallbackBeforeSendMsg"}"#] {
            let run = run_of(&relaying(), post(&url(&query)), FakeBody::of(body), |_| Reaction::refuse());
            assert_eq!((run.response, run.seen.len(), run.puts), (Response::ok(), 0, 0), "{body}");
            assert_eq!(run.record["outcome"], "probe");
        }
    }
}

/// `ORIGIN_URL` leads to this Worker.
#[test]
fn what_came_back_is_not_relayed_again() {
    let head_url = url(&query(BEFORE));
    let head = RequestHead { has_hop_header: true, ..post(&head_url) };
    let run = run_of(&relaying(), head, FakeBody::of("{\"x\":1}"), |_| Reaction::refuse());
    assert_eq!((run.response.status, run.seen.len(), run.puts), (508, 0, 0));
}

#[test]
fn the_follow_family_is_not_relayed() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        let run = run_of(&relaying(), post(&url_of(kind)), FakeBody::of(body), |_| Reaction::refuse());
        assert_eq!((run.response, run.seen.len(), run.puts), (Response::ok(), 0, 1));
    }
}

#[test]
fn what_is_rejected_is_not_relayed() {
    let good = url(&query(BEFORE));
    let (unsigned, forged) = (good.replace("Sign=", "x="), good.replace("Sign=8d", "Sign=9d"));
    let foreign = good.replace("1400000000", "1");
    for head in [post(&unsigned), post(&forged), post(&foreign), RequestHead { method: "GET", ..post(&good) }] {
        let run = run_of(&relaying(), head, FakeBody::of("{\"x\":1}"), |_| Reaction::refuse());
        assert!((400..500).contains(&run.response.status));
        assert!(run.seen.is_empty(), "{}", head.target.query);
    }
}

#[test]
fn without_an_origin_other_webhooks_are_ok_as_before() {
    let run = run_of(&signed(), post(&url(&query(BEFORE))), FakeBody::of("{\"x\":1}"), |_| Reaction::refuse());
    assert_eq!((run.response, run.seen.len()), (Response::ok(), 0));
    assert_eq!(run.record["outcome"], "unhandled");
}

#[test]
fn with_an_invalid_origin_url_other_webhooks_are_rejected() {
    let invalid = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", "ftp://example.com")]);
    let run = run_of(&invalid, post(&url(&query(BEFORE))), FakeBody::of("{\"x\":1}"), |_| Reaction::refuse());
    assert_eq!((run.response, run.seen.len()), (Response::from(Rejection::Relay(RelayError::Unreachable)), 0));
}

#[test]
fn a_relay_carries_no_header_of_the_origins_answer() {
    let answer = OutgoingResponse { status: 503, retry_after: Some(9), body: b"{}".to_vec() };
    let run = run(&Reaction { after: Some(1), with: Ok(answer) });
    assert_eq!((run.response.status, run.response.header), (503, None));
}
