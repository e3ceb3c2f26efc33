//! The export: all events in each form, in parts that make one file; ids come back byte for byte.

use serde_json::{Value, json};
use unfollow_webhook::{
    api::{Api, ApiRequest},
    database::Statement,
    response::Response,
};

use super::{ADMIN, TestEvent, ask, get, is_problem, json_of, log_of, long_log, operated, request};
use crate::{
    database::Sqlite,
    fakes::{FakeKv, paused},
    hostile_ids::{self, GUARDED},
    ports::FakePorts,
    samples::{APP, NOW_MS, TOKEN, config},
};

const HEADER: &str = "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,source,event_id\r\n";

/// The cells of a CSV file (RFC 4180).
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the text does not end with a row");
    rows
}

fn export(database: &Sqlite, format: &str) -> Response {
    let response = get(database, "/v1/export", &format!("app={APP}&format={format}"));
    assert_eq!((response.status, &response.header), (200, &None), "{response:?}");
    response
}

#[test]
fn each_id_comes_back_as_it_is() {
    let hostile = hostile_ids::all();
    let ids = hostile.iter().enumerate();
    let events: Vec<_> = ids.map(|(n, id)| TestEvent::between(id, &format!("{id}2"), NOW_MS - n as u64)).collect();
    let database = log_of(&events);

    let lines = export(&database, "jsonl");
    assert_eq!(lines.content_type, "application/x-ndjson");
    let lines: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(last, &json!({ "cursor": null, "damaged": [] }));
    assert_eq!(lines, events.iter().map(TestEvent::listed).collect::<Vec<_>>());

    let csv = export(&database, "csv");
    assert_eq!(csv.content_type, "text/csv; charset=utf-8; header=present");
    let rows = parse(csv.body.strip_prefix(HEADER).unwrap());
    let cells: Vec<_> = rows.iter().map(|row| (&*row[2], row[3].strip_suffix('2').unwrap())).collect();
    assert_eq!(cells, hostile.iter().map(|&id| (id, id)).collect::<Vec<_>>());

    // For a spreadsheet, one apostrophe less is what was there.
    let sheet = export(&database, "spreadsheet");
    assert_eq!(sheet.content_type, csv.content_type);
    let rows = parse(sheet.body.strip_prefix(&format!("\u{feff}{HEADER}")).unwrap());
    let undone: Vec<_> = rows.iter().map(|row| row[2].strip_prefix('\'').unwrap_or(&row[2])).collect();
    assert_eq!(undone, hostile);
    for (n, (row, id)) in rows.iter().zip(hostile).enumerate() {
        assert_eq!(row[2].starts_with('\''), n < GUARDED.len(), "{id:?}");
    }
}

#[test]
fn a_row_is_that_of_a_target() {
    let mut event = TestEvent::between("a", "b", NOW_MS);
    event.to.push("c".to_owned());
    let response = export(&log_of(&[event]), "csv");
    let rows = parse(response.body.strip_prefix(HEADER).unwrap());
    assert_eq!(rows.iter().map(|row| &*row[3]).collect::<Vec<_>>(), ["b", "c"]);
    let time = chrono::DateTime::from_timestamp_millis(NOW_MS as i64).unwrap();
    assert_eq!(rows[0][0], time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    assert_eq!((&*rows[0][1], &*rows[0][7]), ("unfollow", APP));
}

/// A part may be asked for again, and together they are the file; a part of another form or query is none of it.
#[test]
fn parts_make_one_file() {
    let database = long_log(2_001);
    for (format, head) in [("jsonl", ""), ("csv", HEADER), ("spreadsheet", "\u{feff}event_time,")] {
        let query = format!("app={APP}&format={format}");
        let first = get(&database, "/v1/export", &query);
        let Some(("next-cursor", cursor)) = first.header.clone() else { panic!("{format}: {:?}", first.header) };
        let second = get(&database, "/v1/export", &format!("{query}&cursor={cursor}"));
        assert_eq!((second.status, &second.header), (200, &None));
        assert_eq!(get(&database, "/v1/export", &format!("{query}&cursor={cursor}")), second);
        assert!(first.body.starts_with(head), "{format}");
        if format == "jsonl" {
            let ends =
                [&first, &second].map(|part| serde_json::from_str::<Value>(part.body.lines().last().unwrap()).unwrap());
            assert_eq!(ends, [json!({"cursor": cursor, "damaged": []}), json!({"cursor": null, "damaged": []})]);
            assert_eq!((first.body.lines().count(), second.body.lines().count()), (2_000 + 1, 1 + 1));
        } else {
            let file = [&*first.body, &*second.body].concat();
            assert_eq!(parse(&file).len(), 1 + 2_001, "{format}");
        }
        for other in ["format=csv&kind=unfollow", "format=jsonl&kind=unfollow"] {
            is_problem(&get(&database, "/v1/export", &format!("app={APP}&{other}&cursor={cursor}")), 400);
        }
    }
    // The paid plan has longer parts.
    let paid = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("PLAN", "paid")]);
    let kv = FakeKv::default();
    let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
    let wanted = ApiRequest { query: "format=jsonl", ..request("GET", "/v1/export") };
    let api = Api { config: &paid, ports: &ports, schema: &Default::default(), pace: &Default::default() };
    let whole = paused(api.answer(wanted));
    assert_eq!((whole.header, whole.body.lines().count()), (None, 2_001 + 1));
}

#[test]
fn a_damaged_event_is_not_passed_over() {
    let events = [TestEvent::at(NOW_MS), TestEvent::at(NOW_MS - 1)];
    let database = log_of(&events);
    let sql = format!("UPDATE events SET record = '{{' WHERE event_time = {NOW_MS}");
    database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
    let lines = export(&database, "jsonl").body;
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &last["damaged"]), (2, &json!([events[0].id()])));
    let rows = parse(export(&database, "csv").body.strip_prefix(HEADER).unwrap());
    assert_eq!((rows.len(), &*rows[0][9], &*rows[0][2]), (2, &*events[0].id(), ""));
    assert!(!rows[0][0].is_empty());
}

#[test]
fn without_a_log_there_is_nothing_to_export() {
    is_problem(&ask(&operated(), &FakeKv::default(), None, request("GET", "/v1/export")), 409);
    let unknown = get(&Sqlite::default(), "/v1/export", "format=xml");
    is_problem(&unknown, 400);
    assert!(json_of(&unknown)["detail"].as_str().unwrap().contains("jsonl, csv or spreadsheet"));
}
