//! The events: a page of the event log, one whole record, its erasure, and its replay.

use futures_util::future::join;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Context, cursor,
    dead_letters::Replayed,
    deliveries::{Delivery, replayed},
    erasure::CALLS_END_WITHIN_MS,
    parameters::{App, Cursor, PageLimit, Time, ordered, parameters},
    problem::Problem,
    reply::{NoContent, Reply},
    step::Step,
};
use crate::{
    database::{
        Database, deliveries,
        erasures::{self, Progress},
        event_log::{self, EventQuery, LoggedEvent, Role, WholeEvent},
    },
    delivery::{
        dead_letter,
        erased::{self, Found},
        message::Message,
    },
    encoding::to_json,
    event::{self, EventId, UserId},
    ports::Ports,
    response::Response,
    sink::Sink,
    storage::{Clock as _, Kv as _},
    webhook::{SdkAppId, command::Kind},
};

/// How many operations an event's erasure has at most, without those for an event that comes again meanwhile: whether its app was
/// removed (3), its beginning (1), its row and its delivery (2), four keys (8), the row once more (1), and what settles it (2).
const OPERATIONS_OF_ERASURE: usize = 17;

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
    /// Events of this page that are not among `events`, because what the log has of them is damaged. KV may have them whole: read
    /// them one by one, or rebuild the log.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    damaged: Vec<EventId>,
    /// The `cursor` of the next page; null at the end.
    cursor: Option<Cursor>,
}

/// What is said of an event that neither D1 nor KV has whole.
const DAMAGED: Problem = Problem::Conflict("The event is damaged: what is stored of it is not its JSON.");

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

impl EventQuery {
    /// The query as a text that no other query has.
    pub(super) fn text(&self) -> String {
        let Self { app, kind, user, role, since, until } = self;
        let (kind, role) = (kind.map_or("", Kind::name), role.map_or("", Role::name));
        let time = |time: &Option<u64>| time.map_or_else(String::new, |time| time.to_string());
        format!("{app} {kind} {role} {} {} {}", time(since), time(until), user.as_deref().unwrap_or_default())
    }
}

/// The id of the last row, as far as ids can be read.
pub(super) fn last_id(rows: &[LoggedEvent]) -> Option<EventId> {
    rows.iter().rev().find_map(|row| EventId::of_parts(row.event_time, &row.hash))
}

/// The id of a row, and what a list shows of it; `None` in its place if it is damaged. Of an id that is none of ours, there is nothing
/// to say: no key of KV has it.
pub(super) fn read_row(app: SdkAppId, row: LoggedEvent) -> Option<(EventId, Option<Box<RawValue>>)> {
    let id = EventId::of_parts(row.event_time, &row.hash)?;
    let record = RawValue::from_string(row.record).ok().filter(|record| event::is_summary(record.get(), app, &id));
    Some((id, record))
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
        let cursor = last_id(&page).filter(|_| has_next).map(|id| Cursor(cursor::write(&text, id.as_str())));
        let (mut events, mut damaged) = (Vec::new(), Vec::new());
        for (id, record) in page.into_iter().filter_map(|row| read_row(app, row)) {
            match record {
                Some(record) => events.push(record),
                None => damaged.push(id),
            }
        }
        Ok(EventPage { events, damaged, cursor })
    }

    pub(super) async fn read_event(&self, App(app): App, id: EventId) -> Result<EventRecord, Problem> {
        let (record, delivery) = join(self.record(app, &id), self.delivery(app, &id)).await;
        Ok(EventRecord { record: record?, delivery })
    }

    /// The record of an event, from D1 or, where D1 does not have it whole, from KV.
    pub(super) async fn record(&self, app: SdkAppId, id: &EventId) -> Result<String, Problem> {
        let logged = match self.ports.database() {
            Some(database) => database.rows::<WholeEvent>(event_log::read(app, id)).await,
            None => Ok(Vec::new()),
        };
        let row = logged.as_ref().ok().and_then(|rows| rows.first()).map(WholeEvent::record);
        let is_damaged = row.is_some();
        if let Some(record) = row.filter(|record| event::is_record(record, app, id)) {
            return Ok(record);
        }
        match self.ports.kv().get(&event::key(app, id)).await? {
            Some(record) if event::is_record(&record, app, id) => Ok(record),
            Some(_) => Err(DAMAGED),
            None if is_damaged => Err(DAMAGED),
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
            let step = Step::begin(self.ports.clock(), self.config.calls.plan, OPERATIONS_OF_ERASURE);
            self.settle_records(database, app, vec![id], &newer, &step).await?;
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
        // Once the event is delivered, its dead letter has no purpose any more.
        let message = message.replaying(dead_letter::key(app, &id, Sink::Origin));
        let sent_at = self.ports.clock().now_ms();
        self.send(&message.text()).await?;
        self.note_replays(replayed(&message, sent_at).into_iter().collect()).await;
        Ok(Replayed::ONE)
    }
}
