//! Which range of time is read next.
//!
//! The API lists the newest event first, but the oldest is printed first. So a range is read completely, and then
//! printed from its end. A log that is too long for this is divided into blocks of a power of ten of milliseconds. All
//! ids of such a block begin with the same digits, and the Worker lists by these: it reads no key outside the block.

/// The largest blocks are of 10¹² ms: 2001 to 2033 is one. A log that fits into memory is read in one piece, which
/// costs the fewest KV lists.
const LAST_LEVEL: u32 = 12;

/// A range of time in Unix ms; both ends are inclusive.
#[derive(Clone, Copy)]
pub struct Window {
    /// Its beginning.
    pub since: u64,
    /// Its end; `None` for everything since.
    pub until: Option<u64>,
}

/// How long the windows are, learnt from the number of events in them.
pub struct Stride {
    level: u32,
}

impl Stride {
    /// Most events of one window, as long as it can be made shorter.
    pub const EVENTS_MAX: usize = 10_000;

    pub fn new() -> Self {
        Self { level: LAST_LEVEL }
    }

    /// The window that begins at `from`: the rest of its block, but not beyond `until`. A block that ends after
    /// `settled` has no end, because events are still being added to it.
    pub fn window(&self, from: u64, settled: u64, until: Option<u64>) -> Window {
        let block = 10_u64.pow(self.level);
        let block_end = from - from % block + (block - 1);
        let until = match until {
            Some(until) => Some(until.min(block_end)),
            None => (block_end < settled).then_some(block_end),
        };
        Window { since: from, until }
    }

    /// Whether a window that begins at `from` can be made shorter: one that begins after `settled` has to be read in
    /// one piece.
    pub fn may_shrink(&self, from: u64, settled: u64) -> bool {
        self.level > 0 && from < settled
    }

    /// A window has more events than [`Self::EVENTS_MAX`].
    pub fn shrink(&mut self) {
        self.level -= 1;
    }

    /// A window had so many events. The next may be ten times as long where the events of that would still be few
    /// enough.
    pub fn learn(&mut self, events: usize) {
        if events < Self::EVENTS_MAX / 10 && self.level < LAST_LEVEL {
            self.level += 1;
        }
    }
}
