//! What the event handlers of the runtime do: where a request, a batch and the hourly trigger go, and when calls are counted.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::future::join;
use serde_json::{Value, json};
use strum::VariantArray as _;
use tokio::time::{sleep, timeout};
use unfollow_webhook::{
    database::{
        Database, HOUR_MS, Statement,
        deliveries::{self, State},
        erasures, event_log,
    },
    delivery::{
        consumer::{Outcome, QueuedMessage},
        erased::hash_of_user,
        message::Message,
    },
    dispatch::{Answer, Dispatcher, Request},
    event::EventId,
    log::Level,
    origin::HOP_HEADER,
    response::Response,
    sink::Sink,
    webhook::{body::Follow, command::Kind},
};

use crate::{
    database::{Sqlite, Trouble, before_kv_until},
    fakes::{
        FakeBody, FakeKv, FakeQueue, FakeSink,
        Plan::{Hangs, Succeeds},
        paused,
    },
    ports::{FakeEnvironment, FakePorts},
    samples::{APP, BOUND, NOW_MS, TOKEN, UNFOLLOW, app, event, event_of, first_attempt, query, url_of},
};

const ADMIN: &str = "a-token-of-the-operator";

const DAY_MS: u64 = 24 * HOUR_MS;

/// The log record of counts that D1 did not take.
const CALLS_FAILED: &str = r#"{"outcome":"failed","reason":"call_counts"}"#;

struct FakeRequest {
    headers: Vec<(&'static str, String)>,
    body: FakeBody,
}

impl FakeRequest {
    fn of(body: &str, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Self { headers, body: FakeBody::of(body) }
    }
}

impl Request for FakeRequest {
    type Body<'a> = FakeBody;

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(it, _)| *it == name).map(|(_, text)| text.clone())
    }

    fn has_hop_header(&self) -> bool {
        self.header(HOP_HEADER).is_some()
    }

    fn body(&self) -> FakeBody {
        self.body.clone().declaring(self.header("content-length").and_then(|length| length.parse().ok()))
    }
}

/// What the Worker stores in.
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

impl Stores {
    /// A Worker with these settings besides those that it needs, and with all bindings.
    fn worker(&self, more: &[(&str, &str)]) -> Dispatcher<FakePorts<'_, Sqlite>> {
        let needed = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)];
        self.worker_with(&[more, &needed].concat())
    }

    /// A Worker with these settings, of two of the same name the first.
    fn worker_with(&self, variables: &[(&str, &str)]) -> Dispatcher<FakePorts<'_, Sqlite>> {
        let environment = FakeEnvironment::of(variables.iter().copied(), BOUND);
        let ports = FakePorts { environment, queue: Some(&self.queue), ..FakePorts::at(NOW_MS, &self.kv) };
        Dispatcher::new(ports.with_database(Some(&self.database)))
    }

    /// How many calls D1 has counted, in all.
    fn calls_in_d1(&self) -> u64 {
        self.database.table("call_counts").iter().map(|row| row["count"].as_u64().unwrap()).sum()
    }
}

/// The log since the last time.
fn log_of<D>(worker: &Dispatcher<FakePorts<'_, D>>) -> Vec<(Level, String)> {
    worker.ports.records.take()
}

fn json_of(response: &Response) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

/// A GET of this path with the operator's token, over https.
async fn get<D: Database>(worker: &Dispatcher<FakePorts<'_, D>>, path: &str) -> Response {
    let request = FakeRequest::of("", &[("authorization", &format!("Bearer {ADMIN}"))]);
    worker.fetch("GET", &format!("https://www.example.com{path}"), &request).await.response
}

/// A valid webhook call, and what is to be done after it.
async fn call<D: Database>(worker: &Dispatcher<FakePorts<'_, D>>) -> Answer {
    worker.fetch("POST", &url_of(Kind::Unfollow), &FakeRequest::of(UNFOLLOW, &[])).await
}

