//! Which alerts there are, when each begins and ends, and what is said of them: on a real SQLite in the place of D1.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    alerts::{
        Alert, AlertKind, Severity,
        advice::Advice,
        observe::observe,
        text::{FAILURES, Language, action, title},
    },
    config::Config,
    database::{
        HOUR_MS, Statement,
        call_counts::{self, CallOutcome},
        deliveries::{self, Change, State},
        log_state::{self, Name},
        schema::Schema,
    },
    delivery::failure::Failure,
    event::EventId,
    receive::rejection::Rejection,
    webhook::{SdkAppId, body::Follow, command::Kind},
};

use crate::{
    database::{Sqlite, Trouble},
    fakes::{FakeKv, paused},
    ports::{FakeEnvironment, FakePorts},
    samples::{APP, BOUND, NOW_MS, ORIGIN, TOKEN, app, event_for},
};

const MINUTE_MS: u64 = 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
const OTHER_APP: u64 = 1_400_000_001;

/// The settings of a test, and what they are read from.
fn environment(more: &[(&str, &str)]) -> FakeEnvironment {
    let apps = format!("{APP},{OTHER_APP}");
    let needed = [("SDK_APP_IDS", &*apps), ("CALLBACK_TOKEN", TOKEN), ("ORIGIN_URL", ORIGIN)];
    FakeEnvironment::of(more.iter().copied().chain(needed), BOUND)
}

/// The alerts of both apps at this time.
fn alerts_at(database: &Sqlite, more: &[(&str, &str)], now_ms: u64) -> Vec<Alert> {
    paused(async {
        let environment = environment(more);
        let config = Config::read(&environment);
        let kv = FakeKv::default();
        let ports = FakePorts { environment, ..FakePorts::at(now_ms, &kv) }.with_database(Some(database));
        let apps = [app(), SdkAppId::try_from(OTHER_APP).unwrap()];
        observe(&config, &ports, &Schema::default(), &apps).await.alerts()
    })
}

fn alerts(database: &Sqlite) -> Vec<Alert> {
    alerts_at(database, &[], NOW_MS)
}

/// The keys of the alerts at this time.
fn keys_at(database: &Sqlite, now_ms: u64) -> Vec<String> {
    alerts_at(database, &[], now_ms).iter().map(Alert::key).collect()
}

#[track_caller]
fn only(alerts: Vec<Alert>) -> Alert {
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    alert.clone()
}

/// Counts calls whose last one came at this time.
fn count(database: &Sqlite, app: u64, outcome: CallOutcome, reason: &str, count: u64, last_at: u64) {
    let hour = last_at / HOUR_MS;
    let outcome: &str = outcome.into();
    database.execute(call_counts::add(hour, &json!([[hour, app, outcome, reason, count, last_at]]).to_string(), 1_000));
}

const OUR_APP: u64 = 1_400_000_000;

#[test]
fn a_worker_whose_calls_are_stored_has_none() {
    let database = Sqlite::default();
    assert_eq!(alerts(&database), []);
    count(&database, OUR_APP, CallOutcome::Stored, "", 900, NOW_MS - MINUTE_MS);
    assert_eq!(alerts(&database), []);
}

