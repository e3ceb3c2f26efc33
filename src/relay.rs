//! The webhooks that are not ours, relayed to the app's backend inside the call: "before" commands need its own
//! decision in the answer, and one URL receives every webhook of the app.

use std::borrow::Cow;

use crate::{
    json,
    origin::{Origin, OriginRequest, OriginUrl, RelayFault},
    refusal::Refusal,
    reply::Reply,
};

/// Longest answer that is handed back, in bytes.
pub const ANSWER_MAX: usize = 1024 * 1024;

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
    match answer.status {
        300..400 => return Err(RelayFault::Redirect.into()),
        // These have no body, or are no statuses: the runtime would not build such a response.
        204 | 205 | ..200 | 600.. => return Err(RelayFault::NotJson.into()),
        _ => {}
    }
    let body = String::from_utf8(answer.body).ok().filter(|text| json::is_value(text));
    Ok(Reply { status: answer.status, body: Cow::Owned(body.ok_or(RelayFault::NotJson)?), ..Reply::ok() })
}
