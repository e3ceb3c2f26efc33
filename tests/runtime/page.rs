//! The operator's page: what is served beside the webhook, who may sign in, and the overview. What the page shows in detail
//! is tested by subject in `page/`. The tests share one Worker, and each has an app of its own there.

mod accessibility;
mod alerts;
mod deliveries;
mod export;
mod list;
mod live;
mod many;
mod range;
mod url;
mod users;

use std::{collections::BTreeSet, fs, sync::OnceLock};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, Shared,
    browser::{Browser, ENTER},
    call::{self, Answer, FOLLOW, UNFOLLOW, get_text, now_ms, post_at, request, unfollow, unsigned},
    unsigned as without_api,
    worker::{Settings, wait_for},
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Where the shared Worker has the webhook.
const PATH: &str = "/a-long-random-path";

/// A Worker with an app for each test.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let apps: Vec<_> = (1_400_000_000..1_400_000_060).map(|app| app.to_string()).collect();
        Shared::start(&[
            ("SDK_APP_IDS", &apps.join(",")),
            ("ALLOW_UNSIGNED", "true"),
            ("WEBHOOK_PATH", PATH),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ])
    })
}

fn url() -> String {
    format!("{}/dashboard", shared().worker.url)
}

/// Calls as Tencent does.
fn send(app: &str, command: &str, body: &str) {
    let answer = post_at(&format!("{}{PATH}?{}", shared().worker.url, unsigned(app, command)), body);
    assert!(answer.is_ok(), "{answer:?}");
}

fn send_unfollow(app: &str, from: &str, to: &[&str], event_time: u64) {
    send(app, UNFOLLOW, &unfollow(from, to, event_time));
}

fn send_follow(app: &str, from: &str, to: &[&str], event_time: u64) {
    let list: Vec<_> = to.iter().map(|to| json!({"To_Account": to})).collect();
    let body = json!({"CallbackCommand": FOLLOW, "From_Account": from, "FollowList": list, "EventTime": event_time});
    send(app, FOLLOW, &body.to_string());
}

/// How many users were unfollowed and followed in each hour of a day, from 22 hours ago to one hour ago.
const UNFOLLOWS: [u64; 22] = [4, 8, 3, 5, 2, 1, 0, 1, 0, 2, 1, 3, 4, 9, 5, 6, 4, 7, 12, 8, 6, 5];
const FOLLOWS: [u64; 22] = [9, 6, 5, 3, 2, 1, 1, 0, 0, 1, 3, 4, 8, 7, 9, 10, 6, 8, 9, 13, 10, 7];

/// When an hour of the day before `now` begins; both in Unix ms.
fn hour_of_day(now: u64, index: usize) -> u64 {
    now - now % HOUR - (UNFOLLOWS.len() - index) as u64 * HOUR
}

/// Those who are followed most, and those who follow them.
const ANCHORS: [&str; 10] = [
    "anchor_luna",
    "anchor_mei",
    "anchor_kai",
    "anchor_nova",
    "anchor_rio",
    "anchor_yuki",
    "anchor_sol",
    "anchor_ines",
    "anchor_tao",
    "anchor_zoe",
];
const FANS: [&str; 9] = ["alice", "bob", "carol", "dave_1987", "ivan", "erin", "grace.h", "heidi", "user_004217"];

/// Sends that day's events, each with up to three targets; gives how many events there were. One anchor loses many.
fn send_a_day(app: &str, now: u64) -> usize {
    let mut sent = 0;
    for (index, (unfollows, follows)) in UNFOLLOWS.into_iter().zip(FOLLOWS).enumerate() {
        for (count, loser, send) in
            [(unfollows, 1, send_unfollow as fn(&str, &str, &[&str], u64)), (follows, 0, send_follow)]
        {
            for first in (0..count).step_by(3) {
                // Every unfollow of three has the first anchor among its targets.
                let target = |number: u64| match (number - first) * loser {
                    1 => ANCHORS[0],
                    _ => ANCHORS[1 + ((sent + number * 4) % 9) as usize],
                };
                let to: Vec<_> = (first..count.min(first + 3)).map(target).collect();
                let fan = FANS[(sent % 9) as usize];
                send(app, fan, &to, hour_of_day(now, index) + (sent * 17 % 60) * MINUTE + sent * 331);
                sent += 1;
            }
        }
    }
    sent as usize
}

impl Browser {
    /// Opens the shared Worker's page with this query, and signs in.
    fn signed_in_at(query: &str) -> Self {
        let browser = Self::open(&format!("{}?{query}", url()));
        browser.sign_in(ADMIN_TOKEN);
        browser.wait_for_events();
        browser
    }

