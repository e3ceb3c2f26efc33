//! Dead letters are listed and put back on the queue; stored events are sent to the origin again.

use serde::Serialize;

use super::{
    Api, app_of, cursor, our_app,
    parameters::Parameters,
    problem::Problem,
    store::{LIST_MAX, Listed, StoreReader},
};
use crate::{
    config::Settings,
    database::Database,
    delivery::{dead_letter, message::Message},
    event::EventId,
    response::Response,
    storage::{Clock, Queue},
    webhook::SdkAppId,
};

/// How many dead letters one call lists.
const PAGE: usize = 100;

/// How many dead letters one call replays, at three operations each, and how many it reads for that: on the free plan
/// a call has fifty operations.
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
struct Position {
    /// KV's own cursor; `None` at the beginning. KV cannot start after a key.
    list: Option<String>,
    /// The last id of this list that is done.
    after: String,
}

impl Position {
    /// The cursor of the next page of an app's dead letters, where KV has one.
    fn next(list: Option<String>, prefix: &str) -> Option<String> {
        list.map(|list| Self { list: Some(list), ..Self::default() }.write(prefix))
    }

    /// Neither an id nor a cursor of KV's contains a space.
    fn write(&self, prefix: &str) -> String {
        cursor::write(prefix, &format!("{} {}", self.after, self.list.as_deref().unwrap_or_default()))
    }

    fn read(cursor: &str, prefix: &str) -> Option<Self> {
        let position = cursor::read(prefix, cursor)?;
        let (after, list) = position.split_once(' ')?;
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
        let (mut replayed, mut reads) = (0_usize, 0_usize);
        for Listed { key, .. } in page.keys {
            let id = key.strip_prefix(&prefix).unwrap_or_default();
            if id <= from.after.as_str() {
                continue;
            }
            if replayed == REPLAY_MAX || reads == REPLAY_READS_MAX {
                return Ok(Response::json(&ReplayedSome { replayed, cursor: Some(from.write(&prefix)) }));
            }
            reads = reads.saturating_add(1);
            match self.replay(&key).await {
                Ok(()) => replayed = replayed.saturating_add(1),
                // KV may still list what is gone, and what cannot be read stays. Neither holds up the others.
                Err(Problem::NotFound | Problem::Conflict(_)) => {}
                Err(problem) => return Err(problem),
            }
            id.clone_into(&mut from.after);
        }
        let cursor = Position::next(page.cursor, &prefix);
        Ok(Response::json(&ReplayedSome { replayed, cursor }))
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
        if id.len() > ID_MAX {
            return Err(Problem::NotFound);
        }
        // Under no app lie those that cannot be read.
        let app = if app == dead_letter::NO_APP { None } else { Some(our_app(settings, app)?) };
        self.replay(&format!("{}{id}", dead_letter::prefix(app))).await?;
        Ok(Response::json(&Replayed { replayed: 1 }))
    }

    /// Puts a dead letter back on the queue, and only then deletes it.
    async fn replay(&self, key: &str) -> Result<(), Problem> {
        let letter = self.reader.get(key).await?.ok_or(Problem::NotFound)?;
        let message = dead_letter::message(&letter).ok_or(Problem::Conflict("The message cannot be read."))?;
        self.send(&message).await?;
        Ok(self.reader.delete(key).await?)
    }

    /// Sends a stored event to the origin, as if it had just come.
    pub(super) async fn replay_event(&self, settings: &Settings, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        if settings.origin.is_none() {
            return Err(Problem::Conflict("There is no origin to send to: see ORIGIN_URL."));
        }
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        let record = self.record(app, &id).await?;
        let message = Message::of_record(&record).ok_or(Problem::Conflict("The event cannot be read."))?;
        self.send(&message.text()).await?;
        Ok(Response::json(&Replayed { replayed: 1 }))
    }

    async fn send(&self, message: &str) -> Result<(), Problem> {
        self.queue()?.send(message).await.map_err(|_| Problem::Unavailable)
    }

    fn queue(&self) -> Result<&Q, Problem> {
        self.queue.ok_or(Problem::Conflict("There is no queue: see DELIVERIES."))
    }
}
