//! A query is read as `url` reads it, or rejected for a reason that holds; and its signature is not in what is stored.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unfollow_webhook::{
    routes::Target,
    webhook::query::{QUERY_MAX, Query, QueryError},
};
use url::{Url, form_urlencoded};

/// The recognised parameters, in the order of [`values`].
const NAMES: [&[&str]; 8] = [
    &["SdkAppid", "SdkAppId"],
    &["CallbackCommand"],
    &["contenttype"],
    &["ClientIP"],
    &["OptPlatform"],
    &["Sign"],
    &["RequestTime"],
    &["RequestId", "RequestID"],
];

fn values<'a>(query: &'a Query<'_>) -> [Option<&'a str>; 8] {
    [
        &query.sdk_app_id,
        &query.command,
        &query.content_type,
        &query.client_ip,
        &query.opt_platform,
        &query.sign,
        &query.request_time,
        &query.request_id,
    ]
    .map(Option::as_deref)
}

/// The parameters as `url` reads them; RFC 3986 has a `+` stand for itself.
fn pairs(raw: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(raw.replace('+', "%2B").as_bytes()).into_owned().collect()
}

fuzz_target!(|raw: &str| {
    let pairs_of_raw = pairs(raw);
    let of_name = |names: &[&str]| -> Vec<&str> {
        pairs_of_raw.iter().filter(|(name, _)| names.contains(&&**name)).map(|(_, value)| &**value).collect()
    };
    let query = match Query::parse(raw) {
        Ok(query) => query,
        Err(QueryError::TooLong) => return assert!(raw.len() > QUERY_MAX),
        Err(QueryError::Duplicate) => return assert!(NAMES.iter().any(|names| of_name(names).len() > 1)),
        Err(QueryError::Encoding) => {
            let has_odd_value = |value: &&str| value.contains(['%', '\u{fffd}']);
            return assert!(NAMES.iter().any(|names| of_name(names).iter().any(has_odd_value)));
        }
    };
    assert!(raw.len() <= QUERY_MAX);
    for (names, value) in NAMES.iter().zip(values(&query)) {
        let second = of_name(names);
        assert!(second.len() <= 1, "{names:?} is a duplicate");
        assert_eq!(value, second.first().copied().filter(|value| !value.is_empty()), "{names:?}");
    }

    // What is stored is read back the same, less the signature.
    let stored = query.without_signature();
    let is_signature = |name: &str| matches!(name, "Sign" | "RequestTime");
    let kept: Vec<_> = pairs_of_raw.iter().filter(|(name, _)| !is_signature(name)).cloned().collect();
    assert_eq!(pairs(&stored), kept);
    let again = Query::parse(&stored).expect("what is stored is read back");
    let mut expected = values(&query);
    (expected[5], expected[6]) = (None, None);
    assert_eq!(values(&again), expected);
    assert_eq!(again.without_signature(), stored);

    // And in a URL, as the runtime has it.
    if !raw.contains(['\t', '\n', '\r']) {
        let mut url = Url::parse("https://www.example.com/").expect("a URL");
        url.set_query(Some(raw));
        let target = Target::of(url.as_str());
        assert_eq!(target.query, url.query().unwrap_or_default());
        if target.query.len() <= QUERY_MAX {
            assert_eq!(values(&Query::parse(target.query).expect("the same query, encoded")), values(&query));
        }
    }
});