    /// Signs in on the page of one app.
    fn signed_in(app: &str) -> Self {
        Self::signed_in_at(&format!("app={app}"))
    }

    /// Opens the page of another Worker, and signs in.
    fn signed_in_on(url: &str) -> Self {
        let browser = Self::open(&format!("{url}/dashboard"));
        browser.sign_in(ADMIN_TOKEN);
        browser.wait("document.body.dataset.view === 'board'", "");
        browser
    }

    /// Opens another view in the same tab.
    fn visit(&self, query: &str) {
        self.go(&format!("{}?{query}", url()));
        self.wait_for_events();
    }

    fn choose(&self, app: &str) {
        self.value("(app.value = it, app.dispatchEvent(new Event('change')))", app);
    }

    fn sign_in(&self, token: &str) {
        self.wait("document.activeElement.id === 'token'", "");
        self.write("#token", token);
        self.press(ENTER);
    }

    /// Waits until the list of events is there, even an empty one.
    fn wait_for_events(&self) {
        self.wait("/^(ready|empty)$/.test(document.querySelector('#events')?.dataset.state)", "");
    }

    /// Waits until a card, by its data-testid, is ready.
    fn wait_for_card(&self, testid: &str) {
        self.wait("document.querySelector(`[data-testid='${it}']`).dataset.state === 'ready'", testid);
    }

    /// Chooses a radio button.
    fn pick(&self, name: &str, value: &str) {
        self.click(&format!("[name={name}][value='{value}']"));
    }

    /// Searches for a user. A search that is typed may have line ends, which a key would not write.
    fn search(&self, user: &str) {
        self.value("(document.querySelector('[data-testid=user-filter]').value = it, 0)", user);
        self.click("#search button");
    }

    /// The texts of all elements with this data-testid, as they are.
    fn texts(&self, testid: &str) -> Value {
        self.value("[...document.querySelectorAll(`[data-testid='${it}']`)].map((e) => e.textContent)", testid)
    }

    /// The actors of the rows that are shown.
    fn actors(&self) -> Value {
        self.texts("actor")
    }

    /// Waits until these are the rows.
    fn wait_for_actors(&self, actors: &Value) {
        wait_for(&format!("rows of {actors}"), || (self.actors() == *actors).then_some(()));
    }

    /// How many rows are shown.
    fn rows(&self) -> u64 {
        self.value("document.querySelectorAll('[data-testid=event-row]').length", "").as_u64().unwrap()
    }

    /// The figure of a tile.
    fn figure(&self, tile: &str) -> String {
        self.text(&format!("[data-testid={tile}] .figure"))
    }

    /// Whether something is outside the visible width.
    fn is_too_wide(&self) -> bool {
        self.value("document.documentElement.scrollWidth > innerWidth", "") == json!(true)
    }

    /// The policy rejected nothing, nothing failed, and no other server was called.
    fn assert_well_behaved(&self) {
        let requests = self.requests();
        assert!(requests.iter().any(|url| url.contains("/v1/events?")), "{requests:?}");
        // Each tab begins with one of Chromium's own pages (chrome:, chrome-untrusted:), which are on this machine.
        let is_ours = |url: &&String| url.starts_with(&shared().worker.url) || url.starts_with("chrome");
        let others: Vec<_> = requests.iter().filter(|url| !is_ours(url) && !url.starts_with("data:")).collect();
        assert!(others.is_empty(), "{others:?}");
        let is_problem = |entry: &Value| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
        let problems: Vec<_> = self.log().into_iter().filter(is_problem).collect();
        assert!(problems.is_empty(), "{problems:?}");
    }
}

