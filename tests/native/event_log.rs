//! The event log takes whatever the webhook's rules accept; and what a missing schema is.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unfollow_webhook::{receive::Receiver, response::Response, webhook::command::Kind};

use crate::{
    database::Sqlite,
    fakes::{FakeBody, FakeKv, paused},
    ports::FakePorts,
    samples::{APP, NOW_MS, TOKEN, UNFOLLOW, config, post, url_of},
};

/// One call with this body, where D1 is the only sink: its status, and the error code.
fn receive(database: &Sqlite, kind: Kind, body: &str) -> (u16, u64) {
    paused(async {
        let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("SINKS", "d1")]);
        let kv = FakeKv::default();
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(database));
        let receiver = Receiver { config: &config.calls, ports: &ports };
        let Response { status, body, .. } = receiver.receive(post(&url_of(kind)), &FakeBody::of(body)).await.response;
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["ErrorCode"].as_u64().unwrap())
    })
}

#[test]
fn whatever_the_rules_accept_is_logged_byte_for_byte() {
    let with = |more: &str| format!("{{{more}{}", &UNFOLLOW[1..]);
    let from = |user: &str| UNFOLLOW.replace("UserID_001", user);
    for body in [
        with(&format!("\"x\":{}{},", "[".repeat(20_000), "]".repeat(20_000))),
        with(&format!("\"x\":{}1{},", "{\"a\":".repeat(5_000), "}".repeat(5_000))),
        with(&format!("\"x\":\"{}\",", "x".repeat(65_000))),
        with(" \r\n\t\"x\" : 1E400 , \"x\":\"\\ud800\",\"\\udc00\":-0.0e-999,"),
        with("\"record\":\"'; DROP TABLE events; --\",\"NEW.record\":\"?1\","),
        format!("  {UNFOLLOW}\n").trim_end().to_owned(),
        from("a\\u0000b"),
        from("\\u0000"),
        from("\\ud83d\\ude42"),
        from("$.to_accounts\\\"'"),
        UNFOLLOW.replace("UserID_003", "UserID_002"),
        UNFOLLOW.replace("UserID_003", "UserID_001"),
        UNFOLLOW.replace("UserID_003", "UserID_002\\u0000"),
    ] {
        let (database, shown) = (Sqlite::default(), &body[..body.len().min(100)]);
        for _ in 0..2 {
            assert_eq!(receive(&database, Kind::Unfollow, &body), (200, 0), "{shown}");
        }
        let [event] = &database.table("events")[..] else { panic!("{shown}") };
        // The body is the object, without the white space around it.
        assert_eq!(event["body"], body.trim(), "{shown}");
        let record: Value = serde_json::from_str(event["record"].as_str().unwrap()).unwrap();
        // Each user as the body has it: the actor, and each distinct target.
        let users = database.table("event_users");
        let names = |role: &str| -> BTreeSet<_> {
            users.iter().filter(|row| row["role"] == role).map(|row| row["user"].as_str().unwrap().to_owned()).collect()
        };
        let targets: BTreeSet<_> =
            record["to_accounts"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
        assert_eq!(names("actor").into_iter().collect::<Vec<_>>(), [record["from_account"].as_str().unwrap()]);
        assert_eq!(names("target"), targets, "{shown}");
        assert_eq!(database.table("hourly_totals")[0]["unfollows"], targets.len(), "{shown}");
    }
}

#[test]
fn an_event_has_at_most_500_targets() {
    for (count, answer) in [(1, (200, 0)), (500, (200, 0)), (501, (413, 41301)), (2000, (413, 41301))] {
        let users: Vec<_> = (0..count).map(|n| format!("u{n}")).collect();
        let follows: Vec<_> = users.iter().map(|user| json!({ "To_Account": user })).collect();
        let time = 1_702_018_343_678_u64;
        for (kind, body) in [
            (Kind::Unfollow, json!({ "From_Account": "a", "To_Account": users, "EventTime": time })),
            (Kind::Follow, json!({ "From_Account": "a", "FollowList": follows, "EventTime": time })),
        ] {
            let database = Sqlite::default();
            assert_eq!(receive(&database, kind, &body.to_string()), answer, "{count}");
            assert_eq!(database.table("event_users").len(), if answer.0 == 200 { count + 1 } else { 0 });
        }
    }
}
