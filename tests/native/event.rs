//! The record and its metadata: what they contain, and that no input makes them larger than KV allows.
//!
//! Whole entries, byte for byte, are in `tests/vectors/entry.json`.

use proptest::prelude::*;
use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{event::METADATA_MAX, webhook::command::Kind};

use crate::samples::{APP, FOLLOW, NOW_MS, UNFOLLOW, event, query};

const KINDS: [(Kind, &str); 2] = [(Kind::Unfollow, "unfollow"), (Kind::Follow, "follow")];

fn object(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    assert!(value.is_object(), "{text}");
    value
}

/// The body of a webhook of this kind.
fn body(kind: Kind, from: &str, targets: &[String], event_time: u64) -> String {
    let targets = match kind {
        Kind::Unfollow => json!(targets),
        Kind::Follow => targets.iter().map(|target| json!({ "To_Account": target })).collect(),
    };
    let name = if kind == Kind::Unfollow { "To_Account" } else { "FollowList" };
    json!({ "CallbackCommand": kind.command(), "From_Account": from, name: targets, "EventTime": event_time })
        .to_string()
}

#[test]
fn a_record_has_the_members_of_the_design_and_no_other() {
    for (kind, name) in KINDS {
        let sent = if kind == Kind::Unfollow { UNFOLLOW } else { FOLLOW };
        let query = query(kind.command());
        let event = event(&query, kind, sent.as_bytes());
        let record = object(&event.entry(None, NOW_MS).value);
        let expected = json!({
            "id": event.id().to_string(),
            "sdk_app_id": 1_400_000_000,
            "kind": name,
            "from_account": "UserID_001",
            "to_accounts": ["UserID_002", "UserID_003"],
            "event_time": 1_702_018_343_678_u64,
            "received_at": NOW_MS,
            "opt_platform": "iOS",
            "client_ip": "127.0.0.1",
            "request_id": null,
            "query": query.split("&Sign=").next(),
            "body": object(sent),
        });
        assert_eq!(record, expected);
    }
}

#[test]
fn metadata_is_the_record_without_query_and_body_and_what_the_key_has() {
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let entry = event.entry(None, NOW_MS);
    let mut expected = object(&entry.value);
    for name in ["id", "sdk_app_id", "event_time", "query", "body"] {
        expected.as_object_mut().unwrap().remove(name).unwrap();
    }
    assert_eq!(object(&entry.metadata), expected);
    // The key has the rest: the app, the id, and within the id the time.
    let parts: Vec<_> = entry.key.split('/').collect();
    assert_eq!(parts, ["event", APP, &event.id().to_string()]);
    let countdown: u64 = parts[2].split('-').next().unwrap().parse().unwrap();
    assert_eq!(9_999_999_999_999 - countdown, 1_702_018_343_678);
}

#[test]
fn nothing_of_the_signature_is_stored() {
    let query = query(Kind::Unfollow.command());
    let sign = query.split_once("Sign=").unwrap().1.split('&').next().unwrap();
    let entry = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()).entry(None, NOW_MS);
    let all = format!("{}{}{}", entry.key, entry.value, entry.metadata);
    for trace in [sign, "Sign", "RequestTime", "1702018344&", "=1702018344"] {
        assert!(!all.contains(trace), "{trace}: {all}");
    }
}

#[test]
fn the_query_is_stored_as_it_came() {
    for (came, stored) in [
        ("&SdkAppid=1", "&SdkAppid=1"),
        ("&&x=1&", "&&x=1&"),
        ("Sign=0&&x=1", "&x=1"),
        ("x=1&&Sign=0&&y=%zz&", "x=1&&&y=%zz&"),
        ("x=1&Sign=0", "x=1"),
        ("RequestTime=1&x=1", "x=1"),
        ("x&=&&", "x&=&&"),
    ] {
        let record = object(&event(came, Kind::Unfollow, UNFOLLOW.as_bytes()).entry(None, NOW_MS).value);
        assert_eq!(record["query"], stored, "{came}");
    }
}

