//! The process in which Miniflare serves the Workers of this test binary: `tests/host/main.mjs`. It ends with the test
//! process, because its input does, however the test process ends.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Sender},
    },
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use crate::worker::{PATIENCE, ROOT};

/// The log of a Worker, as it grows.
#[derive(Default)]
pub struct Log {
    lines: Mutex<Vec<Line>>,
    grown: Condvar,
}

struct Line {
    text: String,
    /// What it says, if it is one of the Worker's own log records.
    record: Option<Value>,
}

impl Log {
    fn push(&self, text: &str) {
        let json = || serde_json::from_str(text.get(text.find('{')?..=text.rfind('}')?)?).ok();
        let record = json().filter(|record: &Value| record["outcome"].is_string());
        self.lines.lock().unwrap().push(Line { text: text.to_owned(), record });
        self.grown.notify_all();
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|line| line.text.clone()).collect()
    }

    /// All log records so far.
    pub fn records(&self) -> Vec<Value> {
        self.lines.lock().unwrap().iter().filter_map(|line| line.record.clone()).collect()
    }

    /// Waits for a log record that `wanted` matches.
    pub fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut seen = 0;
        let mut lines = self.lines.lock().unwrap();
        loop {
            let new = lines.iter().skip(seen).filter_map(|line| line.record.as_ref());
            if let Some(record) = new.into_iter().find(|record| wanted(record)) {
                return record.clone();
            }
            seen = lines.len();
            let left = PATIENCE.checked_sub(begun.elapsed()).expect("waited too long for a log record");
            lines = self.grown.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// Such a process.
pub struct Host {
    process: Mutex<Child>,
    input: Mutex<ChildStdin>,
    next: AtomicU64,
    shared: Arc<Shared>,
}

/// What the reader of the process's output has a part in.
#[derive(Default)]
struct Shared {
    /// Who waits for the response to which request.
    waiting: Mutex<HashMap<u64, Sender<Result<Value, String>>>>,
    logs: Mutex<HashMap<u64, Arc<Log>>>,
}

impl Host {
    /// The one that the tests share.
    pub fn shared() -> &'static Arc<Self> {
        static SHARED: OnceLock<Arc<Host>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(Self::start()))
    }

    /// Starts another, for a test that kills it.
    pub fn start() -> Self {
        let tools = Path::new(ROOT).join("node_modules/.bin");
        let mut process = Command::new(tools.join("node"))
            .arg(Path::new(ROOT).join("tests/host/main.mjs"))
            .env("WRANGLER_SEND_METRICS", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It is killed with all that it has started.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{error}: run the tests with `make test`"));
        let input = Mutex::new(process.stdin.take().unwrap());
        let shared = Arc::<Shared>::default();
        let (output, reader) = (process.stdout.take().unwrap(), Arc::clone(&shared));
        thread::spawn(move || reader.read(output));
        Self { process: Mutex::new(process), input, next: AtomicU64::new(0), shared }
    }

    /// A number for a Worker, and its log.
    pub fn number_and_log(&self) -> (u64, Arc<Log>) {
        let (number, log) = (self.next.fetch_add(1, Relaxed), Arc::default());
        self.shared.logs.lock().unwrap().insert(number, Arc::clone(&log));
        (number, log)
    }

    /// Has a method called for a Worker, and waits for its result.
    #[track_caller]
    pub fn call(&self, method: &str, worker: u64, parameters: Value) -> Value {
        let id = self.next.fetch_add(1, Relaxed);
        let (sender, response) = mpsc::channel();
        self.shared.waiting.lock().unwrap().insert(id, sender);
        let mut request = json!({ "id": id, "method": method, "worker": worker });
        request.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        writeln!(self.input.lock().unwrap(), "{request}").expect("the host has ended");
        let response = response.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{method}: {error}"));
        response.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Kills it at once, with all its Workers.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        Command::new("kill").args(["-KILL", "--", &format!("-{}", process.id())]).status().unwrap();
        process.wait().unwrap();
    }
}

impl Shared {
    fn read(&self, output: ChildStdout) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the host said {line}"));
            if let (Some(worker), Some(text)) = (message["worker"].as_u64(), message["log"].as_str()) {
                self.logs.lock().unwrap()[&worker].push(text);
                continue;
            }
            let id = message["id"].as_u64().expect("an id");
            let Some(sender) = self.waiting.lock().unwrap().remove(&id) else { continue };
            let result = match message["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(message["result"].clone()),
            };
            // A test that failed waits no longer.
            let _ = sender.send(result);
        }
        // Nobody is answered any more.
        self.waiting.lock().unwrap().clear();
    }
}
