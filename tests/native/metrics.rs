//! What a scrape gives: on a real SQLite in the place of D1, through the Worker's own routing.

use std::{collections::BTreeMap, fmt::Write as _};

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    api::{Api, ApiRequest},
    config::{Config, VERSION},
    database::{
        HOUR_MS, Statement, call_counts,
        deliveries::{self, Change, State},
        event_log,
        log_state::{self, Name},
        retention::{Retention, retain},
        schema::Schema,
    },
    event::EventId,
    log::Level,
    metrics::{
        Metric, MetricType, Sample, Value as MetricValue,
        accept::form,
        text::{Form, write},
    },
    plan::Plan,
    receive::rejection::Rejection,
    response::Response,
    webhook::{SdkAppId, body::Follow, command::Kind},
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeClock, FakeKv, paused},
    ports::{FakeEnvironment, FakePorts},
    samples::{APP, BOUND, NOW_MS, ORIGIN, TOKEN, app, event_for, first_attempt},
};

const DAY_MS: u64 = 24 * HOUR_MS;
const OUR_APP: u64 = 1_400_000_000;

/// A token that may do nothing but scrape.
const SCRAPER: &str = "a-token-of-the-scraper";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The settings of a test: of two of the same name the first counts.
fn config(more: &[(&str, &str)]) -> Config {
    let needed = [
        ("SDK_APP_IDS", APP),
        ("CALLBACK_TOKEN", TOKEN),
        ("ORIGIN_URL", ORIGIN),
        ("SINKS", "kv,d1,origin"),
        ("METRICS_TOKEN", SCRAPER),
    ];
    Config::read(&FakeEnvironment::of(more.iter().copied().chain(needed), BOUND))
}

/// What a scrape is answered at this time, and what was logged.
fn scrape_at(
    now_ms: u64,
    config: &Config,
    database: Option<&Sqlite>,
    (method, is_confidential, token): (&str, bool, Option<&str>),
    accept: Option<&str>,
) -> (Response, Vec<(Level, String)>) {
    paused(async {
        let kv = FakeKv::default();
        let ports = FakePorts::at(now_ms, &kv).with_database(database);
        let authorization = token.map(|token| format!("Bearer {token}"));
        let request = ApiRequest {
            method,
            path: "/metrics",
            query: "",
            is_confidential,
            authorization: authorization.as_deref(),
        };
        let api = Api { config, ports: &ports, schema: &Schema::default(), pace: &Default::default() };
        let response = api.scrape(request, accept).await;
        assert!(kv.operations.borrow().is_empty());
        (response, ports.records.take())
    })
}

/// The text of a scrape in the older form.
fn scrape_with(config: &Config, database: &Sqlite, now_ms: u64) -> String {
    let (response, _) = scrape_at(now_ms, config, Some(database), ("GET", true, Some(SCRAPER)), None);
    assert_eq!((response.status, response.content_type), (200, PLAIN));
    response.body.into_owned()
}

