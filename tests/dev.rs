//! What `make dev` and the bundle's `npm run dev` do after the build, mostly with a stub instead of wrangler: the settings that
//! they make, the migrations that they apply, what they print about the Worker, when they refuse to serve it, and how they end.

#![allow(clippy::disallowed_methods, reason = "std::time panics in wasm only; tests are native")]

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use tempfile::TempDir;

#[path = "shared/ctrl_c.rs"]
mod ctrl_c;
#[path = "shared/port.rs"]
mod port;

use ctrl_c::interruptible;
use port::free_port;

/// The stub for wrangler, with its files beside it. It notes its calls in `calls`. As `wrangler d1` it prints a line, goes on
/// as long as there is a file `slow`, and fails where there is a file `fails`. As `wrangler dev` it prints what a Worker prints
/// at its start, and the text in `error`, with which it ends where there is a file `fails`. It says that it listens, or ends, as
/// wrangler does. It answers with the text in `health`, logs every other request, and ends after a while, so that a test fails
/// and does not wait for ever.
const STUB: &str = r#"#!/usr/bin/env node
const fs = require("node:fs");
process.chdir(__dirname);
const args = process.argv.slice(2);
fs.appendFileSync("calls", `${args.join(" ")}\n`);
setTimeout(process.exit, 20000);
if (args[0] === "d1") {
  console.log("wrangler's output");
  setInterval(() => fs.existsSync("slow") || process.exit(fs.existsSync("fails") ? 1 : 0), 10);
  return;
}
console.log("Your Worker has access to the following bindings:");
if (fs.existsSync("error")) console.error(fs.readFileSync("error", "utf8"));
if (fs.existsSync("fails")) process.exit(3);
const respond = ({ url, headers }, response) => {
  if (url === "/healthz") return response.end(fs.readFileSync("health"));
  if (url === "/v1/status") {
    response.statusCode = headers.authorization === "Bearer refused" ? 401 : 200;
    return response.end('{"sinks":["kv","d1"],"webhook_path":"/a/path","unknown_settings":["RETENTION_DAY"]}');
  }
  console.log(`wrangler logs ${url}`);
  response.end();
};
const server = require("node:http").createServer(respond);
server.on("error", () => {
  console.error("✘ [ERROR] Address already in use");
  process.exit(1);
});
server.listen(args[args.indexOf("--port") + 1], "127.0.0.1", () => process.send('{"event":"DEV_SERVER_READY"}'));
"#;

/// wrangler itself, but for the migrations, which go on as long as there is a file `slow`.
const REAL: &str = r#"#!/bin/sh
echo "$*" >>calls
[ "$1" = d1 ] || exec wrangler "$@"
while [ -e slow ]; do sleep 0.1; done
"#;

const OK: &str = r#"{"status":"ok","version":"0.2.0"}"#;
const TOKEN: &str = "a-token-of-one's-own";

/// A folder to serve from.
struct Folder(TempDir);

impl Folder {
    /// One with `.dev.vars`, where given, and a Worker whose `/healthz` answers `health`.
    fn new(settings: Option<&str>, health: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.set_wrangler(STUB);
        fs::write(folder.path("health"), health).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml"), folder.path("wrangler.toml")).unwrap();
        if let Some(settings) = settings {
            fs::write(folder.path(".dev.vars"), settings).unwrap();
        }
        folder
    }

    /// One with a Worker that wrangler itself serves.
    fn with_wrangler() -> Self {
        let folder = Self::new(Some(""), OK);
        folder.set_wrangler(REAL);
        let config = "name = \"a-worker\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-07-01\"\n[[d1_databases]]\nbinding = \"DB\"\n";
        fs::write(folder.path("wrangler.toml"), config).unwrap();
        let worker = format!("export default {{ fetch: () => new Response('{OK}') }};");
        fs::write(folder.path("worker.js"), worker).unwrap();
        folder
    }

