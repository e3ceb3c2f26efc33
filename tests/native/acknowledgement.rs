//! The acknowledgement rule: OK if, and only if, every wanted sink or its fallback has the event; and always within 1.5
//! s.

use std::pin::pin;

use futures_util::future::join3;
use proptest::prelude::*;
use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    database::{Statement, event_log},
    event::Entry,
    log::Level,
    receive::Receiver,
    receive::persist::ANSWER_WITHIN_MS,
    receive::rejection::Rejection,
    response::Response,
    storage::within,
    webhook::command::Kind,
};

use crate::{
    database::Sqlite,
    fakes::{
        FakeBody, FakeDatabase, FakeKv, FakeQueue, FakeSink,
        Plan::{self, Busy, Fails, Hangs, Succeeds, Unavailable},
        paused,
    },
    ports::FakePorts,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, config, event, post, query, url_of},
};

/// Where an event ended up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    stored: bool,
    /// In the event log.
    logged: bool,
    /// As a dead letter.
    dead_lettered: bool,
    /// On the queue, to be delivered.
    to_deliver: bool,
    /// On the queue, to be stored in KV.
    to_store: bool,
    /// On the queue, to be added to the event log.
    to_log: bool,
}

impl Places {
    /// Whether the rule allows OK for these sinks.
    fn satisfy(self, sinks: &str) -> bool {
        let kv = self.stored || self.to_store;
        let d1 = self.logged || self.to_log;
        let origin = self.to_deliver || self.dead_lettered;
        (kv || !sinks.contains("kv")) && (d1 || !sinks.contains("d1")) && (origin || !sinks.contains("origin"))
    }
}

fn places(kv: &FakeKv, database: &FakeDatabase, queue: &FakeQueue) -> Places {
    let mut places = Places { logged: !database.inserts.entries().is_empty(), ..Places::default() };
    let query = query(Kind::Unfollow.command());
    let insert = event_log::insert(&event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()), event_log::NOT_IN_KV);
    assert!(database.inserts.entries().iter().all(|it| without_time(it) == without_time(&insert)));
    for Entry { key, value, .. } in kv.puts.entries() {
        let value: Value = serde_json::from_str(&value).unwrap();
        match key.split('/').next().unwrap() {
            "event" => places.stored = true,
            "dead" => {
                places.dead_lettered = true;
                assert_eq!(
                    (&value["last_error"], &value["last_status"], &value["message"]["job"]),
                    (&"queue".into(), &Value::Null, &"deliver".into())
                );
            }
            other => panic!("{other}"),
        }
    }
    for text in queue.entries() {
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["job"].as_str().unwrap() {
            "deliver" => places.to_deliver = true,
            "store_kv" => places.to_store = true,
            "store_d1" => places.to_log = true,
            other => panic!("{other}"),
        }
    }
    places
}

/// A statement without the time of receipt, which a late body delays.
fn without_time(statement: &Statement) -> String {
    format!("{statement:?}").split("received_at").next().unwrap().to_owned()
}

fn with_sinks(sinks: &str) -> Config {
    config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", sinks), ("ORIGIN_URL", ORIGIN)])
}

struct Run {
    response: Response,
    record: Value,
    level: Level,
    at: u64,
    /// Where the event was at the response, and after the attempts under way had ended.
    places: Places,
    in_the_end: Places,
    /// How many attempts there were at KV and at the queue.
    attempts: (usize, usize),
    /// When each attempt at D1 began.
    inserts: Vec<u64>,
    keys: Vec<String>,
    messages: Vec<String>,
}

/// A run in which D1 is no sink.
fn run(config: &Config, body_delay: u64, kv: FakePlans<'_>, queue: Option<FakePlans<'_>>) -> Run {
    run_with(config, body_delay, kv, FakePlans::Each(&[]), queue)
}

