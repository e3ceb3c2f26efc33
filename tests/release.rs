//! What `make release` makes: one commit gives the same bytes in any folder, and nothing of the machine is in it. That it
//! works is tested in `tests/runtime/bundle.rs`.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Makes the bundle in `folder`, with this target folder, or `folder`'s own; gives its bytes.
fn release(folder: &Path, target: Option<&str>) -> Vec<u8> {
    let mut command = Command::new("bash");
    command.arg(folder.join("scripts/release.sh")).current_dir(folder).env_remove("CARGO_TARGET_DIR");
    // Unlike rustc and cargo of this test's own run, those of a shell.
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    let name = format!("unfollow-webhook-{}.tgz", env!("CARGO_PKG_VERSION"));
    let bundle = fs::read(folder.join("dist").join(&name)).unwrap();
    let hash: String = Sha256::digest(&bundle).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(fs::read_to_string(folder.join(format!("dist/{name}.sha256"))).unwrap(), format!("{hash}  {name}\n"));
    assert!(said.contains(&format!("dist/{name}: {} bytes, SHA-256 {hash}\n", bundle.len())), "{said}");
    bundle
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "slow: make test-slow"]
fn two_folders_give_the_same_bytes_with_nothing_of_the_machine_in_them() {
    let target = env::var("CARGO_TARGET_DIR").ok();
    let here = release(Path::new(ROOT), target.as_deref());

    let elsewhere = TempDir::with_prefix("a folder with another name ").unwrap();
    // The files of this commit, and what is not committed yet.
    let copy = "git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C \"$0\"";
    run(Command::new("sh").args(["-c", copy]).arg(elsewhere.path()).current_dir(ROOT));
    fs::create_dir(elsewhere.path().join("target")).unwrap();
    for tools in ["node_modules", "target/tools"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(tools), elsewhere.path().join(tools)).unwrap();
    }
    let there = release(elsewhere.path(), None);

    let unpacked = tempfile::tempdir().unwrap();
    for (name, bytes) in [("here", &here), ("there", &there)] {
        fs::create_dir(unpacked.path().join(name)).unwrap();
        fs::write(unpacked.path().join(name).join("bundle.tgz"), bytes).unwrap();
        run(Command::new("tar").args(["xzf", "bundle.tgz"]).current_dir(unpacked.path().join(name)));
        fs::remove_file(unpacked.path().join(name).join("bundle.tgz")).unwrap();
    }
    // Which file it is, where one is different.
    run(Command::new("diff").args(["--recursive", "--brief", "here", "there"]).current_dir(unpacked.path()));
    assert!(here == there, "the files are the same, and their archives are not");

    let list = run(Command::new("find").args([".", "-type", "f"]).current_dir(unpacked.path().join("here/package")));
    let files: BTreeSet<_> = list.lines().collect();
    for file in [
        "./README.md",
        "./npm-shrinkwrap.json",
        "./build/index_bg.wasm",
        "./build/assets/dashboard.html",
        "./.dev.vars.example",
        // The user's own is beside it, and survives the next bundle.
        "./wrangler.toml.example",
        "./build/programs/send_bg.wasm",
        "./scripts/program.mjs",
        "./scripts/export.mjs",
        "./scripts/import.mjs",
    ] {
        assert!(files.contains(file), "no {file} in {files:?}");
    }
    assert!(!files.contains("./.dev.vars") && !files.contains("./wrangler.toml"), "{files:?}");
    assert!(!files.iter().any(|file| file.contains("Cargo")), "{files:?}");

    let home = env::var("HOME").unwrap();
    for of_the_machine in [ROOT, elsewhere.path().to_str().unwrap(), &*format!("{home}/")] {
        let grep = Command::new("grep")
            .args(["--recursive", "--files-with-matches", "--fixed-strings", of_the_machine, "."])
            .current_dir(unpacked.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(grep.stdout).unwrap(), "", "these contain {of_the_machine}");
    }
}
