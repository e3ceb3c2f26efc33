//! A POST to somebody else's server: the app's backend, or the operator's chat. Where it may go, its limits of time and length,
//! and what comes back.

use std::{borrow::Cow, cell::Cell, future::Future, time::UNIX_EPOCH};

use strum::{IntoStaticStr, VariantArray};
use url::{Host, ParseError, SyntaxViolation, Url};

/// The rule for a port, which parsing checks but for 0.
const PORT_RULE: &str = "must have a port from 1 to 65535, or none";

/// Reads a URL to which this Worker may send: https, or http on a loopback host; without user info; no IP address other than
/// loopback. `ascii_host` writes the name of a host in ASCII, or says that it is no valid one: see [`crate::ports::Environment`].
///
/// # Errors
/// The rule that `text` breaks, as a sentence whose subject is the setting. It does not quote `text`, which may contain
/// a password.
pub fn https_url(text: &str, ascii_host: impl FnOnce(&str) -> Option<String>) -> Result<Url, &'static str> {
    let ascii_host = Cell::new(Some(ascii_host));
    read_https_url(text, &|host| ascii_host.take().and_then(|ascii_host| ascii_host(host)))
}

// There once, and not for each caller.
fn read_https_url(text: &str, ascii_host: &dyn Fn(&str) -> Option<String>) -> Result<Url, &'static str> {
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
        // Port 0 parses, but nothing can listen there.
        (url.port() != Some(0), PORT_RULE),
        // Cloudflare does not let a deployed Worker fetch from an IP address (error 1003).
        (is_loopback || !is_address, "must have a host name, not an IP address (loopback addresses excepted)"),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(rule),
        None => Ok(url),
    }
}

/// The URL with its host in ASCII; `None` if that is no valid one. The tables of Unicode that this takes are the platform's, and not a
/// fifth of the Worker's size (Cargo.lock has `idna_adapter` without them): the parser must not see any other host.
fn with_ascii_host<'a>(text: &'a str, ascii_host: &dyn Fn(&str) -> Option<String>) -> Option<Cow<'a, str>> {
    // A parser finds a host elsewhere too, and repairs the text: that is none of ours to convert.
    let (scheme, rest) = match text.split_once("//") {
        Some((scheme, rest)) if is_plain(scheme) && !rest.trim_start_matches(DROPPED).starts_with(['/', '\\']) => {
            (scheme, rest)
        }
        _ => return is_plain(text).then_some(Cow::Borrowed(text)),
    };
    let (authority, path) = rest.split_at_checked(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()))?;
    let (user, host) = authority.split_at_checked(authority.rfind('@').map_or(0, |at| at.saturating_add(1)))?;
    let (host, port) = host.split_at_checked(host.find(':').unwrap_or(host.len()))?;
    if is_plain(host) {
        return Some(Cow::Borrowed(text));
    }
    // The platform would drop them without a word.
    if host.contains(DROPPED) {
        return None;
    }
    ascii_host(host).map(|host| Cow::Owned(format!("{scheme}//{user}{host}{port}{path}")))
}

/// What a parser of URLs drops wherever it is.
const DROPPED: [char; 3] = ['\t', '\n', '\r'];

/// Whether no host in this text needs to be converted: it is ASCII, and stands for nothing else.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii() && b != b'%') && !text.to_ascii_lowercase().replace(DROPPED, "").contains("xn--")
}

/// A POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest<'a> {
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

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingResponse {
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
pub enum OutgoingError {
    /// It did not come in time.
    #[strum(serialize = "timeout")]
    Late,
    /// The server could not be reached, or broke off.
    Unreachable,
    /// The response is longer than allowed.
    TooLarge,
}

/// The way to other servers.
pub trait Outgoing {
    /// Posts `request` and waits for the response.
    fn post(&self, request: OutgoingRequest<'_>) -> impl Future<Output = Result<OutgoingResponse, OutgoingError>>;
}
