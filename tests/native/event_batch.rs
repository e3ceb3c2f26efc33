//! Events that come into D1 by batches: where the webhook leaves them, and what becomes of a batch.

use std::{cell::RefCell, rc::Rc};

use serde_json::{Value, json};
use unfollow_webhook::{
    comparison::{Missed, recording::record},
    config::Config,
    database::{Statement, erasures, event_log},
    delivery::{
        consumer::{Consumer, Memory, Outcome, QueuedMessage, Source},
        erased::hash_of_user,
        message::Message,
    },
    event::Entry,
    receive::Receiver,
    response::Response,
    sink::Sink,
    webhook::command::Kind,
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeBody, FakeKv, FakeQueue, FakeSink, Plan, paused},
    ports::FakePorts,
    samples::{APP, FOLLOW, NOW_MS, TOKEN, UNFOLLOW, app, config, event, post, query, url_of},
};

/// As in the module under test.
const ATTEMPTS_MAX: u32 = 11;

fn batched() -> Config {
    let config = config(&[
        ("SDK_APP_IDS", APP),
        ("CALLBACK_TOKEN", TOKEN),
        ("SINKS", "kv,d1"),
        ("PLAN", "paid"),
        ("D1_WRITES", "batched"),
    ]);
    assert_eq!(config.invalid_settings, []);
    config
}

struct FakeMessage {
    number: usize,
    text: String,
    attempts: u32,
    settled: Rc<RefCell<Vec<Option<Outcome>>>>,
}

