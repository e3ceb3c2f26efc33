//! The native tests: every rule of the Worker, without a runtime. One binary, because linking is what takes time.
//!
//! Verdicts come from outside wherever they can: `../vectors/*.json` is written by a Python script, and random inputs
//! are judged by what must hold for any of them.

mod config;
mod event;
mod fakes;
mod keep;
mod log;
mod properties;
mod readme;
mod receive;
mod samples;
mod vectors;
