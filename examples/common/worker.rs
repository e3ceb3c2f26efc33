//! The command line of programs that call a Worker's API.

use std::{env, time::Duration};

use http::Uri;
use unfollow_webhook::{api_token::ApiToken, routes::is_loopback, webhook::SdkAppId};

use crate::{calls, host};

/// The variable for the token, which is then neither in the shell's history nor in the list of processes.
const TOKEN_VARIABLE: &str = "ADMIN_TOKEN";

/// The token, if it is a valid one.
fn token(given: Option<String>) -> Result<String, String> {
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

/// The variables of a service token of Cloudflare Access, as wrangler names them, and the headers that carry it.
const ACCESS: [(&str, &str); 2] = [
    ("CLOUDFLARE_ACCESS_CLIENT_ID", "cf-access-client-id"),
    ("CLOUDFLARE_ACCESS_CLIENT_SECRET", "cf-access-client-secret"),
];

/// What opens a Worker to a program.
pub struct Credentials {
    authorization: String,
    /// None, or both headers of [`ACCESS`].
    access: Vec<(&'static str, String)>,
}

impl Credentials {
    /// With a token that was given on the command line, or with that of the environment.
    fn read(token: Option<String>) -> Result<Self, String> {
        let authorization = format!("Bearer {}", self::token(token)?);
        let mut access = Vec::new();
        for (variable, header) in ACCESS {
            match host::var(variable) {
                Ok(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    access.push((header, text));
                }
                Err(env::VarError::NotPresent) => {}
                _ => return Err(format!("{variable} has to be visible ASCII characters")),
            }
        }
        if access.len() == 1 {
            let [(id, _), (secret, _)] = ACCESS;
            return Err(format!("a service token of Cloudflare Access is in both {id} and {secret}"));
        }
        Ok(Self { authorization, access })
    }

    /// The headers of a call.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let access = self.access.iter().map(|(name, value)| (*name, value.as_str()));
        std::iter::once(("authorization", self.authorization.as_str())).chain(access).collect()
    }
}

/// What a response that is not in the API's form may be, for an error message.
pub fn not_the_apis(status: u16) -> String {
    let cause = match status {
        301..=303 | 307 | 308 | 401 | 403 => {
            "is this the Worker's URL, and does Cloudflare Access let this program in?"
        }
        _ => "is this the Worker's URL?",
    };
    format!("HTTP {status}, but not in the API's form: {cause}")
}

/// The options of a program that calls a Worker's API: where that is, and what opens it.
// No Debug: it would show the token.
#[derive(clap::Args)]
pub struct Target {
    /// Where the Worker is: the beginning of its URL, without a path
    #[arg(long, value_parser = url)]
    pub url: Uri,

    /// The API's ADMIN_TOKEN; better given as the variable of this name
    // A text, because clap's errors quote what its own parsers reject.
    #[arg(long)]
    token: Option<String>,
}

impl Target {
    /// What opens it.
    pub fn credentials(&self) -> Result<Credentials, String> {
        Credentials::read(self.token.clone())
    }
}

/// The beginning of a Worker's URL.
fn url(text: &str) -> Result<Uri, String> {
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
