//! The settings, read from an [`Environment`]: what calls need at the first call of an isolate, all of them when something else first
//! needs them.
//!
//! An invalid setting that decides who may call, or where events go, leaves no [`Settings`]: each call is then
//! rejected. Any other invalid one switches off only what it is for. Both are listed in [`Config::invalid_settings`],
//! with the rule that each breaks, and never with its value.

pub mod features;
mod reader;
pub mod unknown;

use std::{borrow::Cow, ops::RangeInclusive};

use reader::{Reader, app_ids, flag, page_url, sinks, webhook_path, word};
use serde::Serialize;

use crate::{
    alerts::{
        notify::{Notify, message::Wording},
        text::Language,
    },
    api_token::ApiToken,
    log::LogChoice,
    origin::{OnFail, OriginSigning, OriginUrl},
    plan::Plan,
    ports::Environment,
    response::Response,
    routes::METRICS,
    sink::{D1Writes, Sink, Storing},
    tencent::Access,
    webhook::{
        SdkAppId,
        auth::{CallbackToken, Policy},
    },
};

/// The Worker's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The rule that a setting breaks: the rest of a sentence whose subject is the setting. It never quotes the value.
pub type Rule = Cow<'static, str>;

/// Bounds of `RETENTION_DAYS`.
const RETENTION_DAYS: RangeInclusive<u64> = 1..=3650;

/// Bounds of `RETRY_BASE_SECONDS`, and its default. What is over
/// [`FIRST_WAITS_MAX_SECONDS`](crate::delivery::retry::FIRST_WAITS_MAX_SECONDS) counts as that.
const RETRY_BASE_SECONDS: RangeInclusive<u64> = 1..=60 * 60;
const RETRY_BASE_SECONDS_DEFAULT: u64 = 5;

/// Bounds of `DELIVERY_HOURS`, and its default. A queue keeps a message for 96 hours unless told otherwise; what is left of
/// them is for the dead letter.
const DELIVERY_HOURS: RangeInclusive<u64> = 1..=90;
const DELIVERY_HOURS_DEFAULT: u64 = 72;

/// Bounds of `SILENCE_HOURS`, 0 for no alert, and its default. Calls are counted for 90 days.
const SILENCE_HOURS: RangeInclusive<u64> = 0..=720;
const SILENCE_HOURS_DEFAULT: u64 = 24;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Name of the callback token that all apps share; an app's own has its SDKAppID behind it.
const TOKEN: &str = "CALLBACK_TOKEN";

/// A setting that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvalidSetting {
    /// The name of the variable, secret or binding.
    pub name: String,
    /// The rule that it breaks.
    pub problem: Rule,
}

/// What calls need of what was read: the settings, unless one that calls depend on is invalid; and what is valid whatever the others
/// are.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// `None` if each call is to be rejected.
    pub settings: Option<Settings>,
    /// How long an event is stored, in seconds from its receipt; `None` is for good.
    pub retention_seconds: Option<u64>,
    /// Whose limits hold.
    pub plan: Plan,
    /// Which log records are written.
    pub log: LogChoice,
    /// How events come into D1.
    pub d1_writes: D1Writes,
    /// Whether [`METRICS`] is that of the metrics: it may be the webhook's.
    pub has_metrics: bool,
    /// If each call is to be rejected, the names of all invalid settings; empty otherwise.
    pub invalid_names: Vec<String>,
}

/// All that was read: what calls need, and what only the API, the queue and the cron trigger do.
#[derive(Clone, Debug)]
pub struct Config {
    /// What calls need.
    pub calls: CallConfig,
    /// How deliveries are made.
    pub delivery: DeliverySettings,
    /// After how many hours without a call of an app that is an alert; `None` is never.
    pub silence_hours: Option<u64>,
    /// Who may use the API; `None` switches it off.
    pub admin_token: Option<ApiToken>,
    /// Who may read by the API, besides.
    pub viewer_token: Option<ApiToken>,
    /// Who is told of alerts, and how.
    pub notify: Notify,
    /// How Tencent's own data is asked for; `None` if it is not.
    pub tencent: Option<Access>,
    /// Whether the origin gets what a comparison has recorded.
    pub compare_delivers: bool,
    /// Who may read metrics, and do nothing else.
    pub metrics_token: Option<ApiToken>,
    /// The settings to fix, each once, in the order of reading: those that calls need come first.
    pub invalid_settings: Vec<InvalidSetting>,
}

