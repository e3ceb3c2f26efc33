//! Prints the events that the Worker keeps in KV as NDJSON, oldest first, and may follow the log: a consumer for a
//! backend without a public address. `cargo run --example events -- --help` tells how.
//!
//! `args` reads the command line, `span` what it says of time, `question` is what is asked for, `api` asks the Worker,
//! `window` decides which stretch of time is asked for next, `place` is what has been printed and the file that keeps
//! it, `consume` brings them together; `http` is what the examples have in common.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; this program is native")]

mod api;
mod args;
mod consume;
#[path = "../common/http.rs"]
mod http;
mod place;
mod question;
mod span;
mod window;

use std::process::ExitCode;

use consume::End;

fn main() -> ExitCode {
    match consume::run(args::read()) {
        // A reader that goes away, as `head` does, has got what it wanted.
        Ok(()) | Err(End::ReaderGone) => ExitCode::SUCCESS,
        Err(End::Failed(complaint)) => {
            eprintln!("error: {complaint}");
            ExitCode::FAILURE
        }
    }
}
