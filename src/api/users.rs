//! One user's totals, and who lost or gained most.

use serde::Serialize;

use super::{
    Api,
    parameters::Parameters,
    problem::Problem,
    range::{self, Range},
    store::StoreReader,
};
use crate::{
    config::Settings,
    database::{
        Database,
        users::{self, HourOfTargets, Measure, Total},
    },
    response::Response,
    storage::{Clock, Queue},
    webhook::SdkAppId,
};

/// How many users [`Operation::Top`](super::Operation::Top) has at most, and unless said.
const TOP_MAX: u64 = 100;
const TOP_DEFAULT: u64 = 10;

#[derive(Default, Serialize)]
struct Followers {
    gained: u64,
    lost: u64,
}

#[derive(Default, Serialize)]
struct Following {
    added: u64,
    removed: u64,
}

#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    followers: Followers,
    following: Following,
    first_event_time: Option<u64>,
    last_event_time: Option<u64>,
}

#[derive(Serialize)]
struct TopUser {
    user: String,
    unfollows: u64,
    follows: u64,
    net: i64,
}

#[derive(Serialize)]
struct Top {
    since: u64,
    until: u64,
    users: Vec<TopUser>,
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn read_user(&self, app: SdkAppId, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["user", "since", "until"])?;
        let user = parameters.user()?;
        let (since, until) = parameters.range()?;
        let totals: Vec<Total> = self.event_log()?.rows(users::totals(app, user, since, until)).await?;
        let count = |role: &str, kind: &str| {
            totals.iter().find(|total| total.role == role && total.kind == kind).map_or(0, |total| total.count)
        };
        Ok(Response::json(&User {
            user,
            followers: Followers { gained: count("target", "follow"), lost: count("target", "unfollow") },
            following: Following { added: count("actor", "follow"), removed: count("actor", "unfollow") },
            first_event_time: totals.iter().filter_map(|total| total.first).min(),
            last_event_time: totals.iter().filter_map(|total| total.last).max(),
        }))
    }

    pub(super) async fn top(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "by", "since", "until", "limit"])?;
        let app = super::app_of(settings, &parameters)?;
        let measure = match parameters.text("by") {
            None => Measure::Lost,
            Some(name) => Measure::ALL
                .into_iter()
                .find(|measure| measure.name() == name)
                .ok_or(Problem::BadRequest("by is lost, gained or net."))?,
        };
        let limit = parameters.number("limit", TOP_MAX, TOP_DEFAULT, "limit is 1 to 100.")?;
        let range = Range::read(&parameters, range::HOUR, self.clock.now_ms())?;
        let hours: Vec<HourOfTargets> = self.event_log()?.rows(users::targets(app, range.first, range.end)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // The database writes the rows, so that they can be read.
        let ranked = users::rank(&hours, measure, limit).ok_or(Problem::Unavailable)?;
        let users = ranked.into_iter().map(|ranked| TopUser {
            user: ranked.user,
            unfollows: ranked.counts.unfollows,
            follows: ranked.counts.follows,
            net: ranked.net,
        });
        Ok(Response::json(&Top {
            since: range.start(range.first),
            until: range.start(range.end),
            users: users.collect(),
        }))
    }
}