/// The samples of a scrape: each with its labels as text.
fn samples_at(database: &Sqlite, now_ms: u64) -> BTreeMap<String, f64> {
    let text = scrape_with(&config(&[]), database, now_ms);
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.strip_prefix("unfollow_webhook_").unwrap().to_owned(), value.parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn samples(database: &Sqlite) -> BTreeMap<String, f64> {
    samples_at(database, NOW_MS)
}

/// The body of an event of this kind and time, another one for each `n`.
fn body(kind: Kind, time: u64, n: u64) -> String {
    let (name, to) = match kind {
        Kind::Unfollow => ("To_Account", json!(["b"])),
        Kind::Follow => ("FollowList", json!([{ "To_Account": "b" }])),
    };
    json!({ "From_Account": format!("user-{n}"), name: to, "EventTime": time }).to_string()
}

/// Adds an event; gives its id.
fn add(database: &Sqlite, app: SdkAppId, kind: Kind, time: u64, n: u64) -> EventId {
    let body = body(kind, time, n);
    let event = event_for(app, "", Follow::parse(kind, body.as_bytes()).unwrap().remove(0));
    database.execute(event_log::insert(&event, event_log::NOT_IN_KV));
    EventId::read(&event.id().to_string()).unwrap()
}

fn count_calls(database: &Sqlite, app: u64, outcome: &str, reason: &str, count: u64, last_at: u64) {
    let hour = last_at / HOUR_MS;
    let counts = json!([[hour, app, outcome, reason, count, last_at]]).to_string();
    database.execute(call_counts::add(hour, &counts, 1_000));
}

/// Writes the delivery of the event of this time.
fn deliver(database: &Sqlite, event_time: u64, change: &Change) {
    let id = EventId::of_parts(event_time, &format!("{event_time:032x}")).unwrap();
    database.execute(deliveries::write(app(), &id, change));
}

/// A database with something of everything.
fn filled() -> Sqlite {
    let database = Sqlite::default();
    database.size.set(Some(12_345));
    add(&database, app(), Kind::Unfollow, NOW_MS - 5_000, 1);
    add(&database, app(), Kind::Unfollow, NOW_MS - 4_001, 2);
    count_calls(&database, OUR_APP, "stored", "", 2, NOW_MS - 4_000);
    count_calls(&database, OUR_APP, "rejected", "a\"b\\c\nd", 3, NOW_MS - 1);
    count_calls(&database, 0, "rejected", "sdk_app_id_foreign", 1, NOW_MS - 7_000);
    deliver(&database, NOW_MS - 90_000, &first_attempt(State::Retrying, NOW_MS - 80_000));
    deliver(&database, NOW_MS - 4_001, &first_attempt(State::Delivered, NOW_MS - 3_000));
    let due = Some((NOW_MS - 61_000).to_string());
    database.execute(log_state::write(&[(Name::RetentionDueSince, due)]));
    database
}

/// What both forms have alike, as the older one has it. The numbers are those of [`filled`].
const SAMPLES: &str = r#"unfollow_webhook_build_info{version="VERSION"} 1
unfollow_webhook_invalid_settings 0
unfollow_webhook_database_up 1
unfollow_webhook_database_size_bytes 12345
unfollow_webhook_database_size_limit_bytes 500000000
unfollow_webhook_retention_behind 1
unfollow_webhook_retention_oldest_due_timestamp_seconds 1702018283.000
unfollow_webhook_calls_total{app="0",outcome="rejected",reason="sdk_app_id_foreign"} 1
unfollow_webhook_calls_total{app="1400000000",outcome="dead_lettered"} 0
unfollow_webhook_calls_total{app="1400000000",outcome="failed",reason="not_stored"} 0
unfollow_webhook_calls_total{app="1400000000",outcome="queued"} 0
unfollow_webhook_calls_total{app="1400000000",outcome="rejected",reason="a\"b\\c\nd"} 3
unfollow_webhook_calls_total{app="1400000000",outcome="stored"} 2
unfollow_webhook_last_call_timestamp_seconds{app="0",outcome="rejected",reason="sdk_app_id_foreign"} 1702018337.000
unfollow_webhook_last_call_timestamp_seconds{app="1400000000",outcome="rejected",reason="a\"b\\c\nd"} 1702018343.999
unfollow_webhook_last_call_timestamp_seconds{app="1400000000",outcome="stored"} 1702018340.000
unfollow_webhook_events_total{app="1400000000",kind="unfollow"} 2
unfollow_webhook_events_total{app="1400000000",kind="follow"} 0
unfollow_webhook_last_event_timestamp_seconds{app="1400000000",kind="unfollow"} 1702018339.999
unfollow_webhook_log_events{app="1400000000"} 2
unfollow_webhook_deliveries{app="1400000000",state="retrying"} 1
unfollow_webhook_deliveries{app="1400000000",state="dead"} 0
unfollow_webhook_deliveries{app="1400000000",state="delivered_fail"} 0
unfollow_webhook_oldest_waiting_delivery_age_seconds{app="1400000000"} 90.000
unfollow_webhook_last_delivery_timestamp_seconds{app="1400000000"} 1702018341.000
"#;

/// The comments of a form, in the order of the table.
fn comments(form: Form, metrics: &[Metric]) -> Vec<String> {
    let mut lines = Vec::new();
    for metric in metrics {
        let row = metric.row();
        let open = form == Form::OpenMetrics;
        let (name, word) = match (row.metric_type, open) {
            (MetricType::Counter, true) => (row.name.to_owned(), "counter"),
            (MetricType::Counter, false) => (format!("{}_total", row.name), "counter"),
            (MetricType::Info, true) => (row.name.to_owned(), "info"),
            (MetricType::Info, false) => (format!("{}_info", row.name), "gauge"),
            (MetricType::Gauge, _) => (row.name.to_owned(), "gauge"),
        };
        lines.push(format!("# HELP {name} {}", row.help));
        lines.push(format!("# TYPE {name} {word}"));
        lines.extend(row.unit().filter(|_| open).map(|unit| format!("# UNIT {name} {unit}")));
    }
    lines.extend((form == Form::OpenMetrics).then(|| "# EOF".to_owned()));
    lines
}

#[test]
fn both_forms_have_the_same_samples_with_comments_of_their_own() {
    let database = filled();
    for (accept, form, content_type) in
        [(None, Form::Plain, PLAIN), (Some("application/openmetrics-text"), Form::OpenMetrics, OPEN_METRICS)]
    {
        let (response, log) = scrape_at(NOW_MS, &config(&[]), Some(&database), ("GET", true, Some(SCRAPER)), accept);
        assert_eq!((response.status, response.content_type, log), (200, content_type, vec![]));
        let (comment, sample): (Vec<_>, Vec<_>) = response.body.lines().partition(|line| line.starts_with('#'));
        let expected = SAMPLES.replace("VERSION", VERSION);
        assert_eq!(sample, expected.lines().collect::<Vec<_>>());
        assert_eq!(comment, comments(form, Metric::VARIANTS));
        assert!(response.body.ends_with('\n') && !response.body.contains('\r'));
        // The comments of a metric come right before its samples.
        let at = |line: &str| response.body.find(line).unwrap();
        assert!(at("# TYPE unfollow_webhook_events") < at("unfollow_webhook_events_total{"));
        assert!(at("unfollow_webhook_last_call_timestamp_seconds{") < at("# HELP unfollow_webhook_events"));
        assert_eq!(response.body.ends_with("# EOF\n"), form == Form::OpenMetrics);
    }
}

/// Each form escapes a label in the same way; and a metric without labels has no braces.
#[test]
fn a_label_is_escaped_and_an_empty_one_left_out() {
    let of = |labels: &[&str]| Sample {
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        value: MetricValue::Ms(60_009),
    };
    let families = vec![(Metric::Calls, vec![of(&["1", "", "\\n\"\n{}\u{e9},="]), of(&["", "", ""])])];
    for form in [Form::Plain, Form::OpenMetrics] {
        let text = write(&families, form);
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = "unfollow_webhook_calls_total{app=\"1\",reason=\"\\\\n\\\"\\n{}\u{e9},=\"} 60.009";
        assert_eq!(samples, [expected, "unfollow_webhook_calls_total 60.009"]);
    }
}

/// So that neither form has to escape a text of ours.
#[test]
fn the_table_is_well_formed() {
    for row in Metric::VARIANTS.iter().map(|metric| metric.row()) {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(plain(row.name) && row.labels.iter().all(|label| plain(label)), "{row:?}");
        assert!(!row.help.contains(['"', '\\', '\n']) && row.help.ends_with('.'), "{row:?}");
        assert!(!row.labels.iter().any(|label| label.contains("user")), "{row:?}");
        assert!(!["_total", "_info", "_ms", "_hours", "_count"].iter().any(|it| row.name.ends_with(it)), "{row:?}");
    }
}

#[test]
fn the_form_is_the_one_that_is_asked_for() {
    use Form::{OpenMetrics, Plain};
    for (accept, expected) in [
        // As Prometheus 2.42 and 3.x ask, then curl and a browser.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OpenMetrics,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics,
        ),
        ("*/*", Plain),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Plain),
        ("", Plain),
        ("application/*", Plain),
        ("text/plain", Plain),
        ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1.000", OpenMetrics),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.6", Plain),
        ("application/openmetrics-text;q=0.6, text/plain;q=0.6", OpenMetrics),
        ("application/openmetrics-text;q=0.6, text/plain;version=1.0.0;q=0.9", OpenMetrics),
        ("application/openmetrics-text;q=0", Plain),
        ("application/openmetrics-text;q=0.000,*/*", Plain),
        ("application/openmetrics-text;q=0.001", OpenMetrics),
        ("application/openmetrics-text;version=0.0.1", Plain),
        ("application/openmetrics-text;version=2.0.0", Plain),
        ("application/openmetrics-text;q=1.5", Plain),
        ("application/openmetrics-text;q=x", Plain),
        ("application/openmetrics-text;q=0.0001", Plain),
        ("application/openmetrics-text;q=-1", Plain),
        ("application/openmetrics-textual", Plain),
        (",;=,;q,application/openmetrics-text;;=;q", OpenMetrics),
    ] {
        assert_eq!(form(Some(accept)), expected, "{accept}");
    }
    assert_eq!(form(None), Plain);
}

