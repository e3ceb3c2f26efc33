//! The list of events: what a row shows, the filters, the record, and the keyboard.

use serde_json::json;

use super::{HOUR, send, send_follow, send_unfollow, shared};
use crate::{
    ADMIN_TOKEN,
    browser::{Browser, DOWN, ENTER, ESCAPE, TAB},
    call::{UNFOLLOW, now_ms, unfollow},
    worker::wait_for,
};

#[test]
fn events_are_filtered_by_app_kind_and_user() {
    let (app, other) = ("1400000003", "1400000004");
    let now = now_ms();
    send_unfollow(app, "alice", &["bob"], now - 3000);
    send_follow(app, "bob", &["alice", "carol"], now - 2000);
    send_unfollow(app, "carol", &["dave"], now - 1000);
    send_unfollow(other, "zoe", &["yves"], now);

    let browser = Browser::signed_in(app);
    assert_eq!(browser.actors(), json!(["carol", "bob", "alice"]));
    browser.pick("kind", "follow");
    browser.wait_for_actors(&json!(["bob"]));
    browser.pick("kind", "unfollow");
    browser.wait_for_actors(&json!(["carol", "alice"]));
    browser.pick("kind", "");
    browser.wait_for_actors(&json!(["carol", "bob", "alice"]));
    browser.write("[data-testid=user-filter]", "alice");
    browser.press(ENTER);
    browser.wait_for_actors(&json!(["bob", "alice"]));
    browser.choose(other);
    browser.wait_for_actors(&json!(["zoe"]));
    // There is no way to dead letters where there are none, whatever else is shown.
    browser.click(".event .open");
    browser.wait("document.querySelector('#record-body').dataset.state === 'ready'", "");
    assert_eq!(browser.value("document.querySelector('[data-testid=dead-letters-link]').hidden", ""), true);
    browser.assert_well_behaved();
}

#[test]
fn a_search_that_finds_nothing_says_that_case_counts() {
    let app = "1400000014";
    send_unfollow(app, "alice", &["bob"], now_ms());
    let browser = Browser::signed_in(app);
    browser.write("[data-testid=user-filter]", "ALICE");
    // Its row shows that the page has polled again, and has not searched while the user was typing.
    send_unfollow(app, "newcomer", &["bob"], now_ms());
    browser.wait_for_actors(&json!(["newcomer", "alice"]));
    browser.press(ENTER);
    browser.wait_for_text("[data-testid=nothing-found]", "case counts");
    browser.wait_for_text("[data-testid=no-user]", "case counts");
    browser.click("#clear-filters");
    browser.wait_for_actors(&json!(["newcomer", "alice"]));
    // The next operator to sign in begins without a filter.
    browser.search("alice");
    browser.wait_for_actors(&json!(["alice"]));
    browser.click("#sign-out");
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_events();
    assert_eq!(browser.value("new URLSearchParams(location.search).get('user')", ""), json!(null));
    browser.choose(app);
    browser.wait_for_actors(&json!(["newcomer", "alice"]));
}

#[test]
fn events_are_grouped_by_day_under_a_title_that_sticks() {
    let app = "1400000021";
    // Noon, so that no event is on the neighbouring day.
    let noon = now_ms() / (24 * HOUR) * 24 * HOUR - 12 * HOUR;
    for number in 0..40 {
        send_unfollow(app, &format!("yesterday-{number}"), &["bob"], noon + number);
    }
    send_unfollow(app, "older", &["bob", "carol", "dave", "erin", "frank"], noon - 24 * HOUR);
    let browser = Browser::signed_in(app);
    let days = "[...document.querySelectorAll('[data-testid=day]')].map((day) => [day.querySelector('h3').textContent, \
                day.querySelectorAll('[data-testid=event-row]').length])";
    let shown = browser.value(days, "");
    assert_eq!((&shown[0], &shown[1][1]), (&json!(["Yesterday", 40]), &json!(1)), "{shown}");
    // A title says which day the rows below it are of, however far the list is scrolled.
    browser.value("document.querySelectorAll('.event')[20].scrollIntoView({block: 'center'})", "");
    let top = browser.value(
        "document.querySelector('#days h3').getBoundingClientRect().top - document.querySelector('.bar').offsetHeight",
        "",
    );
    assert!(top.as_f64().unwrap().abs() <= 1.0, "{top}");
    // All targets of a row that has many are in its record.
    let last = "[...document.querySelectorAll('.event')].at(-1)";
    assert_eq!(browser.value(&format!("{last}.querySelectorAll('[data-testid=target]').length"), ""), 3);
    assert_eq!(browser.value(&format!("{last}.querySelector('.rest').textContent"), ""), "+2 more");
    browser.value(&format!("{last}.querySelector('.open').click()"), "");
    browser.wait_for_text("[data-testid=record-targets]", "frank");
}

