//! The range: which time tiles and chart are of, and the bars of the chart.

use serde_json::{Value, json};

use super::{HOUR, MINUTE, send_follow, send_unfollow};
use crate::{browser::Browser, call::now_ms, worker::wait_for};

const DAY: u64 = 24 * HOUR;

/// The middle of the last whole hour, as the present of a browser: no hour begins during a test, and no day.
fn half_past() -> u64 {
    now_ms() / HOUR * HOUR - HOUR / 2
}

impl Browser {
    /// Opens the page with this query where it is this time, in a time zone, and signs in.
    fn signed_in_then(query: &str, now: u64, time_zone: &str) -> Self {
        let browser = Self::open("about:blank");
        browser.set_time_zone(time_zone);
        browser.set_clock(now as i64 - now_ms() as i64);
        browser.go(&format!("{}?{query}", super::url()));
        browser.sign_in(crate::ADMIN_TOKEN);
        browser.wait_for_events();
        browser
    }

    /// The rows of the chart's table: each bar in words, with its counts.
    fn bars(&self) -> Vec<Value> {
        let rows = "[...document.querySelectorAll('[data-testid=chart-row]')].map((row) => \
                    [...row.cells].map((cell) => cell.textContent))";
        self.value(rows, "").as_array().unwrap().clone()
    }
}

#[test]
fn tiles_and_chart_follow_the_range() {
    let app = "1400000030";
    let now = half_past();
    // The full hour 24 hours ago, and the ms before it.
    let full_hour = now / HOUR * HOUR - DAY;
    send_unfollow(app, "first-of-24-h", &["a", "b"], full_hour);
    send_follow(app, "before-24-h", &["c"], full_hour - 1);
    // The same of the day that began a week before today, in Shanghai.
    let midnight = (now + 8 * HOUR) / DAY * DAY - 8 * HOUR - 7 * DAY;
    send_unfollow(app, "first-of-7-d", &["a"], midnight);
    send_follow(app, "before-7-d", &["c"], midnight - 1);
    send_unfollow(app, "days-ago", &["d", "e", "f"], now - 3 * DAY);
    send_unfollow(app, "weeks-ago", &["g"], now - 20 * DAY);
    send_unfollow(app, "months-ago", &["h"], now - 60 * DAY);
    let browser = Browser::signed_in_then(&format!("app={app}"), now, "Asia/Shanghai");
    for (range, unfollows, follows, bars, unit, since) in [
        ("24h", "2", "0", 25, "Per hour", "yesterday"),
        ("7d", "6", "1", 8, "Per day", "since"),
        ("30d", "7", "2", 31, "Per day", "since"),
        ("24h", "2", "0", 25, "Per hour", "yesterday"),
    ] {
        browser.pick("range", range);
        browser.wait_for_text("#stats-title", unit);
        wait_for(range, || (browser.bars().len() == bars).then_some(()));
        assert_eq!(
            (browser.figure("tile-unfollows"), browser.figure("tile-follows")),
            (unfollows.into(), follows.into()),
            "{range}"
        );
        for tile in ["tile-unfollows", "tile-follows", "tile-net"] {
            assert!(browser.text(&format!("[data-testid={tile}]")).contains(since), "{tile}");
        }
        // The list is not cut to it.
        assert_eq!(browser.rows(), 7);
    }
    // The tile says from when exactly.
    let hour = (full_hour / HOUR + 8) % 24;
    browser.wait_for_text("[data-testid=tile-unfollows]", &format!("since {hour:02}:00 yesterday"));
}

#[test]
fn a_click_on_a_bar_narrows_the_list_to_it() {
    let app = "1400000031";
    let now = half_past();
    let hour = now / HOUR * HOUR - 12 * HOUR;
    send_unfollow(app, "in-it", &["loser"], hour + MINUTE);
    send_unfollow(app, "in-it-too", &["loser"], hour + 59 * MINUTE);
    send_unfollow(app, "before-it", &["other"], hour - 1);
    send_unfollow(app, "after-it", &["other"], hour + HOUR);
    let browser = Browser::signed_in_then(&format!("app={app}"), now, "UTC");
    browser.wait_for_card("chart");
    browser.wait("document.querySelector('#chart .u-over')", "");
    // The 13th of 25 bars is in the middle.
    browser.click_at("#chart .u-over", 0.5, 0.6);
    browser.wait_for_actors(&json!(["in-it-too", "in-it"]));
    assert!(!browser.text("[data-testid=narrowed]").is_empty());
    // Who lost most then is shown too.
    wait_for("the top of the hour", || (browser.texts("top-row") == json!(["loser2"])).then_some(()));
    // A live event is not in that hour.
    send_unfollow(app, "live", &["bob"], now);
    wait_for("the tile", || (browser.figure("tile-unfollows") == "5").then_some(()));
    assert_eq!(browser.rows(), 2);
    // A second click widens the list again, and so does the keyboard, in the table.
    browser.click_at("#chart .u-over", 0.5, 0.6);
    wait_for("all", || (browser.rows() == 5).then_some(()));
    browser.click("#stats summary");
    browser.click(&format!("[data-testid=chart-row][data-start='{hour}'] button"));
    browser.wait_for_actors(&json!(["in-it-too", "in-it"]));
}

#[test]
fn a_chart_without_counts_is_a_sentence() {
    let browser = Browser::signed_in("1400000032");
    browser.wait_for_text("[data-testid=chart]", "No unfollows or follows since");
    assert_eq!(browser.text("#chart"), "");
    assert_eq!(browser.value("document.querySelector('#chart').checkVisibility()", ""), false);
}

#[test]
fn the_hour_that_clocks_go_back_is_there_twice_and_the_day_has_25() {
    let app = "1400000033";
    // 2026-10-25, 01:00 UTC: in London, 02:00 becomes 01:00.
    let change = 1_792_890_000_000;
    send_unfollow(app, "summer", &["a"], change - HOUR / 2);
    send_unfollow(app, "winter", &["b", "c"], change + HOUR / 2);
    // The day's first and last half hour, which a day of 24 hours would not both have.
    send_follow(app, "morning", &["d"], change - 3 * HOUR / 2);
    send_follow(app, "evening", &["e"], change + 45 * HOUR / 2);
    let browser = Browser::signed_in_then(&format!("app={app}"), change + 12 * HOUR, "Europe/London");
    wait_for("25 bars", || (browser.bars().len() == 25).then_some(()));
    let bars: Vec<_> = browser.bars().into_iter().filter(|bar| bar[1] != "0").collect();
    let [winter, summer] = &bars[..] else { panic!("{bars:?}") };
    let ends = |bar: &Value, end: &str| assert!(bar[0].as_str().unwrap().ends_with(end), "{bar} and not {end}");
    ends(summer, "01:00 GMT+1–01:00 GMT+0");
    ends(winter, "01:00 GMT+0–02:00");
    drop(browser);

    let browser = Browser::signed_in_then(&format!("app={app}&range=7d"), change + 3 * DAY, "Europe/London");
    wait_for("8 bars", || (browser.bars().len() == 8).then_some(()));
    let bars: Vec<_> = browser.bars().into_iter().filter(|bar| bar[1] != "0" || bar[2] != "0").collect();
    assert_eq!(bars.len(), 1, "{bars:?}");
    assert_eq!((&bars[0][1], &bars[0][2]), (&json!("3"), &json!("2")), "{bars:?}");
}
