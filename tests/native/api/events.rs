//! The event log: all pages together are what a plain filter finds, and a cursor belongs to its query.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    api::ApiRequest,
    database::{Statement, event_log},
    event::EventId,
    webhook::command::Kind,
};

use super::{
    OTHER_APP, TestEvent, add, any_event, ask, encoded, get, get_by, is_problem, json_of, log_of, long_log, operated,
    operated_with_two_apps, other_app, request, times_of,
};
use crate::{
    database::{Sqlite, Trouble},
    fakes::FakeKv,
    samples::{APP, NOW_MS, app},
};

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
struct EventQuery {
    kind: Option<Kind>,
    user: Option<String>,
    role: Option<&'static str>,
    since: Option<u64>,
    until: Option<u64>,
}

impl EventQuery {
    fn parameters(&self) -> String {
        let Self { kind, user, role, since, until } = self;
        let parameters = [
            kind.map(|kind| format!("kind={}", kind.name())),
            user.as_ref().map(|user| format!("user={}", encoded(user))),
            role.map(|role| format!("role={role}")),
            since.map(|since| format!("since={}", spelled(since))),
            until.map(|until| format!("until={}", spelled(until))),
        ];
        parameters.into_iter().flatten().collect::<Vec<_>>().join("&")
    }

    /// The plain filter.
    fn matches(&self, event: &TestEvent) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && self.user.as_ref().is_none_or(|user| event.is_of(user, self.role))
            && self.since.is_none_or(|since| since <= event.time)
            && self.until.is_none_or(|until| event.time <= until)
    }

    /// What a list shows of the events that are asked for, in its order.
    fn expected<'a>(&self, events: impl IntoIterator<Item = &'a TestEvent>) -> Vec<Value> {
        // What has the same id is the same event.
        let events: BTreeMap<_, _> =
            events.into_iter().filter(|it| self.matches(it)).map(|it| (it.rank(), it)).collect();
        events.into_values().map(TestEvent::listed).collect()
    }
}

/// A time in ms, in whichever spelling says so: what is a small number would be in seconds.
fn spelled(ms: u64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(i64::try_from(ms).unwrap()).unwrap();
    if ms > 9_999_999_999 { ms.to_string() } else { time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true) }
}

/// One page: the events on it, and where it goes on. It costs one statement.
fn page(database: &Sqlite, query: &str, limit: usize, cursor: Option<&str>) -> (Vec<Value>, Option<String>) {
    let cursor = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
    database.operations.take();
    let response = get(database, "/v1/events", &format!("{query}&limit={limit}{cursor}"));
    assert_eq!((response.status, response.content_type), (200, "application/json"), "{response:?}");
    assert_eq!(database.operations.take().len(), 1);
    let answer = json_of(&response);
    assert_eq!((answer.as_object().unwrap().len(), &answer["damaged"]), (3, &json!([])));
    let events = answer["events"].as_array().unwrap().clone();
    assert!(events.len() <= limit);
    (events, answer["cursor"].as_str().map(str::to_owned))
}

/// The events on all pages. `between` may change the log between two of them.
fn walk(database: &Sqlite, query: &str, limits: &[usize], mut between: impl FnMut(usize)) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), None);
    for pages in 0.. {
        let limit = limits[pages % limits.len()];
        let (more, next) = page(database, query, limit, cursor.as_deref());
        // A page that has a next one is full.
        assert!(next.is_none() || more.len() == limit);
        events.extend(more);
        if next.is_none() {
            break;
        }
        cursor = next;
        between(pages);
        assert!(pages < 400, "the pages do not end");
    }
    events
}

