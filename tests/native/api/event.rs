//! One event: read from D1 or KV, erased everywhere, and replayed.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    database::Statement,
    delivery::{dead_letter, failure::Failure, message::Message},
    event::{Entry, Event},
    response::Response,
    sink::Sink,
    webhook::command::Kind,
};

use super::{
    OTHER_APP, QUERY, TestEvent, a_queue, add, any_event, encoded, is_problem, json_of, log_of, operated, other_app,
    request, timed,
};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, FakeQueue},
    samples::{APP, FOLLOW, NOW_MS, UNFOLLOW, app, event, query},
};

/// Asks for the event of this id.
fn ask(method: &str, id: &str, kv: &FakeKv, database: Option<&Sqlite>, queue: Option<&FakeQueue>) -> Response {
    let (id, action) = id.split_once('/').map_or((id, String::new()), |(id, action)| (id, format!("/{action}")));
    timed(&operated(), kv, queue, database, request(method, &format!("/v1/events/{APP}/{id}{action}"))).0
}

/// A database with this event.
fn logged(event: &Event<'_>) -> Sqlite {
    let database = Sqlite::default();
    database.insert(event);
    database
}

/// A body like `UNFOLLOW` or `FOLLOW` that has more in it.
fn body_with(kind: Kind, more: &str) -> String {
    let body = if kind == Kind::Unfollow { UNFOLLOW } else { FOLLOW };
    format!("{{{more}{}", &body[1..])
}

