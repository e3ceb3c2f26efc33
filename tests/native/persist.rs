//! Two attempts, a fallback and one deadline: `persist` with a store that fails, hangs, is slow, and asks for a pause.

use std::future::{pending, ready};

use unfollow_webhook::{
    event::Entry,
    receive::{
        deadline::Deadline,
        persist::{ANSWER_WITHIN_MS, Persisted, persist},
    },
    storage::{Attempt, Kv as _, Queue as _, within},
};

use crate::{
    fakes::{
        FakeClock, FakeKv, FakeQueue,
        Plan::{self, Busy, Fails, Hangs, Succeeds, Unavailable},
        paused,
    },
    samples::NOW_MS,
};

/// How it ended, when, when the puts were begun, and when an entry was stored, the puts after the end included.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    end: &'static str,
    at: u64,
    begun: Vec<u64>,
    stored: Vec<u64>,
}

fn entry() -> Entry {
    Entry { key: "event/1/x".to_owned(), value: "{}".to_owned(), metadata: "{}".to_owned(), expiration: None }
}

/// Persists an entry with puts of these plans, with `deadline` ms from now.
fn run(plans: &[Plan], deadline: u64) -> Run {
    run_with(plans, None, deadline).0
}

/// The same with a queue to fall back to, if there is a plan for it; and when a message was sent to it, and was taken.
fn run_with(plans: &[Plan], fall_back: Option<Plan>, deadline: u64) -> (Run, Vec<u64>, Vec<u64>) {
    paused(async {
        let (kv, clock) = (FakeKv::of(plans), FakeClock::at(NOW_MS));
        let queue = FakeQueue::of(fall_back.as_slice());
        let entry = entry();
        let put = || kv.put(&entry);
        let send = || queue.send("x");
        let send: Option<&dyn Fn() -> Attempt> = if fall_back.is_some() { Some(&send) } else { None };
        let (outcome, puts) = persist(&Deadline::after(&clock, deadline), &put, send).await;
        let at = clock.elapsed();
        let end = match outcome {
            Persisted::Stored => "stored",
            Persisted::FellBack => "fell back",
            Persisted::Failed => "failed",
            Persisted::Late => {
                // A put that hangs for ever would be ended by the runtime.
                let _ = within(&clock, 60_000, puts).await;
                "late"
            }
        };
        let run = Run { end, at, begun: kv.puts.begun(), stored: kv.puts.stored_at() };
        (run, queue.begun(), queue.stored_at())
    })
}

#[track_caller]
fn check(plans: &[Plan], end: &'static str, at: u64, begun: &[u64], stored: &[u64]) {
    let expected = Run { end, at, begun: begun.to_vec(), stored: stored.to_vec() };
    assert_eq!(run(plans, ANSWER_WITHIN_MS), expected, "{plans:?}");
}

#[test]
fn a_put_that_succeeds_is_the_only_one() {
    check(&[Succeeds(0)], "stored", 0, &[0], &[0]);
    check(&[Succeeds(30)], "stored", 30, &[0], &[30]);
    check(&[Succeeds(599)], "stored", 599, &[0], &[599]);
}

#[test]
fn a_put_that_fails_is_tried_once_more_at_once() {
    check(&[Fails(30), Succeeds(30)], "stored", 60, &[0, 30], &[60]);
    check(&[Fails(0), Succeeds(1400)], "stored", 1400, &[0, 0], &[1400]);
}

#[test]
fn two_puts_that_fail_are_a_failure_at_once() {
    check(&[Fails(30), Fails(40)], "failed", 70, &[0, 30], &[]);
    check(&[Fails(0), Fails(0)], "failed", 0, &[0, 0], &[]);
    check(&[Fails(700), Fails(300)], "failed", 900, &[0, 600], &[]);
}

