//! Cloudflare KV, as what events are put into and read back from.

use worker::wasm_bindgen::JsValue;

use super::{
    executor::{Promised, Settled},
    runtime,
};
use crate::{
    api::shelf::{Page, Shelf, ShelfError},
    event::Entry,
    keep::{Attempt, AttemptError, Store},
};

/// A KV namespace binding; made of any value, of which all calls fail where it is none.
pub struct KvNamespace(pub JsValue);

impl Store for KvNamespace {
    fn put(&self, entry: &Entry) -> Attempt {
        let Entry { key, value, metadata, expiration } = entry;
        // Seconds are far below 2^53.
        #[allow(clippy::cast_precision_loss)]
        let expiration = expiration.map(|seconds| seconds as f64);
        attempt(Promised::begin(|slot, task| runtime::kv_put(slot, task, &self.0, key, value, metadata, expiration)))
    }
}

/// What an engine has begun, as an attempt.
pub fn attempt(begun: Promised) -> Attempt {
    Box::pin(async move { begun.await.map(|_| ()).map_err(|error| attempt_error(&error)) })
}

/// KV reports "KV PUT failed: 429 Too Many Requests" as the text of an error.
fn attempt_error(error: &JsValue) -> AttemptError {
    // Byte by byte: the library's search for a text in a text brings 3 KB (gzip) of panics with it.
    let asks_for_pause = error.as_string().is_some_and(|text| text.as_bytes().windows(3).any(|part| part == b"429"));
    if asks_for_pause { AttemptError::TooManyRequests } else { AttemptError::Failed }
}

impl Shelf for KvNamespace {
    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, ShelfError> {
        let begun = Promised::begin(|slot, task| runtime::kv_list(slot, task, &self.0, prefix, limit, cursor));
        let listed = text(begun.await)?.ok_or(ShelfError)?;
        Page::read(&listed).ok_or(ShelfError)
    }

    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        text(Promised::begin(|slot, task| runtime::kv_get(slot, task, &self.0, key)).await)
    }

    async fn delete(&self, key: &str) -> Result<(), ShelfError> {
        text(Promised::begin(|slot, task| runtime::kv_delete(slot, task, &self.0, key)).await).map(|_| ())
    }
}

fn text(settled: Settled) -> Result<Option<String>, ShelfError> {
    settled.map(|value| value.as_string()).map_err(|_| ShelfError)
}
