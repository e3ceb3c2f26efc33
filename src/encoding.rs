//! How this Worker's own records, messages and responses become JSON, and are read back.

use serde::{Deserialize, Serialize};

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
