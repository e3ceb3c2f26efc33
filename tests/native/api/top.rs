//! Rankings of ranges with many counts, which are stored, and renewed before they are asked for: each is that of a plain count at the
//! time that it says.

use serde_json::{Value, json};
use unfollow_webhook::{
    config::Config,
    database::{
        HOUR_MS, Statement, event_log,
        rankings::{self, Hours, Measure, Ranked, Tally},
    },
    event::EventId,
    ranking,
    webhook::command::Kind,
};

use super::{
    ApiRequest, OTHER_APP, TestEvent, add, encoded, get_at, json_of, log_of, operated_with_two_apps, other_app,
    request, timed,
};
use crate::{
    database::Sqlite,
    fakes::{FakeClock, FakeKv, paused},
    samples::{APP, NOW_MS, app},
};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Ranges as the page asks for them: of a day by the hour, of others by the day.
const RANGES: [(u64, u64); 3] = [(1, 5 * MINUTE_MS), (7, HOUR_MS), (30, HOUR_MS)];

/// 40 users in 200 hours, the first ones in the most of them, and in each of the last day; some of them are followed as well.
fn many() -> Vec<TestEvent> {
    let of_hour = |hour: u64| {
        (0..40).filter(move |user| hour.is_multiple_of(user + 1) || hour < 26 && *user < 16).map(move |user| {
            TestEvent {
                kind: if (hour + user).is_multiple_of(5) { Kind::Follow } else { Kind::Unfollow },
                ..TestEvent::between("x", &format!("user-{user:02}"), NOW_MS - hour * HOUR_MS - user)
            }
        })
    };
    // And one in each hour of two months.
    (0..200)
        .flat_map(of_hour)
        .chain((0..1_400).map(|n| TestEvent::between("y", "user-07", NOW_MS - n * HOUR_MS)))
        .collect()
}

fn top(database: &Sqlite, now: u64, query: &str) -> Value {
    let response = get_at(now, &operated_with_two_apps(), database, "/v1/top", query);
    assert_eq!(response.status, 200, "{query}: {response:?}");
    json_of(&response)
}

fn range(days: u64) -> String {
    format!("app={APP}&limit=100&since={}", NOW_MS - days * DAY_MS)
}

/// The same, summed up at the time of the answer: no range that ends later is stored.
fn recounted(database: &Sqlite, answer: &Value, by: &str) -> Value {
    let (since, until) = (&answer["since"], answer["until"].as_u64().unwrap());
    let query = format!("app={APP}&limit=100&by={by}&since={since}&until={}", until - 1);
    // Of an hour that is over.
    let users = top(database, until + HOUR_MS, &query)["users"].clone();
    database.execute(plain("DELETE FROM rankings WHERE until_hour > 0"));
    users
}

fn plain(sql: &'static str) -> Statement {
    Statement { sql: sql.into(), parameters: Vec::new() }
}

fn renew_at(database: &Sqlite, now: u64) -> Vec<String> {
    database.operations.take();
    paused(ranking::renew_due(database, &FakeClock::at(now))).unwrap();
    database.operations.take()
}

#[test]
fn a_range_with_many_counts_is_summed_up_once_until_it_is_too_old() {
    let database = log_of(&many());
    for (days, fresh_for) in RANGES {
        for by in ["lost", "gained", "net"] {
            let query = format!("{}&by={by}", range(days));
            let first = top(&database, NOW_MS, &query);
            assert_eq!(first["as_of"], NOW_MS);
            assert!(first["users"].as_array().unwrap().len() > 10);
            assert_eq!(first["users"], recounted(&database, &first, by), "{query}");
            let late = TestEvent::between("late", &format!("late-{days}"), NOW_MS - 1);
            add(&database, app(), &[late]);
            assert_eq!(top(&database, NOW_MS + fresh_for, &query), first);
            let later = top(&database, NOW_MS + fresh_for + 1, &query);
            assert_eq!(later["as_of"], NOW_MS + fresh_for + 1);
            assert_eq!(later["users"], recounted(&database, &later, by), "{query}");
            if by == "lost" {
                assert!(later.to_string().contains("late-"));
            }
        }
    }
}

#[test]
fn a_range_with_few_counts_is_summed_up_each_time_and_nothing_is_stored() {
    let database = log_of(&many()[..100]);
    top(&database, NOW_MS, &range(1));
    add(&database, app(), &[TestEvent::between("new", "new", NOW_MS)]);
    assert!(top(&database, NOW_MS, &range(1)).to_string().contains("new"));
    assert_eq!(database.table("rankings"), [json!(null); 0]);
}

