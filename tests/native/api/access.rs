//! Who may use the API, and its paths and methods.

use serde_json::{Value, json};
use unfollow_webhook::{api::ApiRequest, database::Statement, log::Level};

use super::{
    ADMIN, TestEvent, a_queue, add, ask, get, is_problem, json_of, kv_of_dead_letters, logged, numbered_dead_letter,
    operated, other_app, request,
};
use crate::{
    database::Sqlite,
    samples::{APP, NOW_MS, TOKEN, app, config},
};

#[test]
fn without_an_admin_token_there_is_no_api() {
    let closed = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]);
    let kv = kv_of_dead_letters(1);
    for authorization in [None, Some("Bearer "), Some("Bearer a-token-of-the-operator")] {
        let response = ask(&closed, &kv, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        is_problem(&response, 404);
        assert!(kv.operations.borrow().is_empty());
    }
    // An invalid one counts as none, and is named.
    let invalid = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", "too-short")]);
    let wanted = ApiRequest { authorization: Some("Bearer too-short"), ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&invalid, &kv, None, wanted), 404);
    assert_eq!(invalid.invalid_names(), ["ADMIN_TOKEN"]);
}

#[test]
fn over_plain_http_there_is_no_api() {
    let kv = kv_of_dead_letters(1);
    let wanted = ApiRequest { is_confidential: false, ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&operated(), &kv, None, wanted), 403);
    assert!(kv.operations.borrow().is_empty());
}

#[test]
fn a_wrong_token_or_none_is_401_with_www_authenticate_and_touches_nothing() {
    let (config, kv, queue) = (operated(), kv_of_dead_letters(1), a_queue());
    for authorization in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer a-token-of-the-operatoR"),
        Some("Bearer a-token-of-the-operator2"),
        Some("Bearer a-token-of-the-operato"),
        Some("Basic a-token-of-the-operator"),
        Some("a-token-of-the-operator"),
    ] {
        for (method, path) in
            [("GET", "/v1/dead-letters"), ("POST", "/v1/dead-letters/1400000000/replay"), ("PUT", "/v1/anything")]
        {
            let response = ask(&config, &kv, Some(&queue), ApiRequest { authorization, ..request(method, path) });
            is_problem(&response, 401);
            let (name, value) = response.header.unwrap();
            assert!(name == "www-authenticate" && value.starts_with("Bearer"), "{authorization:?}");
        }
    }
    assert!(kv.operations.borrow().is_empty() && queue.operations.borrow().is_empty());
    for right in ["Bearer a-token-of-the-operator", "bearer a-token-of-the-operator", "BEARER  a-token-of-the-operator"]
    {
        let wanted = ApiRequest { authorization: Some(right), ..request("GET", "/v1/dead-letters") };
        assert_eq!(ask(&config, &kv, None, wanted).status, 200, "{right}");
    }
}

#[test]
fn the_app_is_required_only_where_there_are_several() {
    let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&two, &kv_of_dead_letters(0), None, request("GET", "/v1/dead-letters")), 400);
    let wanted = ApiRequest { query: "app=2", ..request("GET", "/v1/dead-letters") };
    assert_eq!(ask(&two, &kv_of_dead_letters(0), None, wanted).status, 200);
}

#[test]
fn what_is_not_ours_is_not_found() {
    let (kv, queue) = (kv_of_dead_letters(1), a_queue());
    for (method, path, query) in [
        ("GET", "/v1/dead-letters", "app=1400000001"),
        ("GET", "/v1/dead-letters", "app=x"),
        ("POST", "/v1/dead-letters/1400000001/replay", ""),
        ("POST", "/v1/dead-letters/1400000001/x/replay", ""),
        ("POST", "/v1/dead-letters/01400000000/x/replay", ""),
        ("POST", "/v1/events/1400000001/x/replay", ""),
        ("POST", "/v1/events/0/x/replay", ""),
        ("POST", "/v1/dead-letters/1400000000/x/y/replay", ""),
        ("GET", "/v1/", ""),
        ("GET", "/v1/dead-letters/", ""),
    ] {
        let response = ask(&operated(), &kv, Some(&queue), ApiRequest { query, ..request(method, path) });
        is_problem(&response, 404);
    }
    assert!(queue.entries().is_empty());
}

