//! Numbers as this protocol writes them: short runs of decimal digits.

/// The number that 1 to `digits_max` decimal digits stand for; `None` for any other text, a sign or a space included.
#[must_use]
pub fn parse(text: &str, digits_max: usize) -> Option<u64> {
    let fits = (1..=digits_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
