//! An event's id: made from the event's content, so that a webhook which is delivered twice lands on itself and no
//! look-up is needed; and made so that ids sort newest first.

use std::fmt;

use serde::Serialize;

// Ids count down from it, so that KV, which lists keys in ascending order, lists the newest first.
pub use crate::webhook::body::EVENT_TIME_MAX;
use crate::{
    hash::{netstrings, sha256_hex},
    webhook::{SdkAppId, body::Follow, digits},
};

/// How many digits of an id count down.
pub const COUNTDOWN_DIGITS: usize = 13;

/// How many of the hash's hex digits are in an id: 128 bits.
const HASH_DIGITS: usize = 32;

/// An event's id: 13 digits that fall as `EventTime` rises, `-`, and 32 hex digits of its content's hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventId(String);

impl EventId {
    /// How many characters an id has.
    pub const LENGTH: usize = COUNTDOWN_DIGITS + 1 + HASH_DIGITS;

    /// The id of the event that `follow` tells of app `app`. Neither the query nor unread members of the
    /// body have a part in it, so that a second delivery has the id of the first.
    ///
    /// The hash is SHA-256, cut to 128 bits, over netstrings (`<length>:<bytes>,`) of the SDKAppID, the
    /// command, `From_Account`, each target in order, and `EventTime` in decimal.
    #[must_use]
    pub fn of(app: SdkAppId, follow: &Follow<'_>) -> Self {
        Self::hashed(app, follow, None)
    }

    /// The id of the same event where no webhook brought it but a comparison: the hash has one more netstring, which no webhook's
    /// can have at its end.
    #[must_use]
    pub fn of_recorded(app: SdkAppId, follow: &Follow<'_>) -> Self {
        Self::hashed(app, follow, Some("comparison"))
    }

    fn hashed(app: SdkAppId, follow: &Follow<'_>, mark: Option<&str>) -> Self {
        let (app, event_time) = (app.text(), follow.event_time.to_string());
        let parts = [&*app, follow.kind.command(), &*follow.from_account]
            .into_iter()
            .chain(follow.to_accounts.iter().map(|target| &**target))
            .chain([&*event_time])
            .chain(mark);
        let hash = sha256_hex(netstrings(parts));
        Self(text(follow.event_time, hash.get(..HASH_DIGITS).unwrap_or_default()))
    }

    /// Reads an id that [`EventId::of`] may have made; `None` for any other text.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (countdown, hash) = text.split_once('-')?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let fits = countdown.len() == COUNTDOWN_DIGITS && hash.len() == HASH_DIGITS && hash.bytes().all(is_hex);
        digits::parse(countdown, COUNTDOWN_DIGITS).filter(|_| fits).map(|_| Self(text.to_owned()))
    }

    /// The event's `EventTime`, in Unix ms, which the id counts down from its maximum.
    #[must_use]
    pub fn event_time(&self) -> u64 {
        let digits = self.0.get(..COUNTDOWN_DIGITS).unwrap_or_default();
        countdown(digits::parse(digits, COUNTDOWN_DIGITS).unwrap_or_default())
    }

    /// The hash of the event's content: 32 hex digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        self.0.get(COUNTDOWN_DIGITS.saturating_add(1)..).unwrap_or_default()
    }

    /// The id of an event of this time (Unix ms) and hash, as the event log has them; `None` if there is none.
    #[must_use]
    pub fn of_parts(event_time: u64, hash: &str) -> Option<Self> {
        Self::read(&text(event_time, hash))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn text(event_time: u64, hash: &str) -> String {
    const ZEROS: &str = "0000000000000";
    let digits = countdown(event_time).to_string();
    let missing = COUNTDOWN_DIGITS.saturating_sub(digits.len());
    [ZEROS.get(..missing).unwrap_or_default(), &digits, "-", hash].concat()
}

/// What an id begins with for an event of this time (Unix ms); and the time again for what an id begins with.
#[must_use]
pub fn countdown(event_time: u64) -> u64 {
    EVENT_TIME_MAX.saturating_sub(event_time)
}
