//! The rules for the files in `migrations/`. wrangler (`--local`) and D1 (`--remote`) each have their own way to split them
//! into statements; files that follow these rules are split alike. They also record the version of the schema, and take
//! nothing away that the Worker before them uses.

use std::{fs, path::Path};

use unfollow_webhook::database::schema::SCHEMA_VERSION;

/// The rules that the migration of this number breaks.
fn broken_rules(number: usize, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if text.contains('\r') || !text.ends_with('\n') {
        broken.push("lines end with LF".to_owned());
    }

    // The triggers and indexes that are dropped and not made again: the Worker before looks for them.
    let mut dropped: Vec<String> = Vec::new();
    let mut in_trigger = false;
    let mut in_body = false;
    // Whether the line before ended a statement.
    let mut complete = true;
    for (index, line) in text.lines().enumerate() {
        let mut check = |rule: &str, holds: bool| {
            if !holds {
                broken.push(format!("line {}: {rule}", index + 1));
            }
        };
        if line.trim_start().starts_with("--") {
            // Remote D1 has been seen to end statements and texts inside comments. [workers-sdk #4713, #4767, #3892]
            check("a comment has no quote and no semicolon", !line.contains(['\'', '"', '`', ';', '[', ']']));
            // What opens a comment within a comment, or closes one.
            check("a comment has lines of its own", !line.contains("/*") && !line.contains("*/"));
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        check("a comment has lines of its own", !line.contains("--") && !line.contains("/*"));
        let ends = line.ends_with(';');
        check("a statement ends at the end of a line", line.matches(';').count() == usize::from(ends));

        let words: Vec<_> = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .map(str::to_uppercase)
            .filter(|w| !w.is_empty())
            .collect();
        let has = |word: &str| words.iter().any(|found| found == word);
        if has("TRIGGER") {
            check("a trigger begins after the end of a statement", complete && matches!(&*words[0], "CREATE" | "DROP"));
            in_trigger = words[0] != "DROP";
        }
        if has("BEGIN") {
            check("BEGIN is only in triggers, at the end of a line", in_trigger && !in_body && line.ends_with("BEGIN"));
            in_body = true;
        }
        check("a trigger has no CASE", !in_trigger || !has("CASE"));
        if has("END") && in_trigger {
            check("END; is on a line of its own", in_body && line == "END;");
            (in_trigger, in_body) = (false, false);
        }
        check("a trigger has BEGIN before its first statement", !in_trigger || in_body || !ends);
        if let [verb, what, name, ..] = &*words
            && matches!(&**what, "TRIGGER" | "INDEX")
        {
            match &**verb {
                "DROP" => dropped.push(format!("{what} {name}")),
                _ => dropped.retain(|it| *it != format!("{what} {name}")),
            }
        }
        let removes = (has("DROP") && (has("TABLE") || has("COLUMN"))) || has("RENAME");
        check("migrations only add", !removes);
        complete = ends && !in_trigger;
    }
    if !complete {
        broken.push("the last statement is complete".to_owned());
    }

    broken.extend(dropped.iter().map(|it| format!("what is dropped is made again: {it}")));

    let version = format!("INSERT INTO schema_version (version) VALUES ({number});");
    if text.lines().last() != Some(&version) || text.matches("INTO schema_version").count() != 1 {
        broken.push(format!("the last line, and no other, inserts the version {number}"));
    }
    broken
}

#[test]
fn migrations_keep_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for (number, name) in (1..).zip(&names) {
        assert!(name.starts_with(&format!("{number:04}_")) && name.ends_with(".sql"), "{name} is not number {number}");
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(broken_rules(number, &text), [""; 0], "{name}");
    }
    assert_eq!(names.len() as u64, SCHEMA_VERSION);
}

/// A migration that keeps the rules.
const GOOD: &str = "\
-- A table, and a trigger.
CREATE TABLE a (
  b INTEGER
) STRICT;

CREATE TRIGGER c AFTER INSERT ON a
BEGIN
  UPDATE a
    SET b = 1;
  DELETE FROM a;
END;

CREATE TRIGGER d AFTER INSERT ON a WHEN NEW.b = 1 BEGIN
  DELETE FROM a;
END;

UPDATE a SET b = CASE b WHEN 1 THEN 2 END;
INSERT INTO schema_version (version) VALUES (1);
";

#[test]
fn each_rule_is_checked() {
    assert_eq!(broken_rules(1, GOOD), [""; 0]);
    for (good, bad, rule) in [
        ("\n", "\r\n", "lines end with LF"),
        (" VALUES (1);\n", " VALUES (1);", "lines end with LF"),
        (") STRICT;", ") STRICT; -- a", "a comment has lines of its own"),
        ("-- A table", "-- A /* table", "a comment has lines of its own"),
        ("table, and", "table; and", "no quote and no semicolon"),
        ("table, and", "table's", "no quote and no semicolon"),
        ("table, and", "\"table\"", "no quote and no semicolon"),
        ("table, and", "`table`", "no quote and no semicolon"),
        ("DELETE FROM a;", "DELETE FROM a; DELETE FROM a;", "a statement ends"),
        ("DELETE FROM a;", "DELETE FROM a; ", "a statement ends"),
        ("END;\n\nCREATE", "END; CREATE", "END; is on a line of its own"),
        (") STRICT;", ") STRICT", "a trigger begins"),
        ("ON a\nBEGIN\n", "ON a BEGIN DELETE FROM a;\n", "BEGIN is only"),
        ("UPDATE a SET b", "BEGIN\nUPDATE a SET b", "BEGIN is only"),
        ("    SET b = 1;", "    SET b = CASE b WHEN 1 THEN 2 END;", "a trigger has no CASE"),
        ("END;\n\nUPDATE", "END\n;\nUPDATE", "END; is on a line of its own"),
        ("END;\n\nUPDATE", "  END;\nUPDATE", "END; is on a line of its own"),
        ("ON a\nBEGIN\n", "ON a\n", "a trigger has BEGIN"),
        ("UPDATE a SET", "DROP TABLE z;\nUPDATE a SET", "migrations only add"),
        ("UPDATE a SET", "ALTER TABLE z RENAME COLUMN a TO b;\nUPDATE a SET", "migrations only add"),
        ("UPDATE a SET", "DROP TRIGGER c;\nUPDATE a SET", "what is dropped is made again"),
        ("CREATE TRIGGER d", "DROP TRIGGER d;\n\nDROP INDEX d;\n\nCREATE TRIGGER d", "made again: INDEX D"),
        ("VALUES (1);", "VALUES (1)", "the last statement is complete"),
        ("VALUES (1);", "VALUES (2);", "inserts the version 1"),
        (
            "INSERT INTO schema",
            "INSERT INTO schema_version (version) VALUES (2);\nINSERT INTO schema",
            "inserts the version",
        ),
        ("INSERT INTO schema_version (version) VALUES (1);\n", "", "inserts the version"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        let broken = broken_rules(1, &GOOD.replace(good, bad));
        assert!(broken.iter().any(|broken| broken.contains(rule)), "{bad}: {broken:?}");
    }
}
