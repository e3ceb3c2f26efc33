//! The consumer of the queues' messages: it delivers events to the origin, or stores them in KV or D1, retries what failed, and
//! writes a dead letter for what failed for good. Delivery is at least once, in no order.
//!
//! Each message is settled on its own. One that ends its invocation before it is settled, by a panic or a limit of the
//! platform, is retried by the queue, which after `max_retries` moves it to the dead-letter queue.

use std::{fmt::Write as _, pin::pin};

use futures_util::future::LocalBoxFuture;

use super::{
    dead_letter,
    erased::Traces,
    failure::{Failed, Failure, Reason},
    gathered::Gathered,
    message::Message,
    message_log::{Accepted, MessageLog, MessageOutcome},
    recent_erasures::RecentErasures,
    retry::wait_seconds,
};
use crate::{
    config::{Config, DeliverySettings, Settings},
    database::{
        Database as _, DatabaseError,
        deliveries::{self, StoredDelivery, StoredState},
    },
    encoding::StoredWord,
    event::{Entry, Event},
    log::Level,
    origin::{ANSWER_READ_MAX, HOP_HEADER, LOOP_STATUS, OnFail, OriginSigning, SOURCE_HEADER, kept_answer, says_fail},
    outgoing::{Outgoing as _, OutgoingRequest, OutgoingResponse, Wanted},
    ports::Ports,
    sink::{Sink, Storing},
    standard_webhooks,
    storage::{Clock as _, Kv as _, within},
};

/// How long the origin may take to answer a delivery, in ms.
pub const ORIGIN_WITHIN_MS: u64 = 10_000;

/// Wait before a second attempt to write a dead letter, in seconds; it doubles from attempt to attempt.
pub const DEAD_LETTER_BASE_SECONDS: u64 = 60;

/// Up to this attempt, a message of the dead-letter queue is parsed. One that comes again after it may be what ends its
/// invocation, and is stored as it is.
pub const PARSE_ATTEMPTS_MAX: u32 = 3;

/// How long KV or D1 may take to store an event, in ms.
pub(super) const PUT_WITHIN_MS: u64 = 10_000;

/// Which queue a batch is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The deliveries to come, and what is still to be stored.
    Deliveries,
    /// Events for the event log.
    EventLog,
    /// What was retried there too often.
    DeadLetters,
}

