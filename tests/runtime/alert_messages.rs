//! Messages about alerts from the built Worker to stand-ins for the chat services, each of which checks a message's form and
//! signature as its service documents them, and answers as it does: a refusal often has HTTP 200.

use std::collections::HashMap;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    ADMIN_TOKEN, ORIGIN_SECRET,
    call::{APP, Answer, UNFOLLOW, now_ms, post, request_api, unfollow, unsigned},
    origin::{Origin, Reaction, Received, answer},
    worker::{Home, Settings, Worker, wait_for},
};

const MINUTE_MS: u64 = 60_000;

/// The secrets of the robots.
const FEISHU_SECRET: &str = "nIMtb7r3N9pkXyXdtAbx6e";
const DINGTALK_SECRET: &str = "SECthis+is/secret";

/// The trigger of every minute.
const EVERY_MINUTE: &str = "* * * * *";

fn hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    Base64::encode_string(&mac.finalize().into_bytes())
}

/// The parameters of a request's query.
fn query(request: &Received) -> HashMap<String, String> {
    let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, text)| (name.to_owned(), percent_decode_str(text).decode_utf8().unwrap().into_owned())).collect()
}

/// Whether a time is now, give or take an hour: what Feishu and DingTalk accept.
fn is_now(text: Option<&str>, unit_ms: u64) -> bool {
    let time = text.and_then(|text| text.parse::<u64>().ok()).map(|time| time.saturating_mul(unit_ms));
    time.is_some_and(|time| time.abs_diff(now_ms()) < 60 * MINUTE_MS)
}

fn is_text(value: &Value, max: impl Fn(&str) -> bool) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && max(text))
}

