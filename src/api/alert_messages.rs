//! A test message to each place where messages about alerts go, and what each service answered.

use serde::Serialize;

use super::{Context, problem::Problem};
use crate::{
    alerts::notify::{
        run::{self, Sent},
        service::{Outcome, Refusal, Service},
        target::Target,
    },
    encoding::Word,
    outgoing::OutgoingError,
    ports::Ports,
};

/// What became of a test message.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct TestedTarget {
    /// Which of the entries of `ALERT_URLS` it was sent to, from 1 on. The URL itself is a secret.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 8)))]
    position: usize,
    /// The service.
    service: Word<Service>,
    /// Whether the service has taken the message.
    taken: bool,
    /// The HTTP status of a refusal; null otherwise. Several services refuse with 200.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 100, max = 599)))]
    status: Option<u16>,
    /// The service's own code of a refusal; null if it gave none.
    code: Option<String>,
    /// What the service says about a refusal, at most 200 characters; null if it says nothing.
    answer: Option<String>,
    /// Why there was no answer; null if there was one.
    error: Option<Word<OutgoingError>>,
}

/// What became of the test messages.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct TestedAlerts {
    /// Each valid entry of `ALERT_URLS`, in their order.
    targets: Vec<TestedTarget>,
}

impl TestedTarget {
    fn of(target: &Target, sent: Sent) -> Self {
        let Sent { outcome, error } = sent;
        let (taken, Refusal { status, code, says, .. }) = match outcome {
            Outcome::Accepted => (true, Refusal::default()),
            Outcome::Refused(refusal) => (false, refusal),
        };
        Self {
            position: target.position(),
            service: Word(target.service()),
            taken,
            status: (status > 0).then_some(status),
            code,
            answer: says,
            error: error.map(Word),
        }
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn test_alerts(&self) -> Result<TestedAlerts, Problem> {
        let notify = &self.config.notify;
        if notify.targets.is_empty() {
            return Err(Problem::Conflict("There is nobody to tell: set ALERT_URLS, as docs/alert-messages.md says."));
        }
        let tested = run::test(self.ports, notify).await;
        Ok(TestedAlerts { targets: tested.into_iter().map(|(target, sent)| TestedTarget::of(target, sent)).collect() })
    }
}
