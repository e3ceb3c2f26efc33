//! `make demo`, after its build: a minute after its start, there is something of everything, and nothing is left after its end.

use std::{env, fs, net::TcpListener, path::Path};

use serde_json::{Value, json};

use crate::{
    call,
    ctrl_c::{self, interruptible},
    port::free_port,
    process::Server,
    worker::{ROOT, wait_for},
};

const APP: &str = "1400000000";
const ANCHOR: &str = "anchor-mei";

/// Whether a list has something in it.
fn is_some(list: &Value) -> Option<()> {
    (!list.as_array().unwrap().is_empty()).then_some(())
}

#[test]
#[ignore = "slow: make test-slow"]
fn the_demo_has_something_of_everything_and_leaves_nothing() {
    let port = free_port();
    let temporary = tempfile::tempdir().unwrap();
    let profile = env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned();
    let mut command = interruptible(Path::new(ROOT).join("node_modules/.bin/node"));
    command.arg(Path::new(ROOT).join("scripts/demo.mjs")).env("PORT", port.to_string());
    command.env("TMPDIR", temporary.path()).env("SENDER", profile.join("examples/send"));
    let mut demo = Server::start(&mut command);
    let token = wait_for("the demo to be ready", || {
        let log = demo.log();
        assert!(demo.ended().is_none(), "{log:#?}");
        let is_ready = log.iter().any(|line| line.starts_with("Ctrl-C ends this"));
        is_ready.then(|| log.iter().find_map(|line| line.strip_prefix("ADMIN_TOKEN: ")).unwrap().to_owned())
    });
    let ask = |path: &str| call::request_api("GET", &format!("http://127.0.0.1:{port}/v1/{path}"), Some(&token)).body;
    let sum = |path: &str, what: &str| -> u64 {
        let body = ask(path);
        body["buckets"].as_array().unwrap().iter().map(|bucket| bucket[what].as_u64().unwrap()).sum()
    };

    assert_eq!(ask("apps")["apps"].as_array().unwrap().len(), 3);
    for app in [APP, "1400000001", "1400000002"] {
        for what in ["unfollows", "follows"] {
            assert!(sum(&format!("stats?app={app}"), what) >= 5, "{app} {what}");
        }
        let empty: Vec<Value> = ask(&format!("stats?app={app}"))["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|bucket| bucket["follows"] == 0 && bucket["unfollows"] == 0)
            .cloned()
            .collect();
        assert!(app == "1400000002" || empty.len() <= 2, "{app}: {empty:?}");
    }
    let anchors = |what| sum(&format!("stats?app={APP}&user={ANCHOR}"), what);
    assert!(anchors("unfollows") > 2 * anchors("follows"));
    wait_for("dead letters", || is_some(&ask(&format!("dead-letters?app={APP}"))["dead_letters"]));
    for state in ["retrying", "dead", "delivered"] {
        let path = format!("deliveries?app={APP}&state={state}");
        wait_for(state, || is_some(&ask(&path)["deliveries"]));
    }
    assert_eq!(ask(&format!("top?app={APP}&by=lost"))["users"][0]["user"], ANCHOR);
    // Calls are counted now and then, and not at once.
    for (app, outcome, reason) in [
        (1_400_000_000, "stored", json!(null)),
        (1_400_000_000, "probe", json!(null)),
        (1_400_000_000, "rejected", json!("sign_mismatch")),
        (0, "rejected", json!("sdk_app_id_foreign")),
        (1_400_000_001, "rejected", json!("request_time_far")),
    ] {
        wait_for(&format!("{outcome} {reason} of {app}"), || {
            let hours = ask("calls")["hours"].as_array().unwrap().clone();
            let is_wanted =
                |hour: &Value| hour["sdk_app_id"] == app && hour["outcome"] == outcome && hour["reason"] == reason;
            hours.iter().any(is_wanted).then_some(())
        });
    }
    // Events go on.
    let before = anchors("unfollows");
    wait_for("a new event", || (anchors("unfollows") > before).then_some(()));

    ctrl_c::press(demo.id());
    let status = wait_for("the demo's end", || demo.ended());
    assert_eq!(status.code(), Some(0));
    TcpListener::bind(("127.0.0.1", port)).unwrap();
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
