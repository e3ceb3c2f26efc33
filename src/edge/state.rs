//! What is read from the environment once for each isolate: the settings and the bindings.

use std::{cell::OnceCell, rc::Rc};

use worker::{
    Env,
    js_sys::{Object, Reflect},
    wasm_bindgen::{JsCast, JsValue},
};

use super::{kv::KvNamespace, queue::QueueProducer};
use crate::config::{Bindings, Config, DEAD_LETTERS, DELIVERIES, EVENTS};

thread_local! {
    static STATE: OnceCell<Rc<State>> = const { OnceCell::new() };
}

/// The settings and the bindings.
pub struct State {
    /// The settings, and what is wrong with them.
    pub config: Config,
    /// The namespace that holds the events.
    pub events: KvNamespace,
    /// The queue of deliveries to come, where it is bound.
    pub deliveries: Option<QueueProducer>,
}

impl State {
    /// This isolate's state. A change of a setting is a deployment, and that starts new isolates.
    pub fn get(env: &Env) -> Rc<Self> {
        STATE.with(|state| Rc::clone(state.get_or_init(|| Rc::new(Self::read(env)))))
    }

    fn read(env: &Env) -> Self {
        let binding = |name: &str| Reflect::get(env, &name.into()).ok().filter(JsValue::is_object);
        let (events, deliveries) = (binding(EVENTS), binding(DELIVERIES));
        let bindings = Bindings {
            events: events.is_some(),
            deliveries: deliveries.is_some(),
            dead_letters: binding(DEAD_LETTERS).is_some(),
        };
        Self {
            config: Config::read(|name| text(env, name), bindings),
            events: events.unwrap_or(JsValue::UNDEFINED).into(),
            deliveries: deliveries.map(Into::into),
        }
    }
}

/// A variable's text. A number or a boolean, which wrangler.toml allows, counts as it is written; anything
/// else becomes the empty text, which no setting takes.
fn text(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &name.into()).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    if value.is_object() {
        return Some(String::new());
    }
    let value: Object = value.unchecked_into();
    Some(value.to_js_string().into())
}
