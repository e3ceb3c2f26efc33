//! What metrics are made of. Nothing is counted at a scrape: triggers keep the totals, so that a scrape reads a row for each, and
//! what the retention and erasures delete stays in them.

use serde::Deserialize;
use strum::VariantArray as _;

use super::{Parameter, Statement, deliveries::StoredState, json_column};
use crate::{encoding::to_json, webhook::command::Kind};

/// The states of deliveries that a trigger counts.
pub const COUNTED_STATES: [StoredState; 3] = [StoredState::Retrying, StoredState::Dead, StoredState::DeliveredFail];

/// What the database has of an app. Numbers by kind are in the order of [`Kind::VARIANTS`].
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AppsMetrics {
    /// The app, or [`NO_APP`](super::call_counts::NO_APP).
    pub app: u64,
    /// How many events of each kind it ever had, but for those of the open hours.
    #[serde(deserialize_with = "json_column")]
    closed: Vec<u64>,
    /// How many came in the open hours.
    #[serde(deserialize_with = "json_column")]
    open: Vec<u64>,
    /// How many it has no longer.
    deleted: u64,
    /// The latest `EventTime` of each kind, in Unix ms.
    #[serde(deserialize_with = "json_column")]
    last_events: Vec<Option<u64>>,
    /// Outcome, reason, number and the last time (Unix ms) of its calls. Another version may have written the words.
    #[serde(deserialize_with = "json_column")]
    pub calls: Vec<(String, String, u64, u64)>,
    /// How many deliveries are in a state.
    #[serde(deserialize_with = "json_column")]
    deliveries: Vec<(String, u64)>,
    /// The `EventTime` of the oldest event whose delivery is retried, in Unix ms.
    pub oldest_waiting: Option<u64>,
    /// When the origin last took a delivery, in Unix ms.
    pub last_delivery: Option<u64>,
    /// What the retention has left, as text: the same for all apps.
    due_since: Option<String>,
}

impl AppsMetrics {
    /// How many events of the kind at this place were ever added.
    #[must_use]
    pub fn events(&self, kind: usize) -> u64 {
        let of = |numbers: &[u64]| numbers.get(kind).copied().unwrap_or_default();
        of(&self.closed).saturating_add(of(&self.open))
    }

    /// How many events the log has.
    #[must_use]
    pub fn log_events(&self) -> u64 {
        let added = (0..Kind::VARIANTS.len()).map(|kind| self.events(kind)).fold(0, u64::saturating_add);
        added.saturating_sub(self.deleted)
    }

    /// The latest `EventTime` of the kind at this place, in Unix ms.
    #[must_use]
    pub fn last_event(&self, kind: usize) -> Option<u64> {
        self.last_events.get(kind).copied().flatten()
    }

    /// How many deliveries are in this state.
    #[must_use]
    pub fn deliveries(&self, state: &str) -> u64 {
        self.deliveries.iter().find(|(it, _)| it == state).map_or(0, |(_, count)| *count)
    }

    /// The time (Unix ms) of the oldest that the retention has left; `None` if it has left nothing.
    #[must_use]
    pub fn retention_due_since(&self) -> Option<u64> {
        self.due_since.as_ref()?.parse().ok()
    }
}

/// What there is of these apps, in the hour `now` (hours since 1970). The rows are [`AppsMetrics`]. At most 60 rows are read for an app:
/// one for each outcome and reason of its calls, and some 15 for all else.
#[must_use]
pub fn read(apps: &[u64], now: u64) -> Statement {
    let for_each = |expression: &dyn Fn(&str) -> String| {
        Kind::VARIANTS.iter().map(|kind| expression(kind.name())).collect::<Vec<_>>().join(", ")
    };
    let closed = for_each(&|kind| format!("ifnull(t.{kind}s, 0)"));
    let open = for_each(&|kind| format!("ifnull(sum({kind}_events), 0)"));
    let last_events =
        for_each(&|kind| format!("(SELECT max(event_time) FROM events WHERE app = a.value AND kind = '{kind}')"));
    // By the index, which is used only if its own condition is in the query.
    let taken = |state: StoredState| {
        let (is_indexed, order) = match state {
            StoredState::Delivered => ("", "event_time"),
            _ => (" AND state <> 'delivered'", "updated_at"),
        };
        format!(
            "ifnull((SELECT updated_at FROM deliveries WHERE app = a.value AND state = '{}'{is_indexed} \
             ORDER BY {order} DESC LIMIT 1), 0)",
            state.name()
        )
    };
    let last_delivery = StoredState::ACCEPTED.map(taken).join(", ");
    // An hour that is far ahead is never open.
    let sql = format!(
        "SELECT a.value AS app, \
         json_array({closed}) AS closed, ifnull(t.deleted, 0) AS deleted, \
         (SELECT json_array({open}) FROM hourly_totals \
         WHERE app = a.value AND hour BETWEEN ifnull(t.counted_until, 0) AND ?2 + 1) AS open, \
         json_array({last_events}) AS last_events, \
         (SELECT json_group_array(json_array(outcome, reason, count, last_at)) FROM call_totals WHERE app = a.value) AS calls, \
         (SELECT json_group_array(json_array(state, count)) FROM delivery_counts WHERE app = a.value) AS deliveries, \
         (SELECT min(event_time) FROM deliveries WHERE app = a.value AND state = 'retrying') AS oldest_waiting, \
         nullif(max({last_delivery}), 0) AS last_delivery, \
         (SELECT value FROM log_state WHERE name = 'retention_due_since') AS due_since \
         FROM json_each(?1) AS a LEFT JOIN event_totals AS t ON t.app = a.value"
    );
    Statement::new(sql, [Parameter::Text(to_json(apps)), now.into()])
}
