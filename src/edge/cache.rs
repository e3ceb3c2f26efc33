//! Cloudflare's cache, of the place where the Worker runs. It does nothing on workers.dev.

use worker::{
    js_sys::Promise,
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
    web_sys::{Headers, Response, ResponseInit},
};

use crate::api::{PREFIX, shelf::Cache};

#[wasm_bindgen]
extern "C" {
    type DefaultCache;

    #[wasm_bindgen(thread_local_v2, js_namespace = caches, js_name = default)]
    static DEFAULT: DefaultCache;

    #[wasm_bindgen(method, catch, js_name = match)]
    fn find(this: &DefaultCache, url: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &DefaultCache, url: &str, response: &Response) -> Result<Promise, JsValue>;
}

/// The cache that all Workers of a zone share.
pub struct EdgeCache<'a> {
    /// The host that this Worker was called by: it keeps apart the Workers that share the cache.
    pub host: &'a str,
}

impl EdgeCache<'_> {
    /// The URL that stands for a name. Whoever asks for it gets no further than to the API's door.
    fn url(&self, name: &str) -> String {
        format!("https://{}{PREFIX}cached/{name}", self.host)
    }
}

impl Cache for EdgeCache<'_> {
    async fn find(&self, name: &str) -> Option<String> {
        let found = DEFAULT.with(|cache| cache.find(&self.url(name))).ok()?.await.ok()?;
        let response = found.dyn_into::<Response>().ok()?;
        response.text().ok()?.await.ok()?.as_string()
    }

    async fn keep(&self, name: &str, text: &str, seconds: u32) {
        // A cache that does not take it only makes the next call count again.
        if let Ok(kept) = put(&self.url(name), text, seconds) {
            let _ = kept.await;
        }
    }
}

fn put(url: &str, text: &str, seconds: u32) -> Result<Promise, JsValue> {
    let headers = Headers::new()?;
    headers.set("cache-control", &format!("max-age={seconds}"))?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    let response = Response::new_with_opt_str_and_init(Some(text), &init)?;
    DEFAULT.with(|cache| cache.put(url, &response))
}
