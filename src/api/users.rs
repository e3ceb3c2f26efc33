//! One user's totals, and who lost or gained most.

use serde::Serialize;

use super::{
    Context,
    parameters::{App, HourStart, Limit, OrDefault, Time, ordered, parameters},
    problem::Problem,
    range::{BucketSize, Range},
};
use crate::{
    database::{
        Database, HOUR_MS,
        event_log::Role,
        rankings::{self, Found, Hours, Measure, Ranked, USERS_MAX},
        relations,
        users::{self, Total},
    },
    encoding::{StoredWord, UnixMs},
    event::{UserId, id::EVENT_TIME_MAX},
    ports::Ports,
    storage::Clock as _,
    webhook::command::Kind,
};

parameters! {
    /// Whose totals, and of which range: without one, of all time.
    ReadUserQuery {
        user: UserId,
        since: Option<Time>,
        until: Option<Time>,
    }
}

/// What was done to the user.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Followers {
    /// How often the user was followed.
    gained: u64,
    /// How often the user was unfollowed.
    lost: u64,
    /// How many of `gained` no webhook brought: a comparison has recorded them.
    gained_recorded: u64,
    /// How many of `lost` no webhook brought: a comparison has recorded them.
    lost_recorded: u64,
}

/// What the user did.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Following {
    /// How many users the user has followed.
    added: u64,
    /// How many users the user has unfollowed.
    removed: u64,
}

/// The totals of a user.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct User {
    /// The user that was asked for.
    user: UserId,
    /// As a target.
    followers: Followers,
    /// As an actor.
    following: Following,
    /// The time of the first event, as actor or target; null if there is none.
    first_event_time: Option<UnixMs>,
    /// The time of the last event, as actor or target; null if there is none.
    last_event_time: Option<UnixMs>,
}

parameters! {
    /// Who is ranked, by what.
    TopQuery {
        app: App,
        by: OrDefault<Measure>,
        since: Option<Time>,
        until: Option<Time>,
        limit: Limit<{ USERS_MAX as u64 }, 10>,
    }
}

/// For how long it is not noted again that a ranking was asked for, in ms.
const ASKED_AGAIN_MS: u64 = HOUR_MS;

/// A user with what was done to them.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct TopUser {
    user: UserId,
    /// How often the user was unfollowed.
    unfollows: u64,
    /// How often the user was followed.
    follows: u64,
    /// Follows less unfollows.
    net: i64,
}

/// Who lost or gained most in a range.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Top {
    /// When the first hour begins.
    since: HourStart,
    /// When the last hour ends, or the last time there is; its own ms no longer counts.
    until: UnixMs,
    /// When it was summed up: the range has the events that were in the log by then.
    as_of: UnixMs,
    /// Who lost or gained most comes first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 100)))]
    users: Vec<TopUser>,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn read_user(&self, App(app): App, query: ReadUserQuery) -> Result<User, Problem> {
        let (since, until) = ordered(query.since, query.until)?;
        let statement = users::totals(app, &query.user.0, since, until);
        let database = self.event_log()?;
        let totals: Vec<Total> = database.rows(statement).await?;
        let end = until.unwrap_or(EVENT_TIME_MAX).saturating_add(1);
        let recorded = relations::recorded(app, Some(&query.user.0), since.unwrap_or(0), end);
        let recorded = self.relations(recorded).await?;
        let count = |role, kind| {
            let (role, kind) = (StoredWord::Known(role), StoredWord::Known(kind));
            totals.iter().find(|total| total.role == role && total.kind == kind).map_or(0, |total| total.count)
        };
        Ok(User {
            user: query.user,
            followers: Followers {
                gained: count(Role::Target, Kind::Follow),
                lost: count(Role::Target, Kind::Unfollow),
                gained_recorded: relations::recorded_of(&recorded, Kind::Follow),
                lost_recorded: relations::recorded_of(&recorded, Kind::Unfollow),
            },
            following: Following {
                added: count(Role::Actor, Kind::Follow),
                removed: count(Role::Actor, Kind::Unfollow),
            },
            first_event_time: totals.iter().filter_map(|total| total.first).min().map(UnixMs),
            last_event_time: totals.iter().filter_map(|total| total.last).max().map(UnixMs),
        })
    }

    pub(super) async fn top(&self, query: TopQuery) -> Result<Top, Problem> {
        let TopQuery { app: App(app), by: OrDefault(measure), since, until, limit: Limit(limit) } = query;
        let now = self.ports.clock().now_ms();
        let hour = now / HOUR_MS;
        let mut range = Range::read(since, until, BucketSize::Hour, now)?;
        let until = (range.end != hour.saturating_add(1)).then_some(range.end);
        let hours = Hours { app, since: range.first, until };
        let (as_of, ranked) = self.ranking(hours, measure, now).await?;
        let users = ranked.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|ranked| TopUser {
            net: ranked.net(),
            user: UserId(ranked.user),
            unfollows: ranked.unfollows,
            follows: ranked.follows,
        });
        // What was summed up in the hour before this one ends with that.
        range.end = hours.until.unwrap_or((as_of / HOUR_MS).saturating_add(1));
        Ok(Top { since: range.since(), until: range.until(), as_of: UnixMs(as_of), users: users.collect() })
    }

    /// The ranking of a range at `now` (Unix ms) with the time that it is of: the stored one, if that is fresh.
    async fn ranking(&self, hours: Hours, measure: Measure, now: u64) -> Result<(u64, Vec<Ranked>), Problem> {
        let (database, hour) = (self.event_log()?, now / HOUR_MS);
        let fresh_since = now.saturating_sub(hours.fresh_for_ms(hour));
        let found: Vec<Found> = database.rows(rankings::find(hours, measure, fresh_since, hour)).await?;
        let Found { is_large, deleted, as_of, asked_at, users } =
            found.into_iter().next().ok_or(Problem::Unavailable)?;
        if let Some(as_of) = as_of {
            if asked_at.is_none_or(|at| now.saturating_sub(at) >= ASKED_AGAIN_MS) {
                // If it fails, it is noted at the next question.
                let _ = database.run(rankings::note_asked(hours, measure, now)).await;
            }
            return Ok((as_of, users));
        }
        let users: Vec<Ranked> = database.rows(rankings::sum_up(hours, measure, hour)).await?;
        if is_large != 0 {
            // If it fails, it is summed up again at the next question.
            let _ = database.run(rankings::store(hours, measure, now, &users, deleted)).await;
        }
        Ok((now, users))
    }
}
