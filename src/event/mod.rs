//! The record of an event: its KV key, its metadata and its JSON. Its [`id`] is made from its content.
//!
//! Metadata is what a KV `list` returns: enough to tell whose event it is, without reading it.

pub mod id;

use std::{borrow::Cow, rc::Rc};

pub use id::EventId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    encoding::{StoredWord, UnixMs, from_json_object, to_json},
    webhook::{SdkAppId, auth::Authentic, body::Follow, command::Kind, query::Query},
};

/// How far ahead an expiry has to be: the 60 s that KV demands, and the time that a put takes.
pub const EXPIRATION_AHEAD_SECONDS: u64 = 90;

/// Most bytes of metadata that KV takes with a key, as JSON.
pub const METADATA_MAX: usize = 1024;

/// Most bytes, as JSON, that is left of a text in metadata that has to be cut. A UserID has at most 32 bytes.
const CUT_TEXT_MAX: usize = 64;

/// A UserID, exactly as given.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct UserId(pub String);

/// Where an event is from, if no webhook brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Source {
    /// A comparison of the log with Tencent's own data, which has found that the webhook never came.
    Comparison,
}

/// What is known of an event that no webhook brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub source: Source,
    /// When the relation was last known to be as before, in Unix ms: an unfollow happened between that and its `EventTime`, which
    /// is when Tencent was asked. `None` for a follow, whose second Tencent knows.
    pub not_before: Option<u64>,
}

/// One unfollow or follow, as it is stored. It can only be made of an authentic call, or of what this Worker has stored.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    id: EventId,
    app: SdkAppId,
    follow: Follow<'a>,
    received_at: u64,
    /// That of its call, which its other events share.
    query: Rc<Authentic<Query<'a>>>,
    /// Which of its call's events it is, from 0 on.
    index: usize,
    /// Where it is from; `None` is a webhook.
    origin: Option<Origin>,
}

/// What a store takes: one key, its value, and its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `event/{SdkAppid}/{id}` or `dead/{SdkAppid}/{id}`: some 70 bytes of ASCII, of KV's 512.
    pub key: String,
    /// The record, or the dead letter, as JSON.
    pub value: String,
    /// The list entry, as JSON; at most [`METADATA_MAX`] bytes.
    pub metadata: String,
    /// When the store may forget the entry, in Unix seconds; `None` is never.
    pub expiration: Option<u64>,
}

/// An event as a list shows it: without its query and its body.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "ListedEvent"))]
pub struct Summary<'a> {
    id: &'a EventId,
    sdk_app_id: SdkAppId,
    kind: Kind,
    /// The actor, who unfollowed or followed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "UserId"))]
    from_account: &'a str,
    /// The targets, who were unfollowed or followed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<UserId>", length(min = 1)))]
    to_accounts: &'a [Cow<'a, str>],
    /// When it happened: Tencent's `EventTime`.
    event_time: UnixMs,
    /// When the webhook arrived.
    received_at: UnixMs,
    /// Tencent's `OptPlatform`, such as `iOS`; null if the call had none.
    opt_platform: Option<&'a str>,
    /// Tencent's `ClientIP`, the address of the actor's device; null if the call had none.
    client_ip: Option<&'a str>,
    /// Tencent's `RequestId`; null if the call had none.
    request_id: Option<&'a str>,
    /// `comparison` if no webhook brought the event: a comparison with Tencent's own data has recorded it. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Source"))]
    source: Option<Source>,
    /// Of an unfollow that a comparison has recorded: when the actor was last known to follow. It happened between that and
    /// `event_time`. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "UnixMs"))]
    not_before: Option<UnixMs>,
}

/// An event as it is stored, with its query and its body: see [`record`].
#[cfg(not(target_arch = "wasm32"))]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "its schema is what it is for")]
pub struct Record<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// The call's query as it came, without `Sign` and `RequestTime`.
    query: String,
    /// The webhook's own JSON object, byte for byte: it may have any members.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    body: &'a RawValue,
}

/// A record as JSON: what a list shows of the event (`summary`, an object as JSON), its query, and its body byte for byte.
#[must_use]
pub fn record(summary: &str, query: &str, body: &str) -> String {
    let members = summary.strip_suffix('}').unwrap_or(summary);
    [members, r#","query":"#, &to_json(query), r#","body":"#, body, "}"].concat()
}

/// The metadata: what a list shows besides the key, which has app, id and time.
#[derive(Clone, Copy, Serialize)]
struct Metadata<'a> {
    kind: Kind,
    from_account: &'a str,
    to_accounts: &'a [Cow<'a, str>],
    received_at: u64,
    opt_platform: Option<&'a str>,
    client_ip: Option<&'a str>,
    request_id: Option<&'a str>,
    /// How many targets there were before some were cut; `None` if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_accounts_total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

