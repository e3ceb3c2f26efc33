//! SHA-256, and how several texts become the one that is hashed.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of these bytes.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    // There once, and not for each caller: an isolate's first call waits until it is compiled.
    #[inline(never)]
    fn of(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
    of(bytes.as_ref())
}

/// The SHA-256 of these bytes as 64 hex digits.
#[must_use]
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(sha256(bytes))
}

/// These texts as netstrings (`<length>:<bytes>,`) one after the other, so that no two rows of them are the same text.
#[must_use]
pub fn netstrings<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for text in texts {
        for part in [&*text.len().to_string(), ":", text, ","] {
            all.push_str(part);
        }
    }
    all
}
