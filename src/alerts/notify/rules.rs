//! When a message is sent: a state machine without a clock and without I/O. What was known and what is wrong now go in; what is to
//! be told to whom comes out, and what is to be known next time.
//!
//! - An alert **begins** when it is first observed, and **ends** when it was not observed for [`calm_ms`]: ten minutes, and twice as
//!   long each time that it has come back within a day. One that comes and goes is one alert meanwhile.
//! - A target is told once that an alert has begun, and once that it has ended. If it could not be told of the beginning in time, it is
//!   told of both at once.
//! - A target gets at most one message a minute, and a reminder of all that lasts at most once a day.
//! - What a target did not take is told by the next run, with what is new by then.
//!
//! Nothing grows without bounds: see [`EPISODES_MAX`] and [`ENDED_MAX`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::service::Refusal;
use crate::{
    alerts::{Alert, AlertKind, Severity},
    hash::sha256_hex,
    webhook::SdkAppId,
};

/// The time between two messages to a target, in ms.
pub const MESSAGE_EVERY_MS: u64 = MINUTE_MS;

/// The time between a message about an alert and a reminder of it, in ms.
pub const REMIND_AFTER_MS: u64 = DAY_MS;

/// How long an alert has to be gone, in ms, the first time.
const CALM_MS: u64 = 10 * MINUTE_MS;

/// How often that time doubles at most: to 5 hours and 20 minutes.
const CALM_DOUBLES_MAX: u32 = 5;

/// For how long it is known, in ms, that an alert has ended.
const KNOWN_FOR_MS: u64 = DAY_MS;

/// For how long a target is still to be told of what has ended, in ms.
const TELL_WITHIN_MS: u64 = 7 * DAY_MS;

/// How many alerts are known at a time that have not ended. Others have to wait until one of them has.
pub const EPISODES_MAX: usize = 100;

/// How many are known that have ended.
pub const ENDED_MAX: usize = 100;

/// After how many refusals in a row a target is no longer tried by each run, and how long it then waits, in ms.
const REFUSALS_BEFORE_WAIT: u32 = 15;
const WAIT_AFTER_REFUSALS_MS: u64 = 15 * MINUTE_MS;

const MINUTE_MS: u64 = 60 * 1000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// How long an alert has to be gone until it has ended, in ms, if it has come back so often.
#[must_use]
pub fn calm_ms(returns: u32) -> u64 {
    CALM_MS.saturating_mul(1 << returns.min(CALM_DOUBLES_MAX))
}

/// What is observed.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Whether these are all. If not, as while D1 fails, an alert that is not among them may still be there.
    pub is_complete: bool,
}

/// What is known from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The alerts, by a hash of their key: a key may name a user.
    #[serde(default)]
    pub episodes: BTreeMap<String, Episode>,
    /// The targets, by their id.
    #[serde(default)]
    pub targets: BTreeMap<String, TargetState>,
    /// The cron trigger of the latest run; empty before the first.
    #[serde(default)]
    pub trigger: String,
}

/// An alert from its beginning to its end. No user is named in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    kind: String,
    #[serde(default)]
    app: Option<u64>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    count: Option<u64>,
    /// When it was first observed, in Unix ms.
    pub began_at: u64,
    /// Since when it was not observed, in Unix ms.
    #[serde(default)]
    pub absent_since: Option<u64>,
    /// When it was last observed before it ended, in Unix ms.
    #[serde(default)]
    pub ended_at: Option<u64>,
    /// How often it has come back within a day of its end.
    #[serde(default)]
    returns: u32,
}

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// Since when it is a target, in Unix ms.
    pub since: u64,
    /// What it was told of each alert, by the hash of its key.
    #[serde(default)]
    told: BTreeMap<String, Told>,
    /// When a message was last sent to it, taken or not, in Unix ms.
    #[serde(default)]
    pub tried_at: Option<u64>,
    /// Before when it gets no message, in Unix ms.
    #[serde(default)]
    wait_until: u64,
    /// How many messages in a row it has not taken.
    #[serde(default)]
    pub refusals: u32,
}

/// What a target was told of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Told {
    /// Of which episode: when it began, in Unix ms.
    episode: u64,
    /// That it has ended.
    ended: bool,
    /// When, in Unix ms.
    at: u64,
}

/// What a target is to be told: hashes of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// These have begun.
    pub begun: Vec<String>,
    /// These have ended.
    pub ended: Vec<String>,
    /// These have begun and ended, and it was told of neither.
    pub passed: Vec<String>,
    /// These last, and it was told of them before: a reminder.
    pub lasting: Vec<String>,
}

