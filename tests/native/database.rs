//! A real SQLite in memory in the place of D1, with the migrations applied.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

use rusqlite::{
    Connection, Row, ToSql, params_from_iter,
    types::{Value as SqlValue, ValueRef},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::sleep;
use unfollow_webhook::{
    database::{Changes, Database, DatabaseError, Parameter, Statement, event_log},
    event::Event,
    storage::{Attempt, AttemptError},
};

/// Every migration, in order.
const MIGRATIONS: [&str; 11] = [
    include_str!("../../migrations/0001_event_log.sql"),
    include_str!("../../migrations/0002_deliveries_and_calls.sql"),
    include_str!("../../migrations/0003_erasure_and_retention.sql"),
    include_str!("../../migrations/0004_delivery_answers.sql"),
    include_str!("../../migrations/0005_alerts.sql"),
    include_str!("../../migrations/0006_alert_messages.sql"),
    include_str!("../../migrations/0007_metrics.sql"),
    include_str!("../../migrations/0008_damaged_rows.sql"),
    include_str!("../../migrations/0009_outage.sql"),
    include_str!("../../migrations/0010_totals_and_rankings.sql"),
    include_str!("../../migrations/0011_comparison.sql"),
];

/// What a database does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Fails,
    Hangs,
    /// The limit of the free plan's day is reached.
    DayLimit,
    Full,
}

/// A database like D1.
pub struct Sqlite {
    connection: Rc<Connection>,
    /// What every statement meets.
    pub trouble: Cell<Option<Trouble>>,
    /// How long each statement takes, in ms, but for those of attempts.
    pub takes_ms: Cell<u64>,
    /// How large the database says it is, in bytes.
    pub size: Cell<Option<u64>>,
    /// How many bytes the longest parameter of a statement had.
    pub longest_text: Cell<usize>,
    /// The first word of each statement, behind `sql`. A reader may share the list.
    pub operations: Rc<RefCell<Vec<String>>>,
}

impl Default for Sqlite {
    fn default() -> Self {
        Self::of_version(MIGRATIONS.len())
    }
}

impl Sqlite {
    /// One to which no migration was applied.
    pub fn without_schema() -> Self {
        let connection = Rc::new(Connection::open_in_memory().unwrap());
        connection.set_prepared_statement_cache_capacity(64);
        Self {
            connection,
            trouble: Cell::default(),
            takes_ms: Cell::default(),
            size: Cell::default(),
            longest_text: Cell::default(),
            operations: Rc::default(),
        }
    }

    /// One with the schema of this version.
    pub fn of_version(version: usize) -> Self {
        let database = Self::without_schema();
        MIGRATIONS[..version].iter().for_each(|migration| database.connection.execute_batch(migration).unwrap());
        database
    }

    /// Applies the migrations after this version.
    pub fn migrate_from(&self, version: usize) {
        MIGRATIONS[version..].iter().for_each(|migration| self.connection.execute_batch(migration).unwrap());
    }

    /// Whether the migrations were applied.
    pub fn has_schema(&self) -> bool {
        self.connection.table_exists(None, "schema_version").unwrap()
    }

    /// Adds an event whose record is in KV; to a schema before the third as the Worker of that time does.
    pub fn insert(&self, event: &Event<'_>) {
        let insert = event_log::insert(event, event_log::IN_KV_FOR_GOOD);
        let knows = self.connection.column_exists(None, "events", "kv_until").unwrap();
        execute(&self.connection, if knows { insert } else { before_kv_until(insert) }).unwrap();
    }

    /// Runs a statement without a note.
    pub fn execute(&self, statement: Statement) {
        execute(&self.connection, statement).unwrap();
    }

    /// The rows of a statement.
    pub fn rows_of(&self, statement: Statement) -> Vec<Value> {
        rows(&self.connection, statement).unwrap()
    }

    /// All rows of a table, in the order of its key, as JSON: what tests compare.
    pub fn table(&self, name: &str) -> Vec<Value> {
        let sql = format!("SELECT * FROM {name}");
        rows(&self.connection, Statement { sql: sql.into(), parameters: Vec::new() }).unwrap()
    }

    /// How many rows a table has.
    pub fn count(&self, name: &str) -> u64 {
        let sql = format!("SELECT count(*) AS n FROM {name}");
        rows(&self.connection, Statement { sql: sql.into(), parameters: Vec::new() }).unwrap()[0]["n"].as_u64().unwrap()
    }

