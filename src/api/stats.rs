//! Unfollows and follows per hour, counted from the log.

use serde::Serialize;

use super::{
    Api,
    parameters::Parameters,
    problem::Problem,
    store::{Cache, LIST_MAX, StoreReader},
};
use crate::{
    config::Settings,
    encoding::to_json,
    event::{self, listed::ListedEvent},
    response::Response,
    storage::{Clock, Queue},
    webhook::{SdkAppId, command::Kind},
};

/// Most hours that can be asked for, a week; and how many there are where nobody says.
const HOURS_MAX: u64 = 7 * 24;
const HOURS_DEFAULT: u64 = 24;

/// Most lists of a thousand keys that are counted.
pub const LISTS_MAX: usize = 20;

/// How long a response is cached at the edge, in seconds.
pub const CACHED_SECONDS: u32 = 60;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// The counts of one hour.
#[derive(Clone, Copy, Debug, Serialize)]
struct Hour {
    /// When it begins, in Unix ms.
    start: u64,
    /// Users that were unfollowed.
    unfollows: u64,
    /// Users that were followed.
    follows: u64,
}

#[derive(Serialize)]
struct Stats {
    sdk_app_id: u64,
    hours: Vec<Hour>,
    /// From when on (Unix ms) the counts are complete; `None` where all are.
    complete_since: Option<u64>,
}

impl<S: StoreReader, Q: Queue, C: Cache, T: Clock> Api<'_, S, Q, C, T> {
    pub(super) async fn stats(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "hours"])?;
        let app = super::app_of(settings, &parameters)?;
        let hours = parameters.number("hours", HOURS_MAX, HOURS_DEFAULT, "hours is 1 to 168.")?;
        let name = format!("stats/{app}/{hours}");
        if let Some(text) = self.cache.find(&name).await {
            return Ok(Response::json_text(text));
        }
        let text = to_json(&self.count(app, hours).await?);
        self.cache.store(&name, &text, CACHED_SECONDS).await;
        Ok(Response::json_text(text))
    }

    /// Counts from the newest event back to the beginning of the first hour, or until the lists are used up.
    async fn count(&self, app: SdkAppId, hours: u64) -> Result<Stats, Problem> {
        let this_hour = (self.clock.now_ms() / HOUR_MS).saturating_mul(HOUR_MS);
        let start = |back: u64| this_hour.saturating_sub(back.saturating_mul(HOUR_MS));
        let empty = |back| Hour { start: start(back), unfollows: 0, follows: 0 };
        // Oldest first.
        let mut stats =
            Stats { sdk_app_id: app.get(), hours: (0..hours).rev().map(empty).collect(), complete_since: None };
        let oldest = start(hours.saturating_sub(1));
        let prefix = event::prefix(app);
        let mut cursor = None;
        let mut last_time = None;
        for _ in 0..LISTS_MAX {
            let page = self.reader.list(&prefix, LIST_MAX, cursor.as_deref()).await?;
            for listed in &page.keys {
                let id = listed.key.strip_prefix(&prefix).unwrap_or_default();
                let Some(event) = ListedEvent::read(app, id, &listed.metadata) else { continue };
                let time = event.event_time();
                let Some(since) = time.checked_sub(oldest) else { return Ok(stats) };
                last_time = Some(time);
                // An event of an hour that has not begun yet is counted when it has.
                let hour = usize::try_from(since / HOUR_MS).ok().and_then(|at| stats.hours.get_mut(at));
                let Some(hour) = hour else { continue };
                let count = match event.kind() {
                    Kind::Unfollow => &mut hour.unfollows,
                    Kind::Follow => &mut hour.follows,
                };
                *count = count.saturating_add(event.targets());
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(stats);
            }
        }
        // Others of the last one's millisecond may follow.
        stats.complete_since = last_time.map(|time| time.saturating_add(1)).or(Some(self.clock.now_ms()));
        Ok(stats)
    }
}
