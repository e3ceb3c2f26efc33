//! The Workers runtime: adapters of what arrives, and of what the Worker reaches. What is done with it is decided in
//! [`crate::dispatch`]; nothing outside this folder knows that there is a runtime.

mod bindings;
mod clock;
mod d1;
mod http;
mod kv;
mod outgoing;
#[cfg(feature = "provoke-panic")]
mod panic;
mod queue;

use std::{cell::OnceCell, rc::Rc};

use worker::{
    Context, Env, ScheduledEvent, js_sys,
    wasm_bindgen::{JsCast as _, JsValue},
    web_sys::{self, Request, console},
    worker_sys::MessageBatch,
};

use crate::{
    dispatch::{Answer, Dispatcher},
    log::Level,
    receive::Late,
};
use {bindings::Bindings, queue::Message};

/// This isolate's own Worker. A change of a setting is a deployment, and that starts new isolates.
fn dispatcher(env: &Env) -> Rc<Dispatcher<Bindings>> {
    thread_local! {
        static DISPATCHER: OnceCell<Rc<Dispatcher<Bindings>>> = const { OnceCell::new() };
    }
    let new = || Rc::new(Dispatcher::new(Bindings::new(env)));
    DISPATCHER.with(|dispatcher| Rc::clone(dispatcher.get_or_init(new)))
}

/// Answers one request.
pub async fn fetch(request: Request, env: Env, ctx: Context) -> Result<web_sys::Response, JsValue> {
    let dispatcher = dispatcher(&env);
    let (method, url) = (request.method(), request.url());
    #[cfg(feature = "provoke-panic")]
    panic::provoke(crate::routes::Target::of(&url).path).await;
    let Answer { response, late, write_calls_after_ms } = dispatcher.fetch(&method, &url, &request).await;
    if !late.is_empty() {
        finish(&dispatcher, late, &ctx);
    }
    if let Some(wait_ms) = write_calls_after_ms {
        ctx.wait_until(async move { dispatcher.write_calls(wait_ms).await });
    }
    http::response(&response)
}

/// Lets what is late run to its end. Whether it succeeds is of no interest any more: the sender has its answer.
#[cold]
#[inline(never)]
fn finish(dispatcher: &Rc<Dispatcher<Bindings>>, late: Vec<Late>, ctx: &Context) {
    for late in late {
        let dispatcher = Rc::clone(dispatcher);
        ctx.wait_until(async move { late.finish(&dispatcher.ports).await });
    }
}

/// Processes one batch of messages.
pub async fn consume(batch: MessageBatch, env: Env) {
    let queue = batch.queue().map(String::from).unwrap_or_default();
    dispatcher(&env).consume(&queue, Message::all(&batch)).await;
}

/// Does what a cron trigger is for.
pub async fn scheduled(event: ScheduledEvent, env: Env) {
    dispatcher(&env).scheduled(&event.cron(), clock::whole_ms(event.schedule())).await;
}

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