#[test]
fn the_body_is_stored_byte_for_byte() {
    let sent = " {\"To_Account\" :\t[\"b\\u0000\\/\\ud83d\\ude42\"],\r\n \"x\":[1.0, 1e999,-0,12345678901234567890],\"x\":\"\\ud800\",\
                \"From_Account\":\"\u{e9}\u{2028}\" , \"EventTime\" : \"1\" }\n\n";
    let value = event("", Kind::Unfollow, sent.as_bytes()).entry(None, NOW_MS).value;
    assert!(value.ends_with(&format!(",\"body\":{}}}", sent.trim())), "{value}");
}

#[test]
fn retention_counts_from_receipt() {
    let event = event("", Kind::Unfollow, UNFOLLOW.as_bytes());
    assert_eq!(event.entry(None, NOW_MS).expiration, None);
    assert_eq!(event.entry(Some(86_400), NOW_MS).expiration, Some(1_702_018_344 + 86_400));
    assert_eq!(event.entry(Some(u64::MAX), NOW_MS).expiration, Some(u64::MAX));
}

#[test]
fn the_largest_real_event_is_listed_whole() {
    // 20 targets of 32 bytes, an IPv6 address in its longest spelling, a UUID.
    let query = "ClientIP=2001:0db8:85a3:0000:0000:8a2e:0370:7334&OptPlatform=RESTAPI\
                 &RequestId=123e4567-e89b-12d3-a456-426614174000";
    let targets: Vec<_> = (0..20).map(|n| format!("{n:t>32}")).collect();
    for (kind, _) in KINDS {
        let body = body(kind, &"f".repeat(32), &targets, 9_999_999_999_999);
        let metadata = event(query, kind, body.as_bytes()).entry(None, NOW_MS).metadata;
        assert_eq!(object(&metadata)["to_accounts"], json!(targets));
        assert!(!metadata.contains("truncated"), "{} bytes", metadata.len());
    }
}

#[test]
fn a_cut_is_marked_with_the_number_of_targets() {
    let targets: Vec<_> = (0..300).map(|n| format!("user{n}")).collect();
    let body = body(Kind::Unfollow, "a", &targets, 1);
    let event = event("OptPlatform=iOS", Kind::Unfollow, body.as_bytes());
    let metadata = object(&event.entry(None, NOW_MS).metadata);
    assert_eq!((&metadata["to_accounts_total"], &metadata["truncated"]), (&json!(300), &json!(true)));
    assert!(metadata["to_accounts"].as_array().unwrap().len() > 50);
    assert_eq!(event.targets(), 300);
}

#[test]
fn metadata_of_just_the_size_that_kv_allows_is_whole() {
    let metadata = |length: usize| {
        let body = body(Kind::Unfollow, &"f".repeat(length), &["t".to_owned()], 1);
        event("", Kind::Unfollow, body.as_bytes()).entry(None, NOW_MS).metadata
    };
    let most = 1 + METADATA_MAX - metadata(1).len();
    assert_eq!((metadata(most).len(), metadata(most).contains("truncated")), (METADATA_MAX, false));
    assert!(metadata(most + 1).len() <= METADATA_MAX && metadata(most + 1).contains("truncated"));
}

#[test]
fn as_many_targets_are_listed_as_fit_to_the_byte() {
    let targets = vec!["t".repeat(10); 300];
    let mut sizes = Vec::new();
    for length in 1..=13 {
        let body = body(Kind::Unfollow, &"f".repeat(length), &targets, 1);
        sizes.push(event("", Kind::Unfollow, body.as_bytes()).entry(None, NOW_MS).metadata.len());
    }
    // A target takes 13 bytes with its comma, and `from_account` moves it on byte by byte: every size occurs once.
    sizes.sort_unstable();
    assert_eq!(sizes, (METADATA_MAX - 12..=METADATA_MAX).collect::<Vec<_>>());
}

