//! The API answers as `page/openapi.json` says: each operation is called, and each of its responses is provoked.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Value, json};
use unfollow_webhook::{
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
    },
    outgoing::OutgoingError,
    sink::Sink,
};

use crate::{
    ADMIN_TOKEN,
    call::{APP, Answer, FOLLOW, UNFOLLOW, now_ms, request_api, request_with, unfollow, unsigned},
    counted::{self, Counted, id},
    document::{Described, Document},
    forwarding_settings,
    origin::{self, Origin},
    tencent::Tencent,
    worker::{Home, wait_for},
};

/// An id that no event has.
const NOBODYS: &str = "0000000000000-00000000000000000000000000000000";

/// The document, and which of its responses have been seen.
struct Caller {
    document: Document,
    /// Each with its method, its path and its status.
    seen: RefCell<BTreeSet<(String, String, u16)>>,
}

impl Caller {
    /// Calls the operation of this method and path with this token. The status has to be `status`, and everything else
    /// as the document says.
    #[track_caller]
    fn call_as(&self, token: Option<&str>, method: &str, url: &str, path: &str, status: u16) -> Answer {
        let answer = request_api(method, &format!("{url}{path}"), token);
        self.check(method, path, status, answer)
    }

    #[track_caller]
    fn call(&self, method: &str, url: &str, path: &str, status: u16) -> Answer {
        self.call_as(Some(ADMIN_TOKEN), method, url, path, status)
    }

    #[track_caller]
    fn check(&self, method: &str, path: &str, status: u16, answer: Answer) -> Answer {
        let what = format!("{method} {path}: {status}");
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        let operations = self.document.operations();
        // 405 is a response of every operation of the path.
        let of_path = operations.iter().filter(|it| fits(it.path, path));
        let meant: Vec<_> = of_path.filter(|it| it.method == method || status == 405).collect();
        assert!(!meant.is_empty(), "{what} is not in the document");
        for described in meant {
            self.check_one(described, &answer, &what);
            self.seen.borrow_mut().insert((described.method.clone(), described.path.to_owned(), status));
        }
        answer
    }

    fn check_one(&self, described: &Described<'_>, answer: &Answer, what: &str) {
        let response = &described.operation["responses"][answer.status.to_string()];
        assert!(!response.is_null(), "{what} is not in the document: {}", answer.text);
        let response = self.document.resolve(response);

        let described_headers = response["headers"].as_object().unwrap();
        for (name, header) in described_headers {
            let header = self.document.resolve(header);
            let text = answer.header(&name.to_lowercase());
            if text.is_empty() {
                assert_ne!(header["required"], json!(true), "{what}: no {name}");
                continue;
            }
            let value = text.parse::<u64>().map_or_else(|_| json!(text), Value::from);
            self.document.check(&header["schema"], &value, what);
        }
        for name in ["allow", "retry-after", "www-authenticate"] {
            let is_described = described_headers.keys().any(|it| it.eq_ignore_ascii_case(name));
            assert!(is_described || answer.header(name).is_empty(), "{what}: {name} is not in the document");
        }

        let Some(content) = response["content"].as_object() else {
            assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", ""), "{what}");
            return;
        };
        let form = answer.header("content-type").split(';').next().unwrap_or_default();
        let body = content.get(form).unwrap_or_else(|| panic!("{what}: {:?}", answer.headers));
        let text = json!(answer.text);
        self.document.check(&body["schema"], if answer.body.is_null() { &text } else { &answer.body }, what);
        if answer.status >= 400 && described.path != "/healthz" {
            assert_eq!(answer.body["status"], answer.status, "{what}");
        }
    }
}

/// Whether a path, with or without a query, is one of this template.
pub fn fits(template: &str, path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len() && wanted.iter().zip(given).all(|(it, given)| it.starts_with('{') || *it == given)
}

/// The path with an app and an id in its braces.
fn filled(template: &str) -> String {
    template.replace("{app}", APP).replace("{id}", NOBODYS)
}

