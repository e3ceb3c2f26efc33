//! The event log in D1: what is stored in it, what its failures do to a call, and how it is rebuilt and shortened.

use std::{thread, time::Duration, time::Instant};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, TOKEN,
    call::{
        APP, Answer, IN_TIME, UNFOLLOW, get_api_text, get_text, now_ms, post, request_api, signed, unfollow, unsigned,
    },
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

const SETTINGS: [(&str, &str); 4] =
    [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("RETRY_BASE_SECONDS", "1"), ("ADMIN_TOKEN", ADMIN_TOKEN)];

fn with(settings: &[(&'static str, &'static str)]) -> Worker {
    Worker::with(&[&SETTINGS[..], settings].concat())
}

fn api(worker: &Worker, method: &str, path: &str) -> Answer {
    request_api(method, &format!("{}/v1/{path}", worker.url), Some(ADMIN_TOKEN))
}

fn events(worker: &Worker, query: &str) -> Vec<Value> {
    let answer = api(worker, "GET", &format!("events{query}"));
    answer.body["events"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

fn send(worker: &Worker, from: &str) -> (Answer, Duration, String) {
    let begun = Instant::now();
    let body = unfollow(from, &["bob"], now_ms());
    let answer = post(&worker.url, &unsigned(APP, UNFOLLOW), &body);
    (answer, begun.elapsed(), body)
}

/// How many users were unfollowed, by the sums of all hours.
fn unfollows(worker: &Worker, query: &str) -> u64 {
    let stats = api(worker, "GET", &format!("stats{query}")).body;
    stats["buckets"].as_array().unwrap().iter().map(|bucket| bucket["unfollows"].as_u64().unwrap()).sum()
}

#[test]
fn whatever_is_accepted_is_in_the_log_byte_for_byte() {
    let origin = Origin::start(|_| origin::ok());
    let worker = Home::new(&forwarding_settings(&origin.url(), "d1,origin"), |_| {}).start();
    let deep = |open: &str, close: &str, depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let odd = [
        format!(r#""x":{}"#, deep("[", "]", 20_000)),
        r#""x":1E400,"x":-0,"y":[1.50, 1e5 ]"#.to_owned(),
        r#""\ud800":"\udfff","x":"\ud83d\u0000""#.to_owned(),
        "\"x\" :\t[ 1 ,\r\n 2 ]  ".to_owned(),
        format!(r#""x":"{}""#, "'; DROP TABLE events; -- ".repeat(2_000)),
    ];
    let users = ["alice", "a\u{0}b", "\u{e9}", "e\u{301}", " alice ", "'\"\\\n\u{2028}😀", "%_*"];
    let now = now_ms();
    let mut sent = Vec::new();
    for (number, odd) in odd.iter().enumerate() {
        let time = now + number as u64;
        sent.push(("alice", time, unfollow("alice", &["bob"], time).replacen('{', &format!("{{{odd},"), 1)));
    }
    for (number, user) in users.iter().enumerate() {
        let time = now + 100 + number as u64;
        sent.push((user, time, unfollow(user, &["bob"], time)));
    }
    for (.., body) in &sent {
        let answer = post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body);
        assert!(answer.is_ok(), "{}: {answer:?}", &body[..100.min(body.len())]);
    }
    assert_eq!(worker.keys(), json!([]), "KV is not among the sinks");
    assert_eq!(events(&worker, &format!("?app={APP}&limit=1000")).len(), sent.len());
    for (user, time, body) in &sent {
        let encoded: String = user.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let of_user = events(&worker, &format!("?app={APP}&role=actor&user={encoded}"));
        let expected = sent.iter().filter(|(other, ..)| other == user).count();
        assert_eq!(of_user.len(), expected, "{user:?}");
        assert!(of_user.iter().all(|event| event["from_account"] == *user), "{user:?}");
        let id = of_user.iter().find(|event| event["event_time"] == *time).unwrap()["id"].as_str().unwrap().to_owned();
        let record = get_api_text(&format!("{}/v1/events/{APP}/{id}", worker.url), ADMIN_TOKEN);
        assert!(record.contains(&format!(",\"body\":{},\"delivery\":", body.trim())), "{user:?}");
        // Delivered as it came, and once more on demand.
        origin.wait_for(body.trim().as_bytes(), 1);
        assert_eq!(api(&worker, "POST", &format!("events/{APP}/{id}/replay")).status, 200);
        origin.wait_for(body.trim().as_bytes(), 2);
    }
}

#[test]
fn however_often_an_event_arrives_at_once_it_counts_once() {
    let worker = with(&[("SINKS", "d1")]);
    let body = unfollow("alice", &["bob", "carol", "bob"], now_ms());
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), &body).is_ok()));
        }
    });
    assert_eq!(events(&worker, "").len(), 1);
    assert_eq!((unfollows(&worker, ""), unfollows(&worker, "?user=bob")), (2, 1));
}

