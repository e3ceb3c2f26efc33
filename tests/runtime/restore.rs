//! Backup and restore, with the real wrangler on its local D1 and KV: what comes back, what later events then count, and what
//! fails before it counts anything twice.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, TOKEN,
    call::{APP, UNFOLLOW, get_api_text, get_text, now_ms, post, request_api, signed, unfollow, unsigned},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, ROOT, Worker, wait_for},
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
    let [export, import] = &documented("The events in D1")[..] else { panic!("two blocks") };
    let folder = tempfile::tempdir().unwrap();
    let (path, events) = file(folder.path(), "events.ndjson");
    let said = run_block(&home, folder.path(), export);
    assert!(said.contains(&format!("events.ndjson has {} events.", bodies.len())), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap().matches('\n').count(), bodies.len());
    // It is not overwritten.
    let (success, said) = script(&home, "export", &[&events, "--local"]);
    assert!(!success && said.contains("name another file"), "{said}");

    let (success, said) = script(&empty(), "import", &[&events, "--local"]);
    assert!(!success && said.contains("has no tables"), "{said}");

    let home = migrated();
    // Twice: it may be run again.
    for _ in 0..2 {
        let said = run_block(&home, folder.path(), import);
        assert!(said.contains(&format!("{} events of events.ndjson are in the event log.", bodies.len())), "{said}");
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
        ("[]".to_owned(), "line 2: app is no SDKAppID"),
        ("null".to_owned(), "line 2: no JSON object"),
        (String::new(), "line 2: no JSON object"),
        (second.replacen("\"app\":", "\"a b\":1,\"app\":", 1), "line 2: a b is no column"),
        (second.replacen("\"app\":1", "\"app\":2", 1), "line 2: record is of another event"),
        (second.replacen("\"record\":\"{", "\"record\":\"", 1), "line 2: record is no JSON object"),
        (second.replacen("\"body\":\"{", "\"body\":\"", 1), "line 2: body is no JSON object"),
        (second.replacen("\"query\":\"", "\"query\":null,\"x\":\"", 1), "line 2: query is no text"),
    ] {
        fs::write(&path, format!("{first}\n{bad}\n")).unwrap();
        let (success, said) = script(&target, "import", &[&events, "--local"]);
        assert!(!success && said.contains(problem) && said.contains("Nothing was imported"), "{bad}: {said}");
    }
    fs::write(&path, second.replacen("\"app\":", "\"other\":1,\"app\":", 1)).unwrap();
    let (success, said) = script(&target, "import", &[&events, "--local"]);
    assert!(!success && said.contains("no column other"), "{said}");
    fs::write(&path, format!("{first}\nx\n")).unwrap();
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

/// The commands in the section of docs/operations.md that begins with this heading, each block as it is, but for where the state is.
fn documented(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/operations.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n### {heading}\n")).expect(heading);
    let section = section.split("\n##").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.map(|block| block.replace("--remote", "--local")).collect()
}

/// Runs a documented block in a folder of the backup, as somebody would in that of the bundle.
fn run_block(home: &Home, backup: &Path, block: &str) -> String {
    let scripts = ["export", "import"].map(|name| (name.to_owned(), format!("node {ROOT}/scripts/{name}.mjs")));
    let package = json!({ "scripts": BTreeMap::from(scripts) }).to_string();
    fs::write(home.path().join("package.json"), package).unwrap();
    let tools = home.path().join("node_modules");
    if !tools.exists() {
        std::os::unix::fs::symlink(Path::new(ROOT).join("node_modules"), tools).unwrap();
    }
    let files = || fs::read_dir(backup).unwrap().map(|file| file.unwrap().file_name());
    for name in files() {
        fs::copy(backup.join(&name), home.path().join(&name)).unwrap();
    }
    let said =
        succeeds(run(home.command("bash").args(["-euo", "pipefail", "-c", block]).env("ADMIN_TOKEN", ADMIN_TOKEN)));
    for name in ["events.ndjson", "database.sql", "kv.json"] {
        if home.path().join(name).exists() {
            fs::copy(home.path().join(name), backup.join(name)).unwrap();
        }
    }
    said
}

