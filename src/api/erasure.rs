//! The erasure of a user: every event in which the user has a part, and the dead letters of such events, if they were received
//! before the erasure began. It goes in steps, each of which a call can do on its plan; each begins where the one before it ended,
//! also if that was cut off.
//!
//! 1. What is erased is noted: from then on nothing that was received before is stored again (see
//!    [`erased`](crate::delivery::erased)). Calls that are under way end, and then the search begins.
//! 2. The events leave the log, which notes their keys in KV.
//! 3. The dead letters are searched.
//! 4. The records are deleted, after those calls have ended that have met their events still in the log. What was received after
//!    the erasure began is a new event: it stays, and is in the log.

use serde::Serialize;

use super::{
    Context,
    cursor::{self, KvPosition},
    parameters::{App, Cursor, parameters},
    problem::Problem,
    step::Step,
};
use crate::{
    database::{
        Database, HOUR_MS,
        erasures::{self, LeftRecord, Progress, UsersEvent},
        event_log::{self, StoredEvent},
        log_state::{self, Lacking},
    },
    delivery::{dead_letter, erased, message::Message},
    event::{self, Event, EventId, UserId},
    ports::Ports,
    receive::persist::ANSWER_WITHIN_MS,
    sink::Sink,
    storage::{Clock as _, GET_MAX, Kv as _, LIST_MAX, Listed, side_by_side},
    webhook::SdkAppId,
};

/// How long after its receipt a call may still store, in ms, with some time for what two clocks differ by. What goes on for longer
/// looks for erasures itself.
pub(super) const CALLS_END_WITHIN_MS: u64 = ANSWER_WITHIN_MS + 500;

/// How long an erasure may pause and still go on, in ms: KV's cursors may not be valid for longer. After it, it begins anew.
const PAUSE_MAX_MS: u64 = HOUR_MS;

/// How many operations a step has before and after its items: it is begun and noted, records are settled with two statements, and the
/// last one asks whether the log is complete.
const OPERATIONS_AROUND: usize = 5;

/// How many operations a step of a search has left for what it finds: it lists keys, reads some, and deletes one.
const OPERATIONS_OF_SEARCH: usize = 3;

/// How many more are needed to find out that an app was removed from the settings.
const OPERATIONS_OF_REMOVED: usize = 3;

parameters! {
    /// Who is erased.
    EraseUserQuery {
        user: UserId,
    }
}

/// One step of an erasure.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Erased {
    /// How many events and dead letters this step has deleted.
    deleted: usize,
    /// Whether there may be more: call again.
    more: bool,
    /// Whether KV may have records of the user that the event log does not know of, once `more` is false: then search KV.
    search_needed: bool,
}

parameters! {
    /// Who is erased, and where the search goes on.
    EraseRecordsQuery {
        user: UserId,
        cursor: Option<Cursor>,
    }
}

/// One step of the search of KV for a user.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ErasedRecords {
    /// How many records and dead letters this step has deleted.
    deleted: usize,
    /// How many keys this step has searched.
    searched: usize,
    /// Where the next call goes on; null after the last key.
    cursor: Option<Cursor>,
}

/// Who is erased, since when (Unix ms).
struct Subject<'a> {
    app: SdkAppId,
    user: &'a str,
    hash: String,
    began_at: u64,
}

/// How far a search of KV has come: which of its lists, and where in that.
#[derive(Default)]
struct Search {
    list: usize,
    position: KvPosition,
}

impl Search {
    fn text(&self) -> String {
        format!("{} {}", self.list, self.position.text())
    }

    fn read(text: &str) -> Option<Self> {
        let (list, position) = text.split_once(' ')?;
        Some(Self { list: list.parse().ok()?, position: KvPosition::of_text(position)? })
    }
}

