//! The one table of operations: their methods, paths and parameters, what they return, and what they cost. The enum, the
//! routing, the calls of the handlers and the schemas of `page/openapi.json` are written from it, and `docs/api.md` is tested
//! against it.

use futures_util::FutureExt as _;
use strum::{IntoStaticStr, VariantArray};

use super::{
    AppList, Context, Status,
    alert_messages::TestedAlerts,
    alerts::{AlertList, AlertsQuery},
    calls::{Calls, CallsQuery},
    comparison::{
        CompareQuery, CompareUserQuery, Compared, FollowerPage, ListFollowersQuery, RecordMissedQuery, RecordedMissed,
    },
    dead_letters::{
        DeadLetterId, DeadLetterPage, ListDeadLettersQuery, ReplayDeadLettersQuery, Replayed, ReplayedSome,
        WholeDeadLetter,
    },
    deliveries::{DeliveryPage, ListDeliveriesQuery},
    erasure::{EraseRecordsQuery, EraseUserQuery, Erased, ErasedRecords},
    events::{EventPage, EventRecord, ListEventsQuery},
    export::{ExportQuery, Exported},
    parameters::{App, AppOrNone, KnownApps, Query, Segment, Texts},
    problem::Problem,
    reindex::{ReindexQuery, Reindexed},
    reply::{NoContent, Reply},
    stats::{Stats, StatsQuery},
    users::{ReadUserQuery, Top, TopQuery, User},
};
use crate::{
    event::EventId,
    ports::Ports,
    response::Response,
    webhook::{SdkAppId, query::percent_decode},
};

/// What an operation does to what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Reads,
    /// It stores, deletes or sends something.
    Changes,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The method. An operation with GET has HEAD too.
    pub method: &'static str,
    /// The path behind [`PREFIX`](super::PREFIX); a segment in braces stands for any text.
    pub path: &'static str,
    /// The names of the parameters of its query.
    pub parameters: &'static [&'static str],
    /// Whether it changes something.
    pub access: Access,
    /// What it costs at Cloudflare besides the request: the sentence that begins with "Costs" in the description.
    #[cfg(not(target_arch = "wasm32"))]
    pub cost: &'static str,
}

/// One segment of a path, as [`Row::path`] has it.
macro_rules! segment {
    ({$name:ident: $type:ty}) => {
        concat!("{", stringify!($name), "}")
    };
    ($literal:literal) => {
        $literal
    };
}

