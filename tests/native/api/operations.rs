//! The table of operations: who may call them, by which methods, and with which paths and parameters. `docs/api.md` has the same
//! rows.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::json;
use strum::VariantArray as _;
use unfollow_webhook::{
    api::{Access, Api, ApiRequest, Operation, PREFIX},
    config::Config,
    database::schema::Schema,
    response::Response,
};

use super::{ADMIN, ask, get, is_problem, json_of, log_of, operated, request};
use crate::{
    database::Sqlite,
    document::Document,
    fakes::{FakeKv, FakeQueue, paused},
    ports::FakePorts,
    samples::{APP, NOW_MS, TOKEN, config},
};

const VIEWER: &str = "a-token-of-a-viewer";

/// An id that no event has.
const NOBODYS: &str = "0000000000000-00000000000000000000000000000000";

/// The latest time that an event can have.
const LATEST: u64 = 9_999_999_999_999;

/// The path of an operation, with an app and an id in its placeholders.
fn path_of(operation: Operation) -> String {
    format!("{PREFIX}{}", operation.row().path).replace("{app}", APP).replace("{id}", NOBODYS)
}

/// A query that the operation takes.
fn query_of(operation: Operation) -> &'static str {
    match operation {
        Operation::ReadUser | Operation::EraseUser | Operation::ListFollowers | Operation::CompareUser => "user=a",
        Operation::RecordMissed => "user=a&actor=b&kind=follow&event_time=1",
        _ => "",
    }
}

#[test]
fn the_documentation_has_the_rows_of_the_table() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let listed: BTreeSet<_> = rows.map(|(call, rest)| (call.to_owned(), rest.rsplit(" | ").next().unwrap())).collect();
    let row = |operation: &Operation| {
        let row = operation.row();
        (format!("{} {PREFIX}{}", row.method, row.path), row.cost)
    };
    assert_eq!(listed, Operation::VARIANTS.iter().map(row).collect());
}

#[test]
fn each_method_and_path_is_there_once_and_only_get_only_reads() {
    let rows: BTreeSet<_> = Operation::VARIANTS.iter().map(|it| (it.row().method, it.row().path)).collect();
    assert_eq!(rows.len(), Operation::VARIANTS.len());
    for operation in Operation::VARIANTS {
        let row = operation.row();
        assert_eq!(row.access == Access::Reads, row.method == "GET", "{operation:?}");
        let response = ask(&operated(), &FakeKv::default(), None, request(row.method, &path_of(*operation)));
        assert_ne!(response.status, 405, "{operation:?}");
    }
}

#[test]
fn another_method_is_405_with_all_that_are_allowed() {
    let paths: BTreeSet<_> = Operation::VARIANTS.iter().map(|&it| path_of(it)).collect();
    for path in paths {
        let of_path = Operation::VARIANTS.iter().filter(|&&it| path_of(it) == path).map(|it| it.row().method);
        let allowed: Vec<_> = of_path.flat_map(|it| if it == "GET" { vec![it, "HEAD"] } else { vec![it] }).collect();
        let allowed = allowed.join(", ");
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""] {
            let kv = FakeKv::default();
            let response = ask(&operated(), &kv, None, request(method, &path));
            if allowed.split(", ").any(|it| it == method) {
                assert_ne!(response.status, 405, "{method} {path}");
                continue;
            }
            is_problem(&response, 405);
            assert_eq!(response.header, Some(("allow", allowed.clone().into())), "{method} {path}");
            assert!(kv.operations.borrow().is_empty(), "{method} {path}");
        }
    }
}

/// `replay` could be an id, and no id is `replay`.
#[test]
fn a_literal_segment_wins_over_a_placeholder() {
    let kv = FakeKv::default();
    for method in ["DELETE", "GET", "HEAD"] {
        let response = ask(&operated(), &kv, None, request(method, &format!("/v1/dead-letters/{APP}/replay")));
        is_problem(&response, 405);
        assert_eq!(response.header, Some(("allow", "POST".into())), "{method}");
    }
    assert!(kv.operations.borrow().is_empty());
}

#[test]
fn head_is_answered_as_get() {
    let database = log_of(&[]);
    let (got, head) =
        ["GET", "HEAD"].map(|method| at(&operated(), &database, NOW_MS, request(method, "/v1/events"))).into();
    assert_eq!((got.status, got), (200, head));
}

/// The response at this time (Unix ms), where KV has nothing.
fn at(config: &Config, database: &Sqlite, now_ms: u64, request: ApiRequest<'_>) -> Response {
    let (kv, queue) = (FakeKv::default(), FakeQueue::taking(0));
    paused(async {
        let ports = FakePorts { queue: Some(&queue), ..FakePorts::at(now_ms, &kv) }.with_database(Some(database));
        Api { config, ports: &ports, schema: &Schema::default(), pace: &Default::default() }.answer(request).await
    })
}

