//! The event log: all pages together are what a plain filter finds; what a page costs; one event, and its erasure.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::{ApiRequest, cursor::Cursor, events::LISTS_MAX},
    response::Response,
    webhook::command::Kind,
};

use super::{
    ADMIN, FakeReader, TestEvent, any_event, ask, encoded, get, id_in, is_problem, json_of, long_log, numbered_key,
    operated, reader_of, request,
};
use crate::samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, event, query};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
struct EventQuery {
    kind: Option<Kind>,
    user: Option<String>,
    since: Option<u64>,
    until: Option<u64>,
}

impl EventQuery {
    fn parameters(&self) -> String {
        let Self { kind, user, since, until } = self;
        let parameters = [
            kind.map(|kind| format!("kind={}", kind.name())),
            user.as_ref().map(|user| format!("user={}", encoded(user))),
            since.map(|since| format!("since={since}")),
            until.map(|until| format!("until={until}")),
        ];
        parameters.into_iter().flatten().collect::<Vec<_>>().join("&")
    }

    /// The plain filter.
    fn matches(&self, test_event: &TestEvent) -> bool {
        let concerns = |user: &String| test_event.from == *user || test_event.to.contains(user) || test_event.is_cut();
        self.kind.is_none_or(|kind| kind == test_event.kind)
            && self.user.as_ref().is_none_or(concerns)
            && self.since.is_none_or(|since| since <= test_event.time)
            && self.until.is_none_or(|until| test_event.time <= until)
    }
}

/// One page: the ids on it, and where it goes on. No page costs more than forty lists, or reads an event.
fn page(reader: &FakeReader, query: &str, limit: usize, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let cursor = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
    reader.take_operations();
    let response = get(reader, "/v1/events", &format!("{query}&limit={limit}{cursor}"));
    assert_eq!((response.status, response.content_type), (200, "application/json"), "{response:?}");
    let operations = reader.operations.borrow();
    assert!(operations.iter().all(|operation| operation.starts_with(&format!("list event/{APP}/"))), "{operations:?}");
    assert!((1..=40).contains(&operations.len()), "{} lists", operations.len());
    let answer = json_of(&response);
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let ids: Vec<_> = answer["events"].as_array().unwrap().iter().map(id_of).collect();
    assert!(ids.len() <= limit);
    (ids, answer["cursor"].as_str().map(str::to_owned))
}

fn id_of(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

/// The ids on all pages. `between` may change the log between two of them.
fn walk(reader: &FakeReader, query: &str, limits: &[usize], mut between: impl FnMut(usize)) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    for pages in 0.. {
        let (more, next) = page(reader, query, limits[pages % limits.len()], cursor.as_deref());
        ids.extend(more);
        if next.is_none() {
            break;
        }
        cursor = next;
        between(pages);
        assert!(pages < 400, "the pages do not end");
    }
    ids
}

fn lists(reader: &FakeReader) -> usize {
    reader.operations.borrow().len()
}

/// Keys among those of the app's events that this Worker has not written, and the events of other apps.
fn put_junk(reader: &FakeReader) {
    let good = TestEvent::at(NOW_MS).entry().metadata;
    for (n, metadata) in
        ["{}", "{", "[]", "{\"kind\":\"block\",\"from_account\":\"a\",\"to_accounts\":[\"b\"]}"].iter().enumerate()
    {
        reader.put(&numbered_key(n, NOW_MS + n as u64), "x", metadata);
    }
    for key in ["", "0", "8297", "8297981656321", "8297981656321-", "8297981656321-XYZ", "9", "z"] {
        reader.put(&format!("event/{APP}/{key}"), "x", &good);
    }
    for other in ["event/140000000", "event/14000000001", "event/1400000001", "dead/1400000000"] {
        reader.put(&format!("{other}/{}", TestEvent::at(NOW_MS).id()), "x", &good);
    }
}

fn queries(events: &[TestEvent]) -> BoxedStrategy<EventQuery> {
    let times: Vec<_> = events.iter().map(|it| it.time).chain([NOW_MS]).collect();
    let near = (proptest::sample::select(times), prop_oneof![Just(0_i64), -2..=2_i64, -4_000_000..4_000_000_i64]);
    let near = near.prop_map(|(time, by)| time.saturating_add_signed(by).min(9_999_999_999_999));
    let time = || proptest::option::of(prop_oneof![9 => near.clone(), 1 => 0..=9_999_999_999_999_u64]);
    let kind = proptest::option::weighted(0.4, proptest::sample::select(&Kind::ALL[..]));
    let user = proptest::sample::select(&["a", "c", "\u{e9} \"&%+", "nobody"][..]);
    let user = proptest::option::weighted(0.4, user.prop_map(str::to_owned));
    let query = (kind, user, time(), time()).prop_map(|(kind, user, since, until)| {
        let is_crossed = since.zip(until).is_some_and(|(since, until)| since > until);
        let (since, until) = if is_crossed { (until, since) } else { (since, until) };
        EventQuery { kind, user, since, until }
    });
    query.boxed()
}

