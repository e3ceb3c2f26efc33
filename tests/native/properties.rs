//! What must hold for any input: random bytes, and calls that were damaged on their way.

use std::ops::Range;

use proptest::{prelude::*, sample::Index};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    config::Config,
    event::EventId,
    receive::CallLog,
    receive::validate::{Decision, RequestHead, validate_head},
    routes::{Target, may_be_webhook_path},
    webhook::{
        SdkAppId,
        auth::Sign,
        body::{self, Follow, FollowError},
        command::Kind,
        query::Query,
    },
};

use crate::samples::{APP, FOLLOW, NOW_MS, UNFOLLOW, app, config, post, query, signed, unsigned, url_of};

/// One way in which bytes come out other than they went in.
#[derive(Clone, Debug)]
enum Damage {
    FlipBit(Index, u8),
    SetByte(Index, u8),
    Truncate(Index),
    Drop(Index, Index),
    Duplicate(Index, Index, Index),
    /// A piece of another seed.
    Splice(Index, Index, Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    // Bytes that mean something to the parsers are more frequent.
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(&b"{}[]\":,\\%&=+/#?u0-9e.\0\xff\xef "[..])];
    prop_oneof![
        2 => (at(), 0..8_u8).prop_map(|(at, bit)| Damage::FlipBit(at, bit)),
        2 => (at(), byte).prop_map(|(at, byte)| Damage::SetByte(at, byte)),
        1 => at().prop_map(Damage::Truncate),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Drop(from, to)),
        1 => (at(), at(), at()).prop_map(|(from, to, at)| Damage::Duplicate(from, to, at)),
        1 => (at(), at(), at(), at()).prop_map(|(seed, from, to, at)| Damage::Splice(seed, from, to, at)),
    ]
}