impl QueuedMessage for FakeMessage {
    fn id(&self) -> String {
        self.number.to_string()
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn sent_at(&self) -> u64 {
        NOW_MS
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }

    fn settle(self, outcome: Outcome) {
        assert_eq!(self.settled.borrow_mut()[self.number].replace(outcome), None);
    }
}

/// A batch of these messages, each with how often it has come. How each was settled, what is on the queue of deliveries then, and the log.
fn consume(database: &Sqlite, kv: &FakeKv, queue: &FakeQueue, batch: &[(String, u32)]) -> (Vec<Outcome>, Vec<Value>) {
    paused(async {
        let ports = FakePorts { queue: Some(queue), ..FakePorts::at(NOW_MS, kv) }.with_database(Some(database));
        let settled = Rc::new(RefCell::new(vec![None; batch.len()]));
        let messages = batch.iter().enumerate().map(|(number, (text, attempts))| FakeMessage {
            number,
            text: text.clone(),
            attempts: *attempts,
            settled: Rc::clone(&settled),
        });
        Consumer { config: &batched(), ports: &ports, memory: &Memory::default() }
            .consume(Some(Source::EventLog), messages)
            .await;
        let records = ports.records.take().into_iter().map(|(_, text)| serde_json::from_str(&text).unwrap()).collect();
        (settled.take().into_iter().map(Option::unwrap).collect(), records)
    })
}

fn message(kind: Kind, body: &str) -> String {
    Message::of(&event(&query(kind.command()), kind, body.as_bytes()), Sink::D1).text()
}

/// Another event for each `n`.
fn numbered(n: usize) -> String {
    UNFOLLOW.replace("UserID_001", &format!("actor-{n}"))
}

fn fresh(bodies: impl IntoIterator<Item = String>) -> Vec<(String, u32)> {
    bodies.into_iter().map(|body| (message(Kind::Unfollow, &body), 1)).collect()
}

fn taking() -> FakeQueue {
    FakeQueue::always(Plan::Succeeds(0))
}

fn is_retried(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

/// One call: its status, the records that KV has, and what the two queues have.
fn receive(kv: &FakeKv, event_log: &FakeQueue, queue: &FakeQueue, database: &Sqlite) -> u16 {
    paused(async {
        let config = batched();
        let ports = FakePorts { queue: Some(queue), event_log: Some(event_log), ..FakePorts::at(NOW_MS, kv) };
        let ports = ports.with_database(Some(database));
        let receiver = Receiver { config: &config.calls, ports: &ports };
        let Response { status, .. } =
            receiver.receive(post(&url_of(Kind::Unfollow)), &FakeBody::of(UNFOLLOW)).await.response;
        status
    })
}

#[test]
fn a_call_is_answered_when_kv_and_the_queue_have_its_event() {
    let puts = || FakeKv::with(FakeSink::<Entry>::always(Plan::Succeeds(0)));
    let failing = || FakeQueue::always(Plan::Fails(0));
    let database = Sqlite::default();

    let (kv, event_log, queue) = (puts(), taking(), taking());
    assert_eq!(receive(&kv, &event_log, &queue, &database), 200);
    assert_eq!(
        (kv.puts.entries().len(), event_log.entries(), queue.entries().len()),
        (1, vec![message(Kind::Unfollow, UNFOLLOW)], 0)
    );
    assert_eq!(database.table("events"), [json!(null); 0]);

    // The queue of deliveries takes what that of the log does not.
    let (kv, event_log, queue) = (puts(), failing(), taking());
    assert_eq!(receive(&kv, &event_log, &queue, &database), 200);
    assert_eq!(queue.entries(), [message(Kind::Unfollow, UNFOLLOW)]);

    let (kv, event_log, queue) = (puts(), failing(), failing());
    assert_eq!(receive(&kv, &event_log, &queue, &database), 503);
    // KV without the queue is not enough either.
    let (kv, event_log, queue) = (FakeKv::with(FakeSink::always(Plan::Fails(0))), taking(), failing());
    assert_eq!(receive(&kv, &event_log, &queue, &database), 503);
}

/// Whatever a body has in it, the row is the one that a direct write makes.
#[test]
fn a_batch_makes_the_rows_that_direct_writes_make() {
    let with = |more: &str| format!("{{{more}{}", &UNFOLLOW[1..]);
    let bodies = [
        UNFOLLOW.to_owned(),
        with(&format!("\"x\":{}{},", "[".repeat(20_000), "]".repeat(20_000))),
        with(&format!("\"x\":\"{}\",", "x".repeat(60_000))).replace("UserID_001", "long"),
        with(" \r\n\t\"x\" : 1E400 , \"x\":\"\\ud800\",\"\\udc00\":-0.0e-999,").replace("UserID_001", "odd"),
        UNFOLLOW.replace("UserID_001", "a\\u0000b"),
        UNFOLLOW.replace("UserID_001", "\\ud83d\\ude42 '; DROP TABLE events; --"),
        UNFOLLOW.replace("UserID_003", "UserID_002").replace("UserID_001", "twice"),
    ];
    let mut batch = fresh(bodies.iter().cloned());
    batch.push((message(Kind::Follow, FOLLOW), 3));
    // A repeat in the batch itself.
    batch.push(batch[0].clone());
    let (database, direct) = (Sqlite::default(), Sqlite::default());
    let (outcomes, records) = consume(&database, &FakeKv::default(), &taking(), &batch);
    assert_eq!(outcomes, vec![Outcome::Ack; batch.len()]);
    assert_eq!(records, [json!({ "outcome": "stored", "job": "store_d1", "messages": batch.len() })]);
    for (text, _) in &batch {
        let message = Message::read(text).unwrap();
        direct.execute(event_log::insert(&message.event().unwrap(), event_log::IN_KV_FOR_GOOD));
    }
    for table in ["events", "event_users", "hourly_counts", "hourly_totals", "event_totals", "user_totals"] {
        assert_eq!(database.table(table), direct.table(table), "{table}");
    }
    // Two distinct events have the same id: what differs is not in it.
    assert_eq!(database.table("events").len(), batch.len() - 2);
    // And again.
    let written = database.rows_written();
    let (outcomes, _) = consume(&database, &FakeKv::default(), &taking(), &batch);
    assert_eq!((outcomes, database.rows_written()), (vec![Outcome::Ack; batch.len()], written));
}

/// Three statements for a hundred; and more only for what would be too long for one.
#[test]
fn a_batch_takes_three_statements() {
    let database = Sqlite::default();
    let (outcomes, _) = consume(&database, &FakeKv::default(), &taking(), &fresh((0..100).map(numbered)));
    assert_eq!((outcomes, database.table("events").len()), (vec![Outcome::Ack; 100], 100));
    assert_eq!(database.operations.take(), ["sql SELECT", "sql INSERT", "sql SELECT"]);
    let long = |n: usize| format!("{{\"x\":\"{}\",{}", "x".repeat(60_000), &numbered(n)[1..]);
    let database = Sqlite::default();
    let (outcomes, _) = consume(&database, &FakeKv::default(), &taking(), &fresh((0..100).map(long)));
    assert_eq!((outcomes, database.table("events").len()), (vec![Outcome::Ack; 100], 100));
    let inserts = database.operations.take().iter().filter(|it| *it == "sql INSERT").count();
    assert!((6..=8).contains(&inserts), "{inserts}");
}

#[test]
fn a_batch_that_d1_does_not_take_comes_again_and_waits_longer() {
    for trouble in [Trouble::Fails, Trouble::Hangs, Trouble::DayLimit, Trouble::Full] {
        let database = Sqlite::default();
        database.trouble.set(Some(trouble));
        let mut waits = 0;
        for attempts in [1, 5, ATTEMPTS_MAX] {
            let batch: Vec<_> = (0..3).map(|n| (message(Kind::Unfollow, &numbered(n)), attempts)).collect();
            let (outcomes, records) = consume(&database, &FakeKv::default(), &taking(), &batch);
            for outcome in outcomes {
                let Outcome::Retry { after_seconds } = outcome else { panic!("{trouble:?}") };
                assert!(after_seconds > waits, "{after_seconds}");
            }
            waits += 10 * attempts;
            assert_eq!(
                records,
                [json!({ "outcome": "retried", "job": "store_d1", "last_error": "d1", "messages": 3 })]
            );
        }
        database.trouble.set(None);
        consume(&database, &FakeKv::default(), &taking(), &fresh((0..3).map(numbered)));
        assert_eq!(database.table("events").len(), 3);
    }
}

/// What comes too often is not read, and what cannot be read, or asks for something else, is not of this queue.
#[test]
fn what_is_not_for_a_batch_goes_to_the_queue_of_deliveries_as_it_is() {
    let (database, queue) = (Sqlite::default(), taking());
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let of = |sink: Sink| Message::of(&event, sink);
    let alone = [
        ("panics-when-read".to_owned(), ATTEMPTS_MAX + 1),
        (message(Kind::Unfollow, &numbered(1)), ATTEMPTS_MAX + 1),
        ("not JSON".to_owned(), 1),
        (of(Sink::Origin).text(), 1),
        (of(Sink::Kv).text(), 1),
        (of(Sink::D1).replaying("dead/letter").text(), 1),
    ];
    let mut batch = alone.to_vec();
    batch.insert(3, (message(Kind::Unfollow, &numbered(2)), 1));
    let (outcomes, records) = consume(&database, &FakeKv::default(), &queue, &batch);
    assert_eq!(outcomes, vec![Outcome::Ack; batch.len()]);
    assert_eq!(queue.entries(), alone.map(|(text, _)| text));
    assert_eq!(database.table("events").len(), 1);
    assert_eq!(records[1], json!({ "outcome": "moved", "job": "store_d1", "messages": 6 }));

    // If that does not take it, it comes again.
    for plan in [Plan::Fails(0), Plan::Hangs] {
        let (outcomes, _) = consume(&database, &FakeKv::default(), &FakeQueue::always(plan), &batch);
        assert_eq!(outcomes.iter().filter(|it| is_retried(it)).count(), 6);
        assert_eq!(outcomes[3], Outcome::Ack);
    }
}

/// Neither in the log nor in KV; and what was received after the erasure is.
#[test]
fn what_was_erased_meanwhile_is_gone_everywhere() {
    let database = Sqlite::default();
    let erased = |user: &str, began_at: u64| {
        database.execute(erasures::begin(app(), &hash_of_user(app(), user), None, began_at, 0));
    };
    erased("actor-1", NOW_MS + 5);
    erased("actor-2", NOW_MS - 5);
    let entry = |n: usize| {
        let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
        event(&query, Kind::Unfollow, body.as_bytes()).entry(None, NOW_MS)
    };
    let kv = FakeKv::having((0..3).map(entry));
    let (outcomes, _) = consume(&database, &kv, &taking(), &fresh((0..3).map(numbered)));
    assert_eq!(outcomes, vec![Outcome::Ack; 3]);
    let mut left = kv.keys();
    left.sort();
    let mut expected: Vec<_> = [0, 2].map(|n| entry(n).key).into();
    expected.sort();
    assert_eq!((left, database.table("events").len()), (expected, 2));
    assert!(!database.has_text("actor-1"));
}

/// Between the look for erasures and the statement, too.
#[test]
fn the_statement_itself_adds_nothing_that_was_erased() {
    let database = Sqlite::default();
    database.execute(erasures::begin(app(), &hash_of_user(app(), "actor-1"), None, NOW_MS, 0));
    let rows = (0..3).map(|n| {
        let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
        let event = event(&query, Kind::Unfollow, body.as_bytes());
        let hashes: Vec<_> = event.users().map(|user| hash_of_user(app(), user)).collect();
        event_log::item(&event, 0, &hashes)
    });
    let statement: Statement = event_log::insert_all_unless_erased(&rows.collect::<Vec<_>>());
    database.execute(statement);
    assert_eq!(database.table("events").len(), 2);
    assert!(!database.has_text("actor-1"));
}

/// However an event comes into the log: at once, from the queue, by a batch, or from KV.
#[test]
fn what_a_comparison_has_found_says_so_in_the_log() {
    let missed = |target: &str, not_before| Missed {
        target: target.to_owned(),
        actor: "actor".to_owned(),
        event_time: NOW_MS - 60_000,
        not_before,
    };
    // Of a follow, the second is known.
    let found = [(missed("followed", None), NOW_MS - 60_000), (missed("left", Some(NOW_MS - 90_000)), NOW_MS - 90_000)];
    for (missed, not_before) in found {
        let record = record(app(), &missed, NOW_MS);
        let message = Message::of_record(&record).unwrap();
        let event = message.event().unwrap();
        let items = [event_log::item(&event, 0, &[])];
        for statement in [
            event_log::insert(&event, 0),
            event_log::insert_unless_erased(&event, 0, &[]),
            event_log::insert_all_unless_erased(&items),
            event_log::put_all_unless_erased(&items),
        ] {
            let database = Sqlite::default();
            database.execute(statement);
            let events = database.table("events");
            let stored: Vec<_> = events.iter().map(|row| (&row["source"], &row["not_before"])).collect();
            assert_eq!(stored, [(&json!("comparison"), &json!(not_before))]);
        }
    }
}
