//! The bundle of `make release`, followed as its user follows it: from an empty folder, with Node and npm and no Rust.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    call,
    port::free_port,
    process::Server,
    worker::{ROOT, wait_for},
};

/// All that there is on the PATH. npm runs its scripts in a shell.
const COMMANDS: [&str; 4] = ["node", "npm", "sh", "env"];

/// The unpacked and installed bundle, and a folder with all commands that there are.
struct Bundle(TempDir);

impl Bundle {
    fn unpack() -> Self {
        let bundle = Self(tempfile::tempdir().unwrap());
        bundle.unpack_over();
        let bin = bundle.0.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for command in COMMANDS {
            let found = Command::new("sh").args(["-c", &format!("command -v {command}")]).output().unwrap();
            let mut path = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim_end());
            if command == "node" {
                // A machine's own may be too old.
                path = Path::new(ROOT).join("node_modules/node/bin/node");
            }
            // What a link of npm's is to is beside the rest of npm.
            symlink(path.canonicalize().unwrap(), bin.join(command)).unwrap();
        }
        bundle
    }

    /// Unpacks the bundle where another may be already.
    fn unpack_over(&self) {
        let tar = Command::new("tar").arg("xzf").arg(made()).current_dir(&self.0).output().unwrap();
        assert!(tar.status.success(), "{tar:?}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("package").join(name)
    }

    /// `npm` with these arguments, and of the environment only what npm needs to reach its registry.
    fn npm(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0.path().join("bin/npm"));
        command.args(arguments).current_dir(self.path("")).env_clear();
        let is_npms =
            |name: &str| name.starts_with("npm_config_") || name.ends_with("_proxy") || name == "node_extra_ca_certs";
        command.envs(env::vars().filter(|(name, _)| is_npms(&name.to_lowercase())));
        command.env("HOME", env::var_os("HOME").unwrap()).env("PATH", self.0.path().join("bin"));
        command
    }

    /// Runs it to its end.
    fn run(&self, arguments: &[&str], home: Option<&Path>) -> (bool, String) {
        let mut command = self.npm(arguments);
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }
}

/// The path of the bundle, which is made once.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let output = Command::new("bash").arg(Path::new(ROOT).join("scripts/release.sh")).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        Path::new(ROOT).join(format!("dist/unfollow-webhook-{}.tgz", env!("CARGO_PKG_VERSION")))
    })
}

