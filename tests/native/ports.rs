//! All ports of the Worker at once, built of the fakes; and the environment that settings are read from.

use std::{cell::RefCell, collections::BTreeSet};

use unfollow_webhook::{
    database::Database,
    log::Level,
    ports::{Environment, Ports},
};

use crate::fakes::{FakeClock, FakeDatabase, FakeKv, FakeOrigin, FakeQueue};

/// The variables and bindings of a test.
#[derive(Default)]
pub struct FakeEnvironment {
    variables: Vec<(String, String)>,
    bound: Vec<&'static str>,
    /// The names that were looked up.
    pub asked: RefCell<BTreeSet<String>>,
}

impl FakeEnvironment {
    pub fn of<T: AsRef<str>>(variables: impl IntoIterator<Item = (T, T)>, bound: &[&'static str]) -> Self {
        let variables = variables.into_iter().map(|(name, text)| (name.as_ref().to_owned(), text.as_ref().to_owned()));
        Self { variables: variables.collect(), bound: bound.to_vec(), asked: RefCell::default() }
    }
}

impl Environment for FakeEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.variables.iter().find(|(it, _)| it == name).map(|(_, text)| text.clone())
    }

    fn is_bound(&self, name: &str) -> bool {
        self.asked.borrow_mut().insert(name.to_owned());
        self.bound.contains(&name)
    }

    fn ascii_host(&self, host: &str) -> Option<String> {
        ascii_host(host)
    }

    fn names(&self) -> Vec<String> {
        let variables = self.variables.iter().map(|(name, _)| name.clone());
        variables.chain(self.bound.iter().map(|&name| name.to_owned())).collect()
    }
}

/// What the platform makes of some hosts.
pub fn ascii_host(host: &str) -> Option<String> {
    let known = [
        ("m\u{fc}nchen.example", "xn--mnchen-3ya.example"),
        ("m\u{fc}n\tchen.example", "xn--mnchen-3ya.example"),
        ("M%C3%9CNCHEN.example", "xn--mnchen-3ya.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("\u{ff11}27.0.0.1", "127.0.0.1"),
    ];
    known.into_iter().find(|(it, _)| *it == host).map(|(_, ascii)| ascii.to_owned())
}

/// All ports. What stores is borrowed: a test may look at it, or use it again.
pub struct FakePorts<'a, D = FakeDatabase> {
    pub environment: FakeEnvironment,
    pub kv: &'a FakeKv,
    pub database: Option<&'a D>,
    pub queue: Option<&'a FakeQueue>,
    /// That of the event log.
    pub event_log: Option<&'a FakeQueue>,
    pub origin: FakeOrigin<'a>,
    pub clock: FakeClock,
    /// The log.
    pub records: RefCell<Vec<(Level, String)>>,
}

impl<'a> FakePorts<'a> {
    /// KV alone, at this time (Unix ms). The origin must not be called.
    pub fn at(now_ms: u64, kv: &'a FakeKv) -> Self {
        Self {
            environment: FakeEnvironment::default(),
            kv,
            database: None,
            queue: None,
            event_log: None,
            origin: FakeOrigin::unused(),
            clock: FakeClock::at(now_ms),
            records: RefCell::default(),
        }
    }

    /// The same with this database.
    pub fn with_database<D>(self, database: Option<&'a D>) -> FakePorts<'a, D> {
        let Self { environment, kv, queue, event_log, origin, clock, records, .. } = self;
        FakePorts { environment, kv, database, queue, event_log, origin, clock, records }
    }
}

impl<D> Environment for FakePorts<'_, D> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    fn is_bound(&self, name: &str) -> bool {
        self.environment.is_bound(name)
    }

    fn ascii_host(&self, host: &str) -> Option<String> {
        self.environment.ascii_host(host)
    }

    fn names(&self) -> Vec<String> {
        self.environment.names()
    }
}

impl<'a, D: Database> Ports for FakePorts<'a, D> {
    type Kv = FakeKv;
    type Database = D;
    type Queue = FakeQueue;
    type Outgoing = FakeOrigin<'a>;
    type Clock = FakeClock;

    fn kv(&self) -> &FakeKv {
        self.kv
    }

    fn database(&self) -> Option<&D> {
        self.database
    }

    fn queue(&self) -> Option<&FakeQueue> {
        self.queue
    }

    fn event_log_queue(&self) -> Option<&FakeQueue> {
        self.event_log
    }

    fn outgoing(&self) -> &FakeOrigin<'a> {
        &self.origin
    }

    fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// Halfway between the bounds, there is no jitter.
    fn random(&self) -> f64 {
        0.5
    }

    fn log(&self, level: Level, record: &str) {
        self.records.borrow_mut().push((level, record.to_owned()));
    }
}
