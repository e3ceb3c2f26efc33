//! The deliveries: listed by their latest change, with one state each, and what a replay or a discarded dead letter does to them.

use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    database::deliveries::{self, Change, State},
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
    },
    event::EventId,
    response::Response,
    sink::Sink,
};

use super::{QUERY, TestEvent, a_queue, add, app, get, is_problem, json_of, operated, replayable, request, timed};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, FakeQueue},
    samples::{APP, NOW_MS, first_attempt},
};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn change(state: State, at: u64) -> Change {
    let next_attempt_at = (state == State::Retrying).then_some(at + 40_000);
    Change { attempts: Some(2), last_status: Some(503), next_attempt_at, ..first_attempt(state, at) }
}

fn id_at(time: u64) -> EventId {
    EventId::read(&TestEvent::at(time).id()).unwrap()
}

fn write(database: &Sqlite, event_time: u64, change: &Change) {
    database.execute(deliveries::write(app(), &id_at(event_time), change));
}

/// What a list shows: the time of each event, with the state.
fn listed(database: &Sqlite, query: &str) -> Vec<(u64, String)> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let response = get(database, "/v1/deliveries", &format!("limit=3{query}{cursor}"));
        assert_eq!(response.status, 200, "{response:?}");
        let page = json_of(&response);
        let shown = |it: &Value| {
            let id = EventId::read(it["event_id"].as_str().unwrap()).unwrap();
            (id.event_time(), it["state"].as_str().unwrap().to_owned())
        };
        let deliveries = page["deliveries"].as_array().unwrap();
        assert!(deliveries.len() <= 3);
        found.extend(deliveries.iter().map(shown));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn one(database: &Sqlite) -> Value {
    let [row] = &database.table("deliveries")[..] else { panic!("{:?}", database.table("deliveries")) };
    row.clone()
}

#[test]
fn a_delivery_is_listed_with_its_members() {
    let database = Sqlite::default();
    write(&database, NOW_MS - 9, &change(State::Retrying, NOW_MS));
    let page = json_of(&get(&database, "/v1/deliveries", ""));
    let delivery = json!({
        "sdk_app_id": 1_400_000_000, "event_id": id_at(NOW_MS - 9).as_str(), "state": "retrying", "attempts": 2,
        "last_status": 503, "last_error": null, "answer": null, "next_attempt_at": NOW_MS + 40_000, "updated_at": NOW_MS,
    });
    assert_eq!(page, json!({ "deliveries": [delivery], "cursor": null }));
    // The same members with the event.
    add(&database, app(), &[TestEvent::at(NOW_MS - 9)]);
    let record = json_of(&get(&database, &format!("/v1/events/{APP}/{}", id_at(NOW_MS - 9)), ""));
    assert_eq!(record["delivery"], delivery);
}

/// Those that were done within a day of their event are listed at its time.
#[test]
fn the_latest_change_comes_first() {
    let database = Sqlite::default();
    for (event_time, state, at) in [
        (NOW_MS - 10 * HOUR_MS, State::Retrying, NOW_MS - 5),
        (NOW_MS - 9 * HOUR_MS, State::Dead, NOW_MS - 3),
        (NOW_MS - 33 * HOUR_MS, State::Delivered, NOW_MS - 4),
        (NOW_MS - 7 * HOUR_MS, State::Delivered, NOW_MS - 7 * HOUR_MS + 900),
        (NOW_MS - 6 * HOUR_MS, State::Delivered, NOW_MS - 1),
        (NOW_MS - 5 * HOUR_MS, State::Retrying, NOW_MS - 6),
        (NOW_MS - 40 * HOUR_MS, State::Delivered, NOW_MS - 16 * HOUR_MS),
        (NOW_MS - 41 * HOUR_MS, State::Delivered, NOW_MS - 17 * HOUR_MS + 1),
        // Of an app whose clock is wrong.
        (NOW_MS + 3 * HOUR_MS, State::Delivered, NOW_MS - 2),
    ] {
        write(&database, event_time, &change(state, at));
    }
    let order = |query: &str| -> Vec<i64> {
        let hours = |(time, _): (u64, String)| (time as i64 - NOW_MS as i64) / HOUR_MS as i64;
        listed(&database, query).into_iter().map(hours).collect()
    };
    assert_eq!(order(""), [3, -9, -33, -10, -5, -6, -7, -41, -40]);
    assert_eq!(order("&state=delivered"), [3, -33, -6, -7, -41, -40]);
    assert_eq!(order("&state=retrying"), [-10, -5]);
    assert_eq!(order("&state=dead"), [-9]);
    assert!(listed(&database, "&state=delivered").iter().all(|(_, state)| state == "delivered"));
}