/// What a step of a search has found and deleted.
#[derive(Default)]
struct Hits {
    /// The events of the records.
    records: Vec<EventId>,
    /// The events of the dead letters, as far as their keys name them.
    letters: Vec<EventId>,
    /// How many keys were searched.
    searched: usize,
    /// How many values were read.
    read: usize,
    /// How many records and dead letters were deleted.
    deleted: usize,
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn erase_user(&self, App(app): App, query: EraseUserQuery) -> Result<Erased, Problem> {
        let EraseUserQuery { user: UserId(user) } = &query;
        let step = self.new_step(app);
        let (subject, position) = self.begin(app, user, Some(Search::default().text())).await?;
        self.wait_until(subject.began_at.saturating_add(CALLS_END_WITHIN_MS)).await;
        let (events, are_events_gone) = self.take_events_out(&subject, &step).await?;
        let mut search = position.and_then(|position| Search::read(&position)).unwrap_or_default();
        let (letters, are_letters_gone) =
            if are_events_gone { self.erase_dead_letters(&subject, &mut search, &step).await? } else { (0, false) };
        let before = events.saturating_add(letters);
        let (records, are_records_gone) = self.delete_records(&subject, are_letters_gone, before > 0, &step).await?;
        let more = !(are_letters_gone && are_records_gone);

        let position = more.then(|| search.text());
        let now = self.ports.clock().now_ms();
        self.database()?.run(erasures::note(&subject.hash, position.as_deref(), now)).await?;
        let search_needed = if more { false } else { self.may_lack_records(app).await? };
        Ok(Erased { deleted: before.saturating_add(records), more, search_needed })
    }

