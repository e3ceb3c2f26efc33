//! The operator's API: who is let in, what is listed, and that nothing is deleted that is not on the queue.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use serde_json::{Value, json};
use unfollow_webhook::{
    api::{
        Api, ApiRequest,
        shelf::{Cache, Listed, Page, Shelf, ShelfError},
    },
    config::Config,
    dead::{self, Failure},
    event::Entry,
    keep::{Attempt, AttemptError, Queue},
    message::{Duty, Message},
    reply::Reply,
    webhook::command::Kind,
};

use crate::{
    fakes::paused,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, config, event, query},
};

const ADMIN: &str = "a-token-of-the-operator";

/// What was done to shelf and queue, in order.
type Deeds = Rc<RefCell<Vec<String>>>;

#[derive(Default)]
struct FakeShelf {
    entries: RefCell<BTreeMap<String, Entry>>,
    /// Listed still, and gone.
    ghosts: Vec<String>,
    deeds: Deeds,
    fails: Cell<Option<&'static str>>,
}

impl FakeShelf {
    fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        Self { entries: RefCell::new(entries), ..Self::default() }
    }

    fn does(&self, deed: &'static str, what: &str) -> Result<(), ShelfError> {
        self.deeds.borrow_mut().push(format!("{deed} {what}"));
        if self.fails.get() == Some(deed) { Err(ShelfError) } else { Ok(()) }
    }

    fn keys(&self) -> Vec<String> {
        self.entries.borrow().keys().cloned().collect()
    }
}

impl Shelf for FakeShelf {
    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, ShelfError> {
        self.does("list", prefix)?;
        let entries = self.entries.borrow();
        let metadata = |key: &String| entries.get(key).map_or("{}".to_owned(), |entry| entry.metadata.clone());
        let mut keys: Vec<_> = entries.keys().chain(&self.ghosts).filter(|key| key.starts_with(prefix)).collect();
        keys.sort();
        let begin: usize = cursor.map_or(0, |it| it.parse().unwrap());
        let page = keys.iter().skip(begin).take(limit);
        let page = page.map(|key| Listed { key: (*key).clone(), metadata: metadata(key) }).collect();
        let end = begin + limit;
        Ok(Page { keys: page, cursor: (end < keys.len()).then(|| end.to_string()) })
    }

    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        self.does("get", key)?;
        Ok(self.entries.borrow().get(key).map(|entry| entry.value.clone()))
    }

    async fn delete(&self, key: &str) -> Result<(), ShelfError> {
        self.does("delete", key)?;
        self.entries.borrow_mut().remove(key);
        Ok(())
    }
}

#[derive(Default)]
struct FakeQueue {
    sent: RefCell<Vec<String>>,
    deeds: Deeds,
    /// How many sends succeed.
    takes: Option<usize>,
}

impl Queue for FakeQueue {
    fn send(&self, message: &str) -> Attempt {
        self.deeds.borrow_mut().push("send".to_owned());
        if self.takes.is_some_and(|takes| self.sent.borrow().len() >= takes) {
            return Box::pin(async { Err(AttemptError::Failed) });
        }
        self.sent.borrow_mut().push(message.to_owned());
        Box::pin(async { Ok(()) })
    }
}

/// A cache that forgets everything.
struct NoCache;

impl Cache for NoCache {
    async fn find(&self, _: &str) -> Option<String> {
        None
    }

    async fn keep(&self, _: &str, _: &str, _: u32) {}
}

fn operated() -> Config {
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("ORIGIN_URL", ORIGIN)];
    config(&variables)
}

fn request<'a>(method: &'a str, path: &'a str) -> ApiRequest<'a> {
    ApiRequest { method, path, query: "", is_confidential: true, authorization: Some("Bearer a-token-of-the-operator") }
}