#[test]
fn each_response_of_the_document_occurs_and_is_as_described() {
    let caller = Caller { document: Document::read(), seen: RefCell::default() };
    responses_with_a_full_log(&caller);
    responses_with_a_failing_store(&caller);
    responses_without_a_schema(&caller);
    responses_with_invalid_settings(&caller);
    responses_about_messages(&caller);
    // Without a token there is no API.
    for it in caller.document.operations().iter().filter(|it| it.path != "/healthz") {
        caller.call(&it.method, &crate::signed().url, &filled(it.path), 404);
    }

    let status = |status: &String| status.parse::<u16>().unwrap();
    let mut missing = Vec::new();
    for it in caller.document.operations() {
        for status in it.operation["responses"].as_object().unwrap().keys().map(status) {
            if !caller.seen.borrow().contains(&(it.method.clone(), it.path.to_owned(), status)) {
                missing.push((it.method.clone(), it.path, status));
            }
        }
    }
    assert!(missing.is_empty(), "responses that no call provoked: {missing:#?}");
}

/// The responses of a log that has everything there can be.
fn responses_with_a_full_log(caller: &Caller) {
    let now = now_ms();
    let event = |query: &str, body: &str| counted::stored(APP, query, body, now);
    let (query, many) = (unsigned(APP, UNFOLLOW), (0..300).map(|n| format!("target-{n}")).collect::<Vec<_>>());
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let follow = json!({
        "CallbackCommand": FOLLOW, "From_Account": "alice", "FollowList": [{"To_Account": "bob"}], "EventTime": now - 1,
    });
    let bare = format!("SdkAppid={APP}&CallbackCommand={UNFOLLOW}");
    let events = [
        event(&format!("{query}&RequestId=its-id"), &unfollow("alice", &["bob", "carol"], now)),
        event(&unsigned(APP, FOLLOW), &follow.to_string()),
        event(&query, &unfollow("微信😀", &many, now - 2)),
        event(&bare, &unfollow("alice", &["bob"], 0)),
    ];
    let dead_letter = |n: u64, sink, failure| {
        counted::dead_lettered(APP, &query, &unfollow("alice", &["bob", "carol"], now - 100 - n), now, sink, failure)
    };
    let dead_letters = [
        dead_letter(0, Sink::Origin, Failure::Status(500)),
        dead_letter(1, Sink::Origin, Failure::Origin(OutgoingError::Late)),
        dead_letter(2, Sink::Origin, Failure::Other(Reason::Queue)),
        dead_letter(3, Sink::Kv, Failure::Sink(Sink::Kv)),
        dead_letter(4, Sink::D1, Failure::Sink(Sink::D1)),
        dead_letter::raw_entry("5f1c", "poison", Failure::Other(Reason::Unreadable), now, None),
    ];
    let origin = Origin::start(origin::scripted);
    let whole = counted::stored(APP, &query, &unfollow("alice", &["bob"], now - 50), now);
    let damaged = unfollow_webhook::event::Entry { value: whole.value[1..].to_owned(), ..whole };
    let entries = [&events[..], &dead_letters, std::slice::from_ref(&damaged)].concat();
    let (tencent, origin_url) = (Tencent::start(), origin.url());
    let settings = [forwarding_settings(&origin_url, "kv,d1,origin"), tencent.settings().into()].concat();
    let worker = Counted::start(&settings, &entries);
    let url = worker.url();

    caller.call_as(None, "GET", url, "/healthz", 200);
    // The cost in KV operations, without the puts of the queue's consumer at the same time.
    let call = |method: &str, path: &str, status: u16, costs: &[&str]| {
        let (answer, operations) = worker.api(method, path);
        let answer = caller.check(method, &format!("/v1/{path}"), status, answer);
        let operations: Vec<_> = operations.iter().filter(|operation| *operation != "put").collect();
        assert_eq!(operations, costs, "{method} {path}");
        answer.body
    };
    // What is replayed ends so many dead letters, once the consumer has delivered or stored it.
    let replay = |path: &str, costs: &[&str], letters: usize| {
        let (answer, operations) = worker.api("POST", path);
        let answer = caller.check("POST", &format!("/v1/{path}"), 200, answer);
        let is_delete = |operation: &&String| *operation == "delete";
        let mut ended = operations.iter().filter(is_delete).count();
        let others: Vec<_> = operations.iter().filter(|it| !matches!(it.as_str(), "put" | "delete")).collect();
        assert_eq!(others, costs, "{path}");
        wait_for("the dead letters to end", || {
            ended += worker.operations().iter().filter(is_delete).count();
            (ended == letters).then_some(())
        });
        answer.body
    };
    call("GET", "apps", 200, &[]);
    call("GET", "apps?app=1", 400, &[]);
    let status = call("GET", "status", 200, &[]);
    assert_eq!((&status["sinks"], &status["settings"]), (&json!(["kv", "d1", "origin"]), &json!([])));
    call("GET", "status?app=1", 400, &[]);
    let told = call("GET", "alerts?language=zh", 200, &[]);
    assert_eq!(told["complete"], true);
    assert_eq!(call("GET", &format!("alerts?app={APP}&language=en"), 200, &[])["complete"], true);
    call("GET", "alerts?language=fr", 400, &[]);
    call("GET", "alerts?app=1", 404, &["list", "list"]);

    // The event log lacks what was put into KV without the Worker.
    let path_of = |event| format!("events/{APP}/{}", id(event));
    let list = format!("events?app={APP}");
    assert_eq!(call("GET", &list, 200, &[]), json!({"events": [], "damaged": [], "cursor": null}));
    for event in &events {
        call("GET", &path_of(event), 200, &["get"]);
    }
    call("GET", &path_of(&damaged), 409, &["get"]);
    let everything = json!({"indexed": events.len(), "mended": 0, "cursor": null});
    for _ in 0..2 {
        assert_eq!(call("POST", "reindex", 200, &["list", "get", "list"]), everything);
    }
    let page = call("GET", &list, 200, &[]);
    let targets = |event: &Value| event["to_accounts"].as_array().unwrap().len();
    let listed: Vec<_> = page["events"].as_array().unwrap().iter().map(targets).collect();
    assert_eq!(listed, [2, 1, many.len(), 1]);
    for (format, lines) in [("jsonl", 4 + 1), ("csv", 1 + 4 + many.len()), ("spreadsheet", 1 + 4 + many.len())] {
        let path = format!("export?app={APP}&format={format}");
        let (answer, operations) = worker.api("GET", &path);
        let answer = caller.check("GET", &format!("/v1/{path}"), 200, answer);
        assert_eq!((answer.text.lines().count(), operations.len()), (lines, 0), "{format}");
    }
    call("GET", &format!("export?app={APP}&role=actor"), 400, &[]);
    let page = call("GET", &format!("{list}&limit=1"), 200, &[]);
    let cursor = page["cursor"].as_str().expect("a cursor");
    call("GET", &format!("{list}&cursor={cursor}"), 200, &[]);
    call("GET", &format!("{list}&kind=follow&cursor={cursor}"), 400, &[]);
    call("GET", &format!("{list}&role=actor"), 400, &[]);
    for event in &events {
        call("GET", &path_of(event), 200, &[]);
    }

    let sums = |query: &str| {
        let counts = call("GET", &format!("stats?app={APP}{query}"), 200, &[]);
        let buckets = counts["buckets"].as_array().unwrap();
        ["unfollows", "follows"].map(|kind| buckets.iter().map(|bucket| bucket[kind].as_u64().unwrap()).sum::<u64>())
    };
    assert_eq!((sums(""), sums("&bucket=day&user=bob")), ([302, 1], [1, 1]));
    // A range without an end is as long as it may be.
    assert_eq!(call("GET", &format!("stats?app={APP}&since=0"), 200, &[])["since"], 0);
    call("GET", &format!("stats?app={APP}&since=0&until={now}"), 400, &[]);

    let first = path_of(&events[0]);
    replay(&format!("{first}/replay"), &[], 1);
    // Its replay has left no dead letter.
    call("DELETE", &first, 204, &["get", "get", "get", "get", "delete"]);
    call("GET", &first, 404, &["get"]);
    assert_eq!(sums(""), [300, 1]);

    let count_dead_letters = |app: &str| {
        let page = call("GET", &format!("dead-letters?app={app}"), 200, &["list"]);
        page["dead_letters"].as_array().unwrap().len()
    };
    assert_eq!((count_dead_letters(APP), count_dead_letters("0")), (5, 1));
    replay(&format!("dead-letters/{APP}/{}/replay", id(&dead_letters[0])), &["get"], 1);
    let whole = call("GET", &format!("dead-letters/{APP}/{}", id(&dead_letters[1])), 200, &["get"]);
    assert_eq!(whole["event"]["from_account"], "alice");
    call("GET", &format!("dead-letters/0/{}", id(&dead_letters[5])), 200, &["get"]);
    call("POST", &format!("dead-letters/0/{}/replay", id(&dead_letters[5])), 409, &["get"]);
    caller.call("POST", url, &format!("/v1/dead-letters/{APP}/replay?cursor=00"), 400);
    let replayed = replay(&format!("dead-letters/{APP}/replay"), &["list", "get", "get", "get", "get"], 4);
    assert_eq!(replayed, json!({"replayed": 4, "cursor": null}));
    call("DELETE", &format!("dead-letters/0/{}", id(&dead_letters[5])), 204, &["delete"]);
    assert_eq!(count_dead_letters("0"), 0);

    let totals = call("GET", &format!("users/{APP}?user=bob"), 200, &[]);
    assert_eq!((&totals["followers"]["gained"], &totals["first_event_time"]), (&json!(1), &json!(0)));
    let top = call("GET", &format!("top?app={APP}&by=gained"), 200, &[]);
    assert_eq!((top["users"].as_array().unwrap().len(), &top["users"][0]["user"]), (1, &json!("bob")));
    let states = |query: &str| {
        let page = call("GET", &format!("deliveries?app={APP}{query}"), 200, &[]);
        let deliveries = page["deliveries"].as_array().unwrap().clone();
        deliveries.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    wait_for("the replayed events to be delivered", || {
        (states("") == BTreeSet::from(["delivered".to_owned()])).then_some(())
    });
    call("GET", &format!("deliveries?app={APP}&cursor=00"), 400, &[]);
    // No webhook call was made.
    let none = call("GET", "calls", 200, &[]);
    assert_eq!(
        [&none["hours"], &none["last_call_at"], &none["last_stored_at"]],
        [&json!([]), &json!(null), &json!(null)]
    );
    crate::call::post(url, "", "{}");
    let counted = wait_for("the call to be counted", || {
        let counts = call("GET", "calls", 200, &[]);
        counts["hours"].get(0).cloned()
    });
    assert_eq!((&counted["sdk_app_id"], &counted["reason"]), (&json!(0), &json!("sdk_app_id_missing")));
    let user = "user=%E5%BE%AE%E4%BF%A1%F0%9F%98%80";
    let erased = call("DELETE", &format!("users/{APP}?{user}"), 200, &["list", "list", "get", "delete"]);
    assert_eq!(erased, json!({"deleted": 1, "more": false, "search_needed": false}));
    // The two records that are left, that of the webhook, and that of the dead letter that was to be stored in KV.
    let searched = call("DELETE", &format!("users/{APP}/records?{user}"), 200, &["list", "list", "list"]);
    assert_eq!(searched, json!({"deleted": 0, "searched": 4, "cursor": null}));
    call("DELETE", &format!("users/{APP}/records"), 400, &[]);
    call("DELETE", &format!("users/{APP}"), 400, &[]);
    call("GET", &format!("users/{APP}"), 400, &[]);

    tencent.follow("nobody", "bob", 1);
    let followers = call("GET", &format!("users/{APP}/followers?user=bob"), 200, &[]);
    assert!(followers["covered_since"].is_u64(), "{followers}");
    // Whether what differs is on its way is asked of KV.
    let compared = call("POST", &format!("users/{APP}/compare?user=bob"), 200, &["list"]);
    assert_eq!(compared["unknown_to_log"], 1);
    let compared = call("POST", &format!("compare?app={APP}"), 200, &["list"]);
    assert_eq!(compared["progress"]["users_left"], 0);
    let missed = format!("users/{APP}/missed?user=bob&actor=nobody&kind=follow&event_time=1000");
    assert_eq!(call("POST", &missed, 200, &[]), json!({"outcome": "unknown_to_log"}));
    for path in [format!("users/{APP}/compare?user=bob"), format!("compare?app={APP}")] {
        tencent.control(&[json!(["fail", 70_001, 1])]);
        call("POST", &path, 502, &[]);
    }

    for described in caller.document.operations() {
        takes_the_parameters(caller, url, &described);
        let path = filled(described.path);
        if described.path == "/healthz" {
            caller.call("PATCH", url, &path, 405);
            continue;
        }
        caller.call(&described.method, url, &format!("{path}?unnamed=1"), 400);
        caller.call_as(None, &described.method, url, &path, 401);
        caller.call("PATCH", url, &path, 405);
    }
}

/// Each parameter of a query is accepted at its bounds and with its examples. It is rejected beyond its bounds, as a
/// duplicate, and with another name.
fn takes_the_parameters(caller: &Caller, url: &str, described: &Described<'_>) {
    let (method, path) = (&*described.method, &*filled(described.path));
    let of_query: Vec<_> = described.parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
    if of_query.is_empty() {
        return;
    }
    let takes = |name: &str| of_query.iter().find(|parameter| parameter["name"] == name);
    let alone = match (takes("app"), takes("user")) {
        (Some(_), _) => format!("{path}?app={APP}"),
        (None, Some(_)) => format!("{path}?user=alice"),
        (None, None) => format!("{path}?"),
    };
    for (parameter, name) in of_query.iter().map(|parameter| (parameter, parameter["name"].as_str().unwrap())) {
        if name == "app" {
            caller.call(method, url, &alone, 200);
            // The calls of all apps are one list, and so are the alerts.
            let is_optional = ["calls", "listAlerts"].map(Into::into).contains(&described.operation["operationId"]);
            let status = if is_optional { 200 } else { 400 };
            caller.call(method, url, path, status);
            caller.call(method, url, &format!("{path}?app=1400000009"), 404);
            continue;
        }
        if parameter["required"] == true {
            caller.call(method, url, &format!("{alone}&{name}=alice"), 400);
            continue;
        }
        // A role is that of a user.
        let with = if name == "role" { format!("{alone}&user=alice") } else { alone.clone() };
        let schema = caller.document.resolve(&parameter["schema"]);
        let numbers = |names: [&str; 2]| names.map(|name| schema[name].as_u64());
        if let [Some(minimum), Some(maximum)] = numbers(["minimum", "maximum"]) {
            for (number, status) in [(minimum, 200), (maximum, 200), (minimum - 1, 400), (maximum + 1, 400)] {
                caller.call(method, url, &format!("{with}&{name}={number}"), status);
            }
        }
        if let Some(texts) = schema["enum"].as_array() {
            for text in texts {
                caller.call(method, url, &format!("{with}&{name}={}", text.as_str().unwrap()), 200);
            }
            caller.call(method, url, &format!("{with}&{name}=none-of-them"), 400);
        }
        let several = parameter["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        for example in several.chain(parameter.get("example")) {
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            caller.call(method, url, &format!("{with}&{name}={text}"), 200);
            caller.call(method, url, &format!("{with}&{name}={text}&{name}={text}"), 400);
        }
    }
}

/// The responses with a KV that does not answer, without D1, queue and origin, and over plain HTTP.
fn responses_with_a_failing_store(caller: &Caller) {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    // This store can neither list nor get nor delete.
    let home = Home::with_stand_ins(&settings, &["EVENTS"], |config| {
        config.remove("queues");
        config.remove("d1_databases");
        config["dev"].as_table_mut().unwrap().insert("upstream_protocol".into(), "http".into());
    });
    let worker = home.start();
    let url = &worker.url;
    for described in caller.document.operations() {
        let (method, path) = (&*described.method, filled(described.path));
        if path == "/healthz" {
            continue;
        }
        let bearer = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("host", "example.com"), ("authorization", &*bearer)];
        caller.check(method, &path, 403, request_with(method, &format!("{url}{path}"), &headers));
        match described.operation["operationId"].as_str().unwrap() {
            "listApps" | "status" => drop(caller.call(method, url, &path, 200)),
            "listAlerts" => {
                let told = caller.call(method, url, &path, 200).body;
                assert_eq!((&told["complete"], &told["alerts"][0]["kind"]), (&json!(false), &json!("missing_lines")));
            }
            "eraseUser" => drop(caller.call(method, url, &format!("{path}?user=alice"), 409)),
            "eraseRecords" => drop(caller.call(method, url, &format!("{path}?user=alice"), 503)),
            "listFollowers" | "compareUser" => drop(caller.call(method, url, &format!("{path}?user=alice"), 409)),
            "recordMissed" => {
                let query = "user=alice&actor=bob&kind=follow&event_time=1";
                drop(caller.call(method, url, &format!("{path}?{query}"), 409));
            }
            "readUser" => drop(caller.call(method, url, &format!("{path}?user=alice"), 409)),
            "listEvents" | "exportEvents" | "stats" | "reindex" | "top" | "listDeliveries" | "calls" | "compare" => {
                let answer = caller.call(method, url, &path, 409);
                assert!(answer.body["detail"].as_str().unwrap().contains("bind DB to a D1 database"), "{answer:?}");
            }
            "replayEvent" | "replayDeadLetters" | "testAlerts" => drop(caller.call(method, url, &path, 409)),
            _ => assert_eq!(caller.call(method, url, &path, 503).header("retry-after"), "1", "{path}"),
        }
    }
}