impl Source {
    /// The source by the name of its queue, which `make deploy` has checked: it contains `dead-letters`, `deliveries` or `event-log`.
    /// `None` for any other.
    #[must_use]
    pub fn of(queue: &str) -> Option<Self> {
        match queue {
            _ if queue.contains("dead-letters") => Some(Self::DeadLetters),
            _ if queue.contains("deliveries") => Some(Self::Deliveries),
            _ if queue.contains("event-log") => Some(Self::EventLog),
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
pub struct Consumer<'a, P> {
    pub config: &'a Config,
    pub ports: &'a P,
    pub memory: &'a Memory,
}

/// What an isolate remembers from batch to batch.
#[derive(Debug, Default)]
pub struct Memory {
    /// What became of deliveries and is still to be written.
    pub changes: Gathered,
    pub erasures: RecentErasures,
}

/// What became of a message: how to settle it, what there is to say of it, and the key of the dead letter that has ended with it.
struct Processed {
    outcome: Outcome,
    log: MessageLog,
    ended_letter: Option<String>,
}

impl Processed {
    /// A message that is acknowledged, because its sink has the event: so does what `message` replays end.
    fn done(message: &Message<'_>, log: MessageLog) -> Self {
        Self::ended(message, log, MessageOutcome::done(message.sink))
    }

    /// A message that is acknowledged, because its event was erased.
    fn erased(message: &Message<'_>, log: MessageLog) -> Self {
        Self::ended(message, log, MessageOutcome::Erased)
    }

    fn ended(message: &Message<'_>, mut log: MessageLog, outcome: MessageOutcome) -> Self {
        log.outcome = Some(outcome);
        Self { outcome: Outcome::Ack, log, ended_letter: message.letter.as_deref().map(str::to_owned) }
    }

    /// A message that comes again.
    fn retried(after_seconds: u32, failed: &Failed, mut log: MessageLog) -> Self {
        log.failed(failed);
        (log.outcome, log.retry_after_seconds) = (Some(MessageOutcome::Retried), Some(after_seconds));
        Self { outcome: Outcome::Retry { after_seconds }, log, ended_letter: None }
    }
}

/// What an attempt that did not fail has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// The sink has the event.
    Accepted,
    /// The event was erased, so that there was nothing to do.
    Erased,
}

/// How an attempt failed.
struct AttemptFailed {
    failed: Failed,
    /// How long the origin asks to wait, in seconds.
    retry_after: Option<u64>,
    /// Whether a further attempt would fail in the same way.
    is_final: bool,
}

impl AttemptFailed {
    fn for_good(failure: Failure) -> Self {
        Self { failed: failure.into(), retry_after: None, is_final: true }
    }
}

impl From<Failure> for AttemptFailed {
    fn from(failure: Failure) -> Self {
        Self { failed: failure.into(), retry_after: None, is_final: false }
    }
}

impl<P: Ports> Consumer<'_, P> {
    /// Processes a batch, one message after the other, and settles each on its own; events for the event log together.
    pub async fn consume<M: QueuedMessage>(&self, source: Option<Source>, batch: impl IntoIterator<Item = M>) {
        if source == Some(Source::EventLog) {
            return Box::pin(self.consume_events(batch.into_iter().collect())).await;
        }
        let mut write_after_ms = None;
        for message in batch {
            let Processed { outcome, log: record, ended_letter } = match source {
                Some(Source::Deliveries) => self.process(&message).await,
                Some(Source::DeadLetters) => self.process_dead(&message).await,
                Some(Source::EventLog) | None => {
                    self.retry(&Failure::Other(Reason::UnknownQueue).into(), MessageLog::default(), &message)
                }
            };
            let level = record.level();
            if self.config.calls.log.takes(level) {
                self.ports.log(level, &record.text());
            }
            // The dead-letter queue hands out a message as if it were new.
            let attempts = (source == Some(Source::Deliveries)).then(|| message.attempts());
            // Before the row is written, so that nothing that D1 does can undo it.
            message.settle(outcome);
            let (now, is_bound) = (self.now(), self.ports.database().is_some());
            let change = record.change(attempts, now).filter(|_| is_bound);
            write_after_ms = change.and_then(|change| self.memory.changes.add(change, now)).or(write_after_ms);
            if let Some(key) = ended_letter {
                self.end_letter(&key).await;
            }
        }
        if let Some(wait_ms) = write_after_ms {
            self.write_changes(wait_ms).await;
        }
    }

