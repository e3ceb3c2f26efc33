//! One call, from its arrival to its response: validation, the reading of the body in the middle of it, the sinks or the
//! app's backend at the end, the log record, and the deadline over all of it.

pub mod call_counter;
mod call_record;
pub mod deadline;
pub mod persist;
pub mod rejection;
pub mod relay;
pub mod validate;

use std::{
    future::{Future, ready},
    pin::pin,
};

use call_counter::CallKind;
pub use call_record::CallRecord;
use deadline::Deadline;
use futures_util::future::{OptionFuture, join3};
use persist::{ANSWER_WITHIN_MS, Attempts, Persisted, persist};
use rejection::Rejection;
use relay::{RelayError, Webhook, relay};
use validate::{Decision, RequestHead, validate_head};

use crate::{
    config::{Config, Settings, Sinks},
    database::{Database, call_counts::CallOutcome, event_log},
    delivery::{
        dead_letter::{self, Failure},
        message::{Job, Message},
    },
    event::Event,
    log::Level,
    origin::Origin,
    response::Response,
    storage::{Attempt, AttemptError, Clock, Queue, Store},
};

/// A body that has not been read yet.
pub trait Body {
    /// Its `Content-Type`, where it came with one. Tencent specifies none, and only a relayed webhook needs it.
    fn content_type(&self) -> Option<String>;

    /// Reads all of it, or gives up once it is known to be longer than `max` bytes.
    fn read(&self, max: usize) -> impl Future<Output = Result<Vec<u8>, BodyError>>;
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// It broke off.
    Broken,
}

/// A call with its response.
pub struct HandledCall {
    /// What to answer.
    pub response: Response,
    /// The level of the log record, and the record.
    pub log: (Level, String),
    /// What it counts as.
    pub kind: CallKind,
    /// Attempts still under way, to be run to their end after the response.
    pub late: Vec<Attempts>,
}

/// What receives calls: the settings, and what events are brought to.
pub struct Receiver<'a, S, D, Q, O, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events are stored.
    pub store: &'a S,
    /// The event log's database, where one is bound.
    pub database: Option<&'a D>,
    /// What brings events to the origin, and to the store what that did not take at once; where there is a queue.
    pub queue: Option<&'a Q>,
    /// The app's backend.
    pub origin: &'a O,
    /// The time.
    pub clock: &'a C,
}