/// The record as it is read where D1 answers, and has no delivery of the event.
fn undelivered(record: &str) -> String {
    format!(r#"{},"delivery":null}}"#, record.strip_suffix('}').unwrap())
}

/// The message that sends a stored event to the origin, and ends the dead letter that it may have.
fn replaying(event: &Event<'_>) -> String {
    Message::of(event, Sink::Origin).replaying(dead_letter::key(event.app(), event.id(), Sink::Origin)).text()
}

#[test]
fn an_event_is_read_with_its_query_and_body() {
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let (id, entry) = (event.id().to_string(), event.entry(None, NOW_MS));
    let (database, kv) = (logged(&event), FakeKv::default());
    let response = ask("GET", &id, &kv, Some(&database), None);
    assert_eq!((response.status, response.content_type), (200, "application/json"));
    assert_eq!(response.body, undelivered(&entry.value));
    assert_eq!(json_of(&response)["body"], serde_json::from_str::<Value>(UNFOLLOW).unwrap());
    // KV is not asked for what D1 has.
    assert!(kv.operations.borrow().is_empty());
}

/// Where the event is, what D1 does, and the status.
#[test]
fn an_event_is_read_from_d1_or_kv() {
    let test_event = TestEvent::at(NOW_MS);
    let (id, entry) = (test_event.id(), test_event.entry());
    let full = || log_of([&test_event]);
    let troubled = |database: Sqlite| {
        database.trouble.set(Some(Trouble::Fails));
        database
    };
    for (database, is_in_kv, status, reads_kv) in [
        (Some(full()), true, 200, false),
        (Some(full()), false, 200, false),
        (Some(Sqlite::default()), true, 200, true),
        (Some(Sqlite::default()), false, 404, true),
        (Some(troubled(full())), true, 200, true),
        // It may be there.
        (Some(troubled(full())), false, 503, true),
        (Some(Sqlite::without_schema()), true, 200, true),
        (Some(Sqlite::without_schema()), false, 503, true),
        (None, true, 200, true),
        (None, false, 404, true),
    ] {
        let kv = FakeKv::having(Some(entry.clone()).filter(|_| is_in_kv));
        let response = ask("GET", &id, &kv, database.as_ref(), None);
        if status == 200 {
            // Without D1 it is not known whether there is a delivery.
            let is_known = database.as_ref().is_some_and(|it| it.trouble.get().is_none() && it.has_schema());
            let expected = if is_known { undelivered(&entry.value) } else { entry.value.clone() };
            assert_eq!((response.status, &*response.body), (200, &*expected));
        } else {
            is_problem(&response, status);
        }
        let expected = if reads_kv { vec![format!("get {}", entry.key)] } else { vec![] };
        assert_eq!(kv.take_operations(), expected);
    }
    // D1 does not have it, and KV fails.
    let kv = FakeKv::having([entry]);
    kv.fails.set(Some("get"));
    is_problem(&ask("GET", &id, &kv, Some(&Sqlite::default()), None), 503);
    assert_eq!(ask("GET", &id, &kv, Some(&full()), None).status, 200);
}

/// What D1 or KV has of an event may be damaged: it is never passed on as if it were the record.
#[test]
fn a_damaged_row_is_read_from_kv_and_never_answered() {
    let test_event = TestEvent::at(NOW_MS);
    let (id, entry) = (test_event.id(), test_event.entry());
    let other = TestEvent::at(NOW_MS - 1).entry().value;
    for damage in [
        "body = replace(body, ':', ':' || char(1))",
        "body = substr(body, 2)",
        "body = ''",
        "body = 'null'",
        "body = body || ','",
        "record = '{}'",
        "record = ''",
        "record = replace(record, 'a', char(10))",
    ] {
        let database = log_of([&test_event]);
        database.execute(Statement { sql: format!("UPDATE events SET {damage}").into(), parameters: Vec::new() });
        for (in_kv, status) in [
            (Some(&*entry.value), 200),
            (None, 409),
            (Some(""), 409),
            (Some("[]"), 409),
            (Some(&entry.value[..entry.value.len() - 1]), 409),
            (Some(&*other), 409),
        ] {
            let kv = FakeKv::default();
            in_kv.iter().for_each(|value| kv.add(&entry.key, value, &entry.metadata));
            let response = ask("GET", &id, &kv, Some(&database), None);
            if status == 200 {
                assert_eq!((response.status, &*response.body), (200, &*undelivered(&entry.value)), "{damage}");
            } else {
                is_problem(&response, status);
                assert!(response.body.contains("damaged"), "{}", response.body);
            }
        }
    }
}

#[test]
fn what_is_no_id_is_not_found_without_reading() {
    let id = TestEvent::at(NOW_MS).id();
    let (kv, database) = (FakeKv::having([TestEvent::at(NOW_MS).entry()]), log_of(&[TestEvent::at(NOW_MS)]));
    add(&database, other_app(), &[TestEvent::at(NOW_MS)]);
    let size = database.size();
    let upper = id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A");
    for path in [
        format!("{APP}/x"),
        format!("{APP}/"),
        format!("{APP}/{id}0"),
        format!("{APP}/{}", &id[1..]),
        format!("{APP}/{upper}"),
        format!("{APP}/{id}-store_kv"),
        format!("{APP}/{}", id.replace('-', "%2D")),
        format!("{APP}/../{id}"),
        format!("0{APP}/{id}"),
        format!("/{id}"),
    ] {
        let path = format!("/v1/events/{path}");
        for method in ["GET", "DELETE"] {
            is_problem(&timed(&operated(), &kv, None, Some(&database), request(method, &path)).0, 404);
        }
    }
    assert!(kv.operations.borrow().is_empty() && database.operations.borrow().is_empty());
    assert_eq!((kv.keys().len(), database.size()), (1, size));
}

/// Members that a body may have besides those that are read.
fn members() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(" \t\n\r".to_owned()),
        Just("\"x\":1E400,".to_owned()),
        Just("\"x\" : [1.50, 1.0e+07 ,-0,12345678901234567890123],\n".to_owned()),
        Just("\"x\":\"\\ud800\\u0000\\/\\u00e9\",".to_owned()),
        Just("\"x\":\"caf\u{e9} cafe\u{301} \u{1f642}\u{2028}\",".to_owned()),
        Just("\"x\":1,\"x\":2,\"record\":\"}\",".to_owned()),
        (1..900_usize).prop_map(|depth| format!("\"x\":{}{},", "[".repeat(depth), "]".repeat(depth))),
        "[a-z{}'\"?%;]{0,12}".prop_map(|text| format!("\"y\":{},", json!(text))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_record_that_is_rebuilt_from_d1_is_that_of_kv_byte_for_byte(
        kind in proptest::sample::select(Kind::VARIANTS),
        more in members(),
        query in prop_oneof![
            Just(String::new()),
            Just("&&x=%zz&x=2&'=\"\\".to_owned()),
            ("[a-z0-9]{0,9}", "\\PC{0,20}").prop_map(|(platform, id)| format!("OptPlatform={platform}&RequestId={}", encoded(&id))),
        ],
    ) {
        let body = body_with(kind, &more);
        let event = event(&query, kind, body.as_bytes());
        let (entry, id) = (event.entry(None, NOW_MS), event.id().to_string());
        let kv = FakeKv::having([entry.clone()]);
        let from_kv = ask("GET", &id, &kv, None, None);
        let from_d1 = ask("GET", &id, &FakeKv::default(), Some(&logged(&event)), None);
        prop_assert_eq!(&from_kv.body, &entry.value);
        prop_assert_eq!(&from_d1.body, &undelivered(&entry.value));
        // And what is replayed from it is what came.
        let queue = a_queue();
        let replayed = ask("POST", &format!("{id}/replay"), &FakeKv::default(), Some(&logged(&event)), Some(&queue));
        prop_assert_eq!(replayed.status, 200);
        prop_assert_eq!(queue.entries(), [replaying(&event)]);
    }

    #[test]
    fn any_event_is_read_from_d1_as_from_kv(event in any_event()) {
        let (database, id) = (log_of([&event]), event.id());
        let read = ask("GET", &id, &FakeKv::default(), Some(&database), None).body;
        prop_assert_eq!(&*read, undelivered(&event.entry().value));
    }
}

/// Deeper than SQLite parses, and as long as a body may be.
#[test]
fn a_deep_and_a_long_body_come_back_byte_for_byte() {
    let deep = format!("\"x\":{}{},", "[".repeat(20_000), "]".repeat(20_000));
    let long = format!("\"x\":\"{}\",", "\u{1f642}".repeat(16_000));
    for more in [deep, long] {
        let body = body_with(Kind::Unfollow, &more);
        let event = event(QUERY, Kind::Unfollow, body.as_bytes());
        let response = ask("GET", event.id().as_str(), &FakeKv::default(), Some(&logged(&event)), None);
        assert_eq!((response.status, &*response.body), (200, &*undelivered(&event.entry(None, NOW_MS).value)));
        assert!(response.body.contains(&body));
    }
}

#[test]
fn an_erased_event_is_gone_from_kv_d1_and_the_dead_letters_and_nothing_else_is() {
    let (mine, other) = (TestEvent::at(NOW_MS), TestEvent::at(NOW_MS + 1));
    let keys = |event: &TestEvent| -> Vec<String> {
        event.with(app(), QUERY, |event| {
            let letter = |sink: &Sink| dead_letter::entry(event, *sink, Failure::Status(500), NOW_MS, None).key;
            Sink::VARIANTS.iter().map(letter).chain([event.entry(None, NOW_MS).key]).collect()
        })
    };
    let id = mine.id();
    let suffixes = ["-store_kv", "-store_d1", ""];
    let expected: Vec<_> = suffixes.iter().map(|suffix| format!("dead/{APP}/{id}{suffix}")).collect();
    assert_eq!(keys(&mine)[..3], expected);
    let mut others = keys(&other);
    others.extend([
        format!("event/{OTHER_APP}/{id}"),
        format!("dead/{OTHER_APP}/{id}"),
        format!("dead/0/{id}"),
        format!("event/{APP}/{id}0"),
    ]);
    others.sort();
    let database = log_of([&mine, &other]);
    // One list of all operations.
    let kv = FakeKv { operations: Rc::clone(&database.operations), ..FakeKv::default() };
    for key in others.iter().chain(&keys(&mine)) {
        kv.add(key, "{}", "{}");
    }
    add(&database, other_app(), [&mine]);
    let without = log_of([&other]);
    add(&without, other_app(), [&mine]);
    for is_there in [true, false] {
        let response = ask("DELETE", &id, &kv, Some(&database), None);
        assert_eq!((response.status, &*response.body), (204, ""));
        let operations = kv.take_operations();
        let of_kv: Vec<_> = operations.iter().filter(|it| !it.starts_with("sql")).collect();
        // On the free plan KV deletes 1,000 a day, and reads 100,000.
        let key = format!("event/{APP}/{id}");
        let keys = expected.iter().chain([&key]);
        let wanted = match is_there {
            true => keys.flat_map(|key| [format!("get {key}"), format!("delete {key}")]).collect::<Vec<_>>(),
            false => keys.map(|key| format!("get {key}")).collect(),
        };
        assert_eq!(of_kv, wanted.iter().collect::<Vec<_>>());
        // D1 goes first, so that no call meets the event there and leaves it in KV alone.
        assert_eq!(operations[..2], ["sql INSERT", "sql DELETE"]);
        assert_eq!(kv.keys(), others);
        // With all that it counted.
        for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
            assert_eq!(database.log_table(table), without.log_table(table), "{table}");
        }
    }
    is_problem(&ask("GET", &id, &kv, Some(&database), None), 404);
}

