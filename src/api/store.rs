//! What the API reads from and writes to besides the queue: the namespace with its lists.

use std::future::Future;

use serde_json::Value;

/// Most keys that one list holds. [KV: 1,000]
pub const LIST_MAX: usize = 1000;

/// A key of the store, with its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The metadata; null where there is none.
    pub metadata: Value,
}

/// A page of the store's keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The keys, ascending.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// The store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

/// Where events and dead letters are read back.
pub trait StoreReader {
    /// Lists at most `limit` keys (1 to [`LIST_MAX`]) that begin with `prefix`, from `cursor` on.
    fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> impl Future<Output = Result<Page, StoreError>>;

    /// The text stored under `key`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StoreError>>;

    /// Forgets `key`, if it is there.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>>;
}