/// A Worker of its own that accepts unsigned calls, with these further settings.
fn own(settings: Settings<'_>) -> Shared {
    let common = [("SDK_APP_IDS", call::APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    Shared::start(&[&common, settings].concat())
}

#[test]
fn the_page_is_served_beside_the_webhook_and_not_instead_of_it() {
    let page = get_text(&url());
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for part in
        ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"]
    {
        assert!(policy.contains(part), "no {part} in {policy}");
    }
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    for (path, content_type) in [
        ("/dashboard/dashboard.js", "text/javascript; charset=utf-8"),
        ("/dashboard/dashboard.css", "text/css; charset=utf-8"),
        ("/dashboard/icon.svg", "image/svg+xml"),
        ("/openapi.json", "application/json"),
    ] {
        let answer = get_text(&format!("{}{path}", shared().worker.url));
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let description: Value =
        serde_json::from_str(&get_text(&format!("{}/openapi.json", shared().worker.url)).text).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."), "{description}");

    // There must be no other file: an index.html would be served at `/`.
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/build/assets")).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, ["_headers", "dashboard", "dashboard.html", "openapi.json"].map(str::to_owned).into());

    // Tencent's own request, at the root and at a path of one's own.
    let root = without_api();
    for (home, url) in [(root, root.worker.url.clone()), (shared(), format!("{}{PATH}", shared().worker.url))] {
        let from = format!("beside-{}", home.worker.url);
        let answer = post_at(&format!("{url}?{}", unsigned(call::APP, UNFOLLOW)), unfollow(&from, &["bob"], now_ms()));
        assert!(answer.is_ok(), "{answer:?}");
        let keys = home.home.keys();
        let is_ours = |key: &Value| key["metadata"]["from_account"] == from.as_str();
        assert!(keys.as_array().unwrap().iter().any(is_ours), "{from} is not stored");
    }
    // All other paths are the Worker's, whatever they look like.
    for path in ["/", "/index.html", "/dashboard.html", "/_headers", "/v1/apps", "/dashboards"] {
        let answer: Answer = request("GET", &format!("{}{path}", shared().worker.url));
        assert!(answer.body.is_object() && answer.status != 200, "{path}: {answer:?}");
    }
}

#[test]
fn an_operator_who_signs_in_sees_totals_chart_and_events() {
    let app = "1400000001";
    let now = now_ms();
    let sent = send_a_day(app, now);
    let (unfollows, follows) = (UNFOLLOWS.iter().sum::<u64>(), FOLLOWS.iter().sum::<u64>());
    send_unfollow(app, "mallory", &["alice", "bob", "carol", "dave", "erin"], now);

    let browser = Browser::open(&url());
    browser.sign_in("this is not the token");
    browser.wait_for_text("#login-problem", "The token was rejected.");
    assert_eq!(browser.value("sessionStorage.length", ""), 0);
    // The browser has logged the rejection: read and drop it.
    browser.log();
    drop(browser);

    let browser = Browser::signed_in(app);
    let first = browser.text("[data-testid=event-row]");
    for text in ["Unfollow", "mallory", "alice", "bob", "carol", "+2 more", "iOS"] {
        assert!(first.contains(text), "no {text} in {first}");
    }
    assert_eq!(browser.rows(), 50);
    browser.wait_for_card("chart");
    assert_eq!(browser.figure("tile-unfollows"), (unfollows + 5).to_string());
    assert_eq!(browser.figure("tile-follows"), follows.to_string());
    assert_eq!(browser.figure("tile-net"), format!("+{}", follows - unfollows - 5));
    browser.wait_for_text("[data-testid=tile-last-event]", "ago");
    // Dead letters are hidden where there are none.
    for hidden in ["[data-testid=dead-letters-link]", "[data-testid=dead-letters]"] {
        assert_eq!(browser.text(hidden), "");
    }

    // The same in the table, hour by hour: 24 whole hours, and the one that is not over.
    assert_eq!(browser.texts("chart-row").as_array().unwrap().len(), 25);
    let cells = "[1, 2].map((column) => Number(document.querySelector(`[data-testid=chart-row][data-start='${it}']`)\
                 .cells[column].textContent))";
    for (index, (unfollows, follows)) in UNFOLLOWS.into_iter().zip(FOLLOWS).enumerate() {
        let hour = hour_of_day(now, index).to_string();
        assert_eq!(browser.value(cells, &hour), json!([unfollows, follows]), "hour {index}");
    }
    assert_eq!(browser.value(cells, &(now - now % HOUR).to_string()), json!([5, 0]));
    browser.click("#more");
    wait_for("all rows", || (browser.rows() == sent as u64 + 1).then_some(()));
    assert_eq!(browser.text("#more"), "");
    browser.assert_well_behaved();
    browser.value("scrollTo(0, 0)", "");

    // The canvas has bars of both colours.
    let pixels = "(() => {
        const canvas = document.querySelector('#chart canvas');
        const probe = document.createElement('canvas').getContext('2d');
        probe.fillStyle = getComputedStyle(canvas).getPropertyValue(it);
        probe.fillRect(0, 0, 1, 1);
        const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let at = 0; at < data.length; at += 4) count += data[at] === r && data[at + 1] === g && data[at + 2] === b;
        return count;
    })()";
    let [orange, blue] = ["--unfollow", "--follow"].map(|colour| browser.value(pixels, colour).as_u64().unwrap());
    assert!(orange > 1000 && blue > orange, "{orange} and {blue} pixels");
    let before = browser.value("getComputedStyle(document.body).backgroundColor", "");
    browser.picture("dashboard-light.png");

    // The canvas follows the scheme too.
    browser.prefer("prefers-color-scheme", "dark");
    assert_ne!(browser.value("getComputedStyle(document.body).backgroundColor", ""), before);
    wait_for("the dark chart", || (browser.value(pixels, "--unfollow").as_u64() > Some(1000)).then_some(()));
    browser.picture("dashboard-dark.png");
}

