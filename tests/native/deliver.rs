//! The consumer: each message is delivered, stored, tried again or buried, on its own.

use std::{cell::RefCell, fs, path::Path, rc::Rc};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use standardwebhooks::Webhook;
use tokio::time::Instant;
use unfollow_webhook::{
    config::Config,
    deliver::{BURY_WAIT_SECONDS, Courier, ORIGIN_WITHIN_MS, Parcel, Source, Verdict, WAIT_MAX_SECONDS, wait_seconds},
    event::Entry,
    log::Level,
    message::{Duty, Message},
    origin::{OriginAnswer, OriginError},
    webhook::command::Kind,
};

use crate::{
    fakes::{
        Doing, FakeClock, FakeOrigin, FakeStore,
        Plan::{self, Busy, Fails, Succeeds},
        Seen, paused,
    },
    samples::{APP, FOLLOW, NOW_MS, ORIGIN, ORIGIN_SECRET, TOKEN, UNFOLLOW, config, event, query},
};

const HOUR_MS: u64 = 3_600_000;

struct FakeParcel {
    id: String,
    text: String,
    sent_at: u64,
    epoch: Instant,
    settled: Rc<RefCell<Vec<Settled>>>,
}

/// A parcel's id, its verdict, and when it was given, in ms.
type Settled = (String, Verdict, u64);

impl Parcel for FakeParcel {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn sent_at(&self) -> u64 {
        self.sent_at
    }

    fn settle(self, verdict: Verdict) {
        let at = self.epoch.elapsed().as_millis().try_into().unwrap();
        self.settled.borrow_mut().push((self.id, verdict, at));
    }
}

/// What became of a batch.
struct Course {
    settled: Vec<Settled>,
    seen: Vec<Seen>,
    most_under_way: usize,
    entries: Vec<Entry>,
    lines: Vec<(Level, Value)>,
}

impl Course {
    /// The one verdict of a batch of one.
    fn verdict(&self) -> Verdict {
        let [(_, verdict, _)] = self.settled[..] else { panic!("{:?}", self.settled) };
        verdict
    }

    fn is_retried(&self) -> bool {
        matches!(self.verdict(), Verdict::Retry { .. })
    }

    fn dead_letter(&self) -> (&str, Value) {
        let [entry] = &self.entries[..] else { panic!("{:?}", self.entries) };
        (&entry.key, serde_json::from_str(&entry.value).unwrap())
    }
}

/// A batch, and what it meets.
struct Batch<'a> {
    config: Config,
    source: Source,
    /// Each has its place as id.
    texts: Vec<String>,
    /// How long ago they were sent.
    age_ms: u64,
    store: Vec<Plan>,
    origin: Box<dyn Fn(&Seen) -> Doing + 'a>,
    now_ms: u64,
}

impl Default for Batch<'_> {
    /// One fresh message to deliver, to an origin that takes it.
    fn default() -> Self {
        Self {
            config: forwarding(&[]),
            source: Source::Deliveries,
            texts: vec![message(Duty::Deliver)],
            age_ms: 0,
            store: Vec::new(),
            origin: Box::new(|_| Doing::status(200)),
            now_ms: NOW_MS,
        }
    }
}

impl Batch<'_> {
    fn work(self) -> Course {
        paused(async {
            let Self { config, source, texts, age_ms, store, origin, now_ms } = self;
            let (store, origin, clock) = (FakeStore::of(&store), FakeOrigin::of(origin), FakeClock::at(now_ms));
            let settled = Rc::default();
            let lines = RefCell::new(Vec::new());
            let log = |level, line: String| lines.borrow_mut().push((level, serde_json::from_str(&line).unwrap()));
            let epoch = Instant::now();
            let parcels = texts.into_iter().enumerate().map(|(place, text)| FakeParcel {
                id: place.to_string(),
                text,
                sent_at: now_ms - age_ms,
                epoch,
                settled: Rc::clone(&settled),
            });
            // Halfway between its bounds, a wait has no spread.
            let random = || 0.5;
            let courier =
                Courier { config: &config, store: &store, origin: &origin, clock: &clock, random: &random, log: &log };
            courier.work(source, parcels).await;
            let (seen, most_under_way, entries) = (origin.seen(), origin.most_under_way.get(), store.entries());
            let (settled, lines) = (settled.take(), lines.into_inner());
            Course { settled, seen, most_under_way, entries, lines }
        })
    }
}

