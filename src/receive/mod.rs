//! One call, from its arrival to its response: validation, the reading of the body in the middle of it, the sinks or the
//! app's backend at the end, the log record, and the deadline over all of it.

pub mod call_counter;
mod call_log;
pub mod deadline;
pub mod persist;
pub mod rejection;
pub mod relay;
pub mod validate;

use std::{future::Future, pin::pin};

use call_counter::CallKind;
pub use call_log::CallLog;
use deadline::Deadline;
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use persist::{ANSWER_WITHIN_MS, Attempts, Persisted, persist};
use rejection::Rejection;
use relay::{RelayError, Webhook, relay};
use validate::{Decision, RequestHead, validate_head};

use crate::{
    config::{CallConfig, Settings},
    database::{
        Database as _,
        call_counts::CallOutcome,
        deliveries::{self, Change, State},
    },
    delivery::{
        erased::Traces,
        failure::{Failure, Reason},
    },
    event::Event,
    log::Level,
    origin::OriginUrl,
    ports::Ports,
    response::Response,
    storage::{Clock as _, join},
};

/// A body that has not been read yet.
pub trait Body {
    /// Its `Content-Type`, if it came with one. Tencent specifies none, and only a relayed webhook needs it.
    fn content_type(&self) -> Option<String>;

    /// The length in bytes that was declared for it; `None` if none was.
    fn declared_length(&self) -> Option<u64>;

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
    pub response: Response,
    /// The level of the log record, and the record, if one is to be written.
    pub log: Option<(Level, String)>,
    /// What it counts as.
    pub kind: CallKind,
    /// What goes on after the response: see [`Late::finish`].
    pub late: Vec<Late>,
}

/// Attempts to store an event that were under way when its call was answered.
pub struct Late {
    attempts: Attempts,
    traces: Traces,
}

impl Late {
    /// Adds attempts that concern this event, to go on after the response.
    #[cold]
    #[inline(never)]
    fn add(late: &mut Vec<Self>, event: &Event<'_>, attempts: Attempts) {
        late.push(Self { attempts, traces: Traces::of(event) });
    }

    /// Runs the attempts to their end. What they have stored of an event that was erased meanwhile is deleted again.
    pub async fn finish(self, ports: &impl Ports) {
        let Self { mut attempts, traces } = self;
        while !attempts.is_empty() {
            let stored = (&mut attempts).await.is_ok();
            // If D1 does not answer, it is not known, as without a database.
            if stored && let Ok(Some(began_at)) = traces.erased_at(ports.database()).await {
                let _ = traces.remove(ports, began_at).await;
            }
        }
    }
}

/// What receives calls.
pub struct Receiver<'a, P> {
    pub config: &'a CallConfig,
    pub ports: &'a P,
}