#[test]
fn rejected_calls_are_told_by_reason_until_calls_are_accepted_for_an_hour() {
    let database = Sqlite::default();
    count(&database, OUR_APP, CallOutcome::Rejected, "sign_mismatch", 30, NOW_MS - 2 * HOUR_MS);
    count(&database, OUR_APP, CallOutcome::Rejected, "sign_mismatch", 7, NOW_MS - 65 * MINUTE_MS);
    count(&database, OUR_APP, CallOutcome::Rejected, "targets", 1, NOW_MS - 30 * MINUTE_MS);
    count(&database, OTHER_APP, CallOutcome::Failed, "not_stored", 2, NOW_MS - 65 * MINUTE_MS);
    let found = alerts(&database);
    let [lost, mismatch, targets] = &found[..] else { panic!("{found:?}") };
    assert_eq!(lost.key(), format!("events_not_stored/{OTHER_APP}/not_stored"));
    assert_eq!((lost.severity(), lost.count), (Severity::Critical, Some(2)));
    assert_eq!(mismatch.key(), format!("calls_rejected/{APP}/sign_mismatch"));
    assert_eq!((mismatch.count, mismatch.last_at), (Some(37), Some(NOW_MS - 65 * MINUTE_MS)));
    assert_eq!(title(mismatch, Language::En, false), "37 calls rejected: sign_mismatch");
    assert_eq!(action(mismatch, Language::En), "Is CALLBACK_TOKEN the token in the Chat console?");
    assert_eq!((targets.subject.as_str(), targets.count), ("targets", Some(1)));

    // Calls of this app are accepted again; of the other app they are not.
    count(&database, OUR_APP, CallOutcome::Stored, "", 1, NOW_MS - 10 * MINUTE_MS);
    assert_eq!(
        keys_at(&database, NOW_MS),
        [
            format!("events_not_stored/{OTHER_APP}/not_stored"),
            format!("calls_rejected/{APP}/sign_mismatch"),
            format!("calls_rejected/{APP}/targets")
        ]
    );
    count(&database, OUR_APP, CallOutcome::Unhandled, "", 1, NOW_MS - 5 * MINUTE_MS);
    assert_eq!(
        keys_at(&database, NOW_MS),
        [format!("events_not_stored/{OTHER_APP}/not_stored"), format!("calls_rejected/{APP}/targets")]
    );
    // The next one is an alert again.
    count(&database, OUR_APP, CallOutcome::Rejected, "sign_mismatch", 1, NOW_MS - MINUTE_MS);
    assert_eq!(alerts(&database)[1].last_at, Some(NOW_MS - MINUTE_MS));
}

#[test]
fn rejected_calls_are_forgotten_after_a_week() {
    let database = Sqlite::default();
    count(&database, 0, CallOutcome::Rejected, "sdk_app_id_foreign", 1, NOW_MS);
    assert_eq!(keys_at(&database, NOW_MS + 7 * DAY_MS - 1), ["calls_rejected/0/sdk_app_id_foreign"]);
    assert_eq!(keys_at(&database, NOW_MS + 7 * DAY_MS), [""; 0]);
}

#[test]
fn what_strangers_send_is_a_notice() {
    for advice in Advice::ALL {
        let database = Sqlite::default();
        count(&database, 0, CallOutcome::Rejected, advice.reason, 900, NOW_MS - 1);
        let alert = only(alerts(&database));
        let expected = match advice.reason {
            "not_stored" => Severity::Critical,
            _ if advice.is_stray => Severity::Notice,
            _ => Severity::Warning,
        };
        assert_eq!((alert.severity(), alert.subject.as_str()), (expected, advice.reason));
    }
    // A reason that only a newer Worker knows.
    let database = Sqlite::default();
    count(&database, OUR_APP, CallOutcome::Rejected, "of_tomorrow", 1, NOW_MS - 1);
    let alert = only(alerts(&database));
    assert_eq!((alert.kind, action(&alert, Language::En)), (AlertKind::CallsRejected, String::new()));
}

#[test]
fn queued_events_are_told_for_an_hour_and_dead_lettered_ones_for_a_day() {
    let database = Sqlite::default();
    count(&database, OUR_APP, CallOutcome::Queued, "", 3, NOW_MS);
    count(&database, OUR_APP, CallOutcome::DeadLettered, "", 2, NOW_MS);
    let (dead, queued) = (format!("events_dead_lettered/{APP}/"), format!("events_queued/{APP}/"));
    assert_eq!(keys_at(&database, NOW_MS + HOUR_MS - 1), [dead.clone(), queued]);
    for ms in [HOUR_MS, DAY_MS - 1] {
        assert_eq!(keys_at(&database, NOW_MS + ms), [&*dead]);
    }
    let silent = format!("no_calls/{APP}/");
    assert_eq!(keys_at(&database, NOW_MS + DAY_MS), [silent]);
}