fn message(duty: Duty) -> String {
    message_of(Kind::Unfollow, UNFOLLOW, duty)
}

fn message_of(kind: Kind, body: &str, duty: Duty) -> String {
    // A parameter that nobody knows, and odd separators, stay.
    let query = format!("{}&&x=%zz&x=2", query(kind.command()));
    Message::of(&event(&query, kind, body.as_bytes()), duty).text()
}

/// What Tencent appended, less its signature.
fn query_kept(kind: Kind) -> String {
    let query = query(kind.command());
    let (kept, _) = query.split_once("&Sign=").unwrap();
    format!("{kept}&&x=%zz&x=2")
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
        let texts = vec![message_of(kind, body, Duty::Deliver)];
        let course = Batch { texts, now_ms: later, age_ms: HOUR_MS, ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Ack);
        let [seen] = &course.seen[..] else { panic!("{:?}", course.seen) };
        let time = (later / 1000).to_string();
        let sign = hex::encode(Sha256::digest(format!("{TOKEN}{time}")));
        assert_eq!(seen.url, format!("{ORIGIN}?{}&Sign={sign}&RequestTime={time}", query_kept(kind)));
        assert_eq!(seen.body, body.as_bytes());
        assert_eq!(seen.headers, [("content-type", "application/json".to_owned())]);
        assert_eq!((seen.within_ms, ORIGIN_WITHIN_MS), (10_000, 10_000));
        let (level, line) = &course.lines[0];
        assert_eq!((level, &line["outcome"], course.lines.len()), (&Level::Info, &json!("delivered"), 1));
    }
}

#[test]
fn the_current_token_of_the_app_itself_signs() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let config = forwarding(&[("CALLBACK_TOKEN", "shared"), (&own, "own"), (&format!("{own}_PREVIOUS"), "before")]);
    let course = Batch { config, ..Batch::default() }.work();
    let time = NOW_MS / 1000;
    let sign = hex::encode(Sha256::digest(format!("own{time}")));
    assert!(course.seen[0].url.ends_with(&format!("&Sign={sign}&RequestTime={time}")), "{}", course.seen[0].url);
}

#[test]
fn without_a_token_nothing_is_signed() {
    let config = forwarding(&[("ALLOW_UNSIGNED", "true")]);
    let course = Batch { config, ..Batch::default() }.work();
    assert_eq!(course.verdict(), Verdict::Ack);
    assert_eq!(course.seen[0].url, format!("{ORIGIN}?{}", query_kept(Kind::Unfollow)));
    assert_eq!(course.seen[0].headers.len(), 1);
}

#[test]
fn a_message_without_a_query_is_signed_all_the_same() {
    let text = message(Duty::Deliver);
    let (head, rest) = text.split_once("\"query\":\"").unwrap();
    let text = format!("{head}{}", &rest[rest.find("\"body\"").unwrap()..]);
    let course = Batch { texts: vec![text], ..Batch::default() }.work();
    assert!(course.seen[0].url.starts_with(&format!("{ORIGIN}?Sign=")), "{}", course.seen[0].url);
}

