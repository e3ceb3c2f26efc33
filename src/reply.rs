//! An HTTP reply as data: a status, a JSON body and one header, if any, besides those that all replies share.

use std::borrow::Cow;

use serde::Serialize;

use crate::{config::Config, refusal::Refusal, webhook::answer};

/// The headers of every reply.
pub const HEADERS: [(&str, &str); 2] = [("content-type", "application/json"), ("cache-control", "no-store")];

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: Cow<'static, str>,
    /// A header besides [`HEADERS`].
    pub header: Option<(&'static str, &'static str)>,
}

impl Reply {
    /// The standard OK.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: 200, body: Cow::Borrowed(answer::OK), header: None }
    }

    /// FAIL, for this reason.
    #[must_use]
    pub fn refusal(refusal: Refusal) -> Self {
        let row = refusal.row();
        let header = match refusal {
            Refusal::Method => Some(("allow", "POST")),
            Refusal::NotKept => Some(("retry-after", "1")),
            _ => None,
        };
        Self { status: row.status, body: Cow::Owned(answer::fail(row.error_code, row.error_info)), header }
    }

    /// Whether the settings are complete: 200, or 503 with the names of those at fault.
    #[must_use]
    pub fn health(config: &Config) -> Self {
        #[derive(Serialize)]
        struct Health<'a> {
            status: &'static str,
            version: &'static str,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            settings: &'a [String],
        }
        let healthy = config.at_fault.is_empty();
        let health = Health {
            status: if healthy { "ok" } else { "settings at fault" },
            version: env!("CARGO_PKG_VERSION"),
            settings: &config.at_fault,
        };
        let body = serde_json::to_string(&health).unwrap_or_default();
        Self { status: if healthy { 200 } else { 503 }, body: Cow::Owned(body), header: None }
    }
}
