//! The event log is rebuilt from KV.

use serde_json::{Value, json};
use unfollow_webhook::{api::ApiRequest, database::Statement, event::Entry, response::Response};

use super::{
    ADMIN, TestEvent, add, is_problem, json_of, log_of, numbered_dead_letter, operated, other_app, request, timed,
};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, FakeSink, Plan},
    samples::{APP, NOW_MS, app, config},
};

const TABLES: [&str; 4] = ["events", "event_users", "hourly_counts", "hourly_totals"];

fn reindex(kv: &FakeKv, database: &Sqlite, query: &str) -> Response {
    timed(&operated(), kv, None, Some(database), ApiRequest { query, ..request("POST", "/v1/reindex") }).0
}

/// Calls as long as there is a cursor: how many events were indexed, and by how many calls. Each call stays within fifty
/// operations.
fn reindex_all(kv: &FakeKv, database: &Sqlite) -> (u64, usize) {
    let (mut indexed, mut query) = (0, String::new());
    for calls in 1.. {
        kv.take_operations();
        database.operations.take();
        let response = reindex(kv, database, &query);
        let answer = json_of(&response);
        assert_eq!((response.status, answer.as_object().unwrap().len()), (200, 3), "{answer}");
        let operations = kv.take_operations();
        assert!(operations.len() + database.operations.take().len() <= 50);
        indexed += answer["indexed"].as_u64().unwrap();
        let Some(cursor) = answer["cursor"].as_str() else { return (indexed, calls) };
        query = format!("cursor={cursor}");
    }
    unreachable!()
}

fn events(count: u64) -> Vec<TestEvent> {
    (0..count).map(|n| TestEvent::between(&format!("user{}", n % 7), "b", NOW_MS - n * 1000)).collect()
}

#[test]
fn the_log_is_rebuilt_from_kv_500_keys_a_call_and_a_repeat_changes_nothing() {
    for (count, calls) in [(0, 1), (1, 1), (500, 1), (501, 2), (1_100, 3)] {
        let events = events(count);
        let (kv, database) = (FakeKv::having(events.iter().map(TestEvent::entry)), Sqlite::default());
        let expected = log_of(&events);
        for _ in 0..2 {
            assert_eq!(reindex_all(&kv, &database), (count, calls));
            for table in TABLES {
                assert_eq!(database.log_table(table), expected.log_table(table), "{count} {table}");
            }
        }
    }
}

#[test]
fn what_is_in_the_log_and_not_in_kv_stays() {
    let events = events(30);
    let (kv, database) = (FakeKv::having(events[..20].iter().map(TestEvent::entry)), log_of(&events[10..]));
    assert_eq!(reindex_all(&kv, &database), (20, 1));
    for table in TABLES {
        assert_eq!(database.log_table(table), log_of(&events).log_table(table));
    }
}

/// The keys of each app, those that this Worker cannot have written, those that are still listed, and dead letters.
#[test]
fn foreign_keys_are_passed_over() {
    let events = events(50);
    let kv = FakeKv::having(events.iter().map(TestEvent::entry));
    let of_other_app = TestEvent::at(NOW_MS).with(other_app(), "", |event| event.entry(None, NOW_MS));
    kv.add(&of_other_app.key, &of_other_app.value, &of_other_app.metadata);
    let dead_letter = numbered_dead_letter(0).0;
    kv.add(&dead_letter.key, &dead_letter.value, &dead_letter.metadata);
    for (n, value) in [
        "",
        "x",
        "{}",
        "[]",
        "null",
        r#"{"sdk_app_id":1,"received_at":1,"query":"","body":{}}"#,
        r#"{"sdk_app_id":1,"received_at":1,"query":"","body":{"CallbackCommand":"Follow.CallbackAfterFollowDelete"}}"#,
        r#"{"sdk_app_id":1,"received_at":1,"query":"CallbackCommand=State.StateChange","body":{}}"#,
    ]
    .iter()
    .enumerate()
    {
        kv.add(&format!("event/{APP}/0{n}"), value, "{}");
        kv.add(&format!("event/{n}"), value, "{}");
    }
    kv.list_only(&format!("event/{APP}/1"), "{}");
    let database = Sqlite::default();
    let (indexed, calls) = reindex_all(&kv, &database);
    // A key that does not say what it holds has an event all the same where its value is one.
    assert_eq!((indexed, calls), (51, 1));
    let expected = log_of(&events);
    TestEvent::at(NOW_MS).with(other_app(), "", |event| expected.insert(event));
    for table in TABLES {
        assert_eq!(database.log_table(table), expected.log_table(table), "{table}");
    }
}

