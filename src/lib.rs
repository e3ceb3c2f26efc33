//! Receives Tencent Cloud Chat's Follow webhooks in a Cloudflare Worker: checks the SDKAppID and the Sign at
//! the edge, keeps each event in a KV namespace or brings it to the app's origin through a queue, relays the app's other
//! webhooks to that origin, and answers within Tencent's two seconds.
//!
//! All rules are plain Rust that builds and is tested natively. The runtime is in [`mod@edge`], which exists
//! on wasm32 alone; this file holds the doors through which the runtime enters.

// On wasm32 the glue that wasm-bindgen writes is unsafe code.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]
#![deny(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

pub mod admin;
pub mod api;
pub mod config;
pub mod dead;
pub mod deliver;
#[cfg(target_arch = "wasm32")]
pub mod edge;
pub mod event;
pub mod intake;
mod json;
pub mod keep;
pub mod log;
pub mod message;
pub mod origin;
pub mod receive;
pub mod refusal;
pub mod relay;
pub mod reply;
pub mod routes;
pub mod webhook;

#[cfg(target_arch = "wasm32")]
mod doors {
    use worker::{
        Env, event, js_sys,
        wasm_bindgen::{self, JsValue, prelude::wasm_bindgen},
        web_sys::{Request, Response},
        worker_sys::Context,
    };

    use crate::edge::Batch;

    #[event(start)]
    fn start() {
        console_error_panic_hook::set_once();
    }

    /// Not `#[event(fetch)]`: the error answers that it makes, and their texts, are a tenth of the Worker's size, and
    /// a refusal has its own way out.
    #[wasm_bindgen]
    pub async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response, JsValue> {
        crate::edge::fetch(request, env, ctx).await
    }

    /// Not `#[event(queue)]`: what that hands over needs serde-wasm-bindgen, and its errors are panics.
    #[wasm_bindgen]
    pub async fn queue(batch: Batch, env: Env, _ctx: Context) {
        crate::edge::consume(&batch, &env).await;
    }
}
