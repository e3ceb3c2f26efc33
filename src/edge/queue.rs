//! Cloudflare Queues: the producer's binding, and a batch of messages with its consumer's door.
//!
//! Both are called directly: `worker::MessageBatch` gives a message's fate its options through serde-wasm-bindgen.

use worker::{
    js_sys::{Array, Date, JSON, Object, Promise, Reflect},
    wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen},
};

use super::{clock::whole_ms, kv::attempt};
use crate::{
    deliver::{Parcel, Verdict},
    keep::{Attempt, Queue},
};

#[wasm_bindgen]
extern "C" {
    /// A queue's producer binding; made of any value, of which sends fail where it is none.
    pub type QueueProducer;

    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_text(this: &QueueProducer, body: &str, options: &JsValue) -> Result<Promise, JsValue>;

    /// What the runtime hands to the consumer: messages of one queue.
    pub type Batch;

    /// The queue's name.
    #[wasm_bindgen(method, getter)]
    pub fn queue(this: &Batch) -> String;

    /// Its messages, of type [`Message`].
    #[wasm_bindgen(method, getter)]
    pub fn messages(this: &Batch) -> Array;

    /// One message, to be acknowledged or retried.
    pub type Message;

    #[wasm_bindgen(method, getter, js_name = id)]
    fn message_id(this: &Message) -> String;

    #[wasm_bindgen(method, getter)]
    fn timestamp(this: &Message) -> Date;

    #[wasm_bindgen(method, getter)]
    fn body(this: &Message) -> JsValue;

    #[wasm_bindgen(method, catch)]
    fn ack(this: &Message) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn retry(this: &Message, options: &JsValue) -> Result<(), JsValue>;
}

impl Queue for QueueProducer {
    fn send(&self, message: &str) -> Attempt {
        // Text, because a message of another type could not be read as what it was written as.
        let options = option("contentType", &"text".into());
        attempt(options.and_then(|options| self.send_text(message, &options)))
    }
}

/// An options object with one member.
fn option(name: &str, value: &JsValue) -> Result<JsValue, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &name.into(), value)?;
    Ok(options.unchecked_into())
}

impl Parcel for Message {
    fn id(&self) -> String {
        self.message_id()
    }

    fn text(&self) -> String {
        let body = self.body();
        body.as_string().or_else(|| JSON::stringify(&body).ok().map(String::from)).unwrap_or_default()
    }

    fn sent_at(&self) -> u64 {
        whole_ms(self.timestamp().get_time())
    }

    fn settle(self, verdict: Verdict) {
        // An `ack` that fails is what the runtime would assume anyway. A retry without a delay is better than none: a
        // message that is left untouched counts as acknowledged.
        let _ = match verdict {
            Verdict::Ack => self.ack(),
            Verdict::Retry { after_seconds } => option("delaySeconds", &after_seconds.into())
                .and_then(|options| self.retry(&options))
                .or_else(|_| self.retry(&JsValue::UNDEFINED)),
        };
    }
}