/// What the log has of an event may be damaged: the page names the event, and is no shorter than it looks.
#[test]
fn a_page_names_its_events_that_are_damaged() {
    let events: Vec<_> = (0..3).map(|ago| TestEvent::at(NOW_MS - ago)).collect();
    for damage in
        ["''", "'{}'", "'null'", "substr(record, 2)", "replace(record, 'a', char(10))", "replace(record, '14', '15')"]
    {
        let database = log_of(&events);
        let sql = format!("UPDATE events SET record = {damage} WHERE event_time = {}", NOW_MS - 1);
        database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
        let pages = [("limit=3", vec![0, 2], vec![1]), ("limit=2", vec![0], vec![1]), ("limit=1", vec![0], vec![])];
        for (query, whole, damaged) in pages {
            let answer = json_of(&get(&database, "/v1/events", query));
            let whole: Vec<_> = whole.into_iter().map(|at: usize| events[at].listed()).collect();
            let damaged: Vec<_> = damaged.into_iter().map(|at: usize| events[at].id()).collect();
            assert_eq!((&answer["events"], &answer["damaged"]), (&json!(whole), &json!(damaged)), "{damage} {query}");
            assert_eq!(answer["cursor"].is_null(), query == "limit=3", "{damage} {query}");
        }
    }
}

fn queries(events: &[TestEvent]) -> BoxedStrategy<EventQuery> {
    let times: Vec<_> = events.iter().map(|it| it.time).chain([NOW_MS]).collect();
    let near = (proptest::sample::select(times), prop_oneof![Just(0_i64), -2..=2_i64, -4_000_000..4_000_000_i64]);
    let near = near.prop_map(|(time, by)| time.saturating_add_signed(by).min(9_999_999_999_999));
    let time = || proptest::option::weighted(0.4, prop_oneof![9 => near.clone(), 1 => 0..=9_999_999_999_999_u64]);
    let kind = proptest::option::weighted(0.4, proptest::sample::select(Kind::VARIANTS));
    let user = proptest::sample::select(&["a", "c", "\u{e9} \"&%+", "nobody"][..]);
    let role = proptest::option::of(proptest::sample::select(&["actor", "target"][..]));
    let user = proptest::option::weighted(0.6, (user.prop_map(str::to_owned), role));
    let query = (kind, user, time(), time()).prop_map(|(kind, user, since, until)| {
        let is_crossed = since.zip(until).is_some_and(|(since, until)| since > until);
        let (since, until) = if is_crossed { (until, since) } else { (since, until) };
        let (user, role) = user.unzip();
        EventQuery { kind, user, role: role.flatten(), since, until }
    });
    query.boxed()
}

/// A log, and a query for it.
fn logs() -> impl Strategy<Value = (Vec<TestEvent>, EventQuery)> {
    vec(any_event(), 0..80).prop_flat_map(|events| (Just(events.clone()), queries(&events)))
}

fn limits() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..10_usize, 1..=1000_usize], 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 80, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_pages_together_are_what_a_plain_filter_finds((events, query) in logs(), limits in limits()) {
        let database = log_of(&events);
        // The same events of another app, and a repeat of each.
        add(&database, other_app(), &events);
        add(&database, app(), &events);
        prop_assert_eq!(walk(&database, &query.parameters(), &limits, |_| {}), query.expected(&events));
    }

    /// An event that stays is shown once, and none is shown that was never there.
    #[test]
    fn a_log_that_changes_between_two_pages_loses_nothing_that_stays(
        (events, query) in logs(),
        limits in vec(1..6_usize, 1..3),
        changes in vec((any::<Index>(), vec(any_event(), 0..4)), 1..10),
    ) {
        let database = log_of(&events);
        let mut staying: BTreeMap<_, _> = events.iter().map(|it| (it.rank(), it.clone())).collect();
        let mut ever: BTreeSet<_> = events.iter().map(TestEvent::id).collect();
        let shown = walk(&database, &query.parameters(), &limits, |pages| {
            let Some((gone, came)) = changes.get(pages) else { return };
            if !staying.is_empty() {
                let rank = staying.keys().nth(gone.index(staying.len())).unwrap().clone();
                let gone = staying.remove(&rank).unwrap();
                database.execute(event_log::delete(app(), &EventId::read(&gone.id()).unwrap()));
            }
            add(&database, app(), came);
            ever.extend(came.iter().filter(|it| query.matches(it)).map(TestEvent::id));
        });
        let rank = |event: &Value| (event["event_time"].as_u64(), event["id"].as_str().map(|id| id[14..].to_owned()));
        prop_assert!(shown.windows(2).all(|two| rank(&two[0]) > rank(&two[1])), "{:?}", shown);
        let expected = query.expected(staying.values());
        prop_assert!(expected.iter().all(|event| shown.contains(event)), "{:?} of {:?}", shown, expected);
        prop_assert!(shown.iter().all(|event| ever.contains(event["id"].as_str().unwrap())));
    }
}

