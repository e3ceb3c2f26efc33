//! The runtime's clock and its timers.

use std::{future::Future, time::Duration};

use worker::{Delay, js_sys::Date};

use crate::keep::Clock;

/// The runtime's clock. For the sake of isolation it moves on only when the Worker waits for something.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now_ms(&self) -> u64 {
        // Milliseconds since 1970 are whole, positive and far below 2^53.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let now = Date::now() as u64;
        now
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        Delay::from(Duration::from_millis(ms))
    }
}
