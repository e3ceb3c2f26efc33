//! The log of events: a page of it, one whole record, and its erasure.
//!
//! A page is made of KV lists and the metadata in them, never of the records themselves.

use super::{
    Api,
    cursor::Cursor,
    parameters::Parameters,
    problem::Problem,
    range::{Place, Range},
    shelf::{Cache, LIST_MAX, Page, Shelf},
};
use crate::{
    config::Settings,
    dead,
    event::{self, EventId, listed::ListedEvent},
    json,
    keep::Queue,
    reply::Reply,
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

/// Which events are asked for.
struct Question<'a> {
    app: SdkAppId,
    kind: Option<Kind>,
    user: Option<&'a str>,
    range: Range,
}

impl<'a> Question<'a> {
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

    /// The question as a text that no other question has.
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

    fn matches(&self, event: &ListedEvent<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && self.user.is_none_or(|user| event.may_concern(user))
            && self.range.contains(event.id.event_time())
    }
}

impl<S: Shelf, Q: Queue, C: Cache> Api<'_, S, Q, C> {
    pub(super) async fn list_events(&self, settings: &Settings, query: &str) -> Result<Reply, Problem> {
        let parameters = Parameters::read(query, &["app", "kind", "user", "since", "until", "limit", "cursor"])?;
        let question = Question::read(settings, &parameters)?;
        let limit = parameters.number("limit", PAGE_MAX, PAGE_DEFAULT, "limit is 1 to 1000.")?;
        let limit = usize::try_from(limit).unwrap_or(LIST_MAX);
        let question_text = question.text();
        let from = match parameters.text("cursor") {
            None => Cursor::default(),
            Some(text) => Cursor::read(text, &question_text)
                .ok_or(Problem::BadRequest("The cursor is none, or belongs to another question."))?,
        };
        let (events, cursor) = self.page(&question, limit, from).await?;
        let cursor = json::write(&cursor.map(|cursor| cursor.write(&question_text)));
        let events = json::sequence(events);
        Ok(Reply::json(format!(r#"{{"events":[{events}],"cursor":{cursor}}}"#)))
    }

    /// Up to `limit` events as JSON, and where it goes on, if it does.
    async fn page(
        &self,
        question: &Question<'_>,
        limit: usize,
        mut at: Cursor,
    ) -> Result<(Vec<String>, Option<Cursor>), Problem> {
        let app = question.app;
        let app_prefix = event::prefix(app);
        let places = question.range.places();
        let mut events = Vec::new();
        let mut keys_read = 0_usize;
        for _ in 0..LISTS_MAX {
            let Some(&place) = places.get(at.place) else { return Ok((events, None)) };
            let wanted = limit.saturating_sub(events.len());
            if wanted == 0 || keys_read >= KEYS_ENOUGH {
                break;
            }
            let prefix = format!("{app_prefix}{}", place.prefix());
            let listed = self.shelf.list(&prefix, question.keys(place, wanted), at.kv.as_deref()).await?;
            let Page { keys, cursor } = listed;
            keys_read = keys_read.saturating_add(keys.len());
            for key in &keys {
                let id = key.key.strip_prefix(&app_prefix).unwrap_or_default();
                if id <= at.after.as_str() {
                    continue;
                }
                // What is not ours is passed over.
                let Some(event) = ListedEvent::read(id, &key.metadata) else { continue };
                if question.range.is_older(event.id.event_time()) {
                    return Ok((events, None));
                }
                if !question.matches(&event) {
                    continue;
                }
                if events.len() == limit {
                    // The next call lists these keys again and goes on behind the last event of this one.
                    return Ok((events, Some(at)));
                }
                events.push(event.json(app));
                at.after = id.to_owned();
            }
            let place = if cursor.is_some() { at.place } else { at.place.saturating_add(1) };
            // `after` stays: where new events have moved it into this list, what was given out is not given again.
            at = Cursor { place, kv: cursor, ..at };
        }
        Ok((events, (at.place < places.len()).then_some(at)))
    }

    pub(super) async fn read_event(&self, app: SdkAppId, id: &str) -> Result<Reply, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        self.shelf.get(&event::key(app, &id)).await?.map(Reply::json).ok_or(Problem::NotFound)
    }

    /// Erases the event: its record, and its dead letters, which hold its body too.
    pub(super) async fn erase_event(&self, app: SdkAppId, id: &str) -> Result<Reply, Problem> {
        let id = EventId::read(id).ok_or(Problem::NotFound)?;
        for key in dead::keys(app, &id).iter().chain([&event::key(app, &id)]) {
            self.shelf.delete(key).await?;
        }
        Ok(Reply::no_content())
    }
}
