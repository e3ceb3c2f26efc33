//! Where a list goes on. A cursor belongs to one query: a checksum over both tells when it comes with another one, or was
//! cut on its way.

use sha2::{Digest as _, Sha256};

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

fn checksum(query: &str, position: &str) -> [u8; CHECKSUM_BYTES] {
    // The length tells the two apart.
    let hash = Sha256::digest(format!("{} {query}{position}", query.len()));
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
