//! What has been printed, and the file that remembers it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Display, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{http, question::Question};

/// The file's form. A program that does not know it must not guess.
const VERSION: u32 = 1;

/// How far a log has been printed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// All before this, in Unix ms, is done with, and is not read again.
    from: u64,
    /// What was printed of the time since then: `event_time` and id. The id is made of the app too.
    printed: BTreeSet<(u64, String)>,
}

impl Place {
    /// The place before the first event of a log that is printed from `since` on.
    pub fn new(since: u64) -> Self {
        Self { from: since, printed: BTreeSet::new() }
    }

    /// Where reading has to begin, in Unix ms.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Notes an event; false where it had been noted.
    pub fn note(&mut self, event_time: u64, id: String) -> bool {
        self.printed.insert((event_time, id))
    }

    /// All before `from` is done with. It goes forwards only: what has been forgotten would be printed again.
    pub fn advance(&mut self, from: u64) {
        self.from = self.from.max(from);
        self.printed = self.printed.split_off(&(self.from, String::new()));
    }
}

/// The file.
pub struct PlaceFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<Question, Place> {
    version: u32,
    question: Question,
    place: Place,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl PlaceFile {
    /// The file at `path`, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// What to call it.
    pub fn name(&self) -> Display<'_> {
        self.path.display()
    }

    /// How far the answer to `question` was printed; `None` where there is no file. One that is not of this program, or
    /// of another question, is a fault and stays as it is.
    pub fn read(&self, question: &Question) -> Result<Option<Place>, String> {
        let name = self.name();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        };
        let no_place =
            |error| format!("{name} is no place file, or a damaged one ({error}): take another, or remove it");
        let Version { version } = serde_json::from_str(&text).map_err(no_place)?;
        if version != VERSION {
            return Err(format!("{name} is of another version of this program, {version} and not {VERSION}"));
        }
        let content: Content<Question, Place> = serde_json::from_str(&text).map_err(no_place)?;
        if content.question != *question {
            let other = http::printable(&content.question.to_string());
            return Err(format!("{name} keeps the place of another question ({other}): take another for this one"));
        }
        Ok(Some(content.place))
    }

    /// Writes the place in one step: whoever reads the file, after whatever crash, finds this place or the one before.
    pub fn write(&self, question: &Question, place: &Place) -> Result<(), String> {
        // The same name each time, so that many crashes leave one such file at most.
        let mut new = self.path.as_os_str().to_owned();
        new.push(".new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec(&Content { version: VERSION, question, place })?)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        };
        write().map_err(|error| format!("{} cannot be written: {error}", self.name()))
    }
}
