//! The log of events: all pages together are what a plain filter finds, and what a page costs; one event, and its erasure.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};
use unfollow_webhook::{
    api::{ApiRequest, cursor::Cursor, events::LISTS_MAX},
    reply::Reply,
    webhook::command::Kind,
};

use super::{
    ADMIN, FakeShelf, Told, ask, encoded, get, id_in, is_problem, json_of, long_log, numbered_key, operated, request,
    shelf_of, told,
};
use crate::samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, event, query};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// What is asked of the log.
#[derive(Clone, Debug, Default)]
struct Question {
    kind: Option<Kind>,
    user: Option<String>,
    since: Option<u64>,
    until: Option<u64>,
}

impl Question {
    fn query(&self) -> String {
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
    fn asks_for(&self, told: &Told) -> bool {
        let concerns = |user: &String| told.from == *user || told.to.contains(user) || told.is_cut();
        self.kind.is_none_or(|kind| kind == told.kind)
            && self.user.as_ref().is_none_or(concerns)
            && self.since.is_none_or(|since| since <= told.time)
            && self.until.is_none_or(|until| told.time <= until)
    }
}

/// One page: the ids on it, and where it goes on. No page costs more than forty lists, or reads an event.
fn page(shelf: &FakeShelf, query: &str, limit: usize, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let cursor = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
    shelf.take_deeds();
    let reply = get(shelf, "/v1/events", &format!("{query}&limit={limit}{cursor}"));
    assert_eq!((reply.status, reply.content_type), (200, "application/json"), "{reply:?}");
    let deeds = shelf.deeds.borrow();
    assert!(deeds.iter().all(|deed| deed.starts_with(&format!("list event/{APP}/"))), "{deeds:?}");
    assert!((1..=40).contains(&deeds.len()), "{} lists", deeds.len());
    let answer = json_of(&reply);
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let ids: Vec<_> = answer["events"].as_array().unwrap().iter().map(id_of).collect();
    assert!(ids.len() <= limit);
    (ids, answer["cursor"].as_str().map(str::to_owned))
}

fn id_of(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

/// The ids on all pages. Between two of them something may be done to the shelf.
fn walk(shelf: &FakeShelf, query: &str, limits: &[usize], mut between: impl FnMut(usize)) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    for pages in 0.. {
        let (more, next) = page(shelf, query, limits[pages % limits.len()], cursor.as_deref());
        ids.extend(more);
        if next.is_none() {
            break;
        }
        cursor = next;
        between(pages);
        assert!(pages < 400, "there is no end to it");
    }
    ids
}

fn lists(shelf: &FakeShelf) -> usize {
    shelf.deeds.borrow().len()
}

/// Keys among those of the app's events that this Worker has not written, and neighbours that another app has.
fn put_junk(shelf: &FakeShelf) {
    let good = Told::at(NOW_MS).entry().metadata;
    for (n, metadata) in
        ["{}", "{", "[]", "{\"kind\":\"block\",\"from_account\":\"a\",\"to_accounts\":[\"b\"]}"].iter().enumerate()
    {
        shelf.put(&numbered_key(n, NOW_MS + n as u64), "x", metadata);
    }
    for key in ["", "0", "8297", "8297981656321", "8297981656321-", "8297981656321-XYZ", "9", "z"] {
        shelf.put(&format!("event/{APP}/{key}"), "x", &good);
    }
    for other in ["event/140000000", "event/14000000001", "event/1400000001", "dead/1400000000"] {
        shelf.put(&format!("{other}/{}", Told::at(NOW_MS).id()), "x", &good);
    }
}

fn questions(events: &[Told]) -> BoxedStrategy<Question> {
    let times: Vec<_> = events.iter().map(|it| it.time).chain([NOW_MS]).collect();
    let near = (proptest::sample::select(times), prop_oneof![Just(0_i64), -2..=2_i64, -4_000_000..4_000_000_i64]);
    let near = near.prop_map(|(time, by)| time.saturating_add_signed(by).min(9_999_999_999_999));
    let time = || proptest::option::of(prop_oneof![9 => near.clone(), 1 => 0..=9_999_999_999_999_u64]);
    let kind = proptest::option::weighted(0.4, proptest::sample::select(&Kind::ALL[..]));
    let user = proptest::sample::select(&["a", "c", "\u{e9} \"&%+", "nobody"][..]);
    let user = proptest::option::weighted(0.4, user.prop_map(str::to_owned));
    let question = (kind, user, time(), time()).prop_map(|(kind, user, since, until)| {
        let is_crossed = since.zip(until).is_some_and(|(since, until)| since > until);
        let (since, until) = if is_crossed { (until, since) } else { (since, until) };
        Question { kind, user, since, until }
    });
    question.boxed()
}

/// A log, and a question about it.
fn logs() -> impl Strategy<Value = (Vec<Told>, Question)> {
    vec(told(), 0..120).prop_flat_map(|events| (Just(events.clone()), questions(&events)))
}

fn limits() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..10_usize, 1..=1000_usize], 1..4)
}

