//! Alerts as messages in the operator's chat.
//!
//! [`rules`] says what is to be told when, [`message`] in which words, [`service`] in which form. [`run`] is what the cron does: it
//! observes, sends and remembers, within ten seconds. It does not go through the queue, which is full just when it matters.

pub mod message;
pub mod rules;
pub mod run;
pub mod service;
pub mod store;
pub mod target;

use crate::standard_webhooks::SigningSecret;
use message::Wording;
use target::Target;

/// Who is told, and how.
#[derive(Clone, Debug, Default)]
pub struct Notify {
    /// The valid entries of `ALERT_URLS`.
    pub targets: Vec<Target>,
    /// `ALERT_SECRET`.
    pub signing: Option<SigningSecret>,
    /// How messages are worded.
    pub wording: Wording,
}
