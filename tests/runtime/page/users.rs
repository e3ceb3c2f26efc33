//! One user: totals, chart, timeline, erasure, and ids that are shown and searched exactly as they are. Who lost most.

use serde_json::json;

use super::{HOUR, MINUTE, send_follow, send_unfollow, shared};
use crate::{
    ADMIN_TOKEN,
    browser::Browser,
    call::{now_ms, request_api},
    worker::wait_for,
};

#[test]
fn an_id_is_shown_and_searched_exactly_as_it_is() {
    let app = "1400000034";
    let ids = [
        "alice",
        "Alice",
        " alice",
        "alice ",
        " alice ",
        "   ",
        "a\nb",
        "a\r\nb",
        "a b",
        "a\u{a0}b",
        "a\u{3000}b",
        ".",
        "..",
        "a+b&c=d%20#e?",
        "x\u{202e}evil",
        "\u{feff}",
        "é",
        "e\u{301}",
        "\\n",
        "null",
        "undefined",
    ];
    let now = now_ms();
    let names: Vec<_> = (0..ids.len()).map(|number| format!("of-{number}")).collect();
    for (number, (id, name)) in ids.iter().zip(&names).enumerate() {
        send_unfollow(app, name, &[id], now - number as u64 * 1000);
    }
    let browser = Browser::signed_in(app);
    assert_eq!(browser.texts("target"), json!(ids));
    for (number, (id, name)) in ids.iter().zip(&names).enumerate() {
        // By a click, which a reload shows again.
        browser.value("document.querySelectorAll('[data-testid=target]')[it].click()", &number.to_string());
        browser.wait_for_actors(&json!([name]));
        assert_eq!(browser.texts("user-id"), json!([id]));
        browser.value("location.reload()", "");
        browser.wait("document.body.dataset.view === 'board'", "");
        browser.wait_for_actors(&json!([name]));
        browser.wait_for_text("[data-testid=followers-lost]", "1");
        browser.back();
        wait_for("all rows", || (browser.rows() == ids.len() as u64).then_some(()));
        // By a search. A field of a form has no carriage return.
        if !id.contains('\r') {
            browser.search(id);
            browser.wait_for_actors(&json!([name]));
            browser.back();
            wait_for("all rows", || (browser.rows() == ids.len() as u64).then_some(()));
        }
    }
    // What cannot be seen has a mark.
    let marks = "[...document.querySelectorAll('[data-testid=target]')][it].querySelectorAll('.invisible').length";
    for (number, count) in [(0, 0), (2, 1), (4, 2), (5, 3), (6, 1), (7, 2), (8, 0), (9, 1), (14, 1)] {
        assert_eq!(browser.value(marks, &number.to_string()), count, "{:?}", ids[number]);
    }
    // What is copied is the id.
    browser.value("(document.addEventListener('copy', (event) => { window.copied = event.clipboardData.getData('text/plain'); }), 0)", "");
    browser.value(
        "(getSelection().selectAllChildren(document.querySelectorAll('[data-testid=target] .user')[9]), document.execCommand('copy'))",
        "",
    );
    assert_eq!(browser.value("window.copied", ""), "a\u{a0}b");
}

