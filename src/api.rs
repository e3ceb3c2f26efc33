//! The operator's API under `/v1/`: dead letters are listed and put back on the queue, stored events are sent to the
//! origin again. A bearer token admits; without one in the settings there is no API.

use std::{borrow::Cow, future::Future};

use serde::Serialize;

use crate::{
    config::{Config, Settings},
    dead, event, json,
    keep::Queue,
    message::Message,
    reply::Reply,
    webhook::{SdkAppId, query::percent_decode},
};

/// What the paths of the API begin with.
pub const PREFIX: &str = "/v1/";

/// How many dead letters one call lists.
const LIST_MAX: usize = 100;

/// How many keys one list holds at most.
const LOOKED_AT_MAX: usize = 1000;

/// How many dead letters one call replays, at three operations each, and how many it looks at for that: on the free plan
/// a call has fifty operations.
const REPLAY_MAX: usize = 10;
const REPLAY_TRIES_MAX: usize = 25;

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

/// A key of the store, with its metadata as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The metadata; an empty object where there is none.
    pub metadata: String,
}

/// A page of the store's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The keys, ascending.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// The store did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfError;

/// Where events and dead letters are read back.
pub trait Shelf {
    /// Lists at most `limit` keys that begin with `prefix`, from `cursor` on.
    fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> impl Future<Output = Result<Page, ShelfError>>;

    /// The text stored under `key`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, ShelfError>>;

    /// Forgets `key`.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), ShelfError>>;
}

/// What answers requests to the API.
pub struct Api<'a, S, Q> {
    /// As read from the environment.
    pub config: &'a Config,
    /// Where events and dead letters are.
    pub shelf: &'a S,
    /// Where replayed ones go.
    pub queue: Option<&'a Q>,
}