#[test]
fn all_of_d1_comes_back_by_the_documented_commands() {
    let [export, import] = &documented("All of D1")[..] else { panic!("two blocks") };
    let users = ["O'Neill;", "\u{e9}", "plain", "'\"\\\n😀"];
    let bodies: Vec<_> = users.iter().map(|user| unfollow(user, &["bob", "carol"], now_ms())).collect();
    let (home, before, read) = filled(&bodies);
    let worker = home.start();
    let calls = worker.sql("SELECT * FROM call_counts");
    let home = worker.stop();
    assert_ne!(calls, json!([]), "calls were counted");
    let backup = tempfile::tempdir().unwrap();
    run_block(&home, backup.path(), export);
    let target = empty();
    run_block(&target, backup.path(), import);
    // There is nothing to migrate.
    let said = succeeds(wrangler(&target, &["d1", "migrations", "apply", "DB", "--local"]));
    assert!(said.contains("No migrations to apply"), "{said}");
    let worker = target.start();
    assert_eq!((records(&worker), worker.sql("SELECT * FROM call_counts")), (read, calls));
    is_whole(&worker, &before, &bodies);
}

#[test]
#[ignore = "slow: make test-slow"]
fn kv_comes_back_by_the_documented_commands_and_d1_from_it() {
    let [export, import, reindex] = &documented("KV")[..] else { panic!("three blocks") };
    // Each delivery becomes a dead letter at once.
    let origin = Origin::start(|_| origin::answer(508, "{}"));
    let url = origin.url();
    let settings = [&forwarding_settings(&url, "kv,d1,origin")[..], &[("RETENTION_DAYS", "60")]].concat();
    let home = Home::new(&settings, |_| {});
    let worker = home.start();
    let bodies: Vec<_> = hostile().into_iter().map(|(_, body)| body).collect();
    let more = (0..100).map(|n| unfollow(&format!("u{n}"), &["bob"], now_ms() - 1000 - n));
    let bodies: Vec<_> = bodies.into_iter().chain(more).collect();
    for body in &bodies {
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body).is_ok());
    }
    let state = |worker: &Worker| {
        let keys = worker.keys();
        let names: Vec<_> =
            keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect();
        (keys, worker.values(&names))
    };
    let before = wait_for("all dead letters", || {
        let (keys, values) = state(&worker);
        (keys.as_array().unwrap().len() == 2 * bodies.len()).then_some((keys, values))
    });
    let has = |key: &Value| key["metadata"].is_object() && key["expiration"].is_u64();
    assert!(before.0.as_array().unwrap().iter().all(has), "{}", before.0);
    let log = tables(&worker);
    let home = worker.stop();
    let backup = tempfile::tempdir().unwrap();
    run_block(&home, backup.path(), export);

    let target = Home::new(&settings, |_| {});
    run_block(&target, backup.path(), import);
    let worker = target.start();
    assert_eq!(state(&worker), before);
    // In the place of the documented host.
    let reindex = reindex.replace("https://webhook.example.com", &worker.url);
    assert!(reindex.contains(&worker.url));
    succeeds(run(Command::new("bash").args(["-euo", "pipefail", "-c", &reindex]).env("ADMIN_TOKEN", ADMIN_TOKEN)));
    assert_eq!(tables(&worker), log);
    // A token that is wrong ends it with an error.
    let (success, said) = run(Command::new("bash").args(["-c", &reindex]).env("ADMIN_TOKEN", "wrong-wrong-wrong"));
    assert!(!success && said.contains("401"), "{said}");
}

/// A dump of the database, with these arguments.
fn dump(home: &Home, arguments: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    succeeds(wrangler(home, &[&["d1", "export", "DB", "--local", "--output", path], arguments].concat()));
    file
}

