//! The consumer of the queue's messages: it delivers events to the origin, or stores them in KV, retries what failed, and
//! writes a dead letter for what failed for good. Delivery is at least once, in no order.

use std::{cell::RefCell, fmt::Write as _, ops::RangeInclusive};

use futures_util::future::join5;

use super::{
    dead_letter::{self, Failure},
    message::{Job, Message},
    message_record::MessageRecord,
};
use crate::{
    config::{Config, RETRY_BASE_DEFAULT_SECONDS, Settings},
    event::{Entry, Event},
    log::Level,
    origin::{Origin, OriginRequest, OriginResponse, OriginSigning},
    storage::{Clock, Store, within},
};

/// How long the origin may take to answer a delivery, in ms.
pub const ORIGIN_WITHIN_MS: u64 = 10_000;

/// Longest wait before a message is tried again, in seconds; a queue takes no longer one.
pub const WAIT_MAX_SECONDS: u64 = 12 * 60 * 60;

/// How old a message may get in its queue, in seconds: half a day less than the four days that a queue keeps it.
pub const MESSAGE_LIFE_SECONDS: u64 = 7 * 12 * 60 * 60;

/// Shortest and longest wait before the writing of a dead letter is tried again, in seconds. Its hundred tries, an hour
/// apart, cover the four days that a queue keeps it.
pub const DEAD_LETTER_WAIT_SECONDS: RangeInclusive<u64> = 60..=60 * 60;

/// How long KV may take to answer a put, in ms: one that hangs must not hold up the others.
const PUT_WITHIN_MS: u64 = 10_000;

/// Which queue a batch is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The deliveries to come.
    Deliveries,
    /// What failed there too often.
    DeadLetters,
}

impl Source {
    /// The source by the name of its queue. Any other than the dead letters' is one of deliveries.
    #[must_use]
    pub fn of(queue: &str) -> Self {
        if queue.ends_with("dead-letters") { Self::DeadLetters } else { Self::Deliveries }
    }
}

/// How a message is settled: one of the two, because one that is left untouched counts as acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is acknowledged.
    Ack,
    /// It comes again.
    Retry {
        /// Not before this many seconds.
        after_seconds: u32,
    },
}

/// A message of a batch.
pub trait QueuedMessage {
    /// The id that the queue gave it.
    fn id(&self) -> String;
    /// Its body; anything but text is given as the text that JavaScript makes of it.
    fn text(&self) -> String;
    /// When it was sent, in Unix ms; the same at every try.
    fn sent_at(&self) -> u64;
    /// Tells the queue.
    fn settle(self, outcome: Outcome);
}

/// What processes messages.
pub struct Consumer<'a, S, O, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events and dead letters are kept.
    pub store: &'a S,
    /// The way to the app's backend.
    pub origin: &'a O,
    /// The time.
    pub clock: &'a C,
    /// A number from 0 to below 1, another one each time.
    pub random: &'a dyn Fn() -> f64,
    /// Where log lines go.
    pub log: &'a dyn Fn(Level, String),
}

/// How an attempt failed, and how long the origin asks to wait.
struct AttemptFailed {
    failure: Failure,
    retry_after: Option<u64>,
}

impl From<Failure> for AttemptFailed {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after: None }
    }
}

