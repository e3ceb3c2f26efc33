//! What Tencent's REST API answers: followers, checks, and why a call was refused.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{encoding::from_json_object, outgoing::OutgoingError};

/// Most characters of a refusal's text that are shown.
const INFO_MAX: usize = 200;

/// Who follows a user, as follow_get lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Follower {
    /// The UserID.
    #[serde(rename = "To_Account")]
    pub user: String,
    /// Since when, in Unix seconds.
    #[serde(rename = "FollowTime", default)]
    pub since: u64,
}

/// The answer of follow_get.
#[derive(Deserialize)]
pub struct Listed {
    #[serde(rename = "FollowItem", default)]
    pub followers: Vec<Follower>,
    /// Empty or absent on the last page.
    #[serde(rename = "NextCursor", default)]
    pub next: Option<String>,
}

/// The answer of follow_check.
#[derive(Deserialize)]
pub struct Checked {
    #[serde(rename = "ResultItem", default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "ResultCode", default)]
    code: i64,
    #[serde(rename = "FollowType", default)]
    follow_type: Option<u8>,
}

impl Checked {
    /// Whether `actor` follows the user who was asked about; `None` if the answer does not say it. [1047/70349: FollowType 1, only
    /// To_Account follows From_Account; 3, each follows the other; 0 and 2, To_Account does not]
    pub fn follows(&self, actor: &str) -> Option<bool> {
        let item = self.items.iter().find(|item| item.user == actor).filter(|item| item.code == 0)?;
        match item.follow_type? {
            0 | 2 => Some(false),
            1 | 3 => Some(true),
            _ => None,
        }
    }
}

/// Why Tencent has not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TencentError {
    /// There was no answer.
    Outgoing(OutgoingError),
    /// An HTTP status other than 200.
    Status(u16),
    /// An answer that is none of this API's.
    Unreadable,
    /// A refusal: its `ErrorCode`, and what its `ErrorInfo` says.
    Refused { code: i64, info: String },
}

/// What has to be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    TooFast,
    Busy,
    Key,
    Admin,
    Region,
    Edition,
    Address,
    NoUser,
    Other,
}

impl TencentError {
    /// Whether calls came too fast.
    #[must_use]
    pub fn is_too_fast(&self) -> bool {
        self.cause() == Some(Cause::TooFast)
    }

    /// Whether the same call may succeed later, without a change of anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Outgoing(_) => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            Self::Unreadable => false,
            Self::Refused { .. } => matches!(self.cause(), Some(Cause::TooFast | Cause::Busy)),
        }
    }

    /// Whether Tencent does not know the user.
    #[must_use]
    pub fn is_no_user(&self) -> bool {
        self.cause() == Some(Cause::NoUser)
    }

    /// By its code. [1047/34348, "Public error codes of REST APIs" and "Account error codes"]
    fn cause(&self) -> Option<Cause> {
        let Self::Refused { code, .. } = self else { return None };
        Some(match code {
            60007 | 60011 | 60018 | 60019 => Cause::TooFast,
            60008 | 60014 | 70169 | 70500 => Cause::Busy,
            60010 => Cause::Admin,
            60006 | 60012 | 70016 | 70020 => Cause::Region,
            60016 | 60020 => Cause::Edition,
            60021 => Cause::Address,
            30003 | 40003 | 70107 => Cause::NoUser,
            60004 | 60005 | 70001..=70003 | 70005 | 70009 | 70013 | 70014 | 70050..=70052 => Cause::Key,
            _ => Cause::Other,
        })
    }

    /// What is wrong and what to do, in sentences for the operator.
    #[must_use]
    pub fn describe(&self) -> String {
        let (code, info) = match self {
            Self::Outgoing(OutgoingError::Late) => return "Tencent did not answer in time; try again.".to_owned(),
            Self::Outgoing(_) => return "Tencent could not be reached; try again.".to_owned(),
            Self::Status(status) => return format!("Tencent answered with HTTP {status}; is TENCENT_REGION right?"),
            Self::Unreadable => {
                return "Tencent's answer is none of its REST API's; is TENCENT_REGION right?".to_owned();
            }
            Self::Refused { code, info } => (code, info),
        };
        let advice = match self.cause() {
            Some(Cause::TooFast) => "Calls come too fast: go on after some seconds.",
            Some(Cause::Busy) => "Try again.",
            Some(Cause::Admin) => "TENCENT_ADMIN must be an administrator of the app.",
            Some(Cause::Region) => "The app is not known there: check TENCENT_REGION and the SDKAppID.",
            Some(Cause::Edition) => "The app's package has expired, or the app is disabled: see the Chat console.",
            Some(Cause::Address) => "The app takes calls from certain addresses only: see the Chat console.",
            Some(Cause::NoUser) => "There is no such user at Tencent.",
            Some(Cause::Key) => {
                "The signature does not hold: check TENCENT_SECRET_KEY, which is the app's, and TENCENT_ADMIN."
            }
            Some(Cause::Other) | None => {
                "Follow needs the Pro edition of Chat or higher, and has to be switched on in the console: Configuration, Friends \
                 and Relationship Chains, Follow / Fan function settings."
            }
        };
        let says = if info.is_empty() { String::new() } else { format!(", {info:?}") };
        format!("Tencent refuses with ErrorCode {code}{says}. {advice}")
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ErrorCode")]
    code: i64,
    #[serde(rename = "ErrorInfo", default)]
    info: Option<String>,
}

/// Reads the body of an answer.
///
/// # Errors
/// [`TencentError::Refused`] if its `ErrorCode` says so; [`TencentError::Unreadable`] if it is no answer.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, TencentError> {
    let text = std::str::from_utf8(body).map_err(|_| TencentError::Unreadable)?;
    let Head { code, info } = from_json_object(text).ok_or(TencentError::Unreadable)?;
    if code != 0 {
        let plain = info.unwrap_or_default().chars().filter(|c| !c.is_control()).take(INFO_MAX).collect();
        return Err(TencentError::Refused { code, info: plain });
    }
    serde_json::from_str(text).map_err(|_| TencentError::Unreadable)
}
