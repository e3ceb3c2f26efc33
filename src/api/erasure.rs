//! The erasure of a user: every event in which the user has a part, and the dead letters of such events, if they were received
//! before the erasure began. It goes in steps, each of which a call can do on the free plan; each begins where the one before it
//! ended, also if that was cut off.
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
};
use crate::{
    database::{
        Database, HOUR_MS,
        erasures::{self, LeftRecord, Progress, UsersEvent},
        event_log::{self, StoredEvent},
        log_state::{self, Lacking},
    },
    delivery::{
        dead_letter,
        erased::{self, Found},
        message::Message,
    },
    event::{self, Entry, EventId, UserId},
    ports::Ports,
    receive::persist::ANSWER_WITHIN_MS,
    sink::Sink,
    storage::{Clock as _, Kv as _, LIST_MAX, Listed},
    webhook::SdkAppId,
};

/// How long after its receipt a call may still store, in ms, with some time for what two clocks differ by. What goes on for longer
/// looks for erasures itself.
pub(super) const CALLS_END_WITHIN_MS: u64 = ANSWER_WITHIN_MS + 500;

/// How long an erasure may pause and still go on, in ms: KV's cursors may not be valid for longer. After it, it begins anew.
const PAUSE_MAX_MS: u64 = HOUR_MS;

/// After how long a step begins nothing further, in ms: what goes on for too long is cut off, and done again.
const STEP_WITHIN_MS: u64 = super::ANSWER_WITHIN_MS - 3_000;

/// How many KV operations the deletion of a record or a dead letter takes at most.
const OPERATIONS_A_KEY: usize = 2;

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

/// One step, which has done so much.
struct Step {
    /// How many operations on KV are left.
    operations: usize,
    deleted: usize,
    /// When it begins nothing further, in Unix ms.
    ends_at: u64,
}

