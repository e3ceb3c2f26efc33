//! What is read from the environment once for each isolate: the settings and the bindings.

use std::{cell::OnceCell, rc::Rc};

use worker::wasm_bindgen::JsValue;

use super::{kv::KvNamespace, queue::QueueProducer, runtime};
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
    pub fn get(env: &JsValue) -> Rc<Self> {
        STATE.with(|state| Rc::clone(state.get_or_init(|| Rc::new(Self::read(env)))))
    }

    fn read(env: &JsValue) -> Self {
        let [events, deliveries, dead_letters] =
            [EVENTS, DELIVERIES, DEAD_LETTERS].map(|name| runtime::binding(env, name));
        let bindings = Bindings {
            events: !events.is_undefined(),
            deliveries: !deliveries.is_undefined(),
            dead_letters: !dead_letters.is_undefined(),
        };
        Self {
            config: Config::read(|name| runtime::variable(env, name), bindings),
            events: KvNamespace(events),
            deliveries: bindings.deliveries.then_some(QueueProducer(deliveries)),
        }
    }
}
