//! Standard Webhooks: how a message is signed, so that whoever gets it can tell who has sent it, and when.
//!
//! [Standard Webhooks, specification 1.0]

use std::{fmt, ops::RangeInclusive};

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::webhook::auth::is_invisible;

/// Bytes of a Standard Webhooks secret. [Standard Webhooks, "Symmetric" signatures: 24 to 64 bytes]
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// Marks that a shell or a file has around a text, and that are no part of it.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// The secret that a receiver and this Worker share. Debug hides it.
#[derive(Clone)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Takes `whsec_` and the base64 of 24 to 64 bytes: padded, of the standard alphabet (RFC 4648, section 4), and nothing before
    /// or after it. What else one library of Standard Webhooks takes, another refuses.
    ///
    /// # Errors
    /// The first rule that `text` breaks, as the rest of a sentence whose subject is the setting. It does not quote `text`.
    pub fn new(text: &str) -> Result<Self, String> {
        let bytes = decode(after_prefix(text)?)?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            let (least, most) = (SECRET_BYTES.start(), SECRET_BYTES.end());
            return Err(format!("must be {PREFIX} and the base64 of {least} to {most} bytes: it has {}", bytes.len()));
        }
        Ok(Self(bytes))
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

/// What is behind the prefix of a secret, which has no white space, or the rule that it breaks.
fn after_prefix(text: &str) -> Result<&str, String> {
    if text.trim_matches(is_invisible).contains(['\r', '\n']) {
        return Err(
            "must be one line: openssl breaks the base64 of more than 48 bytes into several; take 32 bytes".to_owned()
        );
    }
    if text.starts_with(is_invisible) || text.ends_with(is_invisible) {
        return Err("must not begin or end with white space or an invisible character".to_owned());
    }
    if text.contains(is_invisible) {
        return Err("must not have white space or an invisible character in it".to_owned());
    }
    if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        return Err("must not have quotation marks around it".to_owned());
    }
    let Some(base64) = text.strip_prefix(PREFIX) else {
        let is_capital = text.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        return Err(format!("must begin with {PREFIX}{}", if is_capital { ", in lower case" } else { "" }));
    };
    if base64.starts_with(PREFIX) {
        return Err(format!("must begin with {PREFIX} once, not twice"));
    }
    Ok(base64)
}

/// The bytes of padded base64, or the rule that it breaks.
fn decode(base64: &str) -> Result<Vec<u8>, String> {
    let digits = base64.trim_end_matches('=');
    if digits.contains(['-', '_']) {
        return Err("must be standard base64, with + and / where URL-safe base64 has - and _".to_owned());
    }
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/') {
        return Err(format!("must have base64 after {PREFIX}: letters, digits, + and /, and = only at the end"));
    }
    let padding = match digits.len() % 4 {
        0 => "",
        1 => return Err("must be complete base64: a character is missing, or is too many".to_owned()),
        2 => "==",
        _ => "=",
    };
    if base64.len().saturating_sub(digits.len()) != padding.len() {
        let needed = if padding.is_empty() { "no =, after this many characters" } else { padding };
        return Err(format!("must be base64 with its padding: it has to end with {needed}"));
    }
    Base64::decode_vec(base64)
        .map_err(|_| "must be complete base64: no base64 ends with its last character before the padding".to_owned())
}
