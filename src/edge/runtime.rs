//! runtime.js, as Rust sees it.
//!
//! Every function that takes a `slot` and a `task` begins something and settles the slot when it is done: see
//! [`super::executor`].

use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(raw_module = "./runtime.js")]
extern "C" {
    /// Forgets the calls of an instance that is no more.
    pub fn begin();
    /// A promise of the task's output.
    pub fn promise(task: usize) -> JsValue;
    /// Keeps that promise.
    pub fn answer(task: usize, output: JsValue);

    /// Forgets the promise, because nobody waits for it any more.
    pub fn forget(task: usize);

    /// Now, in Unix ms.
    pub fn now() -> f64;
    /// Rings for the task in so many ms, unless it has been answered by then.
    pub fn alarm(task: usize, ms: f64);
    /// A number from 0 to below 1.
    pub fn random() -> f64;
    /// The Unix ms of a date as HTTP writes it; NaN where it is none.
    pub fn parse_date(text: &str) -> f64;

    /// Method, `Content-Length` (empty where there is none) and URL, on a line each.
    pub fn head(request: &JsValue) -> String;
    pub fn header(request: &JsValue, name: &str) -> Option<String>;
    /// The whole body, as a buffer.
    pub fn body(slot: usize, task: usize, request: &JsValue);
    /// The body, or more than `max` bytes of it, as a buffer.
    pub fn body_up_to(slot: usize, task: usize, request: &JsValue, max: usize);
    /// A buffer's bytes.
    pub fn bytes(buffer: &JsValue) -> Vec<u8>;
    /// A response with these headers, and one more by name and value.
    pub fn respond(
        status: u16,
        body: &JsValue,
        content_type: &JsValue,
        cache_control: &JsValue,
        name: Option<&str>,
        value: Option<&str>,
    ) -> JsValue;
    pub fn respond_without_body(status: u16, cache_control: &JsValue) -> JsValue;
    pub fn wait_until(context: &JsValue, promise: &JsValue);
    /// Writes a log line; 0 is the quietest level, 2 the loudest.
    pub fn log(level: u8, line: &str);

    /// A binding, or undefined.
    pub fn binding(env: &JsValue, name: &str) -> JsValue;
    /// A variable's text; empty where it is neither text nor number nor boolean.
    pub fn variable(env: &JsValue, name: &str) -> Option<String>;

    /// `expiration` in Unix seconds.
    pub fn kv_put(
        slot: usize,
        task: usize,
        namespace: &JsValue,
        key: &str,
        value: &str,
        metadata: &str,
        expiration: Option<f64>,
    );
    /// The text, or null.
    pub fn kv_get(slot: usize, task: usize, namespace: &JsValue, key: &str);
    /// A page of keys, as JSON.
    pub fn kv_list(slot: usize, task: usize, namespace: &JsValue, prefix: &str, limit: usize, cursor: Option<&str>);
    pub fn kv_delete(slot: usize, task: usize, namespace: &JsValue, key: &str);

    /// The text, or undefined.
    pub fn cache_find(slot: usize, task: usize, url: &str);
    pub fn cache_keep(slot: usize, task: usize, url: &str, text: &str, seconds: u32);

    pub fn queue_send(slot: usize, task: usize, queue: &JsValue, text: &str);
    pub fn batch_queue(batch: &JsValue) -> String;
    pub fn batch_messages(batch: &JsValue) -> Vec<JsValue>;
    pub fn message_id(message: &JsValue) -> String;
    /// In Unix ms.
    pub fn message_sent_at(message: &JsValue) -> f64;
    pub fn message_text(message: &JsValue) -> String;
    pub fn message_ack(message: &JsValue);
    pub fn message_retry(message: &JsValue, delay_seconds: u32);

    /// An array of status, `Retry-After` or undefined, and body; or the failure "late". `headers` is a JSON object.
    pub fn origin_post(slot: usize, task: usize, url: &str, headers: &str, body: &[u8], ms: u32, max: usize);
    pub fn origin_status(answer: &JsValue) -> u16;
    pub fn origin_retry_after(answer: &JsValue) -> Option<String>;
    pub fn origin_body(answer: &JsValue) -> Vec<u8>;
}
