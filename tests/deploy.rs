//! `make deploy`, with a stub instead of wrangler and a local server instead of Cloudflare: when it refuses, that it
//! then deploys nothing, and what it says about a deployment.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// The stub for wrangler. It lists the secrets in the file `secrets` beside it; without that file, there is no such
/// Worker. It deploys to the targets in `targets`; without that file, it fails. It writes each of its calls to `calls`.
const STUB: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$1" >>"$here/calls"
case $1 in
secret)
    cat "$here/secrets" 2>/dev/null && exit
    echo 'Worker "unfollow-webhook" not found.' >&2
    exit 1
    ;;
deploy)
    [ -e "$here/targets" ] || { echo "the stub fails" >&2; exit 1; }
    echo '{"type":"wrangler-session","version":1}' >>"$WRANGLER_OUTPUT_FILE_PATH"
    printf '{"type":"deploy","version":1,"targets":%s}\n' "$(cat "$here/targets")" >>"$WRANGLER_OUTPUT_FILE_PATH"
    ;;
esac
"#;

const OK: &str = r#"200 OK {"status":"ok","version":"0.1.0"}"#;
const INVALID: &str = r#"503 Service Unavailable {"status":"invalid settings","settings":["RETENTION_DAYS","SINKS"]}"#;

/// One run of the script, from wrangler.toml as it is committed, with `vars` as its `[vars]`.
#[derive(Default)]
struct Case<'a> {
    vars: &'a str,
    /// `None` where the Worker does not exist yet.
    secrets: Option<&'a [&'a str]>,
    /// JSON; `None` where wrangler cannot deploy.
    targets: Option<String>,
    wait_seconds: u32,
}

struct Outcome {
    success: bool,
    output: String,
    deployed: bool,
}

