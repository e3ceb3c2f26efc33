//! Who is let in, and what the paths and methods are.

use serde_json::json;
use unfollow_webhook::api::{ApiRequest, Operation};

use super::{ADMIN, FakeQueue, ask, is_problem, json_of, letter, letters, operated, request};
use crate::samples::{APP, TOKEN, config};

#[test]
fn without_an_admin_token_there_is_no_api() {
    let closed = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]);
    let shelf = letters(1);
    for authorization in [None, Some("Bearer "), Some("Bearer a-token-of-the-operator")] {
        let reply = ask(&closed, &shelf, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        is_problem(&reply, 404);
        assert!(shelf.deeds.borrow().is_empty());
    }
    // A broken one is none, and is named.
    let broken = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", "too-short")]);
    let wanted = ApiRequest { authorization: Some("Bearer too-short"), ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&broken, &shelf, None, wanted), 404);
    assert_eq!(broken.at_fault, ["ADMIN_TOKEN"]);
}

#[test]
fn over_plain_http_there_is_no_api() {
    let shelf = letters(1);
    let wanted = ApiRequest { is_confidential: false, ..request("GET", "/v1/dead-letters") };
    is_problem(&ask(&operated(), &shelf, None, wanted), 403);
    assert!(shelf.deeds.borrow().is_empty());
}

#[test]
fn a_wrong_token_or_none_is_401_with_www_authenticate_and_touches_nothing() {
    let (config, shelf, queue) = (operated(), letters(1), FakeQueue::default());
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
            let reply = ask(&config, &shelf, Some(&queue), ApiRequest { authorization, ..request(method, path) });
            is_problem(&reply, 401);
            let (name, value) = reply.header.unwrap();
            assert!(name == "www-authenticate" && value.starts_with("Bearer"), "{authorization:?}");
        }
    }
    assert!(shelf.deeds.borrow().is_empty() && queue.deeds.borrow().is_empty());
    for right in ["Bearer a-token-of-the-operator", "bearer a-token-of-the-operator", "BEARER  a-token-of-the-operator"]
    {
        let wanted = ApiRequest { authorization: Some(right), ..request("GET", "/v1/dead-letters") };
        assert_eq!(ask(&config, &shelf, None, wanted).status, 200, "{right}");
    }
}

#[test]
fn which_app_is_asked_for_only_where_there_are_several() {
    let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&two, &letters(0), None, request("GET", "/v1/dead-letters")), 400);
    let wanted = ApiRequest { query: "app=2", ..request("GET", "/v1/dead-letters") };
    assert_eq!(ask(&two, &letters(0), None, wanted).status, 200);
}

#[test]
fn what_is_not_ours_is_not_found() {
    let (shelf, queue) = (letters(1), FakeQueue::default());
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
        let reply = ask(&operated(), &shelf, Some(&queue), ApiRequest { query, ..request(method, path) });
        is_problem(&reply, 404);
    }
    assert!(queue.sent.borrow().is_empty());
}

#[test]
fn a_wrong_method_is_405_with_the_right_one() {
    let (_, id, _) = letter(0);
    let (shelf, queue) = (letters(1), FakeQueue::default());
    let replay = format!("/v1/dead-letters/{APP}/{id}/replay");
    let replay_all = format!("/v1/dead-letters/{APP}/replay");
    let replay_event = format!("/v1/events/{APP}/{id}/replay");
    for (path, right) in
        [("/v1/dead-letters", "GET"), (&*replay, "POST"), (&*replay_all, "POST"), (&*replay_event, "POST")]
    {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if method != right {
                let reply = ask(&operated(), &shelf, Some(&queue), request(method, path));
                is_problem(&reply, 405);
                assert!(reply.header.is_some_and(|(name, value)| name == "allow" && value.contains(right)), "{path}");
            }
        }
    }
    assert!(shelf.deeds.borrow().is_empty() && queue.sent.borrow().is_empty());
}

#[test]
fn no_answer_holds_the_token() {
    let shelf = letters(1);
    for authorization in [None, Some("Bearer a-token-of-the-operator"), Some("Bearer a-token-of-somebody-else")] {
        let reply = ask(&operated(), &shelf, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        assert!(!reply.body.contains("a-token-of"));
    }
}

/// What is wrong with the way there comes first, then who asks, then the settings, then what is asked.
#[test]
fn checks_have_an_order() {
    let right = Some("Bearer a-token-of-the-operator");
    let closed = config(&[("SDK_APP_IDS", ""), ("CALLBACK_TOKEN", TOKEN)]);
    let broken = config(&[("SDK_APP_IDS", ""), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let whole = operated();
    let shelf = letters(1);
    for (config, is_confidential, authorization, status) in [
        (&closed, false, None, 403),
        (&broken, false, right, 403),
        (&whole, false, right, 403),
        (&closed, true, right, 404),
        (&broken, true, None, 401),
        (&whole, true, None, 401),
        (&broken, true, right, 503),
    ] {
        for (method, path, query) in [
            ("GET", "/v1/apps", ""),
            ("GET", "/v1/nothing", ""),
            ("PUT", "/v1/events", ""),
            ("GET", "/v1/events", "limit=0"),
            ("DELETE", "/v1/events/1400000001/x", ""),
        ] {
            let wanted = ApiRequest { query, is_confidential, authorization, ..request(method, path) };
            is_problem(&ask(config, &shelf, None, wanted), status);
        }
    }
    assert!(shelf.deeds.borrow().is_empty());
}

#[test]
fn the_apps_are_listed_without_a_look_at_kv() {
    let two = config(&[("SDK_APP_IDS", "1400000001,1400000000"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let shelf = letters(1);
    let reply = ask(&two, &shelf, None, request("GET", "/v1/apps"));
    assert_eq!((reply.status, json_of(&reply)), (200, json!({ "apps": [1_400_000_001, 1_400_000_000] })));
    assert!(shelf.deeds.borrow().is_empty());
}

#[test]
fn a_wrong_method_is_told_all_that_are_right() {
    let shelf = letters(1);
    for (path, methods) in [
        ("apps", "GET"),
        ("events", "GET"),
        ("stats", "GET"),
        ("dead-letters", "GET"),
        ("events/1400000000/x", "GET, DELETE"),
        ("events/1400000000/x/replay", "POST"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""] {
            if methods.split(", ").any(|right| right == method) {
                continue;
            }
            let reply = ask(&operated(), &shelf, None, request(method, &format!("/v1/{path}")));
            is_problem(&reply, 405);
            assert_eq!(
                reply.header.map(|(name, value)| (name, value.into_owned())),
                Some(("allow", methods.to_owned()))
            );
        }
    }
    for path in
        ["events/", "events/1400000000", "events/1400000000/x/", "events/1400000000/x/y", "stats/x", "Events", ""]
    {
        is_problem(&ask(&operated(), &shelf, None, request("GET", &format!("/v1/{path}"))), 404);
    }
    assert!(shelf.deeds.borrow().is_empty());
}

/// Every operation is reached by its row, and by no other.
#[test]
fn the_table_has_each_method_and_path_once() {
    for operation in Operation::ALL {
        assert_eq!(Operation::ALL.iter().filter(|it| it.row() == operation.row()).count(), 1, "{operation:?}");
        let (method, path) = operation.row();
        let reply = ask(&operated(), &letters(0), None, request(method, &format!("/v1/{path}")));
        assert_ne!(reply.status, 405, "{operation:?}");
    }
}
