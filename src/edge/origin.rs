//! The way to the app's backend: `fetch`.

use super::{
    clock::{RuntimeClock, whole_ms},
    executor::Promised,
    runtime,
};
use crate::{
    json,
    keep::Clock as _,
    origin::{Origin, OriginAnswer, OriginError, OriginRequest},
};

/// `fetch`, with a deadline and without redirects.
pub struct Fetch;

impl Origin for Fetch {
    async fn post(&self, request: OriginRequest<'_>) -> Result<OriginAnswer, OriginError> {
        let OriginRequest { url, headers, body, within_ms, answer_max } = request;
        let (headers, ms) = (json::texts(&headers), u32::try_from(within_ms).unwrap_or(u32::MAX));
        let begun =
            Promised::begin(|slot, task| runtime::origin_post(slot, task, &url, &headers, body, ms, answer_max));
        let answer = begun.await.map_err(|error| match error.as_string().as_deref() {
            Some("late") => OriginError::Late,
            _ => OriginError::Unreachable,
        })?;
        let body = runtime::origin_body(&answer);
        if body.len() > answer_max {
            return Err(OriginError::TooLarge);
        }
        let retry_after = runtime::origin_retry_after(&answer);
        let retry_after = retry_after.map(|text| seconds_from_now(&text));
        Ok(OriginAnswer { status: runtime::origin_status(&answer), retry_after, body })
    }
}

/// `Retry-After` in seconds from now; it may be written as a date. What is neither is nothing to wait for.
fn seconds_from_now(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| {
        let at = whole_ms(runtime::parse_date(text));
        at.saturating_sub(RuntimeClock.now_ms()).div_ceil(1000)
    })
}
