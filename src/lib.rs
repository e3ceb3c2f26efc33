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
pub mod comparison;
pub mod completeness;
pub mod config;
pub mod database;
pub mod delivery;
pub mod dispatch;
mod encoding;
pub mod event;
pub mod export;
mod hash;
pub mod log;
pub mod metrics;
pub mod origin;
pub mod outgoing;
pub mod plan;
pub mod ports;
pub mod ranking;
pub mod receive;
pub mod response;
pub mod routes;
#[cfg(all(target_arch = "wasm32", feature = "runtime"))]
mod runtime;
pub mod sink;
pub mod standard_webhooks;
pub mod storage;
pub mod tencent;
pub mod webhook;

#[cfg(all(target_arch = "wasm32", feature = "runtime"))]
mod handlers {
    //! What the runtime calls.

    use futures_util::FutureExt as _;
    use worker::{
        Context, Env, ScheduleContext, ScheduledEvent, event, js_sys,
        wasm_bindgen::{self, JsCast as _, JsValue, prelude::wasm_bindgen},
        wasm_bindgen_futures::future_to_promise,
        web_sys::Request,
        worker_sys::{self, MessageBatch},
    };

    use crate::runtime;

    #[event(start)]
    fn start() {
        console_error_panic_hook::set_once();
        // Without it, wasm-bindgen's executor goes on by a promise. workerd's own costs a tenth of a call.
        let _ = js_sys::Reflect::set(&js_sys::global(), &"queueMicrotask".into(), &JsValue::UNDEFINED);
    }

    /// Not `#[event(fetch)]`: it makes a promise for each call, and most rejections are decided at once. What is pending runs on
    /// wasm-bindgen's executor.
    ///
    /// # Errors
    /// What the runtime says where it refuses to make a response.
    #[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
    pub fn fetch(request: Request, env: Env, ctx: JsValue) -> Result<JsValue, JsValue> {
        let ctx: worker_sys::Context = ctx.unchecked_into();
        let mut answering = Box::pin(runtime::fetch(request, env, Context::new(ctx.clone().unchecked_into())));
        if let Some(response) = (&mut answering).now_or_never() {
            return response.map(JsValue::from);
        }
        let response = future_to_promise(async { answering.await.map(JsValue::from) });
        // When a sender breaks off, the runtime drops what its call waits for and tells nobody, so that the call would stay in
        // memory. This lets it end in its own time.
        ctx.wait_until(&response)?;
        Ok(response.into())
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
