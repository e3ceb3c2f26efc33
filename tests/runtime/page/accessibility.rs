//! The page for everybody: axe-core finds nothing in any view, in light and dark, on a screen and on a phone.

use std::fs;

use serde_json::{Value, json};

use super::{deliveries, send_a_day, send_unfollow, url};
use crate::{ADMIN_TOKEN, browser::Browser, call::now_ms, worker::wait_for};

impl Browser {
    /// What axe-core finds wrong, each with the elements.
    fn axe(&self) -> Value {
        let axe = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/axe-core/axe.min.js")).unwrap();
        // As the browser's own tools run scripts: the page's policy would reject a script element.
        self.command("Runtime.evaluate", json!({"expression": axe}));
        let run = "axe.run({resultTypes: ['violations']}).then(({violations}) => JSON.stringify(violations.map((it) => \
                   [it.id, it.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary)])))";
        let found = self.command("Runtime.evaluate", json!({"expression": run, "awaitPromise": true}));
        let found = found["result"]["value"].as_str().unwrap_or_else(|| panic!("axe: {found}"));
        serde_json::from_str(found).unwrap()
    }

    /// The sizes of type that are in use, of all text that is shown.
    fn type_sizes(&self) -> Value {
        let sizes = "[...new Set([...document.querySelectorAll('body *')].filter((element) => element.checkVisibility() && \
                     [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')) \
                     .map((element) => getComputedStyle(element).fontSize))].filter((size) => size !== '0px').sort()";
        self.value(sizes, "")
    }

    /// Checks the view that is shown, in each scheme and width.
    fn check_view(&self, name: &str) {
        for (scheme, width, height) in
            [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)]
        {
            self.size(width, height);
            self.prefer("prefers-color-scheme", scheme);
            // Rows that arrive have another colour for a while.
            self.wait("!document.querySelector('.fresh') && document.getAnimations().length === 0", "");
            assert_eq!(self.axe(), json!([]), "{name}, {scheme}, {width} px");
            assert!(!self.is_too_wide(), "{name}, {width} px");
            let sizes = self.type_sizes();
            assert!(sizes.as_array().unwrap().len() <= 4, "{name}, {width} px: {sizes}");
            let kind = if width == 390 { "phone" } else { "screen" };
            self.size(width, 1600);
            self.picture(&format!("view-{name}-{kind}-{scheme}.png"));
            self.size(width, height);
        }
        self.size(1280, 900);
        self.prefer("prefers-color-scheme", "light");
    }
}

#[test]
fn axe_finds_nothing_in_any_view() {
    let app = "1400000040";
    let now = now_ms();
    send_a_day(app, now);
    send_unfollow(app, " odd\u{202e}id\n", &["anchor_luna", "   "], now);
    send_unfollow(app, "ahead", &["anchor_luna"], now + 100_000_000);
    let browser = Browser::open(&url());
    browser.wait("document.activeElement.id === 'token'", "");
    browser.check_view("log-in");
    browser.sign_in("not the token");
    browser.wait_for_text("#login-problem", "rejected");
    browser.check_view("log-in-rejected");
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_events();

    browser.visit(&format!("app={app}"));
    browser.wait_for_card("chart");
    browser.wait_for_card("top");
    browser.check_view("overview");
    browser.click("#stats summary");
    browser.check_view("table");
    browser.visit(&format!("app={app}&range=30d&by=net&kind=unfollow"));
    browser.wait_for_card("chart");
    browser.check_view("month");
    browser.visit(&format!("app={app}&user=anchor_luna"));
    browser.wait_for_card("user-view");
    browser.check_view("user");
    browser.click("#user-erase");
    browser.check_view("erase");
    browser.click("#erase-cancel");
    browser.click("#export-open");
    browser.check_view("export");
    browser.click("#export-cancel");
    browser.visit(&format!("app={app}&user=nobody"));
    browser.wait_for_text("[data-testid=no-user]", "case counts");
    browser.check_view("no-user");
    browser.visit(&format!("app={app}"));
    browser.click(".event .open");
    browser.wait("document.querySelector('#record-body').dataset.state === 'ready'", "");
    browser.check_view("record");
    browser.click("#record-delete");
    browser.check_view("delete");
    browser.visit("app=1400000041");
    browser.wait_for_text("[data-testid=chart]", "No unfollows or follows");
    browser.check_view("empty");
    browser.set_offline(true);
    browser.click("#refresh");
    browser.wait_for_text("#banner", "cannot be reached");
    browser.check_view("unreachable");
    browser.set_offline(false);

    // With deliveries and dead letters.
    let app = "1400000002";
    deliveries::deliver(app, "fails-40-times,seen");
    deliveries::deliver(app, "gives-up,seen");
    wait_for("a dead letter", || {
        let url = format!("{}/v1/dead-letters?app={app}", deliveries::delivering().0.worker.url);
        let answer = crate::call::request_api("GET", &url, Some(ADMIN_TOKEN)).body;
        (!answer["dead_letters"].as_array()?.is_empty()).then_some(())
    });
    let dashboard = format!("{}/dashboard?app={app}", deliveries::delivering().0.worker.url);
    browser.go(&dashboard);
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_text("[data-testid=alerts]", "being retried");
    browser.check_view("alerts");
    browser.go(&format!("{dashboard}&view=dead-letters"));
    browser.wait_for_text("[data-testid=dead-letter]", "Your backend answered 500");
    browser.check_view("dead-letters");
    browser.click("[data-action=discard]");
    browser.check_view("discard");
}

#[test]
fn with_reduced_motion_nothing_moves() {
    let app = "1400000042";
    let browser = Browser::signed_in(app);
    browser.prefer("prefers-reduced-motion", "reduce");
    send_unfollow(app, "newcomer", &["bob"], now_ms());
    browser.wait_for_actors(&json!(["newcomer"]));
    assert_eq!(browser.value("document.querySelectorAll('.fresh').length", ""), 1);
    assert_eq!(browser.value("document.getAnimations().length", ""), 0);
}
