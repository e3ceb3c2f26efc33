//! Messages that cannot be delivered or read: they become dead letters, which are listed and replayed.

use std::{collections::HashSet, sync::OnceLock};

use serde_json::{Value, json};

use crate::{
    ADMIN_TOKEN, OTHER_APP, TOKEN,
    call::{APP, Answer, UNFOLLOW, now_ms, post, post_at, request_api, signed, unfollow, unsigned},
    forwarding_settings,
    origin::{self, Origin},
    worker::{Home, Worker, wait_for},
};

/// A Worker that gives up a delivery when its next attempt would come after an hour. Another Worker puts messages on its
/// queue.
pub fn giving_up() -> &'static (Worker, Origin) {
    static SHARED: OnceLock<(Worker, Origin)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let origin = Origin::start(origin::scripted);
        let origin_url = origin.url();
        let settings = [&forwarding_settings(&origin_url, "kv,origin")[..], &[("DELIVERY_HOURS", "1")]].concat();
        let home = Home::with_producer(&settings, |_| {});
        let worker = home.start();
        (worker, origin)
    })
}

fn api(method: &str, path: &str) -> Answer {
    request_api(method, &format!("{}/v1/{path}", giving_up().0.url), Some(ADMIN_TOKEN))
}

/// Waits until the event of this request is dead-lettered; gives the log record.
pub fn dead_lettered(request_id: &str) -> Value {
    let ours = |record: &Value| record["outcome"] == "dead_lettered" && record["request_id"] == request_id;
    giving_up().0.log_record(ours)
}

/// Sends an event whose first delivery fails, with a long pause, so that it becomes a dead letter; gives its body.
pub fn fail(app: &str, name: &str) -> String {
    let (worker, origin) = giving_up();
    let body = unfollow(&format!("gives-up,{name}"), &["bob", "carol"], now_ms());
    let query = format!("{}&RequestId={name}", signed(app, UNFOLLOW, TOKEN));
    assert!(post(&worker.url, &query, &body).is_ok());
    origin.wait_for(body.as_bytes(), 1);
    body
}

