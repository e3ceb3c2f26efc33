//! Deliveries to the origin: what arrives there, and what happens while the origin fails, hangs, redirects, refuses
//! connections or fails at random.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use unfollow_webhook::{origin::HOP_HEADER, webhook::command::FOLLOW_BODY_MAX};
use ureq::http::HeaderMap;

use crate::{
    ADMIN_TOKEN, ORIGIN_SECRET, ORIGIN_SECRET_BYTES, TOKEN,
    call::{self, APP, UNFOLLOW, now_ms, post, post_with, request_api, signature, signed, unfollow, unsigned},
    forwarding, forwarding_settings,
    origin::{self, Origin, PATH, Received},
    worker::{Home, wait_for},
};

/// Sends an event of this user to the Worker that several tests share; gives its body, and the query without its Sign.
fn send(from: &str) -> (String, String) {
    let body = unfollow(from, &["bob"], now_ms());
    let query = format!("{}&RequestId={from}", unsigned(APP, UNFOLLOW));
    let url = &forwarding().0.url;
    assert!(post(url, &format!("{query}&{}", signature(TOKEN, 0)), &body).is_ok(), "{from}");
    (body, query)
}

/// Waits until the Worker has logged that it delivered the event of this request.
fn delivered(request_id: &str) -> Value {
    let ours = |record: &Value| record["outcome"] == "delivered" && record["request_id"] == request_id;
    forwarding().0.log_record(ours)
}

/// Checks all of a delivery: the body, the whole query with a fresh Sign, and the signature of Standard Webhooks.
fn check(received: &Received, query: &str, body: &str) {
    assert!(received.body == body.as_bytes(), "not the body that was sent: {received:?}");
    assert_eq!((received.method.as_str(), received.header("content-type")), ("POST", Some("application/json")));

    let signature = received.target.strip_prefix(&format!("{PATH}?{query}&Sign=")).expect(&received.target);
    let (sign, time) = signature.split_once("&RequestTime=").unwrap();
    assert_eq!(sign, hex::encode(Sha256::digest(format!("{TOKEN}{time}"))));
    let fresh = |time: &str| time.parse::<u64>().unwrap().abs_diff(now_ms() / 1000) < 120;
    assert!(fresh(time), "{time}");

    let header = |name| received.header(name).unwrap_or_else(|| panic!("no {name}: {received:?}"));
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(fresh(timestamp), "{timestamp}");
    let event_time = serde_json::from_str::<Value>(body).unwrap()["EventTime"].as_u64().unwrap();
    assert!(id.starts_with(&format!("{}-", 9_999_999_999_999 - event_time)) && id.len() == 46, "{id}");
    let signed = hmac(ORIGIN_SECRET_BYTES, format!("{id}.{timestamp}.{body}").as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", Base64::encode_string(&signed)));

    // The library of the specification accepts it too.
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, header(name).parse().unwrap());
    }
    standardwebhooks::Webhook::new(ORIGIN_SECRET).unwrap().verify(&received.body, &headers).unwrap();
}

