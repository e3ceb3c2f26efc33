//! The event log: the events, who had a part in them, and how many there were in each hour. It is a projection of the events
//! that can be rebuilt from KV. SQL never parses a query or a body.

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Parameter, Statement};
use crate::{
    encoding::to_json,
    event::{self, Event, EventId},
    webhook::{SdkAppId, body::EVENT_TIME_MAX, command::Kind},
};

/// The part that a user has in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// The user who acted.
    Actor,
    /// A user who was unfollowed or followed.
    Target,
}

impl Role {
    /// Its name in the API and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Which events a page has, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    pub app: SdkAppId,
    /// The kind, or any.
    pub kind: Option<Kind>,
    /// Only events in which this user has a part.
    pub user: Option<String>,
    /// The part that the user has, or any.
    pub role: Option<Role>,
    /// The earliest `EventTime`, in Unix ms.
    pub since: Option<u64>,
    /// The latest `EventTime`, in Unix ms.
    pub until: Option<u64>,
}

/// An event of a page.
#[derive(Clone, Debug, Deserialize)]
pub struct LoggedEvent {
    /// In Unix ms.
    pub event_time: u64,
    /// The hash of its id.
    pub hash: String,
    /// The flat JSON that a list shows.
    pub record: String,
}

/// A whole event, as the log has it.
#[derive(Clone, Debug, Deserialize)]
pub struct WholeEvent {
    record: String,
    query: String,
    body: String,
}

impl WholeEvent {
    /// The record as KV has it.
    #[must_use]
    pub fn record(&self) -> String {
        event::record(&self.record, &self.query, &self.body)
    }
}

/// The counts of an hour.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct HourlyCount {
    /// Hours since 1970.
    pub hour: u64,
    /// Users that were unfollowed.
    pub unfollows: u64,
    /// Users that were followed.
    pub follows: u64,
}

/// That KV has no record of an event: see [`insert`].
pub const NOT_IN_KV: u64 = 0;

/// That KV has the record for good.
pub const IN_KV_FOR_GOOD: u64 = 9_999_999_999_999;

/// The beginning of the statements that add an event which a comparison may have found.
macro_rules! insert_into {
    () => {
        "INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until, source, not_before) "
    };
}

/// The end of the statements that add an event: a repeat may have its record in KV for longer; nothing else of it is new.
macro_rules! on_repeat {
    () => {
        " ON CONFLICT DO UPDATE SET kv_until = excluded.kv_until WHERE kv_until IS NULL OR kv_until < excluded.kv_until"
    };
}

/// What they add of a JSON array of [`item`]s: each that was not erased since its receipt.
macro_rules! of_items {
    () => {
        "SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> 1, value ->> 2, \
         value ->> 3, value ->> 4, value ->> 7, value ->> 8 FROM json_each(?1) WHERE NOT EXISTS \
         (SELECT 1 FROM erased WHERE hash IN (SELECT h.value FROM json_each(json_each.value, '$[6]') AS h) \
         AND began_at >= json_each.value ->> 5)"
    };
}

/// Adds an event, whose record is in KV until `kv_until` (Unix seconds; [`NOT_IN_KV`], [`IN_KV_FOR_GOOD`]). A repeat changes
/// nothing else.
#[must_use]
pub fn insert(event: &Event<'_>, kv_until: u64) -> Statement {
    if event.origin().is_some() {
        return insert_unless_erased(event, kv_until, &[]);
    }
    // A constant: webhooks need it.
    const SQL: &str = concat!(
        "INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        on_repeat!()
    );
    Statement { sql: SQL.into(), parameters: columns(event, kv_until).into() }
}

/// The same for an event that was received earlier, unless what these hashes stand for was erased since: see
/// [`crate::delivery::erased`].
#[must_use]
pub fn insert_unless_erased(event: &Event<'_>, kv_until: u64, hashes: &[String]) -> Statement {
    const SQL: &str = concat!(
        insert_into!(),
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?11, ?12 WHERE NOT EXISTS \
         (SELECT 1 FROM erased WHERE hash IN (SELECT value FROM json_each(?9)) AND began_at >= ?10)",
        on_repeat!()
    );
    let (source, not_before) = origin(event);
    let more = [
        Parameter::Text(to_json(hashes)),
        event.received_at().into(),
        Parameter::from(source),
        Parameter::from(not_before),
    ];
    let parameters = columns(event, kv_until).into_iter().chain(more).collect();
    Statement { sql: SQL.into(), parameters }
}