/// A page that ends among deliveries of the same time goes on with the rest of them.
#[test]
fn many_deliveries_of_one_moment_come_once_each() {
    let database = Sqlite::default();
    for n in 0..8_u64 {
        for (state, age) in [(State::Delivered, 0), (State::Delivered, 25 * HOUR_MS), (State::Dead, HOUR_MS)] {
            let hash = format!("{:032x}", n + age + 100 * u64::from(state == State::Dead));
            let id = EventId::of_parts(NOW_MS - age, &hash).unwrap();
            database.execute(deliveries::write(app(), &id, &change(state, NOW_MS)));
        }
    }
    for (query, count) in [("", 24), ("&state=delivered", 16), ("&state=dead", 8)] {
        assert_eq!(listed(&database, query).len(), count, "{query}");
    }
}

/// The stored state, whether a delivery was prompt or late.
fn state_of(database: &Sqlite) -> String {
    one(database)["state"].as_str().unwrap().trim_end_matches("_late").to_owned()
}

#[test]
fn a_delivery_has_one_state() {
    let database = Sqlite::default();
    let states =
        [State::Retrying, State::Dead, State::Retrying, State::DeliveredFail, State::Delivered, State::Delivered];
    for (n, state) in (1..).zip(states) {
        write(&database, NOW_MS, &change(state, NOW_MS + n * MINUTE_MS / 2));
        assert_eq!(state_of(&database), <&str>::from(state), "{n}");
    }
}

/// Another copy of the message knows nothing of what became of this one. Only who wants the event delivered again begins anew.
#[test]
fn what_the_origin_has_never_goes_back_through_another_copy() {
    for accepted in [State::Delivered, State::DeliveredFail] {
        // Soon after its event, and later: the two are stored in different ways.
        for at in [NOW_MS + 1, NOW_MS + HOUR_MS] {
            let database = Sqlite::default();
            write(&database, NOW_MS, &change(accepted, at));
            for (n, state) in (1..).zip([State::Retrying, State::Dead, State::DeliveredFail]) {
                write(&database, NOW_MS, &change(state, at + n));
                assert_eq!(state_of(&database), <&str>::from(accepted), "{state:?}");
            }
            let replay = Change { is_replay: true, ..change(State::Retrying, at + 9) };
            write(&database, NOW_MS, &replay);
            assert_eq!(one(&database)["state"], "retrying");
            write(&database, NOW_MS, &change(State::Dead, at + 10));
            assert_eq!(one(&database)["state"], "dead");
        }
    }
}

/// A replay is noted at a time before its message was sent, so that what the consumer wrote meanwhile stays.
#[test]
fn an_older_change_never_overwrites_a_newer_one() {
    for newer in State::VARIANTS.iter().copied() {
        for older in State::VARIANTS.iter().copied() {
            let database = Sqlite::default();
            write(&database, NOW_MS, &change(newer, NOW_MS + 2));
            write(&database, NOW_MS, &change(older, NOW_MS + 1));
            assert_eq!(
                (&one(&database)["state"], &one(&database)["updated_at"]),
                (&json!(<&str>::from(newer)), &json!(NOW_MS + 2))
            );
            write(&database, NOW_MS, &Change { is_replay: true, ..change(older, NOW_MS + 2) });
            assert_eq!(one(&database)["state"], <&str>::from(older));
        }
    }
}

