//! An event as a KV `list` shows it: its key, and the metadata that stands with the key.
//!
//! The metadata may be that of another version of this Worker: members that are not named here are passed over, and
//! those that are missing are null.

use super::EventId;
use crate::{
    json::{self, Raw},
    webhook::{SdkAppId, command::Kind},
};

/// One listed event. Its members are JSON texts, as they stand in the metadata.
#[derive(Clone, Debug)]
pub struct ListedEvent<'a> {
    /// Its id.
    pub id: EventId,
    /// Unfollow or follow.
    pub kind: Kind,
    from_account: &'a str,
    to_accounts: &'a str,
    received_at: &'a str,
    opt_platform: &'a str,
    client_ip: &'a str,
    request_id: &'a str,
    to_accounts_total: Option<&'a str>,
    truncated: bool,
}

impl<'a> ListedEvent<'a> {
    /// Reads the event of this `id` (what stands behind the prefix of the key) and `metadata` (a JSON object). `None`
    /// where this Worker cannot have written them: somebody else put them there.
    #[must_use]
    pub fn read(id: &str, metadata: &'a str) -> Option<Self> {
        let id = EventId::read(id)?;
        let mut kind = None;
        let (mut from_account, mut to_accounts) = (None, None);
        let [mut received_at, mut opt_platform, mut client_ip, mut request_id] = ["null"; 4];
        let (mut to_accounts_total, mut truncated) = (None, false);
        json::members(metadata, |name, value| {
            match &*name {
                "kind" => kind = json::string(value).and_then(|name| Kind::named(&name)),
                "from_account" => from_account = Some(value),
                "to_accounts" => to_accounts = Some(value),
                "received_at" => received_at = value,
                "opt_platform" => opt_platform = value,
                "client_ip" => client_ip = value,
                "request_id" => request_id = value,
                "to_accounts_total" => to_accounts_total = Some(value),
                "truncated" => truncated = value == "true",
                _ => {}
            }
            Some(())
        })?;
        Some(Self {
            id,
            kind: kind?,
            from_account: from_account?,
            to_accounts: to_accounts?,
            received_at,
            opt_platform,
            client_ip,
            request_id,
            to_accounts_total,
            truncated,
        })
    }

    /// Whether `user` acted, or is a target. Where the metadata was cut and does not tell, it may be so.
    #[must_use]
    pub fn may_concern(&self, user: &str) -> bool {
        let is_user = |text| json::string(text).is_some_and(|id| id == user);
        let targets = || json::items(self.to_accounts).unwrap_or_default();
        self.truncated || is_user(self.from_account) || targets().into_iter().any(is_user)
    }

    /// How many users were unfollowed, or followed, by this one call.
    #[must_use]
    pub fn targets(&self) -> u64 {
        let total = self.to_accounts_total.and_then(|total| total.parse().ok());
        total.unwrap_or_else(|| json::items(self.to_accounts).map_or(0, |targets| targets.len() as u64))
    }

    /// Its JSON, as lists in the API carry it.
    #[must_use]
    pub fn json(&self, app: SdkAppId) -> String {
        json::object! {
            "id": self.id.as_str(),
            "kind": self.kind.name(),
            "sdk_app_id": app.get(),
            "from_account": Raw(self.from_account),
            "to_accounts": Raw(self.to_accounts),
            "event_time": self.id.event_time(),
            "received_at": Raw(self.received_at),
            "opt_platform": Raw(self.opt_platform),
            "client_ip": Raw(self.client_ip),
            "request_id": Raw(self.request_id),
            "to_accounts_total"?: self.to_accounts_total.map(Raw),
            "truncated"?: self.truncated.then_some(true),
        }
    }
}
