//! Tests on the real runtime: the built Worker in workerd, over HTTP. `make test` builds it first.

// Tests run natively and have no other clock; in src/ these would panic on wasm.
#![allow(clippy::disallowed_methods)]

mod alert_messages;
mod answers;
mod api;
mod backends;
mod batched;
mod bundle;
mod call;
mod clients;
mod compare_program;
mod comparison;
mod counted;
#[path = "../shared/ctrl_c.rs"]
mod ctrl_c;
mod dead_letters;
mod deliveries;
mod delivery;
mod demo;
#[path = "../shared/document.rs"]
mod document;
mod durability;
mod erasure;
mod event_log;
mod event_log_costs;
mod failures;
mod host;
#[path = "../shared/hostile_ids.rs"]
mod hostile_ids;
// Memory is read from /proc.
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
mod openapi;
mod origin;
mod panic;
mod plan;
#[path = "../shared/port.rs"]
mod port;
mod process;
mod programs;
mod prometheus;
mod records;
mod relay;
mod restore;
mod settings;
mod tencent;
mod upgrade;
mod worker;
#[cfg(target_os = "linux")]
mod workerd;

use std::sync::OnceLock;

use origin::Origin;
use worker::Worker;

/// The callback token of the app in [`call::APP`], and the other tokens that the signed Worker accepts.
const TOKEN: &str = "xxxxyyyy";
const PREVIOUS_TOKEN: &str = "the token before";
const OTHER_APP: &str = "1400000001";
const OTHER_APPS_TOKEN: &str = "its own";

/// A Worker that accepts signed calls only.
fn signed() -> &'static Worker {
    static SHARED: OnceLock<Worker> = OnceLock::new();
    SHARED.get_or_init(|| {
        Worker::with(&[
            ("SDK_APP_IDS", "1400000000, 1400000001"),
            ("CALLBACK_TOKEN", TOKEN),
            ("CALLBACK_TOKEN_PREVIOUS", PREVIOUS_TOKEN),
            ("CALLBACK_TOKEN_1400000001", OTHER_APPS_TOKEN),
        ])
    })
}

/// A Worker as `make dev` serves it: unsigned calls are allowed.
fn unsigned() -> &'static Worker {
    static SHARED: OnceLock<Worker> = OnceLock::new();
    SHARED.get_or_init(|| Worker::with(&[("SDK_APP_IDS", call::APP), ("ALLOW_UNSIGNED", "true")]))
}

/// The secret that signs deliveries: 24 bytes, and the same as a setting.
const ORIGIN_SECRET_BYTES: &[u8] = b"twenty-four bytes of key";
const ORIGIN_SECRET: &str = "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V5";
const ADMIN_TOKEN: &str = "sixteen-characters-or-more";

/// The settings of a Worker with the origin at `url` and these `sinks`.
fn forwarding_settings<'a>(url: &'a str, sinks: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("SDK_APP_IDS", "1400000000, 1400000001"),
        ("CALLBACK_TOKEN", TOKEN),
        ("SINKS", sinks),
        ("ORIGIN_URL", url),
        ("ORIGIN_SECRET", ORIGIN_SECRET),
        ("RETRY_BASE_SECONDS", "1"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ]
}

/// A Worker with KV and an origin that behaves as an event's `From_Account` says: see [`origin::scripted`].
fn forwarding() -> &'static (Worker, Origin) {
    static SHARED: OnceLock<(Worker, Origin)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let origin = Origin::start(origin::scripted);
        (Worker::with(&forwarding_settings(&origin.url(), "kv,origin")), origin)
    })
}