#[test]
fn a_library_of_the_specification_verifies_a_delivery() {
    // It compares with the real time, which nothing else here looks at.
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let body = r#"{ "From_Account":"微🙂","To_Account":["b"],"EventTime":1702018343678, "x":"\ud800" }"#;
    let config = || forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    let texts = vec![message_of(Kind::Unfollow, body, Duty::Deliver)];
    let course = Batch { config: config(), texts, now_ms: now.try_into().unwrap(), ..Batch::default() }.work();
    assert_eq!(course.verdict(), Verdict::Ack);
    let seen = &course.seen[0];
    let headers = |seen: &Seen| -> ureq::http::HeaderMap {
        seen.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    };
    let webhook = Webhook::new(ORIGIN_SECRET).unwrap();
    webhook.verify(&seen.body, &headers(seen)).unwrap();
    assert_eq!(seen.header("webhook-id"), Some(&*id_of(Kind::Unfollow, body)));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    // And it would notice.
    assert!(webhook.verify(b"{}", &headers(seen)).is_err());
    assert!(Webhook::new("whsec_AAAA").unwrap().verify(&seen.body, &headers(seen)).is_err());
}

#[test]
fn two_hundred_and_something_is_delivered_and_any_other_status_is_tried_again() {
    for status in [200, 201, 202, 204, 299] {
        let course = Batch { origin: Box::new(move |_| Doing::status(status)), ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Ack, "{status}");
    }
    for status in [0, 100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 410, 413, 429, 500, 502, 503, 599] {
        let course = Batch { origin: Box::new(move |_| Doing::status(status)), ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Retry { after_seconds: 5 }, "{status}");
        // A redirect is not followed.
        assert_eq!(course.seen.len(), 1, "{status}");
        let (level, line) = &course.lines[0];
        assert_eq!((level, &line["outcome"]), (&Level::Warn, &json!("retried")));
        assert_eq!((&line["last_status"], &line["retry_after_seconds"]), (&json!(status), &json!(5)));
        assert!(course.entries.is_empty());
    }
}

#[test]
fn an_origin_that_does_not_answer_is_tried_again() {
    for (doing, error, at) in [
        (Doing::hang(), "timeout", 10_000),
        (Doing { after: Some(10_001), ..Doing::status(200) }, "timeout", 10_000),
        (Doing::refuse(), "unreachable", 0),
        (Doing { after: Some(3), with: Err(OriginError::TooLarge) }, "too_large", 3),
    ] {
        let course = Batch { origin: Box::new(move |_| doing.clone()), ..Batch::default() }.work();
        assert!(course.is_retried(), "{error}");
        assert_eq!((&course.lines[0].1["last_error"], course.settled[0].2), (&json!(error), at));
    }
    let slow = Batch { origin: Box::new(|_| Doing { after: Some(9_999), ..Doing::status(200) }), ..Batch::default() };
    assert_eq!(slow.work().verdict(), Verdict::Ack);
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
        // The answer takes no time here, which is counted to the age.
        let origin = Box::new(|_: &Seen| Doing { after: Some(0), ..Doing::status(500) });
        let course = Batch { config, age_ms, origin, ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Retry { after_seconds }, "{age_ms} ms, base {base}");
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
        let answer = OriginAnswer { status, retry_after, body: Vec::new() };
        let doing = Doing { after: Some(0), with: Ok(answer) };
        let course = Batch { origin: Box::new(move |_| doing.clone()), ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Retry { after_seconds }, "{retry_after:?}");
    }
}

#[test]
fn one_bad_message_does_not_hold_up_its_neighbours() {
    let mut texts: Vec<_> = (0..10).map(|n| message_of(Kind::Unfollow, &numbered(n), Duty::Deliver)).collect();
    texts[0] = "poison".to_owned();
    let hangs = |seen: &Seen| String::from_utf8_lossy(&seen.body).contains("number-1\"");
    let fails = |seen: &Seen| String::from_utf8_lossy(&seen.body).contains("number-2\"");
    let origin = Box::new(move |seen: &Seen| match () {
        () if hangs(seen) => Doing::hang(),
        () if fails(seen) => Doing::status(500),
        () => Doing::status(200),
    });
    let course = Batch { texts, origin, store: vec![Succeeds(5)], ..Batch::default() }.work();
    assert_eq!(course.settled.len(), 10);
    for (id, verdict, at) in &course.settled {
        match &**id {
            "0" => assert_eq!((*verdict, *at), (Verdict::Ack, 5)),
            "1" => assert_eq!((*verdict, *at), (Verdict::Retry { after_seconds: 10 }, 10_000)),
            "2" => assert!(matches!(verdict, Verdict::Retry { .. }) && *at <= 100),
            _ => assert!(*verdict == Verdict::Ack && *at <= 100, "{id}: {verdict:?} at {at}"),
        }
    }
    assert_eq!(course.dead_letter().0, "dead/0/0");
}

