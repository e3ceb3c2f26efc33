//! The log of events: a page of it, one whole record, and its erasure.
//!
//! A page is made of KV lists and the metadata in them, never of the records themselves.

use serde::Serialize;

use super::{
    Api,
    cursor::Cursor,
    parameters::Parameters,
    problem::Problem,
    range::{Place, Range},
    store::{Cache, LIST_MAX, Page, StoreReader},
};
use crate::{
    config::Settings,
    delivery::dead_letter,
    event::{self, EventId, listed::ListedEvent},
    response::Response,
    storage::{Clock, Queue},
    webhook::{SdkAppId, command::Kind},
};

/// Most events of a page, and how many there are where nobody says.
const PAGE_MAX: u64 = 1000;
const PAGE_DEFAULT: u64 = 100;

/// Most lists that one call makes before it hands back a cursor. On the free plan a call has fifty operations.
pub const LISTS_MAX: usize = 40;

/// How many listed keys one call reads at least before it hands back a cursor, where a filter leaves its page short: five
/// full lists, a few ms of CPU.
pub const KEYS_ENOUGH: usize = 5 * LIST_MAX;

#[derive(Serialize)]
struct Events {
    events: Vec<ListedEvent>,
    cursor: Option<String>,
}

/// Which events are asked for.
struct EventQuery<'a> {
    app: SdkAppId,
    kind: Option<Kind>,
    user: Option<&'a str>,
    range: Range,
}

impl<'a> EventQuery<'a> {
    fn read(settings: &Settings, parameters: &'a Parameters<'_>) -> Result<Self, Problem> {
        let app = super::app_of(settings, parameters)?;
        let kind = match parameters.text("kind") {
            None => None,
            Some(name) => Some(Kind::named(name).ok_or(Problem::BadRequest("kind is unfollow or follow."))?),
        };
        let since = parameters.time("since", "since is a time in Unix ms, or as in RFC 3339.")?;
        let until = parameters.time("until", "until is a time in Unix ms, or as in RFC 3339.")?;
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(Problem::BadRequest("since is after until."));
        }
        Ok(Self { app, kind, user: parameters.text("user"), range: Range { since, until } })
    }

    /// The query as a text that no other query has.
    fn text(&self) -> String {
        let Self { app, kind, user, range: Range { since, until } } = self;
        let kind = kind.map_or("", Kind::name);
        let time = |time: &Option<u64>| time.map_or_else(String::new, |time| time.to_string());
        format!("{app} {kind} {} {} {}", time(since), time(until), user.unwrap_or_default())
    }

    /// How many keys to list here, where `wanted` events are. Where some of the keys may be none of them, as many as KV
    /// gives: a list costs the same.
    fn keys(&self, place: Place, wanted: usize) -> usize {
        let all_wanted = self.kind.is_none() && self.user.is_none() && place.is_within(&self.range);
        if all_wanted { wanted.min(LIST_MAX) } else { LIST_MAX }
    }

    fn matches(&self, event: &ListedEvent) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind())
            && self.user.is_none_or(|user| event.may_concern(user))
            && self.range.contains(event.event_time())
    }
}

impl<S: StoreReader, Q: Queue, C: Cache, T: Clock> Api<'_, S, Q, C, T> {
    pub(super) async fn list_events(&self, settings: &Settings, query: &str) -> Result<Response, Problem> {
        let parameters = Parameters::read(query, &["app", "kind", "user", "since", "until", "limit", "cursor"])?;
        let wanted = EventQuery::read(settings, &parameters)?;
        let limit = parameters.number("limit", PAGE_MAX, PAGE_DEFAULT, "limit is 1 to 1000.")?;
        let limit = usize::try_from(limit).unwrap_or(LIST_MAX);
        let query_text = wanted.text();
        let from = match parameters.text("cursor") {
            None => Cursor::default(),
            Some(text) => Cursor::read(text, &query_text)
                .ok_or(Problem::BadRequest("The cursor is none, or belongs to another query."))?,
        };
        let (events, cursor) = self.page(&wanted, limit, from).await?;
        let cursor = cursor.map(|cursor| cursor.write(&query_text));
        Ok(Response::json(&Events { events, cursor }))
    }

    /// Up to `limit` events, and where it goes on, if it does.
    async fn page(
        &self,
        query: &EventQuery<'_>,
        limit: usize,
        mut at: Cursor,
    ) -> Result<(Vec<ListedEvent>, Option<Cursor>), Problem> {
        let app = query.app;
        let app_prefix = event::prefix(app);
        let places = query.range.places();
        let mut events = Vec::new();
        let mut keys_read = 0_usize;
        for _ in 0..LISTS_MAX {
            let Some(&place) = places.get(at.place) else { return Ok((events, None)) };
            let wanted = limit.saturating_sub(events.len());
            if wanted == 0 || keys_read >= KEYS_ENOUGH {
                break;
            }
            let prefix = format!("{app_prefix}{}", place.prefix());
            let listed = self.reader.list(&prefix, query.keys(place, wanted), at.kv.as_deref()).await?;
            let Page { keys, cursor } = listed;
            keys_read = keys_read.saturating_add(keys.len());
            for key in &keys {
                let id = key.key.strip_prefix(&app_prefix).unwrap_or_default();
                if id <= at.after.as_str() {
                    continue;
                }
                // What is not ours is passed over.
                let Some(event) = ListedEvent::read(app, id, &key.metadata) else { continue };
                if query.range.is_older(event.event_time()) {
                    return Ok((events, None));
                }
                if !query.matches(&event) {
                    continue;
                }
                if events.len() == limit {
                    // The next call lists these keys again and goes on behind the last event of this one.
                    return Ok((events, Some(at)));
                }
                at.after = id.to_owned();
                events.push(event);
            }
            let place = if cursor.is_some() { at.place } else { at.place.saturating_add(1) };
            // `after` stays: where new events have moved it into this list, what was given out is not given again.
            at = Cursor { place, kv: cursor, ..at };
        }
        Ok((events, (at.place < places.len()).then_some(at)))
    }

    pub(super) async fn read_event(&self, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        self.reader.get(&event::key(app, &id)).await?.map(Response::json_text).ok_or(Problem::NotFound)
    }

    /// Erases the event: its record, and its dead letters, which hold its body too.
    pub(super) async fn erase_event(&self, app: SdkAppId, id: &str) -> Result<Response, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        for key in dead_letter::keys(app, &id).iter().chain([&event::key(app, &id)]) {
            self.reader.delete(key).await?;
        }
        Ok(Response::no_content())
    }
}
