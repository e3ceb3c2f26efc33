//! Sends Follow webhooks as Tencent Cloud Chat would, to try out a receiver: one call, many at once, or the
//! console's check of a URL. See `cargo run --example send -- --help`.
//!
//! `args` reads the command line. `day` says what the calls tell, `call` makes of it what Tencent would send, and `client`
//! sends that and checks the response. `run` sends many calls at once, `progress` shows how far it is, and `tally` counts the
//! responses. `calls`, `host` and `time` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; `host` has another clock there")]

mod args;
mod call;
#[path = "../common/calls.rs"]
mod calls;
mod client;
mod day;
#[path = "../common/host.rs"]
mod host;
mod progress;
mod run;
mod tally;
#[path = "../common/time.rs"]
mod time;

use args::Plan;
use calls::Outcome;
use client::Client;

fn main() {
    let plan = args::read();
    let client = Client::new(&plan.url, plan.timeout, plan.concurrency);
    let all_ok = if plan.count == 1 { send_one(&plan, &client) } else { send_many(&plan, &client) };
    host::exit(if all_ok { 0 } else { 1 });
}

/// Sends the only call and prints the response; true if it is OK.
fn send_one(plan: &Plan, client: &Client) -> bool {
    let outcome: Outcome = client.send(plan.template.call(host::now()));
    let printed = outcome.answer.as_ref().is_ok_and(|answer| {
        let body = calls::printable(&answer.body);
        print(&format!("HTTP {} in {:.1} ms\n{body}\n", answer.status, tally::ms(outcome.took)))
    });
    if let Some(error) = client::error_of(&outcome) {
        host::say(format_args!("error: {error}"));
        return false;
    }
    printed
}

/// Sends all calls and prints the tally; true if every response is OK.
fn send_many(plan: &Plan, client: &Client) -> bool {
    let tally = run::many(client, plan.count, plan.concurrency, || plan.template.call(host::now()));
    for (error, calls) in tally.most_frequent_errors() {
        host::say(format_args!("error: {calls} of {} calls: {error}", plan.count));
    }
    print(&format!("{tally}\n")) && tally.all_ok()
}

/// Prints what the calls have shown; false if that fails, but for a reader that went away: the calls were made all the same.
fn print(text: &str) -> bool {
    let error = host::print(text).err().and_then(|error| host::output_error(&error));
    if let Some(error) = &error {
        host::say(format_args!("error: {error}"));
    }
    error.is_none()
}
