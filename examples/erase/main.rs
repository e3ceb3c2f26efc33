//! Erases a user by the Worker's API, to the end. See `cargo run --example erase -- --help`.
//!
//! `args` reads the command line, `erase` goes from step to step. `api`, `calls`, `host` and `worker` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; `host` has another clock there")]

#[path = "../common/api.rs"]
mod api;
mod args;
#[path = "../common/calls.rs"]
mod calls;
mod erase;
#[path = "../common/host.rs"]
mod host;
#[path = "../common/worker.rs"]
mod worker;

fn main() {
    let ended = erase::run(&args::read());
    if let Err(message) = &ended {
        host::say(format_args!("error: {message}"));
    }
    host::exit(if ended.is_ok() { 0 } else { 1 });
}
