//! One user's totals, and who lost or gained most, compared with plain counts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{database::event_log, event::EventId, webhook::command::Kind};

use super::{TestEvent, add, any_event, encoded, get, is_problem, json_of, log_of, other_app};
use crate::{
    database::Sqlite,
    samples::{APP, NOW_MS, app},
};

const HOUR_MS: u64 = 3_600_000;

fn totals(database: &Sqlite, query: &str) -> Value {
    let response = get(database, &format!("/v1/users/{APP}"), query);
    assert_eq!(response.status, 200, "{query}: {response:?}");
    json_of(&response)
}

fn top(database: &Sqlite, query: &str) -> Value {
    let response = get(database, "/v1/top", query);
    assert_eq!(response.status, 200, "{query}: {response:?}");
    json_of(&response)
}

/// What has the same id is the same event.
fn distinct(events: &[TestEvent]) -> Vec<&TestEvent> {
    events.iter().map(|it| (it.id(), it)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// A plain count of what happened to a user, and what the user did.
fn counted(events: &[TestEvent], user: &str, since: u64, until: u64) -> Value {
    let theirs: Vec<_> =
        distinct(events).into_iter().filter(|it| (since..=until).contains(&it.time) && it.is_of(user, None)).collect();
    let lost = |kind| theirs.iter().filter(|it| it.kind == kind && it.is_of(user, Some("target"))).count();
    let did = |kind| {
        let acts = theirs.iter().filter(|it| it.kind == kind && it.is_of(user, Some("actor")));
        acts.map(|it| it.to.iter().collect::<BTreeSet<_>>().len()).sum::<usize>()
    };
    json!({
        "user": user,
        "followers": {
            "gained": lost(Kind::Follow), "lost": lost(Kind::Unfollow), "gained_recorded": 0, "lost_recorded": 0,
        },
        "following": { "added": did(Kind::Follow), "removed": did(Kind::Unfollow) },
        "first_event_time": theirs.iter().map(|it| it.time).min(),
        "last_event_time": theirs.iter().map(|it| it.time).max(),
    })
}

/// A plain ranking: each target with unfollows, follows and net.
fn ranked(events: &[TestEvent], by: &str, since: u64, until: u64, limit: usize) -> Vec<Value> {
    let mut counts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for it in distinct(events).into_iter().filter(|it| (since..until).contains(&it.time)) {
        for target in it.to.iter().collect::<BTreeSet<_>>() {
            let count = counts.entry(target).or_default();
            match it.kind {
                Kind::Unfollow => count.0 += 1,
                Kind::Follow => count.1 += 1,
            }
        }
    }
    let mut users: Vec<_> = counts.into_iter().map(|(user, (lost, gained))| (user, lost, gained)).collect();
    // A stable sort: users come in the order of their ids.
    match by {
        "lost" => {
            users.retain(|it| it.1 > 0);
            users.sort_by_key(|it| -it.1);
        }
        "gained" => {
            users.retain(|it| it.2 > 0);
            users.sort_by_key(|it| -it.2);
        }
        _ => users.sort_by_key(|it| it.2 - it.1),
    }
    let shown = |&(user, lost, gained): &(&str, i64, i64)| json!({ "user": user, "unfollows": lost, "follows": gained, "net": gained - lost });
    users.iter().take(limit).map(shown).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_those_of_a_plain_count(events in vec(any_event(), 0..30), range in any::<bool>(), at in 0..2_u64) {
        let database = log_of(&events);
        add(&database, other_app(), &[TestEvent::at(NOW_MS)]);
        let (since, until) = if range { (NOW_MS + at, NOW_MS + at + 3_600_000) } else { (0, 9_999_999_999_999) };
        for user in ["a", "b", "c", "\u{e9} \"&%+", "nobody"] {
            let query = if range { format!("&since={since}&until={until}") } else { String::new() };
            let found = totals(&database, &format!("user={}{query}", encoded(user)));
            prop_assert_eq!(found, counted(&events, user, since, until), "{}", user);
        }
    }

    #[test]
    fn the_top_is_that_of_a_plain_count(events in vec(any_event(), 0..40), limit in 1..8_usize) {
        let database = log_of(&events);
        add(&database, other_app(), &[TestEvent::between("x", "y", NOW_MS)]);
        for by in ["lost", "gained", "net"] {
            let query = format!("by={by}&limit={limit}&since={}&until={}", NOW_MS - 80_000_000, NOW_MS + 80_000_000);
            let answer = top(&database, &query);
            let (since, until) = (answer["since"].as_u64().unwrap(), answer["until"].as_u64().unwrap());
            prop_assert_eq!(&answer["users"], &json!(ranked(&events, by, since, until, limit)), "{}", by);
        }
    }
}

#[test]
fn an_id_is_exact() {
    let users = ["alice", " alice ", "ALICE", ".", "..", "   ", "a\u{a0}b", "a\r\nb", "\u{e9}", "e\u{301}", "0"];
    let events: Vec<_> = users.iter().map(|user| TestEvent::between(user, user, NOW_MS)).collect();
    let database = log_of(&events);
    for user in users {
        let found = totals(&database, &format!("user={}", encoded(user)));
        assert_eq!(found, counted(&events, user, 0, NOW_MS), "{user:?}");
        assert_eq!(found["followers"]["lost"], 1, "{user:?}");
    }
}

#[test]
fn a_range_is_inclusive_and_may_have_one_end() {
    let events: Vec<_> = (0..5).map(|n| TestEvent::at(NOW_MS + n)).collect();
    let database = log_of(&events);
    for (query, lost) in [
        (format!("&since={}", NOW_MS + 1), 4),
        (format!("&until={}", NOW_MS + 1), 2),
        (format!("&since={}&until={0}", NOW_MS + 1), 1),
        (String::new(), 5),
    ] {
        let found = totals(&database, &format!("user=b{query}"));
        assert_eq!(found["followers"]["lost"], lost, "{query}");
    }
}

#[test]
fn the_last_24_hours_are_the_range_unless_said_widened_to_whole_hours() {
    let this_hour = NOW_MS / HOUR_MS * HOUR_MS;
    let first = this_hour - 24 * HOUR_MS;
    let times = [first - 1, first, NOW_MS, this_hour + HOUR_MS - 1, this_hour + HOUR_MS];
    let events: Vec<_> = times.map(TestEvent::at).into();
    let answer = top(&log_of(&events), "");
    let expected = json!({
        "since": first, "until": this_hour + HOUR_MS, "as_of": NOW_MS,
        "users": [{ "user": "b", "unfollows": 3, "follows": 0, "net": -3 }],
    });
    assert_eq!(answer, expected);
}

#[test]
fn ten_users_are_listed_unless_said_and_a_hundred_at_most() {
    let events: Vec<_> = (0..120).map(|n| TestEvent::between("a", &format!("u{n:03}"), NOW_MS)).collect();
    let database = log_of(&events);
    let count = |query: &str| top(&database, query)["users"].as_array().unwrap().len();
    assert_eq!((count(""), count("limit=100")), (10, 100));
}

#[test]
fn what_cannot_be_followed_is_400() {
    let database = log_of(&[TestEvent::at(NOW_MS)]);
    let user = format!("/v1/users/{APP}");
    for (path, query) in [
        (&*user, ""),
        (&user, "user="),
        (&user, "user=a&user=a"),
        (&user, "user=a&app=1400000000"),
        (&user, "user=a&since=x"),
        (&user, "user=a&since=2&until=1"),
        (&user, "user=%ff"),
        ("/v1/top", "by=most"),
        ("/v1/top", "limit=0"),
        ("/v1/top", "limit=101"),
        ("/v1/top", "user=a"),
        ("/v1/top", "since=0&until=1702018344000"),
        ("/v1/top", "since=2&until=1"),
    ] {
        is_problem(&get(&database, path, query), 400);
    }
    is_problem(&get(&database, "/v1/users/1400000009", "user=a"), 404);
    is_problem(&get(&Sqlite::without_schema(), "/v1/top", ""), 503);
}

/// The migration counts the targets of what is there already.
#[test]
fn events_of_the_schema_before_are_counted_too() {
    let events = [
        TestEvent { to: vec!["b".into(), "c".into(), "b".into()], ..TestEvent::at(NOW_MS) },
        TestEvent::between("b", "a", NOW_MS + 1),
    ];
    let database = Sqlite::of_version(1);
    add(&database, app(), &events);
    database.migrate_from(1);
    assert_eq!(totals(&database, "user=a"), counted(&events, "a", 0, 9_999_999_999_999));
    let fresh = log_of(&events);
    for table in ["events", "event_users", "hourly_counts", "hourly_totals"] {
        let rows = |database: &Sqlite| {
            let mut rows = database.log_table(table);
            // Of those that are there already it is not known.
            rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("kv_until")));
            rows
        };
        assert_eq!(rows(&database), rows(&fresh), "{table}");
    }
    // And deleted as ever.
    for event in &events {
        let id = EventId::read(&event.id()).unwrap();
        database.execute(event_log::delete(app(), &id));
    }
    assert_eq!(database.size(), 0);
}