#[test]
fn healthz_says_whether_the_settings_are_valid() {
    let stores = Stores::default();
    let no_schema = Stores { database: Sqlite::without_schema(), ..Stores::default() };
    for (stores, more, status, names) in [
        (&stores, &[][..], 200, &[][..]),
        (&stores, &[("SINKS", "disk")], 503, &["SINKS"]),
        (&stores, &[("DELIVERY_HOURS", "x")], 503, &["DELIVERY_HOURS"]),
        (&no_schema, &[("DELIVERY_HOURS", "x")], 503, &["DELIVERY_HOURS", "DB"]),
    ] {
        for method in ["GET", "HEAD"] {
            for url in ["https://www.example.com/healthz?x=1", "http://www.example.com/healthz"] {
                let response = paused(async {
                    let worker = stores.worker(more);
                    let answer = worker.fetch(method, url, &FakeRequest::of("", &[])).await;
                    assert!(answer.late.is_empty() && answer.write_calls_after_ms.is_none());
                    assert!(log_of(&worker).is_empty());
                    answer.response
                });
                assert_eq!(response.status, status, "{method} {url} {more:?}");
                let named = json_of(&response)["settings"].as_array().cloned().unwrap_or_default();
                let named: Vec<_> = named.iter().map(|it| it["name"].as_str().unwrap()).collect();
                assert_eq!(named, names, "{more:?}");
            }
        }
    }
}

#[test]
fn healthz_takes_no_other_method() {
    for more in [&[][..], &[("SINKS", "disk")]] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""] {
            let stores = Stores::default();
            let url = "https://www.example.com/healthz";
            let answer = paused(async { stores.worker(more).fetch(method, url, &FakeRequest::of("", &[])).await });
            assert_eq!(answer.response.status, 405, "{method}");
            assert_eq!(answer.response.header, Some(("allow", "GET, HEAD".into())), "{method}");
            assert!(answer.write_calls_after_ms.is_none() && stores.database.operations.take().is_empty());
        }
    }
}

#[test]
fn what_begins_with_v1_goes_to_the_api() {
    let stores = Stores::default();
    paused(async {
        let worker = stores.worker(&[]);
        let apps = get(&worker, "/v1/apps").await;
        assert_eq!((apps.status, json_of(&apps)), (200, json!({ "apps": [1_400_000_000], "removed": [] })));
        let events = get(&worker, "/v1/events?limit=0").await;
        assert_eq!((events.status, events.content_type), (400, "application/problem+json"));
        assert_eq!(get(&worker, "/v1/").await.status, 404);
        let (right, wrong) = (format!("Bearer {ADMIN}"), format!("Bearer {ADMIN}2"));
        for (method, url, authorization, status) in [
            ("GET", "https://www.example.com/v1/apps", Some(&right), 200),
            ("PUT", "https://www.example.com/v1/apps", Some(&right), 405),
            ("GET", "https://www.example.com/v1/apps", Some(&wrong), 401),
            ("GET", "https://www.example.com/v1/apps", None, 401),
            ("GET", "http://www.example.com/v1/apps", Some(&right), 403),
            ("GET", "http://127.0.0.1:8787/v1/apps", Some(&right), 200),
        ] {
            let headers: Vec<_> = authorization.iter().map(|it| ("authorization", &***it)).collect();
            let answer = worker.fetch(method, url, &FakeRequest::of("", &headers)).await;
            assert_eq!(answer.response.status, status, "{method} {url} {authorization:?}");
            assert!(answer.late.is_empty() && answer.write_calls_after_ms.is_none());
        }
        // It is no webhook call. Of those that read, only the ones without a valid token are logged.
        let rejected = json!({ "outcome": "rejected", "operation": "list_apps", "app": null, "status": 401 });
        let log: Vec<Value> = log_of(&worker).iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(log.len(), 2, "{log:?}");
        for record in log {
            for (name, value) in rejected.as_object().unwrap() {
                assert_eq!(&record[name], value, "{name}");
            }
        }
    });
}

