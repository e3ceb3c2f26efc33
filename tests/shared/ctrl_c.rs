//! Ctrl-C, for the programs that a test starts.

use std::{ffi::OsStr, process::Command};

/// A command that Ctrl-C ends. What a script starts in the background ignores SIGINT, and so would all that a test starts.
pub fn interruptible(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(program);
    command
}

/// Presses Ctrl-C: a terminal sends SIGINT to a whole group of processes.
pub fn press(group: u32) {
    let group = format!("-{group}");
    assert!(Command::new("kill").args(["-s", "INT", "--", &group]).status().unwrap().success());
}
