//! The command line, read into a [`Plan`]. A mistake in it ends the program with one clear sentence.

use std::{env, time::Duration};

use clap::{
    CommandFactory, Parser,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};
use unfollow_webhook::webhook::{SdkAppId, auth::CallbackToken, command::Kind};

use crate::{
    call::{Content, Template, WebhookUrl},
    day::{Day, Mix},
    host, time,
};

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
       send --url <URL> --app <SDKAPPID> --users <N> --count <N> --spread <SPAN> [OPTIONS]
       send --url <URL> --probe [OPTIONS]",
    after_help = "\
The call is signed if there is a token. A response is OK if its status is 200 and its body is JSON with \
ActionStatus \"OK\" and ErrorCode 0.\n\n\
Every call is a different event. Its EventTime is now, unless --event-time or --spread says otherwise, and at least 1 ms \
after that of the call before it. Without --users, the UserIDs are the same in all calls. The same command sends the same \
users and kinds again.\n\n\
A day of a small app: --users 500 --count 1000 --mix follow=3,unfollow=1 --spread 24h\n\n\
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
    #[arg(long, default_value = "unfollow", value_parser = kind(), conflicts_with = "mix")]
    kind: Kind,

    /// UserID of the actor
    #[arg(long, value_name = "USERID", value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present_any = ["probe", "users"], conflicts_with = "probe")]
    from: Option<String>,

    /// UserIDs of the targets, separated by commas; Tencent sends up to 20, but more are allowed here
    #[arg(long, value_name = "USERID,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present_any = ["probe", "users"], conflicts_with = "probe")]
    to: Vec<String>,

    /// Draw actor and targets, where they are not given, from N users, user-1 to user-N; the first are the most popular
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000_000), conflicts_with = "probe")]
    users: Option<u32>,

    /// Send follows and unfollows, so many to so many, such as follow=3,unfollow=1
    #[arg(long, value_name = "MIX", value_parser = Mix::parse, conflicts_with = "probe")]
    mix: Option<Mix>,

    /// EventTime: Unix ms, RFC 3339, or how long ago it is (10m, 24h, 7d); with --spread, that of the last event
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "probe")]
    event_time: Option<u64>,

    /// Spread the events over this long before now or --event-time, such as 24h: few at night, many in the evening (UTC)
    #[arg(long, value_name = "SPAN", value_parser = spread, conflicts_with = "probe")]
    spread: Option<u64>,

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
    let args: Args = host::arguments();
    let token = token(args.token).unwrap_or_else(|message| reject(ErrorKind::InvalidValue, message));
    if args.age != 0 && token.is_none() {
        reject(ErrorKind::MissingRequiredArgument, "--age needs a token: an unsigned call has no RequestTime".into());
    }
    let content = if args.probe {
        Content::Probe(args.kind)
    } else {
        Content::from(Day {
            from: args.from,
            to: args.to,
            users: args.users.unwrap_or_default(),
            mix: args.mix.unwrap_or(Mix::only(args.kind)),
            count: args.count,
            // The times that a run is spread over do not move on while it lasts.
            until: args.event_time.or(args.spread.map(|_| host::now())),
            spread: args.spread,
        })
    };
    Plan {
        url: args.url,
        template: Template { app: args.app, token, platform: args.platform, age_seconds: args.age, content },
        count: args.count,
        concurrency: args.concurrency.into(),
        timeout: args.timeout,
    }
}

fn reject(kind: ErrorKind, message: String) -> ! {
    host::reject(&Args::command().error(kind, message))
}

/// The token, if there is one. An empty one is a mistake, never "no token": anyone could sign with it.
fn token(given: Option<String>) -> Result<Option<CallbackToken>, String> {
    let (source, text) = match (given, host::var(TOKEN_VARIABLE)) {
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

/// In ms.
fn spread(text: &str) -> Result<u64, &'static str> {
    let ms = time::length(text).filter(|ms| (1..=366 * 24 * 3_600_000).contains(ms));
    ms.ok_or("it is a span such as 90s, 10m, 24h or 7d, at most 366d")
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("it is a number of seconds from 0.001 to 3600")
}