/// The programs, by npm's scripts: an event is sent, printed, and erased; and nothing is compared without a key.
fn programs_run(bundle: &Bundle, port: u16, token: &str) {
    let url = format!("http://127.0.0.1:{port}");
    let ended = |arguments: &[&str]| {
        let mut command = bundle.npm(&[&["run", "--silent"], arguments].concat());
        let Output { status, stdout, stderr } = command.env("ADMIN_TOKEN", token).output().unwrap();
        (status.code(), [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()))
    };
    let run = |arguments: &[&str]| {
        let (status, texts) = ended(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {texts:?}");
        texts
    };
    let [said, _] = run(&["send", "--", "--help"]);
    assert!(said.contains("Usage: send --url <URL> --app <SDKAPPID>"), "{said}");
    let [said, _] = run(&["send", "--", "--url", &url, "--app", "1400000000", "--from", "wasm", "--to", "用户"]);
    assert!(said.starts_with("HTTP 200 in ") && said.contains(r#""ErrorCode":0"#), "{said}");
    let events = ["events", "--", "--url", &*url, "--since", "1h", "--user", "wasm"];
    let [printed, said] = run(&events);
    let event: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&event["to_accounts"], &*said), (&json!(["用户"]), ""));
    let (status, [_, said]) = ended(&["compare", "--", "--url", &url, "--app", "1400000000", "--user", "用户"]);
    assert!(status == Some(1) && said.contains("TENCENT_SECRET_KEY"), "{said}");
    let [_, said] = run(&["erase", "--", "--url", &url, "--app", "1400000000", "--user", "wasm"]);
    assert!(said.starts_with("1 events and dead letters erased"), "{said}");
    assert_eq!(run(&events), ["", ""]);
}

#[test]
#[ignore = "slow: make test-slow"]
fn the_bundle_is_served_and_deployed_without_rust() {
    let bundle = Bundle::unpack();
    // What is forgotten is said.
    let (success, said) = bundle.run(&["run", "dev"], None);
    assert!(!success && said.contains("run `npm install` first"), "{said}");

    let (success, said) = bundle.run(&["install", "--prefer-offline"], None);
    assert!(success && !said.to_lowercase().contains("warn"), "{said}");

    let port = free_port();
    let mut server = Server::start(bundle.npm(&["run", "dev"]).env("PORT", port.to_string()));
    let log = wait_for("the announcement", || {
        let log = server.log();
        assert!(server.ended().is_none(), "{log:#?}");
        log.iter().any(|line| line.starts_with("Each call is logged below")).then_some(log)
    });
    let after = |begin: &str| log.iter().find_map(|line| line.strip_prefix(begin)).expect(begin).to_owned();
    let page = after("Page:        ");
    let token = after("ADMIN_TOKEN: ");
    assert_eq!(page, format!("http://127.0.0.1:{port}/dashboard"));
    assert_eq!(after("Sinks:       "), "kv, d1");
    assert_eq!(fs::metadata(bundle.path(".dev.vars")).unwrap().permissions().mode() & 0o777, 0o600);

    let curl = log.iter().find(|line| line.starts_with("t=$(date +%s); curl ")).expect("a curl");
    let answer = Command::new("sh").args(["-c", curl]).output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#);
    let events = call::request_api("GET", &format!("http://127.0.0.1:{port}/v1/events"), Some(&token)).body;
    assert_eq!(events["events"][0]["to_accounts"], json!(["UserID_002", "UserID_003"]));

    programs_run(&bundle, port, &token);

    let node = Path::new(ROOT).join("node_modules/.bin/node");
    let sign_in = Path::new(ROOT).join("tests/host/sign_in.mjs");
    let seen = Command::new(node).arg(sign_in).args([&page, &token, "UserID_001"]).output().unwrap();
    assert!(seen.status.success(), "{seen:?}");
    server.kill();

    // A newer bundle leaves what is the user's.
    let mine = fs::read_to_string(bundle.path("wrangler.toml")).unwrap() + "\n[vars]\nSDK_APP_IDS = \"1400000000\"\n";
    fs::write(bundle.path("wrangler.toml"), &mine).unwrap();
    let settings = fs::read_to_string(bundle.path(".dev.vars")).unwrap();
    bundle.unpack_over();
    let (success, said) = bundle.run(&["install", "--prefer-offline"], None);
    assert!(success, "{said}");
    let kept = ["wrangler.toml", ".dev.vars"].map(|name| fs::read_to_string(bundle.path(name)).unwrap());
    assert_eq!(kept, [mine, settings]);

    let (success, said) = bundle.run(&["run", "--silent", "deploy", "--", "--env", "staging"], None);
    assert!(!success && said.starts_with("npm run deploy takes no arguments, and was given --env staging"), "{said}");

    // The events of `npm run dev`, by its own wrangler.
    let (success, said) = bundle.run(&["run", "export", "--", "events.ndjson", "--local"], None);
    assert!(success && said.contains("events.ndjson has 1 events."), "{said}");
    let (success, said) = bundle.run(&["run", "import", "--", "events.ndjson", "--local"], None);
    assert!(success && said.contains("1 events of events.ndjson are in the event log."), "{said}");

    // A home in which nobody has logged in, so that nothing can be deployed.
    let home = tempfile::tempdir().unwrap();
    for script in [&["deploy"][..], &["migrate"], &["export", "--", "more.ndjson"], &["import", "--", "events.ndjson"]]
    {
        let (success, said) = bundle.run(&[&["run"], script].concat(), Some(home.path()));
        let expected = "wrangler is not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.";
        assert!(!success && said.lines().any(|line| line == expected), "{script:?}: {said}");
    }
}
