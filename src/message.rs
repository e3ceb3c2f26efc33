//! A message on the queue: the webhook as it came, and what is still to be done with it. Everything else about
//! the event is read again from its body.

use std::borrow::Cow;

use crate::{
    event::Event,
    json,
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

/// What the consumer owes to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// To bring it to the origin.
    Deliver,
    /// To put it into KV, which did not take it when it came.
    Store,
}

impl Duty {
    /// Its name in messages, dead letters and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Store => "store",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Deliver, Self::Store].into_iter().find(|duty| duty.name() == name)
    }
}

/// One message. It is made of an [`Event`], which is made of an authentic call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What is still to be done.
    pub duty: Duty,
    /// The app that the event is of.
    pub app: SdkAppId,
    /// When the webhook came, in Unix ms.
    pub received_at: u64,
    /// The query as it came, less `Sign` and `RequestTime`.
    pub query: Cow<'a, str>,
    /// The webhook's own JSON object.
    pub body: &'a str,
}

impl<'a> Message<'a> {
    /// The message that asks for `duty`.
    #[must_use]
    pub fn of(event: &'a Event<'a>, duty: Duty) -> Self {
        Self {
            duty,
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
        json::object! {
            "v": VERSION,
            "duty": self.duty.name(),
            "sdk_app_id": self.app.get(),
            "received_at": self.received_at,
            "query": self.query,
            "body": json::Raw(self.body),
        }
    }

    /// Reads a message. Members that are not named here are ignored, so that the version before this one can
    /// read what the next one writes, as long as that says `"v":1`. `None` where it is none of ours.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        let members = Members::read(text)?;
        let duty = Duty::named(members.duty.as_deref()?)?;
        (members.version == Some(VERSION)).then(|| members.message(duty)).flatten()
    }

    /// The message that asks to deliver the event of a stored record.
    #[must_use]
    pub fn of_record(record: &'a str) -> Option<Self> {
        Members::read(record)?.message(Duty::Deliver)
    }

    /// The event that this message is about; `None` where it is none, which no message of ours can be.
    #[must_use]
    pub fn event(&'a self) -> Option<Event<'a>> {
        let query = Authentic::read_back(Query::parse(&self.query).ok()?);
        let command = match query.command.clone() {
            Some(command) => command,
            None => body::command(self.body.as_bytes())?,
        };
        let follow = Follow::parse(Kind::of(&command)?, self.body.as_bytes()).ok()?;
        Some(Event::new(self.app, query, follow, self.received_at))
    }
}

/// What a message, or a record, is read from: both name these members alike.
#[derive(Default)]
struct Members<'a> {
    version: Option<u64>,
    duty: Option<Cow<'a, str>>,
    app: Option<SdkAppId>,
    received_at: Option<u64>,
    query: Option<Cow<'a, str>>,
    body: Option<&'a str>,
}

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut members = Self::default();
        json::members(text, |name, value| {
            match &*name {
                "v" => members.version = value.parse().ok(),
                "duty" => members.duty = json::string(value),
                "sdk_app_id" => members.app = SdkAppId::parse(value),
                "received_at" => members.received_at = value.parse().ok(),
                "query" => members.query = json::string(value),
                "body" => members.body = Some(value),
                _ => {}
            }
            Some(())
        })?;
        Some(members)
    }

    fn message(self, duty: Duty) -> Option<Message<'a>> {
        let (app, received_at, body) = (self.app?, self.received_at?, self.body?);
        Some(Message { duty, app, received_at, query: self.query.unwrap_or_default(), body })
    }
}
