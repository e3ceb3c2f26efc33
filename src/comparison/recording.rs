//! What is stored of a miss: a record like that of a webhook, with where it is from.

use super::Missed;
use crate::{
    encoding::to_json,
    event::Source,
    webhook::{SdkAppId, command::Kind},
};

/// The record of a miss that was found at `now` (Unix ms), as [`Message::of_record`](crate::delivery::message::Message::of_record)
/// reads it. Query and body have Tencent's own form.
#[must_use]
pub fn record(app: SdkAppId, missed: &Missed, now: u64) -> String {
    let Missed { target, actor, event_time, not_before } = missed;
    let (actor, target) = (to_json(actor), to_json(target));
    let (kind, targets) = if missed.is_follow() {
        (Kind::Follow, format!(r#""FollowList":[{{"To_Account":{target}}}]"#))
    } else {
        (Kind::Unfollow, format!(r#""To_Account":[{target}]"#))
    };
    let (source, command) = (<&str>::from(Source::Comparison), kind.command());
    let not_before = not_before.map(|at| format!(r#""not_before":{at},"#)).unwrap_or_default();
    format!(
        r#"{{"sdk_app_id":{app},"received_at":{now},"source":"{source}",{not_before}"query":"SdkAppid={app}&CallbackCommand={command}&contenttype=json","body":{{"CallbackCommand":"{command}","From_Account":{actor},{targets},"EventTime":{event_time}}}}}"#
    )
}
