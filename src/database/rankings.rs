//! Who lost or gained most in a range of hours. A range with few counts is summed up when it is asked for. The ranking of any other is
//! stored, as summing up reads all counts of the range; and [`crate::ranking`] renews what is asked for.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{HOUR_MS, Parameter, Statement, json_column};
use crate::{
    encoding::{StoredWord, to_json},
    webhook::SdkAppId,
};

/// How many users a ranking has at most.
pub const USERS_MAX: usize = 100;

/// A range with so many counts, of a user and an hour each, is not summed up for each question.
const MANY_COUNTS: u64 = 200;

/// How many users a row of `packed_counts` has at most.
const PACK_USERS: u64 = 5_000;

/// How many hours one statement packs: in D1's 30 s, also if each has half a million users.
const PACK_HOURS: u64 = 8;

/// How many rows of `packed_counts` are read at once: 1 to 2 MB, if they are full.
pub const PAGE_PACKS: usize = 16;

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

impl Measure {
    fn name(self) -> &'static str {
        self.into()
    }
}

/// A user with how often the user was unfollowed and followed in a range.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ranked {
    pub user: String,
    pub unfollows: u64,
    pub follows: u64,
}

impl Ranked {
    /// Follows less unfollows.
    #[must_use]
    pub fn net(&self) -> i64 {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        signed(self.follows).saturating_sub(signed(self.unfollows))
    }

    /// The users as `rankings` has them, in JSON.
    fn rows(users: &[Self]) -> Vec<(&str, u64, u64)> {
        users.iter().map(|it| (&*it.user, it.unfollows, it.follows)).collect()
    }
}

/// A range of hours since 1970 of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub app: SdkAppId,
    pub since: u64,
    /// The hour after the last; `None` if the last is that of now.
    pub until: Option<u64>,
}

impl Hours {
    /// How many hours there are up to the current one, `now`.
    const fn count(&self, now: u64) -> u64 {
        let until = match self.until {
            Some(until) => until,
            None => now.saturating_add(1),
        };
        until.saturating_sub(self.since)
    }

    /// For how long its ranking may be shown, in ms.
    #[must_use]
    pub const fn fresh_for_ms(&self, now: u64) -> u64 {
        if self.count(now) <= 25 { HOUR_MS / 12 } else { HOUR_MS }
    }

    /// Its columns of the key. No range ends before the hour 1.
    fn key(self) -> [Parameter; 3] {
        [self.app.into(), self.since.into(), self.until.unwrap_or(0).into()]
    }
}

/// What is known before anything is summed up.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    /// Whether the range has many counts, so that its ranking is to be stored. False if one was found.
    pub is_large: u64,
    /// How many events of the app were deleted, for [`store`].
    pub deleted: Option<u64>,
    /// Of what time (Unix ms) the ranking is; `None` if there is none.
    pub as_of: Option<u64>,
    /// When it was last asked for, in Unix ms.
    pub asked_at: Option<u64>,
    /// Its users.
    #[serde(deserialize_with = "ranked_column")]
    pub users: Vec<Ranked>,
}

/// Reads users that a column has as a text; none, if it is null.
fn ranked_column<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Ranked>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text)).map_err(serde::de::Error::custom)
}

/// The stored ranking of a range by a measure, if it is not of before `fresh_since` (Unix ms): one row, a [`Found`]. `now` is the
/// current hour.
#[must_use]
pub fn find(hours: Hours, measure: Measure, fresh_since: u64, now: u64) -> Statement {
    let sql = format!(
        "SELECT r.as_of IS NULL AND EXISTS ( \
         SELECT 1 FROM hourly_counts WHERE app = ?1 AND hour >= ?2 AND hour < ?6 LIMIT 1 OFFSET {MANY_COUNTS} - 1) AS is_large, \
         (SELECT deleted FROM event_totals WHERE app = ?1) AS deleted, r.as_of, r.asked_at, r.users \
         FROM (SELECT 1) LEFT JOIN rankings AS r ON r.app = ?1 AND r.since_hour = ?2 AND r.until_hour = ?3 AND r.measure = ?4 \
         AND r.as_of >= ?5"
    );
    let [app, since, until] = hours.key();
    let end = hours.until.unwrap_or(now.saturating_add(1)).into();
    Statement::new(sql, [app, since, until, measure.name().into(), fresh_since.into(), end])
}

