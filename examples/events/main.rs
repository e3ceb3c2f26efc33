//! Prints the events of the Worker's event log as NDJSON, oldest first, and can follow the log: a consumer for a backend
//! without a public address. See `cargo run --example events -- --help`.
//!
//! `args` reads the command line. `query` is which events are asked for, and `api` calls the Worker. `window` decides which
//! range of time is read next. `checkpoint` records what has been printed. `consume` joins them. `http`, `time` and `worker` are common
//! to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; this program is native")]

mod api;
mod args;
mod checkpoint;
mod consume;
#[path = "../common/http.rs"]
mod http;
mod query;
#[path = "../common/time.rs"]
mod time;
mod window;
#[path = "../common/worker.rs"]
mod worker;

use std::process::ExitCode;

use consume::End;

fn main() -> ExitCode {
    match consume::run(args::read()) {
        // A reader that goes away, as `head` does, has what it wanted.
        Ok(()) | Err(End::ReaderGone) => ExitCode::SUCCESS,
        Err(End::Failed(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
