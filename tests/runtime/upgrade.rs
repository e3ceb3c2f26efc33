//! A new version over an old one, and back, on the real runtime: `tests/upgrade/` has what the earlier one was.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use toml::Table;

use crate::{
    ADMIN_TOKEN,
    call::{APP, UNFOLLOW, get_text, now_ms, post, request_api, unfollow, unsigned},
    worker::{Home, ROOT, Worker, wait_for},
};

/// The earlier version, as a commit.
const BEFORE: &str = "9a485be";

const SETTINGS: [(&str, &str); 4] =
    [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("RETENTION_DAYS", "30")];

fn send(worker: &Worker, from: &str, time: u64) {
    let answer = post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow(from, &["bob", "carol"], time));
    assert!(answer.is_ok(), "{from}: {answer:?}");
}

fn get(worker: &Worker, path: &str) -> Value {
    let answer = request_api("GET", &format!("{}/v1/{path}", worker.url), Some(ADMIN_TOKEN));
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body
}

/// Who acted in the listed events, and how many unfollows are counted.
fn known(worker: &Worker) -> (Vec<String>, u64) {
    let events = get(worker, "events")["events"].as_array().unwrap().clone();
    let actors = events.iter().map(|event| event["from_account"].as_str().unwrap().to_owned()).collect();
    let buckets = get(worker, "stats?bucket=day")["buckets"].as_array().unwrap().clone();
    (actors, buckets.iter().map(|bucket| bucket["unfollows"].as_u64().unwrap()).sum())
}

/// The wrangler.toml of the earlier version, made for this folder.
fn with_its_configuration(settings: &[(&str, &str)], main: &str) -> Home {
    let path = format!("{ROOT}/tests/upgrade/{BEFORE}/wrangler.toml");
    let before: Table = fs::read_to_string(path).unwrap().parse().unwrap();
    Home::new(settings, |config| {
        let [vars, assets, databases] = ["vars", "assets", "d1_databases"].map(|name| config[name].clone());
        *config = before;
        config.remove("build");
        config.insert("main".into(), main.into());
        config.insert("vars".into(), vars);
        // Only where these folders are is changed.
        config["assets"]["directory"] = assets["directory"].clone();
        config["d1_databases"][0]["migrations_dir"] = databases[0]["migrations_dir"].clone();
    })
}

#[test]
fn this_version_works_with_the_configuration_of_an_earlier_one() {
    let worker = with_its_configuration(&SETTINGS, &format!("{ROOT}/build/index.js")).start();
    let health = get_text(&format!("{}/healthz", worker.url));
    assert_eq!(health.status, 200, "{}", health.text);
    send(&worker, "alice", now_ms());
    assert_eq!(known(&worker), (vec!["alice".to_owned()], 2));
    assert_eq!(worker.scheduled()["outcome"], "ok");
    assert_eq!(get(&worker, "status")["missing_lines"], json!([]));
}