#[test]
fn a_long_platform_does_not_displace_the_targets() {
    let query = format!("OptPlatform={}", "p".repeat(4000));
    let metadata = object(&event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()).entry(None, NOW_MS).metadata);
    assert_eq!(metadata["to_accounts"], json!(["UserID_002", "UserID_003"]));
    assert_eq!((&metadata["to_accounts_total"], &metadata["truncated"]), (&json!(2), &json!(true)));
    assert!("p".repeat(4000).starts_with(metadata["opt_platform"].as_str().unwrap()));
}

/// Texts that are short, long, in many scripts, and full of what JSON has to escape.
fn text(longest: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9_@#]{1,32}",
        2 => proptest::collection::vec(any::<char>(), 1..40).prop_map(String::from_iter),
        1 => proptest::collection::vec(proptest::char::range('\0', '\x20'), 1..200).prop_map(String::from_iter),
        1 => ("[\"\\\\/🙂é\u{2028}]{1,8}", 1..longest).prop_map(|(text, times)| text.repeat(1 + times / 8)),
    ]
}

/// One parameter, encoded no more than it must be.
fn parameter(name: &str, value: &str) -> String {
    let value = value.replace('%', "%25").replace('&', "%26");
    format!("{name}={value}")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No input makes a put fail for its size, and every cut is marked.
    #[test]
    fn metadata_fits_and_marks_what_was_cut(
        kind in proptest::sample::select(Kind::VARIANTS),
        from in text(8000),
        targets in proptest::collection::vec(text(2000), 1..40),
        copies in prop_oneof![4 => Just(1_usize), 1 => 1..300_usize],
        platform in proptest::option::of(text(900)),
        client_ip in proptest::option::of(text(900)),
        request_id in proptest::option::of(text(900)),
        event_time in 0..=9_999_999_999_999_u64,
    ) {
        let targets: Vec<_> = targets.iter().cycle().take(targets.len().max(copies)).cloned().collect();
        let optional = [("OptPlatform", &platform), ("ClientIP", &client_ip), ("RequestID", &request_id)];
        let query: Vec<_> =
            optional.iter().filter_map(|(name, value)| value.as_ref().map(|value| parameter(name, value))).collect();
        let query = query.join("&");
        prop_assume!(query.len() <= 4096);
        let body = body(kind, &from, &targets, event_time);
        let event = event(&query, kind, body.as_bytes());
        let entry = event.entry(None, NOW_MS);

        prop_assert!(entry.key.len() <= 512);
        let end = format!(",\"body\":{body}}}");
        prop_assert!(entry.value.ends_with(&end));
        let record = object(&entry.value);
        prop_assert_eq!(&record["from_account"], &from);
        prop_assert_eq!(&record["to_accounts"], &json!(targets));
        prop_assert_eq!(&record["query"], &query);

        prop_assert!(entry.metadata.len() <= METADATA_MAX, "{} bytes", entry.metadata.len());
        let metadata = object(&entry.metadata);
        let whole = json!({
            "kind": record["kind"], "from_account": from, "to_accounts": targets, "received_at": NOW_MS,
            "opt_platform": platform, "client_ip": client_ip, "request_id": request_id,
        });
        if whole.to_string().len() <= METADATA_MAX {
            prop_assert_eq!(metadata, whole);
            return Ok(());
        }

        prop_assert_eq!(&metadata["truncated"], &json!(true));
        prop_assert_eq!(&metadata["to_accounts_total"], &json!(targets.len()));
        prop_assert_eq!(metadata.as_object().unwrap().len(), 9);
        for name in ["from_account", "opt_platform", "client_ip", "request_id"] {
            // A text is cut at its end, a null stays one.
            match whole[name].as_str() {
                Some(text) => prop_assert!(metadata[name].as_str().is_some_and(|cut| text.starts_with(cut)), "{}", name),
                None => prop_assert!(metadata[name].is_null()),
            }
        }
        let listed = metadata["to_accounts"].as_array().unwrap();
        // Whole targets, from the first on; and one more would not have had room.
        prop_assert_eq!(&listed[..], &whole["to_accounts"].as_array().unwrap()[..listed.len()]);
        if let Some(next) = targets.get(listed.len()) {
            prop_assert!(entry.metadata.len() + json!(next).to_string().len() + 1 > METADATA_MAX);
        }
    }
}
