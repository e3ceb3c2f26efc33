//! The consumer: each message is delivered, stored, retried or dead-lettered, on its own.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use standardwebhooks::Webhook;
use strum::VariantArray as _;
use tokio::time::Instant;
use unfollow_webhook::{
    config::Config,
    database::{
        Parameter, Statement,
        deliveries::{self, Change, DeliveryChange, State},
        event_log,
    },
    delivery::consumer::{
        Consumer, DEAD_LETTER_BASE_SECONDS, Memory, ORIGIN_WITHIN_MS, Outcome, PARSE_ATTEMPTS_MAX, QueuedMessage,
        Source,
    },
    delivery::{dead_letter, erased::Traces, message::Message, retry::BACKOFF_MAX_SECONDS},
    event::{Entry, EventId},
    log::Level,
    origin::{HOP_HEADER, LOOP_STATUS},
    outgoing::{OutgoingError, OutgoingResponse},
    receive::{
        CallLog,
        validate::{RequestHead, validate_head},
    },
    sink::Sink,
    webhook::command::Kind,
};

use crate::{
    database::Sqlite,
    fakes::{
        FakeDatabase, FakeKv, FakeOrigin, FakeSink,
        Plan::{self, Busy, Fails, Hangs, Succeeds, Unavailable},
        Reaction, Seen, paused,
    },
    ports::FakePorts,
    samples::{
        APP, FOLLOW, NOW_MS, ORIGIN, ORIGIN_SECRET, TOKEN, UNFOLLOW, app, config, event, first_attempt, post, query,
        signed, url,
    },
};

const HOUR_MS: u64 = 3_600_000;

const DELIVERIES: Option<Source> = Some(Source::Deliveries);
const DEAD_LETTERS: Option<Source> = Some(Source::DeadLetters);

struct FakeMessage {
    id: String,
    text: String,
    sent_at: u64,
    attempts: u32,
    epoch: Instant,
    settled: Rc<RefCell<Vec<Settled>>>,
}

/// A message's id, its outcome, and when it was settled, in ms.
type Settled = (String, Outcome, u64);

impl QueuedMessage for FakeMessage {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn sent_at(&self) -> u64 {
        self.sent_at
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }

    fn settle(self, outcome: Outcome) {
        let at = self.epoch.elapsed().as_millis().try_into().unwrap();
        self.settled.borrow_mut().push((self.id, outcome, at));
    }
}

/// One run of the consumer, and how it ended.
struct Run {
    settled: Vec<Settled>,
    seen: Vec<Seen>,
    most_under_way: usize,
    entries: Vec<Entry>,
    /// What D1 has taken.
    inserted: Vec<Statement>,
    /// What was written of deliveries.
    changes: Vec<Statement>,
    /// The keys that were deleted.
    deleted: Vec<String>,
    records: Vec<(Level, Value)>,
}

impl Run {
    /// The one outcome of a batch of one.
    fn outcome(&self) -> Outcome {
        let [(_, outcome, _)] = self.settled[..] else { panic!("{:?}", self.settled) };
        outcome
    }

    fn is_retried(&self) -> bool {
        matches!(self.outcome(), Outcome::Retry { .. })
    }

    fn dead_letter(&self) -> (&str, Value) {
        let [entry] = &self.entries[..] else { panic!("{:?}", self.entries) };
        (&entry.key, serde_json::from_str(&entry.value).unwrap())
    }
}

/// A batch, and the settings, store and origin that it is processed with.
struct Batch<'a> {
    config: Config,
    source: Option<Source>,
    /// The id of each is its index.
    texts: Vec<String>,
    /// How long ago they were sent.
    age_ms: u64,
    /// How often they have been handed over.
    attempts: u32,
    store: Vec<Plan>,
    /// `None` where no database is bound.
    database: Option<Vec<Plan>>,
    /// How each write of a delivery ends.
    change_plan: Plan,
    /// The row of the delivery, as JSON.
    delivery: Option<Value>,
    origin: Box<dyn Fn(&Seen) -> Reaction + 'a>,
    now_ms: u64,
}

impl Default for Batch<'_> {
    /// One fresh message to deliver, to an origin that takes it.
    fn default() -> Self {
        Self {
            config: forwarding(&[]),
            source: DELIVERIES,
            texts: vec![message(Sink::Origin)],
            age_ms: 0,
            attempts: 1,
            store: Vec::new(),
            database: Some(Vec::new()),
            change_plan: Succeeds(0),
            delivery: None,
            origin: Box::new(|_| Reaction::status(200)),
            now_ms: NOW_MS,
        }
    }
}

impl Batch<'_> {
    fn run(self) -> Run {
        paused(async {
            let Self {
                config,
                source,
                texts,
                age_ms,
                attempts,
                store,
                database,
                change_plan,
                delivery,
                origin,
                now_ms,
            } = self;
            let database = database.map(|plans| FakeDatabase::with(FakeSink::of(&plans)));
            if let Some(database) = &database {
                database.change_plan.set(change_plan);
                database.delivery.replace(delivery.map(|row| row.to_string()));
            }
            let (kv, settled) = (FakeKv::of(&store), Rc::default());
            let ports =
                FakePorts { database: database.as_ref(), origin: FakeOrigin::of(origin), ..FakePorts::at(now_ms, &kv) };
            let epoch = Instant::now();
            let messages = texts.into_iter().enumerate().map(|(index, text)| FakeMessage {
                id: index.to_string(),
                text,
                sent_at: now_ms - age_ms,
                attempts,
                epoch,
                settled: Rc::clone(&settled),
            });
            Consumer { config: &config, ports: &ports, memory: &Memory::default() }.consume(source, messages).await;
            let (seen, most_under_way) = (ports.origin.seen(), ports.origin.most_under_way.get());
            let records = ports.records.take().into_iter();
            let records = records.map(|(level, record)| (level, serde_json::from_str(&record).unwrap())).collect();
            let (settled, entries) = (settled.take(), kv.puts.entries());
            let inserted = database.as_ref().map(|database| database.inserts.entries()).unwrap_or_default();
            let changes = database.as_ref().map(|database| database.changes.take()).unwrap_or_default();
            let deleted = kv.deletes.take();
            Run { settled, seen, most_under_way, entries, inserted, changes, deleted, records }
        })
    }
}

fn message(sink: Sink) -> String {
    message_of(Kind::Unfollow, UNFOLLOW, sink)
}

fn message_of(kind: Kind, body: &str, sink: Sink) -> String {
    // An unknown parameter, and odd separators, stay.
    let query = format!("{}&&x=%zz&x=2", query(kind.command()));
    Message::of(&event(&query, kind, body.as_bytes()), sink).text()
}

/// What Tencent appended, without its signature.
fn stored_query(kind: Kind) -> String {
    let query = query(kind.command());
    let (stored, _) = query.split_once("&Sign=").unwrap();
    format!("{stored}&&x=%zz&x=2")
}

fn id_of(kind: Kind, body: &str) -> String {
    event(&query(kind.command()), kind, body.as_bytes()).id().to_string()
}

/// Another event for each `n`.
fn numbered(n: usize) -> String {
    UNFOLLOW.replace("UserID_002", &format!("number-{n}"))
}

fn forwarding(more: &[(&str, &str)]) -> Config {
    let mut variables = more.to_vec();
    variables.extend([("SDK_APP_IDS", APP), ("SINKS", "origin"), ("ORIGIN_URL", ORIGIN)]);
    if !more.iter().any(|(name, _)| *name == "ALLOW_UNSIGNED") {
        variables.push(("CALLBACK_TOKEN", TOKEN));
    }
    config(&variables)
}

