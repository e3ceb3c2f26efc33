//! The commands of the Follow family, and how large a body a command may have.
//!
//! One URL receives every webhook of an app, so most commands that arrive may be others than these.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// Which webhook an event is of. The Follow family has exactly these two. [Webhook Command List]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// After a user is unfollowed.
    Unfollow,
    /// After a user is followed.
    Follow,
}

impl Kind {
    /// The `CallbackCommand` of this kind.
    // Not inlined: wherever a command is looked up, the comparison would be compiled once for each kind.
    #[inline(never)]
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Unfollow => "Follow.CallbackAfterFollowDelete",
            Self::Follow => "Follow.CallbackAfterFollowAdd",
        }
    }

    /// The kind's name in records and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// All kinds as a list of SQL, as what `IN` takes: a key that begins with the kind is found by each of them.
    #[must_use]
    pub fn sql_list() -> String {
        Self::VARIANTS.iter().map(|kind| format!("'{}'", kind.name())).collect::<Vec<_>>().join(", ")
    }

    /// The kind that a `CallbackCommand` stands for; `None` for every other command, those of the
    /// Follow family included that do not exist yet. Commands are case-sensitive.
    #[must_use]
    pub fn of(command: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|kind| kind.command() == command)
    }
}

/// Largest body of a Follow webhook, in bytes. A real one is about 2 KB: at most 20 targets of at most
/// 32 bytes. A body of this size still fits into one queue message of 128,000 bytes.
pub const FOLLOW_BODY_MAX: usize = 64 * 1024;

/// Largest body of any other webhook, in bytes. They are passed on or answered, never parsed.
pub const OTHER_BODY_MAX: usize = 1024 * 1024;

/// Largest body, in bytes, that a call with this command may have.
#[must_use]
pub fn body_max(command: Option<&str>) -> usize {
    match command.and_then(Kind::of) {
        Some(_) => FOLLOW_BODY_MAX,
        None => OTHER_BODY_MAX,
    }
}
