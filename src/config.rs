//! The settings, read once through a look-up function, so that they can be read without a runtime.
//!
//! A broken setting that decides who may call, or where events go, leaves no [`Settings`]: each call is then
//! refused. Any other broken one switches off only what it is for. Both are named in [`Config::at_fault`],
//! names only, never values.

use crate::{
    routes,
    webhook::{
        SdkAppId,
        auth::{CallbackToken, Policy},
    },
};

/// Bounds of `RETENTION_DAYS`.
const RETENTION_DAYS: std::ops::RangeInclusive<u64> = 1..=3650;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Name of the callback token that all apps share; an app's own has its SDKAppID behind it.
const TOKEN: &str = "CALLBACK_TOKEN";

/// Name of the KV binding that holds the events.
pub const EVENTS: &str = "EVENTS";

/// What was read: the settings, unless one that calls depend on is broken, and the names at fault.
#[derive(Clone, Debug)]
pub struct Config {
    /// `None` where each call is to be refused.
    pub settings: Option<Settings>,
    /// The variables, secrets and bindings to mend, each once, in the order of reading.
    pub at_fault: Vec<String>,
}

/// Settings that can be worked with.
#[derive(Clone, Debug)]
pub struct Settings {
    apps: Vec<App>,
    shared_tokens: Vec<CallbackToken>,
    allow_unsigned: bool,
    /// Where the webhook lives; `/` unless set.
    pub webhook_path: String,
    /// How long an event is kept, in seconds from its receipt; `None` keeps it for good.
    pub retention_seconds: Option<u64>,
}

/// One app of ours.
#[derive(Clone, Debug)]
struct App {
    id: SdkAppId,
    /// Its own tokens: the current one, then the previous one. Where there are any, the shared ones do not count.
    own_tokens: Vec<CallbackToken>,
}

impl Config {
    /// Reads all settings. `lookup` gives the text of a variable or secret, `None` where it is not set;
    /// `has_events` tells whether the KV binding [`EVENTS`] is there.
    #[must_use]
    pub fn read(lookup: impl Fn(&str) -> Option<String>, has_events: bool) -> Self {
        let mut reader = Reader { lookup, at_fault: Vec::new() };
        let ids = reader.required("SDK_APP_IDS", app_ids);
        let shared_tokens = reader.tokens(TOKEN);
        let apps = ids.and_then(|ids| {
            // Every app is read, even after a fault, so that all faults are named at once.
            let apps: Vec<_> = ids.into_iter().map(|id| reader.app(id)).collect();
            apps.into_iter().collect::<Option<Vec<_>>>()
        });
        let allow_unsigned = reader.optional("ALLOW_UNSIGNED", false, flag);
        if allow_unsigned == Some(false) {
            reader.miss_tokens(apps.as_deref(), shared_tokens.as_deref());
        }
        let webhook_path = reader.optional("WEBHOOK_PATH", "/".to_owned(), webhook_path);
        let sinks = reader.optional("SINKS", (), kv_only);
        let events = reader.check(EVENTS, has_events);
        // From here on a fault switches off only what the setting is for.
        let retention_seconds = reader.optional("RETENTION_DAYS", None, retention_seconds).flatten();

        let at_fault = reader.at_fault;
        let settings = match (apps, shared_tokens, allow_unsigned, webhook_path, sinks, events) {
            (Some(apps), Some(shared_tokens), Some(allow_unsigned), Some(webhook_path), Some(()), Some(())) => {
                Some(Settings { apps, shared_tokens, allow_unsigned, webhook_path, retention_seconds })
            }
            _ => None,
        };
        Self { settings, at_fault }
    }
}

impl Settings {
    /// Whether this SDKAppID is one of ours.
    #[must_use]
    pub fn is_ours(&self, id: SdkAppId) -> bool {
        self.apps.iter().any(|app| app.id == id)
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

/// Reads one setting after the other and collects the names of those at fault.
struct Reader<F> {
    lookup: F,
    at_fault: Vec<String>,
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

    /// The tokens `name` and `{name}_PREVIOUS`; none where neither is set. A previous one alone is a fault:
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
    /// theirs. Calls for such an app are refused; those for the others are not.
    fn miss_tokens(&mut self, apps: Option<&[App]>, shared: Option<&[CallbackToken]>) {
        let (Some(apps), Some([])) = (apps, shared) else { return };
        let without: Vec<_> = apps.iter().filter(|app| app.own_tokens.is_empty()).collect();
        if without.len() == apps.len() {
            self.check(TOKEN, false);
        } else {
            self.at_fault.extend(without.into_iter().map(|app| own_token(app.id)));
        }
    }

    /// Notes a fault in `name` unless it is `right`.
    fn check(&mut self, name: &str, right: bool) -> Option<()> {
        if !right {
            self.at_fault.push(name.to_owned());
        }
        right.then_some(())
    }
}

/// Comma-separated SDKAppIDs, at least one, with or without spaces around them. One that stands twice counts once.
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

/// `SINKS`: this version keeps events in KV and nowhere else.
fn kv_only(text: String) -> Option<()> {
    (text == "kv").then_some(())
}

fn retention_seconds(text: String) -> Option<Option<u64>> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let days = digits.then(|| text.parse().ok()).flatten().filter(|days| RETENTION_DAYS.contains(days))?;
    days.checked_mul(SECONDS_PER_DAY).map(Some)
}

fn own_token(id: SdkAppId) -> String {
    format!("{TOKEN}_{id}")
}
