//! The settings, read once through a look-up function, so that they can be read without a runtime.
//!
//! An invalid setting that decides who may call, or where events go, leaves no [`Settings`]: each call is then
//! rejected. Any other invalid one switches off only what it is for. Both are named in [`Config::invalid_settings`],
//! names only, never values.

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

/// Bounds of `RETENTION_DAYS`.
const RETENTION_DAYS: RangeInclusive<u64> = 1..=3650;

/// Bounds of `RETRY_BASE_SECONDS`; more than twelve hours is more than a queue can wait.
const RETRY_BASE_SECONDS: RangeInclusive<u64> = 1..=12 * 60 * 60;

/// `RETRY_BASE_SECONDS` where it is not set, or invalid.
pub const RETRY_BASE_DEFAULT_SECONDS: u64 = 5;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Name of the callback token that all apps share; an app's own has its SDKAppID behind it.
const TOKEN: &str = "CALLBACK_TOKEN";

/// Name of the KV binding that holds the events.
pub const EVENTS: &str = "EVENTS";
/// Name of the binding of the queue whose messages are deliveries to come.
pub const DELIVERIES: &str = "DELIVERIES";
/// Name of the binding of the queue of what could not be delivered.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// Which bindings the environment has.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The KV namespace [`EVENTS`].
    pub events: bool,
    /// The queue [`DELIVERIES`].
    pub deliveries: bool,
    /// The queue [`DEAD_LETTERS`].
    pub dead_letters: bool,
}

/// What was read: the settings, unless one that calls depend on is invalid, and the names of the invalid ones.
#[derive(Clone, Debug)]
pub struct Config {
    /// `None` where each call is to be rejected.
    pub settings: Option<Settings>,
    /// The variables, secrets and bindings to fix, each once, in the order of reading.
    pub invalid_settings: Vec<String>,
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
    /// Shortest wait before a delivery is tried again, in seconds.
    pub retry_base_seconds: u64,
    /// How long an event stays in KV, in seconds from its receipt; `None` is for good.
    pub retention_seconds: Option<u64>,
}

/// Where events go: at least one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sinks {
    /// Into KV.
    pub kv: bool,
    /// To the origin, by way of the queue.
    pub origin: bool,
}

impl Sinks {
    const KV: Self = Self { kv: true, origin: false };
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
        let mut reader = Reader { lookup, invalid_settings: Vec::new() };
        let ids = reader.required("SDK_APP_IDS", app_ids);
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
        let sinks = reader.optional("SINKS", Sinks::KV, sinks);
        let events = reader.check(EVENTS, bindings.events);
        let origin = reader.optional("ORIGIN_URL", None, |text| OriginUrl::new(&text).map(Some).ok());
        // Who wants events at the origin has to say where that is, and needs the queues on the way there.
        let way_there = !matches!(sinks, Some(Sinks { origin: true, .. })) || {
            let deliveries = reader.check(DELIVERIES, bindings.deliveries);
            let dead_letters = reader.check(DEAD_LETTERS, bindings.dead_letters);
            // An invalid one is named already.
            let named = origin.as_ref().and_then(|origin| reader.check("ORIGIN_URL", origin.is_some()));
            deliveries.and(dead_letters).and(named).is_some()
        };
        // From here on an invalid setting switches off only what it is for.
        let retention_seconds = reader.optional("RETENTION_DAYS", None, retention_seconds).flatten();
        let retry_base_seconds =
            reader.optional("RETRY_BASE_SECONDS", RETRY_BASE_DEFAULT_SECONDS, |text| whole(&text, RETRY_BASE_SECONDS));
        let signing = reader
            .optional("ORIGIN_SECRET", OriginSigning::Off, |text| OriginSecret::new(&text).map(OriginSigning::On));
        let admin_token = reader.optional("ADMIN_TOKEN", None, |text| AdminToken::new(&text).map(Some)).flatten();

