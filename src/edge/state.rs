//! What is read from the environment once for each isolate: the settings and the bindings.

use std::{cell::OnceCell, rc::Rc};

use worker::{
    Env,
    js_sys::{Object, Reflect},
    wasm_bindgen::{JsCast, JsValue},
};

use super::kv::KvNamespace;
use crate::config::{Config, EVENTS};

thread_local! {
    static STATE: OnceCell<Rc<State>> = const { OnceCell::new() };
}

/// The settings and the bindings.
pub struct State {
    /// The settings, and what is wrong with them.
    pub config: Config,
    /// The namespace that holds the events.
    pub events: KvNamespace,
}

impl State {
    /// This isolate's state. A change of a setting is a deployment, and that starts new isolates.
    pub fn get(env: &Env) -> Rc<Self> {
        STATE.with(|state| Rc::clone(state.get_or_init(|| Rc::new(Self::read(env)))))
    }

    fn read(env: &Env) -> Self {
        let events = Reflect::get(env, &EVENTS.into()).unwrap_or(JsValue::UNDEFINED);
        Self { config: Config::read(|name| text(env, name), events.is_object()), events: KvNamespace::from(events) }
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