/// Whatever the path: that it is not the webhook's is for its validation to say.
#[test]
fn metrics_are_scraped_at_their_path_unless_it_is_the_webhooks() {
    let stores = Stores::default();
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", &*bearer), ("accept", "application/openmetrics-text")];
    paused(async {
        let worker = stores.worker(&[]);
        for (method, url, status) in [
            ("GET", "https://www.example.com/metrics", 200),
            ("HEAD", "https://www.example.com/metrics?x=1", 200),
            ("GET", "http://127.0.0.1:8787/metrics", 200),
            ("GET", "http://www.example.com/metrics", 403),
            ("POST", "https://www.example.com/metrics", 405),
        ] {
            let answer = worker.fetch(method, url, &FakeRequest::of("", &headers)).await;
            assert_eq!(answer.response.status, status, "{method} {url}");
            assert!(answer.late.is_empty() && answer.write_calls_after_ms.is_none());
            assert_eq!(status == 200, answer.response.body.ends_with("# EOF\n"), "{method} {url}");
        }
        assert_eq!(log_of(&worker), []);
        // Other paths are no metrics.
        for path in ["/metrics/", "/metrics/x", "/Metrics", "/"] {
            let url = format!("https://www.example.com{path}");
            let answer = worker.fetch("GET", &url, &FakeRequest::of("", &headers)).await;
            assert_eq!(json_of(&answer.response)["ActionStatus"], "FAIL", "{path}");
        }

        let worker = stores.worker(&[("WEBHOOK_PATH", "/metrics")]);
        let url = url_of(Kind::Unfollow).replace(".com/?", ".com/metrics?");
        let answer = worker.fetch("POST", &url, &FakeRequest::of(UNFOLLOW, &headers)).await;
        assert_eq!((answer.response.status, &json_of(&answer.response)["ActionStatus"]), (200, &json!("OK")));
        assert_eq!(stores.database.table("events").len(), 1);
        let answer = worker.fetch("GET", &url, &FakeRequest::of("", &headers)).await;
        assert_eq!(json_of(&answer.response)["ErrorCode"], 40500);
        assert_eq!(json_of(&get(&worker, "/v1/status").await)["metrics_path"], Value::Null);
        // Also where another setting is invalid, so that the sender hears of it.
        let worker = stores.worker(&[("WEBHOOK_PATH", "/metrics"), ("SINKS", "disk")]);
        let answer = worker.fetch("POST", &url, &FakeRequest::of(UNFOLLOW, &headers)).await;
        assert_eq!(json_of(&answer.response)["ErrorCode"], 50000);
    });
}

#[test]
fn all_else_is_a_webhook_call() {
    for (method, path, status, outcome) in [
        ("POST", "/", 200, "stored"),
        ("GET", "/", 405, "rejected"),
        ("POST", "/hook", 404, "rejected"),
        ("GET", "/v1", 404, "rejected"),
        ("POST", "/v1x/events", 404, "rejected"),
        ("GET", "/healthz/", 404, "rejected"),
        ("GET", "/Healthz", 404, "rejected"),
    ] {
        let stores = Stores::default();
        paused(async {
            let worker = stores.worker(&[]);
            let url = url_of(Kind::Unfollow).replace("com/?", &format!("com{path}?"));
            let answer = worker.fetch(method, &url, &FakeRequest::of(UNFOLLOW, &[])).await;
            assert_eq!((answer.response.status, answer.write_calls_after_ms), (status, Some(0)), "{method} {path}");
            let [(level, record)] = &log_of(&worker)[..] else { panic!("one record") };
            assert_eq!(*level, if status == 200 { Level::Info } else { Level::Warn }, "{method} {path}");
            assert_eq!(serde_json::from_str::<Value>(record).unwrap()["outcome"], outcome, "{method} {path}");
        });
        let stored = usize::from(status == 200);
        assert_eq!((stores.kv.keys().len(), stores.database.table("events").len()), (stored, stored), "{path}");
    }
}

#[test]
fn the_headers_of_a_webhook_call_are_heeded() {
    let with_origin: &[_] = &[("ORIGIN_URL", "https://backend.example")];
    for (name, text, settings, status) in [
        ("content-length", "149", &[][..], 200),
        ("content-length", "65537", &[], 413),
        (HOP_HEADER, "1", with_origin, 508),
        (HOP_HEADER, "", with_origin, 508),
        // Another Worker's: this one sends nothing, so nothing can come back.
        (HOP_HEADER, "1", &[], 200),
        (HOP_HEADER, "1", &[("ORIGIN_URL", "no URL")], 200),
    ] {
        let stores = Stores::default();
        let request = FakeRequest::of(UNFOLLOW, &[(name, text)]);
        let answer = paused(async { stores.worker(settings).fetch("POST", &url_of(Kind::Unfollow), &request).await });
        assert_eq!(answer.response.status, status, "{name}: {text}");
    }
}