#[test]
fn a_batch_is_delivered_at_the_same_time_but_not_all_of_it() {
    let texts: Vec<_> = (0..30).map(|n| message_of(Kind::Unfollow, &numbered(n), Duty::Deliver)).collect();
    let course = Batch { texts, ..Batch::default() }.work();
    assert_eq!((course.settled.len(), course.seen.len()), (30, 30));
    // An invocation has six connections, and KV needs one.
    assert_eq!(course.most_under_way, 5);
    assert!(
        course
            .settled
            .iter()
            .all(|(id, verdict, at)| *verdict == Verdict::Ack && *at == 20 * (1 + id.parse::<u64>().unwrap() / 5))
    );
}

#[test]
fn every_message_of_a_batch_gets_one_verdict() {
    let kinds = [message(Duty::Deliver), String::new(), message(Duty::Store), "{}".to_owned()];
    let texts = kinds.iter().cycle().take(12).cloned().collect();
    let mut ids: Vec<_> = Batch { texts, store: vec![Fails(1); 9], ..Batch::default() }
        .work()
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
fn the_duty_to_store_puts_the_event_into_kv_and_asks_no_origin() {
    let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")]);
    let origin = Box::new(|_: &Seen| panic!("nobody asked for the origin"));
    let texts = vec![message(Duty::Store)];
    let course = Batch { config, texts, origin, store: vec![Succeeds(5)], ..Batch::default() }.work();
    assert_eq!(course.verdict(), Verdict::Ack);
    let query = format!("{}&&x=%zz&x=2", query(Kind::Unfollow.command()));
    let expected = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()).entry(Some(86_400), NOW_MS);
    assert_eq!(course.entries, [expected]);
    assert_eq!(course.lines[0].1["outcome"], "stored");
}

#[test]
fn a_store_duty_that_kv_does_not_take_is_tried_again() {
    for plan in [Fails(5), Busy(5)] {
        let course = Batch { texts: vec![message(Duty::Store)], store: vec![plan], ..Batch::default() }.work();
        assert_eq!(course.verdict(), Verdict::Retry { after_seconds: 5 });
        assert_eq!((&course.lines[0].1["last_error"], course.entries.len()), (&json!("kv"), 0));
    }
}

#[test]
fn an_event_that_is_stored_after_its_time_gets_an_expiry_that_kv_takes() {
    let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")]);
    let now_ms = NOW_MS + 90 * HOUR_MS;
    let texts = vec![message(Duty::Store)];
    let course = Batch { config, texts, now_ms, store: vec![Succeeds(5)], ..Batch::default() }.work();
    assert!(course.entries[0].expiration.unwrap() >= now_ms / 1000 + 60, "{:?}", course.entries[0].expiration);
}

#[test]
fn a_dead_letter_is_tried_once_more() {
    let course = Batch { source: Source::DeadLetters, ..Batch::default() }.work();
    assert_eq!((course.verdict(), course.seen.len(), course.entries.len()), (Verdict::Ack, 1, 0));
    let texts = vec![message(Duty::Store)];
    let course = Batch { source: Source::DeadLetters, texts, store: vec![Succeeds(1)], ..Batch::default() }.work();
    assert_eq!((course.verdict(), course.seen.len()), (Verdict::Ack, 0));
    assert!(course.entries[0].key.starts_with("event/"));
}

