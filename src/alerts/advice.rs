//! What to do about calls that were rejected, by the reason that they are counted under. A test compares the reasons with the
//! table of [`crate::receive::rejection`].

use super::text::Language;

/// What is said of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The reason.
    pub reason: &'static str,
    /// Whether strangers who try addresses cause it, too.
    pub is_stray: bool,
    en: &'static str,
    zh: &'static str,
}

impl Advice {
    /// What is said of the reason of this name; `None` for one that only a newer Worker knows.
    #[must_use]
    pub fn on(reason: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|advice| advice.reason == reason)
    }

    /// What to do, as sentences.
    #[must_use]
    pub const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Zh => self.zh,
        }
    }
}

/// Writes the table: `reason stray "English" "Chinese"`, where `stray` is left out of what strangers do not cause.
macro_rules! advice {
    (@is_stray) => {
        false
    };
    (@is_stray stray) => {
        true
    };
    ($($reason:literal $($stray:ident)? $en:literal $zh:literal)+) => {
        impl Advice {
            /// Every reason.
            pub const ALL: &[Self] =
                &[$(Self { reason: $reason, is_stray: advice!(@is_stray $($stray)?), en: $en, zh: $zh }),+];
        }
    };
}

advice! {
    "settings"
        "Fix the invalid settings."
        "请修正无效的配置项。"
    "loop"
        "ORIGIN_URL leads back to this Worker: set it to your backend."
        "ORIGIN_URL 又指向了这个 Worker：请改为业务后台的 URL。"
    "not_found" stray
        "Is the registered URL's path WEBHOOK_PATH? Strangers who try addresses end up here too."
        "控制台中回调 URL 的路径是否与 WEBHOOK_PATH 一致？陌生人的扫描也会计入此项。"
    "insecure" stray
        "Register the https URL in the Chat console."
        "请在即时通信 IM 控制台填写 https 的回调 URL。"
    "method" stray
        "Webhooks are POST requests: these were probably not Tencent's."
        "回调都是 POST 请求，这些请求很可能不是腾讯云发来的。"
    "query_too_long" stray
        "The query is longer than Tencent's ever is: these were probably not Tencent's."
        "查询字符串超出腾讯云的正常长度，很可能不是腾讯云发来的。"
    "query_encoding"
        "The query cannot be read. Is something between Tencent and the Worker changing it?"
        "无法解析查询字符串。腾讯云与 Worker 之间是否有中间环节改动了它？"
    "query_duplicate"
        "A parameter comes twice. Does the registered URL have a query? It must not."
        "有参数重复。控制台中的回调 URL 是否带有查询字符串？不能带。"
    "sdk_app_id_missing" stray
        "The query names no SDKAppID: these were probably not Tencent's."
        "查询字符串中没有 SDKAppID，很可能不是腾讯云发来的。"
    "sdk_app_id_foreign"
        "Add the SDKAppID to SDK_APP_IDS, if the app is yours."
        "如果是你的应用，请把该 SDKAppID 加入 SDK_APP_IDS。"
    "no_token"
        "Set CALLBACK_TOKEN to the token in the Chat console."
        "请把 CALLBACK_TOKEN 设为控制台中配置的鉴权 Token。"
    "sign_missing"
        "Switch on webhook authentication in the Chat console."
        "请在即时通信 IM 控制台开启回调鉴权。"
    "sign_malformed"
        "Sign is not 64 hex digits: these were probably not Tencent's."
        "Sign 不是 64 位十六进制数，很可能不是腾讯云发来的。"
    "request_time_missing"
        "RequestTime is missing: these were probably not Tencent's."
        "缺少 RequestTime，很可能不是腾讯云发来的。"
    "request_time_malformed"
        "RequestTime is no time: these were probably not Tencent's."
        "RequestTime 不是有效时间，很可能不是腾讯云发来的。"
    "request_time_far"
        "They came over 60 s late, or were sent a second time by somebody else."
        "到达时已晚于 60 秒，或是被他人重复发送。"
    "sign_mismatch"
        "Is CALLBACK_TOKEN the token in the Chat console?"
        "CALLBACK_TOKEN 是否与控制台中配置的鉴权 Token 一致？"
    "content_type"
        "Choose JSON as the format of webhooks in the Chat console."
        "请在即时通信 IM 控制台将回调格式设为 JSON。"
    "body_too_large"
        "The body is larger than Tencent's ever is."
        "请求体超出腾讯云的正常大小。"
    "body_late"
        "The body did not arrive in time: the connection from Tencent was slow."
        "请求体未能及时到达：与腾讯云之间的连接较慢。"
    "body_broken"
        "The connection broke off before the body was complete."
        "请求体尚未收完，连接就已中断。"
    "command_missing"
        "The call names no CallbackCommand: it was probably not Tencent's."
        "请求中没有 CallbackCommand，很可能不是腾讯云发来的。"
    "body_not_an_object"
        "The body is no JSON object: it was probably not Tencent's."
        "请求体不是 JSON 对象，很可能不是腾讯云发来的。"
    "duplicate_member"
        "The body has a member twice: it was probably not Tencent's."
        "请求体中有重复的字段，很可能不是腾讯云发来的。"
    "command_mismatch"
        "Query and body name different commands: they were probably not Tencent's."
        "查询字符串与请求体中的命令不一致，很可能不是腾讯云发来的。"
    "from_account"
        "From_Account is missing. Has Tencent changed its webhook? Please report it."
        "缺少 From_Account。腾讯云的回调格式是否有变？请向本项目反馈。"
    "targets"
        "The targets cannot be read. Has Tencent changed its webhook? Please report it."
        "无法解析目标用户。腾讯云的回调格式是否有变？请向本项目反馈。"
    "too_many_targets"
        "More than 500 targets in one call. Has Tencent changed its webhook? Please report it."
        "单次回调的目标用户超过 500 个。腾讯云的回调格式是否有变？请向本项目反馈。"
    "event_time"
        "EventTime cannot be read. Has Tencent changed its webhook? Please report it."
        "无法解析 EventTime。腾讯云的回调格式是否有变？请向本项目反馈。"
    "not_stored"
        "Neither a sink nor the queue took them: these events are lost unless Tencent sends them again."
        "既未能存储，也未能入队：除非腾讯云重试，否则这些事件会丢失。"
    "relay_late"
        "Your backend did not answer a relayed webhook in time."
        "业务后台未能及时应答转发的回调。"
    "relay_unreachable"
        "Your backend cannot be reached: see ORIGIN_URL."
        "无法连接业务后台，请检查 ORIGIN_URL。"
    "relay_redirect"
        "Your backend answers with a redirect, which is not followed: see ORIGIN_URL."
        "业务后台应答了重定向，而 Worker 不会跟随，请检查 ORIGIN_URL。"
    "relay_not_json"
        "Your backend did not answer a relayed webhook with JSON."
        "业务后台对转发的回调应答的不是 JSON。"
    "relay_too_large"
        "Your backend's answer to a relayed webhook is larger than 1 MiB."
        "业务后台对转发的回调的应答超过 1 MiB。"
}
