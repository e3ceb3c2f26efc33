//! Alerts in words: the only place that has them. Names of settings, reasons and the rules that settings break are not
//! translated.

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Alert, AlertKind, advice::Advice};

/// A language of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// The texts of a kind. In braces are parts of the alert: `{n}` is the count, `{subject}`, `{detail}`, `{user}` the user or what stands
/// for one who is not to be named, `{outcome}` how the last attempt of a delivery ended, and `{advice}` what is said of the reason.
struct Words {
    /// The title of one.
    one: &'static str,
    /// The title of any other number.
    many: &'static str,
    action: &'static str,
    /// Both in Chinese.
    zh: &'static str,
    zh_action: &'static str,
}

/// Writes the table: of each kind the title, for one and for many where it has a count, and the action; and both in Chinese.
macro_rules! words {
    (@many $one:literal) => { $one };
    (@many $one:literal $many:literal) => { $many };
    ($($kind:ident: $one:literal $(/ $many:literal)?, $action:literal; $zh:literal, $zh_action:literal;)+) => {
        const fn words(kind: AlertKind) -> &'static Words {
            match kind {
                $(AlertKind::$kind => &Words {
                    one: $one,
                    many: words!(@many $one $($many)?),
                    action: $action,
                    zh: $zh,
                    zh_action: $zh_action,
                },)+
            }
        }
    };
}

words! {
    InvalidSetting: "Invalid setting: {subject}",
        "Fix it: it {detail}.";
        "无效的配置项：{subject}",
        "请修正：“{detail}”。";
    DatabaseFails: "D1 fails",
        "Events wait in the queue, or are in KV alone. See Cloudflare's status page, and D1 in its dashboard.";
        "D1 出错",
        "事件会在队列中等待，或只存入 KV。请查看 Cloudflare 状态页，以及控制台中的 D1。";
    DatabaseDayLimit: "D1's limit of the day is reached",
        "D1 refuses queries until midnight UTC, and events wait in the queue. Close pages that poll, or change to Cloudflare's paid plan.";
        "已达到 D1 的每日限额",
        "UTC 零点之前 D1 会拒绝查询，事件在队列中等待。请关闭正在轮询的页面，或改用 Cloudflare 付费套餐。";
    DatabaseFull: "D1 is full",
        "No event can be added to the log. Set or shorten RETENTION_DAYS, or change to Cloudflare's paid plan.";
        "D1 已满",
        "事件日志已无法写入。请设置或缩短 RETENTION_DAYS，或改用 Cloudflare 付费套餐。";
    EventsNotStored: "{n} call was not stored" / "{n} calls were not stored",
        "{advice}";
        "{n} 次回调未能存储",
        "{advice}";
    EventsDeadLettered: "{n} event became a dead letter at once" / "{n} events became dead letters at once",
        "The queue did not take them: your backend gets them if you replay them.";
        "{n} 个事件直接成为死信",
        "这些事件未能入队，重放后才会投递到业务后台。";
    NoCalls: "No call has come for {n} hour" / "No call has come for {n} hours",
        "Is the URL still registered in the Chat console, and are the webhooks switched on?";
        "已有 {n} 小时没有收到回调",
        "即时通信 IM 控制台中的回调 URL 是否仍然有效，回调是否已开启？";
    DeliveriesDead: "{n} delivery given up: {outcome}" / "{n} deliveries given up: {outcome}",
        "Fix what your backend answers, and replay the dead letters.";
        "{n} 次投递已放弃：{outcome}",
        "请先解决业务后台的问题，再重放死信。";
    CallsRejected: "{n} call rejected: {subject}" / "{n} calls rejected: {subject}",
        "{advice}";
        "{n} 次回调被拒绝：{subject}",
        "{advice}";
    EventsQueued: "{n} event was queued" / "{n} events were queued",
        "A sink did not take them in time: they are stored later, and may be missing from the list until then.";
        "{n} 个事件已入队",
        "未能及时写入，稍后补写；在此之前，列表中可能没有这些事件。";
    DeliveriesRetrying: "{n} delivery being retried: {outcome}" / "{n} deliveries being retried: {outcome}",
        "Fix what your backend answers: further attempts are made until DELIVERY_HOURS are over.";
        "{n} 次投递正在重试：{outcome}",
        "请解决业务后台的问题：在 DELIVERY_HOURS 期满之前会继续重试。";
    DeliveriesOverdue: "{n} delivery overdue: {outcome}" / "{n} deliveries overdue: {outcome}",
        "Nothing was heard of the last attempt for over three hours. Replay the event from its record.";
        "{n} 次投递逾期：{outcome}",
        "最近一次尝试超过三小时没有结果。请在事件的记录中重放。";
    DeliveriesAnsweredFail: "{n} delivery answered FAIL" / "{n} deliveries answered FAIL",
        "They are not sent again, unless you replay them or set ORIGIN_FAIL to retry. The record has the start of the answer.";
        "{n} 次投递的应答为 FAIL",
        "不会自动再次投递，除非手动重放或将 ORIGIN_FAIL 设为“retry”。记录中有应答的开头部分。";
    RetentionBehind: "The hourly retention is behind",
        "Events are due for deletion and still stored. On Cloudflare's paid plan, PLAN=paid makes it delete more.";
        "每小时的自动删除进度落后",
        "有事件已到期但仍未删除。如已使用 Cloudflare 付费套餐，设置 PLAN=paid 后每次可以删除更多。";
    DatabaseNearlyFull: "D1 is {detail} % full",
        "Set or shorten RETENTION_DAYS before it is full; on Cloudflare's paid plan, set PLAN to paid.";
        "D1 已使用 {detail}%",
        "请在写满之前设置或缩短 RETENTION_DAYS；如已使用 Cloudflare 付费套餐，请将 PLAN 设为“paid”。";
    UnfollowBurstOfApp: "{n} unfollow in an hour, usually {detail}" / "{n} unfollows in an hour, usually {detail}",
        "See who was unfollowed most, and by whom.";
        "一小时内取关 {n} 次，平时为 {detail} 次",
        "请查看掉粉排行，以及取关来自哪些用户。";
    UnfollowBurstOfUser: "{n} unfollow of {user} in an hour, usually {detail}" / "{n} unfollows of {user} in an hour, usually {detail}",
        "See who has unfollowed the user, and whether the same has happened to others.";
        "{user}一小时内被取关 {n} 次，平时为 {detail} 次",
        "请查看取关该用户的都是谁，其他用户是否也是如此。";
    UnknownSetting: "No such setting: {subject}",
        "It does nothing. Is its name misspelt?";
        "没有这个配置项：{subject}",
        "不起作用。名称是否有误？";
    MissingLines: "wrangler.toml lacks {subject}",
        "Add them, if you want what needs them: {detail}.";
        "wrangler.toml 中缺少 {subject}",
        "如需以下功能，请添加：“{detail}”。";
    StrayCalls: "{n} call rejected: {subject}" / "{n} calls rejected: {subject}",
        "{advice}";
        "{n} 次回调被拒绝：{subject}",
        "{advice}";
    LogIncomplete: "The event log may lack events that KV has",
        "Rebuild it from KV: POST /v1/reindex until its cursor is null.";
        "事件日志可能缺少 KV 中已有的事件",
        "请从 KV 重建：调用“POST /v1/reindex”，直到“cursor”为“null”。";
}

