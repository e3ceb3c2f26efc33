//! What has been printed, and the file that records it.

use std::{
    collections::BTreeSet,
    io,
    path::{Display, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{calls, host, query::EventQuery};

/// The version of the file's format. A program that does not know it must not guess.
const VERSION: u32 = 1;

/// How far a log has been printed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Everything before this, in Unix ms, is done, and is not read again.
    from: u64,
    /// The events since then that were printed: `event_time` and id. The id is unique across apps.
    printed: BTreeSet<(u64, String)>,
}

impl Checkpoint {
    /// The checkpoint before the first event of a log that is printed from `since` on.
    pub fn new(since: u64) -> Self {
        Self { from: since, printed: BTreeSet::new() }
    }

    /// Where reading has to begin, in Unix ms.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Records an event; false where it had been recorded.
    pub fn record(&mut self, event_time: u64, id: String) -> bool {
        self.printed.insert((event_time, id))
    }

    /// Everything before `from` is done. It only moves forwards: events no longer recorded would be printed again.
    pub fn advance(&mut self, from: u64) {
        self.from = self.from.max(from);
        self.printed = self.printed.split_off(&(self.from, String::new()));
    }
}

/// The file.
pub struct CheckpointFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<EventQuery, Checkpoint> {
    version: u32,
    query: EventQuery,
    checkpoint: Checkpoint,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl CheckpointFile {
    /// The file at `path`, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its name in messages.
    pub fn name(&self) -> Display<'_> {
        self.path.display()
    }

    /// The checkpoint of `query`; `None` where there is no file. A file of another program, or of another query, is an
    /// error and stays as it is.
    pub fn read(&self, query: &EventQuery) -> Result<Option<Checkpoint>, String> {
        let name = self.name();
        let text = match host::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        };
        let no_checkpoint =
            |error| format!("{name} is not a checkpoint file, or is damaged ({error}): use another, or remove it");
        let Version { version } = serde_json::from_str(&text).map_err(no_checkpoint)?;
        if version != VERSION {
            return Err(format!("{name} is of another version of this program: {version}, not {VERSION}"));
        }
        let content: Content<EventQuery, Checkpoint> = serde_json::from_str(&text).map_err(no_checkpoint)?;
        if content.query != *query {
            let other = calls::printable(&content.query.to_string());
            return Err(format!("{name} has the checkpoint of another query ({other}): use another file for this one"));
        }
        Ok(Some(content.checkpoint))
    }

    /// Writes the checkpoint atomically: after a crash, the file has this checkpoint or the one before.
    pub fn write(&self, query: &EventQuery, checkpoint: &Checkpoint) -> Result<(), String> {
        let write = || -> io::Result<()> {
            host::replace(&self.path, &serde_json::to_string(&Content { version: VERSION, query, checkpoint })?)
        };
        write().map_err(|error| format!("{} cannot be written: {error}", self.name()))
    }
}
