//! Bodies, read no further than they may be long.

use worker::{
    js_sys::{Object, Reflect, Uint8Array},
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{ReadableStream, ReadableStreamDefaultReader, Request},
};

use crate::receive::{Body, BodyError};

/// The body of a request that has been looked at but not read.
pub struct RequestBody<'a> {
    request: &'a Request,
    declared: Option<u64>,
}

impl<'a> RequestBody<'a> {
    /// The body of `request`, with the length that was declared for it.
    pub fn new(request: &'a Request, declared: Option<u64>) -> Self {
        Self { request, declared }
    }
}

impl Body for RequestBody<'_> {
    async fn read(self, max: usize) -> Result<Vec<u8>, BodyError> {
        let bytes = match self.declared {
            // HTTP holds the body to its declared length, so it is safe to take it in one piece.
            Some(length) if length <= max as u64 => self.whole().await,
            Some(_) => return Err(BodyError::TooLarge),
            None => match self.request.body() {
                Some(stream) => in_pieces(&stream, max).await,
                None => Ok(Vec::new()),
            },
        };
        let bytes = bytes.map_err(|_| BodyError::Broken)?;
        if bytes.len() > max { Err(BodyError::TooLarge) } else { Ok(bytes) }
    }
}

impl RequestBody<'_> {
    async fn whole(&self) -> Result<Vec<u8>, JsValue> {
        let buffer = self.request.array_buffer()?.await?;
        Ok(Uint8Array::new(&buffer).to_vec())
    }
}

/// Reads `stream` to its end, or until there are more than `max` bytes, and drops the rest unread.
pub async fn in_pieces(stream: &ReadableStream, max: usize) -> Result<Vec<u8>, JsValue> {
    let mut bytes = Vec::new();
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    while bytes.len() <= max {
        let piece: Object = reader.read().await?.unchecked_into();
        if Reflect::get(&piece, &"done".into())?.is_truthy() {
            return Ok(bytes);
        }
        bytes.extend(Uint8Array::new(&Reflect::get(&piece, &"value".into())?).to_vec());
    }
    // Whether the sender hears that nobody listens any more makes no difference.
    let _ = reader.cancel();
    Ok(bytes)
}
