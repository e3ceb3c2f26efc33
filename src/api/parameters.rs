//! What the path and the query of an API call say, as types. What cannot be followed is rejected: a misspelt filter that was
//! passed over in silence would show more than was asked for. An empty parameter, as forms send it, is none.

use std::{borrow::Cow, str::FromStr};

use chrono::DateTime;
use serde::{Serialize, Serializer};
use strum::VariantArray;

#[cfg(not(target_arch = "wasm32"))]
use super::description::ParameterSchema;
use super::{cursor, problem::Problem, reply::Described};
use crate::{
    config::Settings,
    encoding::list_words,
    event::{
        EventId, UserId,
        id::{COUNTDOWN_DIGITS, EVENT_TIME_MAX},
    },
    webhook::{SdkAppId, body::unix_ms, digits, query::percent_decode},
};

/// The parameters of an operation's query. [`parameters!`] writes it for a struct.
pub trait Query: Sized {
    /// Their names.
    const NAMES: &'static [&'static str];

    /// Reads the query.
    ///
    /// # Errors
    /// [`Problem`] for what is not to be followed.
    fn read(query: &str, apps: &KnownApps<'_>) -> Result<Self, Problem>;

    /// The schemas of the parameters.
    #[cfg(not(target_arch = "wasm32"))]
    fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<ParameterSchema>;
}

/// Declares a struct whose fields are the parameters of a query, by their names. Each field's type is a [`Parameter`]:
/// it says what may be left out, and which values there are.
macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        pub struct $name {
            $($field: $type,)+
        }

        impl $crate::api::parameters::Query for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            fn read(
                query: &str,
                apps: &$crate::api::parameters::KnownApps<'_>,
            ) -> Result<Self, $crate::api::problem::Problem> {
                let texts = $crate::api::parameters::Texts::read(query, Self::NAMES)?;
                Ok(Self {
                    $($field: <$type as $crate::api::parameters::Parameter>::read(
                        stringify!($field),
                        texts.get(stringify!($field)),
                        apps,
                    )?,)+
                })
            }

            #[cfg(not(target_arch = "wasm32"))]
            fn schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<$crate::api::description::ParameterSchema> {
                vec![$($crate::api::description::ParameterSchema::of::<$type>(stringify!($field), generator)),+]
            }
        }
    };
}
pub(super) use parameters;

/// The texts of a query.
pub struct Texts<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Texts<'a> {
    /// Reads a query that may have these parameters, in any order, each once. Percent-encoding is that of RFC 3986: a plus sign
    /// is one.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for any other parameter, a duplicate, and one that is not percent-encoded UTF-8.
    pub fn read(query: &'a str, names: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::new();
        for segment in query.split('&').filter(|segment| !segment.is_empty()) {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            if !names.contains(&name) {
                return Err(bad_request("The query has a parameter that this call does not take."));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(bad_request("A parameter is a duplicate."));
            }
            let value = percent_decode(value);
            pairs.push((name, value.ok_or_else(|| bad_request("A parameter is not percent-encoded UTF-8."))?));
        }
        Ok(Self(pairs))
    }

    /// The text of this parameter; `None` if it is empty or not there.
    // Not inlined, as the readers below: each would be there once for each parameter of each operation.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, value)| *it == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

/// A parameter of a query, which may be there or not.
pub trait Parameter: Sized {
    /// What describes its values.
    type Values: Described;

    /// Whether it has to be there in every call.
    #[cfg(not(target_arch = "wasm32"))]
    const IS_REQUIRED: bool = false;

    /// The word that it is if it is left out, if that is one of its values.
    #[cfg(not(target_arch = "wasm32"))]
    fn default_word() -> Option<&'static str> {
        None
    }

    /// Reads the text, which is not empty, of the parameter of this name.
    ///
    /// # Errors
    /// [`Problem`] if it is no value of the parameter, or if it is missing.
    fn read(name: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem>;
}

/// A value of a parameter.
pub trait Value: Described + Sized {
    /// Reads a text, which is not empty.
    ///
    /// # Errors
    /// [`Problem`] for what is no value of the parameter of this name.
    fn parse(name: &str, text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem>;
}

/// A placeholder of a path.
pub trait Segment: Described + Sized {
    /// Reads the segment in its place.
    ///
    /// # Errors
    /// [`Problem::NotFound`] for what cannot be there.
    fn read(text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem>;
}

/// A parameter that may be left out.
impl<T: Value> Parameter for Option<T> {
    type Values = T;

