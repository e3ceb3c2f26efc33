//! The entries of `ALERT_URLS`: which service each is of, and what is wrong with one. No part of them is ever shown.

use unfollow_webhook::{
    alerts::notify::{service::Service, target::TARGETS_MAX},
    config::Config,
};

use super::{DINGTALK, DISCORD, FEISHU, SLACK, TEAMS, TELEGRAM, WEBHOOK, WECOM, read_targets, target};
use crate::samples::{APP, ORIGIN_SECRET, TOKEN, config};

fn with(changed: &[(&str, &str)]) -> Config {
    config(&[changed, &[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN)]].concat())
}

fn services(text: &str) -> Vec<Service> {
    read_targets(text).0.iter().map(|target| target.service()).collect()
}

#[test]
fn a_service_is_known_by_its_host() {
    for (url, service) in [
        (FEISHU, Service::Feishu),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/x", Service::Feishu),
        (DINGTALK, Service::DingTalk),
        (WECOM, Service::WeCom),
        (SLACK, Service::Slack),
        (DISCORD, Service::Discord),
        ("https://discordapp.com/api/v10/webhooks/1/x?thread_id=2", Service::Discord),
        (TEAMS, Service::Teams),
        (
            "https://tenant.57.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke?api-version=1&sig=x",
            Service::Teams,
        ),
        (TELEGRAM, Service::Telegram),
        (WEBHOOK, Service::Webhook),
        // Not the service's, but one whose name ends alike.
        ("https://notdiscord.com/api/webhooks/1/x", Service::Webhook),
        ("https://discord.com.example.org/api/webhooks/1/x", Service::Webhook),
        ("https://logic.azure.com.example.org/workflows/1", Service::Webhook),
        ("http://127.0.0.1:8080/x", Service::Webhook),
        ("http://[::1]:8080/x", Service::Webhook),
    ] {
        assert_eq!(services(url), [service], "{url}");
    }
}

#[test]
fn a_word_before_the_url_says_which_service_a_proxy_is_for() {
    for (word, service) in [
        ("feishu", Service::Feishu),
        ("lark", Service::Feishu),
        ("slack", Service::Slack),
        ("discord", Service::Discord),
        ("teams", Service::Teams),
        ("webhook", Service::Webhook),
    ] {
        let target = target(&format!("{word}+https://proxy.example.com/a?b=c"));
        assert_eq!((target.service(), target.url()), (service, "https://proxy.example.com/a?b=c"), "{word}");
    }
    assert_eq!(services("dingtalk+http://localhost:1/robot/send?access_token=x"), [Service::DingTalk]);
    assert_eq!(services("wecom+http://localhost:1/?key=x"), [Service::WeCom]);
    assert_eq!(services("telegram+http://localhost:1/?chat_id=@x"), [Service::Telegram]);
}

#[test]
fn a_secret_is_behind_the_url_and_is_never_sent() {
    let robot = target(&format!("{DINGTALK}#secret=SECabc%2B%23"));
    assert_eq!((robot.url(), robot.key()), (DINGTALK, Some("SECabc+#")));
    let robot = target(&format!("{FEISHU}#secret=nIMtb7r3N9pkXyXdtAbx6e"));
    assert_eq!((robot.url(), robot.key()), (FEISHU, Some("nIMtb7r3N9pkXyXdtAbx6e")));
    // A new secret is the same target.
    assert_eq!(robot.id(), target(FEISHU).id());
    assert_ne!(robot.id(), target(DINGTALK).id());
}

#[test]
fn entries_are_separated_by_white_space_or_commas() {
    for between in [" ", "\n", ",", ", ", " ,\r\n\t", ",,"] {
        let text = format!("{between}{FEISHU}{between}{WECOM}{between}slack+{SLACK}{between}");
        assert_eq!(services(&text), [Service::Feishu, Service::WeCom, Service::Slack], "{between:?}");
    }
    // A comma may be part of a URL.
    assert_eq!(target("https://a.example.com/x,y?z=1,2").url(), "https://a.example.com/x,y?z=1,2");
    assert_eq!(services("https://a.example.com/x,y,https://b.example.com/"), [Service::Webhook; 2]);
    // Each once.
    assert_eq!(services(&format!("{WECOM} {WECOM}")), [Service::WeCom]);
}