#[test]
fn where_a_second_attempt_is_pointless_there_is_none() {
    check(&[Unavailable(30)], "failed", 30, &[0], &[]);
    check(&[Unavailable(0)], "failed", 0, &[0], &[]);
    // A second one that was begun already goes on.
    check(&[Unavailable(700), Succeeds(200)], "stored", 800, &[0, 600], &[800]);
    check(&[Fails(30), Unavailable(30)], "failed", 60, &[0, 30], &[]);
    check(&[Hangs, Unavailable(30)], "late", 1500, &[0, 600], &[]);
    check(&[Busy(10), Unavailable(30)], "failed", 1030, &[0, 1000], &[]);
    // The fallback comes at once, and not after a second attempt's time.
    for (plan, begun) in [(Unavailable(0), 0), (Unavailable(30), 30), (Unavailable(599), 599)] {
        let (run, sent, taken) = run_with(&[plan], Some(Succeeds(30)), ANSWER_WITHIN_MS);
        assert_eq!((run.end, run.at, run.begun), ("fell back", begun + 30, vec![0]), "{plan:?}");
        assert_eq!((sent, taken), (vec![begun], vec![begun + 30]));
    }
    let (run, sent, _) = run_with(&[Unavailable(30)], Some(Unavailable(40)), ANSWER_WITHIN_MS);
    assert_eq!((run.end, run.at, sent), ("failed", 70, vec![30]));
}

#[test]
fn a_put_that_has_not_answered_after_600_ms_gets_a_second_one_beside_it() {
    check(&[Hangs, Succeeds(30)], "stored", 630, &[0, 600], &[630]);
    check(&[Hangs, Succeeds(899)], "stored", 1499, &[0, 600], &[1499]);
}

#[test]
fn the_first_of_two_puts_may_be_the_one_that_succeeds() {
    check(&[Succeeds(700), Hangs], "stored", 700, &[0, 600], &[700]);
    check(&[Succeeds(1400), Hangs], "stored", 1400, &[0, 600], &[1400]);
}

#[test]
fn one_failure_of_two_is_no_failure() {
    check(&[Succeeds(1400), Fails(10)], "stored", 1400, &[0, 600], &[1400]);
    check(&[Fails(700), Succeeds(800)], "stored", 1400, &[0, 600], &[1400]);
    check(&[Succeeds(1400), Busy(10)], "stored", 1400, &[0, 600], &[1400]);
}

#[test]
fn puts_that_hang_are_late_at_the_deadline_sharp() {
    check(&[Hangs, Hangs], "late", 1500, &[0, 600], &[]);
    check(&[Fails(10), Hangs], "late", 1500, &[0, 10], &[]);
    check(&[Hangs, Fails(10)], "late", 1500, &[0, 600], &[]);
    check(&[Busy(10), Hangs], "late", 1500, &[0, 1000], &[]);
}

#[test]
fn a_put_still_under_way_at_the_deadline_goes_on_and_stores_the_event() {
    check(&[Succeeds(1600), Hangs], "late", 1500, &[0, 600], &[1600]);
    check(&[Succeeds(1600), Succeeds(1600)], "late", 1500, &[0, 600], &[1600]);
    check(&[Hangs, Succeeds(1000)], "late", 1500, &[0, 600], &[1600]);
    check(&[Fails(1600), Succeeds(1100)], "late", 1500, &[0, 600], &[1700]);
    check(&[Fails(100), Succeeds(5000)], "late", 1500, &[0, 100], &[5100]);
}

#[test]
fn a_busy_key_is_left_alone_for_a_second() {
    // KV takes one write a second to the same key: a second put at once would meet the same 429.
    check(&[Busy(0), Succeeds(30)], "stored", 1030, &[0, 1000], &[1030]);
    check(&[Busy(300), Succeeds(30)], "stored", 1030, &[0, 1000], &[1030]);
    check(&[Busy(0), Busy(0)], "failed", 1000, &[0, 1000], &[]);
    check(&[Busy(0), Fails(0)], "failed", 1000, &[0, 1000], &[]);
}

#[test]
fn only_the_time_that_is_left_counts() {
    let late = |begun: &[u64]| Run { end: "late", at: 300, begun: begun.to_vec(), stored: vec![400] };
    // 300 ms are not the 600 after which a put gets a second one.
    assert_eq!(run(&[Succeeds(400)], 300), late(&[0]));
    assert_eq!(run(&[Fails(100), Succeeds(300)], 300), late(&[0, 100]));
}

#[test]
fn a_busy_key_is_tried_again_while_that_can_still_count() {
    let Run { end, begun, .. } = run(&[Busy(10), Succeeds(30)], 700);
    assert_eq!(end, "stored", "the second put was begun at {:?} of 700 ms", begun.last());
}

