//! An event's id: made from the event's content, so that a webhook which is delivered twice lands on itself and no
//! look-up is needed; and made so that ids sort newest first.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

// Ids count down from it, so that KV, which lists keys in ascending order, lists the newest first.
pub use crate::webhook::body::EVENT_TIME_MAX;
use crate::webhook::{SdkAppId, body::Follow, digits};

/// How many digits of an id count down.
pub const COUNTDOWN_DIGITS: usize = 13;

/// How much of the hash is in an id: 128 bits.
const HASH_BYTES: usize = 16;

/// An event's id: 13 digits that fall as `EventTime` rises, `-`, and 32 hex digits of its content's hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventId(String);

impl EventId {
    /// How many characters an id has.
    pub const LENGTH: usize = COUNTDOWN_DIGITS + 1 + 2 * HASH_BYTES;

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
        let mut hash = Sha256::new();
        let mut netstring = |part: &str| {
            hash.update(part.len().to_string());
            hash.update(":");
            hash.update(part);
            hash.update(",");
        };
        netstring(&app.to_string());
        netstring(follow.kind.command());
        netstring(&follow.from_account);
        for target in &follow.to_accounts {
            netstring(target);
        }
        netstring(&follow.event_time.to_string());
        if let Some(mark) = mark {
            netstring(mark);
        }
        let hash = hash.finalize();
        let hex = hex::encode(hash.get(..HASH_BYTES).unwrap_or_default());
        Self(format!("{:0COUNTDOWN_DIGITS$}-{hex}", countdown(follow.event_time)))
    }

    /// Reads an id that [`EventId::of`] may have made; `None` for any other text.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (countdown, hash) = text.split_once('-')?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let fits = countdown.len() == COUNTDOWN_DIGITS && hash.len() == 2 * HASH_BYTES && hash.bytes().all(is_hex);
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
        Self::read(&format!("{:0COUNTDOWN_DIGITS$}-{hash}", countdown(event_time)))
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

/// What an id begins with for an event of this time (Unix ms); and the time again for what an id begins with.
#[must_use]
pub fn countdown(event_time: u64) -> u64 {
    EVENT_TIME_MAX.saturating_sub(event_time)
}