#[test]
fn what_fails_for_good_is_buried_and_let_go_only_after_the_write() {
    for (doing, status, error) in [
        (Doing::status(503), json!(503), Value::Null),
        (Doing::status(302), json!(302), Value::Null),
        (Doing::refuse(), Value::Null, json!("unreachable")),
        (Doing::hang(), Value::Null, json!("timeout")),
    ] {
        let took = doing.after.unwrap_or(10_000);
        let origin = Box::new(move |_: &Seen| doing.clone());
        let course =
            Batch { source: Source::DeadLetters, origin, store: vec![Succeeds(700)], ..Batch::default() }.work();
        assert_eq!(course.settled, [("0".to_owned(), Verdict::Ack, took + 700)]);
        let (key, mut letter) = course.dead_letter();
        assert_eq!(key, format!("dead/{APP}/{}", id_of(Kind::Unfollow, UNFOLLOW)));
        let sent = letter.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(&message(Duty::Deliver)).unwrap());
        let expected = json!({
            "last_status": status, "last_error": error, "received_at": NOW_MS, "dead_at": NOW_MS + took,
            "duty": "deliver", "targets": 2,
        });
        assert_eq!(letter, expected);
        assert_eq!((course.lines[0].0, &course.lines[0].1["outcome"]), (Level::Error, &json!("buried")));
    }
}

#[test]
fn a_dead_letter_that_cannot_be_written_comes_again() {
    let origin = || Box::new(|_: &Seen| Doing { after: Some(0), ..Doing::status(500) });
    for plan in [Fails(1), Busy(1)] {
        let batch = Batch { source: Source::DeadLetters, origin: origin(), store: vec![plan], ..Batch::default() };
        let course = batch.work();
        assert_eq!((course.verdict(), course.entries.len()), (Verdict::Retry { after_seconds: 60 }, 0));
    }
    assert_eq!(BURY_WAIT_SECONDS, 60..=3600);
    // A store duty that fails for good while KV is down stays on the queue: 100 tries, an hour apart.
    let texts = vec![message(Duty::Store)];
    let store = vec![Fails(1), Fails(1)];
    let course = Batch { source: Source::DeadLetters, texts, store, age_ms: 5 * HOUR_MS, ..Batch::default() }.work();
    assert_eq!(course.verdict(), Verdict::Retry { after_seconds: 3600 });
}

#[test]
fn a_put_that_hangs_is_given_up() {
    let (texts, store) = (vec![message(Duty::Store)], vec![Plan::Hangs]);
    let course = Batch { texts, store, ..Batch::default() }.work();
    assert_eq!(course.settled, [("0".to_owned(), Verdict::Retry { after_seconds: 10 }, 10_000)]);
}

#[test]
fn broken_settings_are_no_reason_to_lose_a_message() {
    let broken = || config(&[("SDK_APP_IDS", "none")]);
    let late = Batch { config: broken(), store: vec![Succeeds(1)], age_ms: 83 * HOUR_MS, ..Batch::default() };
    let last = Batch { config: broken(), source: Source::DeadLetters, store: vec![Succeeds(1)], ..Batch::default() };
    for batch in [late, last] {
        let course = batch.work();
        assert_eq!((course.verdict(), course.seen.len()), (Verdict::Ack, 0));
        assert_eq!(course.dead_letter().1["last_error"], "settings");
    }
}

#[test]
fn an_event_that_owes_both_duties_has_two_dead_letters() {
    let texts = vec![message(Duty::Store)];
    let store = vec![Fails(1), Succeeds(1)];
    let course = Batch { source: Source::DeadLetters, texts, store, ..Batch::default() }.work();
    assert_eq!(course.dead_letter().0, format!("dead/{APP}/{}-store", id_of(Kind::Unfollow, UNFOLLOW)));
}

