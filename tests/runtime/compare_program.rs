//! The program `compare`, run as its users run it, on the built Worker and the stand-in for Tencent's REST API.
//!
//! `cargo test` builds the program first. `cargo test --test runtime` does not: run `cargo build --example compare` before it.

use std::{
    collections::BTreeSet,
    env,
    process::{Command, Output},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN,
    call::{APP, FOLLOW, now_ms, post, request_api, unsigned},
    tencent::{KEY, Tencent},
    worker::Worker,
};

const SETTINGS: [(&str, &str); 4] =
    [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("PLAN", "paid")];

/// Runs it with these arguments, and with these variables besides the token.
fn compare(worker: &Worker, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let this_test = env::current_exe().unwrap();
    let profile = this_test.parent().and_then(|deps| deps.parent()).expect("…/deps/…");
    let mut command = Command::new(profile.join("examples").join(format!("compare{}", env::consts::EXE_SUFFIX)));
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "TENCENT_SECRET_KEY", "TENCENT_REGION"] {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command.env("ADMIN_TOKEN", ADMIN_TOKEN).args(["--url", &worker.url, "--app", APP]).args(args);
    command.envs(variables.iter().copied()).output().expect("cargo build --example compare")
}

/// The misses that a run has printed, each as its kind, actor and target, and no other line; it has to succeed.
fn misses(ran: &Output) -> BTreeSet<(String, String, String)> {
    let (printed, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    for secret in [ADMIN_TOKEN, KEY, "usersig"] {
        assert!(!said.contains(secret) && !printed.contains(secret), "{said}");
    }
    let text = |miss: &Value, name: &str| miss[name].as_str().unwrap().to_owned();
    let misses: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let distinct: BTreeSet<_> =
        misses.iter().map(|miss| (text(miss, "kind"), text(miss, "actor"), text(miss, "target"))).collect();
    assert_eq!(distinct.len(), misses.len(), "{printed}");
    distinct
}

/// Tencent's relations after an hour in which no webhook came, and what was missed. `targets` users are followed by `staying` and
/// unfollowed by `leaving` each, and then followed by `coming`.
fn hole(
    tencent: &Tencent,
    worker: &Worker,
    targets: usize,
    [leaving, coming]: [usize; 2],
) -> BTreeSet<(String, String, String)> {
    let before = now_ms() / 1000 - 7_200;
    let (mut missed, mut operations) = (BTreeSet::new(), Vec::new());
    for number in 0..targets {
        let target = format!("star-{number}");
        for actor in (0..=leaving).map(|actor| format!("fan-{actor}")) {
            let body = json!({"CallbackCommand": FOLLOW, "From_Account": actor,
                "FollowList": [{"To_Account": target}], "EventTime": before * 1000});
            assert!(post(&worker.url, &unsigned(APP, FOLLOW), body.to_string()).is_ok());
            operations.push(json!(["follow", actor, target, before]));
        }
        for actor in (0..leaving).map(|actor| format!("fan-{actor}")) {
            operations.push(json!(["unfollow", actor, target]));
            missed.insert(("unfollow".to_owned(), actor, target.clone()));
        }
        for actor in (0..coming).map(|actor| format!("new \"微-{actor}")) {
            operations.push(json!(["follow", actor, target, before + 3_600 + number as u64]));
            missed.insert(("follow".to_owned(), actor, target.clone()));
        }
    }
    tencent.control(&operations);
    missed
}

/// Who follows the targets by the log.
fn followers(worker: &Worker, targets: usize) -> BTreeSet<(String, String)> {
    let of = |target: String| {
        let url = format!("{}/v1/users/{APP}/followers?user={target}&limit=1000", worker.url);
        let page = request_api("GET", &url, Some(ADMIN_TOKEN)).body;
        let users: Vec<_> = page["followers"].as_array().unwrap().clone();
        users.into_iter().map(move |it| (it["user"].as_str().unwrap().to_owned(), target.clone()))
    };
    (0..targets).flat_map(|number| of(format!("star-{number}"))).collect()
}

/// The same by Tencent.
fn relations(tencent: &Tencent) -> BTreeSet<(String, String)> {
    let state = tencent.state();
    let all = state["relations"].as_array().unwrap();
    all.iter().map(|it| (it[0].as_str().unwrap().to_owned(), it[1].as_str().unwrap().to_owned())).collect()
}

#[test]
fn it_closes_a_hole_of_an_hour() {
    close_a_hole(3, [3, 4]);
}

#[test]
#[ignore = "slow: make test-slow"]
fn it_closes_a_hole_of_an_hour_with_500_missed_events() {
    close_a_hole(25, [8, 12]);
}

fn close_a_hole(targets: usize, [leaving, coming]: [usize; 2]) {
    let tencent = Tencent::start();
    let settings: Vec<_> = SETTINGS.into_iter().chain(tencent.settings()).collect();
    let worker = Worker::with(&settings);
    let missed = hole(&tencent, &worker, targets, [leaving, coming]);
    assert_eq!(missed.len(), targets * (leaving + coming));
    let span = ["--since", "8d"];
    assert_eq!(misses(&compare(&worker, &span, &[])), missed);
    assert_ne!(followers(&worker, targets), relations(&tencent));
    let begun = Instant::now();
    let recording = compare(&worker, &[&span[..], &["--record"]].concat(), &[]);
    println!("{:.0} s: {}", begun.elapsed().as_secs_f64(), String::from_utf8_lossy(&recording.stderr));
    assert_eq!(misses(&recording), missed);
    assert_eq!(followers(&worker, targets), relations(&tencent));
    let again = compare(&worker, &[&span[..], &["--record"]].concat(), &[]);
    assert_eq!(misses(&again), BTreeSet::new());
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains(" and 0 to come; ") && said.contains("0 missed, 0 recorded"), "{said}");
}

/// The Worker has no key, and none of Tencent's data.
#[test]
fn with_a_key_of_its_own_it_compares_one_user() {
    let tencent = Tencent::start();
    let worker = Worker::with(&SETTINGS);
    let missed = hole(&tencent, &worker, 1, [12, 20]);
    let alone = tencent.settings();
    let user = ["--user", "star-0"];
    assert_eq!(misses(&compare(&worker, &user, &alone)), missed);
    assert_eq!(misses(&compare(&worker, &[&user[..], &["--record"]].concat(), &alone)), missed);
    assert_eq!(followers(&worker, 1), relations(&tencent));
    assert_eq!(misses(&compare(&worker, &[&user[..], &["--record"]].concat(), &alone)), BTreeSet::new());

    // Without it, the Worker would have to ask.
    let refused = compare(&worker, &user, &[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("TENCENT_SECRET_KEY"), "{said}");
    tencent.control(&[json!(["enable", false])]);
    let refused = compare(&worker, &user, &alone);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("Pro edition"), "{said}");
}
