//! The version of the tables that this Worker needs, and whether the database has them.

use std::cell::Cell;

use serde::Deserialize;

use super::{Database, DatabaseError, Statement};
use crate::{
    config::{Config, InvalidSetting},
    ports::DB,
};

/// The newest migration, which this Worker needs.
pub const SCHEMA_VERSION: u64 = 4;

/// The version of the schema.
#[must_use]
pub fn schema_version() -> Statement {
    Statement::new("SELECT max(version) AS version FROM schema_version", [])
}

/// Whether the database was seen to have the schema. Migrations only add to it, so one look is enough.
#[derive(Debug, Default)]
pub struct Schema {
    is_known: Cell<bool>,
}

impl Schema {
    /// The invalid settings: those of `config`, and a database without the schema.
    pub async fn invalid_settings(&self, config: &Config, database: Option<&impl Database>) -> Vec<InvalidSetting> {
        let mut invalid = config.invalid_settings.clone();
        if let Some(database) = database {
            invalid.extend(self.check(database).await.err());
        }
        invalid
    }

    /// Whether the schema is the one that this Worker needs.
    ///
    /// # Errors
    /// The setting to fix.
    pub async fn check(&self, database: &impl Database) -> Result<(), InvalidSetting> {
        #[derive(Deserialize)]
        struct Row {
            version: Option<u64>,
        }
        if self.is_known.get() {
            return Ok(());
        }
        let problem = match database.rows::<Row>(schema_version()).await.as_deref() {
            Ok([Row { version: Some(version) }]) if *version >= SCHEMA_VERSION => {
                self.is_known.set(true);
                return Ok(());
            }
            Err(DatabaseError::Failed) => "must answer: D1 fails",
            _ => "must have the tables of this version: run `npx wrangler d1 migrations apply DB --remote`",
        };
        Err(InvalidSetting { name: DB.to_owned(), problem: problem.into() })
    }
}
