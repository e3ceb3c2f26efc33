//! The log record of one call: what became of it, and why.

use std::borrow::Cow;

use serde::Serialize;

use super::{call_counter::CallKind, rejection::Rejection};
use crate::{
    database::call_counts::CallOutcome,
    encoding::to_json,
    log::{Level, LogChoice, printable},
    webhook::{SdkAppId, query::Query},
};

/// What is known of a call, filled in step by step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CallLog<'a> {
    outcome: Option<CallOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Cow<'a, str>>,
    /// How many users were unfollowed or followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
    /// The app, if it is one of ours.
    #[serde(skip)]
    pub our_app: Option<SdkAppId>,
    /// What the app's backend answered, if that is what the caller got.
    #[serde(skip)]
    pub relayed_status: Option<u16>,
    /// The invalid settings, by name.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub settings: &'a [String],
    duration_ms: u64,
}

impl<'a> CallLog<'a> {
    /// Takes from the query what a log may say of it.
    pub fn describe(&mut self, query: &Query<'a>) {
        self.app = printable(query.sdk_app_id.as_ref());
        self.command = printable(query.command.as_ref());
        self.platform = printable(query.opt_platform.as_ref());
        self.request_id = printable(query.request_id.as_ref());
    }

    /// Sets the command, if only the body names it.
    pub fn name_command(&mut self, command: Cow<'a, str>) {
        self.command = printable(Some(&command));
    }

    /// The level of the record with the record as JSON without a line end, if `choice` has it written; and what the call counts as.
    /// `duration_ms` is from the call's arrival to its response, by the runtime's clock, which stands still between I/O.
    #[must_use]
    #[inline(never)]
    pub fn finish(
        mut self,
        outcome: Result<CallOutcome, Rejection>,
        duration_ms: u64,
        choice: LogChoice,
    ) -> (Option<(Level, String)>, CallKind) {
        let (level, outcome) = match outcome {
            Ok(outcome) => {
                self.status = self.relayed_status.unwrap_or(200);
                let fell_back = matches!(outcome, CallOutcome::Queued | CallOutcome::DeadLettered);
                (if self.status >= 500 || fell_back { Level::Warn } else { Level::Info }, outcome)
            }
            Err(rejection) => {
                let row = rejection.row();
                (self.reason, self.status) = (Some(row.name), row.status);
                if row.status >= 500 {
                    (Level::Error, CallOutcome::Failed)
                } else {
                    (Level::Warn, CallOutcome::Rejected)
                }
            }
        };
        (self.outcome, self.duration_ms) = (Some(outcome), duration_ms);
        let kind = CallKind { app: self.our_app, outcome, reason: self.reason.unwrap_or_default() };
        // JSON escapes line ends and other control characters, so no text from outside can break the line.
        (choice.takes(level).then(|| (level, to_json(&self))), kind)
    }
}
