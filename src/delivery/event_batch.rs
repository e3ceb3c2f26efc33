//! Events for the event log, which the webhook has left on a queue of their own: many are added with one statement. A batch is stored, or
//! comes again, as a whole; adding an event again changes nothing. What comes again too often goes to the queue of deliveries, where each
//! message is alone: so one that ends its invocation, by a panic or a limit of the platform, takes others with it for some attempts only.

use std::{collections::HashMap, pin::pin};

use futures_util::future::join_all;

use super::{
    consumer::{Consumer, Outcome, PUT_WITHIN_MS, QueuedMessage},
    erased::Traces,
    failure::{Failed, Failure},
    message::Message,
    retry::wait_seconds,
};
use crate::{
    database::{
        Database, DatabaseError,
        erasures::{self, KnownErasure},
        event_log,
    },
    event::Event,
    log::Level,
    ports::Ports,
    sink::Sink,
    storage::{Queue as _, within},
};

/// Up to this attempt, a message is stored with others. If D1 fails, its waits take some 40 minutes together.
pub const BATCH_ATTEMPTS_MAX: u32 = 11;

/// Wait before the second attempt, in seconds; it doubles from attempt to attempt.
const WAIT_BASE_SECONDS: u64 = 5;

/// How many bytes of events one statement has at most, if it has more than one. [D1: 2 MB a parameter]
const STATEMENT_BYTES: usize = 1_000_000;

/// How a message is settled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Stored,
    Later,
    Alone,
}

/// An event of a batch.
struct Part<'a> {
    /// Where its message is in the batch.
    at: usize,
    event: &'a Event<'a>,
    traces: Traces,
    json: String,
}