#[test]
fn silence_is_told_of_an_app_that_had_calls_after_so_many_hours() {
    let database = Sqlite::default();
    // Of no app of ours: a stranger's.
    count(&database, 0, CallOutcome::Rejected, "not_found", 1, NOW_MS);
    // That the app's own call was rejected is another alert.
    count(&database, OUR_APP, CallOutcome::Stored, "", 1, NOW_MS - 30 * MINUTE_MS);
    let silent = |hours: u64, setting: &str| {
        let now = NOW_MS - 30 * MINUTE_MS + hours * HOUR_MS;
        let found = alerts_at(&database, &[("SILENCE_HOURS", setting)], now);
        found.into_iter().find(|it| it.kind == AlertKind::NoCalls)
    };
    for (setting, hours) in [("", 24), ("24", 24), ("1", 1), ("720", 720)] {
        let setting = if setting.is_empty() { "not a number" } else { setting };
        assert_eq!(silent(hours - 1, setting), None, "{setting}");
        let alert = silent(hours, setting).unwrap();
        assert_eq!((alert.app, alert.count, alert.since), (Some(app()), Some(hours), Some(NOW_MS - 30 * MINUTE_MS)));
    }
    assert_eq!(silent(2_000, "0"), None);
    assert_eq!(title(&silent(1, "1").unwrap(), Language::En, false), "No call has come for 1 hour");
    assert_eq!(title(&silent(50, "24").unwrap(), Language::Zh, false), "已有 50 小时没有收到回调");
}

fn change(state: State, at: u64, status: Option<u16>, next_attempt_at: Option<u64>) -> Change {
    let last_error = status.is_none().then_some("timeout");
    Change {
        state,
        attempts: Some(1),
        last_status: status,
        last_error,
        answer: None,
        next_attempt_at,
        at,
        is_replay: false,
    }
}

/// Writes a delivery of the event of this time.
fn deliver(database: &Sqlite, event_time: u64, change: &Change) {
    let id = EventId::of_parts(event_time, &format!("{event_time:032x}")).unwrap();
    database.execute(deliveries::write(app(), &id, change));
}

#[test]
fn a_delivery_is_told_after_ten_minutes_of_retries() {
    let database = Sqlite::default();
    let begun = NOW_MS - 10 * MINUTE_MS;
    deliver(&database, NOW_MS - DAY_MS, &change(State::Retrying, begun, Some(500), Some(begun + 1)));
    // Each attempt leaves the time at which the first one failed.
    deliver(&database, NOW_MS - DAY_MS, &change(State::Retrying, NOW_MS - 1, None, Some(NOW_MS + MINUTE_MS)));
    assert_eq!(keys_at(&database, NOW_MS - 1), [""; 0]);
    let alert = only(alerts(&database));
    assert_eq!(alert.key(), format!("deliveries_retrying/{APP}/"));
    assert_eq!((alert.since, alert.last_at, alert.count), (Some(begun), Some(NOW_MS - 1), Some(1)));
    let text = "1 delivery being retried: your backend did not answer in time";
    assert_eq!(title(&alert, Language::En, false), text);
    assert_eq!(alert.events.len(), 1);
    // A replay begins anew.
    let replay = Change { is_replay: true, ..change(State::Retrying, NOW_MS, None, Some(NOW_MS)) };
    deliver(&database, NOW_MS - DAY_MS, &replay);
    assert_eq!(keys_at(&database, NOW_MS + 10 * MINUTE_MS - 1), [""; 0]);
    assert_eq!(keys_at(&database, NOW_MS + 10 * MINUTE_MS), [format!("deliveries_retrying/{APP}/")]);
    deliver(&database, NOW_MS - DAY_MS, &change(State::Delivered, NOW_MS + 1, Some(200), None));
    assert_eq!(keys_at(&database, NOW_MS + DAY_MS), [""; 0]);
}

