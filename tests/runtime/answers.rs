//! Every row of the table of responses, over HTTP.

use std::collections::BTreeSet;

use serde_json::json;
use unfollow_webhook::{
    origin::HOP_HEADER,
    receive::rejection::Rejection,
    webhook::command::{FOLLOW_BODY_MAX, OTHER_BODY_MAX},
};

use crate::{
    OTHER_APP, OTHER_APPS_TOKEN, PREVIOUS_TOKEN, TOKEN,
    call::{
        APP, Answer, FOLLOW, UNFOLLOW, now_ms, post, post_chunked, post_to_host, post_with, request, signature, signed,
        unfollow, unsigned,
    },
    worker::Home,
};

/// Reasons that need other settings, another store or a sender that stalls; other tests provoke them.
const ELSEWHERE: [&str; 11] = [
    "settings",
    "insecure",
    "no_token",
    "body_late",
    "body_broken",
    "not_stored",
    "relay_late",
    "relay_unreachable",
    "relay_redirect",
    "relay_not_json",
    "relay_too_large",
];

#[test]
fn each_rejection_has_its_status_and_code() {
    let (url, with_origin) = (&crate::signed().url, &crate::forwarding().0.url);
    let query = || signed(APP, UNFOLLOW, TOKEN);
    let body = unfollow("alice", &["bob"], now_ms());
    let fits = |length: usize| format!("{}{}", body, " ".repeat(length - body.len()));
    let with = |from: &str, to: &str| body.replace(from, to);
    let event_time =
        format!("\"EventTime\":{}", body.split_once("\"EventTime\":").unwrap().1.split(',').next().unwrap());
    let event_time = event_time.trim_end_matches('}');
    let auth = |parameters: String| format!("{}&{parameters}", unsigned(APP, UNFOLLOW));

    let cases: Vec<(&str, Answer)> = vec![
        ("not_found", request("POST", &format!("{url}/elsewhere?{}", query()))),
        ("method", request("GET", &format!("{url}/?{}", query()))),
        ("query_too_long", post(url, &format!("{}&x={}", query(), "x".repeat(4096)), &body)),
        ("query_encoding", post(url, &query().replace("iOS", "%zz"), &body)),
        ("query_duplicate", post(url, &format!("{}&SdkAppId={APP}", query()), &body)),
        ("sdk_app_id_missing", post(url, &query().replace("SdkAppid=", "x="), &body)),
        ("sdk_app_id_foreign", post(url, &query().replace(APP, "1400000009"), &body)),
        ("sdk_app_id_foreign", post(url, &query().replace(APP, "01400000000"), &body)),
        ("sign_missing", post(url, &unsigned(APP, UNFOLLOW), &body)),
        ("sign_malformed", post(url, &auth(signature(TOKEN, 0).replace("Sign=", "Sign=0")), &body)),
        ("request_time_missing", post(url, &query().replace("RequestTime", "x"), &body)),
        ("request_time_malformed", post(url, &query().replace("RequestTime=", "RequestTime=%2B"), &body)),
        ("request_time_far", post(url, &auth(signature(TOKEN, -65)), &body)),
        ("request_time_far", post(url, &auth(signature(TOKEN, 65)), &body)),
        ("sign_mismatch", post(url, &signed(APP, UNFOLLOW, "another"), &body)),
        ("sign_mismatch", post(url, &signed(OTHER_APP, UNFOLLOW, TOKEN), &body)),
        ("loop", post_with(&format!("{with_origin}/?{}", query()), &[(HOP_HEADER, "1")], body.as_bytes())),
        ("content_type", post(url, &query().replace("=json", "=xml"), &body)),
        ("body_too_large", post(url, &query(), fits(FOLLOW_BODY_MAX + 1))),
        ("body_too_large", post_chunked(url, &query(), fits(FOLLOW_BODY_MAX + 1).as_bytes())),
        ("body_too_large", post(url, &signed(APP, "State.StateChange", TOKEN), fits(OTHER_BODY_MAX + 1))),
        ("body_too_large", post_chunked(url, &signed(APP, "x", TOKEN), fits(OTHER_BODY_MAX + 1).as_bytes())),
        ("command_missing", post(url, &query().replace("CallbackCommand", "x"), r#"{"a":1}"#)),
        ("body_not_an_object", post(url, &query(), &body[..body.len() - 1])),
        ("body_not_an_object", post(url, &query(), b"{\"a\":\"\xff\"}")),
        ("duplicate_member", post(url, &query(), with("{", r#"{"EventTime":1,"#))),
        ("command_mismatch", post(url, &query(), with(UNFOLLOW, FOLLOW))),
        ("from_account", post(url, &query(), with(r#""alice""#, r#""""#))),
        ("targets", post(url, &query(), with(r#"["bob"]"#, "[]"))),
        ("too_many_targets", post(url, &query(), with(r#""bob""#, &vec![r#""bob""#; 501].join(",")))),
        ("event_time", post(url, &query(), with(event_time, r#""EventTime":12345678901234"#))),
    ];

    for (name, answer) in &cases {
        let row = Rejection::ALL.iter().map(|rejection| rejection.row()).find(|row| row.name == *name).unwrap();
        assert_eq!(answer.code(), (row.status, row.error_code.into()), "{name}: {answer:?}");
        assert_eq!(
            (&answer.body["ActionStatus"], &answer.body["ErrorInfo"]),
            (&json!("FAIL"), &json!(row.error_info()))
        );
        assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
        assert_eq!(answer.header("allow"), if *name == "method" { "POST" } else { "" });
    }
    let seen: BTreeSet<_> = cases.iter().map(|(name, _)| *name).chain(ELSEWHERE).collect();
    let all: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.row().name).collect();
    assert_eq!(seen, all, "a rejection without a case");
}

#[test]
fn every_token_of_an_app_is_accepted() {
    let url = &crate::signed().url;
    for (app, token) in [(APP, TOKEN), (APP, PREVIOUS_TOKEN), (OTHER_APP, OTHER_APPS_TOKEN)] {
        let answer = post(url, &signed(app, UNFOLLOW, token), unfollow("alice", &["bob"], now_ms()));
        assert!(answer.is_ok(), "{app}: {answer:?}");
    }
    // Upper-case hex and a time near the edge of the window are fine.
    let upper = signature(TOKEN, -55).to_uppercase().replace("SIGN", "Sign").replace("REQUESTTIME", "RequestTime");
    assert!(post(url, &format!("{}&{upper}", unsigned(APP, UNFOLLOW)), unfollow("alice", &["bob"], now_ms())).is_ok());
}

#[test]
fn bodies_of_the_largest_size_are_accepted() {
    let url = &crate::signed().url;
    let body = unfollow("largest", &["bob"], now_ms());
    let fits = |length: usize| format!("{}{}", body, " ".repeat(length - body.len())).into_bytes();
    assert!(post(url, &signed(APP, UNFOLLOW, TOKEN), fits(FOLLOW_BODY_MAX)).is_ok());
    assert!(post_chunked(url, &signed(APP, UNFOLLOW, TOKEN), &fits(FOLLOW_BODY_MAX)).is_ok());
    assert!(post(url, &signed(APP, "State.StateChange", TOKEN), fits(OTHER_BODY_MAX)).is_ok());
    assert!(post_chunked(url, &signed(APP, "State.StateChange", TOKEN), &fits(OTHER_BODY_MAX)).is_ok());
}

#[test]
fn the_consoles_probe_is_answered_and_stores_nothing() {
    let worker = crate::signed();
    for (query, body) in [
        (signed(APP, UNFOLLOW, TOKEN), ""),
        (signed(APP, UNFOLLOW, TOKEN), "{}"),
        (signed(APP, "Sns.CallbackPrevFriendAdd", TOKEN), r#"{"CallbackCommand":"Sns.CallbackPrevFriendAdd"}"#),
        (signature(TOKEN, 0), ""),
        (signature(OTHER_APPS_TOKEN, 0), ""),
        (format!("{}&CallbackCommand={UNFOLLOW}", signature(PREVIOUS_TOKEN, 0)), "{}"),
    ] {
        let probe = format!("{query}&RequestId=probe-{}", now_ms());
        assert!(post(&worker.url, &probe, body).is_ok(), "{query} {body}");
        let id = probe.rsplit_once('=').unwrap().1;
        let record = worker.log_record(|record| record["request_id"] == id);
        assert_eq!(record["outcome"], "probe", "{record}");
    }
    // One that is no probe, and two whose response says what is wrong with their Sign.
    for (query, code) in
        [(String::new(), (400, 40003)), (signature("another", 0), (401, 40106)), (signature(TOKEN, -65), (401, 40105))]
    {
        assert_eq!(post(&worker.url, &query, "").code(), code, "{query}");
    }
    assert!(post(&crate::unsigned().url, "", "").is_ok());
}

#[test]
fn other_commands_are_answered_unread() {
    let worker = crate::signed();
    for command in ["C2C.CallbackBeforeSendMsg", "Follow.CallbackAfterSomethingNew", "follow.callbackafterfollowdelete"]
    {
        let query = format!("{}&RequestID=other-{command}", signed(APP, command, TOKEN));
        assert!(post(&worker.url, &query, "this is not JSON").is_ok(), "{command}");
        let record = worker.log_record(|record| record["request_id"] == format!("other-{command}"));
        assert_eq!((&record["outcome"], &record["command"]), (&json!("unhandled"), &json!(command)));
    }
    // The command may be in the body only.
    let query = signed(APP, UNFOLLOW, TOKEN).replace("CallbackCommand", "x");
    assert!(post(&worker.url, &query, unfollow("in the body alone", &["bob"], now_ms())).is_ok());
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    // With this, the Worker sees the scheme and the host that the client used.
    let home = Home::new(&[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")], |config| {
        config["dev"].as_table_mut().unwrap().insert("upstream_protocol".into(), "http".into());
    });
    let worker = home.start();
    let query = unsigned(APP, UNFOLLOW);
    let body = unfollow("alice", &["bob"], now_ms());
    assert_eq!(post_to_host(&worker.url, "example.com", &query, &body).code(), (403, 40300));
    assert!(post_to_host(&worker.url, "localhost", &query, &body).is_ok());
    assert!(post(&worker.url, &query, &body).is_ok());
}

#[test]
fn a_log_record_gives_the_reason_and_no_secret() {
    let worker = crate::signed();
    let marks = ["marked-user", "marked-target", "marked-member"];
    let body = unfollow(marks[0], &[marks[1]], now_ms()).replace('{', &format!("{{\"{}\":1,", marks[2]));
    let good = format!("{}&RequestId=log-good", signed(APP, UNFOLLOW, TOKEN));
    let bad = format!("{}&RequestId=log-bad%0a{{}}", signed(APP, UNFOLLOW, "another"));
    assert!(post(&worker.url, &good, &body).is_ok());
    assert_eq!(post(&worker.url, &bad, &body).status, 401);

    let record = worker.log_record(|record| record["request_id"] == "log-good");
    assert_eq!(
        (&record["outcome"], &record["targets"], &record["platform"]),
        (&json!("stored"), &json!(1), &json!("iOS"))
    );
    let record = worker.log_record(|record| record["request_id"] == "log-bad?{}");
    assert_eq!((&record["outcome"], &record["reason"]), (&json!("rejected"), &json!("sign_mismatch")));

    let sign = |query: &str| query.split_once("Sign=").unwrap().1[..64].to_owned();
    let log = serde_json::to_string(&worker.log_records()).unwrap();
    for secret in marks.map(str::to_owned).into_iter().chain([sign(&good), sign(&bad), TOKEN.to_owned()]) {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}
