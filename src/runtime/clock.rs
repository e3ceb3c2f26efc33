//! The runtime's clock and its timers.

use gloo_timers::future::TimeoutFuture;
use worker::js_sys;

use crate::storage::Clock;

/// A time of JavaScript's in Unix ms. It is whole, positive and far below 2^53; what is no time at all becomes 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole_ms(time: f64) -> u64 {
    time as u64
}

/// The runtime's clock. As a guard against timing attacks, it moves on only when the Worker waits for something.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now_ms(&self) -> u64 {
        whole_ms(js_sys::Date::now())
    }

    async fn sleep(&self, ms: u64) {
        // Not `worker::Delay`, which wakes only who polled it first, and that may be no task yet: see `fetch` in lib.rs.
        TimeoutFuture::new(ms.try_into().unwrap_or(u32::MAX)).await;
    }
}