#[test]
fn overdue_dead_and_failed_deliveries_are_told() {
    let database = Sqlite::default();
    deliver(&database, NOW_MS - 5, &change(State::Retrying, NOW_MS - 5, Some(500), Some(NOW_MS + 1)));
    deliver(&database, NOW_MS - 6, &change(State::Dead, NOW_MS - 6, Some(503), None));
    deliver(&database, NOW_MS - 7, &change(State::DeliveredFail, NOW_MS - 7, Some(200), None));
    let keys = |names: &[&str]| names.iter().map(|name| format!("{name}/{APP}/")).collect::<Vec<_>>();
    assert_eq!(keys_at(&database, NOW_MS), keys(&["deliveries_dead", "deliveries_answered_fail"]));
    let later = NOW_MS + 3 * HOUR_MS + 1;
    assert_eq!(
        keys_at(&database, later),
        keys(&["deliveries_dead", "deliveries_retrying", "deliveries_answered_fail"])
    );
    let all = keys(&["deliveries_dead", "deliveries_overdue", "deliveries_answered_fail"]);
    assert_eq!(keys_at(&database, later + 1), all);
    assert_eq!(keys_at(&database, NOW_MS + DAY_MS), all[..2]);
    // Without an origin there is nothing to deliver to.
    let none = alerts_at(&database, &[("SINKS", "kv"), ("ORIGIN_URL", "")], NOW_MS);
    assert!(none.iter().all(|it| it.kind == AlertKind::InvalidSetting), "{none:?}");
}

#[test]
fn more_deliveries_than_are_read_are_at_least_so_many() {
    let database = Sqlite::default();
    for n in 0..100 {
        deliver(&database, NOW_MS - DAY_MS - n, &change(State::Dead, NOW_MS - n - 1, Some(500), None));
    }
    let alert = only(alerts(&database));
    assert_eq!((alert.count, alert.is_capped, alert.events.len()), (Some(100), false, 5));
    deliver(&database, NOW_MS - 2 * DAY_MS, &change(State::Dead, NOW_MS - DAY_MS, Some(500), None));
    let alert = only(alerts(&database));
    assert_eq!((alert.count, alert.is_capped), (Some(100), true));
    assert_eq!(title(&alert, Language::En, false), "100+ deliveries given up: your backend answered 500");
}

#[test]
fn settings_are_told_whatever_the_database_is() {
    let more = [("RETENTION_DAYS", "forever"), ("RETENTION_DAY", "30")];
    let texts = |alerts: &[Alert]| -> Vec<String> {
        let text = |it: &Alert| format!("{}. {}", title(it, Language::En, false), action(it, Language::En));
        alerts.iter().map(text).collect()
    };
    let settings = [
        "Invalid setting: RETENTION_DAYS. Fix it: it must be a whole number from 1 to 3650.",
        "No such setting: RETENTION_DAY. It does nothing. Is its name misspelt?",
    ];
    let database = Sqlite::default();
    assert_eq!(texts(&alerts_at(&database, &more, NOW_MS)), settings);
    for (trouble, said) in [
        (Trouble::Fails, "D1 fails"),
        (Trouble::Hangs, "D1 fails"),
        (Trouble::DayLimit, "D1's limit of the day is reached"),
        (Trouble::Full, "D1 is full"),
    ] {
        database.trouble.set(Some(trouble));
        let texts = texts(&alerts_at(&database, &more, NOW_MS));
        assert_eq!((texts.len(), &texts[0]), (3, &settings[0].to_owned()), "{texts:?}");
        assert!(texts[1].starts_with(&format!("{said}. ")) && texts[2] == settings[1], "{texts:?}");
    }
    // Without its tables, the setting is to be fixed.
    let alerts = alerts_at(&Sqlite::without_schema(), &[], NOW_MS);
    assert!(action(&only(alerts), Language::En).contains("migrations apply DB"));
}

#[test]
fn a_database_is_nearly_full_from_four_fifths_of_its_plan_on() {
    let database = Sqlite::default();
    for (plan, size, percent) in [
        ("free", 399_999_999, None),
        ("free", 400_000_000, Some("80")),
        ("paid", 400_000_000, None),
        ("paid", 9_700_000_000, Some("97")),
    ] {
        database.size.set(Some(size));
        let found = alerts_at(&database, &[("PLAN", plan)], NOW_MS);
        let details: Vec<_> = found.iter().map(|it| &*it.detail).collect();
        assert_eq!(details, percent.into_iter().collect::<Vec<_>>(), "{plan}: {size}");
    }
}

