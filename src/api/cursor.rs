//! Where a list goes on. A cursor belongs to one query: a checksum over both tells when it comes with another one, or was
//! cut on its way.

use crate::hash::sha256;

use super::{parameters::Cursor, problem::Problem};

/// How much of the hash is in a cursor: enough to catch an accident. Anyone who has the admin token may ask for
/// anything.
const CHECKSUM_BYTES: usize = 8;

/// A cursor of `query`, with the position where it goes on: hex digits.
#[must_use]
pub fn write(query: &str, position: &str) -> String {
    let mut bytes = checksum(query, position).to_vec();
    bytes.extend(position.as_bytes());
    hex::encode(bytes)
}

/// The position of a cursor; `None` if it is no cursor, or one of another query.
#[must_use]
pub fn read(query: &str, cursor: &str) -> Option<String> {
    let bytes = hex::decode(cursor).ok()?;
    let (sum, position) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    let position = str::from_utf8(position).ok().filter(|position| checksum(query, position) == sum)?;
    Some(position.to_owned())
}

/// A page of at most `limit` items, of rows that are one more if there is a next page; and whether there is one.
#[must_use]
pub fn page<T>(mut rows: Vec<T>, limit: u64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_next = rows.len() > limit;
    rows.truncate(limit);
    (rows, has_next)
}

/// A position in a list of KV's keys.
#[derive(Default)]
pub struct KvPosition {
    /// KV's own cursor; `None` at the beginning. KV cannot start after a key.
    pub list: Option<String>,
    /// The last id of this list that is done.
    pub after: String,
}

impl KvPosition {
    /// The cursor of the next page of the keys with this prefix, if KV has one.
    #[must_use]
    pub fn next(list: Option<String>, prefix: &str) -> Option<Cursor> {
        list.map(|list| Self { list: Some(list), ..Self::default() }.write(prefix))
    }

    /// The cursor of the keys with this prefix that goes on here.
    #[must_use]
    pub fn write(&self, prefix: &str) -> Cursor {
        Cursor(write(prefix, &self.text()))
    }

    /// Where the list of these keys goes on: at its beginning without a cursor.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for a cursor of other keys, and for what is no cursor.
    pub fn read(cursor: Option<&Cursor>, prefix: &str) -> Result<Self, Problem> {
        Ok(Cursor::position(cursor, prefix, Self::of_text)?.unwrap_or_default())
    }

    /// Its text. Neither an id nor a cursor of KV's contains a space.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.after, self.list.as_deref().unwrap_or_default())
    }

    /// Reads what [`KvPosition::text`] has written; `None` for any other text.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (after, list) = text.split_once(' ')?;
        Some(Self { list: Some(list.to_owned()).filter(|list| !list.is_empty()), after: after.to_owned() })
    }
}

fn checksum(query: &str, position: &str) -> [u8; CHECKSUM_BYTES] {
    // The length tells the two apart.
    let hash = sha256(format!("{} {query}{position}", query.len()));
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
