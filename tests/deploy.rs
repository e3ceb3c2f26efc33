//! `make deploy`, and the bundle's `npm run migrate`, with a stub instead of wrangler and a local server instead of Cloudflare:
//! when they refuse, that nothing is then deployed, and what is said about a deployment.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::json;
use toml::{Table, Value};

#[path = "shared/port.rs"]
mod port;

use port::free_port;

/// The stub for wrangler. It lists the secrets in the file `secrets` beside it, or fails with the text in `failure`; without
/// either file, there is no such Worker. It lists the databases in `databases`, and fails at the command in `fails`. It
/// deploys to the targets in `targets`; without that file, it fails. It writes each of its calls to `calls`.
const STUB: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" | sed 's/ --config .*//' >>"$here/calls"
case $1 in
secret)
    cat "$here/secrets" 2>/dev/null && exit
    cat "$here/failure" >&2 2>/dev/null && exit 1
    echo 'Worker "unfollow-webhook" not found.' >&2
    exit 1
    ;;
d1)
    if [ "$2" = "$(cat "$here/fails")" ]; then echo "the stub fails" >&2; exit 1; fi
    if [ "$2" = list ]; then cat "$here/databases"; fi
    ;;
deploy)
    [ -e "$here/targets" ] || { echo "the stub fails" >&2; exit 1; }
    echo '{"type":"wrangler-session","version":1}' >>"$WRANGLER_OUTPUT_FILE_PATH"
    printf '{"type":"deploy","version":1,"targets":%s}\n' "$(cat "$here/targets")" >>"$WRANGLER_OUTPUT_FILE_PATH"
    ;;
esac
"#;

const OK: &str = r#"200 OK {"status":"ok","version":"0.2.0"}"#;
const INVALID: &str = r#"503 Service Unavailable {"status":"invalid settings","version":"0.2.0","settings":[{"name":"RETENTION_DAYS","problem":"must be 1 or more"},{"name":"SINKS","problem":"must be kv"}]}"#;

/// The secrets of a Worker that may be deployed.
const SECRETS: Option<&[&str]> = Some(&["CALLBACK_TOKEN", "ADMIN_TOKEN"]);

/// One run of the script, from wrangler.toml as it is committed, with `vars` as its `[vars]`.
#[derive(Default)]
struct Case<'a> {
    /// The script; deploy.sh unless said.
    script: &'a str,
    vars: &'a str,
    /// A change to the rest of it.
    edit: Option<&'a dyn Fn(&mut Table)>,
    /// `None` where the Worker does not exist yet.
    secrets: Option<&'a [&'a str]>,
    /// What wrangler prints before and after a list of secrets or databases.
    around: [&'a str; 2],
    /// What wrangler says where it cannot list the secrets.
    failure: Option<&'a str>,
    /// The D1 databases that there are.
    databases: &'a [&'a str],
    /// `D1_LOCATION`.
    location: &'a str,
    /// The command of `wrangler d1` that fails.
    fails: &'a str,
    /// JSON; `None` where wrangler cannot deploy.
    targets: Option<String>,
    wait_seconds: u32,
    /// Whether nobody reads what it prints.
    unread: bool,
}

struct Outcome {
    success: bool,
    output: String,
    /// What wrangler was called with, without `--config`.
    calls: Vec<String>,
    deployed: bool,
}

