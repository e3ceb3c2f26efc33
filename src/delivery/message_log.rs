//! What became of one message of the queue: its log record, and the change of its delivery.

use serde::Serialize;

use super::{
    failure::{Failed, Failure},
    retry::FIRST_WAITS_MAX_SECONDS,
};
use crate::{
    database::deliveries::{Change, DeliveryChange, State},
    encoding::to_json,
    event::{Event, EventId},
    log::{Level, printable},
    sink::Sink,
    webhook::SdkAppId,
};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageOutcome {
    /// The origin has the event.
    Delivered,
    /// The sink has the event.
    Stored,
    /// It comes again.
    Retried,
    /// It has become a dead letter.
    DeadLettered,
    /// The event was erased after its receipt: there was nothing to do.
    Erased,
}

impl MessageOutcome {
    /// That of a message whose sink has the event now.
    #[must_use]
    pub const fn done(sink: Sink) -> Self {
        if sink.stores() { Self::Stored } else { Self::Delivered }
    }
}

/// What became of one message, and what it is about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageLog {
    /// What became of it: there once the message is settled.
    pub outcome: Option<MessageOutcome>,
    #[serde(rename = "job", skip_serializing_if = "Option::is_none")]
    sink: Option<Sink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<SdkAppId>,
    #[serde(skip)]
    event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'static str>,
    /// How long the message waits before it comes again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// What the origin has accepted it with.
    #[serde(skip)]
    pub accepted: Option<Accepted>,
    /// The start of the last answer, if it failed or said FAIL.
    #[serde(skip)]
    answer: Option<String>,
}

/// An answer with which the origin has accepted an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its HTTP status.
    pub status: u16,
    pub says_fail: bool,
}

impl MessageLog {
    /// The record of a message about `event`.
    #[must_use]
    pub fn of(event: &Event<'_>, sink: Sink) -> Self {
        Self {
            sink: Some(sink),
            app: Some(event.app()),
            event_id: Some(event.id().clone()),
            targets: Some(event.targets()),
            request_id: printable(event.request_id()).map(String::from),
            ..Self::default()
        }
    }

    /// Says how the last attempt failed.
    pub fn failed(&mut self, failed: &Failed) {
        (self.last_status, self.last_error) = failed.parts();
        self.answer.clone_from(&failed.answer);
    }

    /// Says how the origin has accepted the event: with this answer, the start of which tells a FAIL.
    pub fn accepted(&mut self, accepted: Accepted, answer: Option<String>) {
        self.accepted = Some(accepted);
        if accepted.says_fail {
            (self.last_status, self.last_error) = Failure::Fail(accepted.status).parts();
            self.answer = answer;
        }
    }

    /// The level of the record.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self.outcome {
            Some(MessageOutcome::Delivered) if self.last_error.is_some() => Level::Warn,
            Some(MessageOutcome::Retried) => Level::Warn,
            Some(MessageOutcome::DeadLettered) => Level::Error,
            Some(MessageOutcome::Delivered | MessageOutcome::Stored | MessageOutcome::Erased) | None => Level::Info,
        }
    }

    /// The record as JSON, without a line end.
    #[must_use]
    pub fn text(&self) -> String {
        to_json(self)
    }

    /// Whether it is noted that the message comes again: the first time, and each time that it takes long.
    fn is_noted(&self, attempts: u32) -> bool {
        let wait = self.retry_after_seconds.map_or(0, u64::from);
        attempts <= 1 || wait > FIRST_WAITS_MAX_SECONDS
    }

    /// What a message to deliver made of its delivery at `now_ms` (Unix ms), in the attempt of this number; `None` for any other
    /// message, and for an attempt that has changed nothing but its number: its delivery is still retried, and again soon. Without
    /// a number there was no attempt: only that it is dead says something.
    #[must_use]
    pub fn change(&self, attempts: Option<u32>, now_ms: u64) -> Option<DeliveryChange> {
        let state = match (self.sink?, self.outcome?, attempts) {
            (Sink::Origin, MessageOutcome::DeadLettered, _) => State::Dead,
            (Sink::Origin, MessageOutcome::Retried, Some(attempts)) if self.is_noted(attempts) => State::Retrying,
            (Sink::Origin, MessageOutcome::Delivered, Some(_)) => match self.accepted? {
                Accepted { says_fail: false, .. } => State::Delivered,
                Accepted { says_fail: true, .. } => State::DeliveredFail,
            },
            _ => return None,
        };
        let wait_ms = self.retry_after_seconds.map(|seconds| u64::from(seconds).saturating_mul(1000));
        let change = Change {
            state,
            attempts,
            last_status: self.accepted.map(|it| it.status).or(self.last_status),
            last_error: self.last_error,
            answer: self.answer.clone(),
            next_attempt_at: wait_ms.map(|wait_ms| now_ms.saturating_add(wait_ms)),
            at: now_ms,
            is_replay: false,
        };
        Some(DeliveryChange { app: self.app?, id: self.event_id.clone()?, change })
    }
}
