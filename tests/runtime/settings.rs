//! The settings, as the runtime provides them.

use serde_json::{Value, json};
use toml::Table;

use crate::{
    call::{APP, Answer, UNFOLLOW, now_ms, post, post_at, request, unfollow, unsigned},
    worker::{Home, Settings},
};

/// The responses of `/healthz` and of a call, with these settings.
fn with(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> (Answer, Answer) {
    let home = Home::new(settings, change);
    let worker = home.start();
    let health = request("GET", &format!("{}/healthz", worker.url));
    let call = post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("alice", &["bob"], now_ms()));
    if call.status == 500 {
        let record = worker.log_record(|record| record["reason"] == "settings");
        assert_eq!((&record["outcome"], &record["settings"]), (&json!("failed"), &invalid_settings(&health)));
    }
    (health, call)
}

/// The names of the invalid settings, each of which has a problem.
fn invalid_settings(health: &Answer) -> Value {
    assert_eq!((health.status, &health.body["status"]), (503, &json!("invalid settings")), "{health:?}");
    let settings = health.body["settings"].as_array().unwrap();
    assert!(settings.iter().all(|setting| setting["problem"].as_str().unwrap().starts_with("must ")), "{settings:?}");
    settings.iter().map(|setting| setting["name"].clone()).collect()
}

#[test]
fn complete_settings_are_healthy() {
    let health = request("GET", &format!("{}/healthz", crate::unsigned().url));
    assert_eq!((health.status, &health.body), (200, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})));
}

#[test]
fn an_invalid_setting_that_decides_who_may_call_rejects_each_call() {
    let all_invalid = [
        ("SDK_APP_IDS", "1400000000,abc"),
        ("CALLBACK_TOKEN", ""),
        ("ALLOW_UNSIGNED", "yes"),
        ("WEBHOOK_PATH", "/healthz"),
        ("SINKS", "nowhere"),
    ];
    let (health, call) = with(&all_invalid, |config| drop(config.remove("kv_namespaces")));
    let names = ["SDK_APP_IDS", "CALLBACK_TOKEN", "ALLOW_UNSIGNED", "WEBHOOK_PATH", "SINKS", "EVENTS"];
    assert_eq!(invalid_settings(&health), json!(names));
    assert_eq!(call.code(), (500, 50000));

    let no_apps = with(&[("ALLOW_UNSIGNED", "true")], |_| {});
    assert_eq!((invalid_settings(&no_apps.0), no_apps.1.code()), (json!(["SDK_APP_IDS"]), (500, 50000)));
}

#[test]
fn an_empty_token_is_no_permission_to_call_unsigned() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("CALLBACK_TOKEN_1400000000", "")];
    let (health, call) = with(&settings, |_| {});
    assert_eq!((invalid_settings(&health), call.code()), (json!(["CALLBACK_TOKEN_1400000000"]), (500, 50000)));
}

#[test]
fn an_app_without_a_token_is_rejected_and_named() {
    let (health, call) = with(&[("SDK_APP_IDS", APP)], |_| {});
    assert_eq!((invalid_settings(&health), call.code()), (json!(["CALLBACK_TOKEN"]), (401, 40100)));
}

#[test]
fn an_invalid_retention_switches_off_only_itself() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("RETENTION_DAYS", "0")];
    let (health, call) = with(&settings, |_| {});
    assert_eq!(invalid_settings(&health), json!(["RETENTION_DAYS"]));
    assert!(call.is_ok());
}

#[test]
fn numbers_booleans_path_and_retention_work() {
    let home = Home::new(&[("WEBHOOK_PATH", "/tencent/hook")], |config| {
        let vars = config["vars"].as_table_mut().unwrap();
        vars.insert("SDK_APP_IDS".into(), 1_400_000_000.into());
        vars.insert("ALLOW_UNSIGNED".into(), true.into());
        vars.insert("RETENTION_DAYS".into(), 2.into());
    });
    let worker = home.start();
    let body = unfollow("alice", &["bob"], now_ms());
    assert_eq!(post(&worker.url, &unsigned(APP, UNFOLLOW), &body).code(), (404, 40400));
    let before = now_ms() / 1000;
    let url = format!("{}/tencent/hook?{}", worker.url, unsigned(APP, UNFOLLOW));
    assert!(post_at(&url, &body).is_ok());
    let expiration = worker.keys()[0]["expiration"].as_u64().unwrap();
    let two_days = 2 * 24 * 60 * 60;
    assert!((before + two_days..=now_ms() / 1000 + two_days).contains(&expiration), "{expiration}");
}

#[test]
fn a_sink_origin_requires_a_valid_origin_url_and_queues() {
    let base = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("SINKS", "origin")];
    let with_url = |url| [&base[..], &[("ORIGIN_URL", url)]].concat();

    let unset = with(&base, |_| {});
    assert_eq!((invalid_settings(&unset.0), unset.1.code()), (json!(["ORIGIN_URL"]), (500, 50000)));

    let plain_http = with(&with_url("http://api.example.com/hook"), |_| {});
    assert_eq!((invalid_settings(&plain_http.0), plain_http.1.code()), (json!(["ORIGIN_URL"]), (500, 50000)));

    // The platform writes a host with other letters in ASCII, and knows which are none.
    let other_letters = with(&with_url("https://b\u{fc}cher.example"), |_| {});
    assert_eq!(other_letters.0.status, 200, "{:?}", other_letters.0);
    let no_host = with(&with_url("https://b\u{fc}\u{fffe}cher.example"), |_| {});
    assert_eq!(invalid_settings(&no_host.0), json!(["ORIGIN_URL"]));

    let no_queues = with(&with_url("https://api.example.com/hook"), |config| drop(config.remove("queues")));
    assert_eq!(invalid_settings(&no_queues.0), json!(["DELIVERIES", "DEAD_LETTERS"]));
    assert_eq!(no_queues.1.code(), (500, 50000));
}

#[test]
fn without_queues_events_go_into_kv() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("SINKS", "kv")];
    let home = Home::new(&settings, |config| drop(config.remove("queues")));
    let worker = home.start();
    assert_eq!(request("GET", &format!("{}/healthz", worker.url)).status, 200);
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("alice", &["bob"], now_ms())).is_ok());
    assert_eq!(worker.keys().as_array().unwrap().len(), 1);
}

#[test]
fn an_invalid_setting_of_delivery_or_api_rejects_no_call() {
    let settings = [
        ("SDK_APP_IDS", APP),
        ("ALLOW_UNSIGNED", "true"),
        ("RETRY_BASE_SECONDS", "0"),
        ("ORIGIN_SECRET", "whsec_c2hvcnQ="),
        ("ADMIN_TOKEN", "short"),
    ];
    let (health, call) = with(&settings, |_| {});
    assert_eq!(invalid_settings(&health), json!(["RETRY_BASE_SECONDS", "ORIGIN_SECRET", "ADMIN_TOKEN"]));
    assert!(call.is_ok());
}
