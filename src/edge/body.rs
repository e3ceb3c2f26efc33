//! A request's body, read no further than it may be long.

use worker::wasm_bindgen::JsValue;

use super::{executor::Promised, runtime};
use crate::receive::{Body, BodyError};

/// The body of a request that has been looked at but not read.
pub struct RequestBody<'a> {
    request: &'a JsValue,
    declared: Option<u64>,
}

impl<'a> RequestBody<'a> {
    /// The body of `request`, with the length that was declared for it.
    pub fn new(request: &'a JsValue, declared: Option<u64>) -> Self {
        Self { request, declared }
    }
}

impl Body for RequestBody<'_> {
    fn content_type(&self) -> Option<String> {
        runtime::header(self.request, "content-type")
    }

    async fn read(&self, max: usize) -> Result<Vec<u8>, BodyError> {
        let begun = match self.declared {
            // HTTP holds the body to its declared length, so it is safe to take it in one piece.
            Some(length) if length <= max as u64 => {
                Promised::begin(|slot, task| runtime::body(slot, task, self.request))
            }
            Some(_) => return Err(BodyError::TooLarge),
            None => Promised::begin(|slot, task| runtime::body_up_to(slot, task, self.request, max)),
        };
        let buffer = begun.await.map_err(|_| BodyError::Broken)?;
        let bytes = runtime::bytes(&buffer);
        if bytes.len() > max { Err(BodyError::TooLarge) } else { Ok(bytes) }
    }
}
