//! Calls the Worker's API for events, and reads its responses.

use std::{collections::HashSet, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    calls::{self, Answer, Client, Request},
    host,
    query::EventQuery,
    time,
    window::Window,
    worker::{self, Credentials},
};

/// Most events that the API puts on one page.
const PAGE_EVENTS: usize = 1000;

/// Longest answer that is read, in bytes: as much as a Worker has memory. Events of up to 20 targets, as Tencent sends
/// them, are a page of about 1 MB.
const ANSWER_MAX: u64 = 128 * 1024 * 1024;

/// The pauses before a retry, unless the Worker asks for a longer one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The longest pause that the Worker may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// The API of one Worker, for one query.
pub struct Api {
    client: Client,
    credentials: Credentials,
    parameters: String,
    /// Whether to retry after a temporary error.
    persistent: bool,
    /// How far the Worker's clock is ahead of this machine's, in ms.
    ahead: i64,
    /// The ids of events that the log has damaged, and that were named on standard error.
    damaged: HashSet<String>,
}

/// An event of a list.
pub struct Event {
    /// Its id.
    pub id: String,
    /// When it happened, in Unix ms, by Tencent's clock.
    pub event_time: u64,
    /// Its JSON on one line, as it came.
    pub json: String,
}

/// What there is in a window.
pub enum Listed {
    /// All its events, oldest first.
    All(Vec<Event>),
    /// Too many. Those read so far, the newest, go back to `oldest` (Unix ms).
    TooMany { oldest: u64 },
}

/// Why there is no page of events.
enum ApiError {
    /// A retry may succeed; after this pause, if the Worker asked for one.
    Temporary(String, Option<Duration>),
    /// A retry would fail too.
    Permanent(String),
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    #[serde(default)]
    damaged: Vec<String>,
    cursor: Option<String>,
}

/// A page that was read.
struct EventPage {
    events: Vec<Event>,
    /// The ids of those that the log has damaged.
    damaged: Vec<String>,
    /// Where the next page begins, if there is one.
    cursor: Option<String>,
}

/// The members of an event that decide whether and where it is printed.
#[derive(Deserialize)]
struct Known {
    id: String,
    event_time: u64,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
}

impl Api {
    /// The API at `url`, called with these credentials. `timeout` is for a whole call. Calls with temporary errors are retried if
    /// `persistent`.
    pub fn new(
        url: &http::Uri,
        credentials: Credentials,
        query: &EventQuery,
        timeout: Duration,
        persistent: bool,
    ) -> Self {
        Self {
            client: Client::new(url, timeout, 1),
            credentials,
            parameters: query.parameters(),
            persistent,
            ahead: 0,
            damaged: HashSet::new(),
        }
    }

    /// This machine's time `ms` (Unix ms) by the Worker's clock, as far as that is known. By a clock that is ahead,
    /// events that are still to come would count as read.
    pub fn time(&self, ms: u64) -> u64 {
        ms.saturating_add_signed(self.ahead)
    }

    /// The events of `window`, if they are not many more than `max`. A page may be short, even empty: the cursor tells
    /// whether there is another.
    pub fn events(&mut self, window: Window, max: usize) -> Result<Listed, String> {
        let mut events = Vec::<Event>::new();
        let mut cursor: Option<String> = None;
        loop {
            let (page, next) = self.page(window, cursor.as_deref())?;
            events.extend(page);
            if next.is_none() {
                events.reverse();
                return Ok(Listed::All(events));
            }
            match events.last() {
                Some(last) if events.len() > max => return Ok(Listed::TooMany { oldest: last.event_time }),
                _ => {}
            }
            if next == cursor {
                return Err("the API's list does not continue: it returned the same cursor again".into());
            }
            cursor = next;
        }
    }

    /// A page, and the cursor of the next.
    fn page(&mut self, window: Window, cursor: Option<&str>) -> Result<(Vec<Event>, Option<String>), String> {
        let mut target = format!("/v1/events?{}since={}", self.parameters, window.since);
        if let Some(until) = window.until {
            target += &format!("&until={until}");
        }
        target += &format!("&limit={PAGE_EVENTS}");
        if let Some(cursor) = cursor {
            target += &format!("&cursor={}", calls::percent_encode(cursor));
        }
        let mut pause = PAUSE_MIN;
        loop {
            match self.exchange(&target) {
                Ok(EventPage { events, damaged, cursor }) => {
                    for id in damaged {
                        if self.damaged.insert(id.clone()) {
                            host::say(format_args!(
                                "the log has event {id} damaged: it is left out; POST /v1/reindex mends it from KV"
                            ));
                        }
                    }
                    return Ok((events, cursor));
                }
                Err(ApiError::Temporary(message, retry_after)) if self.persistent => {
                    let wait = retry_after.map_or(pause, |longer| longer.clamp(pause, RETRY_AFTER_MAX));
                    host::say(format_args!("{}; retrying in {} s", message.trim_end_matches('.'), wait.as_secs()));
                    host::sleep(wait);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(ApiError::Temporary(message, _) | ApiError::Permanent(message)) => return Err(message),
            }
        }
    }

    fn exchange(&mut self, target: &str) -> Result<EventPage, ApiError> {
        let mut headers = self.credentials.headers();
        headers.push(("accept", "application/json"));
        let request = Request { method: "GET", target: target.to_owned(), headers, body: None, answer_max: ANSWER_MAX };
        let answer = self.client.call(&request).answer.map_err(|message| ApiError::Temporary(message, None))?;
        if let Some(date) = answer.date.as_deref().and_then(time::http_date) {
            self.ahead = date.cast_signed() - host::now().cast_signed();
        }
        let retry_after = answer.retry_after.as_deref().and_then(|text| match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => Some(Duration::from_millis(time::http_date(text)?.saturating_sub(self.time(host::now())))),
        });
        page_of(&answer, retry_after)
    }
}

fn page_of(answer: &Answer, retry_after: Option<Duration>) -> Result<EventPage, ApiError> {
    if answer.status != 200 {
        let message = error_message(answer);
        return Err(match answer.status {
            429 | 500.. => ApiError::Temporary(message, retry_after),
            _ => ApiError::Permanent(message),
        });
    }
    let malformed = |error| ApiError::Permanent(format!("the answer is not a list of events: {error}"));
    let page: Page<'_> = serde_json::from_str(&answer.body).map_err(malformed)?;
    let events = page.events.into_iter().map(Event::read).collect::<Result<_, _>>().map_err(malformed)?;
    Ok(EventPage { events, damaged: page.damaged, cursor: page.cursor })
}

/// What is wrong, in the API's own words where the response is in the API's form.
fn error_message(answer: &Answer) -> String {
    let status = answer.status;
    let Ok(Problem { title, detail }) = serde_json::from_str(&answer.body) else {
        return worker::not_the_apis(status);
    };
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    calls::printable(&format!("HTTP {status}, {title}{detail}"))
}

impl Event {
    fn read(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let Known { id, event_time } = serde_json::from_str(raw.get())?;
        // In JSON, a line can end only where a space is allowed too.
        Ok(Self { id, event_time, json: raw.get().replace(['\n', '\r'], " ") })
    }
}
