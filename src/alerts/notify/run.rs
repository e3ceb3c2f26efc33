//! One run of the cron: it observes what is wrong, and sends what is to be told.

use std::pin::pin;

use futures_util::future::join_all;
use serde::Serialize;

use super::{
    Notify,
    message::Message,
    rules::{Current, News},
    service::{Outcome, Refusal, Request},
    store::{LOAD_WITHIN_MS, Memory, SAVE_WITHIN_MS, Saved},
    target::Target,
};
use crate::{
    config::features::MissingLines,
    encoding::to_json,
    log::Level,
    outgoing::{Outgoing as _, OutgoingError, OutgoingRequest, Wanted},
    ports::Ports,
    receive::deadline::Deadline,
    storage::{Clock as _, within},
};

/// How long a run may take, in ms.
pub const RUN_WITHIN_MS: u64 = 10_000;

/// How long the observation may take, in ms. What is known without D1 comes at once.
pub const OBSERVE_WITHIN_MS: u64 = 2_000;

/// By how much longer it is waited for, in ms: it notices itself that the time is up.
const GRACE_MS: u64 = 500;

/// What is left for the two attempts to write at the end.
const SAVE_BOTH_WITHIN_MS: u64 = 2 * SAVE_WITHIN_MS;

/// How much of a service's answer is read, in bytes.
pub const ANSWER_READ_MAX: usize = 64 * 1024;

/// How long a service may take for a test message, in ms.
const TEST_WITHIN_MS: u64 = 8_000;

/// The longest text of a service that is shown, in characters.
const SAYS_MAX: usize = 200;

const MINUTE_MS: u64 = 60 * 1000;

/// What became of a message to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub outcome: Outcome,
    /// Why there was no answer.
    pub error: Option<OutgoingError>,
}

/// A run that is due.
#[derive(Clone, Copy, Debug)]
pub struct Due<'a> {
    /// By which cron trigger.
    pub cron: &'a str,
    /// When, in Unix ms. By this, messages are spaced: the clocks of two runs may be less than a minute apart.
    pub at_ms: u64,
}