fn restore(home: &Home, dump: &tempfile::NamedTempFile) -> (bool, String) {
    wrangler(home, &["d1", "execute", "DB", "--local", "--yes", "--file", dump.path().to_str().unwrap()])
}

#[test]
#[ignore = "slow: make test-slow"]
fn other_ways_to_restore_a_dump_work_or_fail_before_they_count_twice() {
    let bodies: Vec<_> = (0..5).map(|n| unfollow(&format!("u{n}"), &["bob", "carol"], now_ms() - n)).collect();
    let (home, before, _) = filled(&bodies);
    let nothing = vec![json!([]); TABLES.len()];
    let one = |name| ["--table", name];
    let all: Vec<&str> = TABLES.iter().flat_map(|name| one(name)).collect();
    // Into a database that has its tables: what fails changes nothing.
    for (arguments, works) in [
        (&[][..], false),
        (&["--no-schema"], false),
        (&[&all[..], &["--no-schema"]].concat(), false),
        (&[&one("events")[..], &one("hourly_totals"), &["--no-schema"]].concat(), false),
        (&[&one("events")[..], &one("event_users"), &["--no-schema"]].concat(), false),
        // The triggers count.
        (&[&one("events")[..], &["--no-schema"]].concat(), true),
    ] {
        let dump = dump(&home, arguments);
        let target = migrated();
        let (success, said) = restore(&target, &dump);
        assert_eq!(success, works, "{arguments:?}: {said}");
        let worker = target.start();
        if works {
            is_whole(&worker, &before, &bodies);
            // And once more.
            let target = worker.stop();
            let (success, _) = restore(&target, &dump);
            assert!(!success);
        } else {
            assert_eq!((health(&worker).0, tables(&worker)), (200, nothing.clone()), "{arguments:?}");
        }
    }
    // Into an empty one, without the triggers and indexes.
    let dump = dump(&home, &[&all[..], &one("schema_version")].concat());
    let target = empty();
    succeeds(restore(&target, &dump));
    let worker = target.start();
    let (status, said) = health(&worker);
    assert_eq!(status, 503);
    for lacking in
        ["trigger events_insert", "trigger event_users_delete", "table deliveries", "index call_counts_latest"]
    {
        assert!(said.contains(lacking), "{lacking}: {said}");
    }
}

/// What wrangler makes of bodies that `npm run export` keeps: docs/operations.md says so.
#[test]
#[ignore = "slow: make test-slow"]
fn what_a_dump_loses_is_mended_by_an_import() {
    let by_name = hostile();
    let body = |name: &str| by_name.iter().find(|(it, _)| it == name).unwrap().1.clone();
    for (name, is_restored) in [("both", true), ("transaction", true), ("transactions", false), ("over-100-kb", false)]
    {
        let bodies = [body(name)];
        let (home, before, read) = filled(&bodies);
        let target = empty();
        let (success, said) = restore(&target, &dump(&home, &[]));
        assert_eq!(success, is_restored, "{name}: {said}");
        if !is_restored {
            let rows = wrangler(
                &target,
                &[
                    "d1",
                    "execute",
                    "DB",
                    "--local",
                    "--json",
                    "--command",
                    "SELECT name FROM sqlite_master WHERE name = 'events'",
                ],
            );
            assert!(!succeeds(rows).contains("events"), "a part of the dump is there");
            continue;
        }
        let worker = target.start();
        assert_ne!(tables(&worker)[0], before[0], "{name}: wrangler keeps it");
        let target = worker.stop();
        let folder = tempfile::tempdir().unwrap();
        let (_, events) = file(folder.path(), "events.ndjson");
        succeeds(script(&home, "export", &[&events, "--local"]));
        succeeds(script(&target, "import", &[&events, "--local"]));
        let worker = target.start();
        assert_eq!(records(&worker), read);
        is_whole(&worker, &before, &bodies);
    }
}
