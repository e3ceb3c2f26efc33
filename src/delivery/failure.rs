//! Why a try failed: the words of logs, dead letters and deliveries.

use strum::{IntoStaticStr, VariantArray};

use crate::{encoding::UNKNOWN, origin::OriginError, sink::Sink};

/// Why a try failed: an HTTP status, or what happened instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The origin answered with this status.
    Status(u16),
    /// The origin gave no answer that counts.
    Origin(OriginError),
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
    /// The queue has given up on the message. What failed is in the log, unless the message ended its invocation.
    RetriesExhausted,
    /// The message ended the invocations that were to file it.
    Crashed,
    /// The batch is from a queue whose name says nothing.
    UnknownQueue,
}

impl Failure {
    /// `last_status` and `last_error`, one of which it is.
    #[must_use]
    pub fn parts(self) -> (Option<u16>, Option<&'static str>) {
        match self {
            Self::Status(status) => (Some(status), None),
            Self::Origin(error) => (None, Some(error.into())),
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
        let of_origin = OriginError::VARIANTS.iter().map(|error| error.into());
        of_sinks.chain(of_origin).chain(Reason::VARIANTS.iter().map(|reason| reason.into()))
    }
}
