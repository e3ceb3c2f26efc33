//! A message on the queue: the webhook as it came, and what is still to be done with it. Everything else about
//! the event is read again from its body.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    encoding::{from_json_object, to_json},
    event::Event,
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

/// What is still to be done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Deliver it to the origin.
    Deliver,
    /// Store it in KV, which did not take it when it came.
    StoreKv,
    /// Add it to the event log in D1, which did not take it when it came.
    StoreD1,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 3] = [Self::Deliver, Self::StoreKv, Self::StoreD1];

    /// Its name in messages, and behind the id in the key of a dead letter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::StoreKv => "store_kv",
            Self::StoreD1 => "store_d1",
        }
    }

    /// The outcome of a message whose job is done.
    #[must_use]
    pub const fn done(self) -> &'static str {
        match self {
            Self::Deliver => "delivered",
            Self::StoreKv | Self::StoreD1 => "stored",
        }
    }
}

/// One message. It is made of an [`Event`], which is made of an authentic call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message<'a> {
    #[serde(rename = "v")]
    version: u64,
    /// What is still to be done.
    pub job: Job,
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
}

/// What a message needs of a stored record.
#[derive(Deserialize)]
struct Record<'a> {
    sdk_app_id: SdkAppId,
    received_at: u64,
    #[serde(borrow, default)]
    query: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl<'a> Message<'a> {
    /// The message that asks for `job`.
    #[must_use]
    pub fn of(event: &'a Event<'_>, job: Job) -> Self {
        Self {
            version: VERSION,
            job,
            app: event.app(),
            received_at: event.received_at(),
            query: Cow::Owned(event.query()),
            body: event.body(),
        }
    }

    /// The message as text: JSON, with the body byte for byte. At most 128,000 bytes, because a body has at most
    /// 65,536 and a query, which may double in size by its escapes, 4,096.
    #[must_use]
    pub fn text(&self) -> String {
        to_json(self)
    }

    /// Reads a message. Members that are not named here are ignored, so that the version before this one can
    /// read what the next one writes, as long as that says `"v":1`. `None` where it is none of ours.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        #[cfg(feature = "provoke-panic")]
        provoke_panic(text);
        from_json_object(text).filter(|message: &Self| message.version == VERSION)
    }

    /// The message that asks to deliver the event of a stored record.
    #[must_use]
    pub fn of_record(record: &'a str) -> Option<Self> {
        let Record { sdk_app_id: app, received_at, query, body } = from_json_object(record)?;
        Some(Self { version: VERSION, job: Job::Deliver, app, received_at, query, body })
    }

    /// The event that this message is about; `None` where it is none, which no message of ours can be.
    #[must_use]
    pub fn event(&'a self) -> Option<Event<'a>> {
        let query = Authentic::read_back(Query::parse(&self.query).ok()?);
        let command = match query.command.clone() {
            Some(command) => command,
            None => body::command(self.body.get().as_bytes())?,
        };
        let follow = Follow::parse(Kind::of(&command)?, self.body.get().as_bytes()).ok()?;
        Some(Event::new(self.app, query, follow, self.received_at))
    }
}

/// Panics where the text asks for it, in a build that only the tests make.
#[cfg(feature = "provoke-panic")]
#[allow(clippy::panic)]
fn provoke_panic(text: &str) {
    if text.contains("panics-when-read") {
        panic!("provoked by a message");
    }
}
