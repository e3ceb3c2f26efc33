//! What Tencent's REST API answers: followers, checks, and why a call was refused.

use serde_json::Value;

use crate::outgoing::OutgoingError;

/// Most characters of a refusal's text that are shown.
const INFO_MAX: usize = 200;

/// Who follows a user, as follow_get lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The UserID.
    pub user: String,
    /// Since when, in Unix seconds.
    pub since: u64,
}

/// A page of followers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub followers: Vec<Follower>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Page {
    /// Reads the answer of follow_get. `NextCursor` is empty on the last page. [1047/70347]
    pub fn read(answer: &Value) -> Option<Self> {
        let follower = |item: &Value| {
            let since = item.get("FollowTime").and_then(Value::as_u64).unwrap_or_default();
            Some(Follower { user: item.get("To_Account")?.as_str()?.to_owned(), since })
        };
        let next = answer.get("NextCursor").and_then(Value::as_str).filter(|next| !next.is_empty());
        Some(Self {
            followers: items(answer, "FollowItem")?.map(follower).collect::<Option<_>>()?,
            next: next.map(str::to_owned),
        })
    }
}

/// Which of these follow the user who was asked about, by the answer of follow_check: in their order, `None` for one of whom it does
/// not say it. [1047/70349: FollowType 1, only To_Account follows From_Account; 3, each follows the other; 0 and 2, To_Account does
/// not]
pub fn read_checks(answer: &Value, actors: &[&str]) -> Option<Vec<Option<bool>>> {
    let items: Vec<_> = items(answer, "ResultItem")?.collect();
    let follows = |actor: &&str| {
        let item = items.iter().find(|item| item.get("To_Account").and_then(Value::as_str) == Some(*actor))?;
        let code = item.get("ResultCode").and_then(Value::as_i64).unwrap_or_default();
        match item.get("FollowType").and_then(Value::as_u64).filter(|_| code == 0)? {
            0 | 2 => Some(false),
            1 | 3 => Some(true),
            _ => None,
        }
    };
    Some(actors.iter().map(follows).collect())
}

/// The items of a list, which is absent if there are none.
fn items<'a>(answer: &'a Value, name: &str) -> Option<impl Iterator<Item = &'a Value>> {
    match answer.get(name) {
        None | Some(Value::Null) => Some([].iter()),
        Some(list) => list.as_array().map(|list| list.iter()),
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

/// Reads the body of an answer.
///
/// # Errors
/// [`TencentError::Refused`] if its `ErrorCode` says so; [`TencentError::Unreadable`] if it is no answer.
pub fn read(body: &[u8]) -> Result<Value, TencentError> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| TencentError::Unreadable)?;
    let code = answer.get("ErrorCode").and_then(Value::as_i64).ok_or(TencentError::Unreadable)?;
    if code != 0 {
        let info = answer.get("ErrorInfo").and_then(Value::as_str).unwrap_or_default();
        let info = info.chars().filter(|c| !c.is_control()).take(INFO_MAX).collect();
        return Err(TencentError::Refused { code, info });
    }
    Ok(answer)
}
