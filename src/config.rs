//! The settings, read once through a look-up function, so that they can be read without a runtime.
//!
//! An invalid setting that decides who may call, or where events go, leaves no [`Settings`]: each call is then
//! rejected. Any other invalid one switches off only what it is for. Both are listed in [`Config::invalid_settings`],
//! with the rule that each breaks, and never with its value.

use std::ops::RangeInclusive;

use serde::Serialize;

use crate::{
    admin_token::AdminToken,
    origin::{OriginSecret, OriginSigning, OriginUrl},
    response::Response,
    routes,
    webhook::{
        SdkAppId,
        auth::{CallbackToken, Policy},
    },
};

/// The Worker's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The rule that a setting breaks: the rest of a sentence whose subject is the setting. It never quotes the value.
pub type Problem = &'static str;

/// Bounds of `RETENTION_DAYS`.
const RETENTION_DAYS: RangeInclusive<u64> = 1..=3650;

/// Bounds of `RETRY_BASE_SECONDS`. No wait is longer than an hour (see [`crate::delivery::retry`]).
const RETRY_BASE_SECONDS: RangeInclusive<u64> = 1..=60 * 60;

/// `RETRY_BASE_SECONDS` where it is not set, or invalid.
pub const RETRY_BASE_DEFAULT_SECONDS: u64 = 5;

/// Bounds of `DELIVERY_HOURS`. A queue keeps a message for 96 hours unless told otherwise; what is left of them is for the
/// dead letter.
const DELIVERY_HOURS: RangeInclusive<u64> = 1..=90;

/// `DELIVERY_HOURS` where it is not set, or invalid.
pub const DELIVERY_HOURS_DEFAULT: u64 = 72;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Name of the callback token that all apps share; an app's own has its SDKAppID behind it.
const TOKEN: &str = "CALLBACK_TOKEN";

/// Name of the KV binding that holds the events.
pub const EVENTS: &str = "EVENTS";
/// Name of the binding of the D1 database of the event log.
pub const DB: &str = "DB";
/// Name of the binding of the queue whose messages are deliveries to come.
pub const DELIVERIES: &str = "DELIVERIES";
/// Name of the binding of the queue of what could not be delivered.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// Which bindings the environment has.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The KV namespace [`EVENTS`].
    pub events: bool,
    /// The D1 database [`DB`].
    pub database: bool,
    /// The queue [`DELIVERIES`].
    pub deliveries: bool,
    /// The queue [`DEAD_LETTERS`].
    pub dead_letters: bool,
}

/// A setting that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvalidSetting {
    /// The name of the variable, secret or binding.
    pub name: String,
    /// The rule that it breaks.
    pub problem: Problem,
}

/// What was read: the settings, unless one that calls depend on is invalid, and the invalid ones.
#[derive(Clone, Debug)]
pub struct Config {
    /// `None` where each call is to be rejected.
    pub settings: Option<Settings>,
    /// The settings to fix, each once, in the order of reading.
    pub invalid_settings: Vec<InvalidSetting>,
    /// Who may use the API; `None` switches it off.
    pub admin_token: Option<AdminToken>,
}

/// Settings that can be worked with.
#[derive(Clone, Debug)]
pub struct Settings {
    apps: Vec<App>,
    shared_tokens: Vec<CallbackToken>,
    allow_unsigned: bool,
    /// Where the webhook lives; `/` unless set.
    pub webhook_path: String,
    /// Where events go.
    pub sinks: Sinks,
    /// The app's own backend, for deliveries and for the webhooks that are not ours.
    pub origin: Option<OriginUrl>,
    /// Whether `ORIGIN_URL` is set but invalid: what would be relayed to it is then rejected, because an OK from here would
    /// allow what the backend might not.
    pub origin_is_invalid: bool,
    /// How deliveries to the origin are signed, besides Tencent's way.
    pub origin_signing: OriginSigning,
    /// Wait before the second attempt to deliver, in seconds; it doubles from attempt to attempt.
    pub retry_base_seconds: u64,
    /// How old a message may get before it becomes a dead letter, in seconds.
    pub delivery_seconds: u64,
    /// How long an event stays in KV, in seconds from its receipt; `None` is for good.
    pub retention_seconds: Option<u64>,
}

