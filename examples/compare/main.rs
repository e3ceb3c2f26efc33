//! Compares a Worker's event log with Tencent's own data. See `cargo run --example compare -- --help`.
//!
//! `args` reads the command line, `steps` has the Worker compare, and `alone` compares with a key of its own. `api`, `http` and
//! `worker` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; this program is native")]

mod alone;
#[path = "../common/api.rs"]
mod api;
mod args;
#[path = "../common/http.rs"]
mod http;
mod steps;
#[path = "../common/worker.rs"]
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    let plan = args::read();
    let compared = match &plan.key {
        None => steps::run(&plan),
        Some(key) => alone::run(&plan, key),
    };
    match compared {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
