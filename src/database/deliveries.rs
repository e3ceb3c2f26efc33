//! The deliveries: how far the way of each event to the origin has come. There are no user ids in them, but for those that an
//! answer of the origin may have.

use std::collections::BTreeMap;

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{HOUR_MS, Parameter, Statement};
use crate::{
    encoding::{StoredWord, to_json},
    event::EventId,
    webhook::SdkAppId,
};

/// A delivery that is done so soon after its event, in ms, is listed at the time of the event: its row is in no index. Any
/// other change is listed at its own time.
pub const ON_TIME_MS: u64 = 24 * HOUR_MS;

/// How long D1 may take to write what became of a delivery, in ms: nothing but the row depends on it.
pub const WRITE_WITHIN_MS: u64 = 2_000;

/// How long after the time of its next attempt a delivery still counts as retrying, in ms. Then its message has expired, or what
/// became of it could not be written. The first attempts of two hours are not written one by one: see
/// [`FIRST_WAITS_MAX_SECONDS`](crate::delivery::retry::FIRST_WAITS_MAX_SECONDS).
pub const OVERDUE_AFTER_MS: u64 = 3 * HOUR_MS;

/// Whether a delivery that is to be retried at `next_attempt_at` is overdue at `now_ms` (both Unix ms).
#[must_use]
pub fn is_overdue(next_attempt_at: Option<u64>, now_ms: u64) -> bool {
    next_attempt_at.is_none_or(|at| at.saturating_add(OVERDUE_AFTER_MS) < now_ms)
}

/// What a row has, in any list and alone.
const COLUMNS: &str = "state, event_time, hash, attempts, last_status, last_error, next_attempt_at, updated_at, answer";

/// The delivery of one event, in whichever state: ?1 is the app, ?2 and ?3 are the halves of the event's id.
fn of_event() -> String {
    format!(
        "app = ?1 AND state IN ({}) AND event_time = ?2 AND hash = ?3",
        StoredState::sql_list(StoredState::VARIANTS)
    )
}

/// How far a delivery has come, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StoredState {
    /// A further attempt is to come.
    Retrying,
    /// It is a dead letter.
    Dead,
    /// The origin has had the event within [`ON_TIME_MS`].
    Delivered,
    /// The origin has it, and got it later.
    DeliveredLate,
    /// The origin has it, and answered FAIL.
    DeliveredFail,
}

impl StoredState {
    /// Those of which the origin has the event.
    pub const ACCEPTED: [Self; 3] = [Self::Delivered, Self::DeliveredLate, Self::DeliveredFail];

    /// Its word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.into_str()
    }

    /// These states as a list of SQL, as what `IN` takes: the state is in the key, so a row is found by each that it may have.
    #[must_use]
    pub fn sql_list(states: &[Self]) -> String {
        states.iter().map(|state| format!("'{}'", state.name())).collect::<Vec<_>>().join(", ")
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// A further attempt is to come.
    Retrying,
    /// It is a dead letter.
    Dead,
    /// The origin has the event.
    Delivered,
    /// The origin has the event: its status said so, and its answer said FAIL.
    DeliveredFail,
}

/// What one attempt, or a replay, made of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// How far it has come.
    pub state: State,
    /// How many attempts there were; `None` for as many as before.
    pub attempts: Option<u32>,
    /// The HTTP status of the origin's last answer, if there was one.
    pub last_status: Option<u16>,
    /// What happened instead of an answer that counts.
    pub last_error: Option<&'static str>,
    /// The start of an answer that failed, or said FAIL: at most 512 bytes.
    pub answer: Option<String>,
    /// When the next attempt is due, in Unix ms.
    pub next_attempt_at: Option<u64>,
    /// When it happened, in Unix ms.
    pub at: u64,
    /// Whether somebody wants the event delivered again. Anything else leaves as it is what the origin has: a message may exist
    /// twice, and the other copy knows nothing of this one's end.
    pub is_replay: bool,
}

/// A row.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredDelivery {
    /// How far it has come.
    pub state: StoredWord<StoredState>,
    /// The `EventTime` of its event, in Unix ms.
    pub event_time: u64,
    /// The hash of its event's id.
    pub hash: String,
    /// As in [`Change`].
    pub attempts: u32,
    /// As in [`Change`].
    pub last_status: Option<u16>,
    /// As in [`Change`]; another version of this Worker may have written it.
    pub last_error: Option<String>,
    /// As in [`Change`].
    pub next_attempt_at: Option<u64>,
    /// When it last changed, in Unix ms.
    pub updated_at: u64,
    /// As in [`Change`].
    pub answer: Option<String>,
    /// Where a list has it, in Unix ms.
    #[serde(default)]
    changed: u64,
}

impl StoredDelivery {
    /// Where a list goes on behind it.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { changed: self.changed, event_time: self.event_time, hash: self.hash.clone() }
    }
}

/// A place in a list of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    changed: u64,
    event_time: u64,
    hash: String,
}

