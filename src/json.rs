//! JSON text: read member by member, without a tree of values (each value is a slice of the text, checked but not
//! decoded), and written by serde_json.
//!
//! Why not read by serde_json as well: its deserializer carries error texts, number parsing and
//! float tables that make up 26 KB (gzip) of a Worker that is to stay under 75, and it keeps the last of two
//! members of one name. The lexer is hifijson's; what is ours is the order of tokens, without recursion, so
//! that no depth of nesting can exhaust the stack.

use std::borrow::Cow;

use serde::Serialize;

use hifijson::{Read as _, SliceLexer, num::Lex as _, str::Lex as _, str::LexAlloc as _, token::Lex as _};

/// Calls `each` with the name and the text of every member of the JSON object `text`, in order. `None` where
/// `text` is not one whole JSON object, or as soon as `each` says `None`; members before that place have been
/// passed on by then.
pub fn members<'a>(text: &'a str, mut each: impl FnMut(Cow<'a, str>, &'a str) -> Option<()>) -> Option<()> {
    let mut reader = Reader::new(text);
    reader.sequence(b'{', b'}', |reader| {
        let name = reader.name()?;
        each(name, reader.value()?)
    })?;
    reader.at_end()
}

/// Whether `text` is a JSON object without members, or with the member `name` once and no other. Reading stops at the name
/// of the first other one.
#[must_use]
pub fn is_empty_but_for(text: &str, name: &str) -> bool {
    let mut reader = Reader::new(text);
    let mut seen = false;
    let object = reader.sequence(b'{', b'}', |reader| {
        let allowed = reader.name()? == name && !seen;
        seen = true;
        allowed.then_some(())?;
        reader.value().map(|_| ())
    });
    object.and_then(|()| reader.at_end()).is_some()
}

/// The text of every item of the JSON array `text`; `None` where it is not one whole JSON array.
#[must_use]
pub fn items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let mut reader = Reader::new(text);
    reader.sequence(b'[', b']', |reader| {
        items.push(reader.value()?);
        Some(())
    })?;
    reader.at_end()?;
    Some(items)
}

/// Whether `text` is one whole JSON value.
#[must_use]
pub fn is_value(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.value().is_some() && reader.at_end().is_some()
}

/// What the JSON string `text` says; `None` where it is not one whole JSON string of Unicode characters.
#[must_use]
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    let mut reader = Reader::new(text);
    let string = reader.string()?;
    reader.at_end()?;
    Some(string)
}

/// Any value that consists of texts, numbers, lists and structs of them, as JSON: writing those cannot fail.
#[must_use]
pub fn write<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The struct `head` as a JSON object with one member more, whose `value` is JSON already and goes in byte for
/// byte. `head` has at least one member.
#[must_use]
pub fn with_member<T: Serialize>(head: &T, name: &str, value: &str) -> String {
    let mut text = write(head);
    text.pop();
    text.extend([",\"", name, "\":", value, "}"]);
    text
}

/// Texts that are JSON already, with commas between them.
#[must_use]
pub fn sequence(items: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for item in items {
        let comma = if text.is_empty() { "" } else { "," };
        text.extend([comma, &item]);
    }
    text
}

/// A JSON object of names and texts.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn object(members: &[(&str, String)]) -> String {
    let members = sequence(members.iter().map(|(name, text)| format!("{}:{}", write(name), write(text))));
    format!("{{{members}}}")
}

/// The members of two JSON objects in one, those of `first` first.
#[must_use]
pub fn merge(first: &str, second: &str) -> String {
    let first = first.strip_suffix('}').unwrap_or(first);
    match second.trim_ascii().strip_prefix('{').map(str::trim_ascii_start) {
        Some(members) if !members.starts_with('}') => format!("{first},{members}"),
        _ => format!("{first}}}"),
    }
}

