//! What is wrong is shown, with what to do about it, and only where something is. An empty list says why it is empty.

use std::fs;

use serde_json::json;
use unfollow_webhook::receive::rejection::Rejection;

use super::{HOUR, own, send_unfollow};
use crate::{
    ADMIN_TOKEN, Shared, TOKEN,
    browser::Browser,
    call::{APP, UNFOLLOW, now_ms, post, request_api, signed, unfollow, unsigned},
    worker::{Home, Worker, wait_for},
};

/// Waits until the Worker has counted so many calls of this outcome.
pub fn wait_for_calls(worker: &Worker, outcome: &str, count: u64) {
    wait_for(&format!("{count} calls {outcome}"), || {
        let calls = request_api("GET", &format!("{}/v1/calls", worker.url), Some(ADMIN_TOKEN)).body;
        let hours = calls["hours"].as_array().unwrap_or_else(|| panic!("{calls}"));
        let ours = hours.iter().filter(|hour| hour["outcome"] == outcome);
        (ours.map(|hour| hour["count"].as_u64().unwrap()).sum::<u64>() == count).then_some(())
    });
}

#[test]
fn every_reason_for_a_rejection_has_advice() {
    let script = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/page/rejections.js")).unwrap();
    let advice = script.lines().filter_map(|line| line.trim().split_once(": { advice: \""));
    // One that is empty is none.
    let advised: Vec<_> = advice.filter(|(_, text)| !text.starts_with('"')).map(|(name, _)| name).collect();
    let reasons: Vec<_> = Rejection::ALL.iter().map(|rejection| rejection.row().name).collect();
    assert_eq!(advised, reasons);
}

#[test]
fn refused_calls_are_counted_by_reason_with_what_to_do() {
    let settings = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let Shared { home: _home, worker } = Shared::start(&settings);
    let body = |name: &str| unfollow(name, &["bob"], now_ms());
    for number in 0..37 {
        let query = signed(APP, UNFOLLOW, "not the token in the console");
        assert_eq!(post(&worker.url, &query, body(&format!("refused-{number}"))).status, 401);
    }
    wait_for_calls(&worker, "rejected", 37);
    let browser = Browser::signed_in_on(&worker.url);
    let expected = "37 calls refused: sign_mismatch. Is CALLBACK_TOKEN the token in the Chat console?";
    wait_for(expected, || (browser.texts("alert-refused") == json!([expected])).then_some(()));
    browser.wait_for_text("[data-testid=alerts]", "at least");
    // The empty list says it too.
    browser.wait_for_text("[data-testid=empty]", "Calls arrive, and are refused: sign_mismatch");
    // The light is not green.
    assert_eq!(browser.value("document.querySelector('#board').dataset.wrong", ""), "true");
    drop(browser);

    // A call that is accepted.
    assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body("accepted")).is_ok());
    let browser = Browser::signed_in_on(&worker.url);
    browser.wait_for_actors(&json!(["accepted"]));
    browser.wait_for_text("[data-testid=alert-refused]", "37 calls");
}

#[test]
fn before_the_first_call_the_url_to_register_is_shown() {
    let Shared { home: _home, worker } = own(&[("WEBHOOK_PATH", "/secret-path")]);
    let browser = Browser::signed_in_on(&worker.url);
    browser.wait_for_text("[data-testid=empty]", "No call has arrived yet.");
    browser.wait_for_text("[data-testid=webhook-url]", &format!("{}/secret-path", worker.url));
    // Nothing is wrong.
    assert_eq!(browser.text("[data-testid=alerts]"), "");
    assert_eq!(browser.value("document.querySelector('#board').dataset.wrong", ""), "false");
    browser.wait_for_text("[data-testid=version]", "Settings are valid.");
    browser.wait_for_text("[data-testid=version]", env!("CARGO_PKG_VERSION"));
    drop(browser);

    // A call that brings no event.
    let query = unsigned(APP, "State.StateChange");
    let answer = crate::call::post_at(
        &format!("{}/secret-path?{query}", worker.url),
        r#"{"CallbackCommand":"State.StateChange","EventTime":1}"#,
    );
    assert!(answer.is_ok(), "{answer:?}");
    wait_for_calls(&worker, "unhandled", 1);
    let browser = Browser::signed_in_on(&worker.url);
    browser.wait_for_text("[data-testid=empty]", "Calls arrive, but no follow or unfollow was among them.");
}

#[test]
fn a_list_without_an_event_log_says_what_to_bind() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let home = Home::new(&settings, |config| drop(config.remove("d1_databases")));
    let without_database = home.start();
    let Shared { home: _home, worker: not_a_sink } = own(&[("SINKS", "kv")]);
    for worker in [&without_database, &not_a_sink] {
        let browser = Browser::signed_in_on(&worker.url);
        browser.wait_for_text("[data-testid=empty]", "d1 is not among the sinks");
        for text in ["bind DB", "add d1 to SINKS"] {
            browser.wait_for_text("[data-testid=empty]", text);
        }
        assert_eq!(browser.text("#banner"), "");
        // What is of the log is not there.
        for hidden in ["[data-testid=chart]", "[data-testid=top]", "#tiles", "#export-open"] {
            assert_eq!(browser.text(hidden), "", "{hidden}");
        }
    }
}

#[test]
fn invalid_settings_are_named_with_their_reasons() {
    let Shared { home: _home, worker } = own(&[("RETENTION_DAYS", "forever"), ("RETRY_BASE_SECONDS", "0")]);
    let browser = Browser::signed_in_on(&worker.url);
    wait_for("both", || (browser.texts("alert-setting").as_array().unwrap().len() == 2).then_some(()));
    for text in ["RETENTION_DAYS must be a whole number from 1 to 3650.", "RETRY_BASE_SECONDS must be"] {
        browser.wait_for_text("[data-testid=alerts]", text);
    }
    browser.wait_for_text("[data-testid=version]", "2 invalid settings.");
}

#[test]
fn events_that_are_stored_later_are_counted() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    // KV that does not take an event in time.
    let home = Home::with_stand_ins(&settings, &["EVENTS"], |_| {});
    let worker = home.start();
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("fails-3-times", &["bob"], now_ms())).is_ok());
    wait_for_calls(&worker, "queued", 1);
    let browser = Browser::signed_in_on(&worker.url);
    browser.wait_for_text("[data-testid=alert-queued]", "1 event was queued");
    browser.wait_for_text("[data-testid=alert-queued]", "stored later");
}

#[test]
fn a_long_silence_is_told() {
    let app = "1400000038";
    send_unfollow(app, "last", &["bob"], now_ms());
    wait_for("the call to be counted", || {
        let url = format!("{}/v1/calls?app={app}", super::shared().worker.url);
        request_api("GET", &url, Some(ADMIN_TOKEN)).body["last_call_at"].is_u64().then_some(())
    });
    let browser = Browser::signed_in(app);
    browser.wait_for_text("[data-testid=last-call]", "last call");
    assert_eq!(browser.text("[data-testid=alert-silence]"), "");
    browser.forward(50 * HOUR);
    browser.click("#refresh");
    browser.wait_for_text("[data-testid=alert-silence]", "The last call came 2 days ago");
}
