//! The operator's page: what is served beside the webhook, and what an operator sees in a browser. The tests share one
//! Worker, and each has an app of its own there.

use std::{collections::BTreeSet, fs, sync::OnceLock, time::Instant};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, Shared,
    browser::{Browser, DOWN, ENTER, ESCAPE, TAB},
    call::{self, Answer, FOLLOW, UNFOLLOW, get_text, now_ms, post_at, request, unfollow, unsigned},
    dead_letters, unsigned as without_api,
    worker::{Home, wait_for},
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Where the shared Worker has the webhook.
const PATH: &str = "/a-long-random-path";

/// A Worker with an app for each test.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let apps: Vec<_> = (1_400_000_000..1_400_000_020).map(|app| app.to_string()).collect();
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

/// Sends that day's events, each with up to three targets; gives how many events there were.
fn send_a_day(app: &str, now: u64) -> usize {
    let users = ["alice", "bob", "carol", "dave_1987", "ivan", "erin", "frank", "grace.h", "heidi", "user_004217"];
    let user = |number: u64| users[(number % users.len() as u64) as usize];
    let mut sent = 0;
    for (index, (unfollows, follows)) in UNFOLLOWS.into_iter().zip(FOLLOWS).enumerate() {
        for (count, send) in [(unfollows, send_unfollow as fn(&str, &str, &[&str], u64)), (follows, send_follow)] {
            for first in (0..count).step_by(3) {
                let to: Vec<_> = (first..count.min(first + 3)).map(|number| user(sent + number + 1)).collect();
                send(app, user(sent), &to, hour_of_day(now, index) + (sent * 17 % 60) * MINUTE + sent * 331);
                sent += 1;
            }
        }
    }
    sent as usize
}

impl Browser {
    /// Signs in on the page and chooses one app.
    fn signed_in(app: &str) -> Self {
        let browser = Self::open(&url());
        browser.sign_in(ADMIN_TOKEN);
        browser.wait("document.querySelector(`#app option[value='${it}']`)", app);
        browser.choose(app);
        browser.wait_for_events();
        browser
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
        self.wait("/^(ready|empty)$/.test(document.querySelector('#events').dataset.state)", "");
    }

    /// The actors of the rows that are shown.
    fn actors(&self) -> Value {
        self.value("[...document.querySelectorAll('#rows .actor')].map((cell) => cell.innerText)", "")
    }