#[test]
fn a_page_has_each_event_once_although_many_share_a_millisecond_and_new_ones_arrive() {
    let worker = with(&[("SINKS", "d1")]);
    let now = now_ms();
    let send_at =
        |from: &str, time| assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow(from, &["bob"], time)).is_ok());
    for number in 0..25 {
        send_at(&format!("user-{number}"), now - 1000 - number % 2);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api(&worker, "GET", &format!("events?user=bob&limit=4{cursor}")).body;
        seen.extend(page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()));
        send_at(&format!("new-{}", seen.len()), now);
        let Some(next) = page["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 25);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

/// A Worker whose KV, D1 and queue behave as the event says.
fn failing() -> Worker {
    let settings = [&SETTINGS[..], &[("SINKS", "kv,d1")]].concat();
    let worker = Home::with_stand_ins(&settings, &["EVENTS", "DB", "DELIVERIES"], |_| {}).start();
    // So that no measured call waits for an isolate to start.
    assert!(send(&worker, "takes-it").0.is_ok());
    worker
}

#[test]
fn what_d1_does_not_take_is_left_to_the_queue() {
    let worker = failing();
    // Where a second attempt is pointless, there is none.
    for (behaviour, attempts) in [("d1-fails", 2), ("d1-hangs", 2), ("d1-overloaded", 1), ("d1-no-schema", 1)] {
        let (answer, took, body) = send(&worker, behaviour);
        assert!(answer.is_ok() && took < IN_TIME, "{behaviour}: {answer:?} after {took:?}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let ours = |record: &Value| record["outcome"] == "queued" && record["message"]["body"] == body;
        assert_eq!(worker.log_record(ours)["message"]["job"], "store_d1", "{behaviour}");
        let records = worker.log_records();
        let taken = |record: &&Value| record["outcome"] == "taken" && record["value"]["body"] == body;
        let key = records.iter().find(taken).expect("KV has it")["request_id"].as_str().unwrap();
        let hash = key.rsplit_once('-').unwrap().1;
        let begun = records.iter().filter(|record| record["outcome"] == "insert begun" && record["request_id"] == hash);
        assert_eq!(begun.count(), attempts, "{behaviour}");
    }
}

#[test]
fn no_sink_stands_in_for_another_without_the_queue() {
    let worker = failing();
    for behaviour in ["d1-fails,queue-fails", "fails,queue-fails", "d1-overloaded,queue-fails"] {
        assert_eq!(send(&worker, behaviour).0.code(), (503, 50300), "{behaviour}");
    }
}

#[test]
fn a_missing_schema_is_named_and_loses_nothing() {
    let settings = [&SETTINGS[..], &[("SINKS", "kv,d1")]].concat();
    let worker = Home::without_schema(&settings, |_| {}).start();
    let health = get_text(&format!("{}/healthz", worker.url));
    assert_eq!(health.status, 503);
    let health: Value = serde_json::from_str(&health.text).unwrap();
    assert_eq!(health["settings"][0]["name"], "DB");
    assert_eq!(api(&worker, "GET", "status").body["settings"][0]["name"], "DB");
    assert!(send(&worker, "early").0.is_ok());
    for (method, path) in [("GET", "events"), ("POST", "reindex")] {
        let answer = api(&worker, method, path);
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.body.to_string().contains("migrations"), "{path}: {answer:?}");
    }
    worker.apply_migrations();
    let found = wait_for("the queued event to be stored", || events(&worker, "").first().cloned());
    assert_eq!(found["from_account"], "early");
    assert_eq!(get_text(&format!("{}/healthz", worker.url)).status, 200);
}

#[test]
fn without_a_database_events_go_into_kv_and_lists_say_what_to_bind() {
    let worker = Home::new(&SETTINGS, |config| drop(config.remove("d1_databases"))).start();
    assert!(send(&worker, "alice").0.is_ok());
    let key = worker.keys()[0]["name"].as_str().unwrap().to_owned();
    for path in ["events", "stats"] {
        let answer = api(&worker, "GET", path);
        assert_eq!(answer.status, 409, "{path}");
        assert!(answer.body["detail"].as_str().unwrap().contains("DB"), "{answer:?}");
    }
    assert_eq!(api(&worker, "GET", "status").body["sinks"], json!(["kv"]));
    let path = format!("events/{}", key.strip_prefix("event/").unwrap());
    assert_eq!(api(&worker, "GET", &path).body["from_account"], "alice");
    assert_eq!(api(&worker, "DELETE", &path).status, 204);
    assert_eq!(api(&worker, "GET", &path).status, 404);

    let home =
        Home::new(&[&SETTINGS[..], &[("SINKS", "kv,d1")]].concat(), |config| drop(config.remove("d1_databases")));
    let worker = home.start();
    assert_eq!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow("a", &["b"], now_ms())).code(), (500, 50000));
}

