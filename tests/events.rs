//! The example `events`, run as its users run it, against a small server with the API.
//!
//! `cargo test` builds the example first. `cargo test --test events` does not: run `cargo build --example events`
//! before it.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; tests are native")]

mod examples;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono::DateTime;
use serde_json::Value;
use tempfile::TempDir;

use examples::{
    PATIENCE,
    log::{Asked, Log, TOKEN, answer, problem},
    program::{Ran, Running, example, run, run_into, unread},
    server::{Reply, Request, Server, closed_port},
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// 2026-01-01, in Unix ms.
const NEW_YEAR: u64 = 1_767_225_600_000;

/// What the API says where `DB` is not bound.
const NO_LOG: &str = "There is no event log: bind DB to a D1 database, and add d1 to SINKS.";

// ---- What is printed ----

#[test]
fn the_oldest_comes_first_and_each_once_over_pages() {
    let log = Log::default();
    log.short_pages(7);
    // Many at a time, gaps of years, neighbours, and two of the same millisecond.
    let mut times = vec![0, 1, NEW_YEAR - 1, NEW_YEAR, NEW_YEAR, NEW_YEAR + 1, NEW_YEAR + 99 * DAY];
    times.extend((0..100).map(|n| NEW_YEAR + 40 * DAY + n * 7 * MINUTE));
    times.extend((0..50).map(|n| NEW_YEAR - 400 * DAY + n));
    times.sort_unstable();
    let stored: Vec<_> = times.iter().map(|&time| log.store(time)).collect();
    let server = log.serve();

    for (since, before_it) in [("0", 0), ("1", 1), ("1980-01-01T00:00:00Z", 2)] {
        let ran = events(&server, since).run();
        assert!(ran.ok(), "{ran:?}");
        assert_eq!(ran.stderr, "");
        assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), stored[before_it..], "{since}");
    }
}

#[test]
fn since_and_until_are_inclusive() {
    let log = Log::default();
    let (since, until) = (NEW_YEAR + 12_345, NEW_YEAR + 30 * DAY + 678);
    log.store(since - 1);
    let wanted = [log.store(since), log.store(since + DAY), log.store(until)];
    log.store(until + 1);
    let server = log.serve();

    let ran = events(&server, "2026-01-01T01:00:12.345+01:00").args(["--until", &until.to_string()]).run();
    assert!(ran.ok(), "{ran:?}");
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), wanted);
    assert_eq!(window(&server.only_request()), (since, Some(until)));
}

#[test]
fn a_large_log_is_read_in_windows() {
    let log = Log::default();
    let stored: Vec<_> = (0..25_000).map(|n| log.store(NEW_YEAR + n * 100)).collect();
    let server = log.serve();
    let ran = events(&server, &NEW_YEAR.to_string()).run();
    assert!(ran.ok(), "{ran:?}");
    assert!(ran.stdout.lines().eq(&stored), "{} lines", ran.stdout.lines().count());

    let mut windows: Vec<_> = server.requests().iter().map(window).collect();
    // Of a window that is too long, only as much is read as shows that it is.
    let too_long = (NEW_YEAR, None);
    assert_eq!(windows.iter().filter(|window| **window == too_long).count(), 11);
    // No event is read more than twice.
    assert!(windows.len() <= 2 * 25, "{} requests", windows.len());
    // Each begins where the one before did, but is shorter, or where that one ended.
    windows.dedup();
    assert_eq!((windows[0], windows[windows.len() - 1].1), ((NEW_YEAR, None), None));
    for pair in windows.windows(2) {
        let ((since, until), (next, end)) = (pair[0], pair[1]);
        let is_shorter = next == since && end.is_some_and(|end| until.is_none_or(|until| end < until));
        assert!(is_shorter || Some(next) == until.map(|until| until + 1), "{windows:?}");
    }

    let home = Home::new();
    let following = home.follow(&server, &NEW_YEAR.to_string(), "10m");
    following.prints(&stored);
    home.passes(now() - HOUR);
}

