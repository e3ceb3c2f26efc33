//! The event log is rebuilt from KV, in steps that a call can do on the free plan. Keys that were put back into KV without their
//! metadata get it again, and their expiry.

use serde::Serialize;

use super::{
    Context,
    dead_letters::KvPosition,
    parameters::{Cursor, parameters},
    problem::Problem,
};
use crate::{
    database::{Database, event_log},
    delivery::{dead_letter, message::Message},
    event::{self, Entry},
    ports::Ports,
    storage::{Clock as _, Kv as _, LIST_MAX, Listed},
};

parameters! {
    /// Where the reading of KV goes on.
    ReindexQuery {
        cursor: Option<Cursor>,
    }
}

/// One step of the rebuilding of the event log.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Reindexed {
    /// How many events were read from KV and are in the event log now, as KV has them.
    indexed: usize,
    /// How many keys of KV had no metadata, and got it again with their expiry.
    mended: usize,
    /// Where the next call goes on; null at the end.
    cursor: Option<Cursor>,
}

/// What is read: events first, and then dead letters, of which only keys without metadata are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Events,
    DeadLetters,
}

impl Phase {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Events => event::PREFIX,
            Self::DeadLetters => dead_letter::PREFIX,
        }
    }

    /// Where it begins, or goes on.
    fn read(cursor: Option<&Cursor>) -> Result<(Self, KvPosition), Problem> {
        match KvPosition::read(cursor, Self::DeadLetters.prefix()) {
            Ok(position) if cursor.is_some() => Ok((Self::DeadLetters, position)),
            _ => Ok((Self::Events, KvPosition::read(cursor, Self::Events.prefix())?)),
        }
    }
}

/// One step, which has done so much.
#[derive(Default)]
struct Step {
    operations: usize,
    records: Vec<String>,
    mended: usize,
}

impl<P: Ports> Context<'_, P> {
    /// Reads events from KV into the log, from the cursor on. What is there already as KV has it changes nothing.
    pub(super) async fn reindex(&self, query: ReindexQuery) -> Result<Reindexed, Problem> {
        let database = self.event_log()?;
        let (phase, position) = Phase::read(query.cursor.as_ref())?;
        let mut step = Step::default();
        let mut cursor = self.read_keys(phase, position, &mut step).await?;
        if phase == Phase::Events && cursor.is_none() {
            cursor = self.read_keys(Phase::DeadLetters, KvPosition::default(), &mut step).await?;
        }
        // What this Worker cannot have written is passed over.
        let messages: Vec<_> = step.records.iter().filter_map(|record| Message::of_record(record)).collect();
        let events = messages.iter().filter_map(Message::event);
        let statements: Vec<_> = events.map(|event| event_log::put(&event)).collect();
        let indexed = statements.len();
        if indexed > 0 {
            database.run_all(statements).await?;
        }
        Ok(Reindexed { indexed, mended: step.mended, cursor })
    }

    /// Reads keys from this position on, as many as the step may, and mends them. Where the next step goes on; `None` at the end.
    async fn read_keys(&self, phase: Phase, from: KvPosition, step: &mut Step) -> Result<Option<Cursor>, Problem> {
        let prefix = phase.prefix();
        let most = self.config.plan.step_operations();
        let limit = if phase == Phase::Events { most } else { LIST_MAX };
        let page = self.ports.kv().list(prefix, limit, from.list.as_deref()).await?;
        let mut done = from;
        for listed in page.keys {
            let id = listed.key.strip_prefix(prefix).unwrap_or_default();
            let is_to_mend = !listed.metadata.is_object();
            if id <= done.after.as_str() || (phase == Phase::DeadLetters && !is_to_mend) {
                continue;
            }
            let operations = step.operations.saturating_add(if is_to_mend { 2 } else { 1 });
            if operations > most {
                return Ok(Some(done.write(prefix)));
            }
            step.operations = operations;
            if let Some(value) = self.ports.kv().get(&listed.key).await? {
                if is_to_mend && let Some(entry) = self.mended(phase, &listed, &value) {
                    self.ports.kv().put(&entry).await.map_err(|_| Problem::Unavailable)?;
                    step.mended = step.mended.saturating_add(1);
                }
                step.records.extend((phase == Phase::Events).then_some(value));
            }
            id.clone_into(&mut done.after);
        }
        Ok(KvPosition::next(page.cursor, prefix))
    }

    /// The entry of a key that lacks its metadata; `None` if its value is not what this Worker puts there.
    fn mended(&self, phase: Phase, Listed { key, .. }: &Listed, value: &str) -> Option<Entry> {
        let (retention, now) = (self.config.retention_seconds, self.ports.clock().now_ms());
        let entry = match phase {
            Phase::Events => Message::of_record(value)?.event()?.entry(retention, now),
            Phase::DeadLetters => dead_letter::restored(key, value, retention, now)?,
        };
        // The value stays as it is.
        (entry.key == *key).then(|| Entry { value: value.to_owned(), ..entry })
    }
}