/// HMAC-SHA-256 as RFC 2104 writes it, for a key of up to 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| (0..64).map(move |at| key.get(at).unwrap_or(&0) ^ with).collect::<Vec<_>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[test]
fn a_healthy_origin_gets_an_event_once_and_whole() {
    let (worker, origin) = forwarding();
    let body = unfollow("healthy-微信", &["bob"], now_ms()).replace('{', r#"{ "New" : {"a":[1.50,{}]} ,"#);
    let before = format!("New=%zz&{}", unsigned(APP, UNFOLLOW));
    let after = "x=1&&y=%E5%BE%AE+&RequestId=healthy";
    let stale = signature(TOKEN, -50);
    let answer = post(&worker.url, &format!("{before}&{stale}&{after}"), format!("\u{feff} {body}\r\n"));
    assert!(answer.is_ok());

    delivered("healthy");
    let received = origin.received_of(body.as_bytes());
    assert_eq!(received.len(), 1);
    check(&received[0], &format!("{before}&{after}"), &body);
    let sent_at: u64 = stale.rsplit_once('=').unwrap().1.parse().unwrap();
    let signed_at: u64 = received[0].query().rsplit_once('=').unwrap().1.parse().unwrap();
    assert!(signed_at >= sent_at + 49, "the Sign is not a fresh one");
}

#[test]
fn an_event_is_retried_until_the_origin_accepts_it() {
    let (worker, origin) = forwarding();
    let (body, query) = send("fails-3-times");
    delivered("fails-3-times");
    let received = origin.received_of(body.as_bytes());
    assert_eq!(received.len(), 4);
    for request in &received {
        check(request, &query, &body);
    }
    let ids: HashSet<_> = received.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    let times: HashSet<_> = received.iter().map(|request| request.header("webhook-timestamp").unwrap()).collect();
    assert_eq!((ids.len(), times.len()), (1, 4));
    // The waits grow; each is a second or more.
    let waits: Vec<_> = received.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(waits.iter().all(|wait| *wait >= Duration::from_millis(900)), "{waits:?}");
    let records = worker.log_records().into_iter().filter(|record| record["request_id"] == "fails-3-times");
    let retried: Vec<_> = records.filter(|record| record["outcome"] == "retried").collect();
    assert_eq!(retried.len(), 3);
    assert!(retried.iter().all(|record| record["last_status"] == 500), "{retried:?}");
}

#[test]
fn a_redirect_is_not_followed_but_retried() {
    let (_, origin) = forwarding();
    let (body, query) = send("redirects-once");
    delivered("redirects-once");
    let received = origin.received_of(body.as_bytes());
    assert_eq!(received.len(), 2);
    for request in received {
        check(&request, &query, &body);
    }
    assert!(origin.received().iter().all(|request| request.target.starts_with(PATH)));
}

#[test]
fn a_retry_after_of_the_origin_is_honoured() {
    let (_, origin) = forwarding();
    let (body, _) = send("busy-once");
    delivered("busy-once");
    let received = origin.received_of(body.as_bytes());
    let pause = received[1].at - received[0].at;
    assert!(pause >= Duration::from_millis(2_900) && received.len() == 2, "{pause:?}");
}

/// The event log's row of the delivery of this body.
fn row_of(body: &str) -> Value {
    let (worker, origin) = forwarding();
    let id = origin.wait_for(body.as_bytes(), 1)[0].header("webhook-id").unwrap().to_owned();
    let path = format!("{}/v1/deliveries?app={APP}&limit=1000", worker.url);
    let list = request_api("GET", &path, Some(ADMIN_TOKEN)).body["deliveries"].as_array().unwrap().clone();
    list.into_iter().find(|it| it["event_id"] == id).unwrap_or_default()
}

#[test]
fn an_answer_that_says_fail_is_delivered_with_a_warning_and_kept() {
    let (_, origin) = forwarding();
    let (body, _) = send("says-fail");
    let record = delivered("says-fail");
    assert_eq!((&record["last_status"], &record["last_error"]), (&json!(200), &json!("fail")));
    let row = wait_for("the row", || Some(row_of(&body)).filter(|row| row["state"] == "delivered_fail"));
    assert_eq!((&row["last_error"], &row["answer"]), (&json!("fail"), &json!(origin::FAIL)));
    assert_eq!(origin.received_of(body.as_bytes()).len(), 1);
}

/// The status has said it all: the body is waited for only for its start.
#[test]
fn a_body_that_never_ends_holds_up_no_delivery() {
    let (_, origin) = forwarding();
    let (body, _) = send("stalls");
    delivered("stalls");
    assert_eq!(origin.received_of(body.as_bytes()).len(), 1);

    let (body, _) = send("stalls-once");
    let row = wait_for("the row", || Some(row_of(&body)).filter(|row| !row.is_null()));
    assert_eq!((&row["last_status"], &row["answer"]), (&json!(503), &json!("so far")));
    delivered("stalls-once");
    assert_eq!(origin.received_of(body.as_bytes()).len(), 2);
}

#[test]
fn a_connection_that_breaks_off_is_retried() {
    let (_, origin) = forwarding();
    let (body, query) = send("closes-once");
    delivered("closes-once");
    for request in origin.received_of(body.as_bytes()) {
        check(&request, &query, &body);
    }
    assert_eq!(origin.received_of(body.as_bytes()).len(), 2);
}

#[test]
fn an_origin_that_hangs_times_out_after_ten_seconds_and_is_retried() {
    let (worker, origin) = forwarding();
    let (body, query) = send("hangs-once");
    delivered("hangs-once");
    let received = origin.received_of(body.as_bytes());
    let wait = received[1].at - received[0].at;
    assert!(wait >= Duration::from_secs(10) && received.len() == 2, "{wait:?}");
    check(&received[1], &query, &body);
    let ours = |record: &Value| record["outcome"] == "retried" && record["request_id"] == "hangs-once";
    assert_eq!(worker.log_record(ours)["last_error"], "timeout");
}

#[test]
fn an_event_of_the_largest_size_is_delivered() {
    let (worker, origin) = forwarding();
    let body = unfollow("largest-微信", &["bob"], now_ms());
    let body = body.replacen('{', &format!("{{{}", " ".repeat(FOLLOW_BODY_MAX - body.len())), 1);
    assert_eq!(body.len(), FOLLOW_BODY_MAX);
    // Each backslash is two bytes in the message.
    let query = format!("{}&RequestId=largest&x={}", unsigned(APP, UNFOLLOW), "\\".repeat(3_750));
    assert!(post(&worker.url, &format!("{query}&{}", signature(TOKEN, 0)), &body).is_ok());
    delivered("largest");
    check(&origin.received_of(body.as_bytes())[0], &query, &body);
}

#[test]
fn a_stored_event_is_sent_again_on_demand() {
    let (worker, origin) = forwarding();
    let (body, query) = send("on-demand");
    delivered("on-demand");
    let id = origin.received_of(body.as_bytes())[0].header("webhook-id").unwrap().to_owned();
    let replay =
        |path: &str| request_api("POST", &format!("{}/v1/events/{path}/replay", worker.url), Some(ADMIN_TOKEN));
    let answer = replay(&format!("{APP}/{id}"));
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"replayed":1}"#));
    for request in origin.wait_for(body.as_bytes(), 2) {
        check(&request, &query, &body);
    }
    for not_there in [format!("{APP}/0000000000000-{}", "0".repeat(32)), format!("1400000009/{id}")] {
        assert_eq!(replay(&not_there).status, 404, "{not_there}");
    }
}

