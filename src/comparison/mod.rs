//! The comparison of the log with Tencent's own data: which follows and unfollows never arrived.
//!
//! It goes in steps, each of which a call of the API can do. A step reads pages of two lists: those who follow a user as Tencent
//! says it, of which the log may lack some, and those who do as far as the log knows, of which Tencent may have no longer some. What
//! differs is suspected, and looked at once more after [`SETTLE_MS`]: an event may come while the two are read. Nothing here stores
//! anything, and nothing knows where the log is.

pub mod recording;

use std::{cell::Cell, future::Future};

use futures_util::future::LocalBoxFuture;

use crate::{
    event::EventId,
    outgoing::Outgoing,
    storage::Clock,
    tencent::{CHECK_MAX, LIST_MAX, Tencent, TencentError},
};

/// Most calls of Tencent's API in a step.
pub const CALLS_MAX: usize = 20;

/// After how long a step reads no further page, in ms: the second look and the recording are still to come.
const READ_WITHIN_MS: u64 = 4_000;

/// How long after the first look a second one is taken, in ms. Tencent calls at once, and its call is answered within 2 s.
const SETTLE_MS: u64 = 2_500;

/// How old a follow has to be to count as missed, in ms.
const RECENT_MS: u64 = 10_000;

/// How many events one page of the log has.
const LOG_PAGE: usize = CHECK_MAX;

/// Operations of a second look, besides its calls: the log is asked, and what may excuse a suspect.
const SETTLE_OPERATIONS: usize = 4;

/// What the log knows of who follows whom.
pub trait Log {
    /// Why it could not be asked.
    type Error;

    /// A page of those who follow `user` by the log's latest event of each, newest first, from the one after `after` on: of `limit`
    /// events at most, and without the users of `except`, which are sorted.
    fn followers(
        &self,
        user: &str,
        after: Option<&EventId>,
        limit: usize,
        except: &[String],
    ) -> impl Future<Output = Result<LogPage, Self::Error>>;

    /// Since when each actor follows the user (Unix ms) by the log's latest event; `None` if it knows of no follow, or of an unfollow
    /// since. In the order of the pairs.
    fn known(&self, pairs: &[Pair<'_>]) -> impl Future<Output = Result<Vec<Option<u64>>, Self::Error>>;

    /// Looks anew, where it remembers what it has said.
    fn refresh(&self) -> impl Future<Output = Result<(), Self::Error>>;

    /// Why each of these is no miss, if there is a reason. In their order.
    fn excuses(&self, missed: &[Missed]) -> impl Future<Output = Result<Vec<Option<Excuse>>, Self::Error>>;
}

/// An actor and the user who may be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub target: &'a str,
    pub actor: &'a str,
}

/// Who follows a user by the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFollower {
    pub user: String,
    /// The `EventTime` of the follow, in Unix ms.
    pub since: u64,
}

/// A page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    pub followers: Vec<LogFollower>,
    /// The event after which the next page begins; `None` at the end.
    pub next: Option<EventId>,
}

/// Why what looks like a miss is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The event is stored, and the log has it not yet.
    OnItsWay,
    /// It was erased.
    Erased,
}

/// What the log has missed: a follow, or an unfollow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub target: String,
    pub actor: String,
    /// Of a follow, its second at Tencent; of an unfollow, when Tencent was asked. In Unix ms.
    pub event_time: u64,
    /// Of an unfollow, when the actor was last known to follow, in Unix ms; `None` is a follow.
    pub not_before: Option<u64>,
}

impl Missed {
    #[must_use]
    pub const fn is_follow(&self) -> bool {
        self.not_before.is_none()
    }

    #[must_use]
    fn pair(&self) -> Pair<'_> {
        Pair { target: &self.target, actor: &self.actor }
    }
}

/// Where the comparison of a user goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    place: Place,
    /// How many of the suspects of this page an earlier step has looked at and left as they are.
    skip: usize,
    /// How many of this page an earlier step has recorded and counted.
    counted: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Tencent's list, from this cursor on.
    Listed(String),
    /// The log, after this event.
    Logged(Option<EventId>),
}

impl Position {
    /// The beginning.
    pub const START: Self = Self::at(Place::Listed(String::new()));

    const fn at(place: Place) -> Self {
        Self { place, skip: 0, counted: 0 }
    }

