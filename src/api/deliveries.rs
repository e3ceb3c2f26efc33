//! The deliveries to the origin: how far each has come.

use serde::Serialize;

use super::{Api, cursor, parameters::Parameters, problem::Problem, store::StoreReader};
use crate::{
    config::Settings,
    database::{
        Database, Statement,
        deliveries::{self, Change, Delivery, Position, ShownDelivery, State},
    },
    delivery::message::{Job, Message},
    event::EventId,
    response::Response,
    storage::{Clock, Queue, within},
    webhook::SdkAppId,
};

/// Most deliveries of a page, and how many there are unless said.
const PAGE_MAX: u64 = 1000;
const PAGE_DEFAULT: u64 = 100;

/// How long D1 may take to note a replay, in ms: the message is on its way whether or not it does.
const NOTE_WITHIN_MS: u64 = 2_000;

#[derive(Serialize)]
struct Deliveries {
    deliveries: Vec<ShownDelivery>,
    cursor: Option<String>,
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn list_deliveries(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "state", "limit", "cursor"])?;
        let app = super::app_of(settings, &parameters)?;
        let state = match parameters.text("state") {
            None => None,
            Some(name) => {
                let state = State::LISTED.into_iter().find(|state| state.name() == name);
                Some(state.ok_or(Problem::BadRequest("state is retrying, dead or delivered."))?)
            }
        };
        let limit = parameters.number("limit", PAGE_MAX, PAGE_DEFAULT, "limit is 1 to 1000.")?;
        // What no other query has.
        let text = format!("deliveries {app} {}", state.map_or("", State::name));
        let after = match parameters.text("cursor") {
            None => None,
            Some(cursor) => {
                let position = cursor::read(&text, cursor).and_then(|position| Position::read(&position));
                Some(position.ok_or(Problem::BadRequest("The cursor is invalid, or belongs to another query."))?)
            }
        };
        // One more than wanted tells whether there is a next page.
        let statement = deliveries::page(app, state, after.as_ref(), limit.saturating_add(1));
        let mut page: Vec<Delivery> = self.database()?.rows(statement).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_next = page.len() > limit;
        page.truncate(limit);
        let cursor = page.last().filter(|_| has_next).map(|last| cursor::write(&text, &last.position().text()));
        let now = self.clock.now_ms();
        let deliveries = page.into_iter().filter_map(|delivery| delivery.shown(app, now)).collect();
        Ok(Response::json(&Deliveries { deliveries, cursor }))
    }

    /// How far the delivery of an event has come, and whether there is one; `None` where that is not known.
    pub(super) async fn delivery(&self, app: SdkAppId, id: &EventId) -> Option<Option<ShownDelivery>> {
        let rows: Vec<Delivery> = self.database?.rows(deliveries::read(app, id)).await.ok()?;
        Some(rows.into_iter().next().and_then(|delivery| delivery.shown(app, self.clock.now_ms())))
    }

    /// Notes that messages to deliver were put on the queue again. Where that fails, only the rows are out of date.
    pub(super) async fn note_replays(&self, replays: Vec<Statement>) {
        let Some(database) = self.database.filter(|_| !replays.is_empty()) else { return };
        let _ = within(self.clock, NOTE_WITHIN_MS, std::pin::pin!(database.run_all(replays))).await;
    }
}

/// What notes that `message` was put on the queue again at `sent_at` (Unix ms), where it is one to deliver. It is of the time
/// before it was sent, so that it never overwrites what the consumer made of it.
pub fn replayed(message: &Message<'_>, sent_at: u64) -> Option<Statement> {
    let event = message.event().filter(|_| message.job == Job::Deliver)?;
    let change = Change {
        state: State::Retrying,
        attempts: Some(0),
        last_status: None,
        last_error: None,
        next_attempt_at: Some(sent_at),
        at: sent_at,
    };
    Some(deliveries::write(event.app(), event.id(), &change))
}
