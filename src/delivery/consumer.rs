//! The consumer of the queues' messages: it delivers events to the origin, or stores them in KV or D1, retries what failed, and
//! writes a dead letter for what failed for good. Delivery is at least once, in no order.
//!
//! Each message is settled on its own. One that ends its invocation before it is settled, by a panic or a limit of the
//! platform, is retried by the queue, which after `max_retries` moves it to the dead-letter queue.

use std::fmt::Write as _;

use super::{
    dead_letter::{self, Failure},
    message::{Job, Message},
    message_record::{DEAD_LETTERED, MessageRecord, RETRIED},
    retry::wait_seconds,
};
use crate::{
    config::{Config, DELIVERY_HOURS_DEFAULT, RETRY_BASE_DEFAULT_SECONDS, Settings},
    database::{
        Database,
        deliveries::{self, Change},
        event_log,
    },
    event::{Entry, Event, EventId},
    log::Level,
    origin::{HOP_HEADER, LOOP_STATUS, Origin, OriginRequest, OriginResponse, OriginSigning},
    storage::{Clock, Store, within},
    webhook::SdkAppId,
};

/// How long the origin may take to answer a delivery, in ms.
pub const ORIGIN_WITHIN_MS: u64 = 10_000;

/// Wait before a second attempt to write a dead letter, in seconds; it doubles from attempt to attempt.
pub const DEAD_LETTER_BASE_SECONDS: u64 = 60;

/// Up to this attempt, a message of the dead-letter queue is parsed. One that comes again after it may be what ends its
/// invocation, and is stored as it is.
pub const PARSE_ATTEMPTS_MAX: u32 = 3;

/// How long KV or D1 may take to store an event, in ms.
const PUT_WITHIN_MS: u64 = 10_000;

/// Which queue a batch is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The deliveries to come, and what is still to be stored.
    Deliveries,
    /// What was retried there too often.
    DeadLetters,
}

impl Source {
    /// The source by the name of its queue, which `make deploy` has checked: it contains `dead-letters` or `deliveries`.
    /// `None` for any other.
    #[must_use]
    pub fn of(queue: &str) -> Option<Self> {
        match queue {
            _ if queue.contains("dead-letters") => Some(Self::DeadLetters),
            _ if queue.contains("deliveries") => Some(Self::Deliveries),
            _ => None,
        }
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
    /// When it was sent, in Unix ms; the same at every attempt.
    fn sent_at(&self) -> u64;
    /// How often it has been handed to a consumer, this time included: 1 or more.
    fn attempts(&self) -> u32;
    /// Tells the queue.
    fn settle(self, outcome: Outcome);
}

/// What processes messages.
pub struct Consumer<'a, S, D, O, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events and dead letters are stored.
    pub store: &'a S,
    /// The event log's database, where one is bound.
    pub database: Option<&'a D>,
    /// The way to the app's backend.
    pub origin: &'a O,
    /// The time.
    pub clock: &'a C,
    /// A number from 0 to below 1, another one each time.
    pub random: &'a dyn Fn() -> f64,
    /// Where log records go.
    pub log: &'a dyn Fn(Level, String),
}

/// What became of a message: how to settle it, and what there is to say of it.
type Processed = (Outcome, MessageRecord);

/// How an attempt failed.
struct AttemptFailed {
    failure: Failure,
    /// How long the origin asks to wait, in seconds.
    retry_after: Option<u64>,
    /// Whether a further attempt would fail in the same way.
    is_final: bool,
}

impl AttemptFailed {
    fn for_good(failure: Failure) -> Self {
        Self { failure, retry_after: None, is_final: true }
    }
}

impl From<Failure> for AttemptFailed {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after: None, is_final: false }
    }
}

