//! What each event handler of the runtime does: a request goes to the health check, the API or the webhook; a batch of messages
//! to the consumer; the cron trigger to the retention, to the messages about alerts and to rankings. What outlives a response is handed
//! back, to be run after it.

use std::{cell::OnceCell, pin::pin};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use crate::{
    alerts::{
        notify::{
            rules::Current,
            run::{self, Due, OBSERVE_WITHIN_MS},
        },
        observe::observe_within,
        rules::DatabaseState,
    },
    api::{self, Api, ApiRequest},
    completeness,
    config::{CallConfig, Config, features::MissingLines},
    database::{
        Database as _, log_state,
        retention::{Retained, Retention, retain},
        schema::Schema,
    },
    delivery::{
        consumer::{Consumer, Memory, QueuedMessage, Source},
        dead_letter,
    },
    log::Level,
    ports::Ports,
    ranking,
    receive::{Body, HandledCall, Late, Receiver, call_counter::CallCounter, validate::RequestHead},
    response::Response,
    routes::{self, Target},
    storage::{Clock as _, within},
    tencent::Pace,
};

/// How long D1 may take to take the counts of calls, in ms.
const CALLS_WITHIN_MS: u64 = 10_000;

/// The trigger of every minute, as `wrangler.toml` has it.
pub const EVERY_MINUTE: &str = "* * * * *";

/// At which minute of an hour, and as many minutes before and after it as the plan says, the trigger of every minute runs the
/// retention. It is the minute of the trigger that earlier `wrangler.toml`s have.
const RETENTION_MINUTE: u64 = 17;

const MINUTE_MS: u64 = 60 * 1000;

/// What answers requests to a path that is not the webhook's.
enum Route {
    Health,
    Api,
    Metrics,
}

impl Route {
    /// The route of this path; `None` if it is the webhook's, or nobody's. Unless `has_metrics`, the path of the metrics is the webhook's.
    // Not inlined: each call comes here, and its future need not be larger for it.
    #[inline(never)]
    fn of(path: &str, has_metrics: bool) -> Option<Self> {
        match path {
            routes::HEALTH => Some(Self::Health),
            routes::METRICS if has_metrics => Some(Self::Metrics),
            _ if path.starts_with(api::PREFIX) => Some(Self::Api),
            _ => None,
        }
    }
}

/// A request, as it arrived.
pub trait Request {
    /// Its body, which has not been read.
    type Body<'a>: Body
    where
        Self: 'a;

    /// A header's text; `None` if it is not there.
    fn header(&self, name: &str) -> Option<String>;

    /// Whether it has the header [`HOP_HEADER`](crate::origin::HOP_HEADER).
    fn has_hop_header(&self) -> bool;

    fn body(&self) -> Self::Body<'_>;
}

/// A response, and what is still to be done after it.
pub struct Answer {
    pub response: Response,
    /// What goes on: see [`Late::finish`].
    pub late: Vec<Late>,
    /// After how many ms the counts of calls are to be written, by [`Dispatcher::write_calls`]; `None` if not now.
    pub write_calls_after_ms: Option<u64>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, late: Vec::new(), write_calls_after_ms: None }
    }
}

/// The Worker: its settings, its ports, and what an isolate remembers from call to call.
pub struct Dispatcher<P> {
    /// The settings that calls need.
    pub call_config: CallConfig,
    /// All of them, once they were needed.
    config: OnceCell<Config>,
    pub ports: P,
    pub schema: Schema,
    /// When Tencent may be asked next.
    pub pace: Pace,
    /// The calls that are still to be counted in D1.
    pub calls: CallCounter,
    /// What the consumer remembers.
    pub deliveries: Memory,
}

impl<P: Ports> Dispatcher<P> {
    /// A new one, with the settings of its ports' environment.
    pub fn new(ports: P) -> Self {
        Self {
            call_config: CallConfig::read(&ports),
            config: OnceCell::new(),
            ports,
            schema: Schema::default(),
            pace: Pace::default(),
            calls: CallCounter::default(),
            deliveries: Memory::default(),
        }
    }

