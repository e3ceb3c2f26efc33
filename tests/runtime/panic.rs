//! After a panic the Worker goes on. The Worker cannot be made to panic from outside, so these tests run a build that
//! can.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use toml::Table;

use crate::{
    Shared,
    call::{APP, UNFOLLOW, now_ms, post, try_post, try_post_at, unfollow, unsigned},
    worker::{Home, wait_for},
};

const SETTINGS: [(&str, &str); 2] = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")];

/// Less than the runtime takes to notice that nothing will ever wake a call, and less than a stand-in hangs.
const SOON: Duration = Duration::from_secs(8);

/// Serves what `scripts/build.sh panicking` builds.
fn panicking(config: &mut Table) {
    config.insert("main".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/target/panicking/index.js").into());
}

fn start(home: Home) -> Shared {
    let worker = home.start();
    let shared = Shared { home, worker };
    assert!(stored(&shared), "the Worker does not work before the panic");
    shared
}

fn stored(shared: &Shared) -> bool {
    post(&shared.worker.url, &unsigned(APP, UNFOLLOW), unfollow("alice", &["bob"], now_ms())).is_ok()
}

/// Whether a call to this path got no response of the Worker's own, and within `SOON`.
fn fails_soon(shared: &Shared, path: &str) -> bool {
    let begun = Instant::now();
    let answer = try_post_at(&format!("{}{path}", shared.worker.url), "");
    answer.is_none_or(|answer| answer.status == 500 && answer.body["ActionStatus"].is_null()) && begun.elapsed() < SOON
}

#[test]
fn a_panic_fails_its_own_call_and_the_next_event_is_stored() {
    let shared = start(Home::new(&SETTINGS, panicking));
    for path in ["/panic", "/panic-later", "/panic"] {
        assert!(fails_soon(&shared, path), "{path}");
        assert!(stored(&shared), "after {path}");
    }
    let says_where = |line: &String| line.contains("provoked at once");
    wait_for("the panic in the log", || shared.worker.log().iter().any(says_where).then_some(()));
    assert_eq!(shared.home.keys().as_array().unwrap().len(), 4);
}

#[test]
fn calls_under_way_at_a_panic_fail_and_do_not_disturb_later_calls() {
    let shared = start(Home::with_stand_ins(&SETTINGS, &["EVENTS"], |config| {
        panicking(config);
        config.remove("queues");
    }));
    let url = &shared.worker.url;
    let send = |behaviour: &str| try_post(url, &unsigned(APP, UNFOLLOW), &unfollow(behaviour, &["bob"], now_ms()));
    thread::scope(|scope| {
        // Their puts settle when the instance that began them is no more.
        let begun = Instant::now();
        let under_way: Vec<_> = (0..8).map(|_| scope.spawn(|| send("answers-after-1000"))).collect();
        assert!(fails_soon(&shared, "/panic-later"));
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
    assert!(stored(&shared));
}