    fn read(name: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        text.map(|text| T::parse(name, text, apps)).transpose()
    }
}

/// A parameter that has to be there.
pub struct Required<T>(pub T);

impl<T: Value> Parameter for Required<T> {
    type Values = T;

    #[cfg(not(target_arch = "wasm32"))]
    const IS_REQUIRED: bool = true;

    fn read(name: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        let missing = || Problem::BadRequest(Cow::Owned(format!("Say {name}: it has to be given.")));
        text.ok_or_else(missing).and_then(|text| T::parse(name, text, apps)).map(Self)
    }
}

/// A parameter that has a default.
pub struct OrDefault<T>(pub T);

impl<T: Value + Default + Into<&'static str>> Parameter for OrDefault<T> {
    type Values = T;

    #[cfg(not(target_arch = "wasm32"))]
    fn default_word() -> Option<&'static str> {
        Some(T::default().into())
    }

    fn read(name: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        Option::read(name, text, apps).map(|value| Self(value.unwrap_or_default()))
    }
}

/// The words of an enum.
impl<T: FromStr + VariantArray + Copy + Into<&'static str> + Described> Value for T {
    fn parse(name: &str, text: &str, _: &KnownApps<'_>) -> Result<Self, Problem> {
        text.parse().map_err(|_| invalid(name, &list_words(T::VARIANTS, "or")))
    }
}

/// The apps that a call may name.
pub struct KnownApps<'a> {
    /// Those that are ours.
    pub settings: &'a Settings,
    /// One that is no longer ours, and of which something is stored.
    pub removed: Option<SdkAppId>,
}

impl KnownApps<'_> {
    fn has(&self, app: SdkAppId) -> bool {
        self.settings.is_ours(app) || self.removed == Some(app)
    }
}

/// An app of ours, or one that was and of which something is stored. In a query it may be left out if one only is ours; any other is
/// not found.
#[derive(Clone, Copy, Debug)]
pub struct App(pub SdkAppId);

impl Segment for App {
    #[inline(never)]
    fn read(text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        SdkAppId::parse(text).filter(|&id| apps.has(id)).map(Self).ok_or(Problem::NotFound)
    }
}

impl Value for App {
    fn parse(_: &str, text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        Segment::read(text, apps)
    }
}

impl Parameter for App {
    type Values = Self;

    #[inline(never)]
    fn read(_: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        match text {
            Some(text) => Segment::read(text, apps),
            None => apps.settings.only_app().map(Self).ok_or_else(|| bad_request("Say which app: app=SDKAppID.")),
        }
    }
}

/// An app, or none, which is 0: for what cannot be read, and calls of no app of ours.
#[derive(Clone, Copy, Debug)]
pub struct AppOrNone(pub Option<SdkAppId>);

impl Segment for AppOrNone {
    fn read(text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        if text == "0" { Ok(Self(None)) } else { <App as Segment>::read(text, apps).map(|App(app)| Self(Some(app))) }
    }
}

impl Value for AppOrNone {
    fn parse(_: &str, text: &str, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        Segment::read(text, apps)
    }
}

/// As of [`App`], it may be left out if there is one only.
impl Parameter for AppOrNone {
    type Values = Self;

    fn read(name: &str, text: Option<&str>, apps: &KnownApps<'_>) -> Result<Self, Problem> {
        match text {
            Some(text) => Segment::read(text, apps),
            None => <App as Parameter>::read(name, None, apps).map(|App(app)| Self(Some(app))),
        }
    }
}

impl Serialize for AppOrNone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.map_or(0, SdkAppId::get))
    }
}

impl Segment for EventId {
    fn read(text: &str, _: &KnownApps<'_>) -> Result<Self, Problem> {
        Self::read(text).ok_or(Problem::NotFound)
    }
}

