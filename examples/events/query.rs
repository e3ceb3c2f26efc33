//! Which events are asked for, and of which Worker.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use unfollow_webhook::webhook::SdkAppId;

use crate::calls::percent_encode;

/// A checkpoint is valid for one such query only: another one has other events.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// The beginning of the Worker's URL, in lower case.
    pub url: String,
    /// Only this app; `None` where the Worker has one only.
    #[serde(serialize_with = "write_app", deserialize_with = "read_app")]
    pub app: Option<SdkAppId>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only this user's.
    pub user: Option<String>,
    /// Only those in which the user has this role.
    pub role: Option<String>,
}

impl EventQuery {
    /// The query as URL parameters, each followed by `&`.
    pub fn parameters(&self) -> String {
        let app = self.app.map(|app| app.to_string());
        let parameters = [("app", &app), ("kind", &self.kind), ("user", &self.user), ("role", &self.role)];
        let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.map(|(name, value)| format!("{name}={}&", percent_encode(value))).collect()
    }
}

/// As on the command line.
impl fmt::Display for EventQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--url {}", self.url)?;
        self.app.map_or(Ok(()), |app| write!(f, " --app {app}"))?;
        self.kind.as_ref().map_or(Ok(()), |kind| write!(f, " --kind {kind}"))?;
        self.user.as_ref().map_or(Ok(()), |user| write!(f, " --user {user}"))?;
        self.role.as_ref().map_or(Ok(()), |role| write!(f, " --role {role}"))
    }
}

fn write_app<S: Serializer>(app: &Option<SdkAppId>, serializer: S) -> Result<S::Ok, S::Error> {
    app.map(SdkAppId::get).serialize(serializer)
}

fn read_app<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SdkAppId>, D::Error> {
    let app = Option::<u64>::deserialize(deserializer)?;
    app.map(|app| SdkAppId::parse(&app.to_string()).ok_or_else(|| D::Error::custom("not an SDKAppID"))).transpose()
}
