//! The receivers of `examples/backends/`, as a reader starts them: what the real Worker sends arrives there, is verified and stored
//! once, and what nobody could have sent who knows the secrets is refused. `scripts/backends.sh` installs what they need.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use unfollow_webhook::{standard_webhooks::SigningSecret, webhook::command::FOLLOW_BODY_MAX};

use crate::{
    ADMIN_TOKEN, ORIGIN_SECRET, TOKEN,
    call::{APP, UNFOLLOW, now_ms, post, post_with, request_api, signature, signed, unfollow, unsigned},
    forwarding_settings,
    port::free_port,
    process::Server,
    worker::{Home, ROOT, Worker, wait_for},
};

/// The secret after a change, and one that was never shared.
const NEW_SECRET: &str = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";
const OTHER_SECRET: &str = "whsec_b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgISE=";
const BEFORE: &str = "C2C.CallbackBeforeSendMsg";

/// How a receiver is started on a port, as README.md of the folder says it. The rest is in its environment.
type Start = fn(port: u16) -> Command;

/// A receiver that runs, and its database.
struct Backend {
    start: Start,
    port: u16,
    folder: TempDir,
    server: Option<Server>,
}

impl Backend {
    fn new(start: Start, settings: &[(&str, &str)]) -> Self {
        let mut backend = Self { start, port: free_port(), folder: tempfile::tempdir().unwrap(), server: None };
        backend.restart(settings);
        backend
    }