#[test]
fn any_token_scrapes_and_that_of_metrics_does_nothing_else() {
    let database = filled();
    let more = [("ADMIN_TOKEN", "a-token-of-the-operator"), ("VIEWER_TOKEN", "a-token-of-the-viewer")];
    let all = config(&more);
    for token in [SCRAPER, "a-token-of-the-operator", "a-token-of-the-viewer"] {
        for method in ["GET", "HEAD"] {
            let (response, log) = scrape_at(NOW_MS, &all, Some(&database), (method, true, Some(token)), None);
            assert_eq!((response.status, response.content_type, log), (200, PLAIN, vec![]), "{method} {token}");
        }
    }
    for (method, is_confidential, token, status, header) in [
        ("GET", true, None, 401, Some("www-authenticate")),
        ("GET", true, Some("a-token-of-nobody"), 401, Some("www-authenticate")),
        ("POST", true, Some("a-token-of-nobody"), 401, Some("www-authenticate")),
        ("POST", true, Some(SCRAPER), 405, Some("allow")),
        ("GET", false, Some(SCRAPER), 403, None),
    ] {
        database.operations.take();
        let (response, log) = scrape_at(NOW_MS, &all, Some(&database), (method, is_confidential, token), None);
        let found = response.header.as_ref().map(|(name, _)| *name);
        assert_eq!((response.status, found), (status, header), "{method} {token:?}");
        assert_eq!(response.content_type, "application/problem+json");
        let warned = vec![(Level::Warn, r#"{"outcome":"rejected","operation":"metrics","status":401}"#.to_owned())];
        assert_eq!(log, if status == 401 { warned } else { vec![] });
        assert!(database.operations.take().is_empty());
    }
    // It is known at the API, and may do nothing there.
    for (method, path) in [("GET", "/v1/status"), ("GET", "/v1/apps"), ("POST", "/v1/reindex")] {
        let response = paused(async {
            let kv = FakeKv::default();
            let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
            let authorization = format!("Bearer {SCRAPER}");
            let request =
                ApiRequest { method, path, query: "", is_confidential: true, authorization: Some(&authorization) };
            Api { config: &all, ports: &ports, schema: &Schema::default(), pace: &Default::default() }
                .answer(request)
                .await
        });
        assert_eq!(response.status, 403, "{path}");
    }
    // Without any token there is nothing, and an invalid one counts as none.
    for text in ["", "too-short"] {
        let none = config(&[("METRICS_TOKEN", text)]);
        let (response, _) = scrape_at(NOW_MS, &none, Some(&database), ("GET", true, Some(text)), None);
        assert_eq!((response.status, none.invalid_names()), (404, vec!["METRICS_TOKEN"]));
    }
}

#[test]
fn a_scrape_is_answered_whatever_fails() {
    let first = format!("unfollow_webhook_build_info{{version=\"{VERSION}\"}} 1\nunfollow_webhook_invalid_settings ");
    let without_comments = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).fold(String::new(), |mut all, line| {
            writeln!(all, "{line}").unwrap();
            all
        })
    };
    for trouble in [Trouble::Fails, Trouble::Hangs, Trouble::DayLimit, Trouble::Full] {
        let database = filled();
        database.trouble.set(Some(trouble));
        let text = scrape_with(&config(&[("RETENTION_DAYS", "soon")]), &database, NOW_MS);
        assert_eq!(without_comments(&text), format!("{first}1\nunfollow_webhook_database_up 0\n"), "{trouble:?}");
        assert_eq!(text.matches("# TYPE").count(), 3);
    }
    let text = scrape_with(&config(&[]), &Sqlite::without_schema(), NOW_MS);
    assert_eq!(without_comments(&text), format!("{first}0\nunfollow_webhook_database_up 0\n"));
    let (response, _) = scrape_at(NOW_MS, &config(&[]), None, ("GET", true, Some(SCRAPER)), None);
    assert_eq!((response.status, without_comments(&response.body)), (200, format!("{first}0\n")));
    // Where calls are rejected for the settings, those calls are told.
    let database = filled();
    count_calls(&database, 0, "failed", "settings", 4, NOW_MS);
    let text = scrape_with(&config(&[("SDK_APP_IDS", "x")]), &database, NOW_MS);
    assert!(text.contains("unfollow_webhook_calls_total{app=\"0\",outcome=\"failed\",reason=\"settings\"} 4\n"));
    assert!(text.contains("unfollow_webhook_invalid_settings 1\n") && !text.contains(APP));
}

