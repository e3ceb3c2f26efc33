//! The log: one record of JSON for each call and for each message of the queue. It never holds the URL, the Sign, a token,
//! the body or a user id.

use std::borrow::Cow;

/// Most bytes of any text from outside in a record.
const TEXT_MAX: usize = 128;

/// The level of a record, as the console has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is to be done.
    Info,
    /// The sender, or the origin, has something to fix.
    Warn,
    /// The owner of this Worker has something to fix.
    Error,
}

/// The beginning of a text, without characters that a terminal or a reader of lines would act on: JSON escapes only the
/// first 32 control characters.
pub(crate) fn printable<'a>(text: Option<&Cow<'a, str>>) -> Option<Cow<'a, str>> {
    // line separators, and what turns the direction of writing.
    let formatting = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || formatting(c);
    let begin = |text: &str| text.floor_char_boundary(TEXT_MAX.min(text.len()));
    text.map(|text| match text {
        Cow::Borrowed(text) if !text.contains(breaks) => Cow::Borrowed(text.get(..begin(text)).unwrap_or_default()),
        text => {
            let plain = text.replace(breaks, "?");
            Cow::Owned(plain.get(..begin(&plain)).unwrap_or_default().to_owned())
        }
    })
}