#[test]
fn what_cannot_be_read_is_kept_under_its_message_id_from_either_queue() {
    for source in [Source::Deliveries, Source::DeadLetters] {
        for text in ["poison", "", "{}", &message(Duty::Deliver).replace(r#""v":1"#, r#""v":2"#), "{\"v\":1"] {
            let (texts, store) = (vec![text.to_owned()], vec![Succeeds(5)]);
            let course = Batch { source, texts, store, ..Batch::default() }.work();
            assert_eq!((course.verdict(), course.seen.len()), (Verdict::Ack, 0));
            let (key, letter) = course.dead_letter();
            assert_eq!(key, "dead/0/0");
            assert_eq!((&letter["message"], &letter["last_error"]), (&json!(text), &json!("unreadable")));

            let (texts, store) = (vec![text.to_owned()], vec![Fails(5)]);
            let course = Batch { source, texts, store, ..Batch::default() }.work();
            assert!(course.is_retried(), "{source:?}: {text}");
        }
    }
}

#[test]
fn broken_settings_send_nothing_and_lose_nothing() {
    for broken in [
        config(&[("SDK_APP_IDS", "x"), ("ORIGIN_URL", ORIGIN)]),
        forwarding(&[("ORIGIN_URL", "http://example.com")]),
        forwarding(&[("ORIGIN_SECRET", "whsec_tooshort")]),
        forwarding(&[("ORIGIN_SECRET", "")]),
        config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]),
    ] {
        let origin = Box::new(|_: &Seen| panic!("nothing may be sent"));
        let at_fault = broken.at_fault.clone();
        let course = Batch { config: broken, origin, ..Batch::default() }.work();
        assert_eq!((course.verdict(), course.entries.len()), (Verdict::Retry { after_seconds: 5 }, 0), "{at_fault:?}");
        assert_eq!(course.lines[0].1["last_error"], "settings");
    }
}

#[test]
fn a_line_of_the_consumer_holds_no_secret_and_no_user() {
    let config = || forwarding(&[("ORIGIN_SECRET", ORIGIN_SECRET)]);
    for (source, status) in [(Source::Deliveries, 200), (Source::Deliveries, 500), (Source::DeadLetters, 500)] {
        let origin = Box::new(move |_: &Seen| Doing::status(status));
        let course = Batch { config: config(), source, origin, store: vec![Succeeds(1)], ..Batch::default() }.work();
        assert_eq!(course.lines.len(), 1);
        let line = course.lines[0].1.to_string();
        for mark in ["UserID", TOKEN, "Sign", "whsec", "backend.example", "127.0.0.1"] {
            assert!(!line.contains(mark), "{mark}: {line}");
        }
        let expected = (json!(1_400_000_000), json!(2), json!("deliver"));
        let line = &course.lines[0].1;
        assert_eq!((line["app"].clone(), line["targets"].clone(), line["duty"].clone()), expected);
    }
}

#[test]
fn a_queue_is_told_by_its_name() {
    assert_eq!(Source::of("unfollow-deliveries"), Source::Deliveries);
    assert_eq!(Source::of("unfollow-dead-letters"), Source::DeadLetters);
    assert_eq!(Source::of("staging-unfollow-dead-letters"), Source::DeadLetters);
    assert_eq!(Source::of(""), Source::Deliveries);
}

const DAY: u64 = 24 * 3600;

/// How often the deliveries' queue brings a message again.
fn max_retries() -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let consumers = settings["queues"]["consumers"].as_array().unwrap();
    let deliveries = consumers.iter().find(|it| it["queue"].as_str() == Some("unfollow-deliveries")).unwrap();
    deliveries["max_retries"].as_integer().unwrap().try_into().unwrap()
}

#[test]
fn the_tries_take_about_three_days() {
    let age = (0..max_retries()).fold(0, |age, _| age + u64::from(wait_seconds(age, 5, None, 0.5)));
    assert!((DAY * 5 / 2..DAY * 7 / 2).contains(&age), "{age} s");
}

