//! A stored record is JSON with the values of the event, and the event is read back from it. The input is a query and a body, with
//! a NUL between them; without one, it is a record, or a dead letter, that somebody else wrote.

#![no_main]

use libfuzzer_sys::fuzz_target;
use second_reader::read;
use serde_json::{Value, json};
use unfollow_webhook::{
    delivery::{dead_letter, message::Message},
    event::{Entry, Event, EventId, METADATA_MAX, key},
    webhook::{
        SdkAppId,
        auth::Policy,
        body::{self, Follow},
        command::Kind,
        query::Query,
    },
};

const NOW_MS: u64 = 1_702_018_344_000;

fuzz_target!(|text: &str| {
    match text.split_once('\0') {
        Some((query, body)) => written(query, body),
        None => stored(text),
    }
});

/// An event that came, through its record and back.
fn written(query: &str, body: &str) {
    let Ok(query) = Query::parse(query) else { return };
    let app = query.sdk_app_id.as_deref().and_then(SdkAppId::parse);
    let app = app.or(SdkAppId::parse("1400000000")).expect("an app");
    let command = query.command.clone().or_else(|| body::command(body.as_bytes()));
    let Some(kind) = command.and_then(|command| Kind::of(&command)) else { return };
    let Ok(mut follows) = Follow::parse(kind, body.as_bytes()) else { return };
    let follow = follows.remove(0);
    let (from_account, to_accounts, event_time) =
        (follow.from_account.to_string(), follow.to_accounts.clone(), follow.event_time);
    let authentic = Policy::Unsigned.check(query.clone(), None, None, NOW_MS).expect("nothing is asked for");
    let event = Event::new(app, authentic, follow, NOW_MS);

    let entry = event.entry(Some(86_400), NOW_MS);
    let summary = json!({
        "id": event.id().as_str(),
        "sdk_app_id": app.get(),
        "kind": kind.name(),
        "from_account": from_account,
        "to_accounts": to_accounts,
        "event_time": event_time,
        "received_at": NOW_MS,
        "opt_platform": query.opt_platform,
        "client_ip": query.client_ip,
        "request_id": query.request_id,
    });
    assert_eq!(read(&event.summary()).as_ref(), Some(&summary));
    if let Some(mut record) = read(&entry.value) {
        let members = record.as_object_mut().expect("an object");
        assert_eq!(members.remove("query").as_ref().and_then(Value::as_str), Some(&*query.without_signature()));
        assert_eq!(members.remove("body"), read(event.body().get()));
        assert_eq!(record, summary);
    }
    assert!(entry.value.ends_with(&format!("{}}}", event.body().get())), "the body is not as it came");
    check_entry(&entry, &event);
    read_back(&entry);
}

/// A text under the key of a record or a dead letter.
fn stored(text: &str) {
    let _ = dead_letter::message(text);
    let app = SdkAppId::parse("1400000000").expect("an app");
    let _ = dead_letter::has_part(text, app, "UserID_001");
    let Some(message) = Message::of_record(text) else { return };
    if let Some(record) = read(text) {
        assert_eq!(record["sdk_app_id"], message.app.get());
        assert_eq!(record["received_at"], message.received_at);
        assert_eq!(record.get("query").map_or(Some(""), |query| query.as_str()), Some(&*message.query));
    }
    let Some(event) = message.event() else { return };
    let entry = event.entry(Some(86_400), NOW_MS);
    check_entry(&entry, &event);
    read_back(&entry);
}

/// What the record says is the same event.
fn read_back(entry: &Entry) {
    let message = Message::of_record(&entry.value).expect("what was written is read");
    let event = message.event().expect("an event");
    assert_eq!(&event.entry(Some(86_400), NOW_MS), entry);
}

/// Key, id and metadata are what KV takes, and what lists show.
fn check_entry(entry: &Entry, event: &Event<'_>) {
    assert_eq!(entry.key, key(event.app(), event.id()));
    assert_eq!(EventId::read(event.id().as_str()).as_ref(), Some(event.id()));
    assert_eq!(EventId::of_parts(event.id().event_time(), event.id().hash()).as_ref(), Some(event.id()));
    assert!(entry.metadata.len() <= METADATA_MAX, "KV takes no more");
    let metadata = read(&entry.metadata).expect("our own JSON");
    let summary = read(&event.summary()).expect("our own JSON");
    if metadata.get("truncated").is_none() {
        for (name, value) in metadata.as_object().expect("an object") {
            assert_eq!(summary.get(name), Some(value), "{name}");
        }
    } else {
        assert_eq!(metadata["to_accounts_total"], event.targets());
        let listed = metadata["to_accounts"].as_array().expect("a list");
        assert!(summary["to_accounts"].as_array().expect("a list").starts_with(listed));
    }
}
