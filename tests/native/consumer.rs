//! The consumer: each message is delivered, stored, retried or dead-lettered, on its own.

use std::{cell::RefCell, fs, path::Path, rc::Rc};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use standardwebhooks::Webhook;
use tokio::time::Instant;
use unfollow_webhook::{
    config::Config,
    delivery::consumer::{
        Consumer, DEAD_LETTER_WAIT_SECONDS, ORIGIN_WITHIN_MS, Outcome, QueuedMessage, Source, WAIT_MAX_SECONDS,
        wait_seconds,
    },
    delivery::message::{Job, Message},
    event::Entry,
    log::Level,
    origin::{OriginError, OriginResponse},
    webhook::command::Kind,
};

use crate::{
    fakes::{
        FakeClock, FakeOrigin, FakeStore,
        Plan::{self, Busy, Fails, Succeeds},
        Reaction, Seen, paused,
    },
    samples::{APP, FOLLOW, NOW_MS, ORIGIN, ORIGIN_SECRET, TOKEN, UNFOLLOW, config, event, query},
};

const HOUR_MS: u64 = 3_600_000;

struct FakeMessage {
    id: String,
    text: String,
    sent_at: u64,
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
    source: Source,
    /// The id of each is its index.
    texts: Vec<String>,
    /// How long ago they were sent.
    age_ms: u64,
    store: Vec<Plan>,
    origin: Box<dyn Fn(&Seen) -> Reaction + 'a>,
    now_ms: u64,
}

impl Default for Batch<'_> {
    /// One fresh message to deliver, to an origin that takes it.
    fn default() -> Self {
        Self {
            config: forwarding(&[]),
            source: Source::Deliveries,
            texts: vec![message(Job::Deliver)],
            age_ms: 0,
            store: Vec::new(),
            origin: Box::new(|_| Reaction::status(200)),
            now_ms: NOW_MS,
        }
    }
}

impl Batch<'_> {
    fn run(self) -> Run {
        paused(async {
            let Self { config, source, texts, age_ms, store, origin, now_ms } = self;
            let (store, origin, clock) = (FakeStore::of(&store), FakeOrigin::of(origin), FakeClock::at(now_ms));
            let settled = Rc::default();
            let records = RefCell::new(Vec::new());
            let log =
                |level, record: String| records.borrow_mut().push((level, serde_json::from_str(&record).unwrap()));
            let epoch = Instant::now();
            let messages = texts.into_iter().enumerate().map(|(index, text)| FakeMessage {
                id: index.to_string(),
                text,
                sent_at: now_ms - age_ms,
                epoch,
                settled: Rc::clone(&settled),
            });
            // Halfway between the bounds, there is no jitter.
            let random = || 0.5;
            let consumer =
                Consumer { config: &config, store: &store, origin: &origin, clock: &clock, random: &random, log: &log };
            consumer.consume(source, messages).await;
            let (seen, most_under_way, entries) = (origin.seen(), origin.most_under_way.get(), store.entries());
            let (settled, records) = (settled.take(), records.into_inner());
            Run { settled, seen, most_under_way, entries, records }
        })
    }
}

fn message(job: Job) -> String {
    message_of(Kind::Unfollow, UNFOLLOW, job)
}

fn message_of(kind: Kind, body: &str, job: Job) -> String {
    // An unknown parameter, and odd separators, stay.
    let query = format!("{}&&x=%zz&x=2", query(kind.command()));
    Message::of(&event(&query, kind, body.as_bytes()), job).text()
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
        let texts = vec![message_of(kind, body, Job::Deliver)];
        let run = Batch { texts, now_ms: later, age_ms: HOUR_MS, ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Ack);
        let [seen] = &run.seen[..] else { panic!("{:?}", run.seen) };
        let time = (later / 1000).to_string();
        let sign = hex::encode(Sha256::digest(format!("{TOKEN}{time}")));
        assert_eq!(seen.url, format!("{ORIGIN}?{}&Sign={sign}&RequestTime={time}", stored_query(kind)));
        assert_eq!(seen.body, body.as_bytes());
        assert_eq!(seen.headers, [("content-type", "application/json".to_owned())]);
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
    assert_eq!(run.seen[0].headers.len(), 1);
}

#[test]
fn a_message_without_a_query_is_signed_all_the_same() {
    let text = message(Job::Deliver);
    let (before, rest) = text.split_once("\"query\":\"").unwrap();
    let text = format!("{before}{}", &rest[rest.find("\"body\"").unwrap()..]);
    let run = Batch { texts: vec![text], ..Batch::default() }.run();
    assert!(run.seen[0].url.starts_with(&format!("{ORIGIN}?Sign=")), "{}", run.seen[0].url);
}

