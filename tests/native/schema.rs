//! Whether the database has what its migrations make, which `/healthz` and the API's `status` say.

use std::collections::BTreeSet;

use unfollow_webhook::{
    config::InvalidSetting,
    database::{
        Statement,
        schema::{OBJECTS, Schema},
    },
    ports::DB,
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::paused,
    samples::NOW_MS,
};

/// What the schema consists of, as a word and a name.
fn objects() -> BTreeSet<(String, String)> {
    let of = |(word, names): (&str, &'static [&str])| {
        let word = word.to_owned();
        names.iter().map(move |name| (word.clone(), (*name).to_owned()))
    };
    OBJECTS.into_iter().flat_map(of).collect()
}

fn execute(database: &Sqlite, sql: String) {
    database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
}

#[test]
fn the_schema_is_what_the_migrations_make() {
    let made: BTreeSet<_> = Sqlite::default()
        .table("sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        .iter()
        .map(|row| (row["type"].as_str().unwrap().to_owned(), row["name"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(objects(), made);
}

#[test]
fn whatever_is_missing_is_named() {
    for (word, name) in objects() {
        let database = Sqlite::default();
        execute(&database, format!("DROP {word} {name}"));
        let found = paused(Schema::default().check(&database, NOW_MS));
        let InvalidSetting { name: setting, problem } = found.expect_err(&name);
        assert_eq!(setting, DB);
        if name == "schema_version" {
            // As where no migration was applied.
            assert!(problem.contains("migrations apply"), "{problem}");
        } else {
            assert!(problem.contains(&format!("{word} {name}")), "{name}: {problem}");
        }
    }
    let database = Sqlite::default();
    for trigger in ["events_insert", "events_delete"] {
        execute(&database, format!("DROP TRIGGER {trigger}"));
    }
    // A name alone does not do.
    execute(&database, "CREATE VIEW events_insert AS SELECT 1".into());
    let problem = paused(Schema::default().check(&database, NOW_MS)).unwrap_err().problem;
    assert!(problem.contains("lacks trigger events_delete, trigger events_insert:"), "{problem}");
}

#[test]
fn a_database_that_has_more_is_one_of_a_later_version() {
    let database = Sqlite::default();
    execute(&database, "CREATE TABLE later (a INTEGER) STRICT".into());
    execute(&database, "INSERT INTO schema_version (version) VALUES (1000)".into());
    assert_eq!(paused(Schema::default().check(&database, NOW_MS)), Ok(()));
}

/// An isolate that has seen the schema does not ask again for a minute.
#[test]
fn the_schema_is_asked_for_until_it_was_seen_and_then_every_minute() {
    paused(async {
        let schema = Schema::default();
        let (without, database) = (Sqlite::without_schema(), Sqlite::default());
        let problem = "must have the tables of this version: run `npx wrangler d1 migrations apply DB --remote`";
        let missing = InvalidSetting { name: DB.to_owned(), problem: problem.into() };
        for _ in 0..2 {
            assert_eq!(schema.check(&without, NOW_MS).await, Err(missing.clone()));
        }
        database.trouble.set(Some(Trouble::Fails));
        let failing = InvalidSetting { name: DB.to_owned(), problem: "must answer: D1 fails".into() };
        assert_eq!(schema.check(&database, NOW_MS).await, Err(failing));
        database.trouble.set(None);
        database.operations.take();
        for after in [0, 1, 59_999] {
            assert_eq!(schema.check(&database, NOW_MS + after).await, Ok(()));
        }
        assert_eq!((without.operations.take().len(), database.operations.take().len()), (2, 1));

        // It is another one now.
        execute(&database, "DROP TRIGGER events_insert".into());
        assert_eq!(schema.check(&database, NOW_MS + 59_999).await, Ok(()));
        for after in [60_000, 60_001] {
            assert!(schema.check(&database, NOW_MS + after).await.is_err());
        }
        // Also if the clock was set back.
        let schema = Schema::default();
        assert_eq!(schema.check(&Sqlite::default(), NOW_MS).await, Ok(()));
        assert!(schema.check(&database, NOW_MS - 1).await.is_err());
    });
}
