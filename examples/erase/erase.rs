//! Goes from step to step, until nothing is left.

use serde::Deserialize;

use crate::{
    api::Api,
    args::{Plan, Search},
    calls::percent_encode,
    host,
};

/// A step of the erasure.
#[derive(Deserialize)]
struct Erased {
    deleted: u64,
    more: bool,
    /// A Worker of a version before does not say.
    search_needed: Option<bool>,
}

/// A step of the search of KV.
#[derive(Deserialize)]
struct Searched {
    deleted: u64,
    searched: u64,
    cursor: Option<String>,
}

/// Erases the user. What is left, if anything is, is said in one sentence.
pub fn run(plan: &Plan) -> Result<(), String> {
    let api = Api::new(&plan.url, &plan.credentials, plan.timeout);
    let path = format!("users/{}", plan.app);
    let user = format!("user={}", percent_encode(&plan.user));
    let mut deleted = 0;
    // A search that goes on had all this done.
    let mut search_needed = plan.cursor.is_some();
    if plan.cursor.is_none() {
        loop {
            let answer: Erased = api.call("DELETE", &format!("{path}?{user}")).map_err(|message| {
                format!("{message}\n{deleted} events and dead letters are erased; run the same command to go on")
            })?;
            deleted += answer.deleted;
            if !answer.more {
                search_needed = answer.search_needed.unwrap_or(true);
                break;
            }
            host::say(format_args!("{deleted} events and dead letters erased so far"));
        }
        host::say(format_args!("{deleted} events and dead letters erased of what the event log knows"));
    }
    match (plan.search, search_needed) {
        (Search::Auto, false) => Ok(()),
        (Search::Never, false) => Ok(()),
        (Search::Never, true) => {
            Err("KV may have records that the event log does not know of: run without --search never".into())
        }
        (Search::Auto | Search::Always, _) => search(&api, plan, &path, &user),
    }
}

fn search(api: &Api<'_>, plan: &Plan, path: &str, user: &str) -> Result<(), String> {
    let (mut deleted, mut searched) = (0, 0);
    let mut cursor = plan.cursor.clone();
    loop {
        let from = cursor.as_ref().map(|cursor| format!("&cursor={}", percent_encode(cursor))).unwrap_or_default();
        let answer: Searched = api.call("DELETE", &format!("{path}/records?{user}{from}")).map_err(|message| {
            let go_on = cursor.as_ref().map_or_else(
                || "run the same command to go on".to_owned(),
                |cursor| format!("go on with --cursor {cursor}"),
            );
            format!("{message}\n{searched} keys of KV are searched; {go_on}")
        })?;
        (deleted, searched) = (deleted + answer.deleted, searched + answer.searched);
        if answer.cursor.is_none() {
            host::say(format_args!("{searched} keys of KV searched, {deleted} records and dead letters erased there"));
            return Ok(());
        }
        if answer.cursor == cursor && answer.searched == 0 && answer.deleted == 0 {
            return Err("the search does not go on: it returned the same cursor again".into());
        }
        host::say(format_args!(
            "{searched} keys of KV searched so far, {deleted} records and dead letters erased there"
        ));
        cursor = answer.cursor;
    }
}
