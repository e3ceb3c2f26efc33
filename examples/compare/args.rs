//! The command line, read into a [`Plan`]. A mistake in it ends the program with one clear sentence.

use std::time::Duration;

use clap::{CommandFactory, Parser, builder::NonEmptyStringValueParser, error::ErrorKind};
use http::Uri;
use unfollow_webhook::{
    tencent::{region::Base, user_sig::SecretKey},
    webhook::SdkAppId,
};

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
    /// Whose followers are compared.
    pub whose: Whose,
    /// Whether what is found is recorded.
    pub record: bool,
    /// Where an earlier comparison goes on.
    pub cursor: Option<String>,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// The key of the app, if this program asks Tencent itself.
    pub key: Option<Key>,
}

/// Whose followers are compared.
pub enum Whose {
    /// Those of one user.
    User(String),
    /// Those of all users of a span, as the API takes its ends.
    Span { since: String, until: String },
}

/// With what this program asks Tencent.
pub struct Key {
    pub secret: SecretKey,
    pub admin: String,
    pub base: Base,
}

// No Debug: it would show the token.
#[derive(Parser)]
#[command(
    name = "compare",
    about = "Compares who follows whom by the event log with Tencent's own data, and prints what never arrived",
    after_help = "\
Each miss is one line of JSON on standard output: actor, target, kind and event_time, and not_before for an unfollow. With \
--record they are stored as events. Without --user, all users who were actors or targets from --since to --until are \
compared: those with most events first. Take a span that is wider than the hole.\n\n\
The Worker asks Tencent, with its setting TENCENT_SECRET_KEY. If this program has a variable of that name, and \
TENCENT_REGION, it asks Tencent itself, and the Worker needs no key.\n\n\
What fails for a moment is tried again. If it ends early, nothing is lost: go on with the --cursor that was printed, or \
begin again.\n\n\
Exit status: 0 if all was compared; 1 if not; 2 for a mistake on the command line."
)]
struct Args {
    #[command(flatten)]
    worker: Target,

    /// The app
    #[arg(long, value_name = "SDKAPPID", value_parser = worker::sdk_app_id)]
    app: SdkAppId,

    /// Whose followers are compared
    #[arg(long, value_name = "USERID", value_parser = NonEmptyStringValueParser::new(), allow_hyphen_values = true)]
    user: Option<String>,

    /// When the span begins: Unix ms, RFC 3339, or how long ago, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "user", default_value = "24h")]
    since: String,

    /// When the span ends
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "user", default_value = "0s")]
    until: String,

    /// Stores what is found as events
    #[arg(long)]
    record: bool,

    /// Where an earlier comparison of the same users ended; not with a key of this program's own
    #[arg(long)]
    cursor: Option<String>,

    /// How long to wait for a complete response
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = worker::timeout)]
    timeout: Duration,
}

/// A time as the API takes it.
fn time(text: &str) -> Result<String, String> {
    let ago = text.find(|c: char| !c.is_ascii_digit()).map(|at| text.split_at(at));
    let unit_ms = match ago {
        Some((_, "s")) => 1_000,
        Some((_, "m")) => 60_000,
        Some((_, "h")) => 3_600_000,
        Some((_, "d")) => 86_400_000,
        // The API says what is wrong with any other.
        _ => return Ok(text.to_owned()),
    };
    let count: Option<u64> = ago.and_then(|(count, _)| count.parse().ok());
    let count = count.filter(|count| *count <= 100_000).ok_or("how long ago is a number and s, m, h or d")?;
    Ok(host::now().saturating_sub(count * unit_ms).to_string())
}

/// With what Tencent is asked, if the environment says it.
fn key(app: SdkAppId) -> Result<Option<Key>, String> {
    let get = |name: &str| host::var(name).ok().filter(|text| !text.is_empty());
    let name = "TENCENT_SECRET_KEY";
    let Some(secret) = get(&format!("{name}_{app}")).or_else(|| get(name)) else { return Ok(None) };
    let secret = SecretKey::new(secret).map_err(|rule| format!("{name} {rule}"))?;
    let region = get("TENCENT_REGION").ok_or("TENCENT_REGION must be set to the region of the app")?;
    let base = Base::read(&region, |_| None).map_err(|rule| format!("TENCENT_REGION {rule}"))?;
    let admin = get("TENCENT_ADMIN").unwrap_or_else(|| "administrator".to_owned());
    Ok(Some(Key { secret, admin, base }))
}

/// Reads the command line; ends the program where there is a mistake in it.
pub fn read() -> Plan {
    let Args { worker, app, user, since, until, record, cursor, timeout } = host::arguments();
    let fail = |message: String| -> ! { host::reject(&Args::command().error(ErrorKind::InvalidValue, message)) };
    let credentials = worker.credentials().unwrap_or_else(|message| fail(message));
    let key = key(app).unwrap_or_else(|message| fail(message));
    if key.is_some() && (user.is_none() || cursor.is_some()) {
        fail(
            "with a key of its own, this program compares one --user, from the beginning: without --cursor".to_owned(),
        );
    }
    let whose = user.map_or(Whose::Span { since, until }, Whose::User);
    Plan { url: worker.url, credentials, app, whose, record, cursor, timeout, key }
}