#[test]
fn what_is_not_used_is_not_measured() {
    let database = filled();
    let families = |more: &[(&str, &str)]| {
        let text = scrape_with(&config(more), &database, NOW_MS);
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE unfollow_webhook_")).count();
        assert_eq!(text.matches("# HELP").count(), names);
        (text.contains("unfollow_webhook_events_total"), text.contains("unfollow_webhook_deliveries"), names)
    };
    assert_eq!(families(&[]), (true, true, 15));
    assert_eq!(families(&[("SINKS", "d1"), ("ORIGIN_URL", ORIGIN)]), (true, true, 15));
    assert_eq!(families(&[("SINKS", "kv,origin")]), (false, true, 12));
    let without_origin = Config::read(&FakeEnvironment::of(
        [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("METRICS_TOKEN", SCRAPER)],
        BOUND,
    ));
    assert!(!scrape_with(&without_origin, &database, NOW_MS).contains("deliver"));
}

#[test]
fn a_times_age_is_never_below_zero() {
    let database = filled();
    let before = samples_at(&database, NOW_MS - DAY_MS);
    assert_eq!(before[&format!("oldest_waiting_delivery_age_seconds{{app=\"{APP}\"}}")], 0.0);
    deliver(&database, NOW_MS - 90_000, &first_attempt(State::Delivered, NOW_MS));
    deliver(&database, NOW_MS - 4_000, &first_attempt(State::Delivered, NOW_MS));
    database.execute(log_state::write(&[(Name::RetentionDueSince, None)]));
    let done = samples(&database);
    assert_eq!(done["retention_behind"], 0.0);
    assert!(!done.contains_key("retention_oldest_due_timestamp_seconds"));
    assert_eq!(done[&format!("oldest_waiting_delivery_age_seconds{{app=\"{APP}\"}}")], 0.0);
    assert_eq!(done[&format!("last_delivery_timestamp_seconds{{app=\"{APP}\"}}")], NOW_MS as f64 / 1000.0);
}