/// Why a request is not answered as asked. As `application/problem+json`. [RFC 9457]
enum Problem {
    Insecure,
    NotFound,
    Unauthorized,
    Method(&'static str),
    BadRequest(&'static str),
    Conflict(&'static str),
    Settings,
    Unavailable,
}

impl From<ShelfError> for Problem {
    fn from(ShelfError: ShelfError) -> Self {
        Self::Unavailable
    }
}

impl Problem {
    fn reply(self) -> Reply {
        #[derive(Serialize)]
        struct Json {
            title: &'static str,
            status: u16,
            detail: &'static str,
        }
        let (status, title, detail, header) = match self {
            Self::Insecure => (403, "Forbidden", "The API is served over https only.", None),
            Self::NotFound => (404, "Not Found", "There is nothing here.", None),
            Self::Unauthorized => {
                let header = ("www-authenticate", "Bearer");
                (401, "Unauthorized", "Send the ADMIN_TOKEN as a bearer token.", Some(header))
            }
            Self::Method(allow) => (405, "Method Not Allowed", "See the Allow header.", Some(("allow", allow))),
            Self::BadRequest(detail) => (400, "Bad Request", detail, None),
            Self::Conflict(detail) => (409, "Conflict", detail, None),
            Self::Settings => (503, "Service Unavailable", "GET /healthz names the settings at fault.", None),
            Self::Unavailable => {
                let detail = "KV or the queue did not take part; nothing is lost, try again.";
                (503, "Service Unavailable", detail, Some(("retry-after", "1")))
            }
        };
        let body = json::write(&Json { title, status, detail });
        Reply { status, header, content_type: "application/problem+json", ..Reply::json(body) }
    }
}

impl<S: Shelf, Q: Queue> Api<'_, S, Q> {
    /// Answers one request whose path begins with [`PREFIX`].
    pub async fn answer(&self, request: ApiRequest<'_>) -> Reply {
        self.route(request).await.unwrap_or_else(Problem::reply)
    }

    async fn route(&self, request: ApiRequest<'_>) -> Result<Reply, Problem> {
        if !request.is_confidential {
            return Err(Problem::Insecure);
        }
        let settings = self.config.settings.as_ref().ok_or(Problem::Settings)?;
        // Unset means that there is no API, for nobody.
        let admin = settings.admin_token.as_ref().ok_or(Problem::NotFound)?;
        if !admin.admits(request.authorization) {
            return Err(Problem::Unauthorized);
        }
        let path = request.path.strip_prefix(PREFIX).ok_or(Problem::NotFound)?;
        let segments: Vec<_> = path.split('/').collect();
        let allow = |method| if request.method == method { Ok(()) } else { Err(Problem::Method(method)) };
        match *segments.as_slice() {
            ["dead-letters"] => {
                allow("GET")?;
                self.list_dead_letters(settings, request.query).await
            }
            ["dead-letters", app, "replay"] => {
                allow("POST")?;
                self.replay_dead_letters(our_app(settings, app)?).await
            }
            ["dead-letters", app, id, "replay"] => {
                allow("POST")?;
                self.replay_dead_letter(&format!("{}{id}", dead::prefix(letters_app(settings, app)?))).await
            }
            ["events", app, id, "replay"] => {
                allow("POST")?;
                self.replay_event(settings, our_app(settings, app)?, id).await
            }
            _ => Err(Problem::NotFound),
        }
    }

    async fn list_dead_letters(&self, settings: &Settings, query: &str) -> Result<Reply, Problem> {
        let app = match parameter(query, "app") {
            Some(id) => letters_app(settings, &id)?,
            None => Some(settings.only_app().ok_or(Problem::BadRequest("Say which app: app=SDKAppID."))?),
        };
        let prefix = dead::prefix(app);
        let page = self.shelf.list(&prefix, LIST_MAX, parameter(query, "cursor").as_deref()).await?;
        let mut letters = String::new();
        for listed in &page.keys {
            let id = listed.key.strip_prefix(&prefix).unwrap_or_default();
            let comma = if letters.is_empty() { "" } else { "," };
            letters.extend([comma, &listed_letter(app, id, &listed.metadata)]);
        }
        let cursor = json::write(&page.cursor);
        Ok(Reply::json(format!(r#"{{"dead_letters":[{letters}],"cursor":{cursor}}}"#)))
    }

    /// Replays as many of an app's dead letters as one call may, and says how many are left of the first thousand, and
    /// whether there are more.
    async fn replay_dead_letters(&self, app: SdkAppId) -> Result<Reply, Problem> {
        let prefix = dead::prefix(Some(app));
        let Page { keys, cursor } = self.shelf.list(&prefix, LOOKED_AT_MAX, None).await?;
        // What KV still lists may be gone already, and what cannot be read stays: neither holds up the others, but each
        // has cost a read.
        let (mut replayed, mut gone) = (0_usize, 0_usize);
        for listed in keys.iter().take(REPLAY_TRIES_MAX) {
            if replayed == REPLAY_MAX {
                break;
            }
            match self.replay(&listed.key).await {
                Ok(()) => replayed = replayed.saturating_add(1),
                Err(Problem::NotFound) => gone = gone.saturating_add(1),
                Err(Problem::Conflict(_)) => {}
                Err(problem) => return Err(problem),
            }
        }
        let left = keys.len().saturating_sub(replayed).saturating_sub(gone);
        let more = cursor.is_some();
        Ok(Reply::json(format!(r#"{{"replayed":{replayed},"left":{left},"more":{more}}}"#)))
    }

    async fn replay_dead_letter(&self, key: &str) -> Result<Reply, Problem> {
        self.replay(key).await?;
        Ok(Reply::json(r#"{"replayed":1}"#.to_owned()))
    }

    /// Puts a dead letter back on the queue, and only then deletes it.
    async fn replay(&self, key: &str) -> Result<(), Problem> {
        let letter = self.shelf.get(key).await?.ok_or(Problem::NotFound)?;
        let message = dead::message(&letter).ok_or(Problem::Conflict("The message cannot be read."))?;
        self.send(message).await?;
        Ok(self.shelf.delete(key).await?)
    }

    /// Sends a stored event to the origin, as if it had just come.
    async fn replay_event(&self, settings: &Settings, app: SdkAppId, id: &str) -> Result<Reply, Problem> {
        if settings.origin.is_none() {
            return Err(Problem::Conflict("There is no origin to send to: see ORIGIN_URL."));
        }
        let record = self.shelf.get(&event::key(app, id)).await?.ok_or(Problem::NotFound)?;
        let message = Message::of_record(&record).ok_or(Problem::Conflict("The event cannot be read."))?;
        self.send(&message.text()).await?;
        Ok(Reply::json(r#"{"replayed":1}"#.to_owned()))
    }

    async fn send(&self, message: &str) -> Result<(), Problem> {
        let queue = self.queue.ok_or(Problem::Conflict("There is no queue: see DELIVERIES."))?;
        queue.send(message).await.map_err(|_| Problem::Unavailable)
    }
}

/// Its app, its id, and what its metadata says.
fn listed_letter(app: Option<SdkAppId>, id: &str, metadata: &str) -> String {
    #[derive(Serialize)]
    struct Head<'a> {
        id: &'a str,
        sdk_app_id: Option<u64>,
    }
    let head = json::write(&Head { id, sdk_app_id: app.map(SdkAppId::get) });
    json::merge(&head, metadata)
}

/// The app of this text; one that is not ours is not found.
fn our_app(settings: &Settings, text: &str) -> Result<SdkAppId, Problem> {
    SdkAppId::parse(text).filter(|&id| settings.is_ours(id)).ok_or(Problem::NotFound)
}

/// The app whose dead letters are meant; none for `0`, under which those lie that cannot be read.
fn letters_app(settings: &Settings, text: &str) -> Result<Option<SdkAppId>, Problem> {
    if text == dead::NO_APP { Ok(None) } else { our_app(settings, text).map(Some) }
}

/// The first value of a query's parameter; none where it is not percent-encoded UTF-8.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|segment| percent_decode(segment.strip_prefix(name)?.strip_prefix('=')?))
}
