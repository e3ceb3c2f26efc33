//! The erasure of a user: in steps, in KV before D1, and nothing is left of the id whatever fails in between.

use std::rc::Rc;

use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    api::{Api, ApiRequest},
    config::Config,
    database::{
        HOUR_MS, Statement,
        deliveries::{self, Change, State},
        erasures,
        log_state::{self, Name},
        schema::Schema,
    },
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
        message::Message,
    },
    event::{Entry, EventId},
    response::Response,
    sink::Sink,
};

use super::{
    ADMIN, QUERY, TestEvent, add, encoded, is_problem, json_of, log_of, operated, other_app, replayable, request, timed,
};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, paused},
    ports::FakePorts,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, app, config, first_attempt},
};

/// The id that is erased. No other text has a part of it.
const USER: &str = "alice \"\u{5fae}\u{4fe1}\"";

/// One call, which has at most 50 operations.
fn step(config: &Config, kv: &FakeKv, database: &Sqlite) -> Response {
    database.operations.take();
    let (path, query) = (format!("/v1/users/{APP}"), format!("user={}", encoded(USER)));
    let request = ApiRequest { query: &query, ..request("DELETE", &path) };
    let response = timed(config, kv, None, Some(database), request).0;
    let operations = kv.take_operations().len() + database.operations.take().len();
    assert!(operations <= 50, "{operations} operations");
    response
}

/// What a step answers that has deleted so many, of a log that is complete.
fn answer(deleted: u64, more: bool) -> Value {
    json!({ "deleted": deleted, "more": more, "search_needed": false })
}

/// Calls until there is no more. How many were deleted, and by how many calls.
fn erase(config: &Config, kv: &FakeKv, database: &Sqlite) -> (u64, usize) {
    let mut deleted = 0;
    for calls in 1..100 {
        let response = step(config, kv, database);
        assert_eq!(response.status, 200, "{response:?}");
        let answer = json_of(&response);
        deleted += answer["deleted"].as_u64().unwrap();
        if answer["more"] == false {
            return (deleted, calls);
        }
    }
    panic!("it does not end")
}

fn letter_of(event: &TestEvent, sink: Sink) -> Entry {
    event.with(app(), QUERY, |event| dead_letter::entry(event, sink, Failure::Status(500), NOW_MS, None))
}

/// Whether KV has the id, also with its characters escaped.
fn kv_has_user(kv: &FakeKv) -> bool {
    let quoted = Value::from(USER).to_string();
    let inner = &quoted[1..quoted.len() - 1];
    let twice = Value::from(quoted.as_str()).to_string();
    let texts = [USER, inner, &twice[1..twice.len() - 1]];
    let (values, listed) = (kv.values.borrow(), kv.listed.borrow());
    values.iter().chain(listed.iter()).any(|(key, value)| texts.iter().any(|it| key.contains(it) || value.contains(it)))
}

/// Events of the user and of others.
fn events(count: u64) -> Vec<TestEvent> {
    let event = |n: u64| match n % 4 {
        0 => TestEvent::between(USER, "b", NOW_MS - n),
        1 => TestEvent::between("b", USER, NOW_MS - n),
        2 => TestEvent { to: vec!["c".into(), USER.into(), "d".into()], ..TestEvent::at(NOW_MS - n) },
        _ => TestEvent::between("b", "c", NOW_MS - n),
    };
    (0..count).map(event).collect()
}