impl News {
    fn is_empty(&self) -> bool {
        [&self.begun, &self.ended, &self.passed, &self.lasting].iter().all(|keys| keys.is_empty())
    }
}

/// What an alert is known by here: 32 hex digits of a SHA-256 of its key.
#[must_use]
pub fn hash_of(alert: &Alert) -> String {
    sha256_hex(alert.key()).get(..32).unwrap_or_default().to_owned()
}

impl Episode {
    fn of(alert: &Alert, began_at: u64, returns: u32) -> Self {
        Self {
            kind: <&str>::from(alert.kind).to_owned(),
            app: alert.app.map(SdkAppId::get),
            subject: if alert.names_user() { String::new() } else { alert.subject.clone() },
            detail: alert.detail.clone(),
            count: alert.count,
            began_at,
            absent_since: None,
            ended_at: None,
            returns,
        }
    }

    /// The alert as it was when it began, without a user; `None` if this version has no such kind.
    #[must_use]
    pub fn alert(&self) -> Option<Alert> {
        let app = self.app.and_then(|app| SdkAppId::parse(&app.to_string()));
        let kind: AlertKind = self.kind.parse().ok()?;
        Some(Alert { detail: self.detail.clone(), count: self.count, ..Alert::new(kind, app, self.subject.clone()) })
    }

    const fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

impl State {
    /// Takes up what is observed at `now` (Unix ms). Notices are not told.
    pub fn observe(&mut self, current: &Current, now: u64) {
        // If there is no room for all, the gravest are known.
        let of = |severity| current.alerts.iter().filter(move |alert| alert.severity() == severity);
        let told = of(Severity::Critical).chain(of(Severity::Warning));
        let alerts: Vec<_> = told.map(|alert| (hash_of(alert), alert)).collect();
        for (hash, alert) in &alerts {
            let open = self.episodes.values().filter(|episode| episode.is_open()).count();
            match self.episodes.get_mut(hash) {
                Some(episode) if episode.is_open() => episode.absent_since = None,
                _ if open >= EPISODES_MAX => {}
                Some(episode) => {
                    let is_back = episode.ended_at.is_some_and(|at| now.saturating_sub(at) < KNOWN_FOR_MS);
                    let returns = if is_back { episode.returns.saturating_add(1) } else { 0 };
                    // Its time tells one episode from the next.
                    let began_at = now.max(episode.began_at.saturating_add(1));
                    *episode = Episode::of(alert, began_at, returns);
                }
                None => {
                    self.episodes.insert(hash.clone(), Episode::of(alert, now, 0));
                }
            }
        }
        if current.is_complete {
            let gone = self.episodes.iter_mut().filter(|(hash, _)| alerts.iter().all(|(it, _)| it != *hash));
            for (_, episode) in gone.filter(|(_, episode)| episode.is_open()) {
                let since = *episode.absent_since.get_or_insert(now);
                if now.saturating_sub(since) >= calm_ms(episode.returns) {
                    episode.ended_at = Some(since);
                }
            }
        }
        self.forget(now);
    }

    /// Forgets what has ended, and nobody is to be told of any more.
    fn forget(&mut self, now: u64) {
        let targets = &self.targets;
        let is_told = |hash: &str, episode: &Episode| targets.values().all(|it| it.news_of(hash, episode).is_none());
        self.episodes.retain(|hash, episode| {
            let age = episode.ended_at.map(|at| now.saturating_sub(at));
            age.is_none_or(|age| age < KNOWN_FOR_MS || age < TELL_WITHIN_MS && !is_told(hash, episode))
        });
        let mut ended: Vec<_> =
            self.episodes.iter().filter_map(|(hash, it)| Some((it.ended_at?, hash.clone()))).collect();
        while ended.len() > ENDED_MAX
            && let Some((index, (_, hash))) = ended.iter().enumerate().min_by_key(|(_, (at, _))| *at)
        {
            self.episodes.remove(hash);
            ended.swap_remove(index);
        }
        for target in self.targets.values_mut() {
            target.told.retain(|hash, _| self.episodes.contains_key(hash));
        }
    }

    /// Has these targets, and no others. A new one is told of what lasts, and not of what ended before.
    pub fn have_targets<'a>(&mut self, ids: impl Iterator<Item = &'a str> + Clone, now: u64) {
        self.targets.retain(|id, _| ids.clone().any(|it| it == id));
        for id in ids {
            self.targets.entry(id.to_owned()).or_insert_with(|| TargetState {
                since: now,
                told: BTreeMap::new(),
                tried_at: None,
                wait_until: 0,
                refusals: 0,
            });
        }
    }

