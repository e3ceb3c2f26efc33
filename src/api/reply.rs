//! What the handlers return, and how it becomes a response.

use serde::Serialize;

use crate::response::Response;

/// What a handler returns.
pub trait Reply {
    /// The response that says it.
    fn response(self) -> Response;

    /// The schema of the response's body; `None` if it has none.
    #[cfg(not(target_arch = "wasm32"))]
    fn schema(generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema>;
}

/// There is nothing to say: 204.
pub struct NoContent;

impl Reply for NoContent {
    fn response(self) -> Response {
        Response::no_content()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn schema(_: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        None
    }
}

/// What can be described: natively, what has a schema.
#[cfg(not(target_arch = "wasm32"))]
pub trait Described: schemars::JsonSchema {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: schemars::JsonSchema> Described for T {}

/// What can be described. The Worker does not.
#[cfg(target_arch = "wasm32")]
pub trait Described {}
#[cfg(target_arch = "wasm32")]
impl<T> Described for T {}

impl<T: Serialize + Described> Reply for T {
    fn response(self) -> Response {
        Response::json(&self)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn schema(generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        Some(generator.subschema_for::<T>())
    }
}
