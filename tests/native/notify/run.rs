//! A run of the cron: what it reads, sends and remembers, and what it does when D1, KV, the queue or a service fails.

use std::{cell::Cell, time::Duration};

use serde_json::Value;
use tokio::time::timeout;
use unfollow_webhook::{
    alerts::notify::{
        run::{ANSWER_READ_MAX, RUN_WITHIN_MS},
        store::KEY,
    },
    database::Statement,
    dispatch::{Dispatcher, EVERY_MINUTE},
    log::Level,
    outgoing::Wanted,
};

use super::{DINGTALK, FEISHU, WEBHOOK, WECOM};
use crate::{
    database::{Sqlite, Trouble},
    fakes::{
        FakeKv, FakeOrigin, FakeQueue, FakeSink,
        Plan::{self, Succeeds},
        Reaction, Seen, paused,
    },
    ports::{FakeEnvironment, FakePorts},
    samples::{APP, BOUND, BOUND_WITHOUT_DATABASE, NOW_MS, ORIGIN_SECRET, TOKEN},
};

const MINUTE: u64 = 60_000;

/// A full hour.
const HOUR: u64 = NOW_MS / (60 * MINUTE) * 60 * MINUTE;

const OK: &str = r#"{"errcode":0,"errmsg":"ok","code":0,"msg":"success"}"#;

/// A setting that is invalid: an alert without a call.
const INVALID: (&str, &str) = ("PLAN", "neither");

struct Stores {
    kv: FakeKv,
    database: Sqlite,
    queue: FakeQueue,
}

impl Default for Stores {
    fn default() -> Self {
        let (kv, queue) = (FakeKv::with(FakeSink::always(Succeeds(5))), FakeQueue::always(Succeeds(5)));
        Self { kv, database: Sqlite::default(), queue }
    }
}

/// What one run has done.
struct Run {
    seen: Vec<Seen>,
    log: Vec<(Level, String)>,
    took_ms: u64,
}

impl Run {
    /// The texts that were sent, for WeCom and DingTalk.
    fn texts(&self) -> Vec<String> {
        let text = |seen: &Seen| {
            let body: Value = serde_json::from_slice(&seen.body).unwrap();
            body["text"]["content"].as_str().or(body["content"]["text"].as_str()).unwrap_or_default().to_owned()
        };
        self.seen.iter().map(text).collect()
    }
}

impl Stores {
    fn kv_failing() -> Self {
        let kv = FakeKv::with(FakeSink::always(Plan::Fails(0)));
        kv.fails.set(Some("get"));
        Self { kv, ..Self::default() }
    }

    /// A run that is due so many minutes after a full hour, of a Worker that is new each time.
    fn run(&self, minute: u64, settings: &[(&str, &str)], react: impl Fn(&Seen) -> Reaction) -> Run {
        self.run_bound(minute, settings, BOUND, react)
    }

