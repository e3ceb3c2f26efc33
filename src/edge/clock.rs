//! The runtime's clock and its timers.

use super::{executor::Promised, runtime};
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
        whole_ms(runtime::now())
    }

    async fn sleep(&self, ms: u64) {
        let ms = u32::try_from(ms).unwrap_or(u32::MAX);
        let mut timer = Timer(Promised::begin(|slot, task| runtime::sleep(slot, task, ms)));
        let _ = (&mut timer.0).await;
    }
}

/// A timer that stops when nobody waits for it any more.
struct Timer(Promised);

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(slot) = self.0.withdraw() {
            runtime::wake(slot);
        }
    }
}
