//! Sends a call and judges the answer.

use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::Agent;

use crate::{
    call::{Call, WebhookUrl},
    http,
};

/// Longest answer that is read, in bytes. An answer is one short sentence.
const ANSWER_MAX: u64 = 64 * 1024;

/// Keeps connections open between calls, as Tencent does.
pub struct Client {
    agent: Agent,
    url: WebhookUrl,
    timeout: Duration,
}

/// What became of a call.
pub struct Outcome {
    /// From the start of the call until the answer was read or given up.
    pub took: Duration,
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
}

/// An HTTP answer, read to its end.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body. What is not UTF-8 in it is replaced.
    pub body: String,
}

impl Client {
    /// A client for `url` that gives each call `timeout` in all and keeps up to `connections` open.
    pub fn new(url: &WebhookUrl, timeout: Duration, connections: usize) -> Self {
        Self { agent: http::agent(url.get(), timeout, connections), url: url.clone(), timeout }
    }

    /// Sends `call` and waits for the whole answer.
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
    /// What is wrong, in one sentence; `None` if the answer is OK.
    pub fn fault(&self) -> Option<String> {
        match &self.answer {
            Ok(answer) => answer.fault(),
            Err(reason) => Some(reason.clone()),
        }
    }
}

/// Tencent's form of an answer, as far as it decides whether the answer is OK.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Verdict {
    action_status: String,
    error_code: i64,
    #[serde(default)]
    error_info: String,
}

impl Answer {
    /// What is wrong with the answer; `None` if it is OK.
    fn fault(&self) -> Option<String> {
        let status = self.status;
        let Ok(verdict) = serde_json::from_str::<Verdict>(&self.body) else {
            return Some(format!("HTTP {status}, and the body is not JSON with ActionStatus and ErrorCode"));
        };
        let Verdict { action_status, error_code, error_info } = verdict;
        let ok = status == 200 && action_status == "OK" && error_code == 0;
        (!ok).then(|| {
            http::printable(&format!(
                "HTTP {status}, ActionStatus {action_status}, ErrorCode {error_code}: {error_info}"
            ))
        })
    }
}
