//! The parameters of a query, none of which is ignored in silence.

use super::{TestEvent, get, is_problem, json_of, long_log, reader_of};
use crate::samples::NOW_MS;

#[test]
fn an_invalid_query_is_rejected_before_anything_is_read() {
    let reader = long_log(3, |n| NOW_MS - n as u64);
    for (path, query) in [
        // Unknown, or of another operation.
        ("events", "x"),
        ("events", "x="),
        ("events", "hours=1"),
        ("events", "Limit=1"),
        ("events", "limi%74=1"),
        ("events", "=1"),
        ("stats", "limit=1"),
        ("stats", "kind=follow"),
        ("dead-letters", "limit=1"),
        ("apps", "app=1400000000"),
        // Duplicates.
        ("events", "limit=1&limit=1"),
        ("events", "user=a&kind=follow&user=b"),
        ("events", "user=&user=a"),
        ("stats", "hours=1&hours=2"),
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
        ("stats", "hours=0"),
        ("stats", "hours=169"),
        ("stats", "hours=x"),
        ("stats", "hours=-1"),
        // No kind.
        ("events", "kind=Unfollow"),
        ("events", "kind=unfollow%20"),
        ("events", "kind=block"),
        ("events", "kind=unfollow,follow"),
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
        // No cursor.
        ("events", "cursor=x"),
        ("events", "cursor=0"),
        ("dead-letters", "cursor=00"),
    ] {
        let response = get(&reader, &format!("/v1/{path}"), query);
        is_problem(&response, 400);
        let problem = json_of(&response);
        assert!(problem["detail"].as_str().is_some_and(|it| it.ends_with('.')), "{problem}");
        assert_eq!(problem["title"], "Bad Request");
    }
    assert!(reader.operations.borrow().is_empty());
}

#[test]
fn what_is_empty_counts_as_absent() {
    let reader = long_log(3, |n| NOW_MS - n as u64);
    let all = get(&reader, "/v1/events", "");
    for query in ["&", "&&app=", "app&kind&user", "kind=&user=&since=&until=&limit=&cursor="] {
        assert_eq!(get(&reader, "/v1/events", query), all, "{query}");
    }
    assert_eq!(get(&reader, "/v1/stats", "app=&hours="), get(&reader, "/v1/stats", ""));
}

#[test]
fn numbers_are_taken_to_their_ends() {
    let reader = long_log(1500, |n| NOW_MS - n as u64);
    for (limit, events) in [("1", 1), ("1000", 1000), ("007", 7), ("%31", 1)] {
        let answer = json_of(&get(&reader, "/v1/events", &format!("limit={limit}")));
        assert_eq!(answer["events"].as_array().unwrap().len(), events, "{limit}");
    }
    for (hours, count) in [("1", 1), ("168", 168), ("024", 24)] {
        let answer = json_of(&get(&reader, "/v1/stats", &format!("hours={hours}")));
        assert_eq!(answer["hours"].as_array().unwrap().len(), count, "{hours}");
    }
}

/// The times of the events, of five that are a ms apart.
fn times(query: &str) -> Vec<u64> {
    let events: Vec<_> = (0..5).map(|n| TestEvent::at(NOW_MS + n)).collect();
    let answer = json_of(&get(&reader_of(&events), "/v1/events", query));
    let times = answer["events"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")).iter();
    times.map(|it| it["event_time"].as_u64().unwrap() - NOW_MS).collect()
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
        "2023-12-08%2000:52:24.002-06:00",
    ] {
        assert_eq!(times(&format!("since={two}")), [4, 3, 2], "{two}");
        assert_eq!(times(&format!("until={two}")), [2, 1, 0], "{two}");
        assert_eq!(times(&format!("until={two}&since={two}")), [2], "{two}");
        assert_eq!(times(&format!("since={two}&until=1702018344003")), [3, 2], "{two}");
    }
    assert_eq!(times("since=0&until=9999999999999"), [4, 3, 2, 1, 0]);
    assert_eq!(times("since=2286-11-20T17:46:39.999Z"), [0; 0]);
}

/// A plus is a plus, as RFC 3986 has it, and no space.
#[test]
fn a_plus_is_a_plus() {
    let by = |time, from: &str| TestEvent { from: from.to_owned(), ..TestEvent::at(time) };
    let reader = reader_of(&[by(1, "a+b"), by(2, "a b")]);
    for (user, time) in [("a+b", 1), ("a%2Bb", 1), ("a%20b", 2)] {
        let answer = json_of(&get(&reader, "/v1/events", &format!("user={user}")));
        let times: Vec<_> = answer["events"].as_array().unwrap().iter().map(|it| it["event_time"].as_u64()).collect();
        assert_eq!(times, [Some(time)], "{user}");
    }
}