#[test]
fn attempts_that_are_late_are_handed_back() {
    let kv = FakeKv::with(FakeSink::always(Succeeds(1600)));
    let stores = Stores { kv, queue: FakeQueue::always(Succeeds(2000)), ..Stores::default() };
    paused(async {
        let worker = stores.worker(&[("SINKS", "kv")]);
        let answer = call(&worker).await;
        assert_eq!((answer.response.status, worker.ports.clock.elapsed()), (503, 1500));
        assert_eq!((answer.late.len(), stores.kv.keys().len()), (1, 0));
        for late in answer.late {
            late.finish(&worker.ports).await;
        }
        // The last of them is the message.
        assert_eq!((stores.kv.keys().len(), worker.ports.clock.elapsed()), (1, 3000));
    });
}

#[test]
fn calls_are_counted_where_there_is_a_database() {
    let stores = Stores::default();
    paused(async {
        let worker = stores.worker(&[]);
        let reject = async || {
            let answer = worker.fetch("GET", "https://www.example.com/", &FakeRequest::of("", &[])).await;
            assert_eq!(answer.response.status, 405);
            answer.write_calls_after_ms
        };
        // The first of a kind at once, the others later and together.
        assert_eq!(reject().await, Some(0));
        worker.write_calls(0).await;
        assert_eq!((stores.calls_in_d1(), worker.ports.clock.elapsed()), (1, 0));
        assert_eq!((reject().await, reject().await), (Some(10_000), None));
        // Not before its time.
        worker.write_calls(10_000).await;
        assert_eq!((stores.calls_in_d1(), worker.ports.clock.elapsed()), (3, 10_000));
        // Nothing is left to write.
        stores.database.operations.take();
        worker.write_calls(0).await;
        assert!(stores.database.operations.take().is_empty());
    });
    let kv = FakeKv::with(FakeSink::always(Succeeds(5)));
    paused(async {
        let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)];
        let environment = FakeEnvironment::of(variables, BOUND);
        let worker = Dispatcher::new(FakePorts { environment, ..FakePorts::at(NOW_MS, &kv) });
        let url = "https://www.example.com/";
        let answer = worker.fetch("GET", url, &FakeRequest::of("", &[])).await;
        assert_eq!((answer.response.status, answer.write_calls_after_ms), (405, None));
        worker.write_calls(10_000).await;
        // Without a database there is nothing to wait for.
        assert_eq!(worker.ports.clock.elapsed(), 0);
    });
}

#[test]
fn counts_that_d1_refuses_are_written_with_the_next_and_logged() {
    let stores = Stores::default();
    paused(async {
        let worker = stores.worker(&[("SINKS", "kv")]);
        assert_eq!(call(&worker).await.write_calls_after_ms, Some(0));
        log_of(&worker);
        stores.database.trouble.set(Some(Trouble::Fails));
        for _ in 0..2 {
            worker.write_calls(0).await;
            assert_eq!(log_of(&worker), [(Level::Warn, CALLS_FAILED.to_owned())]);
        }
        stores.database.trouble.set(None);
        call(&worker).await;
        log_of(&worker);
        worker.write_calls(0).await;
        assert_eq!((stores.calls_in_d1(), log_of(&worker).len()), (2, 0));
    });
}

/// It may have taken them: they would count twice.
#[test]
fn counts_that_d1_does_not_answer_are_not_written_again() {
    let stores = Stores::default();
    paused(async {
        let worker = stores.worker(&[("SINKS", "kv")]);
        call(&worker).await;
        log_of(&worker);
        let before = worker.ports.clock.elapsed();
        stores.database.trouble.set(Some(Trouble::Hangs));
        worker.write_calls(0).await;
        assert_eq!((worker.ports.clock.elapsed() - before, log_of(&worker).len()), (10_000, 0));
        stores.database.trouble.set(None);
        stores.database.operations.take();
        worker.write_calls(0).await;
        assert!(stores.database.operations.take().is_empty());
        call(&worker).await;
        worker.write_calls(0).await;
        assert_eq!(stores.calls_in_d1(), 1);
    });
}

/// Adds an unfollow of this time to the event log; another one for each `n`.
fn add(database: &Sqlite, time: u64, n: u64) {
    let body = json!({ "From_Account": format!("a{n}"), "To_Account": ["b"], "EventTime": time }).to_string();
    database.insert(&event_of("", Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0)));
}

