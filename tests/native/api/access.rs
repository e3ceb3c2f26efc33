//! Who may use the API, and its paths and methods.

use serde_json::json;
use unfollow_webhook::api::{ApiRequest, Operation};

use super::{
    ADMIN, FakeQueue, ask, is_problem, json_of, numbered_dead_letter, operated, reader_of_dead_letters, request,
};
use crate::samples::{APP, TOKEN, config};

#[test]
fn without_an_admin_token_there_is_no_api() {
    let closed = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]);
    let reader = reader_of_dead_letters(1);
    for authorization in [None, Some("Bearer "), Some("Bearer a-token-of-the-operator")] {
        let response = ask(&closed, &reader, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        is_problem(&response, 404);
        assert!(reader.operations.borrow().is_empty());
    }
    // An invalid one counts as none, and is named.
    let invalid = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", "too-short")]);
    let wanted = ApiRequest { authorization: Some("Bearer too-short"), ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&invalid, &reader, None, wanted), 404);
    assert_eq!(invalid.invalid_names(), ["ADMIN_TOKEN"]);
}

#[test]
fn over_plain_http_there_is_no_api() {
    let reader = reader_of_dead_letters(1);
    let wanted = ApiRequest { is_confidential: false, ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&operated(), &reader, None, wanted), 403);
    assert!(reader.operations.borrow().is_empty());
}

#[test]
fn a_wrong_token_or_none_is_401_with_www_authenticate_and_touches_nothing() {
    let (config, reader, queue) = (operated(), reader_of_dead_letters(1), FakeQueue::default());
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
            let response = ask(&config, &reader, Some(&queue), ApiRequest { authorization, ..request(method, path) });
            is_problem(&response, 401);
            let (name, value) = response.header.unwrap();
            assert!(name == "www-authenticate" && value.starts_with("Bearer"), "{authorization:?}");
        }
    }
    assert!(reader.operations.borrow().is_empty() && queue.operations.borrow().is_empty());
    for right in ["Bearer a-token-of-the-operator", "bearer a-token-of-the-operator", "BEARER  a-token-of-the-operator"]
    {
        let wanted = ApiRequest { authorization: Some(right), ..request("GET", "/v1/dead-letters") };
        assert_eq!(ask(&config, &reader, None, wanted).status, 200, "{right}");
    }
}

#[test]
fn the_app_is_required_only_where_there_are_several() {
    let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&two, &reader_of_dead_letters(0), None, request("GET", "/v1/dead-letters")), 400);
    let wanted = ApiRequest { query: "app=2", ..request("GET", "/v1/dead-letters") };
    assert_eq!(ask(&two, &reader_of_dead_letters(0), None, wanted).status, 200);
}

#[test]
fn what_is_not_ours_is_not_found() {
    let (reader, queue) = (reader_of_dead_letters(1), FakeQueue::default());
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
        let response = ask(&operated(), &reader, Some(&queue), ApiRequest { query, ..request(method, path) });
        is_problem(&response, 404);
    }
    assert!(queue.sent.borrow().is_empty());
}

#[test]
fn a_wrong_method_is_405_with_the_right_one() {
    let (_, id, _) = numbered_dead_letter(0);
    let (reader, queue) = (reader_of_dead_letters(1), FakeQueue::default());
    let replay = format!("/v1/dead-letters/{APP}/{id}/replay");
    let replay_all = format!("/v1/dead-letters/{APP}/replay");
    let replay_event = format!("/v1/events/{APP}/{id}/replay");
    let user = format!("/v1/users/{APP}");
    let dead_letter = format!("/v1/dead-letters/{APP}/{id}");
    for (path, right) in [
        ("/v1/dead-letters", "GET"),
        ("/v1/deliveries", "GET"),
        ("/v1/calls", "GET"),
        ("/v1/top", "GET"),
        (&*user, "GET, DELETE"),
        (&*dead_letter, "DELETE"),
        (&*replay, "POST"),
        // The second is for a dead letter of the id "replay", which there is not.
        (&*replay_all, "POST, DELETE"),
        (&*replay_event, "POST"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if !right.contains(method) {
                let response = ask(&operated(), &reader, Some(&queue), request(method, path));
                is_problem(&response, 405);
                assert!(response.header.is_some_and(|(name, value)| name == "allow" && value == right), "{path}");
            }
        }
    }
    assert!(reader.operations.borrow().is_empty() && queue.sent.borrow().is_empty());
}

#[test]
fn no_answer_holds_the_token() {
    let reader = reader_of_dead_letters(1);
    for authorization in [None, Some("Bearer a-token-of-the-operator"), Some("Bearer a-token-of-somebody-else")] {
        let response =
            ask(&operated(), &reader, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
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
    let reader = reader_of_dead_letters(1);
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
            is_problem(&ask(config, &reader, None, wanted), status);
        }
    }
    assert!(reader.operations.borrow().is_empty());
}

#[test]
fn the_apps_are_listed_without_reading_kv() {
    let two = config(&[("SDK_APP_IDS", "1400000001,1400000000"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let reader = reader_of_dead_letters(1);
    let response = ask(&two, &reader, None, request("GET", "/v1/apps"));
    assert_eq!((response.status, json_of(&response)), (200, json!({ "apps": [1_400_000_001, 1_400_000_000] })));
    assert!(reader.operations.borrow().is_empty());
}

#[test]
fn a_wrong_method_gets_all_that_are_right() {
    let reader = reader_of_dead_letters(1);
    for (path, methods) in [
        ("apps", "GET"),
        ("events", "GET"),
        ("stats", "GET"),
        ("status", "GET"),
        ("reindex", "POST"),
        ("dead-letters", "GET"),
        ("events/1400000000/x", "GET, DELETE"),
        ("events/1400000000/x/replay", "POST"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""] {
            if methods.split(", ").any(|right| right == method) {
                continue;
            }
            let response = ask(&operated(), &reader, None, request(method, &format!("/v1/{path}")));
            is_problem(&response, 405);
            assert_eq!(
                response.header.map(|(name, value)| (name, value.into_owned())),
                Some(("allow", methods.to_owned()))
            );
        }
    }
    for path in
        ["events/", "events/1400000000", "events/1400000000/x/", "events/1400000000/x/y", "stats/x", "Events", ""]
    {
        is_problem(&ask(&operated(), &reader, None, request("GET", &format!("/v1/{path}"))), 404);
    }
    assert!(reader.operations.borrow().is_empty());
}

/// Every operation is reached by its row, and by no other.
#[test]
fn the_table_has_each_method_and_path_once() {
    for operation in Operation::ALL {
        assert_eq!(Operation::ALL.iter().filter(|it| it.row() == operation.row()).count(), 1, "{operation:?}");
        let (method, path) = operation.row();
        let response = ask(&operated(), &reader_of_dead_letters(0), None, request(method, &format!("/v1/{path}")));
        assert_ne!(response.status, 405, "{operation:?}");
    }
}
