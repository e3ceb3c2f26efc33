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

use Language::{En, Zh};

/// What is wrong, in one line without a full stop. With `with_user`, it names the user whom [`Alert::names_user`] is about.
#[must_use]
pub fn title(alert: &Alert, language: Language, with_user: bool) -> String {
    let (subject, detail) = (&*alert.subject, &*alert.detail);
    let of = |one: &str, many: &str| counted(alert, one, many);
    let n = number_of(alert);
    let user = if with_user { subject } else { "" };
    match (alert.kind, language) {
        (AlertKind::InvalidSetting, En) => format!("Invalid setting: {subject}"),
        (AlertKind::InvalidSetting, Zh) => format!("无效的配置项：{subject}"),
        (AlertKind::UnknownSetting, En) => format!("No such setting: {subject}"),
        (AlertKind::UnknownSetting, Zh) => format!("没有这个配置项：{subject}"),
        (AlertKind::MissingLines, En) => format!("wrangler.toml lacks {subject}"),
        (AlertKind::MissingLines, Zh) => format!("wrangler.toml 中缺少 {subject}"),
        (AlertKind::DatabaseFails, En) => "D1 fails".to_owned(),
        (AlertKind::DatabaseFails, Zh) => "D1 出错".to_owned(),
        (AlertKind::DatabaseDayLimit, En) => "D1's limit of the day is reached".to_owned(),
        (AlertKind::DatabaseDayLimit, Zh) => "已达到 D1 的每日限额".to_owned(),
        (AlertKind::DatabaseFull, En) => "D1 is full".to_owned(),
        (AlertKind::DatabaseFull, Zh) => "D1 已满".to_owned(),
        (AlertKind::DatabaseNearlyFull, En) => format!("D1 is {detail} % full"),
        (AlertKind::DatabaseNearlyFull, Zh) => format!("D1 已使用 {detail}%"),
        (AlertKind::EventsNotStored, En) => of("event was not stored", "events were not stored"),
        (AlertKind::EventsNotStored, Zh) => format!("{n} 个事件未能存储"),
        (AlertKind::EventsDeadLettered, En) => {
            of("event became a dead letter at once", "events became dead letters at once")
        }
        (AlertKind::EventsDeadLettered, Zh) => format!("{n} 个事件直接成为死信"),
        (AlertKind::EventsQueued, En) => of("event was queued", "events were queued"),
        (AlertKind::EventsQueued, Zh) => format!("{n} 个事件已入队"),
        (AlertKind::CallsRejected | AlertKind::StrayCalls, En) => {
            format!("{}: {subject}", of("call rejected", "calls rejected"))
        }
        (AlertKind::CallsRejected | AlertKind::StrayCalls, Zh) => format!("{n} 次回调被拒绝：{subject}"),
        (AlertKind::NoCalls, En) => format!("No call has come for {}", of("hour", "hours")),
        (AlertKind::NoCalls, Zh) => format!("已有 {n} 小时没有收到回调"),
        (AlertKind::DeliveriesDead, En) => {
            format!("{}: {}", of("delivery given up", "deliveries given up"), outcome(detail, En))
        }
        (AlertKind::DeliveriesDead, Zh) => format!("{n} 次投递已放弃：{}", outcome(detail, Zh)),
        (AlertKind::DeliveriesRetrying, En) => {
            format!("{}: {}", of("delivery being retried", "deliveries being retried"), outcome(detail, En))
        }
        (AlertKind::DeliveriesRetrying, Zh) => format!("{n} 次投递正在重试：{}", outcome(detail, Zh)),
        (AlertKind::DeliveriesOverdue, En) => {
            format!("{}: {}", of("delivery overdue", "deliveries overdue"), outcome(detail, En))
        }
        (AlertKind::DeliveriesOverdue, Zh) => format!("{n} 次投递逾期：{}", outcome(detail, Zh)),
        (AlertKind::DeliveriesAnsweredFail, En) => of("delivery answered FAIL", "deliveries answered FAIL"),
        (AlertKind::DeliveriesAnsweredFail, Zh) => format!("{n} 次投递的应答为 FAIL"),
        (AlertKind::RetentionBehind, En) => "The hourly retention is behind".to_owned(),
        (AlertKind::RetentionBehind, Zh) => "每小时的自动删除进度落后".to_owned(),
        (AlertKind::LogIncomplete, En) => "The event log may lack events that KV has".to_owned(),
        (AlertKind::LogIncomplete, Zh) => "事件日志可能缺少 KV 中已有的事件".to_owned(),
        (AlertKind::UnfollowBurstOfApp, En) => format!("{} in an hour, usually {detail}", of("unfollow", "unfollows")),
        (AlertKind::UnfollowBurstOfApp, Zh) => format!("一小时内取关 {n} 次，平时为 {detail} 次"),
        (AlertKind::UnfollowBurstOfUser, En) => {
            let whose = if user.is_empty() { "a user".to_owned() } else { format!("user {user}") };
            format!("{} of {whose} in an hour, usually {detail}", of("unfollow", "unfollows"))
        }
        (AlertKind::UnfollowBurstOfUser, Zh) => {
            let whose = if user.is_empty() { "某用户".to_owned() } else { format!("用户 {user} ") };
            format!("{whose}一小时内被取关 {n} 次，平时为 {detail} 次")
        }
    }
}