impl<S: Store, D: Database, O: Origin, C: Clock> Consumer<'_, S, D, O, C> {
    /// Processes a batch, one message after the other, and settles each on its own.
    pub async fn consume<M: QueuedMessage>(&self, source: Option<Source>, batch: impl IntoIterator<Item = M>) {
        for message in batch {
            let (outcome, record) = match source {
                Some(Source::Deliveries) => self.process(&message).await,
                Some(Source::DeadLetters) => self.process_dead(&message).await,
                None => self.retry(Failure::UNKNOWN_QUEUE, MessageRecord::default(), &message),
            };
            let (level, text) = record.text();
            (self.log)(level, text);
            // The dead-letter queue hands out a message as if it were new.
            let attempts = (source == Some(Source::Deliveries)).then(|| message.attempts());
            // Before the row is written, so that nothing that D1 does can undo it.
            message.settle(outcome);
            if let Some((app, id, change)) = record.change(attempts, self.now()) {
                self.write_change(app, &id, &change).await;
            }
        }
    }

    /// Does what a message asks for.
    async fn process(&self, queued: &impl QueuedMessage) -> Processed {
        let settings = self.config.settings.as_ref();
        let text = queued.text();
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            let letter = dead_letter::raw_entry(&queued.id(), &text, Failure::UNREADABLE, self.now(), self.retention());
            return self.dead_letter(letter, MessageRecord::default(), Failure::UNREADABLE, queued).await;
        };
        let mut record = MessageRecord::of(&event, message.job);
        let done = match settings {
            Some(settings) => self.attempt(message.job, &event, settings).await,
            None => Err(Failure::SETTINGS.into()),
        };
        let failed = match done {
            Ok(status) => {
                record.accepted_with = status;
                return done_with(message.job, record);
            }
            Err(failed) => failed,
        };
        let base = settings.map_or(RETRY_BASE_DEFAULT_SECONDS, |settings| settings.retry_base_seconds);
        let life =
            settings.map_or(DELIVERY_HOURS_DEFAULT.saturating_mul(60 * 60), |settings| settings.delivery_seconds);
        let after_seconds = wait_seconds(queued.attempts(), base, failed.retry_after, (self.random)());
        let age = self.now().saturating_sub(queued.sent_at()) / 1000;
        // Dead-lettered at once: a message that is older than its queue keeps it expires, and nobody sees it.
        if failed.is_final || age.saturating_add(after_seconds.into()) > life {
            let letter = dead_letter::entry(&event, message.job, failed.failure, self.now(), self.retention());
            return self.dead_letter(letter, record, failed.failure, queued).await;
        }
        retry_after(after_seconds, failed.failure, record)
    }

    /// Files a message that its queue has given up on.
    async fn process_dead(&self, queued: &impl QueuedMessage) -> Processed {
        let text = queued.text();
        let raw = |failure| dead_letter::raw_entry(&queued.id(), &text, failure, self.now(), self.retention());
        if queued.attempts() > PARSE_ATTEMPTS_MAX {
            let failure = Failure::CRASHED;
            return self.dead_letter(raw(failure), MessageRecord::default(), failure, queued).await;
        }
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            let failure = Failure::UNREADABLE;
            return self.dead_letter(raw(failure), MessageRecord::default(), failure, queued).await;
        };
        let record = MessageRecord::of(&event, message.job);
        let is_stored = match message.job {
            // Where KV takes a dead letter, it takes the event too.
            Job::StoreKv => self.put_event(&event).await,
            Job::StoreD1 => self.insert(&event).await,
            Job::Deliver => false,
        };
        if is_stored {
            return done_with(message.job, record);
        }
        let failure = Failure::RETRIES_EXHAUSTED;
        let letter = dead_letter::entry(&event, message.job, failure, self.now(), self.retention());
        self.dead_letter(letter, record, failure, queued).await
    }

    /// Makes one attempt. The status that the origin has accepted the event with, where it is for the origin.
    async fn attempt(&self, job: Job, event: &Event<'_>, settings: &Settings) -> Result<Option<u16>, AttemptFailed> {
        match job {
            Job::StoreKv => self.put_event(event).await.then_some(None).ok_or(Failure::KV.into()),
            Job::StoreD1 => self.insert(event).await.then_some(None).ok_or(Failure::D1.into()),
            // Without its app there is no token to sign it with.
            Job::Deliver if !settings.is_ours(event.app()) => Err(AttemptFailed::for_good(Failure::APP_REMOVED)),
            Job::Deliver => {
                let request = delivery(event, settings, self.now() / 1000).ok_or(Failure::SETTINGS)?;
                let response = self.origin.post(request).await.map_err(|error| Failure::Error(error.name()))?;
                let OriginResponse { status, retry_after, .. } = response;
                match status {
                    200..300 => Ok(Some(status)),
                    LOOP_STATUS => Err(AttemptFailed::for_good(Failure::Status(status))),
                    _ => Err(AttemptFailed { retry_after, ..Failure::Status(status).into() }),
                }
            }
        }
    }

    /// Writes a dead letter, and only then acknowledges the message.
    async fn dead_letter(
        &self,
        letter: Entry,
        mut record: MessageRecord,
        failure: Failure,
        queued: &impl QueuedMessage,
    ) -> Processed {
        if !self.put(&letter).await {
            return self.retry(Failure::KV, record, queued);
        }
        record.outcome = DEAD_LETTERED;
        record.failed(failure);
        (Outcome::Ack, record)
    }

    fn retry(&self, failure: Failure, record: MessageRecord, queued: &impl QueuedMessage) -> Processed {
        let after_seconds = wait_seconds(queued.attempts(), DEAD_LETTER_BASE_SECONDS, None, (self.random)());
        retry_after(after_seconds, failure, record)
    }

    async fn put(&self, entry: &Entry) -> bool {
        within(self.clock, PUT_WITHIN_MS, self.store.put(entry)).await == Some(Ok(()))
    }

    async fn put_event(&self, event: &Event<'_>) -> bool {
        self.put(&event.entry(self.retention(), self.now())).await
    }

    async fn insert(&self, event: &Event<'_>) -> bool {
        let Some(database) = self.database else { return false };
        within(self.clock, PUT_WITHIN_MS, database.attempt(event_log::insert(event))).await == Some(Ok(()))
    }

    /// Writes what became of a delivery. Where that fails, only the row is out of date.
    async fn write_change(&self, app: SdkAppId, id: &EventId, change: &Change) {
        let Some(database) = self.database else { return };
        let writing =
            within(self.clock, deliveries::WRITE_WITHIN_MS, database.attempt(deliveries::write(app, id, change)));
        if writing.await != Some(Ok(())) {
            (self.log)(Level::Warn, r#"{"outcome":"failed","reason":"delivery_state"}"#.to_owned());
        }
    }

    fn now(&self) -> u64 {
        self.clock.now_ms()
    }

    fn retention(&self) -> Option<u64> {
        self.config.settings.as_ref().and_then(|settings| settings.retention_seconds)
    }
}

