//! Sends many calls, several at a time.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{client::Outcome, tally::Tally};

/// Calls `send` `count` times from `concurrency` threads, shows a progress bar on stderr, and counts the responses.
pub fn many(count: u64, concurrency: usize, send: impl Fn() -> Outcome + Sync) -> Tally {
    let bar = progress_bar(count);
    let mut tally = Tally::default();
    let start = Instant::now();
    for_each_outcome(count, concurrency, send, |outcome| {
        tally.add(&outcome);
        bar.set_message(format!("{} not OK", tally.not_ok()));
        bar.inc(1);
    });
    tally.elapsed = start.elapsed();
    bar.finish_and_clear();
    tally
}

fn for_each_outcome(count: u64, concurrency: usize, send: impl Fn() -> Outcome + Sync, mut each: impl FnMut(Outcome)) {
    let begun = AtomicU64::new(0);
    let (outcomes, arriving) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..count.min(concurrency as u64) {
            let (begun, send, outcomes) = (&begun, &send, outcomes.clone());
            scope.spawn(move || {
                while begun.fetch_add(1, Relaxed) < count {
                    // The receiver lives until the last call is done.
                    let _ = outcomes.send(send());
                }
            });
        }
        // The last thread to end ends the loop.
        drop(outcomes);
        arriving.into_iter().for_each(&mut each);
    });
}

fn progress_bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {eta} left  {msg}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
