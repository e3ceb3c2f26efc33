//! The log record of one message of the queue.

use std::borrow::Cow;

use serde::Serialize;

use super::{dead_letter::Failure, message::Job};
use crate::{encoding::to_json, event::Event, log::printable, webhook::SdkAppId};

/// What became of one message, and what it is about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageRecord<'a> {
    /// `delivered`, `stored`, `retried` or `dead_lettered`.
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Job>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<SdkAppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'static str>,
    /// How long the message waits before it comes again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl<'a> MessageRecord<'a> {
    /// The record of a message about `event`.
    #[must_use]
    pub fn of(event: &Event<'a>, job: Job) -> Self {
        Self {
            job: Some(job),
            app: Some(event.app()),
            targets: Some(event.targets()),
            request_id: printable(event.request_id()),
            ..Self::default()
        }
    }

    /// Says how the last attempt failed.
    pub fn failed(&mut self, failure: Failure) {
        (self.last_status, self.last_error) = failure.parts();
    }

    /// The record as JSON, without a line end.
    #[must_use]
    pub fn text(&self) -> String {
        to_json(self)
    }
}