/// Writes the table as rows, and from them [`Operation`], its rows, the calls of the handlers, and the parts of the
/// description. A row is
///
/// `Name: METHOD ["literal" {placeholder: Type}] ? Query => handler -> Reply, Access, "cost";`
///
/// where `? Query` is left out if there are no parameters.
macro_rules! operations {
    ($(
        $(#[$doc:meta])*
        $operation:ident: $method:ident [$first:literal $($segment:tt)*] $(? $query:ty)? => $handler:ident -> $reply:ty,
            $access:ident, $cost:literal;
    )+) => {
        /// What can be asked of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum Operation {
            $($(#[$doc])* $operation,)+
        }

        impl Operation {
            /// This operation's row of the table.
            #[must_use]
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$operation => &Row {
                        method: stringify!($method),
                        path: concat!($first $(, "/", segment!($segment))*),
                        parameters: operations!(@names $($query)?),
                        access: Access::$access,
                        #[cfg(not(target_arch = "wasm32"))]
                        cost: $cost,
                    },)+
                }
            }
        }

        impl<P: Ports> Context<'_, P> {
            /// Performs an operation that was found for this path, behind its prefix.
            pub(super) async fn perform(
                &self,
                operation: Operation,
                path: &str,
                query: &str,
            ) -> Result<Response, Problem> {
                let removed = self.removed_app(asked_app(operation.row(), path, query)).boxed_local().await?;
                let apps = KnownApps { settings: self.settings, removed };
                let mut texts = placeholders(operation.row().path, path);
                match operation {
                    $(Operation::$operation => {
                        let reply: $reply =
                            operations!(@call self, apps, $handler, texts, query, [] $($segment)* $(? $query)?).await?;
                        Ok(reply.response())
                    })+
                }
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl Operation {
            /// The schemas of its parameters and of its response.
            pub(super) fn schemas(self, generator: &mut schemars::SchemaGenerator) -> super::description::Schemas {
                match self {
                    $(Self::$operation => super::description::Schemas {
                        path: operations!(@schemas generator, [] $($segment)*),
                        query: { let none = Vec::new(); [none $(, <$query as Query>::schemas(generator))?].concat() },
                        reply: <$reply as Reply>::schema(generator),
                    },)+
                }
            }
        }
    };

    (@names) => {
        &[]
    };
    (@names $type:ty) => {
        <$type as Query>::NAMES
    };

    (@call $self:ident, $apps:ident, $handler:ident, $texts:ident, $query:ident, [$($read:tt)*]
        {$name:ident: $type:ty} $($rest:tt)*) => {
        operations!(@call $self, $apps, $handler, $texts, $query, [$($read)*
            <$type as Segment>::read($texts.next().unwrap_or_default(), &$apps)?,] $($rest)*)
    };
    (@call $self:ident, $apps:ident, $handler:ident, $texts:ident, $query:ident, [$($read:tt)*]
        $literal:literal $($rest:tt)*) => {
        operations!(@call $self, $apps, $handler, $texts, $query, [$($read)*] $($rest)*)
    };
    (@call $self:ident, $apps:ident, $handler:ident, $texts:ident, $query:ident, [$($read:tt)*] ? $type:ty) => {
        $self.$handler($($read)* <$type as Query>::read($query, &$apps)?)
    };
    (@call $self:ident, $apps:ident, $handler:ident, $texts:ident, $query:ident, [$($read:tt)*]) => {{
        Texts::read($query, &[])?;
        $self.$handler($($read)*)
    }};

    (@schemas $generator:ident, [$($schema:tt)*] {$name:ident: $type:ty} $($rest:tt)*) => {
        operations!(@schemas $generator, [$($schema)*
            (stringify!($name), $generator.subschema_for::<$type>()),] $($rest)*)
    };
    (@schemas $generator:ident, [$($schema:tt)*] $literal:literal $($rest:tt)*) => {
        operations!(@schemas $generator, [$($schema)*] $($rest)*)
    };
    (@schemas $generator:ident, [$($schema:tt)*]) => {
        vec![$($schema)*]
    };
}