#[test]
fn an_event_is_delivered_as_tencent_sent_it_with_a_fresh_signature() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        let later = NOW_MS + HOUR_MS + 999;
        let texts = vec![message_of(kind, body, Sink::Origin)];
        let run = Batch { texts, now_ms: later, age_ms: HOUR_MS, ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Ack);
        let [seen] = &run.seen[..] else { panic!("{:?}", run.seen) };
        let time = (later / 1000).to_string();
        let sign = hex::encode(Sha256::digest(format!("{TOKEN}{time}")));
        assert_eq!(seen.url, format!("{ORIGIN}?{}&Sign={sign}&RequestTime={time}", stored_query(kind)));
        assert_eq!(seen.body, body.as_bytes());
        assert_eq!(seen.headers, [("content-type", "application/json".to_owned()), (HOP_HEADER, "1".to_owned())]);
        assert_eq!((seen.within_ms, ORIGIN_WITHIN_MS), (10_000, 10_000));
        let (level, record) = &run.records[0];
        assert_eq!((level, &record["outcome"], run.records.len()), (&Level::Info, &json!("delivered"), 1));
    }
}

#[test]
fn the_current_token_of_the_app_itself_signs() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let config = forwarding(&[("CALLBACK_TOKEN", "shared"), (&own, "own"), (&format!("{own}_PREVIOUS"), "before")]);
    let run = Batch { config, ..Batch::default() }.run();
    let time = NOW_MS / 1000;
    let sign = hex::encode(Sha256::digest(format!("own{time}")));
    assert!(run.seen[0].url.ends_with(&format!("&Sign={sign}&RequestTime={time}")), "{}", run.seen[0].url);
}

#[test]
fn without_a_token_nothing_is_signed() {
    let config = forwarding(&[("ALLOW_UNSIGNED", "true")]);
    let run = Batch { config, ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Ack);
    assert_eq!(run.seen[0].url, format!("{ORIGIN}?{}", stored_query(Kind::Unfollow)));
    let names: Vec<_> = run.seen[0].headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["content-type", HOP_HEADER]);
}

#[test]
fn a_message_without_a_query_is_signed_all_the_same() {
    let text = message(Sink::Origin);
    let (before, rest) = text.split_once("\"query\":\"").unwrap();
    let text = format!("{before}{}", &rest[rest.find("\"body\"").unwrap()..]);
    let run = Batch { texts: vec![text], ..Batch::default() }.run();
    assert!(run.seen[0].url.starts_with(&format!("{ORIGIN}?Sign=")), "{}", run.seen[0].url);
}

/// The headers of a request, as other libraries take them.
fn headers(seen: &Seen) -> ureq::http::HeaderMap {
    seen.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// Now, in Unix ms: the library compares with the real time, which nothing else here reads.
pub fn real_now_ms() -> u64 {
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    now.try_into().unwrap()
}

#[test]
fn the_standard_webhooks_library_verifies_a_delivery() {
    let body = r#"{ "From_Account":"微🙂","To_Account":["b"],"EventTime":1702018343678, "x":"\ud800" }"#;
    let config = forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    let texts = vec![message_of(Kind::Unfollow, body, Sink::Origin)];
    let run = Batch { config, texts, now_ms: real_now_ms(), ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Ack);
    let seen = &run.seen[0];
    let webhook = Webhook::new(ORIGIN_SECRET).unwrap();
    webhook.verify(&seen.body, &headers(seen)).unwrap();
    assert_eq!(seen.header("webhook-id"), Some(&*id_of(Kind::Unfollow, body)));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header(HOP_HEADER), Some("1"));
    // And it notices a change.
    assert!(webhook.verify(b"{}", &headers(seen)).is_err());
    assert!(Webhook::new("whsec_AAAA").unwrap().verify(&seen.body, &headers(seen)).is_err());
}

/// While the secret is changed, the backend may still have the previous one, or already the current one.
#[test]
fn with_a_previous_secret_a_delivery_has_a_signature_by_each() {
    const PREVIOUS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND";
    let now_ms = real_now_ms();
    let config = forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET), ("ORIGIN_SECRET_PREVIOUS", PREVIOUS)]);
    let run = Batch { config, now_ms, ..Batch::default() }.run();
    let seen = &run.seen[0];
    let id = id_of(Kind::Unfollow, UNFOLLOW);
    let signed = |secret: &str| {
        Webhook::new(secret).unwrap().sign(&id, (now_ms / 1000).try_into().unwrap(), UNFOLLOW.as_bytes()).unwrap()
    };
    let expected = format!("{} {}", signed(ORIGIN_SECRET), signed(PREVIOUS));
    assert_eq!(seen.header("webhook-signature"), Some(&*expected));
    for secret in [ORIGIN_SECRET, PREVIOUS] {
        Webhook::new(secret).unwrap().verify(&seen.body, &headers(seen)).unwrap();
    }
    assert!(Webhook::new(OTHER).unwrap().verify(&seen.body, &headers(seen)).is_err());
}

#[test]
fn a_2xx_status_is_delivered_and_any_other_status_is_retried() {
    for status in [200, 201, 202, 204, 299] {
        let run = Batch { origin: Box::new(move |_| Reaction::status(status)), ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Ack, "{status}");
    }
    for status in
        [0, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 410, 413, 429, 500, 502, 503, 507, 509, 599]
    {
        let run = Batch { origin: Box::new(move |_| Reaction::status(status)), ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 5 }, "{status}");
        // A redirect is not followed.
        assert_eq!(run.seen.len(), 1, "{status}");
        let (level, record) = &run.records[0];
        assert_eq!((level, &record["outcome"]), (&Level::Warn, &json!("retried")));
        assert_eq!((&record["last_status"], &record["retry_after_seconds"]), (&json!(status), &json!(5)));
        assert!(run.entries.is_empty());
    }
}

#[test]
fn an_origin_that_does_not_answer_is_retried() {
    for (reaction, error, at) in [
        (Reaction::hang(), "timeout", 10_000),
        (Reaction { after: Some(10_001), ..Reaction::status(200) }, "timeout", 10_000),
        (Reaction::refuse(), "unreachable", 0),
        (Reaction { after: Some(3), with: Err(OutgoingError::TooLarge) }, "too_large", 3),
    ] {
        let run = Batch { origin: Box::new(move |_| reaction.clone()), ..Batch::default() }.run();
        assert!(run.is_retried(), "{error}");
        assert_eq!((&run.records[0].1["last_error"], run.settled[0].2), (&json!(error), at));
    }
    let slow =
        Batch { origin: Box::new(|_| Reaction { after: Some(9_999), ..Reaction::status(200) }), ..Batch::default() };
    assert_eq!(slow.run().outcome(), Outcome::Ack);
}

#[test]
fn the_wait_depends_on_the_attempts_and_not_on_the_age() {
    for (attempts, base, after_seconds) in [
        (1, "5", 5),
        (2, "5", 10),
        (4, "5", 40),
        (10, "5", 600),
        (20, "5", 2400),
        (85, "5", 5400),
        (1, "90", 90),
        (3, "90", 360),
    ] {
        for age_ms in [0, 4_999, 60_999, 6 * HOUR_MS, 30 * HOUR_MS] {
            let config = forwarding(&[("RETRY_BASE_SECONDS", base)]);
            let origin = Box::new(|_: &Seen| Reaction::status(500));
            let run = Batch { config, age_ms, attempts, origin, ..Batch::default() }.run();
            assert_eq!(run.outcome(), Outcome::Retry { after_seconds }, "{attempts}, base {base}, {age_ms} ms");
        }
    }
}

#[test]
fn what_waited_six_hours_in_a_backlog_is_retried_after_seconds() {
    for &sink in Sink::VARIANTS {
        let (texts, store, database) = (vec![message(sink)], vec![Fails(1)], Some(vec![Fails(1)]));
        let origin = Box::new(|_: &Seen| Reaction::refuse());
        let run = Batch { texts, store, database, age_ms: 6 * HOUR_MS, origin, ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 5 }, "{sink:?}");
    }
}

#[test]
fn a_longer_retry_after_is_honoured_for_any_failing_status() {
    for (status, retry_after, after_seconds) in [
        // With half of the jitter, which is a fifth and at least 10 s.
        (503, Some(120), 132),
        (429, Some(36_000), 39_600),
        (500, Some(36_001), 39_600),
        (301, Some(u64::MAX), 39_600),
        (503, Some(4), 9),
        (503, Some(0), 5),
        (503, None, 5),
    ] {
        let answer = OutgoingResponse { status, retry_after, body: Vec::new() };
        let reaction = Reaction { after: Some(0), with: Ok(answer) };
        let run = Batch { origin: Box::new(move |_| reaction.clone()), ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds }, "{retry_after:?}");
    }
}

