//! What D1 costs in rows read and written, which is what Cloudflare limits and bills: the same in a log of 2,000 events and of
//! 20,000.

use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    database::{
        Parameter, Statement,
        call_counts::{self, CallOutcome},
        deliveries::{self, Change, DeliveryChange, State},
        erasures::{self, UsersEvent},
        event_log::{self, NOT_IN_KV},
    },
    event::{Event, EventId},
    receive::rejection::Rejection,
    webhook::{SdkAppId, auth::Policy, body::Follow, command::Kind, query::Query},
};

use crate::{
    ADMIN_TOKEN,
    call::{APP, UNFOLLOW, now_ms, post, post_at, request, request_api, unfollow, unsigned},
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How many events go into the log in one transaction.
const AT_ONCE: usize = 500;

/// A Worker whose log is filled by the test and tells what each statement costs.
struct Log {
    worker: Worker,
    /// Takes every event.
    _origin: Origin,
    now: u64,
    events: u64,
}

/// What a statement has cost.
struct Cost {
    sql: String,
    read: u64,
    written: u64,
}

impl Cost {
    /// Whether it counts calls, which happens at its own times.
    fn is_of_calls(&self) -> bool {
        self.sql.starts_with("INSERT INTO call_counts")
    }
}

fn read_by(costs: &[Cost]) -> u64 {
    costs.iter().map(|cost| cost.read).sum()
}

fn written_by(costs: &[Cost]) -> u64 {
    costs.iter().map(|cost| cost.written).sum()
}

/// A delivery that died at this time.
fn dead(at: u64) -> Change {
    let (attempts, last_status) = (Some(1), Some(500));
    Change {
        state: State::Dead,
        attempts,
        last_status,
        last_error: None,
        answer: None,
        next_attempt_at: None,
        at,
        is_replay: false,
    }
}

/// The statement that writes a delivery.
fn insert_delivery(event_time: u64, state: State, at: u64) -> Value {
    let id = EventId::of_parts(event_time, &format!("{at:032x}")).unwrap();
    plain(deliveries::write(SdkAppId::parse(APP).unwrap(), &id, &Change { state, ..dead(at) }))
}

/// The statement as `counting_d1.js` takes it.
fn plain(statement: Statement) -> Value {
    let parameter = |parameter| match parameter {
        Parameter::Integer(number) => json!(number),
        Parameter::Text(text) => json!(text),
        Parameter::Null => Value::Null,
    };
    let parameters = statement.parameters.into_iter().map(parameter);
    [json!(statement.sql)].into_iter().chain(parameters).collect()
}

/// The statement that adds an event.
fn insert(body: &str) -> Value {
    insert_until(body, NOT_IN_KV)
}

/// The same for an event whose record is in KV until then (Unix seconds).
fn insert_until(body: &str, kv_until: u64) -> Value {
    let query = unsigned(APP, UNFOLLOW);
    let query = Policy::Unsigned.check(Query::parse(&query).unwrap(), None, None, 0).unwrap();
    let follow = Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0);
    plain(event_log::insert(&Event::new(SdkAppId::parse(APP).unwrap(), query, follow, now_ms()), kv_until))
}

