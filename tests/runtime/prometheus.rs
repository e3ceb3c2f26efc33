//! A real Prometheus scrapes the Worker, with what is in `deploy/`: its configuration, its rules, and the queries of the dashboard.
//! `scripts/test-slow.sh` provides it, and says by `PROMETHEUS` in which folder its programs are.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    TOKEN,
    call::{APP, FOLLOW, UNFOLLOW, get_api_text, now_ms, post, request, request_with, signed, unfollow},
    port::free_port,
    process::Server,
    worker::{ROOT, Worker, wait_for},
};

const METRICS_TOKEN: &str = "a-token-of-the-scraper";

/// One of Prometheus' programs.
fn program(name: &str) -> Command {
    Command::new(env::var_os("PROMETHEUS").map_or_else(PathBuf::new, PathBuf::from).join(name))
}

/// A folder with the files of `deploy/`, as an operator has them, and the configuration for this server.
fn configured(url: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let deployed = Path::new(ROOT).join("deploy");
    fs::copy(deployed.join("alerts.yml"), folder.path().join("alerts.yml")).unwrap();
    fs::write(folder.path().join("metrics-token"), format!("{METRICS_TOKEN}\n")).unwrap();
    let mut config = fs::read_to_string(deployed.join("prometheus.yml")).unwrap();
    let host = url.strip_prefix("http://").unwrap();
    for (text, ours) in [
        ("scrape_interval: 1m", "scrape_interval: 1s"),
        ("evaluation_interval: 1m", "evaluation_interval: 1s"),
        ("scheme: https", "scheme: http"),
        ("webhook.example.com", host),
    ] {
        assert!(config.contains(text), "{text}");
        config = config.replace(text, ours);
    }
    fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    folder
}

/// Runs a check of promtool, which has to have nothing to say against it.
fn check(folder: &Path, arguments: &[&str], input: &str) {
    let mut promtool = program("promtool");
    let promtool = promtool.args(["check"]).args(arguments).current_dir(folder);
    let mut child = promtool
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}: run `make test-slow`"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success(), "promtool check {arguments:?}: {said}");
    if arguments == ["metrics"] {
        assert_eq!(said, "");
    }
}

/// A Prometheus.
struct Prometheus {
    server: Server,
    url: String,
    /// Its configuration and its data.
    folder: TempDir,
}

impl Prometheus {
    fn start(folder: TempDir) -> Self {
        let port = free_port();
        let mut command = program("prometheus");
        command
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path());
        Self { server: Server::start(&mut command), url: format!("http://127.0.0.1:{port}"), folder }
    }

    /// What its HTTP API answers.
    fn ask(&self, path: &str) -> Value {
        let answer = request("GET", &format!("{}/api/v1/{path}", self.url));
        assert_eq!(answer.body["status"], "success", "{path}: {}", answer.text);
        answer.body["data"].clone()
    }

    /// The result of a query: each series with its latest value.
    fn query(&self, query: &str) -> Vec<Value> {
        let encoded: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
        self.ask(&format!("query?query={encoded}"))["result"].as_array().unwrap().clone()
    }

    /// The value of a query with one series; `None` if it has none, or several.
    fn value(&self, query: &str) -> Option<String> {
        match &self.query(query)[..] {
            [series] => Some(series["value"][1].as_str().unwrap().to_owned()),
            _ => None,
        }
    }

    /// The names of the alerts that are firing, with their reasons.
    fn firing(&self) -> Vec<(String, String)> {
        let alerts = self.ask("alerts")["alerts"].as_array().unwrap().clone();
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| (label(alert, "alertname"), label(alert, "reason"))).collect()
    }
}

/// The queries of the dashboard, with its variables filled in.
fn queries() -> Vec<String> {
    let dashboard = fs::read_to_string(Path::new(ROOT).join("deploy/grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let query = |target: &Value| target["expr"].as_str().unwrap().to_owned();
    targets.map(query).map(|query| query.replace("$app", ".*").replace("$__rate_interval", "1m")).collect()
}

#[test]
#[ignore = "slow: make test-slow"]
fn a_prometheus_scrapes_the_worker_and_a_rule_fires() {
    let worker = Worker::with(&[
        ("SDK_APP_IDS", APP),
        ("CALLBACK_TOKEN", TOKEN),
        ("METRICS_TOKEN", METRICS_TOKEN),
        ("SINKS", "kv,d1"),
    ]);
    let folder = configured(&worker.url);
    check(folder.path(), &["config", "prometheus.yml"], "");
    check(folder.path(), &["rules", "alerts.yml"], "");

    for n in 0..3 {
        assert!(post(&worker.url, &signed(APP, UNFOLLOW, TOKEN), unfollow("a", &["b"], now_ms() - n)).is_ok());
    }
    wait_for("the calls to be counted", || {
        let text = get_api_text(&format!("{}/metrics", worker.url), METRICS_TOKEN);
        text.contains(&format!("calls_total{{app=\"{APP}\",outcome=\"stored\"}} ")).then_some(())
    });
    let mut prometheus = Prometheus::start(folder);
    wait_for("Prometheus to be ready", || {
        assert!(prometheus.server.ended().is_none(), "{:#?}", prometheus.server.log());
        let log = prometheus.server.log();
        log.iter().any(|line| line.contains("Server is ready to receive web requests")).then_some(())
    });
    let events = format!("unfollow_webhook_events_total{{app=\"{APP}\", kind=\"unfollow\"}}");
    wait_for("the events to be seen", || prometheus.value(&events).filter(|value| value == "3"));
    assert_eq!(prometheus.value(r#"up{job="unfollow-webhook"}"#).as_deref(), Some("1"));
    assert_eq!(prometheus.value("unfollow_webhook_build_info * 1").as_deref(), Some("1"));
    assert_eq!(prometheus.value("unfollow_webhook_database_up").as_deref(), Some("1"));
    assert_eq!(prometheus.firing(), []);
    // Only OpenMetrics tells a unit.
    let metadata = prometheus.ask("metadata?metric=unfollow_webhook_database_size_bytes");
    assert_eq!(metadata["unfollow_webhook_database_size_bytes"][0]["unit"], "bytes", "{metadata}");

    // The Sign of another token: the first call of a kind is counted at once.
    assert_eq!(post(&worker.url, &signed(APP, FOLLOW, "another"), "{}").code(), (401, 40106));
    let firing = wait_for("an alert", || Some(prometheus.firing()).filter(|firing| !firing.is_empty()));
    assert_eq!(firing, [("UnfollowWebhookCallsRejected".to_owned(), "sign_mismatch".to_owned())]);

    // What is declared in the older form keeps Prometheus' conventions.
    let answer = request_with(
        "GET",
        &format!("{}/metrics", worker.url),
        &[("authorization", &format!("Bearer {METRICS_TOKEN}")), ("accept", "text/plain")],
    );
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"), "{answer:?}");
    check(prometheus.folder.path(), &["metrics"], &answer.text);
    let queries = queries();
    assert!(queries.len() >= 15);
    let with_results = queries.iter().filter(|query| !prometheus.query(query).is_empty()).count();
    // There is no backend, and nothing is due.
    assert!(with_results >= 10, "{with_results}");
    prometheus.server.kill();
}
