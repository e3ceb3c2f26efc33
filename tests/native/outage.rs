//! An hour in which the origin fails: what it costs, and how soon after it everything is delivered. And what an isolate keeps in memory
//! for that.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    rc::Rc,
    time::Duration,
};

use tokio::time::sleep;
use unfollow_webhook::{
    config::Config,
    database::{
        deliveries::{Change, DeliveryChange, State},
        erasures,
    },
    delivery::{
        consumer::{Consumer, Memory, Outcome, QueuedMessage, Source},
        erased::{Traces, hash_of_user},
        gathered::{GATHERED_FOR_MS, Gathered, WRITTEN_AT_ONCE_MAX},
        message::Message,
        recent_erasures::{KNOWN_FOR_MS, REMEMBERED_MAX, RecentErasures},
    },
    event::EventId,
    sink::Sink,
    storage::Clock as _,
    webhook::command::Kind,
};

use crate::{
    database::Sqlite,
    fakes::{FakeClock, FakeKv, FakeOrigin, Reaction, paused},
    ports::FakePorts,
    samples::{APP, NOW_MS, ORIGIN, TOKEN, UNFOLLOW, app, config, event, first_attempt, query},
};

const MINUTE_MS: u64 = 60_000;

/// A message that its queue hands out at its time.
#[derive(Clone)]
struct Waiting {
    text: Rc<str>,
    sent_at: u64,
    attempts: u32,
    epoch: Rc<FakeClock>,
    /// Where it waits again, by the time at which it is due (Unix ms).
    queue: Rc<RefCell<BinaryHeap<Due>>>,
    delivered_at: Rc<RefCell<BTreeMap<u64, u64>>>,
}

struct Due(Reverse<u64>, Waiting);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl QueuedMessage for Waiting {
    fn id(&self) -> String {
        self.sent_at.to_string()
    }

    fn text(&self) -> String {
        self.text.to_string()
    }

    fn sent_at(&self) -> u64 {
        self.sent_at
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }

    fn settle(self, outcome: Outcome) {
        let now = self.epoch.now_ms();
        match outcome {
            Outcome::Ack => _ = self.delivered_at.borrow_mut().insert(self.sent_at, now),
            Outcome::Retry { after_seconds } => {
                let due = now + u64::from(after_seconds) * 1000;
                let queue = Rc::clone(&self.queue);
                queue.borrow_mut().push(Due(Reverse(due), Self { attempts: self.attempts + 1, ..self }));
            }
        }
    }
}

/// What is measured at 100 events a second with 100 consumers is measured here at a fiftieth of both.
const EVENTS_A_SECOND: u64 = 2;
const CONSUMERS: usize = 2;

/// A backend of 50 ms that is down for an hour, while events go on coming.
#[test]
fn after_an_hour_of_outage_all_is_delivered_within_12_minutes_at_two_changes_for_each_event() {
    let outage_ms = 60 * MINUTE_MS;
    let events = outage_ms / 1000 * EVENTS_A_SECOND;
    let database = Sqlite::default();
    let (attempts, delivered_at) = paused(async {
        let clock = Rc::new(FakeClock::at(NOW_MS));
        let ends_at = NOW_MS + outage_ms;
        let attempts = Cell::new(0_u64);
        let origin_clock = Rc::clone(&clock);
        let origin = FakeOrigin::of(|_| {
            attempts.set(attempts.get() + 1);
            let status = if origin_clock.now_ms() < ends_at { 503 } else { 200 };
            Reaction { after: Some(50), ..Reaction::status(status) }
        });
        let kv = FakeKv::default();
        let ports = FakePorts { origin, ..FakePorts::at(NOW_MS, &kv) }.with_database(Some(&database));
        let (config, memory) = (forwarding(), Memory::default());
        let (queue, delivered_at) = (Rc::default(), Rc::default());
        for n in 0..events {
            let sent_at = NOW_MS + n * 1000 / EVENTS_A_SECOND;
            let text = message_at(sent_at).into();
            let (epoch, queue, delivered_at) = (Rc::clone(&clock), Rc::clone(&queue), Rc::clone(&delivered_at));
            let waiting = Waiting { text, sent_at, attempts: 1, epoch, queue: Rc::clone(&queue), delivered_at };
            queue.borrow_mut().push(Due(Reverse(sent_at), waiting));
        }
        consume_all(
            &Consumer { config: &config, ports: &ports, memory: &memory },
            &clock,
            &queue,
            events,
            &delivered_at,
        )
        .await;
        (attempts.get(), delivered_at.take())
    });
    assert_eq!(delivered_at.len() as u64, events);
    let last = delivered_at.values().max().unwrap() - (NOW_MS + outage_ms);
    assert!(last <= 12 * MINUTE_MS, "{} s after the outage", last / 1000);
    // It struck: each event came again and again.
    assert!((8..=12).contains(&(attempts / events)), "{attempts} attempts for {events} events");
    let deliveries = database.table("deliveries");
    assert_eq!(deliveries.len() as u64, events);
    assert!(deliveries.iter().all(|row| row["state"] == "delivered"));
    // A row and its count when an attempt fails first, and the same when it is delivered; no other attempt costs one.
    let at_once = deliveries.iter().filter(|row| row["attempts"] == 1).count() as u64;
    assert!(at_once < events / 100, "{at_once}");
    assert_eq!(database.rows_written() - schema_rows(), 4 * (events - at_once) + at_once);
    // However many events there are, they are written at most twice a second, with two statements for each state that there is, and
    // what was erased is read each 5 s.
    let seconds = (outage_ms + last) / 1000;
    let statements = database.operations.borrow().len() as u64;
    assert!(statements <= seconds * (2 * 2 * 2 * 5 + 1) / 5, "{statements} in {seconds} s");
}

