//! Reads settings one after the other, and collects the invalid ones with the rules that they break.

use std::{ops::RangeInclusive, str::FromStr};

use strum::VariantArray;

use super::{App, InvalidSetting, Rule, TOKEN};
use crate::{
    alerts::notify::{
        service::Service,
        target::{Target, read_targets},
    },
    api_token::ApiToken,
    encoding::list_words,
    origin::{OriginSigning, OriginUrl},
    outgoing::https_url,
    plan::Plan,
    ports::{DB, DEAD_LETTERS, DELIVERIES, EVENT_LOG, Environment},
    routes,
    sink::{D1Writes, Sink},
    standard_webhooks::SigningSecret,
    tencent::{Access, region::Base, user_sig::SecretKey},
    webhook::{SdkAppId, auth::CallbackToken},
};

/// The administrator that the Chat console gives each app. [1047/34620, "App admin"]
const ADMIN_DEFAULT: &str = "administrator";

/// Most bytes of a UserID.
const ADMIN_BYTES_MAX: usize = 32;

/// Most characters of `PAGE_URL`, which goes into messages that may have 2,000.
const PAGE_URL_MAX: usize = 500;

/// Reads one setting after the other and collects the invalid ones.
pub struct Reader<'a, E> {
    pub environment: &'a E,
    pub invalid: Vec<InvalidSetting>,
}

