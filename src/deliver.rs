//! What the consumer does with the queue's messages: it brings events to the origin, or into KV, tries again what
//! failed, and buries as a dead letter what failed for good. Delivery is at least once, in no order.

use std::{cell::RefCell, fmt::Write as _, ops::RangeInclusive};

use futures_util::future::join5;

use crate::{
    config::{Config, RETRY_BASE_DEFAULT_SECONDS, Settings},
    dead::{self, Failure},
    event::{Entry, Event},
    keep::{Clock, Store, within},
    log::{DeliveryLine, Level},
    message::{Duty, Message},
    origin::{Origin, OriginAnswer, OriginRequest, OriginSigning},
};

/// How long the origin may take to answer a delivery, in ms.
pub const ORIGIN_WITHIN_MS: u64 = 10_000;

/// Longest wait before a message is tried again, in seconds; a queue takes no longer one.
pub const WAIT_MAX_SECONDS: u64 = 12 * 60 * 60;

/// How old a message may get in its queue, in seconds: half a day less than the four days that a queue keeps it.
pub const MESSAGE_LIFE_SECONDS: u64 = 7 * 12 * 60 * 60;

/// Shortest and longest wait before the writing of a dead letter is tried again, in seconds. Its hundred tries, an hour
/// apart, cover the four days that a queue keeps it.
pub const BURY_WAIT_SECONDS: RangeInclusive<u64> = 60..=60 * 60;

/// How long KV may take to answer a put, in ms: one that hangs must not hold up a batch.
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

/// What becomes of a message: exactly one of the two, because one that is left untouched counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is done.
    Ack,
    /// It comes again.
    Retry {
        /// Not before this many seconds.
        after_seconds: u32,
    },
}

/// A message of a batch.
pub trait Parcel {
    /// The id that the queue gave it.
    fn id(&self) -> String;
    /// Its body; anything but text is given as the text that JavaScript makes of it.
    fn text(&self) -> String;
    /// When it was sent, in Unix ms; the same at every try.
    fn sent_at(&self) -> u64;
    /// Hands the verdict to the queue.
    fn settle(self, verdict: Verdict);
}

/// What works on messages.
pub struct Courier<'a, S, O, C> {
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

/// How a try went wrong, and how long the origin asks to wait.
struct Fault {
    failure: Failure,
    retry_after: Option<u64>,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after: None }
    }
}

impl<S: Store, O: Origin, C: Clock> Courier<'_, S, O, C> {
    /// Works on a batch, five messages at a time because an invocation has six connections, and settles each on its
    /// own: none holds up its neighbours.
    pub async fn work<P: Parcel>(&self, source: Source, batch: impl IntoIterator<Item = P>) {
        let waiting = RefCell::new(batch.into_iter());
        let work = async || {
            loop {
                let Some(parcel) = waiting.borrow_mut().next() else { break };
                let verdict = self.judge(source, &parcel).await;
                parcel.settle(verdict);
            }
        };
        join5(work(), work(), work(), work(), work()).await;
    }

    async fn judge(&self, source: Source, parcel: &impl Parcel) -> Verdict {
        let settings = self.config.settings.as_ref();
        let retention = settings.and_then(|settings| settings.retention_seconds);
        let text = parcel.text();
        let message = Message::read(&text);
        let Some((message, event)) = message.as_ref().and_then(|message| Some((message, message.event()?))) else {
            let letter = dead::unreadable_entry(&parcel.id(), &text, self.clock.now_ms(), retention);
            let line = DeliveryLine::unreadable();
            return self.bury(letter, line, parcel.sent_at()).await;
        };
        let mut line = DeliveryLine::of(&event, message.duty);
        let base = settings.map_or(RETRY_BASE_DEFAULT_SECONDS, |settings| settings.retry_base_seconds);
        let done = match settings {
            Some(settings) => self.fulfil(message.duty, &event, settings).await,
            None => Err(Failure::SETTINGS.into()),
        };
        match (done, source) {
            (Ok(()), _) => {
                line.outcome = match message.duty {
                    Duty::Deliver => "delivered",
                    Duty::Store => "stored",
                };
                (self.log)(Level::Info, line.text());
                Verdict::Ack
            }
            (Err(fault), Source::Deliveries) if !self.is_last_try(&fault, base, parcel.sent_at()) => {
                self.again(fault, base, line, self.age_seconds(parcel.sent_at()))
            }
            (Err(fault), _) => {
                let now = self.clock.now_ms();
                let letter = dead::entry(&event, message.duty, fault.failure, now, retention);
                line.failed(fault.failure);
                self.bury(letter, line, parcel.sent_at()).await
            }
        }
    }

    /// One try.
    async fn fulfil(&self, duty: Duty, event: &Event<'_>, settings: &Settings) -> Result<(), Fault> {
        match duty {
            Duty::Store => {
                let entry = event.entry(settings.retention_seconds, self.clock.now_ms());
                if self.put(&entry).await { Ok(()) } else { Err(Failure::KV.into()) }
            }
            Duty::Deliver => {
                let request = delivery(event, settings, self.clock.now_ms() / 1000).ok_or(Failure::SETTINGS)?;
                let answer = self.origin.post(request).await.map_err(|error| Failure::Error(error.name()))?;
                let OriginAnswer { status, retry_after, .. } = answer;
                let delivered = (200..300).contains(&status);
                delivered.then_some(()).ok_or(Fault { failure: Failure::Status(status), retry_after })
            }
        }
    }

    /// Whether the longest wait that may come next would outlive the queue. The queue's own count of tries would be
    /// too late for an origin that takes its ten seconds to fail, or for a long `RETRY_BASE_SECONDS`.
    fn is_last_try(&self, fault: &Fault, base: u64, sent_at: u64) -> bool {
        let age = self.age_seconds(sent_at);
        let longest = wait_seconds(age, base, fault.retry_after, 1.0);
        age.saturating_add(longest.into()) > MESSAGE_LIFE_SECONDS
    }

    fn again(&self, fault: Fault, base: u64, mut line: DeliveryLine<'_>, age_seconds: u64) -> Verdict {
        let after_seconds = wait_seconds(age_seconds, base, fault.retry_after, (self.random)());
        line.failed(fault.failure);
        (line.outcome, line.retry_after_seconds) = ("retried", Some(after_seconds));
        (self.log)(Level::Warn, line.text());
        Verdict::Retry { after_seconds }
    }

    /// Writes a dead letter, and only then lets go of the message.
    async fn bury(&self, letter: Entry, mut line: DeliveryLine<'_>, sent_at: u64) -> Verdict {
        if self.put(&letter).await {
            line.outcome = "buried";
            (self.log)(Level::Error, line.text());
            return Verdict::Ack;
        }
        let age_seconds = self.age_seconds(sent_at).min(*BURY_WAIT_SECONDS.end());
        self.again(Failure::KV.into(), *BURY_WAIT_SECONDS.start(), line, age_seconds)
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
            ("webhook-signature", secret.sign(&id, now, event.body())),
            ("webhook-timestamp", now.to_string()),
            ("webhook-id", id),
        ]),
        OriginSigning::Broken => return None,
    }
    Some(OriginRequest {
        url: settings.origin.as_ref()?.with_query(&query),
        headers,
        body: event.body().as_bytes(),
        within_ms: ORIGIN_WITHIN_MS,
        answer_max: 0,
    })
}

/// How long to wait before a message of this age is tried again, in seconds: as long as it is old, at least `base`
/// and at most [`WAIT_MAX_SECONDS`], give or take a fifth. So the time doubles from try to try without a counter. A
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
