//! Sends many calls, several at a time.

use crate::{call::Call, client::Client, host, progress::Progress, tally::Tally};

/// Sends `count` calls, `concurrency` at a time, each made by `next`, shows the progress on stderr, and counts the responses.
pub fn many(client: &Client, count: u64, concurrency: usize, next: impl Fn() -> Call + Sync) -> Tally {
    let progress = Progress::new(count);
    let mut tally = Tally::default();
    let start = host::since_start();
    client.each(count, concurrency, next, |outcome| {
        tally.add(&outcome);
        progress.show(tally.not_ok());
    });
    tally.elapsed = host::since_start().saturating_sub(start);
    progress.end();
    tally
}
