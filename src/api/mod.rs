//! The operator's API under `/v1/`: the log of events and its counts; dead letters, which are listed and put back on the
//! queue. A bearer token admits; without one in the settings there is no API.
//!
//! One table says which operations there are ([`operations`]). `page/openapi.json` describes them for others.

mod access;
mod alert_messages;
mod alerts;
mod calls;
mod comparison;
pub mod cursor;
mod dead_letters;
mod deliveries;
#[cfg(not(target_arch = "wasm32"))]
pub mod description;
mod erasure;
mod events;
mod export;
mod metrics;
mod operations;
mod parameters;
mod problem;
mod range;
mod reindex;
mod reply;
mod stats;
mod step;
mod users;

use std::pin::pin;

use futures_util::FutureExt as _;
use serde::Serialize;

use access::CallerRole;
pub use operations::{Access, Operation, Row};
use problem::Problem;

use crate::{
    alerts::notify::run,
    config::{Config, InvalidSetting, Settings, VERSION, features::MissingLines, unknown::Names},
    database::{
        Database as _,
        log_state::{self, Count, KnownApp, LogState, Name},
        schema::Schema,
    },
    delivery::dead_letter,
    encoding::{UnixMs, Word, to_json},
    event,
    log::Level,
    plan::Plan,
    ports::Ports,
    response::Response,
    routes,
    sink::Sink,
    storage::{Clock as _, Kv as _, within},
    tencent::Pace,
    webhook::SdkAppId,
};

/// What the paths of the API begin with.
pub const PREFIX: &str = "/v1/";

/// How long a request waits for KV, D1 and the queue, in ms.
pub const ANSWER_WITHIN_MS: u64 = 10_000;

/// How long D1 has to name the apps that were removed, in ms. The list of ours, with which the page begins, does not wait for longer.
const APPS_WITHIN_MS: u64 = 1_000;

/// A request to the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    pub path: &'a str,
    /// The query without its `?`.
    pub query: &'a str,
    /// Whether nobody could read the request on its way.
    pub is_confidential: bool,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// What answers requests to the API.
pub struct Api<'a, P> {
    pub config: &'a Config,
    pub ports: &'a P,
    pub schema: &'a Schema,
    pub pace: &'a Pace,
}

/// The answer to a request with another method than those that are `allowed`.
#[must_use]
pub fn not_allowed(allowed: &str) -> Response {
    Problem::Method(allowed.to_owned()).response()
}

impl<P: Ports> Api<'_, P> {
    /// Answers one request whose path begins with [`PREFIX`], within [`ANSWER_WITHIN_MS`].
    pub async fn answer(&self, request: ApiRequest<'_>) -> Response {
        // Boxed, which makes it a function of its own. As a part of the one for webhooks, it would be compiled at every cold
        // start: a fifth of its time.
        let performed = within(self.ports.clock(), ANSWER_WITHIN_MS, self.perform(request).boxed_local()).await;
        let response = performed.unwrap_or(Err(Problem::Unavailable)).unwrap_or_else(Problem::response);
        // Of all clocks, the page goes by this one.
        let response = Response { date: Some(self.ports.clock().now_ms()), ..response };
        self.log(&request, response.status);
        response
    }

    /// Logs a request that was answered with this status, if it is one to be logged.
    fn log(&self, request: &ApiRequest<'_>, status: u16) {
        if let Some((level, record)) = log_record(request, status) {
            self.ports.log(level, &record);
        }
    }

    async fn perform(&self, request: ApiRequest<'_>) -> Result<Response, Problem> {
        let ApiRequest { method, path, query, is_confidential, authorization } = request;
        if !is_confidential {
            return Err(Problem::Insecure);
        }
        let Self { config, ports, schema, pace } = *self;
        let role = CallerRole::of(config, authorization)?;
        let settings = config.calls.settings.as_ref().ok_or(Problem::Settings)?;
        let path = path.strip_prefix(PREFIX).ok_or(Problem::NotFound)?;
        let operation = Operation::find(method, path)?;
        if !role.may(operation.row().access) {
            return Err(Problem::Forbidden);
        }
        Context { config, settings, ports, schema, pace, role }.perform(operation, path, query).await
    }
}

/// The log record of a request that was answered with this status, if it is one to be logged: whoever had no valid token, and
/// whatever changes something. The path may name an event, and the query a user: neither is in it.
fn log_record(request: &ApiRequest<'_>, status: u16) -> Option<(Level, String)> {
    #[derive(Serialize)]
    struct ApiLog {
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        operation: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        app: Option<SdkAppId>,
        status: u16,
    }
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let operation = Operation::find(request.method, path).ok();
    let changes = operation.is_some_and(|it| it.row().access == Access::Changes);
    if status != 401 && !changes {
        return None;
    }
    let (level, outcome) = match status {
        ..400 => (Level::Info, "performed"),
        400..500 => (Level::Warn, "rejected"),
        500.. => (Level::Error, "failed"),
    };
    let app = path.split('/').nth(1).and_then(SdkAppId::parse);
    let name = if request.path == routes::METRICS { Some("metrics") } else { operation.map(<&str>::from) };
    Some((level, to_json(&ApiLog { outcome, operation: name, app, status })))
}

/// What the handlers of the operations work with: a caller who was let in, and valid settings.
struct Context<'a, P> {
    config: &'a Config,
    settings: &'a Settings,
    ports: &'a P,
    schema: &'a Schema,
    pace: &'a Pace,
    role: CallerRole,
}

