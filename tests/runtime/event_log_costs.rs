//! What the event log costs in rows read and written, which is what Cloudflare limits and bills: the same in a log of 2,000
//! events and of 20,000.

use serde_json::{Value, json};
use unfollow_webhook::{
    database::{Parameter, Statement, event_log},
    event::Event,
    webhook::{SdkAppId, auth::Policy, body::Follow, command::Kind, query::Query},
};

use crate::{
    ADMIN_TOKEN, Shared,
    call::{APP, UNFOLLOW, now_ms, post, post_at, request, request_api, unfollow, unsigned},
    worker::Home,
};

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How many events go into the log in one transaction.
const AT_ONCE: usize = 500;

/// A Worker whose log is filled by the test and tells what each statement costs.
struct Log {
    shared: Shared,
    now: u64,
    events: u64,
}

/// The statement as `counting_d1.js` takes it.
fn plain(statement: Statement) -> Value {
    let parameter = |parameter| match parameter {
        Parameter::Integer(number) => json!(number),
        Parameter::Text(text) => json!(text),
    };
    let parameters = statement.parameters.into_iter().map(parameter);
    [json!(statement.sql)].into_iter().chain(parameters).collect()
}

/// The statement that adds an event.
fn insert(body: &str) -> Value {
    let query = unsigned(APP, UNFOLLOW);
    let query = Policy::Unsigned.check(Query::parse(&query).unwrap(), None, None, 0).unwrap();
    let follow = Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap();
    plain(event_log::insert(&Event::new(SdkAppId::parse(APP).unwrap(), query, follow, now_ms())))
}

impl Log {
    fn start() -> Self {
        let settings = [
            ("SDK_APP_IDS", APP),
            ("ALLOW_UNSIGNED", "true"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("SINKS", "d1"),
            ("RETENTION_DAYS", "3650"),
        ];
        let home = Home::with_counted_log(&settings);
        let worker = home.start();
        // The start of an hour, so that 30 days before it are as many hours at any time.
        let now = now_ms() / HOUR_MS * HOUR_MS;
        let log = Self { shared: Shared { home, worker }, now, events: 0 };
        // The only events in which this user is a target.
        let hours = 1..=5;
        log.run(&hours.map(|hour| insert(&unfollow("x", &["charted"], log.now - hour * DAY_MS))).collect::<Vec<_>>());
        log
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.worker.url)
    }

    fn run(&self, statements: &[Value]) {
        for some in statements.chunks(AT_ONCE) {
            let answer = post_at(&self.url("/sql"), json!(some).to_string());
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
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

    /// The rows that each statement has read and written since this was last asked.
    fn costs(&self) -> Vec<(u64, u64)> {
        let costs = request("GET", &self.url("/costs")).body;
        let cost = |cost: &Value| (cost["read"].as_u64().unwrap(), cost["written"].as_u64().unwrap());
        costs.as_array().unwrap().iter().map(cost).collect()
    }

    /// The rows that a call of the API reads, and the events of its response.
    fn read(&self, path: &str) -> (u64, usize) {
        self.costs();
        let answer = request_api("GET", &self.url(&format!("/v1/{path}")), Some(ADMIN_TOKEN));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let [(read, 0)] = self.costs()[..] else { panic!("{path}: more than one statement, or rows written") };
        (read, answer.body["events"].as_array().map_or(0, Vec::len))
    }

    /// What each case costs, with its bound.
    fn measure(&self) -> Vec<(&'static str, u64, u64)> {
        let mut measured = Vec::new();
        // Inside the hour that no other event is in, so that each size inserts into the same rows.
        let body = unfollow("newcomer", &["someone"], self.now + self.events);
        for (case, bound) in [("written by an event of one target", 5), ("written by a repeat", 0)] {
            self.costs();
            assert!(post(&self.shared.worker.url, &unsigned(APP, UNFOLLOW), &body).is_ok());
            let [(_, written)] = self.costs()[..] else { panic!("{case}: more than one statement") };
            measured.push((case, written, bound));
        }
        let delete = json!([
            "DELETE FROM events WHERE app = ?1 AND kind = ?2 AND event_time >= ?3",
            1_400_000_000,
            "unfollow",
            self.now
        ]);
        self.run(&[delete]);

        let future = self.now + 30 * DAY_MS;
        let month = self.now - 30 * DAY_MS;
        for (case, path, events, bound) in [
            ("read by a page of 100", "events?limit=100".to_owned(), 100, 210),
            ("read by a page of 100 of a kind", "events?limit=100&kind=unfollow".to_owned(), 100, 210),
            ("read by 50 events of a user", "events?limit=50&user=busy".to_owned(), 50, 260),
            ("read by 50 events of a user in a role", "events?limit=50&user=busy&role=actor".to_owned(), 50, 260),
            ("read where no event is of the kind", "events?kind=follow".to_owned(), 0, 1_100),
            ("read where the user has not the role", "events?user=busy&role=target".to_owned(), 0, 1_100),
            ("read by a poll without new events", format!("events?since={future}"), 0, 3),
            ("read by a poll for a user without new events", format!("events?user=busy&since={future}"), 0, 3),
            ("read by a chart of 30 days", format!("stats?since={month}&until={}", self.now), 0, 2 * 721),
            (
                "read by a chart of 30 days of a user",
                format!("stats?user=charted&since={month}&until={}", self.now),
                0,
                2 * 721,
            ),
        ] {
            let (read, found) = self.read(&path);
            assert_eq!(found, events, "{case}");
            measured.push((case, read, bound));
        }

        self.costs();
        assert_eq!(request("GET", &self.url("/scheduled")).body["outcome"], "ok");
        let [(read, 0)] = self.costs()[..] else { panic!("more than one statement where nothing is due") };
        measured.push(("read by the retention, an app, where nothing is due", read, 5));
        let old: Vec<_> =
            (0..100).map(|number| insert(&unfollow("old", &["older"], 20_000_000_000 + number))).collect();
        self.run(&old);
        assert_eq!(request("GET", &self.url("/scheduled")).body["outcome"], "ok");
        let costs = self.costs();
        assert!(costs.len() <= 10, "{costs:?}");
        let (read, written) = costs[1];
        measured.push(("read by the retention of 100 events", read, 1_500));
        measured.push(("written by the retention of 100 events", written, 600));
        measured
    }
}

#[test]
fn the_event_log_costs_the_same_however_long_it_is() {
    let mut log = Log::start();
    log.fill(2_000);
    let short = log.measure();
    for (case, rows, bound) in &short {
        println!("{rows:>6} rows {case}, at most {bound}");
        assert!(rows <= bound, "{rows} rows {case}, and not at most {bound}");
    }
    log.fill(20_000);
    assert_eq!(log.measure(), short);
}
