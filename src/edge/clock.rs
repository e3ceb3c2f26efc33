//! The runtime's clock and its timers.

use std::future::Future;

use super::executor::{self, Sleep};
use crate::keep::Clock;

/// A time of JavaScript's in Unix ms. It is whole, positive and far below 2^53; what is no time at all becomes 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole_ms(time: f64) -> u64 {
    time as u64
}

/// The runtime's clock. For the sake of isolation it moves on only when the Worker waits for something.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now_ms(&self) -> u64 {
        whole_ms(executor::now())
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        Sleep::new(ms)
    }
}