/// Whatever comes and goes in between, and in whichever hour.
#[test]
fn what_was_asked_for_is_renewed_before_it_is_too_old_and_right_at_its_time() {
    let database = log_of(&many());
    for (days, _) in RANGES {
        for by in ["lost", "gained", "net"] {
            top(&database, NOW_MS, &format!("{}&by={by}", range(days)));
        }
    }
    let mut renewed = 0;
    for minute in 1..200_u64 {
        let now = NOW_MS + minute * MINUTE_MS;
        if minute % 3 == 0 {
            // Now, late, and too late for its hour; and something leaves.
            let times = [now, now - HOUR_MS, NOW_MS - minute * HOUR_MS];
            let event = |time: u64| TestEvent::between("z", &format!("user-{}", minute % 11), time);
            add(&database, app(), &times.map(event));
            let id = many()[usize::try_from(minute).unwrap() * 7].id();
            database.execute(event_log::delete(app(), &EventId::read(&id).unwrap()));
        }
        let state = |database: &Sqlite| {
            let rows = database.table("rankings").into_iter();
            rows.map(|row| (row["since_hour"].clone(), row["measure"].clone(), row["as_of"].clone()))
                .collect::<Vec<_>>()
        };
        let before = state(&database);
        renew_at(&database, now);
        let has_changed = before != state(&database);
        renewed += usize::from(has_changed);
        for row in database.table("rankings") {
            let (since, by) = (row["since_hour"].as_u64().unwrap() * HOUR_MS, row["measure"].as_str().unwrap());
            let query = format!("app={APP}&limit=100&by={by}&since={since}");
            let as_of = row["as_of"].as_u64().unwrap();
            let days = (now - since) / DAY_MS;
            let most = if days == 1 { 5 } else { 60 };
            assert!(now - as_of <= most * MINUTE_MS, "{minute}: {query}");
            database.operations.take();
            let answer = top(&database, now, &query);
            // Found, and not summed up; once an hour it is noted that somebody asked.
            let operations = database.operations.take();
            assert!(operations.len() <= 2 && operations[1..].iter().all(|it| it == "sql UPDATE"), "{operations:?}");
            assert_eq!(answer["as_of"], as_of);
            if has_changed && as_of == now {
                assert_eq!(answer["users"], recounted(&database, &answer, by), "{minute}: {query}");
            }
        }
    }
    assert!(renewed > 30, "{renewed}");
    // The day has moved on with the hours; the others begin where a day does.
    let begins: Vec<_> = database.table("rankings").iter().map(|row| row["since_hour"].as_u64().unwrap()).collect();
    let hour = NOW_MS / HOUR_MS;
    let day_begins = (NOW_MS + 199 * MINUTE_MS) / HOUR_MS - 24;
    assert_eq!(begins, [[hour - 720; 3], [hour - 168; 3], [day_begins; 3]].concat());
}

/// 7 whole days and the current one become 7 whole days with a new current one.
#[test]
fn a_range_of_days_moves_on_with_the_day() {
    let database = log_of(&many());
    let hour = NOW_MS / HOUR_MS;
    // The page's day began five hours ago.
    let since = hour - 5 - 7 * 24;
    top(&database, NOW_MS, &format!("app={APP}&since={}", since * HOUR_MS));
    let begin = |after: u64| {
        renew_at(&database, NOW_MS + after * HOUR_MS);
        let rows = database.table("rankings");
        assert_eq!(rows.len(), 1);
        rows[0]["since_hour"].as_u64().unwrap()
    };
    assert_eq!(begin(18), since);
    assert_eq!(begin(19), since + 24);
    assert_eq!(begin(23), since + 24);
    // Nobody has asked for it for a day.
    let as_of = database.table("rankings")[0]["as_of"].clone();
    assert_eq!(begin(25), since + 24);
    assert_eq!(database.table("rankings")[0]["as_of"], as_of);
}

#[test]
fn nothing_is_read_where_nobody_asks_and_little_where_nothing_has_changed() {
    let database = log_of(&many());
    assert_eq!(renew_at(&database, NOW_MS), ["sql SELECT"]);
    top(&database, NOW_MS, &range(30));
    assert_eq!(renew_at(&database, NOW_MS + MINUTE_MS), ["sql SELECT"]);
    assert!(renew_at(&database, NOW_MS + 59 * MINUTE_MS).len() > 5);
    assert_eq!(renew_at(&database, NOW_MS + 118 * MINUTE_MS), ["sql SELECT", "sql SELECT", "sql UPDATE"]);
    assert_eq!(top(&database, NOW_MS + 118 * MINUTE_MS, &range(30))["as_of"], NOW_MS + 118 * MINUTE_MS);
}