#[test]
fn an_uneven_log_is_read_in_windows() {
    let log = Log::default();
    // Few over years, many in one millisecond, very many in a day, and a gap.
    let mut times: Vec<_> = (0..50).map(|n| NEW_YEAR - 4000 * DAY + n * 40 * DAY).collect();
    times.extend([NEW_YEAR - 1; 10_500]);
    times.extend((0..15_000).map(|n| NEW_YEAR + n * 5_000));
    times.push(NEW_YEAR + 200 * DAY);
    times.sort_unstable();
    let stored: Vec<_> = times.iter().map(|&time| log.store(time)).collect();
    let server = log.serve();
    for until in [None, Some(NEW_YEAR + 200 * DAY)] {
        let until = until.map(|until| format!("--until={until}"));
        let ran = events(&server, "0").args(until.iter().map(|it| &**it).collect::<Vec<_>>()).run();
        assert!(ran.ok() && ran.stderr.is_empty(), "{}", ran.stderr);
        assert!(ran.stdout.lines().eq(&stored), "{} lines", ran.stdout.lines().count());
    }
    assert!(server.requests().len() <= 2 * 2 * 27, "{} requests", server.requests().len());
}

#[test]
fn an_event_is_printed_byte_for_byte_on_one_line() {
    let log = Log::default();
    let odd = log.store_as(NEW_YEAR, r#""b" : 1.50e1, "a":"\u00e9é\/", "n":12345678901234567890123"#);
    let broken = log.store_as(NEW_YEAR + 1, "\"a\":\r\n[\n]");
    let server = log.serve();
    let ran = events(&server, "0").run();
    assert_eq!(ran.stdout, format!("{odd}\n{}\n", broken.replace(['\r', '\n'], " ")));
}

#[test]
fn the_filters_are_the_apis() {
    let server = Log::default().serve();
    let filters = ["--app", "1400000000", "--kind", "follow", "--user", "用户 1&a=b+c%41", "--role", "target"];
    assert!(events(&server, "1h").args(filters).run().ok());
    assert!(events(&server, "1h").run().ok());

    let requests = server.requests();
    let asked = Asked::read(&requests[0]);
    assert_eq!(asked.text("app"), Some("1400000000"));
    assert_eq!(asked.text("kind"), Some("follow"));
    assert_eq!(asked.text("user"), Some("用户 1&a=b+c%41"));
    assert_eq!(asked.text("role"), Some("target"));
    let asked = Asked::read(&requests[requests.len() - 1]);
    assert_eq!(["app", "kind", "user", "role"].map(|name| asked.text(name)), [None; 4]);
}

#[test]
fn a_time_may_be_given_as_how_long_ago_it_is() {
    for (since, ago) in [("10m", 10 * MINUTE), ("90s", 90_000), ("2h", 2 * HOUR), ("7d", 7 * DAY)] {
        let server = Log::default().serve();
        let before = now();
        assert!(events(&server, since).run().ok());
        let first = window(&server.requests()[0]).0;
        assert!((before - ago..=now() - ago).contains(&first), "{since}");
    }
}

#[test]
fn a_proxy_in_the_environment_is_not_used_for_this_machine() {
    let server = Log::default().serve();
    let proxy = format!("http://{}", closed_port());
    assert!(events(&server, "1h").env("HTTP_PROXY", &proxy).env("ALL_PROXY", &proxy).run().ok());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let log = Log::default();
    // Far more than a pipe holds.
    let stored: Vec<_> = (0..9_000).map(|n| log.store(NEW_YEAR + n)).collect();
    let server = log.serve();
    let mut child = Running::start(events(&server, "0").0);
    let mut line = String::new();
    // The reader is dropped, and the pipe closed, at the end of the statement.
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), stored[0]);
    assert_eq!(without_stdout(child), (0, String::new()));
}

#[test]
fn an_error_that_nobody_reads_is_no_panic() {
    let server = Server::start(|_| problem(404, "Not Found", "There is no such app."));
    let mut program = events(&server, "0");
    program.0.stderr(unread());
    assert_eq!(run_into(program.0, unread()).0, 1);

    // The message of a retry.
    let log = Log::default();
    log.reply_once(problem(503, "Unavailable", "Later."));
    let stored = log.store(NEW_YEAR);
    let server = log.serve();
    let home = Home::new();
    let mut program = home.command(&server, "0", "10m");
    program.0.stderr(unread());
    let mut child = Running::start(program.0);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), stored);
}

