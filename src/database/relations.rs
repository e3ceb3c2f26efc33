//! What the event log knows of who follows whom, and since when it can know.

use serde::Deserialize;
use serde_json::Value;
use strum::VariantArray as _;

use super::{HOUR_MS, Parameter, Statement};
use crate::{
    encoding::to_json,
    event::EventId,
    webhook::{SdkAppId, body::EVENT_TIME_MAX, command::Kind},
};

/// Events that came more than this after their `EventTime` say nothing about since when the log is there, in ms. A queue brings
/// nothing after 4 days.
const LATE_MS: u64 = 7 * 24 * HOUR_MS;

/// How many of the oldest events of a kind are looked at for that.
const OLDEST: u64 = 50;

/// The rows of a statement of this module, as one text: a JSON array of arrays. What the Worker seldom needs is read by one
/// function, and not by one for each type.
#[derive(Clone, Debug, Deserialize)]
pub struct Rows {
    rows: String,
}

impl Rows {
    /// The rows.
    #[must_use]
    pub fn read(answer: &[Self]) -> Vec<Value> {
        answer.first().and_then(|it| serde_json::from_str(&it.rows).ok()).unwrap_or_default()
    }
}

/// A statement whose rows are those of `rows`, with these columns, as [`Rows`].
fn as_json<const N: usize>(columns: &str, rows: &str, parameters: [Parameter; N]) -> Statement {
    Statement::new(format!("SELECT json_group_array(json_array({columns})) AS rows FROM ({rows})"), parameters)
}

/// A follow of a user.
#[derive(Clone, Debug)]
pub struct Follow {
    /// In Unix ms.
    pub event_time: u64,
    pub hash: String,
    /// `None` if the event is damaged.
    pub actor: Option<String>,
}

impl Follow {
    /// A row of [`follows`].
    #[must_use]
    pub fn read(row: &Value) -> Option<Self> {
        let actor = row.get(2).and_then(Value::as_str).map(str::to_owned);
        Some(Self { event_time: row.get(0)?.as_u64()?, hash: row.get(1)?.as_str()?.to_owned(), actor })
    }
}

/// A page of at most `limit` follows of `user`, the newest, from the one after `after` on; in any order: a sort is rows read.
#[must_use]
pub fn follows(app: SdkAppId, user: &str, after: Option<&EventId>, limit: u64) -> Statement {
    const SQL: &str = "SELECT u.event_time, u.hash, iif(json_valid(e.record), e.record ->> '$.from_account', NULL) AS actor \
         FROM (SELECT event_time, hash FROM event_users WHERE app = ?1 AND user = ?2 AND role = 'target' AND kind = 'follow' \
         AND (event_time, hash) < (?3, ?4) ORDER BY event_time DESC, hash DESC LIMIT ?5) AS u \
         CROSS JOIN events AS e ON e.app = ?1 AND e.kind = 'follow' AND e.event_time = u.event_time AND e.hash = u.hash";
    let (time, hash) = after.map_or((EVENT_TIME_MAX.saturating_add(1), ""), |id| (id.event_time(), id.hash()));
    as_json("event_time, hash, actor", SQL, [app.into(), user.into(), time.into(), hash.into(), limit.into()])
}

/// The latest events of an actor about a user.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// The time (Unix ms) and the hash of the latest follow.
    pub followed: Option<(u64, String)>,
    /// When the latest unfollow was, in Unix ms.
    pub unfollowed: Option<u64>,
}

impl Latest {
    /// A row of [`latest`], with the number of its pair.
    #[must_use]
    pub fn read(row: &Value) -> Option<(usize, Self)> {
        let followed = row.get(1).and_then(Value::as_str).and_then(|text| text.split_once(' '));
        let followed = followed.and_then(|(time, hash)| Some((time.parse().ok()?, hash.to_owned())));
        let latest = Self { followed, unfollowed: row.get(2).and_then(Value::as_u64) };
        Some((row.get(0)?.as_u64()?.try_into().ok()?, latest))
    }

    /// Whether the unfollow came after the follow, but in the same second as seconds are counted from it: if the follow was recorded,
    /// of which only the second is known, the follow is the later one.
    #[must_use]
    pub fn is_close(&self) -> bool {
        let times = self.followed.as_ref().zip(self.unfollowed);
        times
            .is_some_and(|((followed, _), unfollowed)| (*followed..followed.saturating_add(1000)).contains(&unfollowed))
    }
}

/// The latest events of each pair of a target and an actor: the number of the pair, the time of the follow (Unix ms) with a space and
/// its hash, and that of the unfollow. They are found by the actor: one row is read for each event of the actor since.
#[must_use]
pub fn latest(app: SdkAppId, pairs: &[(&str, &str)]) -> Statement {
    let of = |kind: Kind, what: &str| {
        let kind = kind.name();
        format!(
            "(SELECT {what} FROM event_users AS a CROSS JOIN event_users AS t ON t.app = a.app AND t.user = w.value ->> 0 \
             AND t.role = 'target' AND t.kind = a.kind AND t.event_time = a.event_time AND t.hash = a.hash \
             WHERE a.app = ?1 AND a.user = w.value ->> 1 AND a.role = 'actor' AND a.kind = '{kind}' \
             ORDER BY a.event_time DESC, a.hash DESC LIMIT 1)"
        )
    };
    let followed = of(Kind::Follow, "a.event_time || ' ' || a.hash");
    let unfollowed = of(Kind::Unfollow, "a.event_time");
    // Not as a subquery: what it has would be looked up for each place where it is named.
    let sql =
        format!("SELECT json_group_array(json_array(w.key, {followed}, {unfollowed})) AS rows FROM json_each(?2) AS w");
    Statement::new(sql, [app.into(), Parameter::Text(to_json(pairs))])
}

