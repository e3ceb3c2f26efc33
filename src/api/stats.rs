//! Unfollows and follows per hour or day.

use serde::Serialize;

use super::{
    Context,
    parameters::{App, HourStart, OrDefault, Time, parameters},
    problem::Problem,
    range::{BucketSize, Range},
};
use crate::{
    database::{
        Database,
        event_log::{self, HourlyCount},
        relations,
    },
    encoding::UnixMs,
    event::UserId,
    ports::Ports,
    storage::Clock as _,
    webhook::command::Kind,
};

parameters! {
    /// What is counted: all targets of the app, or those of one user as target.
    StatsQuery {
        app: App,
        user: Option<UserId>,
        since: Option<Time>,
        until: Option<Time>,
        bucket: OrDefault<BucketSize>,
    }
}

/// The counts of one hour or day (UTC).
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Bucket {
    /// When it begins.
    start: HourStart,
    /// How many users were unfollowed.
    unfollows: u64,
    /// How many users were followed.
    follows: u64,
}

/// The counts of a range.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Stats {
    /// When the first bucket begins.
    since: HourStart,
    /// When the last bucket ends, or the last time there is; its own ms no longer counts.
    until: UnixMs,
    /// Oldest first, without gaps.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = BucketSize::Hour.buckets_max())))]
    buckets: Vec<Bucket>,
    /// How many of all these unfollows no webhook brought: a comparison has recorded them.
    unfollows_recorded: u64,
    /// How many of all these follows no webhook brought: a comparison has recorded them.
    follows_recorded: u64,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn stats(&self, query: StatsQuery) -> Result<Stats, Problem> {
        let StatsQuery { app: App(app), user, since, until, bucket: OrDefault(size) } = query;
        let range = Range::read(since, until, size, self.ports.clock().now_ms())?;
        let user = user.as_ref().map(|UserId(user)| &**user);
        let statement = event_log::hourly_counts(app, user, range.hour(range.first), range.hour(range.end));
        let database = self.event_log()?;
        let counts: Vec<HourlyCount> = database.rows(statement).await?;
        let [since, until] = [range.first, range.end].map(|number| range.start(number).0);
        let recorded = self.relations(relations::recorded(app, user, since, until)).await?;

        let empty = |number| Bucket { start: range.start(number), unfollows: 0, follows: 0 };
        let mut buckets: Vec<_> = (range.first..range.end).map(empty).collect();
        for count in counts {
            let Some(bucket) = range.index(count.hour).and_then(|at| buckets.get_mut(at)) else { continue };
            bucket.unfollows = bucket.unfollows.saturating_add(count.unfollows);
            bucket.follows = bucket.follows.saturating_add(count.follows);
        }
        Ok(Stats {
            since: range.since(),
            until: range.until(),
            buckets,
            unfollows_recorded: relations::recorded_of(&recorded, Kind::Unfollow),
            follows_recorded: relations::recorded_of(&recorded, Kind::Follow),
        })
    }
}