#[test]
fn a_user_id_is_never_markup_and_turns_nothing_around() {
    let app = "1400000005";
    let hostile = ["<img src=x onerror=hacked=1>", "<script>hacked=1</script>", "\"><b>&lt;x\u{202e}evil"];
    send_unfollow(app, hostile[0], &hostile[1..], now_ms());
    let browser = Browser::signed_in(app);
    assert_eq!(browser.actors(), json!([hostile[0]]));
    assert_eq!(browser.texts("target"), json!(hostile[1..]));
    // The mark that is shown for what cannot be seen.
    let mark = "getComputedStyle(document.querySelector('.target .invisible'), '::before').content";
    assert_eq!(browser.value(mark, ""), "\"U+202E\"");
    // The letters behind it still go from left to right.
    let lefts = "[document.querySelector('.target .invisible').nextSibling].map((text) => [0, 3].map((at) => { \
                 const letter = document.createRange(); letter.setStart(text, at); letter.setEnd(text, at + 1); \
                 return letter.getBoundingClientRect().left; }))[0]";
    let lefts = browser.value(lefts, "");
    assert!(lefts[0].as_f64().unwrap() < lefts[1].as_f64().unwrap(), "{lefts}");
    browser.click(".event .open");
    browser.wait_for_text("[data-testid=record-json]", hostile[0]);
    let json = browser.text("[data-testid=record-json]");
    assert!(json.contains("x\\u202eevil") && !json.contains('\u{202e}'), "{json}");
    browser.wait_for_text("[data-testid=record-targets]", hostile[1]);
    browser.press(ESCAPE);
    browser.search(hostile[0]);
    browser.wait("new URLSearchParams(location.search).get('user') === it", hostile[0]);
    browser.wait_for_actors(&json!([hostile[0]]));
    assert_eq!(browser.value("document.querySelectorAll('main img, main script, main b, dialog img').length", ""), 0);
    assert_eq!(browser.value("typeof hacked", ""), "undefined");
    browser.assert_well_behaved();
}

#[test]
fn all_can_be_done_by_keyboard() {
    let app = "1400000006";
    let now = now_ms();
    send_unfollow(app, "first", &["bob"], now - 1000);
    send_unfollow(app, "second", &["bob"], now);
    let browser = Browser::signed_in(app);
    browser.wait_for_card("chart");
    browser.wait_for_card("top");
    let is_in_row = "document.activeElement.closest('.event')";
    let mut seen = Vec::new();
    while browser.value(&format!("Boolean({is_in_row})"), "") == false {
        browser.press(TAB);
        seen.push(browser.value(
            "document.activeElement.id || document.activeElement.name || document.activeElement.dataset.user",
            "",
        ));
        assert!(seen.len() < 40, "{seen:?}");
    }
    for id in ["range", "user", "by", "bob", "kind", "export-open"] {
        assert!(seen.contains(&json!(id)), "{id} is not in {seen:?}");
    }
    let outline = format!("getComputedStyle({is_in_row}).outlineStyle");
    assert_eq!(browser.value(&outline, ""), "solid");
    browser.press(DOWN);
    let actor = format!("{is_in_row}.querySelector('.actor').innerText");
    assert_eq!(browser.value(&actor, ""), "first");
    browser.press(ENTER);
    browser.wait_for_text("[data-testid=record-json]", "\"from_account\": \"first\"");
    assert_eq!(browser.value("document.querySelector('#record').matches(':modal')", ""), true);
    assert_eq!(browser.value("document.querySelector('#record').contains(document.activeElement)", ""), true);
    browser.press(ESCAPE);
    browser.wait("!document.querySelector('#record').open", "");
    assert_eq!(browser.value(&actor, ""), "first");

    // The search has a key of its own, wherever the focus is but in a field.
    let focused = "document.activeElement.id || document.activeElement.value";
    browser.press("/");
    assert_eq!(browser.value(focused, ""), "user");
    browser.press("/");
    assert_eq!(browser.value("document.activeElement.value", ""), "/");
    for control in ["[name=kind][value=follow]", "[name=range][value='7d']", "#refresh"] {
        browser.click(control);
        assert_ne!(browser.value(focused, ""), "user", "{control}");
        browser.press("/");
        assert_eq!(browser.value(focused, ""), "user", "{control}");
    }
    browser.assert_well_behaved();
}

#[test]
fn a_record_is_shown_in_full_and_can_be_deleted() {
    let app = "1400000007";
    let users: Vec<_> = (0..20).map(|number| format!("a-user-with-a-long-name-{number:08}")).collect();
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    let body = unfollow("erased", &users, now_ms()).replace('}', ",\"Large\":12345678901234567890123}");
    send(app, UNFOLLOW, &body);
    let browser = Browser::signed_in(app);
    // The tiles are asked for apart from the rows.
    wait_for("the tile", || (browser.figure("tile-unfollows") == "20").then_some(()));
    browser.click(".event .open");
    browser.wait_for_text("[data-testid=record-json]", users[19]);
    // More digits than JavaScript's numbers have.
    browser.wait_for_text("[data-testid=record-json]", "\"Large\": 12345678901234567890123");
    browser.wait_for_text("[data-testid=record-targets]", users[19]);
    // There is no origin that it could be replayed to.
    assert_eq!(browser.text("#record-replay"), "");
    browser.click("#record-delete");
    browser.click("#record-keep");
    browser.click("#record-delete");
    assert_eq!(browser.rows(), 1);
    assert_eq!(browser.figure("tile-unfollows"), "20");
    browser.click("#record-delete-now");
    wait_for("the row to go", || (browser.rows() == 0).then_some(()));
    browser.wait("document.querySelector('#total-unfollows').textContent === '0'", "");
    assert_eq!(browser.value("document.querySelector('#record').open", ""), false);
    let keys = shared().home.keys();
    assert!(!keys.as_array().unwrap().iter().any(|key| key["metadata"]["from_account"] == "erased"), "{keys}");
}
