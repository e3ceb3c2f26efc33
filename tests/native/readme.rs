//! README's tables match the code.

use std::{cell::RefCell, fs, path::Path};

use unfollow_webhook::{
    config::{Config, DB, EVENTS},
    receive::rejection::Rejection,
};

use crate::samples::{APP, BOUND};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The rows of all tables, cell by cell.
fn rows(readme: &str) -> Vec<Vec<&str>> {
    let rows = readme.lines().map(str::trim).filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_answer_table_has_one_row_for_each_rejection_and_no_other() {
    let readme = readme();
    let mut listed: Vec<(u32, u32, String)> = Vec::new();
    for row in rows(&readme) {
        if let [status, error_code, name, _, ..] = row[..]
            && let (Ok(status), Ok(error_code)) = (status.parse(), error_code.parse())
            && error_code > 0
        {
            listed.push((status, error_code, name.trim_matches('`').to_owned()));
        }
    }
    let mut expected: Vec<_> = Rejection::ALL.iter().map(|rejection| rejection.row()).collect();
    expected.sort_by_key(|row| row.error_code);
    listed.sort_by_key(|row| row.1);
    let expected: Vec<_> =
        expected.into_iter().map(|row| (u32::from(row.status), row.error_code, row.name.to_owned())).collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_settings_table_names_every_variable_that_is_read() {
    let asked = RefCell::new([EVENTS, DB].map(str::to_owned).to_vec());
    let _ = Config::read(
        |name| {
            asked.borrow_mut().push(name.replace(APP, "{SdkAppid}"));
            (name == "SDK_APP_IDS").then(|| APP.to_owned())
        },
        BOUND,
    );
    let asked = asked.into_inner();
    assert!(asked.len() >= 9, "{asked:?}");
    let readme = readme();
    for name in asked {
        let code = format!("`{name}`");
        assert!(rows(&readme).iter().flatten().any(|cell| cell.contains(&code)), "no row of a table names {code}");
    }
}
