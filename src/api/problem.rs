//! Why a request to the API is not answered as asked, as `application/problem+json`. [RFC 9457]

use std::borrow::Cow;

use serde::Serialize;

use super::store::StoreError;
use crate::database::DatabaseError;
use crate::response::Response;

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
    /// A parameter that cannot be followed.
    BadRequest(&'static str),
    /// It cannot be done as things are.
    Conflict(&'static str),
    /// A setting that calls depend on is invalid.
    Settings,
    /// The event log's tables are missing.
    NoSchema,
    /// KV, D1 or the queue failed, or took too long.
    Unavailable,
}

#[derive(Serialize)]
struct Body {
    title: &'static str,
    status: u16,
    detail: &'static str,
}

impl From<StoreError> for Problem {
    fn from(StoreError: StoreError) -> Self {
        Self::Unavailable
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NoSchema => Self::NoSchema,
            DatabaseError::Failed => Self::Unavailable,
        }
    }
}

impl Problem {
    /// The response.
    #[must_use]
    pub fn response(self) -> Response {
        let (status, title, detail) = match self {
            Self::Insecure => (403, "Forbidden", "The API is served over https only."),
            Self::NotFound => (404, "Not Found", "There is nothing here."),
            Self::Unauthorized => (401, "Unauthorized", "Send the ADMIN_TOKEN as a bearer token."),
            Self::Method(_) => (405, "Method Not Allowed", "See the Allow header."),
            Self::BadRequest(detail) => (400, "Bad Request", detail),
            Self::Conflict(detail) => (409, "Conflict", detail),
            Self::Settings => (503, "Service Unavailable", "GET /healthz names the invalid settings."),
            Self::NoSchema => (503, "Service Unavailable", "The event log has no tables: apply the migrations to DB."),
            Self::Unavailable => {
                (503, "Service Unavailable", "KV, D1 or the queue did not take part; nothing is lost, try again.")
            }
        };
        let header = match self {
            Self::Unauthorized => Some(("www-authenticate", Cow::Borrowed("Bearer"))),
            Self::Method(allow) => Some(("allow", Cow::Owned(allow))),
            Self::Unavailable => Some(("retry-after", Cow::Borrowed("1"))),
            _ => None,
        };
        let body = Body { title, status, detail };
        Response { status, header, content_type: "application/problem+json", ..Response::json(&body) }
    }
}
