//! The Workers runtime: what arrives is made into plain values, what was decided is carried out. Nothing is
//! decided here, and nothing outside this folder knows that there is a runtime.

mod bindings;
mod clock;
mod d1;
mod http;
mod kv;
mod origin;
#[cfg(feature = "provoke-panic")]
mod panic;
mod queue;

use std::pin::pin;

use worker::{
    Context, Env, js_sys,
    wasm_bindgen::{JsCast as _, JsValue},
    web_sys::{self, Request, console},
    worker_sys::MessageBatch,
};

use crate::{
    api::{self, Api, ApiRequest},
    database::{
        Database as _,
        retention::{Retention, retain as delete_due},
    },
    delivery::{
        consumer::{Consumer, Source},
        dead_letter,
    },
    log::Level,
    origin::HOP_HEADER,
    receive::validate::RequestHead,
    receive::{HandledCall, Receiver},
    response::Response,
    routes::{self, Target},
    storage::{Clock as _, within},
};
use {bindings::Bindings, clock::RuntimeClock, http::RequestBody, origin::OriginFetch, queue::Message};

/// How long D1 may take to take the counts of calls, in ms.
const CALLS_WITHIN_MS: u64 = 10_000;

/// Answers one request.
pub async fn fetch(request: Request, env: Env, ctx: Context) -> Result<web_sys::Response, JsValue> {
    let bindings = Bindings::get(&env);
    let (method, url) = (request.method(), request.url());
    let target = Target::of(&url);
    #[cfg(feature = "provoke-panic")]
    panic::provoke(target.path).await;
    if routes::is_health(&method, target.path) {
        let invalid = bindings.schema.invalid_settings(&bindings.config, bindings.database.as_ref()).await;
        return http::response(&Response::health(&invalid));
    }
    if target.path.starts_with(api::PREFIX) {
        let authorization = http::header(&request, "authorization");
        let api = Api {
            config: &bindings.config,
            reader: &bindings.events,
            queue: bindings.deliveries.as_ref(),
            database: bindings.database.as_ref(),
            schema: &bindings.schema,
            clock: &RuntimeClock,
        };
        let request = ApiRequest {
            method: &method,
            path: target.path,
            query: target.query,
            is_confidential: target.is_confidential(),
            authorization: authorization.as_deref(),
        };
        return http::response(&api.answer(request).await);
    }

    let content_length = http::header(&request, "content-length").and_then(|length| length.parse().ok());
    let has_hop_header = http::header(&request, HOP_HEADER).is_some();
    let head = RequestHead { method: &method, target, has_hop_header, content_length };
    let receiver = Receiver {
        config: &bindings.config,
        store: &bindings.events,
        database: bindings.database.as_ref(),
        queue: bindings.deliveries.as_ref(),
        origin: &OriginFetch,
        clock: &RuntimeClock,
    };
    let body = RequestBody::new(&request, content_length);
    let HandledCall { response, log: (level, record), kind, late } = receiver.receive(head, &body).await;

    for attempts in late {
        // Whether they succeed is of no interest any more: the sender has its answer.
        ctx.wait_until(async { _ = attempts.await });
    }
    log(level, &record);
    if bindings.database.is_some()
        && let Some(wait_ms) = bindings.calls.count(kind, RuntimeClock.now_ms())
    {
        ctx.wait_until(async move { write_calls(&bindings, wait_ms).await });
    }
    http::response(&response)
}

/// Writes how many calls there were, after `wait_ms` ms.
async fn write_calls(bindings: &Bindings, wait_ms: u64) {
    let Some(database) = &bindings.database else { return };
    if wait_ms > 0 {
        RuntimeClock.sleep(wait_ms).await;
    }
    for hour in bindings.calls.take(RuntimeClock.now_ms()) {
        // Where D1 fails, it has not taken them. Where it does not answer, it may have: to add them again might count twice.
        let writing = pin!(database.run(hour.statement()));
        if matches!(within(&RuntimeClock, CALLS_WITHIN_MS, writing).await, Some(Err(_))) {
            bindings.calls.put_back(hour);
            log(Level::Warn, r#"{"outcome":"failed","reason":"call_counts"}"#);
        }
    }
}

/// Processes one batch of messages, each of which is settled.
pub async fn consume(batch: MessageBatch, env: Env) {
    let bindings = Bindings::get(&env);
    let consumer = Consumer {
        config: &bindings.config,
        store: &bindings.events,
        database: bindings.database.as_ref(),
        origin: &OriginFetch,
        clock: &RuntimeClock,
        random: &js_sys::Math::random,
        log: &|level, record| log(level, &record),
    };
    let queue = batch.queue().map(String::from).unwrap_or_default();
    consumer.consume(Source::of(&queue), Message::all(&batch)).await;
}

/// Deletes from D1 what is due.
pub async fn retain(env: Env) {
    let bindings = Bindings::get(&env);
    // With settings that calls are rejected for, it is not known for how long.
    let (Some(database), Some(settings)) = (&bindings.database, &bindings.config.settings) else { return };
    let events_seconds = settings.retention_seconds;
    let retention = Retention { events_seconds, dead_letters_seconds: dead_letter::retention_seconds(events_seconds) };
    if delete_due(database, retention, RuntimeClock.now_ms()).await.is_err() {
        log(Level::Error, r#"{"outcome":"failed","reason":"retention"}"#);
    }
}

/// Writes a log record.
fn log(level: Level, record: &str) {
    let record = record.into();
    match level {
        Level::Info => console::log_1(&record),
        Level::Warn => console::warn_1(&record),
        Level::Error => console::error_1(&record),
    }
}

/// What a JavaScript error says.
fn error_text(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_default()
}
