//! Reads one window after the other and prints what is new in it.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    thread,
};

use crate::{
    api::{Api, Event},
    args::Plan,
    place::{Place, PlaceFile},
    question::Question,
    span,
    window::Stride,
};

/// Why it ended before its time.
pub enum End {
    /// Nobody reads what is printed.
    ReaderGone,
    /// What went wrong, in one sentence.
    Failed(String),
}

/// What there is to do after a window.
enum Next {
    /// The next window.
    Window,
    /// Nothing: all that there is has been printed.
    Rest,
}

struct Consumer {
    api: Api,
    question: Question,
    since: u64,
    until: Option<u64>,
    overlap: u64,
    stride: Stride,
    place: Place,
    file: Option<PlaceFile>,
}

/// Does what `plan` says, to its end; with `--follow` there is none.
pub fn run(plan: Plan) -> Result<(), End> {
    let mut consumer = Consumer {
        api: Api::new(&plan.url, &plan.token, &plan.question, plan.timeout, plan.follow.is_some()),
        question: plan.question,
        since: plan.since,
        until: plan.until,
        overlap: 0,
        stride: Stride::new(),
        place: Place::new(plan.since),
        file: None,
    };
    if let Some(follow) = &plan.follow {
        consumer.overlap = follow.overlap;
        consumer.keep_place_in(PlaceFile::new(&follow.place))?;
    }
    loop {
        match (consumer.window()?, &plan.follow) {
            (Next::Window, _) => {}
            (Next::Rest, Some(follow)) => thread::sleep(follow.interval),
            (Next::Rest, None) => return Ok(()),
        }
    }
}

impl Consumer {
    /// Goes on where the file says, and has it say so from now on.
    fn keep_place_in(&mut self, file: PlaceFile) -> Result<(), End> {
        if let Some(place) = file.read(&self.question)? {
            eprintln!("going on from {}, by {}", span::display(place.from()), file.name());
            self.place = place;
        }
        // A file that cannot be written is better found out before anything is printed.
        file.write(&self.question, &self.place)?;
        self.file = Some(file);
        Ok(())
    }

    /// Reads a window and prints what is new in it.
    fn window(&mut self) -> Result<Next, End> {
        let asked = span::now();
        let from = self.place.from();
        let settled = self.settled(asked);
        let window = self.stride.window(from, settled, self.until);
        let max = if self.stride.may_shrink(from, settled) { Stride::EVENTS_MAX } else { usize::MAX };
        let Some(events) = self.api.events(window, max).map_err(|complaint| self.how_to_go_on(complaint))? else {
            self.stride.shrink();
            return Ok(Next::Window);
        };
        self.stride.learn(events.len());
        self.print(events)?;
        // Looked up again, because the first answer tells the Worker's time.
        let settled = self.settled(asked);
        self.place.advance(window.until.map_or(settled, |until| settled.min(until + 1)));
        // The place comes after the lines: where a crash parts them, they are printed twice, and never not at all.
        if let Some(file) = &self.file {
            file.write(&self.question, &self.place)?;
        }
        let rest = window.until.is_none() || self.until.is_some_and(|until| self.place.from() > until);
        Ok(if rest { Next::Rest } else { Next::Window })
    }

    /// Up to when no event is expected any more, at `asked`; both in Unix ms. What the user sets an end to is settled.
    fn settled(&self, asked: u64) -> u64 {
        if self.until.is_some() { u64::MAX } else { self.api.time(asked).saturating_sub(self.overlap) }
    }

    /// Prints the events that have not been printed, and lets go of the lines.
    fn print(&mut self, events: Vec<Event>) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut printed = false;
        for event in events {
            if self.place.note(event.event_time, event.id) {
                writeln!(out, "{}", event.json)?;
                printed = true;
            }
        }
        out.flush()?;
        if printed && self.file.is_some() {
            // The place file outlives a loss of power, so the lines must too, where they go into a file.
            let out = File::from(out.get_ref().as_fd().try_clone_to_owned()?);
            if out.metadata()?.is_file() {
                out.sync_data()?;
            }
        }
        Ok(())
    }

    fn how_to_go_on(&self, complaint: String) -> String {
        let from = self.place.from();
        if self.file.is_some() || from == self.since {
            return complaint;
        }
        format!("{complaint}\nAll before {} is printed; go on with --since {from}", span::display(from))
    }
}

impl From<String> for End {
    fn from(complaint: String) -> Self {
        Self::Failed(complaint)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("the lines cannot be written: {error}")),
        }
    }
}
