//! `GET /metrics`, for Prometheus. It is answered whatever fails: a metric that is not known is left out, and another one says so.

use std::pin::pin;

use futures_util::future::try_join;

use super::{Api, ApiRequest, access::may_scrape, problem::Problem};
use crate::{
    database::{Database as _, HOUR_MS, ask_size, metrics},
    metrics::{Measured, Measurements, accept, apps, text},
    ports::Ports,
    response::Response,
    sink::Sink,
    storage::{Clock as _, within},
};

/// How long D1 may take, in ms. By default a scrape may take 10 s.
const DATABASE_WITHIN_MS: u64 = 5_000;

impl<P: Ports> Api<'_, P> {
    /// Answers one scrape, in the form that its `Accept` header wants.
    pub async fn scrape(&self, request: ApiRequest<'_>, accept: Option<&str>) -> Response {
        let response = match self.may_scrape(&request) {
            Ok(()) => self.metrics(accept).await,
            Err(problem) => problem.response(),
        };
        self.log(&request, response.status);
        response
    }

    fn may_scrape(&self, request: &ApiRequest<'_>) -> Result<(), Problem> {
        if !request.is_confidential {
            return Err(Problem::Insecure);
        }
        may_scrape(self.config, request.authorization)?;
        if !matches!(request.method, "GET" | "HEAD") {
            return Err(Problem::Method("GET, HEAD".to_owned()));
        }
        Ok(())
    }

    async fn metrics(&self, accept: Option<&str>) -> Response {
        let settings = self.config.calls.settings.as_ref();
        let measurements = Measurements {
            now_ms: self.ports.clock().now_ms(),
            invalid_settings: self.config.invalid_settings.len(),
            database_max: self.config.calls.plan.limits().database_bytes,
            has_log: settings.is_some_and(|settings| settings.sinks.contains(&Sink::D1)),
            has_origin: settings.is_some_and(|settings| settings.origin.is_some()),
            database: self.measure().await,
        };
        let form = accept::form(accept);
        let body = text::write(&measurements.families(), form);
        Response { content_type: form.content_type(), ..Response::json_text(body) }
    }

    async fn measure(&self) -> Measured {
        let (clock, Some(database)) = (self.ports.clock(), self.ports.database()) else { return Measured::NotBound };
        let apps = apps(self.config.calls.settings.iter().flat_map(|settings| settings.apps()));
        let reading = metrics::read(&apps, clock.now_ms() / HOUR_MS);
        let asking = pin!(try_join(database.run(ask_size()), database.rows(reading)));
        match within(clock, DATABASE_WITHIN_MS, asking).await {
            Some(Ok((changes, apps))) => Measured::Answers { size: changes.size, apps },
            Some(Err(_)) | None => Measured::Fails,
        }
    }
}
