//! What is wrong, as data: what the Worker can observe goes in, alerts come out. The API, the page, messages and metrics share
//! them, and none of them decides anything. `docs/alerts.md` is tested against the table of kinds.

pub mod advice;
pub mod burst;
pub mod notify;
pub mod observe;
pub mod rules;
pub mod text;

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{event::EventId, webhook::SdkAppId};

/// How much an alert matters. The gravest is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Events or deliveries are being lost, or soon will be, or cannot be seen.
    Critical,
    /// Something is to be done, and nothing is lost yet.
    Warning,
    /// Worth knowing. Strangers may have caused it, or nothing is wrong.
    Notice,
}

/// Writes the table of kinds: each with its severity.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $severity:ident;)+) => {
        /// What an alert is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum AlertKind {
            $($(#[$doc])* $kind,)+
        }

        impl AlertKind {
            /// How much an alert of this kind matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$kind => Severity::$severity,)+
                }
            }
        }
    };
}

kinds! {
    /// A setting breaks a rule. The subject is its name.
    InvalidSetting Critical;
    /// D1 does not answer, or fails.
    DatabaseFails Critical;
    /// D1 refuses queries until midnight UTC: a limit of the free plan's day is reached.
    DatabaseDayLimit Critical;
    /// D1 has no room left.
    DatabaseFull Critical;
    /// Events were stored nowhere. The subject is the reason.
    EventsNotStored Critical;
    /// Events became dead letters at once, because the queue did not take them.
    EventsDeadLettered Critical;
    /// Deliveries were given up: they are dead letters.
    DeliveriesDead Critical;
    /// No call of an app has come for so many hours.
    NoCalls Warning;
    /// Calls were rejected. The subject is the reason.
    CallsRejected Warning;
    /// Events were queued, because a sink did not take them in time.
    EventsQueued Warning;
    /// Deliveries have been retried for over ten minutes.
    DeliveriesRetrying Warning;
    /// An attempt was due over three hours ago, and nothing was heard of it.
    DeliveriesOverdue Warning;
    /// Deliveries that were accepted, with an answer that says FAIL.
    DeliveriesAnsweredFail Warning;
    /// What the retention should have deleted is still stored.
    RetentionBehind Warning;
    /// D1 has little room left.
    DatabaseNearlyFull Warning;
    /// An app was unfollowed far more often than in its usual hour.
    UnfollowBurstOfApp Warning;
    /// A user was unfollowed far more often than in the user's own usual hour. The subject is the UserID.
    UnfollowBurstOfUser Warning;
    /// A variable looks as if it was meant for a setting, and is none. The subject is its name.
    UnknownSetting Warning;
    /// `wrangler.toml` lacks lines that a feature needs. The subject is the lines.
    MissingLines Warning;
    /// Requests were rejected that strangers send, too. The subject is the reason.
    StrayCalls Notice;
    /// The event log may lack events that KV has.
    LogIncomplete Notice;
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// The app that it is about; `None` if it is about the Worker.
    pub app: Option<SdkAppId>,
    /// What tells it from others of its kind and app: the name of a setting, a reason; empty if there is one only. A UserID in
    /// [`AlertKind::UnfollowBurstOfUser`] and in no other.
    pub subject: String,
    /// What the texts say besides: the rule that a setting breaks, the feature that lines are for, the status or the error of
    /// the last attempt, the usual number of an hour, the percentage of a size.
    pub detail: String,
    /// When it began, in Unix ms, as far as that is known.
    pub since: Option<u64>,
    /// When what it is about happened last, in Unix ms; `None` for a state, which lasts.
    pub last_at: Option<u64>,
    /// How many calls, events, deliveries or unfollows there are.
    pub count: Option<u64>,
    /// Whether there may be more than [`Self::count`]: not all are counted.
    pub is_capped: bool,
    /// Some of the events that it is about: at most [`EVENTS_MAX`].
    pub events: Vec<EventId>,
}

/// How many events an alert names at most.
pub const EVENTS_MAX: usize = 5;

impl Alert {
    /// One of this kind, of which nothing more is known.
    #[must_use]
    pub fn new(kind: AlertKind, app: Option<SdkAppId>, subject: impl Into<String>) -> Self {
        Self {
            kind,
            app,
            subject: subject.into(),
            detail: String::new(),
            since: None,
            last_at: None,
            count: None,
            is_capped: false,
            events: Vec::new(),
        }
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// What it is known by from one observation to the next: `kind/app/subject`, with 0 for no app. It has the UserID of a
    /// [`AlertKind::UnfollowBurstOfUser`] in it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", <&str>::from(self.kind), self.app.map_or(0, SdkAppId::get), self.subject)
    }

    /// Whether it names a user.
    #[must_use]
    pub fn names_user(&self) -> bool {
        self.kind == AlertKind::UnfollowBurstOfUser
    }
}
