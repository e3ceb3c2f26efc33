//! What Cloudflare's plans allow a call, an hour and a day, and what this Worker makes of it. It is one table: whatever works in
//! steps asks it how large a step may be.
//!
//! Sources, as of 2026-11-28: Cloudflare's documentation, "Limits" of Workers (subrequests, CPU), of Workers KV (operations an
//! invocation) and of D1 (queries an invocation); "Pricing" of KV, D1 and Queues (what a day includes).

use strum::{EnumString, IntoStaticStr, VariantArray};

/// A plan of Cloudflare's, as the setting `PLAN` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Plan {
    /// Workers Free.
    #[default]
    Free,
    /// Workers Paid.
    Paid,
}

/// What a plan allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations on KV, D1 and queues in one invocation, together. [free: 50 subrequests; paid: 1,000 operations on KV, 1,000
    /// queries of D1]
    pub operations: usize,
    /// CPU time of one invocation, in ms. [free: 10; paid: 30,000 unless set otherwise]
    pub cpu_ms: u64,
    /// Rows that D1 reads in a day; `None` if more are charged for. [free: 5 million]
    pub rows_read_per_day: Option<u64>,
    /// Rows that D1 writes in a day; `None` if more are charged for. [free: 100,000]
    pub rows_written_per_day: Option<u64>,
    /// How large a database of D1 may get, in bytes. [free: 500 MB; paid: 10 GB]
    pub database_bytes: u64,
    /// Writes, and as many deletes and lists, of KV in a day; `None` if more are charged for. [free: 1,000]
    pub kv_writes_per_day: Option<u64>,
    /// Operations on queues in a day; `None` if more are charged for. [free: 10,000]
    pub queue_operations_per_day: Option<u64>,
}

/// What a run of the retention may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// How many rows may be written in a day, by all runs together; `None` for any number.
    pub rows_a_day: Option<u64>,
    /// How many statements a run has at most.
    pub statements: usize,
    /// How many events or other rows one statement deletes at most.
    pub batch: u64,
    /// After how long a run begins no further statement, in ms.
    pub within_ms: u64,
}

impl Plan {
    /// What it allows.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Free => Limits {
                operations: 50,
                cpu_ms: 10,
                rows_read_per_day: Some(5_000_000),
                rows_written_per_day: Some(100_000),
                database_bytes: 500_000_000,
                kv_writes_per_day: Some(1_000),
                queue_operations_per_day: Some(10_000),
            },
            Self::Paid => Limits {
                operations: 1_000,
                cpu_ms: 30_000,
                rows_read_per_day: None,
                rows_written_per_day: None,
                database_bytes: 10_000_000_000,
                kv_writes_per_day: None,
                queue_operations_per_day: None,
            },
        }
    }

    /// How many events, or values of KV, one step of an erasure or of a reindex reads at most. To read a hundred takes a ms or two of
    /// CPU.
    #[must_use]
    pub const fn step_items(self) -> usize {
        match self {
            Self::Free => 500,
            Self::Paid => 1_000,
        }
    }

    /// How many operations a step of a comparison takes at most. What is left of the invocation's is for what comes before and after
    /// them; and 200 end well within the time of such a call.
    #[must_use]
    pub const fn comparison_operations(self) -> usize {
        match self {
            Self::Free => self.limits().operations.saturating_sub(10),
            Self::Paid => 200,
        }
    }

    /// After how many keys one call goes no further in its search for a user. To read the metadata of a thousand takes some ms of CPU.
    #[must_use]
    pub const fn search_keys(self) -> usize {
        match self {
            Self::Free => 2_000,
            Self::Paid => 20_000,
        }
    }

    /// How many events one response of an export has at most. To read a thousand takes some ms of CPU.
    #[must_use]
    pub const fn export_events(self) -> u64 {
        match self {
            Self::Free => 2_000,
            Self::Paid => 10_000,
        }
    }

    /// How many dead letters one call replays, at three operations each, and how many it reads for that.
    #[must_use]
    pub const fn replays_and_reads(self) -> (usize, usize) {
        match self {
            Self::Free => (10, 25),
            Self::Paid => (50, 125),
        }
    }

    /// How often the counts of calls may be written within an hour, over all of them: a flood of calls of many kinds, that reaches many
    /// isolates, must not use up the rows that events need. Each writes two rows, so that on the free plan they are a quarter of a
    /// day's.
    #[must_use]
    pub const fn call_writes_an_hour(self) -> u64 {
        match self {
            Self::Free => 500,
            Self::Paid => 1_000,
        }
    }

    /// Whether rankings are renewed before somebody asks. To sum up a day of a large log takes 10 ms of CPU, and a month some 200.
    #[must_use]
    pub const fn renews_rankings(self) -> bool {
        matches!(self, Self::Paid)
    }

    /// How many minutes there are from one run of the retention to the next: a divisor of 60.
    #[must_use]
    pub const fn retention_every_minutes(self) -> u64 {
        match self {
            Self::Free => 60,
            Self::Paid => 5,
        }
    }

    /// What a run of the retention may use. On the free plan a day has 100,000 rows: less than half of them are for deletions, so that as
    /// many events can still be stored. On the paid plan, what 200 events a second leave for one hour is deleted by one run: a thousand
    /// take less than 80 ms of D1. [a cron trigger's invocation: 15 minutes]
    #[must_use]
    pub const fn retention(self) -> RetentionLimits {
        match self {
            Self::Free => RetentionLimits { rows_a_day: Some(48_000), statements: 30, batch: 200, within_ms: 20_000 },
            Self::Paid => RetentionLimits { rows_a_day: None, statements: 900, batch: 1_000, within_ms: 60_000 },
        }
    }
}