impl Position {
    /// Its text, which [`Position::read`] reads.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {} {}", self.changed, self.event_time, self.hash)
    }

    /// Reads what [`Position::text`] has written; `None` for any other text.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (changed, event_time, hash) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { changed: changed.parse().ok()?, event_time: event_time.parse().ok()?, hash: hash.to_owned() })
    }
}

/// What became of the delivery of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryChange {
    pub app: SdkAppId,
    pub id: EventId,
    pub change: Change,
}

impl DeliveryChange {
    /// The state that is stored.
    fn state(&self) -> StoredState {
        let is_on_time = self.id.event_time().abs_diff(self.change.at) <= ON_TIME_MS;
        match self.change.state {
            State::Retrying => StoredState::Retrying,
            State::Dead => StoredState::Dead,
            State::Delivered if is_on_time => StoredState::Delivered,
            State::Delivered => StoredState::DeliveredLate,
            State::DeliveredFail => StoredState::DeliveredFail,
        }
    }
}

/// The members of a change in the JSON that a statement is given, as SQL.
const APP: &str = "c.value ->> 0";
const EVENT_TIME: &str = "c.value ->> 1";
const HASH: &str = "c.value ->> 2";
const ATTEMPTS: &str = "c.value ->> 3";
const LAST_STATUS: &str = "c.value ->> 4";
const LAST_ERROR: &str = "c.value ->> 5";
const NEXT_ATTEMPT_AT: &str = "c.value ->> 6";
const AT: &str = "c.value ->> 7";
const ANSWER: &str = "c.value ->> 8";

/// Changes to one state, of one kind: what one statement writes.
struct SameChanges {
    state: StoredState,
    is_replay: bool,
    json: String,
}

impl SameChanges {
    /// Of changes that all are to `state`, and all replays or none: of several of one event, the latest.
    fn of<'c>(state: StoredState, is_replay: bool, changes: impl IntoIterator<Item = &'c DeliveryChange>) -> Self {
        let mut latest: BTreeMap<_, &DeliveryChange> = BTreeMap::new();
        for it in changes {
            let kept = latest.entry((it.app, it.id.as_str())).or_insert(it);
            if it.change.at >= kept.change.at {
                *kept = it;
            }
        }
        let rows = latest.into_values().map(|DeliveryChange { app, id, change }| {
            let Change { attempts, last_status, last_error, next_attempt_at, at, answer, .. } = change;
            (app, id.event_time(), id.hash(), attempts, last_status, last_error, next_attempt_at, at, answer)
        });
        Self { state, is_replay, json: to_json(&rows.collect::<Vec<_>>()) }
    }

    /// Whether the row `d` stays as it is: it is of a later change, or the origin has what has failed. (A FAIL is a failure too: it
    /// may be what the origin says to an event that it has.)
    fn stays(&self) -> String {
        let keeps = if self.is_replay || matches!(self.state, StoredState::Delivered | StoredState::DeliveredLate) {
            String::new()
        } else {
            let (state, accepted) = (self.state.name(), StoredState::sql_list(&StoredState::ACCEPTED));
            format!(" OR d.state <> '{state}' AND d.state IN ({accepted})")
        };
        format!("(d.updated_at > {AT}{keeps})")
    }

    /// Since when the delivery is retried; `of_row` is since when its row says so, or NULL.
    fn retrying_since(&self, of_row: &str) -> String {
        match (self.state, self.is_replay) {
            (StoredState::Retrying, true) => AT.to_owned(),
            (StoredState::Retrying, false) => format!("coalesce({of_row}, {AT})"),
            _ => "NULL".to_owned(),
        }
    }

    /// Changes the rows that are there.
    fn update(&self) -> Statement {
        let (state, stays) = (self.state.name(), self.stays());
        let since = self.retrying_since("iif(d.state = 'retrying', d.retrying_since, NULL)");
        self.statement(format!(
            "UPDATE deliveries AS d SET state = '{state}', attempts = coalesce({ATTEMPTS}, d.attempts), \
             last_status = {LAST_STATUS}, last_error = {LAST_ERROR}, next_attempt_at = {NEXT_ATTEMPT_AT}, updated_at = {AT}, \
             answer = {ANSWER}, retrying_since = {since} FROM json_each(?1) AS c WHERE {} AND NOT {stays}",
            of_change()
        ))
    }

    /// Inserts those that are not there, and changes the others, at one row written more.
    fn insert(&self) -> Statement {
        let (state, stays, of_change) = (self.state.name(), self.stays(), of_change());
        let since = self.retrying_since(&format!(
            "(SELECT d.retrying_since FROM deliveries AS d WHERE {of_change} AND d.state = 'retrying')"
        ));
        self.statement(format!(
            "INSERT INTO deliveries \
             (app, event_time, hash, state, attempts, last_status, last_error, next_attempt_at, updated_at, answer, retrying_since) \
             SELECT {APP}, {EVENT_TIME}, {HASH}, '{state}', \
             coalesce({ATTEMPTS}, (SELECT max(d.attempts) FROM deliveries AS d WHERE {of_change}), 0), \
             {LAST_STATUS}, {LAST_ERROR}, {NEXT_ATTEMPT_AT}, {AT}, {ANSWER}, {since} FROM json_each(?1) AS c \
             WHERE NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE {of_change} \
             AND (d.state = '{state}' AND d.updated_at = {AT} OR {stays})) \
             ON CONFLICT DO UPDATE SET attempts = excluded.attempts, last_status = excluded.last_status, \
             last_error = excluded.last_error, next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at, \
             answer = excluded.answer, retrying_since = excluded.retrying_since"
        ))
    }

    fn statement(&self, sql: String) -> Statement {
        Statement::new(sql, [Parameter::Text(self.json.clone())])
    }
}

