//! A body is read as serde_json's `Value` reads it, or rejected for a reason that holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use second_reader::{is_event_time, non_empty, read};
use serde_json::{Map, Value};
use strum::VariantArray as _;
use unfollow_webhook::webhook::{
    body::{self, EVENT_TIME_MAX, Follow, FollowError, TARGETS_MAX},
    command::Kind,
};

/// The targets, as the second reader has them.
fn targets(kind: Kind, members: &Map<String, Value>) -> Option<Vec<&str>> {
    match kind {
        Kind::Unfollow => members.get("To_Account")?.as_array()?.iter().map(non_empty).collect(),
        Kind::Follow => members
            .get("FollowList")?
            .as_array()?
            .iter()
            .map(|it| non_empty(it.as_object()?.get("To_Account")?))
            .collect(),
    }
}

/// Whether the second reader would take it for a webhook of this kind.
fn is_follow(kind: Kind, members: &Map<String, Value>) -> bool {
    let is_named = match members.get("CallbackCommand") {
        None | Some(Value::Null) => true,
        Some(command) => command == kind.command(),
    };
    // A float is left out: the two need not round it alike.
    let has_time = match members.get("EventTime") {
        Some(Value::String(digits)) => {
            (1..=13).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        Some(Value::Number(number)) => number.as_u64().is_some_and(|time| time <= EVENT_TIME_MAX),
        _ => false,
    };
    is_named
        && has_time
        && members.get("From_Account").and_then(non_empty).is_some()
        && targets(kind, members).is_some_and(|targets| !targets.is_empty())
}

fuzz_target!(|data: &[u8]| {
    let is_contentless = body::is_contentless(data);
    let command = body::command(data);
    for &kind in Kind::VARIANTS {
        match Follow::parse(kind, data) {
            Ok(mut follows) => {
                assert_eq!(follows.len(), 1);
                let follow = follows.remove(0);
                let object = follow.object.get();
                assert!(object.starts_with('{') && object.ends_with('}'));
                assert!(data.windows(object.len()).any(|window| window == object.as_bytes()), "not as it came");
                assert!(!is_contentless, "an event is no probe");
                assert!((1..=TARGETS_MAX).contains(&follow.to_accounts.len()) && follow.event_time <= EVENT_TIME_MAX);
                assert!(command.as_deref().is_none_or(|command| command == kind.command()));
                if let Some(Value::Object(members)) = read(object) {
                    assert_eq!(members.get("From_Account").and_then(non_empty), Some(&*follow.from_account));
                    assert_eq!(targets(kind, &members), Some(follow.to_accounts.iter().map(|it| &**it).collect()));
                    assert!(is_event_time(&members["EventTime"], follow.event_time), "{}", follow.event_time);
                    assert!(is_follow(kind, &members) || members["EventTime"].is_f64());
                }
                let again =
                    Follow::parse(kind, object.as_bytes()).expect("the object alone is the same webhook").remove(0);
                assert_eq!(
                    (again.from_account, again.to_accounts, again.event_time),
                    (follow.from_account, follow.to_accounts, follow.event_time)
                );
            }
            Err(error) => {
                let text = std::str::from_utf8(data).ok();
                let text = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
                let second = text.and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok());
                if let Some(members) = second.filter(|members| is_follow(kind, members)) {
                    // Of two members of one name, the second reader takes the last.
                    let too_many = || targets(kind, &members).is_some_and(|targets| targets.len() > TARGETS_MAX);
                    assert!(
                        matches!(error, FollowError::DuplicateMember | FollowError::Targets)
                            || error == FollowError::TooManyTargets && too_many(),
                        "{error:?}"
                    );
                }
            }
        }
    }
    if is_contentless {
        let text = std::str::from_utf8(data).expect("UTF-8");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        if !text.is_empty()
            && let Some(second) = read(text)
        {
            let members = second.as_object().expect("an object");
            assert!(members.keys().all(|name| name == "CallbackCommand"));
        }
    }
});
