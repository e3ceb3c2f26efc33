//! The example `send`, run as its users run it, against a small HTTP server that records what arrives.
//!
//! `cargo test` builds the example first. `cargo test --test send` does not: run `cargo build --example send`
//! before it.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; tests are native")]

mod examples;

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};
use unfollow_webhook::{
    event::EventId,
    webhook::{SdkAppId, body::Follow, command::Kind, query::Query, response},
};

use examples::{
    PATIENCE,
    program::{Ran, example, full, run, run_into, unread},
    server::{Reply, Request, Server, closed_port},
};

const UNSIGNED: &str = "SdkAppid=1400000000&CallbackCommand=Follow.CallbackAfterFollowDelete&contenttype=json\
                        &ClientIP=127.0.0.1&OptPlatform=RESTAPI";

const TOKEN: &str = "xxxxyyyy";

/// The Worker's response to a call that it rejects.
fn fail(error_code: u32, error_info: &str) -> String {
    format!(r#"{{"ActionStatus":"FAIL","ErrorCode":{error_code},"ErrorInfo":"{error_info}"}}"#)
}

// ---- What is sent ----

#[test]
fn an_unsigned_unfollow_is_tencents_byte_for_byte() {
    let server = Server::answering(200, response::OK);
    let before = now_ms();
    let ran = send(&server.url()).event().run();
    let after = now_ms();

    assert!(ran.ok(), "{ran:?}");
    let request = server.only_request();
    assert_eq!(request.line, format!("POST /?{UNSIGNED} HTTP/1.1"));
    let event_time = request.event_time();
    assert!((before..=after).contains(&event_time), "{before} {event_time} {after}");
    let body = format!(
        r#"{{"CallbackCommand":"Follow.CallbackAfterFollowDelete","From_Account":"alice","To_Account":["bob","carol"],"EventTime":{event_time}}}"#
    );
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(request.header("content-type"), Some("application/json"));
}

#[test]
fn a_follow_lists_objects() {
    let server = Server::answering(200, response::OK);
    assert!(send(&server.url()).event().args(["--kind", "follow"]).run().ok());

    let request = server.only_request();
    assert_eq!(request.query(), UNSIGNED.replace("FollowDelete", "FollowAdd"));
    let body = format!(
        r#"{{"CallbackCommand":"Follow.CallbackAfterFollowAdd","From_Account":"alice","FollowList":[{{"To_Account":"bob"}},{{"To_Account":"carol"}}],"EventTime":{}}}"#,
        request.event_time()
    );
    assert_eq!(request.body, body.as_bytes());
}

#[test]
fn a_token_signs_the_call() {
    let server = Server::answering(200, response::OK);
    let before = now_ms() / 1000;
    let ran = send(&server.url()).event().args(["--token", TOKEN]).run();
    let after = now_ms() / 1000;

    assert!(ran.ok(), "{ran:?}");
    let request = server.only_request();
    let (sign, request_time) = request.signature().expect("a signature");
    assert_eq!(request.query(), format!("{UNSIGNED}&Sign={sign}&RequestTime={request_time}"));
    assert_eq!(sign, sign_of(TOKEN, request_time));
    assert!((before..=after).contains(&request_time.parse().unwrap()), "{before} {request_time} {after}");
}

#[test]
fn this_tests_own_sign_is_tencents() {
    let vector = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
    assert_eq!(sign_of(TOKEN, "1669872112"), vector);
}

#[test]
fn the_token_may_come_from_the_environment_and_the_flag_goes_first() {
    let server = Server::answering(200, response::OK);
    assert!(send(&server.url()).event().env("CALLBACK_TOKEN", "from env").run().ok());
    assert!(send(&server.url()).event().env("CALLBACK_TOKEN", "from env").args(["--token", TOKEN]).run().ok());

    let tokens = ["from env", TOKEN];
    for (request, token) in server.requests().iter().zip(tokens) {
        let (sign, request_time) = request.signature().expect("a signature");
        assert_eq!(sign, sign_of(token, request_time), "{token}");
    }
}

#[test]
fn age_makes_request_time_stale_or_future() {
    for age in [61, -61] {
        let server = Server::answering(200, response::OK);
        let before = now_ms() / 1000;
        let ran = send(&server.url()).event().args(["--token", TOKEN, "--age", &age.to_string()]).run();
        let after = now_ms() / 1000;

        assert!(ran.ok(), "{ran:?}");
        let request = server.only_request();
        let (sign, request_time) = request.signature().expect("a signature");
        assert_eq!(sign, sign_of(TOKEN, request_time));
        let sent_at = request_time.parse::<u64>().unwrap().saturating_add_signed(age);
        assert!((before..=after).contains(&sent_at), "{age}: {before} {sent_at} {after}");
        // The event itself is as new as ever.
        assert!(request.event_time() / 1000 >= before);
    }
}

#[test]
fn a_probe_has_an_empty_body_and_only_the_parameters_that_were_seen() {
    let server = Server::answering(200, response::OK);
    assert!(send(&server.url()).args(["--probe"]).run().ok());
    assert!(send(&server.url()).args(["--probe", "--token", TOKEN]).run().ok());
    assert!(send(&server.url()).args(["--probe", "--app", "1400000000", "--kind", "follow"]).run().ok());

    let requests = server.requests();
    let (sign, request_time) = requests[1].signature().expect("a signature");
    assert_eq!(sign, sign_of(TOKEN, request_time));
    let delete = "CallbackCommand=Follow.CallbackAfterFollowDelete";
    assert_eq!(requests[0].query(), delete);
    assert_eq!(requests[1].query(), format!("{delete}&Sign={sign}&RequestTime={request_time}"));
    assert_eq!(requests[2].query(), "SdkAppid=1400000000&CallbackCommand=Follow.CallbackAfterFollowAdd");
    for request in &requests {
        assert!(request.line.starts_with("POST "), "{request:?}");
        assert_eq!(request.header("content-length"), Some("0"));
    }
}

#[test]
fn user_ids_and_platforms_of_any_characters_arrive_as_given() {
    let server = Server::answering(200, response::OK);
    let (from, to) = (r#"@TLS#"quoted"\"#, "用户 1,&a=b+c%41");
    let ran = send(&server.url())
        .args(["--app", "1400000000", "--from", from, "--to", to, "--platform", "a b&c=d+e%41/微"])
        .run();

    assert!(ran.ok(), "{ran:?}");
    let request = server.only_request();
    let follow = request.follow();
    assert_eq!((&*follow.from_account, &*follow.to_accounts.concat()), (from, "用户 1&a=b+c%41"));
    assert_eq!(follow.to_accounts.len(), 2);
    assert!(request.query().ends_with("&OptPlatform=a%20b%26c%3Dd%2Be%2541%2F%E5%BE%AE"), "{}", request.query());
    assert_eq!(Query::parse(request.query()).unwrap().opt_platform.as_deref(), Some("a b&c=d+e%41/微"));
}

#[test]
fn the_urls_path_stays() {
    let server = Server::answering(200, response::OK);
    assert!(send(&format!("{}/hooks/tencent/", server.url())).event().run().ok());
    assert_eq!(server.only_request().line, format!("POST /hooks/tencent/?{UNSIGNED} HTTP/1.1"));
}

#[test]
fn a_proxy_in_the_environment_is_not_used_for_this_machine() {
    let server = Server::answering(200, response::OK);
    let proxy = format!("http://{}", closed_port());
    assert!(send(&server.url()).event().env("HTTP_PROXY", &proxy).env("ALL_PROXY", &proxy).run().ok());
}

// ---- Made-up days ----

/// Events that a run sent, in the order of their arrival.
fn events(args: &[&str]) -> Vec<(Kind, String, Vec<String>, u64)> {
    let server = Server::answering(200, response::OK);
    let ran = send(&server.url()).args(["--app", "1400000000"]).args(args).run();
    assert!(ran.ok(), "{ran:?}");
    let read = |request: &Request| {
        let command = Query::parse(request.query()).unwrap().command.unwrap().into_owned();
        let Follow { from_account, to_accounts, event_time, .. } = request.follow();
        let to = to_accounts.iter().map(ToString::to_string).collect();
        (Kind::of(&command).unwrap(), from_account.to_string(), to, event_time)
    };
    server.requests().iter().map(read).collect()
}

const HOUR_MS: u64 = 60 * 60 * 1000;

#[test]
fn an_event_time_may_be_any() {
    let time = 1_702_018_343_678;
    for text in [time.to_string().as_str(), "2023-12-08T06:52:23.678Z"] {
        let sent = events(&["--from", "alice", "--to", "bob", "--count", "3", "--event-time", text]);
        let times: Vec<_> = sent.iter().map(|event| event.3).collect();
        assert_eq!(times, [time, time + 1, time + 2]);
    }
    let before = now_ms();
    let sent = events(&["--from", "alice", "--to", "bob", "--event-time", "2h"]);
    assert!((before..=now_ms()).contains(&(sent[0].3 + 2 * HOUR_MS)), "{sent:?}");
}

#[test]
fn a_spread_day_is_quiet_at_night_and_busy_in_the_evening() {
    let until = "2026-11-24T12:00:00Z";
    let sent = events(&["--from", "alice", "--to", "bob", "--count", "480", "--event-time", until, "--spread", "24h"]);
    let mut hours = [0; 24];
    for (_, _, _, time) in &sent {
        hours[(time / HOUR_MS % 24) as usize] += 1;
    }
    // 2026-11-24T12:00:00Z
    let until = 1_795_521_600_000;
    assert!(sent.iter().all(|event| (until - 24 * HOUR_MS..=until).contains(&event.3)), "{hours:?}");
    assert!(hours.iter().all(|&events| events > 0), "{hours:?}");
    let night: i32 = hours[2..7].iter().sum();
    let evening: i32 = hours[19..24].iter().sum();
    assert!(evening > 5 * night, "{hours:?}");
    let times: BTreeSet<_> = sent.iter().map(|event| event.3).collect();
    assert_eq!(times.len(), 480);
}

#[test]
fn a_spread_ends_now() {
    let before = now_ms();
    let sent = events(&["--from", "alice", "--to", "bob", "--count", "50", "--spread", "90m"]);
    assert!(sent.iter().all(|event| (before - 90 * 60_000..=now_ms()).contains(&event.3)));
    assert!(sent.iter().any(|event| event.3 < before - 60 * 60_000), "{sent:?}");
}

#[test]
fn users_are_drawn_and_some_are_popular() {
    let sent = events(&["--users", "50", "--count", "300"]);
    let actors: BTreeSet<_> = sent.iter().map(|event| event.1.as_str()).collect();
    assert!(actors.len() > 30, "{actors:?}");
    let is_user = |id: &str| id.strip_prefix("user-").is_some_and(|n| (1..=50).contains(&n.parse::<u32>().unwrap()));
    let mut targets = Vec::new();
    for (kind, from, to, _) in &sent {
        assert_eq!(*kind, Kind::Unfollow);
        assert!(is_user(from) && to.iter().all(|id| is_user(id) && id != from), "{from} {to:?}");
        assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len(), "{to:?}");
        targets.extend(to.iter().map(String::as_str));
    }
    assert!(targets.len() > sent.len(), "some calls have several targets");
    let popular = targets.iter().filter(|id| **id <= "user-10").count();
    assert!(popular * 2 > targets.len(), "{popular} of {}", targets.len());

    // The same again.
    let again = events(&["--users", "50", "--count", "300"]);
    assert!(sent.iter().zip(&again).all(|(a, b)| (&a.1, &a.2) == (&b.1, &b.2)));
}

#[test]
fn users_that_are_given_stay() {
    let sent = events(&["--users", "20", "--to", "anchor,user-07", "--count", "60"]);
    assert!(sent.iter().all(|event| event.2 == ["anchor", "user-07"] && event.1 != "user-07"), "{sent:?}");
    let sent = events(&["--users", "2", "--from", "user-1", "--count", "10"]);
    assert!(sent.iter().all(|event| event.1 == "user-1" && event.2 == ["user-2"]), "{sent:?}");
}

#[test]
fn a_mix_has_both_kinds() {
    let kinds = |mix: &str| {
        let sent = events(&["--from", "alice", "--to", "bob", "--count", "200", "--mix", mix]);
        sent.iter().filter(|event| event.0 == Kind::Follow).count()
    };
    assert!((130..=170).contains(&kinds("follow=3,unfollow=1")));
    assert_eq!((kinds("follow=2"), kinds("unfollow=1,follow=0")), (200, 0));
}

// ---- Many calls ----

#[test]
fn fifty_calls_are_fifty_events_over_eight_connections() {
    // The first eight responses wait for each other, so eight calls have to be under way at the same time.
    let arrived = (Mutex::new(0), Condvar::new());
    let server = Server::start(move |_| {
        let (arrived, changed) = &arrived;
        *arrived.lock().unwrap() += 1;
        changed.notify_all();
        let waited = changed.wait_timeout_while(arrived.lock().unwrap(), PATIENCE, |arrived| *arrived < 8).unwrap();
        if waited.1.timed_out() { Reply::whole(500, "{}") } else { Reply::whole(200, response::OK) }
    });
    let ran = send(&server.url()).event().args(["--token", TOKEN, "--count", "50", "--concurrency", "8"]).run();

    assert!(ran.ok(), "{ran:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 50);
    let app = SdkAppId::parse("1400000000").unwrap();
    let ids: BTreeSet<_> = requests.iter().map(|request| EventId::of(app, &request.follow())).collect();
    assert_eq!(ids.len(), 50);
    assert!(requests.iter().all(|request| request.follow().from_account == "alice"));
    assert_eq!(server.connections(), 8);
    assert!(ran.stdout.starts_with("50 calls in "), "{ran:?}");
    assert!(ran.stdout.contains(", 200 OK: 50; ms: p50 "), "{ran:?}");
    // The progress bar is for terminals.
    assert_eq!(ran.stderr, "");
}

#[test]
fn calls_one_after_another_share_one_connection() {
    let server = Server::answering(200, response::OK);
    assert!(send(&server.url()).event().args(["--count", "5"]).run().ok());
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[test]
fn the_summary_counts_responses_by_status() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |_| match calls.fetch_add(1, SeqCst) {
        0..=1 => Reply::whole(503, &fail(50300, "The event could not be stored.")),
        2 => Reply::whole(200, &fail(1, "no")),
        3 => Reply::Close,
        _ => Reply::whole(200, response::OK),
    });
    let ran = send(&server.url()).event().args(["--count", "10"]).run();

    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains(", 200 OK: 6, 200 not OK: 1, 503: 2, no answer: 1; ms: "), "{ran:?}");
    let most_frequent =
        "error: 2 of 10 calls: HTTP 503, ActionStatus FAIL, ErrorCode 50300: The event could not be stored.";
    assert_eq!(ran.stderr.lines().next(), Some(most_frequent));
    assert_eq!(ran.stderr.lines().count(), 3, "{ran:?}");
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let slow = Duration::from_millis(700);
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        // One of ten is slow: it is the last by rank, beyond p90 and within p99.
        if calls.fetch_add(1, SeqCst) == 4 {
            thread::sleep(slow);
        }
        Reply::whole(200, response::OK)
    });
    let ran = send(&server.url()).event().args(["--count", "10"]).run();

    let (_, latencies) = ran.stdout.trim_end().split_once("; ms: ").expect("latencies");
    let (names, ms): (Vec<_>, Vec<f64>) = latencies
        .split(", ")
        .filter_map(|part| part.split_once(' '))
        .map(|(name, ms)| (name, ms.parse::<f64>().unwrap()))
        .unzip();
    assert_eq!(names, ["p50", "p90", "p99", "max"]);
    assert!(ms[0] <= ms[1] && ms[1] < 700.0 && ms[2] >= 700.0 && ms[2] == ms[3], "{latencies}");
}

