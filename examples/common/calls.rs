//! HTTP for the examples: a server's URL, calls to it, and error messages in plain words.

#![allow(dead_code, reason = "each example uses some of them")]

#[cfg(not(target_arch = "wasm32"))]
#[path = "calls_native.rs"]
mod machine;
#[cfg(target_arch = "wasm32")]
#[path = "calls_wasm.rs"]
mod machine;

use std::time::Duration;

use http::Uri;
use serde::Deserialize;

pub use machine::Client;

/// A call to a server.
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'static str,
    /// Path and query, as they are sent.
    pub target: String,
    /// The headers besides those that every call has.
    pub headers: Vec<(&'static str, &'a str)>,
    /// The body, if there is one.
    pub body: Option<String>,
    /// Longest body of a response that is read, in bytes.
    pub answer_max: u64,
}

/// A response, read to its end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Date`.
    pub date: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body. What is not UTF-8 in it is replaced.
    pub body: String,
}

/// How a call ended.
pub struct Outcome {
    /// From the start of the call until the response was read or given up.
    pub took: Duration,
    /// The response, or why there is none.
    pub answer: Result<Answer, String>,
}

/// Why there is no response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Failure {
    /// None within the time that it had.
    Late,
    /// The name has no address.
    NoHost,
    /// Nobody listens.
    Refused,
    /// The connection ended before the response did.
    Closed,
    /// The body is longer than it may be, in bytes.
    TooLong(u64),
    /// Anything else, in the words of the machine.
    Other(String),
}

/// Why the server at `url` gave no answer within `timeout`, in plain words.
fn explain(failure: &Failure, url: &Uri, timeout: Duration) -> String {
    let server = authority(url);
    match failure {
        Failure::Late => format!("no answer from {server} within {} s", timeout.as_secs_f64()),
        Failure::NoHost => format!("there is no host {}", host(url)),
        Failure::Refused => format!("connection refused by {server}"),
        Failure::Closed => format!("{server} closed the connection without a whole answer"),
        Failure::TooLong(limit) => format!("the answer of {server} is longer than {limit} bytes"),
        Failure::Other(error) => format!("no answer from {server}: {error}"),
    }
}

/// Reads an absolute `http` or `https` URL.
pub fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err("the URL has to begin with http:// or https://".into()),
    }
}

/// The URL's host, without its port.
pub fn host(url: &Uri) -> &str {
    url.host().unwrap_or_default()
}

/// The URL's beginning: its scheme, its host, and its port where it has one.
pub fn origin(url: &Uri) -> String {
    format!("{}://{}", url.scheme_str().unwrap_or_default(), authority(url))
}

/// Leaves RFC 3986's unreserved characters as they are and encodes every other byte.
pub fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Text from a server, made safe for a terminal.
pub fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(safe).collect()
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}