/// Acknowledges a message whose job is done.
fn done_with(job: Job, mut record: MessageRecord) -> Processed {
    record.outcome = job.done();
    (Outcome::Ack, record)
}

fn retry_after(after_seconds: u32, failure: Failure, mut record: MessageRecord) -> Processed {
    record.failed(failure);
    (record.outcome, record.retry_after_seconds) = (RETRIED, Some(after_seconds));
    (Outcome::Retry { after_seconds }, record)
}

/// The request that brings `event` to the origin at `now` (Unix seconds): what Tencent sent, with a fresh Sign where
/// the app has a token, and a Standard Webhooks signature for each secret. `None` where the settings do not allow to deliver.
fn delivery<'a>(event: &'a Event<'_>, settings: &Settings, now: u64) -> Option<OriginRequest<'a>> {
    let OriginSigning::With(secrets) = &settings.origin_signing else { return None };
    let mut query = event.query();
    if let Some(token) = settings.signing_token(event.app()) {
        let time = now.to_string();
        let and = if query.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(query, "{and}Sign={}&RequestTime={time}", token.sign(&time).to_hex());
    }
    let mut headers = vec![("content-type", "application/json".to_owned()), (HOP_HEADER, "1".to_owned())];
    if !secrets.is_empty() {
        let id = event.id().to_string();
        let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(&id, now, event.body().get())).collect();
        headers.extend([
            ("webhook-signature", signatures.join(" ")),
            ("webhook-timestamp", now.to_string()),
            ("webhook-id", id),
        ]);
    }
    Some(OriginRequest {
        url: settings.origin.as_ref()?.with_query(&query),
        headers,
        body: event.body().get().as_bytes(),
        within_ms: ORIGIN_WITHIN_MS,
        body_max: 0,
    })
}