#[test]
fn the_log_is_rebuilt_from_kv() {
    let worker = with(&[]);
    let times: Vec<_> = (0..45).map(|number| now_ms() - number).collect();
    thread::scope(|scope| {
        for time in &times {
            let url = &worker.url;
            scope.spawn(move || {
                assert!(post(url, &unsigned(APP, UNFOLLOW), unfollow("alice", &["bob"], *time)).is_ok())
            });
        }
    });
    // On a busy machine, some come by way of the queue.
    let before = wait_for("all events in D1", || {
        let events = events(&worker, "?limit=1000");
        (events.len() == times.len()).then_some(events)
    });
    worker.sql("DELETE FROM events");
    assert!(events(&worker, "").is_empty() && unfollows(&worker, "") == 0);
    // Twice: it is safe to repeat.
    for _ in 0..2 {
        let mut cursor = String::new();
        loop {
            let page = api(&worker, "POST", &format!("reindex{cursor}")).body;
            assert!((1..=500).contains(&page["indexed"].as_u64().unwrap()), "{page}");
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("?cursor={next}");
        }
        assert_eq!(events(&worker, "?limit=1000"), before);
        assert_eq!(unfollows(&worker, ""), times.len() as u64);
    }
}

/// What a restore in part leaves out is named, while the Worker runs: without its triggers, events are stored and not counted.
#[test]
fn what_the_database_lacks_is_named() {
    let worker = with(&[("SINKS", "d1")]);
    worker.sql("DROP TRIGGER events_insert");
    worker.sql("DROP INDEX call_counts_latest");
    let health = get_text(&format!("{}/healthz", worker.url));
    assert_eq!(health.status, 503);
    let health: Value = serde_json::from_str(&health.text).unwrap();
    let problem = health["settings"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("lacks index call_counts_latest, trigger events_insert:"), "{problem}");
    assert_eq!(api(&worker, "GET", "status").body["settings"], health["settings"]);
    // An event is stored all the same.
    assert!(send(&worker, "alice").0.is_ok());
    assert_eq!(events(&worker, "").len(), 1);
}

