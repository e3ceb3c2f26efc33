//! What leaves the Worker: the response and the log line.

use worker::{
    wasm_bindgen::JsValue,
    web_sys::{Headers, Response, ResponseInit, console},
};

use crate::{
    log::Level,
    reply::{HEADERS, Reply},
};

/// Builds the response.
pub fn with(reply: &Reply) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in HEADERS.into_iter().chain(reply.header) {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(Some(&reply.body), &init)
}

/// Writes the log line of a call.
pub fn log((level, line): &(Level, String)) {
    let line = JsValue::from_str(line);
    match level {
        Level::Info => console::log_1(&line),
        Level::Warn => console::warn_1(&line),
        Level::Error => console::error_1(&line),
    }
}