#[test]
fn a_user_has_totals_a_chart_and_a_timeline() {
    let app = "1400000035";
    let now = now_ms();
    send_unfollow(app, "fan", &["anchor", "other"], now - 2 * HOUR);
    send_unfollow(app, "fan-2", &["anchor"], now - 40 * 24 * HOUR);
    send_follow(app, "fan", &["anchor"], now - 3 * HOUR);
    send_follow(app, "anchor", &["star", "other"], now - 4 * HOUR);
    send_unfollow(app, "anchor", &["star"], now - HOUR);
    send_unfollow(app, "stranger", &["other"], now);
    let browser = Browser::signed_in(app);
    browser.search("anchor");
    browser.wait_for_actors(&json!(["anchor", "fan", "fan", "anchor", "fan-2"]));
    browser.wait_for_card("user-view");
    // Of all time, and of the range.
    for (total, figure) in [
        ("followers-lost", "2"),
        ("followers-gained", "1"),
        ("followers-net", "−1"),
        ("following-removed", "1"),
        ("following-added", "2"),
    ] {
        assert_eq!(browser.texts(total), json!([figure]), "{total}");
    }
    browser.wait_for_card("chart");
    assert_eq!((browser.figure("tile-unfollows"), browser.figure("tile-follows")), ("1".into(), "1".into()));
    assert!(browser.text("[data-testid=tile-unfollows]").contains("Followers lost"));
    browser.wait_for_text("[data-testid=tile-last-event]", "1 h ago");
    browser.pick("role", "actor");
    browser.wait_for_actors(&json!(["anchor", "anchor"]));
    browser.pick("role", "target");
    browser.wait_for_actors(&json!(["fan", "fan", "fan-2"]));
    // It is live too, with its totals; what does not concern the user is not in it.
    send_unfollow(app, "stranger-2", &["other"], now_ms());
    send_unfollow(app, "fan-3", &["anchor"], now_ms());
    browser.wait_for_actors(&json!(["fan-3", "fan", "fan", "fan-2"]));
    wait_for("the totals", || (browser.texts("followers-lost") == json!(["3"])).then_some(()));
    wait_for("the tile", || (browser.figure("tile-unfollows") == "2").then_some(()));
    browser.assert_well_behaved();
}

#[test]
fn who_lost_most_is_ranked_and_opened() {
    let app = "1400000036";
    let now = now_ms();
    let fans: Vec<_> = (0..12).map(|number| format!("fan-{number}")).collect();
    let all: Vec<_> = fans.iter().map(String::as_str).collect();
    for (number, fan) in all.iter().enumerate() {
        if number < 7 {
            send_unfollow(app, fan, &["loser"], now - number as u64 * MINUTE);
        }
        send_follow(app, fan, &["winner"], now - number as u64 * MINUTE);
    }
    send_unfollow(app, "fan-0", &["winner", "mixed"], now);
    send_follow(app, "fan-0", &["mixed"], now);
    send_unfollow(app, "old", &["of-last-week"], now - 5 * 24 * HOUR);
    let browser = Browser::signed_in(app);
    let ranked = |expected: serde_json::Value| {
        wait_for(&expected.to_string(), || (browser.texts("top-row") == expected).then_some(()));
    };
    // Those of equal rank come in any order.
    wait_for("the ranking", || (browser.texts("top-row")[0] == "loser7").then_some(()));
    browser.pick("by", "gained");
    ranked(json!(["winner12", "mixed1"]));
    browser.pick("by", "net");
    ranked(json!(["loser−7", "winner+11"]));
    browser.pick("by", "lost");
    browser.pick("range", "7d");
    wait_for("a week's ranking", || browser.texts("top-row").to_string().contains("of-last-week").then_some(()));
    browser.click("[data-testid=top-row] a");
    browser.wait_for_text("[data-testid=user-id]", "loser");
    wait_for("the rows", || (browser.rows() == 7).then_some(()));
}

#[test]
fn a_user_is_erased_after_a_confirmation() {
    let app = "1400000037";
    let now = now_ms();
    for number in 0..60 {
        send_unfollow(app, &format!("fan-{number}"), &["erased", "bob"], now - number * 1000);
    }
    send_follow(app, "erased", &["star"], now);
    send_follow(app, "somebody", &["star"], now);
    let browser = Browser::signed_in(app);
    browser.search("erased");
    browser.wait_for_card("user-view");
    browser.click("#user-erase");
    browser.wait_for_text("[data-testid=erase]", "erased");
    browser.click("#erase-cancel");
    assert_eq!(browser.texts("followers-lost"), json!(["60"]));
    browser.click("#user-erase");
    browser.click("#erase-now");
    browser.wait("document.querySelector('#board').dataset.shown === 'overview'", "");
    browser.wait_for_actors(&json!(["somebody"]));
    assert_eq!(browser.text("#status"), "61 records erased.");
    let user = request_api("GET", &format!("{}/v1/users/{app}?user=erased", shared().worker.url), Some(ADMIN_TOKEN));
    assert_eq!(user.body["last_event_time"], json!(null), "{user:?}");
    wait_for("the tile", || (browser.figure("tile-unfollows") == "0").then_some(()));
}