#[test]
fn the_retention_deletes_what_is_due() {
    for (days, events, dead) in [(None, 2, 2), (Some("1"), 1, 1), (Some("40"), 2, 2), (Some("x"), 2, 2)] {
        let stores = Stores::default();
        for (n, time) in [NOW_MS - 2 * DAY_MS, NOW_MS].into_iter().enumerate() {
            add(&stores.database, time, n as u64);
        }
        // A dead delivery stays for as long as its dead letter: 30 days at least.
        for (n, at) in [NOW_MS - 31 * DAY_MS, NOW_MS - 29 * DAY_MS].into_iter().enumerate() {
            let change = first_attempt(State::Dead, at);
            let id = EventId::of_parts(at, &format!("{n:032x}")).unwrap();
            stores.database.execute(deliveries::write(app(), &id, &change));
        }
        let more: Vec<_> = days.iter().map(|days| ("RETENTION_DAYS", *days)).collect();
        paused(async {
            let worker = stores.worker(&more);
            worker.retain().await;
            assert!(log_of(&worker).is_empty());
        });
        let left = (stores.database.table("events").len(), stores.database.table("deliveries").len());
        assert_eq!(left, (events, dead), "{days:?}");
    }
}

/// They are to be fixed first.
#[test]
fn with_settings_that_reject_calls_nothing_is_deleted() {
    for variables in [
        &[("RETENTION_DAYS", "1")][..],
        &[("RETENTION_DAYS", "1"), ("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", "disk")],
        &[("RETENTION_DAYS", "1"), ("SDK_APP_IDS", "x"), ("CALLBACK_TOKEN", TOKEN)],
    ] {
        let stores = Stores::default();
        add(&stores.database, NOW_MS - 2 * DAY_MS, 0);
        paused(async {
            let worker = stores.worker_with(variables);
            worker.retain().await;
            assert!(worker.config().calls.settings.is_none() && log_of(&worker).is_empty());
        });
        assert!(stores.database.operations.take().is_empty(), "{variables:?}");
        assert_eq!(stores.database.table("events").len(), 1);
    }
}

#[test]
fn a_retention_that_fails_is_logged() {
    let failing = Sqlite::default();
    failing.trouble.set(Some(Trouble::Fails));
    for database in [failing, Sqlite::without_schema()] {
        let stores = Stores { database, ..Stores::default() };
        paused(async {
            let worker = stores.worker(&[("RETENTION_DAYS", "1")]);
            worker.retain().await;
            let expected = r#"{"outcome":"failed","reason":"retention"}"#.to_owned();
            assert_eq!(log_of(&worker), [(Level::Error, expected)]);
        });
    }
    // Without a database there is nothing to delete.
    let kv = FakeKv::default();
    paused(async {
        let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("RETENTION_DAYS", "1")];
        let environment = FakeEnvironment::of(variables, BOUND);
        let worker = Dispatcher::new(FakePorts { environment, ..FakePorts::at(NOW_MS, &kv) });
        worker.retain().await;
        assert!(log_of(&worker).is_empty());
    });
}

/// What is left is logged without ids, and shown until it is gone.
#[test]
fn a_retention_that_leaves_something_due_says_so() {
    for (plan, left) in [(None, true), (Some("free"), true), (Some("x"), true), (Some("paid"), false)] {
        let stores = Stores::default();
        let oldest = NOW_MS - 3 * DAY_MS - 4_999 * 1000;
        (0..5_000).for_each(|n| add(&stores.database, NOW_MS - 3 * DAY_MS - n * 1000, n));
        let mut more = vec![("RETENTION_DAYS", "1")];
        more.extend(plan.map(|plan| ("PLAN", plan)));
        paused(async {
            let worker = stores.worker(&more);
            worker.retain().await;
            let log = log_of(&worker);
            let status = json_of(&get(&worker, "/v1/status").await);
            if !left {
                assert_eq!((log.len(), &status["retention_due_since"]), (0, &Value::Null), "{plan:?}");
                return;
            }
            let (level, record) = &log[0];
            let record: Value = serde_json::from_str(record).unwrap();
            assert_eq!((log.len(), *level), (1, Level::Warn));
            let members: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["due_since", "events", "outcome", "reason", "rows"]);
            assert_eq!((&record["outcome"], &record["reason"]), (&json!("incomplete"), &json!("retention")));
            let due_since = record["due_since"].as_u64().unwrap();
            assert!(due_since > oldest && due_since < NOW_MS - DAY_MS, "{record}");
            assert_eq!(status["retention_due_since"], due_since);
            // The next run has the rest.
            worker.retain().await;
            assert!(log_of(&worker).is_empty());
            assert_eq!(json_of(&get(&worker, "/v1/status").await)["retention_due_since"], Value::Null);
        });
        assert!(stores.database.table("events").is_empty());
    }
}