/// The Worker's apps.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct AppList {
    /// The SDKAppIDs, without duplicates.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1), extend("uniqueItems" = true)))]
    apps: Vec<SdkAppId>,
    /// Apps that are not among them, and of which D1 still has something: they were removed from `SDK_APP_IDS`. Null if that is not
    /// known, as `DB` is not bound, or failed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("uniqueItems" = true)))]
    removed: Option<Vec<SdkAppId>>,
}

/// What the Worker is and does.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Status {
    /// The Worker's version.
    version: &'static str,
    /// Where events go.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1), extend("uniqueItems" = true)))]
    sinks: Vec<Word<Sink>>,
    /// Whether there is an origin that events can be sent to.
    origin: bool,
    /// Where the webhook lives.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(regex(pattern = "^/")))]
    webhook_path: String,
    /// Where Prometheus may scrape metrics; null if `WEBHOOK_PATH` is that path, which is then the webhook's.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(regex(pattern = "^/")))]
    metrics_path: Option<&'static str>,
    /// Whose limits hold: those of Cloudflare's free plan, or of the paid one.
    plan: Word<Plan>,
    /// What the token of this call may do: `admin` everything, `viewer` only read.
    role: Word<CallerRole>,
    /// The apps whose event log can be compared with Tencent's own data.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("uniqueItems" = true)))]
    compares: Vec<SdkAppId>,
    /// The time of the oldest that was due for deletion by the retention and that its latest run has left; null if it has left nothing.
    retention_due_since: Option<UnixMs>,
    /// The settings and bindings to fix; empty if all are valid.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("uniqueItems" = true)))]
    settings: Vec<InvalidSetting>,
    /// The names of variables and secrets that no setting has, and that look as if they were meant for one.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("uniqueItems" = true)))]
    unknown_settings: Vec<String>,
    /// Features that are off because `wrangler.toml` lacks lines that they need, as far as the Worker can see.
    missing_lines: Vec<MissingLines>,
}

impl<P: Ports> Context<'_, P> {
    async fn list_apps(&self) -> Result<AppList, Problem> {
        let known: Option<Vec<KnownApp>> = match self.ports.database() {
            Some(database) => {
                let reading = pin!(database.rows(log_state::apps()));
                within(self.ports.clock(), APPS_WITHIN_MS, reading).await.and_then(Result::ok)
            }
            None => None,
        };
        let removed = |known: Vec<KnownApp>| {
            known.into_iter().map(|row| row.app).filter(|&app| !self.settings.is_ours(app)).collect()
        };
        Ok(AppList { apps: self.settings.apps().collect(), removed: known.map(removed) })
    }

    async fn status(&self) -> Result<Status, Problem> {
        let apps: Vec<_> = self.settings.apps().collect();
        let now = self.ports.clock().now_ms();
        let mut missing_lines = MissingLines::of(self.ports);
        missing_lines.extend(run::missing_lines(self.ports, &self.config.notify).await);
        Ok(Status {
            version: VERSION,
            sinks: self.settings.sinks.iter().copied().map(Word).collect(),
            origin: self.settings.origin.is_some(),
            webhook_path: self.settings.webhook_path.clone(),
            metrics_path: self.config.calls.has_metrics.then_some(routes::METRICS),
            plan: Word(self.config.calls.plan),
            role: Word(self.role),
            compares: apps.iter().copied().filter(|&app| self.compares(app)).collect(),
            retention_due_since: self.retention_due_since().await.map(UnixMs),
            settings: self.schema.invalid_settings(self.config, self.ports.database(), now).await,
            unknown_settings: Names::all().map_or_else(Vec::new, |names| names.unknown(self.ports.names(), &apps)),
            missing_lines,
        })
    }

    /// The time of the oldest that the retention has left; `None` if nothing is left, or nothing is known.
    async fn retention_due_since(&self) -> Option<u64> {
        let rows = self.ports.database()?.rows(log_state::read_one(Name::RetentionDueSince)).await.ok()?;
        LogState::from(rows).number(Name::RetentionDueSince)
    }

    /// The app that was asked for, if it is not ours, and something of it is stored: it was removed from `SDK_APP_IDS`.
    async fn removed_app(&self, app: Option<SdkAppId>) -> Result<Option<SdkAppId>, Problem> {
        let Some(app) = app.filter(|&app| !self.settings.is_ours(app)) else { return Ok(None) };
        if let Some(database) = self.ports.database() {
            let rows: Vec<Count> = database.rows(log_state::count_tables_with(app)).await?;
            if rows.iter().any(|row| row.count > 0) {
                return Ok(Some(app));
            }
        }
        for prefix in [event::prefix(app), dead_letter::prefix(Some(app))] {
            if !self.ports.kv().list(&prefix, 1, None).await?.keys.is_empty() {
                return Ok(Some(app));
            }
        }
        Ok(None)
    }

    /// The database, for what only events fill.
    fn event_log(&self) -> Result<&P::Database, Problem> {
        self.ports
            .database()
            .ok_or(Problem::Conflict("There is no event log: bind DB to a D1 database, and add d1 to SINKS."))
    }

    /// The database, for what is in it whatever `SINKS` says.
    fn database(&self) -> Result<&P::Database, Problem> {
        self.ports.database().ok_or(Problem::Conflict("There is no database: bind DB to a D1 database."))
    }
}