#[test]
fn an_origin_that_refuses_connections_gets_all_events_once_it_is_up() {
    const EVENTS: u64 = 30;
    let mut origin = Origin::start(|_| origin::ok());
    origin.refuse();
    let home = Home::new(&forwarding_settings(&origin.url(), "origin"), |_| {});
    let worker = home.start();
    let begun = now_ms();
    let bodies: Vec<_> = (0..EVENTS).map(|number| unfollow("alice", &["bob"], begun + number)).collect();
    for body in &bodies {
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), body).is_ok());
    }
    // A webhook of another kind cannot wait.
    let relayed = post(&worker.url, &signed(APP, "C2C.CallbackBeforeSendMsg", TOKEN), r#"{"a":1}"#);
    assert_eq!(relayed.code(), (502, 50200));
    let retried = |record: &&Value| record["outcome"] == "retried" && record["last_error"] == "unreachable";
    wait_for("an attempt for each", || {
        (worker.log_records().iter().filter(retried).count() >= bodies.len()).then_some(())
    });

    // It comes up, but answers 503.
    origin.behave(|_| origin::answer(503, "{}"));
    origin.listen();
    worker.log_record(|record| record["outcome"] == "retried" && record["last_status"] == 503);
    origin.behave(|_| origin::ok());
    for body in &bodies {
        check(&origin.wait_for(body.as_bytes(), 1)[0], &unsigned(APP, UNFOLLOW), body);
    }
    let is_delivered = |record: &&Value| record["outcome"] == "delivered";
    let all_delivered = || worker.log_records().iter().filter(is_delivered).count() == bodies.len();
    wait_for("all deliveries", || all_delivered().then_some(()));
    assert_eq!(worker.keys(), serde_json::json!([]), "KV is not among the sinks");
}

