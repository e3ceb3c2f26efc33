//! What leaves the Worker: the response and the log line.

use worker::{
    wasm_bindgen::JsValue,
    web_sys::{Headers, Response, ResponseInit, console},
};

use crate::{
    log::Level,
    reply::{CACHE_CONTROL, Reply},
};

/// Builds the response.
pub fn with(reply: &Reply) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    let body = (!reply.body.is_empty()).then_some(&*reply.body);
    let content_type = body.map(|_| ("content-type", reply.content_type));
    let header = reply.header.as_ref().map(|(name, value)| (*name, &**value));
    for (name, value) in [("cache-control", CACHE_CONTROL)].into_iter().chain(content_type).chain(header) {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(body, &init)
}

/// Writes a log line.
pub fn log(level: Level, line: &str) {
    let line = JsValue::from_str(line);
    match level {
        Level::Info => console::log_1(&line),
        Level::Warn => console::warn_1(&line),
        Level::Error => console::error_1(&line),
    }
}