/// Where events go: at least one of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sinks {
    /// Into KV.
    pub kv: bool,
    /// Into the event log in D1.
    pub d1: bool,
    /// To the origin, by way of the queue.
    pub origin: bool,
}

impl Sinks {
    /// The names of the sinks, as the setting has them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [("kv", self.kv), ("d1", self.d1), ("origin", self.origin)]
            .into_iter()
            .filter(|(_, wanted)| *wanted)
            .map(|(name, _)| name)
    }
}

/// One app of ours.
#[derive(Clone, Debug)]
struct App {
    id: SdkAppId,
    /// Its own tokens: the current one, then the previous one. Where there are any, the shared ones do not count.
    own_tokens: Vec<CallbackToken>,
}

impl Config {
    /// Reads all settings. `lookup` gives the text of a variable or secret, `None` where it is not set.
    #[must_use]
    pub fn read(lookup: impl Fn(&str) -> Option<String>, bindings: Bound) -> Self {
        let mut reader = Reader { lookup, invalid: Vec::new() };
        let ids = reader.required("SDK_APP_IDS", "must be set to your SDKAppIDs, separated by commas", app_ids);
        let shared_tokens = reader.tokens(TOKEN);
        let apps = ids.and_then(|ids| {
            // Every app is read, even after an invalid one, so that all are named at once.
            let apps: Vec<_> = ids.into_iter().map(|id| reader.app(id)).collect();
            apps.into_iter().collect::<Option<Vec<_>>>()
        });
        let allow_unsigned = reader.optional("ALLOW_UNSIGNED", false, flag);
        if allow_unsigned == Some(false) {
            reader.miss_tokens(apps.as_deref(), shared_tokens.as_deref());
        }
        let webhook_path = reader.optional("WEBHOOK_PATH", "/".to_owned(), webhook_path);
        let sinks = reader.optional("SINKS", Sinks { kv: true, d1: bindings.database, origin: false }, sinks);
        let events = reader.check(EVENTS, "must be bound to a KV namespace", bindings.events);
        let wants_d1 = sinks.is_some_and(|sinks| sinks.d1);
        let database =
            reader.check(DB, "must be bound to a D1 database where SINKS has d1", bindings.database || !wants_d1);
        let origin = reader.optional("ORIGIN_URL", None, |text| OriginUrl::new(&text).map(Some));
        // Whoever wants events at the origin has to say where that is, and needs the queues on the way there.
        let way_there = !matches!(sinks, Some(Sinks { origin: true, .. })) || {
            const QUEUE: Problem = "must be bound to a queue where SINKS has origin";
            let deliveries = reader.check(DELIVERIES, QUEUE, bindings.deliveries);
            let dead_letters = reader.check(DEAD_LETTERS, QUEUE, bindings.dead_letters);
            // An invalid one is named already.
            let is_set =
                |origin: &Option<_>| reader.check("ORIGIN_URL", "must be set where SINKS has origin", origin.is_some());
            deliveries.and(dead_letters).and(origin.as_ref().and_then(is_set)).is_some()
        };
        // From here on an invalid setting switches off only what it is for.
        let retention_days = reader.optional("RETENTION_DAYS", None, |text| {
            whole(&text, RETENTION_DAYS, "must be a whole number from 1 to 3650").map(Some)
        });
        let retry_base_seconds = reader.optional("RETRY_BASE_SECONDS", RETRY_BASE_DEFAULT_SECONDS, |text| {
            whole(&text, RETRY_BASE_SECONDS, "must be a whole number from 1 to 3600")
        });
        let delivery_hours = reader.optional("DELIVERY_HOURS", DELIVERY_HOURS_DEFAULT, |text| {
            whole(&text, DELIVERY_HOURS, "must be a whole number from 1 to 90")
        });
        let origin_signing = reader.origin_signing();
        let admin_token = reader.optional("ADMIN_TOKEN", None, |text| AdminToken::new(&text).map(Some)).flatten();

        let invalid_settings = reader.invalid;
        let settings = (|| {
            events.and(database).filter(|()| way_there)?;
            Some(Settings {
                apps: apps?,
                shared_tokens: shared_tokens?,
                allow_unsigned: allow_unsigned?,
                webhook_path: webhook_path?,
                sinks: sinks?,
                origin_is_invalid: origin.is_none(),
                origin: origin.flatten(),
                origin_signing,
                retry_base_seconds: retry_base_seconds.unwrap_or(RETRY_BASE_DEFAULT_SECONDS),
                delivery_seconds: delivery_hours.unwrap_or(DELIVERY_HOURS_DEFAULT).saturating_mul(60 * 60),
                retention_seconds: retention_days.flatten().map(|days| days.saturating_mul(SECONDS_PER_DAY)),
            })
        })();
        Self { settings, invalid_settings, admin_token }
    }

