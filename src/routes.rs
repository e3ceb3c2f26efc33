//! The paths of this Worker, and how a request's URL is cut into the parts that routing needs.
//!
//! A request's URL stays text: the runtime has already parsed and normalised what it hands over.

/// Where the Worker says whether its settings are valid.
pub const HEALTH: &str = "/healthz";

/// Where Prometheus scrapes, unless the webhook lives there: there may be installations whose it is.
pub const METRICS: &str = "/metrics";

/// Whether a path that begins with this segment is a route of ours, or a static asset.
fn is_reserved(first_segment: &str) -> bool {
    matches!(first_segment, "healthz" | "v1" | "openapi.json") || first_segment.starts_with("dashboard")
}

/// Whether the webhook may live at `path`: it begins with `/`, consists of letters, digits, `-`, `.`, `_` and
/// `~` in non-empty segments (a slash at the end is allowed), none of them `.` or `..`, and is no route of ours.
#[must_use]
pub fn may_be_webhook_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let segment = |segment: &str| {
        let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        plain && !matches!(segment, "" | "." | "..")
    };
    let well_formed = rest.is_empty() || rest.strip_suffix('/').unwrap_or(rest).split('/').all(segment);
    well_formed && !rest.split('/').next().is_some_and(is_reserved)
}

/// A request's URL, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    https: bool,
    /// The host, without its port; empty if there is none.
    pub host: &'a str,
    /// The path; `/` if the URL has none.
    pub path: &'a str,
    /// The query without its `?`; empty if there is none.
    pub query: &'a str,
}

impl<'a> Target<'a> {
    /// Cuts an absolute URL, as the runtime gives it, into its parts.
    #[must_use]
    pub fn of(url: &'a str) -> Self {
        let url = cut(url, '#').map_or(url, |(url, _fragment)| url);
        let (url, query) = cut(url, '?').unwrap_or((url, ""));
        let (scheme, rest) = cut(url, ':').unwrap_or(("", url));
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let authority = cut(rest, '/').map_or(rest, |(authority, _)| authority);
        let path = rest.get(authority.len()..).unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_user, authority)| authority);
        let port = authority.rfind(':').filter(|&at| !authority.get(at..).is_some_and(|port| port.contains(']')));
        Self {
            https: scheme.eq_ignore_ascii_case("https"),
            host: port.and_then(|at| authority.get(..at)).unwrap_or(authority),
            path: if path.is_empty() { "/" } else { path },
            query,
        }
    }

    /// Whether what arrived here could not be read on its way: https, or a call from this very machine.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.https || is_loopback(self.host)
    }
}

/// What is before and behind the first `mark`.
// Not inlined, so that it is compiled once and not for each mark: an isolate's first call waits for that.
#[inline(never)]
fn cut(text: &str, mark: char) -> Option<(&str, &str)> {
    text.split_once(mark)
}

/// Whether a URL's host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`, in the spelling that a parsed
/// URL has. A name whose last label is a number is an IPv4 address there, so digits and dots tell enough.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let is_v4 = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    matches!(host, "localhost" | "[::1]") || host.strip_prefix("127.").is_some_and(is_v4)
}

#[cfg(test)]
mod tests {
    use super::{Target, may_be_webhook_path};

    #[test]
    fn a_url_is_cut_into_parts() {
        for (url, path, query) in [
            ("https://www.example.com?SdkAppid=1", "/", "SdkAppid=1"),
            ("https://www.example.com/hook?a=b?c=/d", "/hook", "a=b?c=/d"),
            ("http://127.0.0.1:8787/", "/", ""),
            ("https://h/x#y?z", "/x", ""),
            ("", "/", ""),
        ] {
            let target = Target::of(url);
            assert_eq!((target.path, target.query), (path, query), "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for url in
            ["https://example.com/", "HTTPS://e/", "http://localhost:80/", "http://127.1.2.3/", "http://[::1]:8787/"]
        {
            assert!(Target::of(url).is_confidential(), "{url}");
        }
        for url in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1@example.com/",
            "http://[::2]/",
            "http://example.com/?https://127.0.0.1",
            "",
        ] {
            assert!(!Target::of(url).is_confidential(), "{url}");
        }
    }

    #[test]
    fn a_webhook_path_is_plain_and_free() {
        for path in ["/", "/hook", "/metrics", "/tencent/chat.v1/", "/a-b_c~d", "/v1hook", "/a/v1"] {
            assert!(may_be_webhook_path(path), "{path}");
        }
        for path in [
            "",
            "hook",
            "//",
            "/a//b",
            "/a b",
            "/a?b",
            "/a&b",
            "/a%20",
            "/../a",
            "/.",
            "/ü",
            "/healthz",
            "/v1/events",
            "/v1",
            "/dashboard",
            "/openapi.json",
        ] {
            assert!(!may_be_webhook_path(path), "{path}");
        }
    }
}
