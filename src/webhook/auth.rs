//! Webhook authentication: `Sign` and `RequestTime`. [Webhook Authentication]
//!
//! `Sign` is the hex SHA-256 of the callback token immediately followed by `RequestTime`. It is a plain
//! hash and covers neither the body nor the command nor the SDKAppID, and every webhook of one second
//! carries the same one: it proves that the sender knows the token, and nothing about what was sent.

use std::{fmt, ops::Deref};

use subtle::{Choice, ConstantTimeEq};

use super::digits;
use crate::hash::sha256;

/// How far `RequestTime` may be from now, in seconds, on either side and inclusive. [Webhook Authentication]
pub const WINDOW_SECONDS: u64 = 60;

/// Longest token that the Chat console takes, in characters.
const TOKEN_CHARS_MAX: usize = 128;

/// Most digits of a `RequestTime`. Ten reach to the year 2286. The hash runs over token and digits without
/// a mark between them, so a longer run could borrow digits from a token's end.
const REQUEST_TIME_DIGITS_MAX: usize = 10;

/// A callback token: the secret that the Chat console and this Worker share. Debug hides it.
#[derive(Clone)]
pub struct CallbackToken(String);

impl CallbackToken {
    /// Takes a token of 1 to 128 characters. Tencent documents no character set, so any will do, except for what nobody can
    /// see: it comes from a line end or a space that slipped into a secret, and the console's token does not have it.
    ///
    /// # Errors
    /// The rule that `text` breaks, as the rest of a sentence whose subject is the setting.
    pub fn new(text: String) -> Result<Self, &'static str> {
        if !(1..=TOKEN_CHARS_MAX).contains(&text.chars().count()) {
            return Err("must have 1 to 128 characters");
        }
        if text.contains(char::is_control) {
            return Err("must not contain control characters, such as a line end");
        }
        if text.starts_with(is_invisible) || text.ends_with(is_invisible) {
            return Err("must not begin or end with white space or an invisible character");
        }
        Ok(Self(text))
    }

    /// The `Sign` of a call at `request_time` (Unix seconds, in decimal).
    #[must_use]
    pub fn sign(&self, request_time: &str) -> Sign {
        Sign(sha256([&self.0, request_time].concat()))
    }
}

impl fmt::Debug for CallbackToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackToken(hidden)")
    }
}

/// White space, and what else a terminal or an editor does not show. The exception are the variation selectors with which an emoji or a
/// Mongolian word may end, and the tags at the end of a flag.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        )
}

/// A signature, as made by Tencent or by [`CallbackToken::sign`]. Compared in constant time; Debug hides it.
#[derive(Clone, Copy)]
pub struct Sign([u8; 32]);

impl Sign {
    /// Reads 64 hex digits of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The 64 lower-case hex digits that go into a query.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sign(hidden)")
    }
}

/// What a call must bring to be authentic.
#[derive(Clone, Debug)]
pub enum Policy<'a> {
    /// A `Sign` made with one of these tokens.
    Signed(Vec<&'a CallbackToken>),
    /// Nothing: the owner allows unsigned calls, and there is no token.
    Unsigned,
    /// Nothing will do: there is no token, and the owner does not allow unsigned calls.
    Closed,
}

/// Why a call is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// There is no token to check with, and unsigned calls are not allowed.
    Closed,
    /// There is no `Sign`.
    SignMissing,
    /// `Sign` is not 64 hex digits.
    SignMalformed,
    /// There is no `RequestTime`.
    RequestTimeMissing,
    /// `RequestTime` is not a run of 1 to 10 digits.
    RequestTimeMalformed,
    /// `RequestTime` is more than [`WINDOW_SECONDS`] away from now.
    RequestTimeFar,
    /// `Sign` was made with another token, or for another `RequestTime`.
    SignMismatch,
}

/// Proof that what it holds came from a caller who passed [`Policy::check`]; made there, and where such a call
/// is read back.
#[derive(Clone, Debug)]
pub struct Authentic<T>(T);

impl<T> Authentic<T> {
    /// What was authentic when it came, read back from where only this Worker writes: its own queue and namespace.
    pub(crate) fn read_back(call: T) -> Self {
        Self(call)
    }
}

impl<T> Deref for Authentic<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Policy<'_> {
    /// Turns `call` into an [`Authentic`] one, if its `sign` and `request_time` are what this policy asks
    /// for at `now_ms` (Unix milliseconds; the part of a second is not counted).
    ///
    /// # Errors
    /// See [`AuthError`].
    pub fn check<T>(
        &self,
        call: T,
        sign: Option<&str>,
        request_time: Option<&str>,
        now_ms: u64,
    ) -> Result<Authentic<T>, AuthError> {
        let tokens = match self {
            Self::Signed(tokens) => tokens,
            Self::Unsigned => return Ok(Authentic(call)),
            Self::Closed => return Err(AuthError::Closed),
        };
        let sign = Sign::parse(sign.ok_or(AuthError::SignMissing)?).ok_or(AuthError::SignMalformed)?;
        let request_time = request_time.ok_or(AuthError::RequestTimeMissing)?;
        let seconds = digits::parse(request_time, REQUEST_TIME_DIGITS_MAX).ok_or(AuthError::RequestTimeMalformed)?;
        if (now_ms / 1000).abs_diff(seconds) > WINDOW_SECONDS {
            return Err(AuthError::RequestTimeFar);
        }
        // Every token is tried, whichever fits: the time taken tells nothing about them.
        let fits = tokens.iter().fold(Choice::from(0), |fits, token| fits | token.sign(request_time).ct_eq(&sign));
        if bool::from(fits) { Ok(Authentic(call)) } else { Err(AuthError::SignMismatch) }
    }
}