/// More events than a page has in the same ms, in each kind; and new ones come in front of, into and behind each page.
#[test]
fn events_that_share_a_ms_are_each_shown_once() {
    let event = |n: usize, time| TestEvent {
        kind: Kind::VARIANTS[n % 2],
        from: format!("actor{n}"),
        ..TestEvent::between("", "b", time)
    };
    let events: Vec<_> = (0..60).map(|n| event(n, NOW_MS)).collect();
    for query in ["", "user=b", "user=b&role=target", "kind=follow", "kind=follow&user=b"] {
        let database = log_of(&events);
        let shown = walk(&database, query, &[7], |pages| {
            let later = (0..5).map(|n| event(1000 + n, NOW_MS + 1 + pages as u64)).collect::<Vec<_>>();
            let same = event(2000 + pages, NOW_MS);
            add(&database, app(), later.iter().chain([&same]));
        });
        let of_before = shown.iter().filter(|it| events.iter().any(|event| event.id() == it["id"])).count();
        assert_eq!(of_before, if query.contains("kind") { 30 } else { 60 }, "{query}");
        let ids: BTreeSet<_> = shown.iter().map(|it| it["id"].to_string()).collect();
        assert_eq!(ids.len(), shown.len(), "{query}");
        assert!(shown.iter().all(|it| it["event_time"] == NOW_MS), "{query}");
    }
}

#[test]
fn a_page_is_the_newest_hundred_without_a_limit() {
    let answer = get(&long_log(250), "/v1/events", "");
    assert_eq!(times_of(&answer), (0..100).map(|n| NOW_MS - n).collect::<Vec<_>>());
    assert!(json_of(&answer)["cursor"].is_string());
}

#[test]
fn the_last_page_has_no_cursor_even_where_it_is_full() {
    let database = long_log(20);
    for (limit, is_last) in [(19, false), (20, true), (21, true)] {
        let (events, cursor) = page(&database, "", limit, None);
        assert_eq!((events.len(), cursor.is_none()), (limit.min(20), is_last));
    }
}

#[test]
fn an_empty_log_is_an_empty_page() {
    for query in ["", "user=a", "user=a&role=target", "kind=follow", "since=1&until=2"] {
        let empty = json!({ "events": [], "damaged": [], "cursor": null });
        assert_eq!(json_of(&get(&Sqlite::default(), "/v1/events", query)), empty);
    }
}

#[test]
fn an_events_members_have_the_names_of_the_contract() {
    let event = TestEvent { to: vec!["b".to_owned(), "c".to_owned()], ..TestEvent::at(NOW_MS) };
    let database = Sqlite::default();
    event.with(app(), "RequestId=r&OptPlatform=Web", |event| database.insert(event));
    let expected = json!([{
        "id": event.id(), "sdk_app_id": 1_400_000_000, "kind": "unfollow", "from_account": "a",
        "to_accounts": ["b", "c"], "event_time": NOW_MS, "received_at": NOW_MS, "opt_platform": "Web",
        "client_ip": null, "request_id": "r",
    }]);
    assert_eq!(json_of(&get(&database, "/v1/events", ""))["events"], expected);
}

/// The metadata in KV would cut them.
#[test]
fn a_list_shows_all_of_500_targets() {
    let to: Vec<_> = (0..500).map(|n| format!("user{n}")).collect();
    let database = log_of(&[TestEvent { to: to.clone(), ..TestEvent::at(NOW_MS) }]);
    let listed = json_of(&get(&database, "/v1/events", "user=user499"));
    assert_eq!(listed["events"][0]["to_accounts"], json!(to));
}