#[test]
fn one_message_does_not_harm_its_neighbours() {
    let mut texts: Vec<_> = (0..10).map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::Origin)).collect();
    texts[0] = "poison".to_owned();
    texts[7] = message(Sink::Kv);
    let is = |seen: &Seen, n: usize| String::from_utf8_lossy(&seen.body).contains(&format!("number-{n}\""));
    let origin = Box::new(move |seen: &Seen| match () {
        () if is(seen, 1) => Reaction::hang(),
        () if is(seen, 2) => Reaction::status(500),
        () if is(seen, 3) => Reaction::refuse(),
        () if is(seen, 4) => Reaction::status(508),
        () => Reaction::status(200),
    });
    // The dead letters of 0 and 4, and the event of 7.
    let run = Batch { texts, origin, store: vec![Succeeds(5), Succeeds(5), Fails(5)], ..Batch::default() }.run();
    let ids: Vec<_> = run.settled.iter().map(|(id, ..)| id.parse::<usize>().unwrap()).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>());
    for (id, outcome, _) in &run.settled {
        match &**id {
            "1" | "2" | "3" | "7" => assert_eq!(*outcome, Outcome::Retry { after_seconds: 5 }, "{id}"),
            _ => assert_eq!(*outcome, Outcome::Ack, "{id}"),
        }
    }
    let delivered = |n| run.seen.iter().filter(|seen| is(seen, n)).count();
    assert!([5, 6, 8, 9].into_iter().all(|n| delivered(n) == 1));
    assert_eq!((run.seen.len(), run.records.len()), (8, 10));
    let dead: Vec<_> = run.entries.iter().map(|entry| &*entry.key).collect();
    assert_eq!(dead, ["dead/0/0".to_owned(), format!("dead/{APP}/{}", id_of(Kind::Unfollow, &numbered(4)))]);
}

/// An operator may set `max_batch_size`.
#[test]
fn a_larger_batch_is_processed_whole_one_message_after_the_other() {
    let texts: Vec<_> = (0..100).map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::Origin)).collect();
    let run = Batch { texts, ..Batch::default() }.run();
    assert_eq!((run.settled.len(), run.seen.len(), run.most_under_way), (100, 100, 1));
    // Each is settled as soon as it is processed, and not with the others.
    for (n, (id, outcome, at)) in run.settled.iter().enumerate() {
        assert_eq!((id.parse(), *outcome, *at), (Ok(n), Outcome::Ack, 20 * (n as u64 + 1)));
    }
}

/// The invocation then ends. The queue retries what is not settled, and nothing else.
#[test]
fn a_panic_leaves_what_was_settled_before_it() {
    let texts: Vec<_> = (0..5).map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::Origin)).collect();
    let settled = Rc::default();
    let process = || {
        paused(async {
            let origin =
                FakeOrigin::of(|seen: &Seen| match String::from_utf8_lossy(&seen.body).contains("number-3\"") {
                    true => panic!("as provoked"),
                    false => Reaction::status(200),
                });
            let (config, kv) = (forwarding(&[]), FakeKv::default());
            let ports = FakePorts { origin, ..FakePorts::at(NOW_MS, &kv) };
            let (config, memory) = (&config, &Memory::default());
            let consumer = Consumer { config, ports: &ports, memory };
            let epoch = Instant::now();
            let messages = texts.into_iter().enumerate().map(|(index, text)| FakeMessage {
                id: index.to_string(),
                text,
                sent_at: NOW_MS,
                attempts: 1,
                epoch,
                settled: Rc::clone(&settled),
            });
            consumer.consume(DELIVERIES, messages).await;
        });
    };
    assert!(catch_unwind(AssertUnwindSafe(process)).is_err());
    let settled: Vec<Settled> = settled.take();
    let acked: Vec<_> = settled.iter().filter(|it| it.1 == Outcome::Ack).map(|it| &*it.0).collect();
    assert_eq!((acked, settled.len()), (vec!["0", "1", "2"], 3));
}

#[test]
fn every_message_of_a_batch_is_settled_once() {
    let kinds = [message(Sink::Origin), String::new(), message(Sink::Kv), "{}".to_owned()];
    let texts = kinds.iter().cycle().take(12).cloned().collect();
    let mut ids: Vec<_> = Batch { texts, store: vec![Fails(1); 9], ..Batch::default() }
        .run()
        .settled
        .into_iter()
        .map(|it| it.0)
        .collect();
    ids.sort();
    let mut expected: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    expected.sort();
    assert_eq!(ids, expected);
}

#[test]
fn the_job_to_store_puts_the_event_into_kv_and_calls_no_origin() {
    let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")]);
    let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
    let texts = vec![message(Sink::Kv)];
    let run = Batch { config, texts, origin, store: vec![Succeeds(5)], ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Ack);
    let query = format!("{}&&x=%zz&x=2", query(Kind::Unfollow.command()));
    let expected = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()).entry(Some(86_400), NOW_MS);
    assert_eq!(run.entries, [expected]);
    assert_eq!(run.records[0].1["outcome"], "stored");
}

#[test]
fn a_store_job_that_kv_does_not_take_is_retried() {
    for plan in [Fails(5), Busy(5)] {
        let run = Batch { texts: vec![message(Sink::Kv)], store: vec![plan], ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 5 });
        assert_eq!((&run.records[0].1["last_error"], run.entries.len()), (&json!("kv"), 0));
    }
}

/// What the job to store an event in D1 inserts.
fn insert() -> Statement {
    let query = format!("{}&&x=%zz&x=2", query(Kind::Unfollow.command()));
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    event_log::insert_unless_erased(&event, event_log::NOT_IN_KV, &Traces::of(&event).hashes)
}

/// A message with the job to store its event in D1, which does this.
fn to_d1(database: &[Plan]) -> Batch<'static> {
    let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
    Batch { texts: vec![message(Sink::D1)], database: Some(database.to_vec()), origin, ..Batch::default() }
}

#[test]
fn the_job_to_store_adds_the_event_to_d1_and_calls_neither_kv_nor_the_origin() {
    for source in [DELIVERIES, DEAD_LETTERS] {
        for attempts in 1..=3 {
            let run = Batch { source, attempts, ..to_d1(&[Succeeds(5)]) }.run();
            assert_eq!(run.settled, [("0".to_owned(), Outcome::Ack, 5)]);
            assert_eq!((run.inserted, run.entries.len()), (vec![insert()], 0));
            assert_eq!((run.records[0].0, &run.records[0].1["outcome"]), (Level::Info, &json!("stored")));
        }
    }
    // Whatever the sinks are now: the event was acknowledged.
    let kv_alone = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", "kv")]);
    let run = Batch { config: kv_alone, ..to_d1(&[Succeeds(5)]) }.run();
    assert_eq!((run.outcome(), run.inserted.len()), (Outcome::Ack, 1));
}

#[test]
fn a_store_job_that_d1_does_not_take_is_retried() {
    for (plan, at) in [(Fails(5), 5), (Unavailable(5), 5), (Plan::Hangs, 10_000)] {
        let run = to_d1(&[plan]).run();
        assert_eq!(run.settled, [("0".to_owned(), Outcome::Retry { after_seconds: 5 }, at)]);
        let (level, record) = &run.records[0];
        assert_eq!((*level, &record["last_error"], &record["job"]), (Level::Warn, &json!("d1"), &json!("store_d1")));
        assert_eq!((run.inserted.len(), run.entries.len()), (0, 0));
    }
    let run = Batch { database: None, ..to_d1(&[]) }.run();
    assert_eq!((run.outcome(), &run.records[0].1["last_error"]), (Outcome::Retry { after_seconds: 5 }, &json!("d1")));
}

