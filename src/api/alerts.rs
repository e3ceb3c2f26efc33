//! What is wrong, with what to do about it, in words.

use serde::Serialize;

use super::{
    Context,
    parameters::{App, AppOrNone, OrDefault, parameters},
    problem::Problem,
};
use crate::{
    alerts::{
        self, AlertKind, Severity,
        notify::run,
        observe::observe,
        text::{Language, action, title},
    },
    encoding::{UnixMs, Word},
    event::EventId,
    ports::Ports,
};

parameters! {
    /// Of which app, besides those of no app: without one, of all. And the language of the texts.
    AlertsQuery {
        app: Option<App>,
        language: OrDefault<Language>,
    }
}

/// One thing that is wrong.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Alert {
    /// What the alert is known by: the same as long as it is the same one.
    key: String,
    /// What it is about: see docs/alerts.md.
    kind: Word<AlertKind>,
    /// `critical`: events or deliveries are lost, will be, or cannot be seen. `warning`: something is to be done. `notice`: worth
    /// knowing, and perhaps caused by strangers.
    severity: Word<Severity>,
    /// The SDKAppID; 0 if it is about no app of ours.
    sdk_app_id: AppOrNone,
    /// What tells it from others of its kind and app: the name of a setting, the reason of a rejection, or the UserID of whom a
    /// burst of unfollows is; empty otherwise.
    subject: String,
    /// When it began, as far as that is known; null otherwise.
    since: Option<UnixMs>,
    /// When what it is about happened last; null if it is a state that lasts.
    last_at: Option<UnixMs>,
    /// How many calls, events, deliveries, unfollows, or hours without a call there are; null if there is nothing to count.
    count: Option<u64>,
    /// Whether there may be more than `count`.
    at_least: bool,
    /// Some of the events that it is about.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 5)))]
    event_ids: Vec<EventId>,
    /// What is wrong, in one line without a full stop.
    title: String,
    /// What to do, as sentences; empty if this version does not know.
    action: String,
}

impl Alert {
    fn of(alert: alerts::Alert, language: Language) -> Self {
        Self {
            key: alert.key(),
            kind: Word(alert.kind),
            severity: Word(alert.severity()),
            sdk_app_id: AppOrNone(alert.app),
            title: title(&alert, language, true),
            action: action(&alert, language),
            subject: alert.subject,
            since: alert.since.map(UnixMs),
            last_at: alert.last_at.map(UnixMs),
            count: alert.count,
            at_least: alert.is_capped,
            event_ids: alert.events,
        }
    }
}

/// What is wrong.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct AlertList {
    /// The gravest first.
    alerts: Vec<Alert>,
    /// Whether all could be looked at. False if `DB` is not bound, or if D1 fails: then nothing, or not all, is known of calls,
    /// deliveries, retention and bursts.
    complete: bool,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn list_alerts(&self, query: AlertsQuery) -> Result<AlertList, Problem> {
        let AlertsQuery { app, language: OrDefault(language) } = query;
        let apps = app.map_or_else(|| self.settings.apps().collect(), |App(app)| vec![app]);
        let mut observed = observe(self.config, self.ports, self.schema, &apps).await;
        observed.missing_lines.extend(run::missing_lines(self.ports, &self.config.notify).await);
        let alerts = observed.alerts().into_iter().map(|alert| Alert::of(alert, language)).collect();
        Ok(AlertList { alerts, complete: observed.are_complete() })
    }
}
