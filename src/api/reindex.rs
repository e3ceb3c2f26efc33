//! The event log is rebuilt from KV, in steps that a call can do on the free plan. Keys that were put back into KV without their
//! metadata get it again, and their expiry.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Context,
    cursor::KvPosition,
    parameters::{Cursor, parameters},
    problem::Problem,
};
use crate::{
    database::{
        Database,
        erasures::{self, KnownErasure},
        event_log,
        log_state::{self, LogState, Name},
    },
    delivery::{dead_letter, erased::Traces, message::Message},
    event::{self, Entry, Event},
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
    records: Vec<ReadRecord>,
    mended: usize,
}

/// A record that was read.
struct ReadRecord {
    text: String,
    /// Until when KV has it, in Unix seconds.
    kv_until: u64,
    /// Whether this step has put it back with its metadata.
    is_mended: bool,
}

/// What is known once a step of the rebuilding has gone from `cursor` to `next`, at `now` (Unix ms).
fn reindexed(state: &LogState, cursor: Option<&str>, next: Option<&str>, now: u64) -> Vec<(Name, Option<String>)> {
    let hash = |cursor: &str| hex::encode(Sha256::digest(cursor));
    let began = match cursor {
        None => Some(now),
        // Where the step before it ended.
        Some(cursor) if state.text(Name::ReindexNext) == Some(&hash(cursor)) => state.number(Name::ReindexBegan),
        // Of another one, which may have left out some keys.
        Some(_) => return Vec::new(),
    };
    let began = began.map(|began| began.to_string());
    match next {
        Some(next) => vec![(Name::ReindexBegan, began), (Name::ReindexNext, Some(hash(next)))],
        None => vec![
            (Name::ReindexBegan, None),
            (Name::ReindexNext, None),
            (Name::IncompleteSince, None),
            (Name::CompleteSince, began),
        ],
    }
}

impl<P: Ports> Context<'_, P> {
    /// Reads events from KV into the log, from the cursor on. What is there already as KV has it changes nothing, and what was
    /// erased does not come back. After the last step of them all, the log is known to have every record.
    pub(super) async fn reindex(&self, query: ReindexQuery) -> Result<Reindexed, Problem> {
        let (database, now) = (self.event_log()?, self.ports.clock().now_ms());
        let (phase, position) = Phase::read(query.cursor.as_ref())?;
        let state = LogState::from(database.rows(log_state::read()).await?);
        let mut step = Step::default();
        let mut cursor = self.read_keys(phase, position, &mut step).await?;
        if phase == Phase::Events && cursor.is_none() {
            cursor = self.read_keys(Phase::DeadLetters, KvPosition::default(), &mut step).await?;
        }
        // What this Worker cannot have written is passed over.
        let records = step.records.iter();
        let messages: Vec<_> = records.filter_map(|it| Some((Message::of_record(&it.text)?, it))).collect();
        let events = messages.iter().filter_map(|(message, record)| Some((message.event()?, *record)));
        let events: Vec<_> = events.map(|(event, record)| (Traces::of(&event), event, record)).collect();
        let hashes: Vec<_> = events.iter().flat_map(|(traces, ..)| traces.hashes.iter().cloned()).collect();
        let known: Vec<KnownErasure> =
            if hashes.is_empty() { Vec::new() } else { database.rows(erasures::known(&hashes)).await? };
        let erased_at = |traces: &Traces, event: &Event<'_>| {
            let later =
                known.iter().filter(|it| it.began_at >= event.received_at() && traces.hashes.contains(&it.hash));
            later.map(|it| it.began_at).max()
        };
        let mut statements = Vec::new();
        for (traces, event, record) in &events {
            match erased_at(traces, event) {
                None => statements.push(event_log::put_unless_erased(event, record.kv_until, &traces.hashes)),
                // To mend its key may have brought back what the erasure had just deleted.
                Some(began_at) if record.is_mended => {
                    traces.remove(self.ports, began_at).await;
                }
                Some(_) => {}
            }
        }
        let indexed = statements.len();
        let text = |cursor: &Option<Cursor>| cursor.as_ref().map(|Cursor(text)| text.clone());
        let (from, next) = (text(&query.cursor), text(&cursor));
        let known = reindexed(&state, from.as_deref(), next.as_deref(), now);
        statements.extend((!known.is_empty()).then(|| log_state::write(&known)));
        if !statements.is_empty() {
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
                let mut until = listed.expiration;
                let entry = if is_to_mend { self.mended(phase, &listed, &value) } else { None };
                if let Some(entry) = &entry {
                    self.ports.kv().put(entry).await.map_err(|_| Problem::Unavailable)?;
                    until = entry.expiration;
                    step.mended = step.mended.saturating_add(1);
                }
                let kv_until = until.unwrap_or(event_log::IN_KV_FOR_GOOD);
                let record = ReadRecord { text: value, kv_until, is_mended: entry.is_some() };
                step.records.extend((phase == Phase::Events).then_some(record));
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