/// How long KV's lists are, and whether it has a cursor to nothing.
fn moods() -> impl Strategy<Value = (usize, bool)> {
    (prop_oneof![2 => Just(1000), 1 => 1..20_usize], any::<bool>())
}

/// The ids of the events that are asked for, in the order of a list.
fn expected<'a>(events: impl IntoIterator<Item = &'a Told>, question: &Question) -> Vec<String> {
    let ids: BTreeSet<_> = events.into_iter().filter(|it| question.asks_for(it)).map(Told::id).collect();
    ids.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 80, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn all_pages_together_are_what_a_plain_filter_finds(
        (events, question) in logs(),
        limits in limits(),
        (most, dangles) in moods(),
    ) {
        let shelf = shelf_of(&events);
        put_junk(&shelf);
        shelf.most.set(most);
        shelf.dangles.set(dangles);
        prop_assert_eq!(walk(&shelf, &question.query(), &limits, |_| {}), expected(&events, &question));
    }

    /// What is there all the while is shown once, and nothing else that was never there.
    #[test]
    fn a_log_that_changes_between_two_pages_loses_nothing_that_stays(
        (events, question) in logs(),
        limits in vec(1..6_usize, 1..3),
        changes in vec((any::<Index>(), vec(told(), 0..4)), 1..10),
        (most, dangles) in moods(),
    ) {
        let shelf = shelf_of(&events);
        put_junk(&shelf);
        shelf.most.set(most);
        shelf.dangles.set(dangles);
        let mut staying: BTreeMap<_, _> = events.iter().map(|it| (it.id(), it.clone())).collect();
        let mut ever = staying.clone();
        let shown = walk(&shelf, &question.query(), &limits, |pages| {
            let Some((gone, came)) = changes.get(pages) else { return };
            if !staying.is_empty() {
                let id = staying.keys().nth(gone.index(staying.len())).unwrap().clone();
                staying.remove(&id);
                shelf.forget(&format!("event/{APP}/{id}"));
            }
            for told in came {
                let entry = told.entry();
                shelf.put(&entry.key, &entry.value, &entry.metadata);
                ever.insert(told.id(), told.clone());
            }
        });
        prop_assert!(shown.windows(2).all(|two| two[0] < two[1]), "{:?}", shown);
        let expected = expected(staying.values(), &question);
        prop_assert!(expected.iter().all(|id| shown.contains(id)), "{:?} of {:?}", shown, expected);
        prop_assert!(shown.iter().all(|id| ever.get(id).is_some_and(|told| question.asks_for(told))));
    }
}

#[test]
fn a_page_is_the_newest_hundred_where_nobody_says() {
    let shelf = long_log(250, |n| NOW_MS + n as u64);
    let answer = json_of(&get(&shelf, "/v1/events", ""));
    let times: Vec<_> =
        answer["events"].as_array().unwrap().iter().map(|it| it["event_time"].as_u64().unwrap()).collect();
    assert_eq!(times, (150..250).rev().map(|n| NOW_MS + n).collect::<Vec<_>>());
    assert!(answer["cursor"].is_string());
}

#[test]
fn an_empty_log_is_an_empty_page() {
    assert_eq!(json_of(&get(&FakeShelf::default(), "/v1/events", "")), json!({ "events": [], "cursor": null }));
}

#[test]
fn a_page_that_nothing_filters_is_one_list_however_long_the_log_is() {
    for size in [5_usize, 5000, 50_000] {
        let shelf = long_log(size, |n| NOW_MS - n as u64 * 1000);
        for limit in [1, 100, 1000] {
            let (first, mut cursor) = page(&shelf, "", limit, None);
            assert_eq!((first.len(), lists(&shelf)), (limit.min(size), 1), "{limit} of {size}");
            // KV is asked for no more than is shown.
            assert_eq!(shelf.keys_read.get(), limit.min(size));
            // Nor do the pages behind it cost more.
            for _ in 0..3 {
                let Some(last) = cursor else { break };
                let (ids, next) = page(&shelf, "", limit, Some(&last));
                assert_eq!((lists(&shelf), shelf.keys_read.get()), (1, ids.len()));
                cursor = next;
            }
        }
        // Nor does one that begins with the newest and ends within the page.
        let (ids, cursor) = page(&shelf, &format!("since={}", NOW_MS - 3500), 100, None);
        assert_eq!((ids.len(), cursor, lists(&shelf)), (4, None, 1));
    }
}

