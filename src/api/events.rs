//! The events: a page of the event log, one whole record, its erasure, and the rebuilding of the log from KV.

use futures_util::future::join;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{
    Context, cursor,
    dead_letters::Replayed,
    deliveries::{Delivery, replayed},
    erasure::CALLS_END_WITHIN_MS,
    parameters::{App, Cursor, KvCursor, PageLimit, Time, ordered, parameters},
    problem::Problem,
    reply::{NoContent, Reply},
};
use crate::{
    database::{
        Database, deliveries,
        erasures::{self, KnownErasure, Progress},
        event_log::{self, EventQuery, LoggedEvent, Role, WholeEvent},
        log_state::{self, LogState, Name},
    },
    delivery::{
        dead_letter,
        erased::{self, Found, Traces},
        message::Message,
    },
    encoding::to_json,
    event::{self, Event, EventId, UserId},
    ports::Ports,
    response::Response,
    storage::{Clock as _, Kv as _},
    webhook::{SdkAppId, command::Kind},
};

parameters! {
    /// Which events, and which page of them.
    ListEventsQuery {
        app: App,
        kind: Option<Kind>,
        user: Option<UserId>,
        role: Option<Role>,
        since: Option<Time>,
        until: Option<Time>,
        limit: PageLimit,
        cursor: Option<Cursor>,
    }
}

/// A page of events.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct EventPage {
    /// Newest first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<event::Summary>", length(max = 1000)))]
    events: Vec<Box<RawValue>>,
    /// The `cursor` of the next page; null at the end.
    cursor: Option<Cursor>,
}

/// An event as it is stored, and how far its delivery has come; `None` if that is not known.
pub struct EventRecord {
    /// The members of its JSON, with the brace before them.
    record: String,
    delivery: Option<Option<Delivery>>,
}

/// An event as it is stored, with its query, its body and its delivery.
#[cfg(not(target_arch = "wasm32"))]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "EventRecord")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct DescribedRecord {
    #[serde(flatten)]
    record: event::Record<'static>,
    /// How far the delivery has come; null if there is none. Absent if that is not known, as `DB` is not bound, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Option<Delivery>>,
}

