//! Why a call is rejected, and the one table that turns each reason into an HTTP status, an `ErrorCode`, a
//! name for the log and a sentence for whoever reads the response. `docs/webhook-responses.md` is tested against it.

use std::borrow::Cow;

use super::relay::RelayError;
use crate::{
    response::Response,
    webhook::{
        auth::AuthError::{self, *},
        body::FollowError::{self, *},
        query::QueryError::{self, *},
        response,
    },
};

/// Why a call is not answered OK, in the order of the steps that find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A setting that decides who may call, or where events go, is invalid.
    Settings,
    /// The call came from this Worker.
    Loop,
    /// Nothing lives at this path.
    NotFound,
    /// Plain HTTP, and not from this machine.
    Insecure,
    /// Not a POST.
    Method,
    /// The query cannot be read.
    Query(QueryError),
    /// `SdkAppid` is missing, and the call is not the console's probe.
    SdkAppIdMissing,
    /// `SdkAppid` is none of ours.
    SdkAppIdForeign,
    /// The call is not authentic.
    Auth(AuthError),
    /// `contenttype` is there and is not `json`.
    ContentType,
    /// The body is larger than its command allows.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyLate,
    /// The body broke off.
    BodyBroken,
    /// Neither the query nor the body names a command.
    CommandMissing,
    /// The body is not that of its command.
    Body(FollowError),
    /// Neither a sink nor its fallback has taken the event.
    NotStored,
    /// The app's backend has not answered a webhook that is not ours.
    Relay(RelayError),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The HTTP status.
    pub status: u16,
    /// Tencent's `ErrorCode`: the status times 100, plus a number of our own. Stable over versions.
    pub error_code: u32,
    /// The reason's name in the log.
    pub name: &'static str,
    /// The response in Tencent's form. Its `ErrorInfo` says what to fix, and quotes neither secrets nor input.
    pub body: &'static str,
}

impl Row {
    /// The `ErrorInfo` of the response.
    #[must_use]
    pub fn error_info(&self) -> &'static str {
        let info = self.body.split_once(r#""ErrorInfo":""#).and_then(|(_, info)| info.strip_suffix(r#""}"#));
        info.unwrap_or_default()
    }
}

/// Writes the table as rows, and from them [`Rejection::ALL`] and [`Rejection::row`]: a reason without a row does
/// not compile, and no row can be missing from `ALL`.
macro_rules! table {
    ($([$($rejection:tt)+] $status:literal $error_code:literal $name:literal $error_info:literal)+) => {
        impl Rejection {
            /// Every rejection there is.
            pub const ALL: &[Self] = &[$(Self::$($rejection)+),+];

            /// This rejection's row of the table.
            #[must_use]
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$($rejection)+ => &Row {
                        status: $status,
                        error_code: $error_code,
                        name: $name,
                        body: response::fail!($error_code, $error_info),
                    },)+
                }
            }
        }
    };
}