#[test]
fn nothing_is_left_of_the_id_and_nothing_else_is_gone() {
    for (count, letters) in [(0, 0), (3, 1), (40, 40), (160, 100), (400, 30)] {
        let events = events(count);
        let database = log_of(&events);
        add(&database, other_app(), &[TestEvent::at(NOW_MS)]);
        let kv = FakeKv::having(events.iter().map(TestEvent::entry));
        for (n, event) in events.iter().take(letters).enumerate() {
            let letter = letter_of(event, Sink::VARIANTS[n % 3]);
            kv.add(&letter.key, &letter.value, &letter.metadata);
        }
        let theirs = |event: &&TestEvent| event.is_of(USER, None);
        let others: Vec<_> = events.iter().filter(|event| !event.is_of(USER, None)).cloned().collect();
        let of_letters = events.iter().take(letters).filter(theirs).count();
        let (deleted, calls) = erase(&operated(), &kv, &database);
        assert_eq!(deleted as usize, events.iter().filter(theirs).count() + of_letters, "{count} events");
        assert!(count < 40 || calls > 1);
        assert!(!kv_has_user(&kv) && !database.has_text("alice"), "{count} events");

        let expected = log_of(&others);
        add(&expected, other_app(), &[TestEvent::at(NOW_MS)]);
        for table in ["events", "event_users", "hourly_counts", "hourly_totals", "deliveries", "erasures"] {
            assert_eq!(database.log_table(table), expected.log_table(table), "{table}");
        }
        let staying = others.iter().map(|event| event.entry().key);
        let letters = events.iter().take(letters).enumerate().filter(|(_, event)| !theirs(event));
        let mut staying: Vec<_> =
            staying.chain(letters.map(|(n, event)| letter_of(event, Sink::VARIANTS[n % 3]).key)).collect();
        staying.sort();
        assert_eq!(kv.keys(), staying);
    }
}

/// Also of rows whose record is damaged. Whose record KV still has is not known then, so that it is to be searched.
#[test]
fn an_event_whose_row_is_damaged_is_erased_too() {
    for damage in ["''", "'{'", "'{}'", "'null'"] {
        for is_user in [true, false] {
            let events = events(8);
            let (database, kv) = (log_of(&events), FakeKv::having(events.iter().map(TestEvent::entry)));
            let sql = format!("UPDATE events SET record = {damage}, query = '', body = ''");
            database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
            if is_user {
                assert_eq!(erase(&operated(), &kv, &database).0, 6, "{damage}");
                assert!(!kv_has_user(&kv) && !database.has_text("alice"), "{damage}");
                assert_eq!(database.table("events").len(), 2, "{damage}");
            } else {
                for event in &events {
                    let path = format!("/v1/events/{APP}/{}", event.id());
                    assert_eq!(timed(&operated(), &kv, None, Some(&database), request("DELETE", &path)).0.status, 204);
                }
                assert_eq!((database.size(), kv.keys().len()), (0, 0), "{damage}");
            }
        }
    }
}

/// However far it has come: it may have an answer of the origin, which nobody knows the contents of.
#[test]
fn the_delivery_of_an_erased_event_goes_in_every_state() {
    for &state in State::VARIANTS {
        // Soon after its event, and later: the two are stored in different ways.
        for at in [NOW_MS, NOW_MS + HOUR_MS] {
            let event = TestEvent::between(USER, "b", NOW_MS);
            let database = log_of(std::slice::from_ref(&event));
            let answer = Some(format!("no {USER}"));
            let change = Change { last_status: Some(200), answer, ..first_attempt(state, at) };
            let id = EventId::read(&event.id()).unwrap();
            database.execute(deliveries::write(app(), &id, &change));
            assert_eq!(database.table("deliveries").len(), 1);
            erase(&operated(), &FakeKv::having([event.entry()]), &database);
            assert_eq!(database.table("deliveries"), [] as [Value; 0], "{state:?}");
            assert!(!database.has_text("alice"), "{state:?}");
        }
    }
}

