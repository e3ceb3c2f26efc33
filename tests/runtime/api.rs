//! The event log as the API shows it, on the real KV and D1: events are posted, listed, read, counted, replayed and erased.

use std::{collections::HashSet, sync::OnceLock};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN,
    call::{Answer, FOLLOW, UNFOLLOW, now_ms, post, request_api, request_with, unfollow, unsigned},
    origin::{self, Origin},
    worker::Worker,
};

/// Each test has an app of its own, and so a log of its own.
const PAGED: &str = "1400000010";
const FILTERED: &str = "1400000011";
const READ: &str = "1400000012";
const COUNTED: &str = "1400000013";
const REPLAYED: &str = "1400000014";

/// 2023-12-08T06:52:23.678Z.
const EVENT_TIME: u64 = 1_702_018_343_678;

/// A Worker that stores events, and has an origin that they can be sent to.
fn storing() -> &'static (Worker, Origin) {
    static SHARED: OnceLock<(Worker, Origin)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let origin = Origin::start(origin::scripted);
        let settings = [
            ("SDK_APP_IDS", "1400000010, 1400000011, 1400000012, 1400000013, 1400000014"),
            ("ALLOW_UNSIGNED", "true"),
            ("SINKS", "kv,d1"),
            ("ORIGIN_URL", &*origin.url()),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ];
        (Worker::with(&settings), origin)
    })
}

fn url() -> &'static str {
    &storing().0.url
}

fn api(method: &str, path: &str) -> Answer {
    request_api(method, &format!("{}/v1/{path}", url()), Some(ADMIN_TOKEN))
}

fn get(path: &str) -> Value {
    let answer = api("GET", path);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{path}: {}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.body
}

/// Has the Worker store an unfollow.
fn store_unfollow(app: &str, from: &str, to: &[&str], event_time: u64) {
    assert!(post(url(), &unsigned(app, UNFOLLOW), unfollow(from, to, event_time)).is_ok());
}

fn store_follow(app: &str, from: &str, to: &str, event_time: u64) {
    let list = json!([{"To_Account": to}]);
    let body = json!({"CallbackCommand": FOLLOW, "From_Account": from, "FollowList": list, "EventTime": event_time});
    assert!(post(url(), &unsigned(app, FOLLOW), body.to_string()).is_ok());
}

/// All events of a query, page after page; and how many pages there were.
fn walk(query: &str) -> (Vec<Value>, usize) {
    let (mut events, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = get(&format!("events?{query}&cursor={cursor}"));
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        pages += 1;
        assert!(pages < 100, "{query} does not end");
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return (events, pages),
        }
    }
}

/// The actor of each event.
fn actors(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["from_account"].as_str().unwrap()).collect()
}

#[test]
fn events_are_listed_newest_first_page_by_page() {
    // In any order, two of them in the same ms.
    let times = [3, 9, 1, 7, 7, 0, 8, 2, 6, 5, 4].map(|n| EVENT_TIME + n);
    for (number, time) in times.into_iter().enumerate() {
        store_unfollow(PAGED, &format!("user-{number}"), &["bob", "carol"], time);
    }
    let query = |limit: usize| format!("app={PAGED}&limit={limit}");
    let (whole, pages) = walk(&query(100));
    assert_eq!((whole.len(), pages), (times.len(), 1));
    assert!(whole.is_sorted_by_key(|event| u64::MAX - event["event_time"].as_u64().unwrap()));
    // Within a ms, the order is that of the hash.
    let hash = |event: &Value| event["id"].as_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
    let same = |pair: &&[Value]| pair[0]["event_time"] == pair[1]["event_time"];
    assert!(whole.windows(2).filter(same).all(|pair| hash(&pair[0]) > hash(&pair[1])));
    for (limit, pages) in [(1, times.len()), (4, 3), (10, 2), (11, 1)] {
        assert_eq!(walk(&query(limit)), (whole.clone(), pages), "{limit}");
    }

    let newest = &whole[0];
    let received_at = newest["received_at"].as_u64().unwrap();
    assert!(received_at.abs_diff(now_ms()) < 120_000);
    let expected = json!({
        "id": newest["id"], "sdk_app_id": 1_400_000_010, "kind": "unfollow", "from_account": "user-1",
        "to_accounts": ["bob", "carol"], "event_time": EVENT_TIME + 9, "received_at": received_at,
        "opt_platform": "iOS", "client_ip": "127.0.0.1", "request_id": null,
    });
    assert_eq!(newest, &expected);
    assert!(newest["id"].as_str().unwrap().starts_with(&format!("{}-", 9_999_999_999_999 - EVENT_TIME - 9)));

    // A cursor may go on with another limit, but not with another query.
    let cursor = get(&format!("events?{}", query(3)))["cursor"].as_str().unwrap().to_owned();
    let next = get(&format!("events?{}&cursor={cursor}", query(2)));
    assert_eq!(next["events"], json!(whole[3..5]));
    for other in [
        format!("app={FILTERED}"),
        format!("app={PAGED}&kind=unfollow"),
        format!("app={PAGED}&user=user-1"),
        format!("app={PAGED}&since=1"),
        format!("app={PAGED}&until=9999999999999"),
    ] {
        let answer = api("GET", &format!("events?{other}&cursor={cursor}"));
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{other}");
    }
    for cut in [&cursor[2..], &cursor[..cursor.len() - 2], "zz", "00"] {
        assert_eq!(api("GET", &format!("events?{}&cursor={cut}", query(3))).status, 400, "{cut}");
    }
}