    fn set_wrangler(&self, script: &str) {
        fs::write(self.path("wrangler"), script).unwrap();
        fs::set_permissions(self.path("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn settings(&self) -> String {
        fs::read_to_string(self.path(".dev.vars")).unwrap()
    }

    /// What wrangler was called with.
    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
    }

    /// Runs `scripts/NAME.mjs`.
    fn command(&self, name: &str, port: u16, tunnel: bool) -> Command {
        let mut command = interruptible("node");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scripts/{name}.mjs")));
        self.prepare(&mut command, port, tunnel);
        command
    }

    /// Makes a command run in this folder, with its wrangler.
    fn prepare(&self, command: &mut Command, port: u16, tunnel: bool) {
        let mut path = OsString::from(Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin:"));
        path.push(env::var_os("PATH").unwrap());
        command.current_dir(&self.0).env("PATH", path);
        command.env("WRANGLER", self.path("wrangler")).env("PORT", port.to_string());
        command.env("TUNNEL", if tunnel { "1" } else { "" }).stdin(Stdio::null());
        // Else it is called what `npm test` may have called.
        command.env_remove("npm_lifecycle_event");
    }

    /// Serves the Worker until it is announced, and ends that; gives the lines of the announcement.
    fn serve(&self, tunnel: bool) -> Vec<String> {
        let mut dev = Serving::start(self, tunnel);
        let announcement = dev.announcement();
        // What wrangler said before is not repeated, except with a tunnel, where it has the terminal.
        let bindings = announcement.iter().filter(|line| line.starts_with("Your Worker has access")).count();
        assert_eq!(bindings, usize::from(tunnel), "{announcement:#?}");
        assert_eq!(dev.end("TERM").0, Some(128 + 15));
        let begins = announcement.iter().position(|line| line.starts_with("Webhook:")).unwrap();
        announcement[begins..].to_vec()
    }

    /// Expects one sentence with all of `words`, and that the Worker was not served.
    fn refuses(&self, port: u16, tunnel: bool, words: &[&str]) {
        let output = self.command("dev", port, tunnel).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(self.calls().is_empty());
        assert_eq!(text.lines().count(), 1, "{text}");
        for word in words {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
    }
}

/// `make dev` at work: its process and its standard output.
struct Serving {
    dev: Child,
    port: u16,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    fn start(folder: &Folder, tunnel: bool) -> Self {
        let port = free_port();
        Self::run(folder.command("dev", port, tunnel), port)
    }

    fn run(mut command: Command, port: u16) -> Self {
        // A group of its own, as on a terminal, so that a test can press Ctrl-C.
        let mut dev = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let lines = BufReader::new(dev.stdout.take().unwrap()).lines();
        Self { dev, port, lines }
    }

    /// The lines to the end of the announcement.
    fn announcement(&mut self) -> Vec<String> {
        let mut announcement = Vec::new();
        for line in self.lines.by_ref().map(Result::unwrap) {
            if line.starts_with("Each call is logged below") {
                return announcement;
            }
            announcement.push(line);
        }
        panic!("{announcement:#?}")
    }

    /// Ends it by Ctrl-C, or by SIGTERM to it alone. Gives its exit code, the rest of its output, and its errors.
    fn end(&mut self, signal: &str) -> (Option<i32>, Vec<String>, String) {
        if signal == "INT" {
            ctrl_c::press(self.dev.id());
        } else {
            let id = self.dev.id().to_string();
            assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        }
        let code = self.dev.wait().unwrap().code();
        // The stub was told to end, and has ended too.
        TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let mut errors = String::new();
        self.dev.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (code, self.lines.by_ref().map(Result::unwrap).collect(), errors)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail if it has ended already, as it should.
        let _ = Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", self.dev.id())]).output();
        let _ = self.dev.wait();
    }
}

/// The token in an announcement.
fn token(announcement: &[String]) -> String {
    let token = announcement.iter().find_map(|line| line.strip_prefix("ADMIN_TOKEN: "));
    token.unwrap_or_else(|| panic!("{announcement:#?}")).to_owned()
}

#[test]
fn the_first_start_makes_settings_with_a_random_token() {
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev.vars.example")).unwrap();
    assert!(!example.lines().any(|line| line.starts_with("ADMIN_TOKEN")));
    let tokens = [(); 2].map(|()| {
        let folder = Folder::new(None, OK);
        let token = token(&folder.serve(false));
        assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
        assert_eq!(folder.settings(), format!("{example}ADMIN_TOKEN={token}\n"));
        // Nobody else on the machine can read it.
        assert_eq!(fs::metadata(folder.path(".dev.vars")).unwrap().permissions().mode() & 0o777, 0o600);
        // The second start takes what is there.
        assert_eq!(self::token(&folder.serve(false)), token);
        token
    });
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn invalid_settings_are_printed_with_the_rule_that_each_breaks() {
    const INVALID: &str = r#"{"status":"invalid settings","version":"0.2.0","settings":[
        {"name":"SDK_APP_IDS","problem":"must be digits"},{"name":"SINKS","problem":"must be kv"}]}"#;
    let settings = format!("SDK_APP_IDS=x\nADMIN_TOKEN=\"{TOKEN}\" # quoted\n");
    let announcement = Folder::new(Some(&settings), INVALID).serve(false);
    assert_eq!(
        announcement[2..],
        [
            &*format!("ADMIN_TOKEN: {TOKEN}"),
            "Sinks:       kv, d1",
            "Warning:     RETENTION_DAY is no setting, and does nothing: see docs/settings.md for the names",
            "Invalid:     SDK_APP_IDS must be digits",
            "Invalid:     SINKS must be kv",
            "Settings are read at the start: correct them in .dev.vars, and start again.",
            "",
        ]
    );
}

#[test]
fn it_says_where_the_webhook_and_the_page_are_and_how_to_call() {
    let folder =
        Folder::new(Some(&format!("SDK_APP_IDS=1400000000,1\nALLOW_UNSIGNED=true\nADMIN_TOKEN={TOKEN}\n")), OK);
    let mut dev = Serving::start(&folder, false);
    let announcement = dev.announcement();
    let at = format!("http://127.0.0.1:{}", dev.port);
    let [empty, webhook, page, token, sinks, unknown, _, hint, curl, _] = &*announcement else {
        panic!("{announcement:#?}")
    };
    assert_eq!(empty, "");
    assert_eq!(*webhook, format!("Webhook:     {at}/a/path"));
    assert_eq!(*page, format!("Page:        {at}/dashboard"));
    assert_eq!(*token, format!("ADMIN_TOKEN: {TOKEN}"));
    assert_eq!(sinks, "Sinks:       kv, d1");
    assert_eq!(
        unknown,
        "Warning:     RETENTION_DAY is no setting, and does nothing: see docs/settings.md for the names"
    );
    assert_eq!(hint, "Send an event from a second terminal:");
    // It is sent as it is printed, and is then logged below. The event is of now.
    let printed = curl.replace("curl ", "printf '%s\\n' ");
    let shell =
        |command: &str| String::from_utf8(Command::new("sh").args(["-c", command]).output().unwrap().stdout).unwrap();
    let words = shell(&printed);
    let [url, _, body] = &*words.lines().collect::<Vec<_>>() else { panic!("{words}") };
    assert!(
        url.starts_with(&format!("{at}/a/path?SdkAppid=1400000000&CallbackCommand=Follow.CallbackAfterFollowDelete&"))
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    assert!((now - 60_000..=now).contains(&body["EventTime"].as_u64().unwrap()), "{body}");
    shell(curl);
    let (code, rest, _) = dev.end("TERM");
    let logged = url.strip_prefix(&*at).unwrap();
    assert!(rest.contains(&format!("wrangler logs {logged}")), "{rest:#?}");
    assert_eq!(code, Some(143));
    let log = fs::read_to_string(folder.path(".wrangler/dev.log")).unwrap();
    assert!(log.starts_with("Your Worker has access") && log.contains("wrangler logs /a/path?"), "{log}");
}

#[test]
fn where_the_app_has_a_token_the_call_is_signed() {
    for (settings, name) in [
        ("CALLBACK_TOKEN=xxxxyyyy", "CALLBACK_TOKEN"),
        ("CALLBACK_TOKEN=other\nCALLBACK_TOKEN_1400000000=xxxxyyyy\nALLOW_UNSIGNED=true", "CALLBACK_TOKEN_1400000000"),
    ] {
        let settings = format!("SDK_APP_IDS=1400000000\nADMIN_TOKEN={TOKEN}\n{settings}\n");
        let announcement = Folder::new(Some(&settings), OK).serve(false);
        let position = announcement.iter().position(|line| line.starts_with("Send an event")).unwrap();
        assert!(announcement[position].contains(&format!("where {name} is set to the token")), "{announcement:#?}");
        // At the time of Tencent's own example of a Sign.
        let curl = announcement[position + 1].replace("$(date +%s)", "1669872112").replace("curl ", "printf '%s\\n' ");
        let printed = Command::new("sh").args(["-c", &curl]).env(name, "xxxxyyyy").output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let sign = "Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
        assert!(printed.lines().next().unwrap().ends_with(&format!("&RequestTime=1669872112&{sign}")), "{printed}");
    }
}

#[test]
fn where_no_call_could_be_accepted_none_is_shown() {
    let settings = format!("SDK_APP_IDS=1400000000\nADMIN_TOKEN={TOKEN}\n");
    let announcement = Folder::new(Some(&settings), OK).serve(false);
    assert!(!announcement.iter().any(|line| line.contains("curl")), "{announcement:#?}");
}

#[test]
fn a_value_that_a_comment_cuts_off_is_said() {
    let settings = "\
# A=b#c
A=b # a comment
QUOTED=\"b#c\"
 CALLBACK_TOKEN = b#c
export CALLBACK_TOKEN_1=b#
EMPTY=#c
";
    let folder = Folder::new(Some(settings), OK);
    let mut dev = Serving::start(&folder, false);
    dev.announcement();
    let errors = dev.end("TERM").2;
    let cut: Vec<_> = errors.lines().filter(|line| line.contains("ends at its #")).collect();
    assert_eq!(cut.len(), 2, "{errors}");
    assert!(cut[0].contains("of CALLBACK_TOKEN ends") && cut[1].contains("of CALLBACK_TOKEN_1 ends"), "{errors}");
}

#[test]
fn settings_without_a_token_are_left_alone() {
    let settings = "SDK_APP_IDS=1400000000\n# ADMIN_TOKEN=no\n";
    let folder = Folder::new(Some(settings), OK);
    let announcement = folder.serve(false);
    assert!(announcement[2].starts_with("ADMIN_TOKEN: not set; "), "{announcement:?}");
    assert!(!announcement.iter().any(|line| line.starts_with("Sinks:")), "{announcement:?}");
    assert_eq!(folder.settings(), settings);
}

#[test]
fn a_public_address_needs_a_token_that_nobody_knows() {
    for settings in ["", "ADMIN_TOKEN=", "ADMIN_TOKEN=change-me-to-16-or-more", "ADMIN_TOKEN='change-me-to-16-or-more'"]
    {
        Folder::new(Some(settings), OK).refuses(free_port(), true, &["TUNNEL=1", "set ADMIN_TOKEN"]);
    }
    for settings in [None, Some(&*format!("ADMIN_TOKEN={TOKEN}"))] {
        let folder = Folder::new(settings, OK);
        folder.serve(true);
        assert!(folder.calls().last().unwrap().ends_with(" --tunnel"));
    }
}

#[test]
fn another_server_on_the_port_is_not_taken_for_the_worker() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    Folder::new(Some(""), OK).refuses(port, false, &[&port.to_string(), "PORT="]);
}

/// Another server that takes the port while the migrations are applied, after the port was checked. It answers as a healthy
/// Worker does.
fn expect_refusal_of_a_port_that_is_taken_meanwhile(folder: &Folder, script: &str, tunnel: bool) {
    fs::write(folder.path("slow"), "").unwrap();
    let port = free_port();
    let mut command = folder.command(script, port, tunnel);
    let dev = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| !folder.calls().is_empty());
    let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for mut connection in other.incoming().map(Result::unwrap) {
            count.fetch_add(1, Relaxed);
            let _ = connection.read(&mut [0; 4096]);
            let _ =
                write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{OK}", OK.len());
        }
    });
    fs::remove_file(folder.path("slow")).unwrap();
    let output = dev.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    // The first check had found the port free, and wrangler met the other server.
    let [migrate, dev] = &*folder.calls() else { panic!("{:?}", folder.calls()) };
    assert!(migrate.starts_with("d1 ") && dev.starts_with("dev "), "{migrate}, {dev}");
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    let said = format!("\nPort {port} cannot be used (EADDRINUSE): choose another, as in `PORT=8788 make {script}`.\n");
    assert!(stderr.ends_with(&said) && !stdout.contains("Page:"), "{stdout}{stderr}");
    // With a tunnel, wrangler has the terminal.
    assert!(tunnel || !stderr.contains("ERROR"), "{stderr}");
    // It would have been taken for the Worker, had it been asked.
    assert_eq!(asked.load(Relaxed), 0);
    let health = ureq::get(format!("http://127.0.0.1:{port}/healthz")).call().unwrap().body_mut().read_to_string();
    assert_eq!(health.unwrap(), OK);
}

