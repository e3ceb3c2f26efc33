//! Backup and restore, with the real wrangler on its local D1 and KV: what comes back, what later events then count, and what
//! fails before it counts anything twice.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    ADMIN_TOKEN,
    call::{APP, FOLLOW, UNFOLLOW, get_api_text, get_text, now_ms, post, request_api, unfollow, unsigned},
    worker::{Home, ROOT, Worker},
};

const SETTINGS: [(&str, &str); 4] =
    [("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("SINKS", "d1")];

/// What the events fill.
const TABLES: [&str; 4] = ["events", "event_users", "hourly_counts", "hourly_totals"];

/// Bodies of which SQL texts, line by line, could make something else, with a user each.
fn hostile() -> Vec<(String, String)> {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let members = [
        ("plain", r#""x":1"#.to_owned()),
        ("line-ends", "\"x\" :\t[ 1 ,\r\n 2 ]  ,\n\n\"y\": 3".to_owned()),
        ("both", "\"x\":\"a\\nb\",\n\"y\":\"\\\\n\"".to_owned()),
        ("transaction", r#""x":"BEGIN TRANSACTION; INSERT INTO events; COMMIT;""#.to_owned()),
        ("transactions", r#""x":"BEGIN TRANSACTION; BEGIN TRANSACTION; -- /* BEGIN","y":"END;""#.to_owned()),
        ("quotes", format!(r#""x":"{}""#, "'; DROP TABLE events; -- ".repeat(2_000))),
        ("over-100-kb", format!(r#""x":"{}""#, "''".repeat(31_000))),
        ("four-bytes", format!(r#""x":"{}""#, "\u{1f600}".repeat(16_000))),
        ("nul", r#""\ud800":"\udfff","x":"\ud83d\u0000","y":"\u2028""#.to_owned()),
        ("separators", "\"x\":\"\u{2028}\u{2029}\u{85}\u{feff}\"".to_owned()),
        ("comments", r#""x":"/* -- */ ` [ ] \" X'00' ?1 $x :y""#.to_owned()),
        ("numbers", r#""x":1E400,"x":-0,"y":[1.50, 1e5 ]"#.to_owned()),
        ("deep", format!(r#""x":{deep}"#)),
    ];
    let now = now_ms();
    let users = ["a\u{0}b", "\u{e9}", "e\u{301}", " alice ", "'\"\\\n\u{2028}😀", "%_*", "O'Neill;"];
    let of_members = members.into_iter().zip(0..).map(|((user, member), n)| {
        let user = user.to_owned();
        let body = unfollow(&user, &["bob", "carol", "bob"], now - n).replacen('{', &format!("{{{member},"), 1);
        (user, body)
    });
    let of_users = users.into_iter().zip(100..).map(|(user, n)| (user.to_owned(), unfollow(user, &["bob"], now - n)));
    // Its record alone is longer than a statement.
    let many: Vec<_> = (0..500).map(|n| format!("{}-{n}", "'".repeat(110))).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let long = [("many".to_owned(), unfollow("many", &many, now - 200))];
    of_members.chain(of_users).chain(long).collect()
}

fn send(worker: &Worker, body: &str) {
    let answer = post(&worker.url, &unsigned(APP, UNFOLLOW), body);
    assert!(answer.is_ok(), "{answer:?}: {}", body.get(..100).unwrap_or(body));
}

/// All rows of the tables that events fill.
fn tables(worker: &Worker) -> Vec<Value> {
    TABLES.map(|table| worker.sql(&format!("SELECT * FROM {table}"))).into()
}

/// The record of each event, as the API gives it.
fn records(worker: &Worker) -> Vec<String> {
    let page = request_api("GET", &format!("{}/v1/events?limit=1000", worker.url), Some(ADMIN_TOKEN)).body;
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    let ids: Vec<_> = page["events"].as_array().unwrap().iter().map(id).collect();
    ids.iter().map(|id| get_api_text(&format!("{}/v1/events/{APP}/{id}", worker.url), ADMIN_TOKEN)).collect()
}

fn health(worker: &Worker) -> (u16, String) {
    let health = get_text(&format!("{}/healthz", worker.url));
    (health.status, health.text)
}

/// Runs it: whether it succeeds, and all that it says.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// wrangler on the local state of a home.
fn wrangler(home: &Home, arguments: &[&str]) -> (bool, String) {
    run(home.command("wrangler").args(arguments))
}

#[track_caller]
fn succeeds((success, said): (bool, String)) -> String {
    assert!(success, "{said}");
    said
}

/// One of our scripts on the local state of a home.
fn script(home: &Home, name: &str, arguments: &[&str]) -> (bool, String) {
    run(home.command("node").arg(format!("{ROOT}/scripts/{name}.mjs")).args(arguments))
}

/// A home whose database has no tables yet.
fn empty() -> Home {
    Home::without_schema(&SETTINGS, |_| {})
}

/// A home to whose database wrangler has applied the migrations.
fn migrated() -> Home {
    let home = empty();
    succeeds(wrangler(&home, &["d1", "migrations", "apply", "DB", "--local"]));
    home
}

/// A home with these events in its log, and all that the log has of them.
fn filled(bodies: &[String]) -> (Home, Vec<Value>, Vec<String>) {
    let home = migrated();
    let worker = home.start();
    bodies.iter().for_each(|body| send(&worker, body));
    let (tables, records) = (tables(&worker), records(&worker));
    assert_eq!(records.len(), bodies.len());
    (worker.stop(), tables, records)
}

/// That the log is what it was, and that later and repeated events count as they should.
#[track_caller]
fn is_whole(worker: &Worker, before: &[Value], bodies: &[String]) {
    assert_eq!(health(worker).0, 200);
    assert_eq!(tables(worker), before);
    bodies.iter().for_each(|body| send(worker, body));
    assert_eq!(tables(worker), before, "a repeated event has counted");
    let unfollows = |worker: &Worker| {
        let rows = worker.sql("SELECT sum(unfollows) AS n FROM hourly_totals");
        rows[0]["n"].as_u64().unwrap_or_default()
    };
    let counted = unfollows(worker);
    send(worker, &unfollow("later", &["bob", "dave"], now_ms()));
    assert_eq!(unfollows(worker), counted + 2);
}

fn file(folder: &Path, name: &str) -> (PathBuf, String) {
    let path = folder.join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn our_own_export_and_import_keep_each_byte_and_each_count() {
    let bodies: Vec<_> = hostile().into_iter().map(|(_, body)| body).collect();
    let (home, before, read) = filled(&bodies);
    let folder = tempfile::tempdir().unwrap();
    let (path, events) = file(folder.path(), "events.ndjson");
    let said = succeeds(script(&home, "export", &[&events, "--local"]));
    assert!(said.contains(&format!("{events} has {} events.", bodies.len())), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap().matches('\n').count(), bodies.len());
    // It is not overwritten.
    let (success, said) = script(&home, "export", &[&events, "--local"]);
    assert!(!success && said.contains("name another file"), "{said}");

    let (success, said) = script(&empty(), "import", &[&events, "--local"]);
    assert!(!success && said.contains("has no tables"), "{said}");

    let home = migrated();
    // Twice: it may be run again.
    for _ in 0..2 {
        let said = succeeds(script(&home, "import", &[&events, "--local"]));
        assert!(said.contains(&format!("{} events of {events} are in the event log.", bodies.len())), "{said}");
    }
    let worker = home.start();
    assert_eq!(records(&worker), read);
    is_whole(&worker, &before, &bodies);
    // A row that was damaged is mended, and its counts stay.
    worker.sql(r"UPDATE events SET body = replace(body, '\n', char(10)), query = 'x'");
    let home = worker.stop();
    succeeds(script(&home, "import", &[&events, "--local"]));
    let worker = home.start();
    assert_eq!(records(&worker).into_iter().filter(|record| !read.contains(record)).count(), 1);
}

#[test]
fn a_file_that_is_not_of_events_is_refused_before_anything_is_written() {
    let (home, ..) = filled(&[unfollow("alice", &["bob"], now_ms()), unfollow("carol", &["bob"], now_ms())]);
    let folder = tempfile::tempdir().unwrap();
    let (path, events) = file(folder.path(), "events.ndjson");
    succeeds(script(&home, "export", &[&events, "--local"]));
    let good = fs::read_to_string(&path).unwrap();
    let [first, second] = good.lines().collect::<Vec<_>>()[..] else { panic!("{good}") };
    let target = migrated();
    for (bad, problem) in [
        (second[..second.len() - 9].to_owned(), "line 2: no JSON object"),
        ("[]".to_owned(), "line 2:"),
        (String::new(), ""),
        (second.replacen("\"app\":", "\"other\":1,\"app\":", 1), "line 2: the database has no column other"),
        (second.replacen("\"app\":1", "\"app\":2", 1), "line 2: record is of another event"),
        (second.replacen("\"record\":\"{", "\"record\":\"", 1), "line 2: record is no JSON object"),
        (second.replacen("\"body\":\"{", "\"body\":\"", 1), "line 2: body is no JSON object"),
        (second.replacen("\"query\":\"", "\"query\":null,\"x\":\"", 1), "line 2:"),
    ] {
        fs::write(&path, format!("{first}\n{bad}\n")).unwrap();
        let (success, said) = script(&target, "import", &[&events, "--local"]);
        if problem.is_empty() {
            assert!(!success && said.contains("line 2"), "{said}");
        }
        assert!(!success && said.contains(problem) && said.contains("Nothing was imported"), "{bad}: {said}");
    }
    let said = succeeds(script(&target, "import", &[&events, "--local", "--skip-invalid"]));
    assert!(said.contains("1 events of"), "{said}");
    for wrong in [&["--local"][..], &[&events, "x"], &[&events, "--env", "staging"], &[&events, "--local", "--remote"]]
    {
        for name in ["export", "import"] {
            let (success, said) = script(&target, name, wrong);
            assert!(!success && said.contains("nothing was done") && said.trim().lines().count() == 1, "{said}");
        }
    }
    succeeds(wrangler(&target, &["d1", "execute", "DB", "--local", "--command", "DROP TRIGGER event_users_insert"]));
    fs::write(&path, good).unwrap();
    let (success, said) = script(&target, "import", &[&events, "--local"]);
    assert!(!success && said.contains("lacks the trigger event_users_insert"), "{said}");
    let worker = target.start();
    assert_eq!(records(&worker).len(), 1);
}