#[test]
fn without_a_number_there_are_as_many_attempts_as_before() {
    let database = Sqlite::default();
    let dead = Change { attempts: None, ..change(State::Dead, NOW_MS + 1) };
    write(&database, NOW_MS, &dead);
    assert_eq!(one(&database)["attempts"], 0);
    write(&database, NOW_MS, &change(State::Retrying, NOW_MS + 2));
    write(&database, NOW_MS, &Change { at: NOW_MS + 3, ..dead });
    assert_eq!((&one(&database)["attempts"], &one(&database)["state"]), (&json!(2), &json!("dead")));
}

/// Its message has expired, or what became of it was not written.
#[test]
fn an_attempt_that_is_over_three_hours_late_is_overdue() {
    let database = Sqlite::default();
    for (event_time, late) in [(NOW_MS, 3 * HOUR_MS), (NOW_MS - 1, 3 * HOUR_MS + 1)] {
        let next_attempt_at = Some(NOW_MS - late);
        write(&database, event_time, &Change { next_attempt_at, ..change(State::Retrying, NOW_MS - 4 * HOUR_MS) });
    }
    let states: Vec<_> = listed(&database, "&state=retrying").into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["retrying", "overdue"]);
}

#[test]
fn a_cursor_belongs_to_its_query() {
    let database = Sqlite::default();
    (0..5).for_each(|n| write(&database, NOW_MS - n, &change(State::Dead, NOW_MS)));
    let page = json_of(&get(&database, "/v1/deliveries", "limit=2&state=dead"));
    let cursor = page["cursor"].as_str().unwrap();
    for query in [format!("cursor={cursor}"), format!("state=retrying&cursor={cursor}"), "cursor=00".to_owned()] {
        is_problem(&get(&database, "/v1/deliveries", &query), 400);
    }
    for query in ["state=unknown", "state=overdue", "state=x", "limit=0", "limit=1001", "user=a"] {
        is_problem(&get(&database, "/v1/deliveries", query), 400);
    }
    assert_eq!(listed(&database, "&state=dead").len(), 5);
}

fn act(method: &str, path: &str, kv: &FakeKv, queue: &FakeQueue, database: &Sqlite) -> Response {
    timed(&operated(), kv, Some(queue), Some(database), request(method, path)).0
}

fn letter(event: &TestEvent, sink: Sink) -> (String, FakeKv) {
    let entry = event.with(app(), QUERY, |event| dead_letter::entry(event, sink, Failure::Status(500), NOW_MS, None));
    (entry.key.strip_prefix("dead/").unwrap().to_owned(), replayable([entry]))
}

#[test]
fn a_replayed_delivery_is_retrying() {
    let event = TestEvent::at(NOW_MS - 5);
    let (path, kv) = letter(&event, Sink::Origin);
    let events_kv = replayable([event.entry()]);
    let dead = change(State::Dead, NOW_MS - 1);
    for (path, kv) in [
        (format!("/v1/dead-letters/{path}/replay"), &kv),
        (format!("/v1/dead-letters/{APP}/replay"), &letter(&event, Sink::Origin).1),
        (format!("/v1/events/{APP}/{}/replay", event.id()), &events_kv),
    ] {
        let (queue, database) = (a_queue(), Sqlite::default());
        write(&database, event.time, &dead);
        assert_eq!(act("POST", &path, kv, &queue, &database).status, 200, "{path}");
        let row = one(&database);
        let expected = json!({
            "app": 1_400_000_000, "state": "retrying", "event_time": event.time, "hash": id_at(event.time).hash(),
            "attempts": 0, "last_status": null, "last_error": null, "answer": null, "next_attempt_at": NOW_MS, "updated_at": NOW_MS,
            "retrying_since": NOW_MS,
        });
        assert_eq!(row, expected, "{path}");
    }
    // The queue fails: nothing has changed.
    let (queue, database) = (FakeQueue::taking(0), Sqlite::default());
    write(&database, event.time, &dead);
    let path = format!("/v1/events/{APP}/{}/replay", event.id());
    is_problem(&act("POST", &path, &events_kv, &queue, &database), 503);
    assert_eq!(one(&database)["state"], "dead");
    // A job of another kind is no delivery.
    let (path, kv) = letter(&event, Sink::Kv);
    assert_eq!(act("POST", &format!("/v1/dead-letters/{path}/replay"), &kv, &a_queue(), &database).status, 200);
    assert_eq!(one(&database)["state"], "dead");
}