#[test]
fn events_are_filtered_by_kind_user_and_time() {
    store_unfollow(FILTERED, "alice", &["bob", "carol"], EVENT_TIME);
    store_follow(FILTERED, "bob", "alice", EVENT_TIME + 1);
    store_unfollow(FILTERED, "carol", &["微信😀 &+%"], EVENT_TIME + 2);
    // An hour, and a month, later.
    store_follow(FILTERED, "dave", "bob", EVENT_TIME + 3_600_000);
    store_unfollow(FILTERED, "erin", &["bob"], EVENT_TIME + 30 * 86_400_000);
    let three_hundred: Vec<_> = (0..300).map(|n| format!("target number {n}")).collect();
    store_unfollow(FILTERED, "many", &three_hundred.iter().map(String::as_str).collect::<Vec<_>>(), EVENT_TIME - 1);

    let whole = ["erin", "dave", "carol", "bob", "alice", "many"];
    let time = |ms: u64| (EVENT_TIME + ms).to_string();
    let (first, second, third) = (time(0), time(1), time(2));
    for (query, expected) in [
        (String::new(), &whole[..]),
        ("kind=&user=&since=&until=".to_owned(), &whole),
        ("kind=unfollow".to_owned(), &["erin", "carol", "alice", "many"]),
        ("kind=follow".to_owned(), &["dave", "bob"]),
        ("user=bob".to_owned(), &["erin", "dave", "bob", "alice"]),
        ("user=bob&role=actor".to_owned(), &["bob"]),
        ("user=bob&role=target".to_owned(), &["erin", "dave", "alice"]),
        ("user=bob&role=target&kind=follow".to_owned(), &["dave"]),
        ("user=alice".to_owned(), &["bob", "alice"]),
        ("user=Alice".to_owned(), &[]),
        ("user=target%20number%20299".to_owned(), &["many"]),
        ("user=%E5%BE%AE%E4%BF%A1%F0%9F%98%80%20%26+%25".to_owned(), &["carol"]),
        ("user=bob&kind=follow".to_owned(), &["dave", "bob"]),
        // Both ends are inclusive.
        (format!("since={second}"), &whole[..4]),
        (format!("until={second}"), &whole[3..]),
        (format!("since={first}&until={third}"), &["carol", "bob", "alice"]),
        (format!("since={second}&until={second}"), &["bob"]),
        (format!("since={}&until={}", time(3), time(3_599_999)), &[]),
        (format!("since={}", time(31 * 86_400_000)), &[]),
        ("until=0".to_owned(), &[]),
        ("since=2023-12-08T06:52:23.679Z&until=2023-12-08T14:52:23.680+08:00".to_owned(), &["carol", "bob"]),
        ("since=2023-12-08T14%3A52%3A23.679%2B08%3A00&until=2023-12-08T06:52:24Z".to_owned(), &["carol", "bob"]),
        ("until=2023-12-08T06:52:23.678999Z".to_owned(), &["alice", "many"]),
    ] {
        for limit in [1, 2, 1000] {
            let (events, _) = walk(&format!("app={FILTERED}&limit={limit}&{query}"));
            assert_eq!(actors(&events), expected, "{query}, {limit} a page");
        }
    }
    let (events, _) = walk(&format!("app={FILTERED}&user=target%20number%20299"));
    assert_eq!(events[0]["to_accounts"], json!(three_hundred));

    for wrong in [
        "kind=unfollows",
        "user=bob&role=both",
        "role=actor",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "since=yesterday",
        "since=-1",
        "until=2023-12-08",
        "until=99999999999999",
        "since=2&until=1",
        "user=%ff",
        "user=a&user=b",
        "order=asc",
    ] {
        let answer = api("GET", &format!("events?app={FILTERED}&{wrong}"));
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{wrong}");
        assert!(answer.body["detail"].as_str().unwrap().len() > 10, "{wrong}");
    }
}