fn ask(config: &Config, shelf: &FakeShelf, queue: Option<&FakeQueue>, request: ApiRequest<'_>) -> Reply {
    paused(Api { config, shelf, queue, cache: &NoCache, now_ms: NOW_MS }.answer(request))
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[track_caller]
fn is_problem(reply: &Reply, status: u16) {
    assert_eq!((reply.status, reply.content_type), (status, "application/problem+json"), "{reply:?}");
    let problem = json_of(reply);
    assert_eq!(problem["status"], status);
    assert!(problem["title"].as_str().is_some_and(|it| !it.is_empty()));
}

fn numbered(n: usize) -> String {
    UNFOLLOW.replace("1702018343678", &(1_702_018_343_678 - n).to_string())
}

/// A dead letter, its id, and the message in it.
fn letter(n: usize) -> (Entry, String, String) {
    let (query, body) = (query(Kind::Unfollow.command()), numbered(n));
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let entry = dead::entry(&event, Duty::Deliver, Failure::Status(500), NOW_MS + 9, None);
    (entry, event.id().to_string(), Message::of(&event, Duty::Deliver).text())
}

fn letters(count: usize) -> FakeShelf {
    FakeShelf::of((0..count).map(|n| letter(n).0))
}

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
fn dead_letters_are_listed_with_what_is_known_of_them() {
    let (entry, id, _) = letter(0);
    let shelf = FakeShelf::of([entry, dead::unreadable_entry("m-1", "poison", NOW_MS, None)]);
    let config = operated();
    for query in ["", "app=1400000000"] {
        let reply = ask(&config, &shelf, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
        assert_eq!((reply.status, reply.content_type), (200, "application/json"));
        let expected = json!({ "dead_letters": [{
            "id": id, "sdk_app_id": 1_400_000_000, "last_status": 500, "last_error": null, "received_at": NOW_MS,
            "dead_at": NOW_MS + 9, "duty": "deliver", "targets": 2,
        }], "cursor": null });
        assert_eq!(json_of(&reply), expected, "{query}");
    }
    let unreadable = ask(&config, &shelf, None, ApiRequest { query: "app=0", ..request("GET", "/v1/dead-letters") });
    let listed = &json_of(&unreadable)["dead_letters"][0];
    assert_eq!((&listed["id"], &listed["last_error"]), (&json!("m-1"), &json!("unreadable")));
}

#[test]
fn a_long_list_comes_in_pages() {
    let (config, shelf) = (operated(), letters(250));
    let (mut ids, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let query = cursor.as_str().map_or(String::new(), |it| format!("app={APP}&cursor={it}"));
        let page = ask(&config, &shelf, None, ApiRequest { query: &query, ..request("GET", "/v1/dead-letters") });
        let page = json_of(&page);
        let listed = page["dead_letters"].as_array().unwrap();
        assert!(listed.len() <= 100);
        ids.extend(listed.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        (cursor, pages) = (page["cursor"].clone(), pages + 1);
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!((pages, ids.len()), (3, 250));
    assert!(ids.is_sorted());
}

#[test]
fn which_app_is_asked_for_only_where_there_are_several() {
    let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&two, &letters(0), None, request("GET", "/v1/dead-letters")), 400);
    let wanted = ApiRequest { query: "app=2", ..request("GET", "/v1/dead-letters") };
    assert_eq!(ask(&two, &letters(0), None, wanted).status, 200);
}

#[test]
fn a_replayed_dead_letter_is_on_the_queue_before_it_is_deleted() {
    let (entry, id, message) = letter(0);
    let deeds = Deeds::default();
    let shelf = FakeShelf { deeds: Rc::clone(&deeds), ..FakeShelf::of([entry.clone(), letter(1).0]) };
    let queue = FakeQueue { deeds: Rc::clone(&deeds), ..FakeQueue::default() };
    let path = format!("/v1/dead-letters/{APP}/{id}/replay");
    let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &path));
    assert_eq!((reply.status, json_of(&reply)), (200, json!({ "replayed": 1 })));
    assert_eq!(*queue.sent.borrow(), [message]);
    let key = &entry.key;
    assert_eq!(*deeds.borrow(), [format!("get {key}"), "send".to_owned(), format!("delete {key}")]);
    assert_eq!(shelf.keys(), [letter(1).0.key]);
    is_problem(&ask(&operated(), &shelf, Some(&queue), request("POST", &path)), 404);
}

#[test]
fn a_send_that_fails_deletes_nothing() {
    let (_, id, _) = letter(0);
    for path in [format!("/v1/dead-letters/{APP}/{id}/replay"), format!("/v1/dead-letters/{APP}/replay")] {
        let (shelf, queue) = (letters(3), FakeQueue { takes: Some(0), ..FakeQueue::default() });
        let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &path));
        is_problem(&reply, 503);
        assert_eq!(shelf.keys().len(), 3);
        assert!(!shelf.deeds.borrow().iter().any(|deed| deed.starts_with("delete")));
    }
    // One that fails on the way keeps its own and those behind it.
    let (shelf, queue) = (letters(5), FakeQueue { takes: Some(2), ..FakeQueue::default() });
    ask(&operated(), &shelf, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((shelf.keys().len(), queue.sent.borrow().len()), (3, 2));
}

#[test]
fn without_a_queue_nothing_is_replayed() {
    let (_, id, _) = letter(0);
    let shelf = letters(1);
    let reply = ask(&operated(), &shelf, None, request("POST", &format!("/v1/dead-letters/{APP}/{id}/replay")));
    is_problem(&reply, 409);
    assert_eq!(shelf.keys().len(), 1);
}

