//! What the tests of the examples share.

#![allow(dead_code, reason = "each of them takes what it needs")]

pub mod log;
pub mod program;
pub mod server;

use std::time::Duration;

/// Longer than anything here takes, even on a busy machine; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);