#[test]
fn an_event_of_d1_alone_and_one_of_kv_alone_are_erased() {
    let event = TestEvent::at(NOW_MS);
    let id = event.id();
    let (kv, database) = (FakeKv::default(), log_of([&event]));
    assert_eq!(ask("DELETE", &id, &kv, Some(&database), None).status, 204);
    assert_eq!(database.size(), 0);
    for database in [None, Some(&database)] {
        let kv = FakeKv::having([event.entry()]);
        assert_eq!(ask("DELETE", &id, &kv, database, None).status, 204);
        assert_eq!(kv.keys().len(), 0);
    }
}

/// Nothing is said to be erased that is not; a repeat goes on.
#[test]
fn an_erasure_that_fails_half_way_is_503_and_can_be_repeated() {
    let event = TestEvent::at(NOW_MS);
    let id = event.id();
    let (kv, database) = (FakeKv::having([event.entry()]), log_of([&event]));
    kv.fails.set(Some("delete"));
    is_problem(&ask("DELETE", &id, &kv, Some(&database), None), 503);
    // Whoever erases its users finds it.
    assert_eq!((kv.keys().len(), database.table("kv_only").len()), (1, 2));
    kv.fails.set(None);
    database.trouble.set(Some(Trouble::Fails));
    is_problem(&ask("DELETE", &id, &kv, Some(&database), None), 503);
    database.trouble.set(None);
    assert_eq!(ask("DELETE", &id, &kv, Some(&database), None).status, 204);
    assert_eq!((kv.keys().len(), database.size(), database.table("kv_only").len()), (0, 0, 0));
    is_problem(&ask("DELETE", &id, &kv, Some(&Sqlite::without_schema()), None), 503);
}