/// Sums up a range: the first [`USERS_MAX`] users by a measure, and by their id where they are equal. One who has lost, or gained,
/// nothing is not among those who have. `now` is the current hour. By SQL, so that the Worker holds no more than it shows.
#[must_use]
pub fn sum_up(hours: Hours, measure: Measure, now: u64) -> Statement {
    let (having, order) = match measure {
        Measure::Lost => ("HAVING sum(unfollows) > 0", "unfollows DESC"),
        Measure::Gained => ("HAVING sum(follows) > 0", "follows DESC"),
        Measure::Net => ("", "follows - unfollows"),
    };
    let sql = format!(
        "SELECT user, unfollows, follows FROM ( \
         SELECT user, sum(unfollows) AS unfollows, sum(follows) AS follows FROM hourly_counts \
         WHERE app = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY user {having}) ORDER BY {order}, user LIMIT {USERS_MAX}"
    );
    let end = hours.until.unwrap_or(now.saturating_add(1)).into();
    Statement::new(sql, [hours.app.into(), hours.since.into(), end])
}

/// Stores a ranking that was asked for, of the time `as_of` (Unix ms), unless an event of the app was deleted since `deleted` of them
/// were: what an erasure has deleted is not stored again.
#[must_use]
pub fn store(hours: Hours, measure: Measure, as_of: u64, users: &[Ranked], deleted: Option<u64>) -> Statement {
    const SQL: &str = "INSERT INTO rankings \
         (app, since_hour, until_hour, measure, as_of, changes, hours, asked_at, users) \
         SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6, ?5, ?7 WHERE (SELECT deleted FROM event_totals WHERE app = ?1) IS ?8 \
         ON CONFLICT DO UPDATE SET as_of = excluded.as_of, changes = 0, hours = excluded.hours, asked_at = excluded.asked_at, \
         users = excluded.users";
    let [app, since, until] = hours.key();
    let count = hours.count(as_of / HOUR_MS).into();
    let (measure, users) = (measure.name().into(), Parameter::Text(to_json(&Ranked::rows(users))));
    Statement::new(SQL, [app, since, until, measure, as_of.into(), count, users, deleted.into()])
}

/// Notes that a stored ranking was asked for at `now_ms` (Unix ms).
#[must_use]
pub fn note_asked(hours: Hours, measure: Measure, now_ms: u64) -> Statement {
    const SQL: &str = "UPDATE rankings SET asked_at = ?5, hours = ?6 \
                       WHERE app = ?1 AND since_hour = ?2 AND until_hour = ?3 AND measure = ?4";
    let [app, since, until] = hours.key();
    let count = hours.count(now_ms / HOUR_MS).into();
    Statement::new(SQL, [app, since, until, measure.name().into(), now_ms.into(), count])
}

/// Deletes the rankings of an app, which may have a user that is erased.
#[must_use]
pub fn forget(app: SdkAppId) -> Statement {
    Statement::new("DELETE FROM rankings WHERE app = ?1", [app.into()])
}

/// The rankings of a range that ends now, which were asked for lately.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    pub app: SdkAppId,
    /// The first hour.
    pub since_hour: u64,
    /// By what.
    #[serde(deserialize_with = "json_column")]
    pub measures: Vec<StoredWord<Measure>>,
    /// The time of the oldest, in Unix ms.
    pub as_of: u64,
    /// Which state of the log they are of: see [`Changes`].
    pub changes: u64,
    /// How many hours the range had when it was last asked for.
    pub hours: u64,
}

impl Asked {
    /// Their range.
    #[must_use]
    pub const fn range(&self) -> Hours {
        Hours { app: self.app, since: self.since_hour, until: None }
    }

