//! Dead letters are listed, put back on the queue and discarded.

use std::pin::pin;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Context,
    cursor::KvPosition,
    deliveries::replayed,
    parameters::{App, AppOrNone, Cursor, KnownApps, Segment, parameters},
    problem::Problem,
    reply::NoContent,
};
use crate::{
    database::{
        Database, Statement,
        deliveries::{self, DeliveryChange},
        erasures,
    },
    delivery::{dead_letter, erased::Traces, message::Message},
    event::{Event, EventId},
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, Kv as _, LIST_MAX, Listed, Queue as _, SAME_KEY_PAUSE_MS, within},
    webhook::SdkAppId,
};

/// How many dead letters one call lists.
const PAGE: usize = 100;

/// Longest id that a dead letter may have, in bytes: KV takes no key of more than 512.
const ID_MAX: usize = 256;

parameters! {
    /// Whose dead letters, and which page of them.
    ListDeadLettersQuery {
        app: AppOrNone,
        cursor: Option<Cursor>,
    }
}

/// A dead letter, without its message.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct DeadLetter {
    id: DeadLetterId,
    /// The app; null if the message could not be read.
    sdk_app_id: Option<SdkAppId>,
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "dead_letter::Metadata"))]
    metadata: Option<dead_letter::Metadata>,
}

/// A dead letter with its event.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WholeDeadLetter {
    #[serde(flatten)]
    letter: DeadLetter,
    /// The start of the body of the origin's last response, at most 512 bytes; null if there was none.
    answer: Option<String>,
    /// Its event, as a list shows it; null if the message cannot be read.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<crate::event::Summary>"))]
    event: Option<Box<RawValue>>,
}

/// A page of dead letters.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct DeadLetterPage {
    /// In the order of their ids.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = PAGE)))]
    dead_letters: Vec<DeadLetter>,
    /// The `cursor` of the next page; null at the end.
    cursor: Option<Cursor>,
}

/// What was put back on the queue. Its dead letter ends when its event has come to where it was to go.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Replayed {
    /// How many: one.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 1)))]
    replayed: usize,
}

impl Replayed {
    pub const ONE: Self = Self { replayed: 1 };
}

parameters! {
    /// Where the replaying goes on.
    ReplayDeadLettersQuery {
        cursor: Option<Cursor>,
    }
}

/// What one step has put back on the queue.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ReplayedSome {
    /// How many were put back on the queue.
    replayed: usize,
    /// Where the next call goes on; null after the last dead letter. Dead letters that cannot be read are passed over, and so are
    /// those whose replay is under way.
    cursor: Option<Cursor>,
}

/// The id of a dead letter: letters, digits, `-` and `_`.
#[derive(Serialize)]
#[serde(transparent)]
pub struct DeadLetterId(String);

impl Segment for DeadLetterId {
    fn read(text: &str, _: &KnownApps<'_>) -> Result<Self, Problem> {
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let fits = is_plain && (1..=ID_MAX).contains(&text.len());
        fits.then(|| Self(text.to_owned())).ok_or(Problem::NotFound)
    }
}

