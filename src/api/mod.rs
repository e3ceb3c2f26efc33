//! The operator's API under `/v1/`: the log of events and its counts; dead letters, which are listed and put back on the
//! queue. A bearer token admits; without one in the settings there is no API.
//!
//! One table says which operations there are. `page/openapi.json` describes them for others.

mod calls;
pub mod cursor;
mod dead_letters;
mod deliveries;
mod erasure;
mod events;
mod parameters;
mod problem;
mod range;
mod stats;
pub mod store;
mod users;

use futures_util::FutureExt as _;
use serde::Serialize;

use crate::{
    config::{Config, InvalidSetting, Settings, VERSION},
    database::{Database, schema::Schema},
    response::Response,
    storage::{Clock, Queue, within},
    webhook::SdkAppId,
};
use parameters::Parameters;
use problem::Problem;
use store::StoreReader;

/// What the paths of the API begin with.
pub const PREFIX: &str = "/v1/";

/// How long a request waits for KV, D1 and the queue, in ms.
pub const ANSWER_WITHIN_MS: u64 = 10_000;

/// A request to the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query without its `?`.
    pub query: &'a str,
    /// Whether nobody could read the request on its way.
    pub is_confidential: bool,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// What answers requests to the API.
pub struct Api<'a, S, D, Q, C> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events and dead letters are stored.
    pub reader: &'a S,
    /// Where replayed ones go.
    pub queue: Option<&'a Q>,
    /// The event log's database, where one is bound.
    pub database: Option<&'a D>,
    /// Its schema.
    pub schema: &'a Schema,
    /// The time.
    pub clock: &'a C,
}

#[derive(Serialize)]
struct Apps {
    apps: Vec<SdkAppId>,
}

/// What can be asked of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Which apps are ours.
    ListApps,
    /// A page of events.
    ListEvents,
    /// One event with its query and body.
    ReadEvent,
    /// One event is forgotten.
    EraseEvent,
    /// One event is sent to the origin again.
    ReplayEvent,
    /// Counts per hour or day.
    Stats,
    /// The totals of a user.
    ReadUser,
    /// All that a user has a part in is forgotten.
    EraseUser,
    /// Who lost or gained most.
    Top,
    /// How far deliveries have come.
    ListDeliveries,
    /// How many webhook calls there were.
    Calls,
    /// What the Worker is and does.
    Status,
    /// Some events are read from KV into the event log.
    Reindex,
    /// A page of dead letters.
    ListDeadLetters,
    /// Some dead letters go back on the queue.
    ReplayDeadLetters,
    /// One dead letter goes back on the queue.
    ReplayDeadLetter,
    /// One dead letter is discarded.
    DiscardDeadLetter,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 17] = [
        Self::ListApps,
        Self::ListEvents,
        Self::ReadEvent,
        Self::EraseEvent,
        Self::ReplayEvent,
        Self::Stats,
        Self::ReadUser,
        Self::EraseUser,
        Self::Top,
        Self::ListDeliveries,
        Self::Calls,
        Self::Status,
        Self::Reindex,
        Self::ListDeadLetters,
        Self::ReplayDeadLetters,
        Self::ReplayDeadLetter,
        Self::DiscardDeadLetter,
    ];

    /// Its method, and its path behind [`PREFIX`]; a segment in braces stands for any text.
    #[must_use]
    pub const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::ListApps => ("GET", "apps"),
            Self::ListEvents => ("GET", "events"),
            Self::ReadEvent => ("GET", "events/{app}/{id}"),
            Self::EraseEvent => ("DELETE", "events/{app}/{id}"),
            Self::ReplayEvent => ("POST", "events/{app}/{id}/replay"),
            Self::Stats => ("GET", "stats"),
            Self::ReadUser => ("GET", "users/{app}"),
            Self::EraseUser => ("DELETE", "users/{app}"),
            Self::Top => ("GET", "top"),
            Self::ListDeliveries => ("GET", "deliveries"),
            Self::Calls => ("GET", "calls"),
            Self::Status => ("GET", "status"),
            Self::Reindex => ("POST", "reindex"),
            Self::ListDeadLetters => ("GET", "dead-letters"),
            Self::ReplayDeadLetters => ("POST", "dead-letters/{app}/replay"),
            Self::ReplayDeadLetter => ("POST", "dead-letters/{app}/{id}/replay"),
            Self::DiscardDeadLetter => ("DELETE", "dead-letters/{app}/{id}"),
        }
    }

    /// The operation of this method and path (behind [`PREFIX`]), with the texts that stand for its braces; the one that
    /// has none, or one only, gets empty ones.
    fn find<'a>(method: &str, path: &'a str) -> Result<(Self, [&'a str; 2]), Problem> {
        let mut allowed = String::new();
        for operation in Self::ALL {
            let (its_method, template) = operation.row();
            let Some(texts) = fit(template, path) else { continue };
            if its_method == method {
                return Ok((operation, texts));
            }
            let comma = if allowed.is_empty() { "" } else { ", " };
            allowed.extend([comma, its_method]);
        }
        Err(if allowed.is_empty() { Problem::NotFound } else { Problem::Method(allowed) })
    }
}

