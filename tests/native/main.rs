//! The native tests: every rule of the Worker, without a runtime. One binary, because linking is what takes time.
//!
//! Verdicts come from outside wherever they can: `../vectors/*.json` is written by a Python script, and random inputs
//! are judged by what must hold for any of them.

mod api;
mod config;
mod deliver;
#[path = "../shared/document.rs"]
mod document;
mod event;
mod fakes;
mod keep;
mod log;
mod message;
mod openapi;
mod properties;
mod readme;
mod receive;
mod relay;
mod rule;
mod samples;
mod vectors;