/// The repeat of an event within a second costs no third write and no queue message.
#[test]
fn a_busy_key_is_written_again_without_a_message() {
    for (plans, at) in [
        ([Busy(0), Succeeds(30)], 1030),
        ([Busy(10), Succeeds(30)], 1030),
        ([Busy(599), Succeeds(30)], 1030),
        ([Busy(10), Succeeds(0)], 1000),
        ([Busy(10), Succeeds(200)], 1200),
        ([Busy(10), Succeeds(249)], 1249),
    ] {
        let (run, sent, _) = run_with(&plans, Some(Hangs), ANSWER_WITHIN_MS);
        let expected = Run { end: "stored", at, begun: vec![0, 1000], stored: vec![at] };
        assert_eq!((run, sent), (expected, vec![]), "{plans:?}");
    }
}

#[test]
fn a_busy_key_that_is_not_written_at_the_second_attempt_leaves_time_for_the_fallback() {
    for (second, sent_at) in [
        (Fails(0), 1000),
        (Fails(30), 1030),
        (Busy(30), 1030),
        (Fails(240), 1240),
        (Hangs, 1250),
        (Succeeds(2000), 1250),
        (Fails(600), 1250),
    ] {
        for takes in [0, 30, 240] {
            let (run, sent, taken) = run_with(&[Busy(10), second], Some(Succeeds(takes)), ANSWER_WITHIN_MS);
            assert_eq!((run.end, run.at), ("fell back", sent_at + takes), "{second:?}");
            assert_eq!((run.begun, sent, taken), (vec![0, 1000], vec![sent_at], vec![sent_at + takes]), "{second:?}");
        }
    }
}

/// The pause is not longer than there is time for.
#[test]
fn a_busy_key_after_a_late_body_leaves_time_for_the_fallback() {
    for deadline in (460..=ANSWER_WITHIN_MS).step_by(20) {
        for busy in [0, 10, 200] {
            for second in [Succeeds(30), Succeeds(200), Fails(30), Busy(30), Hangs] {
                let (run, sent, _) = run_with(&[Busy(busy), second], Some(Succeeds(30)), deadline);
                let why = format!("{deadline} ms: {busy}, {second:?}: {run:?}, sent at {sent:?}");
                assert!(run.at <= deadline && run.begun.len() == 2, "{why}");
                // A whole second where there is one.
                assert!(run.begun[1] == 1000.min(deadline - 250), "{why}");
                // The last quarter of a second is the fallback's.
                let stored_first = matches!(second, Succeeds(ms) if 1000 + ms <= deadline - 250);
                assert_eq!(sent.is_empty(), stored_first, "{why}");
                let by_the_sink = stored_first || run.stored.contains(&run.at);
                assert_eq!(run.end, if by_the_sink { "stored" } else { "fell back" }, "{why}");
            }
        }
    }
}

#[test]
fn a_key_that_is_busy_only_when_the_fallback_is_due_is_not_waited_for() {
    let (run, sent, _) = run_with(&[Busy(200)], Some(Succeeds(30)), 300);
    assert_eq!((run.end, run.at, run.begun, sent), ("fell back", 80, vec![0], vec![50]));
}

/// Other failures have nothing to wait for.
#[test]
fn without_a_busy_key_the_fallback_comes_as_soon_as_both_attempts_have_failed_and_after_a_second_at_most() {
    for (plans, sent_at) in [
        ([Fails(0), Fails(0)], 0),
        ([Fails(30), Fails(40)], 70),
        ([Fails(30), Busy(40)], 70),
        ([Hangs, Hangs], 1000),
        ([Hangs, Busy(10)], 1000),
        ([Fails(30), Hangs], 1000),
        ([Busy(700), Hangs], 1000),
    ] {
        let (run, sent, _) = run_with(&plans, Some(Succeeds(30)), ANSWER_WITHIN_MS);
        assert_eq!((run.end, run.at, sent), ("fell back", sent_at + 30, vec![sent_at]), "{plans:?}");
    }
}

#[test]
fn within_gives_the_output_or_the_time_is_up() {
    paused(async {
        let clock = FakeClock::at(NOW_MS);
        assert_eq!((within(&clock, 10, ready(1)).await, clock.elapsed()), (Some(1), 0));
        assert_eq!((within(&clock, 0, ready(1)).await, clock.elapsed()), (Some(1), 0));
        assert_eq!((within(&clock, 10, pending::<u8>()).await, clock.elapsed()), (None, 10));
    });
}
