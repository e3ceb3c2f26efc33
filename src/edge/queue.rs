//! Cloudflare Queues: the producer's binding, and the messages that a consumer is given.

use worker::wasm_bindgen::JsValue;

use super::{clock::whole_ms, executor::Promised, kv::attempt, runtime};
use crate::{
    deliver::{Parcel, Verdict},
    keep::{Attempt, Queue},
};

/// A queue's producer binding; made of any value, of which sends fail where it is none.
pub struct QueueProducer(pub JsValue);

impl Queue for QueueProducer {
    fn send(&self, message: &str) -> Attempt {
        attempt(Promised::begin(|slot, task| runtime::queue_send(slot, task, &self.0, message)))
    }
}

/// One message, to be acknowledged or retried.
pub struct Message(pub JsValue);

impl Parcel for Message {
    fn id(&self) -> String {
        runtime::message_id(&self.0)
    }

    fn text(&self) -> String {
        runtime::message_text(&self.0)
    }

    fn sent_at(&self) -> u64 {
        whole_ms(runtime::message_sent_at(&self.0))
    }

    fn settle(self, verdict: Verdict) {
        match verdict {
            Verdict::Ack => runtime::message_ack(&self.0),
            Verdict::Retry { after_seconds } => runtime::message_retry(&self.0, after_seconds),
        }
    }
}