    /// What is to be told to a target at `now` (Unix ms); `None` if nothing is, or not yet.
    #[must_use]
    pub fn news(&self, id: &str, now: u64) -> Option<News> {
        let target = self.targets.get(id)?;
        // Also if the clock was set back.
        let is_early = target.tried_at.is_some_and(|at| now.abs_diff(at) < MESSAGE_EVERY_MS);
        let waits = now < target.wait_until && target.wait_until.saturating_sub(now) <= DAY_MS;
        if is_early || waits {
            return None;
        }
        let mut news = News::default();
        let mut is_due = false;
        for (hash, episode) in &self.episodes {
            match target.news_of(hash, episode) {
                Some(Item::Begun) => news.begun.push(hash.clone()),
                Some(Item::Ended) => news.ended.push(hash.clone()),
                Some(Item::Passed) => news.passed.push(hash.clone()),
                None if episode.is_open() => {
                    let at = target.told.get(hash).map_or(now, |told| told.at);
                    is_due |= now.saturating_sub(at) >= REMIND_AFTER_MS;
                    news.lasting.push(hash.clone());
                }
                None => {}
            }
        }
        // A reminder is of all of them, so that there is one a day and not one for each.
        if !is_due {
            news.lasting.clear();
        }
        (!news.is_empty()).then_some(news)
    }

    /// A message is about to be sent to a target.
    pub fn trying(&mut self, id: &str, now: u64) {
        if let Some(target) = self.targets.get_mut(id) {
            target.tried_at = Some(now);
        }
    }

    /// The target has taken a message with this news.
    pub fn taken(&mut self, id: &str, news: &News, now: u64) {
        let Some(target) = self.targets.get_mut(id) else { return };
        (target.refusals, target.wait_until) = (0, 0);
        let lists = [(&news.begun, false), (&news.lasting, false), (&news.ended, true), (&news.passed, true)];
        for (hash, ended) in lists.into_iter().flat_map(|(list, ended)| list.iter().map(move |hash| (hash, ended))) {
            if let Some(episode) = self.episodes.get(hash) {
                target.told.insert(hash.clone(), Told { episode: episode.began_at, ended, at: now });
            }
        }
    }

    /// The target has not taken a message.
    pub fn refused(&mut self, id: &str, refusal: &Refusal, now: u64) {
        let Some(target) = self.targets.get_mut(id) else { return };
        target.refusals = target.refusals.saturating_add(1);
        let own = if target.refusals > REFUSALS_BEFORE_WAIT { WAIT_AFTER_REFUSALS_MS } else { 0 };
        target.wait_until = now.saturating_add(own.max(refusal.wait_seconds.saturating_mul(1000)));
    }

    /// What is known of two states, of which `other` was written while this one could not be.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        for (hash, episode) in other.episodes {
            match self.episodes.get(&hash) {
                Some(ours) if ours.began_at > episode.began_at => {}
                _ => {
                    self.episodes.insert(hash, episode);
                }
            }
        }
        if !other.trigger.is_empty() {
            self.trigger = other.trigger;
        }
        for (id, theirs) in other.targets {
            let Some(ours) = self.targets.get_mut(&id) else {
                self.targets.insert(id, theirs);
                continue;
            };
            ours.since = ours.since.min(theirs.since);
            if theirs.tried_at >= ours.tried_at {
                (ours.tried_at, ours.wait_until, ours.refusals) = (theirs.tried_at, theirs.wait_until, theirs.refusals);
            }
            for (hash, told) in theirs.told {
                match ours.told.get(&hash) {
                    Some(ours) if *ours > told => {}
                    _ => {
                        ours.told.insert(hash, told);
                    }
                }
            }
        }
        self
    }
}

/// What a target is to be told of one alert.
enum Item {
    Begun,
    Ended,
    Passed,
}

impl TargetState {
    fn news_of(&self, hash: &str, episode: &Episode) -> Option<Item> {
        let told = self.told.get(hash).filter(|told| told.episode == episode.began_at);
        match (told, episode.is_open()) {
            (None, true) => Some(Item::Begun),
            (None, false) => (episode.began_at >= self.since).then_some(Item::Passed),
            (Some(told), false) => (!told.ended).then_some(Item::Ended),
            (Some(_), true) => None,
        }
    }
}