        let invalid_settings = reader.invalid_settings;
        let settings = (|| {
            events.filter(|()| way_there)?;
            Some(Settings {
                apps: apps?,
                shared_tokens: shared_tokens?,
                allow_unsigned: allow_unsigned?,
                webhook_path: webhook_path?,
                sinks: sinks?,
                origin_is_invalid: origin.is_none(),
                origin: origin.flatten(),
                origin_signing: signing.unwrap_or(OriginSigning::Invalid),
                retry_base_seconds: retry_base_seconds.unwrap_or(RETRY_BASE_DEFAULT_SECONDS),
                retention_seconds,
            })
        })();
        Self { settings, invalid_settings, admin_token }
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

/// Reads one setting after the other and collects the names of the invalid ones.
struct Reader<F> {
    lookup: F,
    invalid_settings: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// A setting that has to be there.
    fn required<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Option<T>) -> Option<T> {
        let value = (self.lookup)(name).and_then(parse);
        self.check(name, value.is_some()).and(value)
    }

    /// A setting that may be left out.
    fn optional<T>(&mut self, name: &str, default: T, parse: impl FnOnce(String) -> Option<T>) -> Option<T> {
        match (self.lookup)(name) {
            None => Some(default),
            Some(text) => {
                let value = parse(text);
                self.check(name, value.is_some()).and(value)
            }
        }
    }

    /// The tokens `name` and `{name}_PREVIOUS`; none where neither is set. A previous one alone is invalid:
    /// it would be the only one that is accepted.
    fn tokens(&mut self, name: &str) -> Option<Vec<CallbackToken>> {
        let read = |text| CallbackToken::new(text).map(Some);
        let previous_name = format!("{name}_PREVIOUS");
        let current = self.optional(name, None, read);
        let previous = self.optional(&previous_name, None, read);
        let (current, previous) = (current?, previous?);
        self.check(&previous_name, current.is_some() || previous.is_none())?;
        Some(current.into_iter().chain(previous).collect())
    }

    fn app(&mut self, id: SdkAppId) -> Option<App> {
        self.tokens(&own_token(id)).map(|own_tokens| App { id, own_tokens })
    }

    /// Notes the tokens that apps lack, where they may not do without: an app's own where other apps have
    /// theirs. Calls for such an app are rejected; those for the others are not.
    fn miss_tokens(&mut self, apps: Option<&[App]>, shared: Option<&[CallbackToken]>) {
        let (Some(apps), Some([])) = (apps, shared) else { return };
        let without: Vec<_> = apps.iter().filter(|app| app.own_tokens.is_empty()).collect();
        if without.len() == apps.len() {
            self.check(TOKEN, false);
        } else {
            self.invalid_settings.extend(without.into_iter().map(|app| own_token(app.id)));
        }
    }

    /// Notes that `name` is invalid unless it is `valid`.
    fn check(&mut self, name: &str, valid: bool) -> Option<()> {
        if !valid {
            self.invalid_settings.push(name.to_owned());
        }
        valid.then_some(())
    }
}

/// Comma-separated SDKAppIDs, at least one, with or without spaces around them. A duplicate counts once.
fn app_ids(text: String) -> Option<Vec<SdkAppId>> {
    let mut ids = Vec::new();
    for id in text.split(',') {
        let id = SdkAppId::parse(id.trim_ascii())?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Some(ids)
}

fn flag(text: String) -> Option<bool> {
    text.parse().ok()
}

fn webhook_path(text: String) -> Option<String> {
    routes::may_be_webhook_path(&text).then_some(text)
}

/// `kv`, `origin`, or both with a comma between them.
fn sinks(text: String) -> Option<Sinks> {
    let mut sinks = Sinks { kv: false, origin: false };
    for name in text.split(',') {
        match name.trim_ascii() {
            "kv" => sinks.kv = true,
            "origin" => sinks.origin = true,
            _ => return None,
        }
    }
    Some(sinks)
}

fn retention_seconds(text: String) -> Option<Option<u64>> {
    whole(&text, RETENTION_DAYS)?.checked_mul(SECONDS_PER_DAY).map(Some)
}

/// A whole number within bounds: digits and nothing else.
fn whole(text: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| bounds.contains(number))
}

fn own_token(id: SdkAppId) -> String {
    format!("{TOKEN}_{id}")
}

impl Response {
    /// Whether the settings are valid: 200, or 503 with the names of the invalid ones.
    #[must_use]
    pub fn health(config: &Config) -> Self {
        let healthy = config.invalid_settings.is_empty();
        let health = Health {
            status: if healthy { "ok" } else { "invalid settings" },
            version: env!("CARGO_PKG_VERSION"),
            settings: &config.invalid_settings,
        };
        Self { status: if healthy { 200 } else { 503 }, ..Self::json(&health) }
    }
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    settings: &'a [String],
}
