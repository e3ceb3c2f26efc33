//! What is stored: the record and the metadata, read back by wrangler and not by the Worker.

use serde_json::{Value, json};

use crate::{
    TOKEN,
    call::{APP, FOLLOW, UNFOLLOW, now_ms, post, post_chunked, signature, signed, unfollow, unsigned},
    worker::Worker,
};

/// The body of Tencent's page, verbatim.
const TENCENTS_BODY: &str = r#"{
"CallbackCommand": "Follow.CallbackAfterFollowDelete",
"From_Account": "UserID_001",
"To_Account": [
"UserID_002",
"UserID_003"
],
"EventTime": 1702018343678
}"#;

/// The key of Tencent's event for app 1400000000: its id was computed by tests/vectors/generate.py.
const TENCENTS_KEY: &str = "event/1400000000/8297981656321-4291e1af60c1595d47059136803c0cb2";

/// The entry in KV's list whose `From_Account` begins with `from`; there has to be exactly one.
fn listed(worker: &Worker, from: &str) -> Value {
    let keys = worker.keys();
    let mine = |entry: &&Value| entry["metadata"]["from_account"].as_str().is_some_and(|it| it.starts_with(from));
    let found: Vec<_> = keys.as_array().unwrap().iter().filter(mine).cloned().collect();
    assert_eq!(found.len(), 1, "{from}: {found:?}");
    found.into_iter().next().unwrap()
}

/// The text stored under a key.
fn stored(worker: &Worker, key: &str) -> String {
    worker.values(&[key.to_owned()]).remove(key).unwrap_or_else(|| panic!("{key} is not there"))
}

#[test]
fn tencents_sample_request_is_stored_byte_for_byte() {
    for (worker, signature) in [(crate::unsigned(), String::new()), (crate::signed(), signature(TOKEN, 0))] {
        let sample = unsigned(APP, UNFOLLOW);
        let query = if signature.is_empty() { sample.clone() } else { format!("{sample}&{signature}") };
        let before = now_ms();
        assert!(post(&worker.url, &query, TENCENTS_BODY).is_ok());

        let text = stored(worker, TENCENTS_KEY);
        let record: Value = serde_json::from_str(&text).unwrap();
        let received_at = record["received_at"].as_u64().unwrap();
        assert!((before - 1000..=now_ms() + 1000).contains(&received_at), "{received_at}");
        let id = TENCENTS_KEY.rsplit_once('/').unwrap().1;
        let expected = format!(
            r#"{{"id":"{id}","sdk_app_id":1400000000,"kind":"unfollow","from_account":"UserID_001","to_accounts":["UserID_002","UserID_003"],"event_time":1702018343678,"received_at":{received_at},"opt_platform":"iOS","client_ip":"127.0.0.1","request_id":null,"query":"{sample}","body":{TENCENTS_BODY}}}"#
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn a_second_delivery_overwrites_the_first() {
    let worker = crate::unsigned();
    let body = unfollow("delivered-twice", &["bob"], now_ms());
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), &body).is_ok());
    let other_query = format!("{}&RequestId=again", unsigned(APP, UNFOLLOW));
    assert!(post(&worker.url, &other_query, body.replace('{', r#"{"New":1,"#)).is_ok());
    assert_eq!(listed(worker, "delivered-twice")["metadata"]["request_id"], "again");
}

#[test]
fn a_follow_is_stored_too() {
    let worker = crate::unsigned();
    let list = json!([{"To_Account": "bob"}, {"To_Account": "carol", "Unknown": [1]}]);
    let body = json!({"CallbackCommand": FOLLOW, "From_Account": "follows", "FollowList": list, "EventTime": now_ms()});
    assert!(post(&worker.url, &unsigned(APP, FOLLOW), body.to_string()).is_ok());
    let entry = listed(worker, "follows");
    assert_eq!(entry["metadata"]["kind"], "follow");
    assert_eq!(entry["metadata"]["to_accounts"], json!(["bob", "carol"]));
}

#[test]
fn any_user_id_and_any_number_of_targets_are_stored_completely() {
    let worker = crate::unsigned();
    let twenty: Vec<_> = (0..20).map(|n| format!("a-user-of-twenty-with-32-bytes{n:02}")).collect();
    let three_hundred: Vec<_> = (0..300).map(|n| format!("@TOA#_one of 300, number {n}")).collect();
    let strange = ["@TLS#NOT_FOUND", "administrator", "微信😀\"\\\n\u{1}", "<img onerror=alert(1)>", "Bob", "bob"];
    let long = "long ".repeat(2000);
    for (from, targets, whole) in [
        ("has-twenty-targets", twenty.iter().map(String::as_str).collect(), true),
        ("has-300-targets", three_hundred.iter().map(String::as_str).collect(), false),
        ("has-strange-targets-😀", strange.to_vec(), true),
        ("has-a-long-target", vec![long.as_str(), "bob"], false),
    ] {
        let targets: Vec<&str> = targets;
        let body = unfollow(from, &targets, now_ms());
        assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), &body).is_ok(), "{from}");

        let entry = listed(worker, from);
        let text = stored(worker, entry["name"].as_str().unwrap());
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["to_accounts"], json!(targets), "{from}");
        assert!(text.ends_with(&format!(",\"body\":{body}}}")), "{from}");

        let metadata = &entry["metadata"];
        assert!(metadata.to_string().len() <= 1024);
        if whole {
            assert_eq!((&metadata["to_accounts"], &metadata["truncated"]), (&json!(targets), &Value::Null), "{from}");
        } else {
            assert_eq!((&metadata["to_accounts_total"], &metadata["truncated"]), (&json!(targets.len()), &json!(true)));
        }
    }
}

#[test]
fn texts_too_long_for_metadata_do_not_fail_the_put() {
    let worker = crate::signed();
    let from = format!("long-platform-{}", "微".repeat(3000));
    let query = signed(APP, UNFOLLOW, TOKEN).replace("iOS", &"p".repeat(3500));
    assert!(post_chunked(&worker.url, &query, unfollow(&from, &["bob"], now_ms()).as_bytes()).is_ok());
    assert_eq!(listed(worker, "long-platform-")["metadata"]["truncated"], true);
}

#[test]
fn unknown_parameters_and_members_are_stored_as_they_came() {
    let worker = crate::signed();
    let body = unfollow("has-unknown", &["bob"], now_ms()).replace('{', r#"{ "New" : {"a":[1.50,{}]} ,"#);
    let query = format!("New=%zz&{}&x=1", signed(APP, UNFOLLOW, TOKEN));
    assert!(post(&worker.url, &query, format!("\u{feff} {body}\r\n")).is_ok());
    let record = stored(worker, listed(worker, "has-unknown")["name"].as_str().unwrap());
    assert!(
        record.ends_with(&format!(r#","query":"New=%zz&{}&x=1","body":{body}}}"#, unsigned(APP, UNFOLLOW))),
        "{record}"
    );
    assert!(!record.contains("RequestTime") && !record.contains("Sign"));
}
