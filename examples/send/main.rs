//! Sends Follow webhooks as Tencent Cloud Chat would, to try out a receiver: one call, many at once, or the
//! console's check of a URL. See `cargo run --example send -- --help`.
//!
//! `args` reads the command line. `day` says what the calls tell, `call` makes of it what Tencent would send, and `client`
//! sends that and checks the response. `run` sends many calls at once, and `tally` counts the responses. `http` and `time` are
//! common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; this program is native")]

mod args;
mod call;
mod client;
mod day;
#[path = "../common/http.rs"]
mod http;
mod run;
mod tally;
#[path = "../common/time.rs"]
mod time;

use std::process::ExitCode;

use args::Plan;
use client::{Client, Outcome};
use tally::Tally;

fn main() -> ExitCode {
    let plan = args::read();
    let client = Client::new(&plan.url, plan.timeout, plan.concurrency);
    let send = || client.send(&plan.template.call(time::now()));
    let all_ok = if plan.count == 1 { show(&send()) } else { show_many(&plan, send) };
    if all_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the response to the only call; true if it is OK.
fn show(outcome: &Outcome) -> bool {
    if let Ok(answer) = &outcome.answer {
        println!("HTTP {} in {:.1} ms", answer.status, tally::ms(outcome.took));
        println!("{}", http::printable(&answer.body));
    }
    if let Some(error) = outcome.error() {
        eprintln!("error: {error}");
        return false;
    }
    true
}

/// Sends all calls and prints the tally; true if every response is OK.
fn show_many(plan: &Plan, send: impl Fn() -> Outcome + Sync) -> bool {
    let tally: Tally = run::many(plan.count, plan.concurrency, send);
    for (error, calls) in tally.most_frequent_errors() {
        eprintln!("error: {calls} of {} calls: {error}", plan.count);
    }
    println!("{tally}");
    tally.all_ok()
}
