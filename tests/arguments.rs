//! Arguments that a command does not take are refused, in one sentence and before anything is done: passed over in silence,
//! `npm run deploy -- --env staging` would deploy to production.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The scripts of a target of the Makefile, and of npm in a clone.
const TARGETS: [&str; 12] =
    ["build", "dev", "demo", "test", "test-slow", "check", "bench", "soak", "prove", "fuzz", "release", "deploy"];

/// A folder with the wrappers as they are. Each script that they run only notes its name, and what it was given, in `ran`.
struct Clone(TempDir);

impl Clone {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(ROOT);
        fs::create_dir(folder.path().join("scripts")).unwrap();
        for file in ["Makefile", "package.json", "scripts/npm.sh"] {
            fs::copy(root.join(file), folder.path().join(file)).unwrap();
        }
        for target in TARGETS {
            let script = folder.path().join(format!("scripts/{target}.sh"));
            fs::write(&script, "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>ran\n").unwrap();
            Command::new("chmod").arg("+x").arg(script).status().unwrap();
        }
        Self(folder)
    }

    /// Runs it: whether it succeeds, its output, and what was run.
    fn run(&self, program: &str, arguments: &[&str]) -> (bool, String, String) {
        let mut command = command(program);
        let output = command.args(arguments).current_dir(&self.0).output().unwrap();
        let ran = self.0.path().join("ran");
        let said = fs::read_to_string(&ran).unwrap_or_default();
        let _ = fs::remove_file(ran);
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), said)
    }
}

/// A command that knows nothing of a make or npm that runs this test.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("MAKE") || name == "MFLAGS" || name.starts_with("npm_") {
            command.env_remove(name);
        }
    }
    command
}

/// What somebody may add to a command that is in truth wrangler's, npm's or make's.
const WRONG: [&[&str]; 4] = [&["--dry-run"], &["--env", "staging"], &["--env=staging"], &["staging"]];

#[test]
fn npms_scripts_of_a_clone_refuse_arguments() {
    let clone = Clone::new();
    for target in ["dev", "demo", "test", "check", "build", "release", "deploy"] {
        let (success, said, ran) = clone.run("npm", &["run", "--silent", target]);
        assert!(success && ran == format!("{target}.sh \n"), "{target}: {said}{ran}");
        for wrong in if target == "deploy" { &WRONG[..] } else { &WRONG[..1] } {
            let (success, said, ran) = clone.run("npm", &[&["run", "--silent", target, "--"][..], wrong].concat());
            assert!(!success && ran.is_empty(), "{target} {wrong:?}: {said}{ran}");
            let sentence =
                format!("npm run {target} takes no arguments, and was given {}: nothing was done.", wrong.join(" "));
            assert_eq!(said.trim(), sentence);
        }
    }
    // Without the `--`, npm takes them for its own, and goes on.
    for (wrong, given) in [("--dry-run", "--dry-run"), ("--env=staging", "--env=staging")] {
        let (success, said, ran) = clone.run("npm", &["run", "--silent", "deploy", wrong]);
        assert!(!success && ran.is_empty() && said.contains(&format!("given {given}")), "{wrong}: {said}{ran}");
    }
}

#[test]
fn make_refuses_what_is_no_target_and_no_variable_of_ours() {
    let clone = Clone::new();
    for target in TARGETS {
        let (success, said, ran) = clone.run("make", &[target]);
        assert!(success && ran == format!("{target}.sh \n"), "{target}: {said}{ran}");
        // `--env` is an abbreviation of one of make's own.
        for wrong in [&["--env", "staging"][..], &["staging"], &["ENV=staging"], &["DRY_RUN=1"]] {
            let (success, said, ran) = clone.run("make", &[&[target], wrong].concat());
            assert!(!success && ran.is_empty(), "{target} {wrong:?}: {said}{ran}");
            assert!(said.trim().lines().count() == 1 && said.contains("nothing was done"), "{said}");
        }
        // make's own says what would be run.
        let (success, said, ran) = clone.run("make", &[target, "--dry-run"]);
        assert!(success && ran.is_empty() && said.contains(&format!("scripts/{target}.sh")), "{said}{ran}");
    }
    for variables in [&["D1_LOCATION=apac"][..], &["PORT=1", "TUNNEL=1"], &["EVENTS=1", "SEED=1"], &["SECONDS=1"]] {
        let (success, said, _) = clone.run("make", &[&["dev"], variables].concat());
        assert!(success, "{variables:?}: {said}");
    }
    let (success, ..) = clone.run("make", &["check", "deploy"]);
    assert!(success);
}