/// How deliveries to the origin are made. An invalid setting leaves its default.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Wait before the second attempt, in seconds; it doubles from attempt to attempt.
    pub retry_base_seconds: u64,
    /// How old a message may get before it becomes a dead letter, in seconds.
    pub seconds: u64,
    /// How they are signed, besides Tencent's way.
    pub signing: OriginSigning,
    /// What an answer is that says FAIL.
    pub on_fail: OnFail,
}

/// Settings that can be worked with.
#[derive(Clone, Debug)]
pub struct Settings {
    apps: Vec<App>,
    shared_tokens: Vec<CallbackToken>,
    allow_unsigned: bool,
    /// Where the webhook lives; `/` unless set.
    pub webhook_path: String,
    /// Where events go: at least one, each once, in the order of [`Sink`].
    pub sinks: Vec<Sink>,
    /// The app's own backend, for deliveries and for the webhooks that are not ours.
    pub origin: Option<OriginUrl>,
    /// Whether `ORIGIN_URL` is set but invalid: what would be relayed to it is then rejected, because an OK from here would
    /// allow what the backend might not.
    pub origin_is_invalid: bool,
}

/// One app of ours.
#[derive(Clone, Debug)]
struct App {
    id: SdkAppId,
    /// Its own tokens: the current one, then the previous one. If there are any, the shared ones do not count.
    own_tokens: Vec<CallbackToken>,
}

impl CallConfig {
    /// Reads what calls need. The first call of an isolate waits for this, and not for the rest.
    #[must_use]
    pub fn read(environment: &impl Environment) -> Self {
        let (calls, _) = Self::read_apart(&mut Reader { environment, invalid: Vec::new() });
        if calls.settings.is_some() { calls } else { Self::read_with_names(environment) }
    }

    // Apart, as `Reader::note` is.
    #[cold]
    #[inline(never)]
    fn read_with_names(environment: &impl Environment) -> Self {
        Config::read(environment).calls
    }

    /// The same, with the SDKAppIDs, whatever else is invalid; what is invalid is with the reader.
    fn read_apart(reader: &mut Reader<'_, impl Environment>) -> (Self, Vec<SdkAppId>) {
        let environment = reader.environment;
        let ids = reader.required("SDK_APP_IDS", "must be set to your SDKAppIDs, separated by commas", app_ids);
        let shared_tokens = reader.tokens(TOKEN);
        let apps = ids.as_ref().and_then(|ids| {
            // Every app is read, even after an invalid one, so that all are named at once.
            let apps: Vec<_> = ids.iter().map(|&id| reader.app(id)).collect();
            apps.into_iter().collect::<Option<Vec<_>>>()
        });
        let allow_unsigned = reader.optional("ALLOW_UNSIGNED", false, flag);
        if let (Some(false), Some(apps), Some([])) = (allow_unsigned, apps.as_deref(), shared_tokens.as_deref()) {
            reader.miss_tokens(apps);
        }
        let webhook_path = reader.optional("WEBHOOK_PATH", "/".to_owned(), webhook_path);
        let sinks = reader.optional("SINKS", reader.default_sinks(), sinks);
        let are_bound = reader.bindings_of(sinks.as_deref().unwrap_or_default());
        let origin = reader
            .optional("ORIGIN_URL", None, |text| Ok(Some(OriginUrl::new(&text, |host| environment.ascii_host(host))?)));
        let wants_origin = sinks.as_ref().is_some_and(|sinks| sinks.contains(&Sink::Origin));
        let has_way = !wants_origin || reader.way_to_origin(origin.as_ref());

        // From here on an invalid setting switches off only what it is for.
        let retention_days = reader.whole("RETENTION_DAYS", RETENTION_DAYS);
        let plan = reader.optional("PLAN", Plan::default(), word).unwrap_or_default();
        let log = reader.optional("LOG", LogChoice::default(), word).unwrap_or_default();
        let d1_writes = reader.d1_writes(plan, sinks.as_deref());
        let has_metrics = webhook_path.as_deref() != Some(METRICS);

        let settings = (|| {
            Some(Settings {
                apps: apps?,
                shared_tokens: shared_tokens?,
                allow_unsigned: allow_unsigned?,
                webhook_path: webhook_path?,
                sinks: sinks?,
                origin_is_invalid: origin.is_none(),
                origin: origin.flatten(),
            })
        })();
        let calls = Self {
            settings: settings.filter(|_| are_bound && has_way),
            retention_seconds: retention_days.map(|days| days.saturating_mul(SECONDS_PER_DAY)),
            plan,
            log,
            d1_writes,
            has_metrics,
            invalid_names: Vec::new(),
        };
        (calls, ids.unwrap_or_default())
    }

