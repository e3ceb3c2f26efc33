//! The Workers runtime: what arrives is made into plain values, what was decided is carried out. Nothing is
//! decided here, and nothing outside this folder knows that there is a runtime.

mod body;
mod cache;
mod clock;
mod kv;
mod origin;
mod queue;
mod respond;
mod state;

use std::panic::AssertUnwindSafe;

use worker::{
    Env,
    js_sys::{Math, futures::future_to_promise},
    wasm_bindgen::{JsCast as _, JsValue},
    web_sys,
    worker_sys::Context,
};

use crate::{
    api::{self, Api, ApiRequest},
    deliver::{Courier, Source},
    intake::Head,
    keep::Clock as _,
    receive::{Answered, Receiver},
    reply::Reply,
    routes::{self, Target},
};
pub use queue::Batch;
use {body::RequestBody, cache::EdgeCache, clock::RuntimeClock, origin::Fetch, queue::Message, state::State};

/// Answers one request.
///
/// # Errors
/// Where the runtime will not build a response.
pub async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response, JsValue> {
    let state = State::get(&env);
    let (method, url) = (request.method(), request.url());
    let target = Target::of(&url);
    let header = |name| request.headers().get(name).ok().flatten();
    if routes::is_health(&method, target.path) {
        return respond::with(&Reply::health(&state.config));
    }
    if target.path.starts_with(api::PREFIX) {
        let authorization = header("authorization");
        let authorization = authorization.as_deref();
        let request = ApiRequest {
            method: &method,
            path: target.path,
            query: target.query,
            is_confidential: target.is_confidential(),
            authorization,
        };
        let api = Api {
            config: &state.config,
            shelf: &state.events,
            queue: state.deliveries.as_ref(),
            cache: &EdgeCache { host: target.host },
            now_ms: RuntimeClock.now_ms(),
        };
        return respond::with(&api.answer(request).await);
    }

    let (content_type, content_length) = (header("content-type"), header("content-length"));
    let content_length = content_length.and_then(|length| length.parse().ok());
    let head = Head { method: &method, url: &url, content_type: content_type.as_deref(), content_length };
    let receiver = Receiver {
        config: &state.config,
        store: &state.events,
        queue: state.deliveries.as_ref(),
        origin: &Fetch,
        clock: &RuntimeClock,
    };
    let body = RequestBody::new(&request, content_length);
    let Answered { reply, log: (level, line), late } = receiver.receive(head, body).await;

    for attempts in late {
        // Whether they succeed is of no interest any more: the sender has its answer.
        let rest = async {
            let _ = attempts.await;
            Ok(JsValue::UNDEFINED)
        };
        ctx.wait_until(&future_to_promise(AssertUnwindSafe(rest)))?;
    }
    respond::log(level, &line);
    respond::with(&reply)
}

/// Works on one batch of messages, each of which is settled.
pub async fn consume(batch: &Batch, env: &Env) {
    let state = State::get(env);
    let courier = Courier {
        config: &state.config,
        store: &state.events,
        origin: &Fetch,
        clock: &RuntimeClock,
        random: &Math::random,
        log: &|level, line| respond::log(level, &line),
    };
    let messages = batch.messages().into_iter().map(|message| message.unchecked_into::<Message>());
    courier.work(Source::of(&batch.queue()), messages).await;
}
