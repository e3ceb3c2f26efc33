//! Settings are read with the values that `url` and the standard library read, and what is invalid is named, with a rule that does
//! not quote it. The input is `NAME=value` texts with a NUL between them, after a text of the letters of the bindings.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use unfollow_webhook::{
    config::Config,
    origin::{OriginSigning, OriginUrl},
    plan::Plan,
    ports::{DB, DEAD_LETTERS, DELIVERIES, EVENT_LOG, EVENTS, Environment},
    standard_webhooks::SigningSecret,
    webhook::{SdkAppId, auth::Policy},
};
use url::{Host, Url};

/// Settings of which an invalid one switches off only what it is for.
const SWITCHED_OFF: [&str; 20] = [
    "ORIGIN_URL",
    "RETENTION_DAYS",
    "RETRY_BASE_SECONDS",
    "DELIVERY_HOURS",
    "ORIGIN_SECRET",
    "ORIGIN_SECRET_PREVIOUS",
    "PLAN",
    "ADMIN_TOKEN",
    "VIEWER_TOKEN",
    "ALERT_LANGUAGE",
    "ALERT_SECRET",
    "ALERT_URLS",
    "ALERT_USERS",
    "PAGE_URL",
    "METRICS_TOKEN",
    "COMPARE_DELIVERS",
    "D1_WRITES",
    "LOG",
    "ORIGIN_FAIL",
    "SILENCE_HOURS",
];

/// The variables, and the letters of the bindings.
struct Text<'a> {
    variables: HashMap<&'a str, &'a str>,
    bindings: &'a str,
}

