//! The example `erase`, run as its users run it, against a small server with the API.
//!
//! `cargo test` builds the example first. `cargo test --test erase` does not: run `cargo build --example erase` before it.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; tests are native")]

mod examples;

use std::{process::Command, sync::Mutex};

use examples::{
    log::{TOKEN, answer, problem},
    program::{Ran, example, run, run_into, unread},
    server::{Reply, Request, Server, closed_port},
};

fn erase(url: &str, args: &[&str]) -> Ran {
    run(command(url, args))
}

fn command(url: &str, args: &[&str]) -> Command {
    let mut command = example("erase", "ADMIN_TOKEN");
    command.env("ADMIN_TOKEN", TOKEN).args(["--url", url, "--app", "1400000000", "--user", "a \"微&信"]).args(args);
    command
}

const PATH: &str = "/v1/users/1400000000?user=a%20%22%E5%BE%AE%26%E4%BF%A1";
const RECORDS: &str = "/v1/users/1400000000/records?user=a%20%22%E5%BE%AE%26%E4%BF%A1";

/// A server that gives these replies, one after the other, and expects these paths.
fn server(replies: Vec<(&'static str, Reply)>) -> Server {
    let replies = Mutex::new(replies.into_iter());
    Server::start(move |request: &Request| {
        let (path, reply) = replies.lock().unwrap().next().unwrap_or_else(|| panic!("one call too many: {request:?}"));
        assert_eq!(request.line, format!("DELETE {path} HTTP/1.1"));
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        reply
    })
}

fn step(deleted: u64, more: bool, search_needed: bool) -> Reply {
    answer(200, &[], &format!(r#"{{"deleted":{deleted},"more":{more},"search_needed":{search_needed}}}"#))
}

fn searched(deleted: u64, searched: u64, cursor: Option<&str>) -> Reply {
    let cursor = cursor.map_or("null".to_owned(), |cursor| format!("\"{cursor}\""));
    answer(200, &[], &format!(r#"{{"deleted":{deleted},"searched":{searched},"cursor":{cursor}}}"#))
}

#[test]
fn it_goes_on_until_nothing_is_left_and_says_how_far_it_has_come() {
    let server =
        server(vec![(PATH, step(40, true, false)), (PATH, step(0, true, false)), (PATH, step(2, false, false))]);
    let ran = erase(&server.url(), &[]);
    assert_eq!((ran.code, server.requests().len()), (0, 3), "{ran:?}");
    assert!(ran.stderr.contains("40 events and dead letters erased so far"), "{ran:?}");
    assert!(ran.stderr.contains("42 events and dead letters erased of what the event log knows"), "{ran:?}");
    assert!(!ran.stderr.contains(TOKEN));
}

#[test]
fn kv_is_searched_if_that_is_needed() {
    let next: &'static str = Box::leak(format!("{RECORDS}&cursor=c1").into_boxed_str());
    let replies =
        || vec![(PATH, step(1, false, true)), (RECORDS, searched(0, 2000, Some("c1"))), (next, searched(3, 500, None))];
    let searching = server(replies());
    let ran = erase(&searching.url(), &[]);
    assert_eq!((ran.code, searching.requests().len()), (0, 3), "{ran:?}");
    assert!(ran.stderr.contains("2500 keys of KV searched, 3 records and dead letters erased"), "{ran:?}");
    // It is not all if it is not searched.
    let ran = erase(&server(replies()).url(), &["--search", "never"]);
    assert!(ran.code == 1 && ran.stderr.contains("KV may have records"), "{ran:?}");
    // And where a search ended, it goes on.
    let going_on = server(vec![(next, searched(0, 500, None))]);
    assert_eq!(erase(&going_on.url(), &["--cursor", "c1"]).code, 0);
    let always = server(vec![(PATH, step(1, false, false)), (RECORDS, searched(0, 1, None))]);
    assert_eq!(erase(&always.url(), &["--search", "always"]).code, 0);
}

/// The loops of a shell end with 0 after these.
#[test]
fn what_is_refused_fails() {
    for (status, title) in [(401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"), (409, "Conflict")] {
        let server = server(vec![(PATH, problem(status, title, "Why it is so."))]);
        let ran = erase(&server.url(), &[]);
        assert!(ran.code == 1 && ran.stderr.contains(&format!("HTTP {status}, {title}: Why it is so.")), "{ran:?}");
    }
    let server = server(vec![(PATH, Reply::whole(200, "<html>"))]);
    assert_eq!(erase(&server.url(), &[]).code, 1);
}

#[test]
fn what_fails_for_a_moment_is_tried_again_and_in_the_end_fails() {
    let busy = || problem(503, "Service Unavailable", "Try again.");
    let recovering = server(vec![
        (PATH, step(40, true, false)),
        (PATH, busy()),
        (PATH, Reply::Close),
        (PATH, step(1, false, false)),
    ]);
    let ran = erase(&recovering.url(), &[]);
    assert_eq!((ran.code, recovering.requests().len()), (0, 4), "{ran:?}");
    let ran = erase(&format!("http://{}", closed_port()), &["--timeout", "1"]);
    assert!(ran.code == 1 && ran.stderr.contains("connection refused"), "{ran:?}");
}

/// It is not waited for, and the same command goes on.
#[test]
fn it_goes_on_if_nobody_reads_what_it_says() {
    let server = server(vec![(PATH, step(40, true, false)), (PATH, step(2, false, false))]);
    let mut erase = command(&server.url(), &[]);
    erase.stderr(unread());
    assert_eq!(run_into(erase, unread()).0, 0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_service_token_of_cloudflare_access_is_sent() {
    let server = server(vec![(PATH, step(1, false, false))]);
    let mut erase = command(&server.url(), &[]);
    erase.env("CLOUDFLARE_ACCESS_CLIENT_ID", "its.id").env("CLOUDFLARE_ACCESS_CLIENT_SECRET", "its-secret");
    assert!(run(erase).ok());
    let request = server.only_request();
    let sent = ["cf-access-client-id", "cf-access-client-secret"].map(|name| request.header(name));
    assert_eq!(sent, [Some("its.id"), Some("its-secret")]);
}

#[test]
fn the_limit_of_a_day_is_explained() {
    let body = r#"{"title":"Service Unavailable","status":503,"detail":"KV's limit of the day is reached."}"#;
    let server = server(vec![(PATH, step(40, true, false)), (PATH, answer(503, &[("Retry-After", "3600")], body))]);
    let ran = erase(&server.url(), &[]);
    assert_eq!((ran.code, server.requests().len()), (1, 2), "{ran:?}");
    assert!(ran.stderr.contains("limit of the day") && ran.stderr.contains("run the same command to go on"), "{ran:?}");
    assert!(ran.stderr.contains("40 events and dead letters are erased"), "{ran:?}");
}

#[test]
fn a_mistake_on_the_command_line_is_2() {
    for args in [
        &["--url", "http://example.com", "--app", "1", "--user", "a"][..],
        &["--url", "https://example.com", "--app", "1"],
        &[],
    ] {
        let mut command = example("erase", "ADMIN_TOKEN");
        command.env("ADMIN_TOKEN", TOKEN).args(args);
        assert_eq!(run(command).code, 2, "{args:?}");
    }
}
