//! Why a request to the API is not answered as asked, as `application/problem+json`. [RFC 9457]

use std::borrow::Cow;

use serde::Serialize;

use crate::database::DatabaseError;
use crate::response::Response;
use crate::storage::StoreError;

/// Why a request is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Plain HTTP, and not from this machine.
    Insecure,
    /// There is no such thing.
    NotFound,
    /// The bearer token is not there, or wrong.
    Unauthorized,
    /// Another method; these are allowed.
    Method(String),
    /// The token may do something, but not this.
    Forbidden,
    /// A parameter that cannot be followed.
    BadRequest(Cow<'static, str>),
    /// It cannot be done as things are.
    Conflict(&'static str),
    /// A setting that calls depend on is invalid.
    Settings,
    /// The event log's tables are missing.
    NoSchema,
    /// A limit of KV for the day is reached.
    DayLimit,
    /// KV, D1 or the queue failed, or took too long.
    Unavailable,
    /// Tencent refused, or could not be asked: why, and whether the same call may succeed later.
    Tencent { detail: String, is_temporary: bool },
}

/// Why the call failed. [RFC 9457]
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Problem"))]
pub struct Body {
    /// The name of the status.
    title: &'static str,
    /// The HTTP status again.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 400, max = 599)))]
    status: u16,
    /// One sentence for a human reader.
    detail: Cow<'static, str>,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DayLimit => Self::DayLimit,
            StoreError::Failed => Self::Unavailable,
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NoSchema => Self::NoSchema,
            DatabaseError::Failed | DatabaseError::DayLimit | DatabaseError::Full => Self::Unavailable,
        }
    }
}

impl Problem {
    /// The response.
    #[must_use]
    pub fn response(self) -> Response {
        let mut header = None;
        let (status, detail) = match self {
            Self::Insecure => (403, "What needs a token is served over https only.".into()),
            Self::NotFound => (404, "There is nothing here.".into()),
            Self::Unauthorized => {
                header = Some(("www-authenticate", "Bearer".into()));
                (401, "Send a bearer token: the ADMIN_TOKEN, the VIEWER_TOKEN to read, or the METRICS_TOKEN for /metrics.".into())
            }
            Self::Forbidden => (403, "This token may not do this.".into()),
            Self::Method(allowed) => {
                header = Some(("allow", allowed.into()));
                (405, "See the Allow header.".into())
            }
            Self::BadRequest(detail) => (400, detail),
            Self::Conflict(detail) => (409, detail.into()),
            Self::Settings => (503, "GET /healthz names the invalid settings.".into()),
            Self::NoSchema => (503, "The event log has no tables: apply the migrations to DB.".into()),
            Self::DayLimit => {
                header = Some(("retry-after", "3600".into()));
                (503, "KV's limit of the day is reached, as the free plan has it: go on after midnight UTC.".into())
            }
            Self::Unavailable => {
                header = Some(("retry-after", "1".into()));
                (503, "KV, D1 or the queue did not take part; nothing is lost, try again.".into())
            }
            Self::Tencent { detail, is_temporary: false } => (502, detail.into()),
            Self::Tencent { detail, is_temporary: true } => {
                header = Some(("retry-after", "5".into()));
                (503, detail.into())
            }
        };
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            502 => "Bad Gateway",
            _ => "Service Unavailable",
        };
        let body = Body { title, status, detail };
        Response { status, header, content_type: "application/problem+json", ..Response::json(&body) }
    }
}