impl<P: Ports> Receiver<'_, P> {
    /// Answers one call within [`ANSWER_WITHIN_MS`]. The response is OK only if there was nothing to store, or every
    /// wanted sink has the event or a queued job to bring it there.
    pub async fn receive(&self, head: RequestHead<'_>, body: &impl Body) -> HandledCall {
        let deadline = Deadline::after(self.ports.clock(), ANSWER_WITHIN_MS);
        let mut buffer = Vec::new();
        let mut record = CallLog::default();
        let mut late = Vec::new();
        let outcome = match &self.config.settings {
            Some(settings) => {
                let call =
                    Call { head, deadline: &deadline, buffer: &mut buffer, record: &mut record, late: &mut late };
                self.process(call, body, settings).await
            }
            None => {
                record.settings = &self.config.invalid_names;
                Err(Rejection::Settings)
            }
        };
        let duration = deadline.passed();
        let became = outcome.as_ref().map(|(became, _)| *became).map_err(|rejection| *rejection);
        let (log, kind) = record.finish(became, duration, self.config.log);
        let response = outcome.map_or_else(Response::from, |(_, response)| response);
        HandledCall { response, log, kind, late }
    }

    /// Validates a call and does what it asks for.
    async fn process<'a>(
        &self,
        call: Call<'a, '_, '_, P::Clock>,
        unread: &impl Body,
        settings: &Settings,
    ) -> Result<(CallOutcome, Response), Rejection> {
        let Call { head, deadline, buffer, record, late } = call;
        let arrived = deadline.begun();
        let validated = validate_head(head, settings, arrived, record)?;

        let reading = pin!(unread.read(validated.body_max(unread.declared_length())?));
        *buffer = match deadline.run_until(deadline.end(), reading).await {
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
                let response = self.relay(url, head.target.query, body, unread, deadline).await?;
                record.relayed_status = Some(response.status);
                Ok((CallOutcome::Relayed, response))
            }
            (Decision::Store(events), _) => {
                let done = self.store_events(&events, settings, deadline, late).await?;
                Ok((done, Response::ok()))
            }
        }
    }

    // Boxed, of no known type, and not inlined: events do not need it, so it is no part of their future.
    #[inline(never)]
    fn relay<'s>(
        &'s self,
        url: &'s OriginUrl,
        query: &'s str,
        body: &'s [u8],
        unread: &'s impl Body,
        deadline: &'s Deadline<'_, P::Clock>,
    ) -> LocalBoxFuture<'s, Result<Response, RelayError>> {
        async move {
            let content_type = unread.content_type();
            let webhook = Webhook { query, content_type: content_type.as_deref(), body };
            let relaying = pin!(relay(self.ports.outgoing(), url, webhook, deadline.left()));
            deadline.run_until(deadline.end(), relaying).await.ok_or(RelayError::Late)?
        }
        .boxed_local()
    }

    /// Has every wanted sink take each of the events, or its fallback.
    async fn store_events(
        &self,
        events: &[Event<'_>],
        settings: &Settings,
        deadline: &Deadline<'_, P::Clock>,
        late: &mut Vec<Late>,
    ) -> Result<CallOutcome, Rejection> {
        let wanted: Vec<_> =
            events.iter().flat_map(|event| settings.sinks.iter().map(move |&sink| (event, sink))).collect();
        let storing = &self.config.storing();
        let outcomes = wanted.iter().map(|&(event, sink)| async move {
            let begin = || sink.hand_over(self.ports, event, storing, event.received_at());
            let fall_back = || sink.fall_back(self.ports, event, storing, self.ports.clock().now_ms());
            // Without a queue, what KV or D1 does not take is left nowhere.
            let has_fallback = !sink.stores() || self.ports.queue().is_some();
            persist(deadline, &begin, has_fallback.then_some(&fall_back)).await
        });
        let mut done = Ok(CallOutcome::Stored);
        for ((outcome, under_way), &(event, sink)) in join(outcomes).await.into_iter().zip(&wanted) {
            match outcome {
                Persisted::Stored => {}
                Persisted::FellBack if sink.stores() => done = done.map(|done| done.max(CallOutcome::Queued)),
                Persisted::FellBack => {
                    done = done.map(|done| done.max(CallOutcome::DeadLettered));
                    self.note_dead(event, late);
                }
                Persisted::Failed | Persisted::Late => done = Err(Rejection::NotStored),
            }
            if !under_way.is_empty() {
                Late::add(late, event, under_way);
            }
        }
        done
    }

    /// Begins to note in the event log that a delivery is dead, because the queue did not take it. The response does not depend
    /// on it.
    #[cold]
    #[inline(never)]
    fn note_dead(&self, event: &Event<'_>, late: &mut Vec<Late>) {
        let Some(database) = self.ports.database() else { return };
        let (last_status, last_error) = Failure::Other(Reason::Queue).parts();
        let change = Change {
            state: State::Dead,
            attempts: Some(0),
            last_status,
            last_error,
            answer: None,
            next_attempt_at: None,
            at: self.ports.clock().now_ms(),
            is_replay: false,
        };
        let statement = deliveries::write(event.app(), event.id(), &change);
        Late::add(late, event, Attempts::of(database.attempt(statement)));
    }
}

/// One call under way, and what is learned of it.
struct Call<'a, 'c, 'd, C> {
    head: RequestHead<'a>,
    deadline: &'c Deadline<'d, C>,
    buffer: &'a mut Vec<u8>,
    record: &'c mut CallLog<'a>,
    late: &'c mut Vec<Late>,
}
