//! The page with 20,000 events.

use serde_json::{Value, json};
use tempfile::TempDir;
use unfollow_webhook::{
    database::{Parameter, event_log},
    event::Event,
    webhook::{SdkAppId, auth::Policy, body::Follow, command::Kind, query::Query},
};

use super::{HOUR, export::downloaded};
use crate::{
    ADMIN_TOKEN,
    browser::Browser,
    call::{APP, UNFOLLOW, now_ms, post, post_at, unfollow, unsigned},
    worker::{Home, wait_for},
};

const EVENTS: u64 = 20_000;

/// The statement that adds an event to the log, as `counting_d1.js` takes it.
fn insert(body: &str, now: u64) -> Value {
    let query = unsigned(APP, UNFOLLOW);
    let query = Policy::Unsigned.check(Query::parse(&query).unwrap(), None, None, 0).unwrap();
    let follow = Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap();
    let statement = event_log::insert(&Event::new(SdkAppId::parse(APP).unwrap(), query, follow, now));
    let parameter = |parameter| match parameter {
        Parameter::Integer(number) => json!(number),
        Parameter::Text(text) => json!(text),
        Parameter::Null => Value::Null,
    };
    [json!(statement.sql)].into_iter().chain(statement.parameters.into_iter().map(parameter)).collect()
}

#[test]
fn twenty_thousand_events_are_loaded_used_and_exported() {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("SINKS", "d1")];
    let home = Home::with_counted_log(&settings);
    let worker = home.start();
    let now = now_ms();
    let statements: Vec<_> = (0..EVENTS)
        .map(|number| {
            let age = number * 20 * 24 * HOUR / EVENTS + 1;
            insert(&unfollow(&format!("user-{}", number % 501), &[&format!("target-{}", number % 40)], now - age), now)
        })
        .collect();
    for some in statements.chunks(500) {
        assert_eq!(post_at(&format!("{}/sql", worker.url), json!(some).to_string()).status, 200);
    }

    let browser = Browser::open(&format!("{}/dashboard?range=30d", worker.url));
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_card("chart");
    assert_eq!(browser.figure("tile-unfollows"), "20,000");
    // Each click loads as many again as there are, up to a page of the API.
    let mut clicks = 0;
    while !browser.text("#more").is_empty() {
        let rows = browser.rows();
        browser.click("#more");
        wait_for("more rows", || (browser.rows() > rows).then_some(()));
        clicks += 1;
        assert!(clicks < 30, "{} rows after {clicks} clicks", browser.rows());
    }
    assert_eq!(browser.rows(), EVENTS);

    // A new event still comes to the top, and a row far below opens.
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("newcomer", &["bob"], now_ms())).is_ok());
    browser.wait("document.querySelector('[data-testid=actor]').textContent === it", "newcomer");
    assert_eq!(browser.rows(), EVENTS + 1);
    browser.value("[...document.querySelectorAll('.event')].at(-1).querySelector('.open').click()", "");
    browser.wait_for_text("[data-testid=record-json]", "\"target-39\"");
    browser.click("#record-close");

    // Progress is shown while the export is under way.
    let folder = TempDir::new().unwrap();
    browser.download_to(folder.path());
    browser.value(
        "(window.progress = [], new MutationObserver(() => progress.push(document.querySelector('#export-count').textContent))\
         .observe(document.querySelector('#export-count'), {childList: true}), 0)",
        "",
    );
    browser.value("scrollTo(0, 0)", "");
    browser.click("[data-testid=export]");
    browser.click("#export-start");
    assert_eq!(downloaded(folder.path()).lines().count() as u64, 1 + EVENTS + 1);
    let progress = browser.value("progress", "");
    assert!(progress.as_array().unwrap().len() > 10 && progress.to_string().contains("10,000 events"), "{progress}");
}
