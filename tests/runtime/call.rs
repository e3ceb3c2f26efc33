//! Calls as Tencent would make them, and their responses.

use std::{
    io::ErrorKind::{BrokenPipe, ConnectionReset},
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use unfollow_webhook::webhook::auth::CallbackToken;
use ureq::{Agent, SendBody, http};

/// The unfollow command.
pub const UNFOLLOW: &str = "Follow.CallbackAfterFollowDelete";
/// The follow command.
pub const FOLLOW: &str = "Follow.CallbackAfterFollowAdd";
/// The app of Tencent's sample request, and of ours.
pub const APP: &str = "1400000000";

/// Tencent waits two seconds; the Worker answers within 1.5, which tests/native asserts to the ms. A busy machine needs more;
/// what the Worker does not wait for takes longer than this.
pub const IN_TIME: Duration = Duration::from_millis(3500);

/// How often a body is sent at most, where the sender is cut off.
const SENDS_MAX: usize = 5;

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
    // wrangler's proxy marks even a response without a body as compressed.
    let config = config.proxy(None).accept_encoding("identity");
    config.timeout_global(Some(Duration::from_secs(30))).build().into()
});

/// A response of the Worker.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    /// Null where there is none, which only a 204 may have, and where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    fn read(mut response: http::Response<ureq::Body>) -> Self {
        let text = response.body_mut().read_to_string().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let form = headers.get("content-type").and_then(|form| form.to_str().ok()).unwrap_or_default();
        let is_text = ["application/x-ndjson", "text/csv", "text/plain", "application/openmetrics-text"]
            .into_iter()
            .any(|it| form.starts_with(it));
        let json = if status == 204 && text.is_empty() || is_text { "null" } else { &text };
        let body = serde_json::from_str(json).unwrap_or_else(|_| panic!("not JSON: {text}"));
        Self { status, headers, body, text }
    }

    /// A header's text; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `ErrorCode`.
    pub fn code(&self) -> (u16, u64) {
        (self.status, self.body["ErrorCode"].as_u64().unwrap())
    }

    /// Whether this is the standard OK and nothing else.
    pub fn is_ok(&self) -> bool {
        self.status == 200 && self.body == json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""})
    }
}

/// Posts a body.
pub fn post(url: &str, query: &str, body: impl AsRef<[u8]>) -> Answer {
    post_at(&format!("{url}/?{query}"), body)
}

/// Posts a body to a URL with a path and a query.
pub fn post_at(url: &str, body: impl AsRef<[u8]>) -> Answer {
    let send = || AGENT.post(url).send(body.as_ref());
    let sent = (1..SENDS_MAX).find_map(|_| Some(send()).filter(|sent| !is_cut_off(sent)));
    Answer::read(sent.unwrap_or_else(send).unwrap())
}

/// Whether the sender was cut off. What is rejected for its head is answered before its body has been read, and the connection is
/// closed: who is still sending then may lose the response.
fn is_cut_off<T>(sent: &Result<T, ureq::Error>) -> bool {
    matches!(sent, Err(ureq::Error::Io(error)) if matches!(error.kind(), BrokenPipe | ConnectionReset))
}

/// Posts a body; `None` where there was no response, as when nobody listens or the connection breaks.
pub fn try_post(url: &str, query: &str, body: &str) -> Option<Answer> {
    try_post_at(&format!("{url}/?{query}"), body)
}

/// Posts a body to a URL with a path and a query; `None` where there was no JSON response.
pub fn try_post_at(url: &str, body: &str) -> Option<Answer> {
    let mut response = AGENT.post(url).send(body).ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    let body = serde_json::from_str(&text).ok()?;
    Some(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body, text })
}

/// Posts a body without a Content-Length.
pub fn post_chunked(url: &str, query: &str, body: &[u8]) -> Answer {
    let mut reader = body;
    Answer::read(AGENT.post(format!("{url}/?{query}")).send(SendBody::from_reader(&mut reader)).unwrap())
}

/// Posts a body with these headers.
pub fn post_with(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let request = headers.iter().fold(AGENT.post(url), |request, (name, value)| request.header(*name, *value));
    Answer::read(request.send(body).unwrap())
}

/// Sends a request of any method, without a body.
pub fn request(method: &str, url: &str) -> Answer {
    request_with(method, url, &[])
}

/// Sends a request to the API, with the bearer token if there is one.
pub fn request_api(method: &str, url: &str, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers = bearer.as_deref().map(|bearer| ("authorization", bearer));
    request_with(method, url, headers.as_slice())
}

/// Sends a request of any method, with these headers and without a body.
pub fn request_with(method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = http::Request::builder().method(method).uri(url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::read(AGENT.run(request.body(()).unwrap()).unwrap())
}

/// Sends a request with JSON as its body, or without one.
pub fn json(method: &str, url: &str, body: Option<&Value>) -> Answer {
    let request = http::Request::builder().method(method).uri(url).header("content-type", "application/json");
    let body = body.map(Value::to_string).unwrap_or_default();
    Answer::read(AGENT.run(request.body(body).unwrap()).unwrap())
}

/// Gets what need not be JSON: status, headers and text.
pub fn get_text(url: &str) -> Answer {
    let mut response = AGENT.get(url).call().unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body: Value::Null, text }
}

/// The text of a response of the API, which need not be JSON that serde_json can read.
pub fn get_api_text(url: &str, token: &str) -> String {
    let mut response = AGENT.get(url).header("authorization", format!("Bearer {token}")).call().unwrap();
    response.body_mut().read_to_string().unwrap()
}

/// Posts a body with this content type.
pub fn post_typed(url: &str, query: &str, content_type: &str, body: &[u8]) -> Answer {
    Answer::read(AGENT.post(format!("{url}/?{query}")).content_type(content_type).send(body).unwrap())
}

/// Posts with this `Host`.
pub fn post_to_host(url: &str, host: &str, query: &str, body: &str) -> Answer {
    Answer::read(AGENT.post(format!("{url}/?{query}")).header("host", host).send(body).unwrap())
}

/// Now, in Unix ms.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// `Sign` and `RequestTime` as query parameters, for `seconds` from now.
pub fn signature(token: &str, seconds: i64) -> String {
    let time = (now_ms() / 1000).checked_add_signed(seconds).unwrap().to_string();
    let sign = CallbackToken::new(token.to_owned()).unwrap().sign(&time).to_hex();
    format!("Sign={sign}&RequestTime={time}")
}

/// The query of a call without a Sign.
pub fn unsigned(app: &str, command: &str) -> String {
    format!("SdkAppid={app}&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS")
}

/// The query of a call that is signed with `token`, now.
pub fn signed(app: &str, command: &str, token: &str) -> String {
    format!("{}&{}", unsigned(app, command), signature(token, 0))
}

/// The body of an unfollow webhook.
pub fn unfollow(from: &str, to: &[&str], event_time: u64) -> String {
    json!({"CallbackCommand": UNFOLLOW, "From_Account": from, "To_Account": to, "EventTime": event_time}).to_string()
}
