//! When a message that could not be processed is tried again.

/// Longest wait that the number of attempts alone asks for, in seconds.
pub const BACKOFF_MAX_SECONDS: u64 = 60 * 60;

/// Longest wait that an origin's `Retry-After` can ask for, in seconds; a queue takes no longer one.
pub const RETRY_AFTER_MAX_SECONDS: u64 = 12 * 60 * 60;

/// After so many doublings a wait of 1 s is over [`BACKOFF_MAX_SECONDS`].
const DOUBLINGS_MAX: u32 = 12;

/// How long to wait before the next attempt, in seconds: `base` (1 or more) after the first attempt, twice as long after each
/// further one, ±20 % jitter, at most [`BACKOFF_MAX_SECONDS`]. A longer `retry_after` (seconds) is honoured, up to
/// [`RETRY_AFTER_MAX_SECONDS`]. `attempts` is 1 after the first attempt; `random` is from 0 to below 1.
#[must_use]
pub fn wait_seconds(attempts: u32, base: u64, retry_after: Option<u64>, random: f64) -> u32 {
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    let backoff = base.saturating_mul(2_u64.saturating_pow(doublings)).min(BACKOFF_MAX_SECONDS);
    let thousandths = random_thousandths(random).saturating_add(800);
    let backoff = (backoff.saturating_mul(thousandths) / 1000).clamp(1, BACKOFF_MAX_SECONDS);
    let wait = backoff.max(retry_after.unwrap_or(0).min(RETRY_AFTER_MAX_SECONDS));
    u32::try_from(wait).unwrap_or(u32::MAX)
}

/// 0 to 400.
fn random_thousandths(random: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let thousandths = (random.clamp(0.0, 1.0) * 400.0) as u64;
    thousandths
}
