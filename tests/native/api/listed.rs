//! What a list shows of an event: the record without query and body, as far as the metadata has it.

use proptest::prelude::*;
use serde_json::{Value, json};
use unfollow_webhook::event::listed::ListedEvent;

use super::{FakeReader, TestEvent, any_event, encoded, get, id_in, json_of};
use crate::samples::{APP, NOW_MS, app};

fn listed(reader: &FakeReader, query: &str) -> Vec<Value> {
    let answer = json_of(&get(reader, "/v1/events", query));
    answer["events"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_listed_event_is_its_record_less_query_and_body(
        test_event in any_event(),
        platform in proptest::option::of("\\PC{1,12}"),
        request_id in proptest::option::weighted(0.2, "[a\u{1f642}\"]{200,300}"),
    ) {
        let part = |name, text: &Option<String>| text.as_ref().map(|text| format!("{name}={}&", encoded(text)));
        let query = part("OptPlatform", &platform).unwrap_or_default()
            + &part("RequestId", &request_id).unwrap_or_default()
            + "ClientIP=127.0.0.1";
        let entry = test_event.entry_of(&query);
        let reader = FakeReader::of([entry.clone()]);
        let item = listed(&reader, "").remove(0);
        let mut record = json_of(&get(&reader, &format!("/v1/events/{APP}/{}", id_in(&entry.key)), ""));
        for name in ["query", "body"] {
            prop_assert!(record.as_object_mut().unwrap().remove(name).is_some());
        }
        if item.get("truncated").is_none() {
            prop_assert_eq!(item, record);
            return Ok(());
        }
        // The metadata says what was cut (see `event.rs`); the rest is whole.
        let metadata: Value = serde_json::from_str(&entry.metadata).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        record["to_accounts_total"] = json!(test_event.to.len());
        record["truncated"] = json!(true);
        prop_assert_eq!(names(&item), names(&record));
        for name in names(&item) {
            prop_assert_eq!(&item[&name], metadata.get(&name).unwrap_or(&record[&name]), "{}", name);
        }
    }
}

#[test]
fn an_events_members_have_the_names_of_the_contract() {
    let test_event = TestEvent { to: vec!["b".to_owned(), "c".to_owned()], ..TestEvent::at(NOW_MS) };
    let reader = FakeReader::of([test_event.entry_of("RequestId=r&OptPlatform=Web")]);
    let expected = json!([{
        "id": test_event.id(), "sdk_app_id": 1_400_000_000, "kind": "unfollow", "from_account": "a",
        "to_accounts": ["b", "c"], "event_time": NOW_MS, "received_at": NOW_MS, "opt_platform": "Web",
        "client_ip": null, "request_id": "r",
    }]);
    assert_eq!(Value::from(listed(&reader, "")), expected);
}

/// Metadata of an event, as another version may have written it.
fn of_metadata(metadata: &Value) -> Vec<Value> {
    let reader = FakeReader::default();
    reader.put(&TestEvent::at(NOW_MS).entry().key, "{}", &metadata.to_string());
    listed(&reader, "")
}

#[test]
fn metadata_of_another_version_is_read_as_far_as_it_goes() {
    let least = json!({ "kind": "follow", "from_account": "a", "to_accounts": ["b"] });
    let expected = json!({
        "id": TestEvent::at(NOW_MS).id(), "sdk_app_id": 1_400_000_000, "kind": "follow", "from_account": "a",
        "to_accounts": ["b"], "event_time": NOW_MS, "received_at": null, "opt_platform": null, "client_ip": null,
        "request_id": null,
    });
    assert_eq!(of_metadata(&least), std::slice::from_ref(&expected));
    // Unknown members, and members whose values are in the key.
    let mut more = least.clone();
    for (name, value) in [("x", json!([{}])), ("id", json!("x")), ("event_time", json!(1)), ("truncated", json!(false))]
    {
        more[name] = value;
    }
    assert_eq!(of_metadata(&more), [expected]);
    // One that is needed is missing, or of another kind.
    for name in ["kind", "from_account", "to_accounts"] {
        let mut less = least.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(of_metadata(&less), [Value::Null; 0], "{name}");
    }
    for kind in [json!("block"), json!("Follow"), json!(1), Value::Null] {
        let mut other = least.clone();
        other["kind"] = kind;
        assert_eq!(of_metadata(&other), [Value::Null; 0]);
    }
}

#[test]
fn a_user_is_found_as_actor_and_target_and_wherever_it_may_have_been_cut() {
    let by = |time, from: &str, to: &[&str]| TestEvent {
        from: from.to_owned(),
        to: to.iter().map(|&it| it.to_owned()).collect(),
        ..TestEvent::at(time)
    };
    let many: Vec<_> = (0..300).map(|n| format!("user{n}")).collect();
    let cut = TestEvent { to: many, ..TestEvent::at(5) };
    assert!(cut.is_cut());
    let events = [
        by(1, "x", &["y", "z"]),
        by(2, "z", &["x"]),
        by(3, "xx", &["X", "\u{e9}\"\\ &=+"]),
        by(4, "[\"x\"]", &["\"x\""]),
        cut,
    ];
    let reader = super::reader_of(&events);
    for (user, times) in [
        ("x", vec![5, 2, 1]),
        ("z", vec![5, 2, 1]),
        ("y", vec![5, 1]),
        ("X", vec![5, 3]),
        ("\u{e9}\"\\ &=+", vec![5, 3]),
        ("\"x\"", vec![5, 4]),
        ("[\"x\"]", vec![5, 4]),
        ("user299", vec![5]),
        ("nobody", vec![5]),
    ] {
        let found: Vec<_> = listed(&reader, &format!("user={}", encoded(user)))
            .iter()
            .map(|it| it["event_time"].as_u64().unwrap())
            .collect();
        assert_eq!(found, times, "{user}");
    }
}

#[test]
fn targets_are_counted_by_the_total_where_the_list_was_cut() {
    let id = TestEvent::at(1).id();
    let targets = |members: &str| {
        let metadata = format!(r#"{{"kind":"follow","from_account":"a","to_accounts":{members}}}"#);
        ListedEvent::read(app(), &id, &serde_json::from_str(&metadata).unwrap()).unwrap().targets()
    };
    for (members, count) in [
        ("[]", 0),
        (r#"["b"]"#, 1),
        (r#"["b","c,d","]"]"#, 3),
        (r#"["b"],"to_accounts_total":300,"truncated":true"#, 300),
    ] {
        assert_eq!(targets(members), count, "{members}");
    }
}
