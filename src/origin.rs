//! The app's own backend: where it is, what is sent to it, and what comes back.
//!
//! Two things are sent: deliveries of Follow events, by way of the queue (see [`crate::delivery::consumer`]), and all other
//! webhooks, inside the call (see [`crate::receive::relay`]).

use std::{borrow::Cow, cell::Cell, fmt, future::Future, time::UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use strum::{EnumString, IntoStaticStr, VariantArray};
use url::{Host, ParseError, SyntaxViolation, Url};

use crate::encoding::from_json_object;

/// Bytes of a Standard Webhooks secret. [Standard Webhooks, "Symmetric" signatures: 24 to 64 bytes]
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A header of all that this Worker sends to the origin. A call that carries it has come back: `ORIGIN_URL` leads to this
/// Worker.
pub const HOP_HEADER: &str = "unfollow-webhook-hop";

/// The status that such a call gets. [RFC 5842: Loop Detected]
pub const LOOP_STATUS: u16 = 508;

/// The rule for a port, which parsing checks but for 0.
const PORT_RULE: &str = "must have a port from 1 to 65535, or none";

/// The URL of the app's backend: https, or http on a loopback host; without user info, query and fragment; no IP address
/// other than loopback.
///
/// What is stored is not the setting's text but its normalised form, [`Url::as_str`]: the path is never empty, the host is
/// in lower case, an IPv4 address has four decimal numbers. So `fetch` gets exactly what was checked here, and a query
/// can be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl(String);

impl OriginUrl {
    /// Reads a URL that is as the type says. `ascii_host` writes the name of a host in ASCII, or says that it is no valid one: see
    /// [`crate::ports::Environment`].
    ///
    /// # Errors
    /// The rule that `text` breaks, as a sentence whose subject is the setting. It does not quote `text`, which may contain
    /// a password.
    pub fn new(text: &str, ascii_host: impl FnOnce(&str) -> Option<String>) -> Result<Self, &'static str> {
        const HOST_RULE: &str = "must be an absolute URL with a valid host";
        let text = &*with_ascii_host(text, ascii_host).ok_or(HOST_RULE)?;
        // A URL parser repairs much: it drops spaces, turns `\` into `/` and finds a host in `https:///x`. In a setting,
        // such text is more likely a typing error than meant.
        let (repaired, has_user_info) = (Cell::new(false), Cell::new(false));
        let note = |violation| match violation {
            SyntaxViolation::EmbeddedCredentials | SyntaxViolation::UnencodedAtSign => has_user_info.set(true),
            _ => repaired.set(true),
        };
        let url = Url::options().syntax_violation_callback(Some(&note)).parse(text).map_err(|error| match error {
            ParseError::InvalidPort => PORT_RULE,
            _ => HOST_RULE,
        })?;
        let (is_loopback, is_address) = match url.host() {
            Some(Host::Domain(name)) => (name == "localhost", false),
            Some(Host::Ipv4(address)) => (address.is_loopback(), true),
            Some(Host::Ipv6(address)) => (address.is_loopback(), true),
            None => (false, false),
        };
        let rules = [
            (
                url.scheme() == "https" || url.scheme() == "http" && is_loopback,
                "must be an https URL (http is for loopback hosts only)",
            ),
            (!has_user_info.get(), "must not contain a user name or password"),
            (
                !repaired.get(),
                "must be a valid URL: // after the scheme, no spaces or backslashes, the rest percent-encoded",
            ),
            (url.query().is_none() && url.fragment().is_none(), "must not have a query or fragment"),
            // Port 0 parses, but nothing can listen there.
            (url.port() != Some(0), PORT_RULE),
            // Cloudflare does not let a deployed Worker fetch from an IP address (error 1003).
            (is_loopback || !is_address, "must have a host name, not an IP address (loopback addresses excepted)"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(rule),
            None => Ok(Self(url.into())),
        }
    }

    /// This URL with a query.
    #[must_use]
    pub fn with_query(&self, query: &str) -> String {
        if query.is_empty() { self.0.clone() } else { format!("{}?{query}", self.0) }
    }
}

/// The URL with its host in ASCII; `None` if that is no valid one. The tables of Unicode that this takes are the platform's, and not a
/// fifth of the Worker's size (Cargo.lock has `idna_adapter` without them): the parser must not see any other host.
fn with_ascii_host(text: &str, ascii_host: impl FnOnce(&str) -> Option<String>) -> Option<Cow<'_, str>> {
    // A parser finds a host elsewhere too, and repairs the text: that is none of ours to convert.
    let (scheme, rest) = match text.split_once("//") {
        Some((scheme, rest)) if scheme.is_ascii() && !rest.starts_with(['/', '\\']) => (scheme, rest),
        _ => return text.is_ascii().then_some(Cow::Borrowed(text)),
    };
    let (authority, path) = rest.split_at_checked(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()))?;
    let (user, host) = authority.split_at_checked(authority.rfind('@').map_or(0, |at| at.saturating_add(1)))?;
    let (host, port) = host.split_at_checked(host.find(':').unwrap_or(host.len()))?;
    let is_plain = host.bytes().all(|b| b.is_ascii() && b != b'%') && !host.to_ascii_lowercase().contains("xn--");
    if is_plain {
        return Some(Cow::Borrowed(text));
    }
    ascii_host(host).map(|host| Cow::Owned(format!("{scheme}//{user}{host}{port}{path}")))
}