/// A queue keeps a message for four days, and then forgets it: it does not become a dead letter.
#[test]
fn a_message_does_not_outlive_the_queue() {
    for base in ["1", "5", "60", "3600", "43200"] {
        for doing in [Doing::hang(), Doing::status(500), Doing::refuse()] {
            let mut age_ms = 0;
            for _ in 0..=max_retries() {
                let config = forwarding(&[("RETRY_BASE_SECONDS", base)]);
                let (now_ms, doing) = (NOW_MS + age_ms, doing.clone());
                let origin = Box::new(move |_: &Seen| doing.clone());
                let course =
                    Batch { config, now_ms, age_ms, origin, store: vec![Succeeds(1)], ..Batch::default() }.work();
                let (_, verdict, at) = course.settled[0];
                match verdict {
                    Verdict::Retry { after_seconds } => age_ms += at + 1000 * u64::from(after_seconds),
                    Verdict::Ack => {
                        assert!(course.dead_letter().0.starts_with("dead/"));
                        break;
                    }
                }
            }
            // With the longest spread in the last of them.
            assert!(age_ms / 1000 + WAIT_MAX_SECONDS / 5 < 4 * DAY, "base {base}, {doing:?}: {} s", age_ms / 1000);
        }
    }
}

/// Another wait might outlive the queue.
#[test]
fn what_fails_late_in_its_life_is_buried_at_once() {
    let doing = |retry_after| {
        let with = Ok(OriginAnswer { status: 500, retry_after, body: Vec::new() });
        Doing { after: Some(0), with }
    };
    for (hours, retry_after, is_last) in
        [(1, None, false), (71, None, false), (73, None, true), (95, None, true), (71, Some(u64::MAX), false)]
    {
        let (doing, age_ms) = (doing(retry_after), hours * HOUR_MS);
        let origin = Box::new(move |_: &Seen| doing.clone());
        let course = Batch { age_ms, origin, store: vec![Succeeds(1)], ..Batch::default() }.work();
        assert_eq!(course.is_retried(), !is_last, "{hours} h, {retry_after:?}");
        assert_eq!(course.entries.len(), usize::from(is_last));
    }
    // Where KV does not take it either, it comes again.
    let origin = Box::new(|_: &Seen| Doing::status(500));
    assert!(Batch { age_ms: 80 * HOUR_MS, origin, store: vec![Fails(1)], ..Batch::default() }.work().is_retried());
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
fn a_wait_is_spread_by_a_fifth_to_either_side() {
    assert_eq!(wait_seconds(1000, 5, None, 0.0), 800);
    assert_eq!(wait_seconds(1000, 5, None, 0.5), 1000);
    assert!((1198..=1200).contains(&wait_seconds(1000, 5, None, 0.999_999)));
    assert_eq!((WAIT_MAX_SECONDS, wait_seconds(u64::MAX, 5, None, 0.999)), (43_200, 43_200));
    assert_eq!(wait_seconds(0, 1, None, 0.0), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_keeps_to_its_bounds(
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

    /// Whatever is on the queue and however the origin and KV do, each message gets one verdict, and is let go only
    /// where it was delivered, stored or buried.
    #[test]
    fn nothing_is_let_go_that_is_not_done(
        texts in prop::collection::vec(prop_oneof![
            3 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Duty::Deliver)),
            2 => (0..50_usize).prop_map(|n| message_of(Kind::Unfollow, &numbered(n), Duty::Store)),
            1 => any::<String>(),
        ], 1..12),
        dead in any::<bool>(),
        statuses in prop::collection::vec(prop::option::weighted(0.8, prop_oneof![Just(200), Just(500), Just(301)]), 12),
        store in prop::collection::vec(prop_oneof![Just(Succeeds(3)), Just(Fails(3))], 24),
    ) {
        let next = RefCell::new(statuses.into_iter());
        let delivered = RefCell::new(0);
        let origin = Box::new(|_: &Seen| match next.borrow_mut().next().flatten() {
            Some(200) => { *delivered.borrow_mut() += 1; Doing::status(200) }
            Some(status) => Doing::status(status),
            None => Doing::hang(),
        });
        let source = if dead { Source::DeadLetters } else { Source::Deliveries };
        let count = texts.len();
        let course = Batch { texts, source, origin, store, ..Batch::default() }.work();
        let acked = course.settled.iter().filter(|(_, verdict, _)| *verdict == Verdict::Ack).count();
        prop_assert_eq!(course.settled.len(), count);
        prop_assert_eq!(course.lines.len(), count);
        prop_assert_eq!(acked, course.entries.len() + *delivered.borrow());
    }
}
