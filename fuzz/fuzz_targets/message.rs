//! A queue message is read as serde_json's `Value` reads it, and what is written of it, dead letters included, is read back
//! the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use second_reader::read;
use strum::VariantArray as _;
use unfollow_webhook::{
    delivery::{
        dead_letter,
        failure::{Failure, Reason},
        message::Message,
    },
    sink::Sink,
};

const NOW_MS: u64 = 1_702_018_344_000;

fuzz_target!(|text: &str| {
    let message = Message::read(text);
    let event = message.as_ref().and_then(Message::event);

    // Whatever it is, as a dead letter it is stored as it came, and replayed if there is an event in it.
    let raw = dead_letter::raw_entry("id", text, Failure::Other(Reason::Unreadable), NOW_MS, None);
    let stored = read(&raw.value).expect("our own JSON, without anything deep");
    assert_eq!(stored["message"], text);
    assert_eq!(dead_letter::message(&raw.value).as_deref(), event.is_some().then_some(text));

    let Some(message) = &message else { return };
    let Message { sink, app, received_at, query, body, .. } = message;
    if let Some(second) = read(text) {
        assert_eq!(second["v"], 1);
        assert_eq!(second["job"], sink.job());
        assert_eq!(second["sdk_app_id"], app.get());
        assert_eq!(second["received_at"], *received_at);
        assert_eq!(second.get("query").map_or(Some(""), |query| query.as_str()), Some(&**query));
        assert_eq!(Some(&second["body"]), read(body.get()).as_ref());
    }
    let written = message.text();
    let again = Message::read(&written).expect("what was written is read");
    assert_eq!((again.sink, again.app, again.received_at), (*sink, *app, *received_at));
    assert_eq!((&again.query, again.body.get()), (query, body.get()));
    assert_eq!(again.text(), written);

    let Some(event) = event else { return };
    let entry = event.entry(None, NOW_MS);
    let actor = read(&event.summary()).expect("our own JSON")["from_account"].as_str().expect("a text").to_owned();
    assert!(event.has_part(&actor));
    for &sink in Sink::VARIANTS {
        let written = Message::of(&event, sink).text();
        let again = Message::read(&written).expect("a message of ours");
        assert_eq!(again.event().expect("an event").entry(None, NOW_MS), entry);
        let letter = dead_letter::entry(&event, sink, Failure::Sink(Sink::Kv), NOW_MS, None);
        assert_eq!(dead_letter::message(&letter.value).as_deref(), Some(&*written));
        assert!(dead_letter::keys(event.app(), event.id()).any(|key| key == letter.key));
        assert!(dead_letter::has_part(&letter.value, event.app(), &actor), "an erasure would pass over it");
    }
});