#[test]
fn what_the_log_knows_of_itself_is_told() {
    let database = Sqlite::default();
    let since = Some((NOW_MS - 9).to_string());
    database
        .execute(log_state::write(&[(Name::RetentionDueSince, since.clone()), (Name::IncompleteSince, since.clone())]));
    let found = alerts(&database);
    let kinds: Vec<_> = found.iter().map(|it| (it.kind, it.since)).collect();
    let since_ms = Some(NOW_MS - 9);
    assert_eq!(kinds, [(AlertKind::RetentionBehind, since_ms), (AlertKind::LogIncomplete, since_ms)]);
    database.execute(log_state::write(&[(Name::CompleteSince, since), (Name::RetentionDueSince, None)]));
    assert_eq!(alerts(&database), []);
}

/// Adds unfollows of this user at these times.
fn unfollow(database: &Sqlite, user: &str, times: impl IntoIterator<Item = u64>) {
    for (n, time) in times.into_iter().enumerate() {
        let body = json!({ "CallbackCommand": Kind::Unfollow.command(), "From_Account": format!("fan-{n}"), "To_Account": [user], "EventTime": time });
        let body = body.to_string();
        let follow = Follow { event_time: time, ..Follow::parse(Kind::Unfollow, body.as_bytes()).unwrap().remove(0) };
        database.insert(&event_for(app(), "", follow));
    }
}

/// So many unfollows in the hour that begins then, evenly.
fn evenly(begin: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |n| begin + n * HOUR_MS / count)
}

/// A log of seven days in which the user was unfollowed ten times in each hour that counts.
fn log_of_a_week() -> Sqlite {
    let database = Sqlite::default();
    let hour = NOW_MS / HOUR_MS * HOUR_MS;
    for day in 1..=7 {
        for ago in 0..3 {
            unfollow(&database, "anchor", evenly(hour + HOUR_MS - day * DAY_MS - ago * HOUR_MS, 10));
        }
    }
    database
}

#[test]
fn a_burst_is_found_at_the_50th_unfollow_of_five_times_the_usual_hour() {
    let hour = NOW_MS / HOUR_MS * HOUR_MS;
    // Within a clock hour, and from the middle of one to that of the next: evenly, at its two ends, and slowing down.
    let patterns: [(&str, Vec<u64>); 4] = [
        ("in a clock hour", evenly(hour, 50).collect()),
        ("across two", evenly(hour - HOUR_MS / 2, 50).collect()),
        (
            "at two ends",
            evenly(hour - 20 * MINUTE_MS, 250).take(25).chain(evenly(hour + 38 * MINUTE_MS, 1_500).take(25)).collect(),
        ),
        (
            "slowing down",
            evenly(hour - 20 * MINUTE_MS, 150).take(40).chain(evenly(hour + 20 * MINUTE_MS, 40).take(10)).collect(),
        ),
    ];
    for (name, times) in patterns {
        let database = log_of_a_week();
        let (before, last) = times.split_at(49);
        unfollow(&database, "anchor", before.iter().copied());
        assert_eq!(keys_at(&database, before[48]), [""; 0], "{name}");
        unfollow(&database, "anchor", last.iter().copied());
        let found = alerts_at(&database, &[], last[0]);
        let kinds: BTreeSet<_> = found.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [AlertKind::UnfollowBurstOfApp, AlertKind::UnfollowBurstOfUser].into(), "{name}: {found:?}");
        let of_user = found.iter().find(|it| it.kind == AlertKind::UnfollowBurstOfUser).unwrap();
        assert_eq!((of_user.subject.as_str(), of_user.count), ("anchor", Some(50)), "{name}");
        assert_eq!(title(of_user, Language::En, true), "50 unfollows of user anchor in an hour, usually 10");
        assert!(!title(of_user, Language::En, false).contains("anchor"));
        assert!(of_user.names_user());
        // It is over when two clock hours are.
        assert_eq!(keys_at(&database, hour + 2 * HOUR_MS), [""; 0], "{name}");
    }
}

