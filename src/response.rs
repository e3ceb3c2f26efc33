//! An HTTP response as data: a status, a JSON body, if any, and one header, if any, besides those that all responses share.

use std::borrow::Cow;

use serde::Serialize;

use crate::{encoding::to_json, webhook::response::OK};

/// The `Cache-Control` of every response.
pub const CACHE_CONTROL: &str = "no-store";

const JSON: &str = "application/json";

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON; empty if the status allows none.
    pub body: Cow<'static, str>,
    pub content_type: &'static str,
    /// A header besides `Content-Type` and `Cache-Control`.
    pub header: Option<(&'static str, Cow<'static, str>)>,
    /// The `Date`, in Unix ms; `None` leaves it to what is between the Worker and the client: Cloudflare sets it, the local runtime
    /// does not.
    pub date: Option<u64>,
}

impl Response {
    /// The standard OK.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: 200, body: Cow::Borrowed(OK), content_type: JSON, header: None, date: None }
    }

    #[must_use]
    pub fn json(body: &(impl Serialize + ?Sized)) -> Self {
        Self::json_text(to_json(body))
    }

    #[must_use]
    pub fn json_text(body: String) -> Self {
        Self { body: Cow::Owned(body), ..Self::ok() }
    }

    /// 204: it is done, and there is nothing to say.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: 204, body: Cow::Borrowed(""), ..Self::ok() }
    }
}
