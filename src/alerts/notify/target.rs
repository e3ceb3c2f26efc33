//! Where messages go: the entries of `ALERT_URLS`. Each is a URL as its service gives it, and a secret: whoever has it can write into
//! the group. Nothing of it is ever shown, but the service and the position among the entries.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::service::Service;
use crate::{hash::sha256_hex, outgoing::https_url};

/// Most entries. A run sends to all of them, and the free plan allows 50 requests in one.
pub const TARGETS_MAX: usize = 8;

/// The parameters that a URL of Telegram may have: what else `sendMessage` takes could make markup of a text.
const TELEGRAM_PARAMETERS: [&str; 3] = ["chat_id", "message_thread_id", "disable_notification"];

/// What the fragment of a URL begins with that has the secret of a robot. A fragment is never sent.
const SECRET: &str = "secret=";

/// Where messages go. Debug hides it.
#[derive(Clone)]
pub struct Target {
    service: Service,
    url: String,
    key: Option<String>,
    parameters: Map<String, Value>,
    id: String,
    position: usize,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}, hidden)", <&str>::from(self.service))
    }
}

impl Target {
    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// Which of the entries of `ALERT_URLS` it is, from 1 on.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The URL that a message is posted to, without a fragment.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The secret that messages are signed with, if the robot has one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What else goes into a message's body.
    #[must_use]
    pub const fn parameters(&self) -> &Map<String, Value> {
        &self.parameters
    }

    /// What it is known by from run to run: 16 hex digits of a SHA-256 of its URL and parameters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A text of the service without what is secret of this target, should the service have repeated it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let parts = self.url.split(['/', '?', '&', '=', ':']).chain(self.key());
        parts.filter(|part| part.len() >= 8).fold(text.to_owned(), |text, part| text.replace(part, "…"))
    }

    /// Reads one entry: a URL, before which the word of a service and `+` may stand, and behind which `#secret=…` may.
    ///
    /// # Errors
    /// The rule that it breaks, as the rest of a sentence whose subject is the entry. It does not quote it.
    fn read(
        entry: &str,
        position: usize,
        ascii_host: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        let (named, text) = match entry.split_once("://").and_then(|(scheme, _)| scheme.split_once('+')) {
            Some((word, _)) => {
                (Some(service_of_word(word)?), entry.get(word.len().saturating_add(1)..).unwrap_or_default())
            }
            None => (None, entry),
        };
        let (text, fragment) = text.split_once('#').map_or((text, None), |(text, fragment)| (text, Some(fragment)));
        let mut url = https_url(text, ascii_host)?;
        let service = match named {
            Some(service) => service,
            None => service_of_url(&url)?,
        };
        let key = match (service, fragment) {
            (_, None) => None,
            (Service::Feishu | Service::DingTalk, Some(fragment)) => Some(read_key(fragment)?),
            (_, Some(_)) => return Err("must have no fragment: only bots of Feishu, Lark and DingTalk have a secret"),
        };
        let has = |name: &str| url.query_pairs().any(|(it, text)| it == name && !text.is_empty());
        let parameters = match service {
            Service::DingTalk if !has("access_token") => return Err("must have its access_token"),
            // They are added to each message.
            Service::DingTalk if has("timestamp") || has("sign") => {
                return Err("must have no timestamp and no sign: give the secret as #secret=…");
            }
            Service::WeCom if !has("key") => return Err("must have its key"),
            Service::Telegram => {
                let parameters = telegram_parameters(&url)?;
                url.set_query(None);
                parameters
            }
            _ => Map::new(),
        };
        let id = sha256_hex(format!("{url}\n{}", Value::Object(parameters.clone())));
        let id = id.get(..16).unwrap_or_default().to_owned();
        Ok(Self { service, url: url.into(), key, parameters, id, position })
    }
}

/// Reads the entries of `ALERT_URLS`, between which white space or commas stand: those that are valid, each once; and the rule that
/// the others break, as the rest of a sentence whose subject is the setting. `ascii_host` is that of [`https_url`].
#[must_use]
pub fn read_targets(text: &str, ascii_host: &impl Fn(&str) -> Option<String>) -> (Vec<Target>, Option<String>) {
    let mut targets: Vec<Target> = Vec::new();
    let entries = entries(text);
    let count = entries.len();
    if !(1..=TARGETS_MAX).contains(&count) {
        let rule = format!("must be 1 to {TARGETS_MAX} URLs, with white space or commas between them, and not {count}");
        return (targets, Some(rule));
    }
    let mut broken = Vec::new();
    for (position, entry) in (1..).zip(&entries) {
        match Target::read(entry, position, ascii_host) {
            Ok(target) if targets.iter().any(|it| it.id == target.id) => {}
            Ok(target) => targets.push(target),
            Err(rule) => broken.push(format!("entry {position} {rule}")),
        }
    }
    (targets, (!broken.is_empty()).then(|| format!("must have valid entries: {}", broken.join("; "))))
}