/// A log of 30 days, an event each two minutes or so, and as many that are newer as wanted.
fn month(newer: usize) -> FakeShelf {
    let shelf = long_log(20_000, |n| NOW_MS - n as u64 * 129_600);
    let metadata = Told::at(0).entry().metadata;
    for n in 0..newer {
        shelf.list_only(&numbered_key(n, NOW_MS + 1 + n as u64), &metadata);
    }
    shelf
}

#[test]
fn an_hour_in_the_middle_of_a_month_is_found_without_reading_what_is_newer() {
    let (since, until) = (NOW_MS - 15 * DAY_MS, NOW_MS - 15 * DAY_MS + 60 * MINUTE_MS);
    let cost = |newer| {
        let shelf = month(newer);
        let (ids, cursor) = page(&shelf, &format!("since={since}&until={until}"), 100, None);
        assert_eq!((ids.len(), cursor), (28, None));
        (lists(&shelf), shelf.keys_read.get())
    };
    let (lists, keys) = cost(0);
    assert!(lists <= 40 && keys <= 28 * 3 / 2 + 1, "{lists} lists, {keys} keys");
    assert_eq!(cost(30_000), (lists, keys));
}

/// What comes in front moves the last event of a page into the KV list behind the one that it was in.
#[test]
fn new_events_between_two_pages_make_nothing_come_twice() {
    let shelf = long_log(3_000, |n| NOW_MS - n as u64);
    let metadata = Told::at(0).entry().metadata;
    let kind = serde_json::from_str::<Value>(&metadata).unwrap()["kind"].as_str().unwrap().to_owned();
    let ids = walk(&shelf, &format!("kind={kind}"), &[950], |pages| {
        for n in 0..100 {
            shelf.list_only(&numbered_key(n, NOW_MS + (pages as u64 + 1) * 1_000 + n as u64), &metadata);
        }
    });
    assert!(ids.is_sorted_by(|before, behind| before < behind));
    assert_eq!(ids.len(), 3_000);
}

#[test]
fn what_is_older_than_a_time_is_found_without_reading_what_is_newer() {
    let until = NOW_MS - 15 * DAY_MS;
    let cost = |newer| {
        let shelf = month(newer);
        let (ids, cursor) = page(&shelf, &format!("until={until}"), 50, None);
        assert_eq!((ids.len(), cursor.is_some()), (50, true));
        let first = Told::at(until).id();
        assert!(ids[0].as_str() >= &first[..13]);
        (lists(&shelf), shelf.keys_read.get())
    };
    let (lists, keys) = cost(0);
    // The newer ones of a day are 864.
    assert!(lists <= 40 && keys <= 1000 + 864, "{lists} lists, {keys} keys");
    assert_eq!(cost(30_000), (lists, keys));
}

#[test]
fn a_rare_user_is_looked_for_within_a_bound_and_found_in_the_end() {
    let shelf = long_log(12_000, |n| NOW_MS - n as u64);
    let rare = Told { from: "rare".to_owned(), ..Told::at(NOW_MS - 20_000) };
    let entry = rare.entry();
    shelf.put(&entry.key, &entry.value, &entry.metadata);
    let (mut cursor, mut found) = (None, Vec::new());
    for most in [5000_usize, 5000, 2001] {
        assert!(found.is_empty());
        let (ids, next) = page(&shelf, "user=rare", 100, cursor.as_deref());
        // Full lists, so that few make up the bound.
        assert_eq!((shelf.keys_read.get(), lists(&shelf)), (most, most.div_ceil(1000)));
        (found, cursor) = (ids, next);
    }
    assert_eq!((found, cursor), (vec![rare.id()], None));
}

#[test]
fn a_rare_kind_is_looked_for_with_full_lists() {
    let shelf = long_log(6000, |n| NOW_MS - n as u64);
    let (ids, cursor) = page(&shelf, "kind=follow", 1, None);
    assert_eq!((ids.len(), cursor.is_some(), shelf.keys_read.get(), lists(&shelf)), (0, true, 5000, 5));
}

