//! The totals of users that triggers sum up: with what they leave to be counted, they are those of a recount, whatever is added and deleted
//! in whichever order.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use unfollow_webhook::{
    database::{Statement, event_log},
    webhook::{body::Follow, command::Kind},
};

use crate::{
    database::Sqlite,
    samples::{NOW_MS, app, event_for},
};

/// Adds an event; another one for each `n`.
fn add(database: &Sqlite, from: &str, to: &[&str], time: u64, n: u64) {
    let body = json!({ "From_Account": from, "To_Account": to, "EventTime": time, "n": n }).to_string();
    let event = event_for(app(), "", Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0));
    database.execute(event_log::insert(&event, event_log::NOT_IN_KV));
}

fn rows(database: &Sqlite, sql: &str) -> Vec<Value> {
    database.rows_of(Statement { sql: sql.to_owned().into(), parameters: Vec::new() })
}

/// Deletes so many events, in this order.
fn delete(database: &Sqlite, order: &str, count: u64) {
    let sql = format!(
        "DELETE FROM events WHERE (app, kind, event_time, hash) IN ( \
         SELECT app, kind, event_time, hash FROM events ORDER BY {order} LIMIT {count})"
    );
    database.execute(Statement { sql: sql.into(), parameters: Vec::new() });
}

/// What is not summed up, by user and role: the most rows. Fails where sums are not those of a recount.
fn rest(database: &Sqlite) -> u64 {
    let compared = rows(
        database,
        "SELECT u.user, u.role, sum(u.targets) AS targets, \
         ifnull(t.targets, 0) + sum(u.targets * (t.targets IS NULL OR u.event_time < t.since_time OR u.event_time >= t.until_time)) \
         AS counted, sum(t.targets IS NULL OR u.event_time < t.since_time OR u.event_time >= t.until_time) AS rest \
         FROM event_users AS u LEFT JOIN user_totals AS t \
         ON t.app = u.app AND t.user = u.user AND t.role = u.role AND t.kind = u.kind GROUP BY u.app, u.user, u.role, u.kind",
    );
    for row in &compared {
        assert_eq!(row["targets"], row["counted"], "{row}");
    }
    let orphans = rows(
        database,
        "SELECT * FROM user_totals AS t WHERE NOT EXISTS ( \
         SELECT 1 FROM event_users AS u WHERE u.app = t.app AND u.user = t.user AND u.role = t.role AND u.kind = t.kind)",
    );
    assert_eq!(orphans, [json!(null); 0]);
    compared.iter().map(|row| row["rest"].as_u64().unwrap()).max().unwrap_or_default()
}

#[derive(Clone, Debug)]
enum Step {
    Add { from: usize, to: Vec<usize>, time: u64 },
    Delete { order: usize, count: u64 },
}

const USERS: [&str; 4] = ["a", "b", "c", "d"];
const ORDERS: [&str; 4] = ["event_time", "event_time DESC", "hash", "record"];

fn step() -> impl Strategy<Value = Step> {
    // Many at the same time, too.
    let time = prop_oneof![0..20_u64, 0..2_000_u64, 0..1_000_000_u64];
    prop_oneof![
        6 => (0..4_usize, vec(0..4_usize, 1..4), time).prop_map(|(from, to, time)| Step::Add { from, to, time }),
        1 => (0..4_usize, 1..6_u64).prop_map(|(order, count)| Step::Delete { order, count }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_a_recount(steps in vec(step(), 200..500)) {
        let database = Sqlite::default();
        for (n, step) in (0..).zip(&steps) {
            match step {
                Step::Add { from, to, time } => {
                    let to: Vec<_> = to.iter().map(|&user| USERS[user]).collect();
                    add(&database, USERS[*from], &to, NOW_MS + time, n);
                }
                Step::Delete { order, count } => delete(&database, ORDERS[*order], *count),
            }
            rest(&database);
        }
        delete(&database, "hash", 1_000);
        prop_assert_eq!(database.table("user_totals"), [json!(null); 0]);
    }
}

/// In the order of time, and the newest first, as the log is rebuilt.
#[test]
fn little_is_left_to_be_counted_and_few_rows_are_written_for_it() {
    for order in [1, -1_i64] {
        let database = Sqlite::default();
        let mut most = 0;
        for n in 0..2_000_u64 {
            let time = NOW_MS.checked_add_signed(order * 1_000 * n.cast_signed()).unwrap();
            add(&database, &format!("fan-{n}"), &["heavy"], time, n);
            if n % 50 == 0 {
                most = most.max(rest(&database));
            }
        }
        assert!(most <= 40, "{most}");
        assert_eq!(database.table("user_totals").len(), 1);
        let before = database.rows_written();
        delete(&database, "event_time", 1_200);
        let written = database.rows_written() - before;
        // Six an event, and one for each twelve of them.
        assert!((7_200 + 95..7_200 + 105 + 6).contains(&written), "{written}");
        assert!(rest(&database) <= 40);
    }
}

/// The events of a log that was there before the table: each that comes takes on some of them.
#[test]
fn the_events_that_are_there_are_summed_up_as_others_come() {
    let database = Sqlite::of_version(9);
    (0..3_000).for_each(|n| add(&database, &format!("fan-{n}"), &["heavy"], NOW_MS + n, n));
    database.migrate_from(9);
    assert_eq!(rest(&database), 3_000);
    for n in 0..40 {
        let before = database.rows_written();
        add(&database, &format!("more-{n}"), &["heavy"], NOW_MS + 3_000 + n, n);
        assert!(database.rows_written() - before <= 6 + 2);
    }
    assert!(rest(&database) <= 40, "{}", rest(&database));
}
