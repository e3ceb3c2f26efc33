//! The command line, read into a [`Plan`]. A mistake in it ends the program with one clear sentence.

use std::time::Duration;

use clap::{CommandFactory, Parser, builder::NonEmptyStringValueParser, error::ErrorKind};
use http::Uri;
use unfollow_webhook::webhook::SdkAppId;

use crate::{
    host,
    worker::{self, Credentials, Target},
};

/// What the command line asks for.
pub struct Plan {
    /// Where the Worker is: a URL without path and query.
    pub url: Uri,
    /// What opens it.
    pub credentials: Credentials,
    /// The app.
    pub app: SdkAppId,
    /// Who is erased.
    pub user: String,
    /// Whether KV is searched: always, never, or if the Worker says that it is needed.
    pub search: Search,
    /// Where an earlier search goes on.
    pub cursor: Option<String>,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// Whether KV is searched.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Search {
    /// If the Worker says that it is needed.
    Auto,
    /// In any case.
    Always,
    /// Not at all: the program fails if it is needed.
    Never,
}

// No Debug: it would show the token.
#[derive(Parser)]
#[command(
    name = "erase",
    about = "Erases a user: every event and dead letter in which the user has a part, from the event log and from KV",
    after_help = "\
The Worker erases in steps; this program calls it until nothing is left, and says how far it has come. A step that fails \
for a moment is called again. If the program ends early, the same command goes on: the Worker knows what is left. Where \
the event log cannot know all records of KV, because it was never rebuilt or d1 is not among the sinks, KV is searched: \
that takes one KV list for each thousand keys of the app. A search that ended early goes on with the --cursor that was \
printed, or begins again.\n\n\
On the free plan KV deletes 1,000 keys a day, and an event is one. What is over that waits for midnight UTC: run the same \
command then.\n\n\
Exit status: 0 if everything is erased; 1 if not, or if that is not known; 2 for a mistake on the command line."
)]
struct Args {
    #[command(flatten)]
    worker: Target,

    /// The app, which may be one that was removed from SDK_APP_IDS
    #[arg(long, value_name = "SDKAPPID", value_parser = worker::sdk_app_id)]
    app: SdkAppId,

    /// The user, exactly
    #[arg(long, value_name = "USERID", value_parser = NonEmptyStringValueParser::new(), allow_hyphen_values = true)]
    user: String,

    /// Whether KV is searched
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    search: Search,

    /// Where an earlier search of the same app and user ended
    #[arg(long)]
    cursor: Option<String>,

    /// How long to wait for a complete response
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = worker::timeout)]
    timeout: Duration,
}

/// Reads the command line; ends the program where there is a mistake in it.
pub fn read() -> Plan {
    let Args { worker, app, user, search, cursor, timeout } = host::arguments();
    let credentials = worker
        .credentials()
        .unwrap_or_else(|message| host::reject(&Args::command().error(ErrorKind::InvalidValue, message)));
    Plan { url: worker.url, credentials, app, user, search, cursor, timeout }
}