impl Case<'_> {
    fn run(&self) -> Outcome {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);

        let config = fs::read_to_string(root.join("wrangler.toml")).unwrap();
        assert!(!config.contains("\n[vars]"), "the committed wrangler.toml has no [vars], so the test may add its own");
        let mut config: Table = format!("{config}\n[vars]\n{}\n", self.vars).parse().unwrap();
        // What would be deployed is what was built.
        config.remove("build").expect("wrangler.toml has a build command");
        config.insert("main".into(), root.join("build/index.js").to_str().unwrap().into());
        if let Some(edit) = self.edit {
            edit(&mut config);
        }
        fs::write(at("wrangler.toml"), config.to_string()).unwrap();
        fs::write(at("wrangler"), STUB).unwrap();
        fs::set_permissions(at("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(names) = self.secrets {
            let secrets: Vec<_> =
                names.iter().map(|name| format!(r#"{{"name":"{name}","type":"secret_text"}}"#)).collect();
            let [before, after] = self.around;
            // As wrangler prints it, over several lines.
            fs::write(at("secrets"), format!("{before}[\n{}\n]\n{after}", secrets.join(",\n"))).unwrap();
        }
        if let Some(failure) = self.failure {
            fs::write(at("failure"), failure).unwrap();
        }
        // As wrangler prints it.
        let databases = serde_json::Value::from_iter(
            self.databases
                .iter()
                .map(|name| json!({ "uuid": "0", "name": name, "read_replication": { "mode": "off" } })),
        );
        let [before, after] = self.around;
        fs::write(at("databases"), format!("{before}{databases:#}\n{after}")).unwrap();
        fs::write(at("fails"), self.fails).unwrap();
        if let Some(targets) = &self.targets {
            fs::write(at("targets"), targets).unwrap();
        }

        let mut command = match self.script {
            "" => Command::new("bash"),
            _ => Command::new(root.join("node_modules/.bin/node")),
        };
        if self.unread {
            let (_, writer) = io::pipe().unwrap();
            command.stdout(writer);
        } else {
            command.stdout(Stdio::piped());
        }
        let output = command
            .stderr(Stdio::piped())
            .arg(root.join("scripts").join(if self.script.is_empty() { "deploy.sh" } else { self.script }))
            .env("WRANGLER", at("wrangler"))
            .env("WRANGLER_CONFIG", at("wrangler.toml"))
            .env("D1_LOCATION", self.location)
            .env("DEPLOY_WAIT_SECONDS", self.wait_seconds.to_string())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let output_bytes = [&output.stdout[..], &output.stderr].concat();
        let calls: Vec<_> =
            fs::read_to_string(at("calls")).unwrap_or_default().lines().map(ToOwned::to_owned).collect();
        Outcome {
            success: output.status.success(),
            output: String::from_utf8(output_bytes).unwrap(),
            deployed: calls.iter().any(|call| call == "deploy"),
            calls,
        }
    }

    /// Runs it, and expects a deployment that succeeds, to a Worker that is healthy at once. Gives wrangler's calls.
    fn succeeds(self) -> Vec<String> {
        let worker = Worker::answering(&[OK]);
        let outcome = Case { targets: Some(format!(r#"["{}"]"#, worker.url())), wait_seconds: 10, ..self }.run();
        assert!(outcome.success && outcome.deployed, "{}", outcome.output);
        outcome.calls
    }

    /// Runs it, and expects one sentence with all of `words`, before anything is done.
    fn refuses(&self, words: &[&str]) {
        let outcome = self.run();
        assert!(!outcome.success && outcome.calls == ["secret list"], "{:?}: {}", outcome.calls, outcome.output);
        assert_eq!(outcome.output.trim().lines().count(), 1, "{}", outcome.output);
        for word in words {
            assert!(outcome.output.contains(word), "{word} is not in: {}", outcome.output);
        }
    }
}

/// A server instead of the deployed Worker: it gives the answers in turn, and repeats the last one.
struct Worker {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn answering(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let mut answers = answers.iter().peekable();
                while let Ok((stream, _)) = listener.accept() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    answer(stream, answers.peek().unwrap());
                    if answers.len() > 1 {
                        answers.next();
                    }
                }
            }
        });
        Self { address, over, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees the flag.
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Answers one request: `answer` is the end of the status line and the body, which begins at the first brace.
fn answer(mut stream: TcpStream, answer: &str) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        request.extend(byte);
    }
    let (status, body) = if request.starts_with(b"GET /healthz ") {
        answer.split_at(answer.find('{').unwrap())
    } else {
        ("404 Not Found", "{}")
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
}

const ONE_APP: &str = r#"SDK_APP_IDS = "1400000000""#;

#[test]
fn without_apps_it_refuses() {
    for vars in ["", r#"SDK_APP_IDS = """#] {
        Case { vars, secrets: SECRETS, ..Case::default() }.refuses(&["SDK_APP_IDS", "[vars]"]);
    }
}

#[test]
fn without_a_token_it_refuses() {
    for secrets in [&["ADMIN_TOKEN"][..], &["ADMIN_TOKEN", "CALLBACK_TOKEN_1400000001", "CALLBACK_TOKEN_PREVIOUS"]] {
        let words = ["1400000000", "npx wrangler secret put CALLBACK_TOKEN", "ALLOW_UNSIGNED"];
        Case { vars: ONE_APP, secrets: Some(secrets), ..Case::default() }.refuses(&words);
    }
}

#[test]
fn an_unsigned_call_is_allowed_by_true_alone() {
    for value in [r#""True""#, r#""1""#, "1", "false", r#""false""#] {
        let vars = format!("{ONE_APP}\nALLOW_UNSIGNED = {value}");
        Case { vars: &vars, secrets: Some(&["ADMIN_TOKEN"]), ..Case::default() }.refuses(&["No callback token"]);
    }
}

#[test]
fn a_number_and_a_boolean_count_as_their_text() {
    let vars = "SDK_APP_IDS = 1400000000\nALLOW_UNSIGNED = true";
    Case { vars, secrets: Some(&["ADMIN_TOKEN"]), ..Case::default() }.succeeds();
}

#[test]
fn every_app_needs_a_token() {
    let vars = r#"SDK_APP_IDS = "1400000000, 1400000001""#;
    let case = Case { vars, secrets: Some(&["CALLBACK_TOKEN_1400000000", "ADMIN_TOKEN"]), ..Case::default() };
    case.refuses(&["set for 1400000001:", "CALLBACK_TOKEN_1400000001"]);

    let tokens = ["CALLBACK_TOKEN_1400000000", "CALLBACK_TOKEN_1400000001", "ADMIN_TOKEN"];
    for secrets in [Some(&tokens[..]), SECRETS] {
        Case { vars, secrets, ..Case::default() }.succeeds();
    }
}

#[test]
fn without_an_admin_token_it_refuses() {
    let words = ["npx wrangler secret put ADMIN_TOKEN", "16 characters"];
    Case { vars: ONE_APP, secrets: Some(&["CALLBACK_TOKEN", "ADMIN"]), ..Case::default() }.refuses(&words);
}

#[test]
fn before_the_first_deployment_all_that_is_missing_is_said_at_once() {
    let outcome = Case::default().run();
    assert!(!outcome.success && !outcome.deployed, "{}", outcome.output);
    let [apps, admin] = outcome.output.lines().collect::<Vec<_>>()[..] else { panic!("{}", outcome.output) };
    assert!(apps.starts_with("SDK_APP_IDS is missing") && admin.starts_with("No ADMIN_TOKEN"), "{}", outcome.output);

    let outcome = Case { vars: ONE_APP, ..Case::default() }.run();
    assert!(!outcome.success && !outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.starts_with("No callback token is set for 1400000000:"), "{}", outcome.output);
}

#[test]
fn a_name_that_no_setting_has_is_named_without_its_value() {
    let vars = format!("{ONE_APP}\nRETENTION_DAY = \"30\"\nMY_VAR = \"mine\"");
    let secrets = ["CALLBACK_TOKEN", "ADMIN_TOKEN", "CALLBACK_TOKEN_1400000009"];
    let outcome = Case { vars: &vars, secrets: Some(&secrets), ..Case::default() }.run();
    assert!(outcome.deployed, "{}", outcome.output);
    for name in ["RETENTION_DAY", "CALLBACK_TOKEN_1400000009"] {
        assert!(outcome.output.contains(&format!("Warning: {name} is no setting")), "{}", outcome.output);
    }
    assert!(!outcome.output.contains("MY_VAR") && !outcome.output.contains("30"), "{}", outcome.output);
}

#[test]
fn a_secret_among_the_vars_is_refused() {
    for name in [
        "ADMIN_TOKEN",
        "VIEWER_TOKEN",
        "METRICS_TOKEN",
        "CALLBACK_TOKEN",
        "CALLBACK_TOKEN_1400000000",
        "CALLBACK_TOKEN_1400000000_PREVIOUS",
        "ORIGIN_SECRET",
        "ORIGIN_SECRET_PREVIOUS",
    ] {
        let vars = format!("{ONE_APP}\n{name} = \"change-me-to-16-or-more\"");
        // Whether it is a secret as well or not.
        let others: Vec<_> = SECRETS.unwrap().iter().copied().filter(|&secret| secret != name).collect();
        for secrets in [SECRETS, Some(&others)] {
            let words = ["[vars]", &*format!("npx wrangler secret put {name}`"), "a new value"];
            Case { vars: &vars, secrets, ..Case::default() }.refuses(&words);
        }
    }
}

/// By the Worker's own rules, each with its sentence.
#[test]
fn a_variable_of_an_invalid_form_is_refused_before_anything_is_done() {
    for (variable, rule) in [
        (r#"RETENTION_DAYS = "90 days""#, "RETENTION_DAYS must be a whole number from 1 to 3650"),
        ("RETENTION_DAYS = 0", "RETENTION_DAYS must be a whole number"),
        (r#"RETENTION_DAYS = """#, "RETENTION_DAYS must be a whole number"),
        ("RETENTION_DAYS = [90]", "RETENTION_DAYS must be a whole number"),
        (r#"SINKS = "kv,disk""#, "SINKS must"),
        (r#"SINKS = "origin""#, "ORIGIN_URL must be set if SINKS has origin"),
        (r#"PLAN = "Paid""#, "PLAN must"),
        (r#"WEBHOOK_PATH = "hook""#, "WEBHOOK_PATH must"),
        (r#"ORIGIN_URL = "http://api.example.com/""#, "ORIGIN_URL must"),
        (r#"ORIGIN_URL = "webhook.example.com""#, "ORIGIN_URL must"),
        (r#"ORIGIN_URL = """#, "ORIGIN_URL must"),
        (r#"ALLOW_UNSIGNED = "yes""#, "ALLOW_UNSIGNED must be"),
    ] {
        let vars = format!("{ONE_APP}\n{variable}");
        Case { vars: &vars, secrets: SECRETS, ..Case::default() }.refuses(&[rule, "correct wrangler.toml."]);
    }
    Case {
        vars: r#"SDK_APP_IDS = "1400000000; 1400000001""#,
        secrets: Some(&["CALLBACK_TOKEN", "ADMIN_TOKEN"]),
        ..Case::default()
    }
    .refuses(&["SDK_APP_IDS must be SDKAppIDs"]);
    // What a sink needs is missing.
    let vars = format!("{ONE_APP}\nSINKS = \"kv,d1\"");
    let without = |config: &mut Table| drop(config.remove("d1_databases"));
    Case { vars: &vars, edit: Some(&without), secrets: SECRETS, ..Case::default() }.refuses(&["DB must be bound"]);
}

/// Of a secret only the name is known: a valid value is assumed.
#[test]
fn what_only_a_secret_says_is_not_refused() {
    let vars = format!("{ONE_APP}\nSINKS = \"kv,d1,origin\"\nRETENTION_DAYS = 90\nPLAN = \"paid\"");
    let secrets = [
        "ADMIN_TOKEN",
        "VIEWER_TOKEN",
        "METRICS_TOKEN",
        "CALLBACK_TOKEN",
        "CALLBACK_TOKEN_PREVIOUS",
        "CALLBACK_TOKEN_1400000000",
        "ORIGIN_SECRET",
        "ORIGIN_SECRET_PREVIOUS",
        "ORIGIN_URL",
        "DELIVERY_HOURS",
        "MY_OWN",
    ];
    Case { vars: &vars, secrets: Some(&secrets), ..Case::default() }.succeeds();
}

#[test]
fn a_feature_whose_lines_are_missing_is_named() {
    let whole = || Case { vars: ONE_APP, secrets: SECRETS, ..Case::default() };
    assert!(!whole().run().output.contains("wrangler.toml has no"));
    for (key, lines, feature) in [
        ("d1_databases", r#"[[d1_databases]] with binding = "DB""#, "lists and counts"),
        ("queues", "[[queues.producers]]", "deliveries"),
        ("triggers", "[triggers] with crons", "what is due"),
        ("assets", "[assets]", "the page"),
    ] {
        let edit = |config: &mut Table| drop(config.remove(key));
        let outcome = Case { edit: Some(&edit), ..whole() }.run();
        let warning = format!("Warning: wrangler.toml has no {lines}");
        let found = outcome.output.lines().find(|line| line.starts_with(&warning)).expect(&outcome.output);
        assert!(found.contains(feature) && outcome.deployed, "{}", outcome.output);
    }
}

/// A newer bundle is unpacked beside it, and leaves it as it is.
#[test]
fn the_configuration_of_an_earlier_version_is_deployed() {
    let edit = |config: &mut Table| {
        let [main, vars] = ["main", "vars"].map(|name| config[name].clone());
        *config = include_str!("upgrade/9a485be/wrangler.toml").parse().unwrap();
        config.remove("build");
        config.insert("main".into(), main);
        config.insert("vars".into(), vars);
    };
    case(&edit).succeeds();
}

#[test]
fn lists_are_found_among_other_output() {
    const WARNING: &str = "▲ [WARNING] Processing wrangler.toml:\n\n    - \"[vars]\" has {\"a\": [1]}\n[1] {}\n\n";
    const NOTE: &str = "\n[NOTE] A new version is available: [4.165.0]\n";
    let databases = &["other", "unfollow-events"];
    let calls =
        Case { vars: ONE_APP, secrets: SECRETS, around: [WARNING, NOTE], databases, ..Case::default() }.succeeds();
    assert_eq!(calls, ["secret list", LIST, MIGRATE, "deploy"]);
    // An array that does not begin its line is not what was asked for.
    let case = Case { vars: ONE_APP, secrets: Some(&[]), around: ["not a list: ", ""], ..Case::default() };
    let outcome = case.run();
    assert!(!outcome.success && !outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.contains("not a list") && outcome.output.contains("cannot be listed"), "{}", outcome.output);
}

#[test]
fn without_a_login_it_says_how_to_log_in() {
    for failure in [
        "In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable for wrangler",
        "Your auth token has expired and could not be refreshed. Run `wrangler login` to try again.",
    ] {
        Case { vars: ONE_APP, failure: Some(failure), ..Case::default() }.refuses(&["run `npx wrangler login`"]);
    }
    let outcome = Case { vars: ONE_APP, failure: Some("No internet.\n"), ..Case::default() }.run();
    assert!(!outcome.success && !outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.starts_with("No internet.\nThe Worker's secrets cannot be listed"), "{}", outcome.output);
}

/// The tables of `[[queues.producers]]` or `[[queues.consumers]]`: that of the deliveries, then that of the dead letters.
fn queues<'a>(config: &'a mut Table, kind: &str) -> &'a mut Vec<Value> {
    config["queues"][kind].as_array_mut().unwrap()
}

/// Gives the first or second queue another name, wherever wrangler.toml has it.
fn rename(config: &mut Table, index: usize, name: &str) {
    let old = queues(config, "producers")[index]["queue"].clone();
    queues(config, "producers")[index]["queue"] = name.into();
    for consumer in queues(config, "consumers") {
        for (_, value) in consumer.as_table_mut().unwrap().iter_mut().filter(|(_, value)| **value == old) {
            *value = name.into();
        }
    }
}

fn case(edit: &dyn Fn(&mut Table)) -> Case<'_> {
    Case { vars: ONE_APP, edit: Some(edit), secrets: SECRETS, ..Case::default() }
}

#[test]
fn queues_that_the_worker_would_not_recognise_are_refused() {
    for name in ["chat-events", "deliveries-dead-letters", "Deliveries"] {
        case(&|config| rename(config, 0, name)).refuses(&[name, "DELIVERIES", r#""deliveries""#]);
    }
    for name in ["chat-failed", "dead_letters", "deliveries-2"] {
        case(&|config| rename(config, 1, name)).refuses(&[name, "DEAD_LETTERS", r#""dead-letters""#]);
    }
    case(&|config| {
        rename(config, 0, "staging-deliveries-1");
        rename(config, 1, "unfollow-dead-letters-staging");
    })
    .succeeds();
}

#[test]
fn each_queue_needs_its_consumer_and_no_other_has_one() {
    for (index, name) in [(0, "unfollow-deliveries"), (1, "unfollow-dead-letters")] {
        case(&|config| drop(queues(config, "consumers").remove(index))).refuses(&[name, "[[queues.consumers]]"]);
    }
    let other = |config: &mut Table| {
        queues(config, "consumers").push(Table::from_iter([("queue".to_owned(), "old-deliveries".into())]).into());
    };
    case(&other).refuses(&["old-deliveries", "remove"]);
}

/// Earlier files have no queue of the event log.
#[test]
fn the_queue_of_the_event_log_may_be_missing_and_is_checked_as_the_others() {
    case(&|config| {
        queues(config, "producers").remove(2);
        queues(config, "consumers").remove(2);
    })
    .succeeds();
    for name in ["events", "event-log-deliveries", "event-log-dead-letters"] {
        case(&|config| rename(config, 2, name)).refuses(&[name, "EVENT_LOG", r#""event-log""#]);
    }
    case(&|config| rename(config, 2, "event-log-staging")).succeeds();
    case(&|config| drop(queues(config, "consumers").remove(2)))
        .refuses(&["unfollow-event-log", "[[queues.consumers]]"]);
    let without = |config: &mut Table| {
        queues(config, "consumers")[2].as_table_mut().unwrap().remove("dead_letter_queue");
    };
    case(&without).refuses(&["unfollow-event-log", r#"set dead_letter_queue = "unfollow-dead-letters""#]);
}

#[test]
fn what_cannot_be_delivered_has_to_go_to_the_dead_letters() {
    let set = |config: &mut Table, queue: &str| queues(config, "consumers")[0]["dead_letter_queue"] = queue.into();
    let none = |config: &mut Table| {
        queues(config, "consumers")[0].as_table_mut().unwrap().remove("dead_letter_queue");
    };
    let words = ["unfollow-deliveries", r#"set dead_letter_queue = "unfollow-dead-letters""#];
    case(&none).refuses(&words);
    case(&|config| set(config, "unfollow-deliveries")).refuses(&words);
    case(&|config| set(config, "other-dead-letters")).refuses(&words);
}

#[test]
fn the_worker_takes_both_queues_or_none() {
    for (index, name) in ["DELIVERIES", "DEAD_LETTERS"].into_iter().enumerate() {
        let words = [&*format!("{name} is not bound"), "both"];
        case(&|config| drop(queues(config, "producers").remove(index))).refuses(&words);
    }
    case(&|config| queues(config, "producers").clear()).refuses(&["DELIVERIES is not bound"]);
    case(&|config| drop(config.remove("queues"))).succeeds();
    case(&|config| queues(config, "consumers")[0]["max_batch_size"] = 100.into()).succeeds();
}

const LIST: &str = "d1 list --json";
const CREATE: &str = "d1 create unfollow-events --update-config=false";
const MIGRATE: &str = "d1 migrations apply DB --remote";

/// The table of the database.
fn database(config: &mut Table) -> &mut Table {
    config["d1_databases"][0].as_table_mut().unwrap()
}

#[test]
fn the_database_is_created_and_migrated_before_the_deployment() {
    for databases in [&[][..], &["other", "unfollow-events-2"]] {
        let calls = Case { vars: ONE_APP, secrets: SECRETS, databases, ..Case::default() }.succeeds();
        assert_eq!(calls, ["secret list", LIST, CREATE, MIGRATE, "deploy"]);
    }
}

#[test]
fn a_database_that_is_there_is_migrated_alone() {
    let databases = &["other", "unfollow-events"];
    let calls = Case { vars: ONE_APP, secrets: SECRETS, databases, location: "apac", ..Case::default() }.succeeds();
    assert_eq!(calls, ["secret list", LIST, MIGRATE, "deploy"]);

    // One with an id is there.
    let calls = case(&|config| database(config).extend([("database_id".to_owned(), "0".into())])).succeeds();
    assert_eq!(calls, ["secret list", MIGRATE, "deploy"]);
}

#[test]
fn a_new_database_is_created_where_it_is_wanted() {
    let calls = Case { vars: ONE_APP, secrets: SECRETS, location: "apac", ..Case::default() }.succeeds();
    assert_eq!(calls[2], format!("{CREATE} --location apac"));

    let edit = |config: &mut Table| {
        database(config)
            .extend([("database_name", "log"), ("jurisdiction", "eu")].map(|(k, v)| (k.to_owned(), v.into())));
    };
    let calls = case(&edit).succeeds();
    assert_eq!(calls[2], "d1 create log --update-config=false --jurisdiction eu");
}

#[test]
fn without_the_binding_of_a_database_there_is_none_to_prepare() {
    let other = |config: &mut Table| database(config)["binding"] = "OTHER".into();
    for calls in [case(&|config| drop(config.remove("d1_databases"))).succeeds(), case(&other).succeeds()] {
        assert_eq!(calls, ["secret list", "deploy"]);
    }
}

#[test]
fn a_database_that_could_not_be_found_is_refused() {
    let words = ["DB has no name", r#"database_name = "unfollow-events""#];
    case(&|config| drop(database(config).remove("database_name"))).refuses(&words);
    let case = Case { vars: ONE_APP, secrets: SECRETS, location: "europe", ..Case::default() };
    case.refuses(&["D1_LOCATION=europe", "weur, eeur, apac, oc, wnam, enam"]);
}

#[test]
fn migrate_prepares_the_database_and_deploys_nothing() {
    let case = Case { vars: ONE_APP, script: "migrate.mjs", ..Case::default() };
    let outcome = case.run();
    assert!(outcome.success, "{}", outcome.output);
    assert_eq!(outcome.calls, [LIST, CREATE, MIGRATE]);

    let outcome = Case { databases: &["unfollow-events"], fails: "migrations", ..case }.run();
    assert!(!outcome.success && outcome.calls == [LIST, MIGRATE], "{:?}", outcome.calls);
    let said = "The migrations could not be applied to the D1 database: see wrangler's output above.";
    assert!(outcome.output.lines().any(|line| line == said), "{}", outcome.output);

    let none = |config: &mut Table| drop(config.remove("d1_databases"));
    let outcome = Case { script: "migrate.mjs", edit: Some(&none), ..Case::default() }.run();
    assert!(!outcome.success && outcome.calls.is_empty(), "{:?}", outcome.calls);
    assert!(outcome.output.contains("binds no database to DB"), "{}", outcome.output);
}

#[test]
fn nothing_is_deployed_where_the_database_is_not_ready() {
    for (fails, calls, said) in [
        ("list", &[LIST][..], "The account's D1 databases cannot be listed"),
        ("create", &[LIST, CREATE], "The D1 database unfollow-events could not be created"),
        ("migrations", &[LIST, CREATE, MIGRATE], "The migrations could not be applied to the D1 database"),
    ] {
        let outcome = Case { vars: ONE_APP, secrets: SECRETS, fails, ..Case::default() }.run();
        assert!(!outcome.success, "{}", outcome.output);
        assert_eq!(outcome.calls[1..], *calls);
        assert!(outcome.output.contains("the stub fails\n"), "{}", outcome.output);
        let said = format!("{said}, so nothing was deployed: see wrangler's output above.");
        assert!(outcome.output.lines().any(|line| line == said), "{}", outcome.output);
    }
}

/// Whether a Worker with this `ORIGIN_URL` and this route would be deployed.
#[track_caller]
fn origin(url: &str, path: &str, route: &str) -> Result<(), String> {
    let vars = format!("{ONE_APP}\nORIGIN_URL = \"{url}\"\n{path}");
    let edit = |config: &mut Table| config.extend(format!("name = \"hook\"\n{route}").parse::<Table>().unwrap());
    let outcome = Case { vars: &vars, edit: Some(&edit), secrets: SECRETS, ..Case::default() }.run();
    // Without targets, the stub cannot deploy what it is told to.
    assert!(!outcome.success);
    if outcome.deployed { Ok(()) } else { Err(outcome.output) }
}

#[test]
fn an_origin_that_is_this_worker_is_refused() {
    const DOMAIN: &str = r#"routes = [{ pattern = "other.example.com", custom_domain = true }, { pattern = "webhook.example.com", custom_domain = true }]"#;
    const ZONE: &str = r#"route = "*.example.com/*""#;
    for (url, path, route) in [
        ("https://webhook.example.com", "", DOMAIN),
        ("https://WEBHOOK.example.com:443/", "", DOMAIN),
        ("https://webhook.example.com./", "", DOMAIN),
        ("https://other.example.com/", r#"WEBHOOK_PATH = "/""#, DOMAIN),
        ("https://webhook.example.com/a/b", r#"WEBHOOK_PATH = "/a/b""#, DOMAIN),
        ("https://webhook.example.com", "", ZONE),
        ("https://webhook.example.com", "", r#"routes = ["https://Webhook.example.com/*"]"#),
        (
            "https://example.com/a",
            r#"WEBHOOK_PATH = "/a""#,
            r#"route = { pattern = "example.com/a*", zone_name = "example.com" }"#,
        ),
        ("https://hook.some-name.workers.dev", "", ""),
        ("https://hook.some-name.workers.dev", "", DOMAIN),
    ] {
        let refused = origin(url, path, route).expect_err(url);
        assert!(
            refused.starts_with("ORIGIN_URL is this Worker's own webhook") && refused.lines().count() == 1,
            "{refused}"
        );
    }
}

#[test]
fn an_origin_elsewhere_is_deployed() {
    const DOMAIN: &str = r#"routes = [{ pattern = "webhook.example.com", custom_domain = true }]"#;
    for (url, path, route) in [
        ("https://api.example.com/", "", DOMAIN),
        ("https://webhook.example.com.evil.com/", "", DOMAIN),
        ("https://webhook-example.com/", "", DOMAIN),
        ("https://webhook.example.com/backend", "", DOMAIN),
        ("https://webhook.example.com/", r#"WEBHOOK_PATH = "/a""#, DOMAIN),
        ("https://webhook.example.com:8443/", "", DOMAIN),
        ("https://example.com/", "", r#"route = "example.com/hook/*""#),
        ("https://example.com/", "", r#"route = "*.example.com/*""#),
        ("https://unhook.some-name.workers.dev", "", ""),
        ("https://hook.workers.dev", "", ""),
    ] {
        assert_eq!(origin(url, path, route), Ok(()), "{url}");
    }
    // Only Cloudflare can read a secret.
    let secrets = Some(&["CALLBACK_TOKEN", "ADMIN_TOKEN", "ORIGIN_URL"][..]);
    Case { vars: ONE_APP, secrets, ..Case::default() }.succeeds();
}

#[test]
fn a_file_that_is_no_toml_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wrangler.toml");
    fs::write(&config, "vars = [").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy.sh");
    let output = Command::new("bash").arg(script).env("WRANGLER_CONFIG", config).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.starts_with("wrangler.toml cannot be read: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_healthy_deployment_prints_the_url_to_register() {
    let worker = Worker::answering(&[OK]);
    let url = worker.url();
    let targets = Some(format!(r#"["schedule: 1 * * * *", "{url}"]"#));
    for (path, registered) in [("", "/"), (r#"WEBHOOK_PATH = "/a/long-path""#, "/a/long-path")] {
        let vars = format!("{ONE_APP}\n{path}");
        let targets = targets.clone();
        let outcome = Case { vars: &vars, secrets: SECRETS, targets, wait_seconds: 10, ..Case::default() }.run();
        assert!(outcome.success, "{}", outcome.output);
        assert_eq!(outcome.output.lines().last(), Some(&*format!("{url}{registered}")));
    }
}

#[test]
fn a_deployment_whose_output_nobody_reads_goes_to_its_end() {
    let worker = Worker::answering(&[OK]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let (vars, secrets) = (ONE_APP, SECRETS);
    let outcome = Case { vars, secrets, targets, wait_seconds: 10, unread: true, ..Case::default() }.run();
    assert!(outcome.success && outcome.deployed, "{}", outcome.output);
    assert_eq!(outcome.output, "");
}

#[test]
fn a_deployment_with_invalid_settings_fails_and_names_them() {
    let worker = Worker::answering(&[INVALID]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let outcome = Case { vars: ONE_APP, secrets: SECRETS, targets, wait_seconds: 0, ..Case::default() }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    let lines = "Deployed, but with invalid settings:\nRETENTION_DAYS must be 1 or more\nSINKS must be kv\n";
    assert!(outcome.output.ends_with(lines), "{}", outcome.output);
    assert!(!outcome.output.contains("Register"), "{}", outcome.output);
}

#[test]
fn a_deployment_may_take_a_while_to_be_healthy() {
    let worker = Worker::answering(&["404 Not Found {}", INVALID, OK]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let outcome = Case { vars: ONE_APP, secrets: SECRETS, targets, wait_seconds: 30, ..Case::default() }.run();
    assert!(outcome.success, "{}", outcome.output);
}

#[test]
fn a_deployment_that_cannot_be_reached_fails() {
    let targets = Some(format!(r#"["http://127.0.0.1:{}"]"#, free_port()));
    let outcome = Case { vars: ONE_APP, secrets: SECRETS, targets, wait_seconds: 0, ..Case::default() }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.contains("does not answer yet"), "{}", outcome.output);
}

#[test]
fn a_failure_of_wrangler_is_a_failure_of_the_script() {
    let outcome = Case { vars: ONE_APP, secrets: SECRETS, ..Case::default() }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    assert!(
        outcome.output.contains("the stub fails") && outcome.output.contains("could not deploy"),
        "{}",
        outcome.output
    );
}
