//! Runs the Worker's futures.
//!
//! A future that waits for JavaScript holds a slot. When its promise settles, the slot is filled and the task that it
//! belongs to is polled at once, in the same turn of JavaScript and so in the context of its own request: there is no
//! queue, no waker, and no closure that has to be freed. Of wasm-bindgen's executor, which has all three, each await
//! cost two closures and a microtask.
//!
//! A task has one timer, however many of its futures wait for a time: see [`Sleep`].
//!
//! Where a caller goes away, the runtime drops what its task waits for, and nothing tells the task. Where there are
//! many tasks, such are looked for.

use std::{
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use slab::Slab;
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};

use super::runtime;

/// How long a timer runs at most, in ms. What sleeps longer is polled now and then for nothing; what begins to sleep
/// while the timer runs finds one that rings early enough, and no second one has to be set.
const TIMER_MAX_MS: f64 = 500.0;

/// How old a task may get, in ms, before it counts as given up: a queue's consumer has 15 minutes, a request less.
const TASK_LIFE_MS: f64 = 20.0 * 60.0 * 1000.0;

/// With fewer tasks than this, none is looked for that was given up.
const MANY_TASKS: usize = 64;

struct Task {
    /// `None` while it is being polled.
    future: Option<Pin<Box<dyn Future<Output = JsValue>>>>,
    /// When it began, by the steady clock.
    begun: f64,
}

/// What a future that waits gets: the promise's value, or what it failed with as text.
pub type Settled = Result<JsValue, JsValue>;

#[derive(Default)]
struct Table {
    tasks: Slab<Task>,
    slots: Slab<Slot>,
    /// The task that is being polled.
    current: usize,
    /// The tasks whose timer runs, and when it rings, by the steady clock.
    alarms: Vec<(usize, f64)>,
    /// JavaScript's clock in this turn, once read: it stands still while the Worker does not wait.
    now: Option<f64>,
    /// JavaScript's clock when it was last read, and the steady clock then.
    seen: f64,
    steady: f64,
}

impl Table {
    fn disarm(&mut self, task: usize) {
        self.alarms.retain(|(alarmed, _)| *alarmed != task);
    }

    fn now(&mut self) -> f64 {
        *self.now.get_or_insert_with(runtime::now)
    }

    /// Ms of a clock that never goes back: JavaScript's, which may be set, less its steps back.
    fn steady(&mut self) -> f64 {
        let now = self.now();
        self.steady += (now - self.seen).max(0.0);
        self.seen = now;
        self.steady
    }

    /// Takes out one task that is too old.
    fn given_up(&mut self) -> Option<(usize, Task)> {
        let oldest = self.steady() - TASK_LIFE_MS;
        let (at, _) = self.tasks.iter().find(|(_, task)| task.begun < oldest && task.future.is_some())?;
        self.disarm(at);
        Some((at, self.tasks.try_remove(at)?))
    }
}

