//! What is stored of a miss: a record like that of a webhook, with where it is from.

use serde::Serialize;
use serde_json::json;

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
    #[derive(Serialize)]
    struct Recorded {
        sdk_app_id: SdkAppId,
        received_at: u64,
        source: Source,
        not_before: Option<u64>,
        query: String,
        body: serde_json::Value,
    }
    let Missed { target, actor, event_time, not_before } = missed;
    let (kind, name, targets) = if missed.is_follow() {
        (Kind::Follow, "FollowList", json!([{ "To_Account": target }]))
    } else {
        (Kind::Unfollow, "To_Account", json!([target]))
    };
    let body = json!({
        "CallbackCommand": kind.command(),
        "From_Account": actor,
        name: targets,
        "EventTime": event_time,
    });
    to_json(&Recorded {
        sdk_app_id: app,
        received_at: now,
        source: Source::Comparison,
        not_before: *not_before,
        query: format!("SdkAppid={app}&CallbackCommand={}&contenttype=json", kind.command()),
        body,
    })
}
