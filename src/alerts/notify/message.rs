//! What a message says, in words. It is plain text: a headline, a line for each alert, and a link to the page. It names no user unless
//! `ALERT_USERS` is true.

use chrono::{DateTime, Datelike as _, Timelike as _};
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::rules::{Episode, News, State, hash_of};
use crate::{
    alerts::{
        Alert, Severity,
        text::{self, Language},
    },
    encoding::to_json,
    hash::sha256_hex,
    webhook::SdkAppId,
};

/// How many alerts of each list a message names; of the others, it says how many there are.
const NAMED_MAX: usize = 10;

/// Most characters of a line: nothing from outside makes a message of its own.
const LINE_MAX: usize = 500;

/// How messages are worded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// `ALERT_LANGUAGE`.
    pub language: Language,
    /// `ALERT_USERS`: whether users are named.
    pub with_users: bool,
    /// `PAGE_URL`: where the page is.
    pub page: Option<String>,
}

/// A message, before it has the form of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is known by: the same for the same news, so that a receiver may ignore one that comes again.
    pub id: String,
    headline: String,
    lines: Vec<String>,
    link: Option<String>,
    data: Value,
}

impl Message {
    /// Tells this news of `state`. `alerts` are those that are observed.
    #[must_use]
    pub fn of(news: &News, state: &State, alerts: &[Alert], wording: &Wording) -> Self {
        let alerts: Vec<_> = alerts.iter().map(|alert| (hash_of(alert), alert)).collect();
        let find = |hash: &String| {
            let episode = state.episodes.get(hash)?;
            let observed = alerts.iter().find(|(it, _)| it == hash).map(|(_, alert)| (*alert).clone());
            let alert = observed.or_else(|| episode.alert())?;
            Some(Item { hash: hash.clone(), alert, episode })
        };
        let items = |hashes: &[String]| {
            let of = |severity| hashes.iter().filter_map(find).filter(move |item| item.alert.severity() == severity);
            Severity::VARIANTS.iter().copied().flat_map(of).collect::<Vec<_>>()
        };
        let lists = [
            (List::Begun, items(&news.begun)),
            (List::Ended, items(&news.ended)),
            (List::Passed, items(&news.passed)),
            (List::Lasting, items(&news.lasting)),
        ];
        let headline = headline(&lists, wording.language);
        let lines = lists.iter().flat_map(|(list, items)| list.lines(items, wording)).collect();
        let all = || lists.iter().flat_map(|(_, items)| items);
        let app = all().next().and_then(|item| item.alert.app).filter(|app| all().all(|it| it.alert.app == Some(*app)));
        let identities = |items: &[Item<'_>]| items.iter().map(Item::identity).collect::<Vec<_>>();
        let id: Vec<_> = lists.iter().map(|(list, items)| (list.word(), identities(items))).collect();
        let data = lists.iter().map(|(list, items)| {
            let items = items.iter().map(|item| item.data(wording)).collect();
            (list.word().to_owned(), Value::Array(items))
        });
        Self {
            id: message_id(&to_json(&id)),
            headline,
            lines,
            link: link(wording, app),
            data: Value::Object(data.collect()),
        }
    }

    /// A message that somebody has asked for, to see whether it arrives. `seed` tells it from others.
    #[must_use]
    pub fn test(wording: &Wording, seed: u64) -> Self {
        let (headline, line) = match wording.language {
            Language::En => ("unfollow-webhook: test message", "Alerts of this Worker arrive here. Nothing is wrong."),
            Language::Zh => ("unfollow-webhook：测试消息", "此 Worker 的告警会发送到这里。目前没有问题。"),
        };
        Self {
            id: message_id(&format!("test {seed}")),
            headline: headline.to_owned(),
            lines: vec![line.to_owned()],
            link: link(wording, None),
            data: json!({ "test": true }),
        }
    }

    /// Where the page shows more.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Its text, written by `literal` but for the link, with as many lines as `fits` allows. If some are left out, it says so.
    #[must_use]
    pub fn text(&self, language: Language, literal: impl Fn(&str) -> String, fits: impl Fn(&str) -> bool) -> String {
        let link = self.link.as_ref().map(|link| format!("\n\n{link}")).unwrap_or_default();
        let lines: Vec<_> = self.lines.iter().map(|line| literal(line)).collect();
        let headline = literal(&self.headline);
        let with = |count: usize, rest: &str| {
            let lines = lines.iter().take(count).map(|line| format!("\n{line}")).collect::<String>();
            format!("{headline}{lines}{rest}{link}")
        };
        let whole = with(lines.len(), "");
        if fits(&whole) {
            return whole;
        }
        for count in (0..lines.len()).rev() {
            let left = lines.len().saturating_sub(count);
            let text = with(count, &format!("\n{}", literal(&left_out(left, language))));
            if fits(&text) {
                return text;
            }
        }
        // A headline and a link fit everywhere.
        with(0, "")
    }

    /// The body of a Standard Webhooks message at `now_ms` (Unix ms), whose text is `text`.
    /// ["Webhook payload structure": `type`, `timestamp` and `data`]
    #[must_use]
    pub fn event(&self, text: &str, now_ms: u64) -> Value {
        let timestamp = DateTime::from_timestamp_millis(i64::try_from(now_ms).unwrap_or_default()).unwrap_or_default();
        let (date, time) = (timestamp.date_naive(), timestamp.time());
        let timestamp = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        let mut data = self.data.clone();
        if let Some(data) = data.as_object_mut() {
            data.insert("text".to_owned(), text.into());
            data.insert("url".to_owned(), self.link.clone().into());
        }
        json!({ "type": "alerts.changed", "timestamp": timestamp, "data": data })
    }
}

fn message_id(content: &str) -> String {
    format!("alert_{}", sha256_hex(content).get(..32).unwrap_or_default())
}

fn link(wording: &Wording, app: Option<SdkAppId>) -> Option<String> {
    let page = wording.page.as_ref()?;
    Some(app.map_or_else(|| page.clone(), |app| format!("{page}?app={app}")))
}

/// An alert of which there is news.
struct Item<'a> {
    hash: String,
    alert: Alert,
    episode: &'a Episode,
}

