//! Where a list goes on. KV cannot start after a key, so a cursor holds the place among the prefixes, KV's own cursor in
//! it, and the last id that was given out of what is listed from there on.
//!
//! It belongs to one query: a checksum over both tells when it comes with another one, or was cut on its way.

use sha2::{Digest as _, Sha256};

/// How much of the hash is in a cursor: enough to catch an accident. Anyone who has the admin token may ask for
/// anything.
const CHECKSUM_BYTES: usize = 8;

/// What separates the parts; neither an id nor a number holds it, and KV's cursor is the last part.
const MARK: char = ' ';

/// Where a list goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Which of the prefixes comes next.
    pub place: usize,
    /// The last id that was given out; empty before the first. A KV list may begin before it: where not all of one was given
    /// out, and where new events have come into it since.
    pub after: String,
    /// KV's own cursor; `None` at the beginning of a prefix.
    pub kv: Option<String>,
}

impl Cursor {
    /// The cursor as text: hex digits.
    #[must_use]
    pub fn write(&self, query: &str) -> String {
        let kv = self.kv.as_deref().unwrap_or_default();
        let parts = format!("{}{MARK}{}{MARK}{kv}", self.place, self.after);
        let mut bytes = checksum(query, &parts).to_vec();
        bytes.extend(parts.as_bytes());
        hex::encode(bytes)
    }

    /// Reads a cursor; `None` where it is none, or one to another query.
    #[must_use]
    pub fn read(text: &str, query: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        let (sum, parts) = bytes.split_at_checked(CHECKSUM_BYTES)?;
        let parts = str::from_utf8(parts).ok().filter(|parts| checksum(query, parts) == sum)?;
        let mut split = parts.splitn(3, MARK);
        let place = split.next()?.parse().ok()?;
        let after = split.next()?.to_owned();
        let kv = split.next().filter(|kv| !kv.is_empty()).map(str::to_owned);
        Some(Self { place, after, kv })
    }
}

fn checksum(query: &str, parts: &str) -> [u8; CHECKSUM_BYTES] {
    // The length tells the two apart.
    let hash = Sha256::digest(format!("{} {query}{parts}", query.len()));
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
