//! Which stretch of time is read next.
//!
//! The API lists the newest first, and what is printed is the oldest first: so a stretch is read whole, and then
//! printed from its end. A log that is too long for this is cut into blocks of a power of ten of milliseconds. The ids
//! of such a block begin with the same digits, and by these the Worker lists: it then reads no key outside of it.

/// The largest blocks are of 10¹² ms: from 2001 to 2033 there is but one. A log that fits into memory is read at once,
/// which costs the fewest KV lists.
const LAST_LEVEL: u32 = 12;

/// A stretch of time; both ends, in Unix ms, are in it.
#[derive(Clone, Copy)]
pub struct Window {
    /// Its beginning.
    pub since: u64,
    /// Its end; `None` for all that has come since.
    pub until: Option<u64>,
}

/// How long the windows are, found out by reading them.
pub struct Stride {
    level: u32,
}

impl Stride {
    /// Most events of one window, as long as it can be made shorter.
    pub const EVENTS_MAX: usize = 10_000;

    pub fn new() -> Self {
        Self { level: LAST_LEVEL }
    }

    /// The window that begins at `from`: the rest of its block, not beyond `until`. A block that reaches beyond
    /// `settled`, up to where events are still being added, is left open.
    pub fn window(&self, from: u64, settled: u64, until: Option<u64>) -> Window {
        let block = 10_u64.pow(self.level);
        let block_end = from - from % block + (block - 1);
        let until = match until {
            Some(until) => Some(until.min(block_end)),
            None => (block_end < settled).then_some(block_end),
        };
        Window { since: from, until }
    }

    /// Whether a window that begins at `from` can be made shorter: what is not settled has to be read at once.
    pub fn may_shrink(&self, from: u64, settled: u64) -> bool {
        self.level > 0 && from < settled
    }

    /// A window has more events than [`Self::EVENTS_MAX`].
    pub fn shrink(&mut self) {
        self.level -= 1;
    }

    /// A window had so many events. The next may be longer where ten of its size would still do.
    pub fn learn(&mut self, events: usize) {
        if events < Self::EVENTS_MAX / 10 && self.level < LAST_LEVEL {
            self.level += 1;
        }
    }
}
