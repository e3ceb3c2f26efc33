//! Messages about alerts: when they are sent, in which form, and what the services' answers mean.

mod rules;
mod run;
mod services;
mod targets;

use unfollow_webhook::{
    alerts::{
        Alert, AlertKind,
        notify::{
            message::{Message, Wording},
            rules::{Current, News, State},
            target::{self, Target},
        },
        text::Language,
    },
    webhook::SdkAppId,
};

use crate::samples::APP;

const FEISHU: &str = "https://open.feishu.cn/open-apis/bot/v2/hook/11111111-2222-3333-4444-555555555555";
const DINGTALK: &str = "https://oapi.dingtalk.com/robot/send?access_token=abcdefgh12345678";
const WECOM: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=11111111-2222-3333-4444-555555555555";
const SLACK: &str = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX";
const DISCORD: &str = "https://discord.com/api/webhooks/223704706495545344/3d89bb7572e0fb30d8128367b3b1b44f";
const TEAMS: &str = "https://prod-161.westeurope.logic.azure.com/workflows/643e69f83c89/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu";
const TELEGRAM: &str =
    "https://api.telegram.org/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage?chat_id=-1001234567890";
const WEBHOOK: &str = "https://alerts.example.com/hook?x=1";

/// The targets of this text, whose hosts are in ASCII.
fn read_targets(text: &str) -> (Vec<Target>, Option<String>) {
    target::read_targets(text, &|_| None)
}

/// The only target of this text.
fn target(text: &str) -> Target {
    let (targets, broken) = read_targets(text);
    assert_eq!(broken, None, "{text}");
    let [target] = <[Target; 1]>::try_from(targets).unwrap();
    target
}

fn app() -> SdkAppId {
    SdkAppId::parse(APP).unwrap()
}

/// An alert about a setting of this name, which breaks this rule.
fn setting(name: &str, rule: &str) -> Alert {
    Alert { detail: rule.to_owned(), ..Alert::new(AlertKind::InvalidSetting, None, name) }
}

/// A burst of unfollows of this user.
fn burst(user: &str) -> Alert {
    Alert { detail: "3".to_owned(), count: Some(70), ..Alert::new(AlertKind::UnfollowBurstOfUser, Some(app()), user) }
}

fn all(alerts: &[Alert]) -> Current {
    Current { alerts: alerts.to_vec(), is_complete: true }
}

/// The message that these alerts have begun, at `now`.
fn begun(alerts: &[Alert], wording: &Wording, now: u64) -> Message {
    let mut state = State::default();
    state.have_targets(["a target"].into_iter(), now);
    state.observe(&all(alerts), now);
    let news = state.news("a target", now).unwrap();
    assert!(!news.begun.is_empty() && news == News { begun: news.begun.clone(), ..News::default() });
    Message::of(&news, &state, alerts, wording)
}

fn whole_text(message: &Message, language: Language) -> String {
    message.text(language, str::to_owned, |_| true)
}
