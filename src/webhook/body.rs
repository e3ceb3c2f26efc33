//! The body of a Follow webhook, and the little that is read of any other body.
//!
//! The two Follow webhooks are shaped differently: an unfollow lists its targets as strings in
//! `To_Account`, a follow lists them as objects in `FollowList`. [After a User Is Followed / Unfollowed]

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::command::Kind;

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
    pub object: &'a RawValue,
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

/// Whether a body has no content: empty, `{}`, or an object with nothing but `CallbackCommand`. The Chat
/// console's check of a URL was seen to send no more; a real webhook always has more.
#[must_use]
pub fn is_contentless(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NothingButCommand {
        #[serde(rename = "CallbackCommand", default)]
        _command: Option<IgnoredAny>,
    }
    let body = trim(body);
    // The first character is looked at because serde takes an array for a struct too. Reading stops at the
    // first member of another name, so a large body costs no more than a small one.
    body.is_empty() || (body.starts_with(b"{") && serde_json::from_slice::<NothingButCommand>(body).is_ok())
}

/// The `CallbackCommand` that a body names, if it is a JSON object which names one,
/// once, as a non-empty string.
#[must_use]
pub fn command(body: &[u8]) -> Option<Cow<'_, str>> {
    let object = object(body)?;
    let members = Members::read(object, None).filter(|members| !members.duplicate)?;
    members.command.and_then(string).filter(|command| !command.is_empty())
}

impl<'a> Follow<'a> {
    /// Reads the body of the webhook `kind`. Members that are not named here are allowed and ignored.
    ///
    /// # Errors
    /// See [`BodyFault`].
    pub fn parse(kind: Kind, body: &'a [u8]) -> Result<Self, BodyFault> {
        let object = object(body).ok_or(BodyFault::NotAnObject)?;
        let members = Members::read(object, Some(kind)).ok_or(BodyFault::NotAnObject)?;
        if members.duplicate {
            return Err(BodyFault::DuplicateMember);
        }
        if members.command.is_some_and(|raw| string(raw).as_deref() != Some(kind.command())) {
            return Err(BodyFault::CommandMismatch);
        }
        Ok(Self {
            kind,
            from_account: members.from_account.and_then(user_id).ok_or(BodyFault::FromAccount)?,
            to_accounts: members.targets.and_then(|raw| targets(kind, raw)).ok_or(BodyFault::Targets)?,
            event_time: members.event_time.and_then(event_time).ok_or(BodyFault::EventTime)?,
            object,
        })
    }
}

/// The JSON object in a body, checked in full; white space and a byte-order mark around it are dropped.
fn object(body: &[u8]) -> Option<&RawValue> {
    let text = std::str::from_utf8(trim(body)).ok()?;
    text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

fn trim(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

/// The members that we read, each as its own JSON text.
#[derive(Default)]
struct Members<'a> {
    command: Option<&'a RawValue>,
    from_account: Option<&'a RawValue>,
    targets: Option<&'a RawValue>,
    event_time: Option<&'a RawValue>,
    duplicate: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Name {
    CallbackCommand,
    #[serde(rename = "From_Account")]
    FromAccount,
    #[serde(rename = "To_Account")]
    ToAccount,
    FollowList,
    EventTime,
    #[serde(other)]
    Other,
}

impl<'a> Members<'a> {
    /// Reads the members of the webhook `kind`, or the command alone where the kind is not known yet.
    fn read(object: &'a RawValue, kind: Option<Kind>) -> Option<Self> {
        struct Reader(Option<Kind>);

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key()? {
                    let slot = match (name, self.0) {
                        (Name::CallbackCommand, _) => &mut members.command,
                        (Name::FromAccount, Some(_)) => &mut members.from_account,
                        (Name::ToAccount, Some(Kind::Unfollow)) | (Name::FollowList, Some(Kind::Follow)) => {
                            &mut members.targets
                        }
                        (Name::EventTime, Some(_)) => &mut members.event_time,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    members.duplicate |= slot.replace(map.next_value()?).is_some();
                }
                Ok(members)
            }
        }

        serde_json::Deserializer::from_str(object.get()).deserialize_map(Reader(kind)).ok()
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

fn user_id(raw: &RawValue) -> Option<Cow<'_, str>> {
    string(raw).filter(|id| !id.is_empty())
}

fn targets(kind: Kind, raw: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    let targets: Vec<_> = match kind {
        Kind::Unfollow => items.into_iter().map(user_id).collect::<Option<_>>()?,
        Kind::Follow => items.into_iter().map(followed).collect::<Option<_>>()?,
    };
    (!targets.is_empty()).then_some(targets)
}

/// The `To_Account` of one object in a `FollowList`.
fn followed(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Followed<'a> {
        #[serde(rename = "To_Account", borrow)]
        to_account: Cow<'a, str>,
    }
    // An array would do for a struct too.
    let followed: Followed<'_> = raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok()).flatten()?;
    Some(followed.to_account).filter(|id| !id.is_empty())
}

/// Milliseconds from an integer, or from a string of digits, which other families were seen to send.
fn event_time(raw: &RawValue) -> Option<u64> {
    let digits = if raw.get().starts_with('"') { string(raw)? } else { Cow::Borrowed(raw.get()) };
    let fits = (1..=EVENT_TIME_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}
