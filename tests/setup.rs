//! What a user has to install is said, with the command that does it.

use std::process::Command;

#[test]
fn without_root_the_one_command_is_said() {
    let script =
        ". scripts/env.sh; id() { echo 1000; }; apt-get() { echo called; }; debian a-command its-package another";
    let output = Command::new("bash").args(["-c", script]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let said = "a-command is missing: install it, on Debian with `sudo apt-get install its-package another`, then try again.\n";
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), said);
}
