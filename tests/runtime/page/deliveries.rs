//! Deliveries to the app's backend: those that are being retried or were given up, in the record and as dead letters.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, Shared, TOKEN,
    browser::Browser,
    call::{APP, UNFOLLOW, now_ms, post, request_api, signed, unfollow},
    forwarding_settings,
    origin::{self, Origin},
    worker::wait_for,
};

/// Its apps: one for each test.
const APPS: &str = "1400000000,1400000001,1400000002";

/// A Worker that delivers to an origin and has an event log. It gives up a delivery when its next attempt would come after
/// an hour.
pub fn delivering() -> &'static (Shared, Origin) {
    static SHARED: OnceLock<(Shared, Origin)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let origin = Origin::start(origin::scripted);
        let url = origin.url();
        let settings =
            [&forwarding_settings(&url, "kv,d1,origin")[..], &[("DELIVERY_HOURS", "1"), ("SDK_APP_IDS", APPS)]]
                .concat();
        (Shared::start(&settings), origin)
    })
}

/// Sends an event that the origin treats as its sender says; gives its body.
pub fn deliver(app: &str, from: &str) -> String {
    let body = unfollow(from, &["bob", "carol"], now_ms());
    assert!(post(&delivering().0.worker.url, &signed(app, UNFOLLOW, TOKEN), &body).is_ok());
    delivering().1.wait_for(body.as_bytes(), 1);
    body
}

/// Waits until an app has so many deliveries in a state; gives them.
pub fn wait_for_deliveries(app: &str, state: &str, count: usize) -> Vec<Value> {
    let url = format!("{}/v1/deliveries?app={app}&state={state}", delivering().0.worker.url);
    wait_for(&format!("{count} deliveries {state}"), || {
        let answer = request_api("GET", &url, Some(ADMIN_TOKEN)).body;
        let deliveries = answer["deliveries"].as_array().unwrap_or_else(|| panic!("{answer}"));
        (deliveries.len() == count).then(|| deliveries.clone())
    })
}

/// Waits until an app has so many dead letters.
fn wait_for_dead_letters(app: &str, count: usize) {
    let url = format!("{}/v1/dead-letters?app={app}", delivering().0.worker.url);
    wait_for(&format!("{count} dead letters"), || {
        let answer = request_api("GET", &url, Some(ADMIN_TOKEN)).body;
        (answer["dead_letters"].as_array()?.len() == count).then_some(())
    });
}

#[test]
fn deliveries_that_are_retried_or_given_up_are_told_and_shown_with_the_record() {
    let app = "1400000001";
    deliver(app, "fails-40-times");
    deliver(app, "gives-up,told");
    let fine = deliver(app, "fine");
    wait_for_deliveries(app, "retrying", 1);
    wait_for_deliveries(app, "dead", 1);
    wait_for_deliveries(app, "delivered", 1);
    let browser = Browser::open(&format!("{}/dashboard?app={app}", delivering().0.worker.url));
    browser.sign_in(ADMIN_TOKEN);
    for (testid, text) in [
        ("alert-retrying", "1 delivery being retried: your backend answered 500."),
        ("alert-retrying", "Next attempt"),
        ("alert-dead", "1 delivery given up: your backend answered 500."),
    ] {
        browser.wait_for_text(&format!("[data-testid={testid}]"), text);
    }
    // The rows are asked for apart from the alerts.
    wait_for("the rows", || (browser.rows() == 3).then_some(()));
    let delivery = |sender: &str, text: &str| {
        let row = "[...document.querySelectorAll('.event')].find((row) => row.textContent.includes(it)).querySelector('.open').click()";
        browser.value(row, sender);
        browser.wait_for_text("[data-testid=record-delivery]", text);
        // It can be replayed, because there is an origin.
        assert_eq!(browser.text("#record-replay"), "Replay");
    };
    delivery("fine", "Delivered, 1 attempt, your backend answered 200");
    assert!(!browser.text("[data-testid=record-json]").contains("delivery"));
    browser.click("#record-replay");
    browser.wait_for_text("#record-outcome", "on the queue");
    delivering().1.wait_for(fine.as_bytes(), 2);
    browser.click("#record-close");
    delivery("fails-40", "next attempt");
    browser.click("#record-close");
    delivery("gives-up", "Given up");
    browser.click("#record-close");
    browser.click("[data-testid=alert-dead] a");
    browser.wait_for_text("[data-testid=dead-letter]", "Your backend answered 500");
}

#[test]
fn dead_letters_are_a_view_of_their_own_and_are_replayed_or_discarded() {
    let app = APP;
    let [body_replayed, body_discarded] = ["gives-up,replayed", "gives-up,discarded"].map(|from| deliver(app, from));
    wait_for_dead_letters(app, 2);
    let browser = Browser::open(&format!("{}/dashboard?app={app}", delivering().0.worker.url));
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_text("[data-testid=dead-letters-link]", "2");
    browser.click("[data-testid=dead-letters-link]");
    wait_for("both", || (browser.texts("dead-letter").as_array().unwrap().len() == 2).then_some(()));
    assert_eq!(browser.texts("targets"), json!(["2 targets", "2 targets"]));
    assert_eq!(browser.text("[data-testid=events]"), "");
    // Which of the two is which, the record says.
    let row = |sender: &str| {
        for number in 1..=2 {
            let row = format!("[data-testid=dead-letter]:nth-child({number})");
            browser.click(&format!("{row} [data-action=record]"));
            browser.wait("document.querySelector('#record-body').dataset.state === 'ready'", "");
            let is_it = browser.text("[data-testid=record-json]").contains(sender);
            browser.click("#record-close");
            if is_it {
                return browser.value("document.querySelector(it).dataset.key", &row).as_str().unwrap().to_owned();
            }
        }
        panic!("no dead letter of {sender}");
    };
    let [replayed, discarded] = ["replayed", "discarded"].map(row).map(|key| format!("[data-key='{key}']"));
    browser.click(&format!("{discarded} [data-action=discard]"));
    browser.click("#discard-cancel");
    assert_ne!(browser.text(&discarded), "");
    browser.click(&format!("{discarded} [data-action=discard]"));
    browser.click("#discard-now");
    browser.wait("!document.querySelector(it)", &discarded);
    browser.click(&format!("{replayed} [data-action=replay]"));
    browser.wait("!document.querySelector(it)", &replayed);
    // The backend gets only this one again.
    delivering().1.wait_for(body_replayed.as_bytes(), 2);
    assert_eq!(delivering().1.received_of(body_discarded.as_bytes()).len(), 1);
    wait_for_dead_letters(app, 0);
    // With none left there is no way to them.
    browser.wait_for_text("[data-testid=dead-letters]", "None.");
    browser.click("[data-testid=dead-letters] .back");
    browser.wait("document.querySelector('#dead-letters-link').hidden", "");
}
