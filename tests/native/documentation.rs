//! What the documentation's tables say is what the code says, and each copy of the version is that of Cargo.toml.
//! `scripts/documentation.mjs` checks what needs no code: links, and the translation of README.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use strum::VariantArray as _;
use unfollow_webhook::{
    alerts::AlertKind,
    config::{Config, VERSION},
    delivery::failure::Failure,
    metrics::{Metric, Row},
    receive::rejection::Rejection,
};

use crate::{
    ports::FakeEnvironment,
    samples::{APP, BOUND, config},
};

const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the table whose first row begins with `first`, cell by cell, without that row and the one below it.
fn table<'a>(text: &'a str, first: &[&str]) -> Vec<Vec<&'a str>> {
    let cells = |line: &'a str| -> Option<Vec<_>> {
        Some(line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect())
    };
    let mut lines = text.lines();
    lines.find(|line| cells(line).is_some_and(|row| row.starts_with(first))).expect("the table");
    lines.skip(1).map_while(cells).collect()
}

/// The texts between backticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The first cell of each row with all names in it, and the second cell.
fn settings_in(text: &str, first: [&str; 2]) -> Vec<(BTreeSet<String>, String)> {
    let row = |row: &Vec<&str>| (code(row[0]).map(str::to_owned).collect(), row[1].to_owned());
    table(text, &first).iter().map(row).collect()
}

fn settings_of_readme(path: &str) -> Vec<(BTreeSet<String>, String)> {
    settings_in(&read(path), if path == READMES[0] { ["Name", "Meaning"] } else { ["名称", "含义"] })
}

/// The rows of docs/settings.md with what is in this column: 1 for what a setting does, 2 for its valid values.
fn all_settings(column: usize) -> Vec<(BTreeSet<String>, String)> {
    let row = |row: &Vec<&str>| (code(row[0]).map(str::to_owned).collect(), row[column].to_owned());
    table(&read("docs/settings.md"), &["name", "what it does"]).iter().map(row).collect()
}

/// What the setting of this name says in its row.
fn said_of(settings: &[(BTreeSet<String>, String)], name: &str) -> String {
    settings.iter().find(|(names, _)| names.contains(name)).unwrap().1.clone()
}

