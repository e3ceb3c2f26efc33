//! What Tencent sends: the query that it appends to the configured URL, and the body. [After a User Is
//! Followed / Unfollowed, Webhook Authentication]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::Uri;
use serde::Serialize;
use unfollow_webhook::webhook::{SdkAppId, auth::CallbackToken, command::Kind};

use crate::{
    calls,
    day::{Day, Event},
};

/// A webhook's URL, as the Chat console would accept it.
#[derive(Clone)]
pub struct WebhookUrl(Uri);

impl WebhookUrl {
    /// Reads an absolute `http` or `https` URL without any of the characters that the console rejects.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['?', '#']) {
            return Err("the webhook's URL must have no query and no fragment: Tencent appends its own query".into());
        }
        if text.contains(['!', '$', '&', ' ']) {
            return Err("the Chat console accepts no URL with a space or one of ! $ &".into());
        }
        calls::url(text).map(Self)
    }

    /// The URL itself.
    pub fn get(&self) -> &Uri {
        &self.0
    }

    /// The path with `query` appended.
    pub fn with_query(&self, query: &str) -> String {
        format!("{}?{query}", self.0.path())
    }
}

/// One call to a webhook.
pub struct Call {
    /// The query, without its `?`.
    pub query: String,
    /// The JSON body; the probe has none.
    pub body: Option<String>,
}

/// What every call of a run has in common, and what each tells.
pub struct Template {
    /// The app; the console's probe may lack it.
    pub app: Option<SdkAppId>,
    /// What signs the calls.
    pub token: Option<CallbackToken>,
    /// The platform of the actors.
    pub platform: String,
    /// How old `RequestTime` is, in seconds.
    pub age_seconds: i32,
    /// What the calls tell.
    pub content: Content,
}

/// What calls tell.
pub enum Content {
    /// Nothing: every call is the console's probe, for this command.
    Probe(Kind),
    /// Events.
    Events {
        /// What happens.
        day: Day,
        /// How many calls were made.
        made: AtomicU64,
        /// The times of their events.
        times: EventTimes,
    },
}

impl From<Day> for Content {
    fn from(day: Day) -> Self {
        Self::Events { day, made: AtomicU64::default(), times: EventTimes::default() }
    }
}

impl Template {
    /// The next call, to be sent at `now_ms` (Unix milliseconds).
    pub fn call(&self, now_ms: u64) -> Call {
        match &self.content {
            Content::Probe(kind) => Call { query: self.query(*kind, now_ms), body: None },
            Content::Events { day, made, times } => {
                let event = day.event(made.fetch_add(1, Relaxed), now_ms);
                let event = Event { time: times.next(event.time), ..event };
                Call { query: self.query(event.kind, now_ms), body: Some(body(&event)) }
            }
        }
    }

    fn query(&self, kind: Kind, now_ms: u64) -> String {
        let mut parameters = Vec::new();
        if let Some(app) = self.app {
            parameters.push(("SdkAppid", app.to_string()));
        }
        parameters.push(("CallbackCommand", kind.command().to_owned()));
        // More was never seen in a probe, and a receiver must not need more.
        if matches!(self.content, Content::Events { .. }) {
            parameters.push(("contenttype", "json".to_owned()));
            parameters.push(("ClientIP", "127.0.0.1".to_owned()));
            parameters.push(("OptPlatform", self.platform.clone()));
        }
        if let Some(token) = &self.token {
            let request_time = self.request_time(now_ms);
            parameters.push(("Sign", token.sign(&request_time).to_hex()));
            parameters.push(("RequestTime", request_time));
        }
        let parameters: Vec<_> =
            parameters.into_iter().map(|(name, value)| format!("{name}={}", calls::percent_encode(&value))).collect();
        parameters.join("&")
    }

    /// Unix seconds, in decimal.
    fn request_time(&self, now_ms: u64) -> String {
        (now_ms / 1000).saturating_add_signed(-i64::from(self.age_seconds)).to_string()
    }
}

fn body(event: &Event) -> String {
    let body = Body {
        callback_command: event.kind.command(),
        from_account: &event.from,
        targets: Targets::new(event.kind, &event.to),
        event_time: event.time,
    };
    serde_json::to_string(&body).expect("strings, lists of them and a number are JSON")
}

/// Gives every event a time of its own: a receiver takes two calls with the same content for one event that was
/// delivered twice.
#[derive(Default)]
pub struct EventTimes(AtomicU64);

impl EventTimes {
    /// The time that is wanted, or 1 ms after the event before, whichever is later.
    fn next(&self, wanted_ms: u64) -> u64 {
        let after = |last: u64| wanted_ms.max(last + 1);
        after(self.0.fetch_update(Relaxed, Relaxed, |last| Some(after(last))).unwrap_or_default())
    }
}

/// The body, with its members in the order of Tencent's pages.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "CallbackCommand")]
    callback_command: &'a str,
    #[serde(rename = "From_Account")]
    from_account: &'a str,
    #[serde(flatten)]
    targets: Targets<'a>,
    #[serde(rename = "EventTime")]
    event_time: u64,
}

/// The two webhooks list their targets differently.
#[derive(Serialize)]
enum Targets<'a> {
    #[serde(rename = "To_Account")]
    Unfollowed(&'a [String]),
    #[serde(rename = "FollowList")]
    Followed(Vec<Followed<'a>>),
}

#[derive(Serialize)]
struct Followed<'a> {
    #[serde(rename = "To_Account")]
    to_account: &'a str,
}

impl<'a> Targets<'a> {
    fn new(kind: Kind, to: &'a [String]) -> Self {
        match kind {
            Kind::Unfollow => Self::Unfollowed(to),
            Kind::Follow => Self::Followed(to.iter().map(|to_account| Followed { to_account }).collect()),
        }
    }
}
