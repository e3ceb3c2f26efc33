//! A queue message: its text is the documented one, and no text makes the reader panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
        message::Message,
    },
    outgoing::OutgoingError,
    sink::Sink,
    webhook::{command::Kind, query::QUERY_MAX},
};

use crate::samples::{APP, FOLLOW, NOW_MS, UNFOLLOW, app, event, query};

/// Most bytes of a message that a queue takes.
const MESSAGE_MAX: usize = 128_000;

const GOLDEN: &str = r#"{"v":1,"job":"deliver","sdk_app_id":1400000000,"received_at":1702018344000,"query":"SdkAppid=1400000000&CallbackCommand=Follow.CallbackAfterFollowDelete&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS","body":{"CallbackCommand":"Follow.CallbackAfterFollowDelete","From_Account":"UserID_001","To_Account":["UserID_002","UserID_003"],"EventTime":1702018343678}}"#;

fn text_of(query: &str, body: &str, sink: Sink) -> String {
    Message::of(&event(query, Kind::Unfollow, body.as_bytes()), sink).text()
}

#[test]
fn a_message_is_the_documented_text() {
    assert_eq!(text_of(&query(Kind::Unfollow.command()), UNFOLLOW, Sink::Origin), GOLDEN);
    let to_store = text_of(&query(Kind::Unfollow.command()), UNFOLLOW, Sink::Kv);
    assert_eq!(to_store, GOLDEN.replace("deliver", "store_kv"));
    let to_log = text_of(&query(Kind::Unfollow.command()), UNFOLLOW, Sink::D1);
    assert_eq!(to_log, GOLDEN.replace("deliver", "store_d1"));
}

#[test]
fn a_message_is_read_as_it_was_written() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        for &sink in Sink::VARIANTS {
            let query = query(kind.command());
            let event = event(&query, kind, body.as_bytes());
            let text = Message::of(&event, sink).text();
            let message = Message::read(&text).unwrap();
            assert_eq!((message.sink, message.app, message.received_at), (sink, app(), NOW_MS));
            assert_eq!((&*message.query, message.body.get()), (&*event.query(), body));
            let again = message.event().unwrap();
            assert_eq!(again.entry(Some(9), NOW_MS), event.entry(Some(9), NOW_MS));
            assert_eq!(message.text(), text);
        }
    }
}

#[test]
fn a_body_goes_through_a_message_byte_for_byte() {
    let body = "{\"To_Account\" :\t[\"b\\u0000\\/\\ud83d\\ude42\"],\r\n \"x\":[1.0, 1e999,-0,12345678901234567890],\"x\":\"\\ud800\",\
                \"From_Account\":\"\u{e9}\u{2028}\" , \"EventTime\" : \"1\" }";
    let text = text_of(&query(Kind::Unfollow.command()), &format!(" \n{body}\r\n"), Sink::Origin);
    assert_eq!(Message::read(&text).unwrap().body.get(), body);
    assert_eq!(Message::read(&text).unwrap().event().unwrap().body().get(), body);
}

#[test]
fn a_query_goes_through_a_message_as_it_came_without_its_signature() {
    for (came, stored) in [
        ("", ""),
        (
            "CallbackCommand=Follow.CallbackAfterFollowDelete&&x=%zz&y=a\"b\\c&Sign=0&RequestTime=1&z=",
            r#"CallbackCommand=Follow.CallbackAfterFollowDelete&&x=%zz&y=a"b\c&z="#,
        ),
    ] {
        let text = text_of(came, UNFOLLOW, Sink::Origin);
        assert_eq!(Message::read(&text).unwrap().query, stored);
        assert_eq!(Message::read(&text).unwrap().event().unwrap().query(), stored);
    }
    assert!(!text_of(&query(Kind::Unfollow.command()), UNFOLLOW, Sink::Origin).contains("Sign"));
}

#[test]
fn the_largest_event_fits_into_one_message() {
    // A URL leaves backslashes unescaped, JSON does not. Quotes cannot occur in a query.
    let mut query = format!("CallbackCommand={}&x=", Kind::Unfollow.command());
    query.extend(std::iter::repeat_n('\\', QUERY_MAX - query.len()));
    let head = r#"{"From_Account":"a","To_Account":["b"],"EventTime":1702018343678,"x":""#;
    let body = format!("{head}{}\"}}", "x".repeat(65_536 - head.len() - 2));
    // JSON would escape the second body again if it went in as a string.
    for body in [body.clone(), body.replace("xx", "\\n")] {
        let text = text_of(&query, &body, Sink::Origin);
        assert!(body.len() > 65_530 && query.len() == 4096);
        assert!(text.len() <= MESSAGE_MAX, "{} bytes", text.len());
        assert_eq!(Message::read(&text).unwrap().event().unwrap().body().get(), body.trim());
    }
}

