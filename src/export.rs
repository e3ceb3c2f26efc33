//! Events as the lines of a file: JSON Lines and CSV for programs, which keep each id byte for byte, and CSV for a spreadsheet,
//! which is made harmless in a way that can be undone.

use std::{borrow::Cow, fmt::Write as _};

use chrono::{DateTime, Datelike as _, Timelike as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{encoding::to_json, event::EventId};

/// The names of the columns.
macro_rules! header {
    () => {
        "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,source,event_id\r\n"
    };
}

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// JSON Lines: an event a line, as lists show it, and at the end a line without `id`, which says where it goes on.
    #[default]
    Jsonl,
    /// CSV (RFC 4180): a row for each target, each cell as it is.
    Csv,
    /// The same for a spreadsheet: it begins with a byte-order mark, and no cell is a formula.
    Spreadsheet,
}

impl Format {
    /// The media type of a response. Clients know `application/x-ndjson`; what RFC 4180 registered has parameters.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv | Self::Spreadsheet => "text/csv; charset=utf-8; header=present",
        }
    }

    /// How the file begins.
    #[must_use]
    pub const fn head(self) -> &'static str {
        match self {
            Self::Jsonl => "",
            Self::Csv => header!(),
            // Without the mark, spreadsheets take a file for one of Windows-1252.
            Self::Spreadsheet => concat!("\u{feff}", header!()),
        }
    }
}

/// An event as a list shows it, as far as rows have it.
#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    sdk_app_id: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    from_account: Cow<'a, str>,
    #[serde(borrow)]
    to_accounts: Vec<Cow<'a, str>>,
    event_time: u64,
    received_at: u64,
    #[serde(borrow)]
    opt_platform: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
}

/// The part of a file that one response has.
pub struct Part {
    format: Format,
    text: String,
    damaged: Vec<EventId>,
}

impl Part {
    /// One that has no events yet: the first of its file, or one that goes on.
    #[must_use]
    pub fn new(format: Format, is_first: bool) -> Self {
        let head = if is_first { format.head() } else { "" };
        Self { format, text: head.to_owned(), damaged: Vec::new() }
    }

    /// Adds the event that a list shows so.
    pub fn push(&mut self, id: &EventId, event: &RawValue) {
        if self.format == Format::Jsonl {
            // A line end within JSON is white space.
            self.text.push_str(&event.get().replace(['\n', '\r'], " "));
            self.text.push('\n');
            return;
        }
        match serde_json::from_str::<Listed<'_>>(event.get()) {
            Ok(event) => self.push_rows(&event),
            Err(_) => self.push_damaged(id.clone(), None),
        }
    }

    /// Adds an event of which there is no more than its id and, in rows, its `EventTime` (Unix ms).
    pub fn push_damaged(&mut self, id: EventId, event_time: Option<u64>) {
        if self.format != Format::Jsonl {
            let time = event_time.map(time_text).unwrap_or_default();
            self.push_row([&time, "", "", "", "", "", "", "", "", id.as_str()]);
        }
        self.damaged.push(id);
    }

    fn push_rows(&mut self, event: &Listed<'_>) {
        let (time, received_at, app) =
            (time_text(event.event_time), time_text(event.received_at), event.sdk_app_id.to_string());
        let (platform, ip) = (event.opt_platform.as_deref(), event.client_ip.as_deref());
        for target in &event.to_accounts {
            self.push_row([
                &time,
                &event.kind,
                &event.from_account,
                target,
                platform.unwrap_or_default(),
                ip.unwrap_or_default(),
                &received_at,
                &app,
                event.source.as_deref().unwrap_or_default(),
                &event.id,
            ]);
        }
    }

    fn push_row(&mut self, cells: [&str; 10]) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            let is_guarded = self.format == Format::Spreadsheet && needs_guard(cell);
            write_cell(&mut self.text, if is_guarded { "'" } else { "" }, cell);
        }
        self.text.push_str("\r\n");
    }

    /// The text, which goes on with this cursor, if it does.
    #[must_use]
    pub fn end(mut self, cursor: Option<&str>) -> String {
        if self.format == Format::Jsonl {
            let (cursor, damaged) = (to_json(&cursor), to_json(&self.damaged));
            let _ = writeln!(self.text, r#"{{"cursor":{cursor},"damaged":{damaged}}}"#);
        }
        self.text
    }
}

/// Whether a cell of a spreadsheet gets an apostrophe before it: where a spreadsheet would take it for a formula, which could call
/// another server; and where it begins with an apostrophe, so that to drop one apostrophe always gives what was there.
fn needs_guard(cell: &str) -> bool {
    // Full-width signs are formulas too, where Excel runs in Chinese or Japanese.
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    cell.starts_with(['\'', '\t', '\r', '\n']) || cell.trim_start_matches(is_dropped).starts_with(SIGNS)
}

/// Whether a program may drop this character before it looks what a cell is: it cannot be seen.
fn is_dropped(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c.is_whitespace() || c.is_control() || is_format
}

/// Writes a cell, in quotes where it needs them: also where it ends or begins with a space, which some readers drop.
fn write_cell(text: &mut String, guard: &str, cell: &str) {
    let is_quoted = cell.contains(['"', ',', '\r', '\n']) || cell.trim().len() != cell.len();
    if is_quoted {
        let _ = write!(text, "\"{guard}{}\"", cell.replace('"', "\"\""));
    } else {
        let _ = write!(text, "{guard}{cell}");
    }
}

/// A time (Unix ms) as ISO 8601, in UTC; one that is no date as its number.
fn time_text(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map_or(ms.to_string(), |it| {
        let (year, month, day) = (it.year(), it.month(), it.day());
        let (hour, minute, second, ms) = (it.hour(), it.minute(), it.second(), it.timestamp_subsec_millis());
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    })
}
