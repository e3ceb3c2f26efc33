//! The event log is rebuilt from KV, in steps that a call can do on its plan. Keys that were put back into KV without their
//! metadata get it again, and their expiry.

use std::iter::repeat;

use serde::Serialize;

use super::{
    Context,
    cursor::KvPosition,
    parameters::{Cursor, parameters},
    problem::Problem,
    step::Step,
};
use crate::{
    database::{
        Database, Statement,
        erasures::{self, KnownErasure},
        event_log,
        log_state::{self, LogState, Name},
    },
    delivery::{dead_letter, erased::Traces, message::Message},
    event::{self, Entry, Event},
    hash::sha256_hex,
    ports::Ports,
    storage::{Clock as _, GET_MAX, Kv as _, LIST_MAX, Listed, side_by_side},
    webhook::command::FOLLOW_BODY_MAX,
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

/// How many operations a step has besides those for keys and events: it reads what is known of the log and of erasures, lists events
/// and dead letters, and notes how far it came.
const OPERATIONS_AROUND: usize = 5;

/// About how many bytes of events one statement adds at most. [D1: 2,000,000 bytes a text]
const STATEMENT_BYTES: usize = 1_000_000;

/// How many bytes the records of one read have at most.
const READ_BYTES: usize = GET_MAX * FOLLOW_BODY_MAX;

/// What a step has read.
#[derive(Default)]
struct Read {
    records: Vec<ReadRecord>,
    /// How many bytes these have.
    bytes: usize,
    mended: usize,
}

impl Read {
    /// How many statements add these records at most, and those of so many further bytes.
    const fn statements(&self, further: usize) -> usize {
        // Escaped, and with what lists show of it, a record is at most four times as long.
        (self.bytes.saturating_add(further).saturating_mul(4) / STATEMENT_BYTES).saturating_add(1)
    }
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
    let hash = |cursor: &str| sha256_hex(cursor);
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
        let step = Step::begin(self.ports.clock(), self.config.calls.plan, OPERATIONS_AROUND);
        let mut read = Read::default();
        let mut cursor = self.read_keys(phase, position, &step, &mut read).await?;
        if phase == Phase::Events && cursor.is_none() {
            cursor = self.read_keys(Phase::DeadLetters, KvPosition::default(), &step, &mut read).await?;
        }
        // What this Worker cannot have written is passed over.
        let records = read.records.iter();
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
        let mut items = Vec::new();
        for (traces, event, record) in &events {
            match erased_at(traces, event) {
                None => items.push(event_log::item(event, record.kv_until, &traces.hashes)),
                // To mend its key may have brought back what the erasure had just deleted.
                Some(began_at) if record.is_mended => {
                    traces.remove(self.ports, began_at).await;
                }
                Some(_) => {}
            }
        }
        let indexed = items.len();
        let mut statements = put_all(items);
        let text = |cursor: &Option<Cursor>| cursor.as_ref().map(|Cursor(text)| text.clone());
        let (from, next) = (text(&query.cursor), text(&cursor));
        let known = reindexed(&state, from.as_deref(), next.as_deref(), now);
        statements.extend((!known.is_empty()).then(|| log_state::write(&known)));
        if !statements.is_empty() {
            database.run_all(statements).await?;
        }
        Ok(Reindexed { indexed, mended: read.mended, cursor })
    }

    /// Reads keys from this position on, as many as the step may, and mends them. Where the next step goes on; `None` at the end.
    async fn read_keys(
        &self,
        phase: Phase,
        from: KvPosition,
        step: &Step<'_, P::Clock>,
        read: &mut Read,
    ) -> Result<Option<Cursor>, Problem> {
        let prefix = phase.prefix();
        let limit = if phase == Phase::Events { self.config.calls.plan.step_items() } else { LIST_MAX };
        let page = self.ports.kv().list(prefix, limit, from.list.as_deref()).await?;
        let id = |listed: &Listed| listed.key.strip_prefix(prefix).unwrap_or_default().to_owned();
        let is_to_mend = |listed: &Listed| !listed.metadata.is_object();
        let keys: Vec<_> = page.keys.into_iter().filter(|listed| id(listed) > from.after).collect();
        let keys: Vec<_> = keys.into_iter().filter(|it| phase == Phase::Events || is_to_mend(it)).collect();
        let mut done = from;
        for some in keys.chunks(GET_MAX) {
            if step.left() <= read.statements(READ_BYTES) || !step.may_begin(1) {
                return Ok(Some(done.write(prefix)));
            }
            let names: Vec<_> = some.iter().map(|listed| listed.key.clone()).collect();
            let values = self.ports.kv().get_all(&names).await?;
            let mut found = Vec::new();
            for (listed, value) in some.iter().zip(&values) {
                let entry = value.as_ref().filter(|_| is_to_mend(listed));
                found.push((listed, value, entry.and_then(|value| self.mended(phase, listed, value))));
            }
            let bytes = values.iter().flatten().map(String::len).sum();
            let to_put = found.iter().filter_map(|(.., entry)| entry.as_ref());
            let may_begin = || step.left() > read.statements(bytes) && step.may_begin(1);
            let (put, error) = side_by_side(to_put, may_begin, |entry| self.ports.kv().put(entry)).await;
            if error.is_some() {
                return Err(Problem::Unavailable);
            }
            // Up to the first that could not be put.
            let mut puts = put.iter().enumerate().map(|(place, &position)| place == position).chain(repeat(false));
            let whole = found.into_iter().take_while(|(.., entry)| entry.is_none() || puts.next() == Some(true));
            let mut count = 0_usize;
            for (listed, value, entry) in whole {
                count = count.saturating_add(1);
                done.after = id(listed);
                read.mended = read.mended.saturating_add(usize::from(entry.is_some()));
                let Some(text) = value.clone().filter(|_| phase == Phase::Events) else { continue };
                let until = entry.as_ref().map_or(listed.expiration, |entry| entry.expiration);
                let kv_until = until.unwrap_or(event_log::IN_KV_FOR_GOOD);
                read.bytes = read.bytes.saturating_add(text.len());
                read.records.push(ReadRecord { text, kv_until, is_mended: entry.is_some() });
            }
            if count < some.len() {
                return Ok(Some(done.write(prefix)));
            }
        }
        Ok(KvPosition::next(page.cursor, prefix))
    }

    /// The entry of a key that lacks its metadata; `None` if its value is not what this Worker puts there.
    fn mended(&self, phase: Phase, Listed { key, .. }: &Listed, value: &str) -> Option<Entry> {
        let (retention, now) = (self.config.calls.retention_seconds, self.ports.clock().now_ms());
        let entry = match phase {
            Phase::Events => Message::of_record(value)?.event()?.entry(retention, now),
            Phase::DeadLetters => dead_letter::restored(key, value, retention, now)?,
        };
        // The value stays as it is.
        (entry.key == *key).then(|| Entry { value: value.to_owned(), ..entry })
    }
}

/// The statements that add these items.
fn put_all(items: Vec<String>) -> Vec<Statement> {
    let (mut statements, mut some, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
    for item in items {
        if bytes.saturating_add(item.len()) > STATEMENT_BYTES && !some.is_empty() {
            statements.push(event_log::put_all_unless_erased(&some));
            some.clear();
            bytes = 0;
        }
        bytes = bytes.saturating_add(item.len());
        some.push(item);
    }
    statements.extend((!some.is_empty()).then(|| event_log::put_all_unless_erased(&some)));
    statements
}