// ---- What goes wrong ----

#[test]
fn an_error_ends_it_with_one_sentence() {
    for (reply, message) in [
        (problem(401, "Unauthorized", "Wrong token."), "HTTP 401, Unauthorized: Wrong token."),
        (problem(404, "Not Found", "No such app."), "HTTP 404, Not Found: No such app."),
        (problem(400, "Bad Request", "Which app?"), "HTTP 400, Bad Request: Which app?"),
        (problem(409, "Conflict", NO_LOG), NO_LOG),
        (problem(503, "Unavailable", "D1 is silent."), "HTTP 503, Unavailable: D1 is silent."),
        (problem(403, "Forbidden", r"\u001b[2J"), "HTTP 403, Forbidden: \u{fffd}[2J"),
        (
            Reply::whole(302, ""),
            "HTTP 302, but not in the API's form: is this the Worker's URL, and does Cloudflare Access let this program in?",
        ),
        (Reply::whole(404, "<html>"), "HTTP 404, but not in the API's form: is this the Worker's URL?"),
        (Reply::whole(200, "<html>"), "the answer is not a list of events: expected value at line 1 column 1"),
        (Reply::whole(200, r#"{"events":[{}],"cursor":null}"#), "missing field `id` at line 1 column 2"),
        (Reply::Close, "closed the connection without a whole answer"),
    ] {
        let log = Log::default();
        log.reply_once(reply);
        let server = log.serve();
        let ran = events(&server, "0").run();
        assert_eq!((ran.code, &*ran.stdout), (1, ""), "{message}: {ran:?}");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.ends_with(&format!("{message}\n")), "{ran:?}");
        assert_eq!(server.requests().len(), 1, "{message}");
    }
}

/// What the log has damaged is not passed over in silence, and is named once.
#[test]
fn events_that_are_damaged_are_named() {
    let body = r#"{"events":[],"damaged":["8297981656321-4291e1af60c1595d47059136803c0cb2"],"cursor":null}"#;
    let server = Server::answering(200, body);
    let ran = events(&server, "0").run();
    assert_eq!((ran.code, &*ran.stdout), (0, ""));
    assert_eq!(ran.stderr.matches("8297981656321-4291e1af60c1595d47059136803c0cb2").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_wrong_token_a_silent_server_and_a_refused_connection_have_messages_of_their_own() {
    let server = Log::default().serve();
    let ran = events(&server, "0").env("ADMIN_TOKEN", "another-token-of-16").run();
    assert_eq!((ran.code, &*ran.stderr), (1, "error: HTTP 401, Unauthorized: The token is wrong.\n"));

    let server = Server::start(|_| Reply::Partial);
    let ran = events(&server, "0").args(["--timeout", "0.3"]).run();
    assert_eq!((ran.code, ran.stderr), (1, format!("error: no answer from {} within 0.3 s\n", server.address)));

    let address = closed_port();
    let ran = Program::bare().args(["--url", &format!("http://{address}"), "--since", "0"]).run();
    assert_eq!((ran.code, ran.stderr), (1, format!("error: connection refused by {address}\n")));
}

#[test]
fn a_run_that_broke_off_can_be_continued() {
    let log = Log::default();
    let stored: Vec<_> = (0..25_000).map(|n| log.store(NEW_YEAR + n * 100)).collect();
    // It breaks off after some of the windows.
    log.reply_with_events(30);
    log.reply_once(problem(503, "Unavailable", "No."));
    let server = log.serve();
    let ran = events(&server, "0").run();
    let printed = ran.stdout.lines().count();
    assert!(ran.code == 1 && printed > 0 && ran.stdout.lines().eq(&stored[..printed]), "{printed}: {}", ran.stderr);
    let (_, since) = ran.stderr.trim_end().rsplit_once("go on with --since ").expect("advice");
    assert!(events(&server, since).run().stdout.lines().eq(&stored[printed..]));
}

#[test]
fn a_list_that_does_not_continue_is_an_error() {
    let server = Server::answering(200, r#"{"events":[],"cursor":"a"}"#);
    let ran = events(&server, "0").run();
    assert_eq!((ran.code, server.requests().len()), (1, 2));
    assert!(ran.stderr.contains("the same cursor again"), "{ran:?}");
}

#[test]
fn the_token_is_never_shown() {
    let secret = "0123456789-secret";
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let checkpoint = checkpoint.to_str().unwrap();
    for reply in [problem(401, "No", "no"), Reply::whole(200, "{}"), Reply::Close] {
        let log = Log::default();
        log.reply_once(reply);
        let server = log.serve();
        for follow in [&[][..], &["--follow", "--checkpoint", checkpoint]] {
            let ran = events(&server, "0").args(["--token", secret]).args(follow).run();
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
        }
        let sent = server.requests()[0].header("authorization").unwrap().to_owned();
        assert_eq!(sent, format!("Bearer {secret}"));
    }
    assert!(!fs::read_to_string(checkpoint).unwrap().contains(secret));
}

#[test]
fn a_service_token_of_cloudflare_access_is_sent() {
    const ID: &str = "CLOUDFLARE_ACCESS_CLIENT_ID";
    const SECRET: &str = "CLOUDFLARE_ACCESS_CLIENT_SECRET";
    let log = Log::default();
    let server = log.serve();
    assert!(events(&server, "0").run().ok());
    let of_access = |request: &Request| {
        let names = ["cf-access-client-id", "cf-access-client-secret"];
        names.map(|name| request.header(name).map(str::to_owned))
    };
    assert_eq!(of_access(&server.only_request()), [None, None]);
    assert!(events(&server, "0").env(ID, "its.id").env(SECRET, "its-secret").run().ok());
    assert_eq!(of_access(&server.requests()[1]), ["its.id", "its-secret"].map(|it| Some(it.to_owned())));

    for (variables, message) in [
        (&[(ID, "its.id")][..], "is in both CLOUDFLARE_ACCESS_CLIENT_ID and CLOUDFLARE_ACCESS_CLIENT_SECRET"),
        (&[(SECRET, "its-secret")], "is in both"),
        (&[(ID, ""), (SECRET, "its-secret")], "CLOUDFLARE_ACCESS_CLIENT_ID has to be"),
        (&[(ID, "its.id"), (SECRET, "its\nsecret")], "CLOUDFLARE_ACCESS_CLIENT_SECRET has to be"),
    ] {
        let program = variables.iter().fold(events(&server, "0"), |program, (name, value)| program.env(name, value));
        let ran = program.run();
        assert!(ran.code == 2 && ran.stderr.contains(message) && !ran.stderr.contains("nsecret"), "{ran:?}");
    }
    // Without one, Access sends to its login.
    let login = Server::answering(302, "");
    let ran = events(&login, "0").run();
    assert!(ran.code == 1 && ran.stderr.contains("does Cloudflare Access let this program in?"), "{ran:?}");
}

#[test]
fn a_mistake_on_the_command_line_is_explained() {
    let url = "http://127.0.0.1:9";
    let with = |more: &[&'static str]| [&["--url", url, "--since", "0"], more].concat();
    let at = |url: &'static str| vec!["--url", url, "--since", "0"];
    for (args, message) in [
        (vec!["--since", "0"], "--url <URL>"),
        (vec!["--url", url], "--since <TIME>"),
        (at("www.example.com"), "has to begin with http:// or https://"),
        (at("https://www.example.com/hook"), "without path, query and fragment"),
        (at("https://www.example.com/?a"), "without path, query and fragment"),
        (at("https://www.example.com/#a"), "without path, query and fragment"),
        (at("https://a:b@www.example.com"), "must not have a user"),
        (at("http://www.example.com"), "use https"),
        (vec!["--url", url, "--since", "yesterday"], "how long ago"),
        (vec!["--url", url, "--since", ""], "how long ago"),
        (vec!["--url", url, "--since=-10m"], "how long ago"),
        (vec!["--url", url, "--since", "1mo"], "how long ago"),
        (vec!["--url", url, "--since", "10000000000000"], "how long ago"),
        (vec!["--url", url, "--since", "1969-12-31T23:59:59Z"], "how long ago"),
        (vec!["--url", url, "--since", "5", "--until", "4"], "--since is after --until"),
        (with(&["--app", "01"]), "an SDKAppID is 1 to 15 digits"),
        (with(&["--kind", "unlike"]), "unfollow, follow"),
        (with(&["--user", ""]), "--user <USERID>"),
        (with(&["--user", "alice", "--role", "follower"]), "actor, target"),
        (with(&["--role", "actor"]), "--user <USERID>"),
        (with(&["--follow", "--until", "1"]), "cannot be used with"),
        (with(&["--interval", "5"]), "--follow"),
        (with(&["--overlap", "5m"]), "--follow"),
        (with(&["--checkpoint", "x"]), "--follow"),
        (with(&["--follow", "--interval", "0"]), "from 0.1 to 86400"),
        (with(&["--follow", "--overlap", "8d"]), "at most 7d"),
        (with(&["--follow", "--overlap", "600"]), "a span such as"),
        (with(&["--timeout", "0"]), "from 0.001 to 3600"),
        (with(&["--token", "short"]), "--token must have 16 characters or more"),
        (with(&["--token", "sixteen and more"]), "--token must be letters, digits and punctuation marks of ASCII"),
    ] {
        let ran = Program::bare().args(&args).run();
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(message), "{args:?}: {ran:?}");
        assert!(!ran.stderr.contains("sixteen and more"), "{ran:?}");
    }
    let ran = Program(example("events", "ADMIN_TOKEN")).args(with(&[])).run();
    assert!(ran.code == 2 && ran.stderr.contains("set the variable ADMIN_TOKEN"), "{ran:?}");
}

// ---- Following ----

#[test]
fn a_late_event_is_printed_within_the_overlap_and_missed_beyond_it() {
    let log = Log::default();
    log.short_pages(2);
    let start = now();
    let old = log.store(start - 30 * MINUTE);
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "1m");
    following.prints(std::slice::from_ref(&old));
    home.passes(start - 2 * MINUTE);

    let missed = log.store(start - 10 * MINUTE);
    let late = log.store(start - 30_000);
    following.prints(&[old.clone(), late.clone()]);
    let newest = log.store(now());
    following.prints(&[old, late, newest]);
    // Some polls later, none is printed again.
    following.polls(&server, 3);
    assert_eq!(following.lines().len(), 3);
    assert!(!following.lines().contains(&missed));
}

#[test]
fn a_poll_begins_with_the_overlap() {
    let server = Log::default().serve();
    let home = Home::new();
    let before = now();
    let following = home.follow(&server, "30d", "10m");
    home.passes(before - 11 * MINUTE);
    following.polls(&server, 2);
    let since = window(server.requests().last().unwrap()).0;
    assert!((before - 10 * MINUTE..=now() - 10 * MINUTE).contains(&since), "{since}");
    // It has no end: an event may have a time that is in the future here.
    assert!(server.requests().iter().all(|request| window(request).1.is_none()));
}

#[test]
fn a_poll_reads_each_page_of_the_overlap_once() {
    let log = Log::default();
    let start = now();
    let stored: Vec<_> = (0..11_500).map(|n| log.store(start - 5 * MINUTE + n)).collect();
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "10m");
    following.prints(&stored);
    following.polls(&server, 3 * 12);
    following.kill();

    let mut polls: Vec<_> = server.requests().iter().map(window).collect();
    let since = polls[polls.len() - 20].0;
    polls.retain(|window| *window == (since, None));
    assert_eq!(polls.len(), 12);
    assert_eq!(home.read()["checkpoint"]["printed"].as_array().unwrap().len(), stored.len());
}

#[test]
fn after_a_kill_it_goes_on_at_the_checkpoint() {
    let log = Log::default();
    let start = now();
    let first = [log.store(start - 20 * MINUTE), log.store(start - 2 * MINUTE), log.store(start - MINUTE)];
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "5m");
    following.prints(&first);
    home.passes(start - 6 * MINUTE);
    following.kill();
    // Only the events that can be listed again are recorded.
    assert_eq!(home.read()["checkpoint"]["printed"].as_array().unwrap().len(), 2);

    let late = log.store(start - 90_000);
    let new = log.store(start);
    // --since is for the first run only, and a longer overlap repeats nothing that is no longer recorded.
    let following = home.follow(&server, "10d", "2h");
    following.prints(&[late, new]);
    following.polls(&server, 2);
    assert_eq!(following.lines().len(), 2);
    let messages = following.messages();
    assert!(messages[0].starts_with("going on from 20"), "{messages:?}");
    following.kill();

    // After two kills, the only other file is one that the next run overwrites.
    let new = home.0.path().join("events.checkpoint.new");
    assert!(home.files().iter().all(|file| *file == home.checkpoint() || *file == new), "{:?}", home.files());
}

#[test]
fn the_checkpoint_is_written_only_after_the_lines() {
    let log = Log::default();
    let stored = [log.store(now() - HOUR), log.store(now())];
    let server = log.serve();
    let home = Home::new();
    let since = (now() - 2 * HOUR).to_string();
    let mut program = home.command(&server, &since, "10m");
    program.0.stdout(File::options().write(true).open("/dev/full").unwrap());
    let (code, message) = without_stdout(Running::start(program.0));
    assert_eq!(code, 1);
    assert!(message.starts_with("error: the output cannot be written: "), "{message}");
    assert_eq!(home.from().to_string(), since);

    home.follow(&server, "0", "10m").prints(&stored);
}

#[test]
fn a_line_that_a_reader_did_not_get_is_printed_by_the_next_run() {
    let log = Log::default();
    let server = log.serve();
    let home = Home::new();
    let mut child = Running::start(home.command(&server, "1h", "10m").0);
    wait_until("it has polled", || server.requests().len() >= 2);
    drop(child.0.stdout.take());
    let lost = log.store(now());
    assert_eq!(without_stdout(child), (0, String::new()));

    home.follow(&server, "1h", "10m").prints(&[lost]);
}

#[test]
fn a_temporary_error_is_retried_and_a_permanent_one_is_not() {
    let log = Log::default();
    log.reply_once(answer(503, &[("Retry-After", "2")], r#"{"title":"Unavailable","status":503}"#));
    log.reply_once(Reply::Close);
    let stored = log.store(now());
    let server = log.serve();
    let home = Home::new();
    let start = Instant::now();
    let following = home.follow(&server, "1h", "10m");
    following.prints(std::slice::from_ref(&stored));
    // 2 s for the first, by its Retry-After, and 2 s for the second in a row.
    assert!(start.elapsed() >= Duration::from_secs(4));
    let messages = following.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[0], "HTTP 503, Unavailable; retrying in 2 s");
    assert!(messages[1].ends_with("; retrying in 2 s"), "{messages:?}");

    log.reply_once(problem(401, "Unauthorized", "The token has changed."));
    let (code, messages) = following.ends();
    assert_eq!(code, 1);
    assert_eq!(messages[2..], ["error: HTTP 401, Unauthorized: The token has changed."]);
}

#[test]
fn without_an_event_log_it_ends_with_the_apis_sentence() {
    let log = Log::default();
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "10m");
    following.polls(&server, 1);
    // A deployment without DB: the first answer that says so ends it.
    log.reply_once(problem(409, "Conflict", NO_LOG));
    let (code, messages) = following.ends();
    assert_eq!((code, messages), (1, vec![format!("error: HTTP 409, Conflict: {NO_LOG}")]));

    // From the first call on, and the checkpoint stays.
    let asked = server.requests().len();
    log.reply_once(problem(409, "Conflict", NO_LOG));
    let (code, messages) = home.follow(&server, "1h", "10m").ends();
    assert_eq!(code, 1);
    assert_eq!(messages[1..], [format!("error: HTTP 409, Conflict: {NO_LOG}")]);
    assert_eq!(server.requests().len(), asked + 1);
    home.follow(&server, "1h", "10m").polls(&server, 1);
}

#[test]
fn the_help_says_what_polls_cost() {
    let help = Program::bare().args(["--help"]).run().stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("How long to wait between two polls [default: 10]"), "{help}");
    assert!(help.contains("8,640 requests a day"), "{help}");
}