/// Runs a retention of a day at this time.
fn run_retention(database: &Sqlite, now_ms: u64) {
    let limits = Plan::Paid.retention();
    let retention = Retention { events_seconds: Some(24 * 60 * 60), dead_letters_seconds: None, limits };
    paused(async { retain(database, &FakeClock::at(now_ms), retention).await }).unwrap();
}

#[test]
fn calls_are_counted_beyond_the_retention_of_their_hours() {
    let database = Sqlite::default();
    let of = |samples: &BTreeMap<String, f64>| {
        let name = format!("calls_total{{app=\"{APP}\",outcome=\"rejected\",reason=\"sign_mismatch\"}}");
        (samples[&name], samples[&name.replace("calls_total", "last_call_timestamp_seconds")])
    };
    let old = NOW_MS - 100 * DAY_MS;
    count_calls(&database, OUR_APP, "rejected", "sign_mismatch", 5, old);
    count_calls(&database, OUR_APP, "rejected", "sign_mismatch", 2, old + 1_000);
    // One that was written later, and came before.
    count_calls(&database, OUR_APP, "rejected", "sign_mismatch", 1, old - HOUR_MS);
    let last = (old + 1_000) as f64 / 1000.0;
    assert_eq!(of(&samples(&database)), (8.0, last));
    run_retention(&database, NOW_MS);
    assert_eq!(database.table("call_counts"), [Value::Null; 0]);
    assert_eq!(of(&samples(&database)), (8.0, last));
    count_calls(&database, OUR_APP, "rejected", "sign_mismatch", 1, NOW_MS);
    assert_eq!(of(&samples(&database)), (9.0, NOW_MS as f64 / 1000.0));
    // What the limit of an hour leaves out is in neither.
    database.execute(call_counts::add(
        NOW_MS / HOUR_MS,
        &json!([[NOW_MS / HOUR_MS, OUR_APP, "rejected", "sign_mismatch", 1, NOW_MS]]).to_string(),
        1,
    ));
    assert_eq!(of(&samples(&database)).0, 9.0);
}

