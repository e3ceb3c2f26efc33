//! What is read from the environment once for each isolate: the settings and the bindings.

use std::{cell::OnceCell, rc::Rc};

use worker::{Env, js_sys::Reflect, wasm_bindgen::JsValue};

use super::{d1::D1, kv::Kv, queue::Producer};
use crate::{
    config::{Bound, Config, DB, DEAD_LETTERS, DELIVERIES, EVENTS},
    database::schema::Schema,
    receive::call_counter::CallCounter,
};

thread_local! {
    static BINDINGS: OnceCell<Rc<Bindings>> = const { OnceCell::new() };
}

/// The settings and the bindings.
pub struct Bindings {
    /// The settings, and what is wrong with them.
    pub config: Config,
    /// The namespace that holds the events.
    pub events: Kv,
    /// The database of the event log, where it is bound.
    pub database: Option<D1>,
    /// Its schema.
    pub schema: Schema,
    /// The calls that are still to be counted in it.
    pub calls: CallCounter,
    /// The queue of deliveries to come, where it is bound.
    pub deliveries: Option<Producer>,
}

impl Bindings {
    /// This isolate's own. A change of a setting is a deployment, and that starts new isolates.
    pub fn get(env: &Env) -> Rc<Self> {
        BINDINGS.with(|bindings| Rc::clone(bindings.get_or_init(|| Rc::new(Self::read(env)))))
    }

    fn read(env: &Env) -> Self {
        let events = Kv::bound(env, EVENTS);
        let database = D1::bound(env, DB);
        let deliveries = Producer::bound(env, DELIVERIES);
        let bound = Bound {
            events: events.is_bound(),
            database: database.is_some(),
            deliveries: deliveries.is_some(),
            dead_letters: Producer::bound(env, DEAD_LETTERS).is_some(),
        };
        let config = Config::read(|name| variable(env, name), bound);
        Self { config, events, database, schema: Schema::default(), calls: CallCounter::default(), deliveries }
    }
}

/// A variable's text. Not `Env::var`, which takes texts only: a number or a boolean, which wrangler.toml allows, counts as
/// it is written. Anything else becomes the empty text, which no setting takes.
fn variable(env: &Env, name: &str) -> Option<String> {
    let value: JsValue = Reflect::get(env, &name.into()).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    let number = || value.as_f64().map(|number| number.to_string());
    let boolean = || value.as_bool().map(|boolean| boolean.to_string());
    Some(value.as_string().or_else(number).or_else(boolean).unwrap_or_default())
}