#[test]
fn no_answer_holds_the_token() {
    let kv = kv_of_dead_letters(1);
    for authorization in [None, Some("Bearer a-token-of-the-operator"), Some("Bearer a-token-of-somebody-else")] {
        let response = ask(&operated(), &kv, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        assert!(!response.body.contains("a-token-of"));
    }
}

/// First the connection, then the token, then the settings, then the request.
#[test]
fn checks_have_an_order() {
    let right = Some("Bearer a-token-of-the-operator");
    let closed = config(&[("SDK_APP_IDS", ""), ("CALLBACK_TOKEN", TOKEN)]);
    let invalid = config(&[("SDK_APP_IDS", ""), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let whole = operated();
    let kv = kv_of_dead_letters(1);
    for (config, is_confidential, authorization, status) in [
        (&closed, false, None, 403),
        (&invalid, false, right, 403),
        (&whole, false, right, 403),
        (&closed, true, right, 404),
        (&invalid, true, None, 401),
        (&whole, true, None, 401),
        (&invalid, true, right, 503),
    ] {
        for (method, path, query) in [
            ("GET", "/v1/apps", ""),
            ("GET", "/v1/nothing", ""),
            ("PUT", "/v1/events", ""),
            ("GET", "/v1/events", "limit=0"),
            ("DELETE", "/v1/events/1400000001/x", ""),
        ] {
            let wanted = ApiRequest { query, is_confidential, authorization, ..request(method, path) };
            is_problem(&ask(config, &kv, None, wanted), status);
        }
    }
    assert!(kv.operations.borrow().is_empty());
}

#[test]
fn the_apps_are_listed_without_reading_kv() {
    let two = config(&[("SDK_APP_IDS", "1400000001,1400000000"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let kv = kv_of_dead_letters(1);
    let response = ask(&two, &kv, None, request("GET", "/v1/apps"));
    let apps = json!({ "apps": [1_400_000_001, 1_400_000_000], "removed": null });
    assert_eq!((response.status, json_of(&response)), (200, apps));
    assert!(kv.operations.borrow().is_empty());
}

/// Apps that were removed from SDK_APP_IDS are named as long as D1 has anything of them.
#[test]
fn apps_that_were_removed_are_named() {
    let removed = |database: &Sqlite| {
        let response = get(database, "/v1/apps", "");
        assert_eq!(response.status, 200);
        json_of(&response)["removed"].clone()
    };
    let database = Sqlite::default();
    assert_eq!(removed(&database), json!([]));
    add(&database, app(), &[TestEvent::at(NOW_MS)]);
    assert_eq!(removed(&database), json!([]));
    for (sql, apps) in [
        (
            "INSERT INTO deliveries (app, state, event_time, hash, attempts, updated_at) VALUES (9, 'dead', 1, '', 1, 1)",
            json!([9]),
        ),
        ("INSERT INTO kv_only (app, user, event_time, hash, until) VALUES (11, 'a', 1, '', 1)", json!([9, 11])),
        ("INSERT INTO kv_only (app, user, event_time, hash, until) VALUES (11, 'b', 1, '', 1)", json!([9, 11])),
    ] {
        database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
        assert_eq!(removed(&database), apps);
    }
    add(&database, other_app(), &[TestEvent::at(NOW_MS), TestEvent::at(NOW_MS - 1)]);
    assert_eq!(removed(&database), json!([9, 11, 1_400_000_001]));
}

#[test]
fn no_other_path_is_there() {
    let kv = kv_of_dead_letters(1);
    for path in
        ["events/", "events/1400000000", "events/1400000000/x/", "events/1400000000/x/y", "stats/x", "Events", ""]
    {
        is_problem(&ask(&operated(), &kv, None, request("GET", &format!("/v1/{path}"))), 404);
    }
    assert!(kv.operations.borrow().is_empty());
}

/// Whoever has no valid token, and whatever changes something. Never who it is about.
#[test]
fn what_is_refused_and_what_changes_something_is_logged_without_user_ids() {
    let config = operated();
    let user = "user=secret-user";
    let (entry, id, _) = numbered_dead_letter(0);
    let event = format!("/v1/events/{APP}/{id}");
    let letter = entry.key.replace("dead/", "/v1/dead-letters/");
    let replay = format!("/v1/dead-letters/{APP}/replay");
    let users = format!("/v1/users/{APP}");
    let right = Some("Bearer a-token-of-the-operator");
    for (method, path, query, authorization, expected) in [
        ("GET", "/v1/apps", "", None, Some((Level::Warn, "rejected", Some("list_apps"), false, 401))),
        ("PUT", "/v1/nothing", user, Some("Bearer x"), Some((Level::Warn, "rejected", None, false, 401))),
        ("GET", "/v1/apps", "", right, None),
        ("GET", "/v1/nothing", "", right, None),
        ("GET", &*users, user, right, None),
        ("DELETE", &users, user, right, Some((Level::Info, "performed", Some("erase_user"), true, 200))),
        ("DELETE", &users, "", right, Some((Level::Warn, "rejected", Some("erase_user"), true, 400))),
        ("DELETE", &event, "", right, Some((Level::Info, "performed", Some("erase_event"), true, 204))),
        ("POST", &replay, "", right, Some((Level::Info, "performed", Some("replay_dead_letters"), true, 200))),
        ("DELETE", &letter, "", right, Some((Level::Info, "performed", Some("discard_dead_letter"), true, 204))),
    ] {
        let (kv, queue, database) = (kv_of_dead_letters(1), a_queue(), Sqlite::default());
        let request = ApiRequest { query, authorization, ..request(method, path) };
        let (response, _, records) = logged(&config, &kv, Some(&queue), Some(&database), request);
        let expected = expected.map(|(level, outcome, operation, has_app, status)| {
            assert_eq!(response.status, status, "{method} {path}: {response:?}");
            let mut record = json!({ "outcome": outcome, "status": status });
            if let Some(operation) = operation {
                record["operation"] = json!(operation);
            }
            if has_app {
                record["app"] = json!(1_400_000_000);
            }
            (level, record)
        });
        let records: Vec<_> =
            records.iter().map(|(level, text)| (*level, serde_json::from_str::<Value>(text).unwrap())).collect();
        assert_eq!(records, expected.into_iter().collect::<Vec<_>>(), "{method} {path}");
    }
}
