//! The operator's API under `/v1/`: the log of events and its counts; dead letters, which are listed and put back on the
//! queue. A bearer token admits; without one in the settings there is no API.
//!
//! One table says which operations there are ([`operations`]). `page/openapi.json` describes them for others.

mod access;
mod calls;
pub mod cursor;
mod dead_letters;
mod deliveries;
#[cfg(not(target_arch = "wasm32"))]
pub mod description;
mod erasure;
mod events;
mod operations;
mod parameters;
mod problem;
mod range;
mod reindex;
mod reply;
mod stats;
mod users;

use futures_util::FutureExt as _;
use serde::Serialize;

use access::CallerRole;
pub use operations::{Access, Operation, Row};
use problem::Problem;

use crate::{
    config::{Config, InvalidSetting, Settings, VERSION, features::MissingLines, unknown::Names},
    database::schema::Schema,
    encoding::Word,
    plan::Plan,
    ports::Ports,
    response::Response,
    sink::Sink,
    storage::{Clock as _, within},
    webhook::SdkAppId,
};

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
pub struct Api<'a, P> {
    /// As read from the environment.
    pub config: &'a Config,
    /// What is outside of the Worker.
    pub ports: &'a P,
    /// The schema of the event log.
    pub schema: &'a Schema,
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
        performed.unwrap_or(Err(Problem::Unavailable)).unwrap_or_else(Problem::response)
    }

    async fn perform(&self, request: ApiRequest<'_>) -> Result<Response, Problem> {
        let ApiRequest { method, path, query, is_confidential, authorization } = request;
        if !is_confidential {
            return Err(Problem::Insecure);
        }
        let Self { config, ports, schema } = *self;
        let role = CallerRole::of(config, authorization)?;
        let settings = config.settings.as_ref().ok_or(Problem::Settings)?;
        let path = path.strip_prefix(PREFIX).ok_or(Problem::NotFound)?;
        let operation = Operation::find(method, path)?;
        if !role.may(operation.row().access) {
            return Err(Problem::Forbidden);
        }
        Context { config, settings, ports, schema, role }.perform(operation, path, query).await
    }
}

/// What the handlers of the operations work with: a caller who was let in, and valid settings.
struct Context<'a, P> {
    config: &'a Config,
    settings: &'a Settings,
    ports: &'a P,
    schema: &'a Schema,
    role: CallerRole,
}

/// The Worker's apps.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Apps {
    /// The SDKAppIDs, without duplicates.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1), extend("uniqueItems" = true)))]
    apps: Vec<SdkAppId>,
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
    /// Whose limits hold: those of Cloudflare's free plan, or of the paid one.
    plan: Word<Plan>,
    /// What the token of this call may do: `admin` everything, `viewer` only read.
    role: Word<CallerRole>,
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
    #[expect(clippy::unused_async, reason = "handlers are all called in the same way")]
    async fn list_apps(&self) -> Result<Apps, Problem> {
        Ok(Apps { apps: self.settings.apps().collect() })
    }

    async fn status(&self) -> Result<Status, Problem> {
        let apps: Vec<_> = self.settings.apps().collect();
        let now = self.ports.clock().now_ms();
        Ok(Status {
            version: VERSION,
            sinks: self.settings.sinks.iter().copied().map(Word).collect(),
            origin: self.settings.origin.is_some(),
            webhook_path: self.settings.webhook_path.clone(),
            plan: Word(self.config.plan),
            role: Word(self.role),
            settings: self.schema.invalid_settings(self.config, self.ports.database(), now).await,
            unknown_settings: Names::all().map_or_else(Vec::new, |names| names.unknown(self.ports.names(), &apps)),
            missing_lines: MissingLines::of(self.ports),
        })
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