/// An hour that has more users than one row takes, and than one pass.
#[test]
fn an_hour_may_have_any_number_of_users() {
    let database = Sqlite::default();
    let targets = |n: u64| (0..400).map(|user| format!("u{:06}", n * 400 + user)).collect();
    let event = |n: u64| TestEvent { to: targets(n), ..TestEvent::between("x", "", NOW_MS - 2 * HOUR_MS - n) };
    add(&database, app(), &(0..30).map(event).collect::<Vec<_>>());
    add(&database, app(), &[TestEvent::between("x", "u011999", NOW_MS - 3 * HOUR_MS)]);
    let first = top(&database, NOW_MS, &range(1));
    renew_at(&database, NOW_MS + 5 * MINUTE_MS);
    let packs: Vec<_> = database.table("packed_counts").iter().map(|row| row["part"].as_u64().unwrap()).collect();
    assert_eq!(packs, [0, 0, 1, 2]);
    let renewed = top(&database, NOW_MS + 5 * MINUTE_MS, &range(1));
    assert_eq!((&renewed["users"], &renewed["users"][0]["user"]), (&first["users"], &json!("u011999")));
    assert_eq!(renewed["as_of"], NOW_MS + 5 * MINUTE_MS);
}

#[test]
fn several_passes_find_what_one_finds() {
    let counts: Vec<_> = (0..3_000_u64).map(|n| (format!("user \"{n}\""), n * 7_919 % 50, n * 104_729 % 31)).collect();
    let counts = serde_json::to_string(&counts).unwrap();
    for measure in [Measure::Lost, Measure::Gained, Measure::Net] {
        let ranked = |passes: u32| {
            (0..passes).fold(Vec::<Ranked>::new(), |before, pass| {
                let mut tally = Tally::new(pass, passes);
                (0..2).for_each(|_| tally.add(&counts).unwrap());
                tally.rank(measure, before)
            })
        };
        assert_eq!(ranked(1).len(), 100);
        assert_eq!(ranked(4), ranked(1), "{measure:?}");
    }
}

/// Neither of a user, nor of another app.
#[test]
fn no_ranking_outlives_an_erasure() {
    let database = log_of(&many());
    add(&database, other_app(), &many());
    let config: Config = operated_with_two_apps();
    for query in [range(30), range(30).replace(APP, OTHER_APP)] {
        get_at(NOW_MS, &config, &database, "/v1/top", &query);
    }
    renew_at(&database, NOW_MS + 59 * MINUTE_MS);
    assert_eq!(database.table("rankings").len(), 2);
    loop {
        let kv = FakeKv::default();
        let query = format!("user={}", encoded("user-07"));
        let path = format!("/v1/users/{APP}");
        let request = ApiRequest { query: &query, ..request("DELETE", &path) };
        let (response, _) = timed(&config, &kv, None, Some(&database), request);
        assert_eq!(response.status, 200, "{response:?}");
        if json_of(&response)["more"] == false {
            break;
        }
    }
    let of_app = |table: &str| {
        let rows = database.table(table).into_iter().filter(|row| row["app"] == app().get());
        rows.map(|row| row.to_string()).collect::<String>()
    };
    for table in ["rankings", "packed_counts", "hourly_counts", "user_totals"] {
        assert!(!of_app(table).contains("user-07"), "{table}");
    }
    assert_eq!(database.table("rankings").len(), 1);
}

/// What was summed up before a deletion is not stored after it.
#[test]
fn a_ranking_that_an_erasure_overtakes_is_not_stored() {
    let database = log_of(&many());
    let hours = Hours { app: app(), since: NOW_MS / HOUR_MS - 24, until: None };
    let users = [Ranked { user: "gone".into(), unfollows: 1, follows: 0 }];
    let deleted = database.table("event_totals")[0]["deleted"].as_u64();
    database.execute(rankings::store(hours, Measure::Lost, NOW_MS, &users, deleted));
    assert_eq!(database.table("rankings").len(), 1);
    database.execute(rankings::forget(app()));
    database.execute(event_log::delete(app(), &EventId::read(&many()[0].id()).unwrap()));
    database.execute(rankings::store(hours, Measure::Lost, NOW_MS, &users, deleted));
    assert_eq!(database.table("rankings").len(), 0);
}
