//! Cloudflare D1, as what the event log is in.

use serde::de::DeserializeOwned;
use worker::{
    D1Database, D1PreparedStatement, Env, Error,
    js_sys::{JSON, Reflect},
    wasm_bindgen::{JsCast as _, JsValue},
    wasm_bindgen_futures::JsFuture,
};

use super::error_text;
use crate::{
    database::{Changes, Database, DatabaseError, Parameter, Statement},
    storage::{Attempt, AttemptError},
};

/// Part of the errors by which a limit of the free plan's day is known: "Your account has exceeded D1's free tier daily row read
/// limit. …", and the same with "write". [D1: changelog of 2026-09-01, "D1 enforces free tier daily query limits"]
const DAY_LIMIT: [&str; 1] = ["exceeded D1's free tier daily"];

/// Parts of the errors of a database, or an account, that has no room left. [D1: "Debug D1", "Limits"; SQLite's result codes]
const FULL: [&str; 4] =
    ["Exceeded maximum DB size", "Exceeded maximum account storage", "maximum account storage limit", "SQLITE_FULL"];

/// Parts of all errors after which a second attempt is pointless: D1 is overloaded, a limit is reached, or the database is full.
/// [D1: "Debug D1", "Limits"]
const NOT_RETRYABLE: [&str; 4] =
    ["D1 DB is overloaded", "Your account has exceeded D1's", "Exceeded maximum", "SQLITE_FULL"];

/// Parts of the errors that mean a missing table, or a column of it.
const NO_SCHEMA: [&str; 3] = ["no such table", "no such column", "has no column named"];

/// A D1 database.
pub struct D1(D1Database);

impl D1 {
    /// The database that is bound to `name`, if there is one. Not `Env::d1`, which looks at the binding's constructor, and so
    /// refuses a service that stands in for a database, as in our tests.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        let database = Reflect::get(env, &name.into()).ok().filter(JsValue::is_object)?;
        Some(Self(database.unchecked_into()))
    }

    fn prepare(&self, statement: Statement) -> Result<D1PreparedStatement, JsValue> {
        // Not `D1Type::Integer`, which has 32 bits.
        #[allow(clippy::cast_precision_loss)]
        let bind = |parameter| match parameter {
            Parameter::Integer(number) => JsValue::from_f64(number as f64),
            Parameter::Text(text) => JsValue::from_str(&text),
            Parameter::Null => JsValue::NULL,
        };
        let parameters: Vec<_> = statement.parameters.into_iter().map(bind).collect();
        let prepared = self.0.prepare(statement.sql);
        if parameters.is_empty() { Ok(prepared) } else { prepared.bind(&parameters).map_err(JsValue::from) }
    }

    /// Runs a statement. Not `D1PreparedStatement::all`, which loses what an error says.
    async fn all(&self, statement: Statement) -> Result<JsValue, JsValue> {
        JsFuture::from(self.prepare(statement)?.inner().all()?).await
    }
}

fn database_error(error: &JsValue) -> DatabaseError {
    match error_text(error) {
        text if has_any(&text, &NO_SCHEMA) => DatabaseError::NoSchema,
        text if has_any(&text, &DAY_LIMIT) => DatabaseError::DayLimit,
        text if has_any(&text, &FULL) => DatabaseError::Full,
        _ => DatabaseError::Failed,
    }
}

fn has_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

impl Database for D1 {
    async fn rows<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>, DatabaseError> {
        let result = self.all(statement).await.map_err(|error| database_error(&error))?;
        let rows = Reflect::get(&result, &"results".into()).and_then(|rows| JSON::stringify(&rows));
        let rows = rows.map(String::from).map_err(|_| DatabaseError::Failed)?;
        serde_json::from_str(&rows).map_err(|_| DatabaseError::Failed)
    }

    async fn run(&self, statement: Statement) -> Result<Changes, DatabaseError> {
        let result = self.all(statement).await.map_err(|error| database_error(&error))?;
        let meta = Reflect::get(&result, &"meta".into()).and_then(|meta| JSON::stringify(&meta)).map(String::from);
        Ok(meta.ok().and_then(|meta| serde_json::from_str(&meta).ok()).unwrap_or_default())
    }

    async fn run_all(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        let prepared = statements.into_iter().map(|statement| self.prepare(statement));
        let prepared: Vec<_> = prepared.collect::<Result<_, _>>().map_err(|error| database_error(&error))?;
        self.0.batch(prepared).await.map(|_| ()).map_err(|error| match error {
            Error::D1(error) => database_error(error.as_ref()),
            _ => DatabaseError::Failed,
        })
    }

    fn attempt(&self, statement: Statement) -> Attempt {
        let begun = self.prepare(statement).and_then(|prepared| prepared.inner().run());
        Box::pin(async move {
            let done = async { JsFuture::from(begun?).await };
            done.await.map(|_| ()).map_err(|error: JsValue| {
                let text = error_text(&error);
                if has_any(&text, &NOT_RETRYABLE) || has_any(&text, &NO_SCHEMA) {
                    AttemptError::Unavailable
                } else {
                    AttemptError::Failed
                }
            })
        })
    }
}