#[test]
fn a_refusal_ends_wrangler_too() {
    let folder = Folder::new(None, OK);
    let port = free_port();
    let mut command = folder.command("demo", port, false);
    let output = command.env("SENDER", "false").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.ends_with("failed\nThe sender did not end as expected:\n\n"), "{errors}");
    assert!(folder.calls().last().unwrap().starts_with("dev "), "{:?}", folder.calls());
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_server_that_takes_the_port_meanwhile_is_not_taken_for_the_worker() {
    for (script, tunnel) in [("dev", false), ("dev", true), ("demo", false)] {
        let folder = Folder::new(Some(&format!("ADMIN_TOKEN={TOKEN}")), OK);
        expect_refusal_of_a_port_that_is_taken_meanwhile(&folder, script, tunnel);
    }
}

#[test]
fn wrangler_itself_says_when_it_listens_and_ends_where_it_cannot() {
    let folder = Folder::with_wrangler();
    expect_refusal_of_a_port_that_is_taken_meanwhile(&folder, "dev", false);
    let mut dev = Serving::start(&folder, false);
    dev.announcement();
    assert_eq!(dev.end("TERM").0, Some(128 + 15));
}

const MIGRATE: &str = "d1 migrations apply DB --local";

#[test]
fn migrations_are_applied_before_the_worker_is_served() {
    let folder = Folder::new(Some(""), OK);
    folder.serve(false);
    let [migrate, dev] = &*folder.calls() else { panic!("{:?}", folder.calls()) };
    assert!(migrate == MIGRATE && dev.starts_with("dev "), "{migrate}, {dev}");
}

