//! Cloudflare's cache, of the place where the Worker runs. It does nothing on workers.dev.

use super::{executor::Promised, runtime};
use crate::api::{PREFIX, shelf::Cache};

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

// A cache that fails only makes the next call count again.
impl Cache for EdgeCache<'_> {
    async fn find(&self, name: &str) -> Option<String> {
        let begun = Promised::begin(|slot, task| runtime::cache_find(slot, task, &self.url(name)));
        begun.await.ok()?.as_string()
    }

    async fn keep(&self, name: &str, text: &str, seconds: u32) {
        let begun = Promised::begin(|slot, task| runtime::cache_keep(slot, task, &self.url(name), text, seconds));
        let _ = begun.await;
    }
}
