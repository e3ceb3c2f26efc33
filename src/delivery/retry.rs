//! When a message that could not be processed is tried again.

/// Longest wait of the first two hours, in seconds. A message that waits cannot be woken: so long after the origin has recovered,
/// all that had failed in a shorter outage has come back.
pub const FIRST_WAITS_MAX_SECONDS: u64 = 10 * 60;

/// How long [`FIRST_WAITS_MAX_SECONDS`] holds, in seconds of waiting.
const FIRST_WAITS_LAST_SECONDS: u64 = 2 * 60 * 60;

/// Longest wait that the number of attempts alone asks for, in seconds. The waits of 100 retries, which is what a queue allows, are
/// then longer than any `DELIVERY_HOURS`, whatever the jitter.
pub const BACKOFF_MAX_SECONDS: u64 = 90 * 60;

/// Longest `Retry-After` of an origin that is honoured, in seconds. With its jitter, a wait is as long as a queue takes at
/// most: 12 hours. [Cloudflare Queues, limits: `delaySeconds`]
pub const RETRY_AFTER_MAX_SECONDS: u64 = 10 * 60 * 60;

/// Least jitter behind a `Retry-After`, in seconds. Whoever gives it to many deliveries at once does not want all of them back
/// in one second.
pub const RETRY_AFTER_JITTER_MIN_SECONDS: u64 = 10;

/// From this attempt on, the wait is [`BACKOFF_MAX_SECONDS`] whatever the base.
const GROWING_ATTEMPTS: u32 = 30;

/// How long to wait before the next attempt, in seconds: `base` (1 or more) after the first attempt, and twice as long after each
/// further one, ±20 % jitter; at most [`FIRST_WAITS_MAX_SECONDS`] for two hours, and then at most [`BACKOFF_MAX_SECONDS`]. A longer
/// `retry_after` (seconds) is honoured, up to [`RETRY_AFTER_MAX_SECONDS`], and never cut short: up to 20 % of it, and at least
/// [`RETRY_AFTER_JITTER_MIN_SECONDS`], are added. `attempts` is 1 after the first attempt; `random` is from 0 to below 1.
#[must_use]
pub fn wait_seconds(attempts: u32, base: u64, retry_after: Option<u64>, random: f64) -> u32 {
    let backoff = backoff(attempts, base);
    let thousandths = random_below(400, random).saturating_add(800);
    let most = if backoff > FIRST_WAITS_MAX_SECONDS { BACKOFF_MAX_SECONDS } else { FIRST_WAITS_MAX_SECONDS };
    let backoff = (backoff.saturating_mul(thousandths) / 1000).clamp(1, most);
    let asked = retry_after.map_or(0, |seconds| with_jitter(seconds.min(RETRY_AFTER_MAX_SECONDS), random));
    u32::try_from(backoff.max(asked)).unwrap_or(u32::MAX)
}

/// The wait after this attempt without jitter, in seconds.
fn backoff(attempts: u32, base: u64) -> u64 {
    let (mut wait, mut waited) = (base.min(FIRST_WAITS_MAX_SECONDS), 0_u64);
    for _ in 1..attempts.min(GROWING_ATTEMPTS) {
        waited = waited.saturating_add(wait);
        let most = if waited < FIRST_WAITS_LAST_SECONDS { FIRST_WAITS_MAX_SECONDS } else { BACKOFF_MAX_SECONDS };
        wait = wait.saturating_mul(2).min(most);
    }
    wait
}

/// A `Retry-After` with its jitter, in seconds; 0, which asks for no wait, has none.
fn with_jitter(retry_after: u64, random: f64) -> u64 {
    let jitter = (retry_after / 5).max(RETRY_AFTER_JITTER_MIN_SECONDS);
    if retry_after == 0 { 0 } else { retry_after.saturating_add(random_below(jitter, random)) }
}

/// A whole number from 0 to below `end`, for a `random` from 0 to below 1.
fn random_below(end: u64, random: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let number = (random.clamp(0.0, 1.0) * end as f64) as u64;
    number
}
