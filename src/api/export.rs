//! The export: the events that a query finds, as the lines of a file, in parts.

use super::{
    Context, cursor,
    events::{last_id, read_row},
    parameters::{App, Cursor, OrDefault, Time, ordered, parameters},
    problem::Problem,
    reply::Reply,
};
use crate::{
    database::{
        Database as _,
        event_log::{self, EventQuery, LoggedEvent, Role},
    },
    event::{EventId, UserId},
    export::{Format, Part},
    ports::Ports,
    response::Response,
    webhook::command::Kind,
};

/// The header that has the `cursor` of the next part, in each form. It is not there at the end.
const CURSOR_HEADER: &str = "next-cursor";

/// How many events one statement reads at most.
const STATEMENT_MAX: u64 = 1_000;

parameters! {
    /// Which events, in which form, and from where on.
    ExportQuery {
        app: App,
        format: OrDefault<Format>,
        kind: Option<Kind>,
        user: Option<UserId>,
        role: Option<Role>,
        since: Option<Time>,
        until: Option<Time>,
        cursor: Option<Cursor>,
    }
}

/// A part of the file.
pub struct Exported {
    format: Format,
    text: String,
    /// The `cursor` of the next part; `None` at the end.
    cursor: Option<String>,
}

impl Reply for Exported {
    fn response(self) -> Response {
        let header = self.cursor.map(|cursor| (CURSOR_HEADER, cursor.into()));
        Response { content_type: self.format.content_type(), header, ..Response::json_text(self.text) }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn schema(_: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        Some(schemars::json_schema!({ "type": "string" }))
    }
}

impl<P: Ports> Context<'_, P> {
    pub(super) async fn export_events(&self, query: ExportQuery) -> Result<Exported, Problem> {
        let ExportQuery { app: App(app), format: OrDefault(format), kind, user, role, since, until, cursor } = query;
        if role.is_some() && user.is_none() {
            return Err(Problem::BadRequest("role needs a user.".into()));
        }
        let (since, until) = ordered(since, until)?;
        let wanted = EventQuery { app, kind, user: user.map(|UserId(user)| user), role, since, until };
        // Parts of different forms do not make one file.
        let text = format!("{} {}", <&str>::from(format), wanted.text());
        let mut after = Cursor::position(cursor.as_ref(), &text, EventId::read)?;
        let mut part = Part::new(format, after.is_none());
        let (database, mut left) = (self.event_log()?, self.config.calls.plan.export_events());
        let has_next = loop {
            let limit = left.min(STATEMENT_MAX);
            // One more than wanted tells whether there are more.
            let rows = database.rows(event_log::page(&wanted, after.as_ref(), limit.saturating_add(1))).await?;
            let (page, has_next) = cursor::page::<LoggedEvent>(rows, limit);
            after = last_id(&page).or(after);
            for row in page {
                let event_time = row.event_time;
                match read_row(app, row) {
                    Some((id, Some(record))) => part.push(&id, &record),
                    Some((id, None)) => part.push_damaged(id, Some(event_time)),
                    None => {}
                }
            }
            left = left.saturating_sub(limit);
            if !has_next || left == 0 {
                break has_next;
            }
        };
        let cursor = after.filter(|_| has_next).map(|id| cursor::write(&text, id.as_str()));
        Ok(Exported { format, text: part.end(cursor.as_deref()), cursor })
    }
}