    /// Starts it again with other settings, on the same port and database.
    fn restart(&mut self, settings: &[(&str, &str)]) {
        self.server = None;
        let mut command = (self.start)(self.port);
        command.env("PORT", self.port.to_string()).env("DATABASE", self.path()).envs(settings.iter().copied());
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(self.folder.path());
        let mut server = Server::start(&mut command);
        wait_for("the backend to listen", || {
            assert!(server.ended().is_none(), "run scripts/backends.sh: {:#?}", server.log());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.server = Some(server);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn database(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The events that it has stored: their ids and bodies.
    fn events(&self) -> Vec<(String, String)> {
        // A receiver may make its table only when it needs it.
        let database = self.database();
        let Ok(mut statement) = database.prepare("SELECT id, body FROM events ORDER BY rowid") else {
            return Vec::new();
        };
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// What it answers to this call, which did not come by way of the Worker.
    fn status(&self, query: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let answer = post_with(&format!("{}?{query}", self.url()), headers, body.as_bytes());
        assert_eq!(answer.body["ActionStatus"], if answer.status == 200 { "OK" } else { "FAIL" });
        answer.status
    }
}

/// The Worker that delivers to this backend, with these secrets.
fn worker(backend: &Backend, secrets: &[(&'static str, &'static str)]) -> Worker {
    let url = backend.url();
    let mut settings = forwarding_settings(&url, "kv,origin");
    settings.retain(|(name, _)| *name != "ORIGIN_SECRET");
    settings.extend(secrets);
    Home::new(&settings, |_| {}).start()
}

/// Sends an event with this id of a request; gives its body.
fn send(worker: &Worker, request_id: &str, body: String) -> String {
    let query = format!("{}&RequestId={request_id}&{}", unsigned(APP, UNFOLLOW), signature(TOKEN, 0));
    assert!(post(&worker.url, &query, &body).is_ok(), "{request_id}");
    body
}

/// Waits until this many deliveries of the request have ended so.
fn ended(worker: &Worker, request_id: &str, outcome: &str, times: usize) -> Value {
    wait_for(&format!("{request_id} to be {outcome}"), || {
        let ours = |record: &Value| record["request_id"] == request_id && record["outcome"] == outcome;
        let records: Vec<_> = worker.log_records().into_iter().filter(ours).collect();
        (records.len() >= times).then(|| records[0].clone())
    })
}

/// The header values of a delivery, signed at `seconds` from now.
fn headers(secret: &str, id: &str, seconds: i64, body: &str) -> [(&'static str, String); 3] {
    let time = (now_ms() / 1000).checked_add_signed(seconds).unwrap();
    let signature = SigningSecret::new(secret).unwrap().sign(id, time, body);
    [("webhook-id", id.to_owned()), ("webhook-timestamp", time.to_string()), ("webhook-signature", signature)]
}

fn verifies_and_stores_once(start: Start) {
    let settings = [("ORIGIN_SECRET", ORIGIN_SECRET), ("CALLBACK_TOKEN", TOKEN)];
    let mut backend = Backend::new(start, &settings);
    deliveries_are_stored_once(&backend);
    what_nobody_signed_is_refused(&backend);
    what_cannot_be_stored_is_not_acknowledged(&backend);
    a_secret_is_changed_without_a_loss(&mut backend);
}

fn deliveries_are_stored_once(backend: &Backend) {
    let worker = worker(backend, &[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    let plain = send(&worker, "plain", unfollow("alice", &["bob"], now_ms()));
    ended(&worker, "plain", "delivered", 1);
    // What a parser would write in another way.
    let odd = unfollow("微信", &["b\u{e9}\u{301}\u{1f600}"], now_ms())
        .replace('{', "{ \"New\" : [1.50, 1e2,\t\"\\/\\u5fae\"] ,");
    let odd = send(&worker, "odd", odd);
    ended(&worker, "odd", "delivered", 1);
    let largest = unfollow("largest", &["bob"], now_ms());
    let largest = largest.replacen('{', &format!("{{{}", " ".repeat(FOLLOW_BODY_MAX - largest.len())), 1);
    let largest = send(&worker, "largest", largest);
    ended(&worker, "largest", "delivered", 1);
    let events = backend.events();
    let bodies: Vec<_> = events.iter().map(|(_, body)| body).collect();
    assert!(bodies == [&plain, &odd, &largest], "{:?}", bodies.iter().map(|body| body.len()).collect::<Vec<_>>());

    // A repeat by Tencent, and a replay: the same id, with a time and a signature of their own.
    send(&worker, "plain", plain);
    ended(&worker, "plain", "delivered", 2);
    let replay = format!("{}/v1/events/{APP}/{}/replay", worker.url, events[0].0);
    assert_eq!(request_api("POST", &replay, Some(ADMIN_TOKEN)).text, r#"{"replayed":1}"#);
    ended(&worker, "plain", "delivered", 3);
    assert_eq!(backend.events(), events);

    // Relayed webhooks have no signature of ours, and are no events.
    for body in [
        r#"{"From_Account":"alice"}"#.to_owned(),
        // The largest that the Worker takes.
        format!("\"{}\"", "x".repeat(1024 * 1024 - 2)),
        "\u{feff}x".to_owned(),
    ] {
        assert!(post(&worker.url, &signed(APP, BEFORE, TOKEN), &body).is_ok(), "{} bytes", body.len());
    }
    assert_eq!(backend.events(), events);
}

fn what_nobody_signed_is_refused(backend: &Backend) {
    let before = backend.events();
    let body = unfollow("mallory", &["bob"], now_ms());
    let query = signed(APP, UNFOLLOW, TOKEN);
    // What all else differs from in one thing.
    let valid = headers(ORIGIN_SECRET, "sent-by-the-test", 0, &body);
    let [id, time, signature_of_it] = valid.clone().map(|(name, value)| (name, value));
    let with =
        |name: &str, value: &str| valid.clone().map(|(it, old)| (it, if it == name { value.to_owned() } else { old }));
    let is_refused = |what: &str, query: &str, headers: &[(&str, String)], body: &str| {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(backend.status(query, &headers, body), 401, "{what}");
    };
    let signature_text = signature_of_it.1.as_str();
    let other_end = if signature_text.ends_with("A=") { "B=" } else { "A=" };
    let damaged = format!("{}{other_end}", &signature_text[..signature_text.len() - 2]);
    is_refused("another secret", &query, &headers(OTHER_SECRET, &id.1, 0, &body), &body);
    is_refused("a damaged signature", &query, &with("webhook-signature", &damaged), &body);
    for signature in ["v1", "v1,", "v1,!", "v2,AAAA", ",", "v1,v1", &signature_text.replacen("v1,", "v2,", 1)] {
        is_refused(signature, &query, &with("webhook-signature", signature), &body);
    }
    is_refused("another body", &query, &valid, &body.replace("bob", "eve"));
    is_refused("no body", &query, &valid, "");
    is_refused("another id", &query, &with("webhook-id", "another"), &body);
    is_refused(
        "another time",
        &query,
        &with("webhook-timestamp", &(time.1.parse::<u64>().unwrap() + 1).to_string()),
        &body,
    );
    for time in ["soon", "-1", "NaN", "99999999999999999999999"] {
        is_refused(time, &query, &with("webhook-timestamp", time), &body);
    }
    is_refused("an old delivery", &query, &headers(ORIGIN_SECRET, &id.1, -600, &body), &body);
    is_refused("a delivery of the future", &query, &headers(ORIGIN_SECRET, &id.1, 600, &body), &body);
    is_refused("no signature", &query, &[id.clone(), time.clone()], &body);
    is_refused("no time", &query, &[id.clone(), signature_of_it.clone()], &body);
    is_refused("an id alone", &query, &[id], &body);
    // As a relayed webhook.
    let now = (now_ms() / 1000).to_string();
    for query in [
        unsigned(APP, BEFORE),
        format!("{}&Sign=&RequestTime=", unsigned(APP, BEFORE)),
        format!("{}&Sign=%FF&RequestTime=%E5%BE", unsigned(APP, BEFORE)),
        format!("{}&Sign[]=a&RequestTime[]=b", unsigned(APP, BEFORE)),
        format!("{}&{}", unsigned(APP, BEFORE), signature("another token", 0)),
        // As with an empty token.
        format!("{}&Sign={}&RequestTime={now}", unsigned(APP, BEFORE), hex::encode(Sha256::digest(&now))),
        format!("{}&{}", unsigned(APP, BEFORE), signature(TOKEN, -600)),
        format!("{}&{}", unsigned(APP, BEFORE), signature(TOKEN, 600)),
        String::new(),
    ] {
        is_refused(&query, &query, &[], &body);
    }
    // Without headers of a delivery it is none, whatever its body says.
    assert_eq!(backend.status(&query, &[], &body), 200);
    assert_eq!(backend.events(), before);

    let valid: Vec<_> = valid.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(backend.status(&query, &valid, &body), 200);
    assert_eq!(backend.events().len(), before.len() + 1);
}

fn what_cannot_be_stored_is_not_acknowledged(backend: &Backend) {
    let worker = worker(backend, &[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    let database = backend.database();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let body = send(&worker, "locked", unfollow("locked", &["bob"], now_ms()));
    let record = ended(&worker, "locked", "retried", 1);
    assert!(record["last_status"] == 500 || record["last_error"] == "timeout", "{record}");
    database.execute_batch("ROLLBACK").unwrap();
    ended(&worker, "locked", "delivered", 1);
    assert_eq!(backend.events().iter().filter(|(_, stored)| *stored == body).count(), 1);
}

fn a_secret_is_changed_without_a_loss(backend: &mut Backend) {
    // 1: the Worker signs with both, and the backend knows the former one.
    let both = worker(backend, &[("ORIGIN_SECRET", NEW_SECRET), ("ORIGIN_SECRET_PREVIOUS", ORIGIN_SECRET)]);
    let first = send(&both, "both", unfollow("both", &["bob"], now_ms()));
    ended(&both, "both", "delivered", 1);
    // One that the backend does not know is refused, and comes again.
    let new = worker(backend, &[("ORIGIN_SECRET", NEW_SECRET)]);
    let second = send(&new, "new", unfollow("new", &["bob"], now_ms()));
    assert_eq!(ended(&new, "new", "retried", 1)["last_status"], 401);
    let bodies = |backend: &Backend| backend.events().into_iter().map(|(_, body)| body).collect::<Vec<_>>();
    assert!(bodies(backend).contains(&first) && !bodies(backend).contains(&second));
    // 2: the backend gets the new one.
    backend.restart(&[("ORIGIN_SECRET", NEW_SECRET), ("CALLBACK_TOKEN", TOKEN)]);
    ended(&new, "new", "delivered", 1);
    // A backend whose own secrets are two takes each, and the same of the callback token.
    backend.restart(&[
        ("ORIGIN_SECRET", OTHER_SECRET),
        ("ORIGIN_SECRET_PREVIOUS", NEW_SECRET),
        ("CALLBACK_TOKEN", "the next token"),
        ("CALLBACK_TOKEN_PREVIOUS", TOKEN),
    ]);
    let third = send(&new, "previous", unfollow("previous", &["bob"], now_ms()));
    ended(&new, "previous", "delivered", 1);
    assert!(bodies(backend).contains(&second) && bodies(backend).contains(&third));
    assert!(post(&new.url, &signed(APP, BEFORE, TOKEN), r#"{"a":1}"#).is_ok());
    assert_eq!(backend.status(&signed(APP, BEFORE, "the next token"), &[], "{}"), 200);
}

/// Below `examples/backends/`, and below what `scripts/backends.sh` has installed.
fn example(name: &str) -> PathBuf {
    Path::new(ROOT).join("examples/backends").join(name)
}

fn made(name: &str) -> PathBuf {
    Path::new(ROOT).join("target/backends").join(name)
}

fn node(program: &str) -> Command {
    let mut command = Command::new(Path::new(ROOT).join("node_modules/.bin/node"));
    command.arg(made("node").join(program));
    command
}

#[test]
#[ignore = "slow: make test-slow"]
fn express() {
    verifies_and_stores_once(|_| node("express.mjs"));
}

#[test]
#[ignore = "slow: make test-slow"]
fn hono() {
    verifies_and_stores_once(|_| node("hono.mjs"));
}

#[test]
#[ignore = "slow: make test-slow"]
fn fastapi() {
    verifies_and_stores_once(|port| {
        let mut command = Command::new(made("python/bin/uvicorn"));
        command.arg("--app-dir").arg(example("")).args(["fastapi_backend:app", "--port", &port.to_string()]);
        command
    });
}

#[test]
#[ignore = "slow: make test-slow"]
fn go() {
    verifies_and_stores_once(|_| Command::new(made("go/backend")));
}

#[test]
#[ignore = "slow: make test-slow"]
fn php() {
    verifies_and_stores_once(|port| {
        let mut command = Command::new("php");
        command.args(["-S", &format!("127.0.0.1:{port}")]).arg(example("backend.php"));
        command
    });
}

#[test]
#[ignore = "slow: make test-slow"]
fn java() {
    verifies_and_stores_once(|_| {
        let mut command = Command::new("java");
        command.args(["-cp", "/usr/share/java/sqlite-jdbc.jar"]).arg(example("Backend.java"));
        command
    });
}