/// The row `d` of the event of the change `c`, in whichever state.
fn of_change() -> String {
    let states = StoredState::sql_list(StoredState::VARIANTS);
    format!("d.app = {APP} AND d.state IN ({states}) AND d.event_time = {EVENT_TIME} AND d.hash = {HASH}")
}

/// Writes what became of a delivery, as [`write_all`] does, in one statement that may cost a row written more.
#[must_use]
pub fn write(app: SdkAppId, id: &EventId, change: &Change) -> Statement {
    let change = DeliveryChange { app, id: id.clone(), change: change.clone() };
    SameChanges::of(change.state(), change.change.is_replay, [&change]).insert()
}

/// Writes what became of deliveries, with two statements for each state that there is, to be run in their order. A change that is
/// older than what is written changes nothing, and neither does a failure of what the origin has.
#[must_use]
pub fn write_all(changes: &[DeliveryChange]) -> Vec<Statement> {
    let mut same: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for it in changes {
        same.entry((it.state(), it.change.is_replay)).or_default().push(it);
    }
    let same = same.into_iter().map(|((state, is_replay), those)| SameChanges::of(state, is_replay, those));
    same.flat_map(|same| [same.update(), same.insert()]).collect()
}

/// The delivery of this event.
#[must_use]
pub fn read(app: SdkAppId, id: &EventId) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE {}", of_event());
    Statement::new(sql, [app.into(), id.event_time().into(), id.hash().into()])
}

/// Deletes the delivery of this event.
#[must_use]
pub fn delete(app: SdkAppId, id: &EventId) -> Statement {
    let sql = format!("DELETE FROM deliveries WHERE {}", of_event());
    Statement::new(sql, [app.into(), id.event_time().into(), id.hash().into()])
}

/// Deletes the delivery of this event if it is dead.
#[must_use]
pub fn discard(app: SdkAppId, id: &EventId) -> Statement {
    const SQL: &str = "DELETE FROM deliveries WHERE app = ?1 AND state = 'dead' AND event_time = ?2 AND hash = ?3";
    Statement::new(SQL, [app.into(), id.event_time().into(), id.hash().into()])
}

/// A page of at most `limit` deliveries of an app in this state, or in any, the latest change first, from the one behind
/// `after` on.
#[must_use]
pub fn page(app: SdkAppId, state: Option<State>, after: Option<&Position>, limit: u64) -> Statement {
    // By the index, which is used only if its own condition is in the query.
    let by_change = |state: StoredState| {
        let state = state.name();
        format!(
            "SELECT {COLUMNS}, updated_at AS changed FROM deliveries WHERE app = ?1 AND state = '{state}' \
             AND state <> 'delivered' AND (updated_at, event_time, hash) < (?2, ?3, ?4)"
        )
    };
    // By the key.
    let by_event = || {
        format!(
            "SELECT {COLUMNS}, event_time AS changed FROM deliveries WHERE app = ?1 AND state = 'delivered' \
             AND event_time <= ?2 AND (event_time, event_time, hash) < (?2, ?3, ?4)"
        )
    };
    let delivered = || vec![by_event(), by_change(StoredState::DeliveredLate)];
    let ranges = match state {
        Some(State::Delivered) => delivered(),
        Some(State::Retrying) => vec![by_change(StoredState::Retrying)],
        Some(State::Dead) => vec![by_change(StoredState::Dead)],
        Some(State::DeliveredFail) => vec![by_change(StoredState::DeliveredFail)],
        None => {
            let others = [StoredState::Retrying, StoredState::Dead, StoredState::DeliveredFail];
            [others.map(by_change).to_vec(), delivered()].concat()
        }
    };
    // Behind the last there can be: a time has 13 digits.
    let first = Position { changed: 10_000_000_000_000, event_time: 0, hash: String::new() };
    let after = after.unwrap_or(&first);
    Statement::new(
        format!("{} ORDER BY changed DESC, event_time DESC, hash DESC LIMIT ?5", ranges.join(" UNION ALL ")),
        [app.into(), after.changed.into(), after.event_time.into(), after.hash.as_str().into(), limit.into()],
    )
}