#[test]
fn an_event_is_replayed_from_wherever_it_is() {
    let query = format!("{}&&x=%zz", query(Kind::Unfollow.command()));
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let (entry, replay) = (event.entry(None, NOW_MS), format!("{}/replay", event.id()));
    let failing = Sqlite::default();
    failing.trouble.set(Some(Trouble::Fails));
    let having = |entry: &Entry| FakeKv::having([entry.clone()]);
    for (kv, database, status) in [
        (FakeKv::default(), Some(logged(&event)), 200),
        (having(&entry), Some(Sqlite::default()), 200),
        (having(&entry), None, 200),
        (having(&entry), Some(failing), 200),
        (FakeKv::default(), Some(Sqlite::default()), 404),
        (FakeKv::default(), Some(Sqlite::without_schema()), 503),
    ] {
        let queue = a_queue();
        let response = ask("POST", &replay, &kv, database.as_ref(), Some(&queue));
        if status == 200 {
            assert_eq!((response.status, json_of(&response)), (200, json!({ "replayed": 1 })));
            assert_eq!(queue.entries(), [replaying(&event)]);
        } else {
            is_problem(&response, status);
            assert!(queue.entries().is_empty());
        }
        // It stays where it is.
        assert!(!kv.operations.borrow().iter().any(|it| it.starts_with("delete")));
    }
}
