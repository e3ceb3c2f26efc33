//! Calls of a program in wasm. `scripts/program.mjs` makes them in another thread, several at a time, while this one waits.

use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use unfollow_webhook::routes::is_loopback;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{Answer, Failure, Outcome, Request, explain, host, origin};

mod imports {
    //! As `scripts/host.mjs` has them.

    use super::wasm_bindgen;

    #[wasm_bindgen(raw_module = "../../scripts/host.mjs")]
    extern "C" {
        /// Begins the call that this JSON describes.
        pub fn begin(call: &str);
        /// Waits for the next call that ends; its JSON.
        pub fn ended() -> String;
    }
}

/// A client whose connections stay open between calls.
pub struct Client {
    url: Uri,
    timeout: Duration,
    connections: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    method: &'a str,
    origin: String,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a str>,
    timeout_ms: f64,
    answer_max: u64,
    connections: usize,
    /// Whether a proxy of the environment may be used.
    proxy: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    took_ms: f64,
    answer: Result<Answer, Failure>,
}

impl Client {
    /// A client for the server at `url`: `timeout` is for a whole call, and up to `connections` stay open.
    pub fn new(url: &Uri, timeout: Duration, connections: usize) -> Self {
        Self { url: url.clone(), timeout, connections }
    }

    /// Makes a call and waits for the complete response.
    pub fn call(&self, request: &Request<'_>) -> Outcome {
        self.begin(request);
        self.ended()
    }

    /// Makes `count` calls, `concurrency` at a time, each made by `next` when it begins.
    pub fn each<'a>(
        &self,
        count: u64,
        concurrency: usize,
        next: impl Fn() -> Request<'a>,
        mut each: impl FnMut(Outcome),
    ) {
        let mut rest = count;
        let mut begin = || {
            if rest > 0 {
                rest -= 1;
                self.begin(&next());
            }
        };
        (0..concurrency).for_each(|_| begin());
        for _ in 0..count {
            let outcome = self.ended();
            begin();
            each(outcome);
        }
    }

    fn ended(&self) -> Outcome {
        let ended: Ended = serde_json::from_str(&imports::ended()).expect("as scripts/program.mjs writes it");
        Outcome {
            took: Duration::from_secs_f64(ended.took_ms / 1000.0),
            answer: ended.answer.map_err(|failure| explain(&failure, &self.url, self.timeout)),
        }
    }

    fn begin(&self, request: &Request<'_>) {
        let call = Call {
            method: request.method,
            origin: origin(&self.url),
            target: &request.target,
            headers: &request.headers,
            body: request.body.as_deref(),
            timeout_ms: self.timeout.as_secs_f64() * 1000.0,
            answer_max: request.answer_max,
            connections: self.connections,
            // A proxy from the environment would connect to its own machine.
            proxy: !is_loopback(host(&self.url)),
        };
        imports::begin(&serde_json::to_string(&call).expect("texts and numbers are JSON"));
    }
}
