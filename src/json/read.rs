//! Reads JSON member by member, without a tree of values: each value is a slice of the text, checked but not decoded.
//!
//! The lexer is hifijson's; what is ours is the order of tokens, without recursion, so that no depth of nesting can
//! exhaust the stack, and the short way through strings that have no escapes.

use std::borrow::Cow;

use hifijson::{SliceLexer, num::Lex as _, str::Lex as _, str::LexAlloc as _, token::Lex as _};

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

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
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
        self.peek()?;
        let from_here = self.rest;
        self.pass_value()?;
        self.passed(from_here)
    }

    fn pass_value(&mut self) -> Option<()> {
        // What closes each of the arrays and objects that are open, innermost last.
        let mut closers = Vec::new();
        loop {
            match self.peek()? {
                b'"' => self.pass_string()?,
                open @ (b'[' | b'{') => {
                    self.take(open)?;
                    let closer = if open == b'[' { b']' } else { b'}' };
                    if self.take(closer).is_none() {
                        closers.push(closer);
                        self.pass_name_after(closer)?;
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => _ = self.lex(|lexer| lexer.num_ignore().validate().ok())?,
                _ => _ = self.lex(SliceLexer::null_or_bool)?,
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
            self.pass_string()?;
            self.take(b':')?;
        }
        Some(())
    }

    /// A member's name. One that holds half a surrogate pair is nobody's name, and is given as it stands.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        self.peek()?;
        let from_here = self.rest;
        let name = match self.plain_string() {
            Some(plain) => Cow::Borrowed(plain),
            None => {
                self.pass_string()?;
                let name = self.passed(from_here)?;
                string(name).unwrap_or(Cow::Borrowed(name))
            }
        };
        self.take(b':')?;
        Some(name)
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        match self.plain_string() {
            Some(plain) => Some(Cow::Borrowed(plain)),
            None => self.take(b'"').and_then(|()| self.lex(|lexer| lexer.str_string().ok())),
        }
    }

    /// Passes over a string. Half a surrogate pair is tolerated where nobody reads it.
    fn pass_string(&mut self) -> Option<()> {
        match self.plain_string() {
            Some(_) => Some(()),
            None => self.take(b'"').and_then(|()| self.lex(|lexer| lexer.str_ignore().ok())),
        }
    }

    /// Takes a string that has no escapes, as most have none. Of any other, and of what is no string, it takes nothing.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.peek()?;
        let text = self.rest.strip_prefix('"')?;
        let end = text.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))?;
        let (plain, rest) = text.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        Some(plain)
    }

    /// Takes `byte`, and the white space before it, if it is what comes next.
    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.rest = self.rest.get(1..)?;
        Some(())
    }

    /// The next byte behind white space, which is passed over.
    fn peek(&mut self) -> Option<u8> {
        let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let length = self.rest.bytes().take_while(space).count();
        self.rest = self.rest.get(length..)?;
        self.rest.bytes().next()
    }

    fn at_end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Has the lexer read on.
    fn lex<T>(&mut self, read: impl FnOnce(&mut SliceLexer<'a>) -> Option<T>) -> Option<T> {
        let mut lexer = SliceLexer::new(self.rest.as_bytes());
        let read = read(&mut lexer)?;
        let left = lexer.as_slice().len();
        self.rest = self.rest.get(self.rest.len().saturating_sub(left)..)?;
        Some(read)
    }

    /// What has been read since `then`, which is what was still to be read at that time.
    fn passed(&self, then: &'a str) -> Option<&'a str> {
        then.get(..then.len().saturating_sub(self.rest.len()))
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
    fn a_string_holds_no_bare_control_character() {
        for byte in 0..=0x7f_u8 {
            let text = format!("\"a{}b\"", char::from(byte));
            assert_eq!(string(&text).is_some(), serde_json::from_str::<String>(&text).is_ok(), "{byte:#x}");
        }
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