/// What is wrong, in one line without a full stop. With `with_user`, it names the user whom [`Alert::names_user`] is about.
#[must_use]
pub fn title(alert: &Alert, language: Language, with_user: bool) -> String {
    let words = words(alert.kind);
    let is_one = alert.count == Some(1) && !alert.is_capped;
    let template = match language {
        Language::En if is_one => words.one,
        Language::En => words.many,
        Language::Zh => words.zh,
    };
    fill(template, alert, language, with_user)
}

/// What to do, as one or more sentences; empty for a reason that only a newer Worker knows.
#[must_use]
pub fn action(alert: &Alert, language: Language) -> String {
    let words = words(alert.kind);
    let template = if language == Language::En { words.action } else { words.zh_action };
    fill(template, alert, language, false)
}

/// Puts the parts of an alert in the place of their names.
fn fill(template: &str, alert: &Alert, language: Language, with_user: bool) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(it, rest)| Some((it, rest.split_once('}')?)))
    {
        text.push_str(before);
        match name {
            "n" => push_number(&mut text, alert),
            "subject" => text.push_str(&alert.subject),
            "user" => push_user(&mut text, alert, language, with_user),
            "outcome" => push_outcome(&mut text, &alert.detail, language),
            "advice" => text.push_str(Advice::on(&alert.subject).map_or("", |advice| advice.text(language))),
            _ => text.push_str(&alert.detail),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

fn push_user(text: &mut String, alert: &Alert, language: Language, with_user: bool) {
    let (named, unnamed) = match language {
        Language::En => ("user ", "a user"),
        Language::Zh => ("用户 ", "某用户"),
    };
    if !with_user {
        return text.push_str(unnamed);
    }
    text.push_str(named);
    text.push_str(&alert.subject);
    if language == Language::Zh {
        text.push(' ');
    }
}

/// How the last attempt of a delivery ended: an HTTP status, or the word of an error.
fn push_outcome(text: &mut String, detail: &str, language: Language) {
    if detail.parse::<u16>().is_ok() {
        text.push_str(if language == Language::En { "your backend answered " } else { "业务后台应答 " });
        return text.push_str(detail);
    }
    let row = FAILURES.iter().find(|(word, ..)| *word == detail);
    text.push_str(row.map_or(detail, |(_, en, zh)| if language == Language::En { en } else { zh }));
}

/// How an attempt ended without an answer: the words of [`Failure`](crate::delivery::failure::Failure) with their texts. A test compares
/// the words. The empty one is for a delivery without an attempt.
pub const FAILURES: [(&str, &str, &str); 14] = [
    ("", "no attempt yet", "尚未尝试"),
    ("timeout", "your backend did not answer in time", "业务后台应答超时"),
    ("unreachable", "your backend could not be reached", "无法连接业务后台"),
    ("too_large", "your backend's answer was too long", "业务后台的应答过长"),
    ("queue", "the queue did not take it", "无法入队"),
    ("kv", "KV did not take it", "写入 KV 失败"),
    ("d1", "D1 did not take it", "写入 D1 失败"),
    ("settings", "the settings are invalid", "配置无效"),
    ("unreadable", "the message cannot be read", "无法解析消息"),
    ("app_removed", "the app is no longer in SDK_APP_IDS", "应用已不在 SDK_APP_IDS 中"),
    ("retries_exhausted", "the queue gave up on it", "队列已放弃重试"),
    ("fail", "your backend's answer said FAIL", "业务后台应答 FAIL"),
    ("crashed", "it stopped the Worker that processed it", "处理时导致 Worker 崩溃"),
    ("unknown_queue", "it came from a queue of another name", "来自其他名称的队列"),
];

/// The count of an alert: with commas between thousands, and `+` if there may be more.
fn push_number(text: &mut String, alert: &Alert) {
    let digits = alert.count.unwrap_or_default().to_string();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if alert.is_capped {
        text.push('+');
    }
}
