//! Exported files in real programs, which get each id back with the options that docs/export.md names. `scripts/test-slow.sh`
//! installs them.

use std::{fs, path::Path, process::Command};

use crate::{
    ADMIN_TOKEN,
    call::{APP, UNFOLLOW, now_ms, post, request_api, unfollow, unsigned},
    hostile_ids,
    worker::{ROOT, Worker},
};

/// An app whose hostile ids stand behind more events than DuckDB looks at, which is 20,480.
const LONG_APP: &str = "1400000001";
const PLAIN_EVENTS: u64 = 20_500;

/// All parts of an export, as one file. Those of JSON Lines are without the lines that say where they end.
fn export(worker: &Worker, query: &str) -> String {
    let (mut file, mut cursor) = (String::new(), String::new());
    loop {
        let url = format!("{}/v1/export?{query}&cursor={cursor}", worker.url);
        let part = request_api("GET", &url, Some(ADMIN_TOKEN));
        assert_eq!(part.status, 200, "{url}: {}", part.text);
        for line in part.text.split_inclusive('\n') {
            let end = r#"{"cursor":"#;
            file.extend((!line.starts_with(end)).then_some(line));
        }
        part.header("next-cursor").clone_into(&mut cursor);
        if cursor.is_empty() {
            return file;
        }
    }
}

/// Writes the files that a query exports, in each form, and the ids that are in them.
fn save(worker: &Worker, folder: &Path, query: &str, ids: &[&str]) {
    fs::create_dir(folder).unwrap();
    for (format, name) in [("csv", "events.csv"), ("jsonl", "events.jsonl"), ("spreadsheet", "spreadsheet.csv")] {
        let file = export(worker, &format!("{query}&format={format}"));
        assert_eq!(file.starts_with('\u{feff}'), format == "spreadsheet");
        fs::write(folder.join(name), file).unwrap();
    }
    fs::write(folder.join("ids.json"), serde_json::to_string(ids).unwrap()).unwrap();
}

#[test]
#[ignore = "slow: make test-slow"]
fn programs_get_each_id_back() {
    let ids = hostile_ids::all();
    let apps = format!("{APP},{LONG_APP}");
    let settings =
        [("SDK_APP_IDS", &*apps), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("PLAN", "paid")];
    let worker = Worker::with(&settings);
    let now = now_ms();
    for app in [APP, LONG_APP] {
        for (n, id) in ids.iter().enumerate() {
            let body = unfollow(id, &[id], now - PLAIN_EVENTS - n as u64);
            assert!(post(&worker.url, &unsigned(app, UNFOLLOW), body).is_ok(), "{id:?}");
        }
    }
    // A column whose first values are numbers, in a file that is longer than a part.
    let plain: Vec<_> = (0..PLAIN_EVENTS).map(|n| (1_000_000 + n).to_string()).collect();
    worker.sql(&format!(
        "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {PLAIN_EVENTS} - 1) \
         INSERT INTO events (app, kind, event_time, hash, record, query, body) \
         SELECT app, kind, {now} - n, printf('%032x', n), json_set(record, '$.event_time', {now} - n, \
         '$.id', printf('%013d-%032x', 9999999999999 - ({now} - n), n), '$.from_account', CAST(1000000 + n AS TEXT), \
         '$.to_accounts', json_array(CAST(1000000 + n AS TEXT))), query, body \
         FROM n, (SELECT * FROM events WHERE app = {LONG_APP} LIMIT 1)"
    ));

    let folder = tempfile::tempdir().unwrap();
    save(&worker, &folder.path().join("all"), &format!("app={APP}"), &ids);
    let long: Vec<_> = plain.iter().map(String::as_str).chain(ids.iter().copied()).collect();
    save(&worker, &folder.path().join("long"), &format!("app={LONG_APP}"), &long);
    // A column of one id alone is where a type is guessed most easily.
    for (n, id) in ids.iter().enumerate() {
        let user: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        save(&worker, &folder.path().join(format!("alone-{n}")), &format!("app={APP}&user={user}"), &[id]);
    }

    let python = Path::new(ROOT).join("target/programs/bin/python");
    assert!(python.exists(), "the programs are installed by make test-slow");
    let output = Command::new(python)
        .args(["-W", "error"])
        .arg(format!("{ROOT}/tests/programs/read.py"))
        .arg(folder.path())
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
