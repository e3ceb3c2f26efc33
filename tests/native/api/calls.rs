//! The counts of webhook calls, as the API shows them.

use serde_json::{Value, json};
use unfollow_webhook::database::call_counts::CallOutcome::{self, Probe, Queued, Rejected, Stored};
use unfollow_webhook::{
    plan::Plan,
    receive::call_counter::{CallCounter, CallKind},
    webhook::SdkAppId,
};

use super::{OTHER_APP, app, get_by, is_problem, json_of, operated_with_two_apps, other_app};
use crate::{
    database::Sqlite,
    samples::{APP, NOW_MS},
};

const HOUR_MS: u64 = 3_600_000;

/// A counted call.
fn call(app: Option<SdkAppId>, outcome: CallOutcome, reason: &'static str) -> CallKind {
    CallKind { app, outcome, reason }
}

/// A database with these calls, each at its time.
fn counted(calls: &[(CallKind, u64)]) -> Sqlite {
    let (database, counter) = (Sqlite::default(), CallCounter::default());
    for (kind, at) in calls {
        counter.count(*kind, *at);
    }
    counter.take(NOW_MS).into_iter().for_each(|hour| database.execute(hour.statement(Plan::Free)));
    database
}

fn calls(database: &Sqlite, query: &str) -> Value {
    let response = get_by(&operated_with_two_apps(), database, "/v1/calls", query);
    assert_eq!(response.status, 200, "{query}: {response:?}");
    json_of(&response)
}

#[test]
fn calls_are_counted_by_hour_app_and_outcome() {
    let this_hour = NOW_MS / HOUR_MS * HOUR_MS;
    let database = counted(&[
        (call(Some(app()), Stored, ""), this_hour),
        (call(Some(app()), Stored, ""), this_hour + 1),
        (call(Some(other_app()), Stored, ""), this_hour + 2),
        (call(Some(app()), Rejected, "sign_mismatch"), this_hour + 3),
        (call(None, Rejected, "method"), this_hour + 4),
        (call(Some(app()), Queued, ""), this_hour - 1),
        (call(None, Probe, ""), this_hour - 24 * HOUR_MS),
        (call(Some(app()), Stored, ""), this_hour - 24 * HOUR_MS - 1),
    ]);
    let (first, before) = (this_hour - 24 * HOUR_MS, this_hour - HOUR_MS);
    let row = |start: u64, app: u64, outcome: &str, reason: Option<&str>, count: u64| json!({ "start": start, "sdk_app_id": app, "outcome": outcome, "reason": reason, "count": count });
    let all = [
        row(first, 0, "probe", None, 1),
        row(before, 1_400_000_000, "queued", None, 1),
        row(this_hour, 0, "rejected", Some("method"), 1),
        row(this_hour, 1_400_000_000, "stored", None, 2),
        row(this_hour, 1_400_000_000, "rejected", Some("sign_mismatch"), 1),
        row(this_hour, 1_400_000_001, "stored", None, 1),
    ];
    let answer = calls(&database, "");
    let (since, until) = (first, this_hour + HOUR_MS);
    assert_eq!(
        answer,
        json!({ "since": since, "until": until, "hours": all, "last_call_at": this_hour + 3, "last_stored_at": this_hour + 2 })
    );
    let of_app = |app: &str| calls(&database, &format!("app={app}"));
    assert_eq!(
        of_app(APP),
        json!({ "since": since, "until": until, "hours": [all[1], all[3], all[4]], "last_call_at": this_hour + 3, "last_stored_at": this_hour + 1 })
    );
    assert_eq!(
        of_app(OTHER_APP),
        json!({ "since": since, "until": until, "hours": [all[5]], "last_call_at": this_hour + 2, "last_stored_at": this_hour + 2 })
    );
    assert_eq!(
        of_app("0"),
        json!({ "since": since, "until": until, "hours": [all[0], all[2]], "last_call_at": this_hour + 4, "last_stored_at": null })
    );
    let range = calls(&database, &format!("since={}&until={}", before + 1, this_hour - 1));
    assert_eq!(range["hours"], json!([all[1]]));
    // The last calls are of all time, and of our apps: a stranger's request is no sign that Tencent calls.
    assert_eq!(range["last_call_at"], this_hour + 3);
}

/// What was queued is safe, so it counts as an event that came.
#[test]
fn the_last_calls_are_found_however_many_rejections_follow() {
    let mut all = vec![(call(Some(app()), Queued, ""), NOW_MS - 80 * 24 * HOUR_MS)];
    all.extend((0..1000).map(|n| (call(Some(app()), Rejected, "sign_mismatch"), NOW_MS - n * HOUR_MS)));
    let answer = calls(&counted(&all), &format!("app={APP}"));
    assert_eq!(answer["last_stored_at"], NOW_MS - 80 * 24 * HOUR_MS);
    assert_eq!(answer["last_call_at"], NOW_MS);
}

#[test]
fn what_was_counted_before_is_added_to() {
    let database = counted(&[(call(Some(app()), Stored, ""), NOW_MS - 5)]);
    let counter = CallCounter::default();
    for at in [NOW_MS - 9, NOW_MS - 7] {
        counter.count(call(Some(app()), Stored, ""), at);
    }
    counter.take(NOW_MS).into_iter().for_each(|hour| database.execute(hour.statement(Plan::Free)));
    let answer = calls(&database, "");
    // The time of the last one never goes back.
    assert_eq!((&answer["hours"][0]["count"], &answer["last_call_at"]), (&json!(3), &json!(NOW_MS - 5)));
}

/// Many isolates under a flood of all kinds.
#[test]
fn counting_cannot_use_up_a_days_rows() {
    let database = Sqlite::default();
    let reasons = ["sign_mismatch", "method", "not_found", "query_too_long"];
    for isolate in 0..1000 {
        let counter = CallCounter::default();
        for reason in reasons {
            counter.count(call(Some(app()), Rejected, reason), NOW_MS + isolate);
        }
        counter.take(NOW_MS).into_iter().for_each(|hour| database.execute(hour.statement(Plan::Free)));
    }
    let writes: u64 = database.table("call_counts").iter().map(|row| row["writes"].as_u64().unwrap()).sum();
    assert!(
        writes >= Plan::Free.call_writes_an_hour() && writes < Plan::Free.call_writes_an_hour() + reasons.len() as u64,
        "{writes}"
    );
    // In the next hour it begins again.
    let counter = CallCounter::default();
    counter.count(call(Some(app()), Stored, ""), NOW_MS + HOUR_MS);
    counter.take(NOW_MS + HOUR_MS).into_iter().for_each(|hour| database.execute(hour.statement(Plan::Free)));
    assert_eq!(database.table("call_counts").len(), reasons.len() + 1);
}

#[test]
fn what_cannot_be_followed_is_an_error() {
    let ask = |query: &str| get_by(&operated_with_two_apps(), &Sqlite::default(), "/v1/calls", query);
    for query in ["since=x", "since=2&until=1", "since=0&until=2682003600001", "user=a", "app=1&app=1"] {
        is_problem(&ask(query), 400);
    }
    for query in ["app=1400000009", "app=x", "app=00"] {
        is_problem(&ask(query), 404);
    }
    is_problem(&get_by(&operated_with_two_apps(), &Sqlite::without_schema(), "/v1/calls", ""), 503);
}
