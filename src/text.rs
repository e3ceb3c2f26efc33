//! Cutting text at a byte, and writing a number to its end.
//!
//! Why not by the library's own search: that is made for long texts. Before it looks, it has done more than there is to do
//! in a URL or a query, and each of its uses is a copy of it.

/// What stands before the first `at`, an ASCII character, and what stands behind it; `None` where there is none.
#[must_use]
pub fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let (before, rest) = text.split_at_checked(text.bytes().position(|byte| byte == at)?)?;
    Some((before, rest.get(1..)?))
}

/// The parts of a text between all `at`s, of which there is one at least.
pub fn split(text: &str, at: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, behind) = split_once(text, at).map_or((text, None), |(part, behind)| (part, Some(behind)));
        rest = behind;
        Some(part)
    })
}

/// Writes `number` to the end of `text`, in decimal.
pub fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}