impl Reply for EventRecord {
    fn response(self) -> Response {
        let Self { record, delivery } = self;
        Response::json_text(match (record.strip_suffix('}'), delivery) {
            (Some(members), Some(delivery)) => format!(r#"{members},"delivery":{}}}"#, to_json(&delivery)),
            _ => record,
        })
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn schema(generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        Some(generator.subschema_for::<DescribedRecord>())
    }
}

parameters! {
    /// Where the reading of KV goes on.
    ReindexQuery {
        cursor: Option<KvCursor>,
    }
}

/// One step of the rebuilding of the event log.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Reindexed {
    /// How many events were read from KV and are in the event log now.
    indexed: usize,
    /// Where the next call goes on; null after the last event.
    cursor: Option<KvCursor>,
}

impl EventQuery {
    /// The query as a text that no other query has.
    fn text(&self) -> String {
        let Self { app, kind, user, role, since, until } = self;
        let (kind, role) = (kind.map_or("", Kind::name), role.map_or("", Role::name));
        let time = |time: &Option<u64>| time.map_or_else(String::new, |time| time.to_string());
        format!("{app} {kind} {role} {} {} {}", time(since), time(until), user.as_deref().unwrap_or_default())
    }
}

/// What is known once a step of the rebuilding has gone from `cursor` to `next`, at `now` (Unix ms).
fn reindexed(state: &LogState, cursor: Option<&str>, next: Option<&str>, now: u64) -> Vec<(Name, Option<String>)> {
    let hash = |cursor: &str| hex::encode(Sha256::digest(cursor));
    let began = match cursor {
        None => Some(now),
        // Where the step before it ended.
        Some(cursor) if state.text(Name::ReindexNext) == Some(&hash(cursor)) => state.number(Name::ReindexBegan),
        // Of another one, which may have left out some keys.
        Some(_) => return Vec::new(),
    };
    let began = began.map(|began| began.to_string());
    match next {
        Some(next) => vec![(Name::ReindexBegan, began), (Name::ReindexNext, Some(hash(next)))],
        None => vec![(Name::ReindexBegan, None), (Name::ReindexNext, None), (Name::CompleteSince, began)],
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn list_events(&self, query: ListEventsQuery) -> Result<EventPage, Problem> {
        let ListEventsQuery { app: App(app), kind, user, role, since, until, limit: PageLimit { 0: limit }, cursor } =
            query;
        if role.is_some() && user.is_none() {
            return Err(Problem::BadRequest("role needs a user.".into()));
        }
        let (since, until) = ordered(since, until)?;
        let wanted = EventQuery { app, kind, user: user.map(|UserId(user)| user), role, since, until };
        let text = wanted.text();
        let after = Cursor::position(cursor.as_ref(), &text, EventId::read)?;
        // One more than wanted tells whether there is a next page.
        let statement = event_log::page(&wanted, after.as_ref(), limit.saturating_add(1));
        let (page, has_next) = cursor::page::<LoggedEvent>(self.event_log()?.rows(statement).await?, limit);
        let last = page.last().filter(|_| has_next).and_then(|last| EventId::of_parts(last.event_time, &last.hash));
        let cursor = last.map(|id| Cursor(cursor::write(&text, id.as_str())));
        // Written by this Worker, so it is JSON.
        let records = page.into_iter().filter_map(|event| RawValue::from_string(event.record).ok());
        Ok(EventPage { events: records.collect(), cursor })
    }

    pub(super) async fn read_event(&self, App(app): App, id: EventId) -> Result<EventRecord, Problem> {
        let (record, delivery) = join(self.record(app, &id), self.delivery(app, &id)).await;
        Ok(EventRecord { record: record?, delivery })
    }

    /// The record of an event, from D1 or KV.
    pub(super) async fn record(&self, app: SdkAppId, id: &EventId) -> Result<String, Problem> {
        let logged = match self.ports.database() {
            Some(database) => database.rows::<WholeEvent>(event_log::read(app, id)).await,
            None => Ok(Vec::new()),
        };
        if let Some(event) = logged.as_ref().ok().and_then(|rows| rows.first()) {
            return Ok(event.record());
        }
        match self.ports.kv().get(&event::key(app, id)).await? {
            Some(record) => Ok(record),
            // It may be in the log that failed.
            None => Err(logged.err().map_or(Problem::NotFound, Problem::from)),
        }
    }

    /// Erases the event: its record, its row in the log, and its dead letters, which hold its body too.
    pub(super) async fn erase_event(&self, App(app): App, id: EventId) -> Result<NoContent, Problem> {
        let (hash, mut began_at) = (erased::hash_of_event(app, &id), self.ports.clock().now_ms());
        if let Some(database) = self.ports.database() {
            let begun: Vec<Progress> = database.rows(erasures::begin(app, &hash, None, began_at, 0)).await?;
            began_at = begun.first().map_or(began_at, |begun| begun.began_at);
            // Nothing that comes from now on meets the event there.
            database.run_all(vec![event_log::delete(app, &id), deliveries::delete(app, &id)]).await?;
        }
        // Until all calls have ended that may have met it there, and those that were to store it.
        self.ports.clock().sleep(CALLS_END_WITHIN_MS).await;
        let mut newer = Vec::new();
        for key in dead_letter::keys(app, &id).chain([event::key(app, &id)]) {
            if let Found::Newer(value) = erased::remove_received_by(self.ports.kv(), &key, began_at).await? {
                newer.push(value);
            }
        }
        if let Some(database) = self.ports.database() {
            // The call may have been under way.
            database.run(event_log::delete_received_by(app, &id, began_at)).await?;
            self.settle_records(database, app, &[id], &newer).await?;
        }
        Ok(NoContent)
    }

    /// Sends a stored event to the origin, as if it had just come.
    pub(super) async fn replay_event(&self, App(app): App, id: EventId) -> Result<Replayed, Problem> {
        self.is_ours(app)?;
        if self.settings.origin.is_none() {
            return Err(Problem::Conflict("There is no origin to send to: see ORIGIN_URL."));
        }
        let record = self.record(app, &id).await?;
        let message = Message::of_record(&record).ok_or(Problem::Conflict("The event cannot be read."))?;
        if let Some(event) = message.event()
            && self.is_erased(&event).await
        {
            return Err(Problem::NotFound);
        }
        let sent_at = self.ports.clock().now_ms();
        self.send(&message.text()).await?;
        self.note_replays(replayed(&message, sent_at).into_iter().collect()).await;
        Ok(Replayed::ONE)
    }

    /// Reads events from KV into the log, from the cursor on. What is there already changes nothing, and what was erased does not come
    /// back. After the last step of them all, the log is known to have every record.
    pub(super) async fn reindex(&self, query: ReindexQuery) -> Result<Reindexed, Problem> {
        let (database, now) = (self.event_log()?, self.ports.clock().now_ms());
        let state = LogState::from(database.rows(log_state::read()).await?);
        let cursor = query.cursor.as_ref().map(|KvCursor(cursor)| &**cursor);
        let page = self.ports.kv().list(event::PREFIX, self.config.plan.step_operations(), cursor).await?;
        let mut records = Vec::new();
        for listed in &page.keys {
            let until = listed.expiration.unwrap_or(event_log::IN_KV_FOR_GOOD);
            records.extend(self.ports.kv().get(&listed.key).await?.map(|record| (record, until)));
        }
        // What this Worker cannot have written is passed over.
        let messages = records.iter().filter_map(|(record, until)| Some((Message::of_record(record)?, *until)));
        let messages: Vec<_> = messages.collect();
        let events = messages.iter().filter_map(|(message, until)| Some((message.event()?, *until)));
        let events: Vec<_> = events.map(|(event, until)| (Traces::of(&event), event, until)).collect();
        let hashes: Vec<_> = events.iter().flat_map(|(traces, ..)| traces.hashes.iter().cloned()).collect();
        let known: Vec<KnownErasure> =
            if hashes.is_empty() { Vec::new() } else { database.rows(erasures::known(&hashes)).await? };
        let is_erased = |traces: &Traces, event: &Event<'_>| {
            known.iter().any(|it| it.began_at >= event.received_at() && traces.hashes.contains(&it.hash))
        };
        let events = events.iter().filter(|(traces, event, _)| !is_erased(traces, event));
        let mut statements: Vec<_> = events
            .map(|(traces, event, until)| event_log::insert_unless_erased(event, *until, &traces.hashes))
            .collect();
        let indexed = statements.len();
        let known = reindexed(&state, cursor, page.cursor.as_deref(), now);
        statements.extend((!known.is_empty()).then(|| log_state::write(&known)));
        if !statements.is_empty() {
            database.run_all(statements).await?;
        }
        Ok(Reindexed { indexed, cursor: page.cursor.map(KvCursor) })
    }
}
