//! Helpers for the tests of the examples.

#![allow(dead_code, reason = "each test uses some of them")]

pub mod log;
#[path = "../shared/port.rs"]
mod port;
pub mod program;
pub mod server;

use std::time::Duration;

/// Longer than anything here takes, even on a busy machine; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);