#[test]
fn a_phone_shows_the_whole_page() {
    let app = "1400000008";
    send_a_day(app, now_ms());
    let browser = Browser::signed_in(app);
    browser.size(390, 844);
    browser.wait("document.querySelector('#chart canvas')?.clientWidth < 390", "");
    assert!(!browser.is_too_wide());
    browser.wait_for_card("chart");
    browser.wait_for_card("top");
    // Who did what to whom is on one line, below kind and time.
    let tops = "['.badge', '.open', '.actor', '.arrow', '.target', '.platform'].map((part) => \
                Math.round(document.querySelector('.event').querySelector(part).getBoundingClientRect().top))";
    let tops: Vec<_> = browser.value(tops, "").as_array().unwrap().iter().map(|top| top.as_i64().unwrap()).collect();
    assert!(tops[2] > tops[1] + 10 && (tops[2] - tops[4]).abs() < 6 && (tops[0] - tops[5]).abs() < 6, "{tops:?}");
    browser.size(390, 1500);
    browser.picture("dashboard-phone.png");
    // The longest ids, and the narrowest phone.
    let long = "a_user_id_of_thirty-two_letters_";
    send_unfollow(app, long, &[long, long, long, long], now_ms());
    browser.wait_for_text("[data-testid=event-row]", long);
    browser.size(320, 640);
    assert!(!browser.is_too_wide());
    browser.click(".event .open");
    browser.wait_for_text("[data-testid=record-json]", long);
    assert!(!browser.is_too_wide());
    let edge = browser.value("document.querySelector('#record').getBoundingClientRect().right", "");
    assert!(edge.as_f64().unwrap() <= 320.0, "{edge}");
    browser.click("#record-facts a");
    browser.wait_for_card("user-view");
    assert!(!browser.is_too_wide());
    browser.click("#sign-out");
    browser.wait("document.activeElement.id === 'token'", "");
    assert!(!browser.is_too_wide());
}

#[test]
fn signing_out_deletes_the_token() {
    let browser = Browser::signed_in("1400000009");
    let is_stored = "JSON.stringify([sessionStorage, localStorage, document.cookie]).includes(it)";
    assert_eq!(browser.value(is_stored, ADMIN_TOKEN), true);
    assert_eq!(browser.value("JSON.stringify([localStorage, document.cookie])", ""), "[{},\"\"]");
    // It survives a reload, but not signing out.
    browser.value("location.reload()", "");
    browser.wait_for_events();
    browser.click("#sign-out");
    browser.wait("document.activeElement.id === 'token'", "");
    assert_eq!(browser.value(is_stored, ADMIN_TOKEN), false);
    assert_eq!(browser.value("document.activeElement.value", ""), "");
    browser.value("location.reload()", "");
    browser.wait("document.activeElement?.id === 'token'", "");
    // No URL contained it.
    assert!(!browser.value("location.href", "").as_str().unwrap().contains(ADMIN_TOKEN));
    assert!(browser.requests().iter().all(|url| !url.contains(ADMIN_TOKEN)));
}

#[test]
fn a_token_that_is_rejected_later_leads_back_to_the_log_in() {
    let browser = Browser::signed_in("1400000010");
    browser.value("(sessionStorage.setItem('admin-token', it), location.reload())", "no longer the token");
    browser.wait_for_text("#login-problem", "The token was rejected.");
    assert_eq!(browser.value("sessionStorage.length", ""), 0);
}

#[test]
fn a_worker_without_an_api_says_what_to_do() {
    let browser = Browser::open(&format!("{}/dashboard", without_api().worker.url));
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_text("#login-problem", "set its secret ADMIN_TOKEN");
    drop(browser);

    // One that is set, but too short, is another thing.
    let too_short = Shared::start(&[("SDK_APP_IDS", call::APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", "short")]);
    let browser = Browser::open(&format!("{}/dashboard", too_short.worker.url));
    browser.sign_in("short");
    browser.wait_for_text("#login-problem", "its secret ADMIN_TOKEN is invalid: it must");
    drop(browser);

    // So is a setting without which the API answers nothing.
    let no_apps = Shared::start(&[("SDK_APP_IDS", "none"), ("ADMIN_TOKEN", ADMIN_TOKEN)]);
    let browser = Browser::open(&format!("{}/dashboard", no_apps.worker.url));
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_text("#login-problem", "SDK_APP_IDS must");
}
