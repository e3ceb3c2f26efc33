//! The tools of the system that `make test` and `make check` need, with stubs for Debian's package manager: what is installed
//! is said before it is, and where nothing may be installed, the one command that does it is said.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the scripts need besides the tools in question.
const COMMANDS: [&str; 8] = ["bash", "env", "dirname", "mkdir", "sed", "tail", "touch", "chmod"];

/// "Installs" a browser, where it is asked for one; fails without a list of packages.
const APT_GET: &str = r#"#!/usr/bin/env bash
echo "apt-get's output"
case "$*" in
update*) touch "$BIN/../list" ;;
*" chromium "*) [ -e "$BIN/../list" ] && touch "$BIN/chromium" "$BIN/chromedriver" && chmod +x "$BIN/chromium" "$BIN/chromedriver" ;;
esac
"#;

/// A machine with the scripts, some commands and nothing else.
struct Machine(TempDir);

impl Machine {
    /// One where the user has this id, with stubs of these commands.
    fn new(uid: u32, stubs: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        fs::create_dir(machine.bin()).unwrap();
        for command in COMMANDS {
            let found = Command::new("sh").args(["-c", &format!("command -v {command}")]).output().unwrap();
            symlink(String::from_utf8(found.stdout).unwrap().trim_end(), machine.bin().join(command)).unwrap();
        }
        fs::create_dir(machine.scripts()).unwrap();
        for file in fs::read_dir(Path::new(ROOT).join("scripts")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), machine.scripts().join(file.file_name())).unwrap();
        }
        fs::copy(Path::new(ROOT).join("Cargo.lock"), machine.0.path().join("Cargo.lock")).unwrap();
        let id = format!("#!/bin/sh\necho {uid}\n");
        for (name, script) in [("id", &*id)].iter().chain(stubs) {
            fs::write(machine.bin().join(name), script).unwrap();
            fs::set_permissions(machine.bin().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn bin(&self) -> PathBuf {
        self.0.path().join("bin")
    }

    fn scripts(&self) -> PathBuf {
        self.0.path().join("scripts")
    }

    /// Runs a script; whether it succeeds, and what it says.
    fn run(&self, script: &str) -> (bool, String) {
        let mut command = Command::new(self.bin().join("bash"));
        command.arg(self.scripts().join(script)).env_clear().env("BIN", self.bin());
        command.env("PATH", self.bin()).env("HOME", self.0.path());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

#[test]
fn without_root_the_one_command_is_said() {
    for (script, said) in [
        (
            "browser.sh",
            "test: the page is tested in a browser: run `sudo apt-get install chromium chromium-driver`, then try again.\n",
        ),
        ("check.sh", "check: the scripts are checked too: run `sudo apt-get install shellcheck`, then try again.\n"),
    ] {
        let machine = Machine::new(1000, &[("apt-get", "#!/bin/sh\necho 'apt-get was called'\n")]);
        assert_eq!(machine.run(script), (false, said.to_owned()));
    }
}

#[test]
fn without_debian_the_packages_are_named() {
    let (success, said) = Machine::new(0, &[]).run("browser.sh");
    let expected = "test: the page is tested in a browser: install chromium chromium-driver (the names of Debian's packages), then try again.\n";
    assert_eq!((success, &*said), (false, expected));
}

#[test]
fn what_is_there_is_not_installed() {
    let stub = "#!/bin/sh\n";
    for browser in ["chromium", "google-chrome"] {
        let machine = Machine::new(1000, &[("chromedriver", stub), (browser, stub)]);
        assert_eq!(machine.run("browser.sh"), (true, String::new()));
    }
}

#[test]
fn what_is_installed_is_said_before_it_is() {
    let (success, said) = Machine::new(0, &[("apt-get", APT_GET)]).run("browser.sh");
    assert!(success, "{said}");
    let words =
        "test: the page is tested in a browser: apt-get install chromium chromium-driver (usually 20 to 60 s) … ";
    assert!(said.starts_with(words) && said.ends_with(" s\n") && said.lines().count() == 1, "{said}");
}

#[test]
fn an_installation_that_fails_is_quoted_and_its_log_named() {
    let fails = "#!/bin/sh\necho 'the reason'\nexit 100\n";
    let (success, said) = Machine::new(0, &[("apt-get", fails)]).run("browser.sh");
    assert!(!success);
    assert!(said.ends_with("… failed\nthe reason\nthe reason\nThe whole output is in target/log/apt.log.\n"), "{said}");
}
