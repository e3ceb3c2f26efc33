//! A browser under test: headless Chromium, driven over WebDriver. The client is thin and our own: the tests need
//! chromedriver's own commands most, for the browser's log and for emulating devices, and the crates lack those.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{call, process::Server, worker::wait_for};

/// Keys as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const DOWN: &str = "\u{e015}";

/// One chromedriver for all tests, and one browser at a time: each is as heavy as several Workers.
static DRIVER: OnceLock<(Server, String)> = OnceLock::new();
static TURN: Mutex<()> = Mutex::new(());

fn driver() -> &'static str {
    let start = || {
        let mut server = Server::start(Command::new("chromedriver").arg("--port=0"));
        let url = wait_for("chromedriver to be ready", || {
            assert!(server.ended().is_none(), "chromedriver ended: {:#?}", server.log());
            let ready =
                |line: &String| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned());
            server.log().iter().find_map(ready).map(|port| format!("http://127.0.0.1:{port}"))
        });
        (server, url)
    };
    &DRIVER.get_or_init(start).1
}

/// A browser with one tab and a profile of its own.
pub struct Browser {
    session: String,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one, once no other test uses one, and opens a page.
    pub fn open(url: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().unwrap();
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new",
                // Chromium's sandbox does not run as root, and containers have little shared memory.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--no-first-run",
                "--lang=en-GB",
                format!("--user-data-dir={}", profile.path().display()),
            ]},
        });
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let session = ask("POST", &format!("{}/session", driver()), &wanted);
        let session = format!("{}/session/{}", driver(), session["sessionId"].as_str().unwrap());
        let browser = Self { session, _profile: profile, _turn: turn };
        browser.size(1280, 900);
        browser.post("url", json!({"url": url}));
        browser
    }

    fn post(&self, command: &str, body: Value) -> Value {
        ask("POST", &format!("{}/{command}", self.session), &body)
    }

    /// A command of Chromium's own protocol.
    pub fn command(&self, name: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({"cmd": name, "params": parameters}))
    }

    /// The value of a JavaScript expression in the page, which `it` is an argument of.
    pub fn value(&self, expression: &str, it: &str) -> Value {
        let script = format!("const [it] = arguments; return ({expression});");
        self.post("execute/sync", json!({"script": script, "args": [it]}))
    }

    /// Waits until an expression is true, in JavaScript's sense, and gives its value.
    pub fn wait(&self, expression: &str, it: &str) -> Value {
        wait_for(&format!("{expression} of {it}"), || {
            let value = self.value(expression, it);
            let is_true = !matches!(&value, Value::Null | Value::Bool(false)) && value != 0 && value != "";
            is_true.then_some(value)
        })
    }

    /// Waits until an element, or something in it, shows a text.
    pub fn wait_for_text(&self, element: &str, text: &str) {
        wait_for(&format!("{text} in {element}"), || self.text(element).contains(text).then_some(()));
    }

    /// The text that an element shows; empty where the element is not shown.
    pub fn text(&self, element: &str) -> String {
        // An element that is not shown would have its whole text.
        let shown = "document.querySelector(it)?.checkVisibility() ? document.querySelector(it).innerText : ''";
        let text = self.value(shown, element);
        text.as_str().unwrap().to_owned()
    }

    /// Clicks into the middle of an element, as a mouse would.
    pub fn click(&self, element: &str) {
        self.post(&format!("element/{}/click", self.find(element)), json!({}));
    }

    /// Clicks at a place of an element: how far across it and down it, from 0 to 1.
    pub fn click_at(&self, element: &str, across: f64, down: f64) {
        let place = self.value(
            "[document.querySelector(it)].map((e) => (e.scrollIntoView({block: 'center'}), \
             e.getBoundingClientRect())).map((r) => [r.left, r.top, r.width, r.height])[0]",
            element,
        );
        let at = |start: usize, share: f64| {
            (place[start].as_f64().unwrap() + place[start + 2].as_f64().unwrap() * share).round() as i64
        };
        let (x, y) = (at(0, across), at(1, down));
        let strokes = json!([
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]);
        self.post("actions", json!({"actions": [{"type": "pointer", "id": "mouse", "actions": strokes}]}));
    }

    /// Writes into a field, and replaces its text.
    pub fn write(&self, element: &str, text: &str) {
        let found = self.find(element);
        self.post(&format!("element/{found}/clear"), json!({}));
        self.post(&format!("element/{found}/value"), json!({"text": text}));
    }

    /// Presses and releases keys, one after the other, on the element with the focus.
    pub fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})));
        let strokes: Vec<_> = strokes.collect();
        self.post("actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// Waits until an element is there, and gives WebDriver's name for it.
    fn find(&self, element: &str) -> String {
        let wanted = json!({"using": "css selector", "value": element});
        wait_for(element, || {
            let found = call::json("POST", &format!("{}/element", self.session), Some(&wanted));
            let found = (found.status == 200).then(|| found.body["value"].clone())?;
            Some(found.as_object()?.values().next()?.as_str()?.to_owned())
        })
    }

    /// Opens a URL in the same tab.
    pub fn go(&self, url: &str) {
        self.post("url", json!({"url": url}));
    }

    /// Goes back in the tab's history.
    pub fn back(&self) {
        self.post("back", json!({}));
    }

    /// Has all pages that are opened from here on run this script first.
    pub fn at_first(&self, script: &str) {
        self.command("Page.enable", json!({}));
        self.command("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// Has the clock of all pages that are opened from here on be ahead by so many ms, or behind.
    pub fn set_clock(&self, ahead_ms: i64) {
        self.at_first(&format!("Date.now = ((now) => () => now() + {ahead_ms})(Date.now)"));
    }

    /// Puts the clock of this page forward.
    pub fn forward(&self, ms: u64) {
        self.value(&format!("(Date.now = ((now) => () => now() + {ms})(Date.now), 0)"), "");
    }

    /// Sets the time zone.
    pub fn set_time_zone(&self, name: &str) {
        self.command("Emulation.setTimezoneOverride", json!({"timezoneId": name}));
    }

    /// Whether the browser has no network.
    pub fn set_offline(&self, is_offline: bool) {
        let network = json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.command("Network.enable", json!({}));
        self.command("Network.emulateNetworkConditions", network);
    }

    /// Has pages prefer a scheme (dark, light), or reduced motion (reduce).
    pub fn prefer(&self, feature: &str, value: &str) {
        self.command("Emulation.setEmulatedMedia", json!({"features": [{"name": feature, "value": value}]}));
    }

    /// Saves downloads in a folder from here on.
    pub fn download_to(&self, folder: &Path) {
        self.command("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": folder}));
    }

    /// Sets the size of the page in pixels.
    pub fn size(&self, width: u32, height: u32) {
        let is_phone = width < 600;
        let scale = if is_phone { 2 } else { 1 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// What the browser has logged since the last call.
    pub fn log(&self) -> Vec<Value> {
        self.post("se/log", json!({"type": "browser"})).as_array().unwrap().clone()
    }

    /// The URLs that were requested since the last call.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "performance"}));
        let url = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_request = event["message"]["method"] == "Network.requestWillBeSent";
            let url = event["message"]["params"]["request"]["url"].as_str()?;
            is_request.then(|| url.to_owned())
        };
        entries.as_array().unwrap().iter().filter_map(url).collect()
    }

    /// Minimises the window: the page is hidden from then on.
    pub fn hide(&self) {
        self.post("window/minimize", json!({}));
        self.wait("document.hidden", "");
    }

    /// Shows it again.
    pub fn show(&self) {
        self.post("window/rect", json!({"width": 1280, "height": 900}));
        self.wait("!document.hidden", "");
    }

    /// Takes a screenshot, where the variable SCREENSHOTS names a folder.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        let png = self.command("Page.captureScreenshot", json!({}))["data"].clone();
        let png = Base64::decode_vec(png.as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(name), png).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The guardian ends the browser where this does not.
        let _ = std::panic::catch_unwind(|| call::json("DELETE", &self.session, None));
    }
}

fn ask(method: &str, url: &str, body: &Value) -> Value {
    let answer = call::json(method, url, Some(body));
    assert_eq!(answer.status, 200, "{url} {body}: {}", answer.text);
    answer.body["value"].clone()
}
