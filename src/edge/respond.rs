//! What leaves the Worker: the response and the log line.

use std::{borrow::Cow, cell::RefCell};

use worker::wasm_bindgen::JsValue;

use super::runtime;
use crate::{
    log::Level,
    reply::{CACHE_CONTROL, Reply},
};

/// Builds the response.
pub fn with(reply: &Reply) -> JsValue {
    let Reply { status, body, content_type, header } = reply;
    let cache_control = interned(CACHE_CONTROL);
    let body = match body {
        Cow::Borrowed("") => return runtime::respond_without_body(*status, &cache_control),
        Cow::Borrowed(text) => interned(text),
        Cow::Owned(text) => JsValue::from_str(text),
    };
    let (name, value) = header.as_ref().map(|(name, value)| (*name, &**value)).unzip();
    runtime::respond(*status, &body, &interned(content_type), &cache_control, name, value)
}

/// A text that never changes, as JavaScript has it. It crosses only once: each crossing copies and decodes.
fn interned(text: &'static str) -> JsValue {
    thread_local! {
        static TEXTS: RefCell<Vec<(&'static str, JsValue)>> = const { RefCell::new(Vec::new()) };
    }
    TEXTS.with_borrow_mut(|texts| match texts.iter().find(|(known, _)| std::ptr::eq(*known, text)) {
        Some((_, value)) => value.clone(),
        None => {
            let value = JsValue::from_str(text);
            texts.push((text, value.clone()));
            value
        }
    })
}

/// Writes a log line.
pub fn log(level: Level, line: &str) {
    let level = match level {
        Level::Info => 0,
        Level::Warn => 1,
        Level::Error => 2,
    };
    runtime::log(level, line);
}
