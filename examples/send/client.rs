//! Sends a call and checks the response.

use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::Agent;

use crate::{
    call::{Call, WebhookUrl},
    http,
};

/// Longest response that is read, in bytes. A response is one short sentence.
const ANSWER_MAX: u64 = 64 * 1024;

/// A client whose connections stay open between calls, as Tencent's do.
pub struct Client {
    agent: Agent,
    url: WebhookUrl,
    timeout: Duration,
}

/// How a call ended.
pub struct Outcome {
    /// From the start of the call until the response was read or given up.
    pub took: Duration,
    /// The response, or why there is none.
    pub answer: Result<Answer, String>,
}

/// An HTTP response, read to its end.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body. What is not UTF-8 in it is replaced.
    pub body: String,
}

impl Client {
    /// A client for `url`: `timeout` is for a whole call, and up to `connections` stay open.
    pub fn new(url: &WebhookUrl, timeout: Duration, connections: usize) -> Self {
        Self { agent: http::agent(url.get(), timeout, connections), url: url.clone(), timeout }
    }

    /// Sends `call` and waits for the complete response.
    pub fn send(&self, call: &Call) -> Outcome {
        let start = Instant::now();
        let answer = self.exchange(call).map_err(|error| http::explain(&error, self.url.get(), self.timeout));
        Outcome { took: start.elapsed(), answer }
    }

    fn exchange(&self, call: &Call) -> Result<Answer, ureq::Error> {
        let request = self.agent.post(self.url.with_query(&call.query));
        let mut response = match &call.body {
            Some(body) => request.content_type("application/json").send(body)?,
            None => request.send_empty()?,
        };
        let body = response.body_mut().with_config().limit(ANSWER_MAX).read_to_vec()?;
        Ok(Answer { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
    }
}

impl Outcome {
    /// What is wrong, in one sentence; `None` if the response is OK.
    pub fn error(&self) -> Option<String> {
        match &self.answer {
            Ok(answer) => answer.error(),
            Err(reason) => Some(reason.clone()),
        }
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

impl Answer {
    /// What is wrong with the response; `None` if it is OK.
    fn error(&self) -> Option<String> {
        let status = self.status;
        let Ok(Acknowledgement { action_status, error_code, error_info }) = serde_json::from_str(&self.body) else {
            return Some(format!("HTTP {status}, and the body is not JSON with ActionStatus and ErrorCode"));
        };
        let ok = status == 200 && action_status == "OK" && error_code == 0;
        (!ok).then(|| {
            http::printable(&format!(
                "HTTP {status}, ActionStatus {action_status}, ErrorCode {error_code}: {error_info}"
            ))
        })
    }
}
