//! serde_json's `Value` as a second reader of the JSON that the Worker accepts.

use serde_json::{Value, error::Category};

/// What `Value` gives up on and the Worker does not, where nobody reads it: deep nesting, numbers that no float holds, and half
/// a surrogate pair.
const TOO_MUCH_FOR_VALUE: [&str; 4] = [
    "recursion limit exceeded",
    "number out of range",
    "lone leading surrogate in hex escape",
    "unexpected end of hex escape",
];

/// Reads what the Worker has accepted. `None` where `Value` gives up although the text is JSON; panics where it is not JSON.
pub fn read(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let why = error.to_string();
            let gives_up =
                error.classify() == Category::Syntax && TOO_MUCH_FOR_VALUE.iter().any(|it| why.starts_with(it));
            assert!(gives_up, "accepted, but not JSON: {why}: {text}");
            None
        }
    }
}

/// A text that is neither absent nor empty.
pub fn non_empty(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Whether `time` is the `EventTime` that `value` stands for, in Unix ms.
pub fn is_event_time(value: &Value, time: u64) -> bool {
    let is_time = |read: u64| time == if read <= 9_999_999_999 { read * 1000 } else { read };
    match value {
        Value::String(digits) => digits.len() <= 13 && digits.parse().is_ok_and(is_time),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(read), _) => is_time(read),
            // `Value` may be off by one in the last place of a float.
            (None, Some(read)) => is_time(read.round() as u64),
            (None, None) => false,
        },
        _ => false,
    }
}