/// What to do, as one or more sentences.
#[must_use]
pub fn action(alert: &Alert, language: Language) -> String {
    let detail = &*alert.detail;
    let text = match (alert.kind, language) {
        (AlertKind::InvalidSetting, En) => return format!("Fix it: it {detail}."),
        (AlertKind::InvalidSetting, Zh) => return format!("请修正：“{detail}”。"),
        (AlertKind::UnknownSetting, En) => "It does nothing. Is its name misspelt?",
        (AlertKind::UnknownSetting, Zh) => "不起作用。名称是否有误？",
        (AlertKind::MissingLines, En) => return format!("Add them: this needs them: {detail}."),
        (AlertKind::MissingLines, Zh) => return format!("请添加，以下功能需要它：“{detail}”。"),
        (AlertKind::DatabaseFails, En) => {
            "Events wait in the queue, or are in KV alone. See Cloudflare's status page, and D1 in its dashboard."
        }
        (AlertKind::DatabaseFails, Zh) => {
            "事件会在队列中等待，或只存入 KV。请查看 Cloudflare 状态页，以及控制台中的 D1。"
        }
        (AlertKind::DatabaseDayLimit, En) => {
            "D1 refuses queries until midnight UTC, and events wait in the queue. Close pages that poll, shorten what is read, or \
             change to Cloudflare's paid plan."
        }
        (AlertKind::DatabaseDayLimit, Zh) => {
            "UTC 零点之前 D1 会拒绝查询，事件在队列中等待。请关闭正在轮询的页面、减少读取，或改用 Cloudflare 付费套餐。"
        }
        (AlertKind::DatabaseFull, En) => {
            "No event can be added to the log. Set or shorten RETENTION_DAYS, or change to Cloudflare's paid plan."
        }
        (AlertKind::DatabaseFull, Zh) => {
            "事件日志已无法写入。请设置或缩短 RETENTION_DAYS，或改用 Cloudflare 付费套餐。"
        }
        (AlertKind::DatabaseNearlyFull, En) => {
            "Set or shorten RETENTION_DAYS before it is full; on Cloudflare's paid plan, set PLAN to paid."
        }
        (AlertKind::DatabaseNearlyFull, Zh) => {
            "请在写满之前设置或缩短 RETENTION_DAYS；如已使用 Cloudflare 付费套餐，请将 PLAN 设为 paid。"
        }
        (AlertKind::EventsDeadLettered, En) => {
            "The queue did not take them: your backend gets them if you replay them."
        }
        (AlertKind::EventsDeadLettered, Zh) => "这些事件未能入队，重放后才会投递到业务后台。",
        (AlertKind::EventsQueued, En) => {
            "A sink did not take them in time: they are stored later, and may be missing from the list until then."
        }
        (AlertKind::EventsQueued, Zh) => "未能及时写入，稍后补写；在此之前，列表中可能没有这些事件。",
        (AlertKind::EventsNotStored | AlertKind::CallsRejected | AlertKind::StrayCalls, language) => {
            Advice::on(&alert.subject).map_or("", |advice| advice.text(language))
        }
        (AlertKind::NoCalls, En) => {
            "Is the URL still registered in the Chat console, and are the webhooks switched on?"
        }
        (AlertKind::NoCalls, Zh) => "即时通信 IM 控制台中的回调 URL 是否仍然有效，回调是否已开启？",
        (AlertKind::DeliveriesDead, En) => "Fix what your backend answers, and replay the dead letters.",
        (AlertKind::DeliveriesDead, Zh) => "请先解决业务后台的问题，再重放死信。",
        (AlertKind::DeliveriesRetrying, En) => {
            "Fix what your backend answers: further attempts are made until DELIVERY_HOURS are over."
        }
        (AlertKind::DeliveriesRetrying, Zh) => "请解决业务后台的问题：在 DELIVERY_HOURS 期满之前会继续重试。",
        (AlertKind::DeliveriesOverdue, En) => {
            "Nothing was heard of the last attempt for over an hour. Replay the event from its record."
        }
        (AlertKind::DeliveriesOverdue, Zh) => "最近一次尝试超过一小时没有结果。请在事件的记录中重放。",
        (AlertKind::DeliveriesAnsweredFail, En) => {
            "They are not sent again, unless you replay them or set ORIGIN_FAIL to retry. The record has the start of the answer."
        }
        (AlertKind::DeliveriesAnsweredFail, Zh) => {
            "不会自动再次投递，除非手动重放或将 ORIGIN_FAIL 设为 retry。记录中有应答的开头部分。"
        }
        (AlertKind::RetentionBehind, En) => {
            "Events are due for deletion and still stored. On Cloudflare's paid plan, PLAN=paid makes it delete more."
        }
        (AlertKind::RetentionBehind, Zh) => {
            "有事件已到期但仍未删除。如已使用 Cloudflare 付费套餐，设置 PLAN=paid 后每次可以删除更多。"
        }
        (AlertKind::LogIncomplete, En) => "Rebuild it from KV: POST /v1/reindex until its cursor is null.",
        (AlertKind::LogIncomplete, Zh) => "请从 KV 重建：调用 POST /v1/reindex，直到 cursor 为 null。",
        (AlertKind::UnfollowBurstOfApp, En) => "See who was unfollowed most, and by whom.",
        (AlertKind::UnfollowBurstOfApp, Zh) => "请查看掉粉排行，以及取关来自哪些用户。",
        (AlertKind::UnfollowBurstOfUser, En) => {
            "See who has unfollowed the user, and whether the same has happened to others."
        }
        (AlertKind::UnfollowBurstOfUser, Zh) => "请查看取关该用户的都是谁，其他用户是否也是如此。",
    };
    text.to_owned()
}