#[test]
fn a_clock_that_is_ahead_misses_nothing() {
    let log = Log::default();
    // The Worker's clock is an hour behind ours, and so are the events.
    log.date(http_date(now() - HOUR));
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "30d", "1m");
    following.polls(&server, 2);
    let stored = log.store(now() - HOUR);
    following.prints(&[stored]);
}

#[test]
fn a_file_without_a_checkpoint_of_this_query_is_not_changed() {
    let log = Log::default();
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "10m");
    following.polls(&server, 1);
    following.kill();
    let good = fs::read_to_string(home.checkpoint()).unwrap();
    let newer = good.replacen(r#""version":1"#, r#""version":2"#, 1);
    assert_ne!(good, newer);
    let asked = server.requests().len();

    for (content, filter, message) in [
        ("", &[][..], "is not a checkpoint file, or is damaged (EOF"),
        ("{}\n", &[], "is not a checkpoint file, or is damaged (missing field `version`"),
        (&good[..good.len() - 1], &[], "is not a checkpoint file, or is damaged (EOF"),
        (&newer, &[], "is of another version of this program: 2, not 1"),
        (&good, &["--app", "1400000000"], "has the checkpoint of another query (--url http://127.0.0.1:"),
        (&good, &["--kind", "follow"], "has the checkpoint of another query"),
        (&good, &["--user", "alice"], "has the checkpoint of another query"),
        (&good, &["--url", "http://127.0.0.1:9"], "has the checkpoint of another query"),
    ] {
        fs::write(home.checkpoint(), content).unwrap();
        let base = match filter.first() {
            Some(&"--url") => Program::bare().args(["--since", "1h", "--follow"]).within(&home),
            _ => home.command(&server, "1h", "10m"),
        };
        let ran = base.args(filter).run();
        assert_eq!((ran.code, &*ran.stdout), (1, ""), "{message}: {ran:?}");
        assert!(ran.stderr.starts_with("error: events.checkpoint "), "{ran:?}");
        assert!(ran.stderr.contains(message), "{message}: {ran:?}");
        assert_eq!(fs::read_to_string(home.checkpoint()).unwrap(), content);
    }
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_checkpoint_belongs_to_one_role_of_a_user() {
    let log = Log::default();
    let server = log.serve();
    let home = Home::new();
    let of_actor = ["--user", "alice", "--role", "actor"];
    let follow = |filter: &[&str]| Following::start(home.command(&server, "1h", "10m").args(filter));
    let following = follow(&of_actor);
    following.polls(&server, 1);
    assert_eq!(Asked::read(&server.requests()[0]).text("role"), Some("actor"));
    following.kill();

    for other in [&["--user", "alice", "--role", "target"][..], &["--user", "alice"]] {
        let (code, messages) = follow(other).ends();
        assert_eq!((code, messages.len()), (1, 1), "{messages:?}");
        assert!(messages[0].contains("another query (--url http://127.0.0.1:"), "{messages:?}");
        assert!(messages[0].contains(" --user alice --role actor)"), "{messages:?}");
    }
    let following = follow(&of_actor);
    following.polls(&server, 1);
    assert!(following.messages()[0].starts_with("going on from 20"));
}

#[test]
fn a_checkpoint_of_the_version_before_roles_is_read() {
    let log = Log::default();
    let server = log.serve();
    let home = Home::new();
    let following = home.follow(&server, "1h", "10m");
    following.polls(&server, 1);
    following.kill();
    let now = fs::read_to_string(home.checkpoint()).unwrap();
    let before = now.replacen(r#","role":null"#, "", 1);
    assert_ne!(now, before);
    fs::write(home.checkpoint(), before).unwrap();

    let following = home.follow(&server, "1h", "10m");
    following.polls(&server, 1);
    assert!(following.messages()[0].starts_with("going on from 20"));
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error_before_anything_is_printed() {
    let log = Log::default();
    log.store(now());
    let server = log.serve();
    let ran = events(&server, "1h").args(["--follow", "--checkpoint", "no/such/folder"]).run();
    assert_eq!((ran.code, &*ran.stdout), (1, ""), "{ran:?}");
    assert!(ran.stderr.starts_with("error: no/such/folder cannot be written: "), "{ran:?}");
    assert_eq!(server.requests().len(), 0);
}

// ---- The example, run ----

/// The example, with the arguments given so far.
struct Program(Command);

/// The example, printing what `server` has from `since` on.
fn events(server: &Server, since: &str) -> Program {
    Program::bare().args(["--url", &server.url(), "--since", since])
}

impl Program {
    fn bare() -> Self {
        Self(example("events", "ADMIN_TOKEN")).env("ADMIN_TOKEN", TOKEN)
    }

    fn args<'a>(mut self, args: impl AsRef<[&'a str]>) -> Self {
        self.0.args(args.as_ref());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    fn within(mut self, home: &Home) -> Self {
        self.0.current_dir(home.0.path());
        self
    }

    fn run(self) -> Ran {
        run(self.0)
    }
}

/// A folder for a checkpoint file.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn checkpoint(&self) -> PathBuf {
        self.0.path().join("events.checkpoint")
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn read(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.checkpoint()).unwrap()).unwrap()
    }

    /// The time up to which all is done, in Unix ms.
    fn from(&self) -> u64 {
        self.read()["checkpoint"]["from"].as_u64().unwrap()
    }

    /// Waits until everything before `time` is done.
    fn passes(&self, time: u64) {
        wait_until("the checkpoint moves on", || self.checkpoint().exists() && self.from() > time);
    }

    fn command(&self, server: &Server, since: &str, overlap: &str) -> Program {
        events(server, since).args(["--follow", "--interval", "0.1", "--overlap", overlap]).within(self)
    }

    fn follow(&self, server: &Server, since: &str, overlap: &str) -> Following {
        Following::start(self.command(server, since, overlap))
    }
}

