//! A store or a queue that fails, hangs or is slow, and a sender that stalls: what the response is, and when it comes.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    call::{APP, Answer, IN_TIME, UNFOLLOW, now_ms, post, unfollow, unsigned},
    worker::{Home, Worker},
};

const SETTINGS: [(&str, &str); 3] = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("RETRY_BASE_SECONDS", "1")];

/// A Worker with this home, whose isolate has started.
fn warm(home: Home) -> Worker {
    let worker = home.start();
    // So that no measured call waits for an isolate to start.
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("takes-it", &["bob"], now_ms())).is_ok());
    worker
}

/// A store that fails, and no queue.
fn failing() -> &'static Worker {
    static SHARED: OnceLock<Worker> = OnceLock::new();
    SHARED.get_or_init(|| warm(Home::with_stand_ins(&SETTINGS, &["EVENTS"], |config| drop(config.remove("queues")))))
}

/// A store that fails, and a queue that does not.
fn failing_with_a_queue() -> &'static Worker {
    static SHARED: OnceLock<Worker> = OnceLock::new();
    SHARED.get_or_init(|| warm(Home::with_stand_ins(&SETTINGS, &["EVENTS"], |_| {})))
}

/// A store and a queue that fail, with the origin among the sinks.
fn all_failing() -> &'static Worker {
    static SHARED: OnceLock<Worker> = OnceLock::new();
    SHARED.get_or_init(|| {
        let settings = [&SETTINGS[..], &[("SINKS", "kv,origin"), ("ORIGIN_URL", "https://origin.invalid/")]].concat();
        warm(Home::with_stand_ins(&settings, &["EVENTS", "DELIVERIES"], |_| {}))
    })
}

fn send(behaviour: &str) -> (Answer, Duration) {
    send_at(behaviour, now_ms())
}

fn send_at(behaviour: &str, event_time: u64) -> (Answer, Duration) {
    send_to(failing(), behaviour, event_time)
}

fn send_to(worker: &Worker, behaviour: &str, event_time: u64) -> (Answer, Duration) {
    let url = &worker.url;
    let begun = Instant::now();
    let answer = post(url, &unsigned(APP, UNFOLLOW), unfollow(behaviour, &["bob"], event_time));
    (answer, begun.elapsed())
}

#[test]
fn a_store_that_fails_is_reported_to_the_sender_at_once() {
    let (answer, took) = send("fails");
    assert_eq!((answer.code(), answer.header("retry-after")), ((503, 50300), "1"));
    assert!(took < IN_TIME, "{took:?}");
}

#[test]
fn a_store_that_fails_once_gets_a_second_attempt() {
    for behaviour in ["fails-1-times", "too-many-once", "hangs-once"] {
        let (answer, took) = send(behaviour);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
    }
}

#[test]
fn a_pause_that_kv_asks_for_costs_two_puts_and_no_message() {
    let home = Home::with_stand_ins(&SETTINGS, &["EVENTS", "DELIVERIES"], |_| {});
    let worker = warm(home);
    let (answer, took) = send_to(&worker, "too-many-once", 1_234_567_000_006);
    assert!(answer.is_ok() && took >= Duration::from_millis(900) && took < IN_TIME, "{answer:?} after {took:?}");
    let key = format!("event/{APP}/{}-", 9_999_999_999_999_u64 - 1_234_567_000_006);
    let taken = worker.log_record(|record| record["outcome"] == "taken" && is_of(record, &key));
    assert_eq!(taken["attempt"], 2);
    let records = worker.log_records();
    assert!(records.iter().all(|record| record["outcome"] != "queued"), "{records:?}");
    let puts = records.iter().filter(|record| record["outcome"] == "taken" && is_of(record, &key)).count();
    assert_eq!(puts, 1);
}

#[test]
fn a_slow_store_is_waited_for() {
    let (answer, took) = send("answers-after-900");
    assert!(answer.is_ok() && took < IN_TIME, "{answer:?} after {took:?}");
}