#[test]
fn a_viewer_reads_and_changes_nothing() {
    let both = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("VIEWER_TOKEN", VIEWER), ("ADMIN_TOKEN", ADMIN)];
    let bearer = format!("Bearer {VIEWER}");
    for config in [config(&both), config(&both[..3])] {
        for &operation in Operation::VARIANTS {
            let (kv, queue) = (FakeKv::default(), FakeQueue::taking(0));
            let (path, query) = (path_of(operation), query_of(operation));
            let request = ApiRequest { query, authorization: Some(&bearer), ..request(operation.row().method, &path) };
            let response = ask(&config, &kv, Some(&queue), request);
            if operation.row().access == Access::Reads {
                assert!(![401, 403].contains(&response.status), "{operation:?}: {response:?}");
                continue;
            }
            is_problem(&response, 403);
            assert_eq!(json_of(&response)["detail"], "This token may not do this.");
            assert!(kv.operations.borrow().is_empty() && queue.operations.borrow().is_empty(), "{operation:?}");
        }
        let request = ApiRequest { authorization: Some(&bearer), ..request("PATCH", "/v1/events") };
        is_problem(&ask(&config, &FakeKv::default(), None, request), 405);
    }
    // Without an ADMIN_TOKEN nobody changes anything.
    let unknown = ask(&config(&both[..3]), &FakeKv::default(), None, request("GET", "/v1/apps"));
    is_problem(&unknown, 401);
}

#[test]
fn the_status_names_the_role_and_the_plan() {
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("VIEWER_TOKEN", VIEWER), ("ADMIN_TOKEN", ADMIN)];
    let plans = [("free", config(&variables)), ("paid", config(&[&variables[..], &[("PLAN", "paid")]].concat()))];
    for (plan, config) in plans {
        for (token, role) in [(VIEWER, "viewer"), (ADMIN, "admin")] {
            let bearer = format!("Bearer {token}");
            let wanted = ApiRequest { authorization: Some(&bearer), ..request("GET", "/v1/status") };
            let status = json_of(&ask(&config, &FakeKv::default(), None, wanted));
            assert_eq!((&status["role"], &status["plan"]), (&json!(role), &json!(plan)));
            assert_eq!(status["unknown_settings"], json!([]));
        }
    }
}

#[test]
fn the_status_names_settings_that_are_unknown() {
    use crate::ports::FakeEnvironment;
    let (kv, config) = (FakeKv::default(), operated());
    let environment = FakeEnvironment::of([("RETENTION_DAY", "9"), ("SDK_APP_IDS", APP), ("HOME", "/")], &[]);
    let response = paused(async {
        let ports = FakePorts { environment, ..FakePorts::at(NOW_MS, &kv) };
        Api { config: &config, ports: &ports, schema: &Schema::default(), pace: &Default::default() }
            .answer(request("GET", "/v1/status"))
            .await
    });
    assert_eq!(json_of(&response)["unknown_settings"], json!(["RETENTION_DAY"]));
}

#[test]
fn each_operation_rejects_unknown_parameters() {
    for &operation in Operation::VARIANTS {
        let kv = FakeKv::default();
        let (path, known) = (path_of(operation), query_of(operation));
        for query in ["unnamed", "unnamed=", "Cursor=0"].map(|it| format!("{known}&{it}")) {
            let request = ApiRequest { query: &query, ..request(operation.row().method, &path) };
            is_problem(&ask(&operated(), &kv, Some(&FakeQueue::taking(0)), request), 400);
        }
        assert!(kv.operations.borrow().is_empty(), "{operation:?}");
    }
}

/// What cannot be an id is not found, and nothing is deleted.
#[test]
fn a_dead_letter_is_found_by_an_id_of_ours_only() {
    let sixty_four = "a".repeat(64);
    let longest = sixty_four.repeat(4);
    let longer = format!("{longest}a");
    for (app, id, is_one) in [
        (APP, NOBODYS, true),
        (APP, &*format!("{NOBODYS}-store_kv"), true),
        (APP, &format!("{NOBODYS}-store_d1"), true),
        (APP, &format!("{NOBODYS}-deliver"), false),
        (APP, &format!("{NOBODYS}-"), false),
        (APP, &format!("{NOBODYS}a"), false),
        (APP, &NOBODYS[1..], false),
        (APP, &sixty_four, false),
        (APP, "", false),
        (APP, "x", false),
        (APP, "0000000000000-0000000000000000000000000000000G", false),
        (APP, "0000000000000-000000000000000000000000000000\u{e9}0", false),
        ("0", NOBODYS, true),
        ("0", "5f1c", true),
        ("0", "A_z-9", true),
        ("0", &longest, true),
        ("0", &longer, false),
        ("0", "", false),
        ("0", "a.b", false),
        ("0", "a%20b", false),
        ("0", "\u{e9}", false),
    ] {
        let kv = FakeKv::default();
        let path = format!("/v1/dead-letters/{app}/{id}");
        let response = ask(&operated(), &kv, None, request("DELETE", &path));
        assert_eq!(response.status, if is_one { 204 } else { 404 }, "{path}");
        let deleted = if is_one { vec![format!("delete dead/{app}/{id}")] } else { Vec::new() };
        assert_eq!(*kv.operations.borrow(), deleted, "{path}");
    }
}

