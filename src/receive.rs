//! One call, from its arrival to its answer: the steps of the intake, the reading of the body between them,
//! the store at their end, the log line, and the deadline over all of it.

use std::{future::Future, pin::pin};

use crate::{
    config::{Config, Settings},
    intake::{self, Decision, Head},
    keep::{ANSWER_WITHIN_MS, Clock, Outcome, Puts, Store, keep, within},
    log::{Level, Line},
    refusal::Refusal,
    reply::Reply,
};

/// A body that has not been read yet.
pub trait Body {
    /// Reads all of it, or gives up once it is known to be longer than `max` bytes.
    fn read(self, max: usize) -> impl Future<Output = Result<Vec<u8>, BodyError>>;
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
    /// Puts still under way, to be run to their end after the answer.
    pub late: Option<Puts>,
}

/// What receives calls: the settings, a store and a clock.
pub struct Receiver<'a, S, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events are kept.
    pub store: &'a S,
    /// The time.
    pub clock: &'a C,
}

impl<S: Store, C: Clock> Receiver<'_, S, C> {
    /// Answers one call within [`ANSWER_WITHIN_MS`]. The answer is OK only where nothing had to be stored, or
    /// the store has taken it.
    pub async fn receive(&self, head: Head<'_>, body: impl Body) -> Answered {
        let arrived = self.clock.now_ms();
        let mut buffer = Vec::new();
        let mut line = Line::default();
        let mut late = None;
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
        Answered {
            reply: outcome.map_or_else(Reply::refusal, |_| Reply::ok()),
            log: line.close(outcome, duration),
            late,
        }
    }

    /// Takes a call through all steps. What was done with it is the word for the log.
    async fn steps<'a>(
        &self,
        call: Call<'a, '_>,
        body: impl Body,
        settings: &Settings,
    ) -> Result<&'static str, Refusal> {
        let Call { head, arrived, buffer, line, late } = call;
        let deadline = arrived.saturating_add(ANSWER_WITHIN_MS);
        let admitted = intake::admit(head, settings, arrived, line)?;

        let reading = pin!(body.read(admitted.body_max()));
        let left = deadline.saturating_sub(self.clock.now_ms());
        *buffer = match within(self.clock, left, reading).await {
            Some(Ok(bytes)) => bytes,
            Some(Err(BodyError::TooLarge)) => return Err(Refusal::BodyTooLarge),
            Some(Err(BodyError::Broken)) => return Err(Refusal::BodyBroken),
            None => return Err(Refusal::BodyLate),
        };

        let event = match admitted.decide(buffer, arrived, line)? {
            Decision::Probe => return Ok("probe"),
            Decision::Unhandled => return Ok("unhandled"),
            Decision::Keep(event) => event,
        };
        match keep(self.store, self.clock, &event.entry(settings.retention_seconds), deadline).await {
            Outcome::Kept => Ok("kept"),
            Outcome::Failed => Err(Refusal::NotKept),
            Outcome::Late(puts) => {
                *late = Some(puts);
                Err(Refusal::NotKept)
            }
        }
    }
}

/// One call under way, and what is learned of it.
struct Call<'a, 'c> {
    head: Head<'a>,
    /// When it arrived, in Unix ms.
    arrived: u64,
    buffer: &'a mut Vec<u8>,
    line: &'c mut Line<'a>,
    late: &'c mut Option<Puts>,
}
