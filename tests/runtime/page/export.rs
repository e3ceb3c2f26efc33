//! The export: a CSV file of what the filters let through, whatever the ids are.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::{HOUR, send_follow, send_unfollow};
use crate::{browser::Browser, call::now_ms, worker::wait_for};

/// Waits for a download, and gives its text.
pub fn downloaded(folder: &Path) -> String {
    wait_for("a download", || {
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        let [file] = &files[..] else { return None };
        let is_whole = file.extension().is_some_and(|extension| extension == "csv");
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(!is_whole || name.starts_with("unfollow-events-14000000"), "{name}");
        is_whole.then(|| fs::read_to_string(file).unwrap())
    })
}

/// Reads RFC 4180, strictly: rows end with CRLF, and a quote is only where it may be.
fn read(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut ended) = (false, false);
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
            '"' if quoted => (quoted, ended) = (false, true),
            _ if quoted => cell.push(character),
            '"' if cell.is_empty() && !ended => quoted = true,
            ',' => {
                row.push(std::mem::take(&mut cell));
                ended = false;
            }
            '\r' => {
                assert_eq!(characters.next(), Some('\n'), "a row does not end with CRLF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                ended = false;
            }
            _ => {
                assert!(!ended && !matches!(character, '"' | '\n'), "{character:?} is not quoted");
                cell.push(character);
            }
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last row does not end");
    rows
}

#[test]
fn what_is_filtered_is_exported_one_row_a_target() {
    let app = "1400000039";
    let now = now_ms();
    let hostile = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "a,b",
        "say \"hi\"",
        "line\nend",
        "cr\r\nlf",
        " space ",
        "'quoted",
        "plain",
        "a=b",
        "微信",
    ];
    send_unfollow(app, "=HYPERLINK(\"https://example.com\")", &hostile, now);
    send_follow(app, "follower", &["bob"], now - 1000);
    send_unfollow(app, "old", &["bob"], now - 50 * HOUR);
    let browser = Browser::signed_in(app);
    let export = |times: &str| {
        let folder = TempDir::new().unwrap();
        browser.download_to(folder.path());
        browser.click("[data-testid=export]");
        if browser.value("!document.querySelector('#export-times').hidden", "") == true {
            browser.pick("time", times);
        }
        browser.click("#export-start");
        let rows = read(&downloaded(folder.path()));
        browser.wait("!document.querySelector('#export').open", "");
        rows
    };

    let rows = export("all");
    assert_eq!(
        rows[0],
        ["event_time", "kind", "actor", "target", "platform", "client_ip", "received_at", "sdk_app_id", "event_id"]
    );
    assert_eq!(rows.len(), 1 + hostile.len() + 2);
    for (row, target) in rows[1..].iter().zip(hostile) {
        // A formula is a text to a spreadsheet, by an apostrophe before it; all else is as it is.
        let is_formula = target.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']);
        let expected = if is_formula { format!("'{target}") } else { target.to_owned() };
        assert_eq!((row[1].as_str(), row[3].as_str()), ("unfollow", expected.as_str()));
        assert_eq!(row[2], "'=HYPERLINK(\"https://example.com\")");
        assert_eq!((row[4].as_str(), row[5].as_str(), row[7].as_str()), ("iOS", "127.0.0.1", app));
        assert!(row[0].ends_with('Z') && row[6].ends_with('Z') && row[8].len() == 46, "{row:?}");
    }
    let old = rows.last().unwrap();
    let happened = browser.value("new Date(Number(it)).toISOString()", &(now - 50 * HOUR).to_string());
    assert_eq!((old[0].as_str(), old[2].as_str()), (happened.as_str().unwrap(), "old"));
    assert!(old[6] > old[0], "received before it happened: {old:?}");
    assert_eq!(browser.text("#status"), "3 events exported.");

    assert_eq!(export("range").len(), 1 + hostile.len() + 1);
    browser.pick("kind", "follow");
    browser.wait_for_actors(&json!(["follower"]));
    assert_eq!(export("all").len(), 2);
    browser.visit(&format!("app={app}&user=bob"));
    assert_eq!(export("all").len(), 3);
    browser.visit(&format!("app={app}&user=bob&role=actor"));
    assert_eq!(export("all").len(), 1);
    browser.visit(&format!("app={app}&since={}&until={}", now - 51 * HOUR, now - 49 * HOUR));
    let rows = export("all");
    assert_eq!((rows.len(), rows[1][2].as_str()), (2, "old"));
    browser.assert_well_behaved();
}
