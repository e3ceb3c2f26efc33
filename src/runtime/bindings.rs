//! The environment, and the ports that are bound in it.

use worker::{
    Env,
    js_sys::{Math, Object, Reflect},
    wasm_bindgen::{self, JsCast as _, JsValue, prelude::wasm_bindgen},
};

use super::{clock::RuntimeClock, d1::D1, kv::Kv, log, outgoing::OutgoingFetch, queue::Producer};
use crate::{
    log::Level,
    ports::{DB, DELIVERIES, EVENT_LOG, EVENTS, Environment, Ports},
};

#[wasm_bindgen]
extern "C" {
    /// The platform's URL parser, which `worker` has not switched on in web_sys.
    #[wasm_bindgen(js_name = URL)]
    type Url;

    #[wasm_bindgen(constructor, js_class = "URL", catch)]
    fn new(text: &str) -> Result<Url, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn hostname(this: &Url) -> String;
}

/// The environment and its ports.
pub struct Bindings {
    env: Env,
    events: Kv,
    database: Option<D1>,
    deliveries: Option<Producer>,
    event_log: Option<Producer>,
}

impl Bindings {
    /// What is bound in `env`.
    pub fn new(env: &Env) -> Self {
        Self {
            env: env.clone(),
            events: Kv::bound(env, EVENTS),
            database: D1::bound(env, DB),
            deliveries: Producer::bound(env, DELIVERIES),
            event_log: Producer::bound(env, EVENT_LOG),
        }
    }

    fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(&self.env, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
    }
}

impl Environment for Bindings {
    /// Not `Env::var`, which takes texts only: a number or a boolean, which wrangler.toml allows, counts as it is written.
    /// Anything else becomes the empty text, which no setting takes.
    fn variable(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let number = || value.as_f64().map(|number| number.to_string());
        let boolean = || value.as_bool().map(|boolean| boolean.to_string());
        Some(value.as_string().or_else(number).or_else(boolean).unwrap_or_default())
    }

    fn is_bound(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.is_object())
    }

    fn ascii_host(&self, host: &str) -> Option<String> {
        Url::new(&format!("https://{host}")).ok().map(|url| url.hostname())
    }

    fn names(&self) -> Vec<String> {
        Object::keys(self.env.unchecked_ref::<Object>()).iter().filter_map(|name| name.as_string()).collect()
    }
}

impl Ports for Bindings {
    type Kv = Kv;
    type Database = D1;
    type Queue = Producer;
    type Outgoing = OutgoingFetch;
    type Clock = RuntimeClock;

    fn kv(&self) -> &Kv {
        &self.events
    }

    fn database(&self) -> Option<&D1> {
        self.database.as_ref()
    }

    fn queue(&self) -> Option<&Producer> {
        self.deliveries.as_ref()
    }

    fn event_log_queue(&self) -> Option<&Producer> {
        self.event_log.as_ref()
    }

    fn outgoing(&self) -> &OutgoingFetch {
        &OutgoingFetch
    }

    fn clock(&self) -> &RuntimeClock {
        &RuntimeClock
    }

    fn random(&self) -> f64 {
        Math::random()
    }

    fn log(&self, level: Level, record: &str) {
        log(level, record);
    }
}