/// The example while it follows, and its output so far.
struct Following {
    process: Running,
    out: Gathered,
    err: Gathered,
}

impl Following {
    fn start(program: Program) -> Self {
        let mut process = Running::start(program.0);
        let out = Gathered::from(process.0.stdout.take().unwrap());
        let err = Gathered::from(process.0.stderr.take().unwrap());
        Self { process, out, err }
    }

    fn lines(&self) -> Vec<String> {
        self.out.lines.lock().unwrap().clone()
    }

    /// What it has written to stderr.
    fn messages(&self) -> Vec<String> {
        self.err.lines.lock().unwrap().clone()
    }

    /// Waits until these lines, and no others, have been printed.
    fn prints(&self, expected: &[String]) {
        wait_until("so many lines are printed", || self.out.lines.lock().unwrap().len() >= expected.len());
        assert_eq!(self.lines(), expected);
    }

    /// Waits for so many more requests.
    fn polls(&self, server: &Server, times: usize) {
        let so_far = server.requests().len();
        wait_until("it polls", || server.requests().len() > so_far + times);
    }

    /// Kills it at once.
    fn kill(self) {
        // Dropping it kills it.
        drop(self.process);
    }

    /// Waits for its end; its exit code and its stderr.
    fn ends(mut self) -> (i32, Vec<String>) {
        let code = self.process.wait();
        self.err.reading.join().unwrap();
        let messages = self.err.lines.lock().unwrap().clone();
        (code, messages)
    }
}

/// The lines from a pipe so far.
struct Gathered {
    lines: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Gathered {
    fn from(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::<Mutex<Vec<_>>>::default();
        let so_far = Arc::clone(&lines);
        let reading = thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                so_far.lock().unwrap().push(line.unwrap());
            }
        });
        Self { lines, reading }
    }
}

/// Waits for the end of a program whose stdout is not read; its exit code and its stderr.
fn without_stdout(mut child: Running) -> (i32, String) {
    let code = child.wait();
    let mut message = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    (code, message)
}

// ---- Small things ----

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Unix milliseconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// The time in the form of HTTP's headers.
fn http_date(ms: u64) -> String {
    let time = DateTime::from_timestamp_millis(ms.try_into().unwrap()).unwrap();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The range of time of a request.
fn window(request: &Request) -> (u64, Option<u64>) {
    let asked = Asked::read(request);
    (asked.number("since").expect("since"), asked.number("until"))
}
