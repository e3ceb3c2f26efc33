//! One call, from its arrival to its answer: the steps of the intake, the reading of the body between them,
//! the durable engines or the app's backend at their end, the log line, and the deadline over all of it.

use std::{
    future::{Future, ready},
    pin::pin,
};

use futures_util::future::join;

use crate::{
    config::{Config, Settings, Sinks},
    dead::{self, Failure},
    event::Event,
    intake::{self, Decision, Head},
    keep::{ANSWER_WITHIN_MS, Attempt, AttemptError, Attempts, Clock, Outcome, Queue, Store, keep, within},
    log::{Level, Line},
    message::{Duty, Message},
    origin::{Origin, RelayFault},
    refusal::Refusal,
    relay::{Webhook, relay},
    reply::Reply,
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

/// A call with its answer.
pub struct Answered {
    /// What to answer.
    pub reply: Reply,
    /// The log line, and how loud it is.
    pub log: (Level, String),
    /// Attempts still under way, to be run to their end after the answer.
    pub late: Vec<Attempts>,
}

/// What receives calls: the settings, and what events are brought to.
pub struct Receiver<'a, S, Q, O, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events are kept.
    pub store: &'a S,
    /// What brings events to the origin, where there is a queue; and to the store what it did not take at once.
    pub queue: Option<&'a Q>,
    /// The app's backend.
    pub origin: &'a O,
    /// The time.
    pub clock: &'a C,
}

impl<S: Store, Q: Queue, O: Origin, C: Clock> Receiver<'_, S, Q, O, C> {
    /// Answers one call within [`ANSWER_WITHIN_MS`]. The answer is OK only where nothing had to be kept, or durable
    /// engines have taken every duty to the event.
    pub async fn receive(&self, head: Head<'_>, body: &impl Body) -> Answered {
        let arrived = self.clock.now_ms();
        let mut buffer = Vec::new();
        let mut line = Line::default();
        let mut late = Vec::new();
        let outcome = match &self.config.settings {
            Some(settings) => {
                let call = Call { head, arrived, buffer: &mut buffer, line: &mut line, late: &mut late };
                self.steps(call, body, settings).await
            }
            None => {
                line.settings = &self.config.at_fault;
                Err(Refusal::Settings)
            }
        };
        let duration = self.clock.now_ms().saturating_sub(arrived);
        let log = line.close(outcome.as_ref().map(|(done, _)| *done).map_err(|refusal| *refusal), duration);
        Answered { reply: outcome.map_or_else(Reply::refusal, |(_, reply)| reply), log, late }
    }

    /// Takes a call through all steps. What was done with it is the word for the log.
    async fn steps<'a>(
        &self,
        call: Call<'a, '_>,
        unread: &impl Body,
        settings: &Settings,
    ) -> Result<(&'static str, Reply), Refusal> {
        let Call { head, arrived, buffer, line, late } = call;
        let deadline = arrived.saturating_add(ANSWER_WITHIN_MS);
        let left = || deadline.saturating_sub(self.clock.now_ms());
        let admitted = intake::admit(head, settings, arrived, line)?;

        let reading = pin!(unread.read(admitted.body_max()));
        *buffer = match within(self.clock, left(), reading).await {
            Some(Ok(bytes)) => bytes,
            Some(Err(BodyError::TooLarge)) => return Err(Refusal::BodyTooLarge),
            Some(Err(BodyError::Broken)) => return Err(Refusal::BodyBroken),
            None => return Err(Refusal::BodyLate),
        };
        let body: &[u8] = buffer;

        match (admitted.decide(body, arrived, line)?, &settings.origin) {
            (Decision::Probe, _) => Ok(("probe", Reply::ok())),
            (Decision::Unhandled, None) if settings.origin_broken => Err(RelayFault::Unreachable.into()),
            (Decision::Unhandled, None) => Ok(("unhandled", Reply::ok())),
            (Decision::Unhandled, Some(url)) => {
                let content_type = unread.content_type();
                let webhook = Webhook { query: head.target.query, content_type: content_type.as_deref(), body };
                let relaying = pin!(relay(self.origin, url, webhook, left()));
                let reply = within(self.clock, left(), relaying).await.ok_or(RelayFault::Late)??;
                line.relayed_status = Some(reply.status);
                Ok(("relayed", reply))
            }
            (Decision::Keep(event), _) => {
                self.keep(&event, settings, deadline, late).await?;
                Ok(("kept", Reply::ok()))
            }
        }
    }

    /// Has every wanted sink take the event, or the other engine the duty to bring it there.
    async fn keep(
        &self,
        event: &Event<'_>,
        settings: &Settings,
        deadline: u64,
        late: &mut Vec<Attempts>,
    ) -> Result<(), Refusal> {
        let Sinks { kv, origin } = settings.sinks;
        let put = || self.store.put(&event.entry(settings.retention_seconds, event.received_at()));
        let bury = || {
            let now = self.clock.now_ms();
            self.store.put(&dead::entry(event, Duty::Deliver, Failure::QUEUE, now, settings.retention_seconds))
        };
        // Settings that want the origin want the queue too.
        let send = |duty| self.queue.map_or_else(no_queue, |queue| queue.send(&Message::of(event, duty).text()));
        let (send_to_store, send_to_origin) = (|| send(Duty::Store), || send(Duty::Deliver));
        let fall_back: Option<&dyn Fn() -> Attempt> = if self.queue.is_some() { Some(&send_to_store) } else { None };
        let store = keep(self.clock, deadline, &put, fall_back);
        let send = keep(self.clock, deadline, &send_to_origin, Some(&bury));
        let outcomes = match (kv, origin) {
            (true, true) => <[Outcome; 2]>::from(join(store, send).await).into(),
            (true, false) => vec![store.await],
            (false, _) => vec![send.await],
        };
        let mut all_kept = true;
        for outcome in outcomes {
            all_kept &= matches!(outcome, Outcome::Kept);
            if let Outcome::Late(attempts) = outcome {
                late.push(attempts);
            }
        }
        all_kept.then_some(()).ok_or(Refusal::NotKept)
    }
}

/// An attempt to send where there is no queue.
fn no_queue() -> Attempt {
    Box::pin(ready(Err(AttemptError::Failed)))
}

/// One call under way, and what is learned of it.
struct Call<'a, 'c> {
    head: Head<'a>,
    /// When it arrived, in Unix ms.
    arrived: u64,
    buffer: &'a mut Vec<u8>,
    line: &'c mut Line<'a>,
    late: &'c mut Vec<Attempts>,
}
