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
        let limit = parameters.limit()?;
        // What no other query has.
        let text = format!("deliveries {app} {}", state.map_or("", State::name));
        let after = parameters.cursor(&text, Position::read)?;
        // One more than wanted tells whether there is a next page.
        let statement = deliveries::page(app, state, after.as_ref(), limit.saturating_add(1));
        let (page, has_next) = cursor::page::<Delivery>(self.database()?.rows(statement).await?, limit);
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
        let _ = within(self.clock, deliveries::WRITE_WITHIN_MS, std::pin::pin!(database.run_all(replays))).await;
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