table! {
    [Settings] 500 50000 "settings"
        "This Worker's settings are invalid: GET /healthz names them."
    [Loop] 508 50800 "loop"
        "The call was sent by this Worker: ORIGIN_URL leads back to it."
    [NotFound] 404 40400 "not_found"
        "The webhook does not live at this path: see WEBHOOK_PATH."
    [Insecure] 403 40300 "insecure"
        "The webhook is served over https only: register an https URL."
    [Method] 405 40500 "method"
        "The webhook takes POST only."
    [Query(TooLong)] 400 40000 "query_too_long"
        "The query is longer than 4096 bytes."
    [Query(Encoding)] 400 40001 "query_encoding"
        "A parameter of the query is not percent-encoded UTF-8."
    [Query(Duplicate)] 400 40002 "query_duplicate"
        "A parameter of the query is a duplicate."
    [SdkAppIdMissing] 400 40003 "sdk_app_id_missing"
        "SdkAppid is missing from the query; only the console's check, signed with a configured token, may lack it."
    [SdkAppIdForeign] 403 40301 "sdk_app_id_foreign"
        "SdkAppid is none of this Worker's apps: see SDK_APP_IDS."
    [Auth(Closed)] 401 40100 "no_token"
        "This Worker has no callback token for the app and does not accept unsigned calls: see CALLBACK_TOKEN."
    [Auth(SignMissing)] 401 40101 "sign_missing"
        "Sign is missing: switch on webhook authentication in the Chat console."
    [Auth(SignMalformed)] 401 40102 "sign_malformed"
        "Sign is not 64 hex digits."
    [Auth(RequestTimeMissing)] 401 40103 "request_time_missing"
        "RequestTime is missing."
    [Auth(RequestTimeMalformed)] 401 40104 "request_time_malformed"
        "RequestTime is not a time in Unix seconds."
    [Auth(RequestTimeFar)] 401 40105 "request_time_far"
        "RequestTime is more than 60 seconds away from now."
    [Auth(SignMismatch)] 401 40106 "sign_mismatch"
        "Sign does not fit: is CALLBACK_TOKEN the token in the Chat console?"
    [ContentType] 415 41500 "content_type"
        "contenttype is not json."
    [BodyTooLarge] 413 41300 "body_too_large"
        "The body is larger than 65536 bytes for a Follow command, or 1048576 bytes for another."
    [BodyLate] 408 40800 "body_late"
        "The body did not arrive in time."
    [BodyBroken] 400 40004 "body_broken"
        "The body broke off."
    [CommandMissing] 400 40005 "command_missing"
        "CallbackCommand is neither in the query nor in the body."
    [Body(NotAnObject)] 400 40006 "body_not_an_object"
        "The body is not a JSON object in UTF-8."
    [Body(DuplicateMember)] 400 40007 "duplicate_member"
        "A member of the body is a duplicate."
    [Body(CommandMismatch)] 400 40008 "command_mismatch"
        "The body's CallbackCommand is another than the query's."
    [Body(FromAccount)] 400 40009 "from_account"
        "From_Account is not a non-empty string."
    [Body(Targets)] 400 40010 "targets"
        "The targets are not a non-empty list: To_Account of strings, or FollowList of objects with a To_Account."
    [Body(TooManyTargets)] 413 41301 "too_many_targets"
        "There are more than 500 targets."
    [Body(EventTime)] 400 40011 "event_time"
        "EventTime is not a time in Unix seconds or milliseconds."
    [NotStored] 503 50300 "not_stored"
        "The event could not be stored; it may be sent again."
    [Relay(RelayError::Late)] 504 50400 "relay_late"
        "The app's backend did not answer in time."
    [Relay(RelayError::Unreachable)] 502 50200 "relay_unreachable"
        "The app's backend could not be reached: see ORIGIN_URL."
    [Relay(RelayError::Redirect)] 502 50201 "relay_redirect"
        "The app's backend answered with a redirect, which is not followed: see ORIGIN_URL."
    [Relay(RelayError::NotJson)] 502 50202 "relay_not_json"
        "The app's backend did not answer with JSON."
    [Relay(RelayError::TooLarge)] 502 50203 "relay_too_large"
        "The app's backend answered with more than 1048576 bytes."
}

impl From<QueryError> for Rejection {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<AuthError> for Rejection {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<RelayError> for Rejection {
    fn from(error: RelayError) -> Self {
        Self::Relay(error)
    }
}

impl From<FollowError> for Rejection {
    fn from(error: FollowError) -> Self {
        Self::Body(error)
    }
}

impl From<Rejection> for Response {
    fn from(rejection: Rejection) -> Self {
        let row = rejection.row();
        let header = match rejection {
            Rejection::Method => Some(("allow", Cow::Borrowed("POST"))),
            Rejection::NotStored => Some(("retry-after", Cow::Borrowed("1"))),
            _ => None,
        };
        Self { status: row.status, body: Cow::Borrowed(row.body), header, ..Self::ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Rejection;

    #[test]
    fn every_reason_has_a_code_and_a_name_of_its_own() {
        let codes: HashSet<_> = Rejection::ALL.iter().map(|rejection| rejection.row().error_code).collect();
        let names: HashSet<_> = Rejection::ALL.iter().map(|rejection| rejection.row().name).collect();
        assert_eq!((codes.len(), names.len()), (Rejection::ALL.len(), Rejection::ALL.len()));
    }

    #[test]
    fn a_code_begins_with_its_status() {
        for row in Rejection::ALL.iter().map(|rejection| rejection.row()) {
            assert_eq!(row.error_code / 100, u32::from(row.status), "{}", row.name);
        }
    }
}
