//! Reads the members of a JSON object that a webhook's rules name, and passes over all others.
//!
//! Not a derived `Deserialize`: that would take an array for an object, refuse a name that holds half a surrogate pair,
//! and report duplicates of members that nobody reads.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The recognised members of an object, each as its own JSON text; `None` for one that is absent.
pub struct Members<'a, const N: usize> {
    /// In the order of the names that were asked for.
    pub values: [Option<&'a RawValue>; N],
    /// Whether one of them is a duplicate. The last one is in `values`.
    pub has_duplicate: bool,
}

impl<'a, const N: usize> Members<'a, N> {
    /// Reads the members of these `names`; `None` if `text` is not one whole JSON object.
    #[must_use]
    pub fn read(text: &'a str, names: [&str; N]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = Recognised(names).deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(members)
    }

    /// The same, `None` also if one of them is a duplicate.
    #[must_use]
    pub fn read_unique(text: &'a str, names: [&str; N]) -> Option<[Option<&'a RawValue>; N]> {
        Self::read(text, names).filter(|members| !members.has_duplicate).map(|members| members.values)
    }
}

/// Whether `text` is a JSON object without members, or with the member `name` once and no other. Reading stops at the name
/// of the first other one.
#[must_use]
pub fn is_empty_but_for(text: &str, name: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(EmptyBut(name)).unwrap_or_default() && deserializer.end().is_ok()
}

struct Recognised<'n, const N: usize>([&'n str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Recognised<'_, N> {
    type Value = Members<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Recognised<'_, N> {
    type Value = Members<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members { values: [None; N], has_duplicate: false };
        while let Some(at) = map.next_key_seed(NameIndex(&self.0))? {
            match at.and_then(|at| members.values.get_mut(at)) {
                Some(value) => members.has_duplicate |= value.replace(map.next_value()?).is_some(),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(members)
    }
}

struct EmptyBut<'n>(&'n str);

impl<'de> Visitor<'de> for EmptyBut<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with at most one member")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut names = vec![self.0];
        while let Some(at) = map.next_key_seed(NameIndex(&names))? {
            if at.is_none() {
                // Not an error of ours: every event comes here, and the text of an error that nobody reads is the dearest part of it.
                return Ok(false);
            }
            map.next_value::<IgnoredAny>()?;
            names.clear();
        }
        Ok(true)
    }
}

/// Which of these names a member has. It is compared as bytes, because a `String` cannot hold half a surrogate pair.
struct NameIndex<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for NameIndex<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for NameIndex<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| known.as_bytes() == name))
    }
}

/// The value of a member, if it is of type `T`.
#[must_use]
pub fn value<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Members, is_empty_but_for};

    fn read(text: &str) -> Option<([Option<&str>; 2], bool)> {
        let members = Members::read(text, ["a", "b"])?;
        Some((members.values.map(|value| value.map(serde_json::value::RawValue::get)), members.has_duplicate))
    }

    #[test]
    fn members_are_found_by_name_as_they_came() {
        let text = r#" { "b" : [1, {"a":null}] ,"\u0061":-0.5e+3,"":"x\"}" } "#;
        assert_eq!(read(text), Some(([Some("-0.5e+3"), Some(r#"[1, {"a":null}]"#)], false)));
    }

    #[test]
    fn a_duplicate_counts_only_where_it_is_read() {
        assert_eq!(read(r#"{"a":1,"a":2}"#), Some(([Some("2"), None], true)));
        assert_eq!(read(r#"{"c":1,"c":2}"#), Some(([None, None], false)));
        assert!(Members::read_unique(r#"{"a":1,"\u0061":1}"#, ["a"]).is_none());
    }

    #[test]
    fn only_one_whole_object_is_an_object() {
        for text in ["", "[]", r#"["a"]"#, "null", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":1,}"#, r#"{"a":01}"#, "{'a':1}"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn depth_has_no_limit() {
        let depth = 1_000_000;
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(read(&format!(r#"{{"a":{deep},"c":{deep}}}"#)), Some(([Some(deep.as_str()), None], false)));
    }

    #[test]
    fn half_a_surrogate_pair_is_passed_over() {
        assert_eq!(read(r#"{"c":"\ud800","\ud800":1,"a":"\udc00"}"#), Some(([Some(r#""\udc00""#), None], false)));
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
}