fn run_with(
    config: &Config,
    body_delay: u64,
    kv: FakePlans<'_>,
    d1: FakePlans<'_>,
    queue: Option<FakePlans<'_>>,
) -> Run {
    paused(async {
        let (kv, database, bound) = (FakeKv::with(kv.sink()), FakeDatabase::with(d1.sink()), queue.is_some());
        let queue = queue.unwrap_or(FakePlans::Each(&[])).sink();
        let ports =
            FakePorts { database: Some(&database), queue: bound.then_some(&queue), ..FakePorts::at(NOW_MS, &kv) };
        let receiver = Receiver { config: &config.calls, ports: &ports };
        let url = url_of(Kind::Unfollow);
        let handled = receiver.receive(post(&url), &FakeBody::of(UNFOLLOW).after(body_delay)).await;
        let (at, at_response) = (ports.clock.elapsed(), places(&kv, &database, &queue));
        for late in handled.late {
            let _ = within(&ports.clock, 60_000, pin!(late.finish(&ports))).await;
        }
        Run {
            response: handled.response,
            record: serde_json::from_str(&handled.log.as_ref().unwrap().1).unwrap(),
            level: handled.log.as_ref().unwrap().0,
            at,
            places: at_response,
            in_the_end: places(&kv, &database, &queue),
            inserts: database.inserts.begun(),
            attempts: (kv.puts.begun().len(), queue.begun().len()),
            keys: kv.puts.attempted().into_iter().map(|entry| entry.key).collect(),
            messages: queue.attempted(),
        }
    })
}

/// The plans of a sink: the same for all attempts, or one for each.
#[derive(Clone, Copy, Debug)]
enum FakePlans<'a> {
    All(Plan),
    Each(&'a [Plan]),
}

impl FakePlans<'_> {
    fn sink<T: Clone + 'static>(self) -> FakeSink<T> {
        match self {
            Self::All(plan) => FakeSink::always(plan),
            Self::Each(plans) => FakeSink::of(plans),
        }
    }
}

/// The sinks but D1.
const SINKS: [&str; 3] = ["kv", "origin", "kv,origin"];

/// Every combination with D1.
const SINKS_WITH_D1: [&str; 4] = ["d1", "kv,d1", "d1,origin", "kv,d1,origin"];

/// Whether a sink with this plan, or else its fallback, stores an event in time; `None` is no fallback.
fn in_time(first: Plan, fallback: Option<Plan>) -> bool {
    let takes = |plan, from: u64| matches!(plan, Succeeds(ms) if from + ms < ANSWER_WITHIN_MS);
    // When the fallback is tried.
    let turn = match first {
        Fails(ms) => 2 * ms,
        Busy(ms) => 1000 + ms,
        // There is no second attempt.
        Unavailable(ms) => ms,
        Succeeds(_) | Hangs => 1000,
    };
    takes(first, 0) || fallback.is_some_and(|fallback| takes(fallback, turn))
}

#[test]
fn an_event_is_ok_if_and_only_if_every_wanted_sink_or_its_fallback_has_it() {
    let plans = [
        Succeeds(0),
        Succeeds(30),
        Succeeds(450),
        Succeeds(700),
        Succeeds(1600),
        Fails(20),
        Busy(10),
        Unavailable(10),
        Hangs,
    ];
    let d1_plans = [Succeeds(30), Succeeds(700), Succeeds(1600), Fails(20), Unavailable(10), Hangs];
    let mut seen = [0, 0];
    for sinks in SINKS.into_iter().chain(SINKS_WITH_D1) {
        let config = with_sinks(sinks);
        let wants = |sink| sinks.split(',').any(|it| it == sink);
        for bound in [true, false] {
            // Settings with the origin require the queue; if it were missing all the same, every send would fail.
            for kv in plans {
                for queue in plans {
                    for &d1 in if wants("d1") { &d1_plans[..] } else { &d1_plans[..1] } {
                        let why = format!("{sinks}, KV {kv:?}, D1 {d1:?}, queue {queue:?} ({bound})");
                        let fake_queue = bound.then_some(FakePlans::All(queue));
                        let run = run_with(&config, 0, FakePlans::All(kv), FakePlans::All(d1), fake_queue);
                        let fallback = bound.then_some(queue);
                        let stored = !wants("kv") || in_time(kv, fallback);
                        let logged = !wants("d1") || in_time(d1, fallback);
                        let sent = !wants("origin") || in_time(if bound { queue } else { Fails(0) }, Some(kv));
                        let ok = stored && logged && sent;
                        seen[usize::from(ok)] += 1;

                        let expected = if ok { Response::ok() } else { Response::from(Rejection::NotStored) };
                        assert_eq!(run.response, expected, "{why}: {:?} at {}", run.places, run.at);
                        assert_eq!(run.places.satisfy(sinks), ok, "{why}: {:?}", run.places);
                        assert!(run.at <= ANSWER_WITHIN_MS, "{why}: at {}", run.at);
                        let Places { stored, logged, to_deliver, .. } = run.places;
                        let has = |sink, has| has || !wants(sink);
                        let outcome = match (ok, has("kv", stored) && has("d1", logged), has("origin", to_deliver)) {
                            (false, ..) => "failed",
                            (true, _, false) => "dead_lettered",
                            (true, false, true) => "queued",
                            (true, true, true) => "stored",
                        };
                        let level = match outcome {
                            "failed" => Level::Error,
                            "stored" => Level::Info,
                            _ => Level::Warn,
                        };
                        assert_eq!(run.level, level, "{why}: {outcome}");
                        assert_eq!(run.record["outcome"], outcome, "{why}");
                        // Nothing goes to a sink that is not wanted.
                        let Places { stored, logged, dead_lettered, to_deliver, to_store, to_log } = run.in_the_end;
                        assert!(wants("kv") || !(stored || to_store), "{why}");
                        assert!(wants("d1") || !(logged || to_log) && run.inserts.is_empty(), "{why}");
                        assert!(wants("origin") || !(to_deliver || dead_lettered), "{why}");
                        assert!(bound || run.attempts.1 == 0, "{why}");
                    }
                }
            }
        }
    }
    assert!(seen[0] > 1000 && seen[1] > 1000, "{seen:?}");
}

