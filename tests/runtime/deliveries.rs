//! What the API says of deliveries: from the first attempt to the last, and while D1 fails.

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, TOKEN,
    call::{APP, UNFOLLOW, now_ms, post, request_api, signed, unfollow},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

/// The status of a loop: the delivery is dead at once.
const LOOP: u16 = 508;

fn api(worker: &Worker, method: &str, path: &str) -> Value {
    let answer = request_api(method, &format!("{}/v1/{path}", worker.url), Some(ADMIN_TOKEN));
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    answer.body
}

fn send(worker: &Worker, from: &str) {
    assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow(from, &["bob"], now_ms())).is_ok());
}

/// Waits until the one delivery there is has this state.
fn delivery(worker: &Worker, state: &str) -> Value {
    wait_for(state, || {
        let listed = api(worker, "GET", &format!("deliveries?app={APP}"))["deliveries"].as_array().unwrap().clone();
        assert!(listed.len() < 2, "{listed:?}");
        // In its state it is the same.
        let of_state = api(worker, "GET", &format!("deliveries?app={APP}&state={state}"));
        listed.first().filter(|it| it["state"] == state && of_state["deliveries"][0] == **it).cloned()
    })
}

/// `d1` is not among the sinks: the binding is enough.
#[test]
fn a_delivery_is_followed_through_retrying_to_delivered_and_to_dead() {
    let origin = Origin::start(|_| origin::answer(503, "{}"));
    let worker = Worker::with(&forwarding_settings(&origin.url(), "kv,origin"));
    let begun = now_ms();
    send(&worker, "alice");
    let retrying = delivery(&worker, "retrying");
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    assert_eq!((&retrying["last_status"], &retrying["last_error"]), (&json!(503), &Value::Null));
    assert!(number(&retrying, "attempts") >= 1 && number(&retrying, "updated_at") >= begun);
    assert!(number(&retrying, "next_attempt_at") > number(&retrying, "updated_at"), "{retrying}");
    let of_event = |delivery: &Value| {
        let path = format!("events/{APP}/{}", delivery["event_id"].as_str().unwrap());
        api(&worker, "GET", &path)["delivery"].clone()
    };
    wait_for("a second attempt", || (origin.count() >= 2).then_some(()));
    // It changes nothing: the delivery is still retried.
    assert_eq!(of_event(&retrying)["updated_at"], retrying["updated_at"]);

    origin.behave(|_| origin::ok());
    let delivered = delivery(&worker, "delivered");
    assert_eq!((&delivered["last_status"], &delivered["next_attempt_at"]), (&json!(200), &Value::Null));
    assert!(number(&delivered, "attempts") >= 3, "{delivered}");
    assert_eq!(of_event(&delivered), delivered);

    // The same event again, which now dies.
    origin.behave(|_| origin::answer(LOOP, "{}"));
    let event = format!("{APP}/{}", delivered["event_id"].as_str().unwrap());
    api(&worker, "POST", &format!("events/{event}/replay"));
    let dead = delivery(&worker, "dead");
    assert_eq!((&dead["last_status"], &dead["attempts"]), (&json!(LOOP), &json!(1)));
    let letters = || api(&worker, "GET", &format!("dead-letters?app={APP}"))["dead_letters"].as_array().unwrap().len();
    wait_for("the dead letter", || (letters() == 1).then_some(()));

    // Replayed, it comes to life; and dies again, to be discarded.
    origin.behave(|_| origin::answer(503, "{}"));
    api(&worker, "POST", &format!("dead-letters/{event}/replay"));
    delivery(&worker, "retrying");
    origin.behave(|_| origin::answer(LOOP, "{}"));
    delivery(&worker, "dead");
    assert_eq!(letters(), 1);
    api(&worker, "DELETE", &format!("dead-letters/{event}"));
    assert_eq!(api(&worker, "GET", &format!("deliveries?app={APP}"))["deliveries"], json!([]));
    assert_eq!((letters(), of_event(&dead)), (0, Value::Null));
    // There is no user id in any row.
    let rows = worker.sql("SELECT * FROM deliveries").to_string();
    assert!(!rows.contains("alice") && !rows.contains("bob"), "{rows}");
}

/// Neither the deliveries nor the answers to calls depend on it, and the log says what is not written.
#[test]
fn while_d1_fails_deliveries_go_on_and_calls_are_answered() {
    let origin = Origin::start(|_| origin::ok());
    let worker = Home::with_stand_ins(&forwarding_settings(&origin.url(), "kv,origin"), &["DB"], |_| {}).start();
    for from in ["alice", "carol"] {
        send(&worker, from);
    }
    wait_for("both deliveries", || (origin.count() == 2).then_some(()));
    for reason in ["delivery_state", "call_counts"] {
        worker.log_record(|record| record["outcome"] == "failed" && record["reason"] == reason);
    }
    let retried = worker.log_records().into_iter().filter(|record| record["outcome"] == "retried");
    assert_eq!(retried.count(), 0);
    for (method, path) in [
        ("GET", "deliveries?app=1400000000"),
        ("GET", "calls"),
        ("GET", "top?app=1400000000"),
        ("GET", "users/1400000000?user=alice"),
    ] {
        let answer = request_api(method, &format!("{}/v1/{path}", worker.url), Some(ADMIN_TOKEN));
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{path}");
    }
    // Replay does not need it.
    let key = worker.keys()[0]["name"].as_str().unwrap().to_owned();
    api(&worker, "POST", &format!("{}/replay", key.replacen("event/", "events/", 1)));
    wait_for("the replayed event", || (origin.count() == 3).then_some(()));
}
