//! Dead letters are listed, and put back on the queue before they are deleted; stored events are sent again.

use std::rc::Rc;

use serde_json::{Value, json};
use unfollow_webhook::{
    api::ApiRequest,
    delivery::dead_letter,
    delivery::message::{Job, Message},
    webhook::command::Kind,
};

use super::{
    ADMIN, FakeQueue, FakeReader, Operations, ask, is_problem, json_of, numbered_dead_letter, operated,
    reader_of_dead_letters, request,
};
use crate::samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, event, query};

#[test]
fn dead_letters_are_listed_with_their_metadata() {
    let (entry, id, _) = numbered_dead_letter(0);
    let reader = FakeReader::of([entry, dead_letter::unreadable_entry("m-1", "poison", NOW_MS, None)]);
    let config = operated();
    for query in ["", "app=1400000000"] {
        let response = ask(&config, &reader, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
        assert_eq!((response.status, response.content_type), (200, "application/json"));
        let expected = json!({ "dead_letters": [{
            "id": id, "sdk_app_id": 1_400_000_000, "last_status": 500, "last_error": null, "received_at": NOW_MS,
            "dead_at": NOW_MS + 9, "job": "deliver", "targets": 2,
        }], "cursor": null });
        assert_eq!(json_of(&response), expected, "{query}");
    }
    let unreadable = ask(&config, &reader, None, ApiRequest { query: "app=0", ..request("GET", "/v1/dead-letters") });
    let listed = &json_of(&unreadable)["dead_letters"][0];
    assert_eq!((&listed["id"], &listed["last_error"]), (&json!("m-1"), &json!("unreadable")));
}

#[test]
fn a_long_list_comes_in_pages() {
    let (config, reader) = (operated(), reader_of_dead_letters(250));
    let (mut ids, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let query = cursor.as_str().map_or(String::new(), |it| format!("app={APP}&cursor={it}"));
        let page = ask(&config, &reader, None, ApiRequest { query: &query, ..request("GET", "/v1/dead-letters") });
        let page = json_of(&page);
        let listed = page["dead_letters"].as_array().unwrap();
        assert!(listed.len() <= 100);
        ids.extend(listed.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        (cursor, pages) = (page["cursor"].clone(), pages + 1);
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!((pages, ids.len()), (3, 250));
    assert!(ids.is_sorted());
}

#[test]
fn a_cursor_belongs_to_the_dead_letters_of_one_app() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let reader = reader_of_dead_letters(101);
    let asked = |query: &str| ask(&two, &reader, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
    let cursor = json_of(&asked(&format!("app={APP}")))["cursor"].as_str().unwrap().to_owned();
    assert_eq!(asked(&format!("app={APP}&cursor={cursor}")).status, 200);
    for app in ["0", "1400000001"] {
        is_problem(&asked(&format!("app={app}&cursor={cursor}")), 400);
    }
    is_problem(&asked(&format!("app={APP}&cursor={}", &cursor[2..])), 400);
}

#[test]
fn a_replayed_dead_letter_is_on_the_queue_before_it_is_deleted() {
    let (entry, id, message) = numbered_dead_letter(0);
    let operations = Operations::default();
    let reader =
        FakeReader { operations: Rc::clone(&operations), ..FakeReader::of([entry.clone(), numbered_dead_letter(1).0]) };
    let queue = FakeQueue { operations: Rc::clone(&operations), ..FakeQueue::default() };
    let path = format!("/v1/dead-letters/{APP}/{id}/replay");
    let response = ask(&operated(), &reader, Some(&queue), request("POST", &path));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
    assert_eq!(*queue.sent.borrow(), [message]);
    let key = &entry.key;
    assert_eq!(*operations.borrow(), [format!("get {key}"), "send".to_owned(), format!("delete {key}")]);
    assert_eq!(reader.keys(), [numbered_dead_letter(1).0.key]);
    is_problem(&ask(&operated(), &reader, Some(&queue), request("POST", &path)), 404);
}

#[test]
fn a_send_that_fails_deletes_nothing() {
    let (_, id, _) = numbered_dead_letter(0);
    for path in [format!("/v1/dead-letters/{APP}/{id}/replay"), format!("/v1/dead-letters/{APP}/replay")] {
        let (reader, queue) = (reader_of_dead_letters(3), FakeQueue { takes: Some(0), ..FakeQueue::default() });
        let response = ask(&operated(), &reader, Some(&queue), request("POST", &path));
        is_problem(&response, 503);
        assert_eq!(reader.keys().len(), 3);
        assert!(!reader.operations.borrow().iter().any(|operation| operation.starts_with("delete")));
    }
    // A send that fails half-way leaves its own dead letter and those after it.
    let (reader, queue) = (reader_of_dead_letters(5), FakeQueue { takes: Some(2), ..FakeQueue::default() });
    ask(&operated(), &reader, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((reader.keys().len(), queue.sent.borrow().len()), (3, 2));
}

#[test]
fn without_a_queue_nothing_is_replayed() {
    let (_, id, _) = numbered_dead_letter(0);
    let reader = reader_of_dead_letters(1);
    let response = ask(&operated(), &reader, None, request("POST", &format!("/v1/dead-letters/{APP}/{id}/replay")));
    is_problem(&response, 409);
    assert_eq!(reader.keys().len(), 1);
}

#[test]
fn all_are_replayed_some_at_a_time_and_the_answer_says_how_many_are_left() {
    let (reader, queue) = (reader_of_dead_letters(40), FakeQueue::default());
    let path = format!("/v1/dead-letters/{APP}/replay");
    let mut left = 40;
    let mut calls = 0;
    while left > 0 {
        let before = reader.operations.borrow().len() + queue.operations.borrow().len();
        let response = ask(&operated(), &reader, Some(&queue), request("POST", &path));
        let answer = json_of(&response);
        let replayed = answer["replayed"].as_u64().unwrap();
        assert!(replayed > 0, "{answer}");
        left -= replayed;
        assert_eq!((answer["left"].as_u64().unwrap(), reader.keys().len() as u64), (left, left));
        // A call on the free plan has fifty operations.
        assert!(reader.operations.borrow().len() + queue.operations.borrow().len() - before <= 50);
        calls += 1;
    }
    let mut sent = queue.sent.take();
    sent.sort();
    let mut expected: Vec<_> = (0..40).map(|n| numbered_dead_letter(n).2).collect();
    expected.sort();
    assert_eq!((sent, calls > 1), (expected, true));
    let response = ask(&operated(), &reader, Some(&queue), request("POST", &path));
    assert_eq!(json_of(&response), json!({ "replayed": 0, "left": 0, "more": false }));
}

#[test]
fn dead_letters_that_are_gone_or_cannot_be_read_do_not_hold_up_the_others() {
    let reader = reader_of_dead_letters(3);
    reader.list_only(&format!("dead/{APP}/0-gone"), "{}");
    reader.list_only(&format!("dead/{APP}/1-gone"), "{}");
    let unreadable = dead_letter::unreadable_entry("x", "poison", NOW_MS, None);
    reader.put(&format!("dead/{APP}/2"), &unreadable.value, &unreadable.metadata);
    let queue = FakeQueue::default();
    let response = ask(&operated(), &reader, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 3, "left": 1, "more": false })));
    assert_eq!(reader.keys(), [format!("dead/{APP}/2")]);
}

/// KV lists keys for a minute after they are deleted: a second call soon after the first gets them all again.
#[test]
fn a_call_stays_bounded_however_many_dead_letters_are_gone() {
    let reader = reader_of_dead_letters(1);
    for n in 0..200 {
        reader.list_only(&format!("dead/{APP}/0-gone-{n:03}"), "{}");
    }
    let queue = FakeQueue::default();
    let response = ask(&operated(), &reader, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!(response.status, 200);
    let operations = reader.operations.borrow().len() + queue.operations.borrow().len();
    assert!(operations <= 50, "{operations} operations");
}

#[test]
fn an_unreadable_one_is_not_replayed() {
    let reader = FakeReader::of([dead_letter::unreadable_entry("m-1", "poison", NOW_MS, None)]);
    let queue = FakeQueue::default();
    is_problem(&ask(&operated(), &reader, Some(&queue), request("POST", "/v1/dead-letters/0/m-1/replay")), 409);
    assert_eq!((reader.keys().len(), queue.sent.borrow().len()), (1, 0));
}

#[test]
fn a_stored_event_is_sent_as_if_it_had_just_come() {
    let query = format!("{}&&x=%zz", query(Kind::Unfollow.command()));
    let body = UNFOLLOW.replace("{\"Call", "{ \"x\":1.50,\n\"Call");
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let reader = FakeReader::of([event.entry(None, NOW_MS)]);
    let queue = FakeQueue::default();
    let path = format!("/v1/events/{APP}/{}/replay", event.id());
    let response = ask(&operated(), &reader, Some(&queue), request("POST", &path));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
    assert_eq!(*queue.sent.borrow(), [Message::of(&event, Job::Deliver).text()]);
    // It stays stored.
    assert_eq!(reader.keys().len(), 1);

    is_problem(&ask(&operated(), &reader, Some(&queue), request("POST", &format!("/v1/events/{APP}/x/replay"))), 404);
    let nowhere = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&nowhere, &reader, Some(&queue), request("POST", &path)), 409);
    assert_eq!(queue.sent.borrow().len(), 1);
}

#[test]
fn a_store_that_fails_is_503_and_loses_nothing() {
    let (_, id, _) = numbered_dead_letter(0);
    let replay = format!("/v1/dead-letters/{APP}/{id}/replay");
    for (method, path, operation) in
        [("GET", "/v1/dead-letters", "list"), ("POST", &replay, "get"), ("POST", &replay, "delete")]
    {
        let (reader, queue) = (reader_of_dead_letters(1), FakeQueue::default());
        reader.fails.set(Some(operation));
        is_problem(&ask(&operated(), &reader, Some(&queue), request(method, path)), 503);
        assert_eq!(reader.keys().len(), 1);
    }
    let invalid = config(&[("SDK_APP_IDS", ""), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&invalid, &reader_of_dead_letters(0), None, request("GET", "/v1/dead-letters")), 503);
}
