//! The log: one record of JSON for each call and for each message of the queue. It never holds the URL, the Sign, a token,
//! the body or a user id.

use std::borrow::Cow;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// Most bytes of any text from outside in a record.
const TEXT_MAX: usize = 128;

/// The level of a record, as the console has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is to be done.
    Info,
    /// The sender or the origin has something to fix, or something failed that is tried again.
    Warn,
    /// The owner of this Worker has something to fix.
    Error,
}

/// Which records of calls and messages are written. Those of what an operator does by the API always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum LogChoice {
    /// One for each.
    #[default]
    All,
    /// Those of what was rejected, failed, fell back or is retried. What each event costs of the log is then nothing.
    Problems,
}

impl LogChoice {
    /// Whether records of this level are written.
    #[must_use]
    pub fn takes(self, level: Level) -> bool {
        self == Self::All || level != Level::Info
    }
}

/// The beginning of a text, without characters that a terminal or a reader of lines would act on: JSON escapes only the
/// first 32 control characters.
pub(crate) fn printable<'a>(text: Option<&Cow<'a, str>>) -> Option<Cow<'a, str>> {
    text.map(|text| match text {
        // As Tencent sends it.
        Cow::Borrowed(text) if text.len() <= TEXT_MAX && text.bytes().all(|b| matches!(b, b' '..=b'~')) => {
            Cow::Borrowed(*text)
        }
        text => Cow::Owned(made_printable(text)),
    })
}

#[cold]
#[inline(never)]
fn made_printable(text: &str) -> String {
    // line separators, and what turns the direction of writing.
    let formatting = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = text.replace(|c: char| c.is_control() || formatting(c), "?");
    let begin = plain.floor_char_boundary(TEXT_MAX.min(plain.len()));
    plain.get(..begin).unwrap_or_default().to_owned()
}
