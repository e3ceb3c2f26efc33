//! No event that was answered OK is lost, whatever happens to the Worker.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use crate::{
    TOKEN,
    call::{APP, UNFOLLOW, now_ms, signed, try_post, unfollow},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Settings, wait_for},
};

/// How many events are sent at a time.
const AT_A_TIME: usize = 16;

#[test]
fn every_acknowledged_event_survives_a_kill_under_load() {
    survive(5_000, &[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]);
}

#[test]
fn every_acknowledged_event_survives_a_kill_while_others_are_delivered() {
    let origin = Origin::start(|_| origin::ok());
    survive(2_000, &forwarding_settings(&origin.url(), "kv,origin"));
    // The emulator's queue is in memory, so some of those before the kill are never delivered.
    let delivered = origin.count();
    assert!(delivered > 0);
    println!("{delivered} deliveries");
}

/// Sends so many different events, kills the Worker half-way and starts it again, and searches for all events that were
/// acknowledged.
fn survive(events: usize, settings: Settings<'_>) {
    let home = Home::new(settings, |_| {});
    let worker = home.start();
    let url = Mutex::new(worker.url.clone());
    let next = AtomicUsize::new(0);
    let acknowledged = Mutex::new(HashMap::new());
    let begun = now_ms();
    let rejected = AtomicUsize::new(0);

    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= events {
                        return;
                    }
                    let body = unfollow(&format!("user-{number}"), &["bob", "carol"], begun + number as u64);
                    // An event without a response is sent again until there is one, as a careful sender would.
                    wait_for("an answer", || {
                        let url = url.lock().unwrap().clone();
                        let answer = try_post(&url, &signed(APP, UNFOLLOW, TOKEN), &body)?;
                        if !answer.is_ok() {
                            rejected.fetch_add(1, Relaxed);
                            return None;
                        }
                        Some(())
                    });
                    acknowledged.lock().unwrap().insert(number, body);
                }
            });
        }
        // Half-way:
        wait_for("half of the events", || (acknowledged.lock().unwrap().len() >= events / 2).then_some(()));
        worker.kill();
        let again = home.start();
        *url.lock().unwrap() = again.url.clone();
        // It has to live until all threads are done.
        wait_for("all events", || (acknowledged.lock().unwrap().len() == events).then_some(()));
        drop(again);
    });
    let acknowledged_after = now_ms() - begun;

    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len(), events);
    let keys = home.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap());
    let keys: Vec<_> = names.filter(|name| name.starts_with("event/")).map(str::to_owned).collect();
    assert_eq!(keys.len(), events);
    let mut stored = HashMap::new();
    for text in home.values(&keys).into_values() {
        let body = text.split_once(",\"body\":").unwrap().1.strip_suffix('}').unwrap().to_owned();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        let number = record["from_account"].as_str().unwrap().strip_prefix("user-").unwrap().parse::<usize>().unwrap();
        stored.insert(number, body);
    }
    assert!(acknowledged == stored, "an acknowledged event is missing, or not as it was sent");
    println!(
        "{events} events acknowledged in {} s and found again; {} responses were not OK",
        acknowledged_after / 1000,
        rejected.into_inner()
    );
}