impl Log {
    fn start() -> Self {
        let origin = Origin::start(|_| origin::ok());
        let url = origin.url();
        let settings = [
            ("SDK_APP_IDS", APP),
            ("ALLOW_UNSIGNED", "true"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("SINKS", "d1,origin"),
            ("ORIGIN_URL", &*url),
            ("RETENTION_DAYS", "3650"),
        ];
        let home = Home::with_counted_log(&settings);
        let worker = home.start();
        // The start of an hour, so that 30 days before it are as many hours at any time.
        let now = now_ms() / HOUR_MS * HOUR_MS;
        let log = Self { worker, _origin: origin, now, events: 0 };
        // The only events in which this user is a target.
        let hours = 1..=5;
        let charted = hours.map(|hour| insert(&unfollow("x", &["charted"], log.now - hour * DAY_MS)));
        // In three hours of their own, twenty users.
        let ranked = (0..60)
            .map(|n| insert(&unfollow("x", &[&format!("u{}", n % 20)], log.month() - DAY_MS - n / 20 * HOUR_MS)));
        // More than a page of each state.
        let states = [State::Retrying, State::Dead, State::Delivered];
        let deliveries =
            (0..450).map(|n| insert_delivery(log.now - n * 1000, states[n as usize % 3], log.now - n * 1000 + 5));
        let late = (0..150).map(|n| insert_delivery(log.now - 2 * DAY_MS, State::Delivered, log.now - n));
        // With one event that is due, the first run notes all that a run may note.
        let due = [insert(&unfollow("old", &["older"], 20_000_000_000))];
        // The first of an hour closes the one before the last.
        let opened = log.run(&[insert(&unfollow("first", &["someone"], log.now))]);
        assert_eq!(opened[0]["written"], 6);
        log.run(&[json!(["DELETE FROM events WHERE app = ?1", 1_400_000_000])]);
        log.run(&charted.chain(ranked).chain(deliveries).chain(late).chain(due).collect::<Vec<_>>());
        assert_eq!(request("GET", &log.url("/scheduled")).body["outcome"], "ok");
        log
    }

    /// Before any event of [`Log::fill`].
    fn month(&self) -> u64 {
        self.now - 30 * DAY_MS
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.worker.url)
    }

    /// Runs statements without the Worker: what each has cost, with its rows.
    fn run(&self, statements: &[Value]) -> Vec<Value> {
        let run = |some: &[Value]| {
            let answer = post_at(&self.url("/sql"), json!(some).to_string());
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.body.as_array().unwrap().clone()
        };
        statements.chunks(AT_ONCE).flat_map(run).collect()
    }

    /// Fills the log up to so many events: over the last 30 days, half of them by one user.
    fn fill(&mut self, events: u64) {
        let event = |number: u64| {
            let from = if number.is_multiple_of(2) { "busy".to_owned() } else { format!("user-{}", number % 501) };
            // A prime, so that each size has events in every hour.
            let age = number * 7_919 * 1_000 % (30 * DAY_MS) + 1;
            insert(&unfollow(&from, &[&format!("target-{}", number % 400)], self.now - age))
        };
        let statements: Vec<_> = (self.events..events).map(event).collect();
        self.run(&statements);
        self.events = events;
    }

    /// What each statement has cost since this was last asked.
    fn all_costs(&self) -> Vec<Cost> {
        let costs = request("GET", &self.url("/costs")).body;
        let number = |cost: &Value, name: &str| cost[name].as_u64().unwrap();
        let cost = |cost: &Value| Cost {
            sql: cost["sql"].as_str().unwrap().to_owned(),
            read: number(cost, "read"),
            written: number(cost, "written"),
        };
        costs.as_array().unwrap().iter().map(cost).collect()
    }

    /// The same without the counts of calls.
    fn costs(&self) -> Vec<Cost> {
        self.all_costs().into_iter().filter(|cost| !cost.is_of_calls()).collect()
    }

    /// What a call of the API costs, and its response.
    fn call(&self, method: &str, path: &str) -> (Vec<Cost>, Value) {
        self.costs();
        let answer = request_api(method, &self.url(&format!("/v1/{path}")), Some(ADMIN_TOKEN));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        (self.costs(), answer.body)
    }

    /// Sends an event, and waits for its delivery. What both cost.
    fn deliver(&self, body: &str) -> (u64, u64) {
        self.costs();
        assert!(post(&self.worker.url, &unsigned(APP, UNFOLLOW), body).is_ok());
        let mut costs = Vec::new();
        wait_for("the delivery to be written", || {
            costs.extend(self.costs());
            costs.iter().any(|cost| cost.sql.starts_with("INSERT INTO deliveries")).then_some(())
        });
        // Of a delivery, what is there is changed, and what is not is inserted.
        assert_eq!(costs.len(), 3);
        let written = |table: &str| costs.iter().filter(|it| it.sql.contains(table)).map(|it| it.written).sum();
        (written("INSERT INTO events"), written(" deliveries"))
    }

