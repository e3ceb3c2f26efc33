//! Has the Worker compare, from step to step.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::Api,
    args::{Plan, Whose},
    calls::percent_encode,
    host,
};

/// A step, as far as it is shown.
#[derive(Deserialize)]
struct Compared {
    checked: u64,
    missed_unfollows: Vec<Map<String, Value>>,
    missed_follows: Vec<Map<String, Value>>,
    unknown_to_log: u64,
    undecided: u64,
    recorded: u64,
    calls: u64,
    progress: Option<Progress>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Progress {
    users: u64,
    users_left: u64,
}

/// What was found so far.
#[derive(Default)]
pub struct Sums {
    pub checked: u64,
    pub missed: u64,
    pub unknown_to_log: u64,
    pub undecided: u64,
    pub recorded: u64,
    pub calls: u64,
}

impl Sums {
    /// What was found, in words.
    pub fn text(&self) -> String {
        let Self { checked, missed, unknown_to_log, undecided, recorded, calls } = self;
        format!(
            "{checked} relations compared by {calls} calls of Tencent's API: {missed} missed, {recorded} recorded, \
             {unknown_to_log} older than the log, {undecided} undecided"
        )
    }
}

/// Prints a miss. Without a reader, as behind `| head`, it is recorded all the same.
pub fn print(mut miss: Map<String, Value>) -> Result<(), String> {
    let kind = if miss.contains_key("not_before") { "unfollow" } else { "follow" };
    miss.insert("kind".to_owned(), kind.into());
    let printed = host::print(&format!("{}\n", Value::Object(miss)));
    printed.or_else(|error| host::output_error(&error).map_or(Ok(()), Err))
}

/// Compares to the end. Why that failed, and how to go on, is said in one message.
pub fn run(plan: &Plan) -> Result<(), String> {
    let api = Api::new(&plan.url, &plan.credentials, plan.timeout);
    let record = plan.record;
    let path = match &plan.whose {
        Whose::User(user) => format!("users/{}/compare?user={}&record={record}", plan.app, percent_encode(user)),
        Whose::Span { since, until } => {
            let (since, until) = (percent_encode(since), percent_encode(until));
            format!("compare?app={}&since={since}&until={until}&record={record}", plan.app)
        }
    };
    let (mut sums, mut users) = (Sums::default(), 0);
    let mut cursor = plan.cursor.clone();
    loop {
        let from = cursor.as_ref().map(|cursor| format!("&cursor={}", percent_encode(cursor))).unwrap_or_default();
        let step: Compared = api.call("POST", &format!("{path}{from}")).map_err(|message| {
            let go_on = match (&plan.whose, &cursor) {
                // The span of the cursor ends at a time that another command does not repeat.
                (Whose::Span { since, until }, Some(cursor)) => {
                    format!("go on with --since {since} --until {until} --cursor {cursor}")
                }
                (Whose::User(_), Some(cursor)) => format!("go on with --cursor {cursor}"),
                (_, None) => "run the same command again".to_owned(),
            };
            format!("{message}\n{}; {go_on}", sums.text())
        })?;
        sums.checked += step.checked;
        sums.missed += (step.missed_follows.len() + step.missed_unfollows.len()) as u64;
        sums.unknown_to_log += step.unknown_to_log;
        sums.undecided += step.undecided;
        sums.recorded += step.recorded;
        sums.calls += step.calls;
        step.missed_follows.into_iter().chain(step.missed_unfollows).try_for_each(print)?;
        let left = match step.progress {
            None => String::new(),
            Some(progress) => {
                users += progress.users;
                format!("{users} users done and {} to come; ", progress.users_left)
            }
        };
        host::say(format_args!("{left}{}", sums.text()));
        if step.cursor.is_none() {
            return Ok(());
        }
        cursor = step.cursor;
    }
}