#[test]
fn a_store_job_that_d1_has_not_taken_in_time_is_dead_lettered() {
    let unbound = || Batch { database: None, ..to_d1(&[]) };
    let old = |batch| Batch { age_ms: 73 * HOUR_MS, ..batch };
    let given_up = |batch| Batch { source: DEAD_LETTERS, ..batch };
    for (batch, error) in [
        (old(to_d1(&[Fails(1)])), "d1"),
        (old(to_d1(&[Unavailable(1)])), "d1"),
        (old(to_d1(&[Plan::Hangs])), "d1"),
        (old(unbound()), "d1"),
        (given_up(to_d1(&[Fails(1)])), "retries_exhausted"),
        (given_up(to_d1(&[Plan::Hangs])), "retries_exhausted"),
        (given_up(unbound()), "retries_exhausted"),
    ] {
        let run = Batch { store: vec![Succeeds(1)], ..batch }.run();
        assert_eq!((run.outcome(), run.inserted.len()), (Outcome::Ack, 0));
        let (key, value) = run.dead_letter();
        assert_eq!(key, format!("dead/{APP}/{}-store_d1", id_of(Kind::Unfollow, UNFOLLOW)));
        assert_eq!((&value["last_error"], &value["job"]), (&json!(error), &json!("store_d1")));
        assert_eq!(value["message"], serde_json::from_str::<Value>(&message(Sink::D1)).unwrap());
        assert_eq!(run.records[0].0, Level::Error);
    }
    // Where neither takes it, nothing is acknowledged.
    for batch in [old(to_d1(&[Fails(1)])), given_up(to_d1(&[Fails(1)])), given_up(unbound())] {
        let run = Batch { store: vec![Fails(1)], ..batch }.run();
        assert_eq!((run.outcome(), run.inserted.len()), (Outcome::Retry { after_seconds: 60 }, 0));
    }
}

/// A queue delivers at least once.
#[test]
fn a_store_job_that_comes_twice_counts_once() {
    let database = Sqlite::default();
    let text = message(Sink::D1);
    let settled = Rc::default();
    paused(async {
        let (config, kv) = (forwarding(&[]), FakeKv::default());
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
        let consumer = Consumer { config: &config, ports: &ports, memory: &Memory::default() };
        let message = |id: &str| FakeMessage {
            id: id.to_owned(),
            text: text.clone(),
            sent_at: NOW_MS,
            attempts: 1,
            epoch: Instant::now(),
            settled: Rc::clone(&settled),
        };
        consumer.consume(DELIVERIES, [message("0"), message("1")]).await;
    });
    assert!(settled.take().iter().all(|(_, outcome, _): &Settled| *outcome == Outcome::Ack));
    let totals = database.table("hourly_totals");
    assert_eq!((totals.len(), &totals[0]["unfollows"]), (1, &json!(2)));
}

#[test]
fn an_event_that_is_stored_after_its_retention_gets_an_expiry_that_kv_allows() {
    let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")]);
    let now_ms = NOW_MS + 90 * HOUR_MS;
    let texts = vec![message(Sink::Kv)];
    let run = Batch { config, texts, now_ms, store: vec![Succeeds(5)], ..Batch::default() }.run();
    assert!(run.entries[0].expiration.unwrap() >= now_ms / 1000 + 60, "{:?}", run.entries[0].expiration);
}

/// What a message of the dead-letter queue becomes, at each attempt at which it is still parsed.
#[test]
fn what_the_queue_has_given_up_on_is_filed_under_its_app_and_id() {
    assert_eq!(PARSE_ATTEMPTS_MAX, 3);
    for attempts in 1..=3 {
        for (sink, suffix, puts) in
            [(Sink::Origin, "", vec![Succeeds(700)]), (Sink::Kv, "-store_kv", vec![Fails(1), Succeeds(699)])]
        {
            let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
            let texts = vec![message(sink)];
            let run = Batch { source: DEAD_LETTERS, attempts, texts, origin, store: puts, ..Batch::default() }.run();
            // Only after the write.
            assert_eq!(run.settled, [("0".to_owned(), Outcome::Ack, 700)], "{sink:?}, attempt {attempts}");
            let (key, mut value) = run.dead_letter();
            assert_eq!(key, format!("dead/{APP}/{}{suffix}", id_of(Kind::Unfollow, UNFOLLOW)));
            let sent = value.as_object_mut().unwrap().remove("message").unwrap();
            assert_eq!(sent, serde_json::from_str::<Value>(&message(sink)).unwrap());
            let dead_at = NOW_MS + u64::from(sink == Sink::Kv);
            let expected = json!({
                "last_status": null, "last_error": "retries_exhausted", "received_at": NOW_MS, "dead_at": dead_at,
                "job": sink.job(), "targets": 2,
            });
            assert_eq!(value, expected);
            let (level, record) = &run.records[0];
            assert_eq!((*level, &record["outcome"]), (Level::Error, &json!("dead_lettered")));
        }
    }
}

/// Where KV takes a dead letter, it takes the event too.
#[test]
fn an_event_that_the_queue_has_given_up_on_is_stored_if_kv_takes_it() {
    for attempts in 1..=3 {
        let texts = vec![message(Sink::Kv)];
        let run = Batch { source: DEAD_LETTERS, attempts, texts, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 0));
        assert_eq!(run.entries[0].key, format!("event/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
        assert_eq!((run.records[0].0, &run.records[0].1["outcome"]), (Level::Info, &json!("stored")));
    }
}

/// It may be what ended the invocations of the attempts before.
#[test]
fn from_its_fourth_attempt_on_a_dead_message_is_stored_unread() {
    for attempts in [4, 5, 100, u32::MAX] {
        for text in [&*message(Sink::Origin), &message(Sink::Kv), &message(Sink::D1), "poison", "", "{\"v\":1"] {
            let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
            let texts = vec![text.to_owned()];
            let run =
                Batch { source: DEAD_LETTERS, attempts, texts, origin, store: vec![Succeeds(5)], ..Batch::default() }
                    .run();
            assert_eq!(run.outcome(), Outcome::Ack);
            let (key, value) = run.dead_letter();
            let expected = json!({ "last_status": null, "last_error": "crashed", "dead_at": NOW_MS, "message": text });
            assert_eq!((key, value), ("dead/0/0", expected), "attempt {attempts}");
            let expected = json!({ "outcome": "dead_lettered", "last_error": "crashed" });
            assert_eq!(run.records, [(Level::Error, expected)]);
        }
    }
    // A delivery is read at every attempt: it has not been moved to the dead-letter queue.
    assert_eq!(Batch { attempts: 85, ..Batch::default() }.run().seen.len(), 1);
}

#[test]
fn a_dead_letter_that_cannot_be_written_is_retried() {
    assert_eq!(DEAD_LETTER_BASE_SECONDS, 60);
    for (attempts, after_seconds) in [(1, 60), (2, 120), (3, 240), (4, 480), (7, 600), (100, 5400)] {
        for plan in [Fails(1), Busy(1), Plan::Hangs] {
            let run = Batch { source: DEAD_LETTERS, attempts, store: vec![plan], ..Batch::default() }.run();
            assert_eq!(
                (run.outcome(), run.entries.len()),
                (Outcome::Retry { after_seconds }, 0),
                "{attempts}, {plan:?}"
            );
            assert_eq!((run.records[0].0, &run.records[0].1["last_error"]), (Level::Warn, &json!("kv")));
        }
    }
    // A store job whose event and dead letter KV both refuses.
    let texts = vec![message(Sink::Kv)];
    let run = Batch { source: DEAD_LETTERS, texts, store: vec![Fails(1), Fails(1)], ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 60 });
    // And a delivery that failed for good.
    let origin = Box::new(|_: &Seen| Reaction::status(508));
    let run = Batch { origin, store: vec![Fails(1)], ..Batch::default() }.run();
    assert_eq!((run.outcome(), run.entries.len()), (Outcome::Retry { after_seconds: 60 }, 0));
}

