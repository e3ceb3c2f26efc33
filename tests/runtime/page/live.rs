//! New events appear by themselves: when the page polls, what a poll costs, and that nothing jumps.

use std::time::Instant;

use serde_json::json;

use super::{HOUR, MINUTE, send_follow, send_unfollow};
use crate::{browser::Browser, call::now_ms, worker::wait_for};

impl Browser {
    /// The calls of the API that the page makes in so many seconds.
    fn calls_within(&self, seconds: u64) -> Vec<String> {
        // Calls that are under way may end.
        self.requests();
        let begun = Instant::now();
        wait_for("some seconds to pass", || (begun.elapsed().as_secs() >= seconds).then_some(()));
        self.requests().into_iter().filter(|url| url.contains("/v1/")).collect()
    }
}

#[test]
fn a_new_event_appears_by_itself_within_5_s() {
    let app = "1400000002";
    let browser = Browser::signed_in(app);
    browser.value("window.loadedOnce = true", "");
    let mut waited = Vec::new();
    for name in ["first", "second", "third"] {
        send_unfollow(app, name, &["bob"], now_ms());
        let sent = Instant::now();
        // It is marked as new, for some seconds.
        browser.wait("document.querySelector('.fresh [data-testid=actor]')?.textContent === it", name);
        waited.push(sent.elapsed());
        // Tiles and chart move with it.
        let count = waited.len();
        wait_for("the tile", || (browser.figure("tile-unfollows") == count.to_string()).then_some(()));
        // An hour may have begun since the first.
        let bars = "[...document.querySelectorAll('[data-testid=chart-row] [data-testid=unfollows]')].slice(0, 2)\
                    .reduce((sum, cell) => sum + Number(cell.textContent), 0)";
        assert_eq!(browser.value(bars, ""), count);
        assert_eq!(browser.text("#status"), "1 new event");
    }
    // A busy machine may delay one.
    assert!(waited.iter().any(|waited| waited.as_secs() < 5), "{waited:?}");
    assert_eq!(browser.value("window.loadedOnce", ""), true);
    // Its call has come too, even where it is not counted yet.
    browser.wait_for_text("[data-testid=tile-last-event]", "last call");
    let count = (waited.len() + 1).to_string();
    send_unfollow(app, "one-more", &["bob"], now_ms());
    wait_for("the tile", || (browser.figure("tile-unfollows") == count).then_some(()));
    let times =
        "[...document.querySelectorAll('#last-event time, #last-call time')].map((it) => Date.parse(it.dateTime))";
    let times = browser.value(times, "");
    assert!(times[1].as_u64().unwrap() >= times[0].as_u64().unwrap(), "last event and last call: {times}");
    browser.wait_for_text("[data-testid=tile-last-event]", "ago");
    browser.assert_well_behaved();
}

#[test]
fn a_page_in_use_polls_every_3_s_and_others_every_30_s() {
    let app = "1400000011";
    send_unfollow(app, "before", &["bob"], now_ms());
    let browser = Browser::signed_in(app);
    browser.wait_for_card("chart");
    browser.wait_for_card("top");
    // One request each, for what is new only. What is wrong is asked for every 30 s.
    let calls = browser.calls_within(10);
    let (polls, others): (Vec<_>, Vec<_>) = calls.iter().partition(|url| url.contains("/v1/events?"));
    assert!((2..=4).contains(&polls.len()), "{calls:?}");
    assert!(polls.iter().all(|url| url.contains("since=")), "{calls:?}");
    assert!(others.iter().all(|url| url.contains("/v1/calls?")) && others.len() <= 2, "{calls:?}");

    browser.hide();
    assert!(browser.calls_within(4).len() <= 4);
    assert!(browser.calls_within(10).len() <= 1, "hidden");
    send_unfollow(app, "meanwhile", &["bob"], now_ms());
    browser.show();
    browser.wait_for_actors(&json!(["meanwhile", "before"]));

    // Nobody has used it for a while.
    browser.forward(11 * MINUTE);
    browser.calls_within(5);
    assert!(browser.calls_within(10).len() <= 1, "idle");
    send_unfollow(app, "later", &["bob"], now_ms());
    browser.press("x");
    browser.wait_for_actors(&json!(["later", "meanwhile", "before"]));
}

#[test]
fn an_event_in_the_future_says_so_and_hides_no_outage() {
    let app = "1400000022";
    send_follow(app, "too-early", &["bob"], now_ms() + 3 * 24 * HOUR + HOUR);
    let browser = Browser::signed_in(app);
    browser.wait_for_text("[data-testid=event-row]", "in 3 days");
    browser.wait_for_text("[data-testid=day]", "in the future");
    // Others still come, and the time of the last one is that of its receipt.
    send_unfollow(app, "on-time", &["bob"], now_ms());
    browser.wait_for_actors(&json!(["too-early", "on-time"]));
    browser.forward(HOUR + MINUTE);
    browser.wait_for_text("[data-testid=tile-last-event]", "1 h ago");
}