    /// The names of the invalid settings.
    #[must_use]
    pub fn invalid_names(&self) -> Vec<&str> {
        self.invalid_settings.iter().map(|setting| &*setting.name).collect()
    }
}

impl Settings {
    /// Whether this SDKAppID is one of ours.
    #[must_use]
    pub fn is_ours(&self, id: SdkAppId) -> bool {
        self.apps.iter().any(|app| app.id == id)
    }

    /// Our apps, in the order of the setting.
    pub fn apps(&self) -> impl Iterator<Item = SdkAppId> {
        self.apps.iter().map(|app| app.id)
    }

    /// Our app, where there is one only.
    #[must_use]
    pub fn only_app(&self) -> Option<SdkAppId> {
        let [app] = self.apps.as_slice() else { return None };
        Some(app.id)
    }

    /// What a call for this app must bring.
    #[must_use]
    pub fn policy(&self, id: SdkAppId) -> Policy<'_> {
        self.policy_of(self.apps.iter().filter(|app| app.id == id).flat_map(|app| self.tokens(app)))
    }

    /// What a call must bring that does not say for which app it is: any configured token will do.
    #[must_use]
    pub fn policy_without_app(&self) -> Policy<'_> {
        let own = self.apps.iter().flat_map(|app| &app.own_tokens);
        self.policy_of(self.shared_tokens.iter().chain(own))
    }

    /// The token that signs what goes to the origin for this app: its current one, if it has any.
    #[must_use]
    pub fn signing_token(&self, id: SdkAppId) -> Option<&CallbackToken> {
        self.apps.iter().find(|app| app.id == id).and_then(|app| self.tokens(app).first())
    }

    fn policy_of<'a>(&self, tokens: impl Iterator<Item = &'a CallbackToken>) -> Policy<'a> {
        let tokens: Vec<_> = tokens.collect();
        match (tokens.is_empty(), self.allow_unsigned) {
            (false, _) => Policy::Signed(tokens),
            (true, true) => Policy::Unsigned,
            (true, false) => Policy::Closed,
        }
    }

    fn tokens<'a>(&'a self, app: &'a App) -> &'a [CallbackToken] {
        if app.own_tokens.is_empty() { &self.shared_tokens } else { &app.own_tokens }
    }
}

/// Reads one setting after the other and collects the invalid ones.
struct Reader<F> {
    lookup: F,
    invalid: Vec<InvalidSetting>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// A setting that has to be there.
    fn required<T>(
        &mut self,
        name: &str,
        missing: Problem,
        parse: impl FnOnce(String) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = (self.lookup)(name).ok_or(missing).and_then(parse);
        self.valid(name, value)
    }

    /// A setting that may be left out.
    fn optional<T>(&mut self, name: &str, default: T, parse: impl FnOnce(String) -> Result<T, Problem>) -> Option<T> {
        let value = (self.lookup)(name).map_or(Ok(default), parse);
        self.valid(name, value)
    }

    /// The values of `name` and `{name}_PREVIOUS`; none where neither is set. A previous one alone is invalid: it would be the
    /// only one that is accepted.
    fn with_previous<T>(&mut self, name: &str, parse: impl Fn(String) -> Result<T, Problem>) -> Option<Vec<T>> {
        let parse = |text| parse(text).map(Some);
        let previous_name = format!("{name}_PREVIOUS");
        let current = self.optional(name, None, parse);
        let previous = self.optional(&previous_name, None, parse);
        let (current, previous) = (current?, previous?);
        let is_alone = previous.is_some() && current.is_none();
        self.check(&previous_name, "must not be set without the current one", !is_alone)?;
        Some(current.into_iter().chain(previous).collect())
    }