/// How the last attempt of a delivery ended: an HTTP status, or the word of an error.
fn outcome(detail: &str, language: Language) -> String {
    let is_status = detail.parse::<u16>().is_ok();
    match (detail, language) {
        (_, En) if is_status => format!("your backend answered {detail}"),
        (_, Zh) if is_status => format!("业务后台应答 {detail}"),
        ("", En) => "no attempt yet".to_owned(),
        ("", Zh) => "尚未尝试".to_owned(),
        _ => {
            let row = FAILURES.iter().find(|(word, ..)| *word == detail);
            row.map_or(detail, |(_, en, zh)| if language == En { en } else { zh }).to_owned()
        }
    }
}

/// The words of [`Failure`](crate::delivery::failure::Failure) with their texts. A test compares the words.
pub const FAILURES: [(&str, &str, &str); 13] = [
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

/// The count of an alert with its noun.
fn counted(alert: &Alert, one: &str, many: &str) -> String {
    let is_one = alert.count == Some(1) && !alert.is_capped;
    format!("{} {}", number_of(alert), if is_one { one } else { many })
}

/// The count of an alert: with commas between thousands, and `+` if there may be more.
fn number_of(alert: &Alert) -> String {
    let digits = alert.count.unwrap_or_default().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if alert.is_capped {
        text.push('+');
    }
    text
}
