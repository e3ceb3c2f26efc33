//! The body of a Follow webhook, and the little that is read of any other body.
//!
//! The two Follow webhooks are shaped differently: an unfollow lists its targets as strings in
//! `To_Account`, a follow lists them as objects in `FollowList`. [After a User Is Followed / Unfollowed]

use std::borrow::Cow;

use super::{command::Kind, digits};
use crate::json;

/// Most digits of an `EventTime` in milliseconds; 13 reach to the year 2286.
pub const EVENT_TIME_DIGITS_MAX: usize = 13;

/// What a Follow webhook says. UserIDs are opaque: decoded from JSON, otherwise as they came.
#[derive(Clone, Debug)]
pub struct Follow<'a> {
    /// Unfollow or follow.
    pub kind: Kind,
    /// The user who acted. Never empty.
    pub from_account: Cow<'a, str>,
    /// The users for whom it succeeded, in their order. Never empty, and none of them is.
    pub to_accounts: Vec<Cow<'a, str>>,
    /// When it happened, in Unix milliseconds; at most 13 digits.
    pub event_time: u64,
    /// The webhook's own JSON object, from its first `{` to its last `}`.
    pub object: &'a str,
}

/// Why a body is not that of the Follow webhook which its command names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// Not a JSON object in UTF-8.
    NotAnObject,
    /// A member that we read stands twice.
    DuplicateMember,
    /// `CallbackCommand` is there and is another than the query's.
    CommandMismatch,
    /// `From_Account` is not a non-empty string.
    FromAccount,
    /// `To_Account` is not a non-empty array of non-empty strings; or `FollowList`, of objects with one.
    Targets,
    /// `EventTime` is not an integer, or a string, of 1 to 13 digits.
    EventTime,
}

/// Whether a body has no content: empty, `{}`, or an object with nothing but a `CallbackCommand`. The Chat
/// console's check of a URL was seen to send no more; a real webhook always has more. A body is read no further
/// than to its first other member.
#[must_use]
pub fn is_contentless(body: &[u8]) -> bool {
    text(body).is_some_and(|text| text.is_empty() || json::is_empty_but_for(text, "CallbackCommand"))
}

/// The `CallbackCommand` that a body names, if it is a JSON object which names one, once, as a non-empty
/// string.
#[must_use]
pub fn command(body: &[u8]) -> Option<Cow<'_, str>> {
    let members = Members::read(text(body)?, Wanted::Command).filter(|members| !members.duplicate)?;
    members.command.and_then(json::string).filter(|command| !command.is_empty())
}

impl<'a> Follow<'a> {
    /// Reads the body of the webhook `kind`. Members that are not named here are allowed and ignored.
    ///
    /// # Errors
    /// See [`BodyFault`].
    pub fn parse(kind: Kind, body: &'a [u8]) -> Result<Self, BodyFault> {
        let object = text(body).ok_or(BodyFault::NotAnObject)?;
        let members = Members::read(object, Wanted::Of(kind)).ok_or(BodyFault::NotAnObject)?;
        if members.duplicate {
            return Err(BodyFault::DuplicateMember);
        }
        if members.command.is_some_and(|text| json::string(text).as_deref() != Some(kind.command())) {
            return Err(BodyFault::CommandMismatch);
        }
        Ok(Self {
            kind,
            from_account: members.from_account.and_then(user_id).ok_or(BodyFault::FromAccount)?,
            to_accounts: members.targets.and_then(|list| targets(kind, list)).ok_or(BodyFault::Targets)?,
            event_time: members.event_time.and_then(event_time).ok_or(BodyFault::EventTime)?,
            object,
        })
    }
}

/// A body's text, less white space and a byte-order mark around it.
fn text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\r', '\n']))
}

/// Which members are read; all others are passed over.
#[derive(Clone, Copy)]
enum Wanted {
    /// The command.
    Command,
    /// All that the webhook of this kind has.
    Of(Kind),
    /// The one that an item of a `FollowList` has.
    Followed,
}

/// The members that we read, each as its own JSON text.
#[derive(Default)]
struct Members<'a> {
    command: Option<&'a str>,
    from_account: Option<&'a str>,
    targets: Option<&'a str>,
    event_time: Option<&'a str>,
    duplicate: bool,
}

impl<'a> Members<'a> {
    /// Reads an object's members; `None` where it is no object, or has what `wanted` does not allow.
    fn read(object: &'a str, wanted: Wanted) -> Option<Self> {
        let mut members = Self::default();
        json::members(object, |name, value| {
            let slot = match (&*name, wanted) {
                ("CallbackCommand", Wanted::Command | Wanted::Of(_)) => &mut members.command,
                ("From_Account", Wanted::Of(_)) => &mut members.from_account,
                ("To_Account", Wanted::Of(Kind::Unfollow) | Wanted::Followed)
                | ("FollowList", Wanted::Of(Kind::Follow)) => &mut members.targets,
                ("EventTime", Wanted::Of(_)) => &mut members.event_time,
                _ => return Some(()),
            };
            members.duplicate |= slot.replace(value).is_some();
            Some(())
        })?;
        Some(members)
    }
}

fn user_id(text: &str) -> Option<Cow<'_, str>> {
    json::string(text).filter(|id| !id.is_empty())
}

fn targets(kind: Kind, list: &str) -> Option<Vec<Cow<'_, str>>> {
    let target = match kind {
        Kind::Unfollow => user_id,
        Kind::Follow => followed,
    };
    let targets: Vec<_> = json::items(list)?.into_iter().map(target).collect::<Option<_>>()?;
    (!targets.is_empty()).then_some(targets)
}

/// The `To_Account` of one object in a `FollowList`.
fn followed(object: &str) -> Option<Cow<'_, str>> {
    let members = Members::read(object, Wanted::Followed).filter(|members| !members.duplicate)?;
    members.targets.and_then(user_id)
}

/// Milliseconds from an integer, or from a string of digits, which other families were seen to send.
fn event_time(text: &str) -> Option<u64> {
    let text = if text.starts_with('"') { json::string(text)? } else { Cow::Borrowed(text) };
    digits::parse(&text, EVENT_TIME_DIGITS_MAX)
}