/// An event as an item of [`insert_all_unless_erased`] or [`put_all_unless_erased`]: its row, and what it may have been erased by, as
/// JSON. Query and body are texts in it, which SQL does not parse.
#[must_use]
pub fn item(event: &Event<'_>, kv_until: u64, hashes: &[String]) -> String {
    let id = event.id();
    let (summary, query, body) = (event.summary(), event.query(), event.body().get());
    let key = (event.app(), event.kind().name(), id.event_time(), id.hash());
    let (source, not_before) = origin(event);
    to_json(&(key, summary, query, body, kv_until, event.received_at(), hashes, source, not_before))
}

/// The same as [`insert_unless_erased`] for many events.
#[must_use]
pub fn insert_all_unless_erased(items: &[String]) -> Statement {
    const SQL: &str = concat!(insert_into!(), of_items!(), on_repeat!());
    Statement::new(SQL, [Parameter::Text(format!("[{}]", items.join(",")))])
}

/// Adds events that were read from KV, each unless what its hashes stand for was erased since its receipt. If the log has other texts
/// of one, they are replaced. What is counted by its key stays: it is that of the same actor, targets and time.
///
/// One statement adds a hundred in a tenth of the time of as many.
#[must_use]
pub fn put_all_unless_erased(items: &[String]) -> Statement {
    const SQL: &str = concat!(
        insert_into!(),
        of_items!(),
        " ON CONFLICT DO UPDATE SET record = excluded.record, query = excluded.query, \
         body = excluded.body, kv_until = max(coalesce(kv_until, 0), excluded.kv_until) \
         WHERE kv_until IS NULL OR kv_until < excluded.kv_until OR record <> excluded.record OR query <> excluded.query \
         OR body <> excluded.body"
    );
    Statement::new(SQL, [Parameter::Text(format!("[{}]", items.join(",")))])
}

/// The columns `source` and `not_before` of an event's row.
fn origin(event: &Event<'_>) -> (Option<&'static str>, Option<u64>) {
    let Some(origin) = event.origin() else { return (None, None) };
    // Of a follow, the second is known in which it happened.
    (Some(origin.source.into()), Some(origin.not_before.unwrap_or_else(|| event.id().event_time())))
}

/// The other columns of an event's row.
fn columns(event: &Event<'_>, kv_until: u64) -> [Parameter; 8] {
    let id = event.id();
    [
        event.app().into(),
        event.kind().name().into(),
        id.event_time().into(),
        id.hash().into(),
        Parameter::Text(event.summary()),
        Parameter::Text(event.query()),
        event.body().get().into(),
        kv_until.into(),
    ]
}

/// A page of at most `limit` events, from the one after `after` on.
#[must_use]
pub fn page(query: &EventQuery, after: Option<&EventId>, limit: u64) -> Statement {
    let kinds = query.kind.map_or(Kind::VARIANTS.to_vec(), |kind| vec![kind]);
    // The page begins before this event, which may be none.
    let (time, hash) = match (after, query.until) {
        (Some(after), _) => (after.event_time(), after.hash()),
        (None, Some(until)) => (until.saturating_add(1), ""),
        (None, None) => (EVENT_TIME_MAX.saturating_add(1), ""),
    };
    let since = query.since.unwrap_or(0);
    match &query.user {
        None => {
            Statement::new(app_page(&kinds), [query.app.into(), since.into(), time.into(), hash.into(), limit.into()])
        }
        Some(user) => {
            let roles = query.role.map_or(Role::VARIANTS.to_vec(), |role| vec![role]);
            let (app, user) = (query.app.into(), Parameter::Text(user.clone()));
            Statement::new(user_page(&roles, &kinds), [app, user, since.into(), time.into(), hash.into(), limit.into()])
        }
    }
}

/// Each kind is a range of the key, newest first; SQLite merges the ranges and stops at the limit.
fn app_page(kinds: &[Kind]) -> String {
    let ranges: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let kind = kind.name();
            format!(
                "SELECT event_time, hash, record FROM events \
                 WHERE app = ?1 AND kind = '{kind}' AND event_time >= ?2 AND (event_time, hash) < (?3, ?4)"
            )
        })
        .collect();
    format!("{} ORDER BY event_time DESC, hash DESC LIMIT ?5", ranges.join(" UNION ALL "))
}

