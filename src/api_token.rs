//! The bearer tokens of the operator's API.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::hash::sha256;

/// Fewest characters of a token.
const TOKEN_CHARS_MIN: usize = 16;

/// A sample that anyone can read in this project's history.
const PUBLISHED: &str = "change-me-to-16-or-more";

/// A bearer token of the API, held as its hash. Debug hides it.
#[derive(Clone)]
pub struct ApiToken([u8; 32]);

impl ApiToken {
    /// Takes a token of 16 or more letters, digits and punctuation marks of ASCII: a header takes no others.
    ///
    /// # Errors
    /// The rule that `text` breaks, as the rest of a sentence whose subject is the setting.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("must be letters, digits and punctuation marks of ASCII, without spaces");
        }
        if text.len() < TOKEN_CHARS_MIN {
            return Err("must have 16 characters or more");
        }
        if text == PUBLISHED {
            return Err("must not be the sample that was published");
        }
        Ok(Self(sha256(text)))
    }

    /// Whether an `Authorization` header carries this token. The time it takes tells nothing about the token:
    /// hashes of equal length are compared, in constant time.
    #[must_use]
    pub fn admits(&self, authorization: Option<&str>) -> bool {
        let Some((scheme, token)) = authorization.and_then(|text| text.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer") && bool::from(sha256(token.trim_ascii()).ct_eq(&self.0))
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(hidden)")
    }
}
