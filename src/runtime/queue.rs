//! Cloudflare Queues: the producer's binding, and the messages that a consumer is given.

use worker::{
    Env, Queue, QueueContentType, RawMessageBuilder,
    js_sys::{JSON, Object, Reflect},
    wasm_bindgen::{JsCast as _, JsValue},
    worker_sys,
};

use super::clock::whole_ms;
use crate::{
    delivery::consumer::{Outcome, QueuedMessage},
    storage::{self, Attempt, AttemptError},
};

/// A queue's producer binding.
pub struct Producer(Queue);

impl Producer {
    /// The queue that is bound to `name`, if there is one. Not `Env::queue`, which looks at the binding's constructor, and so
    /// refuses a service that stands in for a queue, as in our tests.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        let queue = Reflect::get(env, &name.into()).ok().filter(JsValue::is_object)?;
        Some(Self(queue.unchecked_into()))
    }
}

impl storage::Queue for Producer {
    fn send(&self, message: &str) -> Attempt {
        // Text, because a message of another type could not be read as what it was written as.
        let message = RawMessageBuilder::new(message.into()).build_with_content_type(QueueContentType::Text);
        let queue = self.0.clone();
        Box::pin(async move { queue.send_raw(message).await.map_err(|_| AttemptError::Failed) })
    }
}

/// One message, to be acknowledged or retried. Not `worker::Message`, whose `ack` and `retry` panic if JavaScript throws.
pub struct Message(worker_sys::Message);

impl Message {
    /// The messages of a batch.
    pub fn all(batch: &worker_sys::MessageBatch) -> impl Iterator<Item = Self> {
        let messages = batch.messages().unwrap_or_default();
        messages.into_iter().map(|message| Self(message.unchecked_into()))
    }
}

impl QueuedMessage for Message {
    fn id(&self) -> String {
        self.0.id().map(String::from).unwrap_or_default()
    }

    fn text(&self) -> String {
        let body = self.0.body().unwrap_or_default();
        let other = || JSON::stringify(&body).ok().map(String::from).unwrap_or_default();
        body.as_string().unwrap_or_else(other)
    }

    fn sent_at(&self) -> u64 {
        self.0.timestamp().map(|time| whole_ms(time.get_time())).unwrap_or_default()
    }

    fn attempts(&self) -> u32 {
        // Not a member of `worker_sys::Message`.
        let attempts = Reflect::get(&self.0, &"attempts".into()).ok().and_then(|attempts| attempts.as_f64());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        attempts.map_or(1, |attempts| attempts as u32)
    }

    fn settle(self, outcome: Outcome) {
        match outcome {
            // If it fails, the runtime acknowledges what was left untouched.
            Outcome::Ack => _ = self.0.ack(),
            Outcome::Retry { after_seconds } => {
                let options = Object::new();
                let set = Reflect::set(&options, &"delaySeconds".into(), &after_seconds.into());
                // A retry without a delay is better than none.
                if set.and_then(|_| self.0.retry(options.into())).is_err() {
                    let _ = self.0.retry(JsValue::UNDEFINED);
                }
            }
        }
    }
}