impl Case<'_> {
    fn run(&self) -> Outcome {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);

        let config = fs::read_to_string(root.join("wrangler.toml")).unwrap();
        assert!(!config.contains("\n[vars]"), "the committed wrangler.toml has no [vars], so the test may add its own");
        fs::write(at("wrangler.toml"), format!("{config}\n[vars]\n{}\n", self.vars)).unwrap();
        fs::write(at("wrangler"), STUB).unwrap();
        fs::set_permissions(at("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(names) = self.secrets {
            let secrets: Vec<_> =
                names.iter().map(|name| format!(r#"{{"name":"{name}","type":"secret_text"}}"#)).collect();
            fs::write(at("secrets"), format!("[{}]", secrets.join(","))).unwrap();
        }
        if let Some(targets) = &self.targets {
            fs::write(at("targets"), targets).unwrap();
        }

        let output = Command::new("bash")
            .arg(root.join("scripts/deploy.sh"))
            .env("WRANGLER", at("wrangler"))
            .env("WRANGLER_CONFIG", at("wrangler.toml"))
            .env("DEPLOY_WAIT_SECONDS", self.wait_seconds.to_string())
            .output()
            .unwrap();
        let output_bytes = [&output.stdout[..], &output.stderr].concat();
        Outcome {
            success: output.status.success(),
            output: String::from_utf8(output_bytes).unwrap(),
            deployed: fs::read_to_string(at("calls")).unwrap_or_default().lines().any(|call| call == "deploy"),
        }
    }

    /// Runs it, and expects one sentence with all of `words`, and no deployment.
    fn refuses(&self, words: &[&str]) {
        let outcome = self.run();
        assert!(!outcome.success && !outcome.deployed, "{}", outcome.output);
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
        Case { vars, secrets: Some(&["CALLBACK_TOKEN"]), ..Case::default() }.refuses(&["SDK_APP_IDS", "[vars]"]);
    }
}

#[test]
fn without_a_token_it_refuses() {
    for secrets in [None, Some(&[][..]), Some(&["OTHER", "CALLBACK_TOKEN_1400000001", "CALLBACK_TOKEN_PREVIOUS"][..])] {
        let words = ["1400000000", "npx wrangler secret put CALLBACK_TOKEN", "ALLOW_UNSIGNED"];
        Case { vars: ONE_APP, secrets, ..Case::default() }.refuses(&words);
    }
}

#[test]
fn an_unsigned_call_is_allowed_by_true_alone() {
    for value in [r#""True""#, r#""1""#, "1", "false", r#""false""#] {
        let vars = format!("{ONE_APP}\nALLOW_UNSIGNED = {value}");
        Case { vars: &vars, secrets: Some(&[]), ..Case::default() }.refuses(&["No callback token"]);
    }
}

#[test]
fn a_number_and_a_boolean_count_as_their_text() {
    let worker = Worker::answering(&[OK]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let vars = "SDK_APP_IDS = 1400000000\nALLOW_UNSIGNED = true";
    let outcome = Case { vars, secrets: None, targets, wait_seconds: 10 }.run();
    assert!(outcome.success && outcome.deployed, "{}", outcome.output);
}

#[test]
fn every_app_needs_a_token() {
    let vars = r#"SDK_APP_IDS = "1400000000, 1400000001""#;
    let case = Case { vars, secrets: Some(&["CALLBACK_TOKEN_1400000000"]), ..Case::default() };
    case.refuses(&["set for 1400000001:", "CALLBACK_TOKEN_1400000001"]);

    let worker = Worker::answering(&[OK]);
    let tokens: [&[_]; 2] = [&["CALLBACK_TOKEN_1400000000", "CALLBACK_TOKEN_1400000001"], &["CALLBACK_TOKEN"]];
    for secrets in tokens {
        let targets = Some(format!(r#"["{}"]"#, worker.url()));
        let outcome = Case { vars, secrets: Some(secrets), targets, wait_seconds: 10 }.run();
        assert!(outcome.success && outcome.deployed, "{}", outcome.output);
    }
}

#[test]
fn a_healthy_deployment_prints_the_url_to_register() {
    let worker = Worker::answering(&[OK]);
    let url = worker.url();
    let targets = Some(format!(r#"["schedule: 1 * * * *", "{url}"]"#));
    for (path, registered) in [("", "/"), (r#"WEBHOOK_PATH = "/a/long-path""#, "/a/long-path")] {
        let vars = format!("{ONE_APP}\nALLOW_UNSIGNED = \"true\"\n{path}");
        let outcome = Case { vars: &vars, secrets: None, targets: targets.clone(), wait_seconds: 10 }.run();
        assert!(outcome.success, "{}", outcome.output);
        assert_eq!(outcome.output.lines().last(), Some(&*format!("{url}{registered}")));
    }
}

#[test]
fn a_deployment_with_invalid_settings_fails_and_names_them() {
    let worker = Worker::answering(&[INVALID]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let outcome = Case { vars: ONE_APP, secrets: Some(&["CALLBACK_TOKEN"]), targets, wait_seconds: 0 }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.contains(": RETENTION_DAYS, SINKS."), "{}", outcome.output);
    assert!(!outcome.output.contains("Register"), "{}", outcome.output);
}

#[test]
fn a_deployment_may_take_a_while_to_be_healthy() {
    let worker = Worker::answering(&["404 Not Found {}", INVALID, OK]);
    let targets = Some(format!(r#"["{}"]"#, worker.url()));
    let outcome = Case { vars: ONE_APP, secrets: Some(&["CALLBACK_TOKEN"]), targets, wait_seconds: 30 }.run();
    assert!(outcome.success, "{}", outcome.output);
}

#[test]
fn a_deployment_that_cannot_be_reached_fails() {
    // A port that was free a moment ago, on which nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let targets = Some(format!(r#"["http://{address}"]"#));
    let outcome = Case { vars: ONE_APP, secrets: Some(&["CALLBACK_TOKEN"]), targets, wait_seconds: 0 }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    assert!(outcome.output.contains("does not answer yet"), "{}", outcome.output);
}

#[test]
fn a_failure_of_wrangler_is_a_failure_of_the_script() {
    let outcome = Case { vars: ONE_APP, secrets: Some(&["CALLBACK_TOKEN"]), ..Case::default() }.run();
    assert!(!outcome.success && outcome.deployed, "{}", outcome.output);
    assert!(
        outcome.output.contains("the stub fails") && outcome.output.contains("could not deploy"),
        "{}",
        outcome.output
    );
}
