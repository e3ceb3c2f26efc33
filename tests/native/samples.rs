//! The call of Tencent's page, signed and unsigned, and helpers that make others.

use unfollow_webhook::{
    config::Config,
    database::deliveries::{Change, State},
    event::Event,
    ports::{DB, DEAD_LETTERS, DELIVERIES, EVENT_LOG, EVENTS},
    receive::validate::RequestHead,
    routes::Target,
    webhook::{
        SdkAppId,
        auth::{CallbackToken, Policy},
        body::Follow,
        command::Kind,
        query::Query,
    },
};

use crate::ports::FakeEnvironment;

pub const APP: &str = "1400000000";
pub const TOKEN: &str = "xxxxyyyy";

/// The app's own backend.
pub const ORIGIN: &str = "https://backend.example.com/im/callback";

/// The base64 is of 32 bytes.
pub const ORIGIN_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// A third of a second after the event in Tencent's sample.
pub const NOW_MS: u64 = 1_702_018_344_000;

pub const UNFOLLOW: &str = r#"{"CallbackCommand":"Follow.CallbackAfterFollowDelete","From_Account":"UserID_001","To_Account":["UserID_002","UserID_003"],"EventTime":1702018343678}"#;
pub const FOLLOW: &str = r#"{"CallbackCommand":"Follow.CallbackAfterFollowAdd","From_Account":"UserID_001","FollowList":[{"To_Account":"UserID_002"},{"To_Account":"UserID_003"}],"EventTime":1702018343678}"#;

/// All bindings.
pub const BOUND: &[&str] = &[EVENTS, DB, DELIVERIES, DEAD_LETTERS, EVENT_LOG];

/// All bindings but the database: events go into KV unless the settings say otherwise.
pub const BOUND_WITHOUT_DATABASE: &[&str] = &[EVENTS, DELIVERIES, DEAD_LETTERS];

/// No binding at all.
pub const UNBOUND: &[&str] = &[];

/// Settings with these variables and all bindings. Events go into KV alone unless `SINKS` is among them.
pub fn config(variables: &[(&str, &str)]) -> Config {
    let bound = if variables.iter().any(|(name, _)| *name == "SINKS") { BOUND } else { BOUND_WITHOUT_DATABASE };
    config_with(variables, bound)
}

/// Settings with these variables and bindings.
pub fn config_with(variables: &[(&str, &str)], bound: &[&'static str]) -> Config {
    Config::read(&FakeEnvironment::of(variables.iter().copied(), bound))
}

pub fn signed() -> Config {
    config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)])
}

pub fn unsigned() -> Config {
    config(&[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")])
}

/// The query of Tencent's sample for this command, signed at [`NOW_MS`].
pub fn query(command: &str) -> String {
    let time = (NOW_MS / 1000).to_string();
    let sign = CallbackToken::new(TOKEN.to_owned()).unwrap().sign(&time).to_hex();
    format!(
        "SdkAppid={APP}&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS&Sign={sign}\
         &RequestTime={time}"
    )
}

pub fn url(query: &str) -> String {
    format!("https://www.example.com/?{query}")
}

/// The URL of a signed call of this kind.
pub fn url_of(kind: Kind) -> String {
    url(&query(kind.command()))
}

pub fn post(url: &str) -> RequestHead<'_> {
    RequestHead { method: "POST", target: Target::of(url), has_hop_header: false }
}

pub fn app() -> SdkAppId {
    SdkAppId::parse(APP).unwrap()
}

/// The event of an unsigned call with this query and body.
pub fn event<'a>(query: &'a str, kind: Kind, body: &'a [u8]) -> Event<'a> {
    event_of(query, Follow::parse(kind, body).unwrap().remove(0))
}

/// The event of an unsigned call with this query, whose body says this.
pub fn event_of<'a>(query: &'a str, follow: Follow<'a>) -> Event<'a> {
    event_for(app(), query, follow)
}

/// The same for this app.
pub fn event_for<'a>(app: SdkAppId, query: &'a str, follow: Follow<'a>) -> Event<'a> {
    let query = Policy::Unsigned.check(Query::parse(query).unwrap(), None, None, NOW_MS).unwrap();
    Event::new(app, query, follow, NOW_MS)
}

/// What the first attempt made of a delivery at `at` (Unix ms), with nothing said of an answer.
pub fn first_attempt(state: State, at: u64) -> Change {
    Change {
        state,
        attempts: Some(1),
        last_status: None,
        last_error: None,
        answer: None,
        next_attempt_at: None,
        at,
        is_replay: false,
    }
}