#[test]
fn the_standard_webhooks_library_verifies_a_delivery() {
    // It compares with the real time, which nothing else here reads.
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let body = r#"{ "From_Account":"微🙂","To_Account":["b"],"EventTime":1702018343678, "x":"\ud800" }"#;
    let config = || forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    let texts = vec![message_of(Kind::Unfollow, body, Job::Deliver)];
    let run = Batch { config: config(), texts, now_ms: now.try_into().unwrap(), ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Ack);
    let seen = &run.seen[0];
    let headers = |seen: &Seen| -> ureq::http::HeaderMap {
        seen.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    };
    let webhook = Webhook::new(ORIGIN_SECRET).unwrap();
    webhook.verify(&seen.body, &headers(seen)).unwrap();
    assert_eq!(seen.header("webhook-id"), Some(&*id_of(Kind::Unfollow, body)));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    // And it notices a change.
    assert!(webhook.verify(b"{}", &headers(seen)).is_err());
    assert!(Webhook::new("whsec_AAAA").unwrap().verify(&seen.body, &headers(seen)).is_err());
}

#[test]
fn a_2xx_status_is_delivered_and_any_other_status_is_retried() {
    for status in [200, 201, 202, 204, 299] {
        let run = Batch { origin: Box::new(move |_| Reaction::status(status)), ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Ack, "{status}");
    }
    for status in [0, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 410, 413, 429, 500, 502, 503, 599] {
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
        (Reaction { after: Some(3), with: Err(OriginError::TooLarge) }, "too_large", 3),
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
fn a_message_waits_as_long_as_it_is_old() {
    for (age_ms, base, after_seconds) in [
        (0, "5", 5),
        (4_999, "5", 5),
        (60_999, "5", 60),
        (0, "90", 90),
        (89_000, "90", 90),
        (30 * HOUR_MS, "5", 43_200),
    ] {
        let config = forwarding(&[("RETRY_BASE_SECONDS", base)]);
        // The answer takes no time here: its time would count towards the age.
        let origin = Box::new(|_: &Seen| Reaction { after: Some(0), ..Reaction::status(500) });
        let run = Batch { config, age_ms, origin, ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds }, "{age_ms} ms, base {base}");
    }
}

#[test]
fn a_longer_retry_after_is_honoured_for_any_failing_status() {
    for (status, retry_after, after_seconds) in [
        (503, Some(120), 120),
        (429, Some(43_200), 43_200),
        (500, Some(43_201), 43_200),
        (301, Some(u64::MAX), 43_200),
        (503, Some(4), 5),
        (503, Some(0), 5),
        (503, None, 5),
    ] {
        let answer = OriginResponse { status, retry_after, body: Vec::new() };
        let reaction = Reaction { after: Some(0), with: Ok(answer) };
        let run = Batch { origin: Box::new(move |_| reaction.clone()), ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds }, "{retry_after:?}");
    }
}

#[test]
fn one_bad_message_does_not_hold_up_its_neighbours() {
    let mut texts: Vec<_> = (0..10).map(|n| message_of(Kind::Unfollow, &numbered(n), Job::Deliver)).collect();
    texts[0] = "poison".to_owned();
    let hangs = |seen: &Seen| String::from_utf8_lossy(&seen.body).contains("number-1\"");
    let fails = |seen: &Seen| String::from_utf8_lossy(&seen.body).contains("number-2\"");
    let origin = Box::new(move |seen: &Seen| match () {
        () if hangs(seen) => Reaction::hang(),
        () if fails(seen) => Reaction::status(500),
        () => Reaction::status(200),
    });
    let run = Batch { texts, origin, store: vec![Succeeds(5)], ..Batch::default() }.run();
    assert_eq!(run.settled.len(), 10);
    for (id, outcome, at) in &run.settled {
        match &**id {
            "0" => assert_eq!((*outcome, *at), (Outcome::Ack, 5)),
            "1" => assert_eq!((*outcome, *at), (Outcome::Retry { after_seconds: 10 }, 10_000)),
            "2" => assert!(matches!(outcome, Outcome::Retry { .. }) && *at <= 100),
            _ => assert!(*outcome == Outcome::Ack && *at <= 100, "{id}: {outcome:?} at {at}"),
        }
    }
    assert_eq!(run.dead_letter().0, "dead/0/0");
}

