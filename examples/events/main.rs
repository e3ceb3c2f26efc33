//! Prints the events of the Worker's event log as NDJSON, oldest first, and can follow the log: a consumer for a backend
//! without a public address. See `cargo run --example events -- --help`.
//!
//! `args` reads the command line. `query` is which events are asked for, and `api` calls the Worker. `window` decides which
//! range of time is read next. `checkpoint` records what has been printed. `consume` joins them. `calls`, `host`, `time` and
//! `worker` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; `host` has another clock there")]

mod api;
mod args;
#[path = "../common/calls.rs"]
mod calls;
mod checkpoint;
mod consume;
#[path = "../common/host.rs"]
mod host;
mod query;
#[path = "../common/time.rs"]
mod time;
mod window;
#[path = "../common/worker.rs"]
mod worker;

use consume::End;

fn main() {
    host::exit(match consume::run(args::read()) {
        Ok(()) | Err(End::ReaderGone) => 0,
        Err(End::Failed(message)) => {
            host::say(format_args!("error: {message}"));
            1
        }
    });
}
