//! Who follows a user as far as the log knows, the comparison of that with Tencent's own data, and the recording of what never
//! arrived.

use std::cell::Cell;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::Value;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{
    Context, cursor,
    parameters::{App, Cursor, OrDefault, PageLimit, Required, Time, ordered, parameters},
    problem::Problem,
};
use crate::{
    comparison::{
        Budget, Comparison, ComparisonError, Excuse, Findings, Log, LogFollower, LogPage, Missed, Pair, Position,
        recording,
    },
    database::{
        Database, HOUR_MS, Statement,
        erasures::{self, KnownErasure},
        event_log,
        relations::{self, Follow, Latest, Rows},
    },
    delivery::{erased::Traces, message::Message},
    encoding::{UnixMs, Word, to_json},
    event::{self, EventId, Parties, UserId},
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, Kv as _, LIST_MAX, Listed},
    tencent::Tencent,
    webhook::{SdkAppId, command::Kind},
};

/// How many calls of Tencent's API begin in a second at most.
const CALLS_PER_SECOND: u64 = 100;

/// The range of a span that does not say since when.
const SPAN_MS: u64 = 24 * HOUR_MS;

/// How many users of a span are looked up at once. Their ids are in the cursor.
const USERS_AT_ONCE: u64 = 50;

/// How far a time may be ahead of this clock, in ms.
const AHEAD_MS: u64 = 60_000;

/// Whether what is found is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Recording {
    #[default]
    False,
    True,
}

parameters! {
    /// Whose followers, and which page of them.
    ListFollowersQuery {
        user: UserId,
        limit: PageLimit,
        cursor: Option<Cursor>,
    }
}

parameters! {
    /// Whose followers are compared, whether misses are recorded, and where it goes on.
    CompareUserQuery {
        user: UserId,
        record: OrDefault<Recording>,
        cursor: Option<Cursor>,
    }
}

parameters! {
    /// The users of which span are compared, whether misses are recorded, and where it goes on.
    CompareQuery {
        app: App,
        since: Option<Time>,
        until: Option<Time>,
        record: OrDefault<Recording>,
        cursor: Option<Cursor>,
    }
}

parameters! {
    /// What never arrived.
    RecordMissedQuery {
        user: UserId,
        actor: UserId,
        kind: Required<Kind>,
        event_time: Required<Time>,
    }
}

/// Who follows the user.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct ListedFollower {
    user: UserId,
    /// The `event_time` of the latest follow.
    since: UnixMs,
}

/// A page of those who follow a user as far as the log knows.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FollowerPage {
    /// The latest follow first. A page may have fewer than `limit`, or none, and still not be the last.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    followers: Vec<ListedFollower>,
    /// From when on the log covers what happened: the time of its first event, or the beginning of the retention. Null if it has no
    /// event.
    covered_since: Option<UnixMs>,
    /// The `cursor` of the next page; null at the end.
    cursor: Option<Cursor>,
}

/// A follow or an unfollow that never arrived.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
struct Miss {
    /// Who followed or unfollowed.
    actor: UserId,
    /// Who was followed or unfollowed.
    target: UserId,
    /// Of a follow, the second in which Tencent dates it; of an unfollow, when Tencent was asked.
    event_time: UnixMs,
    /// Of an unfollow, when the actor was last known to follow: it happened between that and `event_time`. Absent for a follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "UnixMs"))]
    not_before: Option<UnixMs>,
}

/// How far the comparison of a span has come.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "ComparisonProgress"))]
pub struct Progress {
    /// How many users are done with this step.
    users: u64,
    /// How many of them Tencent does not know.
    users_unknown_to_tencent: u64,
    /// How many users are still to come.
    users_left: u64,
    /// How many calls are still to come at least: one for each user. There is one more for each thousand followers, and some where
    /// something was missed.
    calls_left: u64,
    /// How many calls begin in a second at most.
    calls_per_second: u64,
}