/// How deliveries are signed besides Tencent's own way.
#[derive(Clone, Debug)]
pub enum OriginSigning {
    /// As the Standard Webhooks specification says, with the current secret and then the previous one; not at all if there
    /// is none.
    With(Vec<OriginSecret>),
    /// `ORIGIN_SECRET` is invalid: nothing is delivered until it is fixed, because the backend would have to
    /// refuse it.
    Invalid,
}

/// The secret that the backend and this Worker share. Debug hides it.
#[derive(Clone)]
pub struct OriginSecret(Vec<u8>);

impl OriginSecret {
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
    pub headers: Vec<(&'static str, String)>,
    /// The body, as it goes out.
    pub body: &'a [u8],
    /// How long it may take in all, in ms.
    pub within_ms: u64,
    /// How much of the response's body is read.
    pub wanted: Wanted,
}

/// How much of a response's body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, of at most so many bytes; a longer one is an error.
    Whole(usize),
    /// What arrives of its first bytes, at most so many, within [`START_WITHIN_MS`]. Nothing that happens to it is an error: the
    /// status has said it all.
    Start(usize),
}

/// How long the start of a response's body may take after its head, in ms.
pub const START_WITHIN_MS: u64 = 1_000;

/// How much of the answer to a delivery is read, in bytes: Tencent's own are of some 60.
pub const ANSWER_READ_MAX: usize = 4096;

/// How much of an answer is kept, in bytes.
const ANSWER_KEPT_MAX: usize = 512;

/// What a delivery is that is answered with a status of success and with `"ActionStatus":"FAIL"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum OnFail {
    /// Delivered, with a warning: a backend that handled Tencent's webhooks before may say FAIL to what it has seen.
    #[default]
    Accept,
    /// Failed.
    Retry,
}

/// Whether an answer is the FAIL of Tencent's protocol: a JSON object whose `ActionStatus` is that word.
#[must_use]
pub fn says_fail(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default, rename = "ActionStatus")]
        action_status: Option<Cow<'a, str>>,
    }
    let answer = str::from_utf8(body).ok().and_then(from_json_object::<Answer<'_>>);
    answer.and_then(|answer| answer.action_status).is_some_and(|status| status == "FAIL")
}

/// The start of an answer, as it is kept: at most 512 bytes of UTF-8, in which what is none is replaced; `None` if it is empty.
#[must_use]
pub fn kept_answer(body: &[u8]) -> Option<String> {
    let start = body.get(..ANSWER_KEPT_MAX).unwrap_or(body);
    let mut text = String::from_utf8_lossy(start).into_owned();
    // A character that was cut, or replaced by a longer one.
    let is_cut = start.len() < body.len() && text.ends_with(char::REPLACEMENT_CHARACTER);
    while is_cut && text.ends_with(char::REPLACEMENT_CHARACTER) || text.len() > ANSWER_KEPT_MAX {
        text.pop();
    }
    (!text.is_empty()).then_some(text)
}

/// What the origin answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginResponse {
    /// The HTTP status; redirects are never followed.
    pub status: u16,
    /// How long `Retry-After` asks to wait, in seconds from now.
    pub retry_after: Option<u64>,
    /// The body, as far as it was asked for.
    pub body: Vec<u8>,
}

/// How long a `Retry-After` header asks to wait, in seconds from `now_ms` (Unix ms); part of a second counts as a whole one.
/// From 0, which a date in the past is, to [`u64::MAX`], which stands for any larger number.
///
/// `None`, as without the header, for a value that is neither decimal digits nor an HTTP date. [RFC 9110, sections 10.2.3
/// and 5.6.7, with its three date formats]
#[must_use]
pub fn retry_after_seconds(text: &str, now_ms: u64) -> Option<u64> {
    let text = text.trim_ascii();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Only digits: parsing fails on overflow alone.
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let date_ms = u64::try_from(since_1970.as_millis()).ok()?;
    Some(date_ms.saturating_sub(now_ms).div_ceil(1000))
}

/// Why there is no response. Its word is that of logs and dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum OriginError {
    /// It did not come in time.
    #[strum(serialize = "timeout")]
    Late,
    /// The origin could not be reached, or broke off.
    Unreachable,
    /// The response is longer than allowed.
    TooLarge,
}

/// The way to the origin.
pub trait Origin {
    /// Posts `request` and waits for the response.
    fn post(&self, request: OriginRequest<'_>) -> impl Future<Output = Result<OriginResponse, OriginError>>;
}