#[test]
fn what_is_usual_or_little_is_no_burst() {
    let hour = NOW_MS / HOUR_MS * HOUR_MS;
    let at = hour + HOUR_MS - 1;
    // Of a user who is never unfollowed otherwise, and in a log without three days.
    for (known, count, is_burst) in [(true, 29, false), (true, 30, true), (false, 500, false)] {
        let database = if known { log_of_a_week() } else { Sqlite::default() };
        unfollow(&database, "quiet", evenly(hour, count));
        let found = keys_at(&database, at).iter().any(|key| key.starts_with("unfollow_burst_of_user"));
        assert_eq!(found, is_burst, "{known} {count}");
    }
    // Four times as many as usual, of one who is unfollowed often.
    let database = Sqlite::default();
    for day in 0..=7 {
        let count = if day == 0 { 100 } else { 25 };
        (0..2).for_each(|ago| unfollow(&database, "anchor", evenly(hour - day * DAY_MS - ago * HOUR_MS, count)));
    }
    assert_eq!(keys_at(&database, at), [""; 0]);
    // A burst that goes on for hours, of one who was never unfollowed before, is what is usual after a while.
    let database = log_of_a_week();
    (0..8).for_each(|ago| unfollow(&database, "new", evenly(hour - ago * HOUR_MS, 60)));
    let is_of_new = |at: u64| keys_at(&database, at).iter().any(|key| key.ends_with("/new"));
    assert!(is_of_new(hour - 6 * HOUR_MS) && !is_of_new(at));
}

#[test]
fn an_unusual_hour_goes_with_its_events() {
    let database = Sqlite::default();
    unfollow(&database, "anchor", evenly(NOW_MS / HOUR_MS * HOUR_MS, 25));
    assert_eq!(database.table("unusual_hours").len(), 1);
    database.execute(Statement { sql: "DELETE FROM events".into(), parameters: Vec::new() });
    assert_eq!(database.table("unusual_hours"), [Value::Null; 0]);
}

#[test]
fn each_reason_and_each_failure_has_a_text() {
    let reasons: BTreeSet<_> = Advice::ALL.iter().map(|advice| advice.reason).collect();
    assert_eq!(reasons, Rejection::ALL.iter().map(|rejection| rejection.row().name).collect());
    assert_eq!(reasons.len(), Advice::ALL.len());
    let failures: BTreeSet<_> = FAILURES.iter().map(|(word, ..)| *word).filter(|word| !word.is_empty()).collect();
    assert_eq!(failures, Failure::words().collect());
}

#[test]
fn each_alert_has_a_title_and_an_action_in_each_language() {
    let has_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for &kind in AlertKind::VARIANTS {
        let subject = if matches!(kind, AlertKind::CallsRejected | AlertKind::StrayCalls | AlertKind::EventsNotStored) {
            "not_stored"
        } else {
            "SUBJECT"
        };
        for detail in ["", "500", "timeout", "of_tomorrow"] {
            for count in [1, 12_345] {
                // What is in braces was all replaced.
                let alert = Alert { detail: detail.to_owned(), count: Some(count), ..Alert::new(kind, None, subject) };
                let [en, zh] = [Language::En, Language::Zh]
                    .map(|language| (title(&alert, language, true), action(&alert, language)));
                assert!(!has_chinese(&en.0) && !has_chinese(&en.1), "{en:?}");
                assert!(has_chinese(&zh.0) && has_chinese(&zh.1), "{zh:?}");
                assert!(
                    !en.0.ends_with('.')
                        && !zh.0.ends_with('。')
                        && en.1.ends_with(['.', '?'])
                        && zh.1.ends_with(['。', '？']),
                    "{en:?} {zh:?}"
                );
            }
        }
    }
}
