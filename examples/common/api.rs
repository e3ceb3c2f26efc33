//! Calls a Worker's API.

use std::time::Duration;

use http::Uri;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    calls::{self, Client, Request},
    host,
    worker::{self, Credentials},
};

/// Longest response that is read, in bytes. The longest is a page of 1,000 followers, each of up to 1 KB.
const ANSWER_MAX: u64 = 4 * 1024 * 1024;

/// How often a call is made at most before it counts as failed, and the pauses between.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// From such a `Retry-After` on, in seconds, there is no point in waiting: the limit of a day is reached.
const DAY_LIMIT_SECONDS: u64 = 600;

/// The API of one Worker.
pub struct Api<'a> {
    client: Client,
    credentials: &'a Credentials,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
}

/// Why there is no answer.
enum Failure {
    /// Another attempt may succeed.
    Temporary(String),
    /// Another attempt would fail too.
    Permanent(String),
}

impl<'a> Api<'a> {
    /// The API of the Worker at `url`. `timeout` is for one attempt of a call.
    pub fn new(url: &Uri, credentials: &'a Credentials, timeout: Duration) -> Self {
        Self { client: Client::new(url, timeout, 1), credentials }
    }

    /// Calls this operation, whose path is behind `/v1/`, until there is an answer.
    pub fn call<T: DeserializeOwned>(&self, method: &'static str, path: &str) -> Result<T, String> {
        let mut pause = PAUSE_MIN;
        let mut attempt = 1;
        loop {
            match self.attempt(method, path) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Temporary(message)) if attempt < ATTEMPTS_MAX => {
                    host::say(format_args!("{}; trying again in {} s", message.trim_end_matches('.'), pause.as_secs()));
                    host::sleep(pause);
                    pause *= 2;
                    attempt += 1;
                }
                Err(Failure::Temporary(message) | Failure::Permanent(message)) => return Err(message),
            }
        }
    }

    fn attempt<T: DeserializeOwned>(&self, method: &'static str, path: &str) -> Result<T, Failure> {
        let request = Request {
            method,
            target: format!("/v1/{path}"),
            headers: self.credentials.headers(),
            body: None,
            answer_max: ANSWER_MAX,
        };
        let answer = self.client.call(&request).answer.map_err(Failure::Temporary)?;
        let (status, body) = (answer.status, answer.body);
        if status == 200 {
            let malformed =
                |_| Failure::Permanent("the answer is none of the API's: is this the Worker's URL?".to_owned());
            return serde_json::from_str(&body).map_err(malformed);
        }
        let message = match serde_json::from_str(&body) {
            Ok(Problem { title, detail }) => {
                let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
                calls::printable(&format!("HTTP {status}, {title}{detail}"))
            }
            Err(_) => worker::not_the_apis(status),
        };
        let retry_after = answer.retry_after.and_then(|it| it.parse().ok());
        Err(match status {
            // Waiting helps, but for too long.
            503 if retry_after.is_some_and(|seconds: u64| seconds >= DAY_LIMIT_SECONDS) => Failure::Permanent(message),
            429 | 500.. => Failure::Temporary(message),
            _ => Failure::Permanent(message),
        })
    }
}