/// Each role and kind is a range of the key. UNION, not UNION ALL: an event in which the user is both actor and target comes
/// once.
fn user_page(roles: &[Role], kinds: &[Kind]) -> String {
    let range = |role: &Role, kind: &Kind| {
        let (role, kind) = (role.name(), kind.name());
        format!(
            "SELECT event_time, hash, kind FROM event_users WHERE app = ?1 AND user = ?2 AND role = '{role}' \
             AND kind = '{kind}' AND event_time >= ?3 AND (event_time, hash) < (?4, ?5)"
        )
    };
    let ranges: Vec<_> = roles.iter().flat_map(|role| kinds.iter().map(move |kind| range(role, kind))).collect();
    // Most polls find nothing new: if the app has no event since ?3, the limit is 0, and none of many ranges is read.
    let any_new = |kind: &Kind| {
        let kind = kind.name();
        format!("EXISTS (SELECT 1 FROM events WHERE app = ?1 AND kind = '{kind}' AND event_time >= ?3)")
    };
    let limit = match ranges.len() {
        0..=2 => "?6".to_owned(),
        _ => format!("?6 * ({})", kinds.iter().map(any_new).collect::<Vec<_>>().join(" OR ")),
    };
    format!(
        "SELECT e.event_time, e.hash, e.record FROM ({} ORDER BY event_time DESC, hash DESC LIMIT {limit}) AS k \
         CROSS JOIN events AS e ON e.app = ?1 AND e.kind = k.kind AND e.event_time = k.event_time AND e.hash = k.hash \
         ORDER BY k.event_time DESC, k.hash DESC",
        ranges.join(" UNION ")
    )
}

#[must_use]
pub fn read(app: SdkAppId, id: &EventId) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "SELECT record, query, body FROM events \
         WHERE app = ?1 AND kind IN ({kinds}) AND event_time = ?2 AND hash = ?3"
    );
    Statement::new(sql, [app.into(), id.event_time().into(), id.hash().into()])
}

/// An event with what the log knows of its record in KV.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredEvent {
    #[serde(flatten)]
    pub event: WholeEvent,
    /// As in [`insert`]; 0 if it is not known.
    pub kv_until: u64,
}

/// Those of these events that the log has.
#[must_use]
pub fn read_all(app: SdkAppId, ids: &[EventId]) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "SELECT e.record, e.query, e.body, coalesce(e.kv_until, 0) AS kv_until FROM json_each(?2) AS wanted \
         CROSS JOIN events AS e ON e.app = CAST(?1 AS INTEGER) AND e.kind IN ({kinds}) \
         AND e.event_time = wanted.value ->> 0 AND e.hash = wanted.value ->> 1"
    );
    let ids: Vec<_> = ids.iter().map(|id| (id.event_time(), id.hash())).collect();
    Statement::new(sql, [app.into(), Parameter::Text(to_json(&ids))])
}

/// Deletes the event of this id, and what it counts.
#[must_use]
pub fn delete(app: SdkAppId, id: &EventId) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "DELETE FROM events \
         WHERE app = ?1 AND kind IN ({kinds}) AND event_time = ?2 AND hash = ?3"
    );
    Statement::new(sql, [app.into(), id.event_time().into(), id.hash().into()])
}

/// Deletes the event of this id, unless it was received after `began_at` (Unix ms).
#[must_use]
pub fn delete_received_by(app: SdkAppId, id: &EventId, began_at: u64) -> Statement {
    delete_all_received_by(app, std::slice::from_ref(id), began_at)
}

/// Deletes the events of these ids that were not received after `began_at` (Unix ms).
#[must_use]
pub fn delete_all_received_by(app: SdkAppId, ids: &[EventId], began_at: u64) -> Statement {
    let kinds = Kind::VARIANTS.iter().map(|kind| format!("('{}')", kind.name())).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "WITH kinds (kind) AS (VALUES {kinds}) DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT CAST(?1 AS INTEGER), kinds.kind, wanted.value ->> 0, wanted.value ->> 1 \
         FROM json_each(?2) AS wanted CROSS JOIN kinds) \
         AND coalesce(iif(json_valid(record), record ->> '$.received_at', 0), 0) <= ?3"
    );
    let ids: Vec<_> = ids.iter().map(|id| (id.event_time(), id.hash())).collect();
    Statement::new(sql, [app.into(), Parameter::Text(to_json(&ids)), began_at.into()])
}

/// The counts of the hours from `since` to before `until` (hours since 1970) that have any, oldest first: of the app's targets,
/// or of `user` as target.
#[must_use]
pub fn hourly_counts(app: SdkAppId, user: Option<&str>, since: u64, until: u64) -> Statement {
    match user {
        None => {
            const SQL: &str = "SELECT hour, unfollows, follows FROM hourly_totals \
                               WHERE app = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour";
            Statement::new(SQL, [app.into(), since.into(), until.into()])
        }
        Some(user) => {
            // ?5, the number of hours, ends the scan at the last hour instead of one row later.
            const SQL: &str = "SELECT c.hour, c.unfollows, c.follows \
                 FROM (SELECT hour FROM hourly_totals \
                 WHERE app = ?1 AND hour >= ?3 AND hour < ?4 ORDER BY hour LIMIT ?5) AS t \
                 CROSS JOIN hourly_counts AS c ON c.app = ?1 AND c.hour = t.hour AND c.user = ?2 ORDER BY t.hour";
            let hours = until.saturating_sub(since);
            Statement::new(SQL, [app.into(), user.into(), since.into(), until.into(), hours.into()])
        }
    }
}
