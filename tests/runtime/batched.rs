//! `D1_WRITES = "batched"`: events come into D1 by batches, on the queue that `wrangler.toml` has for it.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use toml::Table;

use crate::{
    call::{APP, UNFOLLOW, now_ms, post, request, try_post, unfollow, unsigned},
    worker::{Home, Settings, Worker, wait_for},
};

const BATCHED: Settings<'static> =
    &[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("SINKS", "kv,d1"), ("PLAN", "paid"), ("D1_WRITES", "batched")];

/// Sends events of these actors, so many at once. The statuses other than 200.
fn send(worker: &Worker, actors: &[String], at_once: usize) -> Vec<u16> {
    let begun = now_ms();
    let call = |(number, actor): (usize, &String)| {
        let body = unfollow(actor, &["bob"], begun + number as u64);
        // On a busy machine a call may be refused, and is sent again.
        wait_for("the call to be answered", || {
            let status = try_post(&worker.url, &unsigned(APP, UNFOLLOW), &body).map_or(0, |answer| answer.status);
            (![408, 503].contains(&status)).then_some(status)
        })
    };
    let numbered: Vec<_> = actors.iter().enumerate().collect();
    let chunks: Vec<_> =
        (0..at_once).map(|first| numbered.iter().copied().skip(first).step_by(at_once).collect::<Vec<_>>()).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = chunks
            .into_iter()
            .map(|chunk| {
                scope.spawn(|| chunk.into_iter().map(call).filter(|status| *status != 200).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn actors(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("actor-{number}")).collect()
}

fn count(worker: &Worker) -> u64 {
    worker.sql("SELECT count(*) AS n FROM events")[0]["n"].as_u64().unwrap()
}

#[test]
fn events_come_into_d1_by_few_statements() {
    let worker = Home::with_counted_log(BATCHED).start();
    assert_eq!(request("GET", &format!("{}/healthz", worker.url)).status, 200);
    let costs = || -> Vec<Value> { request("GET", &format!("{}/costs", worker.url)).body.as_array().unwrap().clone() };
    costs();
    assert_eq!(send(&worker, &actors(200), 20), [0_u16; 0]);
    let mut all = Vec::new();
    wait_for("all events in D1", || {
        all.extend(costs());
        (count(&worker) == 200).then_some(())
    });
    all.extend(costs());
    let inserts: Vec<_> =
        all.iter().filter(|cost| cost["sql"].as_str().unwrap().starts_with("INSERT INTO events ")).collect();
    let written: u64 = inserts.iter().map(|cost| cost["written"].as_u64().unwrap()).sum();
    println!("{} statements, {written} rows written for 200 events", inserts.len());
    assert!(inserts.len() <= 20, "{}", inserts.len());
    // Five each, one for each twelve of the one target, and some for what is late.
    assert!((1_000..=1_000 + 200 / 12 + 60).contains(&written), "{written}");
    assert_eq!(worker.keys().as_array().unwrap().len(), 200);
    let totals = worker.sql("SELECT sum(unfollows) AS n FROM hourly_totals");
    assert_eq!(totals[0]["n"], 200);
}

/// A message that ends its invocation takes those beside it with it, until each of them is alone.
#[test]
fn a_message_that_panics_ends_alone_as_a_dead_letter() {
    let home = Home::new(BATCHED, |config: &mut Table| {
        config.insert("main".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/target/panicking/index.js").into());
        for consumer in config["queues"]["consumers"].as_array_mut().unwrap() {
            let consumer = consumer.as_table_mut().unwrap();
            consumer.insert("retry_delay".into(), 0.into());
            if consumer["queue"].as_str() != Some("unfollow-event-log") {
                consumer.insert("max_retries".into(), 5.into());
            }
        }
    });
    let worker = home.start();
    let mut actors = actors(30);
    actors.insert(17, "panics-when-read".to_owned());
    assert_eq!(send(&worker, &actors, 10), [0_u16; 0]);
    let is_there = |key: &&Value| key["name"].as_str().unwrap().starts_with("dead/");
    let letters = wait_for("the dead letter", || {
        let keys = worker.keys();
        let letters: Vec<_> = keys.as_array()?.iter().filter(is_there).cloned().collect();
        (!letters.is_empty() && count(&worker) == 30).then_some(letters)
    });
    let key = letters[0]["name"].as_str().unwrap().to_owned();
    let letter: Value = serde_json::from_str(&worker.values(std::slice::from_ref(&key))[&key]).unwrap();
    assert_eq!((letters.len(), &letter["last_error"]), (1, &json!("crashed")));
    assert!(letter["message"].as_str().unwrap().contains("panics-when-read"));
    let stored = worker.sql("SELECT user FROM event_users WHERE role = 'actor'");
    let stored: BTreeSet<_> = stored.as_array().unwrap().iter().map(|row| row["user"].as_str().unwrap()).collect();
    assert_eq!(stored, actors.iter().map(|it| &**it).filter(|it| !it.starts_with("panics")).collect());
}

/// 5,000 events, 150 at once, with a D1 that takes 20 ms for each write and refuses what waits behind 100.
#[test]
#[ignore = "5,000 events"]
fn a_burst_is_stored_in_less_time_than_its_writes_one_by_one() {
    let worker = Home::with_busy_log(BATCHED).start();
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("first", &["bob"], now_ms())).is_ok());
    let begun = Instant::now();
    assert_eq!(send(&worker, &actors(5_000), 150), [0_u16; 0]);
    let sent = begun.elapsed();
    wait_for("all events in D1", || (count(&worker) == 5_001).then_some(()));
    println!("{sent:?} to send, {:?} until all were in D1", begun.elapsed());
    assert!(begun.elapsed() < 5_000 * Duration::from_millis(20), "{:?}", begun.elapsed());
}
