//! The metrics that Prometheus scrapes, as data: one table of what there is, and how what was measured becomes samples. No label
//! names a user. `docs/metrics.md` is tested against the table.

pub mod accept;
pub mod text;

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::{
    config::VERSION,
    database::{
        call_counts::{CallOutcome, NO_APP},
        deliveries::StoredState,
        metrics::{AppsMetrics, COUNTED_STATES},
    },
    receive::rejection::Rejection,
    webhook::{SdkAppId, command::Kind},
};

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// It only goes up.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is 1, and its labels tell something.
    Info,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name, without the suffix that its type has.
    pub name: &'static str,
    /// What it is.
    pub metric_type: MetricType,
    /// The names of its labels, in order.
    pub labels: &'static [&'static str],
    /// What it tells, in one sentence without quotes, backslashes and line ends, which each form would escape otherwise.
    pub help: &'static str,
}

impl Row {
    /// The name of its samples.
    #[must_use]
    pub fn sample_name(&self) -> String {
        let suffix = match self.metric_type {
            MetricType::Counter => "_total",
            MetricType::Gauge => "",
            MetricType::Info => "_info",
        };
        format!("{}{suffix}", self.name)
    }

    /// Its unit, which the end of its name says; `None` for a plain number.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| self.name.ends_with(unit))
    }
}

/// Writes the table of metrics, in the order in which they are written.
macro_rules! metrics {
    ($($metric:ident $type:ident $name:literal [$($label:literal),*] $help:literal)+) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
        #[expect(missing_docs, reason = "the table says what each one is")]
        pub enum Metric {
            $($metric,)+
        }

        impl Metric {
            /// Its row of the table.
            #[must_use]
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$metric => &Row {
                        name: concat!("unfollow_webhook_", $name),
                        metric_type: MetricType::$type,
                        labels: &[$($label),*],
                        help: $help,
                    },)+
                }
            }
        }
    };
}

metrics! {
    Build Info "build" ["version"]
        "The version of the Worker."
    InvalidSettings Gauge "invalid_settings" []
        "How many settings are invalid: GET /healthz names them."
    DatabaseUp Gauge "database_up" []
        "Whether D1 has answered this scrape: if 0, all that comes from it is missing."
    DatabaseSize Gauge "database_size_bytes" []
        "The size of the database in D1."
    DatabaseSizeLimit Gauge "database_size_limit_bytes" []
        "How large the plan allows the database to be."
    RetentionBehind Gauge "retention_behind" []
        "Whether the latest run of the retention has left something that was due: 1 or 0."
    RetentionOldestDue Gauge "retention_oldest_due_timestamp_seconds" []
        "The time of the oldest that it has left. Not there if it left nothing."
    Calls Counter "calls" ["app", "outcome", "reason"]
        "Webhook calls, at least: what an isolate has not written when it ends is not counted. The app is 0 for calls of no app."
    LastCall Gauge "last_call_timestamp_seconds" ["app", "outcome", "reason"]
        "When the last of these calls came."
    Events Counter "events" ["app", "kind"]
        "Events added to the event log in D1. A repeat is not counted, and an erasure or the retention takes nothing back."
    LastEvent Gauge "last_event_timestamp_seconds" ["app", "kind"]
        "The EventTime of the latest event in the event log."
    LogEvents Gauge "log_events" ["app"]
        "How many events the event log has."
    Deliveries Gauge "deliveries" ["app", "state"]
        "How many deliveries are in a state that asks for attention. What is delivered is not counted."
    OldestWaitingDelivery Gauge "oldest_waiting_delivery_age_seconds" ["app"]
        "How long ago the oldest event happened that is still to be delivered after a failed attempt: 0 if there is none."
    LastDelivery Gauge "last_delivery_timestamp_seconds" ["app"]
        "When the backend last took a delivery: of those that succeeded within a day of their event, that of the latest event."
}

/// The value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Number(u64),
    /// A time or a duration in ms, which is written in seconds.
    Ms(u64),
}

/// A value with its labels: an empty one is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The values of the labels that the row names, in the same order.
    pub labels: Vec<String>,
    /// The value.
    pub value: Value,
}

/// What is known of D1.
#[derive(Clone, Debug, Default)]
pub enum Measured {
    /// No database is bound.
    #[default]
    NotBound,
    /// It does not answer, or fails, or has not its tables.
    Fails,
    /// It has answered.
    Answers {
        /// Its size in bytes, if it says so.
        size: Option<u64>,
        /// What it has of each app, and of no app.
        apps: Vec<AppsMetrics>,
    },
}

