//! Tencent Cloud Chat's webhook protocol, and nothing else: what arrives, what proves that it is
//! authentic, and the response. Nothing here knows of settings, storage or HTTP statuses.
//!
//! Facts come from Tencent's pages *Webhook Overview*, *Webhook Authentication* and *After a User Is
//! Followed / Unfollowed*. Where a fact was only seen and is not documented, its comment says so.

pub mod auth;
pub mod body;
pub mod command;
pub mod digits;
mod members;
pub mod query;
pub mod response;
mod sdk_app_id;

pub use sdk_app_id::SdkAppId;
