//! A message on the queue: the webhook as it came, and what is still to be done with it. Everything else about
//! the event is read again from its body.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    encoding::{from_json_object, to_json},
    event::{Event, Origin, Source},
    sink::Sink,
    webhook::{
        SdkAppId,
        auth::Authentic,
        body::{self, Follow},
        command::Kind,
        query::Query,
    },
};

/// The version of the form that this Worker writes, and the only one that it reads.
const VERSION: u64 = 1;

/// One message. It is made of an [`Event`], which is made of an authentic call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message<'a> {
    #[serde(rename = "v")]
    version: u64,
    /// The sink that does not have the event yet.
    #[serde(rename = "job")]
    pub sink: Sink,
    /// The app that the event is of.
    #[serde(rename = "sdk_app_id")]
    pub app: SdkAppId,
    /// When the webhook came, in Unix ms.
    pub received_at: u64,
    /// The query as it came, less `Sign` and `RequestTime`.
    #[serde(borrow, default)]
    pub query: Cow<'a, str>,
    /// The webhook's own JSON object.
    #[serde(borrow)]
    pub body: &'a RawValue,
    /// Which of the webhook's events it is, from 0 on.
    #[serde(default, skip_serializing_if = "is_first")]
    event: usize,
    /// The key of the dead letter that this message replays. It ends with the message: see [`super::consumer`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Cow<'a, str>>,
    /// Where the event is from; `None` is the webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    /// As in [`Origin`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(event: &usize) -> bool {
    *event == 0
}

/// What a message needs of a stored record.
#[derive(Deserialize)]
struct StoredRecord<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    sdk_app_id: SdkAppId,
    received_at: u64,
    #[serde(borrow, default)]
    query: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    not_before: Option<u64>,
}

impl<'a> Message<'a> {
    /// The message that asks to bring `event` to `sink`.
    #[must_use]
    pub fn of(event: &'a Event<'_>, sink: Sink) -> Self {
        Self {
            version: VERSION,
            sink,
            app: event.app(),
            received_at: event.received_at(),
            query: Cow::Owned(event.query()),
            body: event.body(),
            event: event.index(),
            letter: None,
            source: event.origin().map(|origin| origin.source),
            not_before: event.origin().and_then(|origin| origin.not_before),
        }
    }

    /// The message as text: JSON, with the body byte for byte. At most 128,000 bytes, because a body has at most
    /// 65,536 and a query, which may double in size by its escapes, 4,096.
    #[must_use]
    pub fn text(&self) -> String {
        to_json(self)
    }

    /// Reads a message. Members that are not named here are ignored, so that the version before this one can
    /// read what the next one writes, as long as that says `"v":1`. `None` if it is none of ours.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        #[cfg(feature = "provoke-panic")]
        provoke_panic(text);
        from_json_object(text).filter(|message: &Self| message.version == VERSION)
    }

    /// The message that asks to deliver the event of a stored record.
    #[must_use]
    pub fn of_record(record: &'a str) -> Option<Self> {
        let StoredRecord { id, sdk_app_id: app, received_at, query, body, source, not_before } =
            from_json_object(record)?;
        let (version, sink) = (VERSION, Sink::Origin);
        let message = Self { version, sink, app, received_at, query, body, event: 0, letter: None, source, not_before };
        let event = message.events().iter().position(|event| event.id().as_str() == id);
        Some(Self { event: event.unwrap_or(0), ..message })
    }

    /// The message that replays the dead letter of this key.
    #[must_use]
    pub fn replaying(self, letter: impl Into<Cow<'a, str>>) -> Self {
        Self { letter: Some(letter.into()), ..self }
    }

    /// The event that this message is about; `None` if it is none, which no message of ours can be.
    #[must_use]
    pub fn event(&'a self) -> Option<Event<'a>> {
        self.events().into_iter().nth(self.event)
    }

    /// All events of its webhook.
    fn events(&'a self) -> Vec<Event<'a>> {
        let read = || {
            let query = Authentic::read_back(Query::parse(&self.query).ok()?);
            let command = match query.command.clone() {
                Some(command) => command,
                None => body::command(self.body.get().as_bytes())?,
            };
            let follows = Follow::parse(Kind::of(&command)?, self.body.get().as_bytes()).ok()?;
            let origin = self.source.map(|source| Origin { source, not_before: self.not_before });
            let events = Event::all(self.app, query, follows, self.received_at).into_iter();
            Some(match origin {
                None => events.collect(),
                Some(origin) => events.map(|event| event.recorded(origin)).collect(),
            })
        };
        read().unwrap_or_default()
    }
}

/// Panics if the text asks for it, in a build that only the tests make.
#[cfg(feature = "provoke-panic")]
#[allow(clippy::panic)]
fn provoke_panic(text: &str) {
    if text.contains("panics-when-read") {
        panic!("provoked by a message");
    }
}