#[test]
fn the_response_table_has_one_row_for_each_rejection_and_no_other() {
    let responses = read("docs/webhook-responses.md");
    let mut listed: Vec<(u32, u32, String)> = Vec::new();
    for row in table(&responses, &["status", "`ErrorCode`"]) {
        if let [status, error_code, name, _] = row[..]
            && let (Ok(status), Ok(error_code)) = (status.parse(), error_code.parse())
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
fn each_settings_table_names_what_is_read_and_nothing_else() {
    let environment = FakeEnvironment::of([("SDK_APP_IDS", APP)], BOUND);
    let _ = Config::read(&environment);
    let asked = environment.asked.take().into_iter().map(|name| name.replace(APP, "{SdkAppid}"));
    let asked: BTreeSet<_> = asked.chain(BOUND.iter().map(|&name| name.to_owned())).collect();
    assert!(asked.len() >= 15, "{asked:?}");
    let names = |listed: Vec<_>| listed.into_iter().flat_map(|(names, _): (BTreeSet<_>, String)| names);
    assert_eq!(names(all_settings(2)).collect::<BTreeSet<_>>(), asked);
    for readme in READMES {
        let listed: BTreeSet<_> = names(settings_of_readme(readme)).collect();
        assert!(!listed.is_empty() && listed.is_subset(&asked), "{readme}: {listed:?}");
    }
}

#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    let documented = read("docs/metrics.md");
    let labels = |row: &Row| match row.labels {
        [] => "\u{2013}".to_owned(),
        labels => labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
    };
    let expected: Vec<_> = Metric::VARIANTS
        .iter()
        .map(|metric| metric.row())
        .map(|row| {
            let metric_type = format!("{:?}", row.metric_type).to_lowercase();
            [format!("`{}`", row.sample_name()), metric_type, labels(row), row.help.to_owned()]
        })
        .collect();
    assert_eq!(table(&documented, &["metric", "type"]), expected);
}

/// The rules and the dashboard ask for metrics and labels that there are; and the document names each rule, with its severity.
#[test]
fn what_prometheus_and_grafana_ask_for_is_there() {
    let rules = read("deploy/alerts.yml");
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana.json")).unwrap();
    let mut queries: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect();
    assert_eq!(queries.len(), rules.matches("- alert: ").count());
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    queries.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    queries.push(dashboard["templating"]["list"][1]["definition"].as_str().unwrap().to_owned());
    let mut asked = BTreeSet::new();
    for query in &queries {
        let words: Vec<_> = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let of_query: Vec<_> = words.iter().copied().filter(|word| word.starts_with("unfollow_webhook_")).collect();
        assert!(!of_query.is_empty() || query.starts_with("up{"), "{query}");
        let rows: Vec<_> = of_query
            .iter()
            .map(|name| Metric::VARIANTS.iter().map(|metric| metric.row()).find(|row| row.sample_name() == **name))
            .map(|row| row.unwrap_or_else(|| panic!("{query}")))
            .collect();
        // A label that is asked for.
        for label in ["app", "kind", "outcome", "reason", "state"] {
            assert!(!words.contains(&label) || rows.iter().any(|row| row.labels.contains(&label)), "{query}: {label}");
        }
        asked.extend(of_query.iter().map(|name| (*name).to_owned()));
    }
    let all: BTreeSet<_> = Metric::VARIANTS.iter().map(|metric| metric.row().sample_name()).collect();
    assert_eq!(asked, all, "a metric that nobody asks for");
    let severity = |rule: &str| rule.split_once("{severity: ").unwrap().1.split_once('}').unwrap().0.to_owned();
    let expected: Vec<_> = rules
        .split("- alert: ")
        .skip(1)
        .map(|rule| [format!("`{}`", rule.lines().next().unwrap()), severity(rule)])
        .collect();
    let documented = read("docs/metrics.md");
    let documented: Vec<_> = table(&documented, &["rule", "severity"]).iter().map(|row| [row[0], row[1]]).collect();
    assert_eq!(documented, expected);
}

#[test]
fn defaults_and_bounds_are_those_of_the_code() {
    let delivery = config(&[]).delivery;
    let meanings = all_settings(1);
    for (name, default) in [
        ("RETRY_BASE_SECONDS", delivery.retry_base_seconds),
        ("DELIVERY_HOURS", delivery.seconds / 3600),
        ("SILENCE_HOURS", config(&[]).silence_hours.unwrap()),
    ] {
        let said = said_of(&meanings, name);
        let mut numbers = said.split(|c: char| !c.is_ascii_digit());
        assert!(numbers.any(|number| number == default.to_string()), "{name}: {said}");
    }
    let values = all_settings(2);
    for name in ["RETENTION_DAYS", "RETRY_BASE_SECONDS", "DELIVERY_HOURS", "SILENCE_HOURS"] {
        let config = config(&[(name, "100000")]);
        let invalid = config.invalid_settings.iter().find(|it| it.name == name).unwrap();
        assert_eq!(invalid.problem, format!("must be a whole number from {}", said_of(&values, name)));
    }
}

/// The page says each `last_error` in words.
#[test]
fn the_page_has_words_for_each_failure_and_no_other() {
    let page = read("page/text/en.ts");
    let (_, rest) = page.split_once("\t\tfailures: {\n").unwrap();
    let (texts, _) = rest.split_once("\n\t\t}").unwrap();
    let word = |line: &str| line.trim().split_once(": \"").unwrap().0.to_owned();
    let mut shown: Vec<_> = texts.lines().map(word).collect();
    let mut expected: Vec<_> = Failure::words().map(str::to_owned).collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[test]
fn each_copy_of_the_version_is_that_of_the_worker() {
    for (path, copy) in [
        (READMES[0], format!("**Version {VERSION}.**")),
        (READMES[1], format!("**版本 {VERSION}。**")),
        (READMES[0], format!("tar xzf unfollow-webhook-{VERSION}.tgz && ")),
        (READMES[1], format!("tar xzf unfollow-webhook-{VERSION}.tgz && ")),
        ("CHANGELOG.md", format!("\n## [{VERSION}] - 20")),
    ] {
        assert!(read(path).contains(&copy), "{path} does not have {copy:?}");
    }
    let json = |path: &str| -> Value { serde_json::from_str(&read(path)).unwrap() };
    let lock = json("package-lock.json");
    for (path, copy) in [
        ("package.json", &json("package.json")["version"]),
        ("package-lock.json", &lock["version"]),
        ("package-lock.json", &lock["packages"][""]["version"]),
    ] {
        assert_eq!(copy, VERSION, "{path}");
    }
}

/// Fields and functions whose names say it all need none.
#[test]
fn each_module_and_each_public_type_says_what_it_is() {
    let mut types = 0;
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path} does not say what it is about");
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let words: Vec<_> = line.split_whitespace().take(2).collect();
            // A macro's own is documented where it is called.
            if line.contains('$') || !matches!(words[..], ["pub", "struct" | "enum" | "trait" | "type"]) {
                continue;
            }
            let above = lines[..at].iter().rev().find(|line| !is_attribute(line)).unwrap();
            assert!(above.trim_start().starts_with("///"), "{path}: {line}");
            types += 1;
        }
    }
    assert!(types > 100, "{types} types");
}

/// Whether a line is one of an attribute, which may have several.
fn is_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[") || line.starts_with(')') || line.starts_with("Clone,")
}

/// The files of `src/`, with their texts.
fn sources() -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn the_table_of_alerts_has_each_kind_with_its_severity() {
    let text = read("docs/alerts.md");
    let listed = table(&text, &["kind", "severity"]).into_iter().filter(|row| !row[0].starts_with("---"));
    let listed: BTreeSet<_> = listed.map(|row| (row[0].trim_matches('`').to_owned(), row[1].to_owned())).collect();
    let word = |kind: &AlertKind| (<&str>::from(kind).to_owned(), <&str>::from(kind.severity()).to_owned());
    assert_eq!(listed, AlertKind::VARIANTS.iter().map(word).collect());
}
