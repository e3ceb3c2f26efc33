//! The Workers runtime: what arrives is made into plain values, what was decided is carried out. Nothing is
//! decided here, and nothing outside this folder knows that there is a runtime.

mod body;
mod clock;
mod kv;
mod respond;
mod state;

use worker::{Env, js_sys::futures::future_to_promise, wasm_bindgen::JsValue, web_sys, worker_sys::Context};

use crate::{
    intake::Head,
    receive::{Answered, Receiver},
    reply::Reply,
    routes::{self, Target},
};
use {body::RequestBody, clock::RuntimeClock, state::State};

/// Answers one request.
///
/// # Errors
/// Where the runtime will not build a response.
pub async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response, JsValue> {
    let state = State::get(&env);
    let (method, url) = (request.method(), request.url());
    if routes::is_health(&method, Target::of(&url).path) {
        return respond::with(&Reply::health(&state.config));
    }

    let head = Head { method: &method, url: &url, content_length: body::declared_length(&request) };
    let body = RequestBody::new(&request, head.content_length);
    let receiver = Receiver { config: &state.config, store: &state.events, clock: &RuntimeClock };
    let Answered { reply, log, late } = receiver.receive(head, body).await;

    if let Some(puts) = late {
        // Whether they succeed is of no interest any more: the sender has its answer.
        let rest = async {
            let _ = puts.await;
            Ok(JsValue::UNDEFINED)
        };
        ctx.wait_until(&future_to_promise(std::panic::AssertUnwindSafe(rest)))?;
    }
    respond::log(&log);
    respond::with(&reply)
}
