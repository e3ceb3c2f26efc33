//! The body of a Follow webhook, and the little that is read of any other body.
//!
//! The two Follow webhooks are shaped differently: an unfollow lists its targets as strings in
//! `To_Account`, a follow lists them as objects in `FollowList`. [After a User Is Followed / Unfollowed]

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    command::Kind,
    digits,
    members::{self, Members},
};

/// Most digits of an `EventTime` in milliseconds; 13 reach to the year 2286.
const EVENT_TIME_DIGITS_MAX: usize = 13;

/// Latest `EventTime`, in Unix ms: thirteen nines.
pub const EVENT_TIME_MAX: u64 = 9_999_999_999_999;

/// Largest `EventTime` that is in seconds, as other webhooks of Tencent's were seen to send it: ten digits. As milliseconds,
/// it would be a day in the spring of 1970.
const EVENT_TIME_SECONDS_MAX: u64 = 9_999_999_999;

/// Most targets of an event. Tencent sends at most 20 [REST API: follow_add, follow_delete]; each is two rows of the event log,
/// and a free day has 100,000.
pub const TARGETS_MAX: usize = 500;

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
    /// The webhook's own JSON object, byte for byte, from its first `{` to its last `}`.
    pub object: &'a RawValue,
}

/// Why a body is not that of the Follow webhook which its command names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowError {
    /// Not a JSON object in UTF-8.
    NotAnObject,
    /// A recognised member is a duplicate.
    DuplicateMember,
    /// `CallbackCommand` is there and is another than the query's.
    CommandMismatch,
    /// `From_Account` is not a non-empty string.
    FromAccount,
    /// `To_Account` is not a non-empty array of non-empty strings; or `FollowList`, of objects with one.
    Targets,
    /// There are more than [`TARGETS_MAX`] targets.
    TooManyTargets,
    /// `EventTime` is neither an integer nor a string of digits, of at most 13 digits.
    EventTime,
}

/// Whether a body has no content: empty, `{}`, or an object with nothing but a `CallbackCommand`. The Chat
/// console's check of a URL was seen to send no more; a real webhook always has more. A body is read no further
/// than to its first other member.
#[must_use]
pub fn is_contentless(body: &[u8]) -> bool {
    text(body).is_some_and(|text| text.is_empty() || members::is_empty_but_for(text, "CallbackCommand"))
}

/// The `CallbackCommand` that a body names, if it is a JSON object which names one, once, as a non-empty
/// string.
#[must_use]
pub fn command(body: &[u8]) -> Option<Cow<'_, str>> {
    let [command] = Members::read_unique(text(body)?, ["CallbackCommand"])?;
    command.and_then(non_empty_text)
}

impl<'a> Follow<'a> {
    /// Reads the body of the webhook `kind`: what happened, once for each actor, of which there is one or more. Members that are
    /// not named here are allowed and ignored.
    ///
    /// # Errors
    /// See [`FollowError`].
    pub fn parse(kind: Kind, body: &'a [u8]) -> Result<Vec<Self>, FollowError> {
        let targets_name = match kind {
            Kind::Unfollow => "To_Account",
            Kind::Follow => "FollowList",
        };
        let names = ["CallbackCommand", "From_Account", targets_name, "EventTime"];
        let object: &RawValue =
            text(body).and_then(|text| serde_json::from_str(text).ok()).ok_or(FollowError::NotAnObject)?;
        let members = Members::read(object.get(), names).ok_or(FollowError::NotAnObject)?;
        if members.has_duplicate {
            return Err(FollowError::DuplicateMember);
        }
        let [command, from_account, to_accounts, event_time] = members.values;
        // null counts as absent.
        let command = command.filter(|command| command.get() != "null");
        if command
            .is_some_and(|command| members::value(command).map(|Text(text)| text).as_deref() != Some(kind.command()))
        {
            return Err(FollowError::CommandMismatch);
        }
        let from_account = from_account.and_then(non_empty_text).ok_or(FollowError::FromAccount)?;
        let to_accounts = to_accounts.and_then(|list| targets(kind, list)).ok_or(FollowError::Targets)?;
        if to_accounts.len() > TARGETS_MAX {
            return Err(FollowError::TooManyTargets);
        }
        let event_time = event_time.and_then(self::event_time).ok_or(FollowError::EventTime)?;
        Ok(vec![Self { kind, from_account, to_accounts, event_time, object }])
    }
}

/// A body's text, less white space and a byte-order mark around it.
fn text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\r', '\n']))
}

/// A JSON string of Unicode characters, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn non_empty_text(value: &RawValue) -> Option<Cow<'_, str>> {
    members::value(value).map(|Text(text)| text).filter(|text| !text.is_empty())
}

fn targets(kind: Kind, list: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let target = match kind {
        Kind::Unfollow => non_empty_text,
        Kind::Follow => followed,
    };
    let targets: Vec<_> = members::value::<Vec<_>>(list)?.into_iter().map(target).collect::<Option<_>>()?;
    (!targets.is_empty()).then_some(targets)
}

/// The `To_Account` of one object in a `FollowList`.
fn followed(object: &RawValue) -> Option<Cow<'_, str>> {
    let [to_account] = Members::read_unique(object.get(), ["To_Account"])?;
    to_account.and_then(non_empty_text)
}

/// Unix ms from a number, or from a string of digits, which other families of webhooks were seen to send.
fn event_time(value: &RawValue) -> Option<u64> {
    let time = if value.get().starts_with('"') {
        let Text(digits) = members::value(value)?;
        digits::parse(&digits, EVENT_TIME_DIGITS_MAX)?
    } else {
        // The parser of `f64` is exact where JSON's need not be, and plain digits do not need it.
        let number = || integral(value.get().parse().ok()?);
        digits::parse(value.get(), EVENT_TIME_DIGITS_MAX).or_else(number)?
    };
    Some(unix_ms(time))
}

/// The Unix ms of a time that may be in seconds: up to [`EVENT_TIME_SECONDS_MAX`], it is.
#[must_use]
pub const fn unix_ms(time: u64) -> u64 {
    if time <= EVENT_TIME_SECONDS_MAX { time.saturating_mul(1000) } else { time }
}

/// A number that is a whole one, however JSON spells it: `1.7e12` is 1700000000000.
fn integral(number: f64) -> Option<u64> {
    // Far below 2^53, so that every whole number is exact.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    ((0.0..=EVENT_TIME_MAX as f64).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}