/// One step of a comparison.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Compared {
    /// How many relations this step has looked at: the sum of `agreeing`, the misses, `unknown_to_log` and `undecided`.
    checked: usize,
    /// Those of which the log and Tencent say the same.
    agreeing: usize,
    /// Who follows the target as far as the log knows, and by Tencent's data does not.
    missed_unfollows: Vec<Miss>,
    /// Who follows the target by Tencent's data, and as far as the log knows does not, though it covers the time of the follow.
    missed_follows: Vec<Miss>,
    /// Follows that are older than what the log covers, or that were erased. They are never recorded.
    unknown_to_log: usize,
    /// Relations that may still come to agree: the change is some seconds old, or on its way to the log; or Tencent does not say
    /// anything of them.
    undecided: usize,
    /// How many misses this step has recorded: all of its own, with `record`.
    recorded: usize,
    /// From when on the log covers what happened: the time of its first event, or the beginning of the retention. Null if it has no
    /// event.
    covered_since: Option<UnixMs>,
    /// How many calls of Tencent's API this step has made.
    calls: usize,
    /// How far the comparison of a span has come. Absent in that of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Progress"))]
    progress: Option<Progress>,
    /// Where the next call goes on; null after the last step.
    cursor: Option<Cursor>,
}

impl Compared {
    /// What a step has found, of which it has recorded so many.
    fn of(findings: Findings, recorded: usize, covered_since: Option<u64>, calls: usize) -> Self {
        let Findings { checked, agreeing, unknown_to_log, undecided, missed } = findings;
        let (follows, unfollows): (Vec<_>, Vec<_>) = missed.into_iter().partition(Missed::is_follow);
        let miss = |missed: Missed| Miss {
            actor: UserId(missed.actor),
            target: UserId(missed.target),
            event_time: UnixMs(missed.event_time),
            not_before: missed.not_before.map(UnixMs),
        };
        Self {
            checked,
            agreeing,
            missed_unfollows: unfollows.into_iter().map(miss).collect(),
            missed_follows: follows.into_iter().map(miss).collect(),
            unknown_to_log,
            undecided,
            recorded,
            covered_since: covered_since.map(UnixMs),
            calls,
            progress: None,
            cursor: None,
        }
    }
}

/// What became of a miss that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum RecordOutcome {
    /// It is recorded.
    Recorded,
    /// The log says it already.
    Known,
    /// It is older than what the log covers, or was erased.
    UnknownToLog,
    /// It is on its way to the log.
    OnItsWay,
}

/// What became of it.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RecordedMissed {
    /// `recorded`; `known` if the log says it already; `unknown_to_log` if it is older than what the log covers, or was erased; or
    /// `on_its_way` if KV has it and the log not yet.
    outcome: Word<RecordOutcome>,
}

/// Where the comparison of a span goes on.
#[derive(Default)]
struct SpanPosition {
    since: u64,
    until: u64,
    /// The users that come next.
    users: Vec<String>,
    /// Where the first of them goes on; empty at the beginning.
    position: String,
    /// The number of events and the id of the last user that was looked up.
    after: Option<(u64, String)>,
    /// How many users come after that.
    left: u64,
}

impl SpanPosition {
    /// Its text, which [`SpanPosition::read`] reads.
    fn text(&self) -> String {
        let Self { since, until, users, position, after, left } = self;
        to_json(&(since, until, users, position, after, left))
    }

    fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let after = value.get(4)?;
        Some(Self {
            since: value.get(0)?.as_u64()?,
            until: value.get(1)?.as_u64()?,
            users: value.get(2)?.as_array()?.iter().map(text).collect::<Option<_>>()?,
            position: text(value.get(3)?)?,
            after: after.get(0).and_then(Value::as_u64).zip(after.get(1).and_then(text)),
            left: value.get(5)?.as_u64()?,
        })
    }
}

/// The log in D1, with what KV knows.
struct D1Log<'a, P: Ports> {
    context: &'a Context<'a, P>,
    app: SdkAppId,
}

/// When a follow happened (Unix ms), and its hash.
type Key = (u64, String);