    fn tokens(&mut self, name: &str) -> Option<Vec<CallbackToken>> {
        self.with_previous(name, CallbackToken::new)
    }

    fn origin_signing(&mut self) -> OriginSigning {
        match self.with_previous("ORIGIN_SECRET", |text| OriginSecret::new(&text)) {
            None => OriginSigning::Invalid,
            Some(secrets) => OriginSigning::With(secrets),
        }
    }

    fn app(&mut self, id: SdkAppId) -> Option<App> {
        self.tokens(&own_token(id)).map(|own_tokens| App { id, own_tokens })
    }

    /// Notes the tokens that apps lack, where they may not do without: an app's own where other apps have
    /// theirs. Calls for such an app are rejected; those for the others are not.
    fn miss_tokens(&mut self, apps: Option<&[App]>, shared: Option<&[CallbackToken]>) {
        const MISSING: Problem = "must be set to the token in the Chat console, or ALLOW_UNSIGNED to true";
        let (Some(apps), Some([])) = (apps, shared) else { return };
        let without: Vec<_> = apps.iter().filter(|app| app.own_tokens.is_empty()).collect();
        if without.len() == apps.len() {
            self.check(TOKEN, MISSING, false);
            return;
        }
        for app in without {
            self.check(&own_token(app.id), MISSING, false);
        }
    }

    /// Notes the problem of `name` unless it is `valid`.
    fn check(&mut self, name: &str, problem: Problem, valid: bool) -> Option<()> {
        self.valid(name, valid.then_some(()).ok_or(problem))
    }

    fn valid<T>(&mut self, name: &str, value: Result<T, Problem>) -> Option<T> {
        value.map_err(|problem| self.invalid.push(InvalidSetting { name: name.to_owned(), problem })).ok()
    }
}

/// Comma-separated SDKAppIDs, at least one, with or without spaces around them. A duplicate counts once.
fn app_ids(text: String) -> Result<Vec<SdkAppId>, Problem> {
    let mut ids = Vec::new();
    for id in text.split(',') {
        let id = SdkAppId::parse(id.trim_ascii()).ok_or("must be SDKAppIDs (digits only), separated by commas")?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn flag(text: String) -> Result<bool, Problem> {
    text.parse().map_err(|_| "must be true or false")
}

fn webhook_path(text: String) -> Result<String, Problem> {
    const RULE: Problem = "must be a path of letters, digits, -._~ and /, and none that this Worker uses itself";
    routes::may_be_webhook_path(&text).then_some(text).ok_or(RULE)
}

/// `kv`, `d1` and `origin`, one or more, with commas between them.
fn sinks(text: String) -> Result<Sinks, Problem> {
    let mut sinks = Sinks::default();
    for name in text.split(',') {
        match name.trim_ascii() {
            "kv" => sinks.kv = true,
            "d1" => sinks.d1 = true,
            "origin" => sinks.origin = true,
            _ => return Err("must be one or more of kv, d1 and origin, separated by commas"),
        }
    }
    Ok(sinks)
}

/// A whole number within bounds: digits and nothing else.
fn whole(text: &str, bounds: RangeInclusive<u64>, rule: Problem) -> Result<u64, Problem> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| bounds.contains(number)).ok_or(rule)
}

fn own_token(id: SdkAppId) -> String {
    format!("{TOKEN}_{id}")
}

impl Response {
    /// Whether the settings are valid: 200, or 503 with the invalid ones.
    #[must_use]
    pub fn health(invalid_settings: &[InvalidSetting]) -> Self {
        let healthy = invalid_settings.is_empty();
        let health = Health {
            status: if healthy { "ok" } else { "invalid settings" },
            version: VERSION,
            settings: invalid_settings,
        };
        Self { status: if healthy { 200 } else { 503 }, ..Self::json(&health) }
    }
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    settings: &'a [InvalidSetting],
}