#[test]
fn an_event_that_cannot_be_delivered_is_dead_lettered_and_can_be_replayed() {
    let (worker, origin) = giving_up();
    let before = now_ms();
    let body = fail(APP, "given-up");
    let record = dead_lettered("given-up");
    assert_eq!(
        (&record["last_status"], &record["targets"], &record["job"]),
        (&json!(500), &json!(2), &json!("deliver"))
    );
    assert_eq!(origin.received_of(body.as_bytes()).len(), 1);

    let id = origin.received_of(body.as_bytes())[0].header("webhook-id").unwrap().to_owned();
    let key = format!("dead/{APP}/{id}");
    let text = worker.values(std::slice::from_ref(&key)).remove(&key).unwrap();
    let dead_letter: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&dead_letter["last_status"], &dead_letter["last_error"]), (&json!(500), &Value::Null));
    let times = [&dead_letter["received_at"], &dead_letter["dead_at"]].map(|time| time.as_u64().unwrap());
    assert!(before <= times[0] && times[0] < times[1] && times[1] <= now_ms(), "{dead_letter}");
    let query = format!("{}&RequestId=given-up", unsigned(APP, UNFOLLOW));
    assert_eq!((&dead_letter["message"]["query"], &dead_letter["message"]["job"]), (&json!(query), &json!("deliver")));
    assert!(text.contains(&format!(r#""body":{body}"#)), "{text}");

    let list = api("GET", &format!("dead-letters?app={APP}"));
    let of_id = |dead_letter: &&Value| dead_letter["id"] == id;
    let listed = list.body["dead_letters"].as_array().unwrap().iter().find(of_id).unwrap().clone();
    assert_eq!((list.status, &listed["last_status"], &listed["sdk_app_id"]), (200, &json!(500), &json!(1_400_000_000)));

    let replayed = api("POST", &format!("dead-letters/{APP}/{id}/replay"));
    assert_eq!((replayed.status, replayed.text.as_str()), (200, r#"{"replayed":1}"#));
    let second = &origin.wait_for(body.as_bytes(), 2)[1];
    assert_eq!(second.header("webhook-id"), Some(id.as_str()));
    assert!(second.query().starts_with(&format!("{query}&Sign=")));
    // It ends when the event is delivered.
    wait_for("the dead letter to end", || worker.values(std::slice::from_ref(&key)).is_empty().then_some(()));
    assert_eq!(api("POST", &format!("dead-letters/{APP}/{id}/replay")).status, 404);
}

#[test]
fn all_dead_letters_of_an_app_are_replayed_some_at_a_time() {
    let (_, origin) = giving_up();
    let names: Vec<_> = (0..17).map(|number| format!("one-of-many-{number}")).collect();
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = names.iter().map(|name| scope.spawn(move || fail(OTHER_APP, name))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for name in &names {
        dead_lettered(name);
    }
    let list = || api("GET", &format!("dead-letters?app={OTHER_APP}")).body["dead_letters"].as_array().unwrap().len();
    assert_eq!(list(), 17);
    let replay = |query: &str| api("POST", &format!("dead-letters/{OTHER_APP}/replay{query}")).body;
    let first = replay("");
    let (replayed, cursor) = (first["replayed"].as_u64().unwrap(), first["cursor"].as_str().expect("a cursor"));
    assert!((1..17).contains(&replayed), "{replayed} in one call");
    let second = replay(&format!("?cursor={cursor}"));
    assert_eq!(second, json!({"replayed": 17 - replayed, "cursor": null}));
    for body in bodies {
        origin.wait_for(body.as_bytes(), 2);
    }
    wait_for("the dead letters to end", || (list() == 0).then_some(()));
    assert_eq!(replay(""), json!({"replayed": 0, "cursor": null}));
}

#[test]
fn an_unreadable_message_is_dead_lettered_and_does_not_hold_up_its_neighbours() {
    let (worker, origin) = giving_up();
    let queue = format!("{}/queue", worker.url);
    let message = |number: u64| {
        let body = unfollow("a-neighbour", &["bob"], 1_600_000_000_000 + number);
        let head = r#"{"v":1,"job":"deliver","sdk_app_id":1400000000,"received_at":1600000000000,"query":"#;
        (format!(r#"{head}"{}","body":{body}}}"#, unsigned(APP, UNFOLLOW)), body)
    };
    let whole = message(0).0;
    let poison = [
        json!(["text", "poison: no JSON"]),
        json!(["text", ""]),
        json!(["text", "{}"]),
        json!(["text", "\u{feff}\u{1}\"\\\n微信"]),
        json!(["text", whole.replace(r#""v":1"#, r#""v":2"#)]),
        json!(["text", whole.replace("deliver", "drink")]),
        json!(["text", whole.replace(r#","received_at":1600000000000"#, "")]),
        json!(["text", whole.replace("To_Account", "Too_Account")]),
        json!(["text", whole.replace("SdkAppid=", "SdkAppid=%zz")]),
        json!(["text", &whole[..whole.len() - 1]]),
        json!(["text", "\"".repeat(127_000)]),
        json!(["json", {"poison": [1, "json"]}]),
        json!(["json", null]),
        json!(["bytes", "poison"]),
        json!(["v8", "poison"]),
    ];
    let mut neighbours = Vec::new();
    for (number, poison) in poison.iter().enumerate() {
        let neighbour = |number| {
            let (text, body) = message(number as u64);
            (json!(["text", text]), body)
        };
        let (before, after) = (neighbour(2 * number + 1), neighbour(2 * number + 2));
        let answer = post_at(&queue, json!([before.0, poison, after.0]).to_string());
        assert_eq!(answer.body, json!({"sent": 3}));
        neighbours.extend([before.1, after.1]);
    }
    for body in neighbours {
        origin.wait_for(body.as_bytes(), 1);
        assert_eq!(origin.received_of(body.as_bytes()).len(), 1, "{body}");
    }

    // More than one page of them.
    let more: Vec<_> = (0..100).map(|number| json!(["text", format!("poison number {number}")])).collect();
    assert_eq!(post_at(&queue, json!(more).to_string()).status, 200);
    let expected = poison.len() + more.len();
    let is_unreadable = |record: &&Value| record["last_error"] == "unreadable";
    let records = crate::worker::wait_for("all dead letters", || {
        let records: Vec<_> = worker.log_records().iter().filter(is_unreadable).cloned().collect();
        (records.len() >= expected).then_some(records)
    });
    assert!(records.iter().all(|record| record["outcome"] == "dead_lettered"), "{records:?}");

    let keys = worker.keys();
    let names = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap());
    let names: Vec<_> = names.filter(|name| name.starts_with("dead/0/")).map(str::to_owned).collect();
    assert_eq!(names.len(), expected);
    let values = worker.values(&names);
    let read = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let dead_letters: Vec<_> = values.values().map(read).collect();
    let texts: HashSet<_> = dead_letters.iter().filter_map(|dead_letter| dead_letter["message"].as_str()).collect();
    for wanted in poison.iter().chain(&more).filter(|message| message[0] == "text") {
        assert!(texts.contains(wanted[1].as_str().unwrap()), "{wanted}");
    }
    assert!(texts.contains(r#"{"poison":[1,"json"]}"#));
    assert!(
        dead_letters
            .iter()
            .all(|dead_letter| dead_letter["last_error"] == "unreadable" && dead_letter["dead_at"].is_u64())
    );

    let first = api("GET", "dead-letters?app=0");
    assert_eq!(first.body["dead_letters"].as_array().unwrap().len(), 100);
    let cursor = first.body["cursor"].as_str().unwrap();
    let second = api("GET", &format!("dead-letters?app=0&cursor={cursor}"));
    let of = |answer: &Answer| answer.body["dead_letters"].as_array().unwrap().clone();
    let ids: HashSet<_> =
        of(&first).iter().chain(&of(&second)).map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ids.len(), &second.body["cursor"]), (expected, &Value::Null));
    assert_eq!(api("POST", "dead-letters/0/replay").status, 404);
    assert_eq!(giving_up().1.count(), origin.count());
}

#[test]
fn the_api_requires_the_token() {
    let url = format!("{}/v1/dead-letters?app={APP}", giving_up().0.url);
    for token in [None, Some(""), Some("sixteen-characters-or-mor"), Some("sixteen-characters-or-more!")] {
        let answer = request_api("GET", &url, token);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{token:?}");
    }
    assert_eq!(request_api("GET", &url, Some(ADMIN_TOKEN)).status, 200);
    let get = |path: &str| api("GET", path);
    assert_eq!(get("dead-letters").status, 400, "there are two apps");
    assert_eq!(get("dead-letters?app=1400000009").status, 404);
    assert_eq!(get("elsewhere").status, 404);
    let wrong_method = api("POST", "dead-letters");
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, "GET, HEAD"));
    let wrong_method = get(&format!("dead-letters/{APP}/replay"));
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, "POST"));
    assert_eq!(wrong_method.header("content-type"), "application/problem+json");
    // Without a token in the settings there is no API.
    let none = format!("{}/v1/dead-letters?app={APP}", crate::signed().url);
    assert_eq!(request_api("GET", &none, Some(ADMIN_TOKEN)).status, 404);
}