#[test]
fn migrations_that_fail_are_said_and_the_worker_is_not_served() {
    let folder = Folder::new(Some(""), OK);
    fs::write(folder.path("fails"), "").unwrap();
    let output = folder.command("dev", free_port(), false).output().unwrap();
    assert_eq!((output.status.code(), folder.calls()), (Some(1), vec![MIGRATE.to_owned()]));
    let step = "dev: applying the migrations to the local database (usually 2 s) … failed";
    let said = "The migrations could not be applied to the local database: see wrangler's output above.";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("{step}\nwrangler's output\n{said}\n"));
}

#[test]
fn without_a_database_there_are_no_migrations() {
    let folder = Folder::new(Some(""), OK);
    fs::write(folder.path("wrangler.toml"), "").unwrap();
    folder.serve(false);
    assert!(folder.calls().len() == 1 && folder.calls()[0].starts_with("dev "), "{:?}", folder.calls());
}

#[test]
fn a_wrangler_that_ends_is_quoted_and_its_log_named() {
    let folder = Folder::new(Some(""), OK);
    fs::write(folder.path("wrangler.toml"), "").unwrap();
    fs::write(folder.path("error"), "the reason").unwrap();
    fs::write(folder.path("fails"), "").unwrap();
    let output = folder.command("dev", free_port(), false).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout.contains("Your Worker has access"), "{stdout}");
    assert!(stderr.contains("\nthe reason\n"), "{stderr}");
    assert!(stderr.ends_with("wrangler has ended. Its whole output is in .wrangler/dev.log.\n"), "{stderr}");
}

