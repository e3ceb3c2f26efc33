//! The Workers runtime: what arrives is made into plain values, what was decided is carried out. Nothing is
//! decided here, and nothing outside this folder knows that there is a runtime.

mod body;
mod cache;
mod clock;
pub(crate) mod executor;
mod kv;
mod origin;
#[cfg(feature = "provoke-panic")]
mod panic;
mod queue;
mod respond;
pub(crate) mod runtime;
mod state;

use worker::wasm_bindgen::JsValue;

use crate::{
    api::{self, Api, ApiRequest},
    deliver::{Courier, Source},
    intake::Head,
    keep::Clock as _,
    receive::{Answered, Receiver},
    reply::Reply,
    routes::{self, Target},
};
use {body::RequestBody, cache::EdgeCache, clock::RuntimeClock, origin::Fetch, queue::Message, state::State};

/// Answers one request.
pub async fn fetch(request: JsValue, env: JsValue, ctx: JsValue) -> JsValue {
    let state = State::get(&env);
    let head = runtime::head(&request);
    let mut lines = head.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, content_length, url) = (line(), line().parse().ok(), line());
    let target = Target::of(url);
    #[cfg(feature = "provoke-panic")]
    panic::provoke(target.path).await;
    if routes::is_health(method, target.path) {
        return respond::with(&Reply::health(&state.config));
    }
    if target.path.starts_with(api::PREFIX) {
        let authorization = runtime::header(&request, "authorization");
        let api = Api {
            config: &state.config,
            shelf: &state.events,
            queue: state.deliveries.as_ref(),
            cache: &EdgeCache { host: target.host },
            now_ms: RuntimeClock.now_ms(),
        };
        let request = ApiRequest {
            method,
            path: target.path,
            query: target.query,
            is_confidential: target.is_confidential(),
            authorization: authorization.as_deref(),
        };
        return respond::with(&api.answer(request).await);
    }

    let head = Head { method, target, content_length };
    let receiver = Receiver {
        config: &state.config,
        store: &state.events,
        queue: state.deliveries.as_ref(),
        origin: &Fetch,
        clock: &RuntimeClock,
    };
    let body = RequestBody::new(&request, content_length);
    let Answered { reply, log: (level, line), late } = receiver.receive(head, &body).await;

    for attempts in late {
        // Whether they succeed is of no interest any more: the sender has its answer.
        let rest = executor::run(async {
            let _ = attempts.await;
            JsValue::UNDEFINED
        });
        runtime::wait_until(&ctx, &rest);
    }
    respond::log(level, &line);
    respond::with(&reply)
}

/// Works on one batch of messages, each of which is settled.
pub async fn consume(batch: JsValue, env: JsValue) -> JsValue {
    let state = State::get(&env);
    let courier = Courier {
        config: &state.config,
        store: &state.events,
        origin: &Fetch,
        clock: &RuntimeClock,
        random: &runtime::random,
        log: &|level, line| respond::log(level, &line),
    };
    let messages = runtime::batch_messages(&batch).into_iter().map(Message);
    courier.work(Source::of(&runtime::batch_queue(&batch)), messages).await;
    JsValue::UNDEFINED
}
