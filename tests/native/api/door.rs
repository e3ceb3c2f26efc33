//! Who is let in, and what the paths and methods are.

use unfollow_webhook::api::ApiRequest;

use super::{ADMIN, FakeQueue, ask, is_problem, letter, letters, operated, request};
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
