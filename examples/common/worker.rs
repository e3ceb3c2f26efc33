//! The command line of programs that call a Worker's API.

use std::{env, time::Duration};

use http::Uri;
use unfollow_webhook::{api_token::ApiToken, routes::is_loopback, webhook::SdkAppId};

use crate::{calls, host};

/// The variable for the token, which is then neither in the shell's history nor in the list of processes.
const TOKEN_VARIABLE: &str = "ADMIN_TOKEN";

/// The token, if it is a valid one.
pub fn token(given: Option<String>) -> Result<String, String> {
    let (source, text) = match (given, host::var(TOKEN_VARIABLE)) {
        (Some(text), _) => ("--token", text),
        (None, Ok(text)) => (TOKEN_VARIABLE, text),
        (None, Err(env::VarError::NotPresent)) => return Err(format!("no token: set the variable {TOKEN_VARIABLE}")),
        (None, Err(env::VarError::NotUnicode(_))) => return Err(format!("{TOKEN_VARIABLE} is not UTF-8")),
    };
    match ApiToken::new(&text) {
        Ok(_) => Ok(text),
        Err(problem) => Err(format!("{source} {problem}")),
    }
}

/// The beginning of a Worker's URL.
pub fn url(text: &str) -> Result<Uri, String> {
    let url = calls::url(text)?;
    if !matches!(url.path_and_query().map(|it| it.as_str()), None | Some("" | "/")) || text.contains('#') {
        return Err("the Worker's URL must be without path, query and fragment: the API is at its /v1".into());
    }
    if text.contains('@') {
        return Err("the Worker's URL must not have a user".into());
    }
    if url.scheme_str() == Some("http") && !is_loopback(calls::host(&url)) {
        return Err("over http the token could be read on its way: use https".into());
    }
    Ok(url)
}

/// An SDKAppID.
pub fn sdk_app_id(text: &str) -> Result<SdkAppId, &'static str> {
    SdkAppId::parse(text).ok_or("an SDKAppID is 1 to 15 digits without a leading zero")
}

/// How long to wait for an answer.
pub fn timeout(text: &str) -> Result<Duration, &'static str> {
    seconds(text, 0.001, 3600.0).ok_or("it is a number of seconds from 0.001 to 3600")
}

/// A number of seconds from `min` to `max`.
pub fn seconds(text: &str, min: f64, max: f64) -> Option<Duration> {
    text.parse().ok().filter(|seconds| (min..=max).contains(seconds)).map(Duration::from_secs_f64)
}
