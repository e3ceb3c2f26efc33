//! The log record: one line of JSON whatever arrives, at the level of its status, without secrets and user ids.

use proptest::prelude::*;
use serde_json::{Value, json};
use unfollow_webhook::{
    config::Config,
    database::call_counts::CallOutcome::{DeadLettered, Probe, Queued, Relayed, Stored, Unhandled},
    log::{Level, LogChoice},
    receive::CallLog,
    receive::Receiver,
    receive::rejection::Rejection,
    receive::validate::RequestHead,
    webhook::command::Kind,
};

use crate::{
    fakes::{
        FakeBody, FakeKv,
        Plan::{self, Fails, Succeeds},
        paused,
    },
    ports::FakePorts,
    samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, post, signed, unsigned, url, url_of},
};

fn log_of(config: &Config, head: RequestHead<'_>, body: &str, plans: &[Plan]) -> (Level, String) {
    paused(async {
        let kv = FakeKv::of(plans);
        let receiver = Receiver { config: &config.calls, ports: &FakePorts::at(NOW_MS, &kv) };
        receiver.receive(head, &FakeBody::of(body)).await.log.unwrap()
    })
}

fn unsigned_record(query: &str, body: &str) -> Value {
    let (_, record) = log_of(&unsigned(), post(&url(query)), body, &[Succeeds(1)]);
    serde_json::from_str(&record).unwrap()
}

#[test]
fn a_stored_event_is_logged_with_all_that_helps_to_find_it() {
    let query = format!("SdkAppid={APP}&CallbackCommand={}&OptPlatform=iOS&RequestId=r-1", Kind::Unfollow.command());
    let (level, record) = log_of(&unsigned(), post(&url(&query)), UNFOLLOW, &[Succeeds(25)]);
    assert_eq!(level, Level::Info);
    let expected = json!({
        "outcome": "stored", "status": 200, "app": APP, "command": "Follow.CallbackAfterFollowDelete", "targets": 2,
        "platform": "iOS", "request_id": "r-1", "duration_ms": 25,
    });
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap(), expected);
}

#[test]
fn a_rejected_call_is_logged_with_its_reason() {
    let rejected = url_of(Kind::Unfollow).replace("Sign=", "Sign=0");
    let (level, record) = log_of(&signed(), post(&rejected), UNFOLLOW, &[]);
    assert_eq!(level, Level::Warn);
    let expected = json!({
        "outcome": "rejected", "reason": "sign_malformed", "status": 401, "app": APP,
        "command": "Follow.CallbackAfterFollowDelete", "platform": "iOS", "duration_ms": 0,
    });
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap(), expected);
}

#[test]
fn a_call_that_failed_is_logged_as_an_error() {
    let (level, record) = log_of(&signed(), post(&url_of(Kind::Unfollow)), UNFOLLOW, &[Fails(1), Fails(1)]);
    assert_eq!(level, Level::Error);
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(
        (&record["outcome"], &record["reason"], &record["targets"]),
        (&json!("failed"), &json!("not_stored"), &json!(2))
    );
}

#[test]
fn a_record_has_the_level_of_its_status() {
    for rejection in Rejection::ALL {
        let finished = CallLog::default().finish(Err(*rejection), 7, LogChoice::All);
        let (level, record) = finished.0.clone().unwrap();
        assert_eq!(CallLog::default().finish(Err(*rejection), 7, LogChoice::Problems), finished);
        let row = rejection.row();
        let (expected, outcome) = if row.status >= 500 { (Level::Error, "failed") } else { (Level::Warn, "rejected") };
        assert_eq!(level, expected, "{}", row.name);
        let expected = json!({ "outcome": outcome, "reason": row.name, "status": row.status, "duration_ms": 7 });
        assert_eq!(serde_json::from_str::<Value>(&record).unwrap(), expected);
    }
    let level = |outcome, choice| CallLog::default().finish(Ok(outcome), 7, choice).0.map(|(level, _)| level);
    for outcome in [Stored, Probe, Unhandled, Relayed] {
        assert_eq!(level(outcome, LogChoice::All), Some(Level::Info));
        // With `LOG=problems` there is no record of it.
        assert_eq!(level(outcome, LogChoice::Problems), None);
    }
    // The event is safe, and a sink has failed.
    for outcome in [Queued, DeadLettered] {
        assert_eq!([LogChoice::All, LogChoice::Problems].map(|choice| level(outcome, choice)), [Some(Level::Warn); 2]);
    }
}