    /// The first hour that is asked for by now, in the hour `now`: of a range of a day, the first hour moves on with each hour; of a longer
    /// one, which is of whole days and the current one, with each day.
    #[must_use]
    pub const fn wanted_since(&self, now: u64) -> u64 {
        let too_long = self.range().count(now).saturating_sub(self.hours);
        if self.hours <= 25 {
            return self.since_hour.saturating_add(too_long);
        }
        let days = self.range().count(now).saturating_sub(1) / 24;
        let days_then = self.hours.saturating_sub(1) / 24;
        self.since_hour.saturating_add(days.saturating_sub(days_then).saturating_mul(24))
    }
}

/// The rankings of ranges that end now, and that were asked for since `asked_since` (Unix ms). The rows are [`Asked`].
#[must_use]
pub fn asked(asked_since: u64) -> Statement {
    const SQL: &str = "SELECT app, since_hour, json_group_array(measure) AS measures, min(as_of) AS as_of, min(changes) AS changes, \
         max(hours) AS hours FROM rankings WHERE until_hour = 0 AND asked_at >= ?1 GROUP BY app, since_hour";
    Statement::new(SQL, [asked_since.into()])
}

/// Which state the log of an app is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Changes {
    /// How many events were ever added and deleted.
    pub changes: u64,
    /// How many were deleted.
    pub deleted: Option<u64>,
}

/// The state of an app's log in the hour `now`: one row, [`Changes`].
#[must_use]
pub fn changes(app: SdkAppId, now: u64) -> Statement {
    const SQL: &str = "SELECT ifnull(t.unfollows + t.follows + t.deleted, 0) \
         + (SELECT total(unfollow_events + follow_events) FROM hourly_totals \
         WHERE app = ?1 AND hour BETWEEN ifnull(t.counted_until, 0) AND ?2 + 1) AS changes, t.deleted \
         FROM (SELECT 1) LEFT JOIN event_totals AS t ON t.app = ?1";
    Statement::new(SQL, [app.into(), now.into()])
}

/// Notes that these rankings are right at `as_of` (Unix ms) too, as the log has not changed.
#[must_use]
pub fn confirm(asked: &Asked, as_of: u64) -> Statement {
    const SQL: &str =
        "UPDATE rankings SET as_of = ?3 WHERE app = ?1 AND since_hour = ?2 AND until_hour = 0 AND as_of < ?3";
    Statement::new(SQL, [asked.app.into(), asked.since_hour.into(), as_of.into()])
}

/// An hour that was packed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PackedHour {
    /// Since 1970.
    pub hour: u64,
}

/// Packs the counts of the first hours from `since` to before `until` (since 1970) that are not packed, at `now_ms` (Unix ms). The rows
/// are [`PackedHour`]; if there is none, all are.
#[must_use]
pub fn pack(app: SdkAppId, since: u64, until: u64, now_ms: u64) -> Statement {
    let sql = format!(
        "INSERT INTO packed_counts (app, hour, part, made_at, counts) \
         SELECT ?1, hour, part, ?4, json_group_array(json_array(user, unfollows, follows)) FROM ( \
         SELECT c.hour, c.user, c.unfollows, c.follows, \
         (row_number() OVER (PARTITION BY c.hour ORDER BY c.user) - 1) / {PACK_USERS} AS part \
         FROM (SELECT hour FROM hourly_totals AS t WHERE app = ?1 AND hour >= ?2 AND hour < ?3 \
         AND NOT EXISTS (SELECT 1 FROM packed_counts AS p WHERE p.app = ?1 AND p.hour = t.hour) \
         ORDER BY hour LIMIT {PACK_HOURS}) AS h \
         CROSS JOIN hourly_counts AS c ON c.app = ?1 AND c.hour = h.hour) GROUP BY hour, part RETURNING hour"
    );
    Statement::new(sql, [app.into(), since.into(), until.into(), now_ms.into()])
}

