//! Tencent's own data, by the REST API of Chat: who follows a user. It is only read.
//!
//! [RESTful API Overview, 1047/34620; Retrieve Fans, Follows, And Mutual Followers List, 1047/70347; Checking Follow
//! Relationship, 1047/70349]

mod answer;
pub mod region;
pub mod user_sig;

use std::cell::Cell;

use futures_util::future::LocalBoxFuture;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub use answer::{Follower, Page, TencentError};
use answer::{read, read_checks};
use region::Base;
use user_sig::{SecretKey, VALID_SECONDS};

use crate::{
    encoding::to_json,
    outgoing::{Outgoing, OutgoingRequest, Wanted},
    storage::Clock,
    webhook::SdkAppId,
};

/// Most users that one call of follow_check takes. [1047/70349]
pub const CHECK_MAX: usize = 100;

/// Most followers that one call of follow_get gives. [1047/70347]
pub const LIST_MAX: usize = 1000;

/// How long a call may take, in ms.
const WITHIN_MS: u64 = 3_000;

/// Largest answer, in bytes: a thousand followers with the profiles that come with them.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// How far the beginnings of two calls are apart at least, in ms: 100 calls a second. Tencent allows 200 for each of these
/// APIs, which the app's own backend may use as well. [1047/70347, 1047/70349: "200 times/second"]
const APART_MS: u64 = 10;

/// How long to wait after Tencent has said that calls come too fast, in ms, before each further attempt.
const BACK_OFF_MS: [u64; 2] = [500, 1_500];

/// The settings with which Tencent is asked.
#[derive(Clone, Debug)]
pub struct Access {
    /// The key that all apps share, if there is one.
    pub shared_key: Option<SecretKey>,
    /// The keys of single apps.
    pub own_keys: Vec<(SdkAppId, SecretKey)>,
    /// The UserID of an administrator of the apps.
    pub admin: String,
    /// Where the API is.
    pub base: Base,
}

impl Access {
    /// The key of an app, if it has one.
    #[must_use]
    pub fn key(&self, app: SdkAppId) -> Option<&SecretKey> {
        let own = self.own_keys.iter().find(|(id, _)| *id == app).map(|(_, key)| key);
        own.or(self.shared_key.as_ref())
    }
}

/// When the next call may begin, for all that ask Tencent.
#[derive(Debug, Default)]
pub struct Pace {
    next_at: Cell<u64>,
}

impl Pace {
    /// Waits until a call may begin.
    async fn wait(&self, clock: &impl Clock) {
        let now = clock.now_ms();
        // A clock that was set back must not stop everything.
        let at = self.next_at.get().clamp(now, now.saturating_add(1_000));
        self.next_at.set(at.saturating_add(APART_MS));
        if at > now {
            clock.sleep(at.saturating_sub(now)).await;
        }
    }
}

/// Tencent's REST API for one app.
pub struct Tencent<'a, O, C> {
    pub app: SdkAppId,
    pub key: &'a SecretKey,
    pub admin: &'a str,
    pub base: &'a Base,
    pub outgoing: &'a O,
    pub clock: &'a C,
    pub pace: &'a Pace,
    /// A number from 0 to below 1, another one each time.
    pub random: &'a dyn Fn() -> f64,
    /// How many calls were made.
    pub calls: Cell<usize>,
}

impl<O: Outgoing, C: Clock> Tencent<'_, O, C> {
    /// A page of those who follow `user`: at most `limit` (1 to [`LIST_MAX`]), from `cursor` on; from the beginning, if it is empty.
    ///
    /// # Errors
    /// [`TencentError`].
    pub async fn followers(&self, user: &str, cursor: &str, limit: usize) -> Result<Page, TencentError> {
        // 1 is "Fan". [1047/70347]
        let (user, start, limit) = (to_json(user), to_json(cursor), limit.clamp(1, LIST_MAX));
        let body = format!(r#"{{"From_Account":{user},"FollowType":1,"StartCursor":{start},"WantNum":{limit}}}"#);
        let answer = self.call("follow_get", body).await?;
        // A cursor that stays would never end.
        Page::read(&answer).filter(|page| page.next.as_deref() != Some(cursor)).ok_or(TencentError::Unreadable)
    }

    /// Which of these (at most [`CHECK_MAX`]) follow `user`: in their order, `None` for one of whom Tencent does not say it.
    ///
    /// # Errors
    /// [`TencentError`].
    pub async fn check(&self, user: &str, actors: &[&str]) -> Result<Vec<Option<bool>>, TencentError> {
        let body = format!(r#"{{"From_Account":{},"To_Account":{}}}"#, to_json(user), to_json(actors));
        let answer = self.call("follow_check", body).await?;
        read_checks(&answer, actors).ok_or(TencentError::Unreadable)
    }

    // Boxed, so that it is there once.
    fn call(&self, command: &'static str, body: String) -> LocalBoxFuture<'_, Result<Value, TencentError>> {
        Box::pin(async move {
            let mut back_off = BACK_OFF_MS.into_iter();
            loop {
                match self.attempt(command, &body).await.and_then(|answer| read(&answer)) {
                    Err(error) if error.is_too_fast() => match back_off.next() {
                        Some(ms) => self.clock.sleep(ms).await,
                        None => return Err(error),
                    },
                    answer => return answer,
                }
            }
        })
    }

    /// The body of the answer to one call.
    async fn attempt(&self, command: &str, body: &str) -> Result<Vec<u8>, TencentError> {
        self.pace.wait(self.clock).await;
        self.calls.set(self.calls.get().saturating_add(1));
        let user_sig = self.key.sign(self.app, self.admin, self.clock.now_ms() / 1000, VALID_SECONDS);
        // A 32-bit unsigned integer. [1047/34620]
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let random = ((self.random)() * 4_294_967_296.0) as u32;
        let admin = utf8_percent_encode(self.admin, NON_ALPHANUMERIC);
        let url = format!(
            "{}/v4/follow/{command}?sdkappid={}&identifier={admin}&usersig={user_sig}&random={random}&contenttype=json",
            self.base.as_str(),
            self.app,
        );
        let request = OutgoingRequest {
            url,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.as_bytes(),
            within_ms: WITHIN_MS,
            wanted: Wanted::Whole(ANSWER_MAX),
        };
        let response = self.outgoing.post(request).await.map_err(TencentError::Outgoing)?;
        // A failure has 200 too: its ErrorCode says so. [1047/34620]
        if response.status != 200 {
            return Err(TencentError::Status(response.status));
        }
        Ok(response.body)
    }
}