#[test]
fn the_status_names_the_lines_that_features_need() {
    let worker = Home::new(&SETTINGS, |config| {
        config.remove("d1_databases");
        config.remove("queues");
    })
    .start();
    let missing = get(&worker, "status")["missing_lines"].clone();
    let lines: Vec<_> = missing.as_array().unwrap().iter().map(|it| it["lines"].as_str().unwrap()).collect();
    assert_eq!(lines, [r#"[[d1_databases]] with binding = "DB""#, "[[queues.producers]] and [[queues.consumers]]"]);
    assert!(missing[0]["feature"].as_str().unwrap().contains("lists and counts"), "{missing}");
}

/// The main module of the earlier version, built once as it was built then; `None` where the history does not have it.
fn built() -> Option<PathBuf> {
    let folder = PathBuf::from(format!("{ROOT}/target/upgrade/{BEFORE}"));
    let main = folder.join("build/index.js");
    let has = Command::new("git").args(["cat-file", "-e", BEFORE]).current_dir(ROOT).status().unwrap();
    if !has.success() {
        return None;
    }
    if !main.exists() {
        fs::create_dir_all(&folder).unwrap();
        // Outside of this workspace, which it has no part in.
        let source = tempfile::tempdir().unwrap();
        let script = format!(
            "git -C '{ROOT}' archive {BEFORE} | tar -x && bash scripts/build.sh && cp -r build '{}'",
            folder.display()
        );
        let mut build = Command::new("bash");
        build.args(["-euo", "pipefail", "-c", &script]).current_dir(&source).env_remove("CARGO_TARGET_DIR");
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Some(main)
}

/// As `wrangler rollback` does it: the code of before on the schema, and the data, of now.
#[test]
#[ignore = "slow: make test-slow"]
fn an_earlier_version_works_on_this_schema_and_this_one_after_it() {
    let Some(before) = built() else {
        println!("not tested: this clone has no history with {BEFORE}");
        return;
    };
    let now = now_ms();
    let home = with_its_configuration(&SETTINGS, before.to_str().unwrap());
    let worker = home.start();
    assert_eq!(get_text(&format!("{}/healthz", worker.url)).status, 200);
    send(&worker, "first", now);
    assert_eq!(known(&worker), (vec!["first".to_owned()], 2));
    let calls = || get(&worker, "calls")["hours"].as_array().unwrap().len();
    wait_for("the calls to be counted", || (calls() > 0).then_some(()));
    let home = worker.stop();

    // An upgrade: what the earlier one has stored is there, and a repeat.
    let worker = home.with_main(&format!("{ROOT}/build/index.js")).start();
    send(&worker, "first", now);
    send(&worker, "second", now - 1);
    assert_eq!(known(&worker), (vec!["first".to_owned(), "second".to_owned()], 4));
    let home = worker.stop();

    // A rollback.
    let worker = home.with_main(before.to_str().unwrap()).start();
    for (from, time) in [("first", now), ("second", now - 1), ("third", now - 2)] {
        send(&worker, from, time);
    }
    let names = ["first", "second", "third"].map(str::to_owned);
    assert_eq!(known(&worker), (names.to_vec(), 6));
    let id = get(&worker, "events")["events"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&worker, &format!("events/{APP}/{id}"))["from_account"], "second");
    assert_eq!(get(&worker, &format!("users/{APP}?user=bob"))["followers"]["lost"], 3);
    let answer = request_api("DELETE", &format!("{}/v1/users/{APP}?user=second", worker.url), Some(ADMIN_TOKEN));
    assert_eq!((answer.status, &answer.body["deleted"]), (200, &json!(1)), "{answer:?}");
    assert_eq!(known(&worker).1, 4);
    assert_eq!(worker.scheduled()["outcome"], "ok");
}

/// How many events there were at migration 1.
const EVENTS: u64 = 100_000;

/// By wrangler, as `npm run migrate` does it.
#[test]
#[ignore = "slow: make test-slow"]
fn a_long_log_at_migration_1_migrates() {
    let home = Home::without_schema(&SETTINGS, |_| {});
    let wrangler = |arguments: &[&str]| {
        let output = home.command("wrangler").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    };
    // As they were then: one migration, and events of 1 to 5 targets, some of whom are named twice.
    let sql = home.path().join("events.sql");
    let first = fs::read_to_string(format!("{ROOT}/migrations/0001_event_log.sql")).unwrap();
    let fill = format!(
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, \
         applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);\n\
         INSERT INTO d1_migrations (name) VALUES ('0001_event_log.sql');\n\
         WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {EVENTS} - 1) \
         INSERT INTO events (app, kind, event_time, hash, record, query, body) \
         SELECT {APP}, iif(n % 3, 'unfollow', 'follow'), 1700000000000 + n * 10000, printf('%032x', n), \
         json_object('from_account', 'actor-' || (n % 1000), 'to_accounts', json((SELECT json_group_array('target-' || (value % 3)) \
         FROM json_each(substr('[1,2,3,4,5', 1, 2 + 2 * (n % 5)) || ']')))), 'q', '{{}}' FROM n;\n"
    );
    fs::write(&sql, format!("{first}{fill}")).unwrap();
    wrangler(&["d1", "execute", "DB", "--local", "--yes", "--file", sql.to_str().unwrap()]);
    let begun = std::time::Instant::now();
    wrangler(&["d1", "migrations", "apply", "DB", "--local"]);
    println!("{EVENTS} events migrate in {:?}", begun.elapsed());
    let worker = home.start();
    assert_eq!(get_text(&format!("{}/healthz", worker.url)).status, 200);
    let wrong = "SELECT count(*) AS n FROM event_users AS u JOIN events AS e USING (app, kind, event_time, hash) \
                 WHERE u.targets <> iif(u.role = 'actor', (SELECT count(DISTINCT value) FROM json_each(e.record, '$.to_accounts')), 1)";
    assert_eq!(worker.sql(wrong)[0]["n"], 0);
    let actors = "SELECT count(*) AS n, max(targets) AS most FROM event_users WHERE role = 'actor'";
    assert_eq!(worker.sql(actors)[0], json!({ "n": EVENTS, "most": 3 }));
    send(&worker, "after", now_ms());
    assert_eq!(get(&worker, "events?limit=1")["events"][0]["from_account"], "after");
}
