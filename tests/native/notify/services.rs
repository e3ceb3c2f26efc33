//! The form of a message to each service, its signature and its length, and what an answer means.

use proptest::prelude::*;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use unfollow_webhook::{
    alerts::{
        Alert,
        notify::{
            message::{Message, Wording},
            service::{Outcome, Refusal, Request},
        },
        text::Language,
    },
    outgoing::OutgoingResponse,
    standard_webhooks::SigningSecret,
};

use super::{
    DINGTALK, DISCORD, FEISHU, SLACK, TEAMS, TELEGRAM, WEBHOOK, WECOM, begun, burst, setting, target, whole_text,
};
use crate::samples::{NOW_MS, ORIGIN_SECRET};

const PAGE: &str = "https://webhook.example.com/dashboard";

fn wording(language: Language) -> Wording {
    Wording { language, with_users: false, page: Some(PAGE.to_owned()) }
}

/// A message whose text has all that could be markup.
fn message() -> Message {
    begun(&[setting("RETENTION_DAYS", "must be <@all> & *bold*")], &wording(Language::En), NOW_MS)
}

fn request_of(url: &str, message: &Message) -> Request {
    let secret = SigningSecret::new(ORIGIN_SECRET).unwrap();
    let target = target(url);
    target.service().request(&target, Some(&secret), message, Language::En, NOW_MS)
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

const TEXT: &str = "unfollow-webhook: 1 new alert\n[critical] Invalid setting: RETENTION_DAYS\n→ Fix it: it must be <@all> & *bold*.\n\nhttps://webhook.example.com/dashboard";

#[test]
fn a_message_says_what_is_wrong_and_what_to_do() {
    assert_eq!(whole_text(&message(), Language::En), TEXT);
    let chinese = begun(&[burst("alice")], &wording(Language::Zh), NOW_MS);
    assert_eq!(
        whole_text(&chinese, Language::Zh).lines().take(2).collect::<Vec<_>>(),
        ["unfollow-webhook：1 条新告警", "[警告] 某用户一小时内被取关 70 次，平时为 3 次（应用 1400000000）"]
    );
}

#[test]
fn users_are_named_only_if_they_may_be() {
    for (with_users, is_named) in [(false, false), (true, true)] {
        let wording = Wording { with_users, ..wording(Language::En) };
        let message = begun(&[burst("alice")], &wording, NOW_MS);
        let text = whole_text(&message, Language::En);
        assert_eq!(text.contains("alice"), is_named, "{text}");
        assert_eq!(request_of(WEBHOOK, &message).body.contains("alice"), is_named);
        // The page's own view of the app.
        assert!(text.ends_with(&format!("{PAGE}?app=1400000000")), "{text}");
    }
}

/// The signature is from `openssl dgst -sha256 -hmac` and Python's `hmac`: the key is "{seconds}\n{secret}", and the text is empty.
#[test]
fn feishu_is_signed_with_time_and_secret_as_the_key() {
    let request = request_of(&format!("{FEISHU}#secret=nIMtb7r3N9pkXyXdtAbx6e"), &message());
    assert_eq!(request.url, FEISHU);
    assert_eq!(
        body(&request),
        json!({
            "timestamp": "1702018344",
            "sign": "vJ1dlajbXszudhpLbThOa3biuIC7ERspzKEpfzyLbw4=",
            "msg_type": "text",
            "content": { "text": TEXT.replace('<', "＜") },
        })
    );
    let unsigned = body(&request_of(FEISHU, &message()));
    assert_eq!(unsigned.as_object().unwrap().keys().collect::<Vec<_>>(), ["content", "msg_type"]);
}

/// The signature is from Node's `crypto` and Python's `hmac`: the key is the secret, and the text is "{ms}\n{secret}".
#[test]
fn dingtalk_is_signed_with_the_secret_as_the_key() {
    let request = request_of(&format!("{DINGTALK}#secret=SECabc"), &message());
    let signed = "&timestamp=1702018344000&sign=nHDoWL7KOvl2eqKmJ%2F4IoHT0fJ1ZCSBAPCvD0vIR7QQ%3D";
    assert_eq!(request.url, format!("{DINGTALK}{signed}"));
    assert_eq!(body(&request), json!({ "msgtype": "text", "text": { "content": TEXT }, "at": { "isAtAll": false } }));
    assert!(request.headers.contains(&("content-type", "application/json; charset=utf-8".to_owned())));
    assert_eq!(request_of(DINGTALK, &message()).url, DINGTALK);
}

#[test]
fn wecom_slack_discord_and_telegram_get_text_without_markup() {
    let request = request_of(WECOM, &message());
    assert_eq!(request.url, WECOM);
    assert_eq!(body(&request), json!({ "msgtype": "text", "text": { "content": TEXT.replace('<', "＜") } }));

    let request = request_of(SLACK, &message());
    let text = TEXT.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(request.url, SLACK);
    assert_eq!(body(&request), json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false }));

    let request = request_of(DISCORD, &message());
    assert_eq!(request.url, format!("{DISCORD}?wait=true"));
    assert_eq!(
        request_of(&format!("{DISCORD}?thread_id=1"), &message()).url,
        format!("{DISCORD}?thread_id=1&wait=true")
    );
    let body_of = body(&request);
    assert_eq!((&body_of["allowed_mentions"], &body_of["flags"]), (&json!({ "parse": [] }), &json!(4)));
    let content = body_of["content"].as_str().unwrap();
    assert!(content.contains(r"RETENTION\_DAYS") && content.contains(r"\<\@all\> & \*bold\*"), "{content}");
    assert!(content.ends_with(PAGE), "the link is one: {content}");

    let request = request_of(&format!("{TELEGRAM}&message_thread_id=7&disable_notification=true"), &message());
    assert_eq!(request.url, TELEGRAM.split('?').next().unwrap());
    assert_eq!(
        body(&request),
        json!({
            "chat_id": -1_001_234_567_890_i64,
            "message_thread_id": 7,
            "disable_notification": true,
            "text": TEXT,
            "link_preview_options": { "is_disabled": true },
        })
    );
    assert_eq!(body(&request_of(&TELEGRAM.replace("-1001234567890", "@channel"), &message()))["chat_id"], "@channel");
}