fn piece(bytes: &[u8], from: Index, to: Index) -> Range<usize> {
    let [from, to] = [from, to].map(|it| it.index(bytes.len() + 1));
    from.min(to)..from.max(to)
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage, seeds: &[Vec<u8>]) {
    let insert = |bytes: &mut Vec<u8>, at: Index, piece: Vec<u8>| {
        let at = at.index(bytes.len() + 1);
        bytes.splice(at..at, piece);
    };
    match damage {
        Damage::FlipBit(..) | Damage::SetByte(..) if bytes.is_empty() => {}
        Damage::FlipBit(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Damage::SetByte(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Damage::Drop(from, to) => drop(bytes.drain(piece(bytes, *from, *to))),
        Damage::Duplicate(from, to, at) => insert(bytes, *at, bytes[piece(bytes, *from, *to)].to_vec()),
        Damage::Splice(seed, from, to, at) => {
            let seed = seed.get(seeds);
            insert(bytes, *at, seed[piece(seed, *from, *to)].to_vec());
        }
    }
}

/// One of the seeds, damaged a few times; or bytes that have nothing to do with them.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let choice = (any::<Index>(), proptest::collection::vec(damage(), 0..6));
    let from_seed = choice.prop_map(move |(seed, damages)| {
        let mut bytes = seed.get(&seeds).clone();
        damages.iter().for_each(|damage| apply(&mut bytes, damage, &seeds));
        bytes
    });
    prop_oneof![6 => from_seed, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let odd = r#" {"x":[[1e999,{"To_Account":"a"}],"\ud800"],"EventTime":"9999999999999","From_Account":"\u5fae\"é🙂","To_Account":["a","b\\"]} "#;
    let numbers =
        r#"{"x":[-0,0.5,1E+9,1e-9,-12.50e00,true,false,null],"From_Account":"a","To_Account":["b"],"EventTime":0}"#;
    let escapes =
        r#"{"From_Account":"\ud83d\ude42\udbff\udfff","To_Account":["\u0000\b\f\n\r\t\/\\\""],"EventTime":"1"}"#;
    let probe = r#"{"CallbackCommand":"Follow.CallbackAfterFollowDelete"}"#;
    let duplicate = r#"{"CallbackCommand":"","CallbackCommand":1}"#;
    let seeds = [UNFOLLOW, FOLLOW, odd, numbers, escapes, probe, duplicate, "{}", "", "\u{feff}"];
    damaged(seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect())
}

/// Bytes as the text that a URL may be; what is no UTF-8 is replaced, or read as Latin-1.
fn text(bytes: &[u8], latin: bool) -> String {
    if latin { bytes.iter().copied().map(char::from).collect() } else { String::from_utf8_lossy(bytes).into_owned() }
}

fn queries() -> impl Strategy<Value = Vec<u8>> {
    let long = format!("x={}", "%41".repeat(1400));
    let seeds = [
        query(Kind::Unfollow.command()),
        query(Kind::Follow.command()),
        query("C2C.CallbackAfterSendMsg"),
        format!("SdkAppId={APP}&%53ign=%41&RequestID=%E5%BE%AE&RequestTime=1&&=&x=%zz&contenttype"),
        String::new(),
        long,
    ];
    damaged(seeds.map(String::into_bytes).to_vec())
}

fn urls() -> impl Strategy<Value = Vec<u8>> {
    let seeds = [
        url_of(Kind::Unfollow),
        url_of(Kind::Follow).replace("https://www.example.com", "http://[::1]:8787"),
        format!("http://user:pass@127.0.0.1:80/hook/x?SdkAppid={APP}#fragment?"),
        "HTTPS://localhost".to_owned(),
        "://?#@:[]".to_owned(),
    ];
    damaged(seeds.map(String::into_bytes).to_vec())
}

/// Whether a text is JSON; numbers may be too large for any float, and arrays deep.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Runs a call through all steps that need no store.
fn steps(config: &Config, head: RequestHead<'_>, declared: Option<u64>, body: &[u8]) -> &'static str {
    let (settings, mut record) = (config.calls.settings.as_ref().unwrap(), CallLog::default());
    let decision = validate_head(head, settings, NOW_MS, &mut record).and_then(|call| {
        call.body_max(declared)?;
        call.decide(body, NOW_MS, &mut record)
    });
    match decision {
        Ok(Decision::Probe) => "probe",
        Ok(Decision::Unhandled) => "unhandled",
        Ok(Decision::Store(events)) => {
            assert!(!events.is_empty());
            for event in events {
                let entry = event.entry(Some(86_400), NOW_MS);
                assert!(is_json(&entry.value), "{}", entry.value);
                assert!(is_json(&entry.metadata), "{}", entry.metadata);
            }
            "stored"
        }
        Err(rejection) => rejection.row().name,
    }
}

fn is_ok(outcome: &str) -> bool {
    matches!(outcome, "stored" | "probe" | "unhandled")
}

/// The members of a Follow body as read by serde_json's `Value`, a second reader. `None` where it is none, or where
/// that reader cannot tell: it gives up on large numbers, deep arrays and half a surrogate pair.
fn second_reading(kind: Kind, body: &[u8]) -> Option<(String, Vec<String>, u64)> {
    let text = std::str::from_utf8(body).ok()?;
    let value: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let list = |name: &str| value.get(name)?.as_array().filter(|list| !list.is_empty()).cloned();
    let targets: Option<Vec<_>> = match kind {
        Kind::Unfollow => list("To_Account")?.iter().map(text).collect(),
        Kind::Follow => list("FollowList")?.iter().map(|it| it.get("To_Account").and_then(text)).collect(),
    };
    let event_time: u64 = match value.get("EventTime")? {
        Value::String(digits) if digits.len() <= 13 && digits.bytes().all(|it| it.is_ascii_digit()) => {
            digits.parse().ok()?
        }
        Value::Number(number) => number.as_u64().filter(|time| *time <= 9_999_999_999_999)?,
        _ => return None,
    };
    let event_time = if event_time < 10_000_000_000 { event_time * 1000 } else { event_time };
    if value.get("CallbackCommand").is_some_and(|command| command != kind.command()) {
        return None;
    }
    Some((text(value.get("From_Account")?)?, targets?, event_time))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// A body is read in the same way as by another reader, wherever both can read it.
    #[test]
    fn a_body_that_was_damaged_is_read_right_or_rejected(
        body in bodies(),
        kind in proptest::sample::select(Kind::VARIANTS),
    ) {
        let only = |mut follows: Vec<_>| {
            assert_eq!(follows.len(), 1);
            follows.remove(0)
        };
        let (read, second) = (Follow::parse(kind, &body).map(only), second_reading(kind, &body));
        match (&read, &second) {
            (Ok(follow), Some((from, targets, event_time))) => {
                prop_assert_eq!(&*follow.from_account, from);
                prop_assert_eq!(&follow.to_accounts, targets);
                prop_assert_eq!(follow.event_time, *event_time);
            }
            // Of two members of one name, the second reader takes the last.
            (Err(error), Some(_)) => {
                prop_assert!(matches!(error, FollowError::DuplicateMember | FollowError::Targets), "{error:?}");
            }
            (_, None) => {}
        }
        if let Ok(follow) = &read {
            prop_assert!(!follow.from_account.is_empty());
            prop_assert!(!follow.to_accounts.is_empty() && follow.to_accounts.iter().all(|it| !it.is_empty()));
            prop_assert!(follow.event_time <= 9_999_999_999_999);
            let object = follow.object.get();
            let whole = object.starts_with('{') && object.ends_with('}') && is_json(object);
            prop_assert!(whole, "an object, and nothing around it: {object}");
            prop_assert!(body.windows(object.len()).any(|window| window == object.as_bytes()));
            prop_assert!(!body::is_contentless(&body), "an event is no probe");
        }
    }

    /// What is taken for the probe is empty, or an object whose only member is the command.
    #[test]
    fn nothing_with_content_is_taken_for_the_probe(body in bodies()) {
        if body::is_contentless(&body) {
            let text = std::str::from_utf8(&body).unwrap();
            let text = text.trim_start_matches('\u{feff}').trim();
            let is_object = text.starts_with('{') && is_json(text);
            prop_assert!(text.is_empty() || is_object, "{text}");
            // This reader rejects half a surrogate pair, which does no harm in a member that nobody reads.
            let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
            prop_assert!(members.keys().all(|name| name == "CallbackCommand"));
        }
        if let Some(command) = body::command(&body) {
            prop_assert!(!command.is_empty());
        }
    }

    /// A query is read in one way, or not at all; and its signature is never stored.
    #[test]
    fn a_query_that_was_damaged_is_read_or_rejected(bytes in queries(), latin in any::<bool>()) {
        let raw = text(&bytes, latin);
        let Ok(query) = Query::parse(&raw) else {
            prop_assert!(raw.len() > 4096 || raw.contains(['%', '&']), "{raw}");
            return Ok(());
        };
        prop_assert!(raw.len() <= 4096);
        for parameter in [
            &query.sdk_app_id, &query.command, &query.content_type, &query.client_ip, &query.opt_platform,
            &query.sign, &query.request_time, &query.request_id,
        ] {
            prop_assert!(parameter.as_deref() != Some(""));
        }
        let stored = query.without_signature();
        let again = Query::parse(&stored).unwrap();
        prop_assert_eq!((&again.sign, &again.request_time), (&None, &None));
        prop_assert_eq!(
            (&again.sdk_app_id, &again.command, &again.content_type, &again.client_ip),
            (&query.sdk_app_id, &query.command, &query.content_type, &query.client_ip)
        );
        prop_assert_eq!((&again.opt_platform, &again.request_id), (&query.opt_platform, &query.request_id));
        prop_assert!(stored.len() <= raw.len());
    }

    /// A URL is cut into parts of itself.
    #[test]
    fn a_url_that_was_damaged_is_cut_into_parts(bytes in urls(), latin in any::<bool>()) {
        let url = text(&bytes, latin);
        let target = Target::of(&url);
        prop_assert!(target.path.starts_with('/'));
        prop_assert!(target.path == "/" || url.contains(target.path));
        prop_assert!(url.contains(target.query));
        prop_assert!(!target.path.contains(['?', '#']) && !target.query.contains('#'));
        if may_be_webhook_path(target.path) {
            prop_assert!(target.path.is_ascii() && target.path != "/healthz");
        }
        if target.is_confidential() {
            let lower = url.to_ascii_lowercase();
            prop_assert!(lower.starts_with("https:") || ["localhost", "127.", "[::1]"].iter().any(|it| lower.contains(it)));
        }
    }

    /// All steps at once, on calls of which any part may be damaged.
    #[test]
    fn no_call_makes_the_steps_panic(
        url in urls(),
        query in queries(),
        body in bodies(),
        has_valid_origin in any::<bool>(),
        latin in any::<bool>(),
        is_signed in any::<bool>(),
        content_length in proptest::option::of(any::<u64>()),
        has_hop_header in proptest::bool::weighted(0.1),
        method in prop_oneof![9 => Just("POST".to_owned()), 1 => any::<String>()],
    ) {
        let url =
            if has_valid_origin { format!("https://www.example.com/?{}", text(&query, latin)) } else { text(&url, latin) };
        let config = if is_signed { signed() } else { unsigned() };
        let head = RequestHead { method: &method, target: Target::of(&url), has_hop_header };
        let outcome = steps(&config, head, content_length, &body);
        prop_assert_eq!(outcome == "loop", has_hop_header);
        prop_assert!(method == "POST" || !is_ok(outcome));
        prop_assert!(content_length.is_none_or(|length| length <= 1_048_576) || !is_ok(outcome));
    }

    /// Signed with a token that the Worker does not have, nothing gets through, whatever else the call is.
    #[test]
    fn without_the_token_nothing_gets_through(query in queries(), body in bodies()) {
        let config = config(&[("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", "another")]);
        let url = format!("https://www.example.com/?{}", text(&query, false));
        let outcome = steps(&config, post(&url), None, &body);
        prop_assert!(!is_ok(outcome), "{outcome}");
    }

    /// The small readers take any text.
    #[test]
    fn the_small_readers_take_any_text(text in prop_oneof![any::<String>(), "[0-9]{0,17}", "[0-9a-fA-F]{62,66}"]) {
        prop_assert!(SdkAppId::parse(&text).is_none_or(|id| id.to_string() == text));
        prop_assert!(Sign::parse(&text).is_none_or(|sign| sign.to_hex() == text.to_ascii_lowercase()));
        prop_assert!(Kind::of(&text).is_none_or(|kind| kind.command() == text));
    }
}

/// What an id is made of.
type Parts = (u64, Kind, String, Vec<String>, u64);

/// The least `EventTime` that is taken for milliseconds.
const TIME_IN_MS: u64 = 10_000_000_000;

fn id((app, kind, from_account, targets, event_time): &Parts) -> String {
    let follow = Follow {
        kind: *kind,
        from_account: from_account.as_str().into(),
        to_accounts: targets.iter().map(|target| target.as_str().into()).collect(),
        event_time: *event_time,
        object: serde_json::from_str("{}").unwrap(),
    };
    EventId::of(SdkAppId::parse(&app.to_string()).unwrap(), &follow).to_string()
}

/// Events from a small set, so that two of them are often alike, or the same.
fn parts() -> impl Strategy<Value = Parts> {
    let user = || prop_oneof!["[ab]{1,2}", "[ab:,1]{1,5}", "[微é🙂\\x00\"]{1,2}"];
    (
        proptest::sample::select(&[1_u64, 11, 1_400_000_000][..]),
        proptest::sample::select(Kind::VARIANTS),
        user(),
        proptest::collection::vec(user(), 1..4),
        prop_oneof![0..3_u64, 10..12_u64, Just(9_999_999_999_999), TIME_IN_MS..=9_999_999_999_999_u64],
    )
}

/// Two events: drawn independently; or one made from the other by changing a part (now and then to the same value), by
/// moving a character from one user to the next, or by joining the targets.
fn two() -> impl Strategy<Value = (Parts, Parts)> {
    let moved = parts().prop_map(|one| {
        let mut other = one.clone();
        if let Some(c) = other.3[0].pop() {
            other.2.push(c);
        }
        (one, other)
    });
    let joined = parts().prop_map(|one| {
        let other = (one.0, one.1, one.2.clone(), vec![one.3.concat()], one.4);
        (one, other)
    });
    // All but one part is the same.
    let changed = (parts(), parts(), 0..5).prop_map(|(one, source, part)| {
        let mut other = one.clone();
        match part {
            0 => other.0 = source.0,
            1 => other.1 = source.1,
            2 => other.2 = source.2,
            3 => other.3 = source.3,
            _ => other.4 = source.4,
        }
        (one, other)
    });
    prop_oneof![2 => (parts(), parts()), 2 => changed, 1 => moved, 1 => joined]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn equal_events_have_equal_ids_and_different_ones_do_not((one, other) in two()) {
        prop_assert_eq!(id(&one) == id(&other), one == other, "{} {}", id(&one), id(&other));
    }

    #[test]
    fn ids_order_as_times_do_the_newest_first((one, other) in two()) {
        let (first, second) = (id(&one), id(&other));
        prop_assert!(first.len() == 46 && first.as_bytes()[13] == b'-');
        if one.4 != other.4 {
            prop_assert_eq!(first < second, one.4 > other.4);
        }
    }

    #[test]
    fn an_id_is_read_as_it_was_made_with_its_time(parts in parts()) {
        let text = id(&parts);
        let read = EventId::read(&text).unwrap();
        prop_assert_eq!((read.as_str(), read.event_time()), (&*text, parts.4));
    }

    /// Thirteen digits, a hyphen, and 32 hex digits in lower case.
    #[test]
    fn no_other_text_is_an_id(
        parts in parts(),
        at in any::<Index>(),
        put in prop_oneof!["[0-9a-gA-F -]", "[+/\u{e9}\u{661}\0]", Just(String::new())],
        cut in 0..2_usize,
    ) {
        let mut chars: Vec<_> = id(&parts).chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..at + cut, put.chars());
        let text = String::from_iter(chars);
        let fits = text.chars().count() == 46 && text.chars().enumerate().all(|(at, c)| match at {
            0..13 => c.is_ascii_digit(),
            13 => c == '-',
            _ => matches!(c, '0'..='9' | 'a'..='f'),
        });
        prop_assert_eq!(EventId::read(&text).is_some(), fits, "{}", text);
    }

    /// White space, escapes and the spelling of the time make no difference.
    #[test]
    fn an_id_does_not_depend_on_how_the_body_is_written(
        parts in parts(),
        is_spaced in any::<bool>(),
        is_quoted in any::<bool>(),
    ) {
        let (_, kind, from_account, targets, event_time) = &parts;
        let list = match kind {
            Kind::Unfollow => json!(targets),
            Kind::Follow => targets.iter().map(|it| json!({ "x": 1, "To_Account": it })).collect(),
        };
        let name = if *kind == Kind::Unfollow { "To_Account" } else { "FollowList" };
        // What is this small is in seconds.
        let event_time = *event_time.max(&TIME_IN_MS);
        let time = if is_quoted { json!(event_time.to_string()) } else { json!(event_time) };
        let value = json!({ "From_Account": from_account, name: list, "EventTime": time, "x": [is_spaced] });
        let body = if is_spaced { format!("{value:#}") } else { value.to_string() };
        let escape = |c: char| -> String {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        };
        let body: String = body.chars().map(|c| if c.is_ascii() { c.to_string() } else { escape(c) }).collect();
        let follow = Follow::parse(*kind, body.as_bytes()).unwrap().remove(0);
        let parts = (1_400_000_000, *kind, from_account.clone(), targets.clone(), event_time);
        prop_assert_eq!(EventId::of(app(), &follow).to_string(), id(&parts));
    }
}