    /// All settings, and what is wrong with them.
    pub fn config(&self) -> &Config {
        self.config.get_or_init(|| Config::read(&self.ports))
    }

    /// Answers a request with this method (in upper case) and URL.
    pub async fn fetch(&self, method: &str, url: &str, request: &impl Request) -> Answer {
        let target = Target::of(url);
        match Route::of(target.path, self.call_config.has_metrics) {
            None => self.receive(method, target, request).await,
            Some(route) => self.respond(route, method, target, request).await.into(),
        }
    }

    // Boxed, of no known type, and not inlined: what webhooks seldom need is no part of their future, which would be compiled, and moved,
    // with each of them.
    #[inline(never)]
    fn respond<'a>(
        &'a self,
        route: Route,
        method: &'a str,
        target: Target<'a>,
        request: &'a impl Request,
    ) -> LocalBoxFuture<'a, Response> {
        match route {
            Route::Health => self.health(method).boxed_local(),
            Route::Api => self.ask_api(method, target, request).boxed_local(),
            Route::Metrics => self.scrape(method, target, request).boxed_local(),
        }
    }

    /// Says whether the settings are valid.
    async fn health(&self, method: &str) -> Response {
        if !matches!(method, "GET" | "HEAD") {
            return api::not_allowed("GET, HEAD");
        }
        let now = self.ports.clock().now_ms();
        Response::health(&self.schema.invalid_settings(self.config(), self.ports.database(), now).await)
    }

    async fn ask_api(&self, method: &str, target: Target<'_>, request: &impl Request) -> Response {
        let authorization = request.header("authorization");
        self.api().answer(api_request(method, target, authorization.as_deref())).await
    }

    async fn scrape(&self, method: &str, target: Target<'_>, request: &impl Request) -> Response {
        let [authorization, accept] = ["authorization", "accept"].map(|name| request.header(name));
        self.api().scrape(api_request(method, target, authorization.as_deref()), accept.as_deref()).await
    }

    fn api(&self) -> Api<'_, P> {
        Api { config: self.config(), ports: &self.ports, schema: &self.schema, pace: &self.pace }
    }

    async fn receive(&self, method: &str, target: Target<'_>, request: &impl Request) -> Answer {
        // Without an origin, nothing with this header is sent, so none can come back. To look for it is a part of what a rejected call
        // costs.
        let sends = self.call_config.settings.as_ref().is_some_and(|settings| settings.origin.is_some());
        let head = RequestHead { method, target, has_hop_header: sends && request.has_hop_header() };
        let receiver = Receiver { config: &self.call_config, ports: &self.ports };
        let HandledCall { response, log, kind, late } = receiver.receive(head, &request.body()).await;
        if let Some((level, record)) = log {
            self.ports.log(level, &record);
        }
        let write_calls_after_ms =
            self.ports.database().and_then(|_| self.calls.count(kind, self.ports.clock().now_ms()));
        Answer { response, late, write_calls_after_ms }
    }

    /// Writes how many calls there were, after `wait_ms` ms.
    pub async fn write_calls(&self, wait_ms: u64) {
        let (clock, Some(database)) = (self.ports.clock(), self.ports.database()) else { return };
        if wait_ms > 0 {
            clock.sleep(wait_ms).await;
        }
        let mut has_answered = false;
        for hour in self.calls.take(clock.now_ms()) {
            // If D1 fails, it has not taken them. If it does not answer, it may have: to add them again might count twice.
            let writing = pin!(database.run(hour.statement(self.call_config.plan)));
            let written = within(clock, CALLS_WITHIN_MS, writing).await;
            has_answered = matches!(written, Some(Ok(_)));
            if matches!(written, Some(Err(_))) {
                self.calls.put_back(hour);
                self.ports.log(Level::Warn, r#"{"outcome":"failed","reason":"call_counts"}"#);
            }
        }
        // At the first call of such settings, and not only at the next run of the retention.
        if has_answered && self.call_config.settings.as_ref().is_some_and(completeness::is_lost) {
            let _ = within(clock, CALLS_WITHIN_MS, pin!(database.run(log_state::lose()))).await;
        }
    }

    /// Processes one batch of messages of the queue of this name, each of which is settled.
    pub async fn consume<M: QueuedMessage>(&self, queue: &str, batch: impl IntoIterator<Item = M>) {
        Consumer { config: self.config(), ports: &self.ports, memory: &self.deliveries }
            .consume(Source::of(queue), batch)
            .await;
    }

    /// What a cron trigger does that was due at `scheduled_ms` (Unix ms): messages about alerts and rankings each time, and the
    /// retention as often as the plan says, or as a trigger is due that is not of every minute.
    pub async fn scheduled(&self, cron: &str, scheduled_ms: u64) {
        let since_run = (scheduled_ms / MINUTE_MS).saturating_sub(RETENTION_MINUTE);
        let is_for_retention =
            cron != EVERY_MINUTE || since_run.is_multiple_of(self.call_config.plan.retention_every_minutes());
        let due = Due { cron, at_ms: scheduled_ms };
        run::run(&self.ports, &self.config().notify, due, async || self.observe(cron).await).await;
        if is_for_retention {
            self.retain().await;
        }
        if self.call_config.plan.renews_rankings() {
            self.renew_rankings().await;
        }
    }

    /// Renews the rankings that are asked for.
    async fn renew_rankings(&self) {
        let Some(database) = self.ports.database() else { return };
        if ranking::renew_due(database, self.ports.clock()).await.is_err() {
            self.ports.log(Level::Warn, r#"{"outcome":"failed","reason":"rankings"}"#);
        }
    }

    /// Deletes from D1 what is due, and looks whether the log is complete. With settings that calls are rejected for, nothing is
    /// deleted: they are to be fixed first.
    pub async fn retain(&self) {
        let (Some(database), Some(settings)) = (self.ports.database(), &self.call_config.settings) else { return };
        let events_seconds = self.call_config.retention_seconds;
        let retention = Retention {
            events_seconds,
            dead_letters_seconds: dead_letter::retention_seconds(events_seconds),
            limits: self.call_config.plan.retention(),
        };
        match retain(database, self.ports.clock(), retention).await {
            Ok(Retained { events, rows, due_since: Some(since) }) => {
                let record = format!(
                    r#"{{"outcome":"incomplete","reason":"retention","events":{events},"rows":{rows},"due_since":{since}}}"#
                );
                self.ports.log(Level::Warn, &record);
            }
            Ok(Retained { due_since: None, .. }) => {}
            Err(_) => return self.ports.log(Level::Error, r#"{"outcome":"failed","reason":"retention"}"#),
        }
        if completeness::look(&self.ports, settings).await.is_err() {
            self.ports.log(Level::Warn, r#"{"outcome":"failed","reason":"completeness"}"#);
        }
    }

    /// What is wrong now, as far as that can be said in time for a message.
    async fn observe(&self, cron: &str) -> Current {
        let apps: Vec<_> =
            self.call_config.settings.as_ref().map(|settings| settings.apps().collect()).unwrap_or_default();
        let mut observed = observe_within(self.config(), &self.ports, &self.schema, &apps, OBSERVE_WITHIN_MS).await;
        observed.missing_lines.extend(MissingLines::of_trigger(cron));
        let is_complete = !matches!(observed.database, DatabaseState::Fails(_));
        Current { alerts: observed.alerts(), is_complete }
    }
}

/// What the API needs of a request.
fn api_request<'a>(method: &'a str, target: Target<'a>, authorization: Option<&'a str>) -> ApiRequest<'a> {
    let Target { path, query, .. } = target;
    ApiRequest { method, path, query, is_confidential: target.is_confidential(), authorization }
}