    /// Scrapes the metrics of an app that has all there may be. They read a bounded number of rows, and write none.
    fn scrape(&self) {
        let at = now_ms();
        let rejected = Rejection::ALL.iter().map(|rejection| ("rejected", rejection.row().name));
        let accepted = CallOutcome::VARIANTS.iter().map(|&outcome| (<&str>::from(outcome), ""));
        let counts: Vec<_> = rejected
            .chain(accepted)
            .map(|(outcome, reason)| json!([at / HOUR_MS, 1_400_000_000, outcome, reason, 1, at]))
            .collect();
        self.run(&[plain(call_counts::add(at / HOUR_MS, &json!(counts).to_string(), 1_000))]);
        self.run(&[insert_delivery(self.now, State::DeliveredFail, self.now)]);
        self.costs();
        let answer = request_api("GET", &self.url("/metrics"), Some(ADMIN_TOKEN));
        let costs = self.costs();
        assert_eq!(answer.status, 200);
        let sample = |sample: &str| {
            let line = answer.text.lines().find(|line| line.starts_with(&format!("unfollow_webhook_{sample} ")));
            line.and_then(|line| line.rsplit_once(' ')).expect(sample).1.parse::<f64>().unwrap()
        };
        let rows = self.run(&[json!(["SELECT count(*) AS n FROM events WHERE app = ?1", 1_400_000_000])]);
        assert_eq!(sample(r#"log_events{app="1400000000"}"#), rows[0]["rows"][0]["n"].as_f64().unwrap());
        assert_eq!(sample(r#"deliveries{app="1400000000",state="dead"}"#), 150.0);
        let of_app = answer.text.matches(r#"calls_total{app="1400000000""#).count();
        let of_none = answer.text.matches(r#"calls_total{app="0""#).count() as u64;
        let read = read_by(&costs);
        println!(
            "{read:>6} rows read by a scrape, of which {of_app} for calls of the app and {of_none} for calls of none"
        );
        assert!(of_app > Rejection::ALL.len());
        // What is read of no app: its calls, and a row each of two tables.
        assert!(read <= 60 + of_none + 2, "{read}");
        assert_eq!((costs.len(), written_by(&costs)), (2, 0));
    }

    /// What each case costs, with its bound.
    fn measure(&self) -> Vec<(&'static str, u64, u64)> {
        let mut measured = Vec::new();
        // Inside the hour that no other event is in, so that each size inserts into the same rows; and now, so that it is
        // delivered in time.
        let body = unfollow("newcomer", &["someone"], now_ms());
        let (event, delivery) = self.deliver(&body);
        measured.push(("written by an event of one target", event, 5));
        measured.push(("written by its delivery", delivery, 1));
        let (event, delivery) = self.deliver(&body);
        measured.push(("written by a repeat", event, 0));
        measured.push(("written by the delivery of a repeat", delivery, 1));
        let cleared: Vec<_> = ["events", "deliveries"]
            .map(|table| {
                json!([format!("DELETE FROM {table} WHERE app = ?1 AND event_time > ?2"), 1_400_000_000, self.now])
            })
            .into();
        self.run(&cleared);

        // What becomes of deliveries in an outage.
        let changes = |event_time, state, at| -> Vec<_> {
            let id = EventId::of_parts(event_time, &format!("{event_time:032x}")).unwrap();
            let change = Change { state, ..dead(at) };
            let changes = [DeliveryChange { app: SdkAppId::parse(APP).unwrap(), id, change }];
            deliveries::write_all(&changes).into_iter().map(plain).collect()
        };
        let then = self.month() - 9 * DAY_MS;
        for (case, event_time, state, at, bound) in [
            ("written by a delivery that fails", then, State::Retrying, then, 3),
            ("written by one that fails after hours", then, State::Retrying, then + HOUR_MS, 2),
            ("written by its success within a day", then, State::Delivered, then + DAY_MS, 2),
            ("written by another that fails", then + 2, State::Retrying, then + 2, 3),
            ("written by its success after a day", then + 2, State::Delivered, then + 3 + DAY_MS, 3),
            ("written by another that fails", then + 1, State::Retrying, then + 1, 3),
            ("written by its end as a dead letter", then + 1, State::Dead, then + 2, 4),
        ] {
            let costs = self.run(&changes(event_time, state, at));
            measured.push((case, costs.iter().map(|cost| cost["written"].as_u64().unwrap()).sum(), bound));
        }
        self.run(&[json!([
            "DELETE FROM deliveries WHERE app = ?1 AND event_time BETWEEN ?2 AND ?2 + 2",
            1_400_000_000,
            then
        ])]);

        // Of a record that is in KV for a time; and of one that stays there for longer, which the log notes.
        let in_kv = |until| insert_until(&unfollow("kept", &["someone"], self.month() - 8 * DAY_MS), until);
        let costs = self.run(&[in_kv(2_000_000_000), in_kv(2_000_000_000), in_kv(1_999_999_999), in_kv(2_000_000_001)]);
        let cost = |at: usize, name: &str| costs[at][name].as_u64().unwrap();
        measured.push(("written by an event that is over an hour late", cost(0, "written"), 6));
        measured.push(("written by its repeat", cost(1, "written") + cost(2, "written"), 0));
        measured.push(("read by a repeat", cost(1, "read") + cost(2, "read"), 0));
        measured.push(("written by a repeat whose record stays longer", cost(3, "written"), 1));
        let far = insert(&unfollow("kept", &["someone"], 9_999_999_999_999));
        let costs = self
            .run(&[far, json!(["DELETE FROM events WHERE app = ?1 AND event_time > 9999999999998", 1_400_000_000])]);
        measured.push(("written by an event dated far after its receipt", costs[0]["written"].as_u64().unwrap(), 7));
        self.run(&[
            json!(["UPDATE events SET kv_until = 0 WHERE app = ?1 AND kv_until > 0", 1_400_000_000]),
            json!(["DELETE FROM events WHERE app = ?1 AND event_time = ?2", 1_400_000_000, self.month() - 8 * DAY_MS]),
        ]);

        let (now, month, future) = (self.now, self.month(), self.now + 30 * DAY_MS);
        for (case, path, found, bound) in [
            ("read by a page of 100", "events?limit=100".to_owned(), 100, 210),
            ("read by a page of 100 of a kind", "events?limit=100&kind=unfollow".to_owned(), 100, 210),
            ("read by 50 events of a user", "events?limit=50&user=busy".to_owned(), 50, 260),
            ("read by 50 events of a user in a role", "events?limit=50&user=busy&role=actor".to_owned(), 50, 260),
            ("read where no event is of the kind", "events?kind=follow".to_owned(), 0, 1_100),
            ("read where the user has not the role", "events?user=busy&role=target".to_owned(), 0, 1_100),
            ("read by a poll without new events", format!("events?since={future}"), 0, 3),
            ("read by a poll for a user without new events", format!("events?user=busy&since={future}"), 0, 3),
            ("read by a chart of 30 days", format!("stats?since={month}&until={now}"), 721, 2 * 721),
            (
                "read by a chart of 30 days of a user",
                format!("stats?user=charted&since={month}&until={now}"),
                721,
                2 * 721,
            ),
            ("read by the totals of a user of 5 events", format!("users/{APP}?user=charted"), 0, 5 + 20),
            (
                "read by the totals of 2 of them",
                format!("users/{APP}?user=charted&since={}", now - 2 * DAY_MS),
                0,
                2 + 20,
            ),
            (
                "read by the top of 60 users and hours",
                format!("top?limit=20&since={}&until={}", month - 2 * DAY_MS, month - 2 * HOUR_MS),
                20,
                // Counted, grouped, and sorted.
                2 * 60 + 3 * 20 + 60,
            ),
            ("read by a page of 100 deliveries", "deliveries?limit=100".to_owned(), 100, 110),
            ("read by a page of 100 retrying ones", "deliveries?limit=100&state=retrying".to_owned(), 100, 101),
            ("read by a page of 100 dead ones", "deliveries?limit=100&state=dead".to_owned(), 100, 101),
            ("read by a page of 100 delivered ones", "deliveries?limit=100&state=delivered".to_owned(), 100, 105),
        ] {
            let (costs, answer) = self.call("GET", &path);
            // A ranking is looked for first, and counts ask besides how many of them a comparison has recorded.
            let statements = if ["top", "stats", "users/"].iter().any(|it| path.starts_with(it)) { 2 } else { 1 };
            assert_eq!((costs.len(), written_by(&costs)), (statements, 0), "{case}");
            let lists = ["events", "buckets", "users", "deliveries"].map(|list| answer[list].as_array().map(Vec::len));
            assert_eq!(lists.into_iter().flatten().next().unwrap_or_default(), found, "{case}");
            measured.push((case, read_by(&costs), bound));
        }

        let (costs, apps) = self.call("GET", "apps");
        assert_eq!((costs.len(), written_by(&costs), &apps["removed"]), (1, 0, &json!([])));
        measured.push(("read by the list of apps", read_by(&costs), 20 + 10));

        // The first run notes that the log is complete.
        assert_eq!(request("GET", &self.url("/scheduled")).body["outcome"], "ok");
        self.costs();
        assert_eq!(request("GET", &self.url("/scheduled")).body["outcome"], "ok");
        let costs = self.costs();
        assert_eq!(written_by(&costs), 0);
        measured.push(("read by the retention, where nothing is due", read_by(&costs), 60));
        let old: Vec<_> =
            (0..100).map(|number| insert(&unfollow("old", &["older"], 20_000_000_000 + number))).collect();
        self.run(&old);
        assert_eq!(request("GET", &self.url("/scheduled")).body["outcome"], "ok");
        let costs = self.costs();
        assert!(costs.len() <= 20, "{} statements", costs.len());
        let first =
            costs.iter().position(|cost| cost.sql.starts_with("DELETE FROM events") && cost.written > 0).unwrap();
        measured.push(("read by the retention of 100 events", costs[first].read, 2_500));
        measured.push(("written by the retention of 100 events", costs[first].written, 700));

        // Not through the API: what stands between the Worker and D1 has no batches.
        let app = SdkAppId::parse(APP).unwrap();
        let times: Vec<_> = (0..20).map(|n| self.month() - 9 * DAY_MS - n).collect();
        self.run(&times.iter().map(|time| insert(&unfollow("gone", &["older"], *time))).collect::<Vec<_>>());
        let found = self.run(&[plain(erasures::find(app, "gone", now_ms(), 40))]).remove(0);
        let hashes: Vec<_> = (0..3).map(|n| format!("{n:064x}")).collect();
        let none = self.run(&[plain(erasures::latest(&hashes, now_ms()))]).remove(0);
        measured.push(("read to know that an event was not erased", none["read"].as_u64().unwrap(), 2 * 3));
        measured.push(("read to find the 20 events of a user", found["read"].as_u64().unwrap(), 2 * 20 + 1));
        let found: Vec<UsersEvent> = serde_json::from_value(found["rows"].clone()).unwrap();
        assert_eq!(found.len(), times.len());
        let deliver = |event: &UsersEvent| plain(deliveries::write(app, &event.id().unwrap(), &dead(self.now)));
        self.run(&found.iter().map(deliver).collect::<Vec<_>>());
        let erased =
            self.run(&erasures::delete(app, "gone", &found, now_ms()).into_iter().map(plain).collect::<Vec<_>>());
        let sum = |name: &str| erased.iter().map(|cost| cost[name].as_u64().unwrap()).sum();
        // Two of the rows for each state that a delivery may have, because the state is in its key.
        measured.push(("read to erase them with their deliveries", sum("read"), 20 * 36));
        measured.push(("written to erase them", sum("written"), 20 * 9 + 20));
        measured
    }
}

#[test]
fn the_event_log_costs_the_same_however_long_it_is() {
    let mut log = Log::start();
    log.fill(2_000);
    log.scrape();
    let short = log.measure();
    for (case, rows, bound) in &short {
        println!("{rows:>6} rows {case}, at most {bound}");
        assert!(rows <= bound, "{rows} rows {case}, and not at most {bound}");
    }
    log.fill(20_000);
    log.scrape();
    assert_eq!(log.measure(), short);
}

/// What the retention of 33,000 events of one target in 500 hours costs, of two apps in turn: with PLAN=paid in one run, and with
/// PLAN=free in as many rows as a day has for it.
#[test]
#[ignore = "a log of 33,000 events takes a minute"]
fn the_retention_of_33000_events_costs_so_much() {
    const EVENTS: u64 = 33_000;
    const HOURS: u64 = 500;
    for (plan, most) in [("paid", u64::MAX), ("free", 48_000)] {
        let settings = [
            ("SDK_APP_IDS", APP),
            ("ALLOW_UNSIGNED", "true"),
            ("SINKS", "d1"),
            ("RETENTION_DAYS", "30"),
            ("PLAN", plan),
        ];
        let worker = Home::with_counted_log(&[&settings[..], &[("ADMIN_TOKEN", ADMIN_TOKEN)]].concat()).start();
        let origin = Origin::start(|_| origin::ok());
        let log = Log { worker, _origin: origin, now: now_ms() / HOUR_MS * HOUR_MS, events: 0 };
        let event = |n: u64| {
            let body = unfollow(
                &format!("user-{n}"),
                &[&format!("target-{}", n % 700)],
                log.now - 60 * DAY_MS - n % HOURS * HOUR_MS - n,
            );
            let mut statement = insert(&body);
            // Every second one is of another app.
            statement[1] = json!(1_400_000_000 + n % 2);
            statement
        };
        for chunk in (0..EVENTS).map(event).collect::<Vec<_>>().chunks(5_000) {
            log.run(chunk);
        }
        let totals = log.run(&[json!(["SELECT count(*) AS n FROM hourly_totals WHERE app > ?1", 0])]);
        let totals = totals[0]["rows"][0]["n"].as_u64().unwrap();
        let (mut costs, mut runs) = (Vec::new(), 0);
        let begun = std::time::Instant::now();
        loop {
            log.costs();
            assert_eq!(request("GET", &log.url("/scheduled")).body["outcome"], "ok");
            let of_run = log.costs();
            assert!(of_run.len() <= if plan == "paid" { 1_000 } else { 50 }, "{} statements", of_run.len());
            let deleted = of_run.iter().any(|cost| cost.sql.starts_with("DELETE FROM events") && cost.written > 0);
            costs.extend(of_run);
            runs += 1;
            if !deleted || plan == "paid" {
                break;
            }
        }
        let of_events: Vec<_> = costs.iter().filter(|cost| cost.sql.starts_with("DELETE FROM events")).collect();
        let written: u64 = of_events.iter().map(|cost| cost.written).sum();
        let read: u64 = of_events.iter().map(|cost| cost.read).sum();
        println!(
            "{plan}: {written} rows written, {read} read, {} statements, {runs} runs, {:?}",
            of_events.len(),
            begun.elapsed()
        );
        let due_since = &request_api("GET", &log.url("/v1/status"), Some(ADMIN_TOKEN)).body["retention_due_since"];
        if plan == "paid" {
            // Six for each event, one more for the last of an hour and app, and one more where that hour was open: two of each app.
            // And one in twelve of a user with many writes the total of that user.
            let least = 6 * EVENTS + totals;
            let most = least + 4 + EVENTS / 12;
            assert!(
                (least..=most).contains(&written) && due_since.is_null(),
                "{written} of {least} to {most} rows, {due_since}"
            );
            assert!(begun.elapsed().as_millis() < 60_000, "longer than a run may take");
        } else {
            assert!(written <= most && written > most - 200, "{written} rows of a day");
            assert!(due_since.as_u64().unwrap() < log.now - 30 * DAY_MS);
        }
    }
}

/// A flood costs next to nothing, and is counted all the same.
#[test]
fn a_flood_of_refused_calls_costs_few_rows() {
    const CALLS: u64 = 300;
    let log = Log::start();
    log.all_costs();
    for _ in 0..CALLS {
        let refused = post(&log.worker.url, &unsigned("1400000009", UNFOLLOW), unfollow("a", &["b"], now_ms()));
        assert_eq!(refused.code(), (403, 40301));
    }
    let mut costs = Vec::new();
    let hours = wait_for("all calls to be counted", || {
        costs.extend(log.all_costs());
        let answer = request_api("GET", &log.url("/v1/calls?app=0"), Some(ADMIN_TOKEN)).body;
        let hours = answer["hours"].as_array().unwrap().clone();
        // In the last two hours, if one ended meanwhile.
        let counted: u64 = hours.iter().map(|hour| hour["count"].as_u64().unwrap()).sum();
        assert!(counted <= CALLS, "{hours:?}");
        (counted == CALLS).then_some(hours)
    });
    assert!(hours.iter().all(|hour| hour["reason"] == "sdk_app_id_foreign" && hour["outcome"] == "rejected"));
    costs.extend(log.all_costs());
    let written: u64 = costs.iter().filter(|cost| cost.is_of_calls()).map(|cost| cost.written).sum();
    println!("{written:>6} rows written for {CALLS} refused calls");
    assert!((1..=20).contains(&written), "{written} rows");
    // 24 hours of them are as many rows.
    let (costs, answer) = log.call("GET", "calls?app=0");
    assert!(read_by(&costs) <= 10 + 10 * answer["hours"].as_array().unwrap().len() as u64, "{}", read_by(&costs));
}

/// What is known of the schema is asked for where somebody asks, and never for a webhook.
#[test]
fn the_schema_is_asked_for_by_the_status_once_a_minute() {
    let log = Log::start();
    let asks = |costs: &[Cost]| costs.iter().filter(|cost| cost.sql.contains("sqlite_master")).count();
    log.costs();
    assert!(post(&log.worker.url, &unsigned(APP, UNFOLLOW), unfollow("a", &["b"], now_ms())).is_ok());
    let costs = log.costs();
    assert_eq!((asks(&costs), costs.iter().filter(|it| it.sql.starts_with("INSERT INTO events")).count()), (0, 1));
    let (costs, status) = log.call("GET", "status");
    assert_eq!(status["settings"], json!([]));
    let read = read_by(&costs);
    println!("{read:>6} rows read by the look at the schema");
    assert!(asks(&costs) == 1 && (2..=60).contains(&read), "{read} rows");
    let (costs, _) = log.call("GET", "status");
    assert_eq!(asks(&costs), 0);
}

#[test]
fn a_row_that_a_reindex_finds_as_it_is_costs_no_row_and_a_damaged_one_costs_one() {
    let log = Log::start();
    let query = unsigned(APP, UNFOLLOW);
    let query = Policy::Unsigned.check(Query::parse(&query).unwrap(), None, None, 0).unwrap();
    let body = unfollow("a", &["b"], now_ms());
    let follow = Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0);
    let event = Event::new(SdkAppId::parse(APP).unwrap(), query, follow, now_ms());
    let put = plain(event_log::put_all_unless_erased(&[event_log::item(&event, event_log::IN_KV_FOR_GOOD, &[])]));
    let written = |statement: &Value| log.run(std::slice::from_ref(statement))[0]["written"].as_u64().unwrap();
    assert!([5, 6].contains(&written(&put)));
    assert_eq!(written(&put), 0);
    assert_eq!(written(&json!(["UPDATE events SET body = 'x' WHERE hash = ?1", event.id().hash()])), 1);
    assert_eq!((written(&put), written(&put)), (1, 0));
}

/// What alerts cost, however much there is to tell: rows for the unfollows of an app, and for its calls and deliveries.
#[test]
fn alerts_read_a_bounded_number_of_rows() {
    let log = Log::start();
    let hour = |ago: u64| log.now - ago * HOUR_MS;
    let user = |n: u64| format!("user-{n:02}");
    let unfollows = |user: &str, begin: u64, count: u64| -> Vec<Value> {
        (0..count).map(|n| insert(&unfollow(&format!("fan-{n}"), &[user], begin + n * (HOUR_MS / count)))).collect()
    };
    let mut statements = Vec::new();
    // A week in which 40 users have their unfollows in each hour that is looked at, and the last hours before.
    for day in 1..=7 {
        for n in 0..40 {
            (0..2).for_each(|ago| statements.extend(unfollows(&user(n), hour(24 * day + ago), 3)));
        }
    }
    for ago in 2..=7 {
        (0..40).for_each(|n| statements.extend(unfollows(&user(n), hour(ago), 1)));
    }
    // In the hour before the current one, each of them has many, of which those of half have to be counted.
    for n in 0..40 {
        let begin = hour(1) + if n % 2 == 0 { 0 } else { HOUR_MS / 2 };
        statements.extend(unfollows(&user(n), begin, 52));
    }
    log.run(&statements);
    let calls = (0..400).flat_map(|n| {
        let at = hour(n / 4);
        ["rejected", "failed", "queued", "dead_lettered"].map(|outcome| {
            let counts = json!([[at / HOUR_MS, 1_400_000_000, outcome, format!("reason-{}", n % 4), 1, at]]);
            plain(call_counts::add(at / HOUR_MS, &counts.to_string(), 1_000))
        })
    });
    log.run(&calls.collect::<Vec<_>>());
    let (costs, answer) = log.call("GET", "alerts");
    let rows = |part: &str| costs.iter().filter(|cost| cost.sql.contains(part)).map(|cost| cost.read).sum::<u64>();
    let kinds: Vec<_> = answer["alerts"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    for kind in
        ["unfollow_burst_of_app", "unfollow_burst_of_user", "calls_rejected", "events_queued", "deliveries_dead"]
    {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let unfollows = rows("unusual_hours") + rows("role = 'target'") + rows("json_array_length");
    println!("{unfollows:>6} rows read for unfollows, in {} statements", costs.len());
    assert!((100..=500).contains(&unfollows), "{unfollows}");
    assert!(costs.len() <= 12 && written_by(&costs) == 0);
    println!("{:>6} rows read in all", read_by(&costs));
    assert!(read_by(&costs) <= 1_500);
}

/// What D1 says, as Cloudflare documents it, is told apart; and what else is known is still told.
#[test]
fn alerts_are_told_while_d1_fails() {
    let log = Log::start();
    for (error, kind) in [
        (
            "D1_ERROR: Your account has exceeded D1's free tier daily row read limit. Upgrade to a paid plan or wait until tomorrow \
             (midnight UTC) to continue.",
            "database_day_limit",
        ),
        (
            "D1_ERROR: Your account has exceeded D1's free tier daily row write limit. Upgrade to a paid plan or wait until tomorrow \
             (midnight UTC) to continue.",
            "database_day_limit",
        ),
        ("D1_ERROR: Exceeded maximum DB size", "database_full"),
        ("D1_ERROR: Network connection lost.", "database_fails"),
    ] {
        assert_eq!(post_at(&log.url("/fail"), error).body, json!(error));
        let (_, told) = log.call("GET", "alerts");
        assert_eq!((&told["complete"], told["alerts"].as_array().unwrap().len()), (&json!(false), 1), "{told}");
        assert_eq!(told["alerts"][0]["kind"], kind);
    }
    post_at(&log.url("/fail"), "");
    let (_, told) = log.call("GET", "alerts");
    assert_eq!(told["complete"], true, "{told}");
}

/// The calls of an app cost what is shown of them, however many there are of other hours and of other apps.
#[test]
fn the_calls_of_an_app_cost_what_is_shown() {
    const KINDS: [(&str, &str); 6] = [
        ("stored", ""),
        ("queued", ""),
        ("probe", ""),
        ("rejected", "sign_mismatch"),
        ("rejected", "method"),
        ("failed", "kv"),
    ];
    let log = Log::start();
    let fill = |app: u64, hours: std::ops::Range<u64>| {
        let counts = |ago: u64| {
            let at = log.now - ago * HOUR_MS;
            let counts: Vec<_> =
                KINDS.map(|(outcome, reason)| json!([at / HOUR_MS, app, outcome, reason, 1, at])).to_vec();
            plain(call_counts::add(at / HOUR_MS, &json!(counts).to_string(), 1_000))
        };
        log.run(&hours.map(counts).collect::<Vec<_>>());
    };
    let calls = |ago: u64| {
        let since = log.now - ago * HOUR_MS;
        let (costs, answer) = log.call("GET", &format!("calls?app={APP}&since={since}&until={}", log.now));
        assert_eq!((costs.len(), written_by(&costs)), (2, 0));
        (answer["hours"].as_array().unwrap().len() as u64, read_by(&costs))
    };
    let app: u64 = APP.parse().unwrap();
    fill(app, 0..31 * 24);
    for fill_more in [None, Some(90)] {
        if let Some(days) = fill_more {
            fill(app, 31 * 24..days * 24);
            (1..=3).for_each(|other| fill(app + other, 0..31 * 24));
        }
        for (ago, shown) in [(0, 6), (24, 150), (31 * 24 - 1, 6 * 31 * 24)] {
            let (found, read) = calls(ago);
            println!("{read:>6} rows read for {found} counts of calls");
            assert!(found == shown && read <= shown + 24, "{found} counts, {read} rows");
        }
    }
}