/// A log that is there already, in each version of the schema.
#[test]
fn a_log_of_before_is_counted_as_it_is() {
    for version in [1, 2, 5, 6] {
        let database = Sqlite::of_version(version);
        let ids: Vec<_> = (0..5)
            .map(|n| {
                let body = body(Kind::Unfollow, NOW_MS - n * HOUR_MS / 2, n);
                let event = event_for(app(), "", Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0));
                database.insert(&event);
                EventId::read(&event.id().to_string()).unwrap()
            })
            .collect();
        if version > 1 {
            let sql = format!(
                "INSERT INTO call_counts (hour, app, outcome, reason, count, writes, last_at) \
                 VALUES (1, {APP}, 'stored', '', 4, 1, 5000), (2, {APP}, 'stored', '', 3, 1, 9000)"
            );
            database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
            let sql = format!(
                "INSERT INTO deliveries (app, state, event_time, hash, attempts, updated_at) VALUES \
                 ({APP}, 'dead', 1, 'a', 1, 1), ({APP}, 'dead', 2, 'b', 1, 1), ({APP}, 'delivered', 3, 'c', 1, 1)"
            );
            database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
        }
        database.migrate_from(version);
        let events = format!("events_total{{app=\"{APP}\",kind=\"unfollow\"}}");
        let in_log = format!("log_events{{app=\"{APP}\"}}");
        let migrated = samples(&database);
        assert_eq!((migrated[&events], migrated[&in_log]), (5.0, 5.0));
        if version > 1 {
            assert_eq!(migrated[&format!("calls_total{{app=\"{APP}\",outcome=\"stored\"}}")], 7.0);
            assert_eq!(migrated[&format!("last_call_timestamp_seconds{{app=\"{APP}\",outcome=\"stored\"}}")], 9.0);
            assert_eq!(migrated[&format!("deliveries{{app=\"{APP}\",state=\"dead\"}}")], 2.0);
        }
        // And goes on: into hours that there were, and into new ones.
        for (n, time) in [NOW_MS, NOW_MS - HOUR_MS, NOW_MS + HOUR_MS, NOW_MS + 9 * HOUR_MS].into_iter().enumerate() {
            add(&database, app(), Kind::Unfollow, time, 10 + n as u64);
        }
        database.execute(event_log::delete(app(), &ids[0]));
        let found = samples_at(&database, NOW_MS + 9 * HOUR_MS);
        assert_eq!((found[&events], found[&in_log]), (9.0, 8.0));
    }
}