#[test]
fn no_time_is_later_than_the_latest() {
    let database = log_of(&[]);
    for path in ["/v1/stats", "/v1/top", "/v1/calls"] {
        for query in ["", "&since=9999999999999", "&since=9999900000000"].map(|it| format!("until={LATEST}{it}")) {
            let answer = json_of(&get(&database, path, &query));
            assert_eq!(answer["until"], LATEST, "{path}?{query}: {answer}");
            assert!(answer["since"].as_u64().unwrap() <= LATEST, "{answer}");
        }
    }
    let answer = json_of(&get(&database, "/v1/stats", &format!("until={LATEST}&bucket=day")));
    assert_eq!(answer["until"], LATEST);
}

#[test]
fn a_range_without_an_end_is_as_long_as_it_may_be() {
    const HOUR: u64 = 3_600_000;
    let database = log_of(&[]);
    let range = |query: &str| {
        let answer = json_of(&get(&database, "/v1/stats", query));
        ["since", "until"].map(|name| answer[name].as_u64().unwrap())
    };
    let end_of_now = NOW_MS / HOUR * HOUR + HOUR;
    assert_eq!(range(&format!("since={}", end_of_now - 48 * HOUR)), [end_of_now - 48 * HOUR, end_of_now]);
    assert_eq!(range("since=0"), [0, (31 * 24 + 1) * HOUR]);
    assert_eq!(range("since=0&bucket=day"), [0, 367 * 24 * HOUR]);
}

/// A reader of the description may try each example as it is. A role is that of a user.
#[test]
fn each_example_of_a_parameter_is_taken_alone() {
    let document = Document::read();
    let mut tried = 0;
    // Some weeks after the examples, and some years.
    for now_ms in [NOW_MS, NOW_MS + 100_000_000_000] {
        for &operation in Operation::VARIANTS {
            let row = operation.row();
            let described = document.operations().into_iter();
            let mut described = described.filter(|it| it.method == row.method && it.path[PREFIX.len()..] == *row.path);
            for parameter in described.next().unwrap().parameters.iter().filter(|it| it["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                let with = match name {
                    "role" => "user=a&",
                    "user" | "actor" | "kind" | "event_time" if operation == Operation::RecordMissed => {
                        let all = ["user=a", "actor=b", "kind=follow", "event_time=1"];
                        &all.into_iter().filter(|it| !it.starts_with(name)).collect::<Vec<_>>().join("&")
                    }
                    "user" => "",
                    _ => query_of(operation),
                };
                let several = parameter["examples"].as_object().into_iter().flatten().map(|(_, it)| &it["value"]);
                for example in several.chain(parameter.get("example")) {
                    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                    let query = format!("{with}&{name}={text}");
                    let path = path_of(operation);
                    let wanted = ApiRequest { query: &query, ..request(row.method, &path) };
                    let response = at(&operated(), &log_of(&[]), now_ms, wanted);
                    // Without a key, Tencent is not asked.
                    let asks_tencent = matches!(operation, Operation::Compare | Operation::CompareUser);
                    let status = if asks_tencent { 409 } else { 200 };
                    assert_eq!(response.status, status, "{} {path}?{query}: {response:?}", row.method);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 50, "{tried}");
}

/// Bodies of all responses of the table are as they are described; `tests/runtime/openapi.rs` has the others.
#[test]
fn what_an_empty_log_answers_is_as_described() {
    let document = Document::read();
    for described in document.operations().into_iter().filter(|it| it.method == "GET" && !it.path.contains('{')) {
        if described.path == "/healthz" {
            continue;
        }
        let response = at(&operated(), &log_of(&[]), NOW_MS, request("GET", described.path));
        let form = response.content_type;
        let schema = &described.operation["responses"]["200"]["content"][form]["schema"];
        let body = if form == "application/json" { json_of(&response) } else { json!(response.body) };
        document.check(schema, &body, described.path);
    }
}