/// KV may list a page without keys, and with a cursor.
#[test]
fn an_empty_page_is_not_the_end() {
    let kv = FakeKv::default();
    kv.has_empty_last_page.set(true);
    kv.list_max.set(40);
    let events = events(40);
    events.iter().map(TestEvent::entry).for_each(|it| kv.add(&it.key, &it.value, &it.metadata));
    let database = Sqlite::default();
    assert_eq!(reindex_all(&kv, &database), (40, 2));
    // A page in which nothing is an event is a step too, which D1 has to know of.
    let response = reindex(&FakeKv::default(), &database, "");
    assert_eq!((response.status, json_of(&response)), (200, json!({ "indexed": 0, "mended": 0, "cursor": null })));
    database.trouble.set(Some(Trouble::Fails));
    is_problem(&reindex(&FakeKv::default(), &database, ""), 503);
}

#[test]
fn what_fails_is_503_and_indexes_nothing_of_its_page() {
    let events = events(3);
    let full = || FakeKv::having(events.iter().map(TestEvent::entry));
    for operation in ["list", "get"] {
        let (kv, database) = (full(), Sqlite::default());
        kv.fails.set(Some(operation));
        is_problem(&reindex(&kv, &database, ""), 503);
        assert_eq!(database.size(), 0);
    }
    let database = Sqlite::default();
    database.trouble.set(Some(Trouble::Fails));
    is_problem(&reindex(&full(), &database, ""), 503);
    let response = reindex(&full(), &Sqlite::without_schema(), "");
    is_problem(&response, 503);
    assert!(response.body.contains("apply the migrations to DB"));
    is_problem(&reindex(&full(), &database, "app=1400000000"), 400);
}

/// An event that comes by webhook and by reindexing at the same time is counted once.
#[test]
fn an_event_counts_once_however_it_comes() {
    let events = events(5);
    let (kv, database) = (FakeKv::having(events.iter().map(TestEvent::entry)), Sqlite::default());
    for _ in 0..3 {
        add(&database, app(), &events);
        reindex_all(&kv, &database);
    }
    assert_eq!(database.log_table("hourly_totals"), log_of(&events).log_table("hourly_totals"));
}

