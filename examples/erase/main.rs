//! Erases a user by the Worker's API, to the end. See `cargo run --example erase -- --help`.
//!
//! `args` reads the command line, `erase` goes from step to step. `api`, `http` and `worker` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; this program is native")]

#[path = "../common/api.rs"]
mod api;
mod args;
mod erase;
#[path = "../common/http.rs"]
mod http;
#[path = "../common/worker.rs"]
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    match erase::run(&args::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
