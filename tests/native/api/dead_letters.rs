//! Dead letters are listed, and put back on the queue, where they stay until their message has ended them; stored events are
//! sent again.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::ApiRequest,
    delivery::{
        dead_letter,
        failure::{Failed, Failure, Reason},
        message::Message,
    },
    event::Entry,
    sink::Sink,
    webhook::command::Kind,
};

use super::{
    ADMIN, QUERY, TestEvent, a_queue, app, ask, is_problem, json_of, kv_of_dead_letters, numbered_dead_letter,
    operated, replayable, request,
};
use crate::{
    fakes::{FakeKv, FakeQueue, FakeSink, Plan},
    samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, event, query},
};

/// The dead letter of a message that is none of ours.
fn unreadable(id: &str) -> Entry {
    dead_letter::raw_entry(id, "poison", Failure::Other(Reason::Unreadable), NOW_MS, None)
}

#[test]
fn dead_letters_are_listed_with_their_metadata() {
    let (entry, id, _) = numbered_dead_letter(0);
    let kv = FakeKv::having([entry, unreadable("m-1")]);
    let config = operated();
    for query in ["", "app=1400000000"] {
        let response = ask(&config, &kv, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
        assert_eq!((response.status, response.content_type), (200, "application/json"));
        let expected = json!({ "dead_letters": [{
            "id": id, "sdk_app_id": 1_400_000_000, "last_status": 500, "last_error": null, "received_at": NOW_MS,
            "dead_at": NOW_MS + 9, "job": "deliver", "targets": 2,
        }], "cursor": null });
        assert_eq!(json_of(&response), expected, "{query}");
    }
    let unreadable = ask(&config, &kv, None, ApiRequest { query: "app=0", ..request("GET", "/v1/dead-letters") });
    let listed = &json_of(&unreadable)["dead_letters"][0];
    assert_eq!((&listed["id"], &listed["last_error"]), (&json!("m-1"), &json!("unreadable")));
}

/// With `SINKS=origin`, its event is stored nowhere else.
#[test]
fn a_dead_letter_is_read_with_its_event_and_the_origins_answer() {
    let event = TestEvent::between("a", "b", NOW_MS - 5);
    let failed = Failed { answer: Some("short and stout".to_owned()), ..Failure::Status(418).into() };
    let entry = event.with(app(), QUERY, |event| dead_letter::entry(event, Sink::Origin, failed, NOW_MS, None));
    let kv = FakeKv::having([entry.clone(), unreadable("m-1")]);
    let read = |path: &str| ask(&operated(), &kv, None, request("GET", &format!("/v1/dead-letters/{path}")));
    let whole = json_of(&read(&entry.key["dead/".len()..]));
    let expected = json!({
        "id": event.id(), "sdk_app_id": 1_400_000_000, "last_status": 418, "last_error": null, "received_at": NOW_MS,
        "dead_at": NOW_MS, "job": "deliver", "targets": 1, "answer": "short and stout", "event": event.listed(),
    });
    assert_eq!(whole, expected);
    let whole = json_of(&read("0/m-1"));
    assert_eq!(
        (&whole["last_error"], &whole["event"], &whole["answer"]),
        (&json!("unreadable"), &Value::Null, &Value::Null)
    );
    is_problem(&read("0/m-2"), 404);
    assert_eq!(kv.take_operations().len(), 3);
}

/// Its words are shown as unknown, and stay as they are when it is replayed.
#[test]
fn a_dead_letter_of_another_version_is_shown_and_replayed_with_what_it_says() {
    let (entry, id, message) = numbered_dead_letter(0);
    let newer = |text: &str| text.replace(r#""job":"deliver","targets""#, r#""job":"store_r2","new":[1.50],"targets""#);
    let (value, metadata) = (newer(&entry.value), newer(&entry.metadata).replace("500", "null"));
    let metadata = metadata.replace(r#""last_error":null"#, r#""last_error":"cosmic_ray""#);
    let kv = replayable([]);
    kv.add(&entry.key, &value, &metadata);
    let listed = json_of(&ask(&operated(), &kv, None, request("GET", "/v1/dead-letters")));
    let shown = &listed["dead_letters"][0];
    assert_eq!((&shown["job"], &shown["last_error"]), (&json!("unknown"), &json!("unknown")), "{listed}");
    assert_eq!((&shown["dead_at"], &shown["targets"]), (&json!(NOW_MS + 9), &json!(2)));
    let queue = a_queue();
    let path = format!("/v1/dead-letters/{APP}/{id}/replay");
    assert_eq!(ask(&operated(), &kv, Some(&queue), request("POST", &path)).status, 200);
    assert_eq!(queue.entries(), [message]);
    let put = &kv.puts.entries()[0];
    for text in [&put.value, &put.metadata] {
        assert!(text.contains(r#""job":"store_r2""#) && text.contains(r#""new":[1.50]"#), "{text}");
    }
}

#[test]
fn a_long_list_comes_in_pages() {
    let (config, kv) = (operated(), kv_of_dead_letters(250));
    let (mut ids, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let query = cursor.as_str().map_or(String::new(), |it| format!("app={APP}&cursor={it}"));
        let page = ask(&config, &kv, None, ApiRequest { query: &query, ..request("GET", "/v1/dead-letters") });
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
    let kv = kv_of_dead_letters(101);
    let asked = |query: &str| ask(&two, &kv, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
    let cursor = json_of(&asked(&format!("app={APP}")))["cursor"].as_str().unwrap().to_owned();
    assert_eq!(asked(&format!("app={APP}&cursor={cursor}")).status, 200);
    for app in ["0", "1400000001"] {
        is_problem(&asked(&format!("app={app}&cursor={cursor}")), 400);
    }
    is_problem(&asked(&format!("app={APP}&cursor={}", &cursor[2..])), 400);
}

/// It is the message that ends the letter: until then the letter says that it is replayed.
#[test]
fn a_replayed_dead_letter_stays_until_its_message_has_ended_it() {
    let (entry, id, message) = numbered_dead_letter(0);
    let (kv, queue) = (kv_of_dead_letters(2), a_queue());
    let path = format!("/v1/dead-letters/{APP}/{id}/replay");
    let response = ask(&operated(), &kv, Some(&queue), request("POST", &path));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
    assert_eq!(queue.entries(), [message]);
    assert_eq!((kv.keys().len(), kv.deletes.borrow().len()), (2, 0));
    // The same letter, but for the time of the replay.
    let put = &kv.puts.entries()[0];
    let without_time = |text: &str| {
        let mut json: Value = serde_json::from_str(text).unwrap();
        assert_eq!(json.as_object_mut().unwrap().remove("replayed_at"), Some(json!(NOW_MS)));
        json
    };
    assert_eq!((&put.key, put.expiration), (&entry.key, entry.expiration));
    assert_eq!(without_time(&put.value), serde_json::from_str::<Value>(&entry.value).unwrap());
    assert_eq!(without_time(&put.metadata), serde_json::from_str::<Value>(&entry.metadata).unwrap());
    let listed = json_of(&ask(&operated(), &kv, None, request("GET", "/v1/dead-letters")));
    let replayed: Vec<_> = listed["dead_letters"].as_array().unwrap().iter().map(|it| &it["replayed_at"]).collect();
    assert_eq!(replayed.iter().filter(|it| **it == &json!(NOW_MS)).count(), 1, "{listed}");

    // Whoever asks for it may replay it again; all together it is passed over.
    let (kv, queue) = (kv, a_queue());
    let all = ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((json_of(&all), queue.entries().len()), (json!({ "replayed": 1, "cursor": null }), 1));
    assert_eq!(ask(&operated(), &kv, Some(&queue), request("POST", &path)).status, 200);
}

/// Else it would be passed over, as if its message were on its way.
#[test]
fn a_replay_that_the_queue_does_not_take_is_taken_back() {
    let (entry, id, _) = numbered_dead_letter(0);
    let all = format!("/v1/dead-letters/{APP}/replay");
    for path in [format!("/v1/dead-letters/{APP}/{id}/replay"), all.clone()] {
        let (kv, refusing) = (kv_of_dead_letters(1), FakeQueue::always(Plan::Fails(0)));
        is_problem(&ask(&operated(), &kv, Some(&refusing), request("POST", &path)), 503);
        // It was marked, and is as it was before.
        let puts = kv.puts.entries();
        let parts = |it: &Entry| {
            let [value, metadata] = [&it.value, &it.metadata].map(|text| serde_json::from_str::<Value>(text).unwrap());
            (it.key.clone(), value, metadata, it.expiration)
        };
        assert_eq!((puts.len(), parts(&puts[1])), (2, parts(&entry)), "{path}");
        assert!(puts[0].metadata.contains("replayed_at"));
        let replayed = json_of(&ask(&operated(), &kv, Some(&a_queue()), request("POST", &all)));
        assert_eq!(replayed, json!({ "replayed": 1, "cursor": null }), "{path}");
    }
}

/// A message is on its way for `DELIVERY_HOURS` at most. If its letter is still there, it is lost.
#[test]
fn a_replay_that_never_ended_is_tried_again() {
    let hours = |hours: u64| hours * 60 * 60 * 1000;
    for (replayed_at, expected) in [(NOW_MS - hours(71), 0), (NOW_MS - hours(73), 1)] {
        let (entry, ..) = numbered_dead_letter(0);
        let kv = replayable(dead_letter::replayed(&entry.key, &entry.value, replayed_at, None));
        let queue = a_queue();
        let all = ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
        assert_eq!((json_of(&all)["replayed"].as_u64(), queue.entries().len()), (Some(expected), expected as usize));
    }
}

/// What is in the list besides: to note the replay there is not what it depends on.
#[test]
fn a_replay_that_kv_does_not_note_is_one_all_the_same() {
    let (_, id, message) = numbered_dead_letter(0);
    for plan in [Plan::Fails(0), Plan::Busy(0), Plan::Unavailable(0)] {
        let kv = FakeKv { puts: FakeSink::always(plan), ..kv_of_dead_letters(1) };
        let queue = a_queue();
        let response =
            ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/{id}/replay")));
        assert_eq!((response.status, kv.puts.begun().len()), (200, 1));
        assert_eq!((queue.entries(), kv.keys().len()), (vec![message.clone()], 1));
    }
}

#[test]
fn a_send_that_fails_leaves_the_letter() {
    let (_, id, _) = numbered_dead_letter(0);
    for path in [format!("/v1/dead-letters/{APP}/{id}/replay"), format!("/v1/dead-letters/{APP}/replay")] {
        let (kv, queue) = (kv_of_dead_letters(3), FakeQueue::taking(0));
        let response = ask(&operated(), &kv, Some(&queue), request("POST", &path));
        is_problem(&response, 503);
        assert_eq!((kv.keys().len(), kv.deletes.borrow().len()), (3, 0));
    }
    // One that fails half-way does not undo those before it.
    let (kv, queue) = (kv_of_dead_letters(5), FakeQueue::taking(2));
    ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((kv.keys().len(), queue.entries().len()), (5, 2));
}

#[test]
fn without_a_queue_nothing_is_replayed() {
    let (_, id, _) = numbered_dead_letter(0);
    let kv = kv_of_dead_letters(1);
    let response = ask(&operated(), &kv, None, request("POST", &format!("/v1/dead-letters/{APP}/{id}/replay")));
    is_problem(&response, 409);
    assert_eq!(kv.keys().len(), 1);
}

/// Replays an app's dead letters, call by call, as long as there is a cursor. Each call stays within the fifty operations
/// that it has on the free plan. How many were replayed, and by how many calls.
fn replay_all(kv: &FakeKv, queue: &FakeQueue) -> (u64, usize) {
    let path = format!("/v1/dead-letters/{APP}/replay");
    let operations = || kv.operations.borrow().len() + kv.puts.begun().len() + queue.operations.borrow().len();
    let (mut replayed, mut calls, mut query) = (0, 0, String::new());
    loop {
        let before = operations();
        let response = ask(&operated(), kv, Some(queue), ApiRequest { query: &query, ..request("POST", &path) });
        let answer = json_of(&response);
        assert_eq!((response.status, answer.as_object().unwrap().len()), (200, 2), "{answer}");
        assert!(operations() - before <= 50, "{} operations", operations() - before);
        replayed += answer["replayed"].as_u64().unwrap();
        calls += 1;
        assert!(calls < 500, "the cursor does not come to an end");
        let Some(cursor) = answer["cursor"].as_str() else { break };
        query = format!("cursor={cursor}");
    }
    (replayed, calls)
}

#[test]
fn all_are_replayed_some_at_a_time() {
    let (kv, queue) = (kv_of_dead_letters(40), a_queue());
    let (replayed, calls) = replay_all(&kv, &queue);
    assert_eq!((replayed, kv.keys().len()), (40, 40));
    assert!(calls > 1);
    let mut sent = queue.entries();
    sent.sort();
    let mut expected: Vec<_> = (0..40).map(|n| numbered_dead_letter(n).2).collect();
    expected.sort();
    assert_eq!(sent, expected);
    let response = ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!(json_of(&response), json!({ "replayed": 0, "cursor": null }));
}

/// However many there are in front: more than one call reads, and more than KV lists at once.
#[test]
fn what_cannot_be_read_does_not_hold_up_what_is_behind_it() {
    for count in [25, 26, 60, 1_100] {
        let kv = kv_of_dead_letters(12);
        let Entry { value, metadata, .. } = unreadable("x");
        (0..count).for_each(|n| kv.add(&format!("dead/{APP}/0-{n:04}"), &value, &metadata));
        let queue = a_queue();
        assert_eq!(replay_all(&kv, &queue).0, 12, "{count}");
        assert_eq!((queue.entries().len(), kv.keys().len()), (12, count + 12));
    }
}

#[test]
fn a_cursor_of_a_replay_belongs_to_the_dead_letters_of_one_app() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let (kv, queue) = (kv_of_dead_letters(11), a_queue());
    let replay = |app: &str, query: &str| {
        let path = format!("/v1/dead-letters/{app}/replay");
        ask(&two, &kv, Some(&queue), ApiRequest { query, ..request("POST", &path) })
    };
    let first = json_of(&replay(APP, ""));
    assert_eq!(first["replayed"], 10);
    let cursor = first["cursor"].as_str().unwrap();
    let query = format!("cursor={cursor}");
    is_problem(&replay("1400000001", &query), 400);
    is_problem(&replay(APP, &format!("cursor={}", &cursor[2..])), 400);
    is_problem(&replay(APP, &format!("{query}&app={APP}")), 400);
    assert_eq!(queue.entries().len(), 10);
    assert_eq!(json_of(&replay(APP, &query)), json!({ "replayed": 1, "cursor": null }));
}

/// What is under a key.
#[derive(Clone, Copy, Debug)]
enum Under {
    /// A dead letter that can be replayed.
    Message,
    /// One that cannot be read.
    Unreadable,
    /// Nothing: it is still listed.
    Nothing,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    /// Whatever there is, in whatever order, and however KV cuts its lists: each message is sent once.
    #[test]
    fn each_message_is_replayed_once(
        all in vec(prop_oneof![
            3 => Just(Under::Message), 2 => Just(Under::Unreadable), 1 => Just(Under::Nothing),
        ], 0..150),
        list_max in prop_oneof![Just(1000_usize), 1..60_usize],
        has_empty_last_page in any::<bool>(),
    ) {
        let (kv, queue) = (replayable([]), a_queue());
        kv.list_max.set(list_max);
        kv.has_empty_last_page.set(has_empty_last_page);
        let mut expected = Vec::new();
        for (n, under) in all.iter().enumerate() {
            let (entry, _, message) = numbered_dead_letter(n);
            match under {
                Under::Message => {
                    kv.add(&entry.key, &entry.value, &entry.metadata);
                    expected.push(message);
                }
                Under::Unreadable => kv.add(&entry.key, &unreadable("x").value, &entry.metadata),
                Under::Nothing => kv.list_only(&entry.key, &entry.metadata),
            }
        }
        let (replayed, _) = replay_all(&kv, &queue);
        let mut sent = queue.entries();
        sent.sort();
        expected.sort();
        prop_assert_eq!(replayed, expected.len() as u64);
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(kv.keys().len(), all.iter().filter(|it| !matches!(it, Under::Nothing)).count());
    }
}

#[test]
fn dead_letters_that_are_gone_or_cannot_be_read_do_not_hold_up_the_others() {
    let kv = kv_of_dead_letters(3);
    kv.list_only(&format!("dead/{APP}/0-gone"), "{}");
    kv.list_only(&format!("dead/{APP}/1-gone"), "{}");
    let Entry { value, metadata, .. } = unreadable("x");
    kv.add(&format!("dead/{APP}/2"), &value, &metadata);
    let queue = a_queue();
    let response = ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 3, "cursor": null })));
    assert_eq!(kv.puts.entries().len(), 3);
}

/// KV lists keys for a minute after they are deleted: a second call soon after the first gets them all again.
#[test]
fn a_call_stays_bounded_however_many_dead_letters_are_gone() {
    let kv = kv_of_dead_letters(1);
    for n in 0..200 {
        kv.list_only(&format!("dead/{APP}/0-gone-{n:03}"), "{}");
    }
    let queue = a_queue();
    let response = ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!(response.status, 200);
    let operations = kv.operations.borrow().len() + kv.puts.begun().len() + queue.operations.borrow().len();
    assert!(operations <= 50, "{operations} operations");
}

/// It was filed as text because it ended the invocations that were to file it, which a new version may have fixed.
#[test]
fn a_readable_message_that_was_stored_as_text_is_replayed() {
    let (_, _, message) = numbered_dead_letter(0);
    // The message that replays it ends it, and not the letter of another key.
    let message = Message::read(&message).unwrap().replaying("dead/0/m-1").text();
    let kv = replayable([dead_letter::raw_entry("m-1", &message, Failure::Other(Reason::Crashed), NOW_MS, None)]);
    let queue = a_queue();
    let response = ask(&operated(), &kv, Some(&queue), request("POST", "/v1/dead-letters/0/m-1/replay"));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
    assert_eq!((kv.keys().len(), queue.entries()), (1, vec![message]));
}

#[test]
fn an_unreadable_one_is_not_replayed() {
    let kv = FakeKv::having([unreadable("m-1")]);
    let queue = a_queue();
    is_problem(&ask(&operated(), &kv, Some(&queue), request("POST", "/v1/dead-letters/0/m-1/replay")), 409);
    assert_eq!((kv.keys().len(), queue.entries().len()), (1, 0));
}

#[test]
fn a_stored_event_is_sent_as_if_it_had_just_come() {
    let query = format!("{}&&x=%zz", query(Kind::Unfollow.command()));
    let body = UNFOLLOW.replace("{\"Call", "{ \"x\":1.50,\n\"Call");
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let kv = FakeKv::having([event.entry(None, NOW_MS)]);
    let queue = a_queue();
    let path = format!("/v1/events/{APP}/{}/replay", event.id());
    let response = ask(&operated(), &kv, Some(&queue), request("POST", &path));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
    let letter = dead_letter::key(event.app(), event.id(), Sink::Origin);
    assert_eq!(queue.entries(), [Message::of(&event, Sink::Origin).replaying(letter).text()]);
    // It stays stored.
    assert_eq!(kv.keys().len(), 1);

    is_problem(&ask(&operated(), &kv, Some(&queue), request("POST", &format!("/v1/events/{APP}/x/replay"))), 404);
    let nowhere = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&nowhere, &kv, Some(&queue), request("POST", &path)), 409);
    assert_eq!(queue.entries().len(), 1);
}

#[test]
fn a_store_that_fails_is_503_and_loses_nothing() {
    let (_, id, _) = numbered_dead_letter(0);
    let replay = format!("/v1/dead-letters/{APP}/{id}/replay");
    for (method, path, operation) in [("GET", "/v1/dead-letters", "list"), ("POST", &replay, "get")] {
        let (kv, queue) = (kv_of_dead_letters(1), a_queue());
        kv.fails.set(Some(operation));
        is_problem(&ask(&operated(), &kv, Some(&queue), request(method, path)), 503);
        assert_eq!(kv.keys().len(), 1);
    }
    let invalid = config(&[("SDK_APP_IDS", ""), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&invalid, &kv_of_dead_letters(0), None, request("GET", "/v1/dead-letters")), 503);
}