impl DeadLetterId {
    /// Its key. That of an app is of one of its events, which are few forms; without an app, the queue gave it.
    fn key(&self, app: Option<SdkAppId>) -> Result<String, Problem> {
        let key = format!("{}{}", dead_letter::prefix(app), self.0);
        let Some(app) = app else { return Ok(key) };
        let event = self.0.get(..EventId::LENGTH).and_then(EventId::read).ok_or(Problem::NotFound)?;
        dead_letter::keys(app, &event).find(|it| *it == key).ok_or(Problem::NotFound)
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn list_dead_letters(&self, query: ListDeadLettersQuery) -> Result<DeadLetterPage, Problem> {
        let AppOrNone(app) = query.app;
        let prefix = dead_letter::prefix(app);
        let from = KvPosition::read(query.cursor.as_ref(), &prefix)?;
        let page = self.ports.kv().list(&prefix, PAGE, from.list.as_deref()).await?;
        let letter = |Listed { key, metadata, .. }| DeadLetter {
            id: DeadLetterId(key.strip_prefix(&prefix).unwrap_or_default().to_owned()),
            sdk_app_id: app,
            // What this Worker cannot have written says nothing, but has all members that a list always has.
            metadata: dead_letter::Metadata::read(&metadata).or_else(dead_letter::Metadata::unknown),
        };
        let dead_letters = page.keys.into_iter().map(letter).collect();
        let cursor = KvPosition::next(page.cursor, &prefix);
        Ok(DeadLetterPage { dead_letters, cursor })
    }

    pub(super) async fn read_dead_letter(
        &self,
        AppOrNone(app): AppOrNone,
        id: DeadLetterId,
    ) -> Result<WholeDeadLetter, Problem> {
        let value = self.ports.kv().get(&id.key(app)?).await?.ok_or(Problem::NotFound)?;
        let text = dead_letter::message(&value);
        let summary = text.as_deref().and_then(Message::read).as_ref().and_then(Message::event).map(|it| it.summary());
        let metadata = serde_json::from_str(&value).ok().as_ref().and_then(dead_letter::Metadata::read);
        Ok(WholeDeadLetter {
            letter: DeadLetter { id, sdk_app_id: app, metadata: metadata.or_else(dead_letter::Metadata::unknown) },
            answer: dead_letter::answer(&value),
            event: summary.and_then(|summary| RawValue::from_string(summary).ok()),
        })
    }

    /// Replays as many of an app's dead letters as one call may, from the cursor on.
    pub(super) async fn replay_dead_letters(
        &self,
        App(app): App,
        query: ReplayDeadLettersQuery,
    ) -> Result<ReplayedSome, Problem> {
        self.is_ours(app)?;
        // Without one each dead letter would be read, and passed over like one that cannot be read.
        self.queue()?;
        let prefix = dead_letter::prefix(Some(app));
        let mut from = KvPosition::read(query.cursor.as_ref(), &prefix)?;
        let page = self.ports.kv().list(&prefix, LIST_MAX, from.list.as_deref()).await?;
        let (mut replays, mut reads) = (Vec::new(), 0_usize);
        let mut cursor = KvPosition::next(page.cursor, &prefix);
        let mut failure = None;
        let (most, most_reads) = self.config.calls.plan.replays_and_reads();
        let now = self.ports.clock().now_ms();
        for Listed { key, metadata, .. } in page.keys {
            let id = key.strip_prefix(&prefix).unwrap_or_default();
            if id <= from.after.as_str() {
                continue;
            }
            // A second message would deliver the event twice.
            let metadata = dead_letter::Metadata::read(&metadata);
            if metadata.is_some_and(|it| it.is_under_way(now, self.config.delivery.seconds)) {
                id.clone_into(&mut from.after);
                continue;
            }
            if replays.len() == most || reads == most_reads {
                cursor = Some(from.write(&prefix));
                break;
            }
            reads = reads.saturating_add(1);
            match self.replay(&key).await {
                Ok(replay) => replays.push(replay),
                // KV may still list what is gone, and what cannot be read stays. Neither holds up the others.
                Err(Problem::NotFound | Problem::Conflict(_)) => {}
                Err(problem) => {
                    failure = Some(problem);
                    break;
                }
            }
            id.clone_into(&mut from.after);
        }
        let replayed = replays.len();
        self.note_replays(replays.into_iter().flatten().collect()).await;
        failure.map_or_else(|| Ok(ReplayedSome { replayed, cursor }), Err)
    }

    pub(super) async fn replay_dead_letter(
        &self,
        AppOrNone(app): AppOrNone,
        id: DeadLetterId,
    ) -> Result<Replayed, Problem> {
        app.map_or(Ok(()), |app| self.is_ours(app))?;
        let replay = self.replay(&id.key(app)?).await?;
        self.note_replays(replay.into_iter().collect()).await;
        Ok(Replayed::ONE)
    }

    /// Deletes a dead letter, and what the list of deliveries says of it.
    pub(super) async fn discard_dead_letter(
        &self,
        AppOrNone(app): AppOrNone,
        id: DeadLetterId,
    ) -> Result<NoContent, Problem> {
        let key = id.key(app)?;
        if let (Some(app), Some(database)) = (app, self.ports.database()) {
            // The id of a dead letter of another job is no event's.
            let statements = match EventId::read(&id.0) {
                Some(id) => vec![deliveries::discard(app, &id)],
                None => self.note_left_record(app, &key).await?,
            };
            if !statements.is_empty() {
                database.run_all(statements).await?;
            }
        }
        self.ports.kv().delete(&key).await?;
        Ok(NoContent)
    }

    /// What notes that KV may have the record of a dead letter's event, which never came into the log: nobody is to bring it there any
    /// more.
    async fn note_left_record(&self, app: SdkAppId, key: &str) -> Result<Vec<Statement>, Problem> {
        let letter = self.ports.kv().get(key).await?;
        let message = letter.as_deref().and_then(dead_letter::message);
        let message = message.as_deref().and_then(Message::read).filter(|message| message.sink == Sink::D1);
        let Some(event) = message.as_ref().and_then(Message::event) else { return Ok(Vec::new()) };
        let ids = [event.id().clone()];
        Ok(event.users().map(|user| erasures::note_records(app, user, &ids)).collect())
    }

    /// Puts the message of a dead letter back on the queue. What notes that, if it is one to deliver. The letter stays until the
    /// message has ended it, so that nothing is lost whatever becomes of the message meanwhile.
    async fn replay(&self, key: &str) -> Result<Option<DeliveryChange>, Problem> {
        let letter = self.ports.kv().get(key).await?.ok_or(Problem::NotFound)?;
        let text = dead_letter::message(&letter).ok_or(Problem::Conflict("The message cannot be read."))?;
        let message = Message::read(&text).ok_or(Problem::Conflict("The message cannot be read."))?.replaying(key);
        if let Some(event) = message.event()
            && self.is_erased(&event).await
        {
            self.ports.kv().delete(key).await?;
            return Err(Problem::NotFound);
        }
        self.queue()?;
        let sent_at = self.ports.clock().now_ms();
        // Before the message is sent, or it might come after the letter has ended. That a letter is replayed is only said to
        // those who list it.
        if let Some(entry) = dead_letter::replayed(key, &letter, sent_at, self.config.calls.retention_seconds) {
            let _ = self.ports.kv().put(&entry).await;
        }
        if let Err(problem) = self.send(&message.text()).await {
            self.unmark(key, &letter).await;
            return Err(problem);
        }
        Ok(replayed(&message, sent_at))
    }

    /// Takes back that a letter is replayed, as its message was not sent: else to replay all would pass it over. If the queue has
    /// taken the message after all, the letter may be gone by now.
    async fn unmark(&self, key: &str, letter: &str) {
        let (kv, clock) = (self.ports.kv(), self.ports.clock());
        clock.sleep(SAME_KEY_PAUSE_MS).await;
        let is_there = matches!(kv.get(key).await, Ok(Some(_)));
        let entry = dead_letter::restored(key, letter, self.config.calls.retention_seconds, clock.now_ms());
        if let Some(entry) = entry.filter(|_| is_there) {
            let _ = kv.put(&entry).await;
        }
    }

    /// Whether an event was erased after its receipt. If D1 does not answer, the consumer asks again.
    pub(super) async fn is_erased(&self, event: &Event<'_>) -> bool {
        let traces = Traces::of(event);
        let asking = pin!(traces.erased_at(self.ports.database()));
        matches!(within(self.ports.clock(), deliveries::WRITE_WITHIN_MS, asking).await, Some(Ok(Some(_))))
    }

    /// # Errors
    /// [`Problem::NotFound`] for an app that is not ours: nothing is sent for it.
    pub(super) fn is_ours(&self, app: SdkAppId) -> Result<(), Problem> {
        self.settings.is_ours(app).then_some(()).ok_or(Problem::NotFound)
    }

    pub(super) async fn send(&self, message: &str) -> Result<(), Problem> {
        self.queue()?.send(message).await.map_err(|_| Problem::Unavailable)
    }

    fn queue(&self) -> Result<&P::Queue, Problem> {
        self.ports.queue().ok_or(Problem::Conflict("There is no queue: see DELIVERIES."))
    }
}
