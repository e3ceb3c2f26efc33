//! A Worker under test: the built artefact on the real runtime, served by Miniflare on a free port, with settings and state
//! of its own. It ends with the test, even when the test fails or is killed.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use toml::Table;

use crate::host::{Host, Log};

/// The repository's root.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// No telemetry, and neither a check for updates nor a sample of `request.cf`: all would ask a server elsewhere.
const WRANGLER_ENV: [(&str, &str); 4] = [
    ("WRANGLER_SEND_METRICS", "false"),
    ("WRANGLER_HIDE_BANNER", "true"),
    ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
    ("NO_COLOR", "1"),
];

/// Settings by name, as wrangler.toml's `[vars]` would hold them.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// A folder with a wrangler.toml and the state of KV and D1; it may outlive the Worker.
pub struct Home {
    folder: TempDir,
    /// The configurations of the Workers to serve; the first one gets the port.
    served: Vec<PathBuf>,
    /// Whether D1 gets the schema at the next start.
    is_to_migrate: bool,
}

impl Home {
    /// A new one. `change` may change what the repository's wrangler.toml says.
    pub fn new(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> Self {
        let mut config: Table = fs::read_to_string(Path::new(ROOT).join("wrangler.toml")).unwrap().parse().unwrap();
        // What is tested is what was built.
        config.remove("build").expect("wrangler.toml has a build command");
        config.insert("main".into(), format!("{ROOT}/build/index.js").into());
        config["assets"]["directory"] = format!("{ROOT}/build/assets").into();
        config["d1_databases"][0]["migrations_dir"] = format!("{ROOT}/migrations").into();
        let vars: Table = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        config.insert("vars".into(), toml::Value::Table(vars));
        change(&mut config);

        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("wrangler.toml");
        fs::write(&ours, config.to_string()).unwrap();
        let has_database =
            config.get("d1_databases").and_then(toml::Value::as_array).is_some_and(|all| !all.is_empty());
        Self { folder, served: vec![ours], is_to_migrate: has_database }
    }

    /// The same, with a D1 database to which no migration has been applied.
    pub fn without_schema(settings: Settings<'_>, change: impl FnOnce(&mut Table)) -> Self {
        Self { is_to_migrate: false, ..Self::new(settings, change) }
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
        Self::with_log_behind("counting", include_str!("counting_d1.js"), settings)
    }

    /// A home whose D1 database is reached through another Worker, which makes it slow: see `busy_d1.js`.
    pub fn with_busy_log(settings: Settings<'_>) -> Self {
        Self::with_log_behind("busy", include_str!("busy_d1.js"), settings)
    }

    fn with_log_behind(name: &str, script: &str, settings: Settings<'_>) -> Self {
        let mut home = Self::new(settings, |config| replace_bindings(name, &["DB"], config));
        let bindings = format!(
            r#"
            compatibility_flags = ["service_binding_extra_handlers"]
            services = [{{ binding = "OURS", service = "unfollow-webhook" }}]
            d1_databases = [{{ binding = "DB", database_name = "unfollow-events", migrations_dir = "{ROOT}/migrations" }}]
            "#
        );
        let other = home.another(name, script, &bindings);
        home.served.insert(0, other);
        home.is_to_migrate = true;
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

    /// The same home with other settings, as after a deployment.
    pub fn with_settings(self, settings: Settings<'_>) -> Self {
        let ours = self.path().join("wrangler.toml");
        let mut config: Table = fs::read_to_string(&ours).unwrap().parse().unwrap();
        let vars: Table = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        config.insert("vars".into(), toml::Value::Table(vars));
        fs::write(&ours, config.to_string()).unwrap();
        self
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

    /// The same with another main module: an upgrade, or a rollback.
    pub fn with_main(self, main: &str) -> Self {
        let mut config: Table = fs::read_to_string(&self.served[0]).unwrap().parse().unwrap();
        config.insert("main".into(), main.into());
        fs::write(&self.served[0], config.to_string()).unwrap();
        self
    }

    /// Where wrangler.toml is, and the state below `.wrangler`.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A command of wrangler on the state of this home, while no Worker has it, or a script that runs wrangler.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        // Where wrangler looks for it.
        let state = self.path().join(".wrangler");
        if !state.exists() {
            fs::create_dir(&state).unwrap();
            fs::create_dir_all(self.path().join("state")).unwrap();
            std::os::unix::fs::symlink(self.path().join("state"), state.join("state")).unwrap();
        }
        let tools = format!("{ROOT}/node_modules/.bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env("WRANGLER_CONFIG", &self.served[0])
            .env("PATH", format!("{tools}:{path}"))
            .env("WRANGLER_LOG_PATH", self.path().join("logs"))
            .envs(WRANGLER_ENV)
            .stdin(Stdio::null());
        command
    }

    /// Starts the Worker.
    pub fn start(self) -> Worker {
        self.start_on(Arc::clone(Host::shared()))
    }

    /// Starts the Worker in a process of its own, which [`Worker::kill`] kills.
    pub fn start_apart(self) -> Worker {
        self.start_on(Arc::new(Host::start()))
    }

    fn start_on(mut self, host: Arc<Host>) -> Worker {
        let (number, log) = host.number_and_log();
        // wrangler has it there too.
        let state = self.path().join("state/v3");
        let parameters = json!({ "configs": self.served, "state": state, "migrate": self.is_to_migrate });
        let url = host.call("start", number, parameters).as_str().unwrap().to_owned();
        self.is_to_migrate = false;
        Worker { url, home: Some(self), host, number, log }
    }

    /// A `wrangler dev` that serves it.
    pub fn wrangler_dev(&self) -> Command {
        let tools = format!("{ROOT}/node_modules/.bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(format!("{tools}/wrangler"));
        command
            .args(["dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"])
            .arg("--show-interactive-dev-session=false")
            .args(self.served.iter().flat_map(|config| [Path::new("--config"), config]))
            .arg("--persist-to")
            .arg(self.path().join("state"))
            .current_dir(self.path())
            .env("PATH", format!("{tools}:{path}"))
            .env("WRANGLER_LOG_PATH", self.path().join("logs"))
            .envs(WRANGLER_ENV)
            .stdin(Stdio::null());
        command
    }
}

/// Replaces these bindings with the entry points of `service`.
fn replace_bindings(service: &str, bindings: &[&str], config: &mut Table) {
    let is_real = |table: &toml::Value| !bindings.contains(&table["binding"].as_str().unwrap());
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
    /// `None` once it was given back.
    home: Option<Home>,
    host: Arc<Host>,
    /// Which of the host's Workers it is.
    number: u64,
    log: Arc<Log>,
}

impl Worker {
    /// A Worker with these settings, and all else as in wrangler.toml.
    pub fn with(settings: Settings<'_>) -> Self {
        Home::new(settings, |_| {}).start()
    }

    fn ask(&self, method: &str, parameters: Value) -> Value {
        self.host.call(method, self.number, parameters)
    }

    /// The keys in KV, read beside the Worker, with their metadata.
    pub fn keys(&self) -> Value {
        self.ask("keys", json!({}))
    }

    /// The text stored under each of `keys`, read beside the Worker; none for a key that is not there.
    pub fn values(&self, keys: &[String]) -> HashMap<String, String> {
        serde_json::from_value(self.ask("values", json!({ "keys": keys }))).unwrap()
    }

    /// Puts a value into KV beside the Worker, without metadata and expiry.
    pub fn put(&self, key: &str, value: &str) {
        self.ask("put", json!({ "key": key, "value": value }));
    }

    /// The rows of a statement on the event log, run beside the Worker.
    pub fn sql(&self, statement: &str) -> Value {
        self.ask("sql", json!({ "statement": statement }))
    }

    /// Applies the migrations of the event log.
    pub fn apply_migrations(&self) {
        self.ask("migrate", json!({}));
    }

    /// Has the cron trigger called, and gives what became of it.
    pub fn scheduled(&self) -> Value {
        self.ask("scheduled", json!({}))
    }

    /// Has this cron trigger called, which was due at this time (Unix ms), and gives what became of it.
    pub fn scheduled_by(&self, cron: &str, time: u64) -> Value {
        self.ask("scheduled", json!({ "cron": cron, "time": time }))
    }

    /// What has been logged so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// The Worker's own log records so far.
    pub fn log_records(&self) -> Vec<Value> {
        self.log.records()
    }

    /// Waits until the Worker has logged a record that `wanted` matches.
    pub fn log_record(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.log.wait_for(wanted)
    }

    /// Stops it.
    pub fn stop(mut self) -> Home {
        self.ask("stop", json!({}));
        self.home.take().unwrap()
    }

    /// Kills it at once, with the process that it has to itself: see [`Home::start_apart`].
    pub fn kill(mut self) -> Home {
        assert!(!Arc::ptr_eq(&self.host, Host::shared()), "other tests have Workers in the same process");
        self.host.kill();
        self.home.take().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A test that fails has its Worker end too. What has ended already needs nothing.
        if self.home.is_some() {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.ask("stop", json!({}))));
        }
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
