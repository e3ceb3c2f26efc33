//! Calls of a native program.

use std::{
    io,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use http::Uri;
use unfollow_webhook::routes::is_loopback;
use ureq::{Agent, http as http_types};

use super::{Answer, Failure, Outcome, Request, explain, host, origin};

/// A client whose connections stay open between calls.
pub struct Client {
    agent: Agent,
    url: Uri,
    timeout: Duration,
}

impl Client {
    /// A client for the server at `url`: `timeout` is for a whole call, and up to `connections` stay open.
    pub fn new(url: &Uri, timeout: Duration, connections: usize) -> Self {
        let mut config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            // Every status is an answer to be shown, a redirect too.
            .http_status_as_error(false)
            .max_redirects(0);
        if is_loopback(host(url)) {
            // A proxy from the environment would connect to its own machine.
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), url: url.clone(), timeout }
    }

    /// Makes a call and waits for the complete response.
    pub fn call(&self, request: &Request<'_>) -> Outcome {
        let start = Instant::now();
        let answer = self.exchange(request).map_err(|failure| explain(&failure, &self.url, self.timeout));
        Outcome { took: start.elapsed(), answer }
    }

    /// Makes `count` calls, `concurrency` at a time, each made by `next` when it begins.
    pub fn each<'a>(
        &self,
        count: u64,
        concurrency: usize,
        next: impl Fn() -> Request<'a> + Sync,
        mut each: impl FnMut(Outcome),
    ) {
        let begun = AtomicU64::new(0);
        let (outcomes, arriving) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..count.min(concurrency as u64) {
                let (begun, next, outcomes) = (&begun, &next, outcomes.clone());
                scope.spawn(move || {
                    while begun.fetch_add(1, Relaxed) < count {
                        // The receiver lives until the last call is done.
                        let _ = outcomes.send(self.call(&next()));
                    }
                });
            }
            // The last thread to end ends the loop.
            drop(outcomes);
            arriving.into_iter().for_each(&mut each);
        });
    }

    fn exchange(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut http = http_types::Request::builder().method(request.method).uri(format!(
            "{}{}",
            origin(&self.url),
            request.target
        ));
        for (name, value) in &request.headers {
            http = http.header(*name, *value);
        }
        let invalid = |error: http_types::Error| Failure::Other(error.to_string());
        let run = |response: Result<http_types::Response<ureq::Body>, ureq::Error>| -> Result<Answer, ureq::Error> {
            let mut response = response?;
            let body = response.body_mut().with_config().limit(request.answer_max).read_to_vec()?;
            let header = |name| response.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
            Ok(Answer {
                status: response.status().as_u16(),
                date: header("date"),
                retry_after: header("retry-after"),
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        };
        if request.method == "POST" && request.body.is_none() {
            // Else ureq would send it in chunks.
            http = http.header("content-length", "0");
        }
        let response = match &request.body {
            Some(body) => run(self.agent.run(http.body(body.as_str()).map_err(invalid)?)),
            None => run(self.agent.run(http.body(()).map_err(invalid)?)),
        };
        response.map_err(Failure::from)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Late,
            ureq::Error::HostNotFound => Self::NoHost,
            ureq::Error::BodyExceedsLimit(limit) => Self::TooLong(limit),
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Self::Refused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                    Self::Closed
                }
                _ => Self::Other(error.to_string()),
            },
            error => Self::Other(error.to_string()),
        }
    }
}
