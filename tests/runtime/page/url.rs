//! The URL holds what is shown: reload, back, bookmarks and shared links work. The token is no part of it.

use serde_json::json;

use super::{HOUR, send_follow, send_unfollow, url};
use crate::{ADMIN_TOKEN, browser::Browser, call::now_ms};

impl Browser {
    fn query(&self) -> String {
        self.value("location.search", "").as_str().unwrap().to_owned()
    }
}

#[test]
fn reload_back_and_a_shared_link_show_the_same() {
    let (app, other) = ("1400000026", "1400000027");
    let now = now_ms();
    send_unfollow(app, "alice", &["bob"], now - 2000);
    send_follow(app, "carol", &["bob"], now - 1000);
    send_unfollow(other, "zoe", &["yves"], now);
    let browser = Browser::open(&url());
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_events();
    browser.choose(app);
    browser.wait_for_actors(&json!(["carol", "alice"]));
    browser.pick("range", "7d");
    browser.pick("kind", "unfollow");
    browser.wait_for_actors(&json!(["alice"]));
    browser.click(".event .target");
    browser.wait_for_text("[data-testid=user-id]", "bob");
    browser.pick("role", "target");
    browser.click(".event .open");
    browser.wait_for_text("[data-testid=record-json]", "alice");
    let query = browser.query();
    for part in [&format!("app={app}"), "range=7d", "kind=unfollow", "user=bob", "role=target", "event="] {
        assert!(query.contains(part), "no {part} in {query}");
    }
    assert!(!query.contains(ADMIN_TOKEN));

    // Reload.
    let is_the_same = |browser: &Browser| {
        browser.wait_for_text("[data-testid=record-json]", "alice");
        browser.wait_for_text("[data-testid=user-id]", "bob");
        let checked = "[...document.querySelectorAll(':checked:not(option)')].map((radio) => radio.value)";
        assert_eq!(browser.value(checked, ""), json!(["7d", "lost", "target", "unfollow", "all"]));
        assert_eq!(browser.value("app.value", ""), app);
    };
    browser.value("location.reload()", "");
    is_the_same(&browser);
    // Back, step by step.
    browser.back();
    browser.wait("!document.querySelector('#record').open", "");
    browser.back();
    browser.wait("document.querySelector('[name=role]').checked", "");
    browser.back();
    browser.wait("document.querySelector('#board').dataset.shown === 'overview'", "");
    browser.wait_for_actors(&json!(["alice"]));
    browser.back();
    browser.wait_for_actors(&json!(["carol", "alice"]));
    // A link in the browser of somebody else, who signs in first.
    drop(browser);
    let browser = Browser::open(&format!("{}{query}", url()));
    browser.sign_in(ADMIN_TOKEN);
    is_the_same(&browser);
    // A token that has become invalid leads to the log-in, and from there back.
    browser.value("(sessionStorage.setItem('admin-token', it), location.reload())", "no longer the token");
    browser.wait_for_text("#login-problem", "The token was rejected.");
    browser.sign_in(ADMIN_TOKEN);
    is_the_same(&browser);
}

#[test]
fn what_a_url_cannot_mean_is_left_out() {
    let app = "1400000028";
    send_unfollow(app, "alice", &["bob"], now_ms());
    let browser =
        Browser::signed_in_at(&format!("app={app}&range=1y&kind=like&role=actor&since=9&until=3&by=age&view=x"));
    browser.wait_for_actors(&json!(["alice"]));
    assert_eq!(browser.value("document.querySelector('[name=range]:checked').value", ""), "24h");
    // An app that is not there is another one's.
    browser.visit("app=1");
    browser.wait("new URLSearchParams(location.search).get('app') === '1400000000'", "");
}

#[test]
fn a_list_that_is_narrowed_has_its_times_in_the_url() {
    let app = "1400000029";
    let now = now_ms();
    send_unfollow(app, "now", &["bob"], now);
    send_unfollow(app, "earlier", &["bob"], now - 3 * HOUR);
    let hour = (now - 3 * HOUR) / HOUR * HOUR;
    let browser = Browser::signed_in_at(&format!("app={app}&since={hour}&until={}", hour + HOUR - 1));
    browser.wait_for_actors(&json!(["earlier"]));
    browser.wait_for_text("[data-testid=narrowed]", "–");
    browser.click("#widen");
    browser.wait_for_actors(&json!(["now", "earlier"]));
    assert_eq!(browser.query(), format!("?app={app}"));
}