/// A dead letter of an event that the log does not have, and letters that cannot be read.
#[test]
fn dead_letters_are_searched_by_content() {
    let theirs = TestEvent::between(USER, "b", NOW_MS);
    let others = TestEvent::between("c", "b", NOW_MS);
    let message = |event: &TestEvent, sink| event.with(app(), QUERY, |event| Message::of(event, sink).text());
    let raw = |id: &str, text: &str| dead_letter::raw_entry(id, text, Failure::Other(Reason::Crashed), NOW_MS, None);
    let escaped: String = USER.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let of_other_app = theirs.with(other_app(), QUERY, |event| Message::of(event, Sink::Origin).text());
    let erased = [
        letter_of(&theirs, Sink::D1),
        raw("m-1", &message(&theirs, Sink::Origin)),
        raw("m-2", &format!("not JSON: {}", Value::from(USER))),
        raw("m-3", &format!(r#"{{"v":2,"sdk_app_id":{APP},"body":{{"x":["{escaped}"]}}}}"#)),
        raw("m-4", &format!(r#"[[{{"a":"{escaped}"}}]]"#)),
    ];
    let staying = [
        letter_of(&others, Sink::Origin),
        raw("n-1", &message(&others, Sink::Origin)),
        raw("n-2", &of_other_app),
        raw("n-3", "not JSON"),
        raw("n-4", &format!(r#"{{"v":2,"body":"{USER_PART}"}}"#)),
    ];
    let kv = FakeKv::having(erased.iter().chain(&staying).cloned());
    let (deleted, _) = erase(&operated(), &kv, &Sqlite::default());
    let mut keys: Vec<_> = staying.into_iter().map(|it| it.key).collect();
    keys.sort();
    assert_eq!((deleted, kv.keys()), (5, keys));
}

/// A part of an id is another id.
const USER_PART: &str = "alice";

/// An id that is a word of our own messages erases no message that only has that word.
#[test]
fn a_word_of_the_message_is_no_id() {
    let event = TestEvent::at(NOW_MS);
    let message = event.with(app(), QUERY, |event| Message::of(event, Sink::D1).text());
    let raw = dead_letter::raw_entry("m-1", &message, Failure::Other(Reason::Crashed), NOW_MS, None);
    for value in [letter_of(&event, Sink::D1).value, raw.value] {
        for user in ["store_d1", "OptPlatform=iOS", "deliver", APP, "500"] {
            assert!(!dead_letter::has_part(&value, app(), user), "{user}");
        }
        for user in ["a", "b"] {
            assert!(dead_letter::has_part(&value, app(), user) && !dead_letter::has_part(&value, other_app(), user));
        }
    }
}

/// Whatever ends a step, the next ones do the rest.
#[test]
fn a_step_that_fails_is_done_again() {
    let config = operated();
    let events = events(30);
    for fails in ["list", "get", "delete"] {
        let database = log_of(&events);
        let letters = events.iter().map(|event| letter_of(event, Sink::Origin));
        let kv = FakeKv::having(events.iter().map(TestEvent::entry).chain(letters));
        kv.fails.set(Some(fails));
        for _ in 0..3 {
            let response = step(&config, &kv, &database);
            assert!(response.status == 503 || json_of(&response)["more"] == true, "{response:?}");
        }
        kv.fails.set(None);
        database.trouble.set(Some(Trouble::Fails));
        is_problem(&step(&config, &kv, &database), 503);
        database.trouble.set(None);
        erase(&config, &kv, &database);
        assert!(!kv_has_user(&kv) && !database.has_text("alice"), "{fails}");
    }
}

/// KV takes some deletes and then no more, as at the end of a day's limit. What is done stays done.
#[test]
fn what_was_deleted_before_a_failure_counts() {
    let (config, events) = (operated(), events(30));
    let database = log_of(&events);
    let kv = FakeKv::having(events.iter().map(TestEvent::entry));
    kv.fails_after.set(Some(("delete", 5)));
    let response = step(&config, &kv, &database);
    // They have left the log, which knows what KV still has.
    assert_eq!(json_of(&response), answer(23, true));
    assert_eq!((database.table("events").len(), kv.keys().len()), (7, 25));
    is_problem(&step(&config, &kv, &database), 503);
    kv.fails_after.set(None);
    erase(&config, &kv, &database);
    assert!(!kv_has_user(&kv) && !database.has_text("alice"));
}

/// The search goes on where it ended; where that is too long ago, KV's cursor may be none any more, and it begins again.
#[test]
fn a_search_that_was_broken_off_goes_on_or_begins_again() {
    let config = operated();
    let letters =
        |user: &'static str| move |n: u64| letter_of(&TestEvent::between(user, "b", NOW_MS - n), Sink::Origin);
    for (noted_at, goes_on) in [(NOW_MS - 59 * 60 * 1000, true), (NOW_MS - 61 * 60 * 1000, false)] {
        let (kv, database) = (FakeKv::having((0..700).map(letters("c"))), Sqlite::default());
        assert_eq!(json_of(&step(&config, &kv, &database)), answer(0, true));
        let noted = database.table("erased")[0].clone();
        let text = |name: &str| noted[name].as_str().unwrap().to_owned();
        database.execute(erasures::note(&text("hash"), Some(&text("position")), noted_at));
        // One that comes before those that were searched. The consumer files none: see `dispatch::what_was_erased_is_not_stored_again`.
        let late = letter_of(&TestEvent::between(USER, "b", NOW_MS + 1), Sink::Origin);
        kv.add(&late.key, &late.value, &late.metadata);
        let (deleted, calls) = erase(&config, &kv, &database);
        assert_eq!((deleted, calls), if goes_on { (0, 1) } else { (1, 2) });
        assert_eq!(database.table("erased")[0]["position"], Value::Null);
    }
}

#[test]
fn without_the_sink_d1_the_log_does_not_know_the_events() {
    let database = log_of(&events(4));
    let kv = FakeKv::default();
    let variables = [
        ("SDK_APP_IDS", APP),
        ("CALLBACK_TOKEN", TOKEN),
        ("ADMIN_TOKEN", ADMIN),
        ("ORIGIN_URL", ORIGIN),
        ("SINKS", "kv"),
    ];
    let config = config(&variables);
    // What it knows is erased, and the answer says that there may be more.
    let expected = json!({ "deleted": 3, "more": false, "search_needed": true });
    assert_eq!(json_of(&step(&config, &kv, &database)), expected);
    assert!(!database.has_text("alice"));
    let path = format!("/v1/users/{APP}");
    let request = ApiRequest { query: "user=alice", ..request("DELETE", &path) };
    is_problem(&timed(&config, &kv, None, None, request).0, 409);
}

/// KV deletes few keys a day on the free plan: where it is no sink, it is asked first.
#[test]
fn where_kv_is_no_sink_it_deletes_only_what_it_has() {
    let events = events(40);
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("SINKS", "d1")];
    let (config, database) = (config(&variables), log_of(&events));
    let kv = FakeKv::having([events[0].entry()]);
    let deletes = Rc::clone(&kv.deletes);
    erase(&config, &kv, &database);
    assert_eq!(*deletes.borrow(), [events[0].entry().key]);
    assert!(!database.has_text("alice"));
}

/// Of more events that have come again than a call has operations: each of them is in both stores afterwards, as it came last.
#[test]
fn events_that_have_come_again_stay_however_many_they_are() {
    for is_logged in [true, false] {
        let (config, database, kv) = (operated(), Sqlite::default(), replayable([]));
        for n in 0..120 {
            let event = TestEvent::between(USER, "b", NOW_MS - n);
            let Entry { key, value, metadata, .. } = event.entry();
            let (received, later) =
                (format!(r#""received_at":{NOW_MS}"#), format!(r#""received_at":{}"#, NOW_MS + HOUR_MS));
            event.with(app(), QUERY, |event| database.insert(event));
            if is_logged {
                // As if it had come between the look at its record and its deletion.
                database.execute(erasures::note_records(app(), USER, &[EventId::read(&event.id()).unwrap()]));
                let sql = format!("UPDATE events SET record = replace(record, '{received}', '{later}')");
                database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
            } else {
                kv.add(&key, &value.replace(&received, &later), &metadata.replace(&received, &later));
            }
        }
        let (_, calls) = erase(&config, &kv, &database);
        assert!(calls > 2, "{calls}");
        assert_eq!((database.count("events"), kv.keys().len()), (120, 120), "{is_logged}");
        assert_eq!(database.table("kv_only"), [] as [Value; 0], "{is_logged}");
        assert!(
            database
                .table("events")
                .iter()
                .all(|row| row["record"].as_str().unwrap().contains(&(NOW_MS + HOUR_MS).to_string()))
        );
    }
}

/// The user whose erasure was measured at its longest: the heaviest of a log of 1,000,000 events.
const HEAVIEST: u64 = 74_075;

/// Erases a user of so many events, each with a record, by calls in a row, where each operation of KV takes so many ms and each of D1
/// 20: how many calls there were. None has more operations than its plan allows, D1's statements included, or takes 10 s.
fn calls_to_erase(plan: &str, takes_ms: u64, events: u64) -> u64 {
    let limit = if plan == "free" { 50 } else { 1_000 };
    let settings =
        [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", "t"), ("ADMIN_TOKEN", ADMIN), ("SINKS", "kv,d1"), ("PLAN", plan)];
    let (config, kv, database) = (config(&settings), FakeKv::default(), Sqlite::default());
    database.execute(log_state::write(&[(Name::CompleteSince, Some("1".to_owned()))]));
    for n in 0..events {
        let event = TestEvent::between(USER, &format!("b{}", n % 97), NOW_MS - n);
        event.with(app(), QUERY, |event| database.insert(event));
        let Entry { key, value, metadata, .. } = event.entry();
        kv.add(&key, &value, &metadata);
    }
    kv.takes_ms.set(takes_ms);
    database.takes_ms.set(20);
    let (path, query) = (format!("/v1/users/{APP}"), format!("user={}", encoded(USER)));
    let (deleted, calls) = paused(async {
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
        let api = Api { config: &config, ports: &ports, schema: &Schema::default(), pace: &Default::default() };
        let mut deleted = 0;
        for calls in 1.. {
            kv.take_operations();
            database.operations.take();
            let begun = ports.clock.elapsed();
            let left = (database.count("events"), kv.values.borrow().len());
            let response = api.answer(ApiRequest { query: &query, ..request("DELETE", &path) }).await;
            assert_eq!(response.status, 200, "{response:?}");
            let operations = kv.take_operations().len() + database.operations.take().len();
            assert!(operations <= limit && ports.clock.elapsed() - begun < 10_000, "{operations} operations");
            let answer = json_of(&response);
            deleted += answer["deleted"].as_u64().unwrap();
            if answer["more"] == false {
                assert_eq!(answer["search_needed"], false);
                return (deleted, calls);
            }
            let now = (database.count("events"), kv.values.borrow().len());
            assert!(now.0 < left.0 || now.1 < left.1, "no progress: {now:?}");
        }
        unreachable!()
    });
    assert_eq!(deleted, events);
    assert!(kv.keys().is_empty() && !database.has_text("alice"));
    assert_eq!(kv.most_under_way.get(), 6);
    calls
}

/// Of 4,000 events: as many calls as the same share of the heaviest user's, and ten more, as nothing is deleted from KV in the first two
/// seconds.
#[test]
fn the_erasure_of_a_heavy_user_takes_few_calls() {
    const EVENTS: u64 = 4_000;
    for (plan, takes_ms, most) in [("paid", 20, 150), ("paid", 260, 500), ("free", 20, 1_900), ("free", 260, 1_900)] {
        let calls = calls_to_erase(plan, takes_ms, EVENTS);
        println!("{plan}, {takes_ms} ms: {calls} calls");
        assert!(calls <= (most * EVENTS).div_ceil(HEAVIEST) + 10, "{plan}, {takes_ms} ms: {calls} calls");
    }
}

#[test]
#[ignore = "74,075 events take some minutes"]
fn the_erasure_of_the_heaviest_user_takes_so_many_calls() {
    for (plan, takes_ms, most) in [("paid", 20, 150), ("paid", 260, 500), ("free", 20, 1_900), ("free", 260, 1_900)] {
        let calls = calls_to_erase(plan, takes_ms, HEAVIEST);
        println!("{plan}, {takes_ms} ms: {calls} calls");
        assert!(calls <= most, "{plan}, {takes_ms} ms: {calls} calls");
    }
}
