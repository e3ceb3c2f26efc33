//! No event that was answered OK is lost, whatever happens to the Worker.

use std::{
    collections::HashMap,
    net::TcpStream,
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
    process::Server,
    worker::{Home, Settings, wait_for},
};

/// How many events are sent at a time.
const AT_A_TIME: usize = 16;

const SIGNED: [(&str, &str); 2] = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)];

#[test]
fn every_acknowledged_event_survives_a_kill() {
    survive(400, &SIGNED);
}

#[test]
#[ignore = "slow: make test-slow"]
fn every_acknowledged_event_survives_a_kill_under_load() {
    survive(5_000, &SIGNED);
}

#[test]
#[ignore = "slow: make test-slow"]
fn every_acknowledged_event_survives_a_kill_while_others_are_delivered() {
    let origin = Origin::start(|_| origin::ok());
    survive(2_000, &forwarding_settings(&origin.url(), "kv,origin"));
    // The emulator's queue is in memory, so some of those before the kill are never delivered.
    let delivered = origin.count();
    assert!(delivered > 0);
    println!("{delivered} deliveries");
}

/// A `wrangler dev` that serves the Worker.
struct Served {
    /// `http://127.0.0.1:<port>`.
    url: String,
    server: Server,
}

impl Served {
    fn start(home: &Home) -> Self {
        let mut server = Server::start(&mut home.wrangler_dev());
        let url = wait_for("wrangler to be ready", || {
            let ended = server.ended();
            assert!(ended.is_none(), "wrangler ended: {ended:?}: {:#?}", server.log());
            server.log().iter().find_map(|line| line.split_once("Ready on ").map(|(_, url)| url.trim().to_owned()))
        });
        Self { url, server }
    }

    /// Kills it and all its children at once, and returns when nobody listens on the port.
    fn kill(&mut self) {
        self.server.kill();
        let address = self.url.trim_start_matches("http://");
        wait_for("the port to refuse", || TcpStream::connect(address).is_err().then_some(()));
    }
}

/// Sends so many different events, each once, kills the Worker half-way and starts it again, and searches for all events that were
/// acknowledged.
fn survive(events: usize, settings: Settings<'_>) {
    // `wrangler dev` does not apply migrations.
    let home = Home::new(settings, |_| {}).start().stop();
    let mut served = Served::start(&home);
    // None while there is no Worker.
    let url = Mutex::new(Some(served.url.clone()));
    let next = AtomicUsize::new(0);
    let [acknowledged, unacknowledged] = [(); 2].map(|()| Mutex::new(HashMap::new()));
    let begun = now_ms();

    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= events {
                        return;
                    }
                    let body = unfollow(&format!("user-{number}"), &["bob", "carol"], begun + number as u64);
                    let url = wait_for("the Worker", || url.lock().unwrap().clone());
                    // Never again: an OK to a second call would hide that what the first one had acknowledged was lost.
                    let answer = try_post(&url, &signed(APP, UNFOLLOW, TOKEN), &body);
                    let is_ok = answer.is_some_and(|answer| answer.is_ok());
                    let calls = if is_ok { &acknowledged } else { &unacknowledged };
                    calls.lock().unwrap().insert(number, body);
                }
            });
        }
        wait_for("half of the events", || (acknowledged.lock().unwrap().len() >= events / 2).then_some(()));
        *url.lock().unwrap() = None;
        served.kill();
        let again = Served::start(&home);
        *url.lock().unwrap() = Some(again.url.clone());
        // It has to live until all threads are done.
        let calls = || acknowledged.lock().unwrap().len() + unacknowledged.lock().unwrap().len();
        wait_for("all events", || (calls() == events).then_some(()));
        drop(again);
    });
    let took = now_ms() - begun;

    let [acknowledged, unacknowledged] = [acknowledged, unacknowledged].map(|calls| calls.into_inner().unwrap());
    assert!(acknowledged.len() >= events * 9 / 10, "only {} of {events} were acknowledged", acknowledged.len());
    let worker = home.start();
    let keys = worker.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap());
    let keys: Vec<_> = names.filter(|name| name.starts_with("event/")).map(str::to_owned).collect();
    let mut stored = HashMap::new();
    for text in worker.values(&keys).into_values() {
        let body = text.split_once(",\"body\":").unwrap().1.strip_suffix('}').unwrap().to_owned();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        let number = record["from_account"].as_str().unwrap().strip_prefix("user-").unwrap().parse::<usize>().unwrap();
        stored.insert(number, body);
    }
    for (number, body) in &acknowledged {
        assert_eq!(
            stored.get(number),
            Some(body),
            "event {number} was acknowledged, and is missing or not as it was sent"
        );
    }
    // What had no OK may be stored too: the answer was lost.
    let sent = |number: &usize| acknowledged.get(number).or_else(|| unacknowledged.get(number));
    assert!(stored.iter().all(|(number, body)| sent(number) == Some(body)), "what is stored is not as it was sent");
    println!(
        "{} of {events} events acknowledged in {} s and found again; {} had no OK",
        acknowledged.len(),
        took / 1000,
        unacknowledged.len()
    );
}