/// Who has a part in an event, by its metadata.
#[derive(Clone, Debug, Deserialize)]
pub struct Parties {
    #[serde(default)]
    kind: Option<StoredWord<Kind>>,
    from_account: String,
    to_accounts: Vec<String>,
    /// When it came, in Unix ms.
    pub received_at: u64,
    truncated: Option<bool>,
}

impl Parties {
    /// Reads the metadata that KV lists; `None` if it does not have all users.
    #[must_use]
    pub fn read(metadata: &Value) -> Option<Self> {
        Self::deserialize(metadata).ok().filter(|parties| parties.truncated != Some(true))
    }

    /// Whether this actor did this to this target.
    #[must_use]
    pub fn is_of(&self, kind: Kind, actor: &str, target: &str) -> bool {
        let is_kind = self.kind == Some(StoredWord::Known(kind));
        is_kind && self.from_account == actor && self.to_accounts.iter().any(|it| it == target)
    }

    /// Whether this user acted, or is a target.
    #[must_use]
    pub fn has(&self, user: &str) -> bool {
        self.from_account == user || self.to_accounts.iter().any(|target| target == user)
    }
}

impl<'a> Event<'a> {
    /// The only event that the authentic call `query` brought for `app` at `received_at` (Unix ms).
    #[must_use]
    pub fn new(app: SdkAppId, query: Authentic<Query<'a>>, follow: Follow<'a>, received_at: u64) -> Self {
        Self::of_call(app, Rc::new(query), follow, received_at, 0)
    }

    /// The events that the call brought, in the order of its body.
    #[must_use]
    pub fn all(app: SdkAppId, query: Authentic<Query<'a>>, follows: Vec<Follow<'a>>, received_at: u64) -> Vec<Self> {
        let query = Rc::new(query);
        let event = |(index, follow)| Self::of_call(app, Rc::clone(&query), follow, received_at, index);
        follows.into_iter().enumerate().map(event).collect()
    }

    fn of_call(
        app: SdkAppId,
        query: Rc<Authentic<Query<'a>>>,
        follow: Follow<'a>,
        received_at: u64,
        index: usize,
    ) -> Self {
        Self { id: EventId::of(app, &follow), app, follow, received_at, query, index, origin: None }
    }

    /// The same event, from elsewhere: it has another id, so that it never takes the place of what a webhook brings.
    #[must_use]
    pub fn recorded(self, origin: Origin) -> Self {
        Self { id: EventId::of_recorded(self.app, &self.follow), origin: Some(origin), ..self }
    }

    /// Where it is from; `None` is a webhook.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Which of its call's events it is, from 0 on.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    #[must_use]
    pub fn id(&self) -> &EventId {
        &self.id
    }

    #[must_use]
    pub fn app(&self) -> SdkAppId {
        self.app
    }

    /// When it came, in Unix ms.
    #[must_use]
    pub fn received_at(&self) -> u64 {
        self.received_at
    }

    /// The query as it came, less `Sign` and `RequestTime`.
    #[must_use]
    pub fn query(&self) -> String {
        self.query.without_signature()
    }