/// One round trip, not three.
#[test]
fn all_sinks_are_tried_at_the_same_time() {
    let all = |plan| FakePlans::All(plan);
    let run =
        run_with(&with_sinks("kv,d1,origin"), 0, all(Succeeds(500)), all(Succeeds(520)), Some(all(Succeeds(550))));
    assert_eq!((run.response.status, run.at, run.attempts, run.inserts), (200, 550, (1, 1), vec![0]));
}

#[test]
fn what_d1_does_not_store_goes_onto_the_queue() {
    for (plan, begun, at) in [
        (Fails(20), &[0, 20][..], 70),
        // A second attempt is pointless: the queue takes over at once.
        (Unavailable(20), &[0], 50),
        (Hangs, &[0, 600], 1030),
    ] {
        for sinks in SINKS_WITH_D1 {
            let queue = Some(FakePlans::All(Succeeds(30)));
            let run = run_with(&with_sinks(sinks), 0, FakePlans::All(Succeeds(30)), FakePlans::All(plan), queue);
            assert_eq!((&run.response, run.at, &*run.inserts), (&Response::ok(), at, begun), "{sinks} {plan:?}");
            let (stored, to_deliver) = (sinks.contains("kv"), sinks.contains("origin"));
            assert_eq!(
                run.places,
                Places { to_log: true, stored, to_deliver, ..Places::default() },
                "{sinks} {plan:?}"
            );
            let query = query(Kind::Unfollow.command());
            let (stored, _) = query.split_once("&Sign=").unwrap();
            let expected = format!(
                r#"{{"v":1,"job":"store_d1","sdk_app_id":{APP},"received_at":{NOW_MS},"query":"{stored}","body":{UNFOLLOW}}}"#
            );
            assert_eq!(run.messages.last(), Some(&expected));
        }
    }
}

/// Neither D1 alone nor KV alone is enough where both are wanted, and no dead letter stands in for either.
#[test]
fn one_sink_of_two_is_503_where_the_queue_is_down() {
    for (kv, d1) in
        [(Fails(1), Succeeds(1)), (Succeeds(1), Fails(1)), (Succeeds(1), Unavailable(1)), (Succeeds(1), Hangs)]
    {
        for queue in [None, Some(FakePlans::All(Fails(1)))] {
            let run = run_with(&with_sinks("kv,d1"), 0, FakePlans::All(kv), FakePlans::All(d1), queue);
            assert_eq!(run.response, Response::from(Rejection::NotStored), "{kv:?} {d1:?}");
            assert!(!run.places.dead_lettered && run.places.stored != run.places.logged);
        }
    }
}