#[test]
fn teams_gets_a_card_whose_texts_are_no_markdown() {
    let request = request_of(TEAMS, &message());
    assert_eq!(request.url, TEAMS);
    let body = body(&request);
    assert_eq!(body["type"], "message");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.2")));
    let blocks = card["body"].as_array().unwrap();
    assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"), "{blocks:?}");
    let texts: Vec<_> = blocks.iter().map(|block| block["inlines"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(texts, TEXT.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>());
    assert_eq!(card["actions"][0], json!({ "type": "Action.OpenUrl", "title": "Open", "url": PAGE }));
}

/// Verified with the specification's own library.
#[test]
fn any_other_gets_a_standard_webhook() {
    let now = crate::consumer::real_now_ms();
    let (secret, target) = (SigningSecret::new(ORIGIN_SECRET).unwrap(), target(WEBHOOK));
    let message = begun(&[burst("alice")], &wording(Language::En), now);
    let request = target.service().request(&target, Some(&secret), &message, Language::En, now);
    assert_eq!(request.url, WEBHOOK);
    let mut headers = http_headers(&request);
    Webhook::new(ORIGIN_SECRET).unwrap().verify(request.body.as_bytes(), &headers).unwrap();
    headers.insert("webhook-id", "another".parse().unwrap());
    assert!(Webhook::new(ORIGIN_SECRET).unwrap().verify(request.body.as_bytes(), &headers).is_err());

    let body = body(&request);
    assert_eq!(body["type"], "alerts.changed");
    assert!(chrono::DateTime::parse_from_rfc3339(body["timestamp"].as_str().unwrap()).is_ok());
    let data = &body["data"];
    assert_eq!(data["url"], format!("{PAGE}?app=1400000000"));
    assert_eq!(data["text"], whole_text(&message, Language::En));
    assert_eq!((&data["ended"], &data["passed"], &data["lasting"]), (&json!([]), &json!([]), &json!([])));
    let alert = &data["begun"][0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("unfollow_burst_of_user"), &json!("warning")));
    assert_eq!((&alert["app"], &alert["subject"], &alert["count"]), (&json!(1_400_000_000), &json!(""), &json!(70)));
    assert_eq!((&alert["began_at"], &alert["ended_at"]), (&json!(now), &Value::Null));
}

fn http_headers(request: &Request) -> ureq::http::HeaderMap {
    let header =
        |(name, text): &(&'static str, String)| (ureq::http::HeaderName::from_static(name), text.parse().unwrap());
    request.headers.iter().map(header).collect()
}

/// The same news have the same id, so that a receiver knows what it has got before.
#[test]
fn an_id_is_of_the_news() {
    let english = begun(&[burst("alice")], &wording(Language::En), NOW_MS);
    assert_eq!(english.id, begun(&[burst("alice")], &wording(Language::Zh), NOW_MS).id);
    assert_ne!(english.id, begun(&[burst("alice")], &wording(Language::En), NOW_MS + 1).id);
    assert_ne!(english.id, begun(&[burst("bob")], &wording(Language::En), NOW_MS).id);
}

/// What the limits are, by the units of each service: written here a second time.
fn length_of(url: &str, body: &Value) -> (usize, usize) {
    match url {
        FEISHU => (body.to_string().len(), 20 * 1000),
        DINGTALK => (body.to_string().len(), 20_000),
        WECOM => (body["text"]["content"].as_str().unwrap().len(), 2048),
        SLACK => (body["text"].as_str().unwrap().encode_utf16().count(), 4000),
        DISCORD => (body["content"].as_str().unwrap().encode_utf16().count(), 2000),
        TEAMS => (body.to_string().encode_utf16().count() * 2, 28 * 1024),
        TELEGRAM => (body["text"].as_str().unwrap().encode_utf16().count(), 4096),
        _ => unreachable!(),
    }
}

/// The text that a service shows.
fn text_of(body: &Value) -> String {
    let texts = [&body["content"]["text"], &body["text"]["content"], &body["text"], &body["content"]];
    let text = texts.iter().find_map(|text| text.as_str());
    let of_card = || {
        let blocks = body["attachments"][0]["content"]["body"].as_array().unwrap().iter();
        blocks.map(|block| block["inlines"][0]["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    };
    text.map_or_else(of_card, str::to_owned)
}

#[test]
fn a_text_that_is_too_long_is_cut_between_lines_and_says_so() {
    for filler in ["x", "取", "🔑", "<", "\"", "\u{1}", "*"] {
        let alerts: Vec<Alert> = (0..30).map(|n| setting(&format!("NAME_{n}"), &filler.repeat(480))).collect();
        let message = begun(&alerts, &wording(Language::En), NOW_MS);
        for url in [FEISHU, DINGTALK, WECOM, SLACK, DISCORD, TEAMS, TELEGRAM] {
            let body = body(&request_of(url, &message));
            let (length, max) = length_of(url, &body);
            assert!(length <= max, "{url} {filler:?}: {length} of {max}");
            let text = text_of(&body);
            assert!(text.contains("30 new alerts"), "{text}");
            let is_cut = text.contains("cut: ");
            assert!(is_cut || text.contains("and 20 more, 20 of them critical"), "{url} {filler:?}: {text}");
            if url == WECOM || url == DISCORD {
                assert!(is_cut, "{url} {filler:?}");
                assert!(text.ends_with(PAGE), "{text}");
            }
        }
    }
}

/// A line from outside stays one line, without what a reader acts on.
#[test]
fn a_rule_cannot_forge_a_line() {
    let message = begun(&[setting("A\n[critical] B", "x\r\ny\u{2028}z\u{202e}\u{7}")], &wording(Language::En), NOW_MS);
    let text = whole_text(&message, Language::En);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control() && !('\u{2028}'..='\u{202e}').contains(&c)), "{text:?}");
}

fn answer(status: u16, body: &str) -> OutgoingResponse {
    OutgoingResponse { status, retry_after: None, body: body.as_bytes().to_vec() }
}

fn outcome(url: &str, status: u16, body: &str) -> Outcome {
    target(url).service().outcome(&answer(status, body))
}

/// The answers are those of the services' documents, and of the issues that `docs/alert-messages.md` names.
#[test]
fn what_was_taken_is_what_the_service_says() {
    for (url, status, body) in [
        (FEISHU, 200, r#"{"code":0,"msg":"success","data":{},"Extra":null,"StatusCode":0,"StatusMessage":"success"}"#),
        (FEISHU, 200, r#"{"Extra":null,"StatusCode":0,"StatusMessage":"success"}"#),
        (DINGTALK, 200, r#"{"errcode":0,"errmsg":"ok"}"#),
        (WECOM, 200, r#"{"errcode":0,"errmsg":"ok"}"#),
        (SLACK, 200, "ok"),
        (DISCORD, 200, r#"{"id":"1","type":0,"content":"x","channel_id":"2","timestamp":"2026-11-28T00:00:00Z"}"#),
        (TEAMS, 202, ""),
        (TEAMS, 200, ""),
        (TELEGRAM, 200, r#"{"ok":true,"result":{"message_id":1,"date":2,"chat":{"id":-1,"type":"group"},"text":"x"}}"#),
        (WEBHOOK, 200, "anything"),
        (WEBHOOK, 204, ""),
    ] {
        assert_eq!(outcome(url, status, body), Outcome::Accepted, "{url} {body}");
    }
}

#[test]
fn a_refusal_is_one_also_with_http_200() {
    for (url, status, body, code, says, wait_seconds) in [
        (
            FEISHU,
            200,
            r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time","data":{}}"#,
            "19021",
            "sign match fail or timestamp is not within one hour from current time",
            0,
        ),
        (FEISHU, 200, r#"{"code":19024,"msg":"Key Words Not Found"}"#, "19024", "Key Words Not Found", 0),
        (FEISHU, 400, r#"{"code":9499,"msg":"Bad Request","data":{}}"#, "9499", "Bad Request", 0),
        (DINGTALK, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#, "310000", "sign not match", 0),
        (
            DINGTALK,
            200,
            r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
            "130101",
            "send too fast, exceed 20 times per minute",
            600,
        ),
        (
            DINGTALK,
            200,
            r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"9ff0","errcode": 130101,"errmsg": "send too fast, exceed 20 times per minute"}"#,
            "130101",
            "send too fast, exceed 20 times per minute",
            600,
        ),
        (WECOM, 200, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "93000", "invalid webhook url", 0),
        (WECOM, 200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "45009", "api freq out of limit", 60),
        (SLACK, 404, "no_service", "no_service", "", 0),
        (SLACK, 410, "channel_is_archived", "channel_is_archived", "", 0),
        (SLACK, 400, "invalid_payload", "invalid_payload", "", 0),
        (DISCORD, 404, r#"{"message":"Unknown Webhook","code":10015}"#, "10015", "Unknown Webhook", 0),
        (
            DISCORD,
            429,
            r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#,
            "",
            "You are being rate limited.",
            65,
        ),
        (
            TELEGRAM,
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 34","parameters":{"retry_after":34}}"#,
            "429",
            "Too Many Requests: retry after 34",
            34,
        ),
        (
            TELEGRAM,
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            "400",
            "Bad Request: chat not found",
            0,
        ),
        // It asks for a day.
        (
            TELEGRAM,
            429,
            r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":86400}}"#,
            "429",
            "x",
            3600,
        ),
        (
            TELEGRAM,
            429,
            r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":-1}}"#,
            "429",
            "x",
            0,
        ),
    ] {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let refusal = Refusal { status, code: text(code), says: text(says), wait_seconds };
        assert_eq!(outcome(url, status, body), Outcome::Refused(refusal), "{url} {body}");
    }
}

/// A page that is in the way answers 200 as well.
#[test]
fn what_is_no_answer_of_the_service_is_a_refusal() {
    let nested = "[".repeat(5000);
    for url in [FEISHU, DINGTALK, WECOM, SLACK, DISCORD, TELEGRAM] {
        for body in [
            "",
            "<html>sign in</html>",
            "{}",
            "[]",
            "null",
            "0",
            r#"{"errcode":"0"}"#,
            r#"{"code":null}"#,
            r#"{"ok":"true"}"#,
            &nested,
            "\u{feff}ok",
        ] {
            assert!(matches!(outcome(url, 200, body), Outcome::Refused(_)), "{url} {body:.40}");
        }
    }
    for url in [FEISHU, DINGTALK, WECOM, SLACK, DISCORD, TEAMS, TELEGRAM, WEBHOOK] {
        for status in [301, 302, 307, 400, 401, 403, 404, 413, 429, 500, 503] {
            let body = r#"{"code":0,"errcode":0,"ok":true,"id":1}"#;
            assert!(matches!(outcome(url, status, body), Outcome::Refused(_)), "{url} {status}");
        }
    }
}

#[test]
fn retry_after_of_the_head_counts_too() {
    for url in [SLACK, TEAMS, WEBHOOK] {
        let answer = OutgoingResponse { retry_after: Some(30), ..answer(429, "") };
        let Outcome::Refused(refusal) = target(url).service().outcome(&answer) else { panic!("taken") };
        assert_eq!(refusal.wait_seconds, 30);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// No answer panics, and none but a word becomes a code, which is logged.
    #[test]
    fn any_answer_has_an_outcome(status in 100u16..600, body in ".{0,200}", json in any::<bool>()) {
        for url in [FEISHU, DINGTALK, WECOM, SLACK, DISCORD, TEAMS, TELEGRAM, WEBHOOK] {
            let body = if json { json!({ "code": body, "errcode": body, "error_code": body }).to_string() } else { body.clone() };
            if let Outcome::Refused(refusal) = outcome(url, status, &body) {
                let is_word = |code: &String| code.len() <= 40 && code.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
                prop_assert!(refusal.code.as_ref().is_none_or(is_word), "{refusal:?}");
            }
        }
    }

    /// Whatever is in it, a message fits, and its body is JSON.
    #[test]
    fn any_message_fits(texts in prop::collection::vec("\\PC{0,700}", 1..40), zh in any::<bool>()) {
        let language = if zh { Language::Zh } else { Language::En };
        let alerts: Vec<_> = texts.iter().enumerate().map(|(n, text)| setting(&format!("{n}{text}"), text)).collect();
        let message = begun(&alerts, &wording(language), NOW_MS);
        for url in [FEISHU, DINGTALK, WECOM, SLACK, DISCORD, TEAMS, TELEGRAM] {
            let target = target(url);
            let request = target.service().request(&target, None, &message, language, NOW_MS);
            let (length, max) = length_of(url, &body(&request));
            prop_assert!(length <= max, "{url}: {length}");
        }
    }
}