#[test]
fn after_a_delete_no_other_row_is_new() {
    let app = "1400000023";
    let now = now_ms();
    for number in 0..55 {
        send_unfollow(app, &format!("user-{number}"), &["bob"], now - number * HOUR / 4);
    }
    let browser = Browser::signed_in(app);
    assert_eq!(browser.rows(), 50);
    browser.value(
        "(window.seen = [], new MutationObserver(() => seen.push(document.querySelector('#status').textContent, \
         document.querySelectorAll('.fresh').length)).observe(document.body, {subtree: true, childList: true, attributes: true}), 0)",
        "",
    );
    // Not the newest one: that it is gone, the next poll would see by itself.
    browser.value("document.querySelectorAll('.event')[1].querySelector('.open').click()", "");
    browser.wait_for_text("[data-testid=record-json]", "user-1");
    browser.click("#record-delete");
    browser.click("#record-delete-now");
    wait_for("all that is left", || {
        (browser.actors()[1] == "user-2" && browser.rows() == 50 && browser.figure("tile-unfollows") == "54")
            .then_some(())
    });
    let seen = browser.value("[...new Set(seen.filter((it) => it !== 0 && it !== ''))]", "");
    assert_eq!(seen, json!(["The event was deleted."]));
}

#[test]
fn sixty_new_events_move_neither_the_list_nor_the_scroll_position() {
    let app = "1400000024";
    let now = now_ms();
    for number in 0..220 {
        send_unfollow(app, &format!("user-{number}"), &["bob"], now - HOUR - number * 1000);
    }
    let browser = Browser::signed_in(app);
    for rows in [100, 200] {
        browser.click("#more");
        wait_for("more rows", || (browser.rows() == rows).then_some(()));
    }
    browser.value("document.querySelectorAll('.event')[120].scrollIntoView({block: 'center'})", "");
    // A row that is scrolled to gets its own height at that time.
    let top = "[...document.querySelectorAll('.event')].find((row) => row.textContent.includes(it)).getBoundingClientRect().top";
    let settled = |browser: &Browser| {
        let mut last = None;
        wait_for("the layout to settle", || {
            let now = browser.value(top, "user-120").as_f64();
            let before = std::mem::replace(&mut last, now);
            (before == now).then_some(now.unwrap())
        })
    };
    let before = settled(&browser);
    browser.set_offline(true);
    for number in 0..60 {
        send_unfollow(app, &format!("new-{number}"), &["bob"], now + number);
    }
    browser.set_offline(false);
    wait_for("all rows", || (browser.rows() == 260).then_some(()));
    assert_eq!(
        (&browser.actors()[0], &browser.actors()[59], &browser.actors()[60]),
        (&json!("new-59"), &json!("new-0"), &json!("user-0"))
    );
    let after = settled(&browser);
    assert!((after - before).abs() < 3.0, "{before} became {after}");
}

#[test]
fn counts_never_jump_backwards() {
    let app = "1400000025";
    send_unfollow(app, "first", &["bob"], now_ms());
    let browser = Browser::signed_in(app);
    browser.wait_for_card("chart");
    browser.value(
        "(window.counts = [], new MutationObserver(() => counts.push(document.querySelector('#total-unfollows').textContent))\
         .observe(document.querySelector('#total-unfollows'), {subtree: true, childList: true, characterData: true}), 0)",
        "",
    );
    for number in 0..6 {
        send_unfollow(app, &format!("user-{number}"), &["bob"], now_ms());
        browser.click("#refresh");
        send_unfollow(app, &format!("other-{number}"), &["bob"], now_ms());
        browser.wait_for_text("[data-testid=events]", &format!("other-{number}"));
    }
    // A poll asks for the hours of new events only, where nobody has asked for all.
    send_unfollow(app, "last", &["bob"], now_ms());
    wait_for("the last count", || (browser.figure("tile-unfollows") == "14").then_some(()));
    let counts = browser.value("counts.map(Number)", "");
    let counts: Vec<_> = counts.as_array().unwrap().iter().map(|count| count.as_u64().expect("a number")).collect();
    assert!(counts.is_sorted() && counts.len() > 2, "{counts:?}");
}

#[test]
fn a_worker_that_cannot_be_reached_is_polled_again() {
    let app = "1400000012";
    let browser = Browser::signed_in(app);
    browser.set_offline(true);
    browser.click("#refresh");
    browser.wait_for_text("#banner", "The Worker cannot be reached.");
    send_unfollow(app, "meanwhile", &["bob"], now_ms());
    browser.set_offline(false);
    browser.wait_for_actors(&json!(["meanwhile"]));
    // The banner goes when all parts have been read, which may be later.
    wait_for("the banner to go", || browser.text("#banner").is_empty().then_some(()));
}
