//! UserSig: the signature with which an app's own backend calls Tencent's REST API.
//!
//! It is version 2 of Tencent's scheme (TLSSigAPIv2): an HMAC-SHA-256 with the app's secret key over four named lines, in a JSON
//! object that is compressed with zlib and written in base64 with `*`, `-` and `_` in the place of `+`, `/` and `=`.
//! [Generating UserSig, 1047/34385; the packages `tls-sig-api-v2` of npm and PyPI]

use std::fmt;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{encoding::to_json, webhook::SdkAppId};

/// For how long a UserSig is valid, in seconds. One is made for each call, so that it needs to outlive that call and what two
/// clocks differ by.
pub const VALID_SECONDS: u64 = 600;

/// Fewest and most characters of a secret key. Tencent documents neither; the console's keys have 64 hex digits.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 16..=256;

/// An app's secret key, as the Chat console shows it. Whoever has it can sign as any user, the administrator included. Debug
/// hides it.
#[derive(Clone)]
pub struct SecretKey(String);

impl SecretKey {
    /// Takes the key's text, whose bytes are what signs: it is not decoded.
    ///
    /// # Errors
    /// The rule that `text` breaks, as the rest of a sentence whose subject is the setting. It does not quote `text`.
    pub fn new(text: String) -> Result<Self, &'static str> {
        if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err("must be the app's secret key: letters and digits, without spaces or quotation marks");
        }
        if !KEY_CHARS.contains(&text.len()) {
            return Err("must be the app's secret key: 16 to 256 characters");
        }
        Ok(Self(text))
    }

    /// The UserSig of `user` for `app`, made at `now` (Unix seconds) and valid for `seconds`.
    #[must_use]
    pub fn sign(&self, app: SdkAppId, user: &str, now: u64, seconds: u64) -> String {
        // HMAC takes a key of any length, so this is never empty.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else { return String::new() };
        let lines = format!("TLS.identifier:{user}\nTLS.sdkappid:{app}\nTLS.time:{now}\nTLS.expire:{seconds}\n");
        mac.update(lines.as_bytes());
        let signature = Base64::encode_string(&mac.finalize().into_bytes());
        let user = to_json(user);
        let json = format!(
            r#"{{"TLS.ver":"2.0","TLS.identifier":{user},"TLS.sdkappid":{app},"TLS.expire":{seconds},"TLS.time":{now},"TLS.sig":"{signature}"}}"#
        );
        let escape = |c: char| match c {
            '+' => '*',
            '/' => '-',
            '=' => '_',
            c => c,
        };
        Base64::encode_string(&zlib(json.as_bytes())).chars().map(escape).collect()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

/// A zlib stream of `data`, which has less than 65,536 bytes: one block that is stored as it is. Whatever inflates takes it, and
/// some 300 bytes gain little by compression. [RFC 1950; RFC 1951, section 3.2.4]
fn zlib(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    // Deflate with a window of 32 KiB, and the last block, which is stored.
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    stream.extend(adler32(data).to_be_bytes());
    stream
}

/// The checksum at the end of a zlib stream. [RFC 1950, section 9]
fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in data {
        a = a.wrapping_add(byte.into()).checked_rem(MODULUS).unwrap_or_default();
        b = b.wrapping_add(a).checked_rem(MODULUS).unwrap_or_default();
    }
    b.wrapping_shl(16) | a
}
