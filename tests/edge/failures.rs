//! A store or a queue that fails, hangs or is slow, and a sender that stalls: what the sender is told, and when.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Shared,
    call::{APP, Answer, UNFOLLOW, now_ms, post, unfollow, unsigned},
    worker::Home,
};

/// Tencent waits two seconds; the Worker answers within 1.5. This leaves room for wrangler's proxies.
const IN_TIME: Duration = Duration::from_millis(1900);

const SETTINGS: [(&str, &str); 3] = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("RETRY_BASE_SECONDS", "1")];

/// A Worker with this home, that has begun to work.
fn warm(home: Home) -> Shared {
    let worker = home.start();
    // So that no measured call waits for an isolate to start.
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("takes-it", &["bob"], now_ms())).is_ok());
    Shared { home, worker }
}

/// A store that fails, and no queue.
fn failing() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| warm(Home::with_engines(&SETTINGS, &["EVENTS"], |config| drop(config.remove("queues")))))
}

/// A store that fails, and a queue that does not.
fn failing_with_a_queue() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| warm(Home::with_engines(&SETTINGS, &["EVENTS"], |_| {})))
}

/// A store and a queue that fail, and an origin that is wanted.
fn all_failing() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let settings = [&SETTINGS[..], &[("SINKS", "kv,origin"), ("ORIGIN_URL", "https://origin.invalid/")]].concat();
        warm(Home::with_engines(&settings, &["EVENTS", "DELIVERIES"], |_| {}))
    })
}

fn send(behaviour: &str) -> (Answer, Duration) {
    send_at(behaviour, now_ms())
}

fn send_at(behaviour: &str, event_time: u64) -> (Answer, Duration) {
    send_to(failing(), behaviour, event_time)
}

fn send_to(shared: &Shared, behaviour: &str, event_time: u64) -> (Answer, Duration) {
    let url = &shared.worker.url;
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
    for behaviour in ["fails-1-times", "too-many-once", "hangs-once"] {
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
    failing().worker.log_line(|line| line["outcome"] == "taken" && is_of(line, &key));
}

#[test]
fn what_the_store_does_not_take_is_brought_there_by_the_queue() {
    let worker = &failing_with_a_queue().worker;
    // Two attempts inside the call, and the first of the consumer, fail; of those that hang, only the first does.
    for (behaviour, event_time) in [("fails-3-times", 1_234_567_000_001), ("hangs", 1_234_567_000_002)] {
        let (answer, took) = send_to(failing_with_a_queue(), behaviour, event_time);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
    }
    let key = format!("event/{APP}/{}-", 9_999_999_999_999_u64 - 1_234_567_000_001);
    let taken = worker.log_line(|line| line["outcome"] == "taken" && is_of(line, &key));
    assert_eq!(taken["attempt"], 4);
    worker.log_line(|line| (&line["outcome"], &line["duty"]) == (&json!("retried"), &json!("store")));
    worker.log_line(|line| (&line["outcome"], &line["duty"]) == (&json!("stored"), &json!("store")));
}

#[test]
fn what_the_queue_does_not_take_becomes_a_dead_letter() {
    let worker = &all_failing().worker;
    for (behaviour, event_time) in [("queue-fails", 1_234_567_000_003), ("queue-hangs", 1_234_567_000_004)] {
        let (answer, took) = send_to(all_failing(), behaviour, event_time);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
        for kind in ["event", "dead"] {
            let key = format!("{kind}/{APP}/{}-", 9_999_999_999_999 - event_time);
            let taken = worker.log_line(|line| line["outcome"] == "taken" && is_of(line, &key));
            if kind == "dead" {
                let letter = &taken["value"];
                assert_eq!((&letter["last_error"], &letter["last_status"]), (&json!("queue"), &Value::Null));
                assert_eq!(letter["message"]["duty"], "deliver");
            }
        }
    }
}

#[test]
fn an_event_goes_to_both_sinks_and_as_text() {
    let worker = &all_failing().worker;
    let (answer, took) = send_to(all_failing(), "both", 1_234_567_000_005);
    assert!(answer.is_ok() && took < IN_TIME, "{answer:?} after {took:?}");
    let key = format!("event/{APP}/{}-", 9_999_999_999_999_u64 - 1_234_567_000_005);
    worker.log_line(|line| line["outcome"] == "taken" && is_of(line, &key));
    let of_both = |line: &Value| line["message"]["body"]["From_Account"] == "both";
    let queued = worker.log_line(|line| line["outcome"] == "queued" && of_both(line));
    assert_eq!(queued["options"]["contentType"], "text");
    let message = &queued["message"];
    assert_eq!(
        (&message["v"], &message["duty"], &message["sdk_app_id"]),
        (&json!(1), &json!("deliver"), &json!(1_400_000_000))
    );
}

#[test]
fn where_both_engines_fail_the_sender_is_told() {
    for behaviour in ["fails,queue-fails", "hangs,queue-hangs"] {
        let (answer, took) = send_to(all_failing(), behaviour, now_ms());
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, 50300), "1"), "{behaviour}");
        assert!(took < IN_TIME, "{behaviour}: {took:?}");
    }
}

fn is_of(line: &Value, key: &str) -> bool {
    line["request_id"].as_str().is_some_and(|id| id.starts_with(key))
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
