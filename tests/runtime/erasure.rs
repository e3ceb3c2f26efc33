//! The erasure of a user: afterwards no table, key, value or metadata has the id, whatever was deleted, replayed or late before it.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{delivery::failure::Failure, event::Entry, sink::Sink};

use crate::{
    ADMIN_TOKEN, OTHER_APP, TOKEN,
    call::{self, APP, Answer, UNFOLLOW, now_ms, post, request_api, signed, unfollow, unsigned},
    counted::{self, Counted},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

/// In any JSON, this is a part of the id as it is written.
const PART: &str = "to-be-erased";
const USER: &str = "to-be-erased \"微信\"";
const USER_ENCODED: &str = "to-be-erased%20%22%E5%BE%AE%E4%BF%A1%22";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How many events there are of the user, and of others.
const THEIRS: u64 = 100;
const OTHERS: u64 = 20;

fn api(url: &str, method: &str, path: &str) -> Answer {
    request_api(method, &format!("{url}/v1/{path}"), Some(ADMIN_TOKEN))
}

fn step(worker: &Worker) -> Value {
    let answer = api(&worker.url, "DELETE", &format!("users/{APP}?user={USER_ENCODED}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Steps until there is no more; the last answer.
fn erase(worker: &Worker) -> Value {
    for _ in 0..50 {
        let answer = step(worker);
        if answer["more"] == false {
            return answer;
        }
    }
    panic!("it does not end");
}

/// Searches KV to the end: how many were deleted, and by how many calls.
fn search(worker: &Worker) -> (u64, usize) {
    let (mut deleted, mut cursor) = (0, String::new());
    for calls in 1..50 {
        let path = format!("users/{APP}/records?user={USER_ENCODED}{cursor}");
        let answer = api(&worker.url, "DELETE", &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        deleted += answer.body["deleted"].as_u64().unwrap();
        let Some(next) = answer.body["cursor"].as_str() else { return (deleted, calls) };
        cursor = format!("&cursor={next}");
    }
    panic!("it does not end");
}

/// All that the Worker has stored, as texts: the rows of every table, and the keys of KV with their metadata and values.
fn everything(worker: &Worker) -> Vec<String> {
    let tables =
        worker.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'");
    let names = tables.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap().to_owned());
    let rows = |name: String| worker.sql(&format!("SELECT * FROM {name}")).as_array().unwrap().clone();
    let rows = names.flat_map(rows).map(|row| row.to_string());
    let keys = worker.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let values = worker.values(&names).into_values();
    rows.chain(keys.as_array().unwrap().iter().map(Value::to_string)).chain(values).collect()
}

/// Where the id still is.
fn found(worker: &Worker) -> Vec<String> {
    everything(worker).into_iter().filter(|text| text.contains(PART)).collect()
}

/// The invariant of every erasure.
#[track_caller]
fn nothing_is_left(worker: &Worker) {
    let found = found(worker);
    assert!(found.is_empty(), "{found:#?}");
}

/// How many keys begin with this.
fn count_keys(worker: &Worker, prefix: &str) -> u64 {
    keys_of(worker, prefix).len() as u64
}

fn keys_of(worker: &Worker, prefix: &str) -> BTreeSet<String> {
    let keys = worker.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// The keys that the events of the log have in KV.
fn keys_in_log(worker: &Worker) -> BTreeSet<String> {
    let rows = worker.sql("SELECT app, event_time, hash FROM events");
    let key = |row: &Value| {
        let countdown = 9_999_999_999_999 - row["event_time"].as_u64().unwrap();
        format!("event/{}/{countdown:013}-{}", row["app"], row["hash"].as_str().unwrap())
    };
    rows.as_array().unwrap().iter().map(key).collect()
}

fn settings<'a>(sinks: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let needed = [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("SINKS", sinks)];
    [&needed, more].concat()
}

#[track_caller]
fn send(worker: &Worker, body: &str) {
    let answer = post(&worker.url, &unsigned(APP, UNFOLLOW), body);
    assert!(answer.is_ok(), "{answer:?}");
}

/// Takes it that the log has every record, as after a reindex.
fn complete(worker: &Worker) {
    worker.sql("INSERT INTO log_state (name, value) VALUES ('complete_since', '1') ON CONFLICT DO NOTHING");
}

/// What the operator may have done before: records that KV has for longer than the log.
#[test]
fn records_that_outlive_their_rows_are_erased() {
    for (days, lowered) in [("90", "1"), ("2", "2")] {
        // In the second case the events are late: KV counts from their receipt.
        let home = Home::new(&settings("kv,d1", &[("RETENTION_DAYS", days)]), |_| {});
        let worker = home.start();
        complete(&worker);
        let old = now_ms() - 3 * DAY_MS;
        for n in 0..30_u64 {
            let targets: &[&str] = &["bob", USER];
            let body = if n.is_multiple_of(2) {
                unfollow(USER, &["bob"], old - n)
            } else {
                unfollow("carol", targets, old - n)
            };
            send(&worker, &body);
            send(&worker, &unfollow("carol", &["bob"], old - n));
        }
        let worker = worker.stop().with_settings(&settings("kv,d1", &[("RETENTION_DAYS", lowered)])).start();
        assert_eq!(worker.scheduled()["outcome"], "ok");
        assert_eq!(
            (worker.sql("SELECT count(*) AS n FROM events")[0]["n"].clone(), count_keys(&worker, "event/")),
            (json!(0), 60)
        );
        assert_eq!(erase(&worker)["search_needed"], false, "{days}");
        nothing_is_left(&worker);
        assert_eq!(count_keys(&worker, "event/"), 30);
        // The others' records are known all the same, and once.
        assert_eq!(worker.sql("SELECT count(*) AS n FROM kv_only")[0]["n"], 60);
    }
}

/// A repeat has its record in KV for longer, of which the log is told.
#[test]
fn the_record_of_a_repeated_event_is_erased_after_its_row_is_gone() {
    let worker = Worker::with(&settings("kv,d1", &[("RETENTION_DAYS", "2")]));
    complete(&worker);
    let body = unfollow(USER, &["bob"], now_ms() - DAY_MS);
    send(&worker, &body);
    // As if it had come when it happened, and KV had forgotten it by now.
    worker.sql("UPDATE events SET kv_until = 1, record = json_set(record, '$.received_at', event_time)");
    send(&worker, &body);
    worker.sql("DELETE FROM events");
    assert_eq!(erase(&worker)["search_needed"], false);
    nothing_is_left(&worker);
}

fn entries_of(user: &str, count: u64) -> Vec<Entry> {
    let now = now_ms();
    let many: Vec<_> = (0..200).map(|n| format!("target-{n}")).collect();
    let body = |n: u64| match n % 4 {
        0 => unfollow(user, &["bob"], now - n),
        1 => unfollow("carol", &["bob", user], now - n),
        // Its metadata has no room for the last target.
        2 => {
            let targets: Vec<_> = many.iter().map(String::as_str).chain([user]).collect();
            unfollow("carol", &targets, now - n)
        }
        _ => unfollow("carol", &["bob"], now - n),
    };
    (0..count).map(|n| counted::stored(APP, &unsigned(APP, UNFOLLOW), &body(n), now - 1)).collect()
}

/// Before a reindex, after a lost log, or with another sink: the answer says that it did not look, and the search does.
#[test]
fn what_the_log_cannot_know_of_is_found_by_a_search_of_kv() {
    for sinks in ["kv,d1", "kv", "d1", "kv,d1,origin", "origin"] {
        let origin = Origin::start(|_| origin::ok());
        let url = origin.url();
        let letter = |n: u64| {
            let body = unfollow(USER, &["bob"], now_ms() - 1000 - n);
            counted::dead_lettered(
                APP,
                &unsigned(APP, UNFOLLOW),
                &body,
                now_ms() - 1,
                Sink::VARIANTS[n as usize],
                Failure::Status(500),
            )
        };
        let mut entries = entries_of(USER, 80);
        // Without metadata, as a plain `kv bulk put` leaves it.
        entries[0].metadata = "null".to_owned();
        let letters: Vec<_> = (0..3).map(letter).collect();
        let worker = Counted::start(&forwarding_settings(&url, sinks), &[entries, letters].concat());
        worker.limit(50);
        let worker = worker.worker();
        let answer = erase(worker);
        assert_eq!(answer["search_needed"], true, "{sinks}");
        assert!(!found(worker).is_empty(), "there is something to be found");
        let (deleted, calls) = search(worker);
        assert!(deleted == 60 && calls > 1, "{deleted} by {calls} calls");
        nothing_is_left(worker);
        assert_eq!(count_keys(worker, "event/"), 20, "{sinks}");
    }
}

/// Without a database, the search is all there is.
#[test]
fn without_a_database_the_search_erases_records_and_dead_letters() {
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let url = origin.url();
    let home = Home::new(&forwarding_settings(&url, "kv,origin"), |config| drop(config.remove("d1_databases")));
    let worker = home.start();
    for n in 0..6_u64 {
        let from = if n.is_multiple_of(2) { USER } else { "carol" };
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow(from, &["bob"], now_ms() - n)).is_ok());
    }
    wait_for("all dead letters", || (count_keys_alone(&worker, "dead/") == 6).then_some(()));
    assert_eq!(api(&worker.url, "DELETE", &format!("users/{APP}?user={USER_ENCODED}")).status, 409);
    assert_eq!(search(&worker).0, 6);
    assert_eq!((count_keys_alone(&worker, "dead/"), count_keys_alone(&worker, "event/")), (3, 3));
    let keys = worker.keys();
    let names: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
    let values = worker.values(&names).into_values();
    assert!(!keys.to_string().contains(PART) && !values.into_iter().any(|value| value.contains(PART)));
}

fn count_keys_alone(worker: &Worker, prefix: &str) -> usize {
    keys_of(worker, prefix).len()
}

/// A rebuilt log knows everything.
#[test]
fn after_a_reindex_no_search_is_needed() {
    let worker = Counted::start(&settings("kv,d1", &[]), &entries_of(USER, 1_010));
    let reindex = |path: &str| api(worker.url(), "POST", path).body["cursor"].as_str().map(str::to_owned);
    // One that begins in the middle leaves something out.
    let first = reindex("reindex").expect("a cursor");
    let second = reindex(&format!("reindex?cursor={first}")).expect("a cursor");
    worker.worker().sql("DELETE FROM log_state");
    assert_eq!(reindex(&format!("reindex?cursor={second}")), None);
    assert_eq!(erase(worker.worker())["search_needed"], true);
    let mut cursor = reindex("reindex");
    while let Some(next) = cursor {
        cursor = reindex(&format!("reindex?cursor={next}"));
    }
    assert_eq!(erase(worker.worker())["search_needed"], false);
    nothing_is_left(worker.worker());
    assert_eq!(count_keys(worker.worker(), "event/"), 252);
}

/// What has failed on the way to the log is in KV alone: its dead letter tells, and so does one that is discarded.
#[test]
fn the_record_beside_a_dead_letter_of_the_log_is_erased() {
    for is_discarded in [false, true] {
        let (now, query) = (now_ms(), unsigned(APP, UNFOLLOW));
        let body = |n: u64| unfollow(if n.is_multiple_of(2) { USER } else { "carol" }, &["bob", "dave"], now - n);
        let records = (0..6).map(|n| counted::stored(APP, &query, &body(n), now - 1));
        let letter = |n| counted::dead_lettered(APP, &query, &body(n), now - 1, Sink::D1, Failure::Sink(Sink::D1));
        let letters: Vec<_> = (0..6).map(letter).collect();
        let worker =
            Counted::start(&settings("kv,d1", &[]), &records.chain(letters.iter().cloned()).collect::<Vec<_>>());
        complete(worker.worker());
        for letter in letters.iter().filter(|_| is_discarded) {
            assert_eq!(api(worker.url(), "DELETE", &format!("dead-letters/{APP}/{}", counted::id(letter))).status, 204);
        }
        assert_eq!(erase(worker.worker())["search_needed"], false);
        nothing_is_left(worker.worker());
        let letters = if is_discarded { 0 } else { 3 };
        assert_eq!((count_keys(worker.worker(), "event/"), count_keys(worker.worker(), "dead/")), (3, letters));
    }
}

/// Messages that were on the queue when the erasure began come after it, each of every job.
#[test]
fn what_was_received_before_is_not_stored_after_it() {
    let origin = Origin::start(|_| origin::answer(500, "{}"));
    let url = origin.url();
    let settings = forwarding_settings(&url, "kv,d1,origin");
    let settings: Vec<_> = settings.into_iter().chain([("DELIVERY_HOURS", "1")]).collect();
    let home = Home::with_producer(&settings, |_| {});
    let worker = home.start();
    complete(&worker);
    let received = now_ms() - 1;
    let message = |job: &str, n: u64, received_at: u64| {
        let body: Value = serde_json::from_str(&unfollow(USER, &["bob"], received - n)).unwrap();
        json!({"v": 1, "job": job, "sdk_app_id": 1_400_000_000, "received_at": received_at,
               "query": format!("CallbackCommand={UNFOLLOW}"), "body": body})
    };
    // Whether jobs wait is known by the counts of calls.
    worker
        .sql(&format!("INSERT INTO call_counts VALUES ({}, 1400000000, 'queued', '', 1, 1, 1)", received / 3_600_000));
    assert_eq!(erase(&worker)["search_needed"], true);
    for (n, job) in ["store_kv", "store_d1", "deliver"].iter().enumerate() {
        let text = message(job, n as u64, received).to_string();
        assert_eq!(call::json("POST", &format!("{}/queue", worker.url), Some(&json!([["text", text]]))).status, 200);
    }
    let erased = |job: &str| {
        wait_for("the message", || {
            worker.log_records().into_iter().find(|record| record["job"] == job && record["outcome"] == "erased")
        })
    };
    ["store_kv", "store_d1", "deliver"].iter().for_each(|job| drop(erased(job)));
    nothing_is_left(&worker);
    // One that was received later is a new event.
    let text = message("store_kv", 9, now_ms() + 1).to_string();
    assert_eq!(call::json("POST", &format!("{}/queue", worker.url), Some(&json!([["text", text]]))).status, 200);
    wait_for("the new event", || (count_keys(&worker, "event/") == 1).then_some(()));
}

/// With a KV that takes its time, of the user as of single events. Each comes once more, at a time of its own: what has come again is
/// in both stores, or in none.
#[test]
fn an_event_that_comes_again_while_it_is_erased_is_not_left_in_kv_alone() {
    for (takes_ms, is_of_user) in [(20, true), (20, false), (500, true), (500, false)] {
        let worker = Home::with_counted_store(&settings("kv,d1", &[("PLAN", "paid")])).start();
        complete(&worker);
        // The first come just before the erasure of the user begins, the last of them first in its order; the others, while it goes
        // on. Of single events, each comes just when it is erased.
        const BEFORE: u64 = 30;
        const COUNT: u64 = 70;
        let now = now_ms();
        let time = |n: u64| if n < BEFORE { now - 10_000 - n } else { now - n };
        let at = |n: u64| if n < BEFORE { n * takes_ms / BEFORE } else { takes_ms + (n - BEFORE) * 80 };
        let bodies: Vec<_> = (0..COUNT).map(|n| unfollow(USER, &["bob"], time(n))).collect();
        bodies.iter().for_each(|body| send(&worker, body));
        let keys = keys_of(&worker, "event/");
        let path = |n: u64| {
            let countdown = 9_999_999_999_999 - time(n);
            let key = keys.iter().find(|key| key.contains(&format!("/{countdown:013}-"))).unwrap();
            key.replacen("event/", "events/", 1)
        };
        slow(&worker.url, &json!({"put": takes_ms}));
        let begun = Instant::now();
        let wait =
            |ms: u64| thread::sleep((begun + Duration::from_millis(ms)).saturating_duration_since(Instant::now()));
        // On a busy machine a call may be refused, and is made again.
        let delete = |path: &str| {
            let call = || Some(api(&worker.url, "DELETE", path)).filter(|answer| answer.status != 503);
            wait_for("the call to be answered", call)
        };
        thread::scope(|scope| {
            for (n, body) in (0..).zip(&bodies) {
                let (worker, wait) = (&worker, &wait);
                scope.spawn(move || {
                    wait(at(n));
                    let accepted = || post(&worker.url, &unsigned(APP, UNFOLLOW), body).is_ok().then_some(());
                    wait_for("the call to be accepted", accepted);
                });
            }
            if is_of_user {
                wait(takes_ms);
                loop {
                    let answer = delete(&format!("users/{APP}?user={USER_ENCODED}"));
                    assert_eq!(answer.status, 200, "{answer:?}");
                    if answer.body["more"] == false {
                        return;
                    }
                }
            }
            for n in 0..COUNT {
                let (delete, wait, path) = (&delete, &wait, path(n));
                scope.spawn(move || {
                    wait(at(n) + n % 3);
                    assert_eq!(delete(&path).status, 204);
                });
            }
        });
        let what = format!("{takes_ms} ms, of the user: {is_of_user}");
        // What was left to the queue comes later.
        let in_kv = wait_for(&format!("KV and the log to have the same, {what}"), || {
            let (in_kv, in_log) = (keys_of(&worker, "event/"), keys_in_log(&worker));
            (in_kv == in_log).then_some(in_kv)
        });
        // Each that came after its erasure began is there: some, and not all.
        assert!(!in_kv.is_empty() && (in_kv.len() as u64) < COUNT, "{what}: {} of {COUNT}", in_kv.len());
        erase(&worker);
        nothing_is_left(&worker);
    }
}

/// From now on, operations of KV take so many ms, by their names.
fn slow(url: &str, takes_ms: &Value) {
    assert_eq!(&call::json("POST", &format!("{url}/slow"), Some(takes_ms)).body, takes_ms);
}

/// A record that the reindex has read before it was erased does not come back.
#[test]
fn a_reindex_brings_no_erased_event_back() {
    for is_of_user in [true, false] {
        // The newest, which is read first, is theirs.
        let entries: Vec<_> = entries_of(USER, 8);
        let worker = Counted::start(&settings("kv,d1", &[]), &entries);
        assert_eq!(api(worker.url(), "POST", "reindex").body["indexed"], 8);
        slow(worker.url(), &json!({"get": 8_000}));
        request_operations(&worker);
        thread::scope(|scope| {
            let reindex = scope.spawn(|| api(worker.url(), "POST", "reindex"));
            wait_for("the first read", || request_operations(&worker).contains(&"get".to_owned()).then_some(()));
            slow(worker.url(), &json!({}));
            if is_of_user {
                erase(worker.worker());
            } else {
                let path = format!("events/{APP}/{}", counted::id(&entries[0]));
                assert_eq!(api(worker.url(), "DELETE", &path).status, 204);
            }
            assert!(!reindex.is_finished(), "it was over before the erasure");
            assert_eq!(reindex.join().unwrap().status, 200);
        });
        let path = format!("events/{APP}/{}", counted::id(&entries[0]));
        assert_eq!(api(worker.url(), "GET", &path).status, 404);
        let left = if is_of_user { 2 } else { 7 };
        assert_eq!(worker.worker().sql("SELECT count(*) AS n FROM events")[0]["n"], left);
        assert_eq!(found(worker.worker()).is_empty(), is_of_user);
    }
}

fn request_operations(worker: &Counted) -> Vec<String> {
    serde_json::from_value(call::request("GET", &format!("{}/operations", worker.url())).body).unwrap()
}

/// The consumer writes a dead letter while the search passes by.
#[test]
fn a_dead_letter_that_is_filed_meanwhile_is_not_missed() {
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let url = origin.url();
    let worker = Home::with_counted_store(&forwarding_settings(&url, "kv,d1,origin")).start();
    complete(&worker);
    let slow = |ms: u64| slow(&worker.url, &json!({"put": ms}));
    for n in 0..4 {
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow(USER, &["bob"], now_ms() - n)).is_ok());
        // Longer than the erasure waits for calls.
        slow(3_000);
        let dead = |record: &&Value| record["outcome"] == "dead_lettered" || record["outcome"] == "erased";
        let before = worker.log_records().iter().filter(dead).count();
        let answer = erase(&worker);
        assert_eq!(answer["more"], false);
        wait_for("the message", || {
            (worker.log_records().iter().filter(dead).count() > before.min(n as usize)).then_some(())
        });
        slow(0);
        nothing_is_left(&worker);
    }
}