/// A log, and a query for it.
fn logs() -> impl Strategy<Value = (Vec<TestEvent>, EventQuery)> {
    vec(any_event(), 0..120).prop_flat_map(|events| (Just(events.clone()), queries(&events)))
}

fn limits() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..10_usize, 1..=1000_usize], 1..4)
}

/// The keys that KV returns in a list at most, and whether its last page is empty.
fn list_behaviours() -> impl Strategy<Value = (usize, bool)> {
    (prop_oneof![2 => Just(1000), 1 => 1..20_usize], any::<bool>())
}

/// The ids of the events that are asked for, in the order of a list.
fn expected<'a>(events: impl IntoIterator<Item = &'a TestEvent>, query: &EventQuery) -> Vec<String> {
    let ids: BTreeSet<_> = events.into_iter().filter(|it| query.matches(it)).map(TestEvent::id).collect();
    ids.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 80, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_pages_together_are_what_a_plain_filter_finds(
        (events, query) in logs(),
        limits in limits(),
        (list_max, has_empty_last_page) in list_behaviours(),
    ) {
        let reader = reader_of(&events);
        put_junk(&reader);
        reader.list_max.set(list_max);
        reader.has_empty_last_page.set(has_empty_last_page);
        prop_assert_eq!(walk(&reader, &query.parameters(), &limits, |_| {}), expected(&events, &query));
    }

    /// An event that stays is shown once, and none is shown that was never there.
    #[test]
    fn a_log_that_changes_between_two_pages_loses_nothing_that_stays(
        (events, query) in logs(),
        limits in vec(1..6_usize, 1..3),
        changes in vec((any::<Index>(), vec(any_event(), 0..4)), 1..10),
        (list_max, has_empty_last_page) in list_behaviours(),
    ) {
        let reader = reader_of(&events);
        put_junk(&reader);
        reader.list_max.set(list_max);
        reader.has_empty_last_page.set(has_empty_last_page);
        let mut staying: BTreeMap<_, _> = events.iter().map(|it| (it.id(), it.clone())).collect();
        let mut ever = staying.clone();
        let shown = walk(&reader, &query.parameters(), &limits, |pages| {
            let Some((gone, came)) = changes.get(pages) else { return };
            if !staying.is_empty() {
                let id = staying.keys().nth(gone.index(staying.len())).unwrap().clone();
                staying.remove(&id);
                reader.forget(&format!("event/{APP}/{id}"));
            }
            for test_event in came {
                let entry = test_event.entry();
                reader.put(&entry.key, &entry.value, &entry.metadata);
                ever.insert(test_event.id(), test_event.clone());
            }
        });
        prop_assert!(shown.windows(2).all(|two| two[0] < two[1]), "{:?}", shown);
        let expected = expected(staying.values(), &query);
        prop_assert!(expected.iter().all(|id| shown.contains(id)), "{:?} of {:?}", shown, expected);
        prop_assert!(shown.iter().all(|id| ever.get(id).is_some_and(|test_event| query.matches(test_event))));
    }
}

#[test]
fn a_page_is_the_newest_hundred_without_a_limit() {
    let reader = long_log(250, |n| NOW_MS + n as u64);
    let answer = json_of(&get(&reader, "/v1/events", ""));
    let times: Vec<_> =
        answer["events"].as_array().unwrap().iter().map(|it| it["event_time"].as_u64().unwrap()).collect();
    assert_eq!(times, (150..250).rev().map(|n| NOW_MS + n).collect::<Vec<_>>());
    assert!(answer["cursor"].is_string());
}

#[test]
fn an_empty_log_is_an_empty_page() {
    assert_eq!(json_of(&get(&FakeReader::default(), "/v1/events", "")), json!({ "events": [], "cursor": null }));
}