    /// How events are stored.
    #[must_use]
    pub fn storing(&self) -> Storing {
        let has_kv = self.settings.as_ref().is_none_or(|settings| settings.sinks.contains(&Sink::Kv));
        let is_batched = self.d1_writes == D1Writes::Batched;
        Storing { retention_seconds: self.retention_seconds, has_kv, is_batched, hashes: None }
    }
}

impl Config {
    /// Reads all settings.
    #[must_use]
    pub fn read(environment: &impl Environment) -> Self {
        let mut reader = Reader { environment, invalid: Vec::new() };
        let (calls, ids) = CallConfig::read_apart(&mut reader);
        let retry_base_seconds = reader.whole("RETRY_BASE_SECONDS", RETRY_BASE_SECONDS);
        let delivery_hours = reader.whole("DELIVERY_HOURS", DELIVERY_HOURS).unwrap_or(DELIVERY_HOURS_DEFAULT);
        let delivery = DeliverySettings {
            retry_base_seconds: retry_base_seconds.unwrap_or(RETRY_BASE_SECONDS_DEFAULT),
            seconds: delivery_hours.saturating_mul(60 * 60),
            signing: reader.origin_signing(),
            on_fail: reader.optional("ORIGIN_FAIL", OnFail::default(), word).unwrap_or_default(),
        };
        let silence_hours = reader.whole("SILENCE_HOURS", SILENCE_HOURS).unwrap_or(SILENCE_HOURS_DEFAULT);
        let [admin_token, viewer_token, metrics_token] =
            ["ADMIN_TOKEN", "VIEWER_TOKEN", "METRICS_TOKEN"].map(|name| reader.api_token(name));
        let wording = Wording {
            language: reader.optional("ALERT_LANGUAGE", Language::default(), word).unwrap_or_default(),
            with_users: reader.optional("ALERT_USERS", false, flag).unwrap_or_default(),
            page: reader
                .optional("PAGE_URL", None, |text| page_url(text, |host| environment.ascii_host(host)))
                .flatten(),
        };
        let (targets, signing) = reader.alert_targets();
        let notify = Notify { targets, signing, wording };
        let tencent = reader.tencent(&ids);
        let compare_delivers = reader.optional("COMPARE_DELIVERS", false, flag).unwrap_or_default();
        let mut config = Self {
            calls,
            delivery,
            silence_hours: Some(silence_hours).filter(|hours| *hours > 0),
            admin_token,
            viewer_token,
            notify,
            tencent,
            compare_delivers,
            metrics_token,
            invalid_settings: reader.invalid,
        };
        if config.calls.settings.is_none() {
            config.calls.invalid_names = config.invalid_names().into_iter().map(str::to_owned).collect();
        }
        config
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

    /// Our app, if there is one only.
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