#[test]
fn unknown_members_are_ignored_and_a_missing_query_is_filled_in() {
    let other = format!(
        r#" {{"x":[1,{{"v":2}}],"body":{UNFOLLOW} , "received_at":7,"sdk_app_id":{APP},"job":"store_kv","v":1,"sign":null}} "#
    );
    let message = Message::read(&other).unwrap();
    assert_eq!((message.sink, message.app, message.received_at), (Sink::Kv, app(), 7));
    assert_eq!((&*message.query, message.body.get()), ("", UNFOLLOW));
    // The command is then the body's.
    assert_eq!(message.event().unwrap().targets(), 2);
}

#[test]
fn what_is_no_message_of_ours_is_unreadable() {
    assert!(Message::read(GOLDEN).is_some());
    for (part, other) in [
        (r#""v":1,"#, ""),
        (r#""v":1"#, r#""v":2"#),
        (r#""v":1"#, r#""v":"1""#),
        (r#""v":1"#, r#""v":null"#),
        (r#""job":"deliver","#, ""),
        (r#""job":"deliver""#, r#""job":"forget""#),
        (r#""job":"deliver""#, r#""job":"Deliver""#),
        (r#""job":"deliver""#, r#""job":1"#),
        (r#""sdk_app_id":1400000000,"#, ""),
        ("1400000000,\"r", "0,\"r"),
        ("1400000000,\"r", "-1,\"r"),
        ("1400000000,\"r", "\"1400000000\",\"r"),
        (r#""received_at":1702018344000,"#, ""),
        ("1702018344000", "-1"),
        ("1702018344000", "1.5"),
        (r#""body""#, r#""bodies""#),
        ("}}", "}"),
        ("{\"v\"", "[\"v\""),
    ] {
        let text = GOLDEN.replacen(part, other, 1);
        assert_ne!(text, GOLDEN, "{part}");
        assert!(Message::read(&text).is_none(), "{text}");
    }
    for text in ["", "{}", "null", "\u{feff}", "[object Object]", "{\"v\":1}"] {
        assert!(Message::read(text).is_none(), "{text}");
    }
}

#[test]
fn a_message_about_no_event_has_none() {
    for (part, other) in [
        (r#""From_Account":"UserID_001","#, ""),
        ("\"EventTime\":1702018343678", "\"EventTime\":-1"),
        ("&CallbackCommand=Follow.CallbackAfterFollowDelete", "&CallbackCommand=State.StateChange"),
        ("&CallbackCommand=Follow.CallbackAfterFollowDelete", "&CallbackCommand=Follow.CallbackAfterFollowAdd"),
        ("ClientIP=127.0.0.1", "ClientIP=%ff"),
    ] {
        let text = GOLDEN.replacen(part, other, 1);
        assert_ne!(text, GOLDEN, "{part}");
        assert!(Message::read(&text).unwrap().event().is_none(), "{text}");
    }
}

#[test]
fn a_dead_letter_holds_the_message_and_why() {
    let query = query(Kind::Unfollow.command());
    let event = event(&query, Kind::Unfollow, UNFOLLOW.as_bytes());
    let days = |days: u64| days * 86_400;
    for (failure, status, error) in [
        (Failure::Status(404), json!(404), Value::Null),
        (Failure::Origin(OutgoingError::Late), Value::Null, json!("timeout")),
    ] {
        let entry = dead_letter::entry(&event, Sink::Origin, failure, NOW_MS + 5, Some(86_400));
        assert_eq!(entry.key, format!("dead/{APP}/{}", event.id()));
        // At least 30 days from `dead_at`: otherwise nobody might ever see it.
        let expiring = |retention| dead_letter::entry(&event, Sink::Origin, failure, NOW_MS + 5, retention).expiration;
        let dead_at = (NOW_MS + 5) / 1000;
        assert_eq!(entry.expiration, Some(dead_at + days(30)));
        assert_eq!((expiring(Some(days(90))), expiring(None)), (Some(dead_at + days(90)), None));
        let mut value: Value = serde_json::from_str(&entry.value).unwrap();
        let message = value.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(message, serde_json::from_str::<Value>(GOLDEN).unwrap());
        assert!(entry.value.ends_with(&format!(",\"message\":{GOLDEN}}}")), "{}", entry.value);
        let expected = json!({
            "last_status": status, "last_error": error, "received_at": NOW_MS, "dead_at": NOW_MS + 5,
            "job": "deliver", "targets": 2,
        });
        assert_eq!(value, expected);
        assert_eq!(serde_json::from_str::<Value>(&entry.metadata).unwrap(), expected);
        assert_eq!(dead_letter::message(&entry.value).as_deref(), Some(GOLDEN));
    }
}

#[test]
fn an_unreadable_message_is_stored_as_it_came_under_its_own_id() {
    for text in ["", "\"", "{\"v\":2}", "no JSON \u{0}\u{2028}"] {
        let entry = dead_letter::raw_entry("0123456789abcdef", text, Failure::Other(Reason::Unreadable), NOW_MS, None);
        assert_eq!((&*entry.key, entry.expiration), ("dead/0/0123456789abcdef", None));
        let value: Value = serde_json::from_str(&entry.value).unwrap();
        assert_eq!(
            (&value["message"], &value["last_error"], &value["dead_at"]),
            (&json!(text), &json!("unreadable"), &json!(NOW_MS))
        );
        assert!(entry.metadata.len() <= 1024);
        assert_eq!(dead_letter::message(&entry.value), None);
    }
}

/// It was stored as text because it ended the invocations that were to file it, not because nobody can read it.
#[test]
fn a_readable_message_that_was_stored_as_text_is_read_back() {
    let spaced = GOLDEN.replace("\"v\":1", " \"v\" : 1").replace("UserID_001", "\u{5fae}\\ud83d\\ude42\\\"\\\\");
    for text in [GOLDEN.to_owned(), GOLDEN.replace("deliver", "store_kv"), spaced] {
        let entry =
            dead_letter::raw_entry("0123456789abcdef", &text, Failure::Other(Reason::Crashed), NOW_MS, Some(86_400));
        let value: Value = serde_json::from_str(&entry.value).unwrap();
        let expected = json!({ "last_status": null, "last_error": "crashed", "dead_at": NOW_MS, "message": text });
        assert_eq!((&*entry.key, &value), ("dead/0/0123456789abcdef", &expected));
        assert!(entry.expiration.is_some() && entry.metadata.len() <= 1024);
        assert_eq!(dead_letter::message(&entry.value), Some(text.into()));
    }
    let quoted = json!(GOLDEN).to_string();
    for text in ["poison", "", "{}", "null", "[object Object]", &quoted, &GOLDEN[1..], &format!("{GOLDEN}{GOLDEN}")] {
        let entry = dead_letter::raw_entry("x", text, Failure::Other(Reason::Crashed), NOW_MS, None);
        assert_eq!(dead_letter::message(&entry.value), None, "{text}");
    }
    // What is about no event would only become a dead letter again, under another id.
    let no_event = GOLDEN.replace("\"EventTime\":1702018343678", "\"EventTime\":-1");
    let entry = dead_letter::raw_entry("x", &no_event, Failure::Other(Reason::Unreadable), NOW_MS, None);
    assert_eq!(dead_letter::message(&entry.value), None);
}

#[test]
fn a_stored_record_becomes_the_message_that_it_first_was() {
    for (kind, body) in [(Kind::Unfollow, UNFOLLOW), (Kind::Follow, FOLLOW)] {
        let query = query(kind.command());
        let event = event(&query, kind, body.as_bytes());
        let record = event.entry(None, NOW_MS + 9).value;
        assert_eq!(Message::of_record(&record).unwrap().text(), Message::of(&event, Sink::Origin).text());
    }
}

/// Something like a message, or nothing like it.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let golden = || GOLDEN.as_bytes().to_vec();
    let cut = (0..GOLDEN.len()).prop_map(move |at| golden()[..at].to_vec());
    let changed = prop::collection::vec((0..GOLDEN.len(), any::<u8>()), 1..4).prop_map(move |changes| {
        let mut bytes = golden();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        bytes
    });
    let number = prop_oneof![any::<u64>().prop_map(|it| it.to_string()), "[-+0-9.eE]{1,25}"];
    let built = (number.clone(), any::<String>(), number, any::<String>(), any::<String>()).prop_map(
        |(app, job, at, query, body)| {
            format!(
                "{{\"v\":1,\"job\":{},\"sdk_app_id\":{app},\"received_at\":{at},\"query\":{},\"body\":{body}}}",
                json!(job),
                json!(query)
            )
            .into_bytes()
        },
    );
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..200), 2 => cut, 4 => changed, 2 => built]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    /// Whatever is on the queue.
    #[test]
    fn reading_a_message_never_panics(bytes in texts()) {
        let text = String::from_utf8_lossy(&bytes);
        if let Some(message) = Message::read(&text) {
            let again = message.text();
            prop_assert_eq!(Message::read(&again).map(|read| read.text()), Some(again.clone()));
            if let Some(event) = message.event() {
                // A message with an event can become a dead letter and be read back from it.
                let entry = dead_letter::entry(&event, message.sink, Failure::Sink(Sink::Kv), NOW_MS, Some(1));
                prop_assert!(dead_letter::message(&entry.value).is_some(), "{}", entry.value);
            }
        }
        let _ = (Message::of_record(&text), dead_letter::message(&text));
        let entry = dead_letter::raw_entry("id", &text, Failure::Other(Reason::Crashed), NOW_MS, None);
        let value: Value = serde_json::from_str(&entry.value).unwrap();
        prop_assert_eq!(value["message"].as_str(), Some(&*text));
        let is_readable = Message::read(&text).is_some_and(|message| message.event().is_some());
        let replayed = dead_letter::message(&entry.value);
        prop_assert_eq!(replayed.as_deref(), is_readable.then_some(&*text));
    }
}

#[test]
fn a_word_of_another_version_is_unknown() {
    for (stored, shown) in
        [("timeout", "timeout"), ("crashed", "crashed"), ("a_newer_word", "unknown"), ("", "unknown")]
    {
        let metadata = dead_letter::Metadata::read(&json!({ "last_error": stored, "last_status": null })).unwrap();
        assert_eq!(serde_json::to_value(metadata).unwrap()["last_error"], shown, "{stored}");
    }
}
