//! The app's own backend: where it is, what is sent to it, and what comes back.
//!
//! Two things are sent: deliveries of Follow events, by way of the queue (see [`crate::deliver`]), and all other
//! webhooks, inside the call (see [`crate::relay`]).

use std::{fmt, future::Future};

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::routes::Target;

/// Bytes of a Standard Webhooks secret. [Standard Webhooks, "Symmetric" signatures: 24 to 64 bytes]
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The URL of the app's backend: https, or http to this very machine; without query, fragment or credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl(String);

impl OriginUrl {
    /// Takes a URL that is as the type says.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        let plain =
            text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'@' | b'\\' | b'"' | b'<' | b'>'));
        let http = text.starts_with("https://") || text.starts_with("http://");
        let target = Target::of(&text);
        (plain && http && !target.host.is_empty() && target.is_confidential()).then_some(Self(text))
    }

    /// This URL with a query.
    #[must_use]
    pub fn with_query(&self, query: &str) -> String {
        if query.is_empty() { self.0.clone() } else { format!("{}?{query}", self.0) }
    }
}

/// How deliveries are signed besides Tencent's own way.
#[derive(Clone, Debug)]
pub enum OriginSigning {
    /// Not at all: there is no `ORIGIN_SECRET`.
    Off,
    /// As the Standard Webhooks specification says.
    On(OriginSecret),
    /// `ORIGIN_SECRET` is broken: nothing is delivered until it is mended, because the backend would have to
    /// refuse it.
    Broken,
}

/// The secret that the backend and this Worker share. Debug hides it.
#[derive(Clone)]
pub struct OriginSecret(Vec<u8>);

impl OriginSecret {
    /// Takes `whsec_` and the base64 of 24 to 64 bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let bytes = Base64::decode_vec(text.strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
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

impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginSecret(hidden)")
    }
}

/// A POST to the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRequest<'a> {
    /// Where to, query included.
    pub url: String,
    /// Headers by name.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as it goes out.
    pub body: &'a [u8],
    /// How long it may take in all, in ms.
    pub within_ms: u64,
    /// Most bytes that are read of the answer's body; 0 reads none.
    pub answer_max: usize,
}

/// What the origin answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginAnswer {
    /// The HTTP status; redirects are never followed.
    pub status: u16,
    /// How long `Retry-After` asks to wait, in seconds from now.
    pub retry_after: Option<u64>,
    /// The body, as far as it was asked for.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// It did not come in time.
    Late,
    /// The origin could not be reached, or broke off.
    Unreachable,
    /// The answer is longer than allowed.
    TooLarge,
}

impl OriginError {
    /// Its name in logs and dead letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "timeout",
            Self::Unreachable => "unreachable",
            Self::TooLarge => "too_large",
        }
    }
}

/// Why a webhook was not relayed, or its answer not handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFault {
    /// The backend did not answer in time.
    Late,
    /// The backend could not be reached, or broke off.
    Unreachable,
    /// It answered with a redirect, which is not followed.
    Redirect,
    /// Its answer is not JSON.
    NotJson,
    /// Its answer is longer than is handed back.
    TooLarge,
}

impl From<OriginError> for RelayFault {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Late => Self::Late,
            OriginError::Unreachable => Self::Unreachable,
            OriginError::TooLarge => Self::TooLarge,
        }
    }
}

/// The way to the origin.
pub trait Origin {
    /// Posts `request` and waits for the answer.
    fn post(&self, request: OriginRequest<'_>) -> impl Future<Output = Result<OriginAnswer, OriginError>>;
}
