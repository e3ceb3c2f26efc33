//! The comparison of the log with Tencent's own data, by the built Worker and the stand-in for Tencent's REST API.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN,
    call::{APP, Answer, FOLLOW, UNFOLLOW, now_ms, post, post_at, request, request_api, unfollow, unsigned},
    origin::{self, Origin},
    tencent::Tencent,
    worker::{Home, Worker, wait_for},
};

/// A Worker that compares with this stand-in.
fn settings<'a>(tencent: &'a Tencent, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut settings =
        vec![("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN), ("PLAN", "paid")];
    settings.extend(tencent.settings());
    settings.extend(more);
    settings
}

fn follow(from: &str, to: &[&str], event_time: u64) -> String {
    let list: Vec<_> = to.iter().map(|to| json!({ "To_Account": to })).collect();
    json!({"CallbackCommand": FOLLOW, "From_Account": from, "FollowList": list, "EventTime": event_time}).to_string()
}

fn sends_follow(worker: &Worker, from: &str, to: &[&str], event_time: u64) {
    assert!(post(&worker.url, &unsigned(APP, FOLLOW), follow(from, to, event_time)).is_ok());
}

fn sends_unfollow(worker: &Worker, from: &str, to: &[&str], event_time: u64) {
    assert!(post(&worker.url, &unsigned(APP, UNFOLLOW), unfollow(from, to, event_time)).is_ok());
}

#[track_caller]
fn api(worker: &Worker, method: &str, path: &str) -> Value {
    let answer = asks(worker, method, path);
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    answer.body
}

fn asks(worker: &Worker, method: &str, path: &str) -> Answer {
    request_api(method, &format!("{}/v1/{path}", worker.url), Some(ADMIN_TOKEN))
}

/// Calls to the end: the sums of all steps, and all misses.
fn to_the_end(worker: &Worker, path: &str) -> Value {
    let and = if path.contains('?') { '&' } else { '?' };
    let (mut sums, mut cursor) = (BTreeMap::<String, u64>::new(), String::new());
    let (mut follows, mut unfollows) = (Vec::new(), Vec::new());
    for steps in 1.. {
        assert!(steps < 2_000, "it does not end");
        let step = api(worker, "POST", &format!("{path}{and}{cursor}"));
        for (name, value) in step.as_object().unwrap().iter().chain(step["progress"].as_object().into_iter().flatten())
        {
            if let Some(number) = value.as_u64().filter(|_| name != "covered_since") {
                *sums.entry(name.clone()).or_default() += number;
            }
        }
        let parts = ["agreeing", "unknown_to_log", "undecided"].map(|name| step[name].as_u64().unwrap());
        let missed = ["missed_follows", "missed_unfollows"].map(|name| step[name].as_array().unwrap().len() as u64);
        assert_eq!(step["checked"], parts.iter().chain(&missed).sum::<u64>(), "{step}");
        follows.extend(step["missed_follows"].as_array().unwrap().clone());
        unfollows.extend(step["missed_unfollows"].as_array().unwrap().clone());
        match step["cursor"].as_str() {
            Some(next) => cursor = format!("cursor={next}"),
            None => break,
        }
    }
    json!({ "sums": sums, "follows": follows, "unfollows": unfollows })
}

/// Who follows whom as far as the log knows.
fn relations_of_log(worker: &Worker, users: &[String]) -> BTreeSet<(String, String)> {
    let mut relations = BTreeSet::new();
    for user in users {
        let mut cursor = String::new();
        loop {
            let page = api(worker, "GET", &format!("users/{APP}/followers?user={user}&limit=1000{cursor}"));
            let followers = page["followers"].as_array().unwrap();
            relations.extend(followers.iter().map(|it| (it["user"].as_str().unwrap().to_owned(), user.clone())));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    relations
}

fn relations_of(tencent: &Tencent) -> BTreeSet<(String, String)> {
    let state = tencent.state();
    let relations = state["relations"].as_array().unwrap().iter();
    relations.map(|it| (it[0].as_str().unwrap().to_owned(), it[1].as_str().unwrap().to_owned())).collect()
}

#[test]
fn what_never_arrived_is_found_and_recorded_once() {
    let tencent = Tencent::start();
    let worker = Worker::with(&settings(&tencent, &[]));
    let hour_ago = now_ms() / 1000 - 3_600;
    // What the log covers begins here.
    sends_follow(&worker, "first", &["star"], (hour_ago - 600) * 1000);
    tencent.follow("first", "star", hour_ago - 600);
    // It follows still, and the log knows it.
    sends_follow(&worker, "stays", &["star", "other"], hour_ago * 1000 + 5);
    tencent.follow("stays", "star", hour_ago);
    tencent.follow("stays", "other", hour_ago);
    // Its unfollow never came; nor did this follow; and that one is older than the log.
    sends_follow(&worker, "left", &["star"], hour_ago * 1000 + 7);
    tencent.follow("came", "star", hour_ago + 60);
    tencent.follow("before", "star", hour_ago - 100_000);

    let path = format!("users/{APP}/compare?user=star");
    let found = to_the_end(&worker, &path);
    let [missed_follow, missed_unfollow] = [&found["follows"][0], &found["unfollows"][0]];
    assert_eq!(*missed_follow, json!({"actor": "came", "target": "star", "event_time": (hour_ago + 60) * 1000}));
    assert_eq!(
        (missed_unfollow["actor"].as_str(), &missed_unfollow["not_before"]),
        (Some("left"), &json!(hour_ago * 1000 + 7))
    );
    assert!(now_ms().abs_diff(missed_unfollow["event_time"].as_u64().unwrap()) < 30_000);
    assert_eq!((found["sums"]["agreeing"].clone(), found["sums"]["unknown_to_log"].clone()), (json!(2), json!(1)));
    // Nothing was stored.
    assert_eq!(api(&worker, "GET", "events?user=came")["events"], json!([]));

    let recorded = to_the_end(&worker, &format!("{path}&record=true"));
    assert_eq!(recorded["sums"]["recorded"], 2, "{recorded}");
    let event = &api(&worker, "GET", "events?user=came")["events"][0];
    assert_eq!(
        (&event["source"], &event["kind"], &event["event_time"]),
        (&json!("comparison"), &json!("follow"), &json!((hour_ago + 60) * 1000))
    );
    let left = &api(&worker, "GET", "events?user=left&kind=unfollow")["events"][0];
    assert_eq!((&left["source"], &left["not_before"]), (&json!("comparison"), &json!(hour_ago * 1000 + 7)));
    // Tencent's own form.
    let id = event["id"].as_str().unwrap();
    let whole = api(&worker, "GET", &format!("events/{APP}/{id}"));
    let body = json!({"CallbackCommand": FOLLOW, "From_Account": "came", "FollowList": [{"To_Account": "star"}], "EventTime": (hour_ago + 60) * 1000});
    assert_eq!(whole["body"], body);
    // KV has it too.
    let key = format!("event/{APP}/{id}");
    assert!(worker.values(std::slice::from_ref(&key))[&key].contains(r#""source":"comparison""#));
    let totals = api(&worker, "GET", &format!("users/{APP}?user=star"))["followers"].clone();
    assert_eq!(totals, json!({"gained": 4, "lost": 1, "gained_recorded": 1, "lost_recorded": 1}));

    // A second run finds nothing, and changes nothing.
    let before = worker.sql("SELECT count(*) AS n, sum(kv_until) AS k FROM events");
    let again = to_the_end(&worker, &format!("{path}&record=true"));
    assert_eq!((&again["follows"], &again["unfollows"]), (&json!([]), &json!([])), "{again}");
    assert_eq!(worker.sql("SELECT count(*) AS n, sum(kv_until) AS k FROM events"), before);
    let of_log = relations_of_log(&worker, &["star".to_owned(), "other".to_owned()]);
    let mut wanted = relations_of(&tencent);
    wanted.remove(&("before".to_owned(), "star".to_owned()));
    assert_eq!(of_log, wanted);

    // The webhooks come after all, with others in the same call: they take the place of what was recorded.
    sends_follow(&worker, "came", &["another", "star"], (hour_ago + 60) * 1000 + 345);
    sends_unfollow(&worker, "left", &["star"], hour_ago * 1000 + 90_000);
    let events = api(&worker, "GET", "events?limit=1000")["events"].clone();
    assert!(events.as_array().unwrap().iter().all(|event| event.get("source").is_none()), "{events}");
    let totals = api(&worker, "GET", &format!("users/{APP}?user=star"))["followers"].clone();
    assert_eq!(totals, json!({"gained": 4, "lost": 1, "gained_recorded": 0, "lost_recorded": 0}));
    // KV still has the records, and a rebuilt log is the same.
    let mut cursor = String::new();
    while let Some(next) = api(&worker, "POST", &format!("reindex{cursor}"))["cursor"].as_str() {
        cursor = format!("?cursor={next}");
    }
    assert_eq!(api(&worker, "GET", "events?limit=1000")["events"], events);
}

/// A generator of numbers that are always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// 2,000 random follows and unfollows, of which a tenth never reach the Worker.
#[test]
fn after_a_comparison_the_log_says_what_tencent_says() {
    let tencent = Tencent::start();
    let worker = Worker::with(&settings(&tencent, &[]));
    let users: Vec<_> = (0..40).map(|number| format!("user-{number}")).collect();
    let began = now_ms() / 1000 - 7_200;
    let mut random = Random(1);
    let mut at_tencent: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut operations = Vec::new();
    // The latest change of each relation that never came.
    let mut lost: BTreeSet<(String, String)> = BTreeSet::new();
    // The first makes the log begin before all of them.
    sends_follow(&worker, "nobody", &["no one"], (began - 1) * 1000);
    tencent.follow("nobody", "no one", began - 1);
    for number in 0..2_000_u64 {
        let (actor, target) = loop {
            let pair = [random.below(40), random.below(40)].map(|number| users[number as usize].clone());
            if pair[0] != pair[1] {
                break (pair[0].clone(), pair[1].clone());
            }
        };
        let seconds = began + number * 3;
        let pair = (actor.clone(), target.clone());
        let is_follow = at_tencent.remove(&pair).is_none();
        if is_follow {
            at_tencent.insert(pair.clone(), seconds);
            operations.push(json!(["follow", actor, target, seconds]));
        } else {
            operations.push(json!(["unfollow", actor, target]));
        }
        if random.below(10) == 0 {
            lost.insert(pair);
            continue;
        }
        lost.remove(&pair);
        let event_time = seconds * 1000 + random.below(1000);
        if is_follow {
            sends_follow(&worker, &actor, &[&target], event_time);
        } else {
            sends_unfollow(&worker, &actor, &[&target], event_time);
        }
    }
    tencent.control(&operations);
    let before = relations_of_log(&worker, &users);
    let differ: BTreeSet<_> =
        before.symmetric_difference(&relations_of(&tencent)).filter(|it| it.1 != "no one").cloned().collect();
    assert!(differ.len() > 100 && differ.is_subset(&lost), "{}", differ.len());

    // Relations change while they are read.
    let changes = json!([["unfollow", users[1], users[0]], ["follow", "late", users[2], now_ms() / 1000]]);
    tencent.control(&[json!(["during", 5, changes])]);
    let path = format!("compare?app={APP}&since={}&until={}&record=true", (began - 10) * 1000, now_ms());
    let found = to_the_end(&worker, &path);
    let missed: BTreeSet<_> = ["follows", "unfollows"]
        .iter()
        .flat_map(|kind| found[kind].as_array().unwrap())
        .map(|it| (it["actor"].as_str().unwrap().to_owned(), it["target"].as_str().unwrap().to_owned()))
        .collect();
    let changed = (users[1].clone(), users[0].clone());
    let missed_but_one: BTreeSet<_> = missed.iter().filter(|it| **it != changed).cloned().collect();
    let differ_but_one: BTreeSet<_> = differ.iter().filter(|it| **it != changed).cloned().collect();
    assert_eq!(missed_but_one, differ_but_one);

    // The change that was made meanwhile never came either.
    to_the_end(&worker, &format!("users/{APP}/compare?user={}&record=true", users[0]));
    tencent.unfollow("late", &users[2]);
    let mut at_tencent = relations_of(&tencent);
    at_tencent.retain(|it| it.0 != "nobody");
    assert_eq!(relations_of_log(&worker, &users), at_tencent);
    let count = worker.sql("SELECT count(*) AS n FROM events");
    let again = to_the_end(&worker, &path);
    assert_eq!((&again["follows"], &again["unfollows"]), (&json!([]), &json!([])));
    assert_eq!(worker.sql("SELECT count(*) AS n FROM events"), count);
    let state = tencent.state();
    assert!(state["peak"].as_u64().unwrap() <= 100 && state["refused"] == 0, "{state}");
}

#[test]
fn a_fresh_install_misses_nothing_and_the_retention_is_not_chased() {
    let tencent = Tencent::start();
    let worker = Worker::with(&settings(&tencent, &[("RETENTION_DAYS", "1")]));
    let now = now_ms() / 1000;
    for number in 0..50 {
        tencent.follow(&format!("old-{number}"), "star", now - 400_000 + number);
    }
    let path = format!("users/{APP}/compare?user=star&record=true");
    let found = to_the_end(&worker, &path);
    assert_eq!(found["sums"]["unknown_to_log"], 50, "{found}");
    // It knows of a follow that is about to be deleted, and one that stays.
    sends_follow(&worker, "goes", &["star"], (now - 86_400 - 7_200) * 1000);
    sends_follow(&worker, "stays", &["star"], (now - 3_600) * 1000);
    for (actor, at) in
        [("goes", now - 86_400 - 7_200), ("stays", now - 3_600), ("missed", now - 1_800), ("due", now - 86_400 - 30)]
    {
        tencent.follow(actor, "star", at);
    }
    for _ in 0..2 {
        assert_eq!(worker.scheduled()["outcome"], "ok");
        let found = to_the_end(&worker, &path);
        assert_eq!(found["unfollows"], json!([]), "{found}");
    }
    let events = api(&worker, "GET", "events?limit=1000")["events"].clone();
    let actors: BTreeSet<_> =
        events.as_array().unwrap().iter().map(|it| it["from_account"].as_str().unwrap()).collect();
    assert_eq!(actors, BTreeSet::from(["missed", "stays"]));
}

#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_lost() {
    let tencent = Tencent::start();
    let worker = Worker::with(&settings(&tencent, &[]));
    let path = format!("users/{APP}/compare?user=star");
    let hour_ago = now_ms() / 1000 - 3_600;
    sends_follow(&worker, "first", &["star"], hour_ago * 1000);
    tencent.follow("first", "star", hour_ago);
    tencent.follow("came", "star", hour_ago + 1);

    tencent.control(&[json!(["enable", false])]);
    let refused = asks(&worker, "POST", &path);
    assert_eq!(refused.status, 502, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("Pro edition"), "{refused:?}");
    tencent.control(&[json!(["enable", true]), json!(["fail", 60007, 2])]);
    // It waits, and goes on.
    assert_eq!(to_the_end(&worker, &path)["follows"].as_array().unwrap().len(), 1);
    tencent.control(&[json!(["fail", 60011, 3])]);
    let refused = asks(&worker, "POST", &format!("{path}&record=true"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    tencent.control(&[json!(["fail", 70001, 1])]);
    let refused = asks(&worker, "POST", &path);
    assert!(
        refused.status == 502 && refused.body["detail"].as_str().unwrap().contains("TENCENT_SECRET_KEY"),
        "{refused:?}"
    );
    assert_eq!(to_the_end(&worker, &format!("{path}&record=true"))["sums"]["recorded"], 1);
    // Neither the key nor a signature is anywhere.
    let log = worker.log().join("\n");
    assert!(!log.contains(crate::tencent::KEY) && !log.contains("usersig"), "{log}");

    // Without a key, and without d1.
    let without = Worker::with(&[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)]);
    let refused = asks(&without, "POST", &path);
    assert!(
        refused.status == 409 && refused.body["detail"].as_str().unwrap().contains("TENCENT_SECRET_KEY"),
        "{refused:?}"
    );
    assert_eq!(api(&without, "GET", "status")["compares"], json!([]));
    let without = Worker::with(&settings(&tencent, &[("SINKS", "kv")]));
    assert_eq!(asks(&without, "POST", &path).status, 409);
    assert_eq!(api(&worker, "GET", "status")["compares"], json!([APP.parse::<u64>().unwrap()]));
}

#[test]
fn an_event_on_its_way_is_no_miss_and_one_that_was_erased_stays_so() {
    let tencent = Tencent::start();
    let worker = Worker::with(&settings(&tencent, &[]));
    let hour_ago = now_ms() / 1000 - 3_600;
    sends_follow(&worker, "first", &["star"], hour_ago * 1000);
    tencent.follow("first", "star", hour_ago);
    for actor in ["queued", "erased"] {
        sends_follow(&worker, actor, &["star"], (hour_ago + 5) * 1000);
        tencent.follow(actor, "star", hour_ago + 5);
    }
    // As while a queue has it for D1.
    worker.sql("DELETE FROM events WHERE record ->> '$.from_account' = 'queued'");
    while api(&worker, "DELETE", &format!("users/{APP}?user=erased"))["more"] == true {}
    let found = to_the_end(&worker, &format!("users/{APP}/compare?user=star&record=true"));
    let sums = &found["sums"];
    assert_eq!(
        (&sums["undecided"], &sums["unknown_to_log"], &sums["recorded"]),
        (&json!(1), &json!(1), &json!(0)),
        "{found}"
    );
    // What was recorded is erased like any other.
    tencent.follow("comes", "star", hour_ago + 9);
    let found = to_the_end(&worker, &format!("users/{APP}/compare?user=star&record=true"));
    assert_eq!(found["sums"]["recorded"], 1, "{found}");
    while api(&worker, "DELETE", &format!("users/{APP}?user=comes"))["more"] == true {}
    assert_eq!(api(&worker, "GET", "events?user=comes")["events"], json!([]));
    let keys = worker.keys().to_string();
    assert!(!keys.contains("comes"), "{keys}");
    let found = to_the_end(&worker, &format!("users/{APP}/compare?user=star&record=true"));
    assert_eq!(found["sums"]["recorded"], 0, "{found}");
}

#[test]
fn the_origin_gets_what_was_recorded_only_if_it_is_wanted() {
    let tencent = Tencent::start();
    let origin = Origin::start(origin::scripted);
    let url = origin.url();
    let hour_ago = now_ms() / 1000 - 3_600;
    for delivers in ["false", "true"] {
        let more = [("SINKS", "kv,d1,origin"), ("ORIGIN_URL", url.as_str()), ("COMPARE_DELIVERS", delivers)];
        let worker = Home::new(&settings(&tencent, &more), |_| {}).start();
        sends_follow(&worker, "first", &["star"], hour_ago * 1000);
        let actor = format!("came-{delivers}");
        tencent.follow(&actor, "star", hour_ago + 5);
        let found = to_the_end(&worker, &format!("users/{APP}/compare?user=star&record=true"));
        assert!(found["sums"]["recorded"].as_u64() >= Some(1), "{found}");
        let is_of = |body: &[u8], actor: &str| String::from_utf8_lossy(body).contains(&format!("\"{actor}\""));
        if delivers == "true" {
            let delivered =
                wait_for("the delivery", || origin.received().into_iter().find(|request| is_of(&request.body, &actor)));
            assert_eq!(delivered.header("unfollow-webhook-source"), Some("comparison"));
            let body: Value = serde_json::from_slice(&delivered.body).unwrap();
            assert_eq!(body["FollowList"], json!([{"To_Account": "star"}]));
        } else {
            // What was sent before it has come by now.
            let first = wait_for("the first", || origin.received().into_iter().find(|it| is_of(&it.body, "first")));
            assert_eq!(first.header("unfollow-webhook-source"), None);
            assert!(!origin.received().iter().any(|request| is_of(&request.body, &actor)));
        }
    }
}

/// With a key elsewhere, the Worker needs none.
#[test]
fn what_was_found_elsewhere_is_recorded_if_the_log_agrees() {
    let worker = Worker::with(&[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true"), ("ADMIN_TOKEN", ADMIN_TOKEN)]);
    let hour_ago = (now_ms() / 1000 - 3_600) * 1000;
    sends_follow(&worker, "first", &["star"], hour_ago);
    let outcome = |kind: &str, actor: &str, at: u64| {
        let path = format!("users/{APP}/missed?user=star&actor={actor}&kind={kind}&event_time={at}");
        api(&worker, "POST", &path)["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome("follow", "came", hour_ago + 61_234), "recorded");
    assert_eq!(outcome("follow", "came", hour_ago + 61_234), "known");
    assert_eq!(outcome("follow", "before", hour_ago - 5_000), "unknown_to_log");
    assert_eq!(outcome("unfollow", "stranger", now_ms()), "known");
    assert_eq!(outcome("unfollow", "first", now_ms()), "recorded");
    assert_eq!(outcome("unfollow", "first", now_ms()), "known");
    let events = api(&worker, "GET", "events?user=came")["events"].clone();
    assert_eq!(events[0]["event_time"], hour_ago + 61_234 - (hour_ago + 61_234) % 1000);
    for path in [
        "actor=a&kind=follow",
        "actor=a&event_time=1",
        "kind=follow&event_time=1",
        "actor=a&kind=follow&event_time=9999999999999",
    ] {
        assert_eq!(asks(&worker, "POST", &format!("users/{APP}/missed?user=star&{path}")).status, 400, "{path}");
    }
}

/// What the comparison of a user with so many followers costs, of whom the log knows each: calls, rows read of D1, and seconds.
fn cost(followers: u64) -> (u64, u64, f64) {
    let tencent = Tencent::start();
    let worker = Home::with_counted_log(&settings(&tencent, &[("SINKS", "d1")])).start();
    let began = now_ms() / 1000 - 200_000;
    let sql = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?3) \
               INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until) \
               SELECT ?1, 'follow', ?2 + n * 1000, printf('%032x', n), json_object('from_account', 'user-' || n, \
               'to_accounts', json_array('star'), 'received_at', ?2 + n * 1000), '', '{}', 0 FROM numbers";
    let run = |statement: Value| {
        let answer = post_at(&format!("{}/sql", worker.url), json!([statement]).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    run(json!([sql, APP.parse::<u64>().unwrap(), began * 1000, followers]));
    let all: Vec<_> = (0..followers).map(|n| json!(["follow", format!("user-{n}"), "star", began + n])).collect();
    for some in all.chunks(5_000) {
        tencent.control(some);
    }
    let costs = || request("GET", &format!("{}/costs", worker.url)).body;
    costs();
    let begun = Instant::now();
    let found = to_the_end(&worker, &format!("users/{APP}/compare?user=star"));
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(
        (&found["sums"]["agreeing"], &found["sums"]["checked"]),
        (&json!(followers), &json!(followers)),
        "{found}"
    );
    let read = costs().as_array().unwrap().iter().map(|cost| cost["read"].as_u64().unwrap()).sum();
    // What is recorded, in an hour that has events; and a webhook that takes its place.
    let recorded = format!(r#"{{"from_account":"missed","to_accounts":["star"],"received_at":{}}}"#, now_ms());
    let insert = |hash: &str, at: u64, source: Value| {
        let sql = "INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until, source, not_before) \
                   VALUES (?1, 'follow', ?2, ?3, ?4, '', '{}', 0, ?5, ?2)";
        let statement = json!([[sql, APP.parse::<u64>().unwrap(), at, hash, recorded, source]]);
        post_at(&format!("{}/sql", worker.url), statement.to_string()).body[0].clone()
    };
    let one = insert("recorded", (began + 5) * 1000, json!("comparison"));
    let other = insert("webhook", (began + 5) * 1000 + 345, Value::Null);
    println!(
        "recorded: {} rows written, {} read; replaced: {} written, {} read",
        one["written"], one["read"], other["written"], other["read"]
    );
    assert!(one["written"].as_u64() <= Some(10) && one["read"].as_u64() <= Some(20), "{one}");
    assert!(other["written"].as_u64() <= Some(16) && other["read"].as_u64() <= Some(50), "{other}");
    (found["sums"]["calls"].as_u64().unwrap(), read, seconds)
}

#[test]
fn a_comparison_costs_a_bounded_number_of_calls_and_rows() {
    let (calls, read, seconds) = cost(1_000);
    println!("1,000 followers: {calls} calls, {read} rows read, {seconds:.1} s");
    assert!(calls == 1 && read <= 9 * 1_000, "{calls} calls, {read} rows");
}

/// For the figures of `docs/compare.md`.
#[test]
#[ignore = "it takes minutes"]
fn a_comparison_of_many_relations_costs_so_much() {
    let (calls, read, seconds) = cost(100_000);
    println!("100,000 followers: {calls} calls, {read} rows read, {seconds:.1} s");
    assert!(calls < 1_300 && read <= 9 * 100_000, "{calls} calls, {read} rows");
}