    fn run_bound(
        &self,
        minute: u64,
        settings: &[(&str, &str)],
        bound: &[&'static str],
        react: impl Fn(&Seen) -> Reaction,
    ) -> Run {
        let at = HOUR + minute * MINUTE;
        let needed = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SILENCE_HOURS", "0")];
        let variables = [settings, &needed].concat();
        paused(async {
            let ports = FakePorts {
                environment: FakeEnvironment::of(variables.iter().copied(), bound),
                queue: Some(&self.queue),
                origin: FakeOrigin::of(react),
                ..FakePorts::at(at + 1_234, &self.kv)
            };
            let database = bound.contains(&"DB").then_some(&self.database);
            let worker = Dispatcher::new(ports.with_database(database));
            let running = worker.scheduled(EVERY_MINUTE, at);
            timeout(Duration::from_millis(RUN_WITHIN_MS), running).await.expect("a run ends within its time");
            let took_ms = worker.ports.clock.elapsed();
            Run { seen: worker.ports.origin.seen(), log: worker.ports.records.take(), took_ms }
        })
    }

    /// Counts calls for the app that were answered so.
    fn count_calls(&self, outcome: &str, hour: u64) {
        let sql = format!(
            "INSERT INTO call_counts (hour, app, outcome, reason, count, last_at, writes) VALUES ({hour}, {APP}, '{outcome}', '', 3, {}, 1)",
            HOUR + MINUTE
        );
        self.database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
    }

    /// The state in D1.
    fn in_database(&self) -> Option<Value> {
        let row = self.database.table("alert_messages").pop()?;
        Some(serde_json::from_str(row["state"].as_str().unwrap()).unwrap())
    }
}

fn takes(_: &Seen) -> Reaction {
    Reaction::answer(200, OK)
}

fn refuses(_: &Seen) -> Reaction {
    Reaction::answer(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#)
}

fn never(seen: &Seen) -> Reaction {
    panic!("nothing is to be sent: {seen:?}")
}

#[test]
fn without_targets_nothing_is_read() {
    let stores = Stores::default();
    for minute in [0, 1, 16, 18] {
        let run = stores.run(minute, &[INVALID], never);
        assert!(run.log.is_empty() && run.took_ms == 0);
    }
    assert!(stores.database.operations.take().is_empty() && stores.kv.take_operations().is_empty());
}

#[test]
fn the_retention_runs_as_often_as_the_plan_says_and_with_a_trigger_of_its_own() {
    for (plan, cron, minute, is_run) in [
        ("free", EVERY_MINUTE, 17, true),
        ("free", EVERY_MINUTE, 16, false),
        ("free", EVERY_MINUTE, 18, false),
        ("free", EVERY_MINUTE, 22, false),
        ("free", EVERY_MINUTE, 0, false),
        ("paid", EVERY_MINUTE, 17, true),
        ("paid", EVERY_MINUTE, 2, true),
        ("paid", EVERY_MINUTE, 57, true),
        ("paid", EVERY_MINUTE, 0, false),
        ("paid", EVERY_MINUTE, 18, false),
        // Of an earlier wrangler.toml, and one's own.
        ("free", "17 * * * *", 17, true),
        ("free", "5 3 * * *", 5, true),
        ("paid", "*/10 * * * *", 20, true),
    ] {
        let stores = Stores::default();
        paused(async {
            let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("PLAN", plan)];
            let environment = FakeEnvironment::of(variables, BOUND);
            let ports = FakePorts { environment, ..FakePorts::at(HOUR, &stores.kv) };
            let worker = Dispatcher::new(ports.with_database(Some(&stores.database)));
            worker.scheduled(cron, HOUR + minute * MINUTE).await;
        });
        // The paid plan looks each minute which rankings to renew.
        let others = usize::from(plan == "paid");
        assert_eq!(stores.database.operations.take().len() > others, is_run, "{plan} {cron} {minute}");
    }
}

#[test]
fn it_is_told_once_and_then_nothing_is_written() {
    let stores = Stores::default();
    let settings = [("ALERT_URLS", WECOM), INVALID];
    let run = stores.run(1, &settings, takes);
    assert_eq!(run.seen.len(), 1);
    let [seen] = &run.seen[..] else { panic!("{:?}", run.seen) };
    assert_eq!((seen.url.as_str(), seen.wanted), (WECOM, Wanted::Start(ANSWER_READ_MAX)));
    assert!(run.texts()[0].contains("Invalid setting: PLAN"), "{:?}", run.texts());
    assert!(run.log.is_empty(), "{:?}", run.log);
    let written = stores.database.rows_written();
    for minute in 2..12 {
        assert!(stores.run(minute, &settings, never).log.is_empty());
    }
    assert_eq!(stores.database.rows_written(), written);
    assert!(stores.kv.keys().is_empty());
    // A day later there is a reminder.
    let run = stores.run(24 * 60 + 1, &settings, takes);
    assert!(
        run.texts()[0].starts_with("unfollow-webhook: 1 alert still open\n[still] Invalid setting: PLAN"),
        "{:?}",
        run.texts()
    );
    // Fixed.
    for minute in 0..10 {
        stores.run(24 * 60 + 2 + minute, &settings[..1], never);
    }
    let run = stores.run(24 * 60 + 12, &settings[..1], takes);
    assert!(
        run.texts()[0].starts_with("unfollow-webhook: 1 alert ended\n[ended] Invalid setting: PLAN, "),
        "{:?}",
        run.texts()
    );
}

#[test]
fn what_is_refused_with_http_200_is_sent_again_by_the_next_run() {
    let stores = Stores::default();
    let settings = [("ALERT_URLS", DINGTALK), INVALID];
    let run = stores.run(1, &settings, refuses);
    let record =
        r#"{"outcome":"failed","reason":"alert_message","service":"dingtalk","target":1,"status":200,"code":"310000"}"#;
    assert_eq!(run.log, [(Level::Warn, record.to_owned())]);
    assert_eq!(
        stores.run(2, &settings, |_| Reaction::refuse()).log[0].1,
        r#"{"outcome":"failed","reason":"alert_message","service":"dingtalk","target":1,"error":"unreachable"}"#
    );
    let run = stores.run(3, &settings, takes);
    assert!(run.log.is_empty() && run.texts()[0].contains("Invalid setting: PLAN"));
    stores.run(4, &settings, never);
}

#[test]
fn a_muted_robot_is_left_alone_for_ten_minutes() {
    let stores = Stores::default();
    let settings = [("ALERT_URLS", DINGTALK), INVALID];
    let muted = |_: &Seen| Reaction::answer(200, r#"{"errcode":130101,"errmsg":"send too fast"}"#);
    stores.run(1, &settings, muted);
    for minute in 2..11 {
        stores.run(minute, &settings, never);
    }
    assert_eq!(stores.run(11, &settings, takes).seen.len(), 1);
}

#[test]
fn a_target_that_hangs_or_refuses_holds_up_no_other() {
    let stores = Stores::default();
    let urls = format!("{WECOM}\n{FEISHU}\n{WEBHOOK}");
    let settings = [("ALERT_URLS", urls.as_str()), ("ALERT_SECRET", ORIGIN_SECRET), INVALID];
    let react = |seen: &Seen| match seen.url.as_str() {
        WECOM => Reaction::hang(),
        FEISHU => Reaction::answer(200, r#"{"code":19021,"msg":"sign match fail"}"#),
        _ => Reaction::status(204),
    };
    let run = stores.run(1, &settings, react);
    assert_eq!(run.seen.len(), 3);
    let mut log: Vec<_> = run.log.iter().map(|(_, record)| record.as_str()).collect();
    log.sort_unstable();
    assert_eq!(
        log,
        [
            r#"{"outcome":"failed","reason":"alert_message","service":"feishu","target":2,"status":200,"code":"19021"}"#,
            r#"{"outcome":"failed","reason":"alert_message","service":"wecom","target":1,"error":"timeout"}"#,
        ]
    );
    let run = stores.run(2, &settings, takes);
    assert_eq!(run.seen.iter().map(|seen| seen.url.as_str()).collect::<Vec<_>>(), [WECOM, FEISHU]);
    // The same news have the same id.
    stores.run(3, &settings, never);
}

#[test]
fn a_message_that_comes_again_has_its_id() {
    let stores = Stores::default();
    let settings = [("ALERT_URLS", WEBHOOK), ("ALERT_SECRET", ORIGIN_SECRET), INVALID];
    let ids: Vec<_> = [1, 2]
        .map(|minute| {
            let run = stores.run(minute, &settings, |_| Reaction::status(500));
            run.seen[0].header("webhook-id").unwrap().to_owned()
        })
        .into();
    assert_eq!(ids[0], ids[1]);
}

/// The claim is written before anything is sent: of two runs that read the same, one sends.
#[test]
fn of_two_runs_at_once_one_sends() {
    let stores = Stores::default();
    stores.database.takes_ms.set(100);
    let sent = Cell::new(0);
    paused(async {
        let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ALERT_URLS", WECOM), INVALID];
        let worker = || {
            let react = |_: &Seen| {
                sent.set(sent.get() + 1);
                Reaction::answer(200, OK)
            };
            let environment = FakeEnvironment::of(variables, BOUND);
            let ports = FakePorts { environment, origin: FakeOrigin::of(react), ..FakePorts::at(HOUR, &stores.kv) };
            Dispatcher::new(ports.with_database(Some(&stores.database)))
        };
        let (one, two) = (worker(), worker());
        futures_util::future::join(one.scheduled(EVERY_MINUTE, HOUR), two.scheduled(EVERY_MINUTE, HOUR)).await;
    });
    assert_eq!(sent.get(), 1);
}

#[test]
fn while_d1_fails_that_is_told_and_remembered_in_kv() {
    for trouble in [Trouble::Fails, Trouble::Hangs] {
        let stores = Stores::default();
        let settings = [("ALERT_URLS", WECOM), INVALID];
        // What only D1 knows.
        stores.count_calls("queued", HOUR / (60 * MINUTE));
        let run = stores.run(1, &settings, takes);
        assert!(run.texts()[0].contains("PLAN") && run.texts()[0].contains("3 events were queued"));
        stores.database.trouble.set(Some(trouble));
        let run = stores.run(2, &settings, takes);
        assert!(run.texts()[0].contains("D1 fails"), "{trouble:?} {:?}", run.texts());
        assert_eq!(stores.kv.keys(), [KEY], "{trouble:?}");
        // Not at 17, when the retention waits for D1, too.
        for minute in (3..17).chain(18..30) {
            stores.run(minute, &settings, never);
        }
        // It is back: KV's is taken over, and deleted. What D1 knew is not told again.
        stores.database.trouble.set(None);
        for minute in 30..40 {
            stores.run(minute, &settings, never);
        }
        assert!(stores.kv.keys().is_empty(), "{trouble:?}");
        let run = stores.run(40, &settings, takes);
        assert!(run.texts()[0].starts_with("unfollow-webhook: 1 alert ended\n[ended] D1 fails"), "{:?}", run.texts());
        assert_eq!(stores.in_database().unwrap()["targets"].as_object().unwrap().len(), 1);
    }
}

#[test]
fn while_kv_fails_what_waits_in_the_queue_is_told() {
    let stores = Stores::kv_failing();
    stores.count_calls("queued", HOUR / (60 * MINUTE));
    let settings = [("ALERT_URLS", WECOM)];
    let run = stores.run(2, &settings, takes);
    assert!(run.texts()[0].contains("3 events were queued"), "{:?} {:?}", run.texts(), run.log);
    stores.run(3, &settings, never);
}

#[test]
fn while_the_queue_fails_dead_letters_are_told() {
    let stores = Stores { queue: FakeQueue::always(Plan::Fails(0)), ..Stores::default() };
    stores.count_calls("dead_lettered", HOUR / (60 * MINUTE));
    let settings = [("ALERT_URLS", WECOM)];
    let run = stores.run(2, &settings, takes);
    assert!(run.texts()[0].contains("3 events became dead letters"), "{:?} {:?}", run.texts(), run.log);
    stores.run(3, &settings, never);
}

/// Nobody knows what was told: it is told once an hour, and not each minute.
#[test]
fn while_d1_and_kv_fail_all_is_told_once_an_hour() {
    let stores = Stores::kv_failing();
    stores.database.trouble.set(Some(Trouble::Fails));
    let settings = [("ALERT_URLS", WECOM), INVALID];
    for minute in (1..60).chain(61..70) {
        stores.run(minute, &settings, never);
    }
    for minute in [0, 60, 120] {
        let run = stores.run(minute, &settings, takes);
        assert!(run.texts()[0].contains("D1 fails") && run.texts()[0].contains("PLAN"), "{:?}", run.texts());
    }
}

#[test]
fn without_a_database_it_is_remembered_in_kv() {
    let stores = Stores::default();
    let settings = [("ALERT_URLS", WECOM), INVALID];
    let run = stores.run_bound(1, &settings, BOUND_WITHOUT_DATABASE, takes);
    assert!(run.texts()[0].contains("PLAN"), "{:?}", run.texts());
    assert_eq!(stores.kv.keys(), [KEY]);
    for minute in 2..12 {
        stores.run_bound(minute, &settings, BOUND_WITHOUT_DATABASE, never);
    }
    // What can be looked at also ends.
    let mut texts = Vec::new();
    for minute in 12..23 {
        texts.extend(stores.run_bound(minute, &settings[..1], BOUND_WITHOUT_DATABASE, takes).texts());
    }
    assert!(texts.iter().any(|text| text.contains("[ended] Invalid setting: PLAN")), "{texts:?}");
}

#[test]
fn no_url_and_no_text_of_a_service_reaches_the_log() {
    let stores = Stores::default();
    let secret = format!("{DINGTALK}#secret=SEChidden");
    let react = |seen: &Seen| {
        let body = serde_json::json!({ "errcode": 1, "errmsg": format!("no: {}", seen.url) }).to_string();
        Reaction::answer(200, body)
    };
    let run = stores.run(1, &[("ALERT_URLS", &secret), INVALID], react);
    let log = format!("{:?}", run.log);
    assert!(
        log.contains("alert_message") && !log.contains("abcdefgh") && !log.contains("hidden") && !log.contains("no:"),
        "{log}"
    );
}
