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
mod sha256;
mod text;
pub mod webhook;

/// A third of the size of Rust's own allocator for wasm, and no slower.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(target_arch = "wasm32")]
mod doors {
    use worker::{
        event,
        wasm_bindgen::{self, JsValue, prelude::wasm_bindgen},
    };

    use crate::edge::{self, executor, runtime};

    #[event(start)]
    fn start() {
        console_error_panic_hook::set_once();
        runtime::begin();
    }

    /// Answers a request: with a response, or a promise of one. Not `#[event(fetch)]`, which waits by wasm-bindgen's
    /// executor, and whose error answers are a tenth of the Worker's size; a refusal has its own way out.
    #[wasm_bindgen]
    pub fn fetch(request: JsValue, env: JsValue, ctx: JsValue) -> JsValue {
        executor::run(edge::fetch(request, env, ctx))
    }

    /// Works on a batch of messages. Not `#[event(queue)]`: what that hands over needs serde-wasm-bindgen, and its errors
    /// are panics.
    #[wasm_bindgen]
    pub fn queue(batch: JsValue, env: JsValue) -> JsValue {
        executor::run(edge::consume(batch, env))
    }
}