enum Slot {
    /// The task to poll when it is settled.
    Waits(usize),
    Settled(Settled),
    /// Nobody waits any more.
    Abandoned,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

fn table<T>(change: impl FnOnce(&mut Table) -> T) -> T {
    TABLE.with_borrow_mut(change)
}

/// Runs `future` as a task of its own. Its output, if it does not have to wait; otherwise a promise of it.
pub fn run(future: impl Future<Output = JsValue> + 'static) -> JsValue {
    let (task, given_up) = table(|table| {
        table.now = None;
        let task = Task { future: Some(Box::pin(future)), begun: table.steady() };
        let given_up = if table.tasks.len() < MANY_TASKS { None } else { table.given_up() };
        (table.tasks.insert(task), given_up)
    });
    // One for each that begins is enough. It is dropped here, because that gives back its slots.
    if let Some((given_up, _)) = given_up {
        runtime::forget(given_up);
    }
    poll(task).unwrap_or_else(|| runtime::promise(task))
}

/// Now, in Unix ms, as JavaScript has it.
pub fn now() -> f64 {
    table(Table::now)
}

/// The output of the task, once it has ended.
fn poll(task: usize) -> Option<JsValue> {
    let (mut future, outer) = table(|table| {
        let future = table.tasks.get_mut(task)?.future.take()?;
        Some((future, mem::replace(&mut table.current, task)))
    })?;
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    table(|table| table.current = outer);
    match polled {
        Poll::Ready(output) => {
            table(|table| {
                table.tasks.try_remove(task);
                table.disarm(task);
            });
            Some(output)
        }
        Poll::Pending => {
            table(|table| table.tasks.get_mut(task).map(|task| task.future.replace(future)));
            None
        }
    }
}

/// What JavaScript calls when a task's timer has run off.
#[wasm_bindgen]
pub fn ring(task: usize) {
    table(|table| {
        table.now = None;
        // The time that it was set for has passed, whatever became of JavaScript's clock.
        let rings = table.alarms.iter().find(|(alarmed, _)| *alarmed == task).map(|(_, rings)| *rings);
        table.steady = table.steady().max(rings.unwrap_or_default());
        table.disarm(task);
    });
    if let Some(output) = poll(task) {
        runtime::answer(task, output);
    }
}

/// What JavaScript calls when a promise has settled.
#[wasm_bindgen]
pub fn settle(slot: usize, ok: bool, value: JsValue) {
    let settled = if ok { Ok(value) } else { Err(value) };
    let task = table(|table| {
        table.now = None;
        match mem::replace(table.slots.get_mut(slot)?, Slot::Settled(settled)) {
            Slot::Waits(task) => Some(task),
            Slot::Settled(_) | Slot::Abandoned => {
                table.slots.try_remove(slot);
                None
            }
        }
    });
    if let Some((task, output)) = task.and_then(|task| Some((task, poll(task)?))) {
        runtime::answer(task, output);
    }
}

/// Waits for something that JavaScript has begun.
pub struct Promised {
    /// `None` once its value was taken.
    slot: Option<usize>,
}

impl Promised {
    /// Has `begin` begin something. It is given the slot to settle, and the task that this is done for.
    pub fn begin(begin: impl FnOnce(usize, usize)) -> Self {
        let (slot, task) = table(|table| (table.slots.insert(Slot::Waits(table.current)), table.current));
        begin(slot, task);
        Self { slot: Some(slot) }
    }
}

impl Future for Promised {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Settled> {
        let Some(slot) = self.slot else { return Poll::Pending };
        let settled = table(|table| {
            if let Slot::Waits(task) = table.slots.get_mut(slot)? {
                // It may have been handed on to another task.
                *task = table.current;
                return None;
            }
            match table.slots.try_remove(slot)? {
                Slot::Settled(settled) => Some(settled),
                Slot::Waits(_) | Slot::Abandoned => None,
            }
        });
        let Some(settled) = settled else { return Poll::Pending };
        self.slot = None;
        Poll::Ready(settled)
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        table(|table| match table.slots.get_mut(slot) {
            // It is freed when it is settled.
            Some(waits @ Slot::Waits(_)) => *waits = Slot::Abandoned,
            _ => _ = table.slots.try_remove(slot),
        });
    }
}

/// Waits for a time. The task's timer may ring for another future, or earlier than for this one: then it is set again.
pub struct Sleep {
    ms: f64,
    /// When it ends, once it has begun, by the steady clock.
    until: Option<f64>,
}

impl Sleep {
    /// So many ms, from the first time that it is polled.
    pub fn new(ms: u64) -> Self {
        // Far below 2^53.
        #[allow(clippy::cast_precision_loss)]
        let ms = ms as f64;
        Self { ms, until: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let now = table(Table::steady);
        let ms = self.ms;
        let until = *self.until.get_or_insert(now + ms);
        if until <= now {
            return Poll::Ready(());
        }
        let unalarmed = table(|table| {
            let task = table.current;
            if table.alarms.iter().any(|&(alarmed, rings)| alarmed == task && rings <= until) {
                return None;
            }
            table.disarm(task);
            let ms = (until - now).min(TIMER_MAX_MS);
            table.alarms.push((task, now + ms));
            Some((task, ms))
        });
        if let Some((task, ms)) = unalarmed {
            runtime::alarm(task, ms);
        }
        Poll::Pending
    }
}
