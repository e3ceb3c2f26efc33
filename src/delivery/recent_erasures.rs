//! The latest erasures, as an isolate knows them: so that each of a million attempts that fail need not ask D1 whether its event was
//! erased meanwhile.

use std::{cell::RefCell, collections::BTreeMap, pin::pin};

use super::erased::Traces;
use crate::{
    database::{
        Database as _,
        erasures::{self, KnownErasure},
    },
    ports::Ports,
    storage::{Clock as _, within},
};

/// How long what D1 has said counts, in ms. A message that fails comes again, so it may come a little late.
pub const KNOWN_FOR_MS: u64 = 5_000;

/// How many erasures are remembered, and read at once. What was received before the oldest of them has to be asked for.
pub const REMEMBERED_MAX: usize = 1_000;

/// How far the clocks of two isolates may be apart, in ms.
const CLOCKS_APART_MS: u64 = 60_000;

/// How long D1 may take to say which there are, in ms.
const READ_WITHIN_MS: u64 = 2_000;

/// What an isolate knows of them.
#[derive(Debug, Default)]
pub struct RecentErasures(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    /// When D1 was last asked, in Unix ms.
    read_at: u64,
    /// From when on all are known, in Unix ms; `None` before D1 has said anything.
    complete_since: Option<u64>,
    /// When what each hash stands for was erased, in Unix ms.
    began_at: BTreeMap<String, u64>,
}

impl RecentErasures {
    /// Whether none of these traces was erased after the receipt of its event, but for the last [`KNOWN_FOR_MS`]. If not, or if it is
    /// not known, D1 has to be asked for them.
    pub async fn know_none_of(&self, traces: &Traces, ports: &impl Ports) -> bool {
        let now = ports.clock().now_ms();
        let since = {
            let known = self.0.borrow();
            let is_old = now.saturating_sub(known.read_at) >= KNOWN_FOR_MS;
            let newest = known.began_at.values().max().copied();
            is_old.then(|| newest.or(known.complete_since).map_or(0, |at| at.saturating_sub(CLOCKS_APART_MS)))
        };
        if let Some(since) = since {
            self.0.borrow_mut().read_at = now;
            let Some(database) = ports.database() else { return false };
            let reading = pin!(database.rows::<KnownErasure>(erasures::since(since, REMEMBERED_MAX)));
            match within(ports.clock(), READ_WITHIN_MS, reading).await {
                Some(Ok(rows)) => self.0.borrow_mut().add(rows, since),
                Some(Err(_)) | None => self.0.borrow_mut().complete_since = None,
            }
        }
        self.0.borrow().has_none_of(traces)
    }
}

impl Known {
    /// Adds what D1 has said of those since `since`, the latest first.
    fn add(&mut self, rows: Vec<KnownErasure>, since: u64) {
        let is_whole = rows.len() < REMEMBERED_MAX;
        let oldest = rows.last().map_or(since, |row| row.began_at.saturating_add(1));
        let gap = if is_whole { since } else { oldest };
        self.began_at.extend(rows.into_iter().map(|row| (row.hash, row.began_at)));
        let mut complete_since = self.complete_since.filter(|_| is_whole).unwrap_or(gap);
        while self.began_at.len() > REMEMBERED_MAX {
            let Some(oldest) = self.began_at.values().min().copied() else { break };
            self.began_at.retain(|_, began_at| *began_at > oldest);
            complete_since = complete_since.max(oldest.saturating_add(1));
        }
        self.complete_since = Some(complete_since);
    }

    fn has_none_of(&self, traces: &Traces) -> bool {
        let is_known = self.complete_since.is_some_and(|since| traces.received_at >= since);
        let is_later = |hash: &String| self.began_at.get(hash).is_some_and(|at| *at >= traces.received_at);
        is_known && !traces.hashes.iter().any(is_later)
    }
}
