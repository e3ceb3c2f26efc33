//! The chat services: what a message to each looks like, how it is signed, how long it may be, and what an answer means. Each fact
//! is from the service's own document, or from where its behaviour was observed; `docs/alert-messages.md` lists them.
//!
//! Several services answer HTTP 200 for a message that they did not take. What counts is a member of the answer's body.

use std::borrow::Cow;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{message::Message, target::Target};
use crate::{
    alerts::text::Language,
    encoding::to_json,
    outgoing::OutgoingResponse,
    standard_webhooks::{self, SigningSecret},
};

/// A service that shows messages to the operator. Its word is that of `ALERT_URLS`, of the API and of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Service {
    /// A custom bot of Feishu or Lark.
    Feishu,
    /// A custom robot of DingTalk.
    DingTalk,
    /// A group robot of WeCom.
    WeCom,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of a channel of Discord.
    Discord,
    /// A workflow of Microsoft Teams that posts what it is sent.
    Teams,
    /// A bot of Telegram.
    Telegram,
    /// A server of one's own that takes Standard Webhooks.
    Webhook,
}

/// What the length of a text is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Bytes of UTF-8, with the text as JSON: where the whole request counts.
    JsonBytes,
    /// Units of UTF-16. Where a service says "characters", it does not say which: by these, an emoji counts two, so that a text
    /// fits in either case.
    Utf16,
    /// Twice the units of UTF-16 of the text as JSON, or its bytes of UTF-8, whichever are more.
    Utf16Bytes,
}

impl Unit {
    fn measure(self, text: &str) -> usize {
        let utf16 = |text: &str| text.encode_utf16().count();
        match self {
            Self::Bytes => text.len(),
            Self::JsonBytes => to_json(text).len(),
            Self::Utf16 => utf16(text),
            Self::Utf16Bytes => {
                let json = to_json(text);
                json.len().max(utf16(&json).saturating_mul(2))
            }
        }
    }
}

/// A request, as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service has accepted the message.
    Accepted,
    /// It has not.
    Refused(Refusal),
}

/// Why a message was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's own code or word; never a text of more than [`CODE_MAX`] characters, and without white space.
    pub code: Option<String>,
    /// What the service says about it, as it came.
    pub says: Option<String>,
    /// How many seconds to wait before the next message, at least; 0 if the service does not say.
    pub wait_seconds: u64,
}

/// The longest code of a service that is shown and logged.
pub const CODE_MAX: usize = 40;

/// How long DingTalk mutes a robot that has sent more than 20 messages in a minute, in seconds.
/// [DingTalk, "Custom robot access": such a robot is limited for 10 minutes. The code is not in that document; it was seen in
/// ccfos/nightingale #369: 130101, "send too fast, exceed 20 times per minute"]
const DINGTALK_MUTED_SECONDS: u64 = 600;
const DINGTALK_TOO_FAST: &str = "130101";

/// How long WeCom refuses a robot that has sent more than 20 messages in a minute, in seconds.
/// [WeCom, "Group robot configuration": 20 a minute; "Access frequency limits": a limit of a minute blocks for 60 s; "Global error
/// codes": 45009, the limit is exceeded]
const WECOM_BLOCKED_SECONDS: u64 = 60;
const WECOM_TOO_FAST: &str = "45009";

/// The longest wait that a service can ask for, in seconds. A day's would silence the alerts.
const WAIT_MAX_SECONDS: u64 = 3600;

