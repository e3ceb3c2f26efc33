//! Sends calls and checks the responses.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    call::{Call, WebhookUrl},
    calls::{self, Answer, Outcome, Request},
};

/// Longest response that is read, in bytes. A response is one short sentence.
const ANSWER_MAX: u64 = 64 * 1024;

/// A client whose connections stay open between calls, as Tencent's do.
pub struct Client {
    http: calls::Client,
    url: WebhookUrl,
}

impl Client {
    /// A client for `url`: `timeout` is for a whole call, and up to `connections` stay open.
    pub fn new(url: &WebhookUrl, timeout: Duration, connections: usize) -> Self {
        Self { http: calls::Client::new(url.get(), timeout, connections), url: url.clone() }
    }

    /// Sends `call` and waits for the complete response.
    pub fn send(&self, call: Call) -> Outcome {
        self.http.call(&self.request(call))
    }

    /// Sends `count` calls, `concurrency` at a time, each made by `next` when it is to be sent.
    pub fn each(&self, count: u64, concurrency: usize, next: impl Fn() -> Call + Sync, each: impl FnMut(Outcome)) {
        self.http.each(count, concurrency, || self.request(next()), each);
    }

    fn request(&self, call: Call) -> Request<'static> {
        Request {
            method: "POST",
            target: self.url.with_query(&call.query),
            headers: call.body.iter().map(|_| ("content-type", "application/json")).collect(),
            body: call.body,
            answer_max: ANSWER_MAX,
        }
    }
}

/// What is wrong with an outcome, in one sentence; `None` if the response is OK.
pub fn error_of(outcome: &Outcome) -> Option<String> {
    match &outcome.answer {
        Ok(answer) => rejection(answer),
        Err(reason) => Some(reason.clone()),
    }
}

/// A response in Tencent's form.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Acknowledgement {
    action_status: String,
    error_code: i64,
    #[serde(default)]
    error_info: String,
}

/// What is wrong with the response; `None` if it is OK.
fn rejection(answer: &Answer) -> Option<String> {
    let status = answer.status;
    let Ok(Acknowledgement { action_status, error_code, error_info }) = serde_json::from_str(&answer.body) else {
        return Some(format!("HTTP {status}, and the body is not JSON with ActionStatus and ErrorCode"));
    };
    let ok = status == 200 && action_status == "OK" && error_code == 0;
    (!ok).then(|| {
        calls::printable(&format!("HTTP {status}, ActionStatus {action_status}, ErrorCode {error_code}: {error_info}"))
    })
}
