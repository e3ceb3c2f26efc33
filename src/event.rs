//! The record that we keep of an event: its id, its KV key, its metadata and its JSON.
//!
//! The id is made from the event's content, so a webhook that is delivered twice lands on itself and no
//! look-up is needed. Metadata is what a KV `list` returns: enough to show an event without reading it.

use std::{borrow::Cow, fmt};

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::webhook::{SdkAppId, auth::Authentic, body::Follow, command::Kind, query::Query};

/// Ids count down from here, so that KV, which lists keys in ascending order, lists the newest first.
const EVENT_TIME_CEILING: u64 = 9_999_999_999_999;

/// Most bytes of metadata that KV takes with a key, as JSON.
pub const METADATA_MAX: usize = 1024;

/// Most bytes, as JSON, that one text keeps in metadata that has to be cut. A UserID has at most 32 bytes.
const CUT_TEXT_MAX: usize = 64;

/// An event's id: 13 digits that fall as `EventTime` rises, `-`, and 32 hex digits of its content's hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId(String);

impl EventId {
    /// The id of the event that `follow` tells of app `app`. Neither the query nor unread members of the
    /// body have a part in it, so that a second delivery has the id of the first.
    ///
    /// The hash is SHA-256, cut to 128 bits, over netstrings (`<length>:<bytes>,`) of the SDKAppID, the
    /// command, `From_Account`, each target in order, and `EventTime` in decimal.
    #[must_use]
    pub fn of(app: SdkAppId, follow: &Follow<'_>) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(bytes.len().to_string());
            hash.update(b":");
            hash.update(bytes);
            hash.update(b",");
        };
        part(app.to_string().as_bytes());
        part(follow.kind.command().as_bytes());
        part(follow.from_account.as_bytes());
        for target in &follow.to_accounts {
            part(target.as_bytes());
        }
        part(follow.event_time.to_string().as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let digest = u128::from_be_bytes(*hash.first_chunk().unwrap_or(&[0; 16]));
        let countdown = EVENT_TIME_CEILING.saturating_sub(follow.event_time);
        Self(format!("{countdown:013}-{digest:032x}"))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One unfollow or follow, as it is kept. It can only be made of an authentic call.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    id: EventId,
    app: SdkAppId,
    follow: Follow<'a>,
    received_at: u64,
    query: Authentic<Query<'a>>,
}

/// What a store takes: one key, its value, and its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `event/{SdkAppid}/{id}`; at most 69 bytes of ASCII.
    pub key: String,
    /// The record, as JSON.
    pub value: String,
    /// The list entry, as JSON; at most [`METADATA_MAX`] bytes.
    pub metadata: String,
    /// When the store may forget the entry, in Unix seconds; `None` keeps it.
    pub expiration: Option<u64>,
}

/// The texts and targets that a record and its metadata share.
#[derive(Serialize)]
struct Summary<'a> {
    kind: Kind,
    from_account: &'a str,
    to_accounts: &'a [Cow<'a, str>],
    received_at: u64,
    opt_platform: Option<&'a str>,
    client_ip: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// The event that the authentic call `query` brought for `app` at `received_at` (Unix ms).
    #[must_use]
    pub fn new(app: SdkAppId, query: Authentic<Query<'a>>, follow: Follow<'a>, received_at: u64) -> Self {
        Self { id: EventId::of(app, &follow), app, follow, received_at, query }
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// How many users were unfollowed, or followed, by this one call.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.follow.to_accounts.len()
    }

    /// What to put into the store, to be kept for `retention_seconds` from receipt, or for good.
    #[must_use]
    pub fn entry(&self, retention_seconds: Option<u64>) -> Entry {
        Entry {
            key: format!("event/{}/{}", self.app, self.id),
            value: self.record(),
            metadata: self.metadata(),
            expiration: retention_seconds.map(|seconds| (self.received_at / 1000).saturating_add(seconds)),
        }
    }

    fn summary(&self) -> Summary<'_> {
        Summary {
            kind: self.follow.kind,
            from_account: &self.follow.from_account,
            to_accounts: &self.follow.to_accounts,
            received_at: self.received_at,
            opt_platform: self.query.opt_platform.as_deref(),
            client_ip: self.query.client_ip.as_deref(),
            request_id: self.query.request_id.as_deref(),
        }
    }

    fn record(&self) -> String {
        #[derive(Serialize)]
        struct Record<'a> {
            id: &'a str,
            sdk_app_id: u64,
            event_time: u64,
            #[serde(flatten)]
            summary: Summary<'a>,
            query: String,
            body: &'a RawValue,
        }
        json(&Record {
            id: &self.id.0,
            sdk_app_id: self.app.get(),
            event_time: self.follow.event_time,
            summary: self.summary(),
            query: self.query.without_signature(),
            body: self.follow.object,
        })
    }

    /// The summary; id, app and time stand in the key. Where it has no room for all, texts are cut, as many
    /// targets stand there as fit, and two more members say so.
    fn metadata(&self) -> String {
        let whole = json(&self.summary());
        if whole.len() <= METADATA_MAX {
            return whole;
        }
        #[derive(Serialize)]
        struct Cut<'a> {
            #[serde(flatten)]
            summary: Summary<'a>,
            to_accounts_total: usize,
            truncated: bool,
        }
        let summary = self.summary();
        let mut cut = Cut {
            summary: Summary {
                from_account: cut_text(summary.from_account),
                to_accounts: &[],
                opt_platform: summary.opt_platform.map(cut_text),
                client_ip: summary.client_ip.map(cut_text),
                request_id: summary.request_id.map(cut_text),
                ..summary
            },
            to_accounts_total: self.targets(),
            truncated: true,
        };
        let mut room = METADATA_MAX.saturating_sub(json(&cut).len());
        let fitting = summary.to_accounts.iter().take_while(|target| {
            // One byte more for the comma before it.
            let needed = json(target).len().saturating_add(1);
            let fits = needed <= room;
            room = room.saturating_sub(needed);
            fits
        });
        let fitting = fitting.count();
        cut.summary.to_accounts = summary.to_accounts.get(..fitting).unwrap_or_default();
        json(&cut)
    }
}

/// The longest beginning of `text` that is at most [`CUT_TEXT_MAX`] bytes as JSON.
fn cut_text(text: &str) -> &str {
    let mut length = 2_usize; // the quotes
    let end = text.char_indices().find(|&(_, c)| {
        length = length.saturating_add(json(&c).len()).saturating_sub(2);
        length > CUT_TEXT_MAX
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// JSON of values that are all texts, numbers and lists: writing those cannot fail.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