/// How many rows a new database has had written.
fn schema_rows() -> u64 {
    Sqlite::default().rows_written()
}

fn forwarding() -> Config {
    config(&[("SDK_APP_IDS", APP), ("SINKS", "origin"), ("ORIGIN_URL", ORIGIN), ("CALLBACK_TOKEN", TOKEN)])
}

fn message_at(event_time: u64) -> String {
    let body = UNFOLLOW.replace("1702018343678", &event_time.to_string());
    Message::of(&event(&query(Kind::Unfollow.command()), Kind::Unfollow, body.as_bytes()), Sink::Origin).text()
}

/// Hands out what is due to as many consumers as there may be, until all is delivered.
async fn consume_all(
    consumer: &Consumer<'_, FakePorts<'_, Sqlite>>,
    clock: &FakeClock,
    queue: &RefCell<BinaryHeap<Due>>,
    events: u64,
    delivered_at: &RefCell<BTreeMap<u64, u64>>,
) {
    let one_after_the_other = async || {
        while (delivered_at.borrow().len() as u64) < events {
            let due = queue.borrow().peek().map(|due| due.0.0);
            let now = clock.now_ms();
            match due {
                Some(due) if due <= now => {
                    let Due(_, message) = queue.borrow_mut().pop().unwrap();
                    consumer.consume(Some(Source::Deliveries), [message]).await;
                }
                _ => sleep(Duration::from_millis(due.map_or(100, |due| (due - now).min(100)))).await,
            }
        }
    };
    let consumers: Vec<_> = (0..CONSUMERS).map(|_| one_after_the_other()).collect();
    futures_util::future::join_all(consumers).await;
}

fn change_at(event_time: u64, at: u64) -> DeliveryChange {
    let id = EventId::of_parts(event_time, &format!("{event_time:032x}")).unwrap();
    DeliveryChange { app: app(), id, change: Change { at, ..first_attempt(State::Retrying, at) } }
}

#[test]
fn one_call_writes_what_others_have_gathered() {
    let gathered = Gathered::default();
    assert_eq!(gathered.add(change_at(1, NOW_MS), NOW_MS), Some(GATHERED_FOR_MS));
    for n in 2..10 {
        assert_eq!(gathered.add(change_at(n, NOW_MS), NOW_MS + n), None);
    }
    assert_eq!(gathered.take().len(), 9);
    assert_eq!(gathered.take(), []);
    // The next begins anew.
    assert_eq!(gathered.add(change_at(1, NOW_MS), NOW_MS + 10), Some(GATHERED_FOR_MS));
    // A call that was ended before it wrote does not hold up the others.
    assert_eq!(gathered.add(change_at(2, NOW_MS), NOW_MS + 10 + GATHERED_FOR_MS), None);
    assert_eq!(gathered.add(change_at(3, NOW_MS), NOW_MS + 11 + GATHERED_FOR_MS), Some(GATHERED_FOR_MS));
    assert_eq!(gathered.take().len(), 3);
}