impl<E: Environment> Reader<'_, E> {
    /// A setting that has to be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        missing: &'static str,
        parse: impl FnOnce(String) -> Result<T, Rule>,
    ) -> Option<T> {
        let value = self.environment.variable(name).ok_or(missing.into()).and_then(parse);
        self.valid(name, value)
    }

    /// A setting that may be left out.
    pub fn optional<T>(&mut self, name: &str, default: T, parse: impl FnOnce(String) -> Result<T, Rule>) -> Option<T> {
        let value = self.environment.variable(name).map_or(Ok(default), parse);
        self.valid(name, value)
    }

    /// The values of `name` and `{name}_PREVIOUS`; none if neither is set. A previous one alone is invalid: it would be the
    /// only one that is accepted.
    fn with_previous<T>(&mut self, name: &str, parse: impl Fn(String) -> Result<T, Rule>) -> Option<Vec<T>> {
        let parse = |text| parse(text).map(Some);
        let previous_name = [name, "_PREVIOUS"].concat();
        let current = self.optional(name, None, parse);
        let previous = self.optional(&previous_name, None, parse);
        let (current, previous) = (current?, previous?);
        let is_alone = previous.is_some() && current.is_none();
        self.check(&previous_name, "must not be set without the current one", !is_alone)?;
        Some(current.into_iter().chain(previous).collect())
    }

    /// A whole number within bounds: digits and nothing else. `None` if it is not set, or invalid.
    pub fn whole(&mut self, name: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let parse = |text: String| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let number = digits.then(|| text.parse().ok()).flatten().filter(|number| bounds.contains(number));
            let rule = || format!("must be a whole number from {} to {}", bounds.start(), bounds.end()).into();
            number.map(Some).ok_or_else(rule)
        };
        self.optional(name, None, parse).flatten()
    }

    pub fn tokens(&mut self, name: &str) -> Option<Vec<CallbackToken>> {
        self.with_previous(name, |text| Ok(CallbackToken::new(text)?))
    }

    pub fn origin_signing(&mut self) -> OriginSigning {
        match self.with_previous("ORIGIN_SECRET", |text| Ok(SigningSecret::new(&text)?)) {
            None => OriginSigning::Invalid,
            Some(secrets) => OriginSigning::With(secrets),
        }
    }

    pub fn api_token(&mut self, name: &str) -> Option<ApiToken> {
        self.optional(name, None, |text| Ok(Some(ApiToken::new(&text)?))).flatten()
    }

    /// Where messages about alerts go, and what signs those to servers of one's own. Without a secret, those get none.
    pub fn alert_targets(&mut self) -> (Vec<Target>, Option<SigningSecret>) {
        let name = "ALERT_URLS";
        let (mut targets, broken) = {
            let ascii_host = |host: &str| self.environment.ascii_host(host);
            self.environment.variable(name).map_or_else(Default::default, |text| read_targets(&text, &ascii_host))
        };
        self.valid(name, broken.map_or(Ok(()), |rule| Err(rule.into())));
        let secret = self.optional("ALERT_SECRET", None, |text| Ok(Some(SigningSecret::new(&text)?)));
        let unsigned = targets.iter().find(|target| target.service() == Service::Webhook).map(Target::position);
        if let (Some(position), Some(None)) = (unsigned, &secret) {
            let rule = format!("must be set: entry {position} of ALERT_URLS is a server of your own");
            self.check("ALERT_SECRET", rule, false);
        }
        let secret = secret.flatten();
        targets.retain(|target| secret.is_some() || target.service() != Service::Webhook);
        (targets, secret)
    }

    /// How Tencent's own data is asked for: if an app has a key, and all of it is valid.
    pub fn tencent(&mut self, apps: &[SdkAppId]) -> Option<Access> {
        let name = "TENCENT_SECRET_KEY";
        let key = |text| Ok(Some(SecretKey::new(text)?));
        let shared_key = self.optional(name, None, key);
        let own_keys: Vec<_> =
            apps.iter().map(|&app| (app, self.optional(&format!("{name}_{app}"), None, key))).collect();
        let admin = self.optional("TENCENT_ADMIN", ADMIN_DEFAULT.to_owned(), tencent_admin);
        let environment = self.environment;
        let base = self
            .optional("TENCENT_REGION", None, |text| Ok(Some(Base::read(&text, |host| environment.ascii_host(host))?)));
        let is_valid = shared_key.is_some() && own_keys.iter().all(|(_, key)| key.is_some());
        let own_keys: Vec<_> = own_keys.into_iter().filter_map(|(id, key)| Some((id, key.flatten()?))).collect();
        let shared_key = shared_key.flatten();
        let is_wanted = shared_key.is_some() || !own_keys.is_empty();
        if is_wanted && matches!(base, Some(None)) {
            self.check("TENCENT_REGION", format!("must be set to the region of your apps if {name} is set"), false);
        }
        let access = Access { shared_key, own_keys, admin: admin?, base: base?? };
        (is_wanted && is_valid).then_some(access)
    }

    pub fn app(&mut self, id: SdkAppId) -> Option<App> {
        self.tokens(&own_token(id)).map(|own_tokens| App { id, own_tokens })
    }

    /// Where events go unless `SINKS` says it: into KV, and into D1 if it is bound.
    pub fn default_sinks(&self) -> Vec<Sink> {
        let is_default = |sink: &Sink| *sink == Sink::Kv || *sink == Sink::D1 && self.environment.is_bound(DB);
        Sink::VARIANTS.iter().copied().filter(is_default).collect()
    }

    /// Whether all that `sinks` store in is bound. KV always has to be: dead letters are stored there.
    pub fn bindings_of(&mut self, sinks: &[Sink]) -> bool {
        let mut are_bound = true;
        for &sink in Sink::VARIANTS {
            let Some((name, what)) = sink.binding() else { continue };
            let is_always_needed = sink == Sink::Kv;
            if (is_always_needed || sinks.contains(&sink)) && !self.environment.is_bound(name) {
                let condition = if is_always_needed { String::new() } else { format!(" if SINKS has {}", sink.name()) };
                self.note(name, format!("must be bound to {what}{condition}").into());
                are_bound = false;
            }
        }
        are_bound
    }

    /// Whether there is a way to the origin. Whoever wants events there has to say where it is, and needs the queues on the
    /// way.
    #[inline(never)]
    pub fn way_to_origin(&mut self, origin: Option<&Option<OriginUrl>>) -> bool {
        let is_queue = |reader: &mut Self, name| {
            let is_bound = reader.environment.is_bound(name);
            reader.check(name, "must be bound to a queue if SINKS has origin", is_bound).is_some()
        };
        let queues = [DELIVERIES, DEAD_LETTERS].map(|name| is_queue(self, name));
        // An invalid one is named already.
        let is_set = |origin: &Option<_>| self.check("ORIGIN_URL", "must be set if SINKS has origin", origin.is_some());
        let has_url = origin.and_then(is_set).is_some();
        has_url && queues == [true; 2]
    }

    /// How events come into D1. By batches, they are in KV and on a queue at first, with three operations on it for each, which the free
    /// plan has for 3,333 events a day.
    pub fn d1_writes(&mut self, plan: Plan, sinks: Option<&[Sink]>) -> D1Writes {
        let wanted = self.optional("D1_WRITES", D1Writes::default(), word).unwrap_or_default();
        // Invalid ones are named already.
        match sinks.filter(|_| wanted == D1Writes::Batched) {
            Some(sinks) => self.batched(plan, sinks),
            None => D1Writes::Direct,
        }
    }

    #[inline(never)]
    fn batched(&mut self, plan: Plan, sinks: &[Sink]) -> D1Writes {
        let is_possible = plan == Plan::Paid && [Sink::Kv, Sink::D1].iter().all(|sink| sinks.contains(sink));
        let is_bound = [EVENT_LOG, DELIVERIES, DEAD_LETTERS].map(|name| self.environment.is_bound(name)) == [true; 3];
        let rule = "must be direct unless PLAN is paid, and SINKS has kv and d1";
        let bound_rule = "must be direct unless EVENT_LOG, DELIVERIES and DEAD_LETTERS are bound to queues";
        let is_valid = self.check("D1_WRITES", rule, is_possible).is_some()
            && self.check("D1_WRITES", bound_rule, is_bound).is_some();
        if is_valid { D1Writes::Batched } else { D1Writes::Direct }
    }

    /// Notes the tokens that apps lack, where none is shared and they may not do without: an app's own if other apps have
    /// theirs. Calls for such an app are rejected; those for the others are not.
    #[inline(never)]
    pub fn miss_tokens(&mut self, apps: &[App]) {
        const MISSING: &str = "must be set to the token in the Chat console, or ALLOW_UNSIGNED to true";
        let without: Vec<_> = apps.iter().filter(|app| app.own_tokens.is_empty()).collect();
        if without.len() == apps.len() {
            self.check(TOKEN, MISSING, false);
            return;
        }
        for app in without {
            self.check(&own_token(app.id), MISSING, false);
        }
    }

    /// Notes the rule that `name` breaks unless it is `valid`.
    fn check(&mut self, name: &str, rule: impl Into<Rule>, valid: bool) -> Option<()> {
        self.valid(name, valid.then_some(()).ok_or_else(|| rule.into()))
    }

    fn valid<T>(&mut self, name: &str, value: Result<T, Rule>) -> Option<T> {
        value.map_err(|rule| self.note(name, rule)).ok()
    }

    // Apart, so that valid settings are read by little code: an isolate's first call waits until that is compiled.
    #[cold]
    #[inline(never)]
    fn note(&mut self, name: &str, problem: Rule) {
        self.invalid.push(InvalidSetting { name: name.to_owned(), problem });
    }
}