operations! {
    /// Which apps are ours.
    ListApps: GET ["apps"] => list_apps -> AppList, Reads,
        "at most 20 rows read of D1 for each app, and 10 more";
    /// A part of the file that has all events of a query.
    ExportEvents: GET ["export"] ? ExportQuery => export_events -> Exported, Reads,
        "1 row read of D1 for each event of the part, 2 with `user`, and 13 at most besides";
    /// A page of events.
    ListEvents: GET ["events"] ? ListEventsQuery => list_events -> EventPage, Reads,
        "1 row read of D1 for each event on the page, 2 with `user`, and 3 at most if there is none";
    /// One event with its query, its body and its delivery.
    ReadEvent: GET ["events" {app: App} {id: EventId}] => read_event -> EventRecord, Reads,
        "at most 7 rows read of D1, and 1 KV read if the event log does not have the whole event";
    /// One event is erased.
    EraseEvent: DELETE ["events" {app: App} {id: EventId}] => erase_event -> NoContent, Changes,
        "4 KV reads, 1 KV delete for the record and each dead letter, and in D1 20 rows read and 9 written; each target after the \
         first is 5 and 2 more";
    /// One event is sent to the origin again.
    ReplayEvent: POST ["events" {app: App} {id: EventId} "replay"] => replay_event -> Replayed, Changes,
        "what reading the event costs, and 1 queue message: 3 queue operations until it is delivered";
    /// Unfollows and follows per hour or day.
    Stats: GET ["stats"] ? StatsQuery => stats -> Stats, Reads,
        "1 row read of D1 for each hour of the range that has events, and at most 2 with `user`";
    /// The totals of a user.
    ReadUser: GET ["users" {app: App}] ? ReadUserQuery => read_user -> User, Reads,
        "about 100 rows read of D1 at most for all time; for a range, 1 for each event of the user in it, and 30 more";
    /// Who follows a user as far as the log knows.
    ListFollowers: GET ["users" {app: App} "followers"] ? ListFollowersQuery => list_followers -> FollowerPage, Reads,
        "5 rows read of D1 for each follow of the user on the page, 1 more for each later event of the same actor, and 100 at most besides";
    /// The log is compared with Tencent's own data about who follows a user, in steps.
    CompareUser: POST ["users" {app: App} "compare"] ? CompareUserQuery => compare_user -> Compared, Changes,
        "at most 20 calls of Tencent's API a step, and in D1 5 rows read for each relation, 1 more for each later event of the same \
         actor, and 100 at most besides; with `record`, for each miss 1 KV write and 10 rows written of D1";
    /// A follow or an unfollow that never arrived is recorded.
    RecordMissed: POST ["users" {app: App} "missed"] ? RecordMissedQuery => record_missed -> RecordedMissed, Changes,
        "1 KV write, 1 KV list, and in D1 10 rows written and some 130 read";
    /// The log is compared with Tencent's own data about all users of a span, in steps.
    Compare: POST ["compare"] ? CompareQuery => compare -> Compared, Changes,
        "what comparing each user costs, 20 calls of Tencent's API a step at most, and 2 rows read of D1 for each event of the span, once \
         for every 50 users";
    /// All that a user has a part in is erased, in steps.
    EraseUser: DELETE ["users" {app: App}] ? EraseUserQuery => erase_user -> Erased, Changes,
        "at most 50 operations on KV and D1 a step (1,000 on the paid plan), and in D1 what erasing the events one by one costs";
    /// Records and dead letters in KV that a user has a part in are searched for and erased, in steps.
    EraseRecords: DELETE ["users" {app: App} "records"] ? EraseRecordsQuery => erase_records -> ErasedRecords, Changes,
        "1 KV list for each 1,000 keys, up to 2,000 keys a step (20,000 on the paid plan), 1 KV read for each dead letter and each record whose \
         metadata does not have all users, and 1 KV delete for each that is deleted";
    /// Who lost or gained most.
    Top: GET ["top"] ? TopQuery => top -> Top, Reads,
        "2 rows read of D1 for an answer that is there, and otherwise 4 at most for each hour and user who was unfollowed or \
         followed in it, and 1 row written if there are 200 or more of these";
    /// How far deliveries have come.
    ListDeliveries: GET ["deliveries"] ? ListDeliveriesQuery => list_deliveries -> DeliveryPage, Reads,
        "1 row read of D1 for each delivery on the page, and at most 10 more";
    /// How many webhook calls there were.
    Calls: GET ["calls"] ? CallsQuery => calls -> Calls, Reads,
        "1 row read of D1 for each count of the range, and some 30 for each app at most";
    /// What is wrong, and what to do.
    Alerts: GET ["alerts"] ? AlertsQuery => list_alerts -> AlertList, Reads,
        "for each app some 100 rows read of D1 where nothing is wrong, and 1,300 at most; and some 40 more at most once a minute for each isolate";
    /// A test message to each place where messages about alerts go.
    TestAlerts: POST ["alerts" "test"] => test_alerts -> TestedAlerts, Changes, "1 request to each target";
    /// What the Worker is and does.
    Status: GET ["status"] => status -> Status, Reads,
        "1 row read of D1, and some 40 more at most once a minute for each isolate; with `ALERT_URLS`, 1 more and 1 KV read";
    /// Some events are read from KV into the event log.
    Reindex: POST ["reindex"] ? ReindexQuery => reindex -> Reindexed, Changes,
        "1 or 2 KV lists, 1 KV read for each key, 1 KV write for each that lacks its metadata, and 6 rows written of D1 for each event \
         that the log lacks, or 1 if it differs";
    /// A page of dead letters.
    ListDeadLetters: GET ["dead-letters"] ? ListDeadLettersQuery => list_dead_letters -> DeadLetterPage, Reads,
        "1 KV list";
    /// One dead letter with its event.
    ReadDeadLetter: GET ["dead-letters" {app: AppOrNone} {id: DeadLetterId}] => read_dead_letter -> WholeDeadLetter, Reads,
        "1 KV read";
    /// Some dead letters go back on the queue.
    ReplayDeadLetters: POST ["dead-letters" {app: App} "replay"] ? ReplayDeadLettersQuery
            => replay_dead_letters -> ReplayedSome, Changes,
        "1 KV list, up to 25 KV reads (125 on the paid plan), and for each dead letter that is replayed 1 KV write, 1 \
         KV delete at its end, and 1 queue message: 3 queue operations until it is delivered";
    /// One dead letter goes back on the queue.
    ReplayDeadLetter: POST ["dead-letters" {app: AppOrNone} {id: DeadLetterId} "replay"]
            => replay_dead_letter -> Replayed, Changes,
        "1 KV read, 1 KV write, 1 KV delete at its end, and 1 queue message: 3 queue operations until it is delivered";
    /// One dead letter is discarded.
    DiscardDeadLetter: DELETE ["dead-letters" {app: AppOrNone} {id: DeadLetterId}]
            => discard_dead_letter -> NoContent, Changes,
        "1 KV delete, and in D1 2 rows read and 2 written";
}

