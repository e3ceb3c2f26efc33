//! Webhooks of other kinds: how they arrive at the origin, and how its response arrives at the sender.

use std::time::Instant;

use serde_json::json;
use unfollow_webhook::receive::rejection::Rejection;

use crate::{
    TOKEN,
    call::{APP, Answer, FOLLOW, IN_TIME, UNFOLLOW, now_ms, post, post_typed, signed},
    forwarding,
    origin::{PATH, REJECTION},
};

/// A command whose answer decides what happens to the message.
const BEFORE: &str = "C2C.CallbackBeforeSendMsg";

/// The body of a webhook for which the origin does this, unlike any other.
fn body(behaviour: &str) -> String {
    format!(" {{\"From_Account\" : \"{behaviour}\", \"n\": 1.50, \"now\": {} }}\r\n", now_ms())
}

fn send(behaviour: &str) -> Answer {
    post(&forwarding().0.url, &signed(APP, BEFORE, TOKEN), body(behaviour))
}

#[test]
fn a_rejection_by_the_origin_arrives_at_the_sender_unchanged() {
    for (behaviour, status) in [("rejects", 200), ("rejects-by-status", 403)] {
        let answer = send(behaviour);
        assert_eq!((answer.status, answer.text.as_str()), (status, REJECTION), "{behaviour}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"));
    }
    assert!(send("takes-it").is_ok());
    let failure = send("fails-1-times");
    assert_eq!((failure.status, failure.text.as_str()), (500, "{}"));
}

#[test]
fn a_webhook_arrives_at_the_origin_as_it_was_sent() {
    let (worker, origin) = forwarding();
    let query = format!("New=%zz&&{}&x=%E5%BE%AE+\\", signed(APP, BEFORE, TOKEN));
    for (content_type, body) in [
        ("application/json; charset=utf-8", body("as it was sent").into_bytes()),
        ("Text/Plain;x=\"y\"", [b"\xef\xbb\xbf not JSON \xff\0 ", body("").as_bytes()].concat()),
        ("application/json", [body("long").as_bytes(), " ".repeat(1024 * 1024 - 100).as_bytes()].concat()),
    ] {
        assert!(post_typed(&worker.url, &query, content_type, &body).is_ok(), "{content_type}");
        let received = origin.received_of(&body);
        assert_eq!(received.len(), 1, "{content_type}");
        assert_eq!(received[0].method, "POST");
        assert_eq!(received[0].target, format!("{PATH}?{query}"));
        assert_eq!(received[0].header("content-type"), Some(content_type));
        assert_eq!(received[0].header("webhook-signature"), None);
    }
}

#[test]
fn a_response_that_cannot_be_handed_back_is_a_gateway_error() {
    for (behaviour, name) in [
        ("closes", "relay_unreachable"),
        ("redirects", "relay_redirect"),
        ("no-json", "relay_not_json"),
        ("no-content", "relay_not_json"),
        ("too-much", "relay_too_large"),
        ("hangs", "relay_late"),
    ] {
        let answer = send(behaviour);
        let row = Rejection::ALL.iter().map(|rejection| rejection.row()).find(|row| row.name == name).unwrap();
        let fail = json!({"ActionStatus": "FAIL", "ErrorCode": row.error_code, "ErrorInfo": row.error_info()});
        assert_eq!((answer.status, &answer.body), (row.status, &fail), "{behaviour}");
    }
    assert_eq!(send("most").text.len(), 1024 * 1024);
    let followed = |target: &str| !target.starts_with(PATH);
    assert!(!forwarding().1.received().iter().any(|request| followed(&request.target)));
}

#[test]
fn an_origin_that_hangs_does_not_make_the_sender_wait() {
    // So that no measured call waits for an isolate to start.
    assert!(send("takes-it").is_ok());
    for _ in 0..3 {
        let begun = Instant::now();
        let answer = send("hangs");
        let took = begun.elapsed();
        assert_eq!(answer.code(), (504, 50400));
        assert!(took < IN_TIME, "{took:?}");
    }
}

#[test]
fn probes_and_follow_events_are_not_relayed() {
    let (worker, origin) = forwarding();
    for (command, body) in
        [(BEFORE, String::new()), (BEFORE, format!(r#"{{"CallbackCommand":"{BEFORE}"}}"#)), (UNFOLLOW, "{}".to_owned())]
    {
        let query = format!("{}&RequestId=not-relayed", signed(APP, command, TOKEN));
        assert!(post(&worker.url, &query, &body).is_ok(), "{command} {body}");
    }
    // A call that the Worker rejects is not relayed either.
    for command in [UNFOLLOW, FOLLOW] {
        let query = format!("{}&RequestId=not-relayed", signed(APP, command, TOKEN));
        assert_eq!(post(&worker.url, &query, r#"{"From_Account":1}"#).status, 400);
    }
    let wrong = format!("{}&RequestId=not-relayed", signed(APP, BEFORE, "another token"));
    assert_eq!(post(&worker.url, &wrong, body("takes-it")).status, 401);
    assert!(!origin.received().iter().any(|request| request.target.contains("not-relayed")));
}
