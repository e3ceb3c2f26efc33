//! Which alerts there are: all that was observed goes in. When each begins and ends is in `docs/alerts.md`.

use super::{Alert, AlertKind, EVENTS_MAX, advice::Advice, burst::Burst};
use crate::{
    config::{InvalidSetting, features::MissingLines},
    database::{
        DatabaseError, HOUR_MS,
        alerts::{AppsCalls, AppsDeliveries, CALL_ROWS, DELIVERY_ROWS, UndoneDelivery},
        call_counts::{CallOutcome, LatestCall, NO_APP},
        deliveries::is_overdue,
    },
    delivery::failure::{FAIL, Failure},
    encoding::StoredWord,
    event::EventId,
    ports::DB,
    webhook::SdkAppId,
};

/// How long the calls of an app have to be accepted, in ms, until those that were rejected before are no alert any more.
const CALM_AFTER_MS: u64 = HOUR_MS;

/// For how long rejected calls are an alert at most, in ms.
pub const REJECTED_FOR_MS: u64 = 7 * DAY_MS;

/// For how long queued events are an alert, in ms.
const QUEUED_FOR_MS: u64 = HOUR_MS;

/// For how long events that became dead letters at once, and deliveries that answered FAIL, are an alert, in ms.
pub const DONE_FOR_MS: u64 = DAY_MS;

/// How long a delivery may be retried, in ms, until that is an alert.
const RETRYING_FOR_MS: u64 = 10 * 60 * 1000;

/// How full a database may be, in percent.
const FULL_PERCENT: u64 = 80;

const DAY_MS: u64 = 24 * HOUR_MS;

/// The outcomes by which a call is accepted.
const ACCEPTED: [CallOutcome; 6] = [
    CallOutcome::Stored,
    CallOutcome::Queued,
    CallOutcome::DeadLettered,
    CallOutcome::Probe,
    CallOutcome::Unhandled,
    CallOutcome::Relayed,
];

/// What is known of D1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatabaseState {
    /// No database is bound.
    #[default]
    NotBound,
    /// It answers, and is of this size in bytes, if it says so.
    Answers(Option<u64>),
    /// It does not.
    Fails(DatabaseError),
}

/// What was observed. What could not be is empty.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// When, in Unix ms.
    pub now_ms: u64,
    /// The apps that are ours.
    pub apps: Vec<SdkAppId>,
    pub invalid_settings: Vec<InvalidSetting>,
    pub unknown_settings: Vec<String>,
    pub missing_lines: Vec<MissingLines>,
    pub database: DatabaseState,
    /// How large the database may get, in bytes.
    pub database_max: u64,
    /// After how many hours without a call that is an alert; `None` is never.
    pub silence_hours: Option<u64>,
    /// The time (Unix ms) of the oldest that the retention has left; `None` if nothing is left.
    pub retention_due_since: Option<u64>,
    /// Since when (Unix ms) the log is known not to have all that KV has.
    pub incomplete_since: Option<u64>,
    /// The last call of each outcome and app, those of no app of ours included.
    pub latest: Vec<LatestCall>,
    /// The calls that were rejected, failed, queued or dead-lettered.
    pub calls: Vec<AppsCalls>,
    pub deliveries: Vec<AppsDeliveries>,
    /// The bursts of apps, and of users.
    pub bursts: Vec<(SdkAppId, Option<String>, Burst)>,
}

/// The outcomes that [`Observations::calls`] has.
pub const NOTABLE: [CallOutcome; 4] =
    [CallOutcome::Rejected, CallOutcome::Failed, CallOutcome::Queued, CallOutcome::DeadLettered];

impl Observations {
    /// Whether all could be observed: D1 is bound, and has answered.
    #[must_use]
    pub const fn are_complete(&self) -> bool {
        matches!(self.database, DatabaseState::Answers(_))
    }

