//! The settings: each variable missing, empty, invalid and valid; invalid ones are named, and no value is ever shown.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::Deserialize;
use unfollow_webhook::{
    api_token::ApiToken,
    config::{CallConfig, Config, InvalidSetting, unknown::Names},
    origin::OriginSigning,
    plan::Plan,
    ports::{DB, DEAD_LETTERS, DELIVERIES, EVENTS},
    response::Response,
    sink::Sink,
    standard_webhooks::SigningSecret,
    webhook::{
        SdkAppId,
        auth::{AuthError, CallbackToken, Policy},
    },
};

use crate::{
    ports::FakeEnvironment,
    samples::{APP, BOUND, BOUND_WITHOUT_DATABASE, ORIGIN, ORIGIN_SECRET, TOKEN, UNBOUND, config, config_with},
};

/// All bindings but these.
fn without(names: &[&str]) -> Vec<&'static str> {
    BOUND.iter().copied().filter(|name| !names.contains(name)).collect()
}

/// Valid settings with `changed` in them: a text is set, `None` is not set.
fn with(changed: &[(&str, Option<&str>)]) -> Config {
    let mut variables = vec![("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)];
    variables.retain(|(name, _)| changed.iter().all(|(it, _)| it != name));
    variables.extend(changed.iter().filter_map(|(name, text)| text.map(|text| (*name, text))));
    config(&variables)
}

/// Whether a call for `app` that is signed with `token`, or not signed, is authentic.
fn check(config: &Config, app: Option<&str>, token: Option<&str>) -> Result<(), AuthError> {
    let settings = config.calls.settings.as_ref().unwrap();
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
    assert_eq!((config.delivery.retry_base_seconds, config.delivery.seconds), (5, 72 * 3600));
    let settings = config.calls.settings.unwrap();
    assert!(config.invalid_settings.is_empty());
    assert_eq!((settings.webhook_path.as_str(), config.calls.retention_seconds), ("/", None));
    assert!(
        settings.is_ours(SdkAppId::parse(APP).unwrap()) && !settings.is_ours(SdkAppId::parse("1400000001").unwrap())
    );
}

#[test]
fn an_invalid_setting_that_decides_who_may_call_or_where_events_go_stops_every_call() {
    let long = "t".repeat(129);
    let own = format!("CALLBACK_TOKEN_{APP}");
    let own_previous = format!("{own}_PREVIOUS");
    for (name, invalid) in [
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
        ("CALLBACK_TOKEN", &["", &long, "x\n", "\0", " ", "x ", " x"]),
        ("CALLBACK_TOKEN_PREVIOUS", &["", &long, "x\n", "x "]),
        (&own, &["", &long, "x\r", "x "]),
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
        ("SINKS", &["", "disk", "KV", "D1", "kv,", ",kv", "kv;origin", "kv origin", "kv,d2", "d1,,kv", "none"]),
    ] {
        for text in invalid {
            let config = with(&[(name, Some(text))]);
            assert!(config.calls.settings.is_none(), "{name}={text:?}");
            assert_eq!(config.invalid_names(), [name], "{name}={text:?}");
        }
    }
    for text in ["", &long, "x\n", "x "] {
        let config = with(&[(&own, Some("own")), (&own_previous, Some(text))]);
        assert!(config.calls.settings.is_none());
        assert_eq!(config.invalid_names(), [own_previous.as_str()], "{text:?}");
    }
}

#[test]
fn a_valid_setting_is_not_named() {
    let (long, emoji) = ("t".repeat(128), "🔑".repeat(128));
    let own = format!("CALLBACK_TOKEN_{APP}");
    for (name, valid) in [
        (
            "SDK_APP_IDS",
            &["1400000000", " 1400000000 ", "1400000000,20000001", "1400000000 , 20000001", "1", "999999999999999"][..],
        ),
        ("CALLBACK_TOKEN", &["x", &long, &emoji, "x y"]),
        ("CALLBACK_TOKEN_PREVIOUS", &["x", &long, TOKEN]),
        (&own, &["x", &long]),
        ("ALLOW_UNSIGNED", &["true", "false"]),
        ("WEBHOOK_PATH", &["/", "/hook", "/hook/", "/tencent/chat.v1", "/a-b_c~d", "/v1hook", "/hook/healthz"]),
        ("SINKS", &["kv", " kv", "kv,kv", "d1", "d1,kv", "d1,d1"]),
        (
            "ORIGIN_URL",
            &[
                ORIGIN,
                "https://example.com",
                "https://example.com:8443/a/b/",
                "https://example.com/%20/x;y=1",
                "http://127.0.0.1:3000/x",
                "http://localhost:3000",
                "http://[::1]:3000/",
            ],
        ),
        ("RETRY_BASE_SECONDS", &["1", "5", "3600"]),
        ("DELIVERY_HOURS", &["1", "20", "72", "90"]),
        ("ORIGIN_SECRET", &[ORIGIN_SECRET, &secret(24), &secret(64)]),
        ("ADMIN_TOKEN", &["0123456789abcdef", "!~#$%&'()*+,-./:;<=>?@"]),
        ("VIEWER_TOKEN", &["0123456789abcdef", "!~#$%&'()*+,-./:;<=>?@"]),
        ("METRICS_TOKEN", &["0123456789abcdef", "!~#$%&'()*+,-./:;<=>?@"]),
        ("PLAN", &["free", "paid"]),
        ("ORIGIN_FAIL", &["accept", "retry"]),
        ("LOG", &["all", "problems"]),
        ("D1_WRITES", &["direct"]),
        ("RETENTION_DAYS", &["1", "90", "3650"]),
    ] {
        for text in valid {
            let config = with(&[(name, Some(text))]);
            assert!(config.calls.settings.is_some(), "{name}={text:?}: {:?}", config.invalid_settings);
            assert!(config.invalid_settings.is_empty(), "{name}={text:?}: {:?}", config.invalid_settings);
        }
    }
}

/// Characters that nobody can see.
const INVISIBLE: [char; 24] = [
    ' ', '\u{a0}', '\u{1680}', '\u{2003}', '\u{2028}', '\u{202f}', '\u{3000}', // spaces
    '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', // of no width
    '\u{200e}', '\u{200f}', '\u{61c}', '\u{202a}', '\u{202e}', '\u{2069}', // marks of direction
    '\u{ad}', '\u{34f}', '\u{180e}', '\u{2800}', '\u{3164}', '\u{ffa0}', // others
];

#[test]
fn a_token_does_not_begin_or_end_with_what_nobody_can_see() {
    const RULE: &str = "must not begin or end with white space or an invisible character";
    let token = |text: String| CallbackToken::new(text).map(|_| ());
    for c in INVISIBLE {
        for text in [format!("{TOKEN}{c}"), format!("{c}{TOKEN}"), format!("{TOKEN}{c}{c}"), c.to_string()] {
            assert_eq!(token(text), Err(RULE), "{c:?}");
        }
        assert_eq!(token(format!("xxxx{c}yyyy")), Ok(()), "{c:?} inside");
    }
    for c in ['\n', '\r', '\t', '\0', '\u{1b}', '\u{7f}', '\u{85}'] {
        for text in [format!("{TOKEN}{c}"), format!("{c}{TOKEN}"), format!("xxxx{c}yyyy")] {
            assert_eq!(token(text), Err("must not contain control characters, such as a line end"), "{c:?}");
        }
    }
}

/// Tencent documents no character set.
#[test]
fn a_token_may_be_of_any_script_and_end_with_any_emoji() {
    for text in [
        "a b  c",
        "\u{5bc6}\u{94a5}",                                                // Chinese
        "\u{43a}\u{43b}\u{44e}\u{447}",                                    // Russian
        "\u{645}\u{641}\u{62a}\u{627}\u{62d}",                             // Arabic
        "\u{5de}\u{5e4}\u{5ea}\u{5d7}",                                    // Hebrew
        "e\u{301}",                                                        // an accent of its own
        "\u{915}\u{941}\u{902}",                                           // a vowel and a nasal sign of Hindi
        "\u{e01}\u{e47}",                                                  // a sign of Thai
        "\u{1820}\u{180b}",                                                // a letter's variant in Mongolian
        "\u{8fbb}\u{e0100}",                                               // a variant in Japanese
        "\u{2764}\u{fe0f}",                                                // a red heart
        "1\u{fe0f}\u{20e3}",                                               // a key cap
        "\u{1f469}\u{200d}\u{1f4bb}",                                      // a woman at a computer
        "\u{1f44d}\u{1f3fd}",                                              // a thumb and its skin
        "\u{1f1e8}\u{1f1f3}",                                              // China's flag
        "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", // England's
    ] {
        let config = with(&[("CALLBACK_TOKEN", Some(text))]);
        assert!(config.invalid_settings.is_empty(), "{text}: {:?}", config.invalid_settings);
        assert_eq!(check(&config, Some(APP), Some(text)), Ok(()), "{text}");
    }
}

#[test]
fn a_problem_is_the_rule_that_was_broken_and_never_the_value() {
    const LENGTH: &str = "must have 1 to 128 characters";
    const CONTROL: &str = "must not contain control characters, such as a line end";
    const INVISIBLE: &str = "must not begin or end with white space or an invisible character";
    const ALONE: &str = "must not be set without the current one";
    const IDS: &str = "must be SDKAppIDs (digits only), separated by commas";
    const FLAG: &str = "must be true or false";
    const PATH: &str = "must be a path of letters, digits, -._~ and /, and none that this Worker uses itself";
    const SINKS: &str = "must be one or more of kv, d1 and origin, separated by commas";
    const DAYS: &str = "must be a whole number from 1 to 3650";
    const BASE: &str = "must be a whole number from 1 to 3600";
    const HOURS: &str = "must be a whole number from 1 to 90";
    const SECRET: &str = "must be whsec_ and the base64 of 24 to 64 bytes: it has 6";
    const ASCII: &str = "must be letters, digits and punctuation marks of ASCII, without spaces";
    let (own, long) = (format!("CALLBACK_TOKEN_{APP}"), "pa55".repeat(33));
    let own_previous = format!("{own}_PREVIOUS");
    for (name, text, problem) in [
        ("SDK_APP_IDS", "pa55word", IDS),
        ("SDK_APP_IDS", "1400000000;777777", IDS),
        ("CALLBACK_TOKEN", "", LENGTH),
        ("CALLBACK_TOKEN", &long, LENGTH),
        ("CALLBACK_TOKEN", "pa55word\n", CONTROL),
        ("CALLBACK_TOKEN", "pa55word ", INVISIBLE),
        ("CALLBACK_TOKEN_PREVIOUS", "", LENGTH),
        ("CALLBACK_TOKEN_PREVIOUS", "pa55\tword", CONTROL),
        ("CALLBACK_TOKEN_PREVIOUS", "\u{200b}pa55word", INVISIBLE),
        (&own, "pa55word\r\n", CONTROL),
        (&own, " pa55word", INVISIBLE),
        (&own_previous, "pa55word", ALONE),
        ("ALLOW_UNSIGNED", "pa55word", FLAG),
        ("WEBHOOK_PATH", "/pa55 word", PATH),
        ("WEBHOOK_PATH", "/dashboard/pa55word", PATH),
        ("SINKS", "kv,pa55word", SINKS),
        ("ORIGIN_URL", "http://pa55word.example.com/", "must be an https URL (http is for loopback hosts only)"),
        ("ORIGIN_URL", "https://user:pa55word@example.com/", "must not contain a user name or password"),
        ("ORIGIN_URL", "https://example.com/?key=pa55word", "must not have a query or fragment"),
        ("ORIGIN_URL", "https://pa55word.example.com:99999/", "must have a port from 1 to 65535, or none"),
        ("ORIGIN_URL", "https://pa55word@[", "must be an absolute URL with a valid host"),
        (
            "ORIGIN_URL",
            "https://10.1.2.3/pa55word",
            "must have a host name, not an IP address (loopback addresses excepted)",
        ),
        ("RETENTION_DAYS", "777777", DAYS),
        ("RETRY_BASE_SECONDS", "pa55word", BASE),
        ("RETRY_BASE_SECONDS", "777777", BASE),
        ("DELIVERY_HOURS", "777777", HOURS),
        ("DELIVERY_HOURS", "pa55word", HOURS),
        ("ORIGIN_SECRET", "whsec_pa55word", SECRET),
        ("ORIGIN_SECRET", "pa55word", "must begin with whsec_"),
        ("ORIGIN_SECRET_PREVIOUS", "whsec_pa55word", SECRET),
        ("ORIGIN_SECRET_PREVIOUS", &secret(32), ALONE),
        ("ADMIN_TOKEN", "pa55word pa55word", ASCII),
        ("ADMIN_TOKEN", "pa55word-pa55word ", ASCII),
        ("ADMIN_TOKEN", "p\u{e4}55word-p\u{e4}55word", ASCII),
        ("ADMIN_TOKEN", "pa55word", "must have 16 characters or more"),
        ("ADMIN_TOKEN", "", "must have 16 characters or more"),
        ("ADMIN_TOKEN", "change-me-to-16-or-more", "must not be the sample that was published"),
        ("VIEWER_TOKEN", "pa55word pa55word", ASCII),
        ("VIEWER_TOKEN", "pa55word", "must have 16 characters or more"),
        ("VIEWER_TOKEN", "change-me-to-16-or-more", "must not be the sample that was published"),
        ("METRICS_TOKEN", "pa55word pa55word", ASCII),
        ("METRICS_TOKEN", "pa55word", "must have 16 characters or more"),
        ("METRICS_TOKEN", "change-me-to-16-or-more", "must not be the sample that was published"),
        ("PLAN", "pa55word", "must be free or paid"),
        ("PLAN", "", "must be free or paid"),
        ("ORIGIN_FAIL", "pa55word", "must be accept or retry"),
        ("LOG", "pa55word", "must be all or problems"),
        ("LOG", "", "must be all or problems"),
        ("D1_WRITES", "pa55word", "must be direct or batched"),
        ("D1_WRITES", "batched", "must be direct unless PLAN is paid, and SINKS has kv and d1"),
    ] {
        let config = with(&[(name, Some(text))]);
        let expected = InvalidSetting { name: name.to_owned(), problem: problem.into() };
        assert_eq!(config.invalid_settings, [expected], "{name}={text:?}");
        let shown = format!("{} {config:?}", Response::health(&config.invalid_settings).body);
        for part in ["pa55", "777777", text.trim()] {
            assert!(part.is_empty() || !shown.contains(part), "{name}={text:?}: {shown}");
        }
    }
}

#[test]
fn a_problem_says_what_is_missing() {
    const TOKENS: &str = "must be set to the token in the Chat console, or ALLOW_UNSIGNED to true";
    const QUEUE: &str = "must be bound to a queue if SINKS has origin";
    let problems = |config: Config| -> Vec<_> {
        config.invalid_settings.into_iter().map(|InvalidSetting { name, problem }| (name, problem)).collect()
    };
    let one = |name: &str, problem: &'static str| vec![(name.to_owned(), problem.into())];
    let no_apps = problems(with(&[("SDK_APP_IDS", None)]));
    assert_eq!(no_apps, one("SDK_APP_IDS", "must be set to your SDKAppIDs, separated by commas"));
    assert_eq!(problems(with(&[("CALLBACK_TOKEN", None)])), one("CALLBACK_TOKEN", TOKENS));
    let second = [("SDK_APP_IDS", Some("1,2")), ("CALLBACK_TOKEN", None), ("CALLBACK_TOKEN_1", Some("own"))];
    assert_eq!(problems(with(&second)), one("CALLBACK_TOKEN_2", TOKENS));
    let previous = [("CALLBACK_TOKEN", None), ("CALLBACK_TOKEN_PREVIOUS", Some("old"))];
    let alone = "must not be set without the current one";
    assert_eq!(problems(with(&previous)), one("CALLBACK_TOKEN_PREVIOUS", alone));
    let nowhere = problems(with(&[("SINKS", Some("origin"))]));
    assert_eq!(nowhere, one("ORIGIN_URL", "must be set if SINKS has origin"));
    let delivering = [("SINKS", "kv,origin"), ("ORIGIN_URL", ORIGIN)];
    for (missing, name, problem) in [
        (&[EVENTS], EVENTS, "must be bound to a KV namespace"),
        (&[DELIVERIES], DELIVERIES, QUEUE),
        (&[DEAD_LETTERS], DEAD_LETTERS, QUEUE),
    ] {
        assert_eq!(problems(read(&delivering, &without(missing))), one(name, problem));
    }
    let without_database = problems(read(&[("SINKS", "d1")], BOUND_WITHOUT_DATABASE));
    assert_eq!(without_database, one(DB, "must be bound to a D1 database if SINKS has d1"));
}

#[test]
fn a_required_setting_is_named_where_it_is_missing() {
    assert_eq!(with(&[("SDK_APP_IDS", None)]).invalid_names(), ["SDK_APP_IDS"]);
    let without_kv = config_with(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", APP)], &without(&[EVENTS]));
    assert!(without_kv.calls.settings.is_none());
    assert_eq!(without_kv.invalid_names(), [EVENTS]);
    let nothing = config_with(&[], UNBOUND);
    assert!(nothing.calls.settings.is_none());
    assert!(nothing.invalid_names().contains(&"SDK_APP_IDS") && nothing.invalid_names().contains(&EVENTS));
}

#[test]
fn all_invalid_settings_are_named_at_once() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let all = [
        ("CALLBACK_TOKEN", ""),
        ("CALLBACK_TOKEN_PREVIOUS", ""),
        (own.as_str(), ""),
        ("ALLOW_UNSIGNED", ""),
        ("WEBHOOK_PATH", ""),
        ("SINKS", ""),
        ("ORIGIN_URL", ""),
        ("RETENTION_DAYS", ""),
        ("RETRY_BASE_SECONDS", ""),
        ("DELIVERY_HOURS", ""),
        ("ORIGIN_SECRET", ""),
        ("ORIGIN_SECRET_PREVIOUS", ""),
        ("ADMIN_TOKEN", ""),
        ("VIEWER_TOKEN", ""),
        ("METRICS_TOKEN", ""),
        ("PLAN", ""),
        ("ORIGIN_FAIL", ""),
        ("LOG", ""),
        ("D1_WRITES", ""),
    ];
    let mut variables = vec![("SDK_APP_IDS", APP)];
    variables.extend(all);
    let config = config(&variables);
    let mut named = config.invalid_names();
    named.sort_unstable();
    let mut expected: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[test]
fn a_missing_token_is_named_beside_invalid_settings() {
    let config = config(&[("SDK_APP_IDS", APP), ("SINKS", "disk"), ("WEBHOOK_PATH", "hook")]);
    for name in ["SINKS", "WEBHOOK_PATH", "CALLBACK_TOKEN"] {
        assert!(config.invalid_names().contains(&name), "{name}: {:?}", config.invalid_settings);
    }
}

#[test]
fn an_invalid_setting_is_named_once() {
    let own = format!("CALLBACK_TOKEN_{APP}");
    let doubled = format!("{APP},{APP},1");
    for variables in [
        [("SDK_APP_IDS", doubled.as_str()), ("CALLBACK_TOKEN", TOKEN), (&own, "")],
        [("SDK_APP_IDS", &doubled), ("ALLOW_UNSIGNED", "false"), ("CALLBACK_TOKEN_1", "x")],
        [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", ""), ("CALLBACK_TOKEN_PREVIOUS", "")],
    ] {
        let config = config(&variables);
        let mut named = config.invalid_names();
        let all = named.len();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), all, "{variables:?}: {named:?}");
    }
}

#[test]
fn a_previous_token_without_a_current_one_is_invalid() {
    let shared = with(&[("CALLBACK_TOKEN", None), ("CALLBACK_TOKEN_PREVIOUS", Some("old"))]);
    assert!(shared.calls.settings.is_none());
    assert_eq!(shared.invalid_names(), ["CALLBACK_TOKEN_PREVIOUS"]);

    // The shared token is no current one of the app's own.
    let own_previous = format!("CALLBACK_TOKEN_{APP}_PREVIOUS");
    let own = with(&[(&own_previous, Some("old"))]);
    assert!(own.calls.settings.is_none());
    assert_eq!(own.invalid_names(), [own_previous]);
}

#[test]
fn the_current_and_the_previous_token_are_accepted_together() {
    let config = with(&[("CALLBACK_TOKEN_PREVIOUS", Some("old"))]);
    for (token, outcome) in [(TOKEN, Ok(())), ("old", Ok(())), ("other", Err(AuthError::SignMismatch))] {
        assert_eq!(check(&config, Some(APP), Some(token)), outcome, "{token}");
        assert_eq!(check(&config, None, Some(token)), outcome, "{token}, without an app");
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
    let mismatch = Err(AuthError::SignMismatch);
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
    assert_eq!(check(&config, None, None), Err(AuthError::SignMissing));
}

#[test]
fn a_token_of_an_app_that_is_not_ours_is_not_read() {
    let config = with(&[("CALLBACK_TOKEN_2", Some("theirs"))]);
    assert_eq!(check(&config, None, Some("theirs")), Err(AuthError::SignMismatch));
}

#[test]
fn unsigned_calls_are_for_apps_without_a_token() {
    let allowed = Some("true");
    let none = with(&[("CALLBACK_TOKEN", None), ("ALLOW_UNSIGNED", allowed)]);
    assert!(none.invalid_settings.is_empty());
    assert_eq!((check(&none, Some(APP), None), check(&none, None, None)), (Ok(()), Ok(())));

    let shared = with(&[("ALLOW_UNSIGNED", allowed)]);
    assert_eq!(check(&shared, Some(APP), None), Err(AuthError::SignMissing));
    assert_eq!(check(&shared, None, None), Err(AuthError::SignMissing));

    let one = with(&[
        ("SDK_APP_IDS", Some("1,2")),
        ("CALLBACK_TOKEN", None),
        ("CALLBACK_TOKEN_2", Some("own")),
        ("ALLOW_UNSIGNED", allowed),
    ]);
    assert_eq!(check(&one, Some("1"), None), Ok(()));
    assert_eq!(check(&one, Some("2"), None), Err(AuthError::SignMissing));
    // A token is configured, so a call that does not say for which app it is has to be signed.
    assert_eq!(check(&one, None, None), Err(AuthError::SignMissing));
}

#[test]
fn an_app_without_a_token_is_invalid_where_unsigned_calls_are_not_allowed() {
    for rejected in [None, Some("false")] {
        let none = with(&[("CALLBACK_TOKEN", None), ("ALLOW_UNSIGNED", rejected)]);
        assert_eq!(none.invalid_names(), ["CALLBACK_TOKEN"]);
        // The Worker goes on: each such call gets the 401 that says so.
        assert_eq!(check(&none, Some(APP), Some("any")), Err(AuthError::Closed));

        let one = with(&[
            ("SDK_APP_IDS", Some("1,2,3")),
            ("CALLBACK_TOKEN", None),
            ("CALLBACK_TOKEN_2", Some("own")),
            ("ALLOW_UNSIGNED", rejected),
        ]);
        assert_eq!(one.invalid_names(), ["CALLBACK_TOKEN_1", "CALLBACK_TOKEN_3"]);
        assert_eq!(check(&one, Some("2"), Some("own")), Ok(()));
        assert_eq!(check(&one, Some("1"), Some("own")), Err(AuthError::Closed));
    }
}

#[test]
fn an_invalid_retention_switches_off_only_the_expiry() {
    for text in ["", "0", "3651", "-1", "+90", "1.5", "90d", " 90", "soon", "18446744073709551616"] {
        let config = with(&[("RETENTION_DAYS", Some(text))]);
        assert_eq!(config.invalid_names(), ["RETENTION_DAYS"], "{text:?}");
        assert_eq!((config.calls.settings.is_some(), config.calls.retention_seconds), (true, None), "{text:?}");
    }
    for (text, seconds) in [("1", 86_400), ("90", 7_776_000), ("3650", 315_360_000)] {
        assert_eq!(with(&[("RETENTION_DAYS", Some(text))]).calls.retention_seconds, Some(seconds));
    }
}

#[test]
fn healthz_gives_the_version_or_names_what_to_fix() {
    let healthy = Response::health(&with(&[]).invalid_settings);
    assert_eq!(healthy.status, 200);
    assert_eq!(healthy.body, concat!(r#"{"status":"ok","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#));
    let two = Response::health(&with(&[("SDK_APP_IDS", None), ("DELIVERY_HOURS", Some("100"))]).invalid_settings);
    let expected = concat!(
        r#"{"status":"invalid settings","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","settings":[{"name":"SDK_APP_IDS","problem":"must be set to your SDKAppIDs, separated by commas"},"#,
        r#"{"name":"DELIVERY_HOURS","problem":"must be a whole number from 1 to 90"}]}"#
    );
    assert_eq!((two.status, &*two.body), (503, expected));
    for (config, names) in [
        (with(&[("SINKS", Some("disk"))]), &["SINKS"][..]),
        (with(&[("RETENTION_DAYS", Some("soon"))]), &["RETENTION_DAYS"]),
        (with(&[("CALLBACK_TOKEN", None)]), &["CALLBACK_TOKEN"]),
        (config_with(&[], UNBOUND), &["SDK_APP_IDS", EVENTS]),
    ] {
        let unhealthy = Response::health(&config.invalid_settings);
        assert_eq!(unhealthy.status, 503, "{names:?}");
        assert!(names.iter().all(|name| unhealthy.body.contains(&format!("\"{name}\""))), "{}", unhealthy.body);
        assert!(serde_json::from_str::<serde_json::Value>(&unhealthy.body).unwrap().is_object());
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
        ("ORIGIN_SECRET", Some(ORIGIN_SECRET)),
        ("ORIGIN_SECRET_PREVIOUS", Some(ORIGIN_SECRET)),
        ("ADMIN_TOKEN", Some("secret-secret-secret")),
        ("VIEWER_TOKEN", Some("secret-secret-viewer")),
        ("METRICS_TOKEN", Some("secret-secret-scraper")),
    ]);
    assert!(config.invalid_settings.is_empty());
    let Config { admin_token, viewer_token, metrics_token, delivery, .. } = &config;
    for token in [admin_token, viewer_token, metrics_token] {
        assert_eq!(format!("{token:?}"), "Some(ApiToken(hidden))");
    }
    let shown = format!("{config:?} {config:#?} {admin_token:?} {viewer_token:?} {:?}", delivery.signing);
    assert!(!shown.contains("secret") && !shown.contains("whsec") && !shown.contains("MfKQ9r8G"), "{shown}");
    // Nor its bytes, in whatever notation.
    assert!(!shown.contains("49, 242, 144") && !shown.to_lowercase().contains("31f290"), "{shown}");
    let token = CallbackToken::new("secret-5".to_owned()).unwrap();
    let sign = token.sign("1702018344");
    let policy = Policy::Signed(vec![&token]);
    let shown = format!("{token:?} {sign:?} {policy:?}");
    assert!(!shown.contains("secret") && !shown.contains(&sign.to_hex()), "{shown}");
}

/// An `ORIGIN_SECRET` of so many bytes.
fn secret(bytes: usize) -> String {
    let base64 = "Q0ND".repeat(bytes / 3);
    let end = ["", "Qw==", "Q0M="][bytes % 3];
    format!("whsec_{base64}{end}")
}

fn read(variables: &[(&str, &str)], bound: &[&'static str]) -> Config {
    config_with(&[&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)], variables].concat(), bound)
}

/// The sinks by name.
fn sinks_of(config: &Config) -> Vec<&'static str> {
    config.calls.settings.as_ref().unwrap().sinks.iter().map(|sink| sink.name()).collect()
}

#[test]
fn sinks_are_any_of_kv_d1_and_the_origin() {
    for (text, names) in [
        ("kv", &["kv"][..]),
        ("d1", &["d1"]),
        ("origin", &["origin"]),
        ("kv,d1", &["kv", "d1"]),
        ("d1,kv", &["kv", "d1"]),
        ("kv,origin", &["kv", "origin"]),
        ("origin,kv", &["kv", "origin"]),
        ("origin,d1", &["d1", "origin"]),
        (" kv , origin ", &["kv", "origin"]),
        ("origin,d1,kv", &["kv", "d1", "origin"]),
        ("d1,d1, d1", &["d1"]),
    ] {
        let config = with(&[("SINKS", Some(text)), ("ORIGIN_URL", Some(ORIGIN))]);
        assert_eq!(sinks_of(&config), names, "{text}");
        let all = [("kv", Sink::Kv), ("d1", Sink::D1), ("origin", Sink::Origin)];
        let sinks: Vec<_> = all.into_iter().filter(|(name, _)| names.contains(name)).map(|(_, sink)| sink).collect();
        assert_eq!(config.calls.settings.unwrap().sinks, sinks, "{text}");
    }
}

#[test]
fn the_default_is_kv_and_d1_where_a_database_is_bound() {
    for (bound, names) in [(BOUND, &["kv", "d1"][..]), (BOUND_WITHOUT_DATABASE, &["kv"])] {
        let config = read(&[], bound);
        assert!(config.invalid_settings.is_empty());
        assert_eq!(sinks_of(&config), names);
        // A database that is bound is no reason to write to it where the setting says otherwise.
        let config = read(&[("SINKS", "kv")], bound);
        assert_eq!(config.calls.settings.unwrap().sinks, [Sink::Kv]);
    }
}

#[test]
fn d1_is_a_sink_only_where_a_database_is_bound() {
    for sinks in ["d1", "kv,d1", "d1,origin", "kv,d1,origin"] {
        let variables = [("SINKS", sinks), ("ORIGIN_URL", ORIGIN)];
        assert!(read(&variables, BOUND).calls.settings.is_some());
        let config = read(&variables, BOUND_WITHOUT_DATABASE);
        assert!(config.calls.settings.is_none(), "{sinks}");
        assert_eq!(config.invalid_names(), [DB], "{sinks}");
        // D1 needs no queue, and dead letters are in KV whatever the sinks are.
        let config = read(&variables, &without(&[DELIVERIES, DEAD_LETTERS]));
        assert_eq!(config.calls.settings.is_some(), !sinks.contains("origin"), "{sinks}");
        assert_eq!(read(&variables, &without(&[EVENTS])).invalid_names(), [EVENTS], "{sinks}");
    }
}

#[test]
fn events_go_to_the_origin_only_where_there_is_one_and_queues_to_it() {
    let valid = [("SINKS", "kv,origin"), ("ORIGIN_URL", ORIGIN)];
    assert!(read(&valid, BOUND).invalid_settings.is_empty());
    for sinks in ["origin", "kv,origin", "origin,kv"] {
        for (url, bindings, invalid_settings) in [
            (None, BOUND.to_vec(), &["ORIGIN_URL"][..]),
            (Some("http://example.com"), BOUND.to_vec(), &["ORIGIN_URL"]),
            (Some(""), BOUND.to_vec(), &["ORIGIN_URL"]),
            (Some(ORIGIN), without(&[DELIVERIES]), &[DELIVERIES]),
            (Some(ORIGIN), without(&[DEAD_LETTERS]), &[DEAD_LETTERS]),
            (Some(ORIGIN), without(&[DELIVERIES, DEAD_LETTERS]), &[DELIVERIES, DEAD_LETTERS]),
            (Some(ORIGIN), without(&[EVENTS]), &[EVENTS]),
            (None, UNBOUND.to_vec(), &["ORIGIN_URL", DELIVERIES, DEAD_LETTERS, EVENTS]),
        ] {
            let mut variables = vec![("SINKS", sinks)];
            variables.extend(url.map(|url| ("ORIGIN_URL", url)));
            let config = read(&variables, &bindings);
            assert!(config.calls.settings.is_none(), "{sinks} {url:?} {bindings:?}");
            let (mut named, mut expected) = (config.invalid_names(), invalid_settings.to_vec());
            named.sort_unstable();
            expected.sort_unstable();
            assert_eq!(named, expected, "{sinks} {url:?} {bindings:?}");
        }
    }
}

#[test]
fn without_queue_bindings_kv_alone_is_valid() {
    for variables in [&[][..], &[("SINKS", "kv")], &[("SINKS", "kv"), ("ORIGIN_URL", ORIGIN)]] {
        let config = read(variables, &without(&[DELIVERIES, DEAD_LETTERS]));
        assert!(config.calls.settings.is_some() && config.invalid_settings.is_empty(), "{:?}", config.invalid_settings);
    }
}

#[test]
fn an_origin_is_https_or_on_this_machine_without_query_and_fragment() {
    for text in [
        "",
        "backend",
        "backend.example.com/x",
        "//backend.example.com",
        "https://",
        "https:///x",
        "https://:443/",
        "https:example.com",
        "ftp://example.com/",
        "ws://example.com/",
        "http://example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://[::2]/",
        "https://example.com/?",
        "https://example.com/?x=1",
        "https://example.com/#",
        "https://example.com/x#y",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "http://127.0.0.1@example.com/",
        "https://example.com\\@x/",
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/a b",
        "https://example.com/\n",
    ] {
        let config = with(&[("ORIGIN_URL", Some(text))]);
        assert_eq!(config.invalid_names(), ["ORIGIN_URL"], "{text:?}");
        assert!(config.calls.settings.is_none_or(|settings| settings.origin.is_none()), "{text:?}");
    }
    let settings = with(&[("ORIGIN_URL", Some(ORIGIN))]).calls.settings.unwrap();
    let origin = settings.origin.unwrap();
    assert_eq!((origin.with_query(""), origin.with_query("a&b=")), (ORIGIN.to_owned(), format!("{ORIGIN}?a&b=")));
}

#[test]
fn an_invalid_retry_base_is_named_and_counts_as_five() {
    for text in ["", "0", "3601", "-1", "+5", "5s", "1.5", " 5", "99999999999999999999"] {
        let config = with(&[("RETRY_BASE_SECONDS", Some(text))]);
        assert_eq!(config.invalid_names(), ["RETRY_BASE_SECONDS"], "{text:?}");
        assert_eq!((config.calls.settings.is_some(), config.delivery.retry_base_seconds), (true, 5), "{text:?}");
    }
    assert_eq!(with(&[]).delivery.retry_base_seconds, 5);
    assert_eq!(with(&[("RETRY_BASE_SECONDS", Some("3600"))]).delivery.retry_base_seconds, 3600);
}

#[test]
fn invalid_delivery_hours_are_named_and_count_as_72() {
    for text in ["", "0", "91", "-1", "+5", "5h", "1.5", " 5", "\u{665}", "18446744073709551616"] {
        let config = with(&[("DELIVERY_HOURS", Some(text))]);
        assert_eq!(config.invalid_names(), ["DELIVERY_HOURS"], "{text:?}");
        assert_eq!((config.calls.settings.is_some(), config.delivery.seconds), (true, 72 * 3600), "{text:?}");
    }
    for (text, seconds) in [("1", 3600), ("20", 72_000), ("90", 324_000)] {
        assert_eq!(with(&[("DELIVERY_HOURS", Some(text))]).delivery.seconds, seconds);
    }
}

#[test]
fn an_invalid_origin_secret_is_named_and_stops_deliveries_alone() {
    let bare = &ORIGIN_SECRET["whsec_".len()..];
    let cut = ORIGIN_SECRET.trim_end_matches('=');
    for text in
        ["", "whsec_", bare, cut, &secret(23), &secret(65), "whsec_not base64!!", "WHSEC_Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND"]
    {
        let config = with(&[("ORIGIN_SECRET", Some(text))]);
        assert_eq!(config.invalid_names(), ["ORIGIN_SECRET"], "{text:?}");
        assert!(
            config.calls.settings.is_some() && matches!(config.delivery.signing, OriginSigning::Invalid),
            "{text:?}"
        );
    }
    assert!(secrets_of(&with(&[])).is_empty());
    assert_eq!(secrets_of(&with(&[("ORIGIN_SECRET", Some(ORIGIN_SECRET))])).len(), 1);
}

/// The secrets that deliveries are signed with.
fn secrets_of(config: &Config) -> &[SigningSecret] {
    match &config.delivery.signing {
        OriginSigning::With(secrets) => secrets,
        OriginSigning::Invalid => panic!("{:?}", config.invalid_settings),
    }
}

#[test]
fn a_previous_origin_secret_goes_with_the_current_one() {
    let (current, previous) = (secret(32), secret(24));
    let both = with(&[("ORIGIN_SECRET", Some(&current)), ("ORIGIN_SECRET_PREVIOUS", Some(&previous))]);
    assert!(both.invalid_settings.is_empty());
    let signatures =
        |secrets: &[SigningSecret]| -> Vec<_> { secrets.iter().map(|it| it.sign("id", 1, "{}")).collect() };
    let expected = [&current, &previous].map(|text| SigningSecret::new(text).unwrap());
    assert_eq!(signatures(secrets_of(&both)), signatures(&expected));

    for (secret, previous) in [(None, &*previous), (Some(&*current), "whsec_"), (Some(&*current), "")] {
        let config = with(&[("ORIGIN_SECRET", secret), ("ORIGIN_SECRET_PREVIOUS", Some(previous))]);
        assert_eq!(config.invalid_names(), ["ORIGIN_SECRET_PREVIOUS"], "{secret:?}, {previous:?}");
        let is_invalid = matches!(config.delivery.signing, OriginSigning::Invalid);
        assert!(config.calls.settings.is_some() && is_invalid, "{secret:?}, {previous:?}");
    }
}

#[test]
fn an_invalid_token_of_the_api_is_named_and_lets_nobody_in() {
    type Token = fn(&Config) -> Option<&ApiToken>;
    let admin: Token = |config| config.admin_token.as_ref();
    let viewer: Token = |config| config.viewer_token.as_ref();
    let metrics: Token = |config| config.metrics_token.as_ref();
    for (name, token, other) in
        [("ADMIN_TOKEN", admin, viewer), ("VIEWER_TOKEN", viewer, metrics), ("METRICS_TOKEN", metrics, admin)]
    {
        for text in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdef ",
            " 0123456789abcdef",
            "0123456789abcdef\n",
            "0123456789abcdef\u{a0}",
            "0123456789abcdef\u{200b}",
            "\u{feff}0123456789abcdef",
            "0123456789abcd\u{e4}\u{e4}",
            "0123456789abcdef\u{7f}",
            // It was in .dev.vars.example.
            "change-me-to-16-or-more",
        ] {
            let config = with(&[(name, Some(text))]);
            assert_eq!(config.invalid_names(), [name], "{text:?}");
            assert!(token(&config).is_none() && config.calls.settings.is_some(), "{name}={text:?}");
        }
        assert!(token(&with(&[])).is_none());
        let config = with(&[(name, Some("0123456789abcdef"))]);
        let valid = token(&config).unwrap();
        assert!(valid.admits(Some("Bearer 0123456789abcdef")) && !valid.admits(Some("Bearer 0123456789abcdeF")));
        // One is not the other.
        assert!(other(&config).is_none());
    }
}

#[test]
fn an_invalid_plan_is_named_and_counts_as_free() {
    for text in ["", "Free", "PAID", "paid ", " free", "bundled", "0", "free,paid"] {
        let config = with(&[("PLAN", Some(text))]);
        assert_eq!(config.invalid_names(), ["PLAN"], "{text:?}");
        assert_eq!((config.calls.settings.is_some(), config.calls.plan), (true, Plan::Free), "{text:?}");
    }
    for (text, plan) in [(None, Plan::Free), (Some("free"), Plan::Free), (Some("paid"), Plan::Paid)] {
        assert_eq!(with(&[("PLAN", text)]).calls.plan, plan, "{text:?}");
    }
}

/// Nothing is compared with half of what that takes, and everything else goes on.
#[test]
fn an_invalid_setting_of_the_comparison_is_named_and_switches_off_nothing_else() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let own = format!("TENCENT_SECRET_KEY_{APP}");
    let valid = [("TENCENT_SECRET_KEY", Some(KEY)), ("TENCENT_REGION", Some("singapore"))];
    let admin_33 = "a".repeat(33);
    let long = "k".repeat(257);
    for (name, texts) in [
        (
            "TENCENT_SECRET_KEY",
            &["", "0123456789abcde", &long, "0123456789abcdef ", "0123456789-abcdef", "\"0123456789abcdef\""][..],
        ),
        (&*own, &["", "0123456789abcde", " 0123456789abcdef"]),
        (
            "TENCENT_REGION",
            &[
                "",
                "Singapore",
                "singapore ",
                "europe",
                "console.tim.qq.com",
                "http://console.tim.qq.com",
                "https://console.tim.qq.com/v4",
                "https://console.tim.qq.com/?a=b",
                "https://user@console.tim.qq.com",
                "https://192.0.2.1",
            ],
        ),
        ("TENCENT_ADMIN", &["", &admin_33, "admin\n"]),
    ] {
        for text in texts {
            let mut changed = valid.to_vec();
            changed.retain(|(it, _)| *it != name);
            changed.push((name, Some(text)));
            let config = with(&changed);
            assert_eq!(config.invalid_names(), [name], "{text:?}");
            assert!(config.calls.settings.is_some() && config.tencent.is_none(), "{name}={text:?}");
            assert!(!format!("{config:?}").contains(KEY));
        }
    }
    // A key without a region is named by what is missing, and a region without a key compares nothing.
    let config = with(&[("TENCENT_SECRET_KEY", Some(KEY))]);
    assert_eq!((config.invalid_names(), config.tencent.is_none()), (vec!["TENCENT_REGION"], true));
    let config = with(&[("TENCENT_REGION", Some("china")), ("TENCENT_ADMIN", Some("ops"))]);
    assert!(config.invalid_settings.is_empty() && config.tencent.is_none());
    // An app's own key is enough for this app.
    for (key, region, base) in [
        ("TENCENT_SECRET_KEY", "china", "https://console.tim.qq.com"),
        (&own, "frankfurt", "https://adminapiger.im.qcloud.com"),
        (&own, "https://chat.example.com/", "https://chat.example.com"),
        (&own, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        let config = with(&[(key, Some(KEY)), ("TENCENT_REGION", Some(region))]);
        assert_eq!(config.invalid_settings, [], "{key} {region}");
        let access = config.tencent.unwrap();
        assert_eq!((access.base.as_str(), &*access.admin), (base, "administrator"));
        assert_eq!((access.shared_key.is_some(), access.own_keys.len()), (key != own, usize::from(key == own)));
    }
}

#[test]
fn a_backend_gets_what_was_recorded_only_where_a_setting_says_so() {
    for text in ["", "TRUE", "yes", "1", " true"] {
        let config = with(&[("COMPARE_DELIVERS", Some(text))]);
        assert_eq!((config.invalid_names(), config.compare_delivers), (vec!["COMPARE_DELIVERS"], false), "{text:?}");
        assert!(config.calls.settings.is_some());
    }
    for (text, delivers) in [(None, false), (Some("false"), false), (Some("true"), true)] {
        assert_eq!(with(&[("COMPARE_DELIVERS", text)]).compare_delivers, delivers, "{text:?}");
    }
}

/// By batches, an event is in KV before it is in D1; and the free plan has too few operations on queues.
#[test]
fn d1_is_written_by_batches_only_with_kv_and_queues_on_the_paid_plan() {
    use unfollow_webhook::{ports::EVENT_LOG, sink::D1Writes};

    for (plan, sinks, without, is_batched) in [
        ("paid", "kv,d1", &[][..], true),
        ("paid", "kv,d1,origin", &[], true),
        ("free", "kv,d1", &[], false),
        ("paid", "d1", &[], false),
        ("paid", "kv", &[], false),
        ("paid", "origin,d1", &[], false),
        ("paid", "kv,d1", &[EVENT_LOG], false),
        ("paid", "kv,d1", &[DELIVERIES, DEAD_LETTERS], false),
    ] {
        let variables = [
            ("SDK_APP_IDS", APP),
            ("CALLBACK_TOKEN", "token"),
            ("ORIGIN_URL", "https://api.example.com/"),
            ("PLAN", plan),
            ("SINKS", sinks),
            ("D1_WRITES", "batched"),
        ];
        let bound: Vec<_> = BOUND.iter().copied().filter(|name| !without.contains(name)).collect();
        let config = Config::read(&FakeEnvironment::of(variables, &bound));
        assert!(config.calls.settings.is_some(), "{plan} {sinks}");
        assert_eq!(config.calls.d1_writes == D1Writes::Batched, is_batched, "{plan} {sinks} {without:?}");
        assert_eq!(
            config.invalid_names(),
            if is_batched { &[][..] } else { &["D1_WRITES"] },
            "{plan} {sinks} {without:?}"
        );
    }
}

#[test]
fn a_name_that_was_meant_for_a_setting_is_unknown_and_a_users_own_is_not() {
    #[derive(Deserialize)]
    struct Row {
        names: Vec<String>,
        apps: Vec<String>,
        unknown: Vec<String>,
    }
    let rows: Vec<Row> = serde_json::from_str(include_str!("../vectors/unknown-settings.json")).unwrap();
    assert!(rows.len() > 20);
    let names = Names::all().unwrap();
    for Row { names: set, apps, unknown } in rows {
        let apps: Vec<_> = apps.iter().map(|app| SdkAppId::parse(app).unwrap()).collect();
        assert_eq!(names.unknown(set.clone(), &apps), unknown, "{set:?}");
    }
}

/// What `Config::read` looks up where everything may be set.
#[test]
fn the_names_of_settings_are_those_that_are_read() {
    let environment =
        FakeEnvironment::of([("SDK_APP_IDS", APP), ("SINKS", "kv,d1,origin"), ("D1_WRITES", "batched")], BOUND);
    let _ = Config::read(&environment);
    let Names { names, per_app, .. } = Names::all().unwrap();
    let per_app = per_app.iter().map(|name| name.replace("{SdkAppid}", APP));
    let named: BTreeSet<_> = names.iter().cloned().chain(per_app).collect();
    assert_eq!(environment.asked.take(), named);
    let all = Names::all().unwrap();
    assert!(all.unknown(named.into_iter().collect(), &[SdkAppId::parse(APP).unwrap()]).is_empty());
}

/// An isolate's first call waits for what is read then: see docs/benchmarks.md.
#[test]
fn what_only_others_need_is_not_read_for_calls() {
    let environment = FakeEnvironment::of([("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)], BOUND);
    let calls = CallConfig::read(&environment);
    assert!(calls.settings.is_some() && calls.invalid_names.is_empty());
    let (for_calls, _) = (environment.asked.take(), Config::read(&environment));
    let all = environment.asked.take();
    let only_others: BTreeSet<_> = all.difference(&for_calls).map(String::as_str).collect();
    let needed =
        ["ADMIN_TOKEN", "ALERT_URLS", "COMPARE_DELIVERS", "DELIVERY_HOURS", "ORIGIN_SECRET", "TENCENT_SECRET_KEY"];
    assert!(only_others.is_superset(&BTreeSet::from(needed)), "{only_others:?}");
    assert!(for_calls.is_subset(&all) && for_calls.len() < 20, "{for_calls:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the variables hold, only names of variables that were read are given, and no value shows.
    #[test]
    fn invalid_settings_are_given_by_name(
        texts in proptest::collection::vec(proptest::option::of(any::<String>()), 18),
        are_valid in any::<[bool; 18]>(),
        are_bound in any::<[bool; 5]>(),
    ) {
        let names = [
            "SDK_APP_IDS", "CALLBACK_TOKEN", "CALLBACK_TOKEN_PREVIOUS", "CALLBACK_TOKEN_1400000000",
            "CALLBACK_TOKEN_1400000000_PREVIOUS", "ALLOW_UNSIGNED", "WEBHOOK_PATH", "SINKS", "RETENTION_DAYS",
            "ORIGIN_URL", "RETRY_BASE_SECONDS", "ORIGIN_SECRET", "ADMIN_TOKEN", "DELIVERY_HOURS", "ORIGIN_SECRET_PREVIOUS",
            "PLAN", "VIEWER_TOKEN", "METRICS_TOKEN",
        ];
        let valid = [APP, "secret", "secret", "secret", "secret", "true", "/secret", "kv,d1,origin", "90", "https://secret.com/",
            "7", ORIGIN_SECRET, "secret-secret-secret", "20", ORIGIN_SECRET, "paid", "secret-secret-viewer", "secret-secret-scraper"];
        let text = |at: usize| match are_valid[at] {
            true => Some(valid[at].to_owned()),
            false => texts[at].as_ref().map(|text| format!("\u{1}secret{text}")),
        };
        let variables = names.iter().enumerate().filter_map(|(at, name)| Some(((*name).to_owned(), text(at)?)));
        let bound: Vec<_> = BOUND.iter().copied().zip(are_bound).filter(|(_, it)| *it).map(|(name, _)| name).collect();
        let environment = FakeEnvironment::of(variables, &bound);
        let config = Config::read(&environment);
        let asked = environment.asked.take();
        for InvalidSetting { name, problem } in &config.invalid_settings {
            prop_assert!(asked.contains(name));
            prop_assert!(!name.contains("secret"));
            prop_assert!(problem.starts_with("must ") && !problem.contains("secret"), "{}", problem);
        }
        let distinct: std::collections::HashSet<_> = config.invalid_names().into_iter().collect();
        prop_assert_eq!(distinct.len(), config.invalid_settings.len());
        prop_assert!(config.calls.settings.is_some() || !config.invalid_settings.is_empty());
        let response = Response::health(&config.invalid_settings);
        prop_assert_eq!(response.status == 200, config.invalid_settings.is_empty());
        prop_assert!(!response.body.contains("secret"));
    }
}
