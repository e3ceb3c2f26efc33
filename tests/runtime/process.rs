//! Servers that a test starts. Each ends with the test, together with all processes that it has started, even when the
//! test fails or is killed.

use std::{
    io::{BufRead, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

/// A process and its children, in a group of their own.
pub struct Server {
    leader: Child,
    guardian: Child,
    output: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it and reads what it prints.
    pub fn start(command: &mut Command) -> Self {
        let mut leader = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}: run the tests with `make test`"));
        let guardian = guard(leader.id());
        let output = Arc::default();
        collect(leader.stdout.take().unwrap(), &output);
        collect(leader.stderr.take().unwrap(), &output);
        Self { leader, guardian, output }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.leader.id()
    }

    /// What it has printed so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.output.lock().unwrap().clone()
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.leader.try_wait().unwrap()
    }

    /// Kills it and all that it has started, at once.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let group = format!("-{}", self.leader.id());
            Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
            self.leader.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        // The group is gone and its id may be reused: the guardian must not kill it.
        let _ = self.guardian.stdin.take().unwrap().write_all(b"done\n");
        let _ = self.guardian.wait();
    }
}

/// Kills the process group once this test process has ended, however it ended: the guardian's input ends with it.
fn guard(group: u32) -> Child {
    Command::new("sh")
        .args(["-c", "read -r word || exec env kill -KILL -- -$0", &group.to_string()])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<Vec<String>>>) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            output.lock().unwrap().push(line);
        }
    });
}
