//! An event log, and the part of the Worker's API that the example `events` uses.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound::{Excluded, Included},
    sync::{Arc, Mutex},
};

use super::server::{Reply, Request, Server};

/// The API's token.
pub const TOKEN: &str = "a-token-that-is-never-shown";

/// Most events on a page of the API.
const PAGE_EVENTS_MAX: usize = 1000;

/// The parameters of the API's call; it rejects others, and duplicates.
const PARAMETERS: [&str; 8] = ["app", "kind", "user", "role", "since", "until", "limit", "cursor"];

/// Where an event is in the log: its `event_time` (Unix ms) and hash.
type Position = Reverse<(u64, u64)>;

/// Shared with the server.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The events' JSON by `event_time` and hash, in the API's order: newest first.
    events: BTreeMap<Position, String>,
    next: u64,
    /// What the next requests get; `None` is a page of events.
    replies: VecDeque<Option<Reply>>,
    /// The most events of a page, of which each third is empty; unset, pages are full.
    page: Option<usize>,
    /// The header `Date`.
    date: Option<String>,
}

impl Log {
    /// Stores an event of `event_time` (Unix ms); its JSON.
    pub fn store(&self, event_time: u64) -> String {
        // An escape, a float and a space: parsing and writing would change them.
        self.store_as(event_time, r#""from_account":"\u0061lice","to_accounts": ["bob"],"x":1.0"#)
    }

    /// Stores an event with `members` besides id, app and time.
    pub fn store_as(&self, event_time: u64, members: &str) -> String {
        let mut log = self.0.lock().unwrap();
        log.next += 1;
        let hash = log.next;
        let id = format!("{:013}-{hash:032x}", 9_999_999_999_999 - event_time);
        let json = format!(r#"{{"id":"{id}","sdk_app_id":1400000000,{members},"event_time":{event_time}}}"#);
        log.events.insert(Reverse((event_time, hash)), json.clone());
        json
    }

    /// Answers one of the next requests with `reply`, in the order of the calls of this function.
    pub fn reply_once(&self, reply: Reply) {
        self.0.lock().unwrap().replies.push_back(Some(reply));
    }

    /// Answers so many of the next requests with events, in the order of the calls of `reply_once`.
    pub fn reply_with_events(&self, requests: usize) {
        self.0.lock().unwrap().replies.extend((0..requests).map(|_| None));
    }

    /// Makes pages short.
    pub fn short_pages(&self, page: usize) {
        self.0.lock().unwrap().page = Some(page);
    }

    /// Gives each answer this `Date`.
    pub fn date(&self, date: String) {
        self.0.lock().unwrap().date = Some(date);
    }

    /// Serves the log.
    pub fn serve(&self) -> Server {
        let log = self.clone();
        Server::start(move |request| log.0.lock().unwrap().answer(request))
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(Some(reply)) = self.replies.pop_front() {
            return reply;
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return problem(401, "Unauthorized", "The token is wrong.");
        }
        assert!(request.line.starts_with("GET /v1/events?"), "{request:?}");
        let mut query = Asked::read(request).0;
        let limit: usize = query.remove("limit").map_or(100, |limit| limit.parse().unwrap());
        assert!((1..=PAGE_EVENTS_MAX).contains(&limit));
        let cursor = query.remove("cursor");
        let time = |name| query.get(name).map(|time| time.parse::<u64>().unwrap());
        let (since, until) = (time("since").unwrap_or(0), time("until").unwrap_or(u64::MAX));
        assert!(since <= until, "{request:?}");
        assert!(query.contains_key("user") || !query.contains_key("role"), "{request:?}");

        // A cursor is valid for its own query only, and has characters that have a meaning in a URL's query.
        let mut asked: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        asked.sort();
        let asked = asked.join("&");
        let (number, after) = match &cursor {
            None => (0, Reverse((until, u64::MAX))),
            Some(cursor) => {
                let [number, time, hash, of] = cursor.splitn(4, '+').collect::<Vec<_>>().try_into().unwrap();
                assert_eq!(of, asked);
                (number.parse::<usize>().unwrap(), Reverse((time.parse().unwrap(), hash.parse().unwrap())))
            }
        };
        let mut rest = self.events.range((Excluded(after), Included(Reverse((since, 0))))).peekable();
        let most = match self.page {
            Some(_) if number % 3 == 1 => 0,
            Some(page) => page.min(limit),
            None => limit,
        };
        let page: Vec<_> = rest.by_ref().take(most).collect();
        let Reverse((time, hash)) = page.last().map_or(after, |(position, _)| **position);
        let cursor = rest.peek().map(|_| format!("{}+{time}+{hash}+{asked}", number + 1));
        let events: Vec<_> = page.iter().map(|(_, json)| json.as_str()).collect();
        let cursor = serde_json::to_string(&cursor).unwrap();
        let date = self.date.iter().map(|date| ("Date", date.as_str())).collect::<Vec<_>>();
        answer(200, &date, &format!(r#"{{"events":[{}],"cursor":{cursor}}}"#, events.join(",")))
    }
}

/// The parameters of a request.
pub struct Asked(HashMap<String, String>);

impl Asked {
    pub fn read(request: &Request) -> Self {
        let mut parameters = HashMap::new();
        for parameter in request.query().split('&') {
            let (name, value) = parameter.split_once('=').expect("name=value");
            assert!(PARAMETERS.contains(&name), "the API has no parameter {name}");
            assert_eq!(parameters.insert(name.to_owned(), percent_decode(value)), None, "{name} is a duplicate");
        }
        Self(parameters)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|value| value.parse().unwrap())
    }
}

/// A response with these headers.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Reply::Whole(format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A rejection in the API's form.
pub fn problem(status: u16, title: &str, detail: &str) -> Reply {
    let body = format!(r#"{{"title":"{title}","status":{status},"detail":"{detail}"}}"#);
    answer(status, &[("Content-Type", "application/problem+json")], &body)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            decoded.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).unwrap()
}
