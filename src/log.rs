//! The log: one line of JSON for each call. It says what became of the call and why, and never holds the URL,
//! the Sign, a token, the body or a user id.

use std::borrow::Cow;

use crate::{dead::Failure, event::Event, json, message::Duty, refusal::Refusal, webhook::query::Query};

/// Most bytes of any text from outside in a line.
const TEXT_MAX: usize = 128;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The call was answered OK.
    Info,
    /// The caller has something to mend.
    Warn,
    /// We have something to mend.
    Error,
}

/// What the line says of one call, filled in step by step.
#[derive(Clone, Debug, Default)]
pub struct Line<'a> {
    app: Option<Cow<'a, str>>,
    command: Option<Cow<'a, str>>,
    /// How many users were unfollowed or followed.
    pub targets: Option<usize>,
    platform: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    /// What the app's backend answered, where that is what the caller got.
    pub relayed_status: Option<u16>,
    /// The settings at fault, by name.
    pub settings: &'a [String],
}

impl<'a> Line<'a> {
    /// Takes from the query what a log may say of it.
    pub fn describe(&mut self, query: &Query<'a>) {
        self.app = cut(query.sdk_app_id.as_ref());
        self.command = cut(query.command.as_ref());
        self.platform = cut(query.opt_platform.as_ref());
        self.request_id = cut(query.request_id.as_ref());
    }

    /// Sets the command, where it stands in the body alone.
    pub fn name_command(&mut self, command: Cow<'a, str>) {
        self.command = cut(Some(&command));
    }

    /// The line as JSON, without a line end, and its level. `duration_ms` is from the call's arrival to its answer, by
    /// the runtime's clock, which stands still between I/O.
    #[must_use]
    pub fn close(&self, outcome: Result<&'static str, Refusal>, duration_ms: u64) -> (Level, String) {
        let (level, outcome, reason, status) = match outcome {
            Ok(outcome) => {
                let status = self.relayed_status.unwrap_or(200);
                (if status >= 500 { Level::Warn } else { Level::Info }, outcome, None, status)
            }
            Err(refusal) => {
                let row = refusal.row();
                let ours = row.status >= 500;
                let (level, outcome) = if ours { (Level::Error, "failed") } else { (Level::Warn, "refused") };
                (level, outcome, Some(row.name), row.status)
            }
        };
        // JSON escapes line ends and other control characters, so no text from outside can break the line.
        let line = json::object! {
            "outcome": outcome,
            "reason"?: reason,
            "status": status,
            "app"?: self.app,
            "command"?: self.command,
            "targets"?: self.targets,
            "platform"?: self.platform,
            "request_id"?: self.request_id,
            "settings"?: Some(self.settings).filter(|settings| !settings.is_empty()),
            "duration_ms": duration_ms,
        };
        (level, line)
    }
}

/// What the line says of one message of the queue.
#[derive(Clone, Debug, Default)]
pub struct DeliveryLine<'a> {
    /// `delivered`, `stored`, `retried` or `buried`.
    pub outcome: &'static str,
    duty: Option<Duty>,
    app: Option<u64>,
    targets: Option<usize>,
    request_id: Option<Cow<'a, str>>,
    last_status: Option<u16>,
    last_error: Option<&'static str>,
    /// How long the message waits before it comes again, in seconds.
    pub retry_after_seconds: Option<u32>,
}

impl<'a> DeliveryLine<'a> {
    /// The line of a message about `event`.
    #[must_use]
    pub fn of(event: &Event<'a>, duty: Duty) -> Self {
        Self {
            duty: Some(duty),
            app: Some(event.app().get()),
            targets: Some(event.targets()),
            request_id: cut(event.request_id()),
            ..Self::default()
        }
    }

    /// The line of a message that cannot be read.
    #[must_use]
    pub fn unreadable() -> Self {
        Self { last_error: Some("unreadable"), ..Self::default() }
    }

    /// Says how the last try failed.
    pub fn failed(&mut self, failure: Failure) {
        (self.last_status, self.last_error) = failure.parts();
    }

    /// The line as JSON, without a line end.
    #[must_use]
    pub fn text(&self) -> String {
        json::object! {
            "outcome": self.outcome,
            "duty"?: self.duty.map(Duty::name),
            "app"?: self.app,
            "targets"?: self.targets,
            "request_id"?: self.request_id,
            "last_status"?: self.last_status,
            "last_error"?: self.last_error,
            "retry_after_seconds"?: self.retry_after_seconds.map(u64::from),
        }
    }
}

/// The beginning of a text, with nothing in it that a terminal or a reader of lines could take for an order:
/// JSON escapes only the first 32 control characters.
fn cut<'a>(text: Option<&Cow<'a, str>>) -> Option<Cow<'a, str>> {
    // Line separators, and what turns the direction of writing.
    let orders = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || orders(c);
    let begin = |text: &str| text.floor_char_boundary(TEXT_MAX.min(text.len()));
    let is_plain = |text: &str| text.len() <= TEXT_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    text.map(|text| match text {
        // What nearly every text is.
        Cow::Borrowed(text) if is_plain(text) => Cow::Borrowed(*text),
        Cow::Borrowed(text) if !text.contains(breaks) => Cow::Borrowed(text.get(..begin(text)).unwrap_or_default()),
        text => {
            let plain = text.replace(breaks, "?");
            Cow::Owned(plain.get(..begin(&plain)).unwrap_or_default().to_owned())
        }
    })
}