#[test]
fn the_command_may_come_from_the_body() {
    let record = unsigned_record(&format!("SdkAppid={APP}"), r#"{"CallbackCommand":"State.StateChange","x":1}"#);
    assert_eq!((&record["command"], &record["outcome"]), (&json!("State.StateChange"), &json!("unhandled")));
    let long = format!(r#"{{"CallbackCommand":"{}","x":1}}"#, "c".repeat(9999));
    assert_eq!(unsigned_record(&format!("SdkAppid={APP}"), &long)["command"], "c".repeat(128));
}

#[test]
fn a_text_is_cut_at_128_bytes_between_characters() {
    for (text, cut) in [
        ("a".repeat(128), "a".repeat(128)),
        ("a".repeat(129), "a".repeat(128)),
        ("é".repeat(64), "é".repeat(64)),
        ("é".repeat(65), "é".repeat(64)),
        ("a".repeat(127) + "é", "a".repeat(127)),
        ("a".repeat(126) + "微", "a".repeat(126)),
        ("a".repeat(125) + "🙂", "a".repeat(125)),
        ("🙂".repeat(33), "🙂".repeat(32)),
    ] {
        // As it is, and percent-encoded, which takes another way through the code.
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for text in [text, encoded] {
            let record = unsigned_record(&format!("SdkAppid={APP}&OptPlatform={text}&RequestID={text}"), "{}");
            assert_eq!((&record["platform"], &record["request_id"]), (&json!(cut), &json!(cut)), "{text}");
        }
    }
}

#[test]
fn no_character_from_outside_ends_a_line_for_any_reader() {
    // The line ends of Unicode, and what begins a terminal's commands.
    for c in ['\n', '\r', '\0', '\u{b}', '\u{c}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}'] {
        let encoded: String = c.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
        let query = format!("SdkAppid={APP}&CallbackCommand=x{encoded}y&OptPlatform=x{encoded}y&RequestId=x{encoded}y");
        let (_, record) = log_of(&unsigned(), post(&url(&query)), "x", &[]);
        assert!(!record.contains(c), "{c:?} is unescaped in {record:?}");
        assert!(serde_json::from_str::<Value>(&record).is_ok());
    }
}

/// Anything that a query's value may be.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-zA-Z0-9._-]{0,300}", "(%[0-9a-f]{2}){0,90}"]
        .prop_map(|it| it.replace(['&', '#'], ""))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Secrets, users and the body are marked, and arrive wherever they may; none shows.
    #[test]
    fn a_record_is_one_line_of_json_without_secrets_and_user_ids(
        path in prop_oneof![4 => Just("/".to_owned()), 1 => "/[a-z/]{0,9}"],
        method in prop_oneof![9 => Just("POST"), 1 => Just("GET")],
        app in prop_oneof![4 => Just(APP.to_owned()), 1 => value()],
        command in prop_oneof![4 => Just(Kind::Unfollow.command().to_owned()), 1 => value()],
        platform in value(),
        request_id in value(),
        signed_right in proptest::bool::weighted(0.7),
        body in prop_oneof![
            2 => Just(r#"{"From_Account":"MARK","To_Account":["MARK","MARK"],"EventTime":1,"MARK":"MARK"}"#),
            1 => Just(r#"{"From_Account":"MARK","To_Account":["MARK","MARK"],"MARK":"MARK"}"#),
            1 => Just(r#"{"From_Account":"","MARK":"MARK"}"#),
            1 => Just("MARK"),
            1 => Just("{}"),
        ],
        fails in any::<bool>(),
    ) {
        let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", "MARK"), ("CALLBACK_TOKEN_PREVIOUS", TOKEN)]);
        let signed = url_of(Kind::Unfollow);
        let signature = signed.split_once("&Sign=").unwrap().1;
        let signature = if signed_right { signature } else { "MARK&RequestTime=MARK" };
        let url = format!(
            "https://MARK.example.com{path}?SdkAppid={app}&CallbackCommand={command}&ClientIP=MARK&MARK=MARK\
             &OptPlatform={platform}&RequestId={request_id}&Sign={signature}"
        );
        let head = RequestHead { method, ..post(&url) };
        let plan = if fails { Fails(1) } else { Succeeds(1) };
        let (level, record) = log_of(&config, head, body, &[plan; 2]);

        prop_assert!(!record.contains("MARK"), "{record}");
        prop_assert!(!record.contains(&signature[..64.min(signature.len())]), "{record}");
        prop_assert!(!record.contains("://") || [&app, &command, &platform, &request_id].iter().any(|it| it.contains("://")));
        prop_assert!(!record.contains(['\n', '\r']));
        let members: Value = serde_json::from_str(&record).unwrap();
        for (name, member) in members.as_object().unwrap() {
            prop_assert!(member.as_str().is_none_or(|text| text.len() <= 128), "{name}");
        }
        let status = members["status"].as_u64().unwrap();
        let expected = match status { 200 => Level::Info, 500.. => Level::Error, _ => Level::Warn };
        prop_assert_eq!(level, expected);
    }
}
