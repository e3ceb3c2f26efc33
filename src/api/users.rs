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
        Database,
        event_log::Role,
        relations,
        users::{self, HourOfTargets, Measure, Total},
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
        limit: Limit<100, 10>,
    }
}

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
        let range = Range::read(since, until, BucketSize::Hour, self.ports.clock().now_ms())?;
        let hours: Vec<HourOfTargets> = self.event_log()?.rows(users::targets(app, range.first, range.end)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // The database writes the rows, so that they can be read.
        let ranked = users::rank(&hours, measure, limit).ok_or(Problem::Unavailable)?;
        let users = ranked.into_iter().map(|ranked| TopUser {
            user: UserId(ranked.user),
            unfollows: ranked.counts.unfollows,
            follows: ranked.counts.follows,
            net: ranked.net,
        });
        Ok(Top { since: range.since(), until: range.until(), users: users.collect() })
    }
}