/// Cuts a text into its entries. A comma is part of a URL, unless an entry of its own follows it.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for piece in text.split_whitespace() {
        let mut is_first = true;
        for part in piece.split(',') {
            match entries.last_mut() {
                Some(last) if !is_first && !part.is_empty() && !part.contains("://") => {
                    last.push(',');
                    last.push_str(part);
                }
                _ if part.is_empty() => {}
                _ => entries.push(part.to_owned()),
            }
            is_first = false;
        }
    }
    entries
}

fn service_of_word(word: &str) -> Result<Service, &'static str> {
    match word {
        "lark" => Ok(Service::Feishu),
        word => word.parse().map_err(|_| {
            "must have one of these words before a +: feishu, lark, dingtalk, wecom, slack, discord, teams, telegram, webhook"
        }),
    }
}

/// The service whose host it is. The path of each is fixed: any other URL of the same host takes other messages.
fn service_of_url(url: &Url) -> Result<Service, &'static str> {
    let Some(Host::Domain(host)) = url.host() else { return Ok(Service::Webhook) };
    let (path, is_below) =
        (url.path(), |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
    let (service, has_path, rule) = match host {
        "open.feishu.cn" | "open.larksuite.com" => (
            Service::Feishu,
            path.starts_with("/open-apis/bot/v2/hook/"),
            "must be the URL of a custom bot, with /open-apis/bot/v2/hook/",
        ),
        "oapi.dingtalk.com" => {
            (Service::DingTalk, path == "/robot/send", "must be the URL of a custom robot, with /robot/send")
        }
        "qyapi.weixin.qq.com" => (
            Service::WeCom,
            path == "/cgi-bin/webhook/send",
            "must be the URL of a group robot, with /cgi-bin/webhook/send",
        ),
        "hooks.slack.com" | "hooks.slack-gov.com" => {
            (Service::Slack, path.starts_with("/services/"), "must be the URL of an incoming webhook, with /services/")
        }
        "discord.com" | "discordapp.com" | "ptb.discord.com" | "canary.discord.com" => (
            Service::Discord,
            path.starts_with("/api/")
                && path.contains("/webhooks/")
                && !path.ends_with("/slack")
                && !path.ends_with("/github"),
            "must be the URL of a webhook, with /api/webhooks/, and without /slack or /github at its end",
        ),
        "api.telegram.org" => (
            Service::Telegram,
            path.starts_with("/bot") && path.ends_with("/sendMessage"),
            "must be the URL of sendMessage: https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>",
        ),
        _ if is_below("webhook.office.com") || host == "outlook.office.com" => {
            return Err("must not be of an Office 365 connector, which Microsoft retires: make a workflow in Teams");
        }
        _ if is_below("logic.azure.com") || is_below("api.powerplatform.com") => {
            (Service::Teams, path.contains("/workflows/"), "must be the URL of a workflow, with /workflows/")
        }
        _ => (Service::Webhook, true, ""),
    };
    if has_path { Ok(service) } else { Err(rule) }
}

fn read_key(fragment: &str) -> Result<String, &'static str> {
    const RULE: &str = "must have its secret as #secret=… behind the URL";
    let key = fragment.strip_prefix(SECRET).ok_or(RULE)?;
    let key = percent_decode_str(key).decode_utf8().map_err(|_| RULE)?;
    if key.is_empty() { Err(RULE) } else { Ok(key.into_owned()) }
}

/// The parameters of a URL of Telegram, as members of a body: a number is one there, too.
fn telegram_parameters(url: &Url) -> Result<Map<String, Value>, &'static str> {
    let mut parameters = Map::new();
    for (name, text) in url.query_pairs() {
        if !TELEGRAM_PARAMETERS.contains(&&*name) {
            return Err("must have no parameters but chat_id, message_thread_id and disable_notification");
        }
        let value = match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) if matches!(&*text, "true" | "false") => (text == "true").into(),
            Err(_) => Value::String(text.into_owned()),
        };
        parameters.insert(name.into_owned(), value);
    }
    let has_chat = parameters.get("chat_id").is_some_and(|id| *id != Value::String(String::new()));
    if has_chat { Ok(parameters) } else { Err("must have the chat_id of the group or channel") }
}