impl<P: Ports> D1Log<'_, P> {
    /// The follow of each pair of a target and an actor that holds, with its time (Unix ms) and its hash; `None` if there is none, or
    /// an unfollow has come after it.
    fn latest<'f>(&'f self, pairs: &'f [(&'f str, &'f str)]) -> LocalBoxFuture<'f, Result<Vec<Option<Key>>, Problem>> {
        Box::pin(async move {
            let mut latest = vec![Latest::default(); pairs.len()];
            for (at, found) in
                self.context.relations(relations::latest(self.app, pairs)).await?.iter().filter_map(Latest::read)
            {
                if let Some(latest) = latest.get_mut(at) {
                    *latest = found;
                }
            }
            let close = latest.iter().filter(|it| it.is_close()).filter_map(|it| it.followed.as_ref());
            let close: Vec<_> = close.map(|(time, hash)| (*time, hash.as_str())).collect();
            let recorded = match close.is_empty() {
                true => Vec::new(),
                false => self.context.relations(relations::recorded_follows(self.app, &close)).await?,
            };
            let is_recorded = |hash: &str| recorded.iter().any(|row| row.get(0).and_then(Value::as_str) == Some(hash));
            let holds = |it: Latest| {
                let is_later = |followed: u64, hash: &str| match it.unfollowed {
                    Some(unfollowed) => unfollowed < followed || it.is_close() && is_recorded(hash),
                    None => true,
                };
                it.followed.clone().filter(|(time, hash)| is_later(*time, hash))
            };
            Ok(latest.into_iter().map(holds).collect())
        })
    }

    async fn follows(&self, statement: Statement) -> Result<Vec<Follow>, Problem> {
        let rows = self.context.relations(statement).await?;
        let mut follows: Vec<_> = rows.iter().filter_map(Follow::read).collect();
        follows.sort_unstable_by(|one, other| (other.event_time, &other.hash).cmp(&(one.event_time, &one.hash)));
        Ok(follows)
    }

    /// Whether each was erased since it happened.
    async fn erased(&self, missed: &[Missed]) -> Result<Vec<bool>, Problem> {
        let now = self.context.ports.clock().now_ms();
        let mut hashes = Vec::new();
        for missed in missed {
            let record = recording::record(self.app, missed, now);
            let message = Message::of_record(&record);
            hashes.push(message.as_ref().and_then(Message::event).map(|event| Traces::of(&event).hashes));
        }
        let hashes: Vec<_> = hashes.into_iter().map(Option::unwrap_or_default).collect();
        let all = hashes.concat();
        let known: Vec<KnownErasure> = self.context.database()?.rows(erasures::known(&all)).await?;
        let is_erased = |(missed, hashes): (&Missed, &Vec<String>)| {
            known.iter().any(|it| it.began_at >= missed.event_time && hashes.contains(&it.hash))
        };
        Ok(missed.iter().zip(&hashes).map(is_erased).collect())
    }

    /// The newest records that KV has of the app: what is on a queue for D1 is among them.
    async fn newest_records(&self) -> Result<Vec<(EventId, Parties)>, Problem> {
        if !self.context.settings.sinks.contains(&Sink::Kv) {
            return Ok(Vec::new());
        }
        let page = self.context.ports.kv().list(&event::prefix(self.app), LIST_MAX, None).await?;
        let read = |listed: Listed| Some((event::read_key(&listed.key)?.1, Parties::read(&listed.metadata)?));
        Ok(page.keys.into_iter().filter_map(read).collect())
    }
}

impl<P: Ports> Log for D1Log<'_, P> {
    type Error = Problem;

    async fn followers(
        &self,
        user: &str,
        after: Option<&EventId>,
        limit: usize,
        except: &[String],
    ) -> Result<LogPage, Problem> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        // One more than wanted tells whether there is a next page.
        let statement = relations::follows(self.app, user, after, limit.saturating_add(1));
        let (page, has_next) = cursor::page::<Follow>(self.follows(statement).await?, limit);
        let next = page.last().filter(|_| has_next).and_then(|it| EventId::of_parts(it.event_time, &it.hash));
        let actors = page.iter().filter_map(|it| Some((it, it.actor.as_deref()?)));
        let is_wanted = |actor: &str| except.binary_search_by(|other| other.as_str().cmp(actor)).is_err();
        let actors: Vec<_> = actors.filter(|(_, actor)| is_wanted(actor)).collect();
        let pairs: Vec<_> = actors.iter().map(|(_, actor)| (user, *actor)).collect();
        let latest = if pairs.is_empty() { Vec::new() } else { self.latest(&pairs).await? };
        let mut followers = Vec::new();
        for ((follow, actor), latest) in actors.into_iter().zip(latest) {
            // An earlier follow of the same actor is none that holds.
            if latest.is_some_and(|(time, hash)| time == follow.event_time && hash == follow.hash) {
                followers.push(LogFollower { user: actor.to_owned(), since: follow.event_time });
            }
        }
        Ok(LogPage { followers, next })
    }

    async fn known(&self, pairs: &[Pair<'_>]) -> Result<Vec<Option<u64>>, Problem> {
        let pairs: Vec<_> = pairs.iter().map(|pair| (pair.target, pair.actor)).collect();
        Ok(self.latest(&pairs).await?.into_iter().map(|latest| latest.map(|(time, _)| time)).collect())
    }

    async fn refresh(&self) -> Result<(), Problem> {
        Ok(())
    }

    async fn excuses(&self, missed: &[Missed]) -> Result<Vec<Option<Excuse>>, Problem> {
        let erased = self.erased(missed).await?;
        let records = self.newest_records().await?;
        let is_on_its_way = |missed: &Missed| {
            let kind = if missed.is_follow() { Kind::Follow } else { Kind::Unfollow };
            let from = missed.not_before.unwrap_or(missed.event_time);
            records.iter().any(|(id, parties)| {
                let is_then = id.event_time() >= from
                    && (!missed.is_follow() || id.event_time() <= missed.event_time.saturating_add(999));
                is_then && parties.is_of(kind, &missed.actor, &missed.target)
            })
        };
        let excuse = |(missed, is_erased): (&Missed, bool)| match is_erased && missed.is_follow() {
            true => Some(Excuse::Erased),
            false => is_on_its_way(missed).then_some(Excuse::OnItsWay),
        };
        Ok(missed.iter().zip(erased).map(excuse).collect())
    }
}