#[test]
fn many_are_written_at_once_and_what_fails_is_kept_within_bounds() {
    let gathered = Gathered::default();
    let most = WRITTEN_AT_ONCE_MAX as u64;
    gathered.add(change_at(0, NOW_MS), NOW_MS);
    let told: Vec<_> = (1..most).map(|n| gathered.add(change_at(n, NOW_MS), NOW_MS)).collect();
    assert_eq!((told.last().unwrap(), told.iter().flatten().count()), (&Some(0), 1));
    let taken = gathered.take();
    assert_eq!(taken.len() as u64, most);
    gathered.put_back(taken.clone());
    for n in 0..10 * most {
        gathered.add(change_at(most + n, NOW_MS), NOW_MS);
    }
    // While it is full, not each change has D1 asked again at once.
    let told: Vec<_> = (0..100).map(|n| gathered.add(change_at(n, NOW_MS), NOW_MS)).collect();
    assert!(!told.contains(&Some(0)), "{told:?}");
    // The oldest come first, and memory has an end.
    assert_eq!(gathered.take(), taken);
    let mut left = 0;
    while let count @ 1.. = gathered.take().len() {
        left += count;
    }
    assert_eq!(left, 3 * WRITTEN_AT_ONCE_MAX);
}

/// What a failing attempt asks: whether D1 need not be asked.
async fn knows(erasures: &RecentErasures, ports: &FakePorts<'_, Sqlite>, traces: &Traces) -> bool {
    erasures.know_none_of(traces, ports).await
}

#[test]
fn whether_an_event_was_erased_lately_is_known_without_asking_for_each() {
    paused(async {
        let (kv, database) = (FakeKv::default(), Sqlite::default());
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
        let erasures = RecentErasures::default();
        let query = query(Kind::Unfollow.command());
        let traces = Traces::of(&event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()));
        let erase = |user: &str, at: u64| {
            database.execute(erasures::begin(app(), &hash_of_user(app(), user), None, at, 0));
        };
        let asked = || database.operations.take().len();
        for _ in 0..100 {
            assert!(knows(&erasures, &ports, &traces).await);
        }
        assert_eq!(asked(), 1);
        // Of another user, and before the receipt.
        erase("another", traces.received_at);
        erase("UserID_001", traces.received_at - 1);
        sleep(Duration::from_millis(KNOWN_FOR_MS)).await;
        assert!(knows(&erasures, &ports, &traces).await);
        assert_eq!(asked(), 1);
        erase("UserID_003", traces.received_at);
        assert!(knows(&erasures, &ports, &traces).await);
        sleep(Duration::from_millis(KNOWN_FOR_MS)).await;
        assert!(!knows(&erasures, &ports, &traces).await);
        assert_eq!(asked(), 1);
    });
}

/// Only those since then are known, so D1 has to be asked for what was received before.
#[test]
fn after_very_many_erasures_what_was_received_before_them_is_asked_for() {
    paused(async {
        let (kv, database) = (FakeKv::default(), Sqlite::default());
        let ports = FakePorts::at(NOW_MS, &kv).with_database(Some(&database));
        let query = query(Kind::Unfollow.command());
        let traces = |received_at| {
            let mut traces = Traces::of(&event(&query, Kind::Unfollow, UNFOLLOW.as_bytes()));
            traces.received_at = received_at;
            traces
        };
        for n in 0..=REMEMBERED_MAX as u64 {
            database.execute(erasures::begin(app(), &hash_of_user(app(), &format!("user-{n}")), None, NOW_MS - n, 0));
        }
        let erasures = RecentErasures::default();
        let oldest = NOW_MS - REMEMBERED_MAX as u64;
        assert!(!knows(&erasures, &ports, &traces(oldest)).await);
        assert!(knows(&erasures, &ports, &traces(oldest + 2)).await);
        // Nor is anything known while D1 does not say.
        sleep(Duration::from_millis(KNOWN_FOR_MS)).await;
        database.trouble.set(Some(crate::database::Trouble::Fails));
        assert!(!knows(&erasures, &ports, &traces(NOW_MS)).await);
    });
}
