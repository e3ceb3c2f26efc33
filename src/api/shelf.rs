//! What the API reads from and writes to besides the queue: the namespace with its lists, and a cache.

use std::future::Future;

use crate::json;

/// Most keys that one list holds. [KV: 1,000]
pub const LIST_MAX: usize = 1000;

/// A key of the store, with its metadata as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The metadata; an empty object where there is none.
    pub metadata: String,
}

/// A page of the store's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The keys, ascending.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

impl Page {
    /// Reads what KV answers to a `list`, as JSON. `None` where it has another form.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (mut keys, mut cursor) = (None, None);
        json::members(text, |name, value| {
            match &*name {
                "keys" => keys = Some(value),
                // Absent, or null, at the end.
                "cursor" => cursor = json::string(value).filter(|cursor| !cursor.is_empty()),
                _ => {}
            }
            Some(())
        })?;
        let keys = json::items(keys?)?.into_iter().map(Listed::read).collect::<Option<_>>()?;
        Some(Self { keys, cursor: cursor.map(Into::into) })
    }
}

impl Listed {
    fn read(item: &str) -> Option<Self> {
        let (mut key, mut metadata) = (None, "{}");
        json::members(item, |name, value| {
            match &*name {
                "name" => key = json::string(value),
                // Every key of ours has metadata; one that somebody put there by hand may have none, or no object.
                "metadata" if value.starts_with('{') => metadata = value,
                _ => {}
            }
            Some(())
        })?;
        Some(Self { key: key?.into_owned(), metadata: metadata.to_owned() })
    }
}

/// The store did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfError;

/// Where events and dead letters are read back.
pub trait Shelf {
    /// Lists at most `limit` keys (1 to [`LIST_MAX`]) that begin with `prefix`, from `cursor` on.
    fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> impl Future<Output = Result<Page, ShelfError>>;

    /// The text stored under `key`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, ShelfError>>;

    /// Forgets `key`, if it is there.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), ShelfError>>;
}

/// Answers kept for a while where they were asked for. It may forget at any time.
pub trait Cache {
    /// The text that was kept under `name`, if it still is.
    fn find(&self, name: &str) -> impl Future<Output = Option<String>>;

    /// Keeps `text` under `name` for so many seconds.
    fn keep(&self, name: &str, text: &str, seconds: u32) -> impl Future<Output = ()>;
}
