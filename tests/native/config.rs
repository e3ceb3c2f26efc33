//! The settings: each variable missing, empty, broken and fine; what is at fault by name, and never by value.

use std::cell::RefCell;

use proptest::prelude::*;
use unfollow_webhook::{
    config::{Config, EVENTS},
    reply::Reply,
    webhook::{
        SdkAppId,
        auth::{AuthFault, CallbackToken, Policy},
    },
};

use crate::samples::{APP, TOKEN, config};

/// Settings that are fine as they are, with `changed` set and, where it is `None`, not set.
fn with(changed: &[(&str, Option<&str>)]) -> Config {
    let mut variables = vec![("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)];
    variables.retain(|(name, _)| changed.iter().all(|(it, _)| it != name));
    variables.extend(changed.iter().filter_map(|(name, text)| text.map(|text| (*name, text))));
    config(&variables)
}

/// Whether a call for `app` that is signed with `token`, or not signed, is authentic.
fn check(config: &Config, app: Option<&str>, token: Option<&str>) -> Result<(), AuthFault> {
    let settings = config.settings.as_ref().unwrap();
    let policy = match app {
        Some(app) => settings.policy(SdkAppId::parse(app).unwrap()),
        None => settings.policy_without_app(),
    };
    let sign = token.map(|token| CallbackToken::new(token.to_owned()).unwrap().sign("1702018344").to_hex());
    policy.check((), sign.as_deref(), sign.as_ref().map(|_| "1702018344"), 1_702_018_344_000).map(|_| ())
}

#[test]
fn the_least_that_works_is_an_app_and_its_token() {
    let config = with(&[]);
    let settings = config.settings.unwrap();
    assert!(config.at_fault.is_empty());
    assert_eq!((settings.webhook_path.as_str(), settings.retention_seconds), ("/", None));
    assert!(
        settings.is_ours(SdkAppId::parse(APP).unwrap()) && !settings.is_ours(SdkAppId::parse("1400000001").unwrap())
    );
}

#[test]
fn a_broken_setting_that_decides_who_may_call_or_where_events_go_stops_every_call() {
    let long = "t".repeat(129);
    let own = format!("CALLBACK_TOKEN_{APP}");
    let own_previous = format!("{own}_PREVIOUS");
    for (name, broken) in [
        (
            "SDK_APP_IDS",
            &[
                "",
                " ",
                ",",
                "1400000000,",
                ",1400000000",
                "0",
                "01400000000",
                "+1400000000",
                "-1",
                "1.0",
                "app",
                "1;2",
                "1 2",
                "１４",
                "1234567890123456",
            ][..],
        ),
        ("CALLBACK_TOKEN", &["", &long, "x\n", "\0"]),
        ("CALLBACK_TOKEN_PREVIOUS", &["", &long, "x\n"]),
        (&own, &["", &long, "x\r"]),
        ("ALLOW_UNSIGNED", &["", "TRUE", "True", "1", "0", "yes", "no", " true", "true ", "null"]),
        (
            "WEBHOOK_PATH",
            &[
                "",
                "hook",
                "https://example.com/hook",
                "/hook?x=1",
                "/a b",
                "/%20",
                "/ü",
                "//",
                "/a//b",
                "/../a",
                "/healthz",
                "/v1",
                "/v1/x",
                "/dashboard",
                "/dashboard/x",
                "/openapi.json",
            ],
        ),
        ("SINKS", &["", "disk", "KV", "kv,", "kv,kv", " kv"]),
    ] {
        for text in broken {
            let config = with(&[(name, Some(text))]);
            assert!(config.settings.is_none(), "{name}={text:?}");
            assert_eq!(config.at_fault, [name], "{name}={text:?}");
        }
    }
    for text in ["", &long, "x\n"] {
        let config = with(&[(&own, Some("own")), (&own_previous, Some(text))]);
        assert!(config.settings.is_none());
        assert_eq!(config.at_fault, [own_previous.as_str()], "{text:?}");
    }
}

#[test]
fn a_fine_setting_is_no_fault() {
    let (long, emoji) = ("t".repeat(128), "🔑".repeat(128));
    let own = format!("CALLBACK_TOKEN_{APP}");
    for (name, fine) in [
        (
            "SDK_APP_IDS",
            &["1400000000", " 1400000000 ", "1400000000,20000001", "1400000000 , 20000001", "1", "999999999999999"][..],
        ),
        ("CALLBACK_TOKEN", &["x", &long, &emoji, " "]),
        ("CALLBACK_TOKEN_PREVIOUS", &["x", &long, TOKEN]),
        (&own, &["x", &long]),
        ("ALLOW_UNSIGNED", &["true", "false"]),
        ("WEBHOOK_PATH", &["/", "/hook", "/hook/", "/tencent/chat.v1", "/a-b_c~d", "/v1hook", "/hook/healthz"]),
        ("SINKS", &["kv"]),
        ("RETENTION_DAYS", &["1", "90", "3650"]),
    ] {
        for text in fine {
            let config = with(&[(name, Some(text))]);
            assert!(config.settings.is_some(), "{name}={text:?}: {:?}", config.at_fault);
            assert!(config.at_fault.is_empty(), "{name}={text:?}: {:?}", config.at_fault);
        }
    }
}

#[test]
fn what_must_be_there_is_named_where_it_is_missing() {
    assert_eq!(with(&[("SDK_APP_IDS", None)]).at_fault, ["SDK_APP_IDS"]);
    let without_kv =
        Config::read(|name| (name == "SDK_APP_IDS" || name == "CALLBACK_TOKEN").then(|| APP.to_owned()), false);
    assert!(without_kv.settings.is_none());
    assert_eq!(without_kv.at_fault, [EVENTS]);
    let nothing = Config::read(|_| None, false);
    assert!(nothing.settings.is_none());
    assert!(nothing.at_fault.contains(&"SDK_APP_IDS".to_owned()) && nothing.at_fault.contains(&EVENTS.to_owned()));
}

#[test]
fn all_faults_are_named_at_once() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let all = [
        ("CALLBACK_TOKEN", ""),
        ("CALLBACK_TOKEN_PREVIOUS", ""),
        (own.as_str(), ""),
        ("ALLOW_UNSIGNED", ""),
        ("WEBHOOK_PATH", ""),
        ("SINKS", ""),
        ("RETENTION_DAYS", ""),
    ];
    let mut variables = vec![("SDK_APP_IDS", APP)];
    variables.extend(all);
    let mut named = config(&variables).at_fault;
    named.sort();
    let mut expected: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[test]
fn a_missing_token_is_named_beside_the_other_faults() {
    let config = config(&[("SDK_APP_IDS", APP), ("SINKS", "disk"), ("WEBHOOK_PATH", "hook")]);
    for name in ["SINKS", "WEBHOOK_PATH", "CALLBACK_TOKEN"] {
        assert!(config.at_fault.contains(&name.to_owned()), "{name}: {:?}", config.at_fault);
    }
}

#[test]
fn a_name_at_fault_stands_there_once() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let doubled = format!("{APP},{APP},1");
    for variables in [
        [("SDK_APP_IDS", doubled.as_str()), ("CALLBACK_TOKEN", TOKEN), (&own, "")],
        [("SDK_APP_IDS", &doubled), ("ALLOW_UNSIGNED", "false"), ("CALLBACK_TOKEN_1", "x")],
        [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", ""), ("CALLBACK_TOKEN_PREVIOUS", "")],
    ] {
        let mut named = config(&variables).at_fault;
        let all = named.len();
        named.sort();
        named.dedup();
        assert_eq!(named.len(), all, "{variables:?}: {named:?}");
    }
}

#[test]
fn a_previous_token_without_a_current_one_is_a_fault() {
    let shared = with(&[("CALLBACK_TOKEN", None), ("CALLBACK_TOKEN_PREVIOUS", Some("old"))]);
    assert!(shared.settings.is_none());
    assert_eq!(shared.at_fault, ["CALLBACK_TOKEN_PREVIOUS"]);

    // The shared token is no current one of the app's own.
    let own_previous = format!("CALLBACK_TOKEN_{APP}_PREVIOUS");
    let own = with(&[(&own_previous, Some("old"))]);
    assert!(own.settings.is_none());
    assert_eq!(own.at_fault, [own_previous]);
}

#[test]
fn the_current_and_the_previous_token_are_accepted_together() {
    let config = with(&[("CALLBACK_TOKEN_PREVIOUS", Some("old"))]);
    for (token, verdict) in [(TOKEN, Ok(())), ("old", Ok(())), ("other", Err(AuthFault::SignMismatch))] {
        assert_eq!(check(&config, Some(APP), Some(token)), verdict, "{token}");
        assert_eq!(check(&config, None, Some(token)), verdict, "{token}, without an app");
    }
}

#[test]
fn an_app_with_its_own_tokens_accepts_these_and_no_longer_the_shared_ones() {
    let config = with(&[
        ("SDK_APP_IDS", Some("1,2")),
        ("CALLBACK_TOKEN_PREVIOUS", Some("old")),
        ("CALLBACK_TOKEN_2", Some("own")),
        ("CALLBACK_TOKEN_2_PREVIOUS", Some("own before")),
    ]);
    let mismatch = Err(AuthFault::SignMismatch);
    for (token, first, second) in [
        (TOKEN, Ok(()), mismatch),
        ("old", Ok(()), mismatch),
        ("own", mismatch, Ok(())),
        ("own before", mismatch, Ok(())),
    ] {
        assert_eq!(check(&config, Some("1"), Some(token)), first, "{token}");
        assert_eq!(check(&config, Some("2"), Some(token)), second, "{token}");
        assert_eq!(check(&config, None, Some(token)), Ok(()), "{token}, without an app");
    }
    assert_eq!(check(&config, None, None), Err(AuthFault::SignMissing));
}

#[test]
fn a_token_of_an_app_that_is_not_ours_is_not_read() {
    let config = with(&[("CALLBACK_TOKEN_2", Some("theirs"))]);
    assert_eq!(check(&config, None, Some("theirs")), Err(AuthFault::SignMismatch));
}

#[test]
fn unsigned_calls_are_for_apps_without_a_token() {
    let allowed = Some("true");
    let none = with(&[("CALLBACK_TOKEN", None), ("ALLOW_UNSIGNED", allowed)]);
    assert!(none.at_fault.is_empty());
    assert_eq!((check(&none, Some(APP), None), check(&none, None, None)), (Ok(()), Ok(())));

    let shared = with(&[("ALLOW_UNSIGNED", allowed)]);
    assert_eq!(check(&shared, Some(APP), None), Err(AuthFault::SignMissing));
    assert_eq!(check(&shared, None, None), Err(AuthFault::SignMissing));

    let one = with(&[
        ("SDK_APP_IDS", Some("1,2")),
        ("CALLBACK_TOKEN", None),
        ("CALLBACK_TOKEN_2", Some("own")),
        ("ALLOW_UNSIGNED", allowed),
    ]);
    assert_eq!(check(&one, Some("1"), None), Ok(()));
    assert_eq!(check(&one, Some("2"), None), Err(AuthFault::SignMissing));
    // A token is configured, so a call that does not say for which app it is has to be signed.
    assert_eq!(check(&one, None, None), Err(AuthFault::SignMissing));
}

#[test]
fn an_app_without_a_token_is_at_fault_where_unsigned_calls_are_not_allowed() {
    for refused in [None, Some("false")] {
        let none = with(&[("CALLBACK_TOKEN", None), ("ALLOW_UNSIGNED", refused)]);
        assert_eq!(none.at_fault, ["CALLBACK_TOKEN"]);
        // The Worker goes on: each such call gets the 401 that says so.
        assert_eq!(check(&none, Some(APP), Some("any")), Err(AuthFault::Closed));

        let one = with(&[
            ("SDK_APP_IDS", Some("1,2,3")),
            ("CALLBACK_TOKEN", None),
            ("CALLBACK_TOKEN_2", Some("own")),
            ("ALLOW_UNSIGNED", refused),
        ]);
        assert_eq!(one.at_fault, ["CALLBACK_TOKEN_1", "CALLBACK_TOKEN_3"]);
        assert_eq!(check(&one, Some("2"), Some("own")), Ok(()));
        assert_eq!(check(&one, Some("1"), Some("own")), Err(AuthFault::Closed));
    }
}

#[test]
fn a_broken_retention_switches_off_only_the_expiry() {
    for text in ["", "0", "3651", "-1", "+90", "1.5", "90d", " 90", "soon", "18446744073709551616"] {
        let config = with(&[("RETENTION_DAYS", Some(text))]);
        assert_eq!(config.at_fault, ["RETENTION_DAYS"], "{text:?}");
        assert_eq!(config.settings.unwrap().retention_seconds, None, "{text:?}");
    }
    for (text, seconds) in [("1", 86_400), ("90", 7_776_000), ("3650", 315_360_000)] {
        assert_eq!(with(&[("RETENTION_DAYS", Some(text))]).settings.unwrap().retention_seconds, Some(seconds));
    }
}

#[test]
fn healthz_tells_the_version_or_what_to_mend() {
    let fine = Reply::health(&with(&[]));
    assert_eq!(fine.status, 200);
    assert!(fine.body.contains(concat!('"', env!("CARGO_PKG_VERSION"), '"')), "{}", fine.body);
    for (config, names) in [
        (with(&[("SINKS", Some("disk"))]), &["SINKS"][..]),
        (with(&[("RETENTION_DAYS", Some("soon"))]), &["RETENTION_DAYS"]),
        (with(&[("CALLBACK_TOKEN", None)]), &["CALLBACK_TOKEN"]),
        (Config::read(|_| None, false), &["SDK_APP_IDS", EVENTS]),
    ] {
        let ill = Reply::health(&config);
        assert_eq!(ill.status, 503, "{names:?}");
        assert!(names.iter().all(|name| ill.body.contains(&format!("\"{name}\""))), "{}", ill.body);
        assert!(serde_json::from_str::<serde_json::Value>(&ill.body).unwrap().is_object());
    }
}

#[test]
fn debug_hides_the_tokens() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let previous = format!("{own}_PREVIOUS");
    let config = with(&[
        ("CALLBACK_TOKEN", Some("secret-1")),
        ("CALLBACK_TOKEN_PREVIOUS", Some("secret-2")),
        (&own, Some("secret-3")),
        (&previous, Some("secret-4")),
    ]);
    assert!(config.settings.is_some());
    assert!(!format!("{config:?} {config:#?}").contains("secret"));
    let token = CallbackToken::new("secret-5".to_owned()).unwrap();
    let sign = token.sign("1702018344");
    let policy = Policy::Signed(vec![&token]);
    let shown = format!("{token:?} {sign:?} {policy:?}");
    assert!(!shown.contains("secret") && !shown.contains(&sign.to_hex()), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the variables hold, only names of variables that were read are at fault, and no value shows.
    #[test]
    fn what_is_at_fault_is_a_name(
        texts in proptest::collection::vec(proptest::option::of(any::<String>()), 9),
        sane in any::<[bool; 9]>(),
        has_events in any::<bool>(),
    ) {
        let names = [
            "SDK_APP_IDS", "CALLBACK_TOKEN", "CALLBACK_TOKEN_PREVIOUS", "CALLBACK_TOKEN_1400000000",
            "CALLBACK_TOKEN_1400000000_PREVIOUS", "ALLOW_UNSIGNED", "WEBHOOK_PATH", "SINKS", "RETENTION_DAYS",
        ];
        let fine = [APP, "secret", "secret", "secret", "secret", "true", "/secret", "kv", "90"];
        let asked = RefCell::new(vec![EVENTS.to_owned()]);
        let config = Config::read(|name| {
            asked.borrow_mut().push(name.to_owned());
            let at = names.iter().position(|it| *it == name)?;
            if sane[at] { Some(fine[at].to_owned()) } else { texts[at].as_ref().map(|text| format!("\u{1}secret{text}")) }
        }, has_events);
        for name in &config.at_fault {
            prop_assert!(asked.borrow().contains(name));
            prop_assert!(!name.contains("secret"));
        }
        let distinct: std::collections::HashSet<_> = config.at_fault.iter().collect();
        prop_assert_eq!(distinct.len(), config.at_fault.len());
        prop_assert!(config.settings.is_some() || !config.at_fault.is_empty());
        let reply = Reply::health(&config);
        prop_assert_eq!(reply.status == 200, config.at_fault.is_empty());
        prop_assert!(!reply.body.contains("secret"));
    }
}
