//! The parameters of a query, none of which is ignored in silence.

use super::{TestEvent, get, is_problem, json_of, log_of, long_log, times_of};
use crate::samples::NOW_MS;

#[test]
fn an_invalid_query_is_rejected_before_anything_is_read() {
    let database = long_log(3);
    for (path, query) in [
        // Unknown, or of another operation.
        ("events", "x"),
        ("events", "x="),
        ("events", "bucket=hour"),
        ("events", "Limit=1"),
        ("events", "limi%74=1"),
        ("events", "=1"),
        ("stats", "limit=1"),
        ("stats", "kind=follow"),
        ("stats", "role=target"),
        ("stats", "hours=1"),
        ("status", "app=1400000000"),
        ("dead-letters", "limit=1"),
        ("apps", "app=1400000000"),
        // Duplicates.
        ("events", "limit=1&limit=1"),
        ("events", "user=a&kind=follow&user=b"),
        ("events", "user=&user=a"),
        ("events", "role=actor&user=a&role=actor"),
        ("stats", "bucket=hour&bucket=day"),
        // Not percent-encoded UTF-8.
        ("events", "user=%"),
        ("events", "user=%2"),
        ("events", "user=%zz"),
        ("events", "user=%ff"),
        ("events", "user=%ed%a0%80"),
        ("events", "limit=%"),
        // No number in the range.
        ("events", "limit=0"),
        ("events", "limit=1001"),
        ("events", "limit=-1"),
        ("events", "limit=+1"),
        ("events", "limit=%2B1"),
        ("events", "limit=1.0"),
        ("events", "limit=1e2"),
        ("events", "limit=0x10"),
        ("events", "limit=%201"),
        ("events", "limit=abc"),
        ("events", "limit=00000000000001"),
        ("events", "limit=18446744073709551617"),
        // No kind.
        ("events", "kind=Unfollow"),
        ("events", "kind=unfollow%20"),
        ("events", "kind=block"),
        ("events", "kind=unfollow,follow"),
        // No role, or one of nobody.
        ("events", "user=a&role=Actor"),
        ("events", "user=a&role=both"),
        ("events", "role=actor"),
        ("events", "role=target&user="),
        // No bucket.
        ("stats", "bucket=week"),
        ("stats", "bucket=Hour"),
        ("stats", "bucket=1"),
        // No time that an event can have.
        ("events", "since=x"),
        ("events", "since=-1"),
        ("events", "since=%2B1"),
        ("events", "since=17020183440001"),
        ("events", "since=01702018344000"),
        ("events", "until=1702018344.5"),
        ("events", "until=2023-12-08"),
        ("events", "until=2023-12-08T06:52:24"),
        ("events", "until=2023-12-08T06:52:24%20"),
        ("events", "until=1969-12-31T23:59:59Z"),
        ("events", "until=2286-11-20T17:46:40Z"),
        // In the wrong order.
        ("events", "since=2&until=1"),
        ("events", "since=2023-12-08T06:52:24.001Z&until=1702018344000"),
        ("stats", "since=2&until=1"),
        // The default of until is now.
        ("stats", "since=1702018344001"),
        // No cursor.
        ("events", "cursor=x"),
        ("events", "cursor=0"),
        ("dead-letters", "cursor=00"),
    ] {
        let response = get(&database, &format!("/v1/{path}"), query);
        is_problem(&response, 400);
        let problem = json_of(&response);
        assert!(problem["detail"].as_str().is_some_and(|it| it.ends_with('.')), "{problem}");
        assert_eq!(problem["title"], "Bad Request");
    }
    assert!(database.operations.borrow().is_empty());
}

#[test]
fn what_is_empty_counts_as_absent() {
    let database = long_log(3);
    let all = get(&database, "/v1/events", "");
    for query in ["&", "&&app=", "app&kind&user&role", "kind=&user=&role=&since=&until=&limit=&cursor="] {
        assert_eq!(get(&database, "/v1/events", query), all, "{query}");
    }
    assert_eq!(get(&database, "/v1/stats", "app=&user=&bucket=&since&until"), get(&database, "/v1/stats", ""));
}

#[test]
fn numbers_are_taken_to_their_ends() {
    let database = long_log(1100);
    for (limit, events) in [("1", 1), ("1000", 1000), ("007", 7), ("%31", 1), ("", 100)] {
        let listed = get(&database, "/v1/events", &format!("limit={limit}"));
        assert_eq!((times_of(&listed).len(), json_of(&listed)["cursor"].is_string()), (events, true), "{limit}");
    }
}

/// The times of the events, of five that are a ms apart.
fn times(query: &str) -> Vec<u64> {
    let events: Vec<_> = (0..5).map(|n| TestEvent::at(NOW_MS + n)).collect();
    times_of(&get(&log_of(&events), "/v1/events", query)).into_iter().map(|time| time - NOW_MS).collect()
}

#[test]
fn both_ends_are_inclusive_in_every_spelling() {
    assert_eq!(NOW_MS, 1_702_018_344_000);
    for two in [
        "1702018344002",
        "2023-12-08T06:52:24.002Z",
        "2023-12-08t06:52:24.002z",
        "2023-12-08T06:52:24.002999Z",
        "2023-12-08T14:52:24.002%2B08:00",
        "2023-12-08T14:52:24.002+08:00",
        "2023-12-08T14%3A52%3A24.002%2b08%3A00",
        "2023-12-08T14:52:24.002%2008:00",
        "2023-12-08%2000:52:24.002-06:00",
        "2023-12-08+14:52:24.002+08:00",
        "2023-12-08+06:52:24.002Z",
    ] {
        assert_eq!(times(&format!("since={two}")), [4, 3, 2], "{two}");
        assert_eq!(times(&format!("until={two}")), [2, 1, 0], "{two}");
        assert_eq!(times(&format!("until={two}&since={two}")), [2], "{two}");
        assert_eq!(times(&format!("since={two}&until=1702018344003")), [3, 2], "{two}");
    }
    assert_eq!(times("since=0&until=9999999999999"), [4, 3, 2, 1, 0]);
    assert_eq!(times("since=2286-11-20T17:46:39.999Z"), [0; 0]);
}

/// As the standard libraries of most languages write a space. Only the offset of a time is a plus sign either way.
#[test]
fn a_plus_is_a_space() {
    let database = log_of(&[TestEvent::between("a+b", "x", 1), TestEvent::between("a b", "x", 2)]);
    for (user, time) in [("a%2Bb", 1), ("a%2bb", 1), ("a%20b", 2), ("a+b", 2)] {
        assert_eq!(times_of(&get(&database, "/v1/events", &format!("user={user}"))), [time], "{user}");
    }
}