    fn new_step(&self, app: SdkAppId) -> Step<'_, P::Clock> {
        let removed = if self.settings.is_ours(app) { 0 } else { OPERATIONS_OF_REMOVED };
        Step::begin(self.ports.clock(), self.config.calls.plan, OPERATIONS_AROUND.saturating_add(removed))
    }

    /// Begins the erasure of a user, or goes on with it: with the position that was noted.
    async fn begin<'u>(
        &self,
        app: SdkAppId,
        user: &'u str,
        position: Option<String>,
    ) -> Result<(Subject<'u>, Option<String>), Problem> {
        let (hash, now) = (erased::hash_of_user(app, user), self.ports.clock().now_ms());
        let statement = erasures::begin(app, &hash, position.as_deref(), now, now.saturating_sub(PAUSE_MAX_MS));
        let rows: Vec<Progress> = self.database()?.rows(statement).await?;
        let Progress { began_at, position } = rows.into_iter().next().ok_or(Problem::Unavailable)?;
        Ok((Subject { app, user, hash, began_at }, position))
    }

    async fn wait_until(&self, time_ms: u64) {
        let clock = self.ports.clock();
        let wait = time_ms.saturating_sub(clock.now_ms());
        if wait > 0 {
            clock.sleep(wait.min(CALLS_END_WITHIN_MS)).await;
        }
    }

    /// Whether KV may have records of an app that the log does not know of.
    async fn may_lack_records(&self, app: SdkAppId) -> Result<bool, Problem> {
        if self.settings.sinks.contains(&Sink::Kv) && !self.settings.sinks.contains(&Sink::D1) {
            return Ok(true);
        }
        let queued_since = self.ports.clock().now_ms().saturating_sub(erasures::KNOWN_FOR_MS);
        let rows: Vec<Lacking> = self.database()?.rows(log_state::lacking(app, queued_since)).await?;
        Ok(rows.first().is_none_or(Lacking::is_incomplete))
    }

    /// Takes events in which the user has a part out of the log. How many, and whether none is left there.
    async fn take_events_out(
        &self,
        subject: &Subject<'_>,
        step: &Step<'_, P::Clock>,
    ) -> Result<(usize, bool), Problem> {
        let Subject { app, user, began_at, .. } = *subject;
        let (database, most) = (self.database()?, self.config.calls.plan.step_items());
        step.spend(1);
        let found: Vec<UsersEvent> = database.rows(erasures::find(app, user, began_at, most as u64)).await?;
        if !found.is_empty() {
            // Once they are deleted, no further call meets them there.
            let statements = erasures::delete(app, user, &found, self.ports.clock().now_ms());
            step.spend(statements.len());
            database.run_all(statements).await?;
        }
        Ok((found.len(), found.len() < most))
    }

    /// Deletes the user's records that the log has no longer: all of them if that `is_last`, and otherwise those that nothing has to
    /// be waited for. How many, without those that were counted when they left the log; and whether none is left. An error, if
    /// nothing was done, nor anything `before`.
    async fn delete_records(
        &self,
        subject: &Subject<'_>,
        is_last: bool,
        before: bool,
        step: &Step<'_, P::Clock>,
    ) -> Result<(usize, bool), Problem> {
        let Subject { app, user, began_at, .. } = *subject;
        let (database, now) = (self.database()?, self.ports.clock().now_ms());
        // One to ask for them, one to read each hundred, and one to delete each.
        let Some(operations) = step.left().checked_sub(2).filter(|_| step.spend(1)) else { return Ok((0, false)) };
        let most = operations.saturating_sub(operations / GET_MAX);
        let mut left: Vec<LeftRecord> = database.rows(erasures::left_records(app, user, most as u64)).await?;
        let mut is_whole = is_last && left.len() < most;
        let due_at = |record: &LeftRecord| record.erased_at.map_or(0, |at| at.saturating_add(CALLS_END_WITHIN_MS));
        if is_last {
            self.wait_until(left.iter().map(due_at).max().unwrap_or_default()).await;
        } else {
            left.retain(|record| due_at(record) <= now);
        }
        let left: Vec<_> = left.iter().filter_map(|record| Some((record.id()?, record.erased_at.is_none()))).collect();
        let (mut deleted, mut done, mut newer, mut failure) = (0_usize, Vec::new(), Vec::new(), None);
        for some in left.chunks(GET_MAX) {
            if failure.is_some() || !step.may_begin(1) {
                is_whole = false;
                break;
            }
            let keys: Vec<_> = some.iter().map(|(id, _)| event::key(app, id)).collect();
            let values = match self.ports.kv().get_all(&keys).await {
                Ok(values) => values,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            let mut older = Vec::new();
            for ((record, key), value) in some.iter().zip(&keys).zip(values) {
                match value {
                    Some(value) if erased::is_newer(&value, began_at) => newer.push(value),
                    Some(_) => {
                        older.push((record, key));
                        continue;
                    }
                    None => {}
                }
                done.push(record.0.clone());
            }
            let keys = older.iter().map(|(_, key)| *key);
            let (gone, error) = side_by_side(keys, || step.may_begin(1), |key| self.ports.kv().delete(key)).await;
            for ((id, is_new), _) in gone.iter().filter_map(|&position| older.get(position)) {
                done.push(id.clone());
                // Those of the log were counted when they left it.
                deleted = deleted.saturating_add(usize::from(*is_new));
            }
            is_whole &= gone.len() == older.len();
            failure = error;
        }
        let is_any = before || !done.is_empty();
        if !done.is_empty() {
            is_whole &= self.settle_records(database, app, done, &newer, step).await?;
        }
        // What was done counts; the next call meets what failed.
        match failure {
            Some(error) if !is_any => Err(error.into()),
            failure => Ok((deleted, is_whole && failure.is_none())),
        }
    }

    /// Forgets records that were deleted, and has KV and the log have the same of those events that have come again since. Besides
    /// two operations, it takes those of the step for what has come again. Whether that was enough: otherwise the rest is not
    /// forgotten, and is met once more.
    pub(super) async fn settle_records(
        &self,
        database: &P::Database,
        app: SdkAppId,
        mut done: Vec<EventId>,
        newer: &[String],
        step: &Step<'_, P::Clock>,
    ) -> Result<bool, Problem> {
        let storing = self.config.calls.storing();
        let messages: Vec<_> = newer.iter().filter_map(|record| Message::of_record(record)).collect();
        let events: Vec<_> = messages.iter().filter_map(Message::event).collect();
        // An event may have come again between the look at its record and the deletion.
        let logged: Vec<StoredEvent> = database.rows(event_log::read_all(app, &done)).await?;
        let logged: Vec<_> =
            logged.iter().filter(|stored| stored.kv_until > 0).map(|stored| stored.event.record()).collect();
        let logged: Vec<_> = logged.iter().filter_map(|record| Message::of_record(record)).collect();
        let is_newer = |event: &Event<'_>| events.iter().any(|it| it.id() == event.id());
        let lost: Vec<_> = logged.iter().filter_map(Message::event).filter(|event| !is_newer(event)).collect();
        let mut unsettled = Vec::new();
        for some in lost.chunks(GET_MAX) {
            if !step.spend(1) {
                unsettled.extend(some.iter().map(|event| event.id().clone()));
                continue;
            }
            let keys: Vec<_> = some.iter().map(|event| event::key(app, event.id())).collect();
            let found = self.ports.kv().get_all(&keys).await?;
            let now = self.ports.clock().now_ms();
            let missing: Vec<_> = some.iter().zip(found).filter(|(_, found)| found.is_none()).collect();
            let put = |(event, _): &(&Event<'_>, _)| self.ports.kv().put(&event.entry(storing.retention_seconds, now));
            let (stored, error) = side_by_side(&missing, || step.spend(1), put).await;
            if error.is_some() {
                return Err(Problem::Unavailable);
            }
            let left = missing.iter().enumerate().filter(|(position, _)| !stored.contains(position));
            unsettled.extend(left.map(|(_, (event, _))| event.id().clone()));
        }
        let mut statements = Vec::new();
        for event in events.iter().filter(|_| self.settings.sinks.contains(&Sink::D1)) {
            if step.spend(1) {
                statements.push(event_log::insert(event, storing.kv_until(event, event.received_at())));
            } else {
                unsettled.push(event.id().clone());
            }
        }
        done.retain(|id| !unsettled.contains(id));
        statements.push(erasures::forget_records(app, &done));
        database.run_all(statements).await?;
        Ok(unsettled.is_empty())
    }

    /// Searches the records of an app and all dead letters for the user, from the cursor on, and deletes what is found. It needs no
    /// event log.
    pub(super) async fn erase_records(
        &self,
        App(app): App,
        query: EraseRecordsQuery,
    ) -> Result<ErasedRecords, Problem> {
        let EraseRecordsQuery { user: UserId(user), cursor } = &query;
        let (text, step) = (format!("records {app} {user}"), self.new_step(app));
        let (subject, mut search) = match Cursor::position(cursor.as_ref(), &text, read_records_position)? {
            Some((began_at, search)) => {
                (Subject { app, user, hash: erased::hash_of_user(app, user), began_at }, search)
            }
            None => {
                // Without a database nobody can be told.
                let now = self.ports.clock().now_ms();
                let subject = match self.ports.database() {
                    Some(_) => self.begin(app, user, None).await?.0,
                    None => Subject { app, user, hash: String::new(), began_at: now },
                };
                (subject, Search::default())
            }
        };
        let mut hits = Hits::default();
        self.wait_until(subject.began_at.saturating_add(CALLS_END_WITHIN_MS)).await;
        let prefixes = [event::prefix(app), dead_letter::prefix(Some(app)), dead_letter::prefix(None)];
        let most = self.config.calls.plan.search_keys();
        let is_done = self.search(&subject, &prefixes, most, &mut search, &step, &mut hits).await;
        let Hits { records, searched, deleted, .. } = hits;
        if let Some(database) = self.ports.database().filter(|_| !records.is_empty()) {
            let out = event_log::delete_all_received_by(app, &records, subject.began_at);
            database.run_all(vec![out, erasures::forget_records(app, &records)]).await?;
        }
        let position = format!("{} {}", subject.began_at, search.text());
        let cursor = if is_done? { None } else { Some(Cursor(cursor::write(&text, &position))) };
        Ok(ErasedRecords { deleted, searched, cursor })
    }

    /// One step of a search through the keys with these prefixes, one list after the other: what the user has a part in is deleted.
    /// No further page is read once `most` keys were searched. Whether the search has come to its end.
    async fn search(
        &self,
        subject: &Subject<'_>,
        prefixes: &[String],
        most: usize,
        search: &mut Search,
        step: &Step<'_, P::Clock>,
        hits: &mut Hits,
    ) -> Result<bool, Problem> {
        while let Some(prefix) = prefixes.get(search.list) {
            // A list of which nothing could be read would be no step on.
            if hits.searched >= most || step.left() < OPERATIONS_OF_SEARCH || !step.may_begin(1) {
                return Ok(false);
            }
            let page = self.ports.kv().list(prefix, LIST_MAX, search.position.list.as_deref()).await?;
            let id = |listed: &Listed| listed.key.strip_prefix(&**prefix).unwrap_or_default().to_owned();
            let keys = page.keys.into_iter().map(|listed| (id(&listed), listed));
            let keys: Vec<_> = keys.filter(|(id, _)| *id > search.position.after).collect();
            for some in keys.chunks(GET_MAX) {
                if !self.search_some(subject, some, &mut search.position, step, hits).await? {
                    return Ok(false);
                }
            }
            match page.cursor {
                Some(list) => search.position = KvPosition { list: Some(list), after: String::new() },
                // The position stays: a step that follows looks at the last page again.
                None if search.list.saturating_add(1) == prefixes.len() => return Ok(true),
                None => *search = Search { list: search.list.saturating_add(1), position: KvPosition::default() },
            }
        }
        Ok(true)
    }

    /// Searches some keys of a page, with their ids, for the user, and deletes what is found. Whether all were searched.
    async fn search_some(
        &self,
        subject: &Subject<'_>,
        some: &[(String, Listed)],
        position: &mut KvPosition,
        step: &Step<'_, P::Clock>,
        hits: &mut Hits,
    ) -> Result<bool, Problem> {
        // Whether it is found, as far as metadata tells.
        let known = some.iter().map(|(_, listed)| {
            let parties = event::Parties::read(&listed.metadata).filter(|_| listed.key.starts_with(event::PREFIX))?;
            Some(parties.has(subject.user) && parties.received_at <= subject.began_at)
        });
        let known: Vec<_> = known.collect();
        let unknown = some.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<_> = unknown.map(|((_, listed), _)| listed.key.clone()).collect();
        let mut values = Vec::new();
        if !unknown.is_empty() {
            hits.read = hits.read.saturating_add(unknown.len());
            if hits.read > self.config.calls.plan.step_items() || !step.may_begin(1) {
                return Ok(false);
            }
            values = self.ports.kv().get_all(&unknown).await?;
        }
        let mut values = values.into_iter();
        let found = some.iter().zip(known).filter(|((_, listed), known)| match known {
            Some(is_found) => *is_found,
            None => values.next().flatten().is_some_and(|value| subject.is_erased(&listed.key, &value)),
        });
        let found: Vec<_> = found.map(|(key, _)| key).collect();
        let keys = found.iter().map(|(_, listed)| &*listed.key);
        let (gone, error) = side_by_side(keys, || step.may_begin(1), |key| self.ports.kv().delete(key)).await;
        for (id, listed) in gone.iter().filter_map(|&at| found.get(at)) {
            hits.deleted = hits.deleted.saturating_add(1);
            if listed.key.starts_with(event::PREFIX) {
                hits.records.extend(EventId::read(id));
            } else {
                hits.letters.extend(id.get(..EventId::LENGTH).and_then(EventId::read));
            }
        }
        // Up to the first that is still there.
        let kept = (0..found.len()).find(|at| !gone.contains(at)).and_then(|at| found.get(at));
        let done = some.iter().take_while(|(id, _)| kept.is_none_or(|(kept, _)| kept != id));
        for (id, _) in done {
            hits.searched = hits.searched.saturating_add(1);
            id.clone_into(&mut position.after);
        }
        match error {
            Some(error) => Err(error.into()),
            None => Ok(kept.is_none() && !step.is_over()),
        }
    }

    /// Searches dead letters for the user, from where the step before ended, and deletes what is found. How many, and whether all
    /// were searched.
    async fn erase_dead_letters(
        &self,
        subject: &Subject<'_>,
        search: &mut Search,
        step: &Step<'_, P::Clock>,
    ) -> Result<(usize, bool), Problem> {
        let prefixes = [dead_letter::prefix(Some(subject.app)), dead_letter::prefix(None)];
        let mut hits = Hits::default();
        // Kept for the note of what was found.
        step.spend(1);
        let searched = self.search(subject, &prefixes, usize::MAX, search, step, &mut hits).await;
        if !hits.letters.is_empty() {
            // Their records may be in KV: the log never had those of a job to store there.
            self.database()?.run(erasures::note_records(subject.app, subject.user, &hits.letters)).await?;
        }
        if searched.is_err() {
            // KV may no longer take its cursor: the next call searches from the beginning.
            *search = Search::default();
            let (position, now) = (search.text(), self.ports.clock().now_ms());
            self.database()?.run(erasures::note(&subject.hash, Some(&position), now)).await?;
        }
        Ok((hits.deleted, searched?))
    }
}

impl Subject<'_> {
    /// Whether a dead letter or a record is to be erased, by its value: it was received before, and is of an event in which the user
    /// has a part. Of a record that cannot be read, whether it has the id.
    fn is_erased(&self, key: &str, value: &str) -> bool {
        let has_part = if key.starts_with(event::PREFIX) {
            record_has_part(value, self.user)
        } else {
            dead_letter::has_part(value, self.app, self.user)
        };
        has_part && !erased::is_newer(value, self.began_at)
    }
}

/// When the erasure began (Unix ms), and how far its search of KV has come.
fn read_records_position(text: &str) -> Option<(u64, Search)> {
    let (began_at, search) = text.split_once(' ')?;
    Some((began_at.parse().ok()?, Search::read(search)?))
}

/// Whether a record's `value` is of an event in which the user has a part; of one that cannot be read, whether it has the id.
fn record_has_part(value: &str, user: &str) -> bool {
    match Message::of_record(value).as_ref().and_then(Message::event) {
        Some(event) => event.has_part(user),
        None => dead_letter::mentions(value, user),
    }
}
