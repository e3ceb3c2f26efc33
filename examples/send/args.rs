//! The command line, read into a [`Plan`]. A mistake in it ends the program with one clear sentence.

use std::{env, time::Duration};

use clap::{
    CommandFactory, Parser,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};
use unfollow_webhook::webhook::{SdkAppId, auth::CallbackToken, command::Kind};

use crate::call::{Accounts, Template, WebhookUrl};

/// The variable for the token, which is then neither in the shell's history nor in the list of processes.
const TOKEN_VARIABLE: &str = "CALLBACK_TOKEN";

/// What the command line asks for.
pub struct Plan {
    /// Where the calls go.
    pub url: WebhookUrl,
    /// What every call has in common.
    pub template: Template,
    /// How many calls to send; at least 1.
    pub count: u64,
    /// How many of them at a time; at least 1.
    pub concurrency: usize,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

// No Debug: it would show the token.
#[derive(Parser)]
#[command(
    name = "send",
    about = "Sends Follow webhooks as Tencent Cloud Chat would",
    override_usage = "\
send --url <URL> --app <SDKAPPID> --from <USERID> --to <USERID,…> [OPTIONS]
       send --url <URL> --probe [OPTIONS]",
    after_help = "\
The call is signed if there is a token. A response is OK if its status is 200 and its body is JSON with \
ActionStatus \"OK\" and ErrorCode 0.\n\n\
Every call is a different event. Its EventTime is now, and at least 1 ms after that of the call before it. The UserIDs \
are the same in all calls.\n\n\
Exit status: 0 if every response is OK, 1 if not, 2 for a mistake on the command line."
)]
struct Args {
    /// The webhook's URL as it is registered in the Chat console: with a path or without, never with a query
    #[arg(long, value_parser = WebhookUrl::parse)]
    url: WebhookUrl,

    /// The app's SDKAppID
    #[arg(long, value_name = "SDKAPPID", value_parser = sdk_app_id, required_unless_present = "probe")]
    app: Option<SdkAppId>,

    /// Callback token of the console's webhook authentication; better given as the variable CALLBACK_TOKEN
    // A text, because clap's errors quote what its own parsers reject.
    #[arg(long)]
    token: Option<String>,

    /// What happened
    #[arg(long, default_value = "unfollow", value_parser = kind())]
    kind: Kind,

    /// UserID of the actor
    #[arg(long, value_name = "USERID", value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present = "probe", conflicts_with = "probe")]
    from: Option<String>,

    /// UserIDs of the targets, separated by commas; Tencent sends up to 20, but more are allowed here
    #[arg(long, value_name = "USERID,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present = "probe", conflicts_with = "probe")]
    to: Vec<String>,

    /// OptPlatform: the platform of the actor
    #[arg(long, default_value = "RESTAPI", conflicts_with = "probe")]
    platform: String,

    /// Send what the console sends to check a URL: the command, Sign and RequestTime, the app only if given, and
    /// an empty body. The receiver stores nothing
    #[arg(long)]
    probe: bool,

    /// Age of RequestTime in seconds, negative for the future; a receiver rejects more than 60 either way
    #[arg(long, value_name = "SECONDS", default_value = "0", allow_negative_numbers = true)]
    #[arg(hide_default_value = true)]
    age: i32,

    /// How many calls to send
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// How many calls to send at a time, at most 256
    #[arg(long, value_name = "C", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,

    /// How long to wait for a complete response; Tencent waits 2 seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = timeout)]
    timeout: Duration,
}

/// Reads the command line; ends the program where there is a mistake in it.
pub fn read() -> Plan {
    let args = Args::parse();
    let token = token(args.token).unwrap_or_else(|message| reject(ErrorKind::InvalidValue, message));
    if args.age != 0 && token.is_none() {
        reject(ErrorKind::MissingRequiredArgument, "--age needs a token: an unsigned call has no RequestTime".into());
    }
    let accounts = args.from.map(|from| Accounts { from, to: args.to });
    Plan {
        url: args.url,
        template: Template::new(args.app, token, args.kind, args.platform, args.age, accounts),
        count: args.count,
        concurrency: args.concurrency.into(),
        timeout: args.timeout,
    }
}

fn reject(kind: ErrorKind, message: String) -> ! {
    Args::command().error(kind, message).exit()
}

/// The token, if there is one. An empty one is a mistake, never "no token": anyone could sign with it.
fn token(given: Option<String>) -> Result<Option<CallbackToken>, String> {
    let (source, text) = match (given, env::var(TOKEN_VARIABLE)) {
        (Some(text), _) => ("--token", text),
        (None, Ok(text)) => (TOKEN_VARIABLE, text),
        (None, Err(env::VarError::NotPresent)) => return Ok(None),
        (None, Err(env::VarError::NotUnicode(_))) => return Err(format!("{TOKEN_VARIABLE} is not UTF-8")),
    };
    CallbackToken::new(text).map(Some).map_err(|problem| format!("{source} {problem}"))
}

fn sdk_app_id(text: &str) -> Result<SdkAppId, &'static str> {
    SdkAppId::parse(text).ok_or("an SDKAppID is 1 to 15 digits without a leading zero")
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(["unfollow", "follow"]).map(|name| match name.as_str() {
        "follow" => Kind::Follow,
        _ => Kind::Unfollow,
    })
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("it is a number of seconds from 0.001 to 3600")
}
