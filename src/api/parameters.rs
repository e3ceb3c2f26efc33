//! The parameters of an API call's query. What cannot be followed is rejected: a misspelt filter that was passed over in
//! silence would show more than was asked for. An empty one, as forms send it, is none.

use std::borrow::Cow;

use chrono::DateTime;

use super::{cursor, problem::Problem};
use crate::{
    event::id::{COUNTDOWN_DIGITS, EVENT_TIME_MAX},
    webhook::{digits, query::percent_decode},
};

/// Most items of a page, and how many there are unless said.
const PAGE_MAX: u64 = 1000;
const PAGE_DEFAULT: u64 = 100;

/// The parameters of a query. One that is empty counts as absent.
pub struct Parameters<'a> {
    pairs: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Parameters<'a> {
    /// Reads a query that may have these parameters, in any order, each once. Percent-encoding is that of RFC 3986.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for any other parameter, a duplicate, and one that is not percent-encoded UTF-8.
    pub fn read(query: &'a str, allowed: &[&str]) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for segment in query.split('&').filter(|segment| !segment.is_empty()) {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            if !allowed.contains(&name) {
                return Err(Problem::BadRequest("The query has a parameter that this call does not take."));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::BadRequest("A parameter is a duplicate."));
            }
            let value = percent_decode(value);
            pairs.push((name, value.ok_or(Problem::BadRequest("A parameter is not percent-encoded UTF-8."))?));
        }
        Ok(Self { pairs })
    }

    /// A parameter's text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(it, value)| *it == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    /// The user that the call is about, exactly as given.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] where there is none.
    pub fn user(&self) -> Result<&str, Problem> {
        self.text("user").ok_or(Problem::BadRequest("Say which user: user=UserID."))
    }

    /// A whole number of 1 to `max`, or `default`.
    ///
    /// # Errors
    /// `reason` for anything else.
    pub fn number(&self, name: &str, max: u64, default: u64, reason: &'static str) -> Result<u64, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = digits::parse(text, COUNTDOWN_DIGITS).filter(|number| (1..=max).contains(number));
        number.ok_or(Problem::BadRequest(reason))
    }

    /// How many items a page has at most: `limit`, which is 1 to [`PAGE_MAX`].
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for anything else.
    pub fn limit(&self) -> Result<u64, Problem> {
        self.number("limit", PAGE_MAX, PAGE_DEFAULT, "limit is 1 to 1000.")
    }

    /// The position in the cursor of this query, as `read` reads it; `None` without a cursor.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for a cursor of another query, and for what is no cursor.
    pub fn cursor<T>(&self, query: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(cursor) = self.text("cursor") else { return Ok(None) };
        let position = cursor::read(query, cursor).and_then(|position| read(&position));
        position.map(Some).ok_or(Problem::BadRequest("The cursor is invalid, or belongs to another query."))
    }

    /// A time in Unix ms, written so or as RFC 3339 (whose part of a ms is dropped).
    ///
    /// # Errors
    /// `reason` for anything else, and for what lies outside of what an event's time can be.
    pub fn time(&self, name: &str, reason: &'static str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = digits::parse(text, COUNTDOWN_DIGITS).or_else(|| parse_rfc3339(text));
        time.filter(|&time| time <= EVENT_TIME_MAX).map(Some).ok_or(Problem::BadRequest(reason))
    }

    /// The times `since` and `until`, in Unix ms.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for what is no time, and where `since` is after `until`.
    pub fn range(&self) -> Result<(Option<u64>, Option<u64>), Problem> {
        let since = self.time("since", "since is a time in Unix ms, or as in RFC 3339.")?;
        let until = self.time("until", "until is a time in Unix ms, or as in RFC 3339.")?;
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(Problem::BadRequest("since is after until."));
        }
        Ok((since, until))
    }
}

/// The Unix ms of a time like `2026-11-24T13:35:00.250+08:00`; what is below a ms is dropped. `t`, `z` and a space for the
/// `T` are accepted, and a leap second is the first one of the next minute. `None` for any other text, and for a time
/// before 1970.
fn parse_rfc3339(text: &str) -> Option<u64> {
    // chrono also takes U+2212 for the minus of an offset; in RFC 3339 it is ASCII.
    let time = DateTime::parse_from_rfc3339(text).ok().filter(|_| text.is_ascii())?;
    time.timestamp_millis().try_into().ok()
}
