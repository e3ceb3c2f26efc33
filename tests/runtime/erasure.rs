//! The erasure of a user, cut off in the middle: afterwards nothing has the id.

use std::thread;

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, TOKEN,
    call::{self, APP, UNFOLLOW, now_ms, post, request_api, signed, unfollow},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

/// In any JSON, this is a part of the id as it is written.
const PART: &str = "to-be-erased";
const USER: &str = "to-be-erased \"微信\"";
const USER_ENCODED: &str = "to-be-erased%20%22%E5%BE%AE%E4%BF%A1%22";

/// How many events there are of the user, and of others.
const THEIRS: u64 = 100;
const OTHERS: u64 = 20;

/// How many of them one call deletes.
const STEP: u64 = 40;

fn step(worker: &Worker) -> Option<Value> {
    // The Worker may have been killed: a call without a response is not an answer.
    let url = format!("{}/v1/users/{APP}?user={USER_ENCODED}", worker.url);
    let answer = thread::spawn(move || request_api("DELETE", &url, Some(ADMIN_TOKEN))).join().ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.body)
}

/// All that the Worker has stored, as texts: the rows of every table, and the keys of KV with their metadata and values.
fn everything(worker: &Worker) -> Vec<String> {
    let tables =
        worker.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'");
    let names = tables.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap().to_owned());
    let rows = |name: String| worker.sql(&format!("SELECT * FROM {name}")).as_array().unwrap().clone();
    let rows = names.flat_map(rows).map(|row| row.to_string());
    let keys = worker.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let values = worker.values(&names).into_values();
    rows.chain(keys.as_array().unwrap().iter().map(Value::to_string)).chain(values).collect()
}

#[test]
fn an_erasure_that_is_cut_off_leaves_nothing_once_it_is_called_again() {
    // Each delivery becomes a dead letter at once.
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let home = Home::with_counted_store(&forwarding_settings(&origin.url(), "kv,d1,origin"));
    let worker = home.start_apart();
    let now = now_ms();
    for number in 0..THEIRS + OTHERS {
        let targets: &[&str] = &["bob", USER];
        let body = match number {
            _ if number >= THEIRS => unfollow("carol", &["bob"], now - number),
            _ if number.is_multiple_of(2) => unfollow(USER, &["bob"], now - number),
            _ => unfollow("carol", targets, now - number),
        };
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body).is_ok());
    }
    wait_for("all dead letters", || {
        let dead = |record: &&Value| record["outcome"] == "dead_lettered";
        (worker.log_records().iter().filter(dead).count() as u64 == THEIRS + OTHERS).then_some(())
    });
    assert!(everything(&worker).iter().any(|text| text.contains(PART)));

    // One step is done. In the next one each delete takes so long that the Worker is killed in the middle of it.
    let first = step(&worker).unwrap();
    assert_eq!(first, json!({"deleted": STEP, "more": true}));
    assert_eq!(call::json("POST", &format!("{}/slow-deletes", worker.url), Some(&json!(100))).body, json!(100));
    let url = format!("{}/v1/users/{APP}?user={USER_ENCODED}", worker.url);
    let under_way = thread::spawn(move || request_api("DELETE", &url, Some(ADMIN_TOKEN)));
    let left = || THEIRS + OTHERS - count_keys(&worker, &format!("event/{APP}/"));
    wait_for("a part of the step", || (left() > STEP).then_some(()));
    assert!(!under_way.is_finished(), "the step was over before it could be cut off");
    let home = worker.kill();
    assert!(under_way.join().is_err(), "a Worker that was killed has answered");

    let worker = home.start();
    let deleted = THEIRS + OTHERS - count_keys(&worker, &format!("event/{APP}/"));
    assert!(STEP < deleted && deleted < 2 * STEP, "{deleted} events were deleted, so no step was cut off");
    let mut steps = 0;
    while step(&worker).unwrap()["more"] == true {
        steps += 1;
        assert!(steps < 50, "it does not end");
    }
    let left = everything(&worker);
    let found: Vec<_> = left.iter().filter(|text| text.contains(PART)).collect();
    assert!(found.is_empty(), "{found:#?}");
    // And everything of the others is there.
    assert_eq!(count_keys(&worker, "event/"), OTHERS);
    assert_eq!(count_keys(&worker, "dead/"), OTHERS);
    for table in ["events", "deliveries"] {
        assert_eq!(worker.sql(&format!("SELECT count(*) AS n FROM {table}"))[0]["n"], OTHERS, "{table}");
    }
    let totals = worker.sql("SELECT sum(unfollows) AS n FROM hourly_totals");
    assert_eq!(totals[0]["n"], OTHERS);
}

/// How many keys begin with this.
fn count_keys(worker: &Worker, prefix: &str) -> u64 {
    let keys = worker.keys();
    keys.as_array().unwrap().iter().filter(|key| key["name"].as_str().unwrap().starts_with(prefix)).count() as u64
}