impl<P: Ports> Consumer<'_, P> {
    /// Adds the events of a batch to the event log.
    pub(super) async fn consume_events<M: QueuedMessage>(&self, batch: Vec<M>) {
        let mut settled = vec![Settled::Alone; batch.len()];
        // One that comes too often is not read: to read it may be what ends the invocation.
        let of_batch = |message: &M| message.attempts() <= BATCH_ATTEMPTS_MAX;
        let texts: Vec<_> = batch.iter().map(|message| of_batch(message).then(|| message.text())).collect();
        let messages: Vec<_> = texts.iter().map(|text| Message::read(text.as_deref()?)).collect();
        let is_ours = |message: &&Message<'_>| message.sink == Sink::D1 && message.letter.is_none();
        let events: Vec<_> = messages.iter().map(|message| message.as_ref().filter(is_ours)?.event()).collect();
        let storing = self.config.calls.storing();
        let parts = events.iter().enumerate().filter_map(|(at, event)| {
            let event = event.as_ref()?;
            let traces = Traces::of(event);
            let kv_until = storing.kv_until(event, event.received_at());
            let json = event_log::item(event, kv_until, &traces.hashes);
            Some(Part { at, event, traces, json })
        });
        let mut chunk: Vec<Part<'_>> = Vec::new();
        let mut bytes = 0_usize;
        for part in parts {
            let more = bytes.saturating_add(part.json.len());
            if more > STATEMENT_BYTES && !chunk.is_empty() {
                self.store_chunk(&std::mem::take(&mut chunk), &mut settled).await;
                bytes = 0;
            }
            bytes = bytes.saturating_add(part.json.len());
            chunk.push(part);
        }
        if !chunk.is_empty() {
            self.store_chunk(&chunk, &mut settled).await;
        }
        self.settle(batch, &settled).await;
    }

    /// Adds some events, and notes what became of each.
    async fn store_chunk(&self, chunk: &[Part<'_>], settled: &mut [Settled]) {
        let storing = pin!(self.store_parts(chunk));
        // Three statements, each of which may take so long.
        let stored = within(self.ports.clock(), PUT_WITHIN_MS.saturating_mul(3), storing).await;
        for (part, outcome) in chunk.iter().zip(stored.and_then(Result::ok).unwrap_or_else(|| vec![false; chunk.len()]))
        {
            if let Some(settled) = settled.get_mut(part.at) {
                *settled = if outcome { Settled::Stored } else { Settled::Later };
            }
        }
    }

    /// Whether each of these events is done with: added, or erased since its receipt and gone everywhere.
    async fn store_parts(&self, chunk: &[Part<'_>]) -> Result<Vec<bool>, DatabaseError> {
        let Some(database) = self.ports.database() else { return Err(DatabaseError::Failed) };
        let before = self.erased_at(chunk).await?;
        let json: Vec<_> = chunk
            .iter()
            .zip(&before)
            .filter(|(_, erased)| erased.is_none())
            .map(|(part, _)| part.json.clone())
            .collect();
        if !json.is_empty() {
            database.run(event_log::insert_all_unless_erased(&json)).await?;
        }
        // An erasure that began meanwhile may have looked before they were there.
        let after = self.erased_at(chunk).await?;
        Ok(join_all(chunk.iter().zip(after).map(|(part, erased_at)| async move {
            match erased_at {
                Some(began_at) => part.traces.remove(self.ports, began_at).await,
                None => true,
            }
        }))
        .await)
    }

    /// When the latest erasure of each of these events began (Unix ms), if that was not before its receipt.
    async fn erased_at(&self, chunk: &[Part<'_>]) -> Result<Vec<Option<u64>>, DatabaseError> {
        let Some(database) = self.ports.database() else { return Err(DatabaseError::Failed) };
        let mut hashes: Vec<_> = chunk.iter().flat_map(|part| part.traces.hashes.iter().cloned()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let known: Vec<KnownErasure> = database.rows(erasures::known(&hashes)).await?;
        let known: HashMap<_, _> = known.into_iter().map(|known| (known.hash, known.began_at)).collect();
        let of = |part: &Part<'_>| {
            let began = part.traces.hashes.iter().filter_map(|hash| known.get(hash).copied());
            began.filter(|began_at| *began_at >= part.event.received_at()).max()
        };
        Ok(chunk.iter().map(of).collect())
    }

    /// Settles the messages of a batch, and logs how many were.
    async fn settle<M: QueuedMessage>(&self, batch: Vec<M>, settled: &[Settled]) {
        let of = |kind: Settled| settled.iter().filter(|it| **it == kind).count();
        let (stored, later) = (of(Settled::Stored), of(Settled::Later));
        let moved = join_all(batch.iter().zip(settled).map(|(message, settled)| async move {
            *settled == Settled::Alone && self.move_to_deliveries(message).await
        }))
        .await;
        let alone = moved.iter().filter(|moved| **moved).count();
        for ((message, settled), moved) in batch.into_iter().zip(settled).zip(moved) {
            let is_done = moved || *settled == Settled::Stored;
            let after_seconds = wait_seconds(message.attempts(), WAIT_BASE_SECONDS, None, self.ports.random());
            message.settle(if is_done { Outcome::Ack } else { Outcome::Retry { after_seconds } });
        }
        let job = Sink::D1.job();
        if stored > 0 && self.config.calls.log.takes(Level::Info) {
            self.ports.log(Level::Info, &format!(r#"{{"outcome":"stored","job":"{job}","messages":{stored}}}"#));
        }
        let retried = later.saturating_add(of(Settled::Alone)).saturating_sub(alone);
        if retried > 0 {
            let (_, error) = Failed::from(Failure::Sink(Sink::D1)).parts();
            let error = error.unwrap_or_default();
            let record =
                format!(r#"{{"outcome":"retried","job":"{job}","last_error":"{error}","messages":{retried}}}"#);
            self.ports.log(Level::Warn, &record);
        }
        if alone > 0 {
            self.ports.log(Level::Warn, &format!(r#"{{"outcome":"moved","job":"{job}","messages":{alone}}}"#));
        }
    }

    /// Leaves a message as it is on the queue of deliveries. Whether that has it.
    async fn move_to_deliveries(&self, message: &impl QueuedMessage) -> bool {
        let Some(queue) = self.ports.queue() else { return false };
        within(self.ports.clock(), PUT_WITHIN_MS, queue.send(&message.text())).await == Some(Ok(()))
    }
}
