//! The app's own backend: where it is, what is sent to it, and what comes back.
//!
//! Two things are sent: deliveries of Follow events, by way of the queue (see [`crate::delivery::consumer`]), and all other
//! webhooks, inside the call (see [`crate::receive::relay`]).

use std::borrow::Cow;

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{encoding::from_json_object, outgoing::https_url, standard_webhooks::SigningSecret};

/// A header of all that this Worker sends to the origin. A call that carries it has come back: `ORIGIN_URL` leads to this
/// Worker. Without an origin, it is not looked for.
pub const HOP_HEADER: &str = "unfollow-webhook-hop";

/// The status that such a call gets. [RFC 5842: Loop Detected]
pub const LOOP_STATUS: u16 = 508;

/// A header of a delivery that no webhook has caused: where its event is from.
pub const SOURCE_HEADER: &str = "unfollow-webhook-source";

/// The URL of the app's backend: https, or http on a loopback host; without user info, query and fragment; no IP address
/// other than loopback.
///
/// What is stored is not the setting's text but its normalised form, [`url::Url::as_str`]: the path is never empty, the host is
/// in lower case, an IPv4 address has four decimal numbers. So `fetch` gets exactly what was checked here, and a query
/// can be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl(String);

impl OriginUrl {
    /// Reads a URL that is as the type says. `ascii_host` writes the name of a host in ASCII, or says that it is no valid one: see
    /// [`crate::ports::Environment`].
    ///
    /// # Errors
    /// The rule that `text` breaks, as a sentence whose subject is the setting. It does not quote `text`, which may contain
    /// a password.
    // Not inlined: without an origin, an isolate's first call does not wait until it is compiled.
    #[inline(never)]
    pub fn new(text: &str, ascii_host: impl FnOnce(&str) -> Option<String>) -> Result<Self, &'static str> {
        let url = https_url(text, ascii_host)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a query or fragment");
        }
        Ok(Self(url.into()))
    }

    /// This URL with a query.
    #[must_use]
    pub fn with_query(&self, query: &str) -> String {
        if query.is_empty() { self.0.clone() } else { format!("{}?{query}", self.0) }
    }
}

/// How deliveries are signed besides Tencent's own way.
#[derive(Clone, Debug)]
pub enum OriginSigning {
    /// As the Standard Webhooks specification says, with the current secret and then the previous one; not at all if there
    /// is none.
    With(Vec<SigningSecret>),
    /// `ORIGIN_SECRET` is invalid: nothing is delivered until it is fixed, because the backend would have to
    /// refuse it.
    Invalid,
}

/// How much of the answer to a delivery is read, in bytes: Tencent's own are of some 60.
pub const ANSWER_READ_MAX: usize = 4096;

/// How much of an answer is kept, in bytes.
const ANSWER_KEPT_MAX: usize = 512;

/// What a delivery is that is answered with a status of success and with `"ActionStatus":"FAIL"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum OnFail {
    /// Delivered, with a warning: a backend that handled Tencent's webhooks before may say FAIL to what it has seen.
    #[default]
    Accept,
    /// Failed.
    Retry,
}

/// Whether an answer is the FAIL of Tencent's protocol: a JSON object whose `ActionStatus` is that word.
#[must_use]
pub fn says_fail(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default, rename = "ActionStatus")]
        action_status: Option<Cow<'a, str>>,
    }
    let answer = str::from_utf8(body).ok().and_then(from_json_object::<Answer<'_>>);
    answer.and_then(|answer| answer.action_status).is_some_and(|status| status == "FAIL")
}

/// The start of an answer, as it is kept: at most 512 bytes of UTF-8, in which what is none is replaced; `None` if it is empty.
#[must_use]
pub fn kept_answer(body: &[u8]) -> Option<String> {
    let start = body.get(..ANSWER_KEPT_MAX).unwrap_or(body);
    let mut text = String::from_utf8_lossy(start).into_owned();
    // A character that was cut, or replaced by a longer one.
    let is_cut = start.len() < body.len() && text.ends_with(char::REPLACEMENT_CHARACTER);
    while is_cut && text.ends_with(char::REPLACEMENT_CHARACTER) || text.len() > ANSWER_KEPT_MAX {
        text.pop();
    }
    (!text.is_empty()).then_some(text)
}