#[test]
fn all_are_replayed_some_at_a_time_and_the_answer_says_how_many_are_left() {
    let (shelf, queue) = (letters(40), FakeQueue::default());
    let path = format!("/v1/dead-letters/{APP}/replay");
    let mut left = 40;
    let mut calls = 0;
    while left > 0 {
        let before = shelf.deeds.borrow().len() + queue.deeds.borrow().len();
        let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &path));
        let answer = json_of(&reply);
        let replayed = answer["replayed"].as_u64().unwrap();
        assert!(replayed > 0, "{answer}");
        left -= replayed;
        assert_eq!((answer["left"].as_u64().unwrap(), shelf.keys().len() as u64), (left, left));
        // A call on the free plan has fifty operations.
        assert!(shelf.deeds.borrow().len() + queue.deeds.borrow().len() - before <= 50);
        calls += 1;
    }
    let mut sent = queue.sent.take();
    sent.sort();
    let mut expected: Vec<_> = (0..40).map(|n| letter(n).2).collect();
    expected.sort();
    assert_eq!((sent, calls > 1), (expected, true));
    let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &path));
    assert_eq!(json_of(&reply), json!({ "replayed": 0, "left": 0, "more": false }));
}

#[test]
fn letters_that_are_gone_or_cannot_be_read_do_not_hold_up_the_others() {
    let mut shelf = letters(3);
    shelf.ghosts = vec![format!("dead/{APP}/0-gone"), format!("dead/{APP}/1-gone")];
    let unreadable = dead::unreadable_entry("x", "poison", NOW_MS, None);
    shelf.entries.borrow_mut().insert(format!("dead/{APP}/2"), unreadable);
    let queue = FakeQueue::default();
    let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!((reply.status, json_of(&reply)), (200, json!({ "replayed": 3, "left": 1, "more": false })));
    assert_eq!(shelf.keys(), [format!("dead/{APP}/2")]);
}

/// KV lists keys for a minute after they are deleted: a second call soon after the first meets them all.
#[test]
fn a_call_stays_bounded_however_many_letters_are_gone() {
    let mut shelf = letters(1);
    shelf.ghosts = (0..200).map(|n| format!("dead/{APP}/0-gone-{n:03}")).collect();
    let queue = FakeQueue::default();
    let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &format!("/v1/dead-letters/{APP}/replay")));
    assert_eq!(reply.status, 200);
    let operations = shelf.deeds.borrow().len() + queue.deeds.borrow().len();
    assert!(operations <= 50, "{operations} operations");
}

#[test]
fn an_unreadable_one_is_not_replayed() {
    let shelf = FakeShelf::of([dead::unreadable_entry("m-1", "poison", NOW_MS, None)]);
    let queue = FakeQueue::default();
    is_problem(&ask(&operated(), &shelf, Some(&queue), request("POST", "/v1/dead-letters/0/m-1/replay")), 409);
    assert_eq!((shelf.keys().len(), queue.sent.borrow().len()), (1, 0));
}

#[test]
fn a_stored_event_is_sent_as_if_it_had_just_come() {
    let query = format!("{}&&x=%zz", query(Kind::Unfollow.command()));
    let body = UNFOLLOW.replace("{\"Call", "{ \"x\":1.50,\n\"Call");
    let event = event(&query, Kind::Unfollow, body.as_bytes());
    let shelf = FakeShelf::of([event.entry(None, NOW_MS)]);
    let queue = FakeQueue::default();
    let path = format!("/v1/events/{APP}/{}/replay", event.id());
    let reply = ask(&operated(), &shelf, Some(&queue), request("POST", &path));
    assert_eq!((reply.status, json_of(&reply)), (200, json!({ "replayed": 1 })));
    assert_eq!(*queue.sent.borrow(), [Message::of(&event, Duty::Deliver).text()]);
    // It stays stored.
    assert_eq!(shelf.keys().len(), 1);

    is_problem(&ask(&operated(), &shelf, Some(&queue), request("POST", &format!("/v1/events/{APP}/x/replay"))), 404);
    let nowhere = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&nowhere, &shelf, Some(&queue), request("POST", &path)), 409);
    assert_eq!(queue.sent.borrow().len(), 1);
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
fn a_shelf_that_fails_is_503_and_loses_nothing() {
    let (_, id, _) = letter(0);
    let replay = format!("/v1/dead-letters/{APP}/{id}/replay");
    for (method, path, deed) in
        [("GET", "/v1/dead-letters", "list"), ("POST", &replay, "get"), ("POST", &replay, "delete")]
    {
        let (shelf, queue) = (letters(1), FakeQueue::default());
        shelf.fails.set(Some(deed));
        is_problem(&ask(&operated(), &shelf, Some(&queue), request(method, path)), 503);
        assert_eq!(shelf.keys().len(), 1);
    }
    let broken = config(&[("SDK_APP_IDS", ""), ("ADMIN_TOKEN", ADMIN)]);
    is_problem(&ask(&broken, &letters(0), None, request("GET", "/v1/dead-letters")), 503);
}

#[test]
fn no_answer_holds_the_token() {
    let shelf = letters(1);
    for authorization in [None, Some("Bearer a-token-of-the-operator"), Some("Bearer a-token-of-somebody-else")] {
        let reply = ask(&operated(), &shelf, None, ApiRequest { authorization, ..request("GET", "/v1/dead-letters") });
        assert!(!reply.body.contains("a-token-of"));
    }
}
