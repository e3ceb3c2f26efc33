//! Requests and responses as the runtime has them: `web_sys` types, because `worker::Request` copies `cf`, method and all
//! headers of each request, and `worker::Response` builds new headers for each response.

use std::{
    cell::{OnceCell, RefCell},
    time::{Duration, SystemTime},
};

use futures_util::FutureExt as _;
use httpdate::fmt_http_date;
use worker::{
    js_sys::{JsString, Reflect, Uint8Array},
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::JsFuture,
    web_sys::{self, Headers, ReadableStream, ReadableStreamDefaultReader, Request, ResponseInit},
};

use crate::{
    dispatch,
    origin::HOP_HEADER,
    receive::{Body, BodyError},
    response::{CACHE_CONTROL, Response},
};

impl dispatch::Request for Request {
    type Body<'a> = RequestBody<'a>;

    fn header(&self, name: &str) -> Option<String> {
        self.headers().get(name).ok().flatten()
    }

    fn has_hop_header(&self) -> bool {
        HOP.with(|name| self.headers().unchecked_ref::<NamedHeaders>().has(name))
    }

    fn body(&self) -> RequestBody<'_> {
        RequestBody { request: self, declared: OnceCell::new() }
    }
}

// The names of headers that calls are asked for. They are made once; any other text is made anew each time.
thread_local! {
    static HOP: JsString = HOP_HEADER.into();
    static LENGTH: JsString = "content-length".into();
}

#[wasm_bindgen]
extern "C" {
    /// [`Headers`], asked by such a name.
    #[wasm_bindgen(extends = Headers, js_name = Headers)]
    type NamedHeaders;

    #[wasm_bindgen(method)]
    fn has(this: &NamedHeaders, name: &JsString) -> bool;

    #[wasm_bindgen(method)]
    fn get(this: &NamedHeaders, name: &JsString) -> Option<String>;
}

/// The body of a request that has not been read.
pub struct RequestBody<'a> {
    request: &'a Request,
    /// The length in bytes that was declared for it, once it was asked for.
    declared: OnceCell<Option<u64>>,
}

impl Body for RequestBody<'_> {
    fn content_type(&self) -> Option<String> {
        dispatch::Request::header(self.request, "content-type")
    }

    fn declared_length(&self) -> Option<u64> {
        *self.declared.get_or_init(|| {
            let length = LENGTH.with(|name| self.request.headers().unchecked_ref::<NamedHeaders>().get(name));
            length.and_then(|length| length.parse().ok())
        })
    }

    async fn read(&self, max: usize) -> Result<Vec<u8>, BodyError> {
        let bytes = match self.declared_length() {
            // HTTP holds the body to its declared length, so it is safe to take it in one piece.
            Some(length) if length <= max as u64 => whole(self.request).await,
            Some(_) => return Err(BodyError::TooLarge),
            None => {
                // Boxed, and of no known type: Tencent's calls have a length, so it is no part of their future.
                let mut bytes = Vec::new();
                read_up_to(&mut bytes, self.request.body(), max).boxed_local().await.map(|()| bytes)
            }
        };
        let bytes = bytes.map_err(|_| BodyError::Broken)?;
        if bytes.len() > max { Err(BodyError::TooLarge) } else { Ok(bytes) }
    }
}

async fn whole(request: &Request) -> Result<Vec<u8>, JsValue> {
    let buffer = JsFuture::from(request.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Reads a stream into `bytes`, to its end or until there are more than `max` of them; the rest is dropped unread. What was read
/// stays there if the rest fails to arrive.
pub async fn read_up_to(bytes: &mut Vec<u8>, stream: Option<ReadableStream>, max: usize) -> Result<(), JsValue> {
    let Some(stream) = stream else { return Ok(()) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    while bytes.len() <= max {
        let read = JsFuture::from(reader.read()).await?;
        if Reflect::get(&read, &"done".into())?.is_truthy() {
            return Ok(());
        }
        let piece: Uint8Array = Reflect::get(&read, &"value".into())?.dyn_into()?;
        bytes.extend(piece.to_vec());
    }
    let _ = reader.cancel();
    Ok(())
}

/// The response as the runtime has it.
pub fn response(response: &Response) -> Result<web_sys::Response, JsValue> {
    let Response { status, body, content_type, header, date } = response;
    let made = with_shared_headers(*status, content_type, |init| {
        web_sys::Response::new_with_opt_str_and_init((!body.is_empty()).then_some(body), init)
    })?;
    if header.is_some() || date.is_some() || body.is_empty() {
        set_own_headers(&made.headers(), response)?;
    }
    Ok(made)
}

// Apart: an OK has none.
#[inline(never)]
fn set_own_headers(headers: &Headers, Response { body, header, date, .. }: &Response) -> Result<(), JsValue> {
    if let Some((name, value)) = header {
        headers.set(name, value)?;
    }
    if let Some(ms) = date {
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(*ms));
        headers.set("date", &date.map(fmt_http_date).unwrap_or_default())?;
    }
    if body.is_empty() {
        headers.delete("content-type")?;
    }
    Ok(())
}

/// What a response is made with besides its body, by status and content type.
type SharedInit = ((u16, &'static str), ResponseInit);

/// Runs `build` with the status and the headers that responses share. Those are made once: to copy `Headers` costs less than
/// to make new ones, a tenth of a rejected call.
fn with_shared_headers<T>(
    status: u16,
    content_type: &'static str,
    build: impl FnOnce(&ResponseInit) -> Result<T, JsValue>,
) -> Result<T, JsValue> {
    thread_local! {
        static SHARED: RefCell<Vec<SharedInit>> = const { RefCell::new(Vec::new()) };
    }
    let key = (status, content_type);
    let made = SHARED.with_borrow(|shared| shared.iter().find(|(it, _)| *it == key).map(|(_, init)| init.clone()));
    if let Some(init) = made {
        return build(&init);
    }
    let headers = Headers::new()?;
    headers.set("content-type", content_type)?;
    headers.set("cache-control", CACHE_CONTROL)?;
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    SHARED.with_borrow_mut(|shared| shared.push((key, init.clone())));
    build(&init)
}
