//! What the event log knows of users: the totals of one, and who lost or gained most.

use std::collections::HashMap;

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Statement, event_log::Role};
use crate::{
    encoding::StoredWord,
    webhook::{SdkAppId, command::Kind},
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

/// The totals of a user from `since` to `until` (Unix ms, inclusive), each if it is bounded.
#[must_use]
pub fn totals(app: SdkAppId, user: &str, since: Option<u64>, until: Option<u64>) -> Statement {
    if since.is_none() && until.is_none() {
        // One range of the key: a role and kind without events has no row.
        const SQL: &str = "SELECT role, kind, total(targets) AS count, min(event_time) AS first, max(event_time) AS last \
                           FROM event_users WHERE app = ?1 AND user = ?2 GROUP BY role, kind";
        return Statement::new(SQL, [app.into(), user.into()]);
    }
    let range = |role: Role, kind: Kind| {
        let (role, kind) = (role.name(), kind.name());
        format!(
            "SELECT '{role}' AS role, '{kind}' AS kind, total(targets) AS count, min(event_time) AS first, \
             max(event_time) AS last FROM event_users WHERE app = ?1 AND user = ?2 AND role = '{role}' \
             AND kind = '{kind}' AND event_time >= ?3 AND event_time <= ?4"
        )
    };
    let of_role = |&role: &Role| Kind::VARIANTS.iter().map(move |&kind| range(role, kind));
    let ranges: Vec<_> = Role::VARIANTS.iter().flat_map(of_role).collect();
    let (since, until) = (since.unwrap_or(0), until.unwrap_or(crate::webhook::body::EVENT_TIME_MAX));
    Statement::new(ranges.join(" UNION ALL "), [app.into(), user.into(), since.into(), until.into()])
}

/// The targets of an hour with their counts, as [`HourOfTargets::targets`] reads them: one text for each hour from `since` to
/// before `until` (hours since 1970). As texts, because a row for each user and hour is slower; not summed up by SQL, because D1
/// counts the rows that it sorts as read.
#[must_use]
pub fn targets(app: SdkAppId, since: u64, until: u64) -> Statement {
    const SQL: &str = "SELECT json_group_array(json_array(user, unfollows, follows)) AS targets FROM hourly_counts \
                       WHERE app = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY hour";
    Statement::new(SQL, [app.into(), since.into(), until.into()])
}

/// A row of [`targets`].
#[derive(Clone, Debug, Deserialize)]
pub struct HourOfTargets {
    targets: String,
}

/// How often a user was unfollowed and followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub unfollows: u64,
    pub follows: u64,
}

/// What to rank users by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Measure {
    /// Who was unfollowed most.
    #[default]
    Lost,
    /// Who was followed most.
    Gained,
    /// Whose follows less unfollows are the least.
    Net,
}

/// A user with the counts of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    pub user: String,
    pub counts: Counts,
    /// Follows less unfollows.
    pub net: i64,
}

/// The first `limit` users by `measure`, and by their id if they are equal. One who has lost, or gained, nothing is not
/// among those who have. `None` if the rows cannot be read.
#[must_use]
pub fn rank(hours: &[HourOfTargets], measure: Measure, limit: usize) -> Option<Vec<Ranked>> {
    let mut counts: HashMap<String, Counts> = HashMap::new();
    for hour in hours {
        let targets: Vec<(String, u64, u64)> = serde_json::from_str(&hour.targets).ok()?;
        for (user, unfollows, follows) in targets {
            let sum = counts.entry(user).or_default();
            sum.unfollows = sum.unfollows.saturating_add(unfollows);
            sum.follows = sum.follows.saturating_add(follows);
        }
    }
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let ranked = |(user, counts): (String, Counts)| {
        let net = signed(counts.follows).saturating_sub(signed(counts.unfollows));
        Ranked { user, counts, net }
    };
    // What comes first is the least.
    let place = |ranked: &Ranked| match measure {
        Measure::Lost => signed(ranked.counts.unfollows).saturating_neg(),
        Measure::Gained => signed(ranked.counts.follows).saturating_neg(),
        Measure::Net => ranked.net,
    };
    let is_listed = |ranked: &Ranked| measure == Measure::Net || place(ranked) != 0;
    let mut users: Vec<_> = counts.into_iter().map(ranked).filter(is_listed).collect();
    users.sort_unstable_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.user.cmp(&other.user)));
    users.truncate(limit);
    Some(users)
}