/// Any text is a value of these types.
macro_rules! texts {
    ($($type:ident)+) => {$(
        impl Value for $type {
            fn parse(_: &str, text: &str, _: &KnownApps<'_>) -> Result<Self, Problem> {
                Ok(Self(text.to_owned()))
            }
        }
    )+};
}

texts! { UserId Cursor }

/// A user that the call is about.
impl Parameter for UserId {
    type Values = Self;

    #[cfg(not(target_arch = "wasm32"))]
    const IS_REQUIRED: bool = true;

    fn read(name: &str, text: Option<&str>, _: &KnownApps<'_>) -> Result<Self, Problem> {
        let missing = || Problem::BadRequest(Cow::Owned(format!("Say which {name}: {name}=UserID.")));
        text.map(|text| Self(text.to_owned())).ok_or_else(missing)
    }
}

/// How many items a page has at most: 1 to `MAX`, and `DEFAULT` unless said.
#[derive(Clone, Copy, Debug)]
pub struct Limit<const MAX: u64, const DEFAULT: u64>(pub u64);

/// The limit of lists.
pub type PageLimit = Limit<1000, 100>;

impl<const MAX: u64, const DEFAULT: u64> Parameter for Limit<MAX, DEFAULT> {
    type Values = Self;

    fn read(name: &str, text: Option<&str>, _: &KnownApps<'_>) -> Result<Self, Problem> {
        text.map_or(Ok(DEFAULT), |text| read_number(name, text, MAX)).map(Self)
    }
}

#[inline(never)]
fn read_number(name: &str, text: &str, max: u64) -> Result<u64, Problem> {
    let number = digits::parse(text, COUNTDOWN_DIGITS).filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| invalid(name, &format!("1 to {max}")))
}

/// The beginning of an hour in Unix ms.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct HourStart(pub u64);

/// A time in Unix ms, written so or as in RFC 3339, whose part of a ms is dropped. As in a webhook's `EventTime`, a number that is
/// too small for ms is in seconds: as ms it would be a day in 1970, and the answer would look complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Value for Time {
    #[inline(never)]
    fn parse(name: &str, text: &str, _: &KnownApps<'_>) -> Result<Self, Problem> {
        let time = digits::parse(text, COUNTDOWN_DIGITS).map(unix_ms).or_else(|| parse_rfc3339(text));
        let time = time.filter(|&time| time <= EVENT_TIME_MAX).map(Self);
        time.ok_or_else(|| invalid(name, "a time in Unix ms or seconds, or as in RFC 3339"))
    }
}

/// The ends of a range, both inclusive.
///
/// # Errors
/// [`Problem::BadRequest`] if `since` is after `until`.
pub fn ordered(since: Option<Time>, until: Option<Time>) -> Result<(Option<u64>, Option<u64>), Problem> {
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(bad_request("since is after until."));
    }
    Ok((since.map(|Time(ms)| ms), until.map(|Time(ms)| ms)))
}

/// A cursor of ours.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl Cursor {
    /// The position in the cursor of this query, as `read` reads it; `None` without a cursor.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] for a cursor of another query, and for what is no cursor.
    pub fn position<T>(
        cursor: Option<&Self>,
        query: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(Self(text)) = cursor else { return Ok(None) };
        let position = cursor::read(query, text).and_then(|position| read(&position));
        position.map(Some).ok_or_else(|| bad_request("The cursor is invalid, or belongs to another query."))
    }
}

/// The problem with a parameter that should be something else.
#[cold]
fn invalid(name: &str, expected: &str) -> Problem {
    Problem::BadRequest(Cow::Owned(format!("{name} is {expected}.")))
}

fn bad_request(detail: &'static str) -> Problem {
    Problem::BadRequest(Cow::Borrowed(detail))
}

/// The Unix ms of a time like `2026-11-24T13:35:00.250+08:00`; what is below a ms is dropped. `t`, `z` and a space for the
/// `T` are accepted, and a leap second is the first one of the next minute. `None` for any other text, and for a time
/// before 1970.
fn parse_rfc3339(text: &str) -> Option<u64> {
    // chrono also takes U+2212 for the minus of an offset; in RFC 3339 it is ASCII.
    let time = DateTime::parse_from_rfc3339(text).ok().filter(|_| text.is_ascii())?;
    time.timestamp_millis().try_into().ok()
}