impl Service {
    /// Its name for a reader.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Feishu => "Feishu / Lark",
            Self::DingTalk => "DingTalk",
            Self::WeCom => "WeCom",
            Self::Slack => "Slack",
            Self::Discord => "Discord",
            Self::Teams => "Microsoft Teams",
            Self::Telegram => "Telegram",
            Self::Webhook => "Standard Webhooks",
        }
    }

    /// How long a text may be.
    const fn limit(self) -> (Unit, usize) {
        match self {
            // Feishu, "Custom bot guide": the body has at most 20 KB. DingTalk answers 460101 "message too long, exceed 20000 bytes".
            // [timonwong/prometheus-webhook-dingtalk #30] The rest of the body needs some 200 bytes.
            Self::Feishu | Self::DingTalk => (Unit::JsonBytes, 19_000),
            // "Group robot configuration": `content` has at most 2,048 bytes of UTF-8.
            Self::WeCom => (Unit::Bytes, 2048),
            // Slack truncates a text after 40,000 characters ["Truncating really long messages"], and has split longer ones than 4,000
            // into several messages. [chainloop-dev/chainloop #272]
            Self::Slack => (Unit::Utf16, 4000),
            // "Execute Webhook": `content` has at most 2,000 characters.
            Self::Discord => (Unit::Utf16, 2000),
            // "Create Incoming Webhooks", and the known issues of the Teams connector: 28 KB in all. 21 KB were measured.
            // [msteams_hermes 1.2, `MSTEAMS_MESSAGE_SIZE_LIMIT`] The card around the text needs about a kilobyte.
            Self::Teams => (Unit::Utf16Bytes, 18_000),
            // `sendMessage`: a text has 1 to 4,096 characters.
            Self::Telegram => (Unit::Utf16, 4096),
            // None is known.
            Self::Webhook => (Unit::JsonBytes, 60_000),
        }
    }

    /// A text as this service shows it literally, so that nothing in it is a mention, a link or markup.
    fn literal(self, text: &str) -> Cow<'_, str> {
        match self {
            // `<at user_id="all">` in a text of Feishu, and `<@userid>` in one of WeCom, are mentions. Neither has an escape, so a
            // character that looks alike stands for the one that opens them. [Feishu, "Custom bot guide"; WeCom, "Group robot
            // configuration"]
            Self::Feishu | Self::WeCom => replace(text, |c| (c == '<').then_some("＜")),
            // "Formatting text": these three, and no others, are to be written as entities. Without them there is no mention.
            Self::Slack => replace(text, |c| match c {
                '&' => Some("&amp;"),
                '<' => Some("&lt;"),
                '>' => Some("&gt;"),
                _ => None,
            }),
            // `content` is Markdown; what `allowed_mentions` forbids is still shown as a mention.
            Self::Discord => {
                let is_markup = |c: char| "\\*_~|`<>[]()#@".contains(c);
                if !text.contains(is_markup) {
                    return Cow::Borrowed(text);
                }
                let escape = |c: char| is_markup(c).then_some('\\').into_iter().chain([c]);
                Cow::Owned(text.chars().flat_map(escape).collect())
            }
            // Mentions of DingTalk are in `at`; a TextRun of Teams has no Markdown; Telegram has none without `parse_mode`.
            Self::DingTalk | Self::Teams | Self::Telegram | Self::Webhook => Cow::Borrowed(text),
        }
    }

    /// The request that brings `message` to `target`. `now_ms` (Unix ms) is what it is signed with.
    #[must_use]
    pub fn request(
        self,
        target: &Target,
        secret: Option<&SigningSecret>,
        message: &Message,
        language: Language,
        now_ms: u64,
    ) -> Request {
        let (unit, max) = self.limit();
        let literal = |text: &str| self.literal(text).into_owned();
        let text = message.text(language, literal, |text| unit.measure(text) <= max);
        let mut url = target.url().to_owned();
        let mut headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        let body = match self {
            Self::Feishu => {
                let mut body = json!({ "msg_type": "text", "content": { "text": text } });
                if let (Some(key), Some(body)) = (target.key(), body.as_object_mut()) {
                    // "Custom bot guide": the time is in seconds; the text "{time}\n{secret}" is the key, and what is signed is empty.
                    let time = now_ms / 1000;
                    body.insert("timestamp".to_owned(), time.to_string().into());
                    body.insert("sign".to_owned(), hmac_base64(&format!("{time}\n{key}"), "").into());
                }
                body
            }
            Self::DingTalk => {
                if let Some(key) = target.key() {
                    // "Custom robot access": the time is in ms; the text "{time}\n{secret}" is what is signed, and the secret is the
                    // key. The signature is in the query, percent-encoded: its base64 has `+` and `/`.
                    let sign = hmac_base64(key, &format!("{now_ms}\n{key}"));
                    let sign = utf8_percent_encode(&sign, NON_ALPHANUMERIC);
                    url = format!("{url}&timestamp={now_ms}&sign={sign}");
                }
                json!({ "msgtype": "text", "text": { "content": text }, "at": { "isAtAll": false } })
            }
            Self::WeCom => json!({ "msgtype": "text", "text": { "content": text } }),
            // `mrkdwn`: "Disable Slack markup parsing by setting to false". [@slack/web-api, ChatPostMessageArguments]
            Self::Slack => json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false }),
            Self::Discord => {
                // "Execute Webhook": without `wait`, a message that is not saved gives no error. Flag 4 is SUPPRESS_EMBEDS.
                let and = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{and}wait=true");
                json!({ "content": text, "allowed_mentions": { "parse": [] }, "flags": 4 })
            }
            Self::Teams => teams_card(&text, message.link()),
            Self::Telegram => {
                let mut body: Map<String, Value> = target.parameters().clone();
                body.insert("text".to_owned(), text.into());
                body.insert("link_preview_options".to_owned(), json!({ "is_disabled": true }));
                Value::Object(body)
            }
            Self::Webhook => message.event(&text, now_ms),
        };
        let body = to_json(&body);
        if self == Self::Webhook {
            let secrets = secret.map(std::slice::from_ref).unwrap_or_default();
            headers.extend(standard_webhooks::headers(secrets, &message.id, now_ms / 1000, &body));
        }
        Request { url, headers, body }
    }

    /// What an answer means.
    #[must_use]
    pub fn outcome(self, answer: &OutgoingResponse) -> Outcome {
        let text = str::from_utf8(&answer.body).unwrap_or_default();
        let is_success = (200..300).contains(&answer.status);
        // What is no JSON object has no members.
        let body = serde_json::from_str(text).unwrap_or(Value::Null);
        let (code, says) = match self {
            // The older answer has `StatusCode` alone; a refusal has `code`. [Feishu, "Custom bot guide"]
            Self::Feishu => (body.get("code").or_else(|| body.get("StatusCode")), body.get("msg")),
            Self::DingTalk | Self::WeCom => (body.get("errcode"), body.get("errmsg")),
            Self::Discord => (body.get("code"), body.get("message")),
            Self::Telegram => (body.get("error_code"), body.get("description")),
            Self::Slack | Self::Teams | Self::Webhook => (None, None),
        };
        let is_taken = match self {
            // "Global error codes" of each: 0 is success, and a message was refused with any other, whatever the status.
            Self::Feishu | Self::DingTalk | Self::WeCom => code.and_then(Value::as_i64) == Some(0),
            // "Improving error conditions for incoming webhooks": the body of an error is its word. A success is "ok".
            Self::Slack => text.trim() == "ok",
            // The message that was posted, for which `wait` asks.
            Self::Discord => body.get("id").is_some(),
            // "Making requests": `ok` says whether it was successful.
            Self::Telegram => body.get("ok") == Some(&Value::Bool(true)),
            // The flow was started. What becomes of it, the answer does not say.
            Self::Teams | Self::Webhook => true,
        };
        if is_success && is_taken {
            return Outcome::Accepted;
        }
        let code = if self == Self::Slack { word(text) } else { code.and_then(code_text) };
        let code = code.filter(|code| code != "0");
        let of_body = body.get("retry_after").or_else(|| body.get("parameters")?.get("retry_after"));
        let muted = match (self, code.as_deref()) {
            (Self::DingTalk, Some(DINGTALK_TOO_FAST)) => DINGTALK_MUTED_SECONDS,
            (Self::WeCom, Some(WECOM_TOO_FAST)) => WECOM_BLOCKED_SECONDS,
            _ => 0,
        };
        let wait = [of_body.and_then(Value::as_f64).map_or(0, whole_seconds), answer.retry_after.unwrap_or(0), muted];
        Outcome::Refused(Refusal {
            status: answer.status,
            code,
            says: says.and_then(Value::as_str).map(str::to_owned),
            wait_seconds: wait.into_iter().max().unwrap_or(0).min(WAIT_MAX_SECONDS),
        })
    }
}

