//! Cloudflare KV as a [`Store`]. Its binding is called directly: `worker::KvStore` builds its options through
//! serde-wasm-bindgen, member by member, where one `JSON.parse` does.

use worker::{
    js_sys::{self, JSON, Promise},
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
};

use crate::{
    event::Entry,
    keep::{Put, PutError, Store},
};

#[wasm_bindgen]
extern "C" {
    /// A KV namespace binding; made of any value, of which puts fail where it is none.
    pub type KvNamespace;

    #[wasm_bindgen(method, catch, js_name = put)]
    fn put_text(this: &KvNamespace, key: &str, value: &str, options: &JsValue) -> Result<Promise, JsValue>;
}

impl Store for KvNamespace {
    fn put(&self, entry: &Entry) -> Put {
        let begun = options(entry).and_then(|options| self.put_text(&entry.key, &entry.value, &options));
        Box::pin(async move {
            match begun {
                Ok(promise) => promise.await.map(|_| ()).map_err(|error| put_error(&error)),
                Err(error) => Err(put_error(&error)),
            }
        })
    }
}

/// The third argument of `put`. The metadata is JSON already.
fn options(entry: &Entry) -> Result<JsValue, JsValue> {
    let metadata = &entry.metadata;
    JSON::parse(&match entry.expiration {
        Some(seconds) => format!(r#"{{"metadata":{metadata},"expiration":{seconds}}}"#),
        None => format!(r#"{{"metadata":{metadata}}}"#),
    })
}

/// KV reports "KV PUT failed: 429 Too Many Requests" as the text of an error.
fn put_error(error: &JsValue) -> PutError {
    let asks_for_pause = error.dyn_ref::<js_sys::Error>().is_some_and(|error| error.message().includes("429", 0));
    if asks_for_pause { PutError::TooManyRequests } else { PutError::Failed }
}
