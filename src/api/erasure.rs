//! The erasure of a user: every event in which the user has a part, and the dead letters of such events. It goes in steps, each
//! of which a call can do on the free plan; each begins where the one before it ended, also if that was cut off.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Context,
    dead_letters::KvPosition,
    parameters::{App, parameters},
    problem::Problem,
};
use crate::{
    database::{
        Database,
        erasures::{self, Progress, UsersEvent},
        retention::ERASURES_MS,
    },
    delivery::dead_letter,
    event::{self, UserId},
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, Kv as _, LIST_MAX},
    webhook::SdkAppId,
};

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
}

/// One step, which has done so much.
#[derive(Default)]
struct Step {
    operations: usize,
    deleted: usize,
}

/// How far the search through the dead letters has come: those of the app come first, then those of no app.
#[derive(Default)]
struct Search {
    is_in_unreadable: bool,
    position: KvPosition,
}

impl Search {
    fn text(&self) -> String {
        format!("{} {}", u8::from(self.is_in_unreadable), self.position.text())
    }

    fn read(text: &str) -> Option<Self> {
        let (list, position) = text.split_once(' ')?;
        Some(Self { is_in_unreadable: list == "1", position: KvPosition::of_text(position)? })
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn erase_user(&self, App(app): App, query: EraseUserQuery) -> Result<Erased, Problem> {
        let EraseUserQuery { user: UserId(user) } = &query;
        if !self.settings.sinks.contains(&Sink::D1) {
            return Err(Problem::Conflict(
                "The event log does not have all events: add d1 to SINKS, or erase by hand.",
            ));
        }
        let mut step = Step::default();
        let are_events_gone = self.erase_events(app, user, &mut step).await?;
        let more = !are_events_gone || !self.erase_dead_letters(app, user, &mut step).await?;
        Ok(Erased { deleted: step.deleted, more })
    }

    /// Deletes events in which the user has a part, each first in KV and then in D1, which knows what is left to delete. Whether
    /// none is left.
    async fn erase_events(&self, app: SdkAppId, user: &str, step: &mut Step) -> Result<bool, Problem> {
        let database = self.event_log()?;
        // Each takes an operation of KV or two, those of D1 are left out of the plan's number.
        let most = self.config.plan.step_operations();
        let mut found: Vec<UsersEvent> = database.rows(erasures::find(app, user, most as u64)).await?;
        let found_all = found.len() < most;
        let (mut gone, mut failure) = (0_usize, None);
        let operations_each = if self.settings.sinks.contains(&Sink::Kv) { 1 } else { 2 };
        for event in &found {
            if step.operations.saturating_add(operations_each) > self.config.plan.step_operations() {
                break;
            }
            if let Some(key) = event.id().map(|id| event::key(app, &id))
                && let Err(problem) = self.erase_key(&key, self.settings.sinks.contains(&Sink::Kv), step).await
            {
                failure = Some(problem);
                break;
            }
            gone = gone.saturating_add(1);
        }
        let is_whole = found_all && gone == found.len();
        found.truncate(gone);
        if gone > 0 {
            database.run_all(erasures::delete(app, &found)).await?;
            step.deleted = step.deleted.saturating_add(gone);
        }
        // What was done counts; the next call meets what failed.
        match failure {
            Some(problem) if gone == 0 => Err(problem),
            _ => Ok(is_whole),
        }
    }

    /// Deletes a key of an event. On the free plan KV deletes 1,000 a day and reads 100,000: where KV is no sink, it is asked first.
    async fn erase_key(&self, key: &str, is_sink: bool, step: &mut Step) -> Result<(), Problem> {
        step.operations = step.operations.saturating_add(1);
        if !is_sink && self.ports.kv().get(key).await?.is_none() {
            return Ok(());
        }
        step.operations = step.operations.saturating_add(usize::from(!is_sink));
        Ok(self.ports.kv().delete(key).await?)
    }

    /// Searches dead letters for the user, from where the step before ended, and deletes what is found. Whether all were searched.
    async fn erase_dead_letters(&self, app: SdkAppId, user: &str, step: &mut Step) -> Result<bool, Problem> {
        let database = self.event_log()?;
        let user_hash = hex::encode(Sha256::digest(user));
        let now = self.ports.clock().now_ms();
        let noted: Vec<Progress> =
            database.rows(erasures::progress(app, &user_hash, now.saturating_sub(ERASURES_MS))).await?;
        let noted = noted.first().map(|progress| Search::read(&progress.position).unwrap_or_default());
        let has_note = noted.is_some();
        let mut search = noted.unwrap_or_default();
        let is_done = 'search: loop {
            let prefix = dead_letter::prefix(Some(app).filter(|_| !search.is_in_unreadable));
            if step.operations.saturating_add(3) > self.config.plan.step_operations() {
                break false;
            }
            step.operations = step.operations.saturating_add(1);
            let listed = self.ports.kv().list(&prefix, LIST_MAX, search.position.list.as_deref()).await;
            let Ok(page) = listed else {
                // KV may no longer take its cursor: the next call searches from the beginning.
                database.run(erasures::forget(app, &user_hash)).await?;
                return Err(Problem::Unavailable);
            };
            for listed in page.keys {
                let id = listed.key.strip_prefix(&prefix).unwrap_or_default();
                if id <= search.position.after.as_str() {
                    continue;
                }
                if step.operations.saturating_add(2) > self.config.plan.step_operations() {
                    break 'search false;
                }
                step.operations = step.operations.saturating_add(1);
                let letter = self.ports.kv().get(&listed.key).await?;
                if letter.is_some_and(|letter| dead_letter::has_part(&letter, app, user)) {
                    step.operations = step.operations.saturating_add(1);
                    self.ports.kv().delete(&listed.key).await?;
                    step.deleted = step.deleted.saturating_add(1);
                }
                id.clone_into(&mut search.position.after);
            }
            match page.cursor {
                Some(list) => search.position = KvPosition { list: Some(list), after: String::new() },
                None if search.is_in_unreadable => break true,
                None => search = Search { is_in_unreadable: true, position: KvPosition::default() },
            }
        };
        match is_done {
            false => database.run(erasures::note(app, &user_hash, &search.text(), now)).await?,
            true if has_note => database.run(erasures::forget(app, &user_hash)).await?,
            true => {}
        }
        Ok(is_done)
    }
}