/// What each service does with a request, by its documentation. The path says which it is.
fn service(request: &Received) -> Reaction {
    let path = request.target.split('?').next().unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let query = query(request);
    let get = |name: &str| query.get(name).map(String::as_str);
    let is_json = request.header("content-type").is_some_and(|text| text.starts_with("application/json"));
    assert!(request.method == "POST" && is_json, "{request:?}");
    match path {
        "/feishu" => {
            let key = format!("{}\n{FEISHU_SECRET}", body["timestamp"].as_str().unwrap_or_default());
            if !is_now(body["timestamp"].as_str(), 1000) || body["sign"] != hmac(&key, "") {
                let text = "sign match fail or timestamp is not within one hour from current time";
                return answer(200, &json!({ "code": 19021, "msg": text, "data": {} }).to_string());
            }
            let is_valid = body["msg_type"] == "text"
                && is_text(&body["content"]["text"], |text| !text.contains('<'))
                && request.body.len() <= 20_000;
            if !is_valid {
                return answer(400, r#"{"code":9499,"msg":"Bad Request","data":{}}"#);
            }
            answer(200, r#"{"code":0,"msg":"success","data":{},"Extra":null,"StatusCode":0,"StatusMessage":"success"}"#)
        }
        "/robot/send" => {
            let signed = format!("{}\n{DINGTALK_SECRET}", get("timestamp").unwrap_or_default());
            if !is_now(get("timestamp"), 1) || get("sign") != Some(&hmac(DINGTALK_SECRET, &signed)) {
                return answer(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#);
            }
            if get("access_token") != Some("hidden-token") {
                return answer(200, r#"{"errcode":300005,"errmsg":"token is not exist"}"#);
            }
            if body["msgtype"] != "text" || !is_text(&body["text"]["content"], |_| request.body.len() <= 20_000) {
                return answer(200, r#"{"errcode":40035,"errmsg":"缺少参数 json"}"#);
            }
            answer(200, r#"{"errcode":0,"errmsg":"ok"}"#)
        }
        "/wecom" => match get("key") {
            Some("hidden-key") if is_text(&body["text"]["content"], |text| text.len() <= 2048) => {
                answer(200, r#"{"errcode":0,"errmsg":"ok"}"#)
            }
            Some("hidden-key") => answer(200, r#"{"errcode":40058,"errmsg":"invalid Request Parameter"}"#),
            _ => answer(200, r#"{"errcode":93000,"errmsg":"invalid webhook url, hint: [1]"}"#),
        },
        "/slack" => {
            let is_valid = is_text(&body["text"], |text| !text.contains(['<', '>']) && text.len() <= 40_000);
            let (status, text) = if is_valid { (200, "ok") } else { (400, "invalid_payload") };
            Reaction::Answer { status, headers: vec![("content-type", "text/html".to_owned())], body: text.to_owned() }
        }
        "/discord" => {
            let has_no_mentions = body["allowed_mentions"] == json!({ "parse": [] });
            if !has_no_mentions || !is_text(&body["content"], |text| text.chars().count() <= 2000) {
                return answer(400, r#"{"code":50035,"message":"Invalid Form Body","errors":{}}"#);
            }
            if get("wait") != Some("true") {
                return Reaction::Answer { status: 204, headers: Vec::new(), body: String::new() };
            }
            answer(200, &json!({ "id": "1", "type": 0, "content": body["content"] }).to_string())
        }
        "/teams" => {
            let card = &body["attachments"][0]["content"];
            let is_valid = body["type"] == "message"
                && body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
                && card["type"] == "AdaptiveCard"
                && card["body"].as_array().is_some_and(|blocks| !blocks.is_empty())
                && request.body.len() <= 28 * 1024;
            answer(if is_valid { 202 } else { 400 }, "")
        }
        "/bothidden/sendMessage" => {
            if body["chat_id"] != -100_123 || !is_text(&body["text"], |text| text.chars().count() <= 4096) {
                return answer(400, r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#);
            }
            answer(200, &json!({ "ok": true, "result": { "message_id": 1 } }).to_string())
        }
        "/own" => {
            let headers = request.headers.iter();
            let headers = headers.map(|(name, text)| (name.parse().unwrap(), text.parse().unwrap())).collect();
            let secret = standardwebhooks::Webhook::new(ORIGIN_SECRET).unwrap();
            let is_valid = secret.verify(&request.body, &headers).is_ok() && body["type"] == "alerts.changed";
            answer(if is_valid { 204 } else { 400 }, "")
        }
        _ => panic!("{request:?}"),
    }
}

/// An entry of `ALERT_URLS` for each service, at this origin.
fn entries(origin: &Origin) -> Vec<String> {
    let at = |word: &str, rest: &str| format!("{word}+{}{rest}", origin.url().trim_end_matches("/hook"));
    vec![
        at("lark", &format!("/feishu#secret={FEISHU_SECRET}")),
        at("dingtalk", &format!("/robot/send?access_token=hidden-token#secret={DINGTALK_SECRET}")),
        at("wecom", "/wecom?key=hidden-key"),
        at("slack", "/slack"),
        at("discord", "/discord"),
        at("teams", "/teams"),
        at("telegram", "/bothidden/sendMessage?chat_id=-100123"),
        at("webhook", "/own"),
    ]
}

/// The settings of a Worker that tells these.
fn settings<'a>(urls: &'a str, more: Settings<'a>) -> Vec<(&'a str, &'a str)> {
    let needed = [
        ("SDK_APP_IDS", APP),
        ("ALLOW_UNSIGNED", "true"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("ALERT_URLS", urls),
        ("ALERT_SECRET", ORIGIN_SECRET),
    ];
    [&needed, more].concat()
}

fn test_messages(worker: &Worker) -> Answer {
    request_api("POST", &format!("{}/v1/alerts/test", worker.url), Some(ADMIN_TOKEN))
}

/// The texts that WeCom's stand-in got, since the last time.
fn texts(origin: &Origin) -> Vec<String> {
    let text = |request: Received| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["text"]["content"].as_str().unwrap().to_owned()
    };
    let texts = origin.received().into_iter().map(text).collect();
    origin.forget();
    texts
}

/// A minute that is not the one of the retention, so many minutes from now.
fn minute(number: u64) -> u64 {
    let begin = now_ms() / MINUTE_MS / 60 * 60 * MINUTE_MS + 20 * MINUTE_MS;
    begin + number * MINUTE_MS
}

#[test]
fn each_service_takes_a_message_in_its_own_form() {
    let origin = Origin::start(service);
    let urls = entries(&origin).join("\n");
    let worker = Worker::with(&settings(&urls, &[("PLAN", "neither"), ("ALERT_LANGUAGE", "zh")]));
    let tested = test_messages(&worker);
    let words = ["feishu", "dingtalk", "wecom", "slack", "discord", "teams", "telegram", "webhook"];
    let taken = |(index, service): (usize, &&str)| {
        json!({
            "position": index + 1, "service": service, "taken": true,
            "status": null, "code": null, "answer": null, "error": null,
        })
    };
    let all: Vec<_> = words.iter().enumerate().map(taken).collect();
    assert_eq!((tested.status, &tested.body), (200, &json!({ "targets": all })));
    assert_eq!(origin.count(), 8);

    // And by the cron, once: each has taken it.
    origin.forget();
    for number in 0..3 {
        assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(number))["outcome"], "ok");
    }
    assert_eq!(origin.count(), 8);
    let wecom = origin.received().into_iter().find(|request| request.target.starts_with("/wecom")).unwrap();
    let body: Value = serde_json::from_slice(&wecom.body).unwrap();
    assert!(body["text"]["content"].as_str().unwrap().contains("无效的配置项：PLAN"), "{body}");
    assert!(worker.log_records().iter().all(|record| record["reason"] != "alert_message"), "{:?}", worker.log());
}

#[test]
fn a_test_says_what_each_service_answered_and_shows_no_secret() {
    let mut origin = Origin::start(service);
    let urls = entries(&origin);
    let wrong = [
        urls[0].replace(FEISHU_SECRET, "wrong"),
        urls[1].replace("SEC", "WRONG"),
        urls[2].replace("hidden-key", "hidden-wrong"),
        urls[6].replace("-100123", "-5"),
    ];
    let worker = Worker::with(&settings(&wrong.join(" "), &[]));
    let tested = test_messages(&worker);
    let refused = |position: u64, service: &str, status: u64, code: &str, text: &str| {
        json!({
            "position": position, "service": service, "taken": false,
            "status": status, "code": code, "answer": text, "error": null,
        })
    };
    assert_eq!(
        tested.body["targets"],
        json!([
            refused(1, "feishu", 200, "19021", "sign match fail or timestamp is not within one hour from current time"),
            refused(2, "dingtalk", 200, "310000", "sign not match"),
            refused(3, "wecom", 200, "93000", "invalid webhook url, hint: [1]"),
            refused(4, "telegram", 400, "400", "Bad Request: chat not found"),
        ])
    );
    origin.refuse();
    let tested = test_messages(&worker);
    let errors: Vec<_> = tested.body["targets"].as_array().unwrap().iter().map(|it| it["error"].clone()).collect();
    assert_eq!(errors, ["unreachable"; 4]);
    worker.log_record(|record| record["service"] == "telegram" && record["error"] == "unreachable");
    let log = worker.log().join("\n");
    assert!(
        log.contains(r#""reason":"alert_message","service":"dingtalk","target":2,"status":200,"code":"310000""#),
        "{log}"
    );
    for secret in ["hidden", "wrong", "SEC", "sign match", "127.0.0.1"] {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {log}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let origin = Origin::start(|_| crate::origin::redirect(307));
    let url = format!("wecom+{}?key=hidden", origin.url());
    let worker = Worker::with(&settings(&url, &[]));
    let tested = test_messages(&worker);
    assert_eq!(
        (&tested.body["targets"][0]["taken"], &tested.body["targets"][0]["status"]),
        (&json!(false), &json!(307))
    );
    assert_eq!(origin.count(), 1);
}

/// The body of an answer that never ends does not hold up a run, and neither does one that is too long.
#[test]
fn an_answer_without_an_end_is_read_so_far() {
    let origin = Origin::start(|_| Reaction::Stall { status: 200, body: "{\"errcode\":0,".to_owned() });
    let url = format!("wecom+{}?key=hidden", origin.url());
    let worker = Worker::with(&settings(&url, &[("PLAN", "neither")]));
    assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(0))["outcome"], "ok");
    let record = worker.log_record(|record| record["reason"] == "alert_message");
    assert_eq!(record["status"], 200);
    let long = format!("{{\"errcode\":0,\"errmsg\":\"{}\"}}", "x".repeat(100_000));
    origin.behave(move |_| answer(200, &long));
    assert_eq!(test_messages(&worker).body["targets"][0]["taken"], false);
}

#[test]
fn a_refused_message_comes_again_with_the_next_run() {
    let origin = Origin::start(|_| answer(200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#));
    let url = format!("wecom+{}?key=hidden", origin.url());
    let worker = Worker::with(&settings(&url, &[("PLAN", "neither")]));
    let run = |number: u64| assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(number))["outcome"], "ok");
    run(0);
    let record = worker.log_record(|record| record["reason"] == "alert_message");
    assert_eq!((&record["status"], &record["code"]), (&json!(200), &json!("45009")));
    assert_eq!(texts(&origin).len(), 1);
    origin.behave(|_| answer(200, r#"{"errcode":0,"errmsg":"ok"}"#));
    // Twice in a minute, as Cloudflare may call it.
    run(0);
    assert_eq!(origin.count(), 0);
    run(1);
    run(1);
    let told = texts(&origin);
    assert!(told.len() == 1 && told[0].contains("Invalid setting: PLAN"), "{told:?}");
    run(2);
    assert_eq!(origin.count(), 0);
    // D1 remembers it, and KV has nothing.
    assert_eq!(worker.sql("SELECT id FROM alert_messages"), json!([{ "id": 1 }]));
    assert_eq!(worker.keys(), json!([]));
}

/// A Worker with these bindings switched off, and what is told of it.
fn switched_off(bindings: &[&str], more: Settings<'_>, sends: &str, outcome: Option<&str>) -> (Worker, Origin) {
    let origin = Origin::start(|_| answer(200, r#"{"errcode":0,"errmsg":"ok"}"#));
    let url = format!("wecom+{}?key=hidden", origin.url());
    let worker = Home::with_stand_ins(&settings(&url, more), bindings, |_| {}).start();
    post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow(sends, &["bob"], now_ms()));
    if let Some(outcome) = outcome {
        let counted = || {
            let rows = worker.sql("SELECT outcome FROM call_counts");
            rows.as_array().unwrap().iter().any(|row| row["outcome"] == outcome).then_some(())
        };
        wait_for("the call to be counted", counted);
    }
    assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(0))["outcome"], "ok");
    (worker, origin)
}

#[test]
fn with_d1_switched_off_that_is_told_and_remembered_in_kv() {
    let (worker, origin) = switched_off(&["DB"], &[("SINKS", "kv")], "alice", None);
    let told = texts(&origin);
    assert!(told.len() == 1 && told[0].contains("D1 fails"), "{told:?} {:?}", worker.log());
    let keys = worker.keys();
    assert!(keys.as_array().unwrap().iter().any(|key| key["name"] == "alerts/state"), "{keys}");
    assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(1))["outcome"], "ok");
    assert_eq!(origin.count(), 0, "it is told once");
    // It is no event and no dead letter.
    let listed = request_api("GET", &format!("{}/v1/dead-letters", worker.url), Some(ADMIN_TOKEN));
    assert_eq!(listed.body["dead_letters"], json!([]), "{:?}", listed.body);
}

#[test]
fn with_kv_switched_off_what_waits_for_it_is_told() {
    let (worker, origin) = switched_off(&["EVENTS"], &[("SINKS", "kv")], "fails", Some("queued"));
    let told = texts(&origin);
    assert!(told.len() == 1 && told[0].contains("1 event was queued"), "{told:?} {:?}", worker.log());
}

#[test]
fn with_the_queue_switched_off_dead_letters_are_told() {
    let more = [("SINKS", "kv,origin"), ("ORIGIN_URL", "https://origin.invalid/")];
    let (worker, origin) = switched_off(&["DELIVERIES"], &more, "queue-fails", Some("dead_lettered"));
    let told = texts(&origin);
    assert!(told.len() == 1 && told[0].contains("1 event became a dead letter at once"), "{told:?} {:?}", worker.log());
}

#[test]
fn without_a_database_the_settings_are_told_and_remembered_in_kv() {
    let origin = Origin::start(|_| answer(200, r#"{"errcode":0,"errmsg":"ok"}"#));
    let url = format!("wecom+{}?key=hidden", origin.url());
    let home = Home::new(&settings(&url, &[("PLAN", "neither")]), |config| drop(config.remove("d1_databases")));
    let worker = home.start();
    for number in 0..3 {
        assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(number))["outcome"], "ok");
    }
    let told = texts(&origin);
    assert!(told.len() == 1 && told[0].contains("Invalid setting: PLAN"), "{told:?}");
    assert_eq!(worker.keys()[0]["name"], "alerts/state");
}

/// Of an earlier wrangler.toml.
#[test]
fn an_hourly_trigger_works_and_is_named() {
    let origin = Origin::start(|_| answer(200, r#"{"errcode":0,"errmsg":"ok"}"#));
    let url = format!("wecom+{}?key=hidden", origin.url());
    let worker = Worker::with(&settings(&url, &[]));
    let missing =
        || request_api("GET", &format!("{}/v1/status", worker.url), Some(ADMIN_TOKEN)).body["missing_lines"].clone();
    assert_eq!(missing(), json!([]));
    assert_eq!(worker.scheduled_by("17 * * * *", minute(0))["outcome"], "ok");
    assert_eq!(missing()[0]["lines"], r#"crons = ["* * * * *"] in [triggers]"#);
    assert!(texts(&origin)[0].contains("wrangler.toml lacks crons"));
    assert_eq!(worker.scheduled_by(EVERY_MINUTE, minute(1))["outcome"], "ok");
    assert_eq!(missing(), json!([]));
}
