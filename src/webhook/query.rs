//! The query string that Tencent appends to the configured URL.
//!
//! Eight parameters are read; any other is left alone, undecoded. The query stays text: a parameter is a
//! slice of it wherever it has no percent-encoding.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Longest query, in bytes. Tencent's own are about 300 bytes.
pub const QUERY_MAX: usize = 4 * 1024;

/// The recognised parameters, percent-decoded. An empty parameter counts as absent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Query<'a> {
    raw: &'a str,
    /// `SdkAppid`, as every page on a webhook spells it, or `SdkAppId`, as one overview page does.
    pub sdk_app_id: Option<Cow<'a, str>>,
    /// `CallbackCommand`.
    pub command: Option<Cow<'a, str>>,
    /// `contenttype`, documented as optional; `json` if present.
    pub content_type: Option<Cow<'a, str>>,
    /// `ClientIP`, missing on some commands.
    pub client_ip: Option<Cow<'a, str>>,
    /// `OptPlatform`, an open set of names, missing on some commands.
    pub opt_platform: Option<Cow<'a, str>>,
    /// `Sign`, present when webhook authentication is switched on.
    pub sign: Option<Cow<'a, str>>,
    /// `RequestTime`, Unix seconds, present when webhook authentication is switched on.
    pub request_time: Option<Cow<'a, str>>,
    /// `RequestId` or `RequestID`; undocumented, seen in both spellings.
    pub request_id: Option<Cow<'a, str>>,
}

/// Why a query cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// Longer than [`QUERY_MAX`].
    TooLong,
    /// A recognised parameter is not percent-encoded UTF-8.
    Encoding,
    /// A recognised parameter is a duplicate.
    Duplicate,
}

impl<'a> Query<'a> {
    /// Reads the text after the URL's `?`. Percent-encoding is that of RFC 3986: a `+` is a `+`.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn parse(raw: &'a str) -> Result<Self, QueryError> {
        if raw.len() > QUERY_MAX {
            return Err(QueryError::TooLong);
        }
        let mut query = Self { raw, ..Self::default() };
        for (name, value) in parameters(raw) {
            let slot = match &*name {
                "SdkAppid" | "SdkAppId" => &mut query.sdk_app_id,
                "CallbackCommand" => &mut query.command,
                "contenttype" => &mut query.content_type,
                "ClientIP" => &mut query.client_ip,
                "OptPlatform" => &mut query.opt_platform,
                "Sign" => &mut query.sign,
                "RequestTime" => &mut query.request_time,
                "RequestId" | "RequestID" => &mut query.request_id,
                _ => continue,
            };
            let value = percent_decode(value).ok_or(QueryError::Encoding)?;
            if slot.replace(value).is_some() {
                return Err(QueryError::Duplicate);
            }
        }
        query.drop_empty();
        Ok(query)
    }

    /// The query as it came, less `Sign` and `RequestTime`: those never rest anywhere.
    #[must_use]
    pub fn without_signature(&self) -> String {
        let segments: Vec<_> = self.raw.split('&').filter(|segment| !is_signature(segment)).collect();
        segments.join("&")
    }

    fn drop_empty(&mut self) {
        for slot in [
            &mut self.sdk_app_id,
            &mut self.command,
            &mut self.content_type,
            &mut self.client_ip,
            &mut self.opt_platform,
            &mut self.sign,
            &mut self.request_time,
            &mut self.request_id,
        ] {
            if slot.as_deref() == Some("") {
                *slot = None;
            }
        }
    }
}

fn is_signature(segment: &str) -> bool {
    matches!(&*parameter(segment).0, "Sign" | "RequestTime")
}

fn parameters(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    raw.split('&').map(parameter)
}

/// The decoded name and the value as it came. A name in percent-encoding is the same name, or `%53ign`
/// would slip past the rules for `Sign`; a name that cannot be decoded is none of ours.
fn parameter(segment: &str) -> (Cow<'_, str>, &str) {
    let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
    (percent_decode(name).unwrap_or(Cow::Borrowed(name)), value)
}

/// Decodes `%XX`; `None` if a `%` is not followed by two hex digits, or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%') {
        return Some(Cow::Borrowed(text));
    }
    // The library would leave a `%` as it is where no two hex digits follow.
    let is_octet = |text: &str| text.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_octet) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::{QUERY_MAX, Query, QueryError};

    #[test]
    fn reads_tencents_sample_query() {
        let raw = "SdkAppid=1400000000&CallbackCommand=Follow.CallbackAfterFollowDelete&contenttype=json\
                   &ClientIP=127.0.0.1&OptPlatform=iOS";
        let query = Query::parse(raw).unwrap();
        assert_eq!(query.sdk_app_id.as_deref(), Some("1400000000"));
        assert_eq!(query.command.as_deref(), Some("Follow.CallbackAfterFollowDelete"));
        assert_eq!(query.content_type.as_deref(), Some("json"));
        assert_eq!(query.client_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(query.opt_platform.as_deref(), Some("iOS"));
        assert_eq!((query.sign, query.request_time, query.request_id), (None, None, None));
    }

    #[test]
    fn two_spellings_count_as_one() {
        for raw in ["SdkAppid=1&SdkAppId=1", "RequestId=a&RequestID=b", "Sign=a&%53ign=b", "Sign=&Sign=a"] {
            assert_eq!(Query::parse(raw), Err(QueryError::Duplicate), "{raw}");
        }
    }

    #[test]
    fn unread_parameters_are_not_decoded() {
        let query = Query::parse("x=%zz&x=%ff&%zz=1&SdkAppid=1").unwrap();
        assert_eq!(query.sdk_app_id.as_deref(), Some("1"));
    }

    #[test]
    fn read_parameters_are_percent_encoded_utf8() {
        assert_eq!(Query::parse("OptPlatform=%E5%BE%AE+").unwrap().opt_platform.as_deref(), Some("微+"));
        for raw in ["%", "%4", "a%41%", "%%41", "%zz", "%4z", "%z1", "%ff", "%C3", "%+1", "%\u{e4}"] {
            let raw = format!("OptPlatform={raw}");
            assert_eq!(Query::parse(&raw), Err(QueryError::Encoding), "{raw}");
        }
    }

    #[test]
    fn is_at_most_4_kib() {
        let longest = format!("x={}", "a".repeat(QUERY_MAX - 2));
        assert!(Query::parse(&longest).is_ok());
        assert_eq!(Query::parse(&(longest + "a")), Err(QueryError::TooLong));
    }

    #[test]
    fn an_empty_parameter_is_absent() {
        assert_eq!(Query::parse("SdkAppid=&Sign&x=").unwrap().sdk_app_id, None);
    }

    #[test]
    fn the_signature_never_rests() {
        for (raw, stored) in [
            ("SdkAppid=1&Sign=ab&x=%zz&RequestTime=1&x=2", "SdkAppid=1&x=%zz&x=2"),
            ("%53ign=ab&a=1&Request%54ime=5", "a=1"),
            ("Sign=ab", ""),
            ("", ""),
            ("signature=1&Sign", "signature=1"),
            ("&a=1&&Sign=ab&", "&a=1&&"),
        ] {
            assert_eq!(Query::parse(raw).unwrap().without_signature(), stored, "{raw}");
        }
    }
}
