//! Writes JSON: objects by [`object`], with which a call takes the wasm a seventh less time than with serde's derived code;
//! what is nested, and what has escapes, by serde_json.

use std::borrow::Cow;

use serde::Serialize;

use crate::text::push_number;

/// Any value that consists of texts, numbers, lists and structs of them, as JSON: writing those cannot fail.
#[must_use]
pub fn write<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes a JSON object: its names are literals, its values anything that is a [`Value`]. A member whose name has a `?`
/// behind it is left out where its value is `None`; the first one has none.
macro_rules! object {
    ($first:literal: $value:expr, $($rest:tt)*) => {{
        let mut text = String::with_capacity($crate::json::OBJECT_ROOM);
        text.push_str(concat!("{\"", $first, "\":"));
        $crate::json::Value::write_to(&$value, &mut text);
        $crate::json::object!(@rest text $($rest)*);
        text.push('}');
        text
    }};
    (@rest $text:ident) => {};
    (@rest $text:ident $name:literal: $value:expr, $($rest:tt)*) => {
        $text.push_str(concat!(",\"", $name, "\":"));
        $crate::json::Value::write_to(&$value, &mut $text);
        $crate::json::object!(@rest $text $($rest)*);
    };
    (@rest $text:ident $name:literal?: $value:expr, $($rest:tt)*) => {
        if let Some(value) = &$value {
            $text.push_str(concat!(",\"", $name, "\":"));
            $crate::json::Value::write_to(value, &mut $text);
        }
        $crate::json::object!(@rest $text $($rest)*);
    };
}

pub(crate) use object;

/// Room, in bytes, for an object: most records fit.
pub const OBJECT_ROOM: usize = 1024;

/// What a member of an [`object`] may be.
pub trait Value {
    /// Writes it to the end of `text`.
    fn write_to(&self, text: &mut String);
}

/// JSON already: it goes in byte for byte.
pub struct Raw<'a>(pub &'a str);

impl Value for Raw<'_> {
    fn write_to(&self, text: &mut String) {
        text.push_str(self.0);
    }
}

impl Value for str {
    fn write_to(&self, text: &mut String) {
        // Most texts have nothing to escape.
        if self.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\')) {
            text.push('"');
            text.push_str(self);
            text.push('"');
        } else {
            text.push_str(&write(self));
        }
    }
}

impl Value for String {
    fn write_to(&self, text: &mut String) {
        str::write_to(self, text);
    }
}

impl Value for Cow<'_, str> {
    fn write_to(&self, text: &mut String) {
        str::write_to(self, text);
    }
}

impl Value for u64 {
    fn write_to(&self, text: &mut String) {
        push_number(text, *self);
    }
}

impl Value for u16 {
    fn write_to(&self, text: &mut String) {
        u64::from(*self).write_to(text);
    }
}

impl Value for usize {
    fn write_to(&self, text: &mut String) {
        (*self as u64).write_to(text);
    }
}

impl Value for bool {
    fn write_to(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn write_to(&self, text: &mut String) {
        T::write_to(self, text);
    }
}

impl<T: Value> Value for Option<T> {
    fn write_to(&self, text: &mut String) {
        match self {
            Some(value) => value.write_to(text),
            None => text.push_str("null"),
        }
    }
}

impl<T: Value> Value for [T] {
    fn write_to(&self, text: &mut String) {
        for (at, item) in self.iter().enumerate() {
            text.push(if at == 0 { '[' } else { ',' });
            item.write_to(text);
        }
        text.push_str(if self.is_empty() { "[]" } else { "]" });
    }
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
pub fn texts(members: &[(&str, String)]) -> String {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Value;

    fn written(value: &(impl Value + ?Sized)) -> String {
        let mut text = String::new();
        value.write_to(&mut text);
        text
    }

    #[test]
    fn an_object_has_its_members_in_order_and_leaves_out_what_may_be() {
        let text = crate::json::object! {
            "a": "x",
            "b"?: None::<u64>,
            "c"?: Some(7_u16),
            "d": None::<&str>,
            "e": ["y", "z"].as_slice(),
            "f": [0_u64; 0].as_slice(),
            "g": super::Raw("{ }"),
            "h": true,
        };
        assert_eq!(text, r#"{"a":"x","c":7,"d":null,"e":["y","z"],"f":[],"g":{ },"h":true}"#);
    }

    proptest! {
        /// serde_json is the judge of what has to be escaped.
        #[test]
        fn a_text_is_written_as_serde_json_does(text in r#"[\x00-\x7f]{0,4}|["\\/é\x1f \x7f]{0,4}|.{0,8}"#) {
            prop_assert_eq!(written(text.as_str()), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn a_number_is_written_in_decimal(number: u64) {
            prop_assert_eq!(written(&number), number.to_string());
        }
    }
}
