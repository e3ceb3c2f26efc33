//! Dead letters are listed, put back on the queue and discarded; stored events are sent to the origin again.

use serde::Serialize;

use super::{
    Api, app_of, cursor,
    deliveries::replayed,
    our_app,
    parameters::Parameters,
    problem::Problem,
    store::{LIST_MAX, Listed, StoreReader},
};
use crate::{
    config::Settings,
    database::{Database, Statement, deliveries},
    delivery::{dead_letter, message::Message},
    event::EventId,
    response::Response,
    storage::{Clock, Queue},
    webhook::SdkAppId,
};

/// How many dead letters one call lists.
const PAGE: usize = 100;

/// How many dead letters one call replays, at three operations each, and how many it reads for that. On the free plan a call has
/// fifty operations, the list and the note in D1 included.
const REPLAY_MAX: usize = 10;
const REPLAY_READS_MAX: usize = 25;

/// Longest id that a dead letter may have, in bytes: KV takes no key of more than 512.
const ID_MAX: usize = 256;

/// One of a list: its app, which is null where the message cannot be read, its id, and what its metadata says.
#[derive(Serialize)]
struct ListedLetter {
    id: String,
    sdk_app_id: Option<SdkAppId>,
    #[serde(flatten)]
    metadata: Option<dead_letter::Metadata>,
}

#[derive(Serialize)]
struct DeadLetters {
    dead_letters: Vec<ListedLetter>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Replayed {
    replayed: usize,
}

#[derive(Serialize)]
struct ReplayedSome {
    replayed: usize,
    /// Where the next call goes on; null after the last dead letter.
    cursor: Option<String>,
}

/// A position in the list of an app's dead letters.
#[derive(Default)]
pub(super) struct Position {
    /// KV's own cursor; `None` at the beginning. KV cannot start after a key.
    pub(super) list: Option<String>,
    /// The last id of this list that is done.
    pub(super) after: String,
}

impl Position {
    /// The cursor of the next page of an app's dead letters, where KV has one.
    fn next(list: Option<String>, prefix: &str) -> Option<String> {
        list.map(|list| Self { list: Some(list), ..Self::default() }.write(prefix))
    }

    fn write(&self, prefix: &str) -> String {
        cursor::write(prefix, &self.text())
    }

    fn read(cursor: &str, prefix: &str) -> Option<Self> {
        Self::of_text(&cursor::read(prefix, cursor)?)
    }

    /// Its text. Neither an id nor a cursor of KV's contains a space.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.after, self.list.as_deref().unwrap_or_default())
    }