#[test]
fn a_batch_is_delivered_five_messages_at_a_time() {
    let texts: Vec<_> = (0..30).map(|n| message_of(Kind::Unfollow, &numbered(n), Job::Deliver)).collect();
    let run = Batch { texts, ..Batch::default() }.run();
    assert_eq!((run.settled.len(), run.seen.len()), (30, 30));
    // An invocation has six connections, and KV needs one.
    assert_eq!(run.most_under_way, 5);
    assert!(
        run.settled
            .iter()
            .all(|(id, outcome, at)| *outcome == Outcome::Ack && *at == 20 * (1 + id.parse::<u64>().unwrap() / 5))
    );
}

#[test]
fn every_message_of_a_batch_is_settled_once() {
    let kinds = [message(Job::Deliver), String::new(), message(Job::StoreKv), "{}".to_owned()];
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
    let texts = vec![message(Job::StoreKv)];
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
        let run = Batch { texts: vec![message(Job::StoreKv)], store: vec![plan], ..Batch::default() }.run();
        assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 5 });
        assert_eq!((&run.records[0].1["last_error"], run.entries.len()), (&json!("kv"), 0));
    }
}

#[test]
fn an_event_that_is_stored_after_its_retention_gets_an_expiry_that_kv_allows() {
    let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")]);
    let now_ms = NOW_MS + 90 * HOUR_MS;
    let texts = vec![message(Job::StoreKv)];
    let run = Batch { config, texts, now_ms, store: vec![Succeeds(5)], ..Batch::default() }.run();
    assert!(run.entries[0].expiration.unwrap() >= now_ms / 1000 + 60, "{:?}", run.entries[0].expiration);
}

#[test]
fn a_dead_letter_is_tried_once_more() {
    let run = Batch { source: Source::DeadLetters, ..Batch::default() }.run();
    assert_eq!((run.outcome(), run.seen.len(), run.entries.len()), (Outcome::Ack, 1, 0));
    let texts = vec![message(Job::StoreKv)];
    let run = Batch { source: Source::DeadLetters, texts, store: vec![Succeeds(1)], ..Batch::default() }.run();
    assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 0));
    assert!(run.entries[0].key.starts_with("event/"));
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
        let run = Batch { source: Source::DeadLetters, origin, store: vec![Succeeds(700)], ..Batch::default() }.run();
        assert_eq!(run.settled, [("0".to_owned(), Outcome::Ack, took + 700)]);
        let (key, mut value) = run.dead_letter();
        assert_eq!(key, format!("dead/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
        let sent = value.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(&message(Job::Deliver)).unwrap());
        let expected = json!({
            "last_status": status, "last_error": error, "received_at": NOW_MS, "dead_at": NOW_MS + took,
            "job": "deliver", "targets": 2,
        });
        assert_eq!(value, expected);
        assert_eq!((run.records[0].0, &run.records[0].1["outcome"]), (Level::Error, &json!("dead_lettered")));
    }
}

#[test]
fn a_dead_letter_that_cannot_be_written_is_retried() {
    let origin = || Box::new(|_: &Seen| Reaction { after: Some(0), ..Reaction::status(500) });
    for plan in [Fails(1), Busy(1)] {
        let batch = Batch { source: Source::DeadLetters, origin: origin(), store: vec![plan], ..Batch::default() };
        let run = batch.run();
        assert_eq!((run.outcome(), run.entries.len()), (Outcome::Retry { after_seconds: 60 }, 0));
    }
    assert_eq!(DEAD_LETTER_WAIT_SECONDS, 60..=3600);
    // A store job that fails for good while KV is down stays on the queue: 100 tries, an hour apart.
    let texts = vec![message(Job::StoreKv)];
    let store = vec![Fails(1), Fails(1)];
    let run = Batch { source: Source::DeadLetters, texts, store, age_ms: 5 * HOUR_MS, ..Batch::default() }.run();
    assert_eq!(run.outcome(), Outcome::Retry { after_seconds: 3600 });
}

#[test]
fn a_put_that_hangs_is_given_up() {
    let (texts, store) = (vec![message(Job::StoreKv)], vec![Plan::Hangs]);
    let run = Batch { texts, store, ..Batch::default() }.run();
    assert_eq!(run.settled, [("0".to_owned(), Outcome::Retry { after_seconds: 10 }, 10_000)]);
}