impl Item<'_> {
    fn identity(&self) -> (String, u64) {
        (self.hash.clone(), self.episode.began_at)
    }

    fn title(&self, wording: &Wording) -> String {
        let title = text::title(&self.alert, wording.language, wording.with_users);
        let Some(app) = self.alert.app else { return title };
        match wording.language {
            Language::En => format!("{title} (app {app})"),
            Language::Zh => format!("{title}（应用 {app}）"),
        }
    }

    fn data(&self, wording: &Wording) -> Value {
        let Alert { kind, app, subject, since, last_at, count, .. } = &self.alert;
        let subject = if self.alert.names_user() && !wording.with_users { "" } else { subject };
        json!({
            "kind": <&str>::from(*kind),
            "severity": <&str>::from(self.alert.severity()),
            "app": app.map(SdkAppId::get),
            "subject": subject,
            "title": text::title(&self.alert, wording.language, wording.with_users),
            "action": text::action(&self.alert, wording.language),
            "began_at": self.episode.began_at,
            "ended_at": self.episode.ended_at,
            "since": since,
            "last_at": last_at,
            "count": count,
        })
    }
}

#[derive(Clone, Copy)]
enum List {
    Begun,
    Ended,
    Passed,
    Lasting,
}

impl List {
    const fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Ended => "ended",
            Self::Passed => "passed",
            Self::Lasting => "lasting",
        }
    }

    fn lines(self, items: &[Item<'_>], wording: &Wording) -> Vec<String> {
        let language = wording.language;
        let mut lines = Vec::new();
        for item in items.iter().take(NAMED_MAX) {
            let title = item.title(wording);
            let (began, ended) = (time(item.episode.began_at), time(item.episode.ended_at.unwrap_or_default()));
            match (self, language) {
                (Self::Begun, _) => {
                    lines.push(line(&format!("[{}] {title}", severity(item.alert.severity(), language))));
                    lines.push(line(&format!("→ {}", text::action(&item.alert, language))));
                }
                (Self::Ended, Language::En) => lines.push(line(&format!("[ended] {title}, {began} to {ended} UTC"))),
                (Self::Ended, Language::Zh) => lines.push(line(&format!("[已结束] {title}，UTC {began} 至 {ended}"))),
                (Self::Passed, Language::En) => {
                    lines.push(line(&format!("[came and went] {title}, {began} to {ended} UTC")));
                }
                (Self::Passed, Language::Zh) => {
                    lines.push(line(&format!("[曾出现，已结束] {title}，UTC {began} 至 {ended}")))
                }
                (Self::Lasting, Language::En) => lines.push(line(&format!("[still] {title}, since {began} UTC"))),
                (Self::Lasting, Language::Zh) => lines.push(line(&format!("[仍未解决] {title}，自 UTC {began} 起"))),
            }
        }
        let left = items.len().saturating_sub(NAMED_MAX);
        if left > 0 {
            let grave = items.iter().skip(NAMED_MAX).filter(|item| item.alert.severity() == Severity::Critical).count();
            lines.push(match language {
                Language::En => format!("… and {left} more, {grave} of them critical"),
                Language::Zh => format!("…… 另有 {left} 条，其中 {grave} 条严重"),
            });
        }
        lines
    }
}