/// What metrics are made of.
#[derive(Clone, Debug, Default)]
pub struct Measurements {
    /// When it was measured, in Unix ms.
    pub now_ms: u64,
    /// How many settings are invalid.
    pub invalid_settings: usize,
    /// The size that the plan allows a database, in bytes.
    pub database_max: u64,
    /// Whether events go into the log.
    pub has_log: bool,
    /// Whether there is a backend.
    pub has_origin: bool,
    pub database: Measured,
}

/// Metrics with their samples, in the order of the table. One without samples is left out.
pub type Families = Vec<(Metric, Vec<Sample>)>;

impl Measurements {
    /// The metrics.
    #[must_use]
    pub fn families(&self) -> Families {
        let mut found: BTreeMap<Metric, Vec<Sample>> = BTreeMap::new();
        let mut add = |metric, labels: &[&str], value| {
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            found.entry(metric).or_default().push(Sample { labels, value });
        };
        add(Metric::Build, &[VERSION], Value::Number(1));
        add(Metric::InvalidSettings, &[], Value::Number(self.invalid_settings as u64));
        match &self.database {
            Measured::NotBound => {}
            Measured::Fails => add(Metric::DatabaseUp, &[], Value::Number(0)),
            Measured::Answers { size, apps } => {
                add(Metric::DatabaseUp, &[], Value::Number(1));
                if let Some(size) = size {
                    add(Metric::DatabaseSize, &[], Value::Number(*size));
                }
                add(Metric::DatabaseSizeLimit, &[], Value::Number(self.database_max));
                let due_since = apps.iter().find_map(AppsMetrics::retention_due_since);
                add(Metric::RetentionBehind, &[], Value::Number(u64::from(due_since.is_some())));
                if let Some(since) = due_since {
                    add(Metric::RetentionOldestDue, &[], Value::Ms(since));
                }
                for app in apps {
                    self.of_app(app, &mut add);
                }
            }
        }
        found.into_iter().collect()
    }

    fn of_app(&self, of_app: &AppsMetrics, add: &mut impl FnMut(Metric, &[&str], Value)) {
        let app = &*of_app.app.to_string();
        let is_ours = of_app.app != NO_APP;
        for ((outcome, reason), count) in calls(of_app, is_ours) {
            add(Metric::Calls, &[app, &outcome, &reason], Value::Number(count));
        }
        for (outcome, reason, _, last_at) in &of_app.calls {
            add(Metric::LastCall, &[app, outcome, reason], Value::Ms(*last_at));
        }
        if is_ours && self.has_log {
            for (at, kind) in Kind::VARIANTS.iter().enumerate() {
                add(Metric::Events, &[app, kind.name()], Value::Number(of_app.events(at)));
                if let Some(last) = of_app.last_event(at) {
                    add(Metric::LastEvent, &[app, kind.name()], Value::Ms(last));
                }
            }
            add(Metric::LogEvents, &[app], Value::Number(of_app.log_events()));
        }
        if is_ours && self.has_origin {
            for state in COUNTED_STATES {
                let state = StoredState::name(state);
                add(Metric::Deliveries, &[app, state], Value::Number(of_app.deliveries(state)));
            }
            let age = of_app.oldest_waiting.map_or(0, |at| self.now_ms.saturating_sub(at));
            add(Metric::OldestWaitingDelivery, &[app], Value::Ms(age));
            if let Some(last) = of_app.last_delivery {
                add(Metric::LastDelivery, &[app], Value::Ms(last));
            }
        }
    }
}

/// How many calls of an app there were, by outcome and reason. What is alarming if it goes up from nothing begins with 0, because
/// Prometheus sees no increase in the first sample of a series.
fn calls(of_app: &AppsMetrics, is_ours: bool) -> BTreeMap<(String, String), u64> {
    let not_stored = Rejection::NotStored.row().name;
    let zero = |(outcome, reason): (CallOutcome, &str)| ((<&str>::from(outcome).to_owned(), reason.to_owned()), 0);
    let zeros = [
        (CallOutcome::Stored, ""),
        (CallOutcome::Queued, ""),
        (CallOutcome::DeadLettered, ""),
        (CallOutcome::Failed, not_stored),
    ];
    let mut calls: BTreeMap<_, _> = zeros.into_iter().filter(|_| is_ours).map(zero).collect();
    calls.extend(of_app.calls.iter().map(|(outcome, reason, count, _)| ((outcome.clone(), reason.clone()), *count)));
    calls
}

/// The apps that are measured: ours, and none.
#[must_use]
pub fn apps(ours: impl IntoIterator<Item = SdkAppId>) -> Vec<u64> {
    [NO_APP].into_iter().chain(ours.into_iter().map(SdkAppId::get)).collect()
}