#[test]
fn a_page_without_a_filter_is_one_list_however_long_the_log_is() {
    for size in [5_usize, 5000, 50_000] {
        let reader = long_log(size, |n| NOW_MS - n as u64 * 1000);
        for limit in [1, 100, 1000] {
            let (first, mut cursor) = page(&reader, "", limit, None);
            assert_eq!((first.len(), lists(&reader)), (limit.min(size), 1), "{limit} of {size}");
            // KV is asked for no more than is shown.
            assert_eq!(reader.keys_read.get(), limit.min(size));
            // Nor do the next pages cost more.
            for _ in 0..3 {
                let Some(last) = cursor else { break };
                let (ids, next) = page(&reader, "", limit, Some(&last));
                assert_eq!((lists(&reader), reader.keys_read.get()), (1, ids.len()));
                cursor = next;
            }
        }
        // Nor does a page that begins with the newest event and ends the range.
        let (ids, cursor) = page(&reader, &format!("since={}", NOW_MS - 3500), 100, None);
        assert_eq!((ids.len(), cursor, lists(&reader)), (4, None, 1));
    }
}

/// A log of 30 days with an event about every two minutes, and `newer` events after that.
fn month(newer: usize) -> FakeReader {
    let reader = long_log(20_000, |n| NOW_MS - n as u64 * 129_600);
    let metadata = TestEvent::at(0).entry().metadata;
    for n in 0..newer {
        reader.list_only(&numbered_key(n, NOW_MS + 1 + n as u64), &metadata);
    }
    reader
}

#[test]
fn an_hour_in_the_middle_of_a_month_is_found_without_reading_what_is_newer() {
    let (since, until) = (NOW_MS - 15 * DAY_MS, NOW_MS - 15 * DAY_MS + 60 * MINUTE_MS);
    let cost = |newer| {
        let reader = month(newer);
        let (ids, cursor) = page(&reader, &format!("since={since}&until={until}"), 100, None);
        assert_eq!((ids.len(), cursor), (28, None));
        (lists(&reader), reader.keys_read.get())
    };
    let (lists, keys) = cost(0);
    assert!(lists <= 40 && keys <= 28 * 3 / 2 + 1, "{lists} lists, {keys} keys");
    assert_eq!(cost(30_000), (lists, keys));
}

/// New events at the front move the last event of a page into the next KV list.
#[test]
fn new_events_between_two_pages_repeat_nothing() {
    let reader = long_log(3_000, |n| NOW_MS - n as u64);
    let metadata = TestEvent::at(0).entry().metadata;
    let kind = serde_json::from_str::<Value>(&metadata).unwrap()["kind"].as_str().unwrap().to_owned();
    let ids = walk(&reader, &format!("kind={kind}"), &[950], |pages| {
        for n in 0..100 {
            reader.list_only(&numbered_key(n, NOW_MS + (pages as u64 + 1) * 1_000 + n as u64), &metadata);
        }
    });
    assert!(ids.is_sorted_by(|before, behind| before < behind));
    assert_eq!(ids.len(), 3_000);
}

#[test]
fn what_is_older_than_a_time_is_found_without_reading_what_is_newer() {
    let until = NOW_MS - 15 * DAY_MS;
    let cost = |newer| {
        let reader = month(newer);
        let (ids, cursor) = page(&reader, &format!("until={until}"), 50, None);
        assert_eq!((ids.len(), cursor.is_some()), (50, true));
        let first = TestEvent::at(until).id();
        assert!(ids[0].as_str() >= &first[..13]);
        (lists(&reader), reader.keys_read.get())
    };
    let (lists, keys) = cost(0);
    // The newer ones of a day are 864.
    assert!(lists <= 40 && keys <= 1000 + 864, "{lists} lists, {keys} keys");
    assert_eq!(cost(30_000), (lists, keys));
}

#[test]
fn a_rare_user_is_searched_for_within_a_bound_and_found_in_the_end() {
    let reader = long_log(12_000, |n| NOW_MS - n as u64);
    let rare = TestEvent { from: "rare".to_owned(), ..TestEvent::at(NOW_MS - 20_000) };
    let entry = rare.entry();
    reader.put(&entry.key, &entry.value, &entry.metadata);
    let (mut cursor, mut found) = (None, Vec::new());
    for most in [5000_usize, 5000, 2001] {
        assert!(found.is_empty());
        let (ids, next) = page(&reader, "user=rare", 100, cursor.as_deref());
        // Full lists, so that few of them reach the bound.
        assert_eq!((reader.keys_read.get(), lists(&reader)), (most, most.div_ceil(1000)));
        (found, cursor) = (ids, next);
    }
    assert_eq!((found, cursor), (vec![rare.id()], None));
}