impl From<ComparisonError<Self>> for Problem {
    fn from(error: ComparisonError<Self>) -> Self {
        match error {
            ComparisonError::Log(problem) => problem,
            ComparisonError::Tencent(error) => {
                Self::Tencent { detail: error.describe(), is_temporary: error.is_temporary() }
            }
        }
    }
}

impl<P: Ports> Context<'_, P> {
    /// Whether the log of an app can be compared.
    pub(super) fn compares(&self, app: SdkAppId) -> bool {
        let has_key = self.config.tencent.as_ref().is_some_and(|access| access.key(app).is_some());
        has_key && self.settings.sinks.contains(&Sink::D1)
    }

    /// The database, if events are stored there.
    fn compared_log(&self) -> Result<&P::Database, Problem> {
        let database = self.event_log()?;
        let is_logged = self.settings.sinks.contains(&Sink::D1);
        is_logged
            .then_some(database)
            .ok_or(Problem::Conflict("There is nothing to compare: events are not stored in D1. Add d1 to SINKS."))
    }

    /// The rows of a statement about relations.
    pub(super) fn relations(&self, statement: Statement) -> LocalBoxFuture<'_, Result<Vec<Value>, Problem>> {
        Box::pin(async move { Ok(Rows::read(&self.event_log()?.rows::<Rows>(statement).await?)) })
    }

    /// From when on the log covers what happened, in Unix ms; `None` if it has no event.
    async fn covered_since(&self, app: SdkAppId) -> Result<Option<u64>, Problem> {
        let rows = self.relations(relations::first_event(app)).await?;
        let first = rows.first().and_then(|row| row.get(0)?.as_u64());
        let now = self.ports.clock().now_ms();
        let retained =
            self.config.calls.retention_seconds.map(|seconds| now.saturating_sub(seconds.saturating_mul(1000)));
        Ok(first.map(|first| first.max(retained.unwrap_or(0))))
    }

    /// Who follows the user as far as the log knows.
    pub(super) async fn list_followers(
        &self,
        App(app): App,
        query: ListFollowersQuery,
    ) -> Result<FollowerPage, Problem> {
        let ListFollowersQuery { user: UserId(user), limit: PageLimit { 0: limit }, cursor } = query;
        self.compared_log()?;
        let text = format!("followers {app} {user}");
        let after = Cursor::position(cursor.as_ref(), &text, EventId::read)?;
        let log = D1Log { context: self, app };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = log.followers(&user, after.as_ref(), limit, &[]).await?;
        let listed = |it: LogFollower| ListedFollower { user: UserId(it.user), since: UnixMs(it.since) };
        Ok(FollowerPage {
            followers: page.followers.into_iter().map(listed).collect(),
            covered_since: self.covered_since(app).await?.map(UnixMs),
            cursor: page.next.map(|next| Cursor(cursor::write(&text, next.as_str()))),
        })
    }

    /// Compares who follows the user, in steps.
    pub(super) async fn compare_user(&self, App(app): App, query: CompareUserQuery) -> Result<Compared, Problem> {
        let CompareUserQuery { user: UserId(user), record: OrDefault(record), cursor } = query;
        let text = format!("compare {app} {} {user}", <&str>::from(record));
        let at = Cursor::position(cursor.as_ref(), &text, SpanPosition::read)?
            .unwrap_or_else(|| SpanPosition { users: vec![user], ..SpanPosition::default() });
        let compared = self.step(app, record, &text, at).await?;
        Ok(Compared { progress: None, ..compared })
    }

    /// Compares all users of a span, in steps: those with most events first.
    pub(super) async fn compare(&self, query: CompareQuery) -> Result<Compared, Problem> {
        let CompareQuery { app: App(app), since, until, record: OrDefault(record), cursor } = query;
        let (since, until) = ordered(since, until)?;
        let time = |time: Option<u64>| time.map_or_else(String::new, |time| time.to_string());
        let text = format!("compare {app} {} {} {}", <&str>::from(record), time(since), time(until));
        let at = match Cursor::position(cursor.as_ref(), &text, SpanPosition::read)? {
            Some(at) => at,
            None => {
                self.compared_log()?;
                let until = until.unwrap_or_else(|| self.ports.clock().now_ms());
                let since = since.unwrap_or_else(|| until.saturating_sub(SPAN_MS));
                self.next_users(app, SpanPosition { since, until, ..SpanPosition::default() }).await?
            }
        };
        self.step(app, record, &text, at).await
    }

    /// One step of a comparison, from `at` on. `text` is its query, for the cursor.
    fn step<'f>(
        &'f self,
        app: SdkAppId,
        record: Recording,
        text: &'f str,
        mut at: SpanPosition,
    ) -> LocalBoxFuture<'f, Result<Compared, Problem>> {
        Box::pin(async move {
            self.compared_log()?;
            let random = || self.ports.random();
            let (tencent, log) = (self.tencent(app, &random)?, D1Log { context: self, app });
            let covered_since = self.covered_since(app).await?;
            let mut comparison = Comparison::new(&log, &tencent, covered_since, self.budget(record));
            let (is_of_span, mut users, mut unknown, mut position) = (at.until > 0, 0_u64, 0_u64, None);
            loop {
                if at.users.is_empty() && at.left > 0 {
                    at = self.next_users(app, at).await?;
                }
                let Some(user) = at.users.first() else { break };
                let from = Position::read(&at.position).unwrap_or(Position::START);
                match comparison.advance(user, from).await {
                    Ok(Some(next)) => {
                        position = Some(next);
                        break;
                    }
                    Ok(None) => {}
                    Err(ComparisonError::Tencent(error)) if error.is_no_user() && is_of_span => {
                        unknown = unknown.saturating_add(1);
                    }
                    Err(error) => return Err(error.into()),
                }
                users = users.saturating_add(1);
                at.users.remove(0);
                at.position.clear();
            }
            let (findings, position) = comparison.settle(position).await?;
            at.position = position.map(|position| position.text()).unwrap_or_default();
            let users_left = u64::try_from(at.users.len()).unwrap_or(u64::MAX).saturating_add(at.left);
            let cursor = (users_left > 0).then(|| Cursor(cursor::write(text, &at.text())));
            let recorded = if record == Recording::True { findings.missed.len() } else { 0 };
            if recorded > 0 {
                self.record_all(app, &findings.missed).await?;
            }
            let progress = Progress {
                users,
                users_unknown_to_tencent: unknown,
                users_left,
                calls_left: users_left,
                calls_per_second: CALLS_PER_SECOND,
            };
            let compared = Compared::of(findings, recorded, covered_since, tencent.calls.get());
            Ok(Compared { progress: Some(progress), cursor, ..compared })
        })
    }

    /// Looks up the users of the span that come next.
    async fn next_users(&self, app: SdkAppId, mut at: SpanPosition) -> Result<SpanPosition, Problem> {
        let after = at.after.as_ref().map(|(events, user)| (*events, user.as_str()));
        let statement = relations::users_of_span(app, at.since, at.until, after, USERS_AT_ONCE);
        let rows = self.relations(statement).await?;
        let read = |row: &Value| Some((row.get(0)?.as_str()?.to_owned(), row.get(1)?.as_u64()?, row.get(2)?.as_u64()?));
        let users: Vec<_> = rows.iter().filter_map(read).collect();
        let count = u64::try_from(users.len()).unwrap_or(u64::MAX);
        at.left = users.first().map_or(0, |(_, _, left)| *left).saturating_sub(count);
        at.after = users.last().map(|(user, events, _)| (*events, user.clone()));
        at.users.extend(users.into_iter().map(|(user, ..)| user));
        Ok(at)
    }

    /// Records one miss that was found elsewhere, if the log agrees that it is one.
    pub(super) async fn record_missed(
        &self,
        App(app): App,
        query: RecordMissedQuery,
    ) -> Result<RecordedMissed, Problem> {
        let RecordMissedQuery { user: UserId(target), actor: UserId(actor), kind, event_time } = query;
        let (Required(kind), Required(Time(time))) = (kind, event_time);
        let now = self.ports.clock().now_ms();
        if time > now.saturating_add(AHEAD_MS) {
            return Err(Problem::BadRequest("event_time is in the future.".into()));
        }
        self.is_ours(app)?;
        self.compared_log()?;
        let log = D1Log { context: self, app };
        let known = log.known(&[Pair { target: &target, actor: &actor }]).await?.into_iter().next().flatten();
        let covered = self.covered_since(app).await?;
        let outcome = |outcome| Ok(RecordedMissed { outcome: Word(outcome) });
        let missed = match (kind, known) {
            (Kind::Follow, Some(_)) | (Kind::Unfollow, None) => return outcome(RecordOutcome::Known),
            (Kind::Follow, None) => {
                let event_time = time.saturating_sub(time.checked_rem(1000).unwrap_or_default());
                if covered.is_none_or(|covered| event_time < covered) {
                    return outcome(RecordOutcome::UnknownToLog);
                }
                Missed { target, actor, event_time, not_before: None }
            }
            // It has followed anew since.
            (Kind::Unfollow, Some(since)) if since > time => return outcome(RecordOutcome::Known),
            (Kind::Unfollow, Some(since)) => Missed { target, actor, event_time: time, not_before: Some(since) },
        };
        let missed = [missed];
        match log.excuses(&missed).await?.first().copied().flatten() {
            Some(Excuse::Erased) => outcome(RecordOutcome::UnknownToLog),
            Some(Excuse::OnItsWay) => outcome(RecordOutcome::OnItsWay),
            None => {
                self.record_all(app, &missed).await?;
                outcome(RecordOutcome::Recorded)
            }
        }
    }

    /// Tencent's API for an app.
    fn tencent<'t>(
        &'t self,
        app: SdkAppId,
        random: &'t dyn Fn() -> f64,
    ) -> Result<Tencent<'t, P::Outgoing, P::Clock>, Problem> {
        self.is_ours(app)?;
        let access = self.config.tencent.as_ref().and_then(|access| Some((access, access.key(app)?)));
        let (access, key) = access.ok_or(Problem::Conflict(
            "Tencent cannot be asked: set TENCENT_SECRET_KEY and TENCENT_REGION, as docs/compare.md says.",
        ))?;
        Ok(Tencent {
            app,
            key,
            admin: &access.admin,
            base: &access.base,
            outgoing: self.ports.outgoing(),
            clock: self.ports.clock(),
            pace: self.pace,
            random,
            calls: Cell::new(0),
        })
    }

    /// The sinks that get what is recorded.
    fn recording_sinks(&self) -> impl Iterator<Item = Sink> {
        let delivers = self.config.compare_delivers;
        self.settings.sinks.iter().copied().filter(move |sink| *sink != Sink::Origin || delivers)
    }

    fn budget(&self, record: Recording) -> Budget {
        let per_record = if record == Recording::True { self.recording_sinks().count() } else { 0 };
        Budget { operations: self.config.calls.plan.comparison_operations(), per_record }
    }

    /// Stores misses in all sinks, the log first: what it has is missed no more. What KV does not take goes onto the queue, and what
    /// the queue does not take of deliveries becomes a dead letter, as with a webhook.
    async fn record_all(&self, app: SdkAppId, missed: &[Missed]) -> Result<(), Problem> {
        let (now, storing) = (self.ports.clock().now_ms(), self.config.calls.storing());
        let records: Vec<_> = missed.iter().map(|missed| recording::record(app, missed, now)).collect();
        let messages: Vec<_> = records.iter().filter_map(|record| Message::of_record(record)).collect();
        let events: Vec<_> = messages.iter().filter_map(Message::event).collect();
        let statements = events.iter().map(|event| event_log::insert(event, storing.kv_until(event, now)));
        self.database()?.run_all(statements.collect()).await?;
        for sink in self.recording_sinks().filter(|sink| *sink != Sink::D1) {
            // All at once, and then one after the other.
            let attempts: Vec<_> =
                events.iter().map(|event| sink.hand_over(self.ports, event, &storing, now)).collect();
            for (attempt, event) in attempts.into_iter().zip(&events) {
                if attempt.await.is_err() && sink.fall_back(self.ports, event, &storing, now).await.is_err() {
                    return Err(Problem::Unavailable);
                }
            }
        }
        Ok(())
    }
}
