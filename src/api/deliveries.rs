//! The deliveries to the origin: how far each has come.

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use super::{
    Context, cursor,
    parameters::{App, Cursor, PageLimit, parameters},
    problem::Problem,
};
use crate::{
    database::{
        Database,
        deliveries::{self, Change, DeliveryChange, Position, State, StoredDelivery, StoredState},
    },
    delivery::{failure::Failure, message::Message},
    encoding::{StoredWord, UnixMs},
    event::EventId,
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, within},
    webhook::SdkAppId,
};

parameters! {
    /// Which deliveries, and which page of them.
    ListDeliveriesQuery {
        app: App,
        state: Option<State>,
        limit: PageLimit,
        cursor: Option<Cursor>,
    }
}

/// The delivery of an event to the origin.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Delivery {
    sdk_app_id: SdkAppId,
    event_id: EventId,
    /// `retrying`: a further attempt is to come. `overdue`: one was to come over three hours ago, and nothing was heard of it: replay
    /// the event. `dead`: it is a dead letter. `delivered`: the origin has answered 2xx. `delivered_fail`: it has, and its answer
    /// said FAIL. `unknown`: another version of this Worker knows.
    state: StoredWord<ShownState>,
    /// How many attempts there were since it was last put on the queue; if it is `retrying` or `overdue`, there may have been more:
    /// from its first failure on, it is noted only when the next attempt is more than ten minutes away.
    attempts: u32,
    /// The HTTP status of the origin's last response; null if there was none.
    last_status: Option<HttpStatus>,
    /// What happened instead of a response, as for a dead letter, or `fail` if the response said FAIL; null if there was another
    /// response.
    last_error: Option<FailureWord>,
    /// The start of the response's body, at most 512 bytes, if the last attempt failed or the response said FAIL; null
    /// otherwise.
    answer: Option<String>,
    /// When the next attempt is due; null if none is, or if it is one of those within ten minutes of each other that are not noted.
    next_attempt_at: Option<UnixMs>,
    /// When it last changed.
    updated_at: UnixMs,
}

/// How far a delivery has come, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ShownState {
    /// As in [`State`].
    Retrying,
    /// As [`Self::Retrying`], and for longer than that can be.
    Overdue,
    /// As in [`State`].
    Dead,
    /// As in [`State`].
    Delivered,
    /// As in [`State`].
    DeliveredFail,
}

/// The HTTP status of a response.
#[derive(Serialize)]
#[serde(transparent)]
pub struct HttpStatus(u16);

/// A word of [`Failure`], or the one for those that this version does not know.
#[derive(Serialize)]
#[serde(transparent)]
pub struct FailureWord(&'static str);

impl Delivery {
    /// What is shown of a row at `now_ms` (Unix ms); `None` if it is no event's.
    fn of(row: StoredDelivery, app: SdkAppId, now_ms: u64) -> Option<Self> {
        let state = row.state.map(|state| match state {
            StoredState::Retrying if deliveries::is_overdue(row.next_attempt_at, now_ms) => ShownState::Overdue,
            StoredState::Retrying => ShownState::Retrying,
            StoredState::Dead => ShownState::Dead,
            StoredState::Delivered | StoredState::DeliveredLate => ShownState::Delivered,
            StoredState::DeliveredFail => ShownState::DeliveredFail,
        });
        let is_overdue = state == StoredWord::Known(ShownState::Overdue);
        let next_attempt_at = row.next_attempt_at.filter(|at| *at >= now_ms || is_overdue);
        Some(Self {
            sdk_app_id: app,
            event_id: EventId::of_parts(row.event_time, &row.hash)?,
            state,
            attempts: row.attempts,
            last_status: row.last_status.map(HttpStatus),
            last_error: row.last_error.as_deref().map(Failure::known_word).map(FailureWord),
            answer: row.answer,
            next_attempt_at: next_attempt_at.map(UnixMs),
            updated_at: UnixMs(row.updated_at),
        })
    }
}

/// A page of deliveries.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct DeliveryPage {
    /// The latest change first.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    deliveries: Vec<Delivery>,
    /// The `cursor` of the next page; null at the end.
    cursor: Option<Cursor>,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn list_deliveries(&self, query: ListDeliveriesQuery) -> Result<DeliveryPage, Problem> {
        let ListDeliveriesQuery { app: App(app), state, limit: PageLimit { 0: limit }, cursor } = query;
        // What no other query has.
        let text = format!("deliveries {app} {}", state.map_or("", <&str>::from));
        let after = Cursor::position(cursor.as_ref(), &text, Position::read)?;
        // One more than wanted tells whether there is a next page.
        let statement = deliveries::page(app, state, after.as_ref(), limit.saturating_add(1));
        let (page, has_next) = cursor::page::<StoredDelivery>(self.database()?.rows(statement).await?, limit);
        let cursor = page.last().filter(|_| has_next).map(|last| Cursor(cursor::write(&text, &last.position().text())));
        let now = self.ports.clock().now_ms();
        let deliveries = page.into_iter().filter_map(|row| Delivery::of(row, app, now)).collect();
        Ok(DeliveryPage { deliveries, cursor })
    }

    /// How far the delivery of an event has come, and whether there is one; `None` if that is not known.
    pub(super) async fn delivery(&self, app: SdkAppId, id: &EventId) -> Option<Option<Delivery>> {
        let rows: Vec<StoredDelivery> = self.ports.database()?.rows(deliveries::read(app, id)).await.ok()?;
        Some(rows.into_iter().next().and_then(|row| Delivery::of(row, app, self.ports.clock().now_ms())))
    }

    /// Notes that messages to deliver were put on the queue again. Where that fails, only the rows are out of date.
    pub(super) async fn note_replays(&self, replays: Vec<DeliveryChange>) {
        let Some(database) = self.ports.database().filter(|_| !replays.is_empty()) else { return };
        let _ = within(
            self.ports.clock(),
            deliveries::WRITE_WITHIN_MS,
            std::pin::pin!(database.run_all(deliveries::write_all(&replays))),
        )
        .await;
    }
}

/// What notes that `message` was put on the queue again at `sent_at` (Unix ms), if it is one to deliver. It is of the time
/// before it was sent, so that it never overwrites what the consumer made of it.
pub fn replayed(message: &Message<'_>, sent_at: u64) -> Option<DeliveryChange> {
    let event = message.event().filter(|_| message.sink == Sink::Origin)?;
    let change = Change {
        state: State::Retrying,
        attempts: Some(0),
        last_status: None,
        last_error: None,
        answer: None,
        next_attempt_at: Some(sent_at),
        at: sent_at,
        is_replay: true,
    };
    Some(DeliveryChange { app: event.app(), id: event.id().clone(), change })
}
