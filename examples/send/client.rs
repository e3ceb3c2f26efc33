//! Sends a call and judges the answer.

use std::{
    io,
    time::{Duration, Instant},
};

use serde::Deserialize;
use unfollow_webhook::routes::is_loopback;
use ureq::Agent;

use crate::call::{Call, WebhookUrl};

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
        let mut config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            // Every status is an answer to be shown, a redirect too.
            .http_status_as_error(false)
            .max_redirects(0);
        if is_loopback(url.host()) {
            // A proxy from the environment would look for the receiver on its own machine.
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), url: url.clone(), timeout }
    }

    /// Sends `call` and waits for the whole answer.
    pub fn send(&self, call: &Call) -> Outcome {
        let start = Instant::now();
        let answer = self.exchange(call).map_err(|error| self.explain(&error));
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

    /// Why there is no answer, in plain words.
    fn explain(&self, error: &ureq::Error) -> String {
        let server = self.url.authority();
        match error {
            ureq::Error::Timeout(_) => format!("no answer from {server} within {} s", self.timeout.as_secs_f64()),
            ureq::Error::HostNotFound => format!("there is no host {}", self.url.host()),
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => format!("connection refused by {server}"),
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                    format!("{server} closed the connection without a whole answer")
                }
                _ => format!("no answer from {server}: {error}"),
            },
            ureq::Error::BodyExceedsLimit(_) => format!("the answer of {server} is longer than {ANSWER_MAX} bytes"),
            _ => format!("no answer from {server}: {error}"),
        }
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
            printable(&format!("HTTP {status}, ActionStatus {action_status}, ErrorCode {error_code}: {error_info}"))
        })
    }
}

/// Text from a server, made safe for a terminal.
pub fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(safe).collect()
}