/// It opens no hour that would make the present one late.
#[test]
fn an_event_that_is_dated_far_ahead_makes_no_other_cost_more() {
    let (plain, ahead) = (Sqlite::default(), Sqlite::default());
    add(&ahead, app(), Kind::Unfollow, 9_999_999_999_999, 1);
    for n in 0..5 {
        let cost = |database: &Sqlite| {
            let before = database.rows_written();
            add(database, app(), Kind::Unfollow, NOW_MS + n * HOUR_MS / 2, n);
            database.rows_written() - before
        };
        assert_eq!(cost(&ahead), cost(&plain), "{n}");
    }
    let found = samples_at(&ahead, NOW_MS + 3 * HOUR_MS);
    assert_eq!(found[&format!("log_events{{app=\"{APP}\"}}")], 6.0);
}

/// What happens to a log.
#[derive(Clone, Debug)]
enum Step {
    /// An event comes: another one for each number, so that a small range of them has repeats.
    Add { app: u64, kind: Kind, time: u64, n: u64 },
    /// One that came is erased.
    Erase(prop::sample::Index),
    /// What is older than a day at this time goes.
    Retain(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let hours = 0_u64..200;
    // In order, a little late, long ago, and far ahead of any clock.
    let time = prop_oneof![
        6 => hours.clone().prop_map(|half| NOW_MS + half * HOUR_MS / 2),
        2 => (0_u64..5, hours).prop_map(|(ago, half)| NOW_MS + half * HOUR_MS / 2 - ago * HOUR_MS),
        1 => (0_u64..3).prop_map(|n| NOW_MS - 400 * DAY_MS + n),
        1 => (0_u64..3).prop_map(|n| 4_000_000_000_000 + n * HOUR_MS),
    ];
    let kind = prop::sample::select(Kind::VARIANTS);
    prop_oneof![
        12 => (1_u64..3, kind, time, 0_u64..3).prop_map(|(app, kind, time, n)| Step::Add { app, kind, time, n }),
        3 => any::<prop::sample::Index>().prop_map(Step::Erase),
        1 => (0_u64..150).prop_map(|hour| Step::Retain(NOW_MS + hour * HOUR_MS)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..ProptestConfig::default() })]

