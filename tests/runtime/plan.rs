//! A call of the API keeps to the operations that Cloudflare's plan allows it. The local runtime allows any number, so a
//! stand-in counts them, and fails those above the limit.

use std::thread;

use serde_json::json;
use unfollow_webhook::{
    delivery::failure::Failure,
    plan::{Limits, Plan},
    sink::Sink,
};

use crate::{
    call::{APP, UNFOLLOW, now_ms, unfollow, unsigned},
    counted::{self, Counted},
    forwarding_settings,
    origin::{self, Origin},
    worker::wait_for,
};

/// More than a step of either plan takes.
const EVENTS: u64 = 240;
const DEAD_LETTERS: u64 = 60;

/// Rebuilds the event log, replays the dead letters and erases a user, in steps that may have `limit` operations on KV each.
/// Gives how many operations were over the limit.
fn struck_of(plan: &str, limit: usize) -> u64 {
    // What the queue's consumer does has limits of its own: here it does nothing in KV.
    let origin = Origin::start(|_| origin::answer(500, "{}"));
    let url = origin.url();
    let settings =
        [&forwarding_settings(&url, "kv,d1,origin")[..], &[("PLAN", plan), ("RETRY_BASE_SECONDS", "3600")]].concat();
    let (now, query) = (now_ms(), unsigned(APP, UNFOLLOW));
    let body = |n: u64| unfollow("alice", &["bob"], now - n);
    let events = (0..EVENTS).map(|n| counted::stored(APP, &query, &body(n), now));
    let letter = |n| counted::dead_lettered(APP, &query, &body(EVENTS + n), now, Sink::Origin, Failure::Status(500));
    let entries: Vec<_> = events.chain((0..DEAD_LETTERS).map(letter)).collect();
    let worker = Counted::start(&settings, &entries);
    worker.limit(limit as u64);

    let mut replayed = 0;
    for (method, path) in [("POST", "reindex?"), ("POST", &*format!("dead-letters/{APP}/replay?"))] {
        let mut cursor = String::new();
        loop {
            let (answer, _) = worker.api(method, &format!("{path}{cursor}"));
            // A step that the limit has cut off says so.
            if answer.status != 200 {
                assert_eq!(answer.status, 503, "{answer:?}");
                break;
            }
            replayed += answer.body["replayed"].as_u64().unwrap_or_default();
            let Some(next) = answer.body["cursor"].as_str() else { break };
            cursor = format!("cursor={next}");
        }
    }
    wait_for("the replays to be attempted", || (origin.received().len() as u64 >= replayed).then_some(()));
    for _ in 0..EVENTS {
        let (answer, _) = worker.api("DELETE", &format!("users/{APP}?user=alice"));
        if answer.status != 200 || answer.body["more"] == json!(false) {
            break;
        }
    }
    worker.struck()
}

#[test]
fn each_plan_keeps_to_its_own_operations_and_the_larger_one_breaks_the_limit_of_the_smaller() {
    let Limits { operations: free, .. } = Plan::Free.limits();
    let Limits { operations: paid, .. } = Plan::Paid.limits();
    let struck = thread::scope(|scope| {
        let runs = [("free", free), ("paid", paid), ("paid", free)];
        runs.map(|(plan, limit)| scope.spawn(move || struck_of(plan, limit))).map(|run| run.join().unwrap())
    });
    assert_eq!(struck[..2], [0, 0]);
    assert!(struck[2] > 0, "the limit of the stand-in strikes nobody");
}
