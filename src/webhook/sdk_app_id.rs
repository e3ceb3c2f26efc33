//! The SDKAppID: the number that Tencent gave an app when it was created in the Chat console.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digits;

/// More digits than any SDKAppID has (they have ten), and few enough for a JSON number to stay exact.
const DIGITS_MAX: usize = 15;

/// An app's SDKAppID. It has one spelling only: decimal digits without a leading zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct SdkAppId(u64);

impl SdkAppId {
    /// Reads 1 to 15 decimal digits without a leading zero; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        digits::parse(text, DIGITS_MAX).filter(|_| !text.starts_with('0')).map(Self)
    }

    /// Its decimal digits. Unlike `to_string`, which goes by way of a formatter, it costs an isolate's first call next to nothing.
    #[must_use]
    pub fn text(self) -> String {
        self.0.to_string()
    }

    /// The number, at most 999,999,999,999,999.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<SdkAppId> for u64 {
    fn from(id: SdkAppId) -> Self {
        id.0
    }
}

impl TryFrom<u64> for SdkAppId {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Self::parse(&number.to_string()).ok_or("no SDKAppID")
    }
}

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::SdkAppId;

    #[test]
    fn has_one_spelling() {
        assert_eq!(SdkAppId::parse("1400000000").map(SdkAppId::get), Some(1_400_000_000));
        for other in ["", "0", "01400000000", "+1400000000", " 1400000000", "1400000000.0", "１４", "1234567890123456"]
        {
            assert_eq!(SdkAppId::parse(other), None, "{other:?}");
        }
    }
}