    /// Each event is counted once, whatever becomes of it, and in whichever order events come.
    #[test]
    fn counters_of_events_are_those_of_a_plain_count_and_never_go_down(steps in vec(step(), 1..80)) {
        let database = Sqlite::default();
        let config = config(&[("SDK_APP_IDS", "1,2")]);
        let mut ids: Vec<(SdkAppId, EventId)> = Vec::new();
        let mut expected: BTreeMap<(u64, &str), u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Add { app, kind, time, n } => {
                    let app = SdkAppId::try_from(app).unwrap();
                    let before = database.table("events").len();
                    let id = add(&database, app, kind, time, n);
                    let is_new = database.table("events").len() > before;
                    *expected.entry((app.get(), kind.name())).or_default() += u64::from(is_new);
                    ids.push((app, id));
                }
                Step::Erase(index) if !ids.is_empty() => {
                    let (app, id) = index.get(&ids);
                    database.execute(event_log::delete(*app, id));
                }
                Step::Erase(_) => {}
                Step::Retain(now_ms) => run_retention(&database, now_ms),
            }
            // At a time that is after all hours that are not far ahead.
            let text = scrape_with(&config, &database, NOW_MS + 200 * HOUR_MS);
            for app in [1, 2] {
                for kind in Kind::VARIANTS.iter().map(|kind| kind.name()) {
                    let count = expected.get(&(app, kind)).copied().unwrap_or_default();
                    let line = format!("unfollow_webhook_events_total{{app=\"{app}\",kind=\"{kind}\"}} {count}\n");
                    prop_assert!(text.contains(&line), "{line} {text} {:?}", database.table("event_totals"));
                }
                let rows = database.table("events").iter().filter(|row| row["app"] == app).count();
                let line = format!("unfollow_webhook_log_events{{app=\"{app}\"}} {rows}\n");
                prop_assert!(text.contains(&line), "{line} {text}");
            }
            // A scrape reads few hours, however many there are.
            let open = "hourly_totals AS h WHERE hour >= (SELECT counted_until FROM event_totals AS t WHERE t.app = h.app) \
                        AND hour <= unixepoch() / 3600 AND app = 1";
            prop_assert!(database.table(open).len() <= 2);
        }
    }

    /// The counts of deliveries are those of a plain count, through every change of state and every deletion.
    #[test]
    fn deliveries_are_counted_by_state(
        changes in vec((0_u64..6, prop::sample::select(&[State::Retrying, State::Dead, State::Delivered, State::DeliveredFail][..]), any::<bool>(), 0_u8..8), 1..60),
    ) {
        let database = Sqlite::default();
        for (at, (event, state, is_replay, deletion)) in (0..).zip(changes) {
            let time = NOW_MS + event;
            let id = EventId::of_parts(time, &format!("{time:032x}")).unwrap();
            match deletion {
                0 => database.execute(deliveries::delete(app(), &id)),
                1 => database.execute(deliveries::discard(app(), &id)),
                // Late, so that each state is possible.
                _ => deliver(&database, time, &Change { is_replay, ..first_attempt(state, NOW_MS + at * 20_000) }),
            }
            let samples = samples(&database);
            for state in ["retrying", "dead", "delivered_fail"] {
                let rows = database.table("deliveries").iter().filter(|row| row["state"] == state).count();
                prop_assert_eq!(samples[&format!("deliveries{{app=\"{APP}\",state=\"{state}\"}}")], rows as f64);
            }
        }
        run_retention(&database, NOW_MS + 400 * DAY_MS);
        let left = database.table("deliveries").iter().filter(|row| row["state"] == "dead").count();
        let samples = samples(&database);
        prop_assert_eq!(samples[&format!("deliveries{{app=\"{APP}\",state=\"retrying\"}}")], 0.0);
        prop_assert_eq!(samples[&format!("deliveries{{app=\"{APP}\",state=\"dead\"}}")], left as f64);
    }
}

/// The most that there can be of an app.
#[test]
fn every_reason_has_a_series_of_its_own() {
    let database = Sqlite::default();
    for rejection in Rejection::ALL {
        count_calls(&database, OUR_APP, "rejected", rejection.row().name, 1, NOW_MS);
    }
    let found = samples(&database);
    for rejection in Rejection::ALL {
        let reason = rejection.row().name;
        assert_eq!(found[&format!("calls_total{{app=\"{APP}\",outcome=\"rejected\",reason=\"{reason}\"}}")], 1.0);
    }
}