    /// Its text, which [`Position::read`] reads.
    #[must_use]
    pub fn text(&self) -> String {
        let (word, cursor) = match &self.place {
            Place::Listed(cursor) => ("listed", cursor.as_str()),
            Place::Logged(after) => ("logged", after.as_ref().map_or("", EventId::as_str)),
        };
        format!("{word} {} {} {cursor}", self.skip, self.counted)
    }

    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let word = parts.next()?;
        let (skip, counted) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let cursor = parts.next()?;
        let place = match word {
            "listed" => Place::Listed(cursor.to_owned()),
            "logged" if cursor.is_empty() => Place::Logged(None),
            "logged" => Place::Logged(Some(EventId::read(cursor)?)),
            _ => return None,
        };
        Some(Self { place, skip, counted })
    }
}

/// What a step has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many relations were looked at: the sum of all that follow.
    pub checked: usize,
    /// Those of which the log and Tencent say the same.
    pub agreeing: usize,
    /// Follows that are older than what the log covers, or were erased.
    pub unknown_to_log: usize,
    /// Those that are too recent, or on their way to the log, or of which Tencent does not say anything.
    pub undecided: usize,
    pub missed: Vec<Missed>,
}

/// Why a step has failed. Nothing is lost: it can be done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComparisonError<E> {
    Tencent(TencentError),
    Log(E),
}

/// Since when each of some pairs holds, in Unix ms.
type Known = Vec<Option<u64>>;

/// What a step may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Operations on KV, D1, queues and Tencent, together.
    pub operations: usize,
    /// How many operations the recording of a miss takes; 0 if nothing is recorded.
    pub per_record: usize,
}

/// One step of a comparison, over one user or several.
pub struct Comparison<'a, L, O, C> {
    pub log: &'a L,
    pub tencent: &'a Tencent<'a, O, C>,
    /// From when on the log has every follow that it was told of, in Unix ms; `None` if it has none.
    pub covered_since: Option<u64>,
    budget: Budget,
    began_at: u64,
    operations: Cell<usize>,
    findings: Findings,
    suspects: Vec<Suspect>,
    /// Whether a page was read.
    has_advanced: bool,
    /// When the last suspect was found, in Unix ms.
    suspected_at: u64,
}

/// What may be missed.
struct Suspect {
    missed: Missed,
    /// Whether its page is read again by the step that follows.
    is_of_partial_page: bool,
}

/// What a page has.
#[derive(Default)]
struct Read {
    agreeing: usize,
    unknown_to_log: usize,
    undecided: usize,
    suspects: Vec<Missed>,
}

impl<'a, L: Log, O: Outgoing, C: Clock> Comparison<'a, L, O, C> {
    /// A step that begins.
    #[must_use]
    pub fn new(log: &'a L, tencent: &'a Tencent<'a, O, C>, covered_since: Option<u64>, budget: Budget) -> Self {
        let began_at = tencent.clock.now_ms();
        Self {
            log,
            tencent,
            covered_since,
            budget,
            began_at,
            operations: Cell::new(0),
            findings: Findings::default(),
            suspects: Vec::new(),
            has_advanced: false,
            suspected_at: 0,
        }
    }

    /// Reads on about `user`. Where it goes on; `None` if all of it is read.
    ///
    /// # Errors
    /// [`ComparisonError`].
    pub async fn advance(&mut self, user: &str, from: Position) -> Result<Option<Position>, ComparisonError<L::Error>> {
        // All that Tencent lists, if this step has read all of it.
        let mut listed = (from == Position::START).then(Vec::new);
        let mut position = from;
        while let Some(room) = self.room() {
            let read = match position.place.clone() {
                Place::Listed(cursor) => Box::pin(self.listed(user, &cursor, room, listed.as_mut())).await,
                Place::Logged(after) => Box::pin(self.logged(user, after.as_ref(), listed.as_deref())).await,
            };
            let (read, next) = match read {
                // What is read so far counts.
                Err(ComparisonError::Tencent(error)) if error.is_too_fast() && self.has_advanced => break,
                read => read?,
            };
            self.has_advanced = true;
            if !self.take(read, &mut position) {
                break;
            }
            match next {
                Some(next) => position = Position::at(next),
                None => return Ok(None),
            }
        }
        Ok(Some(position))
    }

    /// How many relations the next page may have, so that all of them can be looked at twice; `None` if there is to be none.
    fn room(&self) -> Option<usize> {
        let recheck = self.recheck_calls();
        let calls = CALLS_MAX.checked_sub(self.tencent.calls.get().saturating_add(recheck).saturating_add(1))?;
        let spent =
            [self.spent(), recheck, SETTLE_OPERATIONS, self.suspects.len().saturating_mul(self.budget.per_record)];
        let spent = spent.into_iter().fold(0_usize, usize::saturating_add);
        // The page is a call and two questions to the log, and at least one suspect is looked at and recorded.
        let least = 4_usize.saturating_add(self.budget.per_record);
        let operations = self.budget.operations.checked_sub(spent.saturating_add(least))?;
        let is_late = self.tencent.clock.now_ms().saturating_sub(self.began_at) > READ_WITHIN_MS;
        let room = calls.min(operations.saturating_add(1)).saturating_mul(CHECK_MAX).min(LIST_MAX);
        (room > 0 && !is_late).then_some(room)
    }

