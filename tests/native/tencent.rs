//! Tencent's REST API: UserSigs that are equal to those of Tencent's own packages, what is asked, and what answers mean.

use std::cell::Cell;

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;
use serde_json::{Value, json};
use unfollow_webhook::{
    outgoing::{Outgoing, OutgoingError, OutgoingRequest, OutgoingResponse},
    tencent::{Follower, Pace, Page, Tencent, TencentError, region::Base, user_sig::SecretKey},
    webhook::SdkAppId,
};

use crate::{
    fakes::{FakeClock, paused},
    samples::{NOW_MS, app},
};

const KEY: &str = "f1e2d3c4b5a697887766554433221100ffeeddccbbaa99887766554433221100";

/// A row of `user-sig.json`.
#[derive(Deserialize)]
struct Row {
    app: u64,
    key: String,
    user: String,
    time: u64,
    expire: u64,
    npm: Value,
    pypi: Value,
}

/// What is inside a UserSig of ours: its zlib stream has one block, stored as it is.
fn inside(user_sig: &str) -> Value {
    let base64: String = user_sig.replace('*', "+").replace('-', "/").replace('_', "=");
    let stream = Base64::decode_vec(&base64).unwrap();
    assert_eq!(stream[..3], [0x78, 0x01, 0x01]);
    let length = u16::from_le_bytes([stream[3], stream[4]]);
    assert_eq!(!length, u16::from_le_bytes([stream[5], stream[6]]));
    let data = &stream[7..stream.len() - 4];
    assert_eq!(data.len(), usize::from(length));
    serde_json::from_slice(data).unwrap()
}

#[test]
fn user_sigs_are_those_of_tencents_own_packages() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../vectors/user-sig.json")).unwrap();
    assert!(rows.len() > 3);
    for row in rows {
        let key = SecretKey::new(row.key).unwrap();
        let app = SdkAppId::parse(&row.app.to_string()).unwrap();
        let ours = inside(&key.sign(app, &row.user, row.time, row.expire));
        assert_eq!((&ours, &ours), (&row.npm, &row.pypi), "{}", row.user);
    }
}

#[test]
fn a_key_is_checked_and_hidden() {
    for text in
        ["", "short", "with a space in the middle", "\"f1e2d3c4b5a69788\"", "f1e2d3c4b5a69788\n", &"a".repeat(257)]
    {
        assert!(SecretKey::new(text.to_owned()).is_err(), "{text:?}");
    }
    let key = SecretKey::new(KEY.to_owned()).unwrap();
    assert!(!format!("{key:?}").contains("f1e2"));
}

