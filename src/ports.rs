//! All that the Worker reaches outside of itself. The runtime has one implementation, and the tests have one.

use crate::{
    database::Database,
    log::Level,
    outgoing::Outgoing,
    storage::{Clock, Kv, Queue},
};

/// Name of the KV binding that holds the events.
pub const EVENTS: &str = "EVENTS";
/// Name of the binding of the D1 database of the event log.
pub const DB: &str = "DB";
/// Name of the binding of the queue whose messages are deliveries to come.
pub const DELIVERIES: &str = "DELIVERIES";
/// Name of the binding of the queue of events that are still to be added to the event log, by batches.
pub const EVENT_LOG: &str = "EVENT_LOG";
/// Name of the binding of the queue of what could not be delivered.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// The variables, secrets and bindings of a deployment.
pub trait Environment {
    /// The text of a variable or secret; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether a KV namespace, a database or a queue is bound to this name.
    fn is_bound(&self, name: &str) -> bool;

    /// The names of all of them.
    fn names(&self) -> Vec<String>;

    /// A host's name as the platform's URL parser writes it: in ASCII, `xn--…` for other letters; `None` if it is no valid one.
    fn ascii_host(&self, host: &str) -> Option<String>;
}

/// The ports of the Worker.
pub trait Ports: Environment {
    /// The store of records and dead letters.
    type Kv: Kv;
    /// The database of the event log.
    type Database: Database;
    /// The queue of deliveries, and of what is still to be stored.
    type Queue: Queue;
    /// Other servers: the app's backend, the operator's chat.
    type Outgoing: Outgoing;
    /// The time.
    type Clock: Clock;

    /// KV. Without a binding, all its calls fail.
    fn kv(&self) -> &Self::Kv;

    /// The database, if one is bound.
    fn database(&self) -> Option<&Self::Database>;

    /// The queue, if one is bound.
    fn queue(&self) -> Option<&Self::Queue>;

    /// The queue of events for the event log, if one is bound.
    fn event_log_queue(&self) -> Option<&Self::Queue>;

    fn outgoing(&self) -> &Self::Outgoing;

    fn clock(&self) -> &Self::Clock;

    /// A number from 0 to below 1, another one each time.
    fn random(&self) -> f64;

    fn log(&self, level: Level, record: &str);
}