/// The log is complete where KV has nothing more: found out by the hourly run, and lost with a sink.
#[test]
fn the_hourly_run_finds_out_whether_the_log_is_complete() {
    let known = |stores: &Stores| stores.database.table("log_state").iter().any(|row| row["name"] == "complete_since");
    let stores = Stores::default();
    let run = |settings: &[(&str, &str)]| paused(async { stores.worker(settings).retain().await });
    run(&[("SINKS", "kv,d1")]);
    assert!(known(&stores));
    // A call of a Worker that stores in KV alone ends that, before any hourly run.
    paused(async {
        let worker = stores.worker(&[("SINKS", "kv")]);
        let answer = call(&worker).await;
        worker.write_calls(answer.write_calls_after_ms.unwrap()).await;
    });
    assert!(!known(&stores));
    // One record is in KV, and not in the log.
    run(&[("SINKS", "kv,d1")]);
    assert!(!known(&stores));
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    // As a Worker of the version before adds it.
    stores.database.execute(before_kv_until(event_log::insert(&event, 0)));
    run(&[("SINKS", "kv,d1")]);
    assert!(known(&stores));
    assert_eq!(stores.database.table("events")[0]["kv_until"], event_log::IN_KV_FOR_GOOD);
    run(&[("SINKS", "kv")]);
    assert!(!known(&stores));
    // More than one list.
    (0..1001).for_each(|n| stores.kv.list_only(&format!("event/{APP}/{n:04}"), "{}"));
    run(&[("SINKS", "kv,d1")]);
    assert!(!known(&stores));
}

/// A version before the third migration goes on writing, and what it writes is not known to be complete.
#[test]
fn a_row_of_a_version_before_makes_the_log_unknown() {
    let stores = Stores::default();
    paused(async { stores.worker(&[("SINKS", "kv,d1")]).retain().await });
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    stores.database.execute(before_kv_until(event_log::insert(&event, 0)));
    assert_eq!(stores.database.table("events").len(), 1);
    assert!(!stores.database.table("log_state").iter().any(|row| row["name"] == "complete_since"));
}

struct FakeMessage {
    text: String,
    settled: Rc<RefCell<Vec<Outcome>>>,
}

impl QueuedMessage for FakeMessage {
    fn id(&self) -> String {
        "m-1".to_owned()
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn sent_at(&self) -> u64 {
        NOW_MS
    }

    fn attempts(&self) -> u32 {
        1
    }

    fn settle(self, outcome: Outcome) {
        self.settled.borrow_mut().push(outcome);
    }
}

/// What became of a message with a job to store in KV, the record of it, and the keys that KV then has.
fn consumed(queue: &str, kv: FakeKv) -> (Vec<Outcome>, Vec<(Level, Value)>, Vec<String>) {
    let stores = Stores { kv, ..Stores::default() };
    let query = query(Kind::Unfollow.command());
    let text = Message::of(&event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()), Sink::Kv).text();
    let settled = Rc::default();
    let records = paused(async {
        let worker = stores.worker(&[]);
        worker.consume(queue, [FakeMessage { text, settled: Rc::clone(&settled) }]).await;
        log_of(&worker)
    });
    let records = records.into_iter().map(|(level, record)| (level, serde_json::from_str(&record).unwrap()));
    (settled.take(), records.collect(), stores.kv.keys())
}

/// What notes that a target of [`UNFOLLOW`] is erased, from this time on.
fn erase_target_at(began_at: u64) -> Statement {
    erasures::begin(app(), &hash_of_user(app(), "UserID_003"), None, began_at, 0)
}