#[test]
fn what_fails_for_good_is_dead_lettered_and_acknowledged_only_after_the_write() {
    for (reaction, status, error) in [
        (Reaction::status(503), json!(503), Value::Null),
        (Reaction::status(302), json!(302), Value::Null),
        (Reaction::refuse(), Value::Null, json!("unreachable")),
        (Reaction::hang(), Value::Null, json!("timeout")),
    ] {
        let took = reaction.after.unwrap_or(10_000);
        let origin = Box::new(move |_: &Seen| reaction.clone());
        let run = Batch { age_ms: 73 * HOUR_MS, origin, store: vec![Succeeds(700)], ..Batch::default() }.run();
        assert_eq!(run.settled, [("0".to_owned(), Outcome::Ack, took + 700)]);
        let (key, mut value) = run.dead_letter();
        assert_eq!(key, format!("dead/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
        let sent = value.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(&message(Sink::Origin)).unwrap());
        let expected = json!({
            "last_status": status, "last_error": error, "received_at": NOW_MS, "dead_at": NOW_MS + took,
            "job": "deliver", "targets": 2,
        });
        assert_eq!(value, expected);
        assert_eq!((run.records[0].0, &run.records[0].1["outcome"]), (Level::Error, &json!("dead_lettered")));
    }
}

#[test]
fn a_put_that_hangs_is_given_up() {
    let (texts, store) = (vec![message(Sink::Kv)], vec![Plan::Hangs]);
    let run = Batch { texts, store, ..Batch::default() }.run();
    assert_eq!(run.settled, [("0".to_owned(), Outcome::Retry { after_seconds: 5 }, 10_000)]);
}

#[test]
fn invalid_settings_are_no_reason_to_lose_a_message() {
    let invalid = || config(&[("SDK_APP_IDS", "none")]);
    // Of which 72 hours are the default.
    let early = Batch { config: invalid(), age_ms: 71 * HOUR_MS, ..Batch::default() }.run();
    assert_eq!((early.outcome(), early.seen.len()), (Outcome::Retry { after_seconds: 5 }, 0));
    let late = Batch { config: invalid(), store: vec![Succeeds(1)], age_ms: 73 * HOUR_MS, ..Batch::default() };
    let last = Batch { config: invalid(), source: DEAD_LETTERS, store: vec![Succeeds(1)], ..Batch::default() };
    for (batch, error) in [(late, "settings"), (last, "retries_exhausted")] {
        let run = batch.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 0));
        assert_eq!(run.dead_letter().1["last_error"], error);
    }
}

/// However invalid the other settings are.
#[test]
fn a_dead_letter_has_the_retention_that_is_set() {
    let poison = || vec!["poison".to_owned()];
    for more in [&[][..], &[("SINKS", "disk")]] {
        for (days, seconds) in [("1", Some(30 * 24 * 3600)), ("90", Some(90 * 24 * 3600)), ("x", None)] {
            let config = || forwarding(&[more, &[("RETENTION_DAYS", days)]].concat());
            let batch = || Batch { config: config(), store: vec![Succeeds(0)], ..Batch::default() };
            for batch in [
                Batch { age_ms: 73 * HOUR_MS, origin: Box::new(|_| Reaction::refuse()), ..batch() },
                Batch { source: DEAD_LETTERS, ..batch() },
                Batch { source: DEAD_LETTERS, attempts: 4, ..batch() },
                Batch { source: DEAD_LETTERS, texts: poison(), ..batch() },
                Batch { texts: poison(), ..batch() },
            ] {
                let run = batch.run();
                let expected = seconds.map(|seconds| NOW_MS / 1000 + seconds);
                assert_eq!((run.outcome(), run.entries[0].expiration), (Outcome::Ack, expected), "{more:?}, {days}");
            }
        }
    }
}

#[test]
fn each_job_of_an_event_has_a_dead_letter_of_its_own() {
    let (texts, store) = (vec![message(Sink::Kv)], vec![Fails(1), Succeeds(1)]);
    let run = Batch { texts, age_ms: 73 * HOUR_MS, store, ..Batch::default() }.run();
    let (key, value) = run.dead_letter();
    assert_eq!(key, format!("dead/{APP}/{}-store_kv", id_of(Kind::Unfollow, UNFOLLOW)));
    assert_eq!((&value["last_error"], &value["job"]), (&json!("kv"), &json!("store_kv")));
}

/// Without its app there is no token: it would go out unsigned.
#[test]
fn a_delivery_for_an_app_that_was_removed_is_dead_lettered_and_never_sent() {
    let variables = [("SDK_APP_IDS", "20000001"), ("SINKS", "origin"), ("ORIGIN_URL", ORIGIN)];
    for access in [("CALLBACK_TOKEN", TOKEN), ("ALLOW_UNSIGNED", "true")] {
        let removed = || config(&[&variables[..], &[access, ("ORIGIN_SECRET", ORIGIN_SECRET)]].concat());
        for attempts in [1, 20] {
            let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
            let run = Batch { config: removed(), attempts, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
            assert_eq!(run.outcome(), Outcome::Ack);
            let (key, value) = run.dead_letter();
            assert_eq!(key, format!("dead/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
            assert_eq!((&value["last_error"], &value["last_status"]), (&json!("app_removed"), &Value::Null));
            assert_eq!((run.records[0].0, &run.records[0].1["last_error"]), (Level::Error, &json!("app_removed")));
        }
        // Where KV does not take it, it is not lost.
        let run = Batch { config: removed(), store: vec![Fails(1)], ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Retry { after_seconds: 60 }, 0));
        // KV needs no token, and the event was acknowledged.
        let (texts, store) = (vec![message(Sink::Kv)], vec![Succeeds(1)]);
        let run = Batch { config: removed(), texts, store, ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.entries[0].key.starts_with("event/")), (Outcome::Ack, true));
    }
}

#[test]
fn what_came_back_from_this_worker_is_dead_lettered_at_once() {
    assert_eq!(LOOP_STATUS, 508);
    for retry_after in [None, Some(0), Some(60)] {
        let with = Ok(OutgoingResponse { status: 508, retry_after, body: Vec::new() });
        let origin = Box::new(move |_: &Seen| Reaction { after: Some(0), with: with.clone() });
        let run = Batch { origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 1));
        let (key, value) = run.dead_letter();
        assert_eq!(key, format!("dead/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
        assert_eq!((&value["last_status"], &value["last_error"]), (&json!(508), &Value::Null));
    }
}

/// `ORIGIN_URL` leads to this Worker, at whatever path.
#[test]
fn a_loop_ends_with_its_first_delivery() {
    for path in ["", "hook", "v2/x"] {
        let config = forwarding(&[("ORIGIN_URL", &url("").replace('?', path))]);
        let receiving = signed();
        // What this Worker answers to its own delivery.
        let origin = Box::new(|seen: &Seen| {
            let head = RequestHead { has_hop_header: seen.header(HOP_HEADER).is_some(), ..post(&seen.url) };
            let settings = receiving.calls.settings.as_ref().unwrap();
            let validated = validate_head(head, settings, NOW_MS, &mut CallLog::default());
            Reaction::status(validated.map_or_else(|rejection| rejection.row().status, |_| 200))
        });
        let run = Batch { config, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 1), "{path}");
        assert_eq!(run.dead_letter().1["last_status"], 508, "{path}");
    }
}

/// It is not taken for one of the two: that would send what was given up, or give up what was never sent.
#[test]
fn a_message_of_an_unknown_queue_is_retried_and_nothing_else() {
    for (attempts, after_seconds) in [(1, 60), (2, 120), (50, 5400)] {
        let texts = vec![message(Sink::Origin), message(Sink::Kv), "poison".to_owned()];
        let origin = Box::new(|_: &Seen| panic!("the origin must not be called"));
        // However old: nothing says what to do with it.
        let run = Batch { source: None, attempts, texts, age_ms: 80 * HOUR_MS, origin, ..Batch::default() }.run();
        let outcome = Outcome::Retry { after_seconds };
        assert_eq!(run.settled, ["0", "1", "2"].map(|id| (id.to_owned(), outcome, 0)));
        let expected =
            json!({ "outcome": "retried", "last_error": "unknown_queue", "retry_after_seconds": after_seconds });
        assert_eq!(run.records, vec![(Level::Warn, expected); 3]);
    }
}

#[test]
fn an_unreadable_message_is_dead_lettered_under_its_message_id_from_either_queue() {
    for source in [DELIVERIES, DEAD_LETTERS] {
        for text in ["poison", "", "{}", &message(Sink::Origin).replace(r#""v":1"#, r#""v":2"#), "{\"v\":1"] {
            let (texts, store) = (vec![text.to_owned()], vec![Succeeds(5)]);
            let run = Batch { source, texts, store, ..Batch::default() }.run();
            assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 0));
            let (key, value) = run.dead_letter();
            assert_eq!(key, "dead/0/0");
            assert_eq!((&value["message"], &value["last_error"]), (&json!(text), &json!("unreadable")));

            let (texts, store) = (vec![text.to_owned()], vec![Fails(5)]);
            let run = Batch { source, texts, store, ..Batch::default() }.run();
            assert!(run.is_retried(), "{source:?}: {text}");
        }
    }
}

