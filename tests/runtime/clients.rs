//! Clients that are generated from the API's description, as users make them, call every operation of the running Worker.
//! `scripts/clients.sh` makes them; schemathesis calls it with whatever the description allows.

use std::{collections::BTreeSet, env, path::Path, process::Command};

use unfollow_webhook::{delivery::failure::Failure, event::Entry, sink::Sink};

use crate::{
    ADMIN_TOKEN,
    call::{APP, FOLLOW, UNFOLLOW, now_ms, unfollow, unsigned},
    counted::{self, Counted},
    document::{Described, Document},
    forwarding_settings,
    openapi::fits,
    origin::{self, Origin},
    tencent::Tencent,
    worker::ROOT,
};

/// A user whose name has what a query must encode.
const USER: &str = "a b+c&d=é微信%41/?#";

/// What the clients find: three events and four dead letters.
fn entries() -> Vec<Entry> {
    let now = now_ms();
    let query = unsigned(APP, UNFOLLOW);
    let follow = format!(
        r#"{{"CallbackCommand":"{FOLLOW}","From_Account":"alice","FollowList":[{{"To_Account":"bob"}}],"EventTime":{}}}"#,
        now - 2000
    );
    let dead_letter = |n: u64| {
        let body = unfollow("alice", &["bob"], now - 3000 - n);
        counted::dead_lettered(APP, &query, &body, now, Sink::Origin, Failure::Status(500))
    };
    let mut entries: Vec<_> = (0..4).map(dead_letter).collect();
    entries.extend([
        counted::stored(APP, &query, &unfollow("alice", &["bob", "carol"], now), now),
        counted::stored(APP, &query, &unfollow(USER, &["bob"], now - 1000), now),
        counted::stored(APP, &unsigned(APP, FOLLOW), &follow, now),
    ]);
    entries
}

/// A Worker to which all that the API has belongs, and what it calls.
struct Served {
    worker: Counted,
    _origins: [Origin; 2],
    _tencent: Tencent,
}

impl Served {
    fn start() -> Self {
        let origin = Origin::start(origin::scripted);
        let service = Origin::start(|_| origin::answer(200, r#"{"errcode":0,"errmsg":"ok"}"#));
        let tencent = Tencent::start();
        // Longer ago than the log knows.
        tencent.follow("dave", "bob", now_ms() / 1000 - 864_000);
        let (url, messages) = (origin.url(), format!("dingtalk+{}?access_token=x", service.url()));
        let settings =
            [forwarding_settings(&url, "kv,d1,origin"), vec![("ALERT_URLS", &*messages)], tencent.settings().to_vec()]
                .concat();
        Self { worker: Counted::start(&settings, &entries()), _origins: [origin, service], _tencent: tencent }
    }
}

/// Runs a client, and fails unless each operation of the description was called, and succeeded.
fn calls_every_operation(mut client: Command) {
    let served = Served::start();
    let output = client
        .env("WORKER", served.worker.url())
        .envs([("ADMIN_TOKEN", ADMIN_TOKEN), ("APP", APP), ("USER_ID", USER), ("PYTHONDONTWRITEBYTECODE", "1")])
        .output()
        .unwrap_or_else(|error| panic!("{error}; run scripts/clients.sh"));
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{said}\n{errors}");

    let succeeded = |line: &&str| line.ends_with(" 200") || line.ends_with(" 204");
    let called: BTreeSet<_> = said.lines().filter(succeeded).filter_map(|line| line.rsplit_once(' ')).collect();
    let was_called = |it: &Described<'_>| {
        let mut calls = called.iter().filter_map(|(call, _)| call.split_once(' '));
        calls.any(|(method, path)| method == it.method && fits(it.path, path))
    };
    let document = Document::read();
    let missing: Vec<_> = document
        .operations()
        .iter()
        .filter(|it| !was_called(it))
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    assert!(missing.is_empty(), "not called: {missing:?}");
}

/// A program that `scripts/clients.sh` has made ready.
fn made(name: &str) -> String {
    let path = Path::new(ROOT).join("target/clients").join(name);
    assert!(path.exists(), "{} is missing: run scripts/clients.sh", path.display());
    path.to_str().unwrap().to_owned()
}

fn node(program: &str) -> Command {
    let mut command = Command::new(Path::new(ROOT).join("node_modules/.bin/node"));
    command.arg(made(program));
    command
}

#[test]
#[ignore = "slow: make test-slow"]
fn openapi_fetch() {
    calls_every_operation(node("node/openapi_fetch.mjs"));
}

#[test]
#[ignore = "slow: make test-slow"]
fn hey_api() {
    calls_every_operation(node("node/hey_api.mjs"));
}

#[test]
#[ignore = "slow: make test-slow"]
fn openapi_python_client() {
    let mut command = Command::new(made("python/bin/python"));
    command.arg(made("python_client.py"));
    calls_every_operation(command);
}

/// How long schemathesis calls the Worker, in seconds, and by which seed. The variables of these names change them.
const FUZZ_SECONDS: &str = "60";
const FUZZ_SEED: &str = "1";

/// Whatever the description allows, and what it does not, is answered as it says.
#[test]
#[ignore = "slow: make test-slow"]
fn schemathesis() {
    let served = Served::start();
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    // It writes into its folder.
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(made("python/bin/schemathesis"))
        .arg("--config-file")
        .arg(Path::new(ROOT).join("tests/clients/schemathesis.toml"))
        .args(["run", "--url", served.worker.url(), "--no-color"])
        .args(["--max-time", &setting("FUZZ_SECONDS", FUZZ_SECONDS), "--seed", &setting("FUZZ_SEED", FUZZ_SEED)])
        .arg(Path::new(ROOT).join("page/openapi.json"))
        .env("ADMIN_TOKEN", ADMIN_TOKEN)
        .current_dir(&folder)
        .output()
        .unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
}