    /// Does what a message asks for. What was erased since is not stored: neither in a sink, nor on the queue, nor as a dead letter.
    async fn process(&self, queued: &impl QueuedMessage) -> Processed {
        let settings = self.config.calls.settings.as_ref();
        let text = queued.text();
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            return self.file_text(&text, Reason::Unreadable, queued).await;
        };
        let mut log = MessageLog::of(&event, message.sink);
        let done = match settings {
            Some(settings) => self.attempt(message.sink, &event, settings, &mut log).await,
            None => Err(Failure::Other(Reason::Settings).into()),
        };
        let AttemptFailed { failed, retry_after, is_final } = match done {
            Ok(Done::Accepted) => return Processed::done(message, log),
            Ok(Done::Erased) => return Processed::erased(message, log),
            // Only what failed is stored for longer. If D1 does not answer, the message is not lost.
            Err(_) if self.was_erased_lately(&event).await => return Processed::erased(message, log),
            Err(failed) => failed,
        };
        let DeliverySettings { retry_base_seconds, seconds: life, .. } = self.config.delivery;
        let after_seconds = wait_seconds(queued.attempts(), retry_base_seconds, retry_after, self.ports.random());
        let age = self.now().saturating_sub(queued.sent_at()) / 1000;
        // Dead-lettered at once: a message that is older than its queue keeps it expires, and nobody sees it.
        if is_final || age.saturating_add(after_seconds.into()) > life {
            let row = self.delivery(message.sink, &event).await;
            return self.give_up(message, &event, log, failed, row, queued).await;
        }
        Processed::retried(after_seconds, &failed, log)
    }

    /// Files a message that its queue has given up on.
    async fn process_dead(&self, queued: &impl QueuedMessage) -> Processed {
        let text = queued.text();
        if queued.attempts() > PARSE_ATTEMPTS_MAX {
            return self.file_text(&text, Reason::Crashed, queued).await;
        }
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            return self.file_text(&text, Reason::Unreadable, queued).await;
        };
        let log = MessageLog::of(&event, message.sink);
        // If KV takes a dead letter, it takes the event too.
        match self.store(message.sink, &event).await {
            Some(Ok(Done::Accepted)) => return Processed::done(message, log),
            Some(Ok(Done::Erased)) => return Processed::erased(message, log),
            None if self.is_erased(&event).await == Ok(true) => return Processed::erased(message, log),
            Some(Err(_)) | None => {}
        }
        let row = self.delivery(message.sink, &event).await;
        let failed = Failed {
            failure: Failure::Other(Reason::RetriesExhausted),
            last_status: row.as_ref().and_then(|row| row.last_status),
            answer: row.as_ref().and_then(|row| row.answer.clone()),
        };
        self.give_up(message, &event, log, failed, row, queued).await
    }

    /// What the event log says of the delivery of an event; `None` if it cannot say, or `sink` is another than the origin.
    async fn delivery(&self, sink: Sink, event: &Event<'_>) -> Option<StoredDelivery> {
        let database = self.ports.database().filter(|_| sink == Sink::Origin)?;
        let reading = pin!(database.rows::<StoredDelivery>(deliveries::read(event.app(), event.id())));
        within(self.ports.clock(), deliveries::WRITE_WITHIN_MS, reading).await?.ok()?.into_iter().next()
    }

    /// Makes a message that is not tried again a dead letter, unless the origin has its event, by another copy of the message, or
    /// the event was erased.
    async fn give_up(
        &self,
        message: &Message<'_>,
        event: &Event<'_>,
        log: MessageLog,
        failed: Failed,
        row: Option<StoredDelivery>,
        queued: &impl QueuedMessage,
    ) -> Processed {
        let is_accepted =
            |row: &StoredDelivery| StoredState::ACCEPTED.iter().any(|it| row.state == StoredWord::Known(*it));
        if row.as_ref().is_some_and(is_accepted) {
            return Processed::done(message, log);
        }
        let letter =
            dead_letter::entry(event, message.sink, failed.clone(), self.now(), self.config.calls.retention_seconds);
        // The new letter takes the place of the one that was replayed, whose key may be another.
        let ended = message.letter.as_deref().filter(|key| *key != letter.key).map(str::to_owned);
        let processed = self.dead_letter(letter, log.clone(), &failed, queued).await;
        // An erasure that began meanwhile may have looked before it was there.
        if self.is_erased(event).await == Ok(true) {
            return Processed::erased(message, log);
        }
        let is_filed = processed.outcome == Outcome::Ack;
        Processed { ended_letter: ended.filter(|_| is_filed), ..processed }
    }

    /// Makes a message that cannot be read, or must not be, a dead letter with its text.
    async fn file_text(&self, text: &str, reason: Reason, queued: &impl QueuedMessage) -> Processed {
        let failure = Failure::Other(reason);
        let letter =
            dead_letter::raw_entry(&queued.id(), text, failure, self.now(), self.config.calls.retention_seconds);
        self.dead_letter(letter, MessageLog::default(), &failure.into(), queued).await
    }

    /// Makes one attempt, and says in `log` what the origin has accepted the event with.
    async fn attempt(
        &self,
        sink: Sink,
        event: &Event<'_>,
        settings: &Settings,
        log: &mut MessageLog,
    ) -> Result<Done, AttemptFailed> {
        match self.store(sink, event).await {
            Some(stored) => Ok(stored?),
            None => self.deliver(event, settings, log).await.map(|()| Done::Accepted),
        }
    }

    /// Makes one attempt to store an event, unless it was erased since; `None` for a sink that stores nothing.
    async fn store(&self, sink: Sink, event: &Event<'_>) -> Option<Result<Done, Failure>> {
        if !sink.stores() {
            return None;
        }
        match self.is_erased(event).await {
            Ok(false) => {}
            Ok(true) => return Some(Ok(Done::Erased)),
            // Whether it was is not known before D1 answers.
            Err(failure) => return Some(Err(failure)),
        }
        let storing =
            Storing { hashes: Some(Traces::of(event).hashes), is_batched: false, ..self.config.calls.storing() };
        let attempt = sink.begin(self.ports, event, &storing, self.now())?;
        if within(self.ports.clock(), PUT_WITHIN_MS, attempt).await != Some(Ok(())) {
            return Some(Err(Failure::Sink(sink)));
        }
        // An erasure that began meanwhile may have looked before it was there.
        Some(self.is_erased(event).await.map(|is| if is { Done::Erased } else { Done::Accepted }))
    }

    /// Whether an event was erased after its receipt. What there still is of it is then deleted.
    // Boxed, so that it is there once, and not with each that asks.
    fn is_erased<'f>(&'f self, event: &Event<'_>) -> LocalBoxFuture<'f, Result<bool, Failure>> {
        let traces = Traces::of(event);
        Box::pin(async move {
            let asking = pin!(traces.erased_at(self.ports.database()));
            match within(self.ports.clock(), PUT_WITHIN_MS, asking).await {
                Some(Ok(None)) => Ok(false),
                Some(Ok(Some(began_at))) if traces.remove(self.ports, began_at).await => Ok(true),
                // Something is left, or may be: the message comes again.
                Some(Ok(Some(_)) | Err(_)) | None => Err(Failure::Sink(Sink::D1)),
            }
        })
    }

    /// Whether an event was erased after its receipt, as far as this isolate knows, or D1 says. What there still is of it is then
    /// deleted.
    async fn was_erased_lately(&self, event: &Event<'_>) -> bool {
        let knows_better = self.memory.erasures.know_none_of(&Traces::of(event), self.ports).await;
        !knows_better && self.is_erased(event).await == Ok(true)
    }

    /// Makes one attempt to deliver an event.
    async fn deliver(&self, event: &Event<'_>, settings: &Settings, log: &mut MessageLog) -> Result<(), AttemptFailed> {
        // Without its app there is no token to sign it with.
        if !settings.is_ours(event.app()) {
            return Err(AttemptFailed::for_good(Failure::Other(Reason::AppRemoved)));
        }
        let request = delivery(event, settings, &self.config.delivery.signing, self.now() / 1000);
        let request = request.ok_or(Failure::Other(Reason::Settings))?;
        let response = self.ports.outgoing().post(request).await.map_err(Failure::Origin)?;
        let OutgoingResponse { status, retry_after, body } = response;
        let answer = kept_answer(&body);
        let failure = match status {
            200..300 => {
                let says_fail = says_fail(&body);
                if !says_fail || self.config.delivery.on_fail == OnFail::Accept {
                    log.accepted(Accepted { status, says_fail }, answer);
                    return Ok(());
                }
                Failure::Fail(status)
            }
            _ => Failure::Status(status),
        };
        let failed = Failed { answer, ..failure.into() };
        Err(AttemptFailed { failed, retry_after, is_final: status == LOOP_STATUS })
    }

    /// Writes a dead letter, and only then acknowledges the message.
    async fn dead_letter(
        &self,
        letter: Entry,
        mut log: MessageLog,
        failed: &Failed,
        queued: &impl QueuedMessage,
    ) -> Processed {
        if !self.put(&letter).await {
            return self.retry(&Failure::Sink(Sink::Kv).into(), log, queued);
        }
        log.outcome = Some(MessageOutcome::DeadLettered);
        log.failed(failed);
        Processed { outcome: Outcome::Ack, log, ended_letter: None }
    }

    fn retry(&self, failed: &Failed, log: MessageLog, queued: &impl QueuedMessage) -> Processed {
        let after_seconds = wait_seconds(queued.attempts(), DEAD_LETTER_BASE_SECONDS, None, self.ports.random());
        Processed::retried(after_seconds, failed, log)
    }

    /// Deletes a dead letter whose event has come to where it was to go. If that fails, the letter stays: to replay it again
    /// does no harm.
    async fn end_letter(&self, key: &str) {
        let deleting = pin!(self.ports.kv().delete(key));
        if within(self.ports.clock(), PUT_WITHIN_MS, deleting).await != Some(Ok(())) {
            self.ports.log(Level::Warn, r#"{"outcome":"failed","reason":"dead_letter_stays"}"#);
        }
    }

    async fn put(&self, entry: &Entry) -> bool {
        within(self.ports.clock(), PUT_WITHIN_MS, self.ports.kv().put(entry)).await == Some(Ok(()))
    }

    /// Writes what became of deliveries in the last `wait_ms` ms and in the ms to come. If that fails, only the rows are out of date.
    async fn write_changes(&self, wait_ms: u64) {
        let (clock, Some(database)) = (self.ports.clock(), self.ports.database()) else { return };
        if wait_ms > 0 {
            clock.sleep(wait_ms).await;
        }
        loop {
            let changes = self.memory.changes.take();
            if changes.is_empty() {
                return;
            }
            let statements = deliveries::write_all(&changes);
            let writing = pin!(async {
                for statement in statements {
                    database.run(statement).await?;
                }
                Ok::<_, DatabaseError>(())
            });
            if within(clock, deliveries::WRITE_WITHIN_MS, writing).await != Some(Ok(())) {
                // To write them twice does no harm.
                self.memory.changes.put_back(changes);
                return self.ports.log(Level::Warn, r#"{"outcome":"failed","reason":"delivery_state"}"#);
            }
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.ports.clock().now_ms()
    }
}

/// The request that brings `event` to the origin at `now` (Unix seconds): what Tencent sent, with a fresh Sign if
/// the app has a token, and a Standard Webhooks signature for each secret. `None` if the settings do not allow to deliver.
fn delivery<'a>(
    event: &'a Event<'_>,
    settings: &Settings,
    signing: &OriginSigning,
    now: u64,
) -> Option<OutgoingRequest<'a>> {
    let OriginSigning::With(secrets) = signing else { return None };
    let mut query = event.query();
    if let Some(token) = settings.signing_token(event.app()) {
        let time = now.to_string();
        let and = if query.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(query, "{and}Sign={}&RequestTime={time}", token.sign(&time).to_hex());
    }
    let mut headers = vec![("content-type", "application/json".to_owned()), (HOP_HEADER, "1".to_owned())];
    headers.extend(event.origin().map(|origin| (SOURCE_HEADER, <&str>::from(origin.source).to_owned())));
    if !secrets.is_empty() {
        headers.extend(standard_webhooks::headers(secrets, &event.id().to_string(), now, event.body().get()));
    }
    Some(OutgoingRequest {
        url: settings.origin.as_ref()?.with_query(&query),
        headers,
        body: event.body().get().as_bytes(),
        within_ms: ORIGIN_WITHIN_MS,
        wanted: Wanted::Start(ANSWER_READ_MAX),
    })
}