#[test]
fn invalid_settings_send_nothing_and_lose_nothing() {
    for invalid in [
        config(&[("SDK_APP_IDS", "x"), ("ORIGIN_URL", ORIGIN)]),
        forwarding(&[("ORIGIN_URL", "http://example.com")]),
        forwarding(&[("ORIGIN_SECRET", "whsec_tooshort")]),
        forwarding(&[("ORIGIN_SECRET", "")]),
        forwarding(&[("ORIGIN_SECRET_PREVIOUS", ORIGIN_SECRET)]),
        forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET), ("ORIGIN_SECRET_PREVIOUS", "whsec_tooshort")]),
        config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]),
    ] {
        let origin = Box::new(|_: &Seen| panic!("nothing may be sent"));
        let invalid_settings = format!("{:?}", invalid.invalid_settings);
        let run = Batch { config: invalid, origin, ..Batch::default() }.run();
        assert_eq!((run.outcome(), run.entries.len()), (Outcome::Retry { after_seconds: 5 }, 0), "{invalid_settings}");
        assert_eq!(run.records[0].1["last_error"], "settings");
    }
}

#[test]
fn a_record_of_the_consumer_has_no_secret_and_no_user_id() {
    let config = || forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    for (source, status) in [(DELIVERIES, 200), (DELIVERIES, 500), (DELIVERIES, 508), (DEAD_LETTERS, 500)] {
        let origin = Box::new(move |_: &Seen| Reaction::status(status));
        let run = Batch { config: config(), source, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!(run.records.len(), 1);
        let record = run.records[0].1.to_string();
        for mark in ["UserID", TOKEN, "Sign", "whsec", "backend.example", "127.0.0.1"] {
            assert!(!record.contains(mark), "{mark}: {record}");
        }
        let expected = (json!(1_400_000_000), json!(2), json!("deliver"));
        let record = &run.records[0].1;
        assert_eq!((record["app"].clone(), record["targets"].clone(), record["job"].clone()), expected);
    }
}

#[test]
fn a_queue_is_recognised_by_its_name() {
    for (name, source) in [
        ("unfollow-deliveries", DELIVERIES),
        ("unfollow-deliveries-staging", DELIVERIES),
        ("staging-unfollow-deliveries", DELIVERIES),
        ("unfollow-event-log", Some(Source::EventLog)),
        ("event-log-staging", Some(Source::EventLog)),
        ("unfollow-deliveries-event-log", DELIVERIES),
        ("event-log-dead-letters", DEAD_LETTERS),
        ("unfollow-dead-letters", DEAD_LETTERS),
        ("unfollow-dead-letters-staging", DEAD_LETTERS),
        ("staging-unfollow-dead-letters", DEAD_LETTERS),
        ("unfollow-deliveries-dead-letters", DEAD_LETTERS),
        ("unfollow", None),
        ("unfollow-dlq", None),
        ("dead_letters", None),
        ("", None),
    ] {
        assert_eq!(Source::of(name), source, "{name}");
    }
}

/// A queue retains a message for four days (on the free plan for one) and then drops it: it does not become a dead letter.
#[test]
fn no_message_outlives_its_queue() {
    for (hours, retained) in [(None, 96), (Some("20"), 24), (Some("90"), 96), (Some("1"), 24)] {
        for base in ["1", "5", "60", "3600"] {
            for reaction in [
                Reaction::hang(),
                Reaction::status(500),
                Reaction::refuse(),
                Reaction {
                    after: Some(20),
                    with: Ok(OutgoingResponse { status: 503, retry_after: Some(u64::MAX), body: vec![] }),
                },
            ] {
                let mut variables = vec![("RETRY_BASE_SECONDS", base)];
                variables.extend(hours.map(|hours| ("DELIVERY_HOURS", hours)));
                let mut age_ms = 0;
                // Whatever `max_retries` is.
                let end = (1..500).find_map(|attempts| {
                    let (config, reaction) = (forwarding(&variables), reaction.clone());
                    let origin = Box::new(move |_: &Seen| reaction.clone());
                    let (now_ms, store) = (NOW_MS + age_ms, vec![Succeeds(1)]);
                    let run = Batch { config, now_ms, age_ms, attempts, origin, store, ..Batch::default() }.run();
                    let (_, outcome, at) = run.settled[0];
                    age_ms += at;
                    let Outcome::Retry { after_seconds } = outcome else {
                        assert!(run.dead_letter().0.starts_with("dead/"));
                        return Some(age_ms);
                    };
                    age_ms += 1000 * u64::from(after_seconds);
                    None
                });
                let hours = hours.map_or(72, |it| it.parse().unwrap());
                // The last attempt may take 10 s, and begins within the hours set.
                let end = end.unwrap();
                assert!(end <= hours * HOUR_MS + 11_000, "{hours} h, base {base}, {reaction:?}: {end} ms");
                assert!(end < retained * HOUR_MS);
            }
        }
    }
}

#[test]
fn what_would_get_too_old_by_its_next_attempt_is_dead_lettered_at_once() {
    let hour = HOUR_MS / 1000;
    for (hours, attempts, retry_after, wait) in [
        ("72", 1, None, 5),
        ("72", 85, None, 5400),
        ("72", 1, Some(1800), 1980),
        ("72", 1, Some(u64::MAX), 11 * hour),
        ("20", 1, None, 5),
        ("20", 9, None, 600),
        ("90", 40, None, 5400),
        ("1", 11, None, 600),
    ] {
        let life = hours.parse::<u64>().unwrap() * hour;
        for (age, is_last) in [(life - wait, false), (life - wait + 1, true), (life + 10 * hour, true)] {
            let with = Ok(OutgoingResponse { status: 500, retry_after, body: Vec::new() });
            let origin = Box::new(move |_: &Seen| Reaction { after: Some(0), with: with.clone() });
            // 72 is the default.
            let set = [("DELIVERY_HOURS", hours)];
            let config = forwarding(if hours == "72" { &[] } else { &set });
            let (age_ms, store) = (age * 1000, vec![Succeeds(1)]);
            let run = Batch { config, age_ms, attempts, origin, store, ..Batch::default() }.run();
            assert_eq!((run.is_retried(), run.entries.len()), (!is_last, usize::from(is_last)), "{hours} h, {age} s");
            if is_last {
                assert_eq!(run.dead_letter().1["last_status"], 500);
            }
        }
    }
    // What the attempt took counts.
    let origin = || Box::new(|_: &Seen| Reaction::hang());
    let age_ms = 72 * HOUR_MS - 14_000;
    let run = Batch { age_ms, origin: origin(), store: vec![Succeeds(1)], ..Batch::default() }.run();
    assert_eq!(run.dead_letter().1["last_error"], "timeout");
    assert!(Batch { age_ms: age_ms - 1000, origin: origin(), ..Batch::default() }.run().is_retried());
    // Where KV does not store it either, it is retried.
    let origin = Box::new(|_: &Seen| Reaction::status(500));
    let run = Batch { age_ms: 80 * HOUR_MS, origin, store: vec![Fails(1)], ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 60 });
}

