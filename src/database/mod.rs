//! D1: SQL statements with their parameters, and what their rows mean. The tables are in `migrations/`.

pub mod alert_messages;
pub mod alerts;
pub mod call_counts;
pub mod deliveries;
pub mod erasures;
pub mod event_log;
pub mod log_state;
pub mod metrics;
pub mod rankings;
pub mod relations;
pub mod retention;
pub mod schema;
pub mod users;

use std::{borrow::Cow, future::Future};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{storage::Attempt, webhook::SdkAppId};

/// Ms of an hour, the unit of the counts.
pub const HOUR_MS: u64 = 60 * 60 * 1000;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A whole number far below 2^53.
    Integer(u64),
    Text(String),
    /// Nothing.
    Null,
}

impl From<u64> for Parameter {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}

impl From<SdkAppId> for Parameter {
    fn from(app: SdkAppId) -> Self {
        Self::Integer(app.get())
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A statement with its parameters, `?1` first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL. No value from outside is ever a part of it.
    pub sql: Cow<'static, str>,
    pub parameters: Vec<Parameter>,
}

impl Statement {
    fn new<const N: usize>(sql: impl Into<Cow<'static, str>>, parameters: [Parameter; N]) -> Self {
        Self { sql: sql.into(), parameters: parameters.into() }
    }
}

/// Reads JSON that a column has as a text.
fn json_column<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str(&text).map_err(serde::de::Error::custom)
}

/// Why a statement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseError {
    /// A table is missing: the migrations were not applied.
    NoSchema,
    /// A limit of the free plan's day is reached: queries fail until midnight UTC.
    DayLimit,
    /// The database, or the account, has no room left.
    Full,
    /// Anything else.
    Failed,
}

/// What a statement has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Changes {
    /// How many rows of its own table, without those of triggers.
    #[serde(rename = "changes", default)]
    pub changed: u64,
    /// How many rows were written in all, those of triggers and indexes included: what D1 limits and charges.
    #[serde(rename = "rows_written", default)]
    pub written: u64,
    /// The size of the database after the statement, in bytes; `None` if it is not said.
    #[serde(rename = "size_after", default)]
    pub size: Option<u64>,
}

/// A statement that reads no row: for what the database says of itself.
#[must_use]
pub fn ask_size() -> Statement {
    Statement::new("SELECT 1", [])
}

/// A database that runs SQL statements: D1.
pub trait Database {
    fn rows<T: DeserializeOwned>(&self, statement: Statement) -> impl Future<Output = Result<Vec<T>, DatabaseError>>;

    /// Runs a statement for what it changes.
    fn run(&self, statement: Statement) -> impl Future<Output = Result<Changes, DatabaseError>>;

    /// Runs statements as one transaction.
    fn run_all(&self, statements: Vec<Statement>) -> impl Future<Output = Result<(), DatabaseError>>;

    /// Begins to run a statement.
    fn attempt(&self, statement: Statement) -> Attempt;
}
