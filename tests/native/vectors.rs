//! The golden vectors in `tests/vectors`: what Tencent sends and what it must get, decided outside this code.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use unfollow_webhook::{
    config::Config,
    event::EventId,
    receive::Receiver,
    receive::rejection::Rejection,
    receive::validate::RequestHead,
    webhook::{
        SdkAppId,
        auth::{CallbackToken, Policy},
        body::Follow,
        command::Kind,
    },
};

use crate::{
    fakes::{FakeBody, FakeKv, Plan, paused},
    ports::{FakeEnvironment, FakePorts},
    samples::{BOUND_WITHOUT_DATABASE, UNBOUND, post},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// All rows are checked before a test fails, so that it names every one that is wrong.
fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_committed_vectors_are_what_the_script_writes() {
    let fresh = tempfile::tempdir().unwrap();
    let status = Command::new("python3").arg(folder().join("generate.py")).arg(fresh.path()).status();
    assert!(status.expect("python3 is a prerequisite of the tests").success());
    let mut names: Vec<_> = fs::read_dir(fresh.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["calls.json", "entry.json", "event-id.json", "sign.json"]);
    for name in names {
        let [committed, written] = [folder(), fresh.path().to_owned()].map(|it| fs::read(it.join(&name)).unwrap());
        assert!(committed == written, "{name:?} is not what generate.py writes: run it, and commit what it wrote");
    }
}

#[derive(Deserialize)]
struct SignFile {
    calls: Vec<SignRow>,
    tokens: Vec<TokenRow>,
}

#[derive(Deserialize)]
struct SignRow {
    why: String,
    tokens: Vec<String>,
    request_time: Option<String>,
    sign: Option<String>,
    now_ms: u64,
    #[serde(rename = "verdict")]
    outcome: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct TokenRow {
    why: String,
    token: String,
    #[serde(rename = "verdict")]
    outcome: String,
}

#[test]
fn a_sign_gets_the_outcome_and_the_reason_of_its_row() {
    let mut wrong = Vec::new();
    for row in read::<SignFile>("sign.json").calls {
        let tokens: Vec<_> = row.tokens.iter().map(|token| CallbackToken::new(token.clone()).unwrap()).collect();
        let policy = Policy::Signed(tokens.iter().collect());
        let checked = policy.check((), row.sign.as_deref(), row.request_time.as_deref(), row.now_ms);
        let reason = checked.as_ref().err().map(|&error| Rejection::from(error).row().name);
        let outcome = if checked.is_ok() { "accepted" } else { "rejected" };
        if (outcome, reason) != (&row.outcome, row.reason.as_deref()) {
            wrong.push(format!("{}: {outcome} {reason:?}", row.why));
        }
    }
    none_wrong(&wrong);
}

#[test]
fn a_token_is_accepted_or_rejected_as_its_row_says() {
    let mut wrong = Vec::new();
    for row in read::<SignFile>("sign.json").tokens {
        let outcome = if CallbackToken::new(row.token).is_ok() { "accepted" } else { "rejected" };
        if outcome != row.outcome {
            wrong.push(format!("{}: {outcome}", row.why));
        }
    }
    none_wrong(&wrong);
}

#[derive(Deserialize)]
struct IdFile {
    events: Vec<IdRow>,
}

#[derive(Deserialize)]
struct IdRow {
    why: String,
    event: String,
    sdk_app_id: String,
    kind: String,
    body: String,
    id: String,
}

#[test]
fn an_id_follows_the_documented_encoding() {
    let mut wrong = Vec::new();
    for row in read::<IdFile>("event-id.json").events {
        let app = SdkAppId::parse(&row.sdk_app_id).unwrap();
        let kind = row.kind.parse::<Kind>().expect("a kind");
        let id = Follow::parse(kind, row.body.as_bytes()).map(|follows| EventId::of(app, &follows[0]).to_string());
        if id.as_ref() != Ok(&row.id) {
            wrong.push(format!("{}: {id:?}", row.why));
        }
    }
    none_wrong(&wrong);
}

#[test]
fn only_the_same_event_has_the_same_id() {
    let mut events = HashMap::new();
    let rows = read::<IdFile>("event-id.json").events;
    for row in &rows {
        let other = events.insert(row.id.clone(), &row.event);
        assert!(other.is_none_or(|other| *other == row.event), "{}", row.why);
    }
    let names: HashSet<_> = rows.iter().map(|row| &row.event).collect();
    assert_eq!(events.len(), names.len(), "an event has two ids");
}

#[derive(Deserialize)]
struct EntryFile {
    entries: Vec<EntryRow>,
}

#[derive(Deserialize)]
struct EntryRow {
    why: String,
    settings: BTreeMap<String, String>,
    url: String,
    body: String,
    now_ms: u64,
    key: String,
    value: String,
    metadata: String,
    expiration: Option<u64>,
}

#[test]
fn an_entry_is_byte_for_byte_that_of_its_row() {
    for row in read::<EntryFile>("entry.json").entries {
        let config = Config::read(&FakeEnvironment::of(&row.settings, BOUND_WITHOUT_DATABASE));
        let entries = paused(async {
            let kv = FakeKv::of(&[Plan::Succeeds(5)]);
            let receiver = Receiver { config: &config.calls, ports: &FakePorts::at(row.now_ms, &kv) };
            let length = Some(row.body.len() as u64);
            let handled = receiver.receive(post(&row.url), &FakeBody::of(row.body).declaring(length)).await;
            assert_eq!(handled.response.status, 200, "{}: {}", row.why, handled.log.as_ref().unwrap().1);
            kv.puts.entries()
        });
        let [entry] = &entries[..] else { panic!("{}: {} entries", row.why, entries.len()) };
        assert_eq!(entry.key, row.key, "{}", row.why);
        assert_eq!(entry.value, row.value, "{}", row.why);
        assert_eq!(entry.metadata, row.metadata, "{}", row.why);
        assert_eq!(entry.expiration, row.expiration, "{}", row.why);
    }
}

#[derive(Deserialize)]
struct CallFile {
    defaults: Map<String, Value>,
    calls: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct CallRow {
    step: String,
    why: String,
    settings: BTreeMap<String, String>,
    bindings: bool,
    store: Works,
    method: String,
    url: String,
    body: String,
    body_hex: Option<String>,
    pad_to: Option<usize>,
    content_length: Option<Declared>,
    now_ms: u64,
    status: u16,
    error_code: u32,
    outcome: String,
    reason: Option<String>,
    key: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Works {
    Works,
    Fails,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Declared {
    Bytes(u64),
    /// "own": as many as the body has.
    Own(#[allow(dead_code)] String),
}

fn calls() -> Vec<CallRow> {
    let CallFile { defaults, calls } = read("calls.json");
    let row = |row: Map<String, Value>| {
        let whole: Map<_, _> = defaults.clone().into_iter().chain(row).collect();
        serde_json::from_value(Value::Object(whole)).unwrap()
    };
    calls.into_iter().map(row).collect()
}

impl CallRow {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.body.clone().into_bytes();
        if let Some(digits) = &self.body_hex {
            bytes = vec![0; digits.len() / 2];
            hex::decode_to_slice(digits, &mut bytes).unwrap();
        }
        bytes.resize(self.pad_to.unwrap_or(bytes.len()), b' ');
        bytes
    }

    /// What is wrong with the response, the log record or what was stored, if anything.
    fn mismatch(&self) -> Option<String> {
        let bound = if self.bindings { BOUND_WITHOUT_DATABASE } else { UNBOUND };
        let config = Config::read(&FakeEnvironment::of(&self.settings, bound));
        let declared = self.content_length.as_ref().map(|declared| match declared {
            Declared::Bytes(bytes) => *bytes,
            Declared::Own(_) => self.bytes().len() as u64,
        });
        let body = FakeBody::of(self.bytes()).declaring(declared);
        let plan = if self.store == Works::Works { Plan::Succeeds(5) } else { Plan::Fails(5) };
        let (handled, entries) = paused(async {
            let kv = FakeKv::of(&[plan; 2]);
            let receiver = Receiver { config: &config.calls, ports: &FakePorts::at(self.now_ms, &kv) };
            let head = RequestHead { method: &self.method, ..post(&self.url) };
            let handled = receiver.receive(head, &body).await;
            (handled, kv.puts.entries())
        });

        let answer: Value = serde_json::from_str(&handled.response.body).unwrap();
        let record: Value = serde_json::from_str(&handled.log.as_ref().unwrap().1).unwrap();
        let ok = self.status == 200;
        let keys: Vec<_> = entries.iter().map(|entry| &entry.key).collect();
        // Up to contenttype, a call is rejected before its body is read.
        let is_unread = matches!(&*self.step, "settings" | "path_and_scheme" | "query" | "auth" | "content_type");
        let checks = [
            handled.response.status == self.status,
            answer["ActionStatus"] == if ok { "OK" } else { "FAIL" },
            answer["ErrorCode"] == self.error_code,
            answer["ErrorInfo"].as_str().is_some_and(|info| info.is_empty() == ok),
            answer.as_object().is_some_and(|answer| answer.len() == 3),
            record["status"] == self.status,
            record["outcome"] == *self.outcome,
            record["reason"].as_str() == self.reason.as_deref(),
            keys == self.key.iter().collect::<Vec<_>>(),
            ok || !is_unread || body.asked().is_none(),
            handled.late.is_empty(),
        ];
        let right = checks.iter().all(|check| *check);
        (!right).then(|| format!("{}: {checks:?} {} {answer} {record} {keys:?}", self.why, handled.response.status))
    }
}

#[test]
fn a_call_gets_the_response_of_its_row() {
    none_wrong(&calls().iter().filter_map(CallRow::mismatch).collect::<Vec<_>>());
}

#[test]
fn every_reason_has_a_row() {
    let rows = calls();
    for rejection in Rejection::ALL {
        // receive.rs tests when and how a body ends, and what comes from this Worker; relay.rs what the origin answers.
        let elsewhere =
            matches!(rejection, Rejection::Loop | Rejection::BodyLate | Rejection::BodyBroken | Rejection::Relay(_));
        if !elsewhere {
            let name = rejection.row().name;
            assert!(rows.iter().any(|row| row.reason.as_deref() == Some(name)), "{name}");
        }
    }
    for outcome in ["stored", "probe", "unhandled"] {
        assert!(rows.iter().any(|row| row.outcome == outcome), "{outcome}");
    }
}
