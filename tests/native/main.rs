//! The native tests: every rule of the Worker, without a runtime. One binary, because linking takes the time.
//!
//! Expected results come from outside this code wherever they can: a Python script writes `../vectors/*.json`, and
//! random inputs are checked against properties that hold for all of them.

mod acknowledgement;
mod alerts;
mod api;
mod bursts;
mod call_counter;
mod clock_jumps;
mod config;
mod consumer;
mod database;
mod dispatch;
#[path = "../shared/document.rs"]
mod document;
mod documentation;
mod event;
mod event_batch;
mod event_log;
mod fakes;
#[path = "../shared/hostile_ids.rs"]
mod hostile_ids;
mod kinds;
mod log;
mod message;
mod metrics;
mod notify;
mod openapi;
mod openapi_client;
mod origin;
mod outage;
mod persist;
mod ports;
mod properties;
mod receive;
mod relay;
mod retention;
mod retry;
mod samples;
mod schema;
mod standard_webhooks;
mod tencent;
mod upgrade;
mod user_totals;
mod vectors;
