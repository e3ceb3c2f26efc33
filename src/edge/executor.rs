//! Runs the Worker's futures.
//!
//! A future that waits for JavaScript holds a slot. When its promise settles, the slot is filled and the task that it
//! belongs to is polled at once, in the same turn of JavaScript and so in the context of its own request: there is no
//! queue, no waker, and no closure that has to be freed. Of wasm-bindgen's executor, which has all three, each await
//! cost two closures and a microtask.
//!
//! A task has one timer, however many of its futures wait for a time: see [`Sleep`].

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

type Task = Pin<Box<dyn Future<Output = JsValue>>>;

/// What a future that waits gets: the promise's value, or what it failed with as text.
pub type Settled = Result<JsValue, JsValue>;

#[derive(Default)]
struct Table {
    /// `None` while it is being polled.
    tasks: Slab<Option<Task>>,
    slots: Slab<Slot>,
    /// The task that is being polled.
    current: usize,
    /// The tasks whose timer runs, and when it rings, by the clock that nobody sets.
    alarms: Vec<(usize, f64)>,
    /// The clocks in this turn, once read: they stand still while the Worker does not wait.
    now: Option<f64>,
    elapsed: Option<f64>,
}

impl Table {
    fn disarm(&mut self, task: usize) {
        self.alarms.retain(|(alarmed, _)| *alarmed != task);
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
    let task = table(|table| table.tasks.insert(Some(Box::pin(future))));
    poll(task).unwrap_or_else(|| runtime::promise(task))
}

/// Now, in Unix ms, as JavaScript has it.
pub fn now() -> f64 {
    table(|table| *table.now.get_or_insert_with(runtime::now))
}

fn elapsed() -> f64 {
    table(|table| *table.elapsed.get_or_insert_with(runtime::elapsed))
}

/// The output of the task, once it has ended.
fn poll(task: usize) -> Option<JsValue> {
    let (mut future, outer) = table(|table| {
        (table.now, table.elapsed) = (None, None);
        let future = table.tasks.get_mut(task)?.take()?;
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
            table(|table| table.tasks.get_mut(task).map(|slot| slot.replace(future)));
            None
        }
    }
}

/// What JavaScript calls when a task's timer has run off.
#[wasm_bindgen]
pub fn ring(task: usize) {
    table(|table| table.disarm(task));
    if let Some(output) = poll(task) {
        runtime::answer(task, output);
    }
}

/// What JavaScript calls when a promise has settled.
#[wasm_bindgen]
pub fn settle(slot: usize, ok: bool, value: JsValue) {
    let settled = if ok { Ok(value) } else { Err(value) };
    let task = table(|table| match mem::replace(table.slots.get_mut(slot)?, Slot::Settled(settled)) {
        Slot::Waits(task) => Some(task),
        Slot::Settled(_) | Slot::Abandoned => {
            table.slots.try_remove(slot);
            None
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
    /// When it ends, once it has begun, by the clock that nobody sets.
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
        let now = elapsed();
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