#[test]
fn an_origin_that_fails_at_random_gets_every_event() {
    survive_an_origin_that_fails_at_random(200);
}

#[test]
#[ignore = "slow: make test-slow"]
fn an_origin_that_fails_at_random_gets_thousands_of_events() {
    survive_an_origin_that_fails_at_random(2_000);
}

/// Sends so many events to an origin that fails half of all requests, and checks each request that arrives there.
fn survive_an_origin_that_fails_at_random(events: usize) {
    const AT_A_TIME: usize = 8;
    /// The waits double, so an event that fails more often than this would take minutes.
    const FAILURES_MAX: usize = 2;
    const SEED: u64 = 0x5eed;
    // Half of all requests fail. The choice is the same in each run.
    let origin = Origin::start(|request| {
        let seeded = Sha256::new().chain_update(SEED.to_le_bytes()).chain_update(&request.body);
        let choice = seeded.chain_update(request.nth.to_le_bytes()).finalize()[0];
        match choice {
            _ if request.nth > FAILURES_MAX => origin::ok(),
            0..=95 => origin::answer(500, "{}"),
            96..=111 => origin::redirect(301),
            112..=127 => origin::Reaction::Close,
            _ => origin::ok(),
        }
    });
    let home = Home::new(&forwarding_settings(&origin.url(), "origin"), |config| {
        // An operator may set larger batches than wrangler.toml does.
        config["queues"]["consumers"][0].as_table_mut().unwrap().insert("max_batch_size".into(), 100.into());
    });
    let worker = home.start();
    let begun = Instant::now();
    // The choice depends on the bodies, so the bodies have to be the same in each run.
    let sent: Vec<_> = (0..events)
        .map(|number| {
            let query = format!("{}&RequestId={number}&New=%zz&x={number}", unsigned(APP, UNFOLLOW));
            (query, unfollow(&format!("user-{number}"), &["bob", "carol"], 1_700_000_000_000 + number as u64))
        })
        .collect();
    thread::scope(|scope| {
        for share in sent.chunks(events / AT_A_TIME) {
            let url = &worker.url;
            scope.spawn(move || {
                for (query, body) in share {
                    assert!(post(url, &format!("{query}&{}", signature(TOKEN, 0)), body).is_ok());
                }
            });
        }
    });
    let sent_after = begun.elapsed();
    let delivered = || worker.log().iter().filter(|line| line.contains(r#""outcome":"delivered""#)).count() >= events;
    wait_for("all deliveries", || {
        thread::sleep(Duration::from_millis(200));
        delivered().then_some(())
    });

    let received = origin.received();
    let mut by_body: HashMap<&[u8], Vec<&Received>> = HashMap::new();
    for request in &received {
        by_body.entry(&request.body).or_default().push(request);
    }
    assert_eq!(by_body.len(), events);
    for (query, body) in &sent {
        for request in &by_body[body.as_bytes()] {
            check(request, query, body);
        }
    }
    println!(
        "{events} events sent in {sent_after:?} and delivered after {:?} by {} requests",
        begun.elapsed(),
        received.len()
    );
}

#[test]
fn a_message_that_waited_in_a_backlog_is_retried_as_soon_as_any() {
    let (worker, origin) = forwarding();
    let (first, _) = send("hangs-once,before-the-backlog");
    wait_for("the origin to hang", || (!origin.received_of(first.as_bytes()).is_empty()).then_some(()));
    // It waits until the first one has timed out.
    send("fails-1-times-after-a-backlog");
    delivered("fails-1-times-after-a-backlog");
    let ours =
        |record: &Value| record["outcome"] == "retried" && record["request_id"] == "fails-1-times-after-a-backlog";
    let wait = worker.log_record(ours)["retry_after_seconds"].as_u64().unwrap();
    assert!(wait <= 2, "{wait} s after its first attempt");
}

#[test]
fn deliveries_of_an_app_that_was_removed_become_dead_letters_unsent() {
    let origin = Origin::start(|_| origin::ok());
    let home = Home::with_producer(&forwarding_settings(&origin.url(), "origin"), |_| {});
    let worker = home.start();
    let body: Value = serde_json::from_str(&unfollow("alice", &["bob"], now_ms())).unwrap();
    let message = serde_json::json!({
        "v": 1, "job": "deliver", "sdk_app_id": 1_400_000_009, "received_at": now_ms(),
        "query": unsigned("1400000009", UNFOLLOW), "body": body,
    });
    let queued = serde_json::json!([["text", message.to_string()]]);
    assert_eq!(call::json("POST", &format!("{}/queue", worker.url), Some(&queued)).body["sent"], 1);
    let record = worker.log_record(|record| record["outcome"] == "dead_lettered");
    assert_eq!((&record["last_error"], &record["app"]), (&"app_removed".into(), &1_400_000_009.into()));
    let keys = worker.keys();
    assert!(keys[0]["name"].as_str().unwrap().starts_with("dead/1400000009/"), "{keys}");
    assert!(origin.received().is_empty());
}

#[test]
fn queues_may_have_other_names_with_the_same_words() {
    let origin = Origin::start(|_| origin::answer(500, "{}"));
    let home = Home::new(&forwarding_settings(&origin.url(), "origin"), |config| {
        let text = config["queues"].to_string().replace("unfollow-deliveries", "unfollow-deliveries-staging");
        let text = text.replace("unfollow-dead-letters", "unfollow-dead-letters-staging");
        let mut queues: toml::Value =
            toml::from_str::<toml::Table>(&format!("queues = {text}")).unwrap()["queues"].clone();
        // The first failure moves the message to the dead-letter queue.
        queues["consumers"][0].as_table_mut().unwrap().insert("max_retries".into(), 0.into());
        config.insert("queues".into(), queues);
    });
    let worker = home.start();
    assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow("alice", &["bob"], now_ms())).is_ok());
    let record = worker.log_record(|record| record["outcome"] == "dead_lettered");
    assert_eq!(record["last_error"], "retries_exhausted");
    assert_eq!(origin.received().len(), 1, "a dead letter was delivered");
}