    /// The alerts that there are, the gravest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let settings = self.of_settings().chain(self.of_database());
        let of_calls = self.calls.iter().flat_map(|calls| self.of_calls(calls));
        let of_apps = self.apps.iter().filter_map(|&app| self.of_silence(app));
        let of_deliveries = self.deliveries.iter().flat_map(|deliveries| self.of_deliveries(deliveries));
        let of_bursts = self.bursts.iter().map(|burst| self.of_burst(burst));
        let mut alerts: Vec<_> =
            settings.chain(of_calls).chain(of_apps).chain(of_deliveries).chain(of_bursts).collect();
        alerts.sort_by_cached_key(|alert| (alert.severity(), alert.kind, alert.app, alert.subject.clone()));
        alerts
    }

    fn of_settings(&self) -> impl Iterator<Item = Alert> {
        // That D1 fails is an alert of its own.
        let is_of_database = |name: &str| {
            name == DB && matches!(self.database, DatabaseState::Fails(error) if error != DatabaseError::NoSchema)
        };
        let invalid =
            self.invalid_settings.iter().filter(move |setting| !is_of_database(&setting.name)).map(|setting| Alert {
                detail: setting.problem.to_string(),
                ..Alert::new(AlertKind::InvalidSetting, None, &*setting.name)
            });
        let unknown = self.unknown_settings.iter().map(|name| Alert::new(AlertKind::UnknownSetting, None, &**name));
        let missing = self.missing_lines.iter().map(|missing| Alert {
            detail: missing.feature().to_owned(),
            ..Alert::new(AlertKind::MissingLines, None, missing.lines())
        });
        invalid.chain(unknown).chain(missing)
    }

    fn of_database(&self) -> impl Iterator<Item = Alert> {
        let new = |kind| Alert::new(kind, None, "");
        let state = match self.database {
            DatabaseState::Fails(DatabaseError::Failed) => Some(new(AlertKind::DatabaseFails)),
            DatabaseState::Fails(DatabaseError::DayLimit) => Some(new(AlertKind::DatabaseDayLimit)),
            DatabaseState::Fails(DatabaseError::Full) => Some(new(AlertKind::DatabaseFull)),
            // It is an invalid setting.
            DatabaseState::Fails(DatabaseError::NoSchema) | DatabaseState::NotBound => None,
            DatabaseState::Answers(size) => {
                let percent =
                    size.unwrap_or_default().saturating_mul(100).checked_div(self.database_max).unwrap_or_default();
                let alert = || Alert { detail: percent.to_string(), ..new(AlertKind::DatabaseNearlyFull) };
                (percent >= FULL_PERCENT).then(alert)
            }
        };
        let since = |kind, since: Option<u64>| since.map(|_| Alert { since, ..new(kind) });
        let retention = since(AlertKind::RetentionBehind, self.retention_due_since);
        let incomplete = since(AlertKind::LogIncomplete, self.incomplete_since);
        [state, retention, incomplete].into_iter().flatten()
    }

    /// When the last call of an app came that was accepted, in Unix ms; of no app of ours, of any.
    fn accepted_at(&self, app: u64) -> Option<u64> {
        let is_accepted = |call: &&LatestCall| ACCEPTED.map(StoredWord::Known).contains(&call.outcome);
        let is_of_app = |call: &&LatestCall| app == NO_APP || call.app == app;
        self.latest.iter().filter(is_accepted).filter(is_of_app).map(|call| call.last_at).max()
    }

    /// Of one app and outcome.
    fn of_calls(&self, calls: &AppsCalls) -> Vec<Alert> {
        let StoredWord::Known(outcome) = calls.outcome else { return Vec::new() };
        let app = SdkAppId::try_from(calls.app).ok();
        let mut alerts: Vec<Alert> = Vec::new();
        for (reason, count, hour, last_at) in &calls.counts {
            let kind = kind_of(outcome, reason);
            let subject = if matches!(outcome, CallOutcome::Rejected | CallOutcome::Failed) { &**reason } else { "" };
            let begin = hour.saturating_mul(HOUR_MS);
            let Some(alert) = alerts.iter_mut().find(|alert| alert.kind == kind && alert.subject == subject) else {
                alerts.push(Alert {
                    since: Some(begin),
                    last_at: Some(*last_at),
                    count: Some(*count),
                    is_capped: calls.counts.len() >= CALL_ROWS,
                    ..Alert::new(kind, app, subject)
                });
                continue;
            };
            // Of an earlier hour: an episode that was long over when this one began is another.
            if alert.since.is_some_and(|since| last_at.saturating_add(lasts_ms(kind)) > since) {
                alert.count = alert.count.map(|sum| sum.saturating_add(*count));
                alert.last_at = alert.last_at.max(Some(*last_at));
                alert.since = alert.since.min(Some(begin));
            }
        }
        let is_calm = |alert: &Alert, last: u64| {
            let is_rejection = !matches!(alert.kind, AlertKind::EventsQueued | AlertKind::EventsDeadLettered);
            let calm = last.saturating_add(CALM_AFTER_MS);
            is_rejection && self.accepted_at(calls.app).is_some_and(|accepted| accepted >= calm)
        };
        let is_over = |last: u64, alert: &Alert| last.saturating_add(lasts_ms(alert.kind)) <= self.now_ms;
        alerts.retain(|alert| alert.last_at.is_some_and(|last| !is_over(last, alert) && !is_calm(alert, last)));
        alerts
    }

    fn of_silence(&self, app: SdkAppId) -> Option<Alert> {
        let last = self.latest.iter().filter(|call| call.app == app.get()).map(|call| call.last_at).max()?;
        let hours = self.now_ms.saturating_sub(last) / HOUR_MS;
        let alert = || Alert {
            since: Some(last),
            last_at: Some(last),
            count: Some(hours),
            ..Alert::new(AlertKind::NoCalls, Some(app), "")
        };
        self.silence_hours.is_some_and(|silence| hours >= silence).then(alert)
    }

    fn of_deliveries(&self, deliveries: &AppsDeliveries) -> Vec<Alert> {
        let now = self.now_ms;
        let is_overdue = |it: &&UndoneDelivery| is_overdue(it.next_attempt_at, now);
        let is_long = |it: &&UndoneDelivery| now.saturating_sub(since_of(it)) >= RETRYING_FOR_MS && !is_overdue(it);
        let retrying = deliveries.retrying.iter();
        let is_capped = deliveries.retrying.len() > DELIVERY_ROWS;
        let of = |kind, those: Vec<&UndoneDelivery>, is_capped| of_some(kind, deliveries.app, &those, is_capped);
        [
            of(AlertKind::DeliveriesRetrying, retrying.clone().filter(is_long).collect(), is_capped),
            of(AlertKind::DeliveriesOverdue, retrying.filter(is_overdue).collect(), is_capped),
            of(AlertKind::DeliveriesDead, deliveries.dead.iter().collect(), deliveries.dead.len() > DELIVERY_ROWS),
            of(
                AlertKind::DeliveriesAnsweredFail,
                deliveries.delivered_fail.iter().collect(),
                deliveries.delivered_fail.len() > DELIVERY_ROWS,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn of_burst(&self, (app, user, burst): &(SdkAppId, Option<String>, Burst)) -> Alert {
        let kind = if user.is_some() { AlertKind::UnfollowBurstOfUser } else { AlertKind::UnfollowBurstOfApp };
        Alert {
            detail: burst.usual_text(),
            since: Some(burst.since),
            last_at: Some(self.now_ms.min(burst.since.saturating_add(HOUR_MS))),
            count: Some(burst.unfollows),
            ..Alert::new(kind, Some(*app), user.as_deref().unwrap_or_default())
        }
    }
}

/// What a count of calls with this outcome and reason is an alert of.
fn kind_of(outcome: CallOutcome, reason: &str) -> AlertKind {
    match outcome {
        CallOutcome::Queued => AlertKind::EventsQueued,
        CallOutcome::DeadLettered => AlertKind::EventsDeadLettered,
        _ if reason == NOT_STORED => AlertKind::EventsNotStored,
        _ if Advice::on(reason).is_some_and(|advice| advice.is_stray) => AlertKind::StrayCalls,
        _ => AlertKind::CallsRejected,
    }
}

/// How long after the last such call it is an alert, in ms.
const fn lasts_ms(kind: AlertKind) -> u64 {
    match kind {
        AlertKind::EventsQueued => QUEUED_FOR_MS,
        AlertKind::EventsDeadLettered => DONE_FOR_MS,
        _ => REJECTED_FOR_MS,
    }
}

/// The reason of calls whose events were stored nowhere.
const NOT_STORED: &str = "not_stored";

/// Since when a delivery has been retried, in Unix ms: what an earlier Worker has written, since its last attempt.
fn since_of(delivery: &UndoneDelivery) -> u64 {
    delivery.retrying_since.unwrap_or(delivery.updated_at)
}

/// The alert of these deliveries; `None` if there are none.
fn of_some(kind: AlertKind, app: SdkAppId, deliveries: &[&UndoneDelivery], is_capped: bool) -> Option<Alert> {
    let latest = deliveries.iter().max_by_key(|it| it.updated_at)?;
    let since = if kind == AlertKind::DeliveriesRetrying { since_of } else { |it: &UndoneDelivery| it.updated_at };
    let error = latest.last_error.as_deref();
    let status = latest.last_status.filter(|_| error.is_none_or(|error| error == FAIL));
    let event = |it: &&UndoneDelivery| EventId::of_parts(it.event_time, &it.hash);
    Some(Alert {
        detail: status
            .map(|status| status.to_string())
            .or(error.map(|error| Failure::known_word(error).to_owned()))
            .unwrap_or_default(),
        since: deliveries.iter().map(|it| since(it)).min(),
        last_at: Some(latest.updated_at),
        count: u64::try_from(deliveries.len().min(DELIVERY_ROWS)).ok(),
        is_capped,
        events: deliveries.iter().filter_map(event).take(EVENTS_MAX).collect(),
        ..Alert::new(kind, Some(app), "")
    })
}