    /// Waits until these are the rows.
    fn wait_for_actors(&self, actors: &Value) {
        wait_for(&format!("rows of {actors}"), || (self.actors() == *actors).then_some(()));
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
    let first = browser.text("#rows tr");
    for text in ["Unfollow", "mallory", "alice", "bob", "carol", "+2 more", "iOS"] {
        assert!(first.contains(text), "no {text} in {first}");
    }
    assert_eq!(browser.value("document.querySelectorAll('#rows tr').length", ""), 50);
    browser.wait("document.querySelector('#figures').dataset.state === 'ready'", "");
    assert_eq!(browser.text("#total-unfollows"), (unfollows + 5).to_string());
    assert_eq!(browser.text("#total-follows"), follows.to_string());
    assert!(!browser.text("#last-event").is_empty() && browser.text("#last-event") != "–");
    assert_eq!(browser.text("#total-dead-letters"), "0");
    assert!(browser.text("#dead-letters").contains("None."));

    // The same in the table, hour by hour: 24 whole hours, and the one that is not over.
    assert_eq!(browser.value("document.querySelectorAll('#hours tbody tr').length", ""), 25);
    let row = "document.querySelector(`#hours [datetime='${new Date(+it).toISOString()}']`).closest('tr')";
    let cells = format!("[1, 2].map((column) => Number({row}.cells[column].textContent))");
    for (index, (unfollows, follows)) in UNFOLLOWS.into_iter().zip(FOLLOWS).enumerate() {
        let hour = hour_of_day(now, index).to_string();
        assert_eq!(browser.value(&cells, &hour), json!([unfollows, follows]), "hour {index}");
    }
    assert_eq!(browser.value(&cells, &(now - now % HOUR).to_string()), json!([5, 0]));
    browser.click("#more");
    browser.wait("document.querySelectorAll('#rows tr').length === +it", &(sent + 1).to_string());
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
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.command("Emulation.setEmulatedMedia", dark);
    assert_ne!(browser.value("getComputedStyle(document.body).backgroundColor", ""), before);
    wait_for("the dark chart", || (browser.value(pixels, "--unfollow").as_u64() > Some(1000)).then_some(()));
    browser.picture("dashboard-dark.png");
}

#[test]
fn a_new_event_appears_by_itself() {
    let app = "1400000002";
    let browser = Browser::signed_in(app);
    assert!(browser.text("#events").contains("No events yet."));
    browser.value("window.loadedOnce = true", "");
    send_unfollow(app, "newcomer", &["bob"], now_ms());
    let sent = Instant::now();
    browser.wait_for_actors(&json!(["newcomer"]));
    assert!(sent.elapsed().as_secs() < 10, "{:?}", sent.elapsed());
    send_follow(app, "another", &["bob"], now_ms());
    browser.wait_for_actors(&json!(["another", "newcomer"]));
    assert_eq!(browser.text("#status"), "1 new event");
    assert_eq!(browser.value("window.loadedOnce", ""), true);
    // The totals follow with the next poll.
    browser.wait("document.querySelector('#total-follows').textContent === '1'", "");
    browser.assert_well_behaved();
}

#[test]
fn events_are_filtered_by_app_kind_and_user() {
    let (app, other) = ("1400000003", "1400000004");
    let now = now_ms();
    send_unfollow(app, "alice", &["bob"], now - 3000);
    send_follow(app, "bob", &["alice", "carol"], now - 2000);
    send_unfollow(app, "carol", &["dave"], now - 1000);
    send_unfollow(app, "Alice", &[" alice", "alice "], now - 4000);
    send_unfollow(other, "zoe", &["yves"], now);

    let browser = Browser::signed_in(app);
    assert_eq!(browser.actors(), json!(["carol", "bob", "alice", "Alice"]));
    browser.click("[name=kind][value=follow]");
    browser.wait_for_actors(&json!(["bob"]));
    browser.click("[name=kind][value=unfollow]");
    browser.wait_for_actors(&json!(["carol", "alice", "Alice"]));
    browser.click("[name=kind][value='']");
    browser.wait_for_actors(&json!(["carol", "bob", "alice", "Alice"]));

    browser.write("#user", "alice");
    browser.press(ENTER);
    browser.wait_for_actors(&json!(["bob", "alice"]));
    assert!(!browser.value("location.href", "").as_str().unwrap().contains("alice"));
    // Exactly: a space counts.
    browser.write("#user", "alice ");
    browser.press(ENTER);
    browser.wait_for_actors(&json!(["Alice"]));
    browser.write("#user", "alic");
    browser.click("#filters button");
    browser.wait_for_text("#events", "No event matches.");
    browser.click("#clear-filters");
    browser.wait_for_actors(&json!(["carol", "bob", "alice", "Alice"]));

    browser.choose(other);
    browser.wait_for_actors(&json!(["zoe"]));
    browser.assert_well_behaved();
}

#[test]
fn a_filter_that_is_being_typed_is_not_applied_yet() {
    let app = "1400000014";
    send_unfollow(app, "alice", &["bob"], now_ms());
    let browser = Browser::signed_in(app);
    browser.write("#user", "nobo");
    // Its row shows that the page has polled again.
    send_unfollow(app, "newcomer", &["bob"], now_ms());
    browser.wait_for_actors(&json!(["newcomer", "alice"]));
    browser.press(ENTER);
    browser.wait_for_text("#events", "No event matches.");
    // The next operator to sign in begins without a filter.
    browser.click("#sign-out");
    browser.sign_in(ADMIN_TOKEN);
    browser.wait_for_events();
    browser.choose(app);
    browser.wait_for_actors(&json!(["newcomer", "alice"]));
}

#[test]
fn a_user_id_is_never_markup() {
    let app = "1400000005";
    let hostile = ["<img src=x onerror=hacked=1>", "<script>hacked=1</script>", "\"><b>&lt;\u{202e}evil"];
    send_unfollow(app, hostile[0], &hostile[1..], now_ms());
    let browser = Browser::signed_in(app);
    assert_eq!(browser.actors(), json!([hostile[0]]));
    let chips = "[...document.querySelectorAll('#rows .chip')].map((chip) => chip.textContent)";
    assert_eq!(browser.value(chips, ""), json!(hostile[1..]));
    browser.click("#rows tr");
    browser.wait_for_text("#record-json", hostile[0]);
    browser.wait_for_text("#record-facts", hostile[1]);
    browser.press(ESCAPE);
    browser.write("#user", hostile[0]);
    browser.press(ENTER);
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
    let is_in_row = "document.activeElement.closest('#rows tr')";
    let mut seen = Vec::new();
    while browser.value(&format!("Boolean({is_in_row})"), "") == false {
        browser.press(TAB);
        seen.push(browser.value("document.activeElement.id || document.activeElement.name", ""));
        assert!(seen.len() < 40, "{seen:?}");
    }
    for id in ["kind", "user"] {
        assert!(seen.contains(&json!(id)), "{id} is not in {seen:?}");
    }
    let outline = format!("getComputedStyle({is_in_row}).outlineStyle");
    assert_eq!(browser.value(&outline, ""), "solid");
    browser.press(DOWN);
    let actor = format!("{is_in_row}.querySelector('.actor').innerText");
    assert_eq!(browser.value(&actor, ""), "first");
    browser.press(ENTER);
    browser.wait_for_text("#record-json", "\"from_account\": \"first\"");
    assert_eq!(browser.value("document.querySelector('dialog').matches(':modal')", ""), true);
    assert_eq!(browser.value("document.querySelector('dialog').contains(document.activeElement)", ""), true);
    browser.press(ESCAPE);
    browser.wait("!document.querySelector('dialog').open", "");
    assert_eq!(browser.value(&actor, ""), "first");

    // The filter has a key of its own.
    browser.press("/");
    assert_eq!(browser.value("document.activeElement.id", ""), "user");
    browser.press("/");
    assert_eq!(browser.value("document.activeElement.value", ""), "/");
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
    browser.click("#rows tr");
    browser.wait_for_text("#record-json", users[19]);
    // More digits than JavaScript's numbers have.
    browser.wait_for_text("#record-json", "\"Large\": 12345678901234567890123");
    browser.wait_for_text("#record-facts", users[19]);

    browser.click("#record-replay");
    browser.wait_for_text("#record-outcome", "There is no origin to send to");
    browser.click("#record-delete");
    browser.click("#record-keep");
    browser.click("#record-delete");
    assert_eq!(browser.value("document.querySelectorAll('#rows tr').length", ""), 1);
    assert_eq!(browser.text("#total-unfollows"), "20");
    browser.click("#record-delete-now");
    browser.wait_for_text("#events", "No events yet.");
    browser.wait("document.querySelector('#total-unfollows').textContent === '0'", "");
    assert_eq!(browser.value("document.querySelector('dialog').open", ""), false);
    browser.wait("document.activeElement.id === 'events'", "");
    let keys = shared().home.keys();
    assert!(!keys.as_array().unwrap().iter().any(|key| key["metadata"]["from_account"] == "erased"), "{keys}");
}

#[test]
fn a_phone_shows_the_whole_page() {
    let app = "1400000008";
    send_a_day(app, now_ms());
    let browser = Browser::signed_in(app);
    browser.size(390, 844);
    browser.wait("document.querySelector('#chart canvas')?.clientWidth < 390", "");
    assert!(!browser.is_too_wide());
    assert_eq!(browser.value("getComputedStyle(document.querySelector('#rows tr')).display", ""), "grid");
    browser.wait("document.querySelector('#figures').dataset.state === 'ready'", "");
    browser.size(390, 1150);
    browser.picture("dashboard-phone.png");
    // The longest ids, and the narrowest phone.
    let long = "a_user_id_of_thirty-two_letters_";
    send_unfollow(app, long, &[long, long, long, long], now_ms());
    browser.wait_for_text("#rows tr", long);
    browser.size(320, 640);
    assert!(!browser.is_too_wide());
    browser.click("#rows tr");
    browser.wait_for_text("#record-json", long);
    assert!(!browser.is_too_wide());
    let edge = browser.value("document.querySelector('dialog').getBoundingClientRect().right", "");
    assert!(edge.as_f64().unwrap() <= 320.0, "{edge}");
    browser.press(ESCAPE);
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
}

#[test]
fn a_hidden_page_does_not_poll() {
    let app = "1400000011";
    let browser = Browser::signed_in(app);
    browser.hide();
    // Calls under way may end.
    browser.requests();
    // A visible page polls twice in this time.
    let begun = Instant::now();
    wait_for("eleven seconds", || (begun.elapsed().as_secs() >= 11).then_some(()));
    assert_eq!(browser.requests(), Vec::<String>::new());
    send_unfollow(app, "meanwhile", &["bob"], now_ms());
    browser.show();
    browser.wait_for_actors(&json!(["meanwhile"]));
}

#[test]
fn a_worker_that_cannot_be_reached_is_polled_again() {
    let app = "1400000012";
    let browser = Browser::signed_in(app);
    let offline = |is_offline: bool| {
        let network = json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        browser.command("Network.emulateNetworkConditions", network);
    };
    browser.command("Network.enable", json!({}));
    offline(true);
    browser.click("#refresh");
    browser.wait_for_text("#banner", "The Worker cannot be reached.");
    send_unfollow(app, "meanwhile", &["bob"], now_ms());
    offline(false);
    browser.wait_for_actors(&json!(["meanwhile"]));
    assert_eq!(browser.text("#banner"), "");
}

#[test]
fn a_worker_without_an_event_log_says_what_to_bind() {
    let settings = [("SDK_APP_IDS", call::APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let home = Home::new(&settings, |config| drop(config.remove("d1_databases")));
    let worker = home.start();
    let browser = Browser::open(&format!("{}/dashboard", worker.url));
    browser.sign_in(ADMIN_TOKEN);
    for part in ["#events", "#figures", "#banner"] {
        browser.wait_for_text(part, "bind DB to a D1 database");
    }
    // They are in KV.
    browser.wait_for_text("#dead-letters", "None.");
}

#[test]
fn a_dead_letter_is_shown_and_replayed() {
    let (shared, origin) = dead_letters::giving_up();
    let body = dead_letters::fail(call::APP, "seen-on-the-page");
    dead_letters::dead_lettered("seen-on-the-page");
    let id = origin.received_of(body.as_bytes())[0].header("webhook-id").unwrap().to_owned();

    let browser = Browser::open(&format!("{}/dashboard", shared.worker.url));
    browser.sign_in(ADMIN_TOKEN);
    let row = format!("#dead-letter-list li[data-key*='{id}']");
    browser.wait_for_text(&row, "Your backend answered 500");
    browser.wait_for_text(&row, "2 users");
    browser.click(&format!("{row} button"));
    origin.wait_for(body.as_bytes(), 2);
    browser.wait("!document.querySelector(it)", &row);
}
