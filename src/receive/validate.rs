//! Validation: the numbered steps from a request to a decision. No clock, no storage, no runtime: what happened is
//! passed in, what to do comes out.
//!
//! Steps 1 to 9 need the request's head alone ([`validate_head`], [`ValidatedHead::body_max`]); the body is read only after
//! they have passed, and steps 10 to 13 look at it ([`ValidatedHead::decide`]).

use super::{CallLog, rejection::Rejection};
use crate::{
    config::Settings,
    event::Event,
    routes::Target,
    webhook::{
        SdkAppId,
        auth::{AuthError, Authentic},
        body::{self, Follow},
        command::{Kind, body_max},
        query::Query,
    },
};

/// A request's head: what is known before the body is read.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The URL, in parts.
    pub target: Target<'a>,
    /// Whether it carries the header of what this Worker sends to its origin; false without an origin, where it is not looked for.
    pub has_hop_header: bool,
}

/// An authentic call whose body may now be read.
#[derive(Debug)]
pub struct ValidatedHead<'a> {
    query: Authentic<Query<'a>>,
    /// `None` only for what may still turn out to be the console's probe.
    app: Option<SdkAppId>,
}

/// What to do with a call.
#[derive(Debug)]
pub enum Decision<'a> {
    /// The console checks the URL: answer OK.
    Probe,
    /// A webhook of another kind: answer OK.
    Unhandled,
    /// Follow events, one or more: store them, then answer OK.
    Store(Vec<Event<'a>>),
}

/// Steps 1 to 8. `now_ms` is Unix milliseconds. Fills `record` with what the log may say of the call.
///
/// # Errors
/// The rejection of the first step that does not pass.
#[inline(never)]
pub fn validate_head<'a>(
    head: RequestHead<'a>,
    settings: &Settings,
    now_ms: u64,
    record: &mut CallLog<'a>,
) -> Result<ValidatedHead<'a>, Rejection> {
    let target = head.target;

    // (1) It does not come from this Worker.
    if head.has_hop_header {
        return Err(Rejection::Loop);
    }
    // (2) The path is the webhook's.
    if target.path != settings.webhook_path {
        return Err(Rejection::NotFound);
    }
    // (3) It came over https, or from this machine.
    if !target.is_confidential() {
        return Err(Rejection::Insecure);
    }
    // (4) It is a POST.
    if head.method != "POST" {
        return Err(Rejection::Method);
    }
    // (5) The query can be read, in one way only.
    let query = Query::parse(target.query)?;
    record.describe(&query);

    // (6) It is for an app of ours. Only the console's probe may leave that open, which the body will tell.
    let app = match query.sdk_app_id.as_deref() {
        Some(id) => Some(our_app(id, settings).ok_or(Rejection::SdkAppIdForeign)?),
        None => None,
    };
    record.our_app = app;
    // (7) It is authentic.
    let query = authenticate(query, app, settings, now_ms)?;

    // (8) It does not claim another content type than Tencent's only one.
    if query.content_type.as_deref().is_some_and(|it| !it.eq_ignore_ascii_case("json")) {
        return Err(Rejection::ContentType);
    }
    Ok(ValidatedHead { query, app })
}

fn our_app(id: &str, settings: &Settings) -> Option<SdkAppId> {
    SdkAppId::parse(id).filter(|&id| settings.is_ours(id))
}

fn authenticate<'a>(
    query: Query<'a>,
    app: Option<SdkAppId>,
    settings: &Settings,
    now_ms: u64,
) -> Result<Authentic<Query<'a>>, Rejection> {
    let policy = app.map_or_else(|| settings.policy_without_app(), |app| settings.policy(app));
    let (sign, request_time) = (query.sign.clone(), query.request_time.clone());
    policy.check(query, sign.as_deref(), request_time.as_deref(), now_ms).map_err(|error| match (app, error) {
        // Without an app and a Sign it is not the probe. With one it may be, and is told what is wrong with the Sign.
        (None, AuthError::SignMissing | AuthError::Closed) => Rejection::SdkAppIdMissing,
        (_, error) => error.into(),
    })
}

impl<'a> ValidatedHead<'a> {
    /// Step 9: most bytes that the body may have, of which so many were declared.
    ///
    /// # Errors
    /// [`Rejection::BodyTooLarge`].
    pub fn body_max(&self, declared: Option<u64>) -> Result<usize, Rejection> {
        // (9) Its body fits, as far as the head tells; the reader of the body sees to the rest.
        let max = body_max(self.query.command.as_deref());
        if declared.is_some_and(|length| length > max as u64) { Err(Rejection::BodyTooLarge) } else { Ok(max) }
    }

    /// Steps 10 to 13, with the whole body. `received_at` is Unix milliseconds.
    ///
    /// # Errors
    /// The rejection of the first step that does not pass.
    #[inline(never)]
    pub fn decide(self, body: &'a [u8], received_at: u64, record: &mut CallLog<'a>) -> Result<Decision<'a>, Rejection> {
        // (10) It is not the console's probe.
        if body::is_contentless(body) {
            return Ok(Decision::Probe);
        }
        let app = self.app.ok_or(Rejection::SdkAppIdMissing)?;

        // (11) There is a command: the query's, or else the body's.
        let command = match self.query.command.clone() {
            Some(command) => command,
            None => {
                let command = body::command(body).ok_or(Rejection::CommandMissing)?;
                record.name_command(command.clone());
                command
            }
        };

        // (12) It is one of the two Follow commands.
        let Some(kind) = Kind::of(&command) else {
            return Ok(Decision::Unhandled);
        };
        // Step 9 could not know the command if only the body names it.
        if body.len() > body_max(Some(&command)) {
            return Err(Rejection::BodyTooLarge);
        }
        // (13) The body is that of its command.
        let events = Event::all(app, self.query, Follow::parse(kind, body)?, received_at);
        record.targets = Some(events.iter().map(Event::targets).sum());
        Ok(Decision::Store(events))
    }
}
