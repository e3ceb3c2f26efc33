//! Cloudflare KV, as what events are put into and read back from. Its binding is called directly: `worker::KvStore`
//! builds its options through serde-wasm-bindgen, member by member, where one `JSON.parse` does.

use worker::{
    js_sys::{self, JSON, Promise},
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
};

use crate::{
    api::shelf::{Page, Shelf, ShelfError},
    event::Entry,
    json,
    keep::{Attempt, AttemptError, Store},
};

#[wasm_bindgen]
extern "C" {
    /// A KV namespace binding; made of any value, of which all calls fail where it is none.
    pub type KvNamespace;

    #[wasm_bindgen(method, catch, js_name = put)]
    fn put_text(this: &KvNamespace, key: &str, value: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_text(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = list)]
    fn list_keys(this: &KvNamespace, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = delete)]
    fn delete_key(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;
}

impl Store for KvNamespace {
    fn put(&self, entry: &Entry) -> Attempt {
        attempt(put_options(entry).and_then(|options| self.put_text(&entry.key, &entry.value, &options)))
    }
}

/// What an engine has begun, or failed to begin, as an attempt.
pub fn attempt(begun: Result<Promise, JsValue>) -> Attempt {
    Box::pin(async move {
        match begun {
            Ok(promise) => promise.await.map(|_| ()).map_err(|error| attempt_error(&error)),
            Err(error) => Err(attempt_error(&error)),
        }
    })
}

/// The third argument of `put`. The metadata is JSON already.
fn put_options(entry: &Entry) -> Result<JsValue, JsValue> {
    let metadata = &entry.metadata;
    JSON::parse(&match entry.expiration {
        Some(seconds) => format!(r#"{{"metadata":{metadata},"expiration":{seconds}}}"#),
        None => format!(r#"{{"metadata":{metadata}}}"#),
    })
}

/// KV reports "KV PUT failed: 429 Too Many Requests" as the text of an error.
fn attempt_error(error: &JsValue) -> AttemptError {
    let asks_for_pause = error.dyn_ref::<js_sys::Error>().is_some_and(|error| error.message().includes("429", 0));
    if asks_for_pause { AttemptError::TooManyRequests } else { AttemptError::Failed }
}

impl Shelf for KvNamespace {
    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, ShelfError> {
        let (prefix, cursor) = (json::write(prefix), json::write(&cursor));
        let options = JSON::parse(&format!(r#"{{"prefix":{prefix},"limit":{limit},"cursor":{cursor}}}"#));
        let begun = options.and_then(|options| self.list_keys(&options));
        // As one text: a crossing for each of a thousand keys costs more than to read them again.
        let listed = JSON::stringify(&settled(begun).await?).map_err(|_| ShelfError)?;
        Page::read(&String::from(listed)).ok_or(ShelfError)
    }

    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        Ok(settled(self.get_text(key)).await?.as_string())
    }

    async fn delete(&self, key: &str) -> Result<(), ShelfError> {
        settled(self.delete_key(key)).await.map(|_| ())
    }
}

async fn settled(begun: Result<Promise, JsValue>) -> Result<JsValue, ShelfError> {
    begun.map_err(|_| ShelfError)?.await.map_err(|_| ShelfError)
}
