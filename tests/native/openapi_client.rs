//! A client in TypeScript is written from the API's description.

use std::{fs, path::Path, process::Command};

#[test]
fn a_client_compiles_with_the_types_of_the_description() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let program = root.join("node_modules/.bin").join(program);
        let output = Command::new(&program).args(arguments).current_dir(&folder).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}; run `make setup`", program.display()));
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    };
    let description = root.join("page/openapi.json");
    run("openapi-typescript", &[description.to_str().unwrap(), "--output", "openapi.d.ts"]);
    fs::write(folder.path().join("client.ts"), include_str!("openapi_client.ts")).unwrap();
    let checks = ["--strict", "--noEmit", "--allowImportingTsExtensions", "--exactOptionalPropertyTypes"];
    run("tsc", &[&checks[..], &["--target", "esnext", "--module", "nodenext", "client.ts"]].concat());
}