/// Whether the schema is missing, or the database is not there at all: the event is not lost.
#[test]
fn without_a_schema_or_a_database_the_queue_has_the_event() {
    for database in [Some(Sqlite::without_schema()), None] {
        paused(async {
            let (config, kv, queue) = (with_sinks("d1"), FakeKv::default(), FakeQueue::always(Succeeds(30)));
            let ports = FakePorts { queue: Some(&queue), ..FakePorts::at(NOW_MS, &kv) };
            let ports = ports.with_database(database.as_ref());
            let receiver = Receiver { config: &config.calls, ports: &ports };
            let url = url_of(Kind::Unfollow);
            let handled = receiver.receive(post(&url), &FakeBody::of(UNFOLLOW)).await;
            assert_eq!((handled.response, ports.clock.elapsed()), (Response::ok(), 30));
            assert!(queue.entries()[0].contains(r#""job":"store_d1""#));
        });
    }
}

/// However often it comes, also at once.
#[test]
fn an_event_that_is_repeated_is_logged_once() {
    let database = Sqlite::default();
    paused(async {
        let (config, kv) = (with_sinks("d1"), FakeKv::default());
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
        let receiver = Receiver { config: &config.calls, ports: &ports };
        let url = url_of(Kind::Unfollow);
        let (head, body) = (post(&url), FakeBody::of(UNFOLLOW));
        let calls = join3(receiver.receive(head, &body), receiver.receive(head, &body), receiver.receive(head, &body));
        let (one, two, three) = calls.await;
        assert!([one, two, three].iter().all(|handled| handled.response == Response::ok()));
    });
    assert_eq!((database.table("events").len(), database.table("event_users").len()), (1, 3));
    assert_eq!(database.table("hourly_totals")[0]["unfollows"], 2);
}

#[test]
fn what_kv_does_not_store_goes_onto_the_queue() {
    for plan in [Fails(20), Busy(10), Unavailable(10), Hangs] {
        for sinks in ["kv", "kv,origin"] {
            let run = run(&with_sinks(sinks), 0, FakePlans::All(plan), Some(FakePlans::All(Succeeds(30))));
            assert_eq!(run.response, Response::ok(), "{sinks} {plan:?}");
            let to_deliver = sinks.contains("origin");
            assert_eq!(run.places, Places { to_store: true, to_deliver, ..Places::default() }, "{sinks} {plan:?}");
            let query = query(Kind::Unfollow.command());
            let (stored, _) = query.split_once("&Sign=").unwrap();
            let expected = format!(
                r#"{{"v":1,"job":"store_kv","sdk_app_id":{APP},"received_at":{NOW_MS},"query":"{stored}","body":{UNFOLLOW}}}"#
            );
            assert_eq!(run.messages.last(), Some(&expected));
        }
    }
}

#[test]
fn what_the_queue_does_not_accept_is_written_as_a_dead_letter() {
    let id = event(&query(Kind::Unfollow.command()), Kind::Unfollow, UNFOLLOW.as_bytes()).id().to_string();
    for plan in [Fails(20), Busy(10), Unavailable(10), Hangs] {
        for sinks in ["origin", "kv,origin"] {
            let run = run(&with_sinks(sinks), 0, FakePlans::All(Succeeds(30)), Some(FakePlans::All(plan)));
            assert_eq!(run.response, Response::ok(), "{sinks} {plan:?}");
            let stored = sinks.contains("kv");
            assert_eq!(run.places, Places { dead_lettered: true, stored, ..Places::default() }, "{sinks} {plan:?}");
            assert_eq!(run.keys.last(), Some(&format!("dead/{APP}/{id}")));
        }
    }
}

#[test]
fn kv_and_queue_down_is_503() {
    for sinks in SINKS {
        for (kv, queue) in
            [(Fails(1), Fails(1)), (Hangs, Hangs), (Fails(1), Hangs), (Hangs, Fails(1)), (Busy(1), Fails(1))]
        {
            let run = run(&with_sinks(sinks), 0, FakePlans::All(kv), Some(FakePlans::All(queue)));
            assert_eq!(run.response, Response::from(Rejection::NotStored), "{sinks} {kv:?} {queue:?}");
            assert_eq!((run.places, run.in_the_end), (Places::default(), Places::default()));
            assert!(run.at <= 1500);
        }
    }
}

#[test]
fn both_sinks_are_tried_at_the_same_time() {
    let config = with_sinks("kv,origin");
    let run = run(&config, 0, FakePlans::All(Succeeds(500)), Some(FakePlans::All(Succeeds(550))));
    assert_eq!((run.response.status, run.at, run.attempts), (200, 550, (1, 1)));
}

#[test]
fn a_working_sink_is_tried_once() {
    for (sinks, attempts) in [("kv", (1, 0)), ("origin", (0, 1)), ("kv,origin", (1, 1))] {
        let run = run(&with_sinks(sinks), 0, FakePlans::All(Succeeds(30)), Some(FakePlans::All(Succeeds(30))));
        assert_eq!((run.attempts, run.at), (attempts, 30), "{sinks}");
    }
}

/// KV takes one write a second to the same key: a repeat of an event may meet its 429.
#[test]
fn an_event_that_is_repeated_within_a_second_costs_two_writes_and_no_message() {
    for takes in [0, 30, 200] {
        for (sinks, queue, messages) in [("kv", &[][..], 0), ("kv,origin", &[Succeeds(30)], 1)] {
            let kv = [Busy(10), Succeeds(takes)];
            let run = run(&with_sinks(sinks), 0, FakePlans::Each(&kv), Some(FakePlans::Each(queue)));
            assert_eq!((run.response, run.at, run.attempts), (Response::ok(), 1000 + takes, (2, messages)), "{sinks}");
            assert!(run.places.stored && !run.places.to_store, "{sinks}");
        }
    }
}

#[test]
fn late_attempts_on_either_side_run_to_their_end() {
    let run = run(&with_sinks("kv,origin"), 0, FakePlans::All(Succeeds(1700)), Some(FakePlans::All(Succeeds(1800))));
    assert_eq!((run.response.status, run.at, run.places), (503, 1500, Places::default()));
    let all = Places { stored: true, to_deliver: true, ..Places::default() };
    assert_eq!((run.in_the_end.stored, run.in_the_end.to_deliver), (all.stored, all.to_deliver));
}

/// A sink that hangs is noticed in time for the fallback, however late the body came.
#[test]
fn a_late_body_leaves_the_fallback_its_time() {
    for body_delay in [0, 100, 450, 500, 700, 900, 1000] {
        for first in [Hangs, Fails(20), Busy(10)] {
            for sinks in SINKS {
                let (kv, queue) = if sinks == "origin" { (Succeeds(30), first) } else { (first, Succeeds(30)) };
                let run = run(&with_sinks(sinks), body_delay, FakePlans::All(kv), Some(FakePlans::All(queue)));
                assert_eq!(run.response, Response::ok(), "{sinks}, {first:?}, body after {body_delay} ms");
                assert!(run.at <= ANSWER_WITHIN_MS);
            }
        }
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let delay = || prop_oneof![0..1700_u64, Just(0), Just(600), Just(1000), Just(1499), Just(1500), Just(1501)];
    prop_oneof![
        3 => delay().prop_map(Succeeds),
        4 => (0..800_u64).prop_map(Fails),
        1 => delay().prop_map(Fails),
        1 => delay().prop_map(Busy),
        2 => delay().prop_map(Unavailable),
        2 => Just(Hangs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    /// Whatever KV, D1 and the queue do at each attempt, and whenever the body comes.
    #[test]
    fn the_rule_holds_for_any_delays(
        sinks in prop::sample::select([&SINKS[..], &SINKS_WITH_D1].concat()),
        bound in prop::bool::weighted(0.8),
        body_delay in prop_oneof![2 => Just(0_u64), 1 => 0..1499_u64],
        kv in prop::collection::vec(plan(), 3),
        d1 in prop::collection::vec(plan(), 2),
        // Two attempts to send, and the fallbacks of KV and D1.
        queue in prop::collection::vec(plan(), 4),
    ) {
        let config = with_sinks(sinks);
        let fake_queue = bound.then_some(FakePlans::Each(&queue));
        let run = run_with(&config, body_delay, FakePlans::Each(&kv), FakePlans::Each(&d1), fake_queue);
        let ok = run.response.status == 200;
        prop_assert!(run.at <= ANSWER_WITHIN_MS, "answered at {}", run.at);
        prop_assert_eq!(ok, run.places.satisfy(sinks), "{:?}", run.places);
        prop_assert_eq!(run.response, if ok { Response::ok() } else { Response::from(Rejection::NotStored) });
        prop_assert_eq!(run.record["duration_ms"].as_u64(), Some(run.at));
    }
}