impl Operation {
    /// The operation of this method and path (behind [`PREFIX`](super::PREFIX)). Where several paths fit, a literal segment wins
    /// over a placeholder: what is not allowed there is not an operation on an id that reads like the literal.
    ///
    /// # Errors
    /// [`Problem::NotFound`] if no path fits, and [`Problem::Method`] if its operations have other methods.
    pub(super) fn find(method: &str, path: &str) -> Result<Self, Problem> {
        let fitting = || Self::VARIANTS.iter().filter_map(|it| Some((*it, fit(it.row().path, path)?)));
        let best = fitting().map(|(_, literals)| literals).max().ok_or(Problem::NotFound)?;
        let method = if method == "HEAD" { "GET" } else { method };
        let mut allowed = Vec::new();
        for (operation, _) in fitting().filter(|(_, literals)| *literals == best) {
            let row = operation.row();
            if row.method == method {
                return Ok(operation);
            }
            allowed.push(row.method);
            allowed.extend((row.method == "GET").then_some("HEAD"));
        }
        Err(Problem::Method(allowed.join(", ")))
    }
}

fn is_placeholder(segment: &str) -> bool {
    segment.starts_with('{')
}

/// Which segments of a template that fits `path` are literals, the first one first; `None` if it does not fit.
fn fit(template: &str, path: &str) -> Option<Vec<bool>> {
    let mut segments = path.split('/');
    let mut literals = Vec::new();
    for wanted in template.split('/') {
        let is_literal = !is_placeholder(wanted);
        if segments.next()? != wanted && is_literal {
            return None;
        }
        literals.push(is_literal);
    }
    segments.next().is_none().then_some(literals)
}

/// The app that a call names, in its path or its query.
fn asked_app(row: &Row, path: &str, query: &str) -> Option<SdkAppId> {
    let mut of_path = row.path.split('/').zip(path.split('/')).filter(|(wanted, _)| *wanted == "{app}");
    let of_path = of_path.next().map(|(_, text)| text);
    let parameter = || query.split('&').find_map(|parameter| parameter.strip_prefix("app="));
    let of_query = || row.parameters.contains(&"app").then(parameter).flatten();
    SdkAppId::parse(&percent_decode(of_path.or_else(of_query)?)?)
}

/// The segments of `path` that stand where the template has placeholders.
fn placeholders<'a>(template: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    template.split('/').zip(path.split('/')).filter(|(wanted, _)| is_placeholder(wanted)).map(|(_, segment)| segment)
}
