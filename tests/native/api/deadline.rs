//! A request is answered within 10 s, whatever KV, D1 and the queue do.

use serde_json::Value;
use unfollow_webhook::{
    api::{ANSWER_WITHIN_MS, ApiRequest},
    event::Entry,
    webhook::command::Kind,
};

use super::{
    a_queue, is_problem, json_of, kv_of_dead_letters, numbered, numbered_dead_letter, operated, request, timed,
};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, FakeQueue, FakeSink, Plan},
    samples::{APP, NOW_MS, event, query},
};

/// The event of the first dead letter.
fn stored() -> Entry {
    event(&query(Kind::Unfollow.command()), Kind::Unfollow, numbered(0).as_bytes()).entry(None, NOW_MS)
}

fn replay_one() -> String {
    format!("/v1/dead-letters/{APP}/{}/replay", numbered_dead_letter(0).1)
}

#[test]
fn what_hangs_is_503_after_10_seconds() {
    assert_eq!(ANSWER_WITHIN_MS, 10_000);
    let (_, id, _) = numbered_dead_letter(0);
    let event = format!("/v1/events/{APP}/{id}");
    let (replay_event, replay_all) = (format!("{event}/replay"), format!("/v1/dead-letters/{APP}/replay"));
    for (method, path, operation) in [
        ("GET", "/v1/dead-letters", "list"),
        ("GET", &*event, "get"),
        ("DELETE", &event, "delete"),
        ("POST", &replay_event, "get"),
        ("POST", "/v1/reindex", "list"),
        ("POST", &replay_all, "list"),
        ("POST", &replay_all, "get"),
        ("POST", &replay_all, "send"),
        ("POST", &replay_all, "put"),
        ("POST", &replay_one(), "get"),
        ("POST", &replay_one(), "send"),
        ("POST", &replay_one(), "put"),
    ] {
        let mut kv = kv_of_dead_letters(2);
        if operation == "put" {
            kv.puts = FakeSink::always(Plan::Hangs);
        }
        kv.hangs.set(Some(operation));
        let queue = if operation == "send" { FakeQueue::always(Plan::Hangs) } else { a_queue() };
        let (response, at) = timed(&operated(), &kv, Some(&queue), Some(&Sqlite::default()), request(method, path));
        is_problem(&response, 503);
        assert_eq!((at, response.header), (10_000, Some(("retry-after", "1".into()))), "{method} {path}: {operation}");
        assert_eq!(kv.keys().len(), 2, "{method} {path}: {operation}");
    }
}

#[test]
fn a_database_that_hangs_is_503_after_10_seconds() {
    let (entry, id, _) = numbered_dead_letter(0);
    let event = format!("/v1/events/{APP}/{id}");
    let replay_event = format!("{event}/replay");
    for (method, path) in [
        ("GET", "/v1/events"),
        ("GET", "/v1/events?user=a"),
        ("GET", "/v1/stats"),
        ("GET", "/v1/status"),
        ("POST", "/v1/reindex"),
        ("GET", &event),
        ("DELETE", &event),
        ("POST", &replay_event),
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (kv, queue, database) = (FakeKv::having([stored(), entry.clone()]), a_queue(), Sqlite::default());
        database.trouble.set(Some(Trouble::Hangs));
        let wanted = ApiRequest { query, ..request(method, path) };
        let (response, at) = timed(&operated(), &kv, Some(&queue), Some(&database), wanted);
        is_problem(&response, 503);
        assert_eq!((at, response.header), (10_000, Some(("retry-after", "1".into()))), "{method} {path}");
        assert!(queue.entries().is_empty());
    }
    // What needs no database does not wait for it.
    let (kv, database) = (kv_of_dead_letters(2), Sqlite::default());
    database.trouble.set(Some(Trouble::Hangs));
    let (response, at) = timed(&operated(), &kv, None, Some(&database), request("GET", "/v1/dead-letters"));
    assert_eq!((response.status, at), (200, 0));
    // What can be said without it does not wait for long.
    let (response, at) = timed(&operated(), &kv, None, Some(&database), request("GET", "/v1/apps"));
    assert_eq!((response.status, at, &json_of(&response)["removed"]), (200, 1_000, &Value::Null));
}

#[test]
fn what_needs_neither_kv_nor_the_queue_does_not_wait() {
    let kv = FakeKv::default();
    kv.hangs.set(Some("list"));
    let (response, at) = timed(&operated(), &kv, None, None, request("GET", "/v1/apps"));
    assert_eq!((response.status, at), (200, 0));
    let unauthorized = ApiRequest { authorization: None, ..request("GET", "/v1/events") };
    let (response, at) = timed(&operated(), &kv, None, None, unauthorized);
    assert_eq!((response.status, at), (401, 0));
}

#[test]
fn the_time_of_all_operations_counts() {
    // A read, a put and a send.
    for (takes_ms, status, at) in [(3_333, 200, 9_999), (3_334, 503, 10_000)] {
        let kv = FakeKv { puts: FakeSink::always(Plan::Succeeds(takes_ms)), ..kv_of_dead_letters(1) };
        let queue = FakeQueue::always(Plan::Succeeds(takes_ms));
        kv.takes_ms.set(takes_ms);
        let (response, took) = timed(&operated(), &kv, Some(&queue), None, request("POST", &replay_one()));
        assert_eq!((response.status, took), (status, at), "{takes_ms} ms each");
        assert_eq!((queue.entries().len(), kv.keys().len()), (usize::from(status == 200), 1));
    }
}