/// A row whose texts are not those of KV, which may be no JSON any more, becomes as KV has it, and its counts stay.
#[test]
fn a_row_that_differs_from_kv_is_mended() {
    let events = events(3);
    let kv = FakeKv::having(events.iter().map(TestEvent::entry));
    let expected = log_of(&events);
    for damage in [
        "body = replace(body, '{', '{' || char(10))",
        "body = ''",
        "query = 'x'",
        "record = substr(record, 1, 40)",
        "record = '', query = '', body = 'null'",
    ] {
        let database = log_of(&events);
        let sql = format!("UPDATE events SET {damage}");
        database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
        assert_ne!(database.table("events"), expected.table("events"), "{damage}");
        assert_eq!(reindex_all(&kv, &database), (3, 1));
        for table in TABLES {
            assert_eq!(database.log_table(table), expected.log_table(table), "{damage} {table}");
        }
    }
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Takes every put.
fn kv_of(entries: &[Entry], metadata: impl Fn(&Entry) -> String) -> FakeKv {
    let kv = FakeKv::with(FakeSink::always(Plan::Succeeds(0)));
    entries.iter().for_each(|it| kv.add(&it.key, &it.value, &metadata(it)));
    kv
}

/// As after a restore of values alone: each key is put once more, with its metadata and the expiry that the setting gives it.
#[test]
fn keys_without_metadata_get_it_and_their_expiry_again() {
    let settings = [("RETENTION_DAYS", "60"), ("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", "t"), ("ADMIN_TOKEN", ADMIN)];
    let config = config(&settings);
    let retention = Some(60 * DAY_SECONDS);
    let events = events(100);
    let of_event = |event: &TestEvent| event.with(app(), "", |event| event.entry(retention, NOW_MS));
    let of_letter = |n| Entry { expiration: Some((NOW_MS + 9) / 1000 + 60 * DAY_SECONDS), ..numbered_dead_letter(n).0 };
    let entries: Vec<_> = events.iter().map(of_event).chain((0..30).map(of_letter)).collect();
    let kv = kv_of(&entries, |_| "null".into());
    let others = [numbered_dead_letter(40).0, TestEvent::between("x", "y", NOW_MS).entry()];
    others.iter().for_each(|it| kv.add(&it.key, &it.value, &it.metadata));
    // What this Worker does not write has no metadata that it would know.
    for key in [format!("event/{APP}/x"), format!("dead/{APP}/x"), "dead/0/y".to_owned()] {
        kv.add(&key, "no JSON", "null");
    }

    let database = Sqlite::default();
    let (mut mended, mut query) = (0, String::new());
    for calls in 1.. {
        kv.take_operations();
        let puts = kv.puts.begun().len();
        let ask = ApiRequest { query: &query, ..request("POST", "/v1/reindex") };
        let answer = json_of(&timed(&config, &kv, None, Some(&database), ask).0);
        let operations = kv.take_operations().len() + kv.puts.begun().len() - puts + database.operations.take().len();
        assert!((1..=50).contains(&operations), "{operations}");
        mended += answer["mended"].as_u64().unwrap();
        let Some(cursor) = answer["cursor"].as_str() else { break };
        query = format!("cursor={cursor}");
        assert!(calls < 20, "it does not end");
    }
    assert_eq!(mended, 130);
    let by_key = |entry: &Entry| entry.key.clone();
    let (mut put, mut expected) = (kv.puts.entries(), entries);
    put.sort_by_key(by_key);
    expected.sort_by_key(by_key);
    // Whatever the order of the metadata's members.
    for entry in put.iter_mut().chain(&mut expected) {
        entry.metadata = serde_json::from_str::<Value>(&entry.metadata).unwrap().to_string();
    }
    assert_eq!(put, expected);
    assert_eq!(database.table("events").len(), 101);

    // Nothing is left to do.
    assert_eq!(reindex_all(&kv, &database).0, 101);
    assert_eq!(kv.puts.begun().len(), 130);
}

/// A million keys take 2,000 calls on the free plan, and 1,000 on the paid one, however long their bodies are in all.
#[test]
fn a_call_reads_as_many_keys_as_its_operations_allow() {
    for (plan, keys) in [("free", 500), ("paid", 1_000)] {
        let events = events(keys + 1);
        let (kv, database) = (FakeKv::having(events.iter().map(TestEvent::entry)), Sqlite::default());
        let settings = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", "t"), ("ADMIN_TOKEN", ADMIN), ("PLAN", plan)];
        let answer = json_of(&timed(&config(&settings), &kv, None, Some(&database), request("POST", "/v1/reindex")).0);
        assert_eq!(answer["indexed"], keys, "{plan}");
        let gets = kv.take_operations().into_iter().filter(|operation| operation == "get 100 keys").count();
        assert_eq!(gets as u64, keys / 100);
    }
}

/// Events as long as they may be are added by more statements, each below what D1 takes as one text.
#[test]
fn long_events_are_added_in_parts() {
    let long = |n: u64| {
        let body = format!(r#","Long":"{}""#, "\\\"".repeat(30_000));
        let event = TestEvent::between("a", "b", NOW_MS - n);
        let entry = event.entry();
        let value =
            entry.value.replacen(r#""EventTime""#, &format!(r#"{}"EventTime""#, &format!("{},", &body[1..])), 1);
        Entry { value, ..entry }
    };
    let kv = FakeKv::having((0..150).map(long));
    let database = Sqlite::default();
    let (indexed, calls) = reindex_all(&kv, &database);
    assert_eq!(indexed, 150);
    assert!(calls > 1, "{calls}");
    assert_eq!(database.table("events").len(), 150);
    assert!(database.longest_text.get() > 500_000 && database.longest_text.get() < 2_000_000);
}