/// The responses with a database to which the migrations were not applied.
fn responses_without_a_schema(caller: &Caller) {
    let settings = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let home = Home::without_schema(&settings, |_| {});
    let worker = home.start();
    for path in ["/healthz", "/v1/status"] {
        let answer = caller.call("GET", &worker.url, path, if path == "/healthz" { 503 } else { 200 });
        assert_eq!(answer.body["settings"][0]["name"], "DB", "{answer:?}");
    }
    let told = caller.call("GET", &worker.url, "/v1/alerts", 200).body;
    assert_eq!((&told["complete"], &told["alerts"][0]["subject"]), (&json!(false), &json!("DB")));
    let user = filled("/v1/users/{app}?user=alice");
    for (method, path) in [
        ("GET", "/v1/events"),
        ("GET", "/v1/export"),
        ("GET", "/v1/stats"),
        ("GET", "/v1/top"),
        ("GET", "/v1/deliveries"),
        ("GET", "/v1/calls"),
        ("GET", &user),
        ("DELETE", &user),
        ("GET", &filled("/v1/events/{app}/{id}")),
    ] {
        let answer = caller.call(method, &worker.url, path, 503);
        // A retry would not help.
        assert_eq!(answer.header("retry-after"), "");
        assert!(answer.body["detail"].as_str().unwrap().contains("apply the migrations"), "{answer:?}");
    }
}

/// The responses where there is somebody to tell of alerts.
fn responses_about_messages(caller: &Caller) {
    let origin = Origin::start(|_| origin::answer(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#));
    let urls = format!("dingtalk+{}?access_token=x", origin.url());
    let settings =
        [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("ALERT_URLS", urls.as_str())];
    let worker = Home::new(&settings, |_| {}).start();
    let tested = caller.call("POST", &worker.url, "/v1/alerts/test", 200);
    assert_eq!(tested.body["targets"][0]["answer"], "sign not match");
    caller.call("POST", &worker.url, "/v1/alerts/test?app=1", 400);
    assert_eq!(caller.call("GET", &worker.url, "/v1/status", 200).body["missing_lines"], json!([]));
}

/// The responses with invalid settings that calls depend on.
fn responses_with_invalid_settings(caller: &Caller) {
    let home = Home::new(&[("SDK_APP_IDS", ""), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)], |_| {});
    let worker = home.start();
    for described in caller.document.operations() {
        let answer = caller.call(&described.method, &worker.url, &filled(described.path), 503);
        // A retry would not help.
        assert_eq!(answer.header("retry-after"), "");
    }
}
