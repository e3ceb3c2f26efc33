//! The events: a page of the event log, one whole record, its erasure, and the rebuilding of the log from KV.

use futures_util::future::join;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Api, cursor, parameters::Parameters, problem::Problem, store::StoreReader};
use crate::{
    config::Settings,
    database::{
        Database, deliveries,
        event_log::{self, EventQuery, LoggedEvent, Role, WholeEvent},
    },
    delivery::{dead_letter, message::Message},
    encoding::to_json,
    event::{self, EventId},
    response::Response,
    storage::{Clock, Queue},
    webhook::{SdkAppId, command::Kind},
};

/// How many keys of KV one call of the reindexing reads. On the free plan a call has fifty operations.
const REINDEX_MAX: usize = 40;

#[derive(Serialize)]
struct Events {
    events: Vec<Box<RawValue>>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Reindexed {
    indexed: usize,
    cursor: Option<String>,
}

impl EventQuery {
    fn read(settings: &Settings, parameters: &Parameters<'_>) -> Result<Self, Problem> {
        let app = super::app_of(settings, parameters)?;
        let kind = match parameters.text("kind") {
            None => None,
            Some(name) => Some(Kind::named(name).ok_or(Problem::BadRequest("kind is unfollow or follow."))?),
        };
        let role = match parameters.text("role") {
            None => None,
            Some(name) => {
                let role = Role::ALL.into_iter().find(|role| role.name() == name);
                Some(role.ok_or(Problem::BadRequest("role is actor or target."))?)
            }
        };
        let user = parameters.text("user").map(str::to_owned);
        if role.is_some() && user.is_none() {
            return Err(Problem::BadRequest("role needs a user."));
        }
        let (since, until) = parameters.range()?;
        Ok(Self { app, kind, user, role, since, until })
    }

    /// The query as a text that no other query has.
    fn text(&self) -> String {
        let Self { app, kind, user, role, since, until } = self;
        let (kind, role) = (kind.map_or("", Kind::name), role.map_or("", Role::name));
        let time = |time: &Option<u64>| time.map_or_else(String::new, |time| time.to_string());
        format!("{app} {kind} {role} {} {} {}", time(since), time(until), user.as_deref().unwrap_or_default())
    }
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn list_events(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let names = ["app", "kind", "user", "role", "since", "until", "limit", "cursor"];
        let parameters = Parameters::read(query, &names)?;
        let wanted = EventQuery::read(settings, &parameters)?;
        let limit = parameters.limit()?;
        let text = wanted.text();
        let after = parameters.cursor(&text, EventId::read)?;
        // One more than wanted tells whether there is a next page.
        let statement = event_log::page(&wanted, after.as_ref(), limit.saturating_add(1));
        let (page, has_next) = cursor::page::<LoggedEvent>(self.event_log()?.rows(statement).await?, limit);
        let last = page.last().filter(|_| has_next).and_then(|last| EventId::of_parts(last.event_time, &last.hash));
        let cursor = last.map(|id| cursor::write(&text, id.as_str()));
        // Written by this Worker, so it is JSON.
        let records = page.into_iter().filter_map(|event| RawValue::from_string(event.record).ok());
        Ok(Response::json(&Events { events: records.collect(), cursor }))
    }

    /// One event, and behind its record how far its delivery has come, where that is known.
    pub(super) async fn read_event(&self, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        let (record, delivery) = join(self.record(app, &id), self.delivery(app, &id)).await;
        let record = record?;
        Ok(Response::json_text(match (record.strip_suffix('}'), delivery) {
            (Some(members), Some(delivery)) => format!(r#"{members},"delivery":{}}}"#, to_json(&delivery)),
            _ => record,
        }))
    }

    /// The record of an event, from D1 or KV.
    pub(super) async fn record(&self, app: SdkAppId, id: &EventId) -> Result<String, Problem> {
        let logged = match self.database {
            Some(database) => database.rows::<WholeEvent>(event_log::read(app, id)).await,
            None => Ok(Vec::new()),
        };
        if let Some(event) = logged.as_ref().ok().and_then(|rows| rows.first()) {
            return Ok(event.record());
        }
        match self.reader.get(&event::key(app, id)).await? {
            Some(record) => Ok(record),
            // It may be in the log that failed.
            None => Err(logged.err().map_or(Problem::NotFound, Problem::from)),
        }
    }

    /// Erases the event: its record, its row in the log, and its dead letters, which hold its body too.
    pub(super) async fn erase_event(&self, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        for key in dead_letter::keys(app, &id).iter().chain([&event::key(app, &id)]) {
            self.reader.delete(key).await?;
        }
        // After KV, from which the log can be rebuilt.
        if let Some(database) = self.database {
            database.run_all(vec![event_log::delete(app, &id), deliveries::delete(app, &id)]).await?;
        }
        Ok(Response::no_content())
    }

    /// Reads events from KV into the log, from the cursor on. What is there already changes nothing.
    pub(super) async fn reindex(&self, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["cursor"])?;
        let database = self.event_log()?;
        let page = self.reader.list(event::PREFIX, REINDEX_MAX, parameters.text("cursor")).await?;
        let mut records = Vec::new();
        for listed in &page.keys {
            records.extend(self.reader.get(&listed.key).await?);
        }
        // What this Worker cannot have written is passed over.
        let messages: Vec<_> = records.iter().filter_map(|record| Message::of_record(record)).collect();
        let events = messages.iter().filter_map(Message::event);
        let statements: Vec<_> = events.map(|event| event_log::insert(&event)).collect();
        let indexed = statements.len();
        if indexed > 0 {
            database.run_all(statements).await?;
        }
        Ok(Response::json(&Reindexed { indexed, cursor: page.cursor }))
    }
}
