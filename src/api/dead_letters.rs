//! Dead letters are listed, put back on the queue and discarded.

use serde::Serialize;
use serde_json::json;

use super::{
    Context, cursor,
    deliveries::replayed,
    parameters::{App, AppOrNone, Cursor, Segment, parameters},
    problem::Problem,
    reply::NoContent,
};
use crate::{
    config::Settings,
    database::{Database, Statement, deliveries},
    delivery::{dead_letter, message::Message},
    event::EventId,
    ports::Ports,
    storage::{Clock as _, Kv as _, LIST_MAX, Listed, Queue as _},
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

/// What was put back on the queue.
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
    /// Where the next call goes on; null after the last dead letter. Dead letters that cannot be read are passed over.
    cursor: Option<Cursor>,
}

/// The id of a dead letter: letters, digits, `-` and `_`.
#[derive(Serialize)]
#[serde(transparent)]
pub struct DeadLetterId(String);

impl Segment for DeadLetterId {
    fn read(text: &str, _: &Settings) -> Result<Self, Problem> {
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

/// A position in the list of an app's dead letters.
#[derive(Default)]
pub(super) struct KvPosition {
    /// KV's own cursor; `None` at the beginning. KV cannot start after a key.
    pub(super) list: Option<String>,
    /// The last id of this list that is done.
    pub(super) after: String,
}

impl KvPosition {
    /// The cursor of the next page of an app's dead letters, where KV has one.
    pub(super) fn next(list: Option<String>, prefix: &str) -> Option<Cursor> {
        list.map(|list| Self { list: Some(list), ..Self::default() }.write(prefix))
    }

    pub(super) fn write(&self, prefix: &str) -> Cursor {
        Cursor(cursor::write(prefix, &self.text()))
    }

    /// Where the list of these keys goes on: at its beginning without a cursor.
    pub(super) fn read(cursor: Option<&Cursor>, prefix: &str) -> Result<Self, Problem> {
        Ok(Cursor::position(cursor, prefix, Self::of_text)?.unwrap_or_default())
    }

    /// Its text. Neither an id nor a cursor of KV's contains a space.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.after, self.list.as_deref().unwrap_or_default())
    }

    /// Reads what [`KvPosition::text`] has written; `None` for any other text.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (after, list) = text.split_once(' ')?;
        Some(Self { list: Some(list.to_owned()).filter(|list| !list.is_empty()), after: after.to_owned() })
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn list_dead_letters(&self, query: ListDeadLettersQuery) -> Result<DeadLetterPage, Problem> {
        let AppOrNone(app) = query.app;
        let prefix = dead_letter::prefix(app);
        let from = KvPosition::read(query.cursor.as_ref(), &prefix)?;
        let page = self.ports.kv().list(&prefix, PAGE, from.list.as_deref()).await?;
        let letter = |Listed { key, metadata }| DeadLetter {
            id: DeadLetterId(key.strip_prefix(&prefix).unwrap_or_default().to_owned()),
            sdk_app_id: app,
            // What this Worker cannot have written says nothing, but has all members that a list always has.
            metadata: dead_letter::Metadata::read(&metadata).or_else(|| dead_letter::Metadata::read(&json!({}))),
        };
        let dead_letters = page.keys.into_iter().map(letter).collect();
        let cursor = KvPosition::next(page.cursor, &prefix);
        Ok(DeadLetterPage { dead_letters, cursor })
    }

    /// Replays as many of an app's dead letters as one call may, from the cursor on.
    pub(super) async fn replay_dead_letters(
        &self,
        App(app): App,
        query: ReplayDeadLettersQuery,
    ) -> Result<ReplayedSome, Problem> {
        // Without one each dead letter would be read, and passed over like one that cannot be read.
        self.queue()?;
        let prefix = dead_letter::prefix(Some(app));
        let mut from = KvPosition::read(query.cursor.as_ref(), &prefix)?;
        let page = self.ports.kv().list(&prefix, LIST_MAX, from.list.as_deref()).await?;
        let (mut replays, mut reads) = (Vec::new(), 0_usize);
        let mut cursor = KvPosition::next(page.cursor, &prefix);
        let mut failure = None;
        let (most, most_reads) = self.config.plan.replays_and_reads();
        for Listed { key, .. } in page.keys {
            let id = key.strip_prefix(&prefix).unwrap_or_default();
            if id <= from.after.as_str() {
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
        self.ports.kv().delete(&id.key(app)?).await?;
        // The id of a dead letter of another job is no event's.
        if let (Some(app), Some(id), Some(database)) = (app, EventId::read(&id.0), self.ports.database()) {
            database.run(deliveries::discard(app, &id)).await?;
        }
        Ok(NoContent)
    }

    /// Puts a dead letter back on the queue, and only then deletes it. What notes that, if it is one to deliver.
    async fn replay(&self, key: &str) -> Result<Option<Statement>, Problem> {
        let letter = self.ports.kv().get(key).await?.ok_or(Problem::NotFound)?;
        let message = dead_letter::message(&letter).ok_or(Problem::Conflict("The message cannot be read."))?;
        let sent_at = self.ports.clock().now_ms();
        self.send(&message).await?;
        self.ports.kv().delete(key).await?;
        Ok(Message::read(&message).and_then(|message| replayed(&message, sent_at)))
    }

    pub(super) async fn send(&self, message: &str) -> Result<(), Problem> {
        self.queue()?.send(message).await.map_err(|_| Problem::Unavailable)
    }

    fn queue(&self) -> Result<&P::Queue, Problem> {
        self.ports.queue().ok_or(Problem::Conflict("There is no queue: see DELIVERIES."))
    }
}