    /// The same for a table of the log, without what metrics have counted: that tells of events that are gone, too.
    pub fn log_table(&self, name: &str) -> Vec<Value> {
        let mut rows = self.table(name);
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.retain(|column, _| !column.ends_with("_events"));
        }
        rows
    }

    /// The `event_time`s of an app's events, ascending.
    pub fn event_times(&self, app: u64) -> Vec<u64> {
        let events = self.table("events").into_iter().filter(|row| row["app"] == app);
        let mut times: Vec<_> = events.map(|row| row["event_time"].as_u64().unwrap()).collect();
        times.sort_unstable();
        times
    }

    /// How many rows were written so far, those of triggers included, and those of indexes not.
    pub fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Whether a text is in any row of any table.
    pub fn has_text(&self, text: &str) -> bool {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table'".into();
        let tables = rows(&self.connection, Statement { sql, parameters: Vec::new() }).unwrap();
        let rows = tables.iter().flat_map(|table| self.table(table["name"].as_str().unwrap()));
        rows.into_iter().any(|row| row.to_string().contains(text))
    }

    /// How many rows the tables of the log have together.
    pub fn size(&self) -> usize {
        ["events", "event_users", "hourly_counts", "hourly_totals"].iter().map(|table| self.table(table).len()).sum()
    }

    fn note_length(&self, statement: &Statement) {
        let length = |parameter: &Parameter| if let Parameter::Text(text) = parameter { text.len() } else { 0 };
        let longest = statement.parameters.iter().map(length).max().unwrap_or_default();
        self.longest_text.set(self.longest_text.get().max(longest));
    }

    async fn begin(&self, statement: &Statement) -> Result<(), DatabaseError> {
        let word = statement.sql.split(' ').next().unwrap();
        self.operations.borrow_mut().push(format!("sql {word}"));
        if self.takes_ms.get() > 0 {
            sleep(Duration::from_millis(self.takes_ms.get())).await;
        }
        match self.trouble.get() {
            None => Ok(()),
            Some(Trouble::Fails) => Err(DatabaseError::Failed),
            Some(Trouble::DayLimit) => Err(DatabaseError::DayLimit),
            Some(Trouble::Full) => Err(DatabaseError::Full),
            Some(Trouble::Hangs) => pending().await,
        }
    }
}

/// The statement that a Worker before the third migration adds an event with.
pub fn before_kv_until(mut insert: Statement) -> Statement {
    insert.parameters.pop();
    let sql = "INSERT INTO events (app, kind, event_time, hash, record, query, body) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    Statement { sql: sql.into(), ..insert }
}

/// Numbers are bound as D1 binds them.
#[allow(clippy::cast_precision_loss)]
fn bind(parameter: Parameter) -> SqlValue {
    match parameter {
        Parameter::Integer(number) => SqlValue::Real(number as f64),
        Parameter::Text(text) => SqlValue::Text(text),
        Parameter::Null => SqlValue::Null,
    }
}

/// A row as D1 gives it: JavaScript writes a whole number without a point.
#[allow(clippy::cast_possible_truncation)]
fn object(row: &Row<'_>, names: &[String]) -> Value {
    let value = |at| match row.get_ref(at).unwrap() {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) if number.fract() == 0.0 => (number as i64).into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => str::from_utf8(text).unwrap().into(),
        ValueRef::Blob(_) => panic!("no table has blobs"),
    };
    let members = names.iter().enumerate().map(|(at, name)| (name.clone(), value(at)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn rows(connection: &Connection, Statement { sql, parameters }: Statement) -> rusqlite::Result<Vec<Value>> {
    // To compile what changes events, with all their triggers, takes longer than to run it.
    let mut prepared = connection.prepare_cached(&sql)?;
    // D1 wants as many values as there are parameters.
    assert_eq!(prepared.parameter_count(), parameters.len(), "{sql}");
    let names: Vec<_> = prepared.column_names().map(str::to_owned).collect();
    let parameters: Vec<_> = parameters.into_iter().map(bind).collect();
    let rows = prepared
        .query_map(params_from_iter(parameters.iter().map(|it| it as &dyn ToSql)), |row| Ok(object(row, &names)))?;
    rows.collect()
}

fn execute(connection: &Connection, statement: Statement) -> rusqlite::Result<()> {
    rows(connection, statement).map(|_| ())
}

fn is_schema_missing(error: &rusqlite::Error) -> bool {
    error.to_string().contains("no such table")
}

fn database_error(error: rusqlite::Error) -> DatabaseError {
    if is_schema_missing(&error) { DatabaseError::NoSchema } else { panic!("{error}") }
}

impl Database for Sqlite {
    async fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, DatabaseError> {
        self.begin(&statement).await?;
        let rows = rows(&self.connection, statement).map_err(database_error)?;
        Ok(rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect())
    }

    async fn run(&self, statement: Statement) -> Result<Changes, DatabaseError> {
        self.begin(&statement).await?;
        let before = self.connection.total_changes();
        execute(&self.connection, statement).map_err(database_error)?;
        let written = self.connection.total_changes() - before;
        // SQLite counts the rows of triggers in the total only.
        Ok(Changes {
            changed: if written == 0 { 0 } else { self.connection.changes() },
            written,
            size: self.size.get(),
        })
    }

    async fn run_all(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        // One round trip, and as many queries as statements.
        self.begin(&statements[0]).await?;
        let words = statements[1..].iter().map(|statement| statement.sql.split(' ').next().unwrap());
        self.operations.borrow_mut().extend(words.map(|word| format!("sql {word}")));
        statements.iter().for_each(|statement| self.note_length(statement));
        let transaction = self.connection.unchecked_transaction().unwrap();
        statements
            .into_iter()
            .try_for_each(|statement| execute(&self.connection, statement))
            .map_err(database_error)?;
        transaction.commit().map_err(database_error)
    }

    fn attempt(&self, statement: Statement) -> Attempt {
        let done = match self.trouble.get() {
            Some(Trouble::Hangs) => return Box::pin(pending()),
            Some(Trouble::Fails) => Err(AttemptError::Failed),
            Some(Trouble::DayLimit | Trouble::Full) => Err(AttemptError::Unavailable),
            None => execute(&self.connection, statement).map_err(|error| match database_error(error) {
                DatabaseError::NoSchema => AttemptError::Unavailable,
                _ => AttemptError::Failed,
            }),
        };
        Box::pin(async move { done })
    }
}