#[test]
fn invalid_settings_are_no_reason_to_lose_a_message() {
    let invalid = || config(&[("SDK_APP_IDS", "none")]);
    let late = Batch { config: invalid(), store: vec![Succeeds(1)], age_ms: 83 * HOUR_MS, ..Batch::default() };
    let last = Batch { config: invalid(), source: Source::DeadLetters, store: vec![Succeeds(1)], ..Batch::default() };
    for batch in [late, last] {
        let run = batch.run();
        assert_eq!((run.outcome(), run.seen.len()), (Outcome::Ack, 0));
        assert_eq!(run.dead_letter().1["last_error"], "settings");
    }
}

#[test]
fn each_job_of_an_event_has_a_dead_letter_of_its_own() {
    let texts = vec![message(Job::StoreKv)];
    let store = vec![Fails(1), Succeeds(1)];
    let run = Batch { source: Source::DeadLetters, texts, store, ..Batch::default() }.run();
    assert_eq!(run.dead_letter().0, format!("dead/{APP}/{}-store_kv", id_of(Kind::Unfollow, UNFOLLOW)));
}

#[test]
fn an_unreadable_message_is_dead_lettered_under_its_message_id_from_either_queue() {
    for source in [Source::Deliveries, Source::DeadLetters] {
        for text in ["poison", "", "{}", &message(Job::Deliver).replace(r#""v":1"#, r#""v":2"#), "{\"v\":1"] {
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
        config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]),
    ] {
        let origin = Box::new(|_: &Seen| panic!("nothing may be sent"));
        let invalid_settings = invalid.invalid_settings.clone();
        let run = Batch { config: invalid, origin, ..Batch::default() }.run();
        assert_eq!(
            (run.outcome(), run.entries.len()),
            (Outcome::Retry { after_seconds: 5 }, 0),
            "{invalid_settings:?}"
        );
        assert_eq!(run.records[0].1["last_error"], "settings");
    }
}

#[test]
fn a_record_of_the_consumer_has_no_secret_and_no_user_id() {
    let config = || forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    for (source, status) in [(Source::Deliveries, 200), (Source::Deliveries, 500), (Source::DeadLetters, 500)] {
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
    assert_eq!(Source::of("unfollow-deliveries"), Source::Deliveries);
    assert_eq!(Source::of("unfollow-dead-letters"), Source::DeadLetters);
    assert_eq!(Source::of("staging-unfollow-dead-letters"), Source::DeadLetters);
    assert_eq!(Source::of(""), Source::Deliveries);
}

const DAY: u64 = 24 * 3600;

/// How often the queue of deliveries retries a message.
fn max_retries() -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let consumers = settings["queues"]["consumers"].as_array().unwrap();
    let deliveries = consumers.iter().find(|it| it["queue"].as_str() == Some("unfollow-deliveries")).unwrap();
    deliveries["max_retries"].as_integer().unwrap().try_into().unwrap()
}

#[test]
fn the_retries_take_about_three_days() {
    let age = (0..max_retries()).fold(0, |age, _| age + u64::from(wait_seconds(age, 5, None, 0.5)));
    assert!((DAY * 5 / 2..DAY * 7 / 2).contains(&age), "{age} s");
}

