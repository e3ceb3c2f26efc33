//! Cloudflare KV, as what events are put into and read back from.

use serde::Serialize;
use worker::{
    Env,
    js_sys::{Array, JSON, Map, Promise, Reflect},
    kv::ListResponse,
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
};

use super::error_text;
use crate::{
    encoding::to_json,
    event::Entry,
    storage::{self, Attempt, AttemptError, Listed, Page, StoreError},
};

#[wasm_bindgen]
extern "C" {
    // Not `worker::KvStore`, for two reasons: its `put` copies the metadata member by member, and it calls functions
    // through `Function.call`, which a service that stands in for KV, as in our tests, does not have.
    #[derive(Clone)]
    type KvNamespace;

    #[wasm_bindgen(method, catch)]
    fn put(this: &KvNamespace, key: &str, value: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn get(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_all(this: &KvNamespace, keys: &Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn list(this: &KvNamespace, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;
}

/// A KV namespace; without a binding, one whose calls all fail.
pub struct Kv {
    namespace: Option<KvNamespace>,
}

impl Kv {
    /// The namespace that is bound to `name`, if there is one.
    pub fn bound(env: &Env, name: &str) -> Self {
        let namespace = Reflect::get(env, &name.into()).ok().filter(JsValue::is_object);
        Self { namespace: namespace.map(JsCast::unchecked_into) }
    }

    async fn call(&self, begin: impl FnOnce(&KvNamespace) -> Result<Promise, JsValue>) -> Result<JsValue, StoreError> {
        let namespace = self.namespace.as_ref().ok_or(StoreError::Failed)?;
        let begun = begin(namespace).map_err(|error| store_error(&error))?;
        JsFuture::from(begun).await.map_err(|error| store_error(&error))
    }
}

/// What KV reports on the free plan, as in "KV put() limit exceeded for the day."
const DAY_LIMIT: &str = "limit exceeded for the day";

fn store_error(error: &JsValue) -> StoreError {
    if error_text(error).contains(DAY_LIMIT) { StoreError::DayLimit } else { StoreError::Failed }
}

/// KV reports "KV PUT failed: 429 Too Many Requests" as the text of an error, for a key that was written less than a second
/// ago.
fn attempt_error(error: &JsValue) -> AttemptError {
    let text = error_text(error);
    if text.contains(DAY_LIMIT) {
        AttemptError::Unavailable
    } else if text.contains("429") {
        AttemptError::TooManyRequests
    } else {
        AttemptError::Failed
    }
}

#[derive(Serialize)]
struct ListOptions<'a> {
    prefix: &'a str,
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl storage::Kv for Kv {
    fn put(&self, entry: &Entry) -> Attempt {
        let Entry { key, value, metadata, expiration } = entry;
        let expiration =
            expiration.map(|seconds| [r#","expiration":"#, &seconds.to_string()].concat()).unwrap_or_default();
        let options = [r#"{"metadata":"#, metadata, &expiration, "}"].concat();
        let begun = self.namespace.as_ref().map(|namespace| namespace.put(key, value, &JSON::parse(&options)?));
        Box::pin(async move {
            let promise = begun.ok_or(AttemptError::Failed)?.map_err(|error| attempt_error(&error))?;
            JsFuture::from(promise).await.map(|_| ()).map_err(|error| attempt_error(&error))
        })
    }

    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page, StoreError> {
        let options = to_json(&ListOptions { prefix, limit, cursor });
        let listed = self.call(|namespace| namespace.list(&JSON::parse(&options)?)).await?;
        // As one text: to cross for each member of a thousand keys would cost more than to read them again.
        let listed = JSON::stringify(&listed).map(String::from).map_err(|_| StoreError::Failed)?;
        let listed: ListResponse = serde_json::from_str(&listed).map_err(|_| StoreError::Failed)?;
        let keys = listed.keys.into_iter().map(|key| Listed {
            key: key.name,
            metadata: key.metadata.unwrap_or_default(),
            expiration: key.expiration,
        });
        // Absent, or empty, at the end.
        Ok(Page { keys: keys.collect(), cursor: listed.cursor.filter(|cursor| !cursor.is_empty()) })
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.call(|namespace| namespace.get(key)).await?.as_string())
    }

    async fn get_all(&self, keys: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        let names: Vec<_> = keys.iter().map(JsValue::from).collect();
        let found = self.call(|namespace| namespace.get_all(&names.iter().collect())).await?;
        let found: Map = found.dyn_into().map_err(|_| StoreError::Failed)?;
        Ok(names.iter().map(|name| found.get(name).as_string()).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call(|namespace| namespace.delete(key)).await.map(|_| ())
    }
}