    /// Tencent's `RequestId`, if the call had one.
    #[must_use]
    pub fn request_id(&self) -> Option<&Cow<'a, str>> {
        self.query.request_id.as_ref()
    }

    /// The webhook's own JSON object.
    #[must_use]
    pub fn body(&self) -> &'a RawValue {
        self.follow.object
    }

    /// How many users were unfollowed, or followed, by this one call.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.follow.to_accounts.len()
    }

    /// Whether this user acted, or is a target.
    #[must_use]
    pub fn has_part(&self, user: &str) -> bool {
        self.follow.from_account == user || self.follow.to_accounts.iter().any(|target| target == user)
    }

    /// The users who have a part in it, the actor first; a target may come twice.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.follow.from_account).chain(self.follow.to_accounts.iter().map(|target| &**target))
    }

    /// What to put into the store at `now_ms` (Unix ms), to stay for `retention_seconds` from receipt, or for good.
    #[must_use]
    pub fn entry(&self, retention_seconds: Option<u64>, now_ms: u64) -> Entry {
        Entry {
            key: key(self.app, &self.id),
            value: self.record(),
            metadata: self.metadata(),
            expiration: self.expiration(retention_seconds, now_ms),
        }
    }

    /// When the store may forget the event, in Unix seconds. One that is stored so late that its time is over gets
    /// the shortest that KV takes: a put that KV refuses would come back for ever.
    #[must_use]
    pub fn expiration(&self, retention_seconds: Option<u64>, now_ms: u64) -> Option<u64> {
        let earliest = (now_ms / 1000).saturating_add(EXPIRATION_AHEAD_SECONDS);
        retention_seconds.map(|seconds| (self.received_at / 1000).saturating_add(seconds).max(earliest))
    }

    /// Unfollow or follow.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.follow.kind
    }

    /// The record as flat JSON, without query and body.
    #[must_use]
    pub fn summary(&self) -> String {
        to_json(&self.summarised())
    }

    fn record(&self) -> String {
        record(&self.summary(), &self.query(), self.follow.object.get())
    }

    fn summarised(&self) -> Summary<'_> {
        Summary {
            id: &self.id,
            sdk_app_id: self.app,
            kind: self.follow.kind,
            from_account: &self.follow.from_account,
            to_accounts: &self.follow.to_accounts,
            event_time: UnixMs(self.follow.event_time),
            received_at: UnixMs(self.received_at),
            opt_platform: self.query.opt_platform.as_deref(),
            client_ip: self.query.client_ip.as_deref(),
            request_id: self.query.request_id.as_deref(),
            source: self.origin.map(|origin| origin.source),
            not_before: self.origin.and_then(|origin| origin.not_before).map(UnixMs),
        }
    }

    /// The metadata as JSON. If it has no room for all, texts are cut, as many targets are listed as fit, and two more
    /// members say so.
    fn metadata(&self) -> String {
        let whole = Metadata {
            kind: self.follow.kind,
            from_account: &self.follow.from_account,
            to_accounts: &self.follow.to_accounts,
            received_at: self.received_at,
            opt_platform: self.query.opt_platform.as_deref(),
            client_ip: self.query.client_ip.as_deref(),
            request_id: self.query.request_id.as_deref(),
            to_accounts_total: None,
            truncated: None,
            source: self.origin.map(|origin| origin.source),
        };
        let text = to_json(&whole);
        if text.len() <= METADATA_MAX {
            return text;
        }
        let mut cut = Metadata {
            from_account: cut_text(whole.from_account),
            to_accounts: &[],
            opt_platform: whole.opt_platform.map(cut_text),
            client_ip: whole.client_ip.map(cut_text),
            request_id: whole.request_id.map(cut_text),
            to_accounts_total: Some(self.targets()),
            truncated: Some(true),
            ..whole
        };
        // One byte more than there is, because the first target has no comma before it.
        let mut room = METADATA_MAX.saturating_add(1).saturating_sub(to_json(&cut).len());
        let fitting = whole.to_accounts.iter().take_while(|target| {
            let needed = to_json(target).len().saturating_add(1);
            let fits = needed <= room;
            room = room.saturating_sub(needed);
            fits
        });
        let fitting = fitting.count();
        cut.to_accounts = whole.to_accounts.get(..fitting).unwrap_or_default();
        to_json(&cut)
    }
}

/// The key of the event of this app and id.
#[must_use]
pub fn key(app: SdkAppId, id: &EventId) -> String {
    [PREFIX, &app.text(), "/", id.as_str()].concat()
}

/// The app and the id of an event's key; `None` for any other key.
#[must_use]
pub fn read_key(key: &str) -> Option<(SdkAppId, EventId)> {
    let (app, id) = key.strip_prefix(PREFIX)?.split_once('/')?;
    Some((SdkAppId::parse(app)?, EventId::read(id)?))
}

/// What the keys of one app's events begin with.
#[must_use]
pub fn prefix(app: SdkAppId) -> String {
    [PREFIX, &app.text(), "/"].concat()
}

/// What tells whose record a text is.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    sdk_app_id: SdkAppId,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

impl<'a> Stored<'a> {
    /// That of the event of this app and id; `None` if the text is of none, or of another.
    fn of(text: &'a str, app: SdkAppId, id: &EventId) -> Option<Self> {
        from_json_object(text).filter(|stored: &Self| stored.id == id.as_str() && stored.sdk_app_id == app)
    }
}

/// Whether `text` is what a list shows of the event of this app and id, as far as its JSON says.
#[must_use]
pub fn is_summary(text: &str, app: SdkAppId, id: &EventId) -> bool {
    Stored::of(text, app, id).is_some()
}

/// Whether `text` is the whole record of the event of this app and id, as far as its JSON says.
#[must_use]
pub fn is_record(text: &str, app: SdkAppId, id: &EventId) -> bool {
    Stored::of(text, app, id).and_then(|stored| stored.body).is_some_and(|body| body.get().starts_with('{'))
}

/// What the keys of all events begin with.
pub const PREFIX: &str = "event/";

/// The longest beginning of `text` that is at most [`CUT_TEXT_MAX`] bytes as JSON.
fn cut_text(text: &str) -> &str {
    let mut length = 2_usize; // the quotes
    let end = text.char_indices().find(|&(_, c)| {
        length = length.saturating_add(to_json(&c).len()).saturating_sub(2);
        length > CUT_TEXT_MAX
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}
