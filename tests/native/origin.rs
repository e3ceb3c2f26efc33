//! Which URLs are valid for the origin, and what its `Retry-After` means.

use proptest::prelude::*;
use unfollow_webhook::{origin::OriginUrl, outgoing::retry_after_seconds};

use crate::{ports::ascii_host, samples::NOW_MS};

const HTTPS: &str = "must be an https URL (http is for loopback hosts only)";
const ABSOLUTE: &str = "must be an absolute URL with a valid host";
const VALID: &str = "must be a valid URL: // after the scheme, no spaces or backslashes, the rest percent-encoded";
const USER_INFO: &str = "must not contain a user name or password";
const QUERY: &str = "must not have a query or fragment";
const PORT: &str = "must have a port from 1 to 65535, or none";
const ADDRESS: &str = "must have a host name, not an IP address (loopback addresses excepted)";

#[test]
fn an_origin_url_is_what_fetch_will_make_of_it() {
    for (text, url) in [
        ("https://api.example.com", "https://api.example.com/"),
        ("https://api.example.com/", "https://api.example.com/"),
        ("https://api.example.com/a/b/", "https://api.example.com/a/b/"),
        ("https://api.example.com/a/../%20/x;y=1", "https://api.example.com/%20/x;y=1"),
        ("https://api.example.com/@x:y", "https://api.example.com/@x:y"),
        ("HTTPS://API.Example.com/X", "https://api.example.com/X"),
        ("https://api.example.com.:1/", "https://api.example.com.:1/"),
        ("https://api.example.com:65535/x", "https://api.example.com:65535/x"),
        ("https://api.example.com:443/x", "https://api.example.com/x"),
        ("https://m\u{fc}nchen.example/\u{fc}", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("https://M%C3%9CNCHEN.example:8443/x", "https://xn--mnchen-3ya.example:8443/x"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example/"),
        ("http://\u{ff11}27.0.0.1/", "http://127.0.0.1/"),
        ("https://1.2.3.4.example.com/", "https://1.2.3.4.example.com/"),
        ("http://localhost/x", "http://localhost/x"),
        ("http://LocalHost:80", "http://localhost/"),
        ("https://localhost/x", "https://localhost/x"),
        ("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/x"),
        ("http://127.255.255.254/", "http://127.255.255.254/"),
        ("http://[::1]:3000/x", "http://[::1]:3000/x"),
        ("https://[0:0:0:0:0:0:0:1]/", "https://[::1]/"),
        ("https://0x7f.1/", "https://127.0.0.1/"),
        ("https://2130706433/", "https://127.0.0.1/"),
        ("http://017700000001/", "http://127.0.0.1/"),
    ] {
        let origin = OriginUrl::new(text, ascii_host).unwrap_or_else(|rule| panic!("{text}: {rule}"));
        assert_eq!((origin.with_query(""), origin.with_query("a=%zz&b")), (url.to_owned(), format!("{url}?a=%zz&b")));
    }
}

#[test]
fn no_other_url_is_an_origin_url() {
    for (text, rule) in [
        ("http://api.example.com", HTTPS),
        ("http://localhost.example.com/", HTTPS),
        ("http://localhost./", HTTPS),
        ("http://127.0.0.1.example.com/", HTTPS),
        ("http://128.0.0.1/", HTTPS),
        ("http://10.0.0.1/", HTTPS),
        ("http://[::2]/", HTTPS),
        ("http://[::ffff:127.0.0.1]/", HTTPS),
        ("http://127.0.0.1@example.com/", HTTPS),
        ("http://example.com\\@127.0.0.1/", HTTPS),
        ("ftp://localhost/", HTTPS),
        ("wss://api.example.com/", HTTPS),
        ("file:///x", HTTPS),
        ("data:x", HTTPS),
        ("", ABSOLUTE),
        ("api.example.com/x", ABSOLUTE),
        ("//api.example.com/x", ABSOLUTE),
        ("https://", ABSOLUTE),
        ("https://?x", ABSOLUTE),
        ("https://:443/", ABSOLUTE),
        ("https://a b/", ABSOLUTE),
        ("https://a%00b/", ABSOLUTE),
        ("https://UPPER\u{1f511}.example/", ABSOLUTE),
        ("https:\u{fc}.example", ABSOLUTE),
        ("https://m\u{fc}n\tchen.example/", ABSOLUTE),
        ("https:///\u{fc}.example", ABSOLUTE),
        ("https://\t/xn--mnchen-3ya.example/", ABSOLUTE),
        ("https:\\\\\u{fc}.example//x", ABSOLUTE),
        ("https://[::1/", ABSOLUTE),
        ("https://[::g]/", ABSOLUTE),
        ("https://256.0.0.1/", ABSOLUTE),
        ("https:///x", VALID),
        ("https:/api.example.com/", VALID),
        ("https:api.example.com", VALID),
        ("https:\\\\api.example.com/", VALID),
        ("https://api.example.com\\x", VALID),
        ("https://api.example.com/x\\y", VALID),
        (" https://api.example.com/", VALID),
        ("https://api.example.com/ ", VALID),
        ("https://api.example.com/\n", VALID),
        ("https://api.exam\tple.com/", VALID),
        ("https://api.example.com/a b", VALID),
        ("https://api.example.com/<x>", VALID),
        ("https://api.example.com/%zz", VALID),
        ("https://user@api.example.com/", USER_INFO),
        ("https://user:pass@api.example.com/", USER_INFO),
        ("https://:pass@api.example.com/", USER_INFO),
        ("https://@api.example.com/", USER_INFO),
        ("https://a@b@api.example.com/", USER_INFO),
        ("https://api.example.com/x?", QUERY),
        ("https://api.example.com?", QUERY),
        ("https://api.example.com/x?y=1", QUERY),
        ("https://api.example.com/#", QUERY),
        ("https://api.example.com/x#y", QUERY),
        ("https://api.example.com:99999/x", PORT),
        ("https://api.example.com:65536/", PORT),
        ("https://api.example.com:x/", PORT),
        ("https://api.example.com:-1/", PORT),
        ("https://api.example.com:0/", PORT),
        ("http://localhost:0/", PORT),
        ("https://1.2.3.4/", ADDRESS),
        ("https://0x1.2.3.4/", ADDRESS),
        ("https://16909060/", ADDRESS),
        ("https://0.0.0.0/", ADDRESS),
        ("https://10.0.0.1:8443/x", ADDRESS),
        ("https://169.254.169.254/", ADDRESS),
        ("https://[2001:db8::1]/", ADDRESS),
        ("https://[::ffff:127.0.0.1]/", ADDRESS),
        ("https://[::]/", ADDRESS),
    ] {
        assert_eq!(OriginUrl::new(text, ascii_host), Err(rule), "{text:?}");
    }
}

#[test]
fn retry_after_is_seconds_or_an_http_date() {
    // Fri, 08 Dec 2023 06:52:24 GMT
    assert_eq!(NOW_MS, 1_702_018_344_000);
    for (text, seconds) in [
        ("0", 0),
        ("6", 6),
        ("00120", 120),
        (" 120\t", 120),
        ("18446744073709551615", u64::MAX),
        ("18446744073709551616", u64::MAX),
        ("999999999999999999999999999999", u64::MAX),
        ("Fri, 08 Dec 2023 06:52:25 GMT", 1),
        ("\tFri, 08 Dec 2023 07:52:24 GMT ", 3600),
        ("Friday, 08-Dec-23 07:52:24 GMT", 3600),
        ("Fri Dec  8 07:52:24 2023", 3600),
        ("Thu, 29 Feb 2024 00:00:00 GMT", 7_146_456),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_700_282_455),
        ("Fri, 08 Dec 2023 06:52:24 GMT", 0),
        ("Fri, 08 Dec 2023 06:52:23 GMT", 0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ] {
        assert_eq!(retry_after_seconds(text, NOW_MS), Some(seconds), "{text:?}");
    }
    // Never too early: part of a second counts as a whole one.
    for (now_ms, seconds) in [(NOW_MS - 1, 2), (NOW_MS + 1, 1), (NOW_MS + 999, 1), (NOW_MS + 1000, 0), (u64::MAX, 0)] {
        assert_eq!(retry_after_seconds("Fri, 08 Dec 2023 06:52:25 GMT", now_ms), Some(seconds), "{now_ms}");
    }
    assert_eq!(retry_after_seconds("Fri, 31 Dec 9999 23:59:59 GMT", 0), Some(253_402_300_799));
}

#[test]
fn any_other_retry_after_is_none() {
    for text in [
        "",
        " ",
        "3600.5",
        "3600,5",
        "-1",
        "+5",
        "1e3",
        "0x10",
        "5s",
        "1 2",
        "120, 60",
        "\u{661}\u{662}",
        "\u{a0}5",
        "Tomorrow",
        "2023-12-08T07:52:24Z",
        "2023-12-08",
        "Dec 8 2023",
        "Fri, 08 Dec 2023 07:52:24",
        "Fri, 08 Dec 2023 07:52:24 UTC",
        "Fri, 08 Dec 2023 07:52:24 +0000",
        "Fri, 8 Dec 2023 07:52:24 GMT",
        "fri, 08 dec 2023 07:52:24 gmt",
        "Fri, 08 Dec 23 07:52:24 GMT",
        "Fri, 08 Dec 2023 24:00:00 GMT",
        "Thu, 30 Feb 2023 00:00:00 GMT",
        "Fri, 00 Dec 2023 07:52:24 GMT",
        // It was a Friday.
        "Mon, 08 Dec 2023 07:52:24 GMT",
    ] {
        assert_eq!(retry_after_seconds(text, NOW_MS), None, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a backend sends, nothing panics; and only digits or a date ask for anything.
    #[test]
    fn no_retry_after_panics(
        date in prop::sample::select(vec![
            "Fri, 08 Dec 2023 06:52:25 GMT", "Friday, 08-Dec-23 07:52:24 GMT", "Fri Dec  8 07:52:24 2023", "120",
        ]),
        at in any::<prop::sample::Index>(),
        put in "[0-9A-Za-z :,\u{e9}-]{0,2}",
        cut in 0..3_usize,
        now_ms in any::<u64>(),
    ) {
        let at = at.index(date.len());
        let (head, tail) = (&date[..at], date.get(at + cut..).unwrap_or_default());
        let text = format!("{head}{put}{tail}");
        if let Some(seconds) = retry_after_seconds(&text, now_ms) {
            let is_number = text.trim_ascii().parse() == Ok(seconds);
            prop_assert!(is_number || text.contains(':'), "{:?}", text);
        }
    }
}