/// Of whatever job and queue, and with an origin that fails; and whether the erasure began before the message came or while it is
/// processed.
#[test]
fn what_was_erased_is_not_stored_again() {
    for &sink in Sink::VARIANTS {
        for queue in ["unfollow-deliveries", "unfollow-dead-letters"] {
            for (begins_after, began_at, is_erased) in
                [(0, NOW_MS, true), (0, NOW_MS + 9, true), (0, NOW_MS - 1, false), (2, NOW_MS + 2, true)]
            {
                let stores = Stores::default();
                let query = query(Kind::Unfollow.command());
                let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
                let text = Message::of(&event, sink).text();
                // KV has the record while the log has not.
                let entry = event.entry(None, NOW_MS);
                stores.kv.add(&entry.key, &entry.value, &entry.metadata);
                let settled = Rc::default();
                let records = paused(async {
                    let worker = stores.worker(&[("SINKS", "kv,d1")]);
                    let message = FakeMessage { text, settled: Rc::clone(&settled) };
                    let begin = async {
                        if begins_after > 0 {
                            sleep(Duration::from_millis(begins_after)).await;
                        }
                        stores.database.execute(erase_target_at(began_at));
                    };
                    join(begin, worker.consume(queue, [message])).await;
                    log_of(&worker)
                });
                let record: Value = serde_json::from_str(&records[0].1).unwrap();
                let what = format!("{sink:?} {queue} {begins_after} {began_at}: {record}");
                // The job of D1 takes no time here, so that nothing can begin meanwhile.
                if sink == Sink::D1 && begins_after > 0 {
                    continue;
                }
                let is_settled = matches!(settled.borrow()[..], [Outcome::Ack]);
                if is_erased && (begins_after == 0 || record["outcome"] != "retried") {
                    assert!(is_settled && record["outcome"] == "erased", "{what}");
                    assert_eq!((stores.kv.keys().len(), stores.database.table("events").len()), (0, 0), "{what}");
                    assert!(begins_after > 0 || stores.kv.puts.attempted().is_empty(), "{what}");
                } else if !is_erased {
                    assert_ne!(record["outcome"], "erased", "{what}");
                    assert!(stores.kv.keys().contains(&entry.key), "{what}");
                }
            }
        }
    }
}

/// A put that lands after the response, whether the call was answered 503 or OK.
#[test]
fn a_late_put_of_an_erased_event_is_taken_back() {
    for (plans, status, at) in [
        (&[Succeeds(1_700), Succeeds(1_700)][..], 503, 1_500),
        (&[Succeeds(3_000), Succeeds(10)], 200, 610),
        (&[Succeeds(1_700), Hangs], 503, 1_500),
    ] {
        for is_erased in [true, false] {
            let stores = Stores { kv: FakeKv::of(plans), queue: FakeQueue::always(Hangs), ..Stores::default() };
            paused(async {
                let worker = stores.worker(&[("SINKS", "kv")]);
                let answer = call(&worker).await;
                assert_eq!((answer.response.status, worker.ports.clock.elapsed()), (status, at), "{plans:?}");
                // An erasure deletes what there is by now.
                if is_erased {
                    stores.database.execute(erase_target_at(NOW_MS + at));
                    stores.kv.values.borrow_mut().clear();
                    stores.kv.listed.borrow_mut().clear();
                }
                assert_eq!(answer.late.len(), 1);
                for late in answer.late {
                    let _ = timeout(Duration::from_secs(30), late.finish(&worker.ports)).await;
                }
                assert_eq!(stores.kv.keys().len(), usize::from(!is_erased), "{plans:?}");
            });
        }
    }
}

#[test]
fn a_batch_is_processed_as_the_name_of_its_queue_says() {
    let failing = || FakeKv::with(FakeSink::taking(0));
    // Of the queue of deliveries it is stored, or retried.
    let (settled, records, keys) = consumed("unfollow-deliveries", Stores::default().kv);
    assert_eq!((&*settled, &records[0].1["outcome"]), (&[Outcome::Ack][..], &json!("stored")));
    assert!(keys[0].starts_with("event/"), "{keys:?}");
    let (settled, records, _) = consumed("unfollow-deliveries", failing());
    assert_eq!((&*settled, &records[0].1["last_error"]), (&[Outcome::Retry { after_seconds: 5 }][..], &json!("kv")));
    // What the other queue has is filed; the wait is that of dead letters.
    let (settled, ..) = consumed("unfollow-dead-letters", failing());
    assert_eq!(settled, [Outcome::Retry { after_seconds: 60 }]);
}

#[test]
fn a_batch_of_a_queue_of_an_unknown_name_is_retried_and_logged() {
    for queue in ["unfollow", "", "dead_letters", "UNFOLLOW-DELIVERIES"] {
        let (settled, records, keys) = consumed(queue, FakeKv::default());
        assert_eq!((settled, keys.len()), (vec![Outcome::Retry { after_seconds: 60 }], 0), "{queue}");
        let expected = json!({ "outcome": "retried", "last_error": "unknown_queue", "retry_after_seconds": 60 });
        assert_eq!(records, [(Level::Warn, expected)], "{queue}");
    }
}
