//! Whether the event log has every record of KV, so that whoever asks it for a user's events hears of all of them. It is known after
//! a complete `POST /v1/reindex`; and of a KV with few records, as a new one, the hourly run finds it out.

use crate::{
    config::Settings,
    database::{
        Database, DatabaseError,
        event_log::IN_KV_FOR_GOOD,
        log_state::{self, Count, LogState, Name, StoredKey},
    },
    event,
    ports::Ports,
    sink::Sink,
    storage::{Clock as _, Kv as _, LIST_MAX, Page},
};

/// Whether events go into KV alone, so that the log lacks them.
#[must_use]
pub fn is_lost(settings: &Settings) -> bool {
    settings.sinks.contains(&Sink::Kv) && !settings.sinks.contains(&Sink::D1)
}

/// Looks whether the log is complete, if that is not known: with one list of KV, and nothing more where that has a second page.
///
/// # Errors
/// [`DatabaseError`]. If KV fails, it is not known.
pub async fn look(ports: &impl Ports, settings: &Settings) -> Result<(), DatabaseError> {
    let Some(database) = ports.database() else { return Ok(()) };
    if is_lost(settings) {
        return database.run(log_state::lose()).await.map(|_| ());
    }
    let state = LogState::from(database.rows(log_state::read()).await?);
    if state.number(Name::CompleteSince).is_some() {
        return Ok(());
    }
    let now = ports.clock().now_ms();
    let Ok(Page { keys, cursor }) = ports.kv().list(event::PREFIX, LIST_MAX, None).await else { return Ok(()) };
    if cursor.is_some() {
        return note_incomplete(database, &state, now).await;
    }
    let stored = keys.iter().filter_map(|listed| {
        let (app, id) = event::read_key(&listed.key)?;
        Some((app, id, listed.expiration.unwrap_or(IN_KV_FOR_GOOD)))
    });
    let stored: Vec<StoredKey> = stored.collect();
    if !stored.is_empty() {
        database.run(log_state::note_stored(&stored)).await?;
        let lacking: Vec<Count> = database.rows(log_state::count_lacking(&stored)).await?;
        if lacking.iter().any(|lacking| lacking.count > 0) {
            return note_incomplete(database, &state, now).await;
        }
    }
    let mut known = vec![(Name::CompleteSince, Some(now.to_string()))];
    known.extend(state.number(Name::IncompleteSince).map(|_| (Name::IncompleteSince, None)));
    database.run(log_state::write(&known)).await.map(|_| ())
}

/// Notes at `now` (Unix ms) that the log may lack records, unless that is noted already.
async fn note_incomplete(database: &impl Database, state: &LogState, now: u64) -> Result<(), DatabaseError> {
    if state.number(Name::IncompleteSince).is_some() {
        return Ok(());
    }
    database.run(log_state::write(&[(Name::IncompleteSince, Some(now.to_string()))])).await.map(|_| ())
}