/// Sends what is to be told.
pub async fn run<P: Ports>(ports: &P, notify: &Notify, due: Due<'_>, observe: impl AsyncFnOnce() -> Current) {
    let scheduled_ms = due.at_ms;
    if notify.targets.is_empty() {
        return;
    }
    let clock = ports.clock();
    let deadline = Deadline::after(clock, RUN_WITHIN_MS);
    let mut memory = Memory::load(ports).await;
    if !memory.is_known && !is_full_hour(scheduled_ms) {
        return;
    }
    let Some(current) = within(clock, OBSERVE_WITHIN_MS.saturating_add(GRACE_MS), pin!(observe())).await else {
        return ports.log(Level::Warn, r#"{"outcome":"failed","reason":"alerts"}"#);
    };
    let before = memory.state.clone();
    let state = &mut memory.state;
    due.cron.clone_into(&mut state.trigger);
    state.have_targets(notify.targets.iter().map(Target::id), scheduled_ms);
    state.observe(&current, scheduled_ms);
    let news = |target: &'_ Target| state.news(target.id(), scheduled_ms);
    let news: Vec<_> = notify.targets.iter().filter_map(|target| Some((target, news(target)?))).collect();
    for (target, _) in &news {
        state.trying(target.id(), scheduled_ms);
    }
    // Before anything is sent: so a run that is broken off, or a second one beside it, sends nothing twice in a minute.
    if memory.state != before {
        match memory.save().await {
            Saved::Done => {}
            Saved::Superseded => return,
            Saved::Failed if is_full_hour(scheduled_ms) => {}
            Saved::Failed => return ports.log(Level::Error, r#"{"outcome":"failed","reason":"alert_state"}"#),
        }
    }
    if news.is_empty() {
        return;
    }
    let within_ms = deadline.left().saturating_sub(SAVE_BOTH_WITHIN_MS);
    let sending = news.iter().map(|(target, news)| {
        let message = Message::of(news, &memory.state, &current.alerts, &notify.wording);
        async move { send(ports, notify, target, &message, within_ms).await }
    });
    let sent = join_all(sending).await;
    for ((target, news), sent) in news.iter().zip(sent) {
        settle(&mut memory, target, news, &sent, scheduled_ms);
    }
    if memory.save().await == Saved::Failed {
        ports.log(Level::Error, r#"{"outcome":"failed","reason":"alert_state"}"#);
    }
}

/// While nothing can be remembered, all that is wrong is told once an hour.
const fn is_full_hour(ms: u64) -> bool {
    (ms / MINUTE_MS).is_multiple_of(60)
}

fn settle<P: Ports>(memory: &mut Memory<'_, P>, target: &Target, news: &News, sent: &Sent, now: u64) {
    match &sent.outcome {
        Outcome::Accepted => memory.state.taken(target.id(), news, now),
        Outcome::Refused(refusal) => memory.state.refused(target.id(), refusal, now),
    }
}

/// What `wrangler.toml` lacks for messages, as far as the latest run tells.
pub async fn missing_lines<P: Ports>(ports: &P, notify: &Notify) -> Vec<MissingLines> {
    if notify.targets.is_empty() {
        return Vec::new();
    }
    let trigger = Memory::load(ports).await.state.trigger;
    if trigger.is_empty() { Vec::new() } else { MissingLines::of_trigger(&trigger) }
}

/// Sends a test message to each target, and gives what became of it.
pub async fn test<'n, P: Ports>(ports: &P, notify: &'n Notify) -> Vec<(&'n Target, Sent)> {
    let message = Message::test(&notify.wording, ports.clock().now_ms());
    let sending = notify.targets.iter().map(|target| {
        let message = &message;
        async move { (target, send(ports, notify, target, message, TEST_WITHIN_MS).await) }
    });
    join_all(sending).await
}

/// Sends a message to one target.
async fn send<P: Ports>(ports: &P, notify: &Notify, target: &Target, message: &Message, within_ms: u64) -> Sent {
    let service = target.service();
    let Request { url, headers, body } =
        service.request(target, notify.signing.as_ref(), message, notify.wording.language, ports.clock().now_ms());
    let request =
        OutgoingRequest { url, headers, body: body.as_bytes(), within_ms, wanted: Wanted::Start(ANSWER_READ_MAX) };
    let posting = pin!(ports.outgoing().post(request));
    // The body of an answer may go on when the time for its head is up.
    let answer = within(ports.clock(), within_ms, posting).await.unwrap_or(Err(OutgoingError::Late));
    let sent = match answer {
        Ok(answer) => Sent { outcome: service.outcome(&answer), error: None },
        Err(error) => Sent { outcome: Outcome::Refused(Refusal::default()), error: Some(error) },
    };
    let Sent { outcome: Outcome::Refused(mut refusal), error } = sent else { return sent };
    refusal.says = refusal.says.map(|says| target.redact(&says).chars().take(SAYS_MAX).collect());
    ports.log(Level::Warn, &log_record(target, &refusal, error));
    Sent { outcome: Outcome::Refused(refusal), error }
}

/// The log record of a message that was not taken. It has no URL, and no text of the service.
fn log_record(target: &Target, refusal: &Refusal, error: Option<OutgoingError>) -> String {
    #[derive(Serialize)]
    struct Record<'a> {
        outcome: &'static str,
        reason: &'static str,
        service: &'static str,
        target: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'static str>,
    }
    to_json(&Record {
        outcome: "failed",
        reason: "alert_message",
        service: target.service().into(),
        target: target.position(),
        status: (refusal.status > 0).then_some(refusal.status),
        code: refusal.code.as_deref(),
        error: error.map(Into::into),
    })
}

const _: () = assert!(
    LOAD_WITHIN_MS + OBSERVE_WITHIN_MS + GRACE_MS + 2 * SAVE_BOTH_WITHIN_MS < RUN_WITHIN_MS,
    "there is time left to send"
);
