//! The webhooks that are not ours, relayed to the app's backend inside the call: "before" commands need its own
//! decision in the response, and one URL receives every webhook of the app.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::{
    origin::{HOP_HEADER, OriginUrl},
    outgoing::{Outgoing, OutgoingError, OutgoingRequest, Wanted},
    response::Response,
};

/// Longest response that is handed back, in bytes.
pub const RESPONSE_MAX: usize = 1024 * 1024;

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The query, `Sign` and `RequestTime` included.
    pub query: &'a str,
    /// The `Content-Type`, if it came with one.
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// Posts `webhook` to the backend as it came, and hands back the status and the JSON of its response.
///
/// # Errors
/// See [`RelayError`].
pub async fn relay(
    origin: &impl Outgoing,
    url: &OriginUrl,
    webhook: Webhook<'_>,
    within_ms: u64,
) -> Result<Response, RelayError> {
    let mut headers = vec![(HOP_HEADER, "1".to_owned())];
    headers.extend(webhook.content_type.map(|it| ("content-type", it.to_owned())));
    let request = OutgoingRequest {
        url: url.with_query(webhook.query),
        headers,
        body: webhook.body,
        within_ms,
        wanted: Wanted::Whole(RESPONSE_MAX),
    };
    let response = origin.post(request).await.map_err(RelayError::from)?;
    match response.status {
        300..400 => return Err(RelayError::Redirect),
        // These have no body, or are no statuses: the runtime would not build such a response.
        204 | 205 | ..200 | 600.. => return Err(RelayError::NotJson),
        _ => {}
    }
    let body = String::from_utf8(response.body).ok().filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    Ok(Response { status: response.status, body: Cow::Owned(body.ok_or(RelayError::NotJson)?), ..Response::ok() })
}

/// Why a webhook was not relayed, or its response not handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayError {
    /// The backend did not answer in time.
    Late,
    /// The backend could not be reached, or broke off.
    Unreachable,
    /// It answered with a redirect, which is not followed.
    Redirect,
    /// Its response is not JSON.
    NotJson,
    /// Its response is longer than is handed back.
    TooLarge,
}

impl From<OutgoingError> for RelayError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Late => Self::Late,
            OutgoingError::Unreachable => Self::Unreachable,
            OutgoingError::TooLarge => Self::TooLarge,
        }
    }
}
