//! An HTTP reply as data: a status, a JSON body, if any, and one header, if any, besides those that all replies share.

use std::borrow::Cow;

use crate::{config::Config, json, refusal::Refusal, webhook::answer};

/// The `Cache-Control` of every reply.
pub const CACHE_CONTROL: &str = "no-store";

const JSON: &str = "application/json";

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON; empty where the status allows none.
    pub body: Cow<'static, str>,
    /// The body's media type.
    pub content_type: &'static str,
    /// A header besides `Content-Type` and `Cache-Control`.
    pub header: Option<(&'static str, Cow<'static, str>)>,
}

impl Reply {
    /// The standard OK.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: 200, body: Cow::Borrowed(answer::OK), content_type: JSON, header: None }
    }

    /// 200 with this JSON.
    #[must_use]
    pub fn json(body: String) -> Self {
        Self { body: Cow::Owned(body), ..Self::ok() }
    }

    /// 204: it is done, and there is nothing to say.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: 204, body: Cow::Borrowed(""), ..Self::ok() }
    }

    /// FAIL, for this reason.
    #[must_use]
    pub fn refusal(refusal: Refusal) -> Self {
        let row = refusal.row();
        let header = match refusal {
            Refusal::Method => Some(("allow", Cow::Borrowed("POST"))),
            Refusal::NotKept => Some(("retry-after", Cow::Borrowed("1"))),
            _ => None,
        };
        Self { status: row.status, body: Cow::Borrowed(row.answer), header, ..Self::ok() }
    }

    /// Whether the settings are complete: 200, or 503 with the names of those at fault.
    #[must_use]
    pub fn health(config: &Config) -> Self {
        let healthy = config.at_fault.is_empty();
        let health = json::object! {
            "status": if healthy { "ok" } else { "settings at fault" },
            "version": env!("CARGO_PKG_VERSION"),
            "settings"?: (!healthy).then_some(config.at_fault.as_slice()),
        };
        Self { status: if healthy { 200 } else { 503 }, ..Self::json(health) }
    }
}
