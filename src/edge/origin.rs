//! The way to the app's backend: `fetch`.

use worker::{
    js_sys::{self, Date, Promise, Uint8Array},
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope},
};

use super::{
    body,
    clock::{RuntimeClock, whole_ms},
};
use crate::{
    keep::Clock as _,
    origin::{Origin, OriginAnswer, OriginError, OriginRequest},
};

/// `fetch`, with a deadline and without redirects.
pub struct Fetch;

impl Origin for Fetch {
    async fn post(&self, request: OriginRequest<'_>) -> Result<OriginAnswer, OriginError> {
        let deadline = AbortSignal::timeout_with_u32(u32::try_from(request.within_ms).unwrap_or(u32::MAX));
        let error = |_: JsValue| if deadline.aborted() { OriginError::Late } else { OriginError::Unreachable };
        let response = begin(&request, &deadline).map_err(error)?.await.map_err(error)?;
        let response: Response = response.unchecked_into();
        let body = match response.body() {
            None => Vec::new(),
            Some(stream) if request.answer_max == 0 => {
                // Nobody reads it: the connection is free for others. It may have ended by itself.
                let _ = stream.cancel();
                Vec::new()
            }
            Some(stream) => body::in_pieces(&stream, request.answer_max).await.map_err(error)?,
        };
        if body.len() > request.answer_max {
            return Err(OriginError::TooLarge);
        }
        Ok(OriginAnswer { status: response.status(), retry_after: retry_after(&response), body })
    }
}

fn begin(request: &OriginRequest<'_>, deadline: &AbortSignal) -> Result<Promise, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&Uint8Array::from(request.body));
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(deadline));
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    Ok(scope.fetch_with_str_and_init(&request.url, &init).unchecked_into())
}

/// `Retry-After` in seconds from now; it may be written as a date.
fn retry_after(response: &Response) -> Option<u64> {
    let text = response.headers().get("retry-after").ok().flatten()?;
    text.parse().ok().or_else(|| {
        // What is no date is a time long past, and nothing to wait for.
        let at = whole_ms(Date::parse(&text));
        Some(at.saturating_sub(RuntimeClock.now_ms()).div_ceil(1000))
    })
}
