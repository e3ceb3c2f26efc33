//! What alerts are made of: calls that were not stored, deliveries that are not done, and hours with many unfollows. Each statement
//! is for all apps, and reads a bounded number of rows for each.

use serde::Deserialize;
use strum::IntoStaticStr;

use super::{Parameter, Statement, call_counts::CallOutcome, json_column};
use crate::{
    encoding::{StoredWord, to_json},
    webhook::SdkAppId,
};

/// How many hours and reasons of an outcome are read, the latest first.
pub const CALL_ROWS: usize = 50;

/// How many deliveries in a state are read.
pub const DELIVERY_ROWS: usize = 100;

/// How many unusual hours of users are read. More at once are a burst of their app.
const UNUSUAL_ROWS: usize = 6;

/// The calls of an app with an outcome that asks for attention.
#[derive(Clone, Debug, Deserialize)]
pub struct AppsCalls {
    /// The app, or [`NO_APP`](super::call_counts::NO_APP).
    pub app: u64,
    /// What became of them.
    pub outcome: StoredWord<CallOutcome>,
    /// The latest first, [`CALL_ROWS`] at most: each with why, how many, the hour since 1970, and when the last came (Unix ms).
    #[serde(deserialize_with = "json_column")]
    pub counts: Vec<(String, u64, u64, u64)>,
}

/// The calls of these apps with these outcomes, from the hour `since` (hours since 1970) on.
#[must_use]
pub fn calls(apps: &[u64], outcomes: &[CallOutcome], since: u64) -> Statement {
    let sql = format!(
        "SELECT a.value AS app, o.value AS outcome, ( \
         SELECT json_group_array(json_array(c.reason, c.count, c.hour, c.last_at)) FROM ( \
         SELECT reason, count, hour, last_at FROM call_counts \
         WHERE app = a.value AND outcome = o.value AND hour >= ?3 ORDER BY hour DESC LIMIT {CALL_ROWS}) AS c) AS counts \
         FROM json_each(?1) AS a CROSS JOIN json_each(?2) AS o WHERE counts <> '[]'"
    );
    Statement::new(sql, [Parameter::Text(to_json(apps)), Parameter::Text(to_json(outcomes)), since.into()])
}

/// A state of deliveries that asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Undone {
    /// A further attempt is to come: the longest unchanged first.
    Retrying,
    /// It is a dead letter: the latest first.
    Dead,
    /// The origin has it, and answered FAIL: the latest first.
    DeliveredFail,
}

/// The deliveries of an app that are not done.
#[derive(Clone, Debug, Deserialize)]
pub struct AppsDeliveries {
    pub app: SdkAppId,
    #[serde(deserialize_with = "json_column")]
    pub retrying: Vec<UndoneDelivery>,
    #[serde(deserialize_with = "json_column")]
    pub dead: Vec<UndoneDelivery>,
    #[serde(deserialize_with = "json_column")]
    pub delivered_fail: Vec<UndoneDelivery>,
}

/// A delivery that is not done.
#[derive(Clone, Debug, Deserialize)]
pub struct UndoneDelivery {
    /// The `EventTime` of its event, in Unix ms.
    pub event_time: u64,
    /// The hash of its event's id.
    pub hash: String,
    /// The HTTP status of the origin's last answer, if there was one.
    pub last_status: Option<u16>,
    /// What happened instead.
    pub last_error: Option<String>,
    /// When the next attempt is due, in Unix ms.
    pub next_attempt_at: Option<u64>,
    /// When it last changed, in Unix ms.
    pub updated_at: u64,
    /// Since when it has been retried, in Unix ms; `None` if an earlier Worker has written it.
    pub retrying_since: Option<u64>,
}

