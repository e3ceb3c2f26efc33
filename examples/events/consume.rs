//! Reads one window after the other and prints the events that are new in it.

use std::io;

use crate::{
    api::{Api, Event, Listed},
    args::Plan,
    checkpoint::{Checkpoint, CheckpointFile},
    host,
    query::EventQuery,
    time,
    window::Windows,
};

/// So many bytes of lines are written at a time.
const WRITE_BYTES: usize = 64 * 1024;

/// Why the program ended early.
pub enum End {
    /// The reader of the output went away.
    ReaderGone,
    /// What went wrong, in one sentence.
    Failed(String),
}

/// What to do after a window.
enum Next {
    /// Read the next window.
    Window,
    /// Nothing: all events have been printed.
    Wait,
}

struct Consumer {
    api: Api,
    query: EventQuery,
    since: u64,
    until: Option<u64>,
    overlap: u64,
    windows: Windows,
    checkpoint: Checkpoint,
    file: Option<CheckpointFile>,
}

/// Carries out `plan`; with `--follow`, without end.
pub fn run(plan: Plan) -> Result<(), End> {
    let mut consumer = Consumer {
        api: Api::new(&plan.url, plan.credentials, &plan.query, plan.timeout, plan.follow.is_some()),
        query: plan.query,
        since: plan.since,
        until: plan.until,
        overlap: 0,
        windows: Windows::default(),
        checkpoint: Checkpoint::new(plan.since),
        file: None,
    };
    if let Some(follow) = &plan.follow {
        consumer.overlap = follow.overlap;
        consumer.use_checkpoint_file(CheckpointFile::new(&follow.checkpoint))?;
    }
    loop {
        match (consumer.window()?, &plan.follow) {
            (Next::Window, _) => {}
            (Next::Wait, Some(follow)) => host::sleep(follow.interval),
            (Next::Wait, None) => return Ok(()),
        }
    }
}

impl Consumer {
    /// Goes on at the file's checkpoint, and writes the next ones to it.
    fn use_checkpoint_file(&mut self, file: CheckpointFile) -> Result<(), End> {
        if let Some(checkpoint) = file.read(&self.query)? {
            host::say(format_args!("going on from {}, as in {}", time::display(checkpoint.from()), file.name()));
            self.checkpoint = checkpoint;
        }
        // Before anything is printed, because the file may not be writable.
        file.write(&self.query, &self.checkpoint)?;
        self.file = Some(file);
        Ok(())
    }

    /// Reads a window and prints the events that are new in it.
    fn window(&mut self) -> Result<Next, End> {
        let asked = host::now();
        let from = self.checkpoint.from();
        let window = self.windows.next(from, self.until);
        let max = self.windows.events_max(from, self.settled(asked), self.overlap);
        let events = match self.api.events(window, max).map_err(|message| self.how_to_go_on(message))? {
            Listed::All(events) => events,
            Listed::TooMany { oldest } => {
                self.windows.divide(from, oldest.min(self.settled(asked)));
                return Ok(Next::Window);
            }
        };
        self.print(events)?;
        // Once more, because the first response has the Worker's time.
        let settled = self.settled(asked);
        self.checkpoint.advance(window.until.map_or(settled, |until| settled.min(until + 1)));
        // The checkpoint is written after the lines: after a crash in between, they are printed again, and none is
        // lost.
        if let Some(file) = &self.file {
            file.write(&self.query, &self.checkpoint)?;
        }
        Ok(if self.windows.advance() { Next::Window } else { Next::Wait })
    }

    /// The time up to which no new event is expected, for a poll at `asked`; both in Unix ms. With `until`, no new
    /// event is expected at all.
    fn settled(&self, asked: u64) -> u64 {
        if self.until.is_some() { u64::MAX } else { self.api.time(asked).saturating_sub(self.overlap) }
    }

    /// Prints the events that have not been printed, and flushes the lines.
    fn print(&mut self, events: Vec<Event>) -> io::Result<()> {
        let mut lines = String::new();
        let mut printed = false;
        for event in events {
            if self.checkpoint.record(event.event_time, event.id) {
                lines.push_str(&event.json);
                lines.push('\n');
                printed = true;
            }
            if lines.len() >= WRITE_BYTES {
                host::print(&lines)?;
                lines.clear();
            }
        }
        if !lines.is_empty() {
            host::print(&lines)?;
        }
        // The checkpoint file survives a loss of power, so the lines must too.
        if printed && self.file.is_some() { host::sync_output() } else { Ok(()) }
    }

    fn how_to_go_on(&self, message: String) -> String {
        let from = self.checkpoint.from();
        if self.file.is_some() || from == self.since {
            return message;
        }
        format!("{message}\nEverything before {} is printed; go on with --since {from}", time::display(from))
    }
}

impl From<String> for End {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        host::output_error(&error).map_or(Self::ReaderGone, Self::Failed)
    }
}