/// The message is on the queue, whatever D1 does.
#[test]
fn a_replay_does_not_depend_on_d1() {
    let event = TestEvent::at(NOW_MS - 5);
    for trouble in [Trouble::Fails, Trouble::Hangs] {
        let ((path, kv), queue, database) = (letter(&event, Sink::Origin), a_queue(), Sqlite::default());
        database.trouble.set(Some(trouble));
        let (response, took) = timed(
            &operated(),
            &kv,
            Some(&queue),
            Some(&database),
            request("POST", &format!("/v1/dead-letters/{path}/replay")),
        );
        assert_eq!((response.status, queue.entries().len(), kv.keys().len()), (200, 1, 1), "{trouble:?}");
        // To ask what was erased, and to write the delivery.
        assert!(took <= 2 * 2_000, "{took} ms");
    }
}

#[test]
fn a_discarded_dead_letter_is_gone_with_its_delivery() {
    let event = TestEvent::at(NOW_MS - 5);
    for (sink, state, stays) in [
        (Sink::Origin, State::Dead, false),
        // The event was replayed meanwhile.
        (Sink::Origin, State::Retrying, true),
        (Sink::Kv, State::Dead, true),
    ] {
        let ((path, kv), queue, database) = (letter(&event, sink), a_queue(), Sqlite::default());
        write(&database, event.time, &change(state, NOW_MS));
        write(&database, event.time + 1, &change(State::Dead, NOW_MS));
        for _ in 0..2 {
            let response = act("DELETE", &format!("/v1/dead-letters/{path}"), &kv, &queue, &database);
            assert_eq!((response.status, &*response.body), (204, ""));
        }
        assert!(kv.keys().is_empty() && queue.entries().is_empty());
        assert_eq!(database.table("deliveries").len(), 1 + usize::from(stays), "{sink:?} {state:?}");
    }
    // A message that could not be read.
    let raw = dead_letter::raw_entry("m-1", "poison", Failure::Other(Reason::Unreadable), NOW_MS, None);
    let kv = FakeKv::having([raw]);
    let delete = |path: &str, kv: &FakeKv| act("DELETE", path, kv, &a_queue(), &Sqlite::default());
    assert_eq!((delete("/v1/dead-letters/0/m-1", &kv).status, kv.keys().len()), (204, 0));
    is_problem(&delete(&format!("/v1/dead-letters/1400000009/{}", event.id()), &kv), 404);
    is_problem(&delete(&format!("/v1/dead-letters/{APP}/{}", "x".repeat(257)), &kv), 404);
    kv.fails.set(Some("delete"));
    is_problem(&delete("/v1/dead-letters/0/m-1", &kv), 503);
}

/// An erased event has no delivery.
#[test]
fn an_erased_event_takes_its_delivery_with_it() {
    let database = Sqlite::default();
    for state in State::VARIANTS.iter().copied() {
        write(&database, NOW_MS, &change(state, NOW_MS));
        let path = format!("/v1/events/{APP}/{}", TestEvent::at(NOW_MS).id());
        assert_eq!(act("DELETE", &path, &FakeKv::default(), &a_queue(), &database).status, 204);
        assert!(database.table("deliveries").is_empty(), "{state:?}");
    }
}