#[test]
fn a_record_is_read_byte_for_byte_and_erased() {
    let body = unfollow("reader", &["bob"], EVENT_TIME).replace('{', "{ \"New\" : {\"a\":[1.50,{}]} ,\n");
    let query = format!("New=%zz&{}&RequestId=its-id", unsigned(READ, UNFOLLOW));
    assert!(post(url(), &format!("{query}&Sign=x&RequestTime=1"), &body).is_ok());
    store_unfollow(READ, "neighbour", &["bob"], EVENT_TIME);
    let (events, _) = walk(&format!("app={READ}&user=reader"));
    let id = events[0]["id"].as_str().unwrap();

    let path = format!("events/{READ}/{id}");
    let record = api("GET", &path);
    assert_eq!((record.status, record.header("content-type")), (200, "application/json"));
    let end = format!(r#","query":"{query}","body":{body},"delivery":null}}"#);
    assert!(record.text.ends_with(&end), "{}", record.text);
    for (name, value) in events[0].as_object().unwrap() {
        assert_eq!(&record.body[name], value, "{name}");
    }

    // With another app, or in another spelling, there is none.
    for other in [format!("events/{PAGED}/{id}"), format!("events/{READ}/{}", id.to_uppercase()), format!("{path}0")] {
        assert_eq!(api("GET", &other).status, 404, "{other}");
    }
    let erased = api("DELETE", &path);
    assert_eq!((erased.status, erased.text.as_str(), erased.header("cache-control")), (204, "", "no-store"));
    assert_eq!(api("GET", &path).status, 404);
    assert_eq!(api("DELETE", &path).status, 204);
    assert_eq!(actors(&walk(&format!("app={READ}")).0), ["neighbour"]);
}

#[test]
fn targets_are_counted_per_hour_and_day() {
    const HOUR_MS: u64 = 3_600_000;
    let now = now_ms();
    store_unfollow(COUNTED, "now", &["bob", "carol", "dave"], now);
    store_follow(COUNTED, "now", "bob", now);
    let many: Vec<_> = (0..300).map(|n| format!("target number {n}")).collect();
    store_unfollow(COUNTED, "before", &many.iter().map(String::as_str).collect::<Vec<_>>(), now - 2 * HOUR_MS);
    store_unfollow(COUNTED, "long-before", &["bob"], now - 30 * HOUR_MS);

    let stats = |query: &str| get(&format!("stats?app={COUNTED}&{query}"));
    let day = stats("");
    let buckets = day["buckets"].as_array().unwrap();
    let starts: Vec<_> = buckets.iter().map(|bucket| bucket["start"].as_u64().unwrap()).collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == HOUR_MS) && starts[0] % HOUR_MS == 0);
    let (first, last) = (starts[0], starts[starts.len() - 1]);
    assert!(first <= now - 24 * HOUR_MS && now - 25 * HOUR_MS < first && last <= now_ms() && now < last + HOUR_MS);
    assert_eq!((&day["since"], &day["until"]), (&json!(first), &json!(last + HOUR_MS)));
    let at = |time: u64| buckets.iter().find(|bucket| bucket["start"] == time / HOUR_MS * HOUR_MS).unwrap();
    let counts = |bucket: &Value| (bucket["unfollows"].as_u64().unwrap(), bucket["follows"].as_u64().unwrap());
    assert_eq!((counts(at(now)), counts(at(now - 2 * HOUR_MS))), ((3, 1), (300, 0)));
    let sum = |answer: &Value, name: &str| {
        answer["buckets"].as_array().unwrap().iter().map(|bucket| bucket[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum(&day, "unfollows"), sum(&day, "follows")), (303, 1));

    store_unfollow(COUNTED, "later", &["bob"], now + 1);
    assert_eq!(sum(&stats(""), "unfollows"), 304);
    let week = stats(&format!("bucket=day&since={}", now - 7 * 24 * HOUR_MS));
    assert_eq!((week["buckets"].as_array().unwrap().len(), sum(&week, "unfollows")), (8, 305));
    assert_eq!(week["since"].as_u64().unwrap() % (24 * HOUR_MS), 0);
    let bob = stats(&format!("bucket=day&user=bob&since={}", now - 7 * 24 * HOUR_MS));
    assert_eq!((sum(&bob, "unfollows"), sum(&bob, "follows")), (3, 1));
    for wrong in ["bucket=week", "since=2&until=1", "since=0&until=9999999999999", "limit=1", "hours=24"] {
        assert_eq!(api("GET", &format!("stats?app={COUNTED}&{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn a_stored_event_is_sent_to_the_origin_on_demand() {
    let body = unfollow("replayed", &["bob"], EVENT_TIME);
    let query = format!("{}&RequestId=replayed", unsigned(REPLAYED, UNFOLLOW));
    assert!(post(url(), &query, &body).is_ok());
    let id = walk(&format!("app={REPLAYED}")).0[0]["id"].as_str().unwrap().to_owned();
    let origin = &storing().1;
    assert!(origin.received_of(body.as_bytes()).is_empty());

    let path = format!("events/{REPLAYED}/{id}");
    let replayed = api("POST", &format!("{path}/replay"));
    assert_eq!((replayed.status, replayed.text.as_str()), (200, r#"{"replayed":1}"#));
    let received = &origin.wait_for(body.as_bytes(), 1)[0];
    assert_eq!((received.method.as_str(), received.query()), ("POST", query.as_str()));
    // It stays stored, and cannot be replayed after it is erased.
    assert_eq!(api("GET", &path).status, 200);
    assert_eq!(api("DELETE", &path).status, 204);
    assert_eq!(api("POST", &format!("{path}/replay")).status, 404);
}

#[test]
fn nothing_is_shown_without_the_token() {
    let apps = [1_400_000_010, 1_400_000_011, 1_400_000_012, 1_400_000_013, 1_400_000_014];
    assert_eq!(get("apps"), json!({"apps": apps, "removed": []}));
    for path in ["apps", "events?app=1400000010", "stats?app=1400000010", "nowhere"] {
        let mut rejected = HashSet::new();
        for authorization in ["", "Bearer", "Bearer sixteen-characters-or-mor", "Basic sixteen-characters-or-more"] {
            let answer = request_with("GET", &format!("{}/v1/{path}", url()), &[("authorization", authorization)]);
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{path}");
            rejected.insert(answer.text);
        }
        assert_eq!(rejected.len(), 1, "{rejected:?}");
    }
    assert_eq!(api("GET", "events").status, 400, "there are several apps");
    for path in ["events?app=1400000009", "stats?app=1400000009", "events/1400000009/x"] {
        assert_eq!(api("GET", path).status, 404, "{path}");
    }
    for (method, path, allow) in [
        ("POST", "apps", "GET, HEAD"),
        ("PATCH", "events", "GET, HEAD"),
        ("PUT", "stats", "GET, HEAD"),
        ("POST", "events/1400000010/x", "GET, HEAD, DELETE"),
        ("GET", "events/1400000010/x/replay", "POST"),
    ] {
        let answer = api(method, path);
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
    }
}
