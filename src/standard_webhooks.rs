//! Standard Webhooks: how a message is signed, so that whoever gets it can tell who has sent it, and when.
//!
//! [Standard Webhooks, specification 1.0]

use std::{fmt, ops::RangeInclusive};

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a Standard Webhooks secret. [Standard Webhooks, "Symmetric" signatures: 24 to 64 bytes]
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;

/// The secret that a receiver and this Worker share. Debug hides it.
#[derive(Clone)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Takes `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// The rule that `text` breaks, as the rest of a sentence whose subject is the setting.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let bytes = text.strip_prefix("whsec_").and_then(|text| Base64::decode_vec(text).ok());
        let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        bytes.map(Self).ok_or("must be whsec_ and the base64 of 24 to 64 bytes")
    }

    /// The `webhook-signature` of a message sent at `seconds` (Unix time): HMAC-SHA-256 over id, time and body.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: u64, body: &str) -> String {
        // HMAC takes a key of any length, so this is never empty.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(hidden)")
    }
}

/// The headers of a message of this id, body and time (Unix seconds), with a signature by each secret.
#[must_use]
pub fn headers(secrets: &[SigningSecret], id: &str, seconds: u64, body: &str) -> [(&'static str, String); 3] {
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
    [
        ("webhook-signature", signatures.join(" ")),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-id", id.to_owned()),
    ]
}
