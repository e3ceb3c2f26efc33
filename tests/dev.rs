//! What `make dev` does after the build, with a stub instead of wrangler: the settings that it makes, the migrations that it
//! applies, what it prints about the Worker, and when it refuses to serve it.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The stub for wrangler. It notes its calls in `calls`. As `wrangler d1` it prints a line, and fails where there is a file
/// `fails`. As `wrangler dev` it answers with the text in `health`, and ends after a while, so that a test fails and does not
/// wait for ever.
const STUB: &str = r#"#!/usr/bin/env node
const fs = require("node:fs");
const args = process.argv.slice(2);
fs.appendFileSync("calls", `${args.join(" ")}\n`);
if (args[0] === "d1") {
  console.log("wrangler's output");
  process.exit(fs.existsSync("fails") ? 1 : 0);
}
const respond = (request, response) => response.end(request.url === "/healthz" ? fs.readFileSync("health") : "");
require("node:http").createServer(respond).listen(args[args.indexOf("--port") + 1], "127.0.0.1");
setTimeout(process.exit, 20000);
"#;

const OK: &str = r#"{"status":"ok","version":"0.1.0"}"#;
const TOKEN: &str = "a-token-of-one's-own";

/// A folder to serve from.
struct Folder(TempDir);

impl Folder {
    /// One with `.dev.vars`, where given, and a Worker whose `/healthz` answers `health`.
    fn new(settings: Option<&str>, health: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("wrangler"), STUB).unwrap();
        fs::set_permissions(folder.path("wrangler"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path("health"), health).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml"), folder.path("wrangler.toml")).unwrap();
        if let Some(settings) = settings {
            fs::write(folder.path(".dev.vars"), settings).unwrap();
        }
        folder
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

    fn command(&self, port: u16, tunnel: bool) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut path = OsString::from(root.join("node_modules/.bin:"));
        path.push(env::var_os("PATH").unwrap());
        let mut command = Command::new("node");
        command.arg(root.join("scripts/dev.mjs")).current_dir(&self.0).env("PATH", path);
        command.env("WRANGLER", self.path("wrangler")).env("PORT", port.to_string());
        command.env("TUNNEL", if tunnel { "1" } else { "" }).stdin(Stdio::null());
        command
    }

    /// Serves the Worker until it is announced, and ends that; gives the lines of the announcement but for the first, which
    /// is where the page is.
    fn serve(&self, tunnel: bool) -> Vec<String> {
        let port = free_port();
        let mut dev = self.command(port, tunnel).stdout(Stdio::piped()).spawn().unwrap();
        let page = format!("Page:        http://127.0.0.1:{port}/dashboard");
        let lines = BufReader::new(dev.stdout.take().unwrap()).lines().map(Result::unwrap);
        let quiet = |line: &String| assert_ne!(line, "wrangler's output");
        let mut lines = lines.inspect(quiet).skip_while(|line| *line != page).skip(1);
        let announcement = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        assert!(Command::new("kill").arg(dev.id().to_string()).status().unwrap().success());
        // The stub was told to end, and has ended too.
        assert_eq!(dev.wait().unwrap().code(), Some(128 + 15));
        TcpListener::bind(("127.0.0.1", port)).unwrap();
        announcement
    }

    /// Expects one sentence with all of `words`, and that the Worker was not served.
    fn refuses(&self, port: u16, tunnel: bool, words: &[&str]) {
        let output = self.command(port, tunnel).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(self.calls().is_empty());
        assert_eq!(text.lines().count(), 1, "{text}");
        for word in words {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_first_start_makes_settings_with_a_random_token() {
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev.vars.example")).unwrap();
    assert!(!example.lines().any(|line| line.starts_with("ADMIN_TOKEN")));
    let tokens = [(); 2].map(|()| {
        let folder = Folder::new(None, OK);
        let [first] = &*folder.serve(false) else { panic!("there is more to say") };
        let token = first.strip_prefix("ADMIN_TOKEN: ").unwrap().to_owned();
        assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
        assert_eq!(folder.settings(), format!("{example}ADMIN_TOKEN={token}\n"));
        // The second start takes what is there.
        assert_eq!(folder.serve(false), [&**first]);
        token
    });
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn invalid_settings_are_printed_with_the_rule_that_each_breaks() {
    const INVALID: &str = r#"{"status":"invalid settings","version":"0.1.0","settings":[
        {"name":"SDK_APP_IDS","problem":"must be digits"},{"name":"SINKS","problem":"must be kv"}]}"#;
    let settings = format!("SDK_APP_IDS=x\nADMIN_TOKEN=\"{TOKEN}\" # quoted\n");
    let announcement = Folder::new(Some(&settings), INVALID).serve(false);
    let token = format!("ADMIN_TOKEN: {TOKEN}");
    assert_eq!(announcement, [&*token, "Invalid settings:", "SDK_APP_IDS must be digits", "SINKS must be kv"]);
}

#[test]
fn settings_without_a_token_are_left_alone() {
    let settings = "SDK_APP_IDS=1400000000\n# ADMIN_TOKEN=no\n";
    let folder = Folder::new(Some(settings), OK);
    let announcement = folder.serve(false);
    assert!(announcement.len() == 1 && announcement[0].starts_with("ADMIN_TOKEN is not set: "), "{announcement:?}");
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
    let output = folder.command(free_port(), false).output().unwrap();
    assert_eq!((output.status.code(), folder.calls()), (Some(1), vec![MIGRATE.to_owned()]));
    let said = "dev: the migrations could not be applied to the local database: see wrangler's output above.";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("wrangler's output\n{said}\n"));
}

#[test]
fn without_a_database_there_are_no_migrations() {
    let folder = Folder::new(Some(""), OK);
    fs::write(folder.path("wrangler.toml"), "").unwrap();
    folder.serve(false);
    assert!(folder.calls().len() == 1 && folder.calls()[0].starts_with("dev "), "{:?}", folder.calls());
}
