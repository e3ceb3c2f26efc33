//! Keeps current the rankings that are asked for: of a day every five minutes, and of a longer range every hour, as long as somebody has
//! asked within a day. What is over is packed, hour by hour, so that a ranking reads a row for each hour and the counts of the current one.

use crate::{
    database::{
        Database, DatabaseError, HOUR_MS,
        rankings::{
            self, Asked, Basis, Changes, Hours, Measure, PAGE_PACKS, Pack, PackedHour, Packs, Page, Ranked, Tally,
        },
    },
    encoding::StoredWord,
    storage::Clock,
};

/// For how long after it was asked for a ranking is renewed, in ms.
pub const ASKED_FOR_MS: u64 = 24 * HOUR_MS;

/// How long before it gets too old a ranking is renewed, in ms: a trigger comes every minute.
const AHEAD_MS: u64 = 90_000;

/// For how long after its end an hour is not packed, in ms: most of what is late has come by then.
const LATE_MS: u64 = HOUR_MS / 12;

/// How long a run goes on, in ms.
const WITHIN_MS: u64 = 20_000;

/// How many hours are packed. The longest range has 31 days.
const PACKED_HOURS: u64 = 33 * 24;

/// Renews the rankings that are due.
///
/// # Errors
/// [`DatabaseError`]. What was renewed before it stays.
pub async fn renew_due(database: &impl Database, clock: &impl Clock) -> Result<(), DatabaseError> {
    let begun = clock.now_ms();
    let asked: Vec<Asked> = database.rows(rankings::asked(begun.saturating_sub(ASKED_FOR_MS))).await?;
    for asked in asked {
        let now = clock.now_ms();
        if now.saturating_sub(begun) >= WITHIN_MS {
            break;
        }
        let hour = now / HOUR_MS;
        let wanted = Hours { since: asked.wanted_since(hour), ..asked.range() };
        let has_moved = wanted.since != asked.since_hour;
        let is_due = now.saturating_sub(asked.as_of) >= wanted.fresh_for_ms(hour).saturating_sub(AHEAD_MS);
        if is_due || has_moved {
            renew(database, clock, &asked, wanted).await?;
        }
    }
    Ok(())
}

/// Renews the rankings of a range, which may begin later by now.
async fn renew(
    database: &impl Database,
    clock: &impl Clock,
    asked: &Asked,
    wanted: Hours,
) -> Result<(), DatabaseError> {
    let now = clock.now_ms();
    let hour = now / HOUR_MS;
    let changes: Vec<Changes> = database.rows(rankings::changes(wanted.app, hour)).await?;
    let changes = changes.into_iter().next().ok_or(DatabaseError::Failed)?;
    if wanted.since == asked.since_hour && changes.changes == asked.changes {
        return database.run(rankings::confirm(asked, now)).await.map(|_| ());
    }
    let packed_until = (now.saturating_sub(LATE_MS) / HOUR_MS).max(wanted.since);
    let mut unpacked_since = wanted.since;
    loop {
        if clock.now_ms().saturating_sub(now) >= WITHIN_MS {
            // The next run goes on.
            return Ok(());
        }
        let packed: Vec<PackedHour> =
            database.rows(rankings::pack(wanted.app, unpacked_since, packed_until, now)).await?;
        let Some(last) = packed.iter().map(|packed| packed.hour).max() else { break };
        unpacked_since = last.saturating_add(1);
    }
    let measures = asked.measures.iter().filter_map(|measure| match measure {
        StoredWord::Known(measure) => Some((*measure, Vec::new())),
        StoredWord::Unknown => None,
    });
    let mut of: Vec<(Measure, Vec<Ranked>)> = measures.collect();
    let mut basis = Basis { hours: wanted, packed_until, packs: Packs::default(), changes, as_of: now };
    let (mut pass, mut passes) = (0, 1_u32);
    while pass < passes {
        let mut tally = Tally::new(pass, passes);
        if !fill(database, clock, &mut tally, &mut basis).await? {
            // Too many users for so few passes: from the beginning, with more.
            passes = passes.saturating_mul(2);
            pass = 0;
            of.iter_mut().for_each(|(_, users)| users.clear());
            continue;
        }
        for (measure, users) in &mut of {
            *users = tally.rank(*measure, std::mem::take(users));
        }
        pass = pass.saturating_add(1);
    }
    let stored = database.run(rankings::renew(asked, &basis, &of)).await?;
    if stored.changed > 0 && wanted.since != asked.since_hour {
        database.run(rankings::leave(asked)).await?;
    }
    database.run(rankings::delete_packs(wanted.app, hour.saturating_sub(PACKED_HOURS))).await.map(|_| ())
}

/// Adds the counts of a range to `tally`, and notes in `basis` what they were. False if it gets too large.
async fn fill(
    database: &impl Database,
    clock: &impl Clock,
    tally: &mut Tally,
    basis: &mut Basis,
) -> Result<bool, DatabaseError> {
    let Hours { app, since, .. } = basis.hours;
    let mut after = None;
    basis.packs = Packs::default();
    loop {
        let packs: Vec<Pack> = database.rows(rankings::packs(app, since, basis.packed_until, after)).await?;
        for pack in &packs {
            tally.add(&pack.counts).ok_or(DatabaseError::Failed)?;
            if tally.is_too_large() {
                return Ok(false);
            }
            basis.packs.count = basis.packs.count.saturating_add(1);
            basis.packs.latest = basis.packs.latest.max(pack.made_at);
        }
        after = packs.last().map(|pack| (pack.hour, pack.part));
        if packs.len() < PAGE_PACKS {
            break;
        }
    }
    basis.as_of = clock.now_ms();
    for hour in basis.packed_until..=basis.as_of / HOUR_MS {
        let mut after = Some(String::new());
        while let Some(user) = after {
            let pages: Vec<Page> = database.rows(rankings::counts(app, hour, &user)).await?;
            let page = pages.into_iter().next().ok_or(DatabaseError::Failed)?;
            tally.add(&page.counts).ok_or(DatabaseError::Failed)?;
            if tally.is_too_large() {
                return Ok(false);
            }
            after = page.last;
        }
    }
    Ok(true)
}
