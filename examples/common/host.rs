//! All that the examples need of the machine but HTTP: arguments, variables, output, files, the clock. Natively it is `std`. In
//! wasm, where `std` has none of it, it is what `scripts/host.mjs` offers.

#![allow(dead_code, reason = "each example uses some of them")]

#[cfg(not(target_arch = "wasm32"))]
#[path = "host_native.rs"]
mod machine;
#[cfg(target_arch = "wasm32")]
#[path = "host_wasm.rs"]
mod machine;

use std::{fmt::Display, io};

use clap::Parser;

pub use machine::*;

/// The command line; ends the program where there is a mistake in it, or where it asks for help.
pub fn arguments<Args: Parser>() -> Args {
    Args::try_parse_from(machine::args()).unwrap_or_else(|error| reject(&error))
}

/// Ends the program because of its command line: with 0 after the help, else with 2.
pub fn reject(error: &clap::Error) -> ! {
    machine::show(error);
    exit(error.exit_code())
}

/// Writes a line to standard error. Where nobody reads that, as behind `2>&1 | head`, there is no place left to say so.
pub fn say(line: impl Display) {
    machine::say(&format!("{line}\n"));
}

/// What is wrong with standard output, if that matters: a reader that went away, as `head` does, has what it wanted.
pub fn output_error(error: &io::Error) -> Option<String> {
    (error.kind() != io::ErrorKind::BrokenPipe).then(|| format!("the output cannot be written: {error}"))
}
