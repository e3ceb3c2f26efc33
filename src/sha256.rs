//! SHA-256. Everything but a delivery's HMAC is hashed here: each other place would hold a copy of the library's code.

use sha2::{Digest as _, Sha256};

/// The hash of all `parts`, one after the other without a mark between them.
#[must_use]
pub fn sha256(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
