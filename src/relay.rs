//! The webhooks that are not ours, relayed to the app's backend inside the call: "before" commands need its own
//! decision in the answer, and one URL receives every webhook of the app.

use std::borrow::Cow;

use crate::{
    json,
    origin::{Origin, OriginError, OriginRequest, OriginUrl},
    refusal::Refusal,
    reply::Reply,
};

/// Longest answer that is handed back, in bytes.
pub const ANSWER_MAX: usize = 1024 * 1024;

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
    /// Its answer is longer than [`ANSWER_MAX`].
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

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The query, `Sign` and `RequestTime` included.
    pub query: &'a str,
    /// The `Content-Type`, where it came with one.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Posts `webhook` to the backend as it came, and hands back the status and the JSON of its answer.
///
/// # Errors
/// See [`RelayFault`].
pub async fn relay(
    origin: &impl Origin,
    url: &OriginUrl,
    webhook: Webhook<'_>,
    within_ms: u64,
) -> Result<Reply, Refusal> {
    let request = OriginRequest {
        url: url.with_query(webhook.query),
        headers: webhook.content_type.map(|it| ("content-type", it.to_owned())).into_iter().collect(),
        body: webhook.body,
        within_ms,
        answer_max: ANSWER_MAX,
    };
    let answer = origin.post(request).await.map_err(RelayFault::from)?;
    if (300..400).contains(&answer.status) {
        return Err(RelayFault::Redirect.into());
    }
    let body = String::from_utf8(answer.body).ok().filter(|text| json::is_value(text));
    Ok(Reply { status: answer.status, body: Cow::Owned(body.ok_or(RelayFault::NotJson)?), ..Reply::ok() })
}
