//! A store that fails, hangs or is slow, and a sender that stalls: what the sender is told, and when.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Shared,
    call::{APP, Answer, UNFOLLOW, now_ms, post, unfollow, unsigned},
    worker::Home,
};

/// Tencent waits two seconds; the Worker answers within 1.5. This leaves room for wrangler's proxies.
const IN_TIME: Duration = Duration::from_millis(1900);

fn failing() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")];
        let home = Home::with_store(&settings, include_str!("store.js"));
        let worker = home.start();
        // So that no measured call waits for an isolate to start.
        assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("takes-it", &["bob"], now_ms())).is_ok());
        Shared { home, worker }
    })
}

fn send(behaviour: &str) -> (Answer, Duration) {
    send_at(behaviour, now_ms())
}

fn send_at(behaviour: &str, event_time: u64) -> (Answer, Duration) {
    let url = &failing().worker.url;
    let begun = Instant::now();
    let answer = post(url, &unsigned(APP, UNFOLLOW), unfollow(behaviour, &["bob"], event_time));
    (answer, begun.elapsed())
}

#[test]
fn a_store_that_fails_is_told_to_the_sender_at_once() {
    let (answer, took) = send("fails");
    assert_eq!((answer.code(), answer.header("retry-after")), ((503, 50300), "1"));
    assert!(took < IN_TIME, "{took:?}");
}

#[test]
fn a_store_that_fails_once_is_asked_again() {
    for behaviour in ["fails-once", "too-many-once", "hangs-once"] {
        let (answer, took) = send(behaviour);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
    }
}

#[test]
fn a_slow_store_is_waited_for() {
    let (answer, took) = send("answers-after-900");
    assert!(answer.is_ok() && took < IN_TIME, "{answer:?} after {took:?}");
}

#[test]
fn a_put_that_comes_too_late_is_refused_and_goes_on() {
    // A time of its own tells this event's key from all others.
    let event_time = 1_234_567_890_123;
    let (answer, took) = send_at("answers-after-4000", event_time);
    assert_eq!(answer.code(), (503, 50300));
    assert!(took < IN_TIME, "{took:?}");
    // The put is not cut off with the answer.
    let key = format!("event/{APP}/{}-", 9_999_999_999_999 - event_time);
    let of_this_event = |line: &Value| line["request_id"].as_str().is_some_and(|id| id.starts_with(&key));
    failing().worker.log_line(|line| line["outcome"] == "taken" && of_this_event(line));
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let worker = &crate::unsigned().worker;
    // So that the measured call does not wait for an isolate to start.
    assert!(post(&worker.url, "", "").is_ok());
    let begun = Instant::now();
    let mut stream = TcpStream::connect(worker.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let query = unsigned(APP, UNFOLLOW);
    write!(stream, "POST /?{query} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{{").unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    let took = begun.elapsed();
    assert_eq!(&head, b"HTTP/1.1 408");
    assert!((Duration::from_millis(1400)..IN_TIME).contains(&took), "{took:?}");
}
