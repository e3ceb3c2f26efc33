//! A new version over an old one, and back: the settings and the SQL of an earlier Worker, as `tests/upgrade/` has them, on the
//! settings and the schema of this one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use unfollow_webhook::{
    config::Config,
    database::{Parameter, Statement, event_log},
    delivery::message::Message,
};

use crate::{
    database::Sqlite,
    ports::FakeEnvironment,
    samples::{APP, BOUND, TOKEN},
};

/// A statement of an earlier version.
#[derive(Deserialize)]
struct Recorded {
    sql: String,
    parameters: Vec<Value>,
    /// What it gave then.
    rows: Vec<Value>,
}

impl Recorded {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../upgrade/9a485be/statements.json")).unwrap()
    }

    fn statement(&self) -> Statement {
        let parameter = |value: &Value| match value {
            Value::String(text) => Parameter::Text(text.clone()),
            Value::Number(number) => Parameter::Integer(number.as_u64().unwrap()),
            Value::Null => Parameter::Null,
            _ => panic!("{value} is no parameter"),
        };
        Statement { sql: self.sql.clone().into(), parameters: self.parameters.iter().map(parameter).collect() }
    }

    fn adds_an_event(&self) -> bool {
        self.sql.starts_with("INSERT INTO events ")
    }

    /// The current version's statement that adds the same event.
    fn of_now(&self) -> Statement {
        let [.., record, query, body] = &self.parameters[..] else { panic!("an event has seven columns") };
        let record = record.as_str().unwrap().strip_suffix('}').unwrap();
        let record = format!(r#"{record},"query":{query},"body":{}}}"#, body.as_str().unwrap());
        let message = Message::of_record(&record).expect("a record");
        event_log::insert(&message.event().expect("an event"), event_log::NOT_IN_KV)
    }
}

/// Without the version, which has grown.
fn without_version(rows: &[Value]) -> Vec<Value> {
    rows.iter().filter(|row| row.get("version").is_none()).cloned().collect()
}

#[test]
fn the_statements_of_an_earlier_version_work_on_this_schema() {
    let recorded = Recorded::all();
    // By the earlier Worker alone; and where this one has stored the events, before a rollback.
    for stored_by_now in [false, true] {
        let database = Sqlite::default();
        let mut compared = 0;
        for recorded in &recorded {
            let statement =
                if stored_by_now && recorded.adds_an_event() { recorded.of_now() } else { recorded.statement() };
            let rows = without_version(&database.rows_of(statement));
            assert_eq!(rows, without_version(&recorded.rows), "{}", recorded.sql);
            compared += rows.len();
        }
        assert!(compared > 100, "{compared} rows were compared");
    }
}

/// And the other way round: what an earlier Worker has stored, this one counts the same, and takes for a repeat.
#[test]
fn what_an_earlier_version_has_stored_is_a_repeat_for_this_one() {
    let (before, now) = (Sqlite::default(), Sqlite::default());
    for recorded in Recorded::all().iter().filter(|it| it.adds_an_event()) {
        before.execute(recorded.statement());
        before.execute(recorded.of_now());
        now.execute(recorded.of_now());
    }
    for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
        assert_eq!(before.log_table(table), now.log_table(table), "{table}");
        assert!(!now.log_table(table).is_empty());
    }
}

#[test]
fn what_was_a_valid_setting_is_one() {
    let settings: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../upgrade/9a485be/settings.json")).unwrap();
    for (name, values) in &settings {
        for value in values {
            // What others need, unless it is this one.
            let needed = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", "https://api.example.com/")];
            let variables = [(&**name, &**value)].into_iter().chain(needed.into_iter().filter(|(it, _)| it != name));
            let config = Config::read(&FakeEnvironment::of(variables, BOUND));
            assert!(config.calls.settings.is_some(), "{name}={value}");
            assert_eq!(config.invalid_settings, [], "{name}={value}");
        }
    }
}
