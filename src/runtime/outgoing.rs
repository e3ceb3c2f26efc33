//! The way to other servers: `fetch`.

use std::pin::pin;

use worker::{
    AbortSignal, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    js_sys::Uint8Array,
    web_sys::{self, Response},
};

use super::{clock::RuntimeClock, http::read_up_to};
use crate::{
    outgoing::{
        Outgoing, OutgoingError, OutgoingRequest, OutgoingResponse, START_WITHIN_MS, Wanted, retry_after_seconds,
    },
    storage::{Clock as _, within},
};

/// `fetch`, with a deadline and without redirects.
pub struct OutgoingFetch;

impl Outgoing for OutgoingFetch {
    async fn post(&self, request: OutgoingRequest<'_>) -> Result<OutgoingResponse, OutgoingError> {
        #[cfg(feature = "provoke-panic")]
        super::panic::provoke_in_delivery(request.body);
        let timeout = u32::try_from(request.within_ms).unwrap_or(u32::MAX);
        let signal = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(timeout));
        let response = post(request, &signal).await;
        response.map_err(|error| if signal.aborted() { OutgoingError::Late } else { error })
    }
}

async fn post(request: OutgoingRequest<'_>, signal: &AbortSignal) -> Result<OutgoingResponse, OutgoingError> {
    let OutgoingRequest { url, headers, body, wanted, .. } = request;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Headers>())
        // Copied into JavaScript's memory: the Worker's own may be used anew by the time that it is sent.
        .with_body(Some(Uint8Array::from(body).into()))
        .with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(&url, &init).map_err(|_| OutgoingError::Unreachable)?;
    let response = Fetch::Request(request).send_with_signal(signal).await.map_err(|_| OutgoingError::Unreachable)?;
    let response = Response::from(response);
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let head = OutgoingResponse {
        status: response.status(),
        retry_after: retry_after.and_then(|text| retry_after_seconds(&text, RuntimeClock.now_ms())),
        body: Vec::new(),
    };
    let mut body = Vec::new();
    match wanted {
        Wanted::Whole(max) => {
            read_up_to(&mut body, response.body(), max).await.map_err(|_| OutgoingError::Unreachable)?;
            if body.len() > max {
                return Err(OutgoingError::TooLarge);
            }
        }
        Wanted::Start(max) => {
            let _ = within(&RuntimeClock, START_WITHIN_MS, pin!(read_up_to(&mut body, response.body(), max))).await;
            body.truncate(max);
        }
    }
    Ok(OutgoingResponse { body, ..head })
}