    /// How many calls the second look takes.
    fn recheck_calls(&self) -> usize {
        let mut calls = 0_usize;
        for group in self.suspects.chunk_by(|one, other| one.missed.target == other.missed.target) {
            calls = calls.saturating_add(group.len().div_ceil(CHECK_MAX));
        }
        calls
    }

    fn spent(&self) -> usize {
        self.operations.get().saturating_add(self.tencent.calls.get())
    }

    fn spend(&self, operations: usize) {
        self.operations.set(self.operations.get().saturating_add(operations));
    }

    /// Reads a page of Tencent's list.
    async fn listed(
        &self,
        user: &str,
        cursor: &str,
        limit: usize,
        listed: Option<&mut Vec<String>>,
    ) -> Result<(Read, Option<Place>), ComparisonError<L::Error>> {
        let page = self.tencent.followers(user, cursor, limit).await.map_err(ComparisonError::Tencent)?;
        let pairs: Vec<_> = page.followers.iter().map(|it| Pair { target: user, actor: &it.user }).collect();
        self.spend(1);
        let known = if pairs.is_empty() { Vec::new() } else { self.known(&pairs).await? };
        let recent_from = self.tencent.clock.now_ms().saturating_sub(RECENT_MS);
        let mut read = Read::default();
        for (follower, known) in page.followers.iter().zip(known) {
            let event_time = follower.since.saturating_mul(1000);
            if known.is_some() {
                read.agreeing = read.agreeing.saturating_add(1);
            } else if self.covered_since.is_none_or(|covered| event_time < covered) {
                read.unknown_to_log = read.unknown_to_log.saturating_add(1);
            } else if event_time >= recent_from {
                read.undecided = read.undecided.saturating_add(1);
            } else {
                let (target, actor) = (user.to_owned(), follower.user.clone());
                read.suspects.push(Missed { target, actor, event_time, not_before: None });
            }
        }
        if let Some(listed) = listed {
            listed.extend(page.followers.into_iter().map(|follower| follower.user));
            listed.sort_unstable();
        }
        Ok((read, Some(page.next.map_or(Place::Logged(None), Place::Listed))))
    }

    /// Reads a page of the log. `listed` are all whom Tencent lists, if they are known: then only the others are asked about, and
    /// none is counted twice.
    async fn logged(
        &self,
        user: &str,
        after: Option<&EventId>,
        listed: Option<&[String]>,
    ) -> Result<(Read, Option<Place>), ComparisonError<L::Error>> {
        self.spend(2);
        let page = self.log.followers(user, after, LOG_PAGE, listed.unwrap_or_default()).await;
        let page = page.map_err(ComparisonError::Log)?;
        let mut followers = page.followers;
        if listed.is_none() && !followers.is_empty() {
            let actors: Vec<_> = followers.iter().map(|follower| follower.user.as_str()).collect();
            let checked = self.tencent.check(user, &actors).await.map_err(ComparisonError::Tencent)?;
            let mut checked = checked.into_iter();
            // Of whom Tencent says nothing, the second look decides.
            followers.retain(|_| checked.next().flatten() != Some(true));
        }
        let missed = |follower: LogFollower| Missed {
            target: user.to_owned(),
            actor: follower.user,
            event_time: 0,
            not_before: Some(follower.since),
        };
        let read = Read { suspects: followers.into_iter().map(missed).collect(), ..Read::default() };
        Ok((read, page.next.map(|next| Place::Logged(Some(next)))))
    }