/// Events, dead letters and users of an app that is no longer ours.
#[test]
fn an_app_that_was_removed_can_be_listed_and_erased() {
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let url = origin.url();
    let two = forwarding_settings(&url, "kv,d1,origin");
    let worker = Home::new(&two, |_| {}).start();
    for n in 0..3 {
        assert!(post(&worker.url, &signed(OTHER_APP, UNFOLLOW, TOKEN), unfollow(USER, &["bob"], now_ms() - n)).is_ok());
    }
    wait_for("the dead letters", || (count_keys(&worker, &format!("dead/{OTHER_APP}/")) == 3).then_some(()));
    let one: Vec<_> = two.iter().map(|&(name, text)| (name, if name == "SDK_APP_IDS" { APP } else { text })).collect();
    let worker = worker.stop().with_settings(&one).start();
    let get = |path: &str| api(&worker.url, "GET", path);
    let events = get(&format!("events?app={OTHER_APP}"));
    assert_eq!(events.body["events"].as_array().map(Vec::len), Some(3), "{events:?}");
    assert_eq!(get(&format!("users/{OTHER_APP}?user={USER_ENCODED}")).body["following"]["removed"], 3);
    let letters = get(&format!("dead-letters?app={OTHER_APP}")).body;
    let ids: Vec<_> = letters["dead_letters"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    // Nothing is sent for it.
    for path in ["replay".to_owned(), format!("{}/replay", ids[0])] {
        assert_eq!(api(&worker.url, "POST", &format!("dead-letters/{OTHER_APP}/{path}")).status, 404);
    }
    assert_eq!(api(&worker.url, "DELETE", &format!("dead-letters/{OTHER_APP}/{}", ids[0])).status, 204);
    assert_eq!(api(&worker.url, "DELETE", &format!("events/{OTHER_APP}/{}", ids[1])).status, 204);
    // Of one that never was there is nothing.
    for path in ["events?app=1400000009", "dead-letters?app=1400000009", "users/1400000009?user=alice"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    let path = format!("users/{OTHER_APP}?user={USER_ENCODED}");
    while api(&worker.url, "DELETE", &path).body["more"] == true {}
    // That it was erased is known, and so the app.
    let search = format!("users/{OTHER_APP}/records?user={USER_ENCODED}");
    assert_eq!(api(&worker.url, "DELETE", &search).body, json!({"deleted": 0, "searched": 0, "cursor": null}));
    nothing_is_left(&worker);
    assert_eq!(get(&format!("events?app={OTHER_APP}")).body["events"], json!([]));
}

#[test]
fn an_erasure_that_is_cut_off_leaves_nothing_once_it_is_called_again() {
    // Each delivery becomes a dead letter at once.
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let home = Home::with_counted_store(&forwarding_settings(&origin.url(), "kv,d1,origin"));
    let worker = home.start_apart();
    let now = now_ms();
    for number in 0..THEIRS + OTHERS {
        let targets: &[&str] = &["bob", USER];
        let body = match number {
            _ if number >= THEIRS => unfollow("carol", &["bob"], now - number),
            _ if number.is_multiple_of(2) => unfollow(USER, &["bob"], now - number),
            _ => unfollow("carol", targets, now - number),
        };
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body).is_ok());
    }
    wait_for("all dead letters", || {
        let dead = |record: &&Value| record["outcome"] == "dead_lettered";
        (worker.log_records().iter().filter(dead).count() as u64 == THEIRS + OTHERS).then_some(())
    });
    assert!(everything(&worker).iter().any(|text| text.contains(PART)));

    // All events, and as many dead letters as the step has operations left. Then each delete takes so long that the Worker is killed in
    // the middle of a step that deletes records.
    assert_eq!(step(&worker), json!({"deleted": THEIRS + 37, "more": true, "search_needed": false}));
    slow(&worker.url, &json!({"delete": 100}));
    let url = format!("{}/v1/users/{APP}?user={USER_ENCODED}", worker.url);
    let under_way = thread::spawn(move || while request_api("DELETE", &url, Some(ADMIN_TOKEN)).body["more"] == true {});
    let gone = |worker: &Worker| THEIRS + OTHERS - count_keys(worker, &format!("event/{APP}/"));
    wait_for("a part of the records", || (gone(&worker) > 4).then_some(()));
    assert!(!under_way.is_finished(), "it was over before it could be cut off");
    let home = worker.kill();
    assert!(under_way.join().is_err(), "a Worker that was killed has answered");

    let worker = home.start();
    let deleted = gone(&worker);
    assert!(0 < deleted && deleted < THEIRS, "{deleted} records were deleted, so nothing was cut off");
    erase(&worker);
    nothing_is_left(&worker);
    // And everything of the others is there.
    assert_eq!(count_keys(&worker, "event/"), OTHERS);
    assert_eq!(count_keys(&worker, "dead/"), OTHERS);
    for table in ["events", "deliveries"] {
        assert_eq!(worker.sql(&format!("SELECT count(*) AS n FROM {table}"))[0]["n"], OTHERS, "{table}");
    }
    let totals = worker.sql("SELECT sum(unfollows) AS n FROM hourly_totals");
    assert_eq!(totals[0]["n"], OTHERS);
}