    /// Reads what [`Position::text`] has written; `None` for any other text.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (after, list) = text.split_once(' ')?;
        Some(Self { list: Some(list.to_owned()).filter(|list| !list.is_empty()), after: after.to_owned() })
    }
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    pub(super) async fn list_dead_letters(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "cursor"])?;
        let app = match parameters.text("app") {
            Some(dead_letter::NO_APP) => None,
            _ => Some(app_of(settings, &parameters)?),
        };
        let prefix = dead_letter::prefix(app);
        let from = self.cursor(&parameters, &prefix)?;
        let page = self.reader.list(&prefix, PAGE, from.list.as_deref()).await?;
        let letter = |Listed { key, metadata }| ListedLetter {
            id: key.strip_prefix(&prefix).unwrap_or_default().to_owned(),
            sdk_app_id: app,
            metadata: dead_letter::Metadata::read(&metadata),
        };
        let dead_letters = page.keys.into_iter().map(letter).collect();
        let cursor = Position::next(page.cursor, &prefix);
        Ok(Response::json(&DeadLetters { dead_letters, cursor }))
    }

    /// Replays as many of an app's dead letters as one call may, from the cursor on.
    pub(super) async fn replay_dead_letters(&self, app: SdkAppId, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["cursor"])?;
        // Without one each dead letter would be read, and passed over like one that cannot be read.
        self.queue()?;
        let prefix = dead_letter::prefix(Some(app));
        let mut from = self.cursor(&parameters, &prefix)?;
        let page = self.reader.list(&prefix, LIST_MAX, from.list.as_deref()).await?;
        let (mut replays, mut reads) = (Vec::new(), 0_usize);
        let mut cursor = Position::next(page.cursor, &prefix);
        let mut failure = None;
        for Listed { key, .. } in page.keys {
            let id = key.strip_prefix(&prefix).unwrap_or_default();
            if id <= from.after.as_str() {
                continue;
            }
            if replays.len() == REPLAY_MAX || reads == REPLAY_READS_MAX {
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
        failure.map_or_else(|| Ok(Response::json(&ReplayedSome { replayed, cursor })), Err)
    }

    /// Where the list of an app's dead letters goes on.
    fn cursor(&self, parameters: &Parameters<'_>, prefix: &str) -> Result<Position, Problem> {
        match parameters.text("cursor") {
            None => Ok(Position::default()),
            Some(cursor) => Position::read(cursor, prefix)
                .ok_or(Problem::BadRequest("The cursor is invalid, or belongs to another app.")),
        }
    }

    pub(super) async fn replay_dead_letter(
        &self,
        settings: &Settings,
        app: &str,
        id: &str,
    ) -> Result<Response, Problem> {
        let app = app_or_none(settings, app)?;
        let replay = self.replay(&key(app, id)?).await?;
        self.note_replays(replay.into_iter().collect()).await;
        Ok(Response::json(&Replayed { replayed: 1 }))
    }

    /// Deletes a dead letter, and what the list of deliveries says of it.
    pub(super) async fn discard_dead_letter(
        &self,
        settings: &Settings,
        app: &str,
        id: &str,
    ) -> Result<Response, Problem> {
        let app = app_or_none(settings, app)?;
        self.reader.delete(&key(app, id)?).await?;
        // The id of a dead letter of another job is no event's.
        if let (Some(app), Some(id), Some(database)) = (app, EventId::read(id), self.database) {
            database.run(deliveries::discard(app, &id)).await?;
        }
        Ok(Response::no_content())
    }

    /// Puts a dead letter back on the queue, and only then deletes it. What notes that, where it is one to deliver.
    async fn replay(&self, key: &str) -> Result<Option<Statement>, Problem> {
        let letter = self.reader.get(key).await?.ok_or(Problem::NotFound)?;
        let message = dead_letter::message(&letter).ok_or(Problem::Conflict("The message cannot be read."))?;
        let sent_at = self.clock.now_ms();
        self.send(&message).await?;
        self.reader.delete(key).await?;
        Ok(Message::read(&message).and_then(|message| replayed(&message, sent_at)))
    }

    /// Sends a stored event to the origin, as if it had just come.
    pub(super) async fn replay_event(&self, settings: &Settings, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        if settings.origin.is_none() {
            return Err(Problem::Conflict("There is no origin to send to: see ORIGIN_URL."));
        }
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        let record = self.record(app, &id).await?;
        let message = Message::of_record(&record).ok_or(Problem::Conflict("The event cannot be read."))?;
        let sent_at = self.clock.now_ms();
        self.send(&message.text()).await?;
        self.note_replays(replayed(&message, sent_at).into_iter().collect()).await;
        Ok(Response::json(&Replayed { replayed: 1 }))
    }

    async fn send(&self, message: &str) -> Result<(), Problem> {
        self.queue()?.send(message).await.map_err(|_| Problem::Unavailable)
    }

    fn queue(&self) -> Result<&Q, Problem> {
        self.queue.ok_or(Problem::Conflict("There is no queue: see DELIVERIES."))
    }
}

/// The app of a dead letter's path. Under no app lie those that cannot be read.
fn app_or_none(settings: &Settings, app: &str) -> Result<Option<SdkAppId>, Problem> {
    if app == dead_letter::NO_APP { Ok(None) } else { our_app(settings, app).map(Some) }
}

fn key(app: Option<SdkAppId>, id: &str) -> Result<String, Problem> {
    if id.len() > ID_MAX { Err(Problem::NotFound) } else { Ok(format!("{}{id}", dead_letter::prefix(app))) }
}