#[test]
fn what_is_wrong_with_an_entry_is_said_without_quoting_it() {
    for (entry, rule) in [
        ("https://open.feishu.cn/open-apis/bot/hook/hidden", "must be the URL of a custom bot"),
        ("https://open.feishu.cn/document/hidden", "must be the URL of a custom bot"),
        ("https://oapi.dingtalk.com/robot/send?token=hidden", "must have its access_token"),
        ("https://oapi.dingtalk.com/robot/send?access_token=", "must have its access_token"),
        ("https://oapi.dingtalk.com/robot/send?access_token=x&sign=hidden", "must have no timestamp and no sign"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?hidden=x", "must have its key"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?key=hidden", "must be the URL of a group robot"),
        ("https://hooks.slack.com/workflows/hidden", "must be the URL of an incoming webhook"),
        ("https://discord.com/api/webhooks/1/hidden/slack", "must be the URL of a webhook"),
        ("https://example.webhook.office.com/webhookb2/hidden", "must not be of an Office 365 connector"),
        ("https://prod.logic.azure.com/hidden", "must be the URL of a workflow"),
        ("https://api.telegram.org/botHIDDEN/sendMessage", "must have the chat_id"),
        ("https://api.telegram.org/botHIDDEN/sendMessage?chat_id=", "must have the chat_id"),
        ("https://api.telegram.org/botHIDDEN/getUpdates?chat_id=1", "must be the URL of sendMessage"),
        ("https://api.telegram.org/botHIDDEN/sendMessage?chat_id=1&parse_mode=HTML", "must have no parameters but"),
        ("http://hidden.example.com/", "must be an https URL"),
        ("https://user:hidden@example.com/", "must not contain a user name"),
        ("https://192.0.2.1/hidden", "must have a host name"),
        ("hidden", "must be an absolute URL"),
        ("mailto+https://hidden.example.com/", "must have one of these words"),
        ("https://example.com/#hidden", "must have no fragment"),
        (&format!("{SLACK}#secret=hidden"), "must have no fragment"),
        (&format!("{DINGTALK}#hidden"), "must have its secret as #secret="),
        (&format!("{DINGTALK}#secret="), "must have its secret as #secret="),
        // Apprise's own forms.
        ("dingtalk://hidden/", "must be an https URL"),
        ("feishu://hidden", "must be an https URL"),
        ("tgram://hidden/1", "must be an https URL"),
    ] {
        let (targets, broken) = read_targets(&format!("{WECOM} {entry}"));
        let broken = broken.unwrap_or_else(|| panic!("{entry} is taken"));
        assert!(broken.starts_with(&format!("must have valid entries: entry 2 {rule}")), "{entry}: {broken}");
        assert!(!broken.to_lowercase().contains("hidden"), "{broken}");
        // The other one still counts.
        assert_eq!(targets.len(), 1, "{entry}");
        assert_eq!(targets[0].position(), 1);
    }
}

#[test]
fn there_are_at_most_eight() {
    let text = |count: usize| (0..count).map(|n| format!("https://a{n}.example.com/ ")).collect::<String>();
    assert_eq!(services(&text(TARGETS_MAX)).len(), TARGETS_MAX);
    for (text, count) in [(text(TARGETS_MAX + 1), 9), (String::new(), 0), (" ,\n".to_owned(), 0)] {
        let (targets, broken) = read_targets(&text);
        assert!(targets.is_empty());
        let broken = broken.unwrap();
        assert_eq!(broken, format!("must be 1 to 8 URLs, with white space or commas between them, and not {count}"));
    }
}