#[test]
fn a_rare_kind_is_searched_for_with_full_lists() {
    let reader = long_log(6000, |n| NOW_MS - n as u64);
    let (ids, cursor) = page(&reader, "kind=follow", 1, None);
    assert_eq!((ids.len(), cursor.is_some(), reader.keys_read.get(), lists(&reader)), (0, true, 5000, 5));
}

/// Where lists are short, their number is the bound.
#[test]
fn a_page_is_forty_lists_at_most() {
    let reader = long_log(500, |n| NOW_MS - n as u64);
    reader.list_max.set(7);
    let (ids, cursor) = page(&reader, "user=nobody", 100, None);
    assert_eq!((ids.len(), cursor.is_some(), lists(&reader), LISTS_MAX), (0, true, 40, 40));
}

#[test]
fn a_cursor_belongs_to_its_query() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let reader = long_log(10, |n| NOW_MS - n as u64);
    let asked =
        |query: &str| -> Response { ask(&two, &reader, None, ApiRequest { query, ..request("GET", "/v1/events") }) };
    let query = [("app", APP), ("kind", "unfollow"), ("user", "a"), ("since", "5"), ("until", "9999999999998")];
    let text = |change: Option<(&str, &str)>| -> String {
        let value = |(name, value)| change.filter(|(it, _)| *it == name).map_or(value, |(_, other)| other);
        query.iter().map(|&(name, it)| format!("{name}={}&", value((name, it)))).collect()
    };
    let cursor = json_of(&asked(&(text(None) + "limit=3")))["cursor"].as_str().unwrap().to_owned();
    for limit in ["", "1", "3", "1000"] {
        assert_eq!(asked(&format!("{}limit={limit}&cursor={cursor}", text(None))).status, 200);
    }
    // The same query in another spelling.
    let same = text(Some(("since", "1970-01-01T00:00:00.005Z")));
    assert_eq!(asked(&format!("{same}cursor={cursor}")).status, 200);
    for change in [
        ("app", "1400000001"),
        ("kind", "follow"),
        ("kind", ""),
        ("user", "b"),
        ("user", ""),
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
    let by = |from: &str, time| TestEvent { from: from.to_owned(), ..TestEvent::at(time) };
    let reader = reader_of(&[by("7 a", 1), by("7 a", 2), by(" a", 1), by(" a", 2)]);
    for (one, others) in [("user=7%20a", ["until=7&user=a", "since=7&user=a"]), ("user=%20a", ["user=a", "user=+a"])] {
        let cursor = page(&reader, one, 1, None).1.unwrap();
        for other in others {
            is_problem(&get(&reader, "/v1/events", &format!("{other}&cursor={cursor}")), 400);
        }
    }
}

#[test]
fn a_cursor_of_dead_letters_is_none_of_events() {
    let dead_letters = super::reader_of_dead_letters(101);
    let cursor = json_of(&get(&dead_letters, "/v1/dead-letters", ""))["cursor"].as_str().unwrap().to_owned();
    is_problem(&get(&dead_letters, "/v1/events", &format!("cursor={cursor}")), 400);
    let events = long_log(2, |n| n as u64);
    let cursor = json_of(&get(&events, "/v1/events", "limit=1"))["cursor"].as_str().unwrap().to_owned();
    is_problem(&get(&events, "/v1/dead-letters", &format!("cursor={cursor}")), 400);
}

#[test]
fn a_cursor_past_all_prefixes_is_the_end() {
    let reader = long_log(2, |n| n as u64);
    // The query as the text in a cursor's checksum; the cursor of a page shows that it is right.
    let query = format!("{APP}    ");
    assert!(Cursor::read(&page(&reader, "", 1, None).1.unwrap(), &query).is_some());
    for place in [1, usize::MAX] {
        let cursor = Cursor { place, ..Cursor::default() }.write(&query);
        let response = get(&reader, "/v1/events", &format!("cursor={cursor}"));
        assert_eq!((response.status, json_of(&response)), (200, json!({ "events": [], "cursor": null })));
    }
}

#[test]
fn app_may_be_left_out_where_there_is_one_and_a_foreign_one_is_not_found() {
    let reader = long_log(3, |n| NOW_MS - n as u64);
    let listed = get(&reader, "/v1/events", "");
    assert_eq!(get(&reader, "/v1/events", &format!("app={APP}")), listed);
    assert_eq!(get(&reader, "/v1/events", "app="), listed);
    reader.take_operations();
    for path in ["/v1/events", "/v1/stats"] {
        for app in ["1400000001", "0", "x", "01400000000", "%2F"] {
            is_problem(&get(&reader, path, &format!("app={app}")), 404);
        }
        let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
        is_problem(&ask(&two, &reader, None, request("GET", path)), 400);
        assert_eq!(lists(&reader), 0);
        assert_eq!(
            ask(&two, &FakeReader::default(), None, ApiRequest { query: "app=2", ..request("GET", path) }).status,
            200
        );
    }
}

