//! Compares a Worker's event log with Tencent's own data. See `cargo run --example compare -- --help`.
//!
//! `args` reads the command line, `steps` has the Worker compare, and `alone` compares with a key of its own. `api`, `calls`, `host`
//! and `worker` are common to the examples.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; `host` has another clock there")]

mod alone;
#[path = "../common/api.rs"]
mod api;
mod args;
#[path = "../common/calls.rs"]
mod calls;
#[path = "../common/host.rs"]
mod host;
mod steps;
#[path = "../common/worker.rs"]
mod worker;

fn main() {
    let plan = args::read();
    let compared = match &plan.key {
        None => steps::run(&plan),
        Some(key) => alone::run(&plan, key),
    };
    host::exit(match compared {
        Ok(()) => 0,
        Err(message) => {
            host::say(format_args!("error: {message}"));
            1
        }
    });
}
