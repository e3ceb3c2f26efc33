//! The command line, read into a [`Plan`]. A mistake in it ends the program with one clear sentence.

use std::{path::PathBuf, time::Duration};

use clap::{
    CommandFactory, Parser,
    builder::{NonEmptyStringValueParser, PossibleValuesParser},
    error::ErrorKind,
};
use http::Uri;
use unfollow_webhook::webhook::SdkAppId;

use crate::{
    calls, host,
    query::EventQuery,
    time,
    worker::{self, Credentials, Target},
};

/// What the command line asks for.
pub struct Plan {
    /// Where the Worker is: a URL without path and query.
    pub url: Uri,
    /// What opens it.
    pub credentials: Credentials,
    /// Which events.
    pub query: EventQuery,
    /// The first time, in Unix ms.
    pub since: u64,
    /// The last time, in Unix ms; `None` for no end.
    pub until: Option<u64>,
    /// How to follow the log after that; `None` to end.
    pub follow: Option<Follow>,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// How the log is followed.
pub struct Follow {
    /// How long to wait between two polls.
    pub interval: Duration,
    /// How much is read again with each poll, in ms.
    pub overlap: u64,
    /// The checkpoint file.
    pub checkpoint: PathBuf,
}

// No Debug: it would show the token.
#[derive(Parser)]
#[command(
    name = "events",
    about = "Prints the events of the Worker's event log as NDJSON, oldest first, and can follow the log",
    override_usage = "\
events --url <URL> --since <TIME> [--until <TIME>] [OPTIONS]
       events --url <URL> --since <TIME> --follow [OPTIONS]",
    after_help = "\
A TIME is in Unix ms, in RFC 3339, or how long ago: 10m, 24h, 7d. Each event is one line: its JSON as the API returns \
it. They are in the order of event_time, which is Tencent's. The Worker needs an event log: d1 in SINKS.\n\n\
With --follow, each poll reads the overlap again and leaves out what has been printed. A poll sees every event that was \
acknowledged before it, except for those that wait on the queue because D1 did not store them at once. The overlap is \
for these, and for the time from an event to Tencent's call. An event that is stored more than the overlap after its \
event_time is missed. A backend that must not miss any event uses deliveries instead: origin in SINKS.\n\n\
The checkpoint file is written after the lines. After a crash some lines may be printed again, and none is lost. The \
file belongs to one URL, app, kind, user and role, and to one program at a time. Where the Worker or the network fails, \
the call is retried.\n\n\
A poll is one request, and one more for each further thousand events of the overlap. At an --interval of 10, polls are \
8,640 requests a day; at 60, they are 1,440. The free plan has 100,000 requests a day, the webhook's own among them. The \
first reading takes one request for each thousand events, or up to two where there are more than 10,000 events.\n\n\
Exit status: 0 at the end, or when the reader of the output goes away; 1 for an error; 2 for a mistake on the command \
line."
)]
struct Args {
    #[command(flatten)]
    worker: Target,

    /// The first time; with a checkpoint file, for the first run only
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: u64,

    /// The last time; without it, there is no end
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "follow")]
    until: Option<u64>,

    /// Events of this app only; needed where the Worker has several
    #[arg(long, value_name = "SDKAPPID", value_parser = worker::sdk_app_id)]
    app: Option<SdkAppId>,

    /// Events of this kind only
    #[arg(long, value_parser = PossibleValuesParser::new(["unfollow", "follow"]))]
    kind: Option<String>,

    /// Events of this user only, as actor or target
    #[arg(long, value_name = "USERID", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,

    /// Only those in which the user has this role
    #[arg(long, value_parser = PossibleValuesParser::new(["actor", "target"]), requires = "user")]
    role: Option<String>,

    /// Go on with new events, until the program is stopped
    #[arg(long)]
    follow: bool,

    /// How long to wait between two polls
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = interval, requires = "follow")]
    interval: Duration,

    /// How much is read again with each poll, at most 7d
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = overlap, requires = "follow")]
    overlap: u64,

    /// The checkpoint file: a later run goes on where this one ended
    #[arg(long, value_name = "FILE", default_value = "events.checkpoint", requires = "follow")]
    checkpoint: PathBuf,

    /// How long to wait for a complete response
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = worker::timeout)]
    timeout: Duration,
}

/// Reads the command line; ends the program where there is a mistake in it.
pub fn read() -> Plan {
    let args: Args = host::arguments();
    let credentials = args.worker.credentials().unwrap_or_else(|message| reject(message));
    if args.until.is_some_and(|until| until < args.since) {
        reject("--since is after --until".into());
    }
    let query = EventQuery {
        url: calls::origin(&args.worker.url).to_lowercase(),
        app: args.app,
        kind: args.kind,
        user: args.user,
        role: args.role,
    };
    let follow = Follow { interval: args.interval, overlap: args.overlap, checkpoint: args.checkpoint };
    Plan {
        url: args.worker.url,
        credentials,
        query,
        since: args.since,
        until: args.until,
        follow: args.follow.then_some(follow),
        timeout: args.timeout,
    }
}

fn reject(message: String) -> ! {
    host::reject(&Args::command().error(ErrorKind::InvalidValue, message))
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    worker::seconds(text, 0.1, 86_400.0).ok_or("it is a number of seconds from 0.1 to 86400")
}

fn overlap(text: &str) -> Result<u64, &'static str> {
    time::length(text).filter(|&ms| ms <= 7 * 24 * 3_600_000).ok_or("it is a span such as 90s, 10m or 24h, at most 7d")
}