impl Environment for Text<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|text| (*text).to_owned())
    }

    fn is_bound(&self, name: &str) -> bool {
        let letters = [(EVENTS, 'e'), (DB, 'd'), (DELIVERIES, 'q'), (DEAD_LETTERS, 'l'), (EVENT_LOG, 'b')];
        letters.iter().any(|(binding, letter)| *binding == name && self.bindings.contains(*letter))
    }

    fn ascii_host(&self, _: &str) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.variables.keys().map(|name| (*name).to_owned()).collect()
    }
}

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let bindings = parts.next().unwrap_or_default();
    let environment = Text { variables: parts.filter_map(|part| part.split_once('=')).collect(), bindings };
    let config = Config::read(&environment);
    let variables = &environment.variables;
    let [events, database, deliveries, dead_letters] =
        [EVENTS, DB, DELIVERIES, DEAD_LETTERS].map(|name| environment.is_bound(name));

    let invalid = config.invalid_names();
    let is_invalid = |name: &str| invalid.contains(&name);
    for (at, name) in invalid.iter().enumerate() {
        assert!(!invalid[..at].contains(name), "{name} is named twice");
        let is_binding = [EVENTS, DB, DELIVERIES, DEAD_LETTERS].contains(name);
        let may_be_missing = ["SDK_APP_IDS", "ORIGIN_URL", "ALERT_SECRET", "TENCENT_REGION"];
        let is_missing = may_be_missing.contains(name) || name.starts_with("CALLBACK_TOKEN");
        assert!(is_binding || is_missing || variables.contains_key(name), "{name} was not set");
    }
    let tokens = [
        ("ADMIN_TOKEN", &config.admin_token),
        ("VIEWER_TOKEN", &config.viewer_token),
        ("METRICS_TOKEN", &config.metrics_token),
    ];
    for (name, token) in tokens {
        assert_eq!(token.is_some(), variables.contains_key(name) && !is_invalid(name));
    }
    assert_eq!(config.calls.plan == Plan::Paid, variables.get("PLAN") == Some(&"paid"));
    let Some(settings) = &config.calls.settings else {
        let is_switched_off = |name: &&str| SWITCHED_OFF.contains(name) || name.starts_with("TENCENT_");
        let rejects = |name: &&str| !is_switched_off(name) || *name == "ORIGIN_URL";
        return assert!(invalid.iter().any(rejects), "calls are rejected, and no setting says why: {invalid:?}");
    };

    let trimmed = |name: &str| -> Vec<&str> { variables[name].split(',').map(str::trim_ascii).collect() };
    let apps: Vec<u64> = settings.apps().map(SdkAppId::get).collect();
    let mut second: Vec<u64> = Vec::new();
    for app in trimmed("SDK_APP_IDS").into_iter().map(|id| id.parse().expect("digits")) {
        if !second.contains(&app) {
            second.push(app);
        }
    }
    assert_eq!(apps, second);
    let sinks: Vec<_> = settings.sinks.iter().map(|sink| sink.name()).collect();
    match variables.contains_key("SINKS") {
        true => {
            let names = trimmed("SINKS");
            assert!(names.iter().all(|name| ["kv", "d1", "origin"].contains(name)));
            assert!(["kv", "d1", "origin"].iter().filter(|name| names.contains(name)).eq(sinks.iter()));
        }
        false => assert_eq!(sinks, if database { &["kv", "d1"][..] } else { &["kv"] }),
    }
    assert!(events && (database || !sinks.contains(&"d1")));
    assert!(!sinks.contains(&"origin") || deliveries && dead_letters && settings.origin.is_some());
    let number = |name: &str| {
        let text = variables.get(name).filter(|_| !is_invalid(name))?;
        assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
        text.parse::<u64>().ok()
    };
    assert_eq!(config.calls.retention_seconds, number("RETENTION_DAYS").map(|days| days * 24 * 60 * 60));
    assert_eq!(config.delivery.retry_base_seconds, number("RETRY_BASE_SECONDS").unwrap_or(5));
    assert_eq!(config.delivery.seconds, number("DELIVERY_HOURS").unwrap_or(72) * 60 * 60);
    assert_eq!(settings.webhook_path, *variables.get("WEBHOOK_PATH").unwrap_or(&"/"));

    assert_eq!(settings.origin_is_invalid, variables.contains_key("ORIGIN_URL") && settings.origin.is_none());
    if let Some(origin) = &settings.origin {
        let second = Url::parse(variables["ORIGIN_URL"]).expect("a URL");
        let stored = origin.with_query("");
        assert_eq!(stored, second.as_str());
        let is_loopback = match second.host().expect("a host") {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        assert!(second.scheme() == "https" || second.scheme() == "http" && is_loopback);
        assert!(second.username().is_empty() && second.password().is_none() && second.port() != Some(0));
        assert!(second.query().is_none() && second.fragment().is_none());
        assert!(is_loopback || matches!(second.host(), Some(Host::Domain(_))));
        // What was stored is read back the same, and takes a query.
        assert_eq!(OriginUrl::new(&stored, |_| None).as_ref(), Ok(origin));
        assert_eq!(Url::parse(&origin.with_query("a=1")).expect("a URL").query(), Some("a=1"));
    }
    if let OriginSigning::With(secrets) = &config.delivery.signing {
        let set = ["ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"].iter().filter(|name| variables.contains_key(**name));
        assert_eq!(secrets.len(), set.count());
        for secret in secrets {
            assert!(secret.sign("id", 0, "").starts_with("v1,"));
        }
    } else {
        assert!(is_invalid("ORIGIN_SECRET") || is_invalid("ORIGIN_SECRET_PREVIOUS"));
    }
    for app in settings.apps() {
        let signs = settings.signing_token(app).is_some();
        let printed = match settings.policy(app) {
            Policy::Signed(tokens) => {
                assert!(signs && !tokens.is_empty());
                format!("Signed([{}])", vec!["CallbackToken(hidden)"; tokens.len()].join(", "))
            }
            Policy::Unsigned => {
                assert!(!signs && variables["ALLOW_UNSIGNED"] == "true");
                "Unsigned".to_owned()
            }
            Policy::Closed => {
                assert!(!signs && invalid.iter().any(|name| name.starts_with("CALLBACK_TOKEN")));
                "Closed".to_owned()
            }
        };
        // No token is printed.
        assert_eq!(format!("{:?}", settings.policy(app)), printed);
    }
    for text in ["ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"].iter().filter_map(|name| variables.get(name)) {
        match SigningSecret::new(text) {
            Ok(secret) => assert_eq!(format!("{secret:?}"), "SigningSecret(hidden)"),
            // It says which part is broken, without the part.
            Err(rule) => assert!(rule.starts_with("must ") && (text.len() < 40 || !rule.contains(&**text))),
        }
    }
});