impl<S: Store, D: Database, Q: Queue, O: Origin, C: Clock> Receiver<'_, S, D, Q, O, C> {
    /// Answers one call within [`ANSWER_WITHIN_MS`]. The response is OK only where there was nothing to store, or every
    /// wanted sink has the event or a queued job to bring it there.
    pub async fn receive(&self, head: RequestHead<'_>, body: &impl Body) -> HandledCall {
        let deadline = Deadline::after(self.clock, ANSWER_WITHIN_MS);
        let mut buffer = Vec::new();
        let mut record = CallRecord::default();
        let mut late = Vec::new();
        let outcome = match &self.config.settings {
            Some(settings) => {
                let call =
                    Call { head, deadline: &deadline, buffer: &mut buffer, record: &mut record, late: &mut late };
                self.process(call, body, settings).await
            }
            None => {
                record.settings = self.config.invalid_names();
                Err(Rejection::Settings)
            }
        };
        let duration = deadline.passed();
        let became = outcome.as_ref().map(|(became, _)| *became).map_err(|rejection| *rejection);
        let (level, record, kind) = record.finish(became, duration);
        let response = outcome.map_or_else(Response::from, |(_, response)| response);
        HandledCall { response, log: (level, record), kind, late }
    }

    /// Validates a call and does what it asks for.
    async fn process<'a>(
        &self,
        call: Call<'a, '_, C>,
        unread: &impl Body,
        settings: &Settings,
    ) -> Result<(CallOutcome, Response), Rejection> {
        let Call { head, deadline, buffer, record, late } = call;
        let arrived = deadline.begun();
        let validated = validate_head(head, settings, arrived, record)?;

        let reading = pin!(unread.read(validated.body_max()));
        *buffer = match deadline.within(deadline.left(), reading).await {
            Some(Ok(bytes)) => bytes,
            Some(Err(BodyError::TooLarge)) => return Err(Rejection::BodyTooLarge),
            Some(Err(BodyError::Broken)) => return Err(Rejection::BodyBroken),
            None => return Err(Rejection::BodyLate),
        };
        let body: &[u8] = buffer;

        match (validated.decide(body, arrived, record)?, &settings.origin) {
            (Decision::Probe, _) => Ok((CallOutcome::Probe, Response::ok())),
            (Decision::Unhandled, None) if settings.origin_is_invalid => Err(RelayError::Unreachable.into()),
            (Decision::Unhandled, None) => Ok((CallOutcome::Unhandled, Response::ok())),
            (Decision::Unhandled, Some(url)) => {
                let content_type = unread.content_type();
                let webhook = Webhook { query: head.target.query, content_type: content_type.as_deref(), body };
                let relaying = pin!(relay(self.origin, url, webhook, deadline.left()));
                let response = deadline.within(deadline.left(), relaying).await.ok_or(RelayError::Late)??;
                record.relayed_status = Some(response.status);
                Ok((CallOutcome::Relayed, response))
            }
            (Decision::Store(event), _) => {
                let done = self.store_event(&event, settings, deadline, late).await?;
                Ok((done, Response::ok()))
            }
        }
    }

    /// Has every wanted sink take the event, or its fallback.
    async fn store_event(
        &self,
        event: &Event<'_>,
        settings: &Settings,
        deadline: &Deadline<'_, C>,
        late: &mut Vec<Attempts>,
    ) -> Result<CallOutcome, Rejection> {
        let Sinks { kv, d1, origin } = settings.sinks;
        // Settings that want the origin want the queue too, and those that want D1 a database.
        let send = |job| self.queue.map_or_else(unbound, |queue| queue.send(&Message::of(event, job).text()));
        let put = || self.store.put(&event.entry(settings.retention_seconds, event.received_at()));
        let insert = || self.database.map_or_else(unbound, |database| database.attempt(event_log::insert(event)));
        let dead_letter = || {
            let now = self.clock.now_ms();
            self.store.put(&dead_letter::entry(event, Job::Deliver, Failure::QUEUE, now, settings.retention_seconds))
        };
        let (send_to_kv, send_to_d1, send_to_origin) =
            (|| send(Job::StoreKv), || send(Job::StoreD1), || send(Job::Deliver));
        let has_queue = self.queue.is_some();
        let outcomes = join3(
            OptionFuture::from(kv.then(|| persist(deadline, &put, has_queue.then_some(&send_to_kv)))),
            OptionFuture::from(d1.then(|| persist(deadline, &insert, has_queue.then_some(&send_to_d1)))),
            OptionFuture::from(origin.then(|| persist(deadline, &send_to_origin, Some(&dead_letter)))),
        );
        let (kv, d1, origin) = outcomes.await;
        let mut done = Ok(CallOutcome::Stored);
        for outcome in [kv, d1, origin].into_iter().flatten() {
            match outcome {
                Persisted::Stored => {}
                Persisted::FellBack => done = done.and(Ok(CallOutcome::Queued)),
                Persisted::Failed => done = Err(Rejection::NotStored),
                Persisted::Late(attempts) => {
                    done = Err(Rejection::NotStored);
                    late.push(attempts);
                }
            }
        }
        done
    }
}

/// An attempt where there is no binding.
fn unbound() -> Attempt {
    Box::pin(ready(Err(AttemptError::Failed)))
}

/// One call under way, and what is learned of it.
struct Call<'a, 'c, C> {
    head: RequestHead<'a>,
    deadline: &'c Deadline<'c, C>,
    buffer: &'a mut Vec<u8>,
    record: &'c mut CallRecord<'a>,
    late: &'c mut Vec<Attempts>,
}