#[test]
fn a_put_that_is_late_gets_503_and_goes_on() {
    // A time of its own makes this event's key recognisable.
    let event_time = 1_234_567_890_123;
    let (answer, took) = send_at("answers-after-4000", event_time);
    assert_eq!(answer.code(), (503, 50300));
    assert!(took < IN_TIME, "{took:?}");
    // The put does not end with the response.
    let key = format!("event/{APP}/{}-", 9_999_999_999_999 - event_time);
    failing().log_record(|record| record["outcome"] == "taken" && is_of(record, &key));
}

#[test]
fn what_the_store_does_not_take_is_stored_later_by_the_queue() {
    let worker = failing_with_a_queue();
    // "fails-3-times": both attempts inside the call fail, and so does the first of the consumer.
    for (behaviour, event_time) in [("fails-3-times", 1_234_567_000_001), ("hangs", 1_234_567_000_002)] {
        let (answer, took) = send_to(failing_with_a_queue(), behaviour, event_time);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
    }
    let key = format!("event/{APP}/{}-", 9_999_999_999_999_u64 - 1_234_567_000_001);
    let taken = worker.log_record(|record| record["outcome"] == "taken" && is_of(record, &key));
    assert_eq!(taken["attempt"], 4);
    worker.log_record(|record| (&record["outcome"], &record["job"]) == (&json!("retried"), &json!("store_kv")));
    worker.log_record(|record| (&record["outcome"], &record["job"]) == (&json!("stored"), &json!("store_kv")));
}

#[test]
fn what_the_queue_does_not_take_becomes_a_dead_letter() {
    let worker = all_failing();
    for (behaviour, event_time) in [("queue-fails", 1_234_567_000_003), ("queue-hangs", 1_234_567_000_004)] {
        let (answer, took) = send_to(all_failing(), behaviour, event_time);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
        for kind in ["event", "dead"] {
            let key = format!("{kind}/{APP}/{}-", 9_999_999_999_999 - event_time);
            let taken = worker.log_record(|record| record["outcome"] == "taken" && is_of(record, &key));
            if kind == "dead" {
                let dead_letter = &taken["value"];
                assert_eq!((&dead_letter["last_error"], &dead_letter["last_status"]), (&json!("queue"), &Value::Null));
                assert_eq!(dead_letter["message"]["job"], "deliver");
            }
        }
    }
}

#[test]
fn an_event_goes_to_both_sinks_and_as_text() {
    let worker = all_failing();
    let (answer, took) = send_to(all_failing(), "both", 1_234_567_000_005);
    assert!(answer.is_ok() && took < IN_TIME, "{answer:?} after {took:?}");
    let key = format!("event/{APP}/{}-", 9_999_999_999_999_u64 - 1_234_567_000_005);
    worker.log_record(|record| record["outcome"] == "taken" && is_of(record, &key));
    let of_both = |record: &Value| record["message"]["body"]["From_Account"] == "both";
    let queued = worker.log_record(|record| record["outcome"] == "queued" && of_both(record));
    assert_eq!(queued["options"]["contentType"], "text");
    let message = &queued["message"];
    assert_eq!(
        (&message["v"], &message["job"], &message["sdk_app_id"]),
        (&json!(1), &json!("deliver"), &json!(1_400_000_000))
    );
}

#[test]
fn where_kv_and_queue_fail_the_sender_gets_503() {
    for behaviour in ["fails,queue-fails", "hangs,queue-hangs"] {
        let (answer, took) = send_to(all_failing(), behaviour, now_ms());
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, 50300), "1"), "{behaviour}");
        assert!(took < IN_TIME, "{behaviour}: {took:?}");
    }
}

fn is_of(record: &Value, key: &str) -> bool {
    record["request_id"].as_str().is_some_and(|id| id.starts_with(key))
}

#[test]
fn a_body_that_does_not_arrive_gets_408() {
    let worker = crate::unsigned();
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