// ---- What comes back ----

#[test]
fn one_response_is_shown_as_it_came() {
    let server = Server::answering(200, response::OK);
    let ran = send(&server.url()).event().run();

    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("HTTP 200 in ") && lines[0].ends_with(" ms"), "{ran:?}");
    assert_eq!((lines[1], lines.len()), (response::OK, 2));
    assert_eq!(ran.stderr, "");
}

#[test]
fn only_200_with_ok_and_0_is_ok() {
    let not_json = "and the body is not JSON with ActionStatus and ErrorCode";
    let ok = "ActionStatus OK, ErrorCode 0: ";
    for (status, body, message) in [
        (401, &*fail(40106, "Sign does not fit."), "ActionStatus FAIL, ErrorCode 40106: Sign does not fit."),
        (200, &fail(7, "no"), "ActionStatus FAIL, ErrorCode 7: no"),
        (200, r#"{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":"no"}"#, "ActionStatus OK, ErrorCode 1: no"),
        (200, r#"{"ActionStatus":"FAIL","ErrorCode":0,"ErrorInfo":""}"#, "ActionStatus FAIL, ErrorCode 0: "),
        (200, r#"{"ActionStatus":"OK"}"#, not_json),
        (200, "<html>Just a moment...</html>", not_json),
        (200, "", not_json),
        (503, response::OK, ok),
        (201, response::OK, ok),
        (302, response::OK, ok),
    ] {
        let server = Server::answering(status, body);
        let ran = send(&server.url()).event().run();
        assert_eq!(ran.code, 1, "{status} {body}: {ran:?}");
        assert_eq!(ran.stderr, format!("error: HTTP {status}, {message}\n"));
        assert!(ran.stdout.contains(body), "{ran:?}");
        assert_eq!(server.requests().len(), 1, "{status} {body}");
    }
}

#[test]
fn a_response_cannot_control_the_terminal() {
    let server = Server::answering(400, r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"\u001b[2J"} "#);
    let ran = send(&server.url()).event().run();
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with("ErrorCode 1: \u{fffd}[2J\n"), "{ran:?}");

    let ran = send(&Server::answering(200, "\u{1b}[2J").url()).event().run();
    assert!(ran.stdout.ends_with("\n\u{fffd}[2J\n"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let ok = Server::answering(200, response::OK);
    let not_ok = Server::answering(200, &fail(1, "no"));
    for count in ["1", "3"] {
        for (server, code) in [(&ok, 0), (&not_ok, 1)] {
            let sender = || send(&server.url()).event().args(["--count", count]).command();
            let (ended, errors) = run_into(sender(), unread());
            assert_eq!((ended, errors.starts_with("error: ")), (code, code == 1), "{errors}");
            assert!(!errors.contains("panicked"), "{errors}");
            // As with `2>&1 | head`.
            let mut both = sender();
            both.stderr(unread());
            assert_eq!(run_into(both, unread()).0, code);
        }
    }
    assert_eq!(run_into(send("http://127.0.0.1:9").args(["--help"]).command(), unread()), (0, String::new()));
    let mut mistake = Sender::bare().command;
    mistake.stderr(unread());
    assert_eq!(run_into(mistake, unread()).0, 2);
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let server = Server::answering(200, response::OK);
    for count in ["1", "3"] {
        let (code, errors) = run_into(send(&server.url()).event().args(["--count", count]).command(), full());
        assert_eq!(code, 1);
        assert!(errors.starts_with("error: the output cannot be written: ") && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn a_refused_connection_has_a_message_of_its_own() {
    let address = closed_port();
    let ran = send(&format!("http://{address}")).event().run();
    assert_eq!((ran.code, &*ran.stdout), (1, ""));
    assert_eq!(ran.stderr, format!("error: connection refused by {address}\n"));
}

#[test]
fn an_incomplete_response_has_a_message_of_its_own() {
    for reply in [|| Reply::Close, || Reply::Partial] {
        let server = Server::start(move |_| reply());
        let ran = send(&server.url()).event().timeout("0.5").run();
        assert_eq!((ran.code, &*ran.stdout), (1, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
        assert!(ran.stderr.contains(&server.address.to_string()), "{ran:?}");
    }
}

#[test]
fn the_whole_call_is_given_two_seconds() {
    let server = Server::start(|_| Reply::Never);
    let start = Instant::now();
    let ran = Sender::bare().args(["--url", &server.url()]).event().run();
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!((ran.code, &*ran.stdout), (1, ""));
    assert_eq!(ran.stderr, format!("error: no answer from {} within 2 s\n", server.address));
}

#[test]
fn the_time_out_covers_the_body_of_the_response() {
    let server = Server::start(|_| Reply::Partial);
    let ran = send(&server.url()).event().timeout("0.3").run();
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, format!("error: no answer from {} within 0.3 s\n", server.address));
}

#[test]
fn neither_token_nor_sign_is_printed() {
    for (status, body) in [(200, response::OK), (401, "no")] {
        let server = Server::answering(status, body);
        for count in ["1", "2"] {
            let ran = send(&server.url()).event().args(["--token", TOKEN, "--count", count]).run();
            for request in server.requests() {
                let (sign, _) = request.signature().expect("a signature");
                let printed = format!("{}{}", ran.stdout, ran.stderr);
                assert!(!printed.contains(sign) && !printed.contains(TOKEN), "{ran:?}");
            }
        }
    }
}

// ---- The command line ----

#[test]
fn a_mistake_on_the_command_line_is_explained() {
    let url = "http://127.0.0.1:9";
    let event = ["--app", "1400000000", "--from", "alice", "--to", "bob"];
    let with = |more: &[&'static str]| [&["--url", url], &event[..], more].concat();
    let at = |url: &'static str| [&["--url", url], &event[..]].concat();
    let long_token: &'static str = "x".repeat(129).leak();
    for (args, message) in [
        (vec![], "--url <URL>"),
        (vec!["--url", url, "--from", "alice", "--to", "bob"], "--app <SDKAPPID>"),
        (vec!["--url", url, "--app", "1400000000", "--to", "bob"], "--from <USERID>"),
        (vec!["--url", url, "--app", "1400000000", "--from", "alice"], "--to <USERID,…>"),
        (vec!["--url", url, "--app", "01", "--probe"], "an SDKAppID is 1 to 15 digits without a leading zero"),
        (vec!["--url", url, "--app", "1", "--from", "alice", "--to", ""], "'--to <USERID,…>'"),
        (vec!["--url", url, "--app", "1", "--from", "alice", "--to", "bob,,carol"], "'--to <USERID,…>'"),
        (vec!["--url", url, "--app", "1", "--from", "", "--to", "bob"], "'--from <USERID>'"),
        (at("https://www.example.com/?a=b"), "must have no query"),
        (at("https://www.example.com/#a"), "no fragment"),
        (at("https://www.example.com/a$b"), "a space or one of ! $ &"),
        (at("ftp://www.example.com/"), "has to begin with http:// or https://"),
        (at("www.example.com"), "has to begin with http:// or https://"),
        (at("http://"), "not a URL"),
        (at("http:///path"), "not a URL"),
        (with(&["--token", ""]), "--token must have 1 to 128 characters"),
        (with(&["--token", "secret "]), "--token must not begin or end with white space"),
        (with(&["--token", long_token]), "--token must have 1 to 128 characters"),
        (with(&["--age", "61"]), "--age needs a token"),
        (with(&["--kind", "unlike"]), "unfollow, follow"),
        (with(&["--count", "0"]), "--count <N>"),
        (with(&["--concurrency", "0"]), "--concurrency <C>"),
        (with(&["--concurrency", "257"]), "--concurrency <C>"),
        (with(&["--timeout", "0"]), "from 0.001 to 3600"),
        (with(&["--timeout=-1"]), "from 0.001 to 3600"),
        (with(&["--timeout", "NaN"]), "from 0.001 to 3600"),
        (with(&["--timeout", "inf"]), "from 0.001 to 3600"),
        (with(&["--probe"]), "cannot be used with"),
        (with(&["--kind", "follow", "--mix", "follow=1"]), "cannot be used with"),
        (with(&["--mix", "follow"]), "such as follow=3,unfollow=1"),
        (with(&["--mix", "follow=0,unfollow=0"]), "such as follow=3,unfollow=1"),
        (with(&["--mix", "follow=-1"]), "such as follow=3,unfollow=1"),
        (with(&["--mix", "block=1"]), "such as follow=3,unfollow=1"),
        (with(&["--users", "1"]), "--users <N>"),
        (with(&["--spread", "1"]), "such as 90s, 10m, 24h or 7d"),
        (with(&["--spread", "0s"]), "such as 90s, 10m, 24h or 7d"),
        (with(&["--spread", "367d"]), "such as 90s, 10m, 24h or 7d"),
        (with(&["--event-time", "yesterday"]), "a time in Unix ms"),
        (vec!["--url", url, "--probe", "--spread", "24h"], "cannot be used with"),
    ] {
        let ran = Sender::bare().args(&args).run();
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(message), "{args:?}: {ran:?}");
        assert!(!ran.stderr.contains(long_token), "{args:?}: {ran:?}");
    }
}

#[test]
fn an_empty_token_in_the_environment_is_a_mistake() {
    let ran = send("http://127.0.0.1:9").event().env("CALLBACK_TOKEN", "").run();
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("CALLBACK_TOKEN must have 1 to 128 characters"), "{ran:?}");
}

// ---- The example, run ----

/// The example, with the arguments given so far.
struct Sender {
    command: Command,
    timeout: Option<&'static str>,
}

/// The example, sending to `url` with enough time even on a busy machine.
fn send(url: &str) -> Sender {
    Sender::bare().args(["--url", url]).timeout("20")
}

impl Sender {
    fn bare() -> Self {
        Self { command: example("send", "CALLBACK_TOKEN"), timeout: None }
    }

    fn args<'a>(mut self, args: impl AsRef<[&'a str]>) -> Self {
        self.command.args(args.as_ref());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn timeout(mut self, seconds: &'static str) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// alice acts, and bob and carol are the targets.
    fn event(self) -> Self {
        self.args(["--app", "1400000000", "--from", "alice", "--to", "bob,carol"])
    }

    fn command(mut self) -> Command {
        if let Some(seconds) = self.timeout {
            self.command.args(["--timeout", seconds]);
        }
        self.command
    }

    fn run(self) -> Ran {
        run(self.command())
    }
}

/// What a receiver reads from a request.
trait Webhook {
    /// `Sign` and `RequestTime`, as they are in the query.
    fn signature(&self) -> Option<(&str, &str)>;

    /// The body.
    fn follow(&self) -> Follow<'_>;

    fn event_time(&self) -> u64 {
        self.follow().event_time
    }
}

impl Webhook for Request {
    fn signature(&self) -> Option<(&str, &str)> {
        let parameter = |name: &str| {
            self.query().split('&').filter_map(|parameter| parameter.split_once('=')).find(|(it, _)| *it == name)
        };
        Some((parameter("Sign")?.1, parameter("RequestTime")?.1))
    }

    fn follow(&self) -> Follow<'_> {
        let command = Query::parse(self.query()).unwrap().command.expect("a command").into_owned();
        Follow::parse(Kind::of(&command).expect("a Follow command"), &self.body)
            .expect("the body of a Follow webhook")
            .remove(0)
    }
}

// ---- Small things ----

/// SHA-256 over token and time, in hex, made without the crate's own code.
fn sign_of(token: &str, request_time: &str) -> String {
    let hash = Sha256::digest(format!("{token}{request_time}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