/// How many there are of each list, in words.
fn headline(lists: &[(List, Vec<Item<'_>>)], language: Language) -> String {
    let part = |(list, items): &(List, Vec<Item<'_>>)| {
        let n = items.len();
        let s = if n == 1 { "" } else { "s" };
        (n > 0).then(|| match (list, language) {
            (List::Begun, Language::En) => format!("{n} new alert{s}"),
            (List::Begun, Language::Zh) => format!("{n} 条新告警"),
            (List::Ended, Language::En) => format!("{n} alert{s} ended"),
            (List::Ended, Language::Zh) => format!("{n} 条告警已结束"),
            (List::Passed, Language::En) => format!("{n} alert{s} came and went"),
            (List::Passed, Language::Zh) => format!("{n} 条告警曾出现，已结束"),
            (List::Lasting, Language::En) => format!("{n} alert{s} still open"),
            (List::Lasting, Language::Zh) => format!("{n} 条告警仍未解决"),
        })
    };
    let parts: Vec<_> = lists.iter().filter_map(part).collect();
    match language {
        Language::En => format!("unfollow-webhook: {}", parts.join(", ")),
        Language::Zh => format!("unfollow-webhook：{}", parts.join("，")),
    }
}

fn severity(severity: Severity, language: Language) -> &'static str {
    match (severity, language) {
        (Severity::Critical, Language::En) => "critical",
        (Severity::Critical, Language::Zh) => "严重",
        (Severity::Warning, Language::En) => "warning",
        (Severity::Warning, Language::Zh) => "警告",
        (Severity::Notice, Language::En) => "notice",
        (Severity::Notice, Language::Zh) => "提示",
    }
}

fn left_out(lines: usize, language: Language) -> String {
    match language {
        Language::En => format!("… cut: {lines} more line{}", if lines == 1 { "" } else { "s" }),
        Language::Zh => format!("…… 已截断：另有 {lines} 行"),
    }
}

/// A time (Unix ms) in UTC, as `11-28 22:05`.
fn time(ms: u64) -> String {
    let at = DateTime::from_timestamp_millis(i64::try_from(ms).unwrap_or_default()).unwrap_or_default();
    let (date, time) = (at.date_naive(), at.time());
    format!("{:02}-{:02} {:02}:{:02}", date.month(), date.day(), time.hour(), time.minute())
}

/// A text as one line of at most [`LINE_MAX`] characters, without what a terminal or a reader of lines would act on.
fn line(text: &str) -> String {
    let breaks = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain = text.chars().map(|c| if breaks(c) { ' ' } else { c });
    if text.chars().count() <= LINE_MAX {
        return plain.collect();
    }
    plain.take(LINE_MAX.saturating_sub(1)).chain(['…']).collect()
}
