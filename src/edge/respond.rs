//! What leaves the Worker: the response and the log line.

use worker::wasm_bindgen::JsValue;

use super::runtime;
use crate::{
    log::Level,
    reply::{CACHE_CONTROL, Reply},
};

/// Builds the response.
pub fn with(reply: &Reply) -> JsValue {
    let body = (!reply.body.is_empty()).then_some(&*reply.body);
    let (name, value) = reply.header.as_ref().map(|(name, value)| (*name, &**value)).unzip();
    runtime::respond(reply.status, body, reply.content_type, CACHE_CONTROL, name, value)
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
