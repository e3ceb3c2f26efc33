//! The clock is set back or forward during a call: everything happens as it would have.

use std::{cell::Cell, future::Future};

use unfollow_webhook::{
    receive::{
        deadline::Deadline,
        persist::{ANSWER_WITHIN_MS, Persisted, persist},
    },
    storage::{Attempt, Clock, Queue as _, join},
};

use crate::{
    fakes::{
        FakeClock, FakeQueue,
        Plan::{self, Busy, Fails, Hangs, Succeeds},
        paused,
    },
    samples::NOW_MS,
};

/// Set back by an hour once it was looked at.
struct SetBack {
    clock: FakeClock,
    was_read: Cell<bool>,
}

impl Clock for SetBack {
    fn now_ms(&self) -> u64 {
        let back = if self.was_read.replace(true) { 60 * 60 * 1000 } else { 0 };
        self.clock.now_ms() - back
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        self.clock.sleep(ms)
    }
}

/// How it ended, and after how many ms.
fn run(sink: &[Plan], fall_back: Plan) -> (&'static str, u64) {
    paused(async {
        let clock = SetBack { clock: FakeClock::at(NOW_MS), was_read: Cell::new(false) };
        let (sink, fall_back) = (FakeQueue::of(sink), FakeQueue::of(&[fall_back]));
        let send = || sink.send("x");
        let send_elsewhere = || fall_back.send("x");
        let send_elsewhere: &dyn Fn() -> Attempt = &send_elsewhere;
        let (outcome, _) = persist(&Deadline::after(&clock, ANSWER_WITHIN_MS), &send, Some(send_elsewhere)).await;
        let end = match outcome {
            Persisted::Stored => "stored",
            Persisted::FellBack => "fell back",
            Persisted::Failed => "failed",
            Persisted::Late => "late",
        };
        (end, clock.clock.elapsed())
    })
}

#[test]
fn a_clock_that_was_set_back_holds_up_no_sink_that_answers() {
    assert_eq!(run(&[Succeeds(20)], Hangs), ("stored", 20));
    assert_eq!(run(&[Fails(20), Succeeds(20)], Hangs), ("stored", 40));
    assert_eq!(run(&[Fails(20), Fails(20)], Succeeds(20)), ("fell back", 60));
    assert_eq!(run(&[Fails(20), Fails(20)], Fails(20)), ("failed", 60));
}

#[test]
fn a_clock_that_was_set_back_moves_neither_the_second_attempt_nor_the_fallback_nor_the_end() {
    assert_eq!(run(&[Hangs, Succeeds(20)], Hangs), ("stored", 620));
    assert_eq!(run(&[Hangs, Hangs], Succeeds(20)), ("fell back", 1020));
    assert_eq!(run(&[Hangs, Hangs], Hangs), ("late", ANSWER_WITHIN_MS));
    assert_eq!(run(&[Fails(20), Hangs], Hangs), ("late", ANSWER_WITHIN_MS));
    // Only how long an attempt took that failed is not known to what waits for a pause.
    assert_eq!(run(&[Busy(20), Succeeds(20)], Hangs), ("stored", 20 + 1020));
    assert_eq!(run(&[Busy(20), Hangs], Succeeds(20)), ("fell back", 20 + 1270));
}

/// Set forward by an hour after 30 ms.
struct SetForward(FakeClock);

impl Clock for SetForward {
    fn now_ms(&self) -> u64 {
        self.0.now_ms() + if self.0.elapsed() < 30 { 0 } else { 60 * 60 * 1000 }
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        self.0.sleep(ms)
    }
}

#[test]
fn a_clock_that_was_set_forward_takes_no_time_from_a_sink_that_answers() {
    paused(async {
        let clock = SetForward(FakeClock::at(NOW_MS));
        let deadline = Deadline::after(&clock, ANSWER_WITHIN_MS);
        let sinks = [20, 40, 100].map(|ms| FakeQueue::of(&[Succeeds(ms)]));
        let stored = join(sinks.iter().map(async |sink| persist(&deadline, &|| sink.send("x"), None).await.0)).await;
        assert_eq!((stored, clock.0.elapsed()), (vec![Persisted::Stored; 3], 100));
        assert!(deadline.passed() > 60 * 60 * 1000);
    });
}
