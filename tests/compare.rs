//! The example `compare`, run as its users run it, against a small server with the API. What it does with a Worker and Tencent's data
//! is in `tests/runtime/compare_program.rs`.
//!
//! `cargo test` builds the example first. `cargo test --test compare` does not: run `cargo build --example compare` before it.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; tests are native")]

mod examples;

use std::sync::Mutex;

use examples::{
    log::{TOKEN, answer, problem},
    program::{Ran, example, run},
    server::{Reply, Request, Server},
};

fn compare(url: &str, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = example("compare", "ADMIN_TOKEN");
    for variable in ["TENCENT_SECRET_KEY", "TENCENT_SECRET_KEY_1400000000", "TENCENT_REGION"] {
        command.env_remove(variable);
    }
    command.env("ADMIN_TOKEN", TOKEN).envs(variables.iter().copied());
    command.args(["--url", url, "--app", "1400000000"]).args(args);
    run(command)
}

/// A server that gives these replies, one after the other, and expects these paths.
fn server(replies: Vec<(&'static str, Reply)>) -> Server {
    let replies = Mutex::new(replies.into_iter());
    Server::start(move |request: &Request| {
        let (path, reply) = replies.lock().unwrap().next().unwrap_or_else(|| panic!("one call too many: {request:?}"));
        assert_eq!(request.line, format!("POST /v1/{path} HTTP/1.1"));
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        assert_eq!((request.header("content-length"), request.header("transfer-encoding")), (Some("0"), None));
        reply
    })
}

const SPAN: &str = "compare?app=1400000000&since=1000&until=2000&record=true";
const NEXT: &str = "compare?app=1400000000&since=1000&until=2000&record=true&cursor=a%2Fb";
const ARGS: [&str; 5] = ["--since", "1000", "--until", "2000", "--record"];

/// A step that has found one missed follow and one missed unfollow.
fn step(users_left: u64, cursor: &str) -> Reply {
    let body = format!(
        r#"{{"checked":9,"agreeing":6,"missed_unfollows":[{{"actor":"left","target":"a","event_time":9,"not_before":1}}],
        "missed_follows":[{{"actor":"came\n","target":"a","event_time":5}}],"unknown_to_log":1,"undecided":0,"recorded":2,
        "covered_since":1,"calls":3,"progress":{{"users":4,"users_unknown_to_tencent":0,"users_left":{users_left},
        "calls_left":{users_left},"calls_per_second":100}},"cursor":{cursor}}}"#
    );
    answer(200, &[], &body)
}

#[test]
fn it_prints_each_miss_and_how_far_it_has_come() {
    let server = server(vec![(SPAN, step(5, r#""a/b""#)), (NEXT, step(0, "null"))]);
    let ran = compare(&server.url(), &ARGS, &[]);
    assert!(ran.ok() && server.requests().len() == 2, "{ran:?}");
    let misses: Vec<&str> = ran.stdout.lines().collect();
    let follow = r#"{"actor":"came\n","event_time":5,"kind":"follow","target":"a"}"#;
    let unfollow = r#"{"actor":"left","event_time":9,"kind":"unfollow","not_before":1,"target":"a"}"#;
    assert_eq!(misses, [follow, unfollow, follow, unfollow]);
    assert!(ran.stderr.contains("4 users done and 5 to come; 9 relations compared by 3 calls"), "{ran:?}");
    assert!(ran.stderr.contains("8 users done and 0 to come; 18 relations compared by 6 calls"), "{ran:?}");
    assert!(ran.stderr.contains("4 missed, 4 recorded, 2 older than the log, 0 undecided"), "{ran:?}");
    assert!(!ran.stderr.contains(TOKEN));
}

#[test]
fn where_it_ends_early_it_says_how_to_go_on() {
    let server = server(vec![
        (SPAN, step(5, r#""a/b""#)),
        (NEXT, problem(502, "Bad Gateway", "Tencent refuses.")),
        (NEXT, problem(409, "Conflict", "Tencent cannot be asked.")),
    ]);
    let ran = compare(&server.url(), &ARGS, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("Tencent refuses; trying again"), "{ran:?}");
    assert!(ran.stderr.contains("HTTP 409, Conflict: Tencent cannot be asked."), "{ran:?}");
    assert!(ran.stderr.contains("go on with --since 1000 --until 2000 --cursor a/b"), "{ran:?}");
    // What was found until then is printed.
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
    let going_on = self::server(vec![(NEXT, step(0, "null"))]);
    assert!(compare(&going_on.url(), &[&ARGS[..], &["--cursor", "a/b"]].concat(), &[]).ok());
}

/// Arguments, variables, and what is said of them.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn a_mistake_is_said_before_anything_is_called() {
    let key = ("TENCENT_SECRET_KEY", "f1e2d3c4b5a697887766554433221100ffeeddccbbaa99887766554433221100");
    let region = ("TENCENT_REGION", "singapore");
    let cases: [Case<'_>; 6] = [
        (&["--user", ""], &[], "--user"),
        (&["--user", "a", "--since", "1d"], &[], "--since"),
        (&["--since", "5y5"], &[], "HTTP 400"),
        (&["--user", "a"], &[key], "TENCENT_REGION"),
        (&["--since", "1d"], &[key, region], "one --user"),
        (&["--user", "a", "--cursor", "c"], &[key, region], "without --cursor"),
    ];
    for (args, variables, said) in cases {
        let server = Server::start(|_| problem(400, "Bad Request", "since is no time."));
        let ran = compare(&server.url(), args, variables);
        let is_asked = said == "HTTP 400";
        assert_eq!((ran.code, server.requests().len()), if is_asked { (1, 1) } else { (2, 0) }, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said) && !ran.stderr.contains(key.1), "{args:?}: {ran:?}");
    }
}
