//! Counts responses by status and ranks their latencies.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{calls::Outcome, client};

/// How many different errors of a run are shown.
const ERRORS_SHOWN: usize = 5;

/// The responses of a run.
#[derive(Default)]
pub struct Tally {
    /// How long the run took.
    pub elapsed: Duration,
    calls: BTreeMap<Status, u64>,
    errors: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
}

/// What the responses are counted by, in the order of the summary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Ok,
    NotOk(u16),
    NoAnswer,
}

impl Tally {
    /// Counts one call.
    pub fn add(&mut self, outcome: &Outcome) {
        let error = client::error_of(outcome);
        let status = match (&outcome.answer, &error) {
            (Ok(_), None) => Status::Ok,
            (Ok(answer), Some(_)) => Status::NotOk(answer.status),
            (Err(_), _) => Status::NoAnswer,
        };
        *self.calls.entry(status).or_default() += 1;
        if let Some(error) = error {
            *self.errors.entry(error).or_default() += 1;
        }
        // A refused connection is quick and a time-out is as long as it was set: neither is a latency.
        if outcome.answer.is_ok() {
            self.latencies.push(outcome.took);
        }
    }

    /// How many calls were not answered OK.
    pub fn not_ok(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether every response is OK.
    pub fn all_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The most frequent errors, and how often each occurred.
    pub fn most_frequent_errors(&self) -> Vec<(&str, u64)> {
        let mut errors: Vec<_> = self.errors.iter().map(|(error, calls)| (error.as_str(), *calls)).collect();
        errors.sort_by_key(|&(_, calls)| std::cmp::Reverse(calls));
        errors.truncate(ERRORS_SHOWN);
        errors
    }
}

/// The summary of a run.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: u64 = self.calls.values().sum();
        write!(f, "{calls} calls in {:.1} s", self.elapsed.as_secs_f64())?;
        for (status, calls) in &self.calls {
            write!(f, ", {status}: {calls}")?;
        }
        if self.latencies.is_empty() {
            return Ok(());
        }
        let mut ranked = self.latencies.clone();
        ranked.sort_unstable();
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| ms(percentile(&ranked, percent)));
        write!(f, "; ms: p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, max {max:.1}")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("200 OK"),
            Self::NotOk(200) => f.write_str("200 not OK"),
            Self::NotOk(status) => status.fmt(f),
            Self::NoAnswer => f.write_str("no answer"),
        }
    }
}

/// The smallest latency that at least `percent` % of `ranked`, which is not empty, do not exceed.
fn percentile(ranked: &[Duration], percent: usize) -> Duration {
    ranked[(ranked.len() * percent).div_ceil(100) - 1]
}

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