#[test]
fn an_event_is_read_with_its_query_and_body() {
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let entry = event.entry(None, NOW_MS);
    let reader = FakeReader::of([entry.clone()]);
    let response = get(&reader, &format!("/v1/events/{APP}/{}", event.id()), "");
    assert_eq!((response.status, response.content_type, &*response.body), (200, "application/json", &*entry.value));
    assert_eq!(json_of(&response)["body"], serde_json::from_str::<Value>(UNFOLLOW).unwrap());
    assert_eq!(reader.take_operations(), [format!("get {}", entry.key)]);
    let gone = TestEvent::at(NOW_MS).id();
    is_problem(&get(&reader, &format!("/v1/events/{APP}/{gone}"), ""), 404);
}

#[test]
fn what_is_no_id_or_of_another_app_is_not_found_without_reading() {
    let id = TestEvent::at(NOW_MS).id();
    let reader = reader_of(&[TestEvent::at(NOW_MS)]);
    let upper = id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A");
    for path in [
        format!("{APP}/x"),
        format!("{APP}/"),
        format!("{APP}/{id}0"),
        format!("{APP}/{}", &id[1..]),
        format!("{APP}/{upper}"),
        format!("{APP}/{id}-store_kv"),
        format!("{APP}/{}", id.replace('-', "%2D")),
        format!("{APP}/../{id}"),
        format!("1400000001/{id}"),
        format!("0{APP}/{id}"),
        format!("/{id}"),
    ] {
        for method in ["GET", "DELETE"] {
            let response = ask(&operated(), &reader, None, request(method, &format!("/v1/events/{path}")));
            is_problem(&response, 404);
        }
    }
    assert_eq!((lists(&reader), reader.keys().len()), (0, 1));
}

#[test]
fn an_erased_event_is_gone_with_its_dead_letters_and_nothing_else_is() {
    let (dead_letter, id, _) = super::numbered_dead_letter(0);
    let stored = super::event(&query(Kind::Unfollow.command()), Kind::Unfollow, super::numbered(0).as_bytes())
        .entry(None, NOW_MS);
    assert_eq!(id_in(&stored.key), id);
    let other = super::numbered_dead_letter(1);
    let others = [
        other.0.key.clone(),
        format!("{}-store_kv", other.0.key),
        format!("event/{APP}/{}", other.1),
        format!("event/1400000001/{id}"),
        format!("dead/1400000001/{id}"),
        format!("dead/0/{id}"),
        format!("{}0", stored.key),
    ];
    let mine = [dead_letter.key.clone(), format!("{}-store_kv", dead_letter.key), stored.key.clone()];
    let reader = FakeReader::default();
    for key in others.iter().chain(&mine) {
        reader.put(key, "{}", "{}");
    }
    let path = format!("/v1/events/{APP}/{id}");
    let erase = || ask(&operated(), &reader, None, request("DELETE", &path));
    for _ in 0..2 {
        let response = erase();
        assert_eq!((response.status, &*response.body), (204, ""));
        let mut operations = reader.take_operations();
        // The event goes last: where an erasure fails half-way, the event is still there to be erased again.
        assert_eq!(operations.last(), Some(&format!("delete {}", stored.key)));
        operations.sort();
        let mut expected = mine.clone().map(|key| format!("delete {key}"));
        expected.sort();
        assert_eq!(operations, expected);
        let mut left = others.to_vec();
        left.sort();
        assert_eq!(reader.keys(), left);
    }
    is_problem(&get(&reader, &path, ""), 404);
}

#[test]
fn a_store_that_fails_is_503() {
    let id = TestEvent::at(NOW_MS).id();
    let path = format!("/v1/events/{APP}/{id}");
    for (method, path, operation) in [
        ("GET", "/v1/events", "list"),
        ("GET", "/v1/stats", "list"),
        ("GET", &path, "get"),
        ("DELETE", &path, "delete"),
    ] {
        let reader = reader_of(&[TestEvent::at(NOW_MS)]);
        reader.fails.set(Some(operation));
        let response = ask(&operated(), &reader, None, request(method, path));
        is_problem(&response, 503);
        assert_eq!(response.header.map(|(name, _)| name), Some("retry-after"));
        assert_eq!(reader.keys(), [format!("event/{APP}/{id}")]);
    }
}