/// However late it comes.
#[test]
fn what_succeeds_is_never_too_old() {
    let run = Batch { age_ms: 95 * HOUR_MS, attempts: 86, ..Batch::default() }.run();
    assert_eq!((run.outcome(), run.entries.len()), (Outcome::Ack, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// Whatever is on the queue, and whatever the origin, KV and D1 do, each message is settled once, and acknowledged only
    /// where it was delivered, stored or dead-lettered.
    #[test]
    fn nothing_is_acknowledged_that_is_not_done(
        texts in prop::collection::vec(prop_oneof![
            3 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::Origin)),
            2 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::Kv)),
            2 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Sink::D1)),
            1 => any::<String>(),
        ], 1..12),
        source in prop::sample::select(&[DELIVERIES, DEAD_LETTERS, None][..]),
        attempts in prop_oneof![1..6_u32, 1..100_u32],
        age_ms in prop_oneof![Just(0), 0..100 * HOUR_MS],
        statuses in prop::collection::vec(
            prop::option::weighted(0.8, prop_oneof![3 => Just(200), 1 => Just(500), 1 => Just(301), 1 => Just(508)]), 12,
        ),
        store in prop::collection::vec(prop_oneof![Just(Succeeds(3)), Just(Fails(3))], 24),
        database in prop::option::weighted(
            0.8, prop::collection::vec(prop_oneof![Just(Succeeds(3)), Just(Fails(3)), Just(Unavailable(3))], 12),
        ),
    ) {
        let next = RefCell::new(statuses.into_iter());
        let delivered = RefCell::new(0);
        let origin = Box::new(|_: &Seen| match next.borrow_mut().next().flatten() {
            Some(200) => { *delivered.borrow_mut() += 1; Reaction::status(200) }
            Some(status) => Reaction::status(status),
            None => Reaction::hang(),
        });
        let count = texts.len();
        let run = Batch { texts, source, attempts, age_ms, origin, store, database, ..Batch::default() }.run();
        let acked = run.settled.iter().filter(|(_, outcome, _)| *outcome == Outcome::Ack).count();
        prop_assert_eq!(run.settled.len(), count);
        prop_assert_eq!(run.records.len(), count);
        prop_assert_eq!(acked, run.entries.len() + run.inserted.len() + *delivered.borrow());
        prop_assert!(source == DELIVERIES || run.seen.is_empty());
        prop_assert!(source.is_some() || acked == 0);
    }
}

/// The row of the delivery after one attempt. Before it, there is none.
#[test]
fn what_changes_about_a_delivery_is_written() {
    let failing = |reaction: Reaction| -> Box<dyn Fn(&Seen) -> Reaction> { Box::new(move |_| reaction.clone()) };
    let nothing = |attempts| Change { attempts: Some(attempts), ..first_attempt(State::Delivered, NOW_MS + 20) };
    let dead = || Change { state: State::Dead, ..nothing(1) };
    let given_up = || Batch { source: DEAD_LETTERS, store: vec![Succeeds(5)], ..Batch::default() };
    for (batch, expected) in [
        (Batch { attempts: 3, ..Batch::default() }, Change { last_status: Some(200), ..nothing(3) }),
        (
            Batch { origin: failing(Reaction::status(204)), ..Batch::default() },
            Change { last_status: Some(204), ..nothing(1) },
        ),
        (
            Batch { origin: failing(Reaction::status(503)), ..Batch::default() },
            Change {
                state: State::Retrying,
                last_status: Some(503),
                next_attempt_at: Some(NOW_MS + 20 + 5_000),
                ..nothing(1)
            },
        ),
        // A long wait, by the number of attempts, or because the origin asks for it.
        (
            Batch { origin: failing(Reaction::status(503)), attempts: 40, ..Batch::default() },
            Change {
                state: State::Retrying,
                last_status: Some(503),
                next_attempt_at: Some(NOW_MS + 20 + BACKOFF_MAX_SECONDS * 1000),
                ..nothing(40)
            },
        ),
        (
            Batch { origin: failing(Reaction::asking_to_wait(3_000)), attempts: 2, ..Batch::default() },
            Change {
                state: State::Retrying,
                last_status: Some(503),
                next_attempt_at: Some(NOW_MS + 20 + 3_300_000),
                ..nothing(2)
            },
        ),
        (
            Batch { origin: failing(Reaction::refuse()), ..Batch::default() },
            Change {
                state: State::Retrying,
                last_error: Some("unreachable"),
                next_attempt_at: Some(NOW_MS + 5_000),
                at: NOW_MS,
                ..nothing(1)
            },
        ),
        (
            Batch { origin: failing(Reaction::status(LOOP_STATUS)), store: vec![Succeeds(5)], ..Batch::default() },
            Change { last_status: Some(LOOP_STATUS), at: NOW_MS + 25, ..dead() },
        ),
        // It is attempted again.
        (
            Batch { origin: failing(Reaction::status(LOOP_STATUS)), store: vec![Fails(5)], ..Batch::default() },
            Change {
                state: State::Retrying,
                last_error: Some("kv"),
                next_attempt_at: Some(NOW_MS + 25 + 60_000),
                at: NOW_MS + 25,
                ..nothing(1)
            },
        ),
        // The dead-letter queue does not tell how many attempts there were.
        (given_up(), Change { attempts: None, last_error: Some("retries_exhausted"), at: NOW_MS + 5, ..dead() }),
    ] {
        let (run, id) = (batch.run(), id_of(Kind::Unfollow, UNFOLLOW));
        let change = DeliveryChange { app: app(), id: EventId::read(&id).unwrap(), change: expected };
        assert_eq!(run.changes, deliveries::write_all(std::slice::from_ref(&change)), "{change:?}");
    }
}

