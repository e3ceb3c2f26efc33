//! How this Worker's own records, messages and responses become JSON, and are read back.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value as JSON. What it is used for consists of texts, numbers, lists and structs of them, and writing those cannot fail.
#[must_use]
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads a struct from a JSON object; `None` for any other text. serde alone would take an array for a struct.
#[must_use]
pub fn from_json_object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// A time in Unix ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

/// A stored word, which another version of this Worker may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredWord<T> {
    /// One that this version knows.
    Known(T),
    /// Any other.
    Unknown,
}

/// What the API shows of a stored word that it does not know.
pub const UNKNOWN: &str = "unknown";

impl<T: FromStr> StoredWord<T> {
    /// Reads a stored word.
    #[must_use]
    pub fn read(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::Known)
    }
}

impl<T> StoredWord<T> {
    /// What a word that is known stands for.
    pub fn map<U>(self, show: impl FnOnce(T) -> U) -> StoredWord<U> {
        match self {
            Self::Known(word) => StoredWord::Known(show(word)),
            Self::Unknown => StoredWord::Unknown,
        }
    }
}

impl<'de, T: FromStr> Deserialize<'de> for StoredWord<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::read(&text))
    }
}

impl<T: Copy + Into<&'static str>> Serialize for StoredWord<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match *self {
            Self::Known(word) => word.into(),
            Self::Unknown => UNKNOWN,
        })
    }
}

/// A word of an enum, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Copy + Into<&'static str>> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.into())
    }
}

/// The words of an enum with a comma between them, and a conjunction before the last: `unfollow or follow`.
#[must_use]
pub fn list_words<T: Copy + Into<&'static str>>(words: &[T], conjunction: &str) -> String {
    join_words(&words.iter().map(|&word| word.into()).collect::<Vec<_>>(), conjunction)
}

fn join_words(words: &[&str], conjunction: &str) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
        None => String::new(),
    }
}