/// A row of packed counts.
#[derive(Clone, Debug, Deserialize)]
pub struct Pack {
    pub hour: u64,
    pub part: u64,
    /// When it was made, in Unix ms.
    pub made_at: u64,
    /// For [`Tally::add`].
    pub counts: String,
}

/// The packed counts of the hours from `since` to before `until` (since 1970), after the row `after` of an hour and part: at most
/// [`PAGE_PACKS`], in their order. The rows are [`Pack`].
#[must_use]
pub fn packs(app: SdkAppId, since: u64, until: u64, after: Option<(u64, u64)>) -> Statement {
    let sql = format!(
        "SELECT hour, part, made_at, counts FROM packed_counts \
         WHERE app = ?1 AND hour >= ?2 AND hour < ?3 AND (hour > ?2 OR part >= ?4) ORDER BY hour, part LIMIT {PAGE_PACKS}"
    );
    let (hour, part) = after.map_or((since, 0), |(hour, part)| (hour, part.saturating_add(1)));
    Statement::new(sql, [app.into(), hour.into(), until.into(), part.into()])
}

/// Counts that are not packed.
#[derive(Clone, Debug, Deserialize)]
pub struct Page {
    /// For [`Tally::add`].
    pub counts: String,
    /// The last user, if there may be more.
    pub last: Option<String>,
}

/// The counts of an hour (since 1970) of users after `after`: one row, a [`Page`].
#[must_use]
pub fn counts(app: SdkAppId, hour: u64, after: &str) -> Statement {
    let sql = format!(
        "SELECT json_group_array(json_array(user, unfollows, follows)) AS counts, \
         iif(count(*) = {PACK_USERS}, max(user), NULL) AS last FROM ( \
         SELECT user, unfollows, follows FROM hourly_counts WHERE app = ?1 AND hour = ?2 AND user > ?3 \
         ORDER BY user LIMIT {PACK_USERS})"
    );
    Statement::new(sql, [app.into(), hour.into(), after.into()])
}

/// The packs that rankings were made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packs {
    /// How many.
    pub count: u64,
    /// When the latest was made, in Unix ms.
    pub latest: u64,
}

/// What rankings are of.
#[derive(Clone, Copy, Debug)]
pub struct Basis {
    /// The range.
    pub hours: Hours,
    /// The hour up to which it is packed.
    pub packed_until: u64,
    /// By which packs.
    pub packs: Packs,
    /// In which state the log was before.
    pub changes: Changes,
    /// When the counts that are not packed were read, in Unix ms.
    pub as_of: u64,
}

/// Puts renewed rankings, `of` each measure, in the place of those that were asked for. Not if an event was deleted meanwhile, or one came
/// into an hour that was packed: then they are not those of their time.
#[must_use]
pub fn renew(asked: &Asked, basis: &Basis, of: &[(Measure, Vec<Ranked>)]) -> Statement {
    const SQL: &str = "INSERT INTO rankings (app, since_hour, until_hour, measure, as_of, changes, hours, asked_at, users) \
         SELECT r.app, ?3, 0, r.measure, ?5, ?6, r.hours, r.asked_at, made.value -> 1 \
         FROM json_each(?4) AS made CROSS JOIN rankings AS r \
         ON r.app = ?1 AND r.since_hour = ?2 AND r.until_hour = 0 AND r.measure = made.value ->> 0 \
         WHERE (SELECT deleted FROM event_totals WHERE app = ?1) IS ?7 \
         AND (SELECT json_array(count(*), ifnull(max(made_at), 0)) FROM packed_counts \
         WHERE app = ?1 AND hour >= ?3 AND hour < ?8) = json_array(CAST(?9 AS INTEGER), CAST(?10 AS INTEGER)) \
         ON CONFLICT DO UPDATE SET as_of = excluded.as_of, changes = excluded.changes, \
         asked_at = max(asked_at, excluded.asked_at), users = excluded.users";
    let made: Vec<_> = of.iter().map(|(measure, users)| (measure.name(), Ranked::rows(users))).collect();
    let parameters = [
        asked.app.into(),
        asked.since_hour.into(),
        basis.hours.since.into(),
        Parameter::Text(to_json(&made)),
        basis.as_of.into(),
        basis.changes.changes.into(),
        basis.changes.deleted.into(),
        basis.packed_until.into(),
        basis.packs.count.into(),
        basis.packs.latest.into(),
    ];
    Statement::new(SQL, parameters)
}

