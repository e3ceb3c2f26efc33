//! An example's program, run as its users run it.

use std::{
    env,
    fs::File,
    io::{self, PipeWriter, Read},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::PATIENCE;

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn ok(&self) -> bool {
        self.code == 0
    }
}

/// Where it is `node`, the examples are run as the bundle has them: in wasm, after `scripts/build.sh programs`.
const HOST_VARIABLE: &str = "EXAMPLES_HOST";

/// The example `name`, without the environment's variables for its `token`, for Cloudflare Access and for proxies.
pub fn example(name: &str, token: &str) -> Command {
    let mut command = if in_wasm() { of_the_bundle(name) } else { native(name) };
    let access = ["CLOUDFLARE_ACCESS_CLIENT_ID", "CLOUDFLARE_ACCESS_CLIENT_SECRET"];
    for variable in access.into_iter().chain([token, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]) {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether the examples are run in wasm.
pub fn in_wasm() -> bool {
    env::var(HOST_VARIABLE).is_ok_and(|host| host == "node")
}

fn of_the_bundle(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join(format!("build/programs/{name}.js"));
    assert!(program.exists(), "{} is missing: run `scripts/build.sh programs`", program.display());
    let mut command = Command::new(root.join("node_modules/.bin/node"));
    command.arg(root.join("scripts/program.mjs")).arg(name);
    command
}

/// Cargo tells tests where binaries are, but not examples: target/debug/examples is beside target/debug/deps, where
/// this test is.
fn native(name: &str) -> Command {
    let this_test = env::current_exe().unwrap();
    let profile = this_test.parent().and_then(|deps| deps.parent()).expect("…/deps/…");
    let example = profile.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(example.exists(), "{} is missing: run `cargo build --example {name}`", example.display());
    Command::new(example)
}

/// Runs it to its end.
pub fn run(command: Command) -> Ran {
    let mut child = Running::start(command);
    // Both are read while it runs: it may print more than fits into a pipe.
    let read = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("output in UTF-8");
            text
        })
    };
    let stdout = read(Box::new(child.0.stdout.take().unwrap()));
    let stderr = read(Box::new(child.0.stderr.take().unwrap()));
    let code = child.wait();
    Ran { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Runs it to its end, with its output going to `output`; the exit code, and what it wrote to standard error.
pub fn run_into(mut command: Command, output: impl Into<Stdio>) -> (i32, String) {
    let mut child = Running::start({
        command.stdout(output);
        command
    });
    let code = child.wait();
    let mut errors = String::new();
    if let Some(mut pipe) = child.0.stderr.take() {
        pipe.read_to_string(&mut errors).expect("output in UTF-8");
    }
    (code, errors)
}

/// A pipe that nobody reads.
pub fn unread() -> PipeWriter {
    let (_, writer) = io::pipe().unwrap();
    writer
}

/// A disk without space.
pub fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A process that ends with the test, even if that fails.
pub struct Running(pub Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("the example runs"))
    }

    /// Waits for its end; the exit code.
    pub fn wait(&mut self) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code().expect("an exit code");
            }
            assert!(start.elapsed() < PATIENCE, "the example does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended already, as it should.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