#[test]
fn a_server_of_ones_own_needs_the_secret() {
    let both = format!("{WECOM} {WEBHOOK}");
    let config = with(&[("ALERT_URLS", &both), ("ALERT_SECRET", ORIGIN_SECRET)]);
    assert!(config.invalid_settings.is_empty() && config.notify.targets.len() == 2);

    let config = with(&[("ALERT_URLS", &both)]);
    assert_eq!(config.invalid_names(), ["ALERT_SECRET"]);
    assert_eq!(config.invalid_settings[0].problem, "must be set: entry 2 of ALERT_URLS is a server of your own");
    assert_eq!(config.notify.targets.len(), 1);

    let config = with(&[("ALERT_URLS", &both), ("ALERT_SECRET", "whsec_x")]);
    assert_eq!((config.invalid_names(), config.notify.targets.len()), (vec!["ALERT_SECRET"], 1));
    // Nobody else has to have one.
    assert!(with(&[("ALERT_URLS", WECOM)]).invalid_settings.is_empty());
}

#[test]
fn settings_of_messages_switch_off_only_themselves() {
    for (name, valid, invalid) in [
        ("ALERT_URLS", &[WECOM][..], &["", "x", "https://example.com"][..]),
        ("ALERT_SECRET", &[ORIGIN_SECRET], &["", "x", "whsec_", "whsec_eA=="]),
        ("ALERT_LANGUAGE", &["en", "zh"], &["", "EN", "cn", "zh-CN"]),
        ("ALERT_USERS", &["true", "false"], &["", "yes", "1"]),
        (
            "PAGE_URL",
            &["https://webhook.example.com/dashboard", "http://localhost:8787/dashboard"],
            &[
                "",
                "/dashboard",
                "http://webhook.example.com/dashboard",
                "https://a.example.com/?x=1",
                "https://a.example.com/#x",
            ],
        ),
    ] {
        for text in valid {
            let config = with(&[(name, text)]);
            assert!(config.calls.settings.is_some() && config.invalid_settings.is_empty(), "{name}={text}");
        }
        for text in invalid {
            let config = with(&[(name, text)]);
            assert!(config.calls.settings.is_some(), "{name}={text}");
            let named = if *text == "https://example.com" { "ALERT_SECRET" } else { name };
            assert_eq!(config.invalid_names(), [named], "{name}={text}");
        }
    }
    let long = format!("https://a.example.com/{}", "x".repeat(500));
    assert_eq!(with(&[("PAGE_URL", &long)]).invalid_names(), ["PAGE_URL"]);
}

#[test]
fn debug_hides_them() {
    let all = format!("{FEISHU}#secret=hidden-key {DINGTALK} {WECOM} {SLACK} {DISCORD} {TEAMS} {TELEGRAM} {WEBHOOK}");
    let config = with(&[("ALERT_URLS", &all), ("ALERT_SECRET", ORIGIN_SECRET)]);
    assert_eq!(config.notify.targets.len(), 8);
    let shown = format!("{config:?} {config:#?}");
    for part in
        ["hidden-key", "https://", "11111111", "abcdefgh", "XXXX", "3d89bb", "KODueb", "ABC-DEF", "alerts.example"]
    {
        assert!(!shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("Target(feishu, hidden)"));
}

#[test]
fn what_a_service_repeats_of_a_url_is_taken_out() {
    for (url, secret) in [
        (DINGTALK, "abcdefgh12345678"),
        (TELEGRAM, "ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
        (TEAMS, "KODuebWbDGYFr0z0eu"),
    ] {
        let said = target(url).redact(&format!("invalid {secret}: see {url}"));
        assert!(!said.contains(secret) && said.starts_with("invalid …"), "{said}");
    }
    let robot = target(&format!("{FEISHU}#secret=nIMtb7r3N9pkXyXdtAbx6e"));
    assert_eq!(robot.redact("not nIMtb7r3N9pkXyXdtAbx6e"), "not …");
}