/// Part of a second counts as a whole one. What is no time becomes 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

/// A text with some characters replaced.
fn replace(text: &str, by: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if text.chars().all(|c| by(c).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    for c in text.chars() {
        match by(c) {
            Some(text) => replaced.push_str(text),
            None => replaced.push(c),
        }
    }
    Cow::Owned(replaced)
}

/// HMAC-SHA-256 as base64.
fn hmac_base64(key: &str, text: &str) -> String {
    // HMAC takes a key of any length, so this is never empty.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    Base64::encode_string(&mac.finalize().into_bytes())
}

/// A message of Teams: an Adaptive Card. Its texts are `TextRun`s, because a `TextBlock` is Markdown. ["Format cards in Teams"]
fn teams_card(text: &str, link: Option<&str>) -> Value {
    let mut lines = text.lines();
    let title = lines.next().unwrap_or_default();
    let run = |text: &str, weight: &str| {
        let inlines = json!([{ "type": "TextRun", "text": text, "weight": weight }]);
        json!({ "type": "RichTextBlock", "inlines": inlines })
    };
    let lines = lines.filter(|line| !line.is_empty()).map(|line| run(line, "Default"));
    let body: Vec<_> = [run(title, "Bolder")].into_iter().chain(lines).collect();
    let actions: Vec<_> =
        link.iter().map(|url| json!({ "type": "Action.OpenUrl", "title": "Open", "url": url })).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": body,
                "actions": actions,
                "msteams": { "width": "Full" },
            },
        }],
    })
}

fn code_text(code: &Value) -> Option<String> {
    match code {
        Value::Number(number) => word(&number.to_string()),
        Value::String(text) => word(text),
        _ => None,
    }
}

/// A text, if it is a word that may be logged.
fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!text.is_empty() && text.len() <= CODE_MAX && text.chars().all(is_plain)).then(|| text.to_owned())
}