/// A body whose line ends were lost on a way through SQL is no JSON: KV has the event as it came, and a reindex mends the row.
#[test]
fn a_damaged_row_is_read_from_kv_and_mended_by_a_reindex() {
    let worker = with(&[]);
    let body = unfollow("alice", &["bob", "carol"], now_ms()).replacen('{', "{\"x\":\"a\\nb\",\n", 1);
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), &body).is_ok());
    let id = events(&worker, "")[0]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/v1/events/{APP}/{id}", worker.url);
    let record = get_api_text(&url, ADMIN_TOKEN);
    assert!(record.contains(&format!(",\"body\":{}", body.trim())));

    let damage = || worker.sql(r"UPDATE events SET body = replace(body, '\n', char(10))");
    damage();
    let rows = worker.sql("SELECT json_valid(body) AS valid FROM events");
    assert_eq!(rows[0]["valid"], 0, "the damage has struck");
    assert_eq!(get_api_text(&url, ADMIN_TOKEN), record);
    assert_eq!(api(&worker, "POST", "reindex").body["indexed"], 1);
    assert_eq!(worker.sql("SELECT json_valid(body) AS valid FROM events")[0]["valid"], 1);
    assert_eq!((events(&worker, "").len(), unfollows(&worker, ""), unfollows(&worker, "?user=bob")), (1, 2, 1));

    damage();
    let key = worker.keys()[0]["name"].as_str().unwrap().to_owned();
    worker.put(&key, "{\"cut\":");
    let answer = api(&worker, "GET", &format!("events/{APP}/{id}"));
    assert_eq!(answer.status, 409, "{answer:?}");

    // It is deleted all the same, with all that it counts.
    worker.sql("UPDATE events SET record = '{'");
    assert_eq!(api(&worker, "GET", "events").body["damaged"], json!([id]));
    assert_eq!(api(&worker, "DELETE", &format!("events/{APP}/{id}")).status, 204);
    for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
        assert_eq!(worker.sql(&format!("SELECT count(*) AS rows FROM {table}"))[0]["rows"], 0, "{table}");
    }
}

/// As after a restore of KV's values alone.
#[test]
fn keys_without_metadata_get_it_and_their_expiry_again() {
    let worker = with(&[("RETENTION_DAYS", "60")]);
    for number in 0..25 {
        assert!(send(&worker, &format!("user-{number}")).0.is_ok());
    }
    let before = worker.keys();
    let keys: Vec<_> = before.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
    let values = worker.values(&keys);
    for key in &keys {
        worker.put(key, &values[key]);
    }
    let has = |key: &Value| key["metadata"].is_object() && key["expiration"].is_u64();
    assert!(before.as_array().unwrap().iter().all(has), "{before}");
    assert!(!worker.keys().as_array().unwrap().iter().any(has), "they have lost their metadata");
    let (mut mended, mut cursor) = (0, String::new());
    loop {
        let step = api(&worker, "POST", &format!("reindex{cursor}")).body;
        mended += step["mended"].as_u64().unwrap();
        let Some(next) = step["cursor"].as_str() else { break };
        cursor = format!("?cursor={next}");
    }
    assert_eq!((mended, worker.keys(), worker.values(&keys)), (25, before, values));
    assert_eq!(events(&worker, "").len(), 25);
}

#[test]
fn what_is_older_than_the_retention_is_deleted_hourly() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let worker = with(&[("SINKS", "d1"), ("RETENTION_DAYS", "2")]);
    let now = now_ms();
    for (from, time) in [("old", now - 3 * DAY), ("older", now - 30 * DAY), ("new", now - DAY), ("newest", now)] {
        let body = unfollow(from, &["bob"], time);
        assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), body).is_ok());
    }
    // An app that is no longer in SDK_APP_IDS.
    worker.sql(&format!(
        "INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until) \
         SELECT 1400000009, kind, event_time, hash, record, query, body, kv_until FROM events WHERE event_time < {}",
        now - 2 * DAY
    ));
    assert_eq!(worker.scheduled()["outcome"], "ok");
    let from: Vec<_> = events(&worker, "").iter().map(|event| event["from_account"].clone()).collect();
    assert_eq!(from, ["newest", "new"]);
    for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
        let rows = worker.sql(&format!("SELECT count(*) AS n FROM {table} WHERE app = 1400000009"));
        assert_eq!(rows[0]["n"], 0, "{table}");
    }
    let since = now - 40 * DAY;
    let counted =
        worker.sql(&format!("SELECT sum(unfollows) AS n FROM hourly_totals WHERE hour >= {}", since / 3_600_000));
    assert_eq!(counted[0]["n"], 2);
}