/// The hashes of those of these follows (time in Unix ms, and hash) that a comparison has recorded.
#[must_use]
pub fn recorded_follows(app: SdkAppId, follows: &[(u64, &str)]) -> Statement {
    const SQL: &str = "SELECT e.hash FROM json_each(?2) AS w CROSS JOIN events AS e ON e.app = CAST(?1 AS INTEGER) \
         AND e.kind = 'follow' AND e.event_time = w.value ->> 0 AND e.hash = w.value ->> 1 WHERE e.source IS NOT NULL";
    as_json("hash", SQL, [app.into(), Parameter::Text(to_json(follows))])
}

/// The `EventTime` of the first event that a webhook brought of the app, but for what came days after it happened: one old date would
/// pretend that the log goes back to it. One row with one column, which is null if there is no event.
#[must_use]
pub fn first_event(app: SdkAppId) -> Statement {
    let oldest = |kind: &Kind| {
        let kind = kind.name();
        format!(
            "SELECT * FROM (SELECT event_time, record, source FROM events WHERE app = ?1 AND kind = '{kind}' \
             ORDER BY event_time LIMIT {OLDEST})"
        )
    };
    let oldest: Vec<_> = Kind::VARIANTS.iter().map(oldest).collect();
    let sql = format!(
        "SELECT min(event_time) AS event_time FROM ({}) WHERE source IS NULL \
         AND iif(json_valid(record), record ->> '$.received_at', 0) BETWEEN 1 AND event_time + {LATE_MS}",
        oldest.join(" UNION ALL ")
    );
    as_json("event_time", &sql, [app.into()])
}

/// At most `limit` users who were actors or targets from `since` to `until` (Unix ms, inclusive), those with most events first, from
/// the one after `after` on: the user, the number of events, and how many users come from this one on. It reads each event of the
/// span.
#[must_use]
pub fn users_of_span(app: SdkAppId, since: u64, until: u64, after: Option<(u64, &str)>, limit: u64) -> Statement {
    let kinds = Kind::sql_list();
    let sql = format!(
        "SELECT user, events, left FROM (SELECT user, events, count(*) OVER () AS left FROM ( \
         SELECT u.value AS user, count(*) AS events FROM events AS e CROSS JOIN json_each(json_insert( \
         iif(json_valid(e.record), e.record -> '$.to_accounts', '[]'), '$[#]', e.record ->> '$.from_account')) AS u \
         WHERE e.app = ?1 AND e.kind IN ({kinds}) AND e.event_time >= ?2 AND e.event_time <= ?3 AND json_valid(e.record) \
         AND u.type = 'text' GROUP BY u.value) \
         WHERE events < ?4 OR (events = ?4 AND user > ?5)) ORDER BY events DESC, user LIMIT ?6"
    );
    let (events, user) = after.unwrap_or((EVENT_TIME_MAX, ""));
    let parameters = [app.into(), since.into(), until.into(), events.into(), user.into(), limit.into()];
    as_json("user, events, left", &sql, parameters)
}

/// How many events of each kind from `since` to before `until` (Unix ms) a comparison has recorded: of the app, or of
/// `user` as target.
#[must_use]
pub fn recorded(app: SdkAppId, user: Option<&str>, since: u64, until: u64) -> Statement {
    match user {
        None => {
            const SQL: &str = "SELECT kind, count(*) AS count FROM events INDEXED BY events_recorded \
                 WHERE source IS NOT NULL AND app = ?1 AND event_time >= ?2 AND event_time < ?3 GROUP BY kind";
            as_json("kind, count", SQL, [app.into(), since.into(), until.into()])
        }
        Some(user) => {
            const SQL: &str = "SELECT kind, count(*) AS count FROM events INDEXED BY events_recorded_targets \
                 WHERE source IS NOT NULL AND app = ?1 AND record ->> '$.to_accounts[0]' = ?4 \
                 AND event_time >= ?2 AND event_time < ?3 GROUP BY kind";
            as_json("kind, count", SQL, [app.into(), since.into(), until.into(), user.into()])
        }
    }
}

/// How many of this kind there are among the rows of [`recorded`].
#[must_use]
pub fn recorded_of(rows: &[Value], kind: Kind) -> u64 {
    let of_kind = |row: &&Value| row.get(0).and_then(Value::as_str) == Some(kind.name());
    rows.iter().find(of_kind).and_then(|row| row.get(1)?.as_u64()).unwrap_or_default()
}