#[test]
fn what_keeps_the_worker_from_starting_is_said_at_once() {
    let folder = Folder::new(Some(""), "no JSON, so it does not count as the Worker's answer");
    fs::write(folder.path("error"), "✘ [ERROR] the reason").unwrap();
    let mut dev = Serving::start(&folder, false);
    let mut errors = BufReader::new(dev.dev.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("the reason") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "the reason is not said");
    }
    // While wrangler goes on.
    dev.dev.stderr = Some(errors.into_inner());
    let (code, _, errors) = dev.end("TERM");
    assert!(code == Some(143) && !errors.contains("has ended"), "{code:?} {errors}");
}

#[test]
fn ctrl_c_is_no_failure() {
    let folder = Folder::new(Some(""), OK);
    let mut dev = Serving::start(&folder, false);
    dev.announcement();
    let (code, rest, errors) = dev.end("INT");
    assert_eq!((code, rest.concat()), (Some(0), String::new()));
    assert!(!errors.contains("has ended"), "{errors}");
}

#[test]
fn one_folder_is_served_once_at_a_time() {
    let folder = Folder::new(Some(""), OK);
    // One that was killed does not stand in the way.
    let mut killed = Serving::start(&folder, false);
    killed.announcement();
    drop(killed);
    let mut first = Serving::start(&folder, false);
    first.announcement();
    let calls = folder.calls();
    let output = folder.command("dev", free_port(), false).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let expected = format!(
        "http://127.0.0.1:{} already serves this folder, with the same state in .wrangler/: stop it first.\n",
        first.port
    );
    assert_eq!((output.status.code(), said), (Some(1), expected));
    assert_eq!(folder.calls(), calls);
    first.end("TERM");
    folder.serve(false);
}