#[test]
fn of_messages_only_problems_are_logged_if_the_owner_wants_no_more() {
    let answers = [(200, None), (503, Some(Level::Warn)), (LOOP_STATUS, Some(Level::Error))];
    for (status, level) in answers {
        let config = forwarding(&[("LOG", "problems")]);
        let origin = Box::new(move |_: &Seen| Reaction::status(status));
        let run = Batch { config, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!(run.records.first().map(|(level, _)| *level), level, "{status}");
    }
}

#[test]
fn what_is_no_delivery_writes_none() {
    let store = |sink| Batch { texts: vec![message(sink)], store: vec![Succeeds(5)], ..Batch::default() };
    for batch in [
        store(Sink::Kv),
        Batch { source: DEAD_LETTERS, ..store(Sink::Kv) },
        Batch { database: Some(vec![Succeeds(5)]), store: vec![], ..store(Sink::D1) },
        Batch { texts: vec!["poison".to_owned()], ..store(Sink::Origin) },
        Batch { source: DEAD_LETTERS, attempts: 4, ..store(Sink::Origin) },
        // It is not attempted again: only its dead letter is.
        Batch { source: DEAD_LETTERS, store: vec![Fails(5)], ..store(Sink::Origin) },
        Batch { source: None, ..Batch::default() },
        // It is retried, as it was, and soon again.
        Batch { origin: Box::new(|_| Reaction::status(503)), attempts: 2, ..Batch::default() },
        Batch { origin: Box::new(|_| Reaction::status(503)), attempts: 10, ..Batch::default() },
    ] {
        assert_eq!(batch.run().changes, []);
    }
}

/// All messages are settled before the rows are written.
#[test]
fn a_row_that_cannot_be_written_changes_nothing_about_the_delivery() {
    let texts = || vec![message(Sink::Origin), message_of(Kind::Follow, FOLLOW, Sink::Origin)];
    for change_plan in [Fails(0), Unavailable(0), Hangs] {
        let run = Batch { texts: texts(), change_plan, ..Batch::default() }.run();
        let expected = [("0".to_owned(), Outcome::Ack, 20), ("1".to_owned(), Outcome::Ack, 40)];
        assert_eq!(run.settled, expected, "{change_plan:?}");
        let told = run.records.iter().filter(|(level, record)| {
            *level == Level::Warn && *record == json!({ "outcome": "failed", "reason": "delivery_state" })
        });
        assert_eq!(told.count(), 1);
    }
    // Without a database there is no row, and nothing to say.
    let run = Batch { texts: texts(), database: None, ..Batch::default() }.run();
    assert_eq!((run.settled.len(), run.records.len()), (2, 2));
}

/// The message that replays the dead letter of this key.
fn replaying(key: &str, sink: Sink) -> String {
    Message::read(&message(sink)).unwrap().replaying(key).text()
}

fn letter_key(sink: Sink) -> String {
    dead_letter::key(app(), &EventId::read(&id_of(Kind::Unfollow, UNFOLLOW)).unwrap(), sink)
}

/// By whatever replay, and not before.
#[test]
fn a_dead_letter_ends_when_its_event_has_come_to_where_it_was_to_go() {
    for &sink in Sink::VARIANTS {
        for key in [letter_key(sink), "dead/0/m-1".to_owned()] {
            let replay = |store, database, status| {
                let texts = vec![replaying(&key, sink)];
                let origin = Box::new(move |_: &Seen| Reaction::status(status));
                Batch { texts, store, database: Some(database), origin, ..Batch::default() }.run()
            };
            let run = replay(vec![Succeeds(1); usize::from(sink == Sink::Kv)], vec![Succeeds(1)], 200);
            assert_eq!((run.outcome(), &run.deleted), (Outcome::Ack, &vec![key.clone()]), "{sink:?}");
            let run = replay(vec![Fails(1); usize::from(sink == Sink::Kv)], vec![Fails(1)], 503);
            assert!(run.is_retried() && run.deleted.is_empty(), "{sink:?}: {:?}", run.deleted);
        }
    }
    // A message that replays nothing ends nothing: a delete costs.
    assert_eq!(Batch::default().run().deleted, [""; 0]);
}

/// The letter that the replay was of is deleted by the consumer alone, so it cannot take the new one with it.
#[test]
fn a_replay_that_fails_for_good_leaves_one_letter() {
    for (key, deleted) in [(letter_key(Sink::Origin), vec![]), ("dead/0/m-1".to_owned(), vec!["dead/0/m-1"])] {
        let failing = |store| Batch {
            texts: vec![replaying(&key, Sink::Origin)],
            origin: Box::new(|_| Reaction::status(LOOP_STATUS)),
            store: vec![store],
            ..Batch::default()
        };
        let run = failing(Succeeds(1)).run();
        assert_eq!(run.dead_letter().0, letter_key(Sink::Origin));
        assert_eq!(run.deleted, deleted);
        // Until the new one is written, the old one stays.
        let run = failing(Fails(1)).run();
        assert!(run.is_retried() && run.deleted.is_empty());
    }
}

/// A queue hands out a message more than once. What another copy has brought to the origin is no dead letter.
#[test]
fn a_copy_of_what_the_origin_has_becomes_no_dead_letter() {
    let row = |state: &str| {
        json!({ "state": state, "event_time": 1, "hash": "", "attempts": 3, "last_status": 418, "last_error": null,
            "next_attempt_at": null, "updated_at": 1, "answer": "short and stout" })
    };
    for (state, is_accepted) in [
        ("delivered", true),
        ("delivered_late", true),
        ("delivered_fail", true),
        ("retrying", false),
        ("dead", false),
        ("of another version", false),
    ] {
        let final_failure = Batch { origin: Box::new(|_| Reaction::status(LOOP_STATUS)), ..Batch::default() };
        for batch in [final_failure, Batch { source: DEAD_LETTERS, ..Batch::default() }] {
            let store = vec![Succeeds(1); usize::from(!is_accepted)];
            let is_given_up = batch.source == DEAD_LETTERS;
            let run = Batch { delivery: Some(row(state)), store, ..batch }.run();
            assert_eq!((run.outcome(), run.entries.len()), (Outcome::Ack, usize::from(!is_accepted)), "{state}");
            assert_eq!(run.records[0].1["outcome"], if is_accepted { "delivered" } else { "dead_lettered" }, "{state}");
            if !is_accepted && is_given_up {
                let (_, letter) = run.dead_letter();
                // What the last attempt got is not forgotten.
                assert_eq!(letter["last_status"], 418);
                assert_eq!(
                    (&letter["last_error"], &letter["answer"]),
                    (&json!("retries_exhausted"), &json!("short and stout"))
                );
                assert_eq!(run.records[0].1["last_status"], 418);
            }
        }
    }
}

/// Tencent's own FAIL, with a status of success: a backend that handled the webhooks itself may say so to what it has seen.
#[test]
fn an_answer_that_says_fail_is_accepted_with_a_warning_or_retried() {
    const FAIL: &str = r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"seen"}"#;
    let changed = |run: &Run| format!("{:?}", run.changes[0].parameters);
    for (body, says_fail) in [
        (FAIL, true),
        (" {\"ErrorCode\":1, \"ActionStatus\" : \"FAIL\"}\n", true),
        (r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"FAIL"}"#, false),
        (r#"{"ActionStatus":"fail"}"#, false),
        (r#"{"ActionStatus":1}"#, false),
        (r#"["ActionStatus","FAIL"]"#, false),
        ("FAIL", false),
        ("", false),
    ] {
        for on_fail in [None, Some("accept"), Some("retry")] {
            let more: Vec<_> = on_fail.iter().map(|it| ("ORIGIN_FAIL", *it)).collect();
            let config = forwarding(&more);
            let run = Batch { config, origin: Box::new(|_| Reaction::answer(200, body)), ..Batch::default() }.run();
            let (level, record) = &run.records[0];
            let is_retried = says_fail && on_fail == Some("retry");
            assert_eq!(run.is_retried(), is_retried, "{body} {on_fail:?}");
            assert_eq!(*level, if says_fail { Level::Warn } else { Level::Info }, "{body}");
            assert_eq!(record["last_error"], if says_fail { json!("fail") } else { Value::Null }, "{body}");
            // What it said is in the row, and not in the log.
            assert_eq!(changed(&run).contains("ActionStatus"), says_fail, "{body}");
            assert!(!record.to_string().contains("ActionStatus"), "{record}");
            let state = match (says_fail, is_retried) {
                (_, true) => "retrying",
                (true, false) => "delivered_fail",
                (false, false) => "delivered",
            };
            let sql = &run.changes[0].sql;
            assert!(sql.contains(&format!("SET state = '{state}'")), "{body} {on_fail:?}: {sql}");
        }
    }
}

/// The answer that is written with the one change of a run.
fn written_answer(run: &Run) -> Value {
    let [Parameter::Text(changes)] = &run.changes[0].parameters[..] else { panic!("{:?}", run.changes) };
    let changes: Vec<Vec<Value>> = serde_json::from_str(changes).unwrap();
    let [change] = &changes[..] else { panic!("{changes:?}") };
    change.last().unwrap().clone()
}

#[test]
fn the_start_of_a_failed_answer_is_kept_with_the_delivery_and_the_dead_letter() {
    let long = "é".repeat(3000);
    for (body, kept) in [
        (b"try again".to_vec(), Some("try again".to_owned())),
        (long.clone().into_bytes(), Some("é".repeat(256))),
        ([b"x", long.as_bytes()].concat(), Some(format!("x{}", "é".repeat(255)))),
        (b"\xff\xfe".to_vec(), Some("\u{fffd}\u{fffd}".to_owned())),
        (Vec::new(), None),
    ] {
        let failing = |status| {
            let body = body.clone();
            Batch { origin: Box::new(move |_| Reaction::answer(status, &*body)), ..Batch::default() }
        };
        let run = failing(503).run();
        assert_eq!(written_answer(&run), json!(kept));
        let run = Batch { store: vec![Succeeds(1)], ..failing(LOOP_STATUS) }.run();
        let (_, letter) = run.dead_letter();
        assert_eq!(letter["answer"].as_str().map(str::to_owned), kept);
        // A list has no room for it.
        assert!(!run.entries[0].metadata.contains("answer"));
        let run = failing(200).run();
        assert_eq!(written_answer(&run), Value::Null);
    }
}