#[test]
fn a_region_is_a_word_or_a_url() {
    let read = |text: &str| Base::read(text, |_| None).map(|base| base.as_str().to_owned());
    for (text, url) in [
        ("china", "https://console.tim.qq.com"),
        ("singapore", "https://adminapisgp.im.qcloud.com"),
        ("silicon-valley", "https://adminapiusa.im.qcloud.com"),
        ("https://adminapisgp.my-imcloud.com", "https://adminapisgp.my-imcloud.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(url));
    }
    for text in [
        "",
        "China",
        "sgp",
        "http://example.com",
        "https://example.com/v4",
        "https://example.com?a=b",
        "https://u:p@example.com",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

/// Answers with what it is told, and keeps what it was asked.
#[derive(Default)]
struct Answers {
    answers: std::cell::RefCell<Vec<Result<(u16, String), OutgoingError>>>,
    asked: std::cell::RefCell<Vec<(String, String)>>,
}

impl Outgoing for Answers {
    async fn post(&self, request: OutgoingRequest<'_>) -> Result<OutgoingResponse, OutgoingError> {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        self.asked.borrow_mut().push((request.url, body));
        let (status, body) = self.answers.borrow_mut().remove(0)?;
        Ok(OutgoingResponse { status, retry_after: None, body: body.into_bytes() })
    }
}

/// What is said of each user that is asked about.
type Checked = Result<Vec<Option<bool>>, TencentError>;

/// URL and body of each request.
type Sent = Vec<(String, String)>;

/// What two calls get where Tencent answers so, what it was asked, and how long that took.
fn ask(answers: Vec<Result<(u16, String), OutgoingError>>) -> (Result<Page, TencentError>, Checked, Sent, u64) {
    paused(async {
        let outgoing = Answers { answers: answers.into(), ..Answers::default() };
        let (key, base) = (SecretKey::new(KEY.to_owned()).unwrap(), Base::read("singapore", |_| None).unwrap());
        let (clock, pace, random) = (FakeClock::at(NOW_MS), Pace::default(), || 0.5);
        let tencent = Tencent {
            app: app(),
            key: &key,
            admin: "ops & \u{5fae}",
            base: &base,
            outgoing: &outgoing,
            clock: &clock,
            pace: &pace,
            random: &random,
            calls: Cell::new(0),
        };
        let page = tencent.followers("star \"1\"", "", 5_000).await;
        let checks = tencent.check("star", &["a", "b", "c", "d", "e"]).await;
        assert_eq!(tencent.calls.get(), outgoing.asked.borrow().len());
        (page, checks, outgoing.asked.take(), clock.elapsed())
    })
}

fn ok(more: Value) -> Result<(u16, String), OutgoingError> {
    let mut answer = json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""});
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ok((200, answer.to_string()))
}

fn refusal(code: i64) -> Result<(u16, String), OutgoingError> {
    Ok((200, json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": "it\u{7}s so"}).to_string()))
}

#[test]
fn it_is_asked_and_read_as_documented() {
    let listed = json!({"FollowItem": [{"To_Account": "a", "FollowTime": 1_702_262_118, "ProfileItem": [{"Tag": "x"}]}], "NextCursor": "next"});
    let item = |user: &str, code: i64, follow_type: i64| json!({"To_Account": user, "ResultCode": code, "ResultInfo": "", "FollowType": follow_type});
    // In another order, one failed, and one is missing.
    let checked = json!({"ResultItem": [item("d", 0, 3), item("a", 0, 0), item("b", 0, 1), item("c", 30_003, 1)]});
    let (page, checks, asked, took) = ask(vec![ok(listed), ok(checked)]);
    let follower = Follower { user: "a".to_owned(), since: 1_702_262_118 };
    assert_eq!(page, Ok(Page { followers: vec![follower], next: Some("next".to_owned()) }));
    assert_eq!(checks, Ok(vec![Some(false), Some(true), None, Some(true), None]));
    // No two calls begin within the same 10 ms.
    assert_eq!(took, 10);
    let begin = "https://adminapisgp.im.qcloud.com/v4/follow/follow_get?sdkappid=1400000000&identifier=ops%20%26%20%E5%BE%AE&usersig=";
    assert!(asked[0].0.starts_with(begin) && asked[0].0.ends_with("&random=2147483648&contenttype=json"), "{asked:?}");
    let body: Value = serde_json::from_str(&asked[0].1).unwrap();
    assert_eq!(body, json!({"From_Account": "star \"1\"", "FollowType": 1, "StartCursor": "", "WantNum": 1000}));
    let body: Value = serde_json::from_str(&asked[1].1).unwrap();
    assert_eq!(body, json!({"From_Account": "star", "To_Account": ["a", "b", "c", "d", "e"]}));
}

#[test]
fn it_waits_where_calls_come_too_fast_and_gives_up_in_the_end() {
    let (page, checks, asked, took) =
        ask(vec![refusal(60_007), refusal(60_011), ok(json!({})), refusal(60_018), refusal(60_018), refusal(60_018)]);
    assert_eq!(page, Ok(Page::default()));
    let error = checks.unwrap_err();
    assert!(error.is_too_fast() && error.is_temporary());
    // Each call waits 0.5 s and 1.5 s, and the second begins 10 ms after the last one before it.
    assert_eq!((asked.len(), took), (6, 4_010));
}

#[test]
fn what_it_refuses_is_told() {
    let told = |answer| {
        let (page, ..) = ask(vec![answer, ok(json!({}))]);
        let error = page.unwrap_err();
        (error.is_temporary(), error.describe())
    };
    for (answer, is_temporary, words) in [
        (refusal(70_009), false, "TENCENT_SECRET_KEY"),
        (refusal(60_010), false, "TENCENT_ADMIN"),
        (refusal(70_020), false, "TENCENT_REGION"),
        (refusal(60_020), false, "expired"),
        (refusal(60_021), false, "addresses"),
        (refusal(30_003), false, "no such user"),
        (refusal(12_345), false, "Pro edition"),
        (refusal(-1), false, "ErrorCode -1, \"its so\""),
        (refusal(60_008), true, "Try again"),
        (Err(OutgoingError::Late), true, "in time"),
        (Err(OutgoingError::Unreachable), true, "reached"),
        (Ok((502, String::new())), true, "HTTP 502"),
        (Ok((301, String::new())), false, "TENCENT_REGION"),
        (Ok((200, "<html>".to_owned())), false, "none of its REST API's"),
        (Ok((200, "[]".to_owned())), false, "none of its REST API's"),
        (Ok((200, "{}".to_owned())), false, "none of its REST API's"),
        (ok(json!({"FollowItem": 1})), false, "none of its REST API's"),
        (ok(json!({"FollowItem": [{"FollowTime": 1}]})), false, "none of its REST API's"),
    ] {
        let (temporary, text) = told(answer.clone());
        assert!(temporary == is_temporary && text.contains(words), "{answer:?}: {text}");
    }
}