/// Deletes rankings of a range that has moved on.
#[must_use]
pub fn leave(asked: &Asked) -> Statement {
    const SQL: &str = "DELETE FROM rankings WHERE app = ?1 AND since_hour = ?2 AND until_hour = 0";
    Statement::new(SQL, [asked.app.into(), asked.since_hour.into()])
}

/// Deletes the packs of an app that are of before the hour `before` (since 1970).
#[must_use]
pub fn delete_packs(app: SdkAppId, before: u64) -> Statement {
    Statement::new("DELETE FROM packed_counts WHERE app = ?1 AND hour < ?2", [app.into(), before.into()])
}

/// The sums of users over some hours. Of many users, it has a part in each of several passes, so that its memory has a bound.
#[derive(Debug)]
pub struct Tally {
    counts: HashMap<String, Counts>,
    /// Which pass this is, and of how many.
    pass: u32,
    passes: u32,
}

/// How many users one pass sums up at most. [128 MB of memory, and some 100 bytes for each]
const USERS_A_PASS: usize = 200_000;

impl Tally {
    /// An empty one, of this pass.
    #[must_use]
    pub fn new(pass: u32, passes: u32) -> Self {
        Self { counts: HashMap::new(), pass, passes }
    }

    /// Adds counts: a JSON array of arrays of user, unfollows and follows. `None` if they cannot be read.
    #[must_use]
    pub fn add(&mut self, counts: &str) -> Option<()> {
        /// Borrowed where it has no escapes.
        #[derive(Deserialize)]
        struct Count<'a>(#[serde(borrow)] Cow<'a, str>, u64, u64);

        let counts: Vec<Count<'_>> = serde_json::from_str(counts).ok()?;
        for Count(user, unfollows, follows) in counts {
            if self.passes > 1 && fnv_1a(&user).checked_rem(self.passes) != Some(self.pass) {
                continue;
            }
            let sum = match self.counts.get_mut(&*user) {
                Some(sum) => sum,
                None => self.counts.entry(user.into_owned()).or_default(),
            };
            sum.unfollows = sum.unfollows.saturating_add(unfollows);
            sum.follows = sum.follows.saturating_add(follows);
        }
        Some(())
    }

    /// Whether it has more users than one pass should have.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.counts.len() > USERS_A_PASS
    }

    /// The first users by `measure`, as in [`sum_up`], of these and of `others` that were ranked before.
    #[must_use]
    pub fn rank(&self, measure: Measure, others: Vec<Ranked>) -> Vec<Ranked> {
        // What comes first is the least.
        let place = |ranked: &Ranked| match measure {
            Measure::Lost => i64::try_from(ranked.unfollows).unwrap_or(i64::MAX).saturating_neg(),
            Measure::Gained => i64::try_from(ranked.follows).unwrap_or(i64::MAX).saturating_neg(),
            Measure::Net => ranked.net(),
        };
        let mut first = others;
        for (user, &Counts { unfollows, follows }) in &self.counts {
            // A copy of the user only where it may be among the first.
            let mut ranked = Ranked { user: String::new(), unfollows, follows };
            if measure != Measure::Net && place(&ranked) == 0 {
                continue;
            }
            let order = |other: &Ranked| place(other).cmp(&place(&ranked)).then_with(|| other.user.cmp(user));
            if first.get(USERS_MAX.saturating_sub(1)).is_some_and(|last| order(last).is_lt()) {
                continue;
            }
            let at = first.binary_search_by(order).unwrap_or_else(|at| at);
            user.clone_into(&mut ranked.user);
            first.insert(at, ranked);
            first.truncate(USERS_MAX);
        }
        first
    }
}

/// The 32-bit FNV-1a hash of a text.
fn fnv_1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
