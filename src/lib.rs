//! Receives Tencent Cloud Chat's Follow webhooks in a Cloudflare Worker: checks the SDKAppID and the Sign at the edge, stores
//! each event in KV and in an event log in D1, delivers it to the app's origin by way of a queue, relays the app's other webhooks
//! to that origin, and answers within Tencent's two seconds.
//!
//! All rules are plain Rust that builds and is tested natively. The runtime is in `runtime`, which exists on wasm32 alone;
//! this file has the event handlers that the runtime calls.

// On wasm32 the glue that wasm-bindgen writes is unsafe code.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]
#![deny(
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

pub mod alerts;
pub mod api;
pub mod api_token;
pub mod completeness;
pub mod config;
pub mod database;
pub mod delivery;
pub mod dispatch;
mod encoding;
pub mod event;
pub mod log;
pub mod origin;
pub mod outgoing;
pub mod plan;
pub mod ports;
pub mod receive;
pub mod response;
pub mod routes;
#[cfg(target_arch = "wasm32")]
mod runtime;
pub mod sink;
pub mod standard_webhooks;
pub mod storage;
pub mod webhook;

#[cfg(target_arch = "wasm32")]
mod handlers {
    //! What the runtime calls.

    use worker::{
        Context, Env, ScheduleContext, ScheduledEvent, event, js_sys,
        wasm_bindgen::{self, JsValue, prelude::wasm_bindgen},
        web_sys::{Request, Response},
        worker_sys::MessageBatch,
    };

    use crate::runtime;

    #[event(start)]
    fn start() {
        console_error_panic_hook::set_once();
        // Without it, wasm-bindgen's executor goes on by a promise. workerd's own costs a tenth of a call.
        let _ = js_sys::Reflect::set(&js_sys::global(), &"queueMicrotask".into(), &JsValue::UNDEFINED);
    }

    #[event(fetch)]
    async fn fetch(request: Request, env: Env, ctx: Context) -> worker::Result<Response> {
        Ok(runtime::fetch(request, env, ctx).await?)
    }

    #[event(scheduled)]
    async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
        runtime::scheduled(event, env).await;
    }

    /// Not `#[event(queue)]`: its `MessageBatch` hides the JavaScript messages, and their `attempts` with them.
    #[wasm_bindgen(
        wasm_bindgen = worker::wasm_bindgen,
        wasm_bindgen_futures = worker::wasm_bindgen_futures,
        js_sys = worker::js_sys
    )]
    pub async fn queue(batch: MessageBatch, env: Env) {
        runtime::consume(batch, env).await;
    }
}