/// Where lists are short, their number is the bound.
#[test]
fn a_page_is_forty_lists_at_most() {
    let shelf = long_log(500, |n| NOW_MS - n as u64);
    shelf.most.set(7);
    let (ids, cursor) = page(&shelf, "user=nobody", 100, None);
    assert_eq!((ids.len(), cursor.is_some(), lists(&shelf), LISTS_MAX), (0, true, 40, 40));
}

#[test]
fn a_cursor_belongs_to_its_question() {
    let two = config(&[("SDK_APP_IDS", "1400000000,1400000001"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
    let shelf = long_log(10, |n| NOW_MS - n as u64);
    let asked =
        |query: &str| -> Reply { ask(&two, &shelf, None, ApiRequest { query, ..request("GET", "/v1/events") }) };
    let question = [("app", APP), ("kind", "unfollow"), ("user", "a"), ("since", "5"), ("until", "9999999999998")];
    let text = |change: Option<(&str, &str)>| -> String {
        let value = |(name, value)| change.filter(|(it, _)| *it == name).map_or(value, |(_, other)| other);
        question.iter().map(|&(name, it)| format!("{name}={}&", value((name, it)))).collect()
    };
    let cursor = json_of(&asked(&(text(None) + "limit=3")))["cursor"].as_str().unwrap().to_owned();
    for limit in ["", "1", "3", "1000"] {
        assert_eq!(asked(&format!("{}limit={limit}&cursor={cursor}", text(None))).status, 200);
    }
    // The same question in other words.
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

/// A user's name may look like the other parts of a question.
#[test]
fn a_question_is_not_mistaken_for_another_whose_parts_run_together() {
    let by = |from: &str, time| Told { from: from.to_owned(), ..Told::at(time) };
    let shelf = shelf_of(&[by("7 a", 1), by("7 a", 2), by(" a", 1), by(" a", 2)]);
    for (one, others) in [("user=7%20a", ["until=7&user=a", "since=7&user=a"]), ("user=%20a", ["user=a", "user=+a"])] {
        let cursor = page(&shelf, one, 1, None).1.unwrap();
        for other in others {
            is_problem(&get(&shelf, "/v1/events", &format!("{other}&cursor={cursor}")), 400);
        }
    }
}

#[test]
fn a_cursor_of_dead_letters_is_none_of_events() {
    let letters = super::letters(101);
    let cursor = json_of(&get(&letters, "/v1/dead-letters", ""))["cursor"].as_str().unwrap().to_owned();
    is_problem(&get(&letters, "/v1/events", &format!("cursor={cursor}")), 400);
    let events = long_log(2, |n| n as u64);
    let cursor = json_of(&get(&events, "/v1/events", "limit=1"))["cursor"].as_str().unwrap().to_owned();
    is_problem(&get(&events, "/v1/dead-letters", &format!("cursor={cursor}")), 400);
}

#[test]
fn a_cursor_past_all_places_is_the_end() {
    let shelf = long_log(2, |n| n as u64);
    // The question as cursors know it; the one of a page tells that it is so.
    let question = format!("{APP}    ");
    assert!(Cursor::read(&page(&shelf, "", 1, None).1.unwrap(), &question).is_some());
    for place in [1, usize::MAX] {
        let cursor = Cursor { place, ..Cursor::default() }.write(&question);
        let reply = get(&shelf, "/v1/events", &format!("cursor={cursor}"));
        assert_eq!((reply.status, json_of(&reply)), (200, json!({ "events": [], "cursor": null })));
    }
}

#[test]
fn app_may_be_left_out_where_there_is_one_and_a_foreign_one_is_not_found() {
    let shelf = long_log(3, |n| NOW_MS - n as u64);
    let listed = get(&shelf, "/v1/events", "");
    assert_eq!(get(&shelf, "/v1/events", &format!("app={APP}")), listed);
    assert_eq!(get(&shelf, "/v1/events", "app="), listed);
    shelf.take_deeds();
    for path in ["/v1/events", "/v1/stats"] {
        for app in ["1400000001", "0", "x", "01400000000", "%2F"] {
            is_problem(&get(&shelf, path, &format!("app={app}")), 404);
        }
        let two = config(&[("SDK_APP_IDS", "1,2"), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)]);
        is_problem(&ask(&two, &shelf, None, request("GET", path)), 400);
        assert_eq!(lists(&shelf), 0);
        assert_eq!(
            ask(&two, &FakeShelf::default(), None, ApiRequest { query: "app=2", ..request("GET", path) }).status,
            200
        );
    }
}

#[test]
fn an_event_is_read_with_its_query_and_body() {
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let entry = event.entry(None, NOW_MS);
    let shelf = FakeShelf::of([entry.clone()]);
    let reply = get(&shelf, &format!("/v1/events/{APP}/{}", event.id()), "");
    assert_eq!((reply.status, reply.content_type, &*reply.body), (200, "application/json", &*entry.value));
    assert_eq!(json_of(&reply)["body"], serde_json::from_str::<Value>(UNFOLLOW).unwrap());
    assert_eq!(shelf.take_deeds(), [format!("get {}", entry.key)]);
    let gone = Told::at(NOW_MS).id();
    is_problem(&get(&shelf, &format!("/v1/events/{APP}/{gone}"), ""), 404);
}

#[test]
fn what_is_no_id_or_of_no_app_of_ours_is_not_found_without_a_look() {
    let id = Told::at(NOW_MS).id();
    let shelf = shelf_of(&[Told::at(NOW_MS)]);
    let upper = id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A");
    for path in [
        format!("{APP}/x"),
        format!("{APP}/"),
        format!("{APP}/{id}0"),
        format!("{APP}/{}", &id[1..]),
        format!("{APP}/{upper}"),
        format!("{APP}/{id}-store"),
        format!("{APP}/{}", id.replace('-', "%2D")),
        format!("{APP}/../{id}"),
        format!("1400000001/{id}"),
        format!("0{APP}/{id}"),
        format!("/{id}"),
    ] {
        for method in ["GET", "DELETE"] {
            let reply = ask(&operated(), &shelf, None, request(method, &format!("/v1/events/{path}")));
            is_problem(&reply, 404);
        }
    }
    assert_eq!((lists(&shelf), shelf.keys().len()), (0, 1));
}

#[test]
fn an_erased_event_is_gone_with_its_dead_letters_and_nothing_else_is() {
    let (letter, id, _) = super::letter(0);
    let stored = super::event(&query(Kind::Unfollow.command()), Kind::Unfollow, super::numbered(0).as_bytes())
        .entry(None, NOW_MS);
    assert_eq!(id_in(&stored.key), id);
    let other = super::letter(1);
    let others = [
        other.0.key.clone(),
        format!("{}-store", other.0.key),
        format!("event/{APP}/{}", other.1),
        format!("event/1400000001/{id}"),
        format!("dead/1400000001/{id}"),
        format!("dead/0/{id}"),
        format!("{}0", stored.key),
    ];
    let mine = [letter.key.clone(), format!("{}-store", letter.key), stored.key.clone()];
    let shelf = FakeShelf::default();
    for key in others.iter().chain(&mine) {
        shelf.put(key, "{}", "{}");
    }
    let path = format!("/v1/events/{APP}/{id}");
    let erase = || ask(&operated(), &shelf, None, request("DELETE", &path));
    for _ in 0..2 {
        let reply = erase();
        assert_eq!((reply.status, &*reply.body), (204, ""));
        let mut deeds = shelf.take_deeds();
        // The event goes last: where an erasure fails on its way, it is still there to be erased again.
        assert_eq!(deeds.last(), Some(&format!("delete {}", stored.key)));
        deeds.sort();
        let mut expected = mine.clone().map(|key| format!("delete {key}"));
        expected.sort();
        assert_eq!(deeds, expected);
        let mut left = others.to_vec();
        left.sort();
        assert_eq!(shelf.keys(), left);
    }
    is_problem(&get(&shelf, &path, ""), 404);
}

#[test]
fn a_shelf_that_fails_is_503() {
    let id = Told::at(NOW_MS).id();
    let path = format!("/v1/events/{APP}/{id}");
    for (method, path, deed) in [
        ("GET", "/v1/events", "list"),
        ("GET", "/v1/stats", "list"),
        ("GET", &path, "get"),
        ("DELETE", &path, "delete"),
    ] {
        let shelf = shelf_of(&[Told::at(NOW_MS)]);
        shelf.fails.set(Some(deed));
        let reply = ask(&operated(), &shelf, None, request(method, path));
        is_problem(&reply, 503);
        assert_eq!(reply.header.map(|(name, _)| name), Some("retry-after"));
        assert_eq!(shelf.keys(), [format!("event/{APP}/{id}")]);
    }
}
