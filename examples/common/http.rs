//! HTTP for the examples: a server's URL, a client for it, and error messages in plain words.

use std::{io, time::Duration};

use unfollow_webhook::routes::is_loopback;
use ureq::{Agent, http::Uri};

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

/// A client for the server at `url`: `timeout` is for a whole call, and up to `connections` stay open.
pub fn agent(url: &Uri, timeout: Duration, connections: usize) -> Agent {
    let mut config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        // Every status is an answer to be shown, a redirect too.
        .http_status_as_error(false)
        .max_redirects(0);
    if is_loopback(host(url)) {
        // A proxy from the environment would connect to its own machine.
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// Why the server at `url` gave no answer within `timeout`, in plain words.
pub fn explain(error: &ureq::Error, url: &Uri, timeout: Duration) -> String {
    let server = authority(url);
    match error {
        ureq::Error::Timeout(_) => format!("no answer from {server} within {} s", timeout.as_secs_f64()),
        ureq::Error::HostNotFound => format!("there is no host {}", host(url)),
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("connection refused by {server}"),
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                format!("{server} closed the connection without a whole answer")
            }
            _ => format!("no answer from {server}: {error}"),
        },
        ureq::Error::BodyExceedsLimit(limit) => format!("the answer of {server} is longer than {limit} bytes"),
        _ => format!("no answer from {server}: {error}"),
    }
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
