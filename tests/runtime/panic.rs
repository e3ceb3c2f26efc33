//! After a panic the Worker goes on. The Worker cannot be made to panic from outside, so these tests run a build that
//! can.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use toml::Table;

use crate::{
    call::{APP, UNFOLLOW, now_ms, post, try_post, try_post_at, unfollow, unsigned},
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

const SETTINGS: [(&str, &str); 2] = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")];

/// Less than the runtime takes to notice that nothing will ever wake a call, and less than a stand-in hangs.
const SOON: Duration = Duration::from_secs(8);

/// Serves what `scripts/build.sh panicking` builds.
fn panicking(config: &mut Table) {
    config.insert("main".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/target/panicking/index.js").into());
}

fn start(home: Home) -> Worker {
    let worker = home.start();
    let worker = worker;
    assert!(stored(&worker), "the Worker does not work before the panic");
    worker
}

fn stored(worker: &Worker) -> bool {
    post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("alice", &["bob"], now_ms())).is_ok()
}

/// Whether a call to this path got no response of the Worker's own, and within `SOON`.
fn fails_soon(worker: &Worker, path: &str) -> bool {
    let begun = Instant::now();
    let answer = try_post_at(&format!("{}{path}", worker.url), "");
    answer.is_none_or(|answer| answer.status == 500 && answer.body["ActionStatus"].is_null()) && begun.elapsed() < SOON
}

#[test]
fn a_panic_fails_its_own_call_and_the_next_event_is_stored() {
    let worker = start(Home::new(&SETTINGS, panicking));
    for path in ["/panic", "/panic-later", "/panic"] {
        assert!(fails_soon(&worker, path), "{path}");
        assert!(stored(&worker), "after {path}");
    }
    let says_where = |line: &String| line.contains("provoked at once");
    wait_for("the panic in the log", || worker.log().iter().any(says_where).then_some(()));
    assert_eq!(worker.keys().as_array().unwrap().len(), 4);
}

#[test]
fn calls_under_way_at_a_panic_fail_and_do_not_disturb_later_calls() {
    let worker = start(Home::with_stand_ins(&SETTINGS, &["EVENTS"], |config| {
        panicking(config);
        config.remove("queues");
    }));
    let url = &worker.url;
    let send = |behaviour: &str| try_post(url, &unsigned(APP, UNFOLLOW), &unfollow(behaviour, &["bob"], now_ms()));
    thread::scope(|scope| {
        // Their puts settle when the instance that began them is no more.
        let begun = Instant::now();
        let under_way: Vec<_> = (0..8).map(|_| scope.spawn(|| send("answers-after-1000"))).collect();
        assert!(fails_soon(&worker, "/panic-later"));
        // These take the same slots in the new instance, and still wait when the others' puts succeed: they must not
        // get the results of those.
        let later: Vec<_> = (0..8).map(|_| scope.spawn(|| send("fails,answers-after-1200"))).collect();
        for call in later {
            let answer = call.join().unwrap().expect("an answer");
            assert_eq!(answer.body["ErrorCode"], json!(50300), "{answer:?}");
        }
        let succeeded =
            under_way.into_iter().filter_map(|call| call.join().unwrap()).filter(|answer| answer.is_ok()).count();
        assert_eq!(succeeded, 0, "a call of the instance that is no more was answered OK");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    });
    assert!(stored(&worker));
}

#[test]
fn a_message_that_panics_takes_no_other_with_it_and_ends_as_a_dead_letter() {
    let origin = Origin::start(|_| origin::ok());
    let url = origin.url();
    let settings = [&SETTINGS[..], &[("SINKS", "origin"), ("ORIGIN_URL", &url)]].concat();
    let home = Home::new(&settings, |config| {
        panicking(config);
        let consumers = config["queues"]["consumers"].as_array_mut().unwrap();
        for (consumer, retries) in consumers.iter_mut().zip([2, 6]) {
            let consumer = consumer.as_table_mut().unwrap();
            // All else, the size of a batch above all, is as it is deployed.
            consumer.insert("max_retries".into(), retries.into());
            consumer.insert("retry_delay".into(), 0.into());
        }
    });
    let worker = home.start();
    let begun = now_ms();
    let from = |number: u64| match number {
        3 => "panics-when-delivered".to_owned(),
        6 => "panics-when-read".to_owned(),
        number => format!("user-{number}"),
    };
    let bodies: Vec<_> = (0..10).map(|number| unfollow(&from(number), &["bob"], begun + number)).collect();
    for body in &bodies {
        assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), body).is_ok());
    }
    let letters = wait_for("two dead letters", || {
        let keys = worker.keys();
        let names: Vec<_> = keys.as_array()?.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
        (names.len() == 2).then_some(names)
    });
    let values = worker.values(&letters);
    let letter = |prefix: &str| -> Value {
        let key = letters.iter().find(|key| key.starts_with(prefix)).unwrap_or_else(|| panic!("{letters:?}"));
        serde_json::from_str(&values[key]).unwrap()
    };
    // What can be read is filed under its app and id.
    let read = letter(&format!("dead/{APP}/{}-", 9_999_999_999_999 - (begun + 3)));
    assert_eq!((&read["last_error"], &read["job"]), (&json!("retries_exhausted"), &json!("deliver")));
    assert_eq!(read["message"]["body"]["From_Account"], "panics-when-delivered");
    let raw = letter("dead/0/");
    assert_eq!(raw["last_error"], "crashed");
    let text = raw["message"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["body"]["From_Account"], "panics-when-read");
    for (number, body) in bodies.iter().enumerate().filter(|(number, _)| ![3, 6].contains(number)) {
        assert_eq!(origin.wait_for(body.as_bytes(), 1).len(), 1, "{number}");
    }
    assert_eq!(origin.received().len(), 8, "a neighbour was delivered more than once");
}