#[test]
fn an_origin_that_leads_back_gets_an_event_once() {
    let worker_url: Arc<OnceLock<String>> = Arc::default();
    let back = Arc::clone(&worker_url);
    // All that arrives is passed on to the Worker, as a proxy would.
    let origin = Origin::start(move |request| {
        let target = request.target.trim_start_matches(PATH);
        let hop = request.header(HOP_HEADER).unwrap_or_default();
        let response = post_with(&format!("{}/{target}", back.get().unwrap()), &[(HOP_HEADER, hop)], &request.body);
        origin::answer(response.status, &response.text)
    });
    let home = Home::new(&forwarding_settings(&origin.url(), "origin"), |_| {});
    let worker = home.start();
    worker_url.set(worker.url.clone()).unwrap();

    assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow("alice", &["bob"], now_ms())).is_ok());
    let record = worker.log_record(|record| record["outcome"] == "dead_lettered");
    assert_eq!(record["last_status"], 508);
    assert_eq!(origin.received().len(), 1);

    let relayed = post(&worker.url, &signed(APP, "C2C.CallbackAfterSendMsg", TOKEN), r#"{"a":1}"#);
    assert_eq!(relayed.code(), (508, 50800));
    assert_eq!(origin.received().len(), 2);
    worker.log_record(|record| record["reason"] == "loop");
}