/// Comma-separated SDKAppIDs, at least one, with or without spaces around them. A duplicate counts once.
pub fn app_ids(text: String) -> Result<Vec<SdkAppId>, Rule> {
    let mut ids = Vec::new();
    for id in text.split(',') {
        let id = SdkAppId::parse(id.trim_ascii()).ok_or("must be SDKAppIDs (digits only), separated by commas")?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The UserID of an administrator. [1047/34620: a UserID has at most 32 bytes]
pub fn tencent_admin(text: String) -> Result<String, Rule> {
    let is_valid = (1..=ADMIN_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
    is_valid.then_some(text).ok_or("must be the UserID of an administrator of your apps, of at most 32 bytes".into())
}

pub fn flag(text: String) -> Result<bool, Rule> {
    text.parse().map_err(|_| "must be true or false".into())
}

pub fn webhook_path(text: String) -> Result<String, Rule> {
    const RULE: &str = "must be a path of letters, digits, -._~ and /, and none that this Worker uses itself";
    routes::may_be_webhook_path(&text).then_some(text).ok_or(RULE.into())
}

/// The URL of the page.
pub fn page_url(text: String, ascii_host: impl FnOnce(&str) -> Option<String>) -> Result<Option<String>, Rule> {
    let url = https_url(&text, ascii_host)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or fragment".into());
    }
    if url.as_str().len() > PAGE_URL_MAX {
        return Err(format!("must have at most {PAGE_URL_MAX} characters").into());
    }
    Ok(Some(url.into()))
}

/// The names of sinks, one or more, with commas between them. They are given in their own order, each once.
pub fn sinks(text: String) -> Result<Vec<Sink>, Rule> {
    let named: Result<Vec<Sink>, _> = text.split(',').map(|name| name.trim_ascii().parse()).collect();
    let named = named.map_err(|_| rule_of_words::<Sink>("must be one or more of ", "and", ", separated by commas"))?;
    Ok(Sink::VARIANTS.iter().copied().filter(|sink| named.contains(sink)).collect())
}

/// A word of an enum.
pub fn word<T: FromStr + VariantArray + Copy + Into<&'static str>>(text: String) -> Result<T, Rule> {
    text.parse().map_err(|_| rule_of_words::<T>("must be ", "or", ""))
}

// Apart, as `note` is.
#[cold]
#[inline(never)]
fn rule_of_words<T: VariantArray + Copy + Into<&'static str>>(before: &str, conjunction: &str, behind: &str) -> Rule {
    [before, &list_words(T::VARIANTS, conjunction), behind].concat().into()
}

pub fn own_token(id: SdkAppId) -> String {
    [TOKEN, "_", &id.text()].concat()
}