#[test]
fn a_user_is_the_actor_a_target_or_both() {
    let database = log_of(&[
        TestEvent::between("a", "b", 1),
        TestEvent::between("b", "a", 2),
        TestEvent::between("a", "a", 3),
        TestEvent { to: vec!["a".to_owned(), "b".to_owned(), "a".to_owned()], ..TestEvent::between("c", "", 4) },
        TestEvent::between("b", "c", 5),
    ]);
    for (query, times) in [
        ("user=a", &[4, 3, 2, 1][..]),
        ("user=a&role=actor", &[3, 1]),
        ("user=a&role=target", &[4, 3, 2]),
        ("user=c", &[5, 4]),
        ("user=d", &[]),
    ] {
        assert_eq!(times_of(&get(&database, "/v1/events", query)), times, "{query}");
    }
}

/// A user id is any text, and no other text is the same user.
#[test]
fn a_user_id_is_matched_exactly() {
    let users = [
        "a",
        "A",
        "a ",
        " a",
        "a\0",
        "a\0b",
        "\0",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{feff}a",
        "'",
        "''",
        "\"",
        "a' OR '1'='1",
        "'; DROP TABLE events; --",
        "?1",
        ":user",
        "%",
        "_",
        "*",
        "a%",
        "1",
        "1.0",
        "01",
        "1e0",
        "9007199254740993",
        "null",
        "[\"a\"]",
        "{\"a\":1}",
        "$.a",
        "\\",
        "\\u0000",
        "\u{fffd}",
        "\u{10ffff}",
        "\u{2028}",
        "\u{1}\u{7f}",
        "a\nb",
        "a\r\nb",
        "\u{1f642}",
    ];
    let time = |at: usize| NOW_MS + at as u64;
    let events: Vec<_> = users.iter().enumerate().map(|(at, user)| TestEvent::between(user, "x", time(at))).collect();
    let actors = log_of(&events);
    let events: Vec<_> = users.iter().enumerate().map(|(at, user)| TestEvent::between("x", user, time(at))).collect();
    let targets = log_of(&events);
    for (at, user) in users.iter().enumerate() {
        let user = encoded(user);
        for (database, role) in [(&actors, "actor"), (&targets, "target")] {
            for query in [format!("user={user}"), format!("user={user}&role={role}")] {
                let listed = get(database, "/v1/events", &query);
                assert_eq!(times_of(&listed), [time(at)], "{query}");
            }
        }
        let stats = json_of(&get(&targets, "/v1/stats", &format!("user={user}&until={}", NOW_MS + 1000)));
        let unfollows: u64 =
            stats["buckets"].as_array().unwrap().iter().map(|it| it["unfollows"].as_u64().unwrap()).sum();
        assert_eq!(unfollows, 1, "{user}");
    }
}

#[test]
fn a_cursor_belongs_to_its_query() {
    let two = operated_with_two_apps();
    let database = long_log(10);
    let asked = |query: &str| get_by(&two, &database, "/v1/events", query);
    let query = [
        ("app", APP),
        ("kind", "unfollow"),
        ("user", "a"),
        ("role", "actor"),
        ("since", "5"),
        ("until", "9999999999998"),
    ];
    let text = |change: Option<(&str, &str)>| -> String {
        let value = |(name, value)| change.filter(|(it, _)| *it == name).map_or(value, |(_, other)| other);
        query.iter().map(|&(name, it)| format!("{name}={}&", value((name, it)))).collect()
    };
    let cursor = json_of(&asked(&(text(None) + "limit=3")))["cursor"].as_str().unwrap().to_owned();
    for limit in ["", "1", "3", "1000"] {
        assert_eq!(asked(&format!("{}limit={limit}&cursor={cursor}", text(None))).status, 200);
    }
    // The same query in another spelling.
    let same = text(Some(("since", "1970-01-01T00:00:05Z")));
    assert_eq!(asked(&format!("{same}cursor={cursor}")).status, 200);
    for change in [
        ("app", OTHER_APP),
        ("kind", "follow"),
        ("kind", ""),
        ("user", "b"),
        ("role", "target"),
        ("role", ""),
        ("since", "6"),
        ("since", ""),
        ("until", "9999999999999"),
        ("until", ""),
    ] {
        is_problem(&asked(&format!("{}cursor={cursor}", text(Some(change)))), 400);
    }
    for wrong in
        [&cursor[1..], &cursor[..cursor.len() - 2], "x", "00", &format!("{cursor}00"), &cursor.replace('0', "1")]
    {
        is_problem(&asked(&format!("{}cursor={wrong}", text(None))), 400);
    }
}

