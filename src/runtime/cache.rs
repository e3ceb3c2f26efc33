//! Cloudflare's cache, of the place where the Worker runs. It does nothing on workers.dev.

use worker::{Headers, Response};

use crate::api::{PREFIX, store::Cache};

/// The cache that all Workers of a zone share.
pub struct EdgeCache<'a> {
    /// The host that this Worker was called by: it tells apart the Workers that share the cache.
    pub host: &'a str,
}

impl EdgeCache<'_> {
    /// The URL that stands for a name. A request for it meets the API, and its token.
    fn url(&self, name: &str) -> String {
        format!("https://{}{PREFIX}cached/{name}", self.host)
    }
}

// A cache that fails only makes the next call count again.
impl Cache for EdgeCache<'_> {
    async fn find(&self, name: &str) -> Option<String> {
        let found = worker::Cache::default().get(self.url(name), false).await;
        found.ok().flatten()?.text().await.ok()
    }

    async fn store(&self, name: &str, text: &str, seconds: u32) {
        let Ok(response) = Response::ok(text) else { return };
        let headers = Headers::from_iter([("cache-control", &*format!("max-age={seconds}"))]);
        let _ = worker::Cache::default().put(self.url(name), response.with_headers(headers)).await;
    }
}