    // Boxed, as what follows is seldom needed: it is there once, and no part of what waits for it.
    fn known<'f>(&'f self, pairs: &'f [Pair<'f>]) -> LocalBoxFuture<'f, Result<Known, ComparisonError<L::Error>>> {
        Box::pin(async move { self.log.known(pairs).await.map_err(ComparisonError::Log) })
    }

    /// Takes what a page has. Whether the next page follows: if there is more than can be recorded, the page is read again by the
    /// step that follows, and counted then.
    fn take(&mut self, read: Read, position: &mut Position) -> bool {
        let Read { agreeing, unknown_to_log, undecided, suspects } = read;
        let mut suspects: Vec<_> = suspects.into_iter().skip(position.skip).collect();
        if !suspects.is_empty() {
            self.suspected_at = self.tencent.clock.now_ms();
        }
        let capacity = self.capacity();
        let is_whole = suspects.len() <= capacity;
        if !is_whole && !self.suspects.is_empty() {
            return false;
        }
        suspects.truncate(capacity);
        let suspect = |missed| Suspect { missed, is_of_partial_page: !is_whole };
        self.suspects.extend(suspects.into_iter().map(suspect));
        if is_whole {
            let agreeing = agreeing.saturating_sub(position.counted);
            self.count(|it| &mut it.agreeing, agreeing);
            self.count(|it| &mut it.unknown_to_log, unknown_to_log);
            self.count(|it| &mut it.undecided, undecided);
        }
        is_whole
    }

    /// How many more suspects can be recorded.
    fn capacity(&self) -> usize {
        let spent =
            self.spent().saturating_add(self.recheck_calls()).saturating_add(SETTLE_OPERATIONS).saturating_add(2);
        let left = self.budget.operations.saturating_sub(spent);
        let most = left.checked_div(self.budget.per_record).unwrap_or(usize::MAX);
        // One always can: a step that does nothing would be repeated for ever.
        most.saturating_sub(self.suspects.len()).max(usize::from(self.suspects.is_empty()))
    }

    fn count(&mut self, number: impl FnOnce(&mut Findings) -> &mut usize, more: usize) {
        let number = number(&mut self.findings);
        *number = number.saturating_add(more);
        self.findings.checked = self.findings.checked.saturating_add(more);
    }

    /// Takes the second look, and says what was found. `position` is where the last user goes on, if there is more of that user.
    ///
    /// # Errors
    /// [`ComparisonError`].
    pub async fn settle(
        mut self,
        position: Option<Position>,
    ) -> Result<(Findings, Option<Position>), ComparisonError<L::Error>> {
        let suspects = std::mem::take(&mut self.suspects);
        if suspects.is_empty() {
            return Ok((self.findings, position));
        }
        let now = self.tencent.clock.now_ms();
        let ready_at = self.suspected_at.saturating_add(SETTLE_MS);
        if ready_at > now {
            self.tencent.clock.sleep(ready_at.saturating_sub(now)).await;
        }
        let asked_at = self.tencent.clock.now_ms();
        let mut follows = Vec::new();
        for group in suspects.chunk_by(|one, other| one.missed.target == other.missed.target) {
            for some in group.chunks(CHECK_MAX) {
                let actors: Vec<_> = some.iter().map(|it| it.missed.actor.as_str()).collect();
                let target = some.first().map_or("", |it| it.missed.target.as_str());
                follows.extend(self.tencent.check(target, &actors).await.map_err(ComparisonError::Tencent)?);
            }
        }
        self.log.refresh().await.map_err(ComparisonError::Log)?;
        let pairs: Vec<_> = suspects.iter().map(|it| it.missed.pair()).collect();
        let known = self.known(&pairs).await?;
        let missed: Vec<_> = suspects.iter().map(|it| it.missed.clone()).collect();
        let excuses = self.log.excuses(&missed).await.map_err(ComparisonError::Log)?;
        let (mut left, mut recorded) = (0_usize, 0_usize);
        for (((suspect, follows), known), excuse) in suspects.into_iter().zip(follows).zip(known).zip(excuses) {
            let Suspect { mut missed, is_of_partial_page } = suspect;
            // The log may know by now.
            let agrees = match missed.not_before {
                None => known.is_some(),
                Some(since) => known != Some(since) || follows == Some(true),
            };
            let still_differs = follows == Some(missed.is_follow());
            let number: fn(&mut Findings) -> &mut usize = match excuse {
                _ if agrees => |it| &mut it.agreeing,
                Some(Excuse::Erased) => |it| &mut it.unknown_to_log,
                None if still_differs => {
                    if !missed.is_follow() {
                        missed.event_time = asked_at;
                    }
                    self.findings.missed.push(missed);
                    self.findings.checked = self.findings.checked.saturating_add(1);
                    recorded = recorded.saturating_add(usize::from(is_of_partial_page));
                    continue;
                }
                Some(Excuse::OnItsWay) | None => |it| &mut it.undecided,
            };
            self.count(number, 1);
            // What agrees is among the suspects no more.
            match agrees {
                true => recorded = recorded.saturating_add(usize::from(is_of_partial_page)),
                false => left = left.saturating_add(usize::from(is_of_partial_page)),
            }
        }
        let position = position.map(|mut position| {
            position.skip = position.skip.saturating_add(left);
            // A recorded unfollow leaves the log's page, and a recorded follow stays in Tencent's.
            if matches!(position.place, Place::Listed(_)) {
                position.counted = position.counted.saturating_add(recorded);
            }
            position
        });
        Ok((self.findings, position))
    }
}