/// The deliveries of these apps that are not done, one more of each state than [`DELIVERY_ROWS`] at most: those that answered FAIL
/// only since `since` (Unix ms). The rows are [`AppsDeliveries`].
#[must_use]
pub fn deliveries(apps: &[SdkAppId], since: u64) -> Statement {
    let limit = DELIVERY_ROWS.saturating_add(1);
    // By the index, which is used only if its own condition is in the query.
    let list = |state: Undone, condition: &str, order: &str| {
        let state = <&str>::from(state);
        format!(
            "(SELECT json_group_array(json_array(event_time, hash, last_status, last_error, next_attempt_at, updated_at, \
             retrying_since)) FROM ( \
             SELECT event_time, hash, last_status, last_error, next_attempt_at, updated_at, retrying_since FROM deliveries \
             WHERE app = a.value AND state = '{state}' AND state <> 'delivered' {condition} \
             ORDER BY updated_at {order} LIMIT {limit})) AS {state}"
        )
    };
    let lists = [
        list(Undone::Retrying, "", ""),
        list(Undone::Dead, "", "DESC"),
        list(Undone::DeliveredFail, "AND updated_at >= ?2", "DESC"),
    ];
    let sql = format!("SELECT a.value AS app, {} FROM json_each(?1) AS a", lists.join(", "));
    Statement::new(sql, [Parameter::Text(to_json(apps)), since.into()])
}

/// The unfollows of an app in some hours, and the users with an unusual hour.
#[derive(Clone, Debug, Deserialize)]
pub struct AppsUnfollows {
    pub app: SdkAppId,
    /// The first hour that the log has, since 1970; `None` if it has none.
    pub first_hour: Option<u64>,
    /// Hours since 1970 with the unfollows in each.
    #[serde(deserialize_with = "json_column")]
    pub counts: Vec<(u64, u64)>,
    /// Users, each with hours as above.
    #[serde(deserialize_with = "json_column")]
    pub users: Vec<(String, Vec<(u64, u64)>)>,
}

/// The unfollows of these apps so many hours before the hour `now` (hours since 1970); and of the users to whom that hour, or the one
/// before, was unusual. What is older than the hour `since` is not looked at: a single event of long ago does not make a log old.
#[must_use]
pub fn unfollows(apps: &[SdkAppId], now: u64, hours_ago: &[u64], since: u64) -> Statement {
    // A list of expressions: the rows of a table of hours would count as read.
    let hours: Vec<_> = hours_ago.iter().map(|ago| format!("?2 - {ago}")).collect();
    let hours = hours.join(", ");
    let sql = format!(
        "SELECT a.value AS app, ( \
         SELECT min(hour) FROM hourly_totals WHERE app = a.value AND hour >= ?3) AS first_hour, ( \
         SELECT json_group_array(json_array(t.hour, t.unfollows)) FROM hourly_totals AS t \
         WHERE t.app = a.value AND t.hour IN ({hours})) AS counts, ( \
         SELECT json_group_array(json_array(u.user, json(( \
         SELECT json_group_array(json_array(c.hour, c.unfollows)) FROM hourly_counts AS c \
         WHERE c.app = a.value AND c.hour IN ({hours}) AND c.user = u.user)))) FROM ( \
         SELECT DISTINCT user FROM unusual_hours WHERE app = a.value AND hour IN (?2, ?2 - 1) \
         LIMIT {UNUSUAL_ROWS}) AS u) AS users \
         FROM json_each(?1) AS a"
    );
    Statement::new(sql, [Parameter::Text(to_json(apps)), now.into(), since.into()])
}

/// How many unfollows there were.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Unfollows {
    pub unfollows: u64,
}

/// How many unfollows of this user, or of any user of the app, there were after `since` (Unix ms): `limit` events are read at most. One
/// row, an [`Unfollows`].
#[must_use]
pub fn unfollows_since(app: SdkAppId, user: Option<&str>, since: u64, limit: u64) -> Statement {
    match user {
        Some(user) => {
            const SQL: &str = "SELECT count(*) AS unfollows FROM ( \
                 SELECT 1 FROM event_users WHERE app = ?1 AND user = ?2 AND role = 'target' AND kind = 'unfollow' \
                 AND event_time > ?3 LIMIT ?4)";
            Statement::new(SQL, [app.into(), user.into(), since.into(), limit.into()])
        }
        None => {
            const SQL: &str = "SELECT ifnull(sum(json_array_length(record, '$.to_accounts')), 0) AS unfollows FROM ( \
                 SELECT record FROM events WHERE app = ?1 AND kind = 'unfollow' AND event_time > ?2 LIMIT ?3)";
            Statement::new(SQL, [app.into(), since.into(), limit.into()])
        }
    }
}