fn fit<'a>(template: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let mut texts = [""; 2];
    let mut slots = texts.iter_mut();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            *slots.next()? = segment;
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(texts)
}

impl<S: StoreReader, D: Database, Q: Queue, C: Clock> Api<'_, S, D, Q, C> {
    /// Answers one request whose path begins with [`PREFIX`], within [`ANSWER_WITHIN_MS`].
    pub async fn answer(&self, request: ApiRequest<'_>) -> Response {
        // Boxed, which makes it a function of its own. As a part of the one for webhooks, it would be compiled at every cold
        // start: a fifth of its time.
        let performed = within(self.clock, ANSWER_WITHIN_MS, self.perform(request).boxed_local()).await;
        performed.unwrap_or(Err(Problem::Unavailable)).unwrap_or_else(Problem::response)
    }

    async fn perform(&self, request: ApiRequest<'_>) -> Result<Response, Problem> {
        let ApiRequest { method, path, query, is_confidential, authorization } = request;
        if !is_confidential {
            return Err(Problem::Insecure);
        }
        // Unset means that there is no API, for nobody.
        let admin = self.config.admin_token.as_ref().ok_or(Problem::NotFound)?;
        if !admin.admits(authorization) {
            return Err(Problem::Unauthorized);
        }
        let settings = self.config.settings.as_ref().ok_or(Problem::Settings)?;
        let path = path.strip_prefix(PREFIX).ok_or(Problem::NotFound)?;
        let (operation, [app, id]) = Operation::find(method, path)?;
        match operation {
            Operation::ListApps => {
                Parameters::read(query, &[])?;
                Ok(Response::json(&Apps { apps: settings.apps().collect() }))
            }
            Operation::ListEvents => self.list_events(settings, query).await,
            Operation::ReadEvent => self.read_event(our_app(settings, app)?, id).await,
            Operation::EraseEvent => self.erase_event(our_app(settings, app)?, id).await,
            Operation::ReplayEvent => self.replay_event(settings, our_app(settings, app)?, id).await,
            Operation::Stats => self.stats(settings, query).await,
            Operation::ReadUser => self.read_user(our_app(settings, app)?, query).await,
            Operation::EraseUser => self.erase_user(settings, our_app(settings, app)?, query).await,
            Operation::Top => self.top(settings, query).await,
            Operation::ListDeliveries => self.list_deliveries(settings, query).await,
            Operation::Calls => self.calls(settings, query).await,
            Operation::Status => self.status(settings, query).await,
            Operation::Reindex => self.reindex(query).await,
            Operation::ListDeadLetters => self.list_dead_letters(settings, query).await,
            Operation::ReplayDeadLetters => self.replay_dead_letters(our_app(settings, app)?, query).await,
            Operation::ReplayDeadLetter => self.replay_dead_letter(settings, app, id).await,
            Operation::DiscardDeadLetter => self.discard_dead_letter(settings, app, id).await,
        }
    }

    /// The database, for what only events fill.
    fn event_log(&self) -> Result<&D, Problem> {
        self.database.ok_or(Problem::Conflict("There is no event log: bind DB to a D1 database, and add d1 to SINKS."))
    }

    /// The database, for what is in it whatever `SINKS` says.
    fn database(&self) -> Result<&D, Problem> {
        self.database.ok_or(Problem::Conflict("There is no database: bind DB to a D1 database."))
    }

    async fn status(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        Parameters::read(query, &[])?;
        let invalid = self.schema.invalid_settings(self.config, self.database).await;
        Ok(Response::json(&Status {
            version: VERSION,
            sinks: settings.sinks.names().collect(),
            origin: settings.origin.is_some(),
            webhook_path: &settings.webhook_path,
            settings: &invalid,
        }))
    }
}

#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    sinks: Vec<&'static str>,
    origin: bool,
    webhook_path: &'a str,
    /// The invalid ones.
    settings: &'a [InvalidSetting],
}

/// The app of this text; one that is not ours is not found.
fn our_app(settings: &Settings, text: &str) -> Result<SdkAppId, Problem> {
    SdkAppId::parse(text).filter(|&id| settings.is_ours(id)).ok_or(Problem::NotFound)
}

/// The app of the parameter `app`, which may be left out where there is one only.
fn app_of(settings: &Settings, parameters: &Parameters<'_>) -> Result<SdkAppId, Problem> {
    match parameters.text("app") {
        Some(text) => our_app(settings, text),
        None => settings.only_app().ok_or(Problem::BadRequest("Say which app: app=SDKAppID.")),
    }
}
