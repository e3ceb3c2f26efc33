//! An event as a KV `list` shows it: its key, and the metadata that comes with the key.
//!
//! The metadata may be that of another version of this Worker: members that are not named here are passed over, and
//! those that are missing are null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EventId;
use crate::webhook::{SdkAppId, command::Kind};

/// One listed event, as lists in the API carry it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedEvent {
    /// Its id.
    pub id: EventId,
    sdk_app_id: SdkAppId,
    event_time: u64,
    #[serde(flatten)]
    metadata: Metadata,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Metadata {
    kind: Kind,
    from_account: String,
    to_accounts: Vec<String>,
    received_at: Option<u64>,
    opt_platform: Option<String>,
    client_ip: Option<String>,
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_accounts_total: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl ListedEvent {
    /// Reads the event of this `app`, `id` (what follows the prefix of the key) and `metadata`. `None` where this Worker
    /// cannot have written them: somebody else put them there.
    #[must_use]
    pub fn read(app: SdkAppId, id: &str, metadata: &Value) -> Option<Self> {
        let id = EventId::read(id)?;
        let metadata = metadata.is_object().then(|| Metadata::deserialize(metadata).ok()).flatten()?;
        Some(Self { sdk_app_id: app, event_time: id.event_time(), id, metadata })
    }

    /// Unfollow or follow.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.metadata.kind
    }

    /// When it happened, in Unix ms.
    #[must_use]
    pub fn event_time(&self) -> u64 {
        self.event_time
    }

    /// Whether `user` acted, or is a target. Where the metadata was cut and does not tell, it may be so.
    #[must_use]
    pub fn may_concern(&self, user: &str) -> bool {
        let Metadata { from_account, to_accounts, truncated, .. } = &self.metadata;
        *truncated || from_account == user || to_accounts.iter().any(|target| target == user)
    }

    /// How many users were unfollowed, or followed, by this one call.
    #[must_use]
    pub fn targets(&self) -> u64 {
        self.metadata.to_accounts_total.unwrap_or(self.metadata.to_accounts.len() as u64)
    }
}