impl<S: Store, O: Origin, C: Clock> Consumer<'_, S, O, C> {
    /// Processes a batch, five messages at a time because an invocation has six connections, and settles each on its
    /// own: none holds up its neighbours.
    pub async fn consume<P: QueuedMessage>(&self, source: Source, batch: impl IntoIterator<Item = P>) {
        let waiting = RefCell::new(batch.into_iter());
        let consume = async || {
            loop {
                let Some(message) = waiting.borrow_mut().next() else { break };
                let outcome = self.process(source, &message).await;
                message.settle(outcome);
            }
        };
        join5(consume(), consume(), consume(), consume(), consume()).await;
    }

    async fn process(&self, source: Source, queued: &impl QueuedMessage) -> Outcome {
        let settings = self.config.settings.as_ref();
        let retention = settings.and_then(|settings| settings.retention_seconds);
        let text = queued.text();
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            let letter = dead_letter::unreadable_entry(&queued.id(), &text, self.clock.now_ms(), retention);
            let record = MessageRecord::unreadable();
            return self.dead_letter(letter, record, queued.sent_at()).await;
        };
        let mut record = MessageRecord::of(&event, message.job);
        let base = settings.map_or(RETRY_BASE_DEFAULT_SECONDS, |settings| settings.retry_base_seconds);
        let done = match settings {
            Some(settings) => self.attempt(message.job, &event, settings).await,
            None => Err(Failure::SETTINGS.into()),
        };
        match (done, source) {
            (Ok(()), _) => {
                record.outcome = match message.job {
                    Job::Deliver => "delivered",
                    Job::StoreKv => "stored",
                };
                (self.log)(Level::Info, record.text());
                Outcome::Ack
            }
            (Err(failed), Source::Deliveries) if !self.is_last_try(&failed, base, queued.sent_at()) => {
                self.retry(failed, base, record, self.age_seconds(queued.sent_at()))
            }
            (Err(failed), _) => {
                let now = self.clock.now_ms();
                let letter = dead_letter::entry(&event, message.job, failed.failure, now, retention);
                record.failed(failed.failure);
                self.dead_letter(letter, record, queued.sent_at()).await
            }
        }
    }

    /// One attempt.
    async fn attempt(&self, job: Job, event: &Event<'_>, settings: &Settings) -> Result<(), AttemptFailed> {
        match job {
            Job::StoreKv => {
                let entry = event.entry(settings.retention_seconds, self.clock.now_ms());
                if self.put(&entry).await { Ok(()) } else { Err(Failure::KV.into()) }
            }
            Job::Deliver => {
                let request = delivery(event, settings, self.clock.now_ms() / 1000).ok_or(Failure::SETTINGS)?;
                let response = self.origin.post(request).await.map_err(|error| Failure::Error(error.name()))?;
                let OriginResponse { status, retry_after, .. } = response;
                let delivered = (200..300).contains(&status);
                delivered.then_some(()).ok_or(AttemptFailed { failure: Failure::Status(status), retry_after })
            }
        }
    }

    /// Whether the longest wait that may come next would outlive the queue. The queue's own count of tries would be
    /// too late for an origin that takes its ten seconds to fail, or for a long `RETRY_BASE_SECONDS`.
    fn is_last_try(&self, failed: &AttemptFailed, base: u64, sent_at: u64) -> bool {
        let age = self.age_seconds(sent_at);
        let longest = wait_seconds(age, base, failed.retry_after, 1.0);
        age.saturating_add(longest.into()) > MESSAGE_LIFE_SECONDS
    }

    fn retry(&self, failed: AttemptFailed, base: u64, mut record: MessageRecord<'_>, age_seconds: u64) -> Outcome {
        let after_seconds = wait_seconds(age_seconds, base, failed.retry_after, (self.random)());
        record.failed(failed.failure);
        (record.outcome, record.retry_after_seconds) = ("retried", Some(after_seconds));
        (self.log)(Level::Warn, record.text());
        Outcome::Retry { after_seconds }
    }

    /// Writes a dead letter, and only then lets go of the message.
    async fn dead_letter(&self, letter: Entry, mut record: MessageRecord<'_>, sent_at: u64) -> Outcome {
        if self.put(&letter).await {
            record.outcome = "dead_lettered";
            (self.log)(Level::Error, record.text());
            return Outcome::Ack;
        }
        let age_seconds = self.age_seconds(sent_at).min(*DEAD_LETTER_WAIT_SECONDS.end());
        self.retry(Failure::KV.into(), *DEAD_LETTER_WAIT_SECONDS.start(), record, age_seconds)
    }

    async fn put(&self, entry: &Entry) -> bool {
        within(self.clock, PUT_WITHIN_MS, self.store.put(entry)).await == Some(Ok(()))
    }

    fn age_seconds(&self, sent_at: u64) -> u64 {
        self.clock.now_ms().saturating_sub(sent_at) / 1000
    }
}

/// The request that brings `event` to the origin at `now` (Unix seconds): what Tencent sent, with a fresh Sign where
/// the app has a token, and a Standard Webhooks signature where there is a secret for it. `None` where the settings do
/// not allow to deliver.
fn delivery<'a>(event: &'a Event<'_>, settings: &Settings, now: u64) -> Option<OriginRequest<'a>> {
    let mut query = event.query();
    if let Some(token) = settings.signing_token(event.app()) {
        let time = now.to_string();
        let and = if query.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(query, "{and}Sign={}&RequestTime={time}", token.sign(&time).to_hex());
    }
    let id = event.id().to_string();
    let mut headers = vec![("content-type", "application/json".to_owned())];
    match &settings.origin_signing {
        OriginSigning::Off => {}
        OriginSigning::On(secret) => headers.extend([
            ("webhook-signature", secret.sign(&id, now, event.body().get())),
            ("webhook-timestamp", now.to_string()),
            ("webhook-id", id),
        ]),
        OriginSigning::Invalid => return None,
    }
    Some(OriginRequest {
        url: settings.origin.as_ref()?.with_query(&query),
        headers,
        body: event.body().get().as_bytes(),
        within_ms: ORIGIN_WITHIN_MS,
        body_max: 0,
    })
}

/// How long to wait before a message of this age is retried, in seconds: as long as it is old, at least `base`
/// and at most [`WAIT_MAX_SECONDS`], ±20 % jitter. So the time doubles from try to try without a counter. A
/// longer `retry_after` is honoured, up to the same bound. `random` is from 0 to below 1.
#[must_use]
pub fn wait_seconds(age_seconds: u64, base: u64, retry_after: Option<u64>, random: f64) -> u32 {
    let wait = age_seconds.max(base).min(WAIT_MAX_SECONDS);
    let thousandths = random_thousandths(random).saturating_add(800);
    let spread = wait.saturating_mul(thousandths) / 1000;
    let wait = spread.max(retry_after.unwrap_or(0)).clamp(1, WAIT_MAX_SECONDS);
    u32::try_from(wait).unwrap_or(u32::MAX)
}

/// 0 to 400.
fn random_thousandths(random: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let thousandths = (random.clamp(0.0, 1.0) * 400.0) as u64;
    thousandths
}
