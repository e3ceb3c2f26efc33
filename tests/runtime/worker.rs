//! A Worker under test: the built artefact on the real runtime, served by `wrangler dev` on a free port, with settings
//! and state of its own. It ends with the test, even when the test fails or is killed.

use std::{
    collections::HashMap,
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use toml::{Table, Value};

use crate::process::Server;

/// The repository's root.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Settings by name, as wrangler.toml's `[vars]` would hold them.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// A folder with a wrangler.toml and the state of the embedded KV; it may outlive the Worker.
pub struct Home {
    folder: TempDir,
    /// The configurations of the Workers to serve; the first one gets the port.
    served: Vec<PathBuf>,
}

impl Home {
    /// A new one. `change` may change what the repository's wrangler.toml says.
    pub fn new(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> Self {
        let home = Self::without_schema(settings, change);
        let state = home.path().join("state");
        fs::create_dir(&state).unwrap();
        copy(&migrated().join("state"), &state);
        home
    }

    /// The same, with a D1 database to which no migration has been applied.
    pub fn without_schema(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> Self {
        let mut config: Table = fs::read_to_string(Path::new(ROOT).join("wrangler.toml")).unwrap().parse().unwrap();
        // What is tested is what was built.
        config.remove("build").expect("wrangler.toml has a build command");
        config.insert("main".into(), format!("{ROOT}/build/index.js").into());
        config["assets"]["directory"] = format!("{ROOT}/build/assets").into();
        config["d1_databases"][0]["migrations_dir"] = format!("{ROOT}/migrations").into();
        let vars: Table = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        config.insert("vars".into(), Value::Table(vars));
        change(&mut config);

        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("wrangler.toml");
        fs::write(&ours, config.to_string()).unwrap();
        Self { folder, served: vec![ours] }
    }

    /// A home where each of `bindings` is replaced by the entry point of its name in `stand_ins.js`: Cloudflare's own
    /// KV and queues cannot be made to fail.
    pub fn with_stand_ins(settings: Settings<'_>, bindings: &[&str], change: impl FnOnce(&mut Table)) -> Self {
        let mut home = Self::new(settings, |config| {
            replace_bindings("stand-ins", bindings, config);
            change(config);
        });
        let stand_ins = home.another("stand-ins", include_str!("stand_ins.js"), "");
        home.served.push(stand_ins);
        home
    }

    /// A home whose KV is reached through another Worker, which records the operations on it: see `counting.js`.
    pub fn with_counted_store(settings: Settings<'_>) -> Self {
        let mut home = Self::new(settings, |config| replace_bindings("counting", &["EVENTS"], config));
        let bindings = r#"
            services = [{ binding = "OURS", service = "unfollow-webhook" }]
            kv_namespaces = [{ binding = "EVENTS" }]
        "#;
        let counting = home.another("counting", include_str!("counting.js"), bindings);
        home.served.insert(0, counting);
        home
    }

    /// A home whose D1 database is reached through another Worker, which records what each statement costs: see
    /// `counting_d1.js`.
    pub fn with_counted_log(settings: Settings<'_>) -> Self {
        let mut home = Self::new(settings, |config| replace_bindings("counting", &["DB"], config));
        let bindings = format!(
            r#"
            compatibility_flags = ["service_binding_extra_handlers"]
            services = [{{ binding = "OURS", service = "unfollow-webhook" }}]
            d1_databases = [{{ binding = "DB", database_name = "unfollow-events", migrations_dir = "{ROOT}/migrations" }}]
            "#
        );
        let counting = home.another("counting", include_str!("counting_d1.js"), &bindings);
        home.served.insert(0, counting);
        home
    }

    /// A home with another Worker before the one under test. It puts on the queue what is posted to `/queue`, and
    /// passes on all other requests: see `producer.js`.
    pub fn with_producer(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> Self {
        let mut home = Self::new(settings, change);
        let bindings = r#"
            services = [{ binding = "OURS", service = "unfollow-webhook" }]
            queues = { producers = [{ binding = "DELIVERIES", queue = "unfollow-deliveries" }] }
        "#;
        let producer = home.another("producer", include_str!("producer.js"), bindings);
        home.served.insert(0, producer);
        home
    }

    /// Writes another Worker; gives the path of its configuration.
    fn another(&self, name: &str, script: &str, bindings: &str) -> PathBuf {
        let folder = self.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("worker.js"), script).unwrap();
        let config = format!("name = '{name}'\nmain = 'worker.js'\ncompatibility_date = '2026-07-01'\n{bindings}");
        fs::write(folder.join("wrangler.toml"), config).unwrap();
        folder.join("wrangler.toml")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A wrangler command on our configuration and state.
    pub fn wrangler(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--config").arg(self.path().join("wrangler.toml"));
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let tools = format!("{ROOT}/node_modules/.bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(format!("{tools}/wrangler"));
        command
            .args(arguments)
            .arg("--persist-to")
            .arg(self.path().join("state"))
            .current_dir(self.path())
            .env("PATH", format!("{tools}:{path}"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_LOG_PATH", self.path().join("logs"))
            // Neither a check for updates nor a sample of `request.cf`: both would ask a server elsewhere.
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// The keys in KV, read by wrangler and not by the Worker, with their metadata.
    pub fn keys(&self) -> serde_json::Value {
        // The emulator may fail to read while a Worker with the same state writes.
        wait_for("wrangler to list the keys", || {
            let output = self.wrangler(&["kv", "key", "list", "--binding", "EVENTS", "--local"]).output().unwrap();
            serde_json::from_slice(&output.stdout).ok()
        })
    }

    /// The text stored under each of `keys`, read by wrangler and not by the Worker; none for a key that is not
    /// there.
    pub fn values(&self, keys: &[String]) -> HashMap<String, String> {
        // A file of its own: tests that share a home read at the same time.
        let list = tempfile::NamedTempFile::new().unwrap();
        fs::write(&list, serde_json::to_string(keys).unwrap()).unwrap();
        let arguments = ["kv", "bulk", "get", list.path().to_str().unwrap(), "--binding", "EVENTS", "--local"];
        let output = self.wrangler(&arguments).output().unwrap();
        // The JSON is between lines for human readers.
        let text = String::from_utf8_lossy(&output.stdout);
        let json = text.find('{').map_or("", |at| &text[at..]);
        let mut values = serde_json::Deserializer::from_str(json).into_iter();
        let values: serde_json::Map<String, serde_json::Value> =
            values.next().and_then(Result::ok).unwrap_or_else(|| panic!("wrangler: {output:?}"));
        let text = |(key, entry): (String, serde_json::Value)| Some((key, entry["value"].as_str()?.to_owned()));
        values.into_iter().filter_map(text).collect()
    }

    /// Applies the migrations of the event log.
    pub fn apply_migrations(&self) {
        let output = self.wrangler(&["d1", "migrations", "apply", "DB", "--local"]).output().unwrap();
        assert!(output.status.success(), "wrangler: {output:?}");
    }

    /// The rows of a statement on the event log, run by wrangler and not by the Worker.
    pub fn sql(&self, statement: &str) -> serde_json::Value {
        let output =
            self.wrangler(&["d1", "execute", "DB", "--local", "--json", "--command", statement]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let json = text.find('[').map_or("", |at| &text[at..]);
        let results: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("wrangler: {output:?}"));
        results[0]["results"].clone()
    }

    /// Starts the Worker.
    pub fn start(&self) -> Worker {
        Worker::start(self)
    }
}

/// A folder with the state of a D1 database to which the migrations have been applied: wrangler takes a second for it, so it is
/// done once, and copied.
fn migrated() -> &'static Path {
    static MIGRATED: OnceLock<PathBuf> = OnceLock::new();
    MIGRATED.get_or_init(|| {
        let home = Home::without_schema(&[], |_| {});
        home.apply_migrations();
        // Cargo's own folder for such files, because a static is never dropped.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("migrated");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        copy(home.path(), &folder);
        folder
    })
}

/// Copies what is in a folder into another one.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Replaces these bindings with the entry points of `service`.
fn replace_bindings(service: &str, bindings: &[&str], config: &mut Table) {
    let is_real = |table: &Value| !bindings.contains(&table["binding"].as_str().unwrap());
    config["kv_namespaces"].as_array_mut().unwrap().retain(is_real);
    config["queues"]["producers"].as_array_mut().unwrap().retain(is_real);
    config["d1_databases"].as_array_mut().unwrap().retain(is_real);
    let binding = |name: &&str| format!(r#"{{ binding = "{name}", service = "{service}", entrypoint = "{name}" }}"#);
    let services: Vec<_> = bindings.iter().map(binding).collect();
    config.extend(format!("services = [{}]", services.join(", ")).parse::<Table>().unwrap());
}

/// A running Worker.
pub struct Worker {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    server: Server,
}

impl Worker {
    fn start(home: &Home) -> Self {
        let free_port = ["dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];
        let served = home.served.iter().flat_map(|config| [Path::new("--config"), config]);
        let mut command = home.command(&free_port);
        let server = Server::start(command.args(served).arg("--show-interactive-dev-session=false"));
        let mut worker = Self { url: String::new(), server };
        worker.url = wait_for("wrangler to be ready", || {
            let ended = worker.server.ended();
            assert!(ended.is_none(), "wrangler ended: {ended:?}: {:#?}", worker.log());
            worker.log().iter().find_map(|line| line.split_once("Ready on ").map(|(_, url)| url.trim().to_owned()))
        });
        worker
    }

    /// What the server has printed so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.server.log()
    }

    /// The Worker's own log records so far.
    pub fn log_records(&self) -> Vec<serde_json::Value> {
        let json = |line: &String| serde_json::from_str(&line[line.find('{')?..=line.rfind('}')?]).ok();
        self.log().iter().filter_map(json).filter(|record: &serde_json::Value| record["outcome"].is_string()).collect()
    }

    /// Waits until the Worker has logged a record that `wanted` matches.
    pub fn log_record(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        wait_for("a log record", || self.log_records().into_iter().find(&wanted))
    }

    /// Kills the server and all its children at once, and returns when nobody listens on the port.
    pub fn kill(mut self) {
        self.server.kill();
        let address = self.url.trim_start_matches("http://");
        wait_for("the port to refuse", || TcpStream::connect(address).is_err().then_some(()));
    }
}

/// Polls until `find` finds something.
pub fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
