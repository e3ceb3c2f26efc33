//! Why a try failed: the words of logs, dead letters and deliveries.

use strum::{IntoStaticStr, VariantArray};

use crate::{encoding::UNKNOWN, outgoing::OutgoingError, sink::Sink};

/// Why a try failed: an HTTP status, or what happened instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The origin answered with this status.
    Status(u16),
    /// The origin gave no answer that counts.
    Origin(OutgoingError),
    /// The origin answered with this status of success, and with `"ActionStatus":"FAIL"`, which is not to be
    /// accepted: see [`crate::origin::OnFail`].
    Fail(u16),
    /// The sink did not take the event.
    Sink(Sink),
    /// There was nothing to ask.
    Other(Reason),
}

/// Why there was nothing to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The queue did not take the message.
    Queue,
    /// There is no `ORIGIN_URL`, or a setting that delivery depends on is invalid.
    Settings,
    /// The message cannot be read.
    Unreadable,
    /// The app is no longer in `SDK_APP_IDS`.
    AppRemoved,
    /// The queue has given up on the message. What failed is in the log, unless the message ended its invocation; the status of
    /// the last answer is in the event log.
    RetriesExhausted,
    /// The message ended the invocations that were to file it.
    Crashed,
    /// The batch is from a queue whose name says nothing.
    UnknownQueue,
}

/// How the last attempt failed, and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub failure: Failure,
    /// The HTTP status of an answer before it, if `failure` has none.
    pub last_status: Option<u16>,
    /// The start of the answer, at most 512 bytes.
    pub answer: Option<String>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { failure, last_status: None, answer: None }
    }
}

impl Failed {
    /// `last_status` and `last_error`.
    #[must_use]
    pub fn parts(&self) -> (Option<u16>, Option<&'static str>) {
        let (status, error) = self.failure.parts();
        (status.or(self.last_status), error)
    }
}

/// The `last_error` of an answer that says FAIL.
pub const FAIL: &str = "fail";

impl Failure {
    /// `last_status` and `last_error`: one of them, but for [`Self::Fail`], which is both.
    #[must_use]
    pub fn parts(self) -> (Option<u16>, Option<&'static str>) {
        match self {
            Self::Status(status) => (Some(status), None),
            Self::Origin(error) => (None, Some(error.into())),
            Self::Fail(status) => (Some(status), Some(FAIL)),
            Self::Sink(sink) => (None, Some(sink.name())),
            Self::Other(reason) => (None, Some(reason.into())),
        }
    }

    /// The `last_error` of this text; `unknown` for one that only another version of this Worker writes.
    #[must_use]
    pub fn known_word(text: &str) -> &'static str {
        Self::words().find(|word| *word == text).unwrap_or(UNKNOWN)
    }

    /// Every `last_error` that there can be.
    pub fn words() -> impl Iterator<Item = &'static str> {
        let of_sinks = Sink::VARIANTS.iter().filter(|sink| sink.stores()).map(|sink| sink.name());
        let of_origin = OutgoingError::VARIANTS.iter().map(|error| error.into());
        of_sinks.chain(of_origin).chain([FAIL]).chain(Reason::VARIANTS.iter().map(|reason| reason.into()))
    }
}