#[test]
fn the_scripts_themselves_refuse_arguments() {
    for target in TARGETS {
        let script = Path::new(ROOT).join(format!("scripts/{target}.sh"));
        let output = command("bash").arg(script).arg("--dry-run").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success(), "{target}: {said}");
        let sentence = format!("{target}.sh takes no arguments, and was given --dry-run: nothing was done.");
        assert_eq!(said.trim().lines().last(), Some(&*sentence), "{target}");
    }
}

/// The bundle's scripts, with their own wrangler.toml, and a stub that notes how wrangler is called.
struct Bundle {
    folder: TempDir,
}

impl Bundle {
    fn new() -> Self {
        let bundle = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["scripts", "src/config"] {
            fs::create_dir_all(bundle.path(folder)).unwrap();
            for file in fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), bundle.path(folder).join(file.file_name())).unwrap();
            }
        }
        fs::write(bundle.path("wrangler.toml.example"), "name = \"an-example\"\n").unwrap();
        fs::write(bundle.path("stub"), "#!/bin/sh\necho \"$*\" >>calls\n").unwrap();
        Command::new("chmod").arg("+x").arg(bundle.path("stub")).status().unwrap();
        bundle
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, arguments: &[&str]) -> (bool, String) {
        let mut node = command(Path::new(ROOT).join("node_modules/.bin/node").to_str().unwrap());
        node.arg("scripts/start.mjs").args(arguments).current_dir(&self.folder).env("WRANGLER", self.path("stub"));
        let output = node.output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

#[test]
fn the_bundles_scripts_refuse_arguments_and_another_environment() {
    let bundle = Bundle::new();
    std::os::unix::fs::symlink(Path::new(ROOT).join("node_modules"), bundle.path("node_modules")).unwrap();
    fs::write(bundle.path("wrangler.toml"), "").unwrap();
    for script in ["dev", "deploy", "migrate"] {
        for wrong in WRONG {
            let (success, said) = bundle.start(&[&[script], wrong].concat());
            let sentence =
                format!("make {script} takes no arguments, and was given {}: nothing was done.", wrong.join(" "));
            assert_eq!((success, said.trim()), (false, &*sentence));
        }
    }
    for script in ["deploy", "migrate"] {
        let node = Path::new(ROOT).join("node_modules/.bin/node");
        let mut node = command(node.to_str().unwrap());
        node.args(["scripts/start.mjs", script]).current_dir(&bundle.folder).env("CLOUDFLARE_ENV", "staging");
        let output = node.env("WRANGLER", bundle.path("stub")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.starts_with("CLOUDFLARE_ENV=staging cannot be used"), "{said}");
    }
    assert!(!bundle.path("calls").exists(), "wrangler was called");
}

/// A newer bundle is unpacked over an older one.
#[test]
fn the_bundle_makes_wrangler_toml_once() {
    let bundle = Bundle::new();
    let (success, said) = bundle.start(&[]);
    assert!(success && said.contains("wrangler.toml was made"), "{said}");
    assert_eq!(fs::read_to_string(bundle.path("wrangler.toml")).unwrap(), "name = \"an-example\"\n");
    fs::write(bundle.path("wrangler.toml"), "name = \"mine\"\n").unwrap();
    fs::write(bundle.path("wrangler.toml.example"), "name = \"a-newer-example\"\n").unwrap();
    let (success, said) = bundle.start(&[]);
    assert!(success && said.is_empty(), "{said}");
    assert_eq!(fs::read_to_string(bundle.path("wrangler.toml")).unwrap(), "name = \"mine\"\n");
}