impl Step {
    /// Whether so many operations are left. Then they are spent.
    fn spend(&mut self, operations: usize) -> bool {
        let left = self.operations.checked_sub(operations);
        self.operations = left.unwrap_or(self.operations);
        left.is_some()
    }
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
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn erase_user(&self, App(app): App, query: EraseUserQuery) -> Result<Erased, Problem> {
        let EraseUserQuery { user: UserId(user) } = &query;
        let (subject, position) = self.begin(app, user, Some(Search::default().text())).await?;
        let mut step = self.new_step();
        self.wait_until(subject.began_at.saturating_add(CALLS_END_WITHIN_MS)).await;
        let are_events_gone = self.take_events_out(&subject, &mut step).await?;
        let mut search = position.and_then(|position| Search::read(&position)).unwrap_or_default();
        let are_letters_gone = are_events_gone && self.erase_dead_letters(&subject, &mut search, &mut step).await?;
        let are_records_gone = self.delete_records(&subject, are_letters_gone, &mut step).await?;
        let more = !(are_letters_gone && are_records_gone);

        let position = more.then(|| search.text());
        let now = self.ports.clock().now_ms();
        self.database()?.run(erasures::note(&subject.hash, position.as_deref(), now)).await?;
        let search_needed = if more { false } else { self.may_lack_records(app).await? };
        Ok(Erased { deleted: step.deleted, more, search_needed })
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

    fn new_step(&self) -> Step {
        let ends_at = self.ports.clock().now_ms().saturating_add(STEP_WITHIN_MS);
        Step { operations: self.config.plan.step_operations(), deleted: 0, ends_at }
    }

    /// Whether a step may begin something of so many operations.
    fn may_go_on(&self, step: &Step, operations: usize) -> bool {
        step.operations >= operations && self.ports.clock().now_ms() < step.ends_at
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

    /// Takes events in which the user has a part out of the log. Whether none is left there.
    async fn take_events_out(&self, subject: &Subject<'_>, step: &mut Step) -> Result<bool, Problem> {
        let Subject { app, user, began_at, .. } = *subject;
        let (database, most) = (self.database()?, step.operations);
        let found: Vec<UsersEvent> = database.rows(erasures::find(app, user, began_at, most as u64)).await?;
        if !found.is_empty() {
            // Once they are deleted, no further call meets them there.
            database.run_all(erasures::delete(app, user, &found, self.ports.clock().now_ms())).await?;
        }
        step.deleted = step.deleted.saturating_add(found.len());
        Ok(found.len() < most)
    }

    /// Deletes the user's records that the log has no longer: all of them if that `is_last`, and otherwise those that nothing has to
    /// be waited for. Whether none is left.
    async fn delete_records(&self, subject: &Subject<'_>, is_last: bool, step: &mut Step) -> Result<bool, Problem> {
        let Subject { app, user, began_at, .. } = *subject;
        let (database, now) = (self.database()?, self.ports.clock().now_ms());
        let most = step.operations.checked_div(OPERATIONS_A_KEY).unwrap_or_default();
        let mut left: Vec<LeftRecord> = database.rows(erasures::left_records(app, user, most as u64)).await?;
        let mut is_whole = is_last && left.len() < most;
        let due_at = |record: &LeftRecord| record.erased_at.map_or(0, |at| at.saturating_add(CALLS_END_WITHIN_MS));
        if is_last {
            self.wait_until(left.iter().map(due_at).max().unwrap_or_default()).await;
        } else {
            left.retain(|record| due_at(record) <= now);
        }
        let (mut done, mut newer, mut failure) = (Vec::new(), Vec::new(), None);
        for record in left {
            if !self.may_go_on(step, OPERATIONS_A_KEY) {
                is_whole = false;
                break;
            }
            let Some(id) = record.id() else { continue };
            step.spend(OPERATIONS_A_KEY);
            match erased::remove_received_by(self.ports.kv(), &event::key(app, &id), began_at).await {
                Ok(Found::Nothing) => {}
                // Those of the log were counted when they left it.
                Ok(Found::Deleted) => {
                    step.deleted = step.deleted.saturating_add(usize::from(record.erased_at.is_none()));
                }
                Ok(Found::Newer(value)) => newer.push(value),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
            done.push(id);
        }
        if !done.is_empty() {
            self.settle_records(database, app, &done, &newer).await?;
        }
        // What was done counts; the next call meets what failed.
        match failure {
            Some(error) if done.is_empty() && step.deleted == 0 => Err(error.into()),
            failure => Ok(is_whole && failure.is_none()),
        }
    }

    /// Forgets records that were deleted, and has KV and the log have the same of those events that have come again since.
    pub(super) async fn settle_records(
        &self,
        database: &P::Database,
        app: SdkAppId,
        done: &[EventId],
        newer: &[String],
    ) -> Result<(), Problem> {
        let storing = self.config.storing();
        let messages: Vec<_> = newer.iter().filter_map(|record| Message::of_record(record)).collect();
        let events = messages.iter().filter_map(Message::event);
        let is_logged = self.settings.sinks.contains(&Sink::D1);
        let again = events.map(|event| event_log::insert(&event, storing.kv_until(&event, event.received_at())));
        let again: Vec<_> = again.filter(|_| is_logged).collect();
        database.run_all([vec![erasures::forget_records(app, done)], again].concat()).await?;
        // An event may have come again between the look at its record and the deletion.
        let logged: Vec<StoredEvent> = database.rows(event_log::read_all(app, done)).await?;
        for stored in logged.iter().filter(|stored| stored.kv_until > 0) {
            let record = stored.event.record();
            let message = Message::of_record(&record);
            let event = message.as_ref().and_then(Message::event);
            let Some(event) = event.filter(|event| !newer.iter().any(|it| is_record_of(it, event.id()))) else {
                continue;
            };
            let Entry { key, .. } = event.entry(storing.retention_seconds, event.received_at());
            if self.ports.kv().get(&key).await?.is_none() {
                let entry = event.entry(storing.retention_seconds, self.ports.clock().now_ms());
                self.ports.kv().put(&entry).await.map_err(|_| Problem::Unavailable)?;
            }
        }
        Ok(())
    }

    /// Searches the records of an app and all dead letters for the user, from the cursor on, and deletes what is found. It needs no
    /// event log.
    pub(super) async fn erase_records(
        &self,
        App(app): App,
        query: EraseRecordsQuery,
    ) -> Result<ErasedRecords, Problem> {
        let EraseRecordsQuery { user: UserId(user), cursor } = &query;
        let text = format!("records {app} {user}");
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
        let (mut step, mut hits) = (self.new_step(), Hits::default());
        self.wait_until(subject.began_at.saturating_add(CALLS_END_WITHIN_MS)).await;
        let prefixes = [event::prefix(app), dead_letter::prefix(Some(app)), dead_letter::prefix(None)];
        let most = self.config.plan.search_keys();
        let is_done = self.search(&subject, &prefixes, most, &mut search, &mut step, &mut hits).await;
        let Hits { records, searched, .. } = hits;
        if let Some(database) = self.ports.database().filter(|_| !records.is_empty()) {
            let deleted = records.iter().map(|id| event_log::delete_received_by(app, id, subject.began_at));
            database.run_all(deleted.chain([erasures::forget_records(app, &records)]).collect()).await?;
        }
        let position = format!("{} {}", subject.began_at, search.text());
        let cursor = if is_done? { None } else { Some(Cursor(cursor::write(&text, &position))) };
        Ok(ErasedRecords { deleted: step.deleted, searched, cursor })
    }

    /// One step of a search through the keys with these prefixes, one list after the other: what the user has a part in is deleted.
    /// No further page is read once `most` keys were searched. Whether the search has come to its end.
    async fn search(
        &self,
        subject: &Subject<'_>,
        prefixes: &[String],
        most: usize,
        search: &mut Search,
        step: &mut Step,
        hits: &mut Hits,
    ) -> Result<bool, Problem> {
        while let Some(prefix) = prefixes.get(search.list) {
            if hits.searched >= most || !self.may_go_on(step, OPERATIONS_A_KEY.saturating_add(1)) || !step.spend(1) {
                return Ok(false);
            }
            let page = self.ports.kv().list(prefix, LIST_MAX, search.position.list.as_deref()).await?;
            for listed in page.keys {
                let id = listed.key.strip_prefix(&**prefix).unwrap_or_default().to_owned();
                if id <= search.position.after {
                    continue;
                }
                if !self.may_go_on(step, OPERATIONS_A_KEY) {
                    return Ok(false);
                }
                if listed.key.starts_with(event::PREFIX) {
                    if self.erase_record(subject, listed, step).await? {
                        hits.records.extend(EventId::read(&id));
                    }
                } else if self.erase_dead_letter(subject, &listed.key, step).await? {
                    hits.letters.extend(id.get(..EventId::LENGTH).and_then(EventId::read));
                }
                hits.searched = hits.searched.saturating_add(1);
                search.position.after = id;
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

    /// Deletes a record if the user has a part in it, with two operations at most. Whether it was deleted.
    async fn erase_record(&self, subject: &Subject<'_>, listed: Listed, step: &mut Step) -> Result<bool, Problem> {
        let Listed { key, metadata, .. } = listed;
        let is_older = match event::Parties::read(&metadata) {
            Some(parties) => parties.has(subject.user).then_some(parties.received_at <= subject.began_at),
            None => {
                step.spend(1);
                let value = self.ports.kv().get(&key).await?;
                let value = value.filter(|value| record_has_part(value, subject.user));
                value.map(|value| dead_letter::received_at(&value).is_none_or(|at| at <= subject.began_at))
            }
        };
        if is_older != Some(true) {
            return Ok(false);
        }
        step.spend(1);
        self.ports.kv().delete(&key).await?;
        step.deleted = step.deleted.saturating_add(1);
        Ok(true)
    }

    /// Searches dead letters for the user, from where the step before ended, and deletes what is found. Whether all were searched.
    async fn erase_dead_letters(
        &self,
        subject: &Subject<'_>,
        search: &mut Search,
        step: &mut Step,
    ) -> Result<bool, Problem> {
        let prefixes = [dead_letter::prefix(Some(subject.app)), dead_letter::prefix(None)];
        let mut hits = Hits::default();
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
        searched
    }

    /// Deletes a dead letter if the user has a part in it, with two operations at most. Whether it was deleted.
    async fn erase_dead_letter(&self, subject: &Subject<'_>, key: &str, step: &mut Step) -> Result<bool, Problem> {
        step.spend(1);
        let letter = self.ports.kv().get(key).await?;
        let is_older = |letter: &String| dead_letter::received_at(letter).is_none_or(|at| at <= subject.began_at);
        let is_theirs = |letter: &String| dead_letter::has_part(letter, subject.app, subject.user);
        if letter.as_ref().filter(|letter| is_theirs(letter) && is_older(letter)).is_none() {
            return Ok(false);
        }
        step.spend(1);
        self.ports.kv().delete(key).await?;
        step.deleted = step.deleted.saturating_add(1);
        Ok(true)
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

/// Whether a record is that of this event.
fn is_record_of(record: &str, id: &EventId) -> bool {
    Message::of_record(record).is_some_and(|message| message.event().is_some_and(|event| event.id() == id))
}