/// A user's name may look like the other parts of a query.
#[test]
fn a_query_is_not_mistaken_for_another_whose_parts_join_to_the_same_text() {
    let by = |from: &str, time| TestEvent::between(from, "b", time);
    let events = ["7 a", " a", "actor a", "a"].map(|user| [by(user, 1), by(user, 2)]);
    let database = log_of(events.iter().flatten());
    for (one, others) in [
        ("user=7%20a", ["until=7&user=a", "since=7&user=a"]),
        ("user=%20a", ["user=a", "user=%2Ba"]),
        ("user=actor%20a", ["user=a&role=actor", "user=a"]),
    ] {
        let cursor = page(&database, one, 1, None).1.unwrap();
        for other in others {
            is_problem(&get(&database, "/v1/events", &format!("{other}&cursor={cursor}")), 400);
        }
    }
}

#[test]
fn a_cursor_of_dead_letters_is_none_of_events() {
    let kv = super::kv_of_dead_letters(101);
    let list = |query: &str| ask(&operated(), &kv, None, ApiRequest { query, ..request("GET", "/v1/dead-letters") });
    let cursor = json_of(&list(""))["cursor"].as_str().unwrap().to_owned();
    let database = long_log(2);
    is_problem(&get(&database, "/v1/events", &format!("cursor={cursor}")), 400);
    let cursor = page(&database, "", 1, None).1.unwrap();
    is_problem(&list(&format!("cursor={cursor}")), 400);
}

#[test]
fn app_may_be_left_out_where_there_is_one_and_a_foreign_one_is_not_found() {
    let database = long_log(3);
    let listed = get(&database, "/v1/events", "");
    assert_eq!(get(&database, "/v1/events", &format!("app={APP}")), listed);
    assert_eq!(get(&database, "/v1/events", "app="), listed);
    database.operations.take();
    let two = operated_with_two_apps();
    for path in ["/v1/events", "/v1/stats"] {
        for app in ["0", "x", "01400000000", "%2F"] {
            is_problem(&get(&database, path, &format!("app={app}")), 404);
        }
        is_problem(&get_by(&two, &database, path, ""), 400);
        assert!(database.operations.take().is_empty());
        is_problem(&get(&database, path, &format!("app={OTHER_APP}")), 404);
        assert_eq!(get_by(&two, &database, path, &format!("app={OTHER_APP}")).status, 200);
        database.operations.take();
    }
    assert_eq!(times_of(&get_by(&two, &database, "/v1/events", &format!("app={OTHER_APP}"))), [0; 0]);
}

#[test]
fn without_a_database_there_are_no_lists_and_the_problem_says_what_to_bind() {
    let kv = FakeKv::having([TestEvent::at(NOW_MS).entry()]);
    for (method, path) in [("GET", "/v1/events"), ("GET", "/v1/stats"), ("POST", "/v1/reindex")] {
        let response = ask(&operated(), &kv, None, request(method, path));
        is_problem(&response, 409);
        assert!(json_of(&response)["detail"].as_str().unwrap().contains("bind DB"), "{response:?}");
        // What cannot be followed is still told first.
        is_problem(&ask(&operated(), &kv, None, ApiRequest { query: "x=1", ..request(method, path) }), 400);
    }
    assert!(kv.operations.borrow().is_empty());
}

#[test]
fn a_database_that_fails_or_has_no_schema_is_503() {
    for path in ["/v1/events", "/v1/stats"] {
        for query in ["", "user=a"] {
            let database = long_log(2);
            database.trouble.set(Some(Trouble::Fails));
            let response = get(&database, path, query);
            is_problem(&response, 503);
            assert_eq!(response.header.map(|(name, _)| name), Some("retry-after"));

            let response = get(&Sqlite::without_schema(), path, query);
            is_problem(&response, 503);
            assert!(response.body.contains("apply the migrations to DB"), "{response:?}");
            // Soon again is no help.
            assert_eq!(response.header, None);
        }
    }
}