struct Reader<'a> {
    text: &'a str,
    lexer: SliceLexer<'a>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, lexer: SliceLexer::new(text.as_bytes()) }
    }

    /// Items between `open` and `close`, with commas between them.
    fn sequence(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take(close).is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// The text of one value, which is passed over.
    fn value(&mut self) -> Option<&'a str> {
        self.lexer.eat_whitespace();
        let begin = self.position();
        self.pass_value()?;
        self.text.get(begin..self.position())
    }

    fn pass_value(&mut self) -> Option<()> {
        // What closes each of the arrays and objects that are open, innermost last.
        let mut closers = Vec::new();
        loop {
            match self.lexer.ws_peek()? {
                b'"' => self.pass_string()?,
                b'[' | b'{' => {
                    let closer = self.lexer.take_next().map(|open| if open == b'[' { b']' } else { b'}' })?;
                    if self.take(closer).is_none() {
                        closers.push(closer);
                        self.pass_name_after(closer)?;
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => _ = self.lexer.num_ignore().validate().ok()?,
                _ => _ = self.lexer.null_or_bool()?,
            }
            // A value has ended: with it end all that close here, until another value follows.
            loop {
                let Some(&closer) = closers.last() else { return Some(()) };
                if self.take(closer).is_some() {
                    closers.pop();
                    continue;
                }
                self.take(b',')?;
                self.pass_name_after(closer)?;
                break;
            }
        }
    }

    /// In an object, every value has a name before it.
    fn pass_name_after(&mut self, closer: u8) -> Option<()> {
        if closer == b'}' {
            self.lexer.eat_whitespace();
            self.pass_string()?;
            self.take(b':')?;
        }
        Some(())
    }

    /// A member's name. One that holds half a surrogate pair is nobody's name, and is given as it stands.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        self.lexer.eat_whitespace();
        let begin = self.position();
        self.pass_string()?;
        let name = self.text.get(begin..self.position())?;
        self.take(b':')?;
        Some(string(name).unwrap_or(Cow::Borrowed(name)))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        self.lexer.str_string().ok()
    }

    /// Passes over a string. Half a surrogate pair is tolerated where nobody reads it.
    fn pass_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        self.lexer.str_ignore().ok()
    }

    /// Takes `byte`, and the white space before it, if it is what comes next.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.lexer.expect(SliceLexer::ws_peek, byte)
    }

    fn at_end(&mut self) -> Option<()> {
        self.lexer.ws_peek().is_none().then_some(())
    }

    fn position(&self) -> usize {
        self.text.len().saturating_sub(self.lexer.as_slice().len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_empty_but_for, items, members, string};

    /// Members in order, or `None` where the text is no object.
    fn read(text: &str) -> Option<Vec<(String, &str)>> {
        let mut found = Vec::new();
        members(text, |name, value| {
            found.push((name.into_owned(), value));
            Some(())
        })?;
        Some(found)
    }

    #[test]
    fn members_come_in_order_as_they_stand() {
        let text = r#" { "a" : [1, {"b":null}] ,"\u0061":-0.5e+3,"":"x\"}" } "#;
        let expected = [("a", r#"[1, {"b":null}]"#), ("a", "-0.5e+3"), ("", r#""x\"}""#)];
        assert_eq!(read(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn depth_has_no_limit() {
        let depth = 1_000_000;
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(items(&deep).map(|items| items.len()), Some(1));
        assert_eq!(items(&"[".repeat(depth)), None);
    }

    #[test]
    fn half_a_surrogate_pair_is_passed_over_but_not_read() {
        assert_eq!(read(r#"{"a":"\ud800","\ud800":1}"#).map(|members| members.len()), Some(2));
        assert_eq!(string(r#""\ud800""#), None);
        assert_eq!(string(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
    }

    #[test]
    fn an_object_may_be_empty_but_for_one_member() {
        for text in ["{}", r#" {"\u0061":[1]} "#, r#"{"a":null}"#] {
            assert!(is_empty_but_for(text, "a"), "{text}");
        }
        for text in ["", "[]", r#"{"a":1,"a":2}"#, r#"{"a":1,"b":2}"#, r#"{"b":1}"#, r#"{"a":1"#, r#"{"a":1}x"#] {
            assert!(!is_empty_but_for(text, "a"), "{text}");
        }
    }

    /// Texts that are JSON, nearly JSON, or not at all.
    fn texts() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\\n\"",
            "\"\\u00e9\"",
            "\"",
            "\\",
            "0",
            "-1",
            "1.5e3",
            "01",
            "-",
            "1.",
            "true",
            "null",
            "nul",
            " ",
            "\n",
            "é",
            "\u{7f}",
            "\u{1}",
        ]);
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        /// serde_json is the judge of what JSON is.
        #[test]
        fn agrees_with_serde_json(text in texts()) {
            let judge = serde_json::from_str::<serde_json::Value>(&text).ok();
            prop_assert_eq!(read(&text).is_some(), judge.as_ref().is_some_and(serde_json::Value::is_object));
            prop_assert_eq!(items(&text).is_some(), judge.as_ref().is_some_and(serde_json::Value::is_array));
            let read = string(&text);
            prop_assert_eq!(read.as_deref(), judge.as_ref().and_then(serde_json::Value::as_str));
            for value in items(&text).unwrap_or_default() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(value).is_ok());
            }
        }
    }
}
