//! Calls a Worker's API.

use std::{thread, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use ureq::{
    Agent,
    http::{Method, Request, Uri, header},
};

use crate::http;

/// How often a call is made at most before it counts as failed, and the pauses between.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// From such a `Retry-After` on, in seconds, there is no point in waiting: the limit of a day is reached.
const DAY_LIMIT_SECONDS: u64 = 600;

/// The API of one Worker.
pub struct Api {
    agent: Agent,
    url: Uri,
    timeout: Duration,
    authorization: String,
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

impl Api {
    pub fn new(url: &Uri, token: &str, timeout: Duration) -> Self {
        let authorization = format!("Bearer {token}");
        Self { agent: http::agent(url, timeout, 1), url: url.clone(), timeout, authorization }
    }

    /// Calls this operation, whose path is behind `/v1/`, until there is an answer.
    pub fn call<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, String> {
        let url = format!("{}/v1/{path}", http::origin(&self.url));
        let mut pause = PAUSE_MIN;
        let mut attempt = 1;
        loop {
            match self.attempt(&method, &url) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Temporary(message)) if attempt < ATTEMPTS_MAX => {
                    eprintln!("{}; trying again in {} s", message.trim_end_matches('.'), pause.as_secs());
                    thread::sleep(pause);
                    pause *= 2;
                    attempt += 1;
                }
                Err(Failure::Temporary(message) | Failure::Permanent(message)) => return Err(message),
            }
        }
    }

    fn attempt<T: DeserializeOwned>(&self, method: &Method, url: &str) -> Result<T, Failure> {
        let call = || {
            let mut request = Request::builder().method(method).uri(url);
            if method == Method::POST {
                // Else its empty body would be sent in chunks.
                request = request.header(header::CONTENT_LENGTH, "0");
            }
            let request = request.header(header::AUTHORIZATION, &self.authorization).body(())?;
            let mut response = self.agent.run(request)?;
            let body = response.body_mut().read_to_string()?;
            Ok((response, body))
        };
        let explain = |error: ureq::Error| Failure::Temporary(http::explain(&error, &self.url, self.timeout));
        let (response, body) = call().map_err(explain)?;
        let status = response.status().as_u16();
        if status == 200 {
            let malformed =
                |_| Failure::Permanent("the answer is none of the API's: is this the Worker's URL?".to_owned());
            return serde_json::from_str(&body).map_err(malformed);
        }
        let message = match serde_json::from_str(&body) {
            Ok(Problem { title, detail }) => {
                let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
                http::printable(&format!("HTTP {status}, {title}{detail}"))
            }
            Err(_) => format!("HTTP {status}, but not in the API's form: is this the Worker's URL?"),
        };
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
        Err(match status {
            // Waiting helps, but for too long.
            503 if retry_after.is_some_and(|seconds: u64| seconds >= DAY_LIMIT_SECONDS) => Failure::Permanent(message),
            429 | 500.. => Failure::Temporary(message),
            _ => Failure::Permanent(message),
        })
    }
}