#[test]
fn ctrl_c_is_no_failure_while_migrations_are_applied() {
    let folder = Folder::new(Some(""), OK);
    fs::write(folder.path("slow"), "").unwrap();
    let mut dev = Serving::start(&folder, false);
    wait_until(|| !folder.calls().is_empty());
    let (code, rest, errors) = dev.end("INT");
    assert_eq!((code, rest.concat()), (Some(0), String::new()));
    assert_eq!(errors, "dev: applying the migrations to the local database (usually 2 s) … ");
    assert_eq!(folder.calls(), [MIGRATE]);
}

/// A folder with the project's Makefile and the scripts that `make dev` runs, and a build that takes until it is stopped where
/// there is a file `slow`.
fn copy_of_the_project() -> Folder {
    let folder = Folder::new(Some(""), OK);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(folder.path("scripts")).unwrap();
    for file in fs::read_dir(root.join("scripts")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path("scripts").join(file.file_name())).unwrap();
    }
    fs::create_dir_all(folder.path("src/config")).unwrap();
    for file in ["Makefile", "Cargo.lock", ".dev.vars.example", "src/config/names.json"] {
        fs::copy(root.join(file), folder.path(file)).unwrap();
    }
    std::os::unix::fs::symlink(root.join("node_modules"), folder.path("node_modules")).unwrap();
    let build = r#"#!/usr/bin/env bash
. "$(dirname "$0")/env.sh"
touch building
if [ -e slow ]; then step build "building" bash -c 'trap "echo a page of output; exit 1" INT; sleep 20 & wait'; fi
"#;
    fs::write(folder.path("scripts/build.sh"), build).unwrap();
    folder
}

#[test]
fn make_has_no_error_to_report_after_ctrl_c() {
    for is_slow in [false, true] {
        let folder = copy_of_the_project();
        if is_slow {
            fs::write(folder.path("slow"), "").unwrap();
        }
        let port = free_port();
        let mut make = interruptible("make");
        make.arg("dev");
        folder.prepare(&mut make, port, false);
        // `make test` may run this test, and is not to be the make that is tested.
        for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            make.env_remove(name);
        }
        let mut dev = Serving::run(make, port);
        if is_slow {
            wait_until(|| folder.path("target/log/build.log").exists());
        } else {
            dev.announcement();
        }
        let (_, rest, errors) = dev.end("INT");
        assert_eq!(rest.concat(), "");
        for word in ["Error", "Interrupt", "page of output", "failed"] {
            assert!(!errors.contains(word), "{word}: {errors}");
        }
    }
}

/// Waits for something, with a bound.
fn wait_until(is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
        thread::sleep(std::time::Duration::from_millis(20));
    }
}
