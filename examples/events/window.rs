//! Which range of time is read next.
//!
//! The API lists the newest event first, but the oldest is printed first. So a range is read completely, and then
//! printed from its end. A range with too many events for this is divided where reading it was given up: first comes
//! what was not reached, then the rest, which is now known to be short enough. So no event is read more than twice.

/// A range of time in Unix ms; both ends are inclusive.
#[derive(Clone, Copy)]
pub struct Window {
    /// Its beginning.
    pub since: u64,
    /// Its end; `None` for everything since.
    pub until: Option<u64>,
}

/// The windows into which what is left to read is divided.
#[derive(Default)]
pub struct Windows {
    /// The ends of all but the last one, the next one's last.
    ends: Vec<u64>,
    /// Whether the next one is known to be short enough, or cannot be divided.
    is_final: bool,
}

impl Windows {
    /// Most events of a window, as long as it can be divided.
    const EVENTS_MAX: usize = 10_000;

    /// The next window, which begins at `from`. The last one ends at `until`.
    pub fn next(&self, from: u64, until: Option<u64>) -> Window {
        Window { since: from, until: self.ends.last().copied().or(until) }
    }

    /// How many events the next window may have. After `settled`, events are still being added: that is read in one
    /// piece, `overlap` ms with each poll. So a window that has no more than as much before it is not divided.
    pub fn events_max(&self, from: u64, settled: u64, overlap: u64) -> usize {
        if self.is_final || settled.saturating_sub(from) <= overlap { usize::MAX } else { Self::EVENTS_MAX }
    }

    /// The next window has too many events. It is divided at `at`, if that is after its beginning.
    pub fn divide(&mut self, from: u64, at: u64) {
        self.is_final = at <= from;
        if !self.is_final {
            self.ends.push(at - 1);
        }
    }

    /// The next window has been read; whether there is another.
    pub fn advance(&mut self) -> bool {
        self.is_final = self.ends.pop().is_some();
        self.is_final
    }
}