/// A queue retains a message for four days and then drops it: it does not become a dead letter.
#[test]
fn a_message_does_not_outlive_its_queue() {
    for base in ["1", "5", "60", "3600", "43200"] {
        for reaction in [Reaction::hang(), Reaction::status(500), Reaction::refuse()] {
            let mut age_ms = 0;
            for _ in 0..=max_retries() {
                let config = forwarding(&[("RETRY_BASE_SECONDS", base)]);
                let (now_ms, reaction) = (NOW_MS + age_ms, reaction.clone());
                let origin = Box::new(move |_: &Seen| reaction.clone());
                let run = Batch { config, now_ms, age_ms, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
                let (_, outcome, at) = run.settled[0];
                match outcome {
                    Outcome::Retry { after_seconds } => age_ms += at + 1000 * u64::from(after_seconds),
                    Outcome::Ack => {
                        assert!(run.dead_letter().0.starts_with("dead/"));
                        break;
                    }
                }
            }
            // With the largest jitter in the last wait.
            assert!(age_ms / 1000 + WAIT_MAX_SECONDS / 5 < 4 * DAY, "base {base}, {reaction:?}: {} s", age_ms / 1000);
        }
    }
}

/// Another wait might be longer than the queue retains the message.
#[test]
fn what_fails_late_in_its_life_is_dead_lettered_at_once() {
    let reaction = |retry_after| {
        let with = Ok(OriginResponse { status: 500, retry_after, body: Vec::new() });
        Reaction { after: Some(0), with }
    };
    for (hours, retry_after, is_last) in
        [(1, None, false), (71, None, false), (73, None, true), (95, None, true), (71, Some(u64::MAX), false)]
    {
        let (reaction, age_ms) = (reaction(retry_after), hours * HOUR_MS);
        let origin = Box::new(move |_: &Seen| reaction.clone());
        let run = Batch { age_ms, origin, store: vec![Succeeds(1)], ..Batch::default() }.run();
        assert_eq!(run.is_retried(), !is_last, "{hours} h, {retry_after:?}");
        assert_eq!(run.entries.len(), usize::from(is_last));
    }
    // Where KV does not store it either, it is retried.
    let origin = Box::new(|_: &Seen| Reaction::status(500));
    assert!(Batch { age_ms: 80 * HOUR_MS, origin, store: vec![Fails(1)], ..Batch::default() }.run().is_retried());
}

#[test]
fn the_wait_doubles_the_age_from_try_to_try() {
    let mut age = 0;
    let mut ages = Vec::new();
    for _ in 0..8 {
        age += u64::from(wait_seconds(age, 5, None, 0.5));
        ages.push(age);
    }
    assert_eq!(ages, [5, 10, 20, 40, 80, 160, 320, 640]);
}

#[test]
fn a_wait_has_20_percent_jitter_to_either_side() {
    assert_eq!(wait_seconds(1000, 5, None, 0.0), 800);
    assert_eq!(wait_seconds(1000, 5, None, 0.5), 1000);
    assert!((1198..=1200).contains(&wait_seconds(1000, 5, None, 0.999_999)));
    assert_eq!((WAIT_MAX_SECONDS, wait_seconds(u64::MAX, 5, None, 0.999)), (43_200, 43_200));
    assert_eq!(wait_seconds(0, 1, None, 0.0), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_stays_within_its_bounds(
        age in prop_oneof![0..100_u64, 0..1_000_000_u64, any::<u64>()],
        base in prop_oneof![1..60_u64, 1..=43_200_u64],
        retry_after in prop::option::of(prop_oneof![0..100_u64, 0..100_000_u64, any::<u64>()]),
        random in prop_oneof![0.0..1.0_f64, Just(0.0), Just(0.999_999_999)],
    ) {
        let wait = u64::from(wait_seconds(age, base, retry_after, random));
        let middle = age.max(base).min(43_200);
        prop_assert!((1..=43_200).contains(&wait));
        prop_assert!(wait >= middle * 4 / 5);
        prop_assert!(wait >= retry_after.unwrap_or(0).min(43_200));
        prop_assert!(wait <= (middle * 6 / 5).max(retry_after.unwrap_or(0)).max(1));
        // An older message never waits less.
        prop_assert!(u64::from(wait_seconds(age.saturating_add(1), base, retry_after, random)) >= wait);
    }

    /// Whatever is on the queue, and whatever the origin and KV do, each message is settled once, and acknowledged only
    /// where it was delivered, stored or dead-lettered.
    #[test]
    fn nothing_is_acknowledged_that_is_not_done(
        texts in prop::collection::vec(prop_oneof![
            3 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Job::Deliver)),
            2 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Job::StoreKv)),
            1 => any::<String>(),
        ], 1..12),
        dead in any::<bool>(),
        statuses in prop::collection::vec(prop::option::weighted(0.8, prop_oneof![Just(200), Just(500), Just(301)]), 12),
        store in prop::collection::vec(prop_oneof![Just(Succeeds(3)), Just(Fails(3))], 24),
    ) {
        let next = RefCell::new(statuses.into_iter());
        let delivered = RefCell::new(0);
        let origin = Box::new(|_: &Seen| match next.borrow_mut().next().flatten() {
            Some(200) => { *delivered.borrow_mut() += 1; Reaction::status(200) }
            Some(status) => Reaction::status(status),
            None => Reaction::hang(),
        });
        let source = if dead { Source::DeadLetters } else { Source::Deliveries };
        let count = texts.len();
        let run = Batch { texts, source, origin, store, ..Batch::default() }.run();
        let acked = run.settled.iter().filter(|(_, outcome, _)| *outcome == Outcome::Ack).count();
        prop_assert_eq!(run.settled.len(), count);
        prop_assert_eq!(run.records.len(), count);
        prop_assert_eq!(acked, run.entries.len() + *delivered.borrow());
    }
}
