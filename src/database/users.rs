//! What the event log knows of one user: the totals.

use serde::Deserialize;
use strum::VariantArray as _;

use super::{Statement, event_log::Role};
use crate::{
    encoding::StoredWord,
    webhook::{SdkAppId, body::EVENT_TIME_MAX, command::Kind},
};

/// What a user did, or what was done to the user, in one role and kind.
#[derive(Clone, Debug, Deserialize)]
pub struct Total {
    /// The part that the user had.
    pub role: StoredWord<Role>,
    /// What was done.
    pub kind: StoredWord<Kind>,
    /// How many: of an actor the targets, of a target the events.
    pub count: u64,
    /// The first `EventTime`, in Unix ms; `None` if there is no event.
    pub first: Option<u64>,
    pub last: Option<u64>,
}

/// The totals of a user from `since` to `until` (Unix ms, inclusive), each if it is bounded. In a role and kind, it reads the events that
/// `user_totals` has not summed up, which are some 25 at most for a range with all that it has; and each event of any other range.
#[must_use]
pub fn totals(app: SdkAppId, user: &str, since: Option<u64>, until: Option<u64>) -> Statement {
    let of = |role: Role, kind: Kind| {
        let (role, kind) = (role.name(), kind.name());
        let events = format!("FROM event_users WHERE app = ?1 AND user = ?2 AND role = '{role}' AND kind = '{kind}'");
        format!(
            "SELECT '{role}' AS role, '{kind}' AS kind, ifnull(t.targets, 0) \
             + (SELECT total(targets) {events} AND event_time >= ?3 AND event_time < t.since_time) \
             + (SELECT total(targets) {events} AND event_time >= max(?3, ifnull(t.until_time, 0)) AND event_time <= ?4) AS count, \
             (SELECT min(event_time) {events} AND event_time >= ?3 AND event_time <= ?4) AS first, \
             (SELECT max(event_time) {events} AND event_time >= ?3 AND event_time <= ?4) AS last \
             FROM (SELECT 1) LEFT JOIN user_totals AS t ON t.app = ?1 AND t.user = ?2 AND t.role = '{role}' \
             AND t.kind = '{kind}' AND t.since_time >= ?3 AND t.until_time <= ?4 + 1"
        )
    };
    let of_role = |&role: &Role| Kind::VARIANTS.iter().map(move |&kind| of(role, kind));
    let parts: Vec<_> = Role::VARIANTS.iter().flat_map(of_role).collect();
    let (since, until) = (since.unwrap_or(0), until.unwrap_or(EVENT_TIME_MAX));
    Statement::new(parts.join(" UNION ALL "), [app.into(), user.into(), since.into(), until.into()])
}
