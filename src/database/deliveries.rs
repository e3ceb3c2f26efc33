//! The deliveries: how far the way of each event to the origin has come. There are no user ids in them, but for those that an
//! answer of the origin may have.

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{HOUR_MS, Parameter, Statement};
use crate::{encoding::StoredWord, event::EventId, webhook::SdkAppId};

/// A delivery that is done so soon after its event, in ms, is listed at the time of the event: its row is in no index. Any
/// other change is listed at its own time.
const PROMPT_MS: u64 = 60 * 1000;

/// How long D1 may take to write what became of a delivery, in ms: nothing but the row depends on it.
pub const WRITE_WITHIN_MS: u64 = 2_000;

/// How long after the time of its next attempt a delivery still counts as retrying, in ms. Then its message has expired, or what
/// became of it could not be written.
const OVERDUE_AFTER_MS: u64 = HOUR_MS;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StoredState {
    /// A further attempt is to come.
    Retrying,
    /// It is a dead letter.
    Dead,
    /// The origin has had the event within [`PROMPT_MS`].
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

/// Writes what became of a delivery. A change that is older than what is written changes nothing, and neither does a failure
/// of what the origin has.
#[must_use]
pub fn write(app: SdkAppId, id: &EventId, change: &Change) -> Statement {
    let is_prompt = id.event_time().abs_diff(change.at) <= PROMPT_MS;
    let state = match change.state {
        State::Retrying => StoredState::Retrying,
        State::Dead => StoredState::Dead,
        State::Delivered if is_prompt => StoredState::Delivered,
        State::Delivered => StoredState::DeliveredLate,
        State::DeliveredFail => StoredState::DeliveredFail,
    };
    // A FAIL is a failure too: it may be what the origin says to an event that it has.
    let keeps = if change.is_replay || change.state == State::Delivered {
        String::new()
    } else {
        format!(" OR state <> ?4 AND state IN ({})", StoredState::sql_list(&StoredState::ACCEPTED))
    };
    let since = match (state, change.is_replay) {
        (StoredState::Retrying, true) => "?9",
        (StoredState::Retrying, false) => {
            "coalesce((SELECT retrying_since FROM deliveries \
             WHERE app = ?1 AND state = 'retrying' AND event_time = ?2 AND hash = ?3), ?9)"
        }
        _ => "NULL",
    };
    let of_event = of_event();
    let sql = format!(
        "INSERT INTO deliveries \
         (app, event_time, hash, state, attempts, last_status, last_error, next_attempt_at, updated_at, answer, retrying_since) \
         SELECT ?1, ?2, ?3, ?4, coalesce(?5, (SELECT max(attempts) FROM deliveries WHERE {of_event}), 0), ?6, ?7, ?8, ?9, ?10, \
         {since} \
         WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE {of_event} AND (updated_at > ?9{keeps})) \
         ON CONFLICT DO UPDATE SET attempts = excluded.attempts, last_status = excluded.last_status, \
         last_error = excluded.last_error, next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at, \
         answer = excluded.answer, retrying_since = excluded.retrying_since"
    );
    let parameters: [Parameter; 10] = [
        app.into(),
        id.event_time().into(),
        id.hash().into(),
        state.name().into(),
        change.attempts.map(u64::from).into(),
        change.last_status.map(u64::from).into(),
        change.last_error.into(),
        change.next_attempt_at.into(),
        change.at.into(),
        change.answer.as_deref().into(),
    ];
    Statement::new(sql, parameters)
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
