//! The schemas of `page/openapi.json`, written from the types of the API. Only a native test needs them; the Worker serves the
//! file.

use std::borrow::Cow;

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema, transform::transform_subschemas,
};
use serde_json::{Map, Value};
use strum::VariantArray;

use super::{
    Operation, PREFIX,
    access::CallerRole,
    comparison::{RecordOutcome, Recording},
    dead_letters::DeadLetterId,
    deliveries::{FailureWord, HttpStatus, ShownState},
    parameters::{App, AppOrNone, Cursor, HourStart, Limit, Parameter, Time},
    problem::Body,
    range::BucketSize,
};
use crate::{
    alerts::{AlertKind, Severity, notify::service::Service, text::Language},
    config::InvalidSetting,
    database::{call_counts::CallOutcome, deliveries::State, event_log::Role, rankings::Measure},
    delivery::{dead_letter, failure::Failure},
    encoding::{StoredWord, UNKNOWN, UnixMs, Word},
    event::{EventId, Source, UserId, id::EVENT_TIME_MAX},
    export::Format,
    outgoing::OutgoingError,
    plan::Plan,
    sink::Sink,
    webhook::{SdkAppId, command::Kind},
};

/// What an operation takes and returns.
pub(super) struct Schemas {
    /// The placeholders of the path, with the schemas of what stands for them.
    pub path: Vec<(&'static str, Schema)>,
    /// The parameters of the query.
    pub query: Vec<ParameterSchema>,
    /// The response's body, if it has one.
    pub reply: Option<Schema>,
}

/// A parameter of a query.
#[derive(Clone)]
pub struct ParameterSchema {
    name: &'static str,
    is_required: bool,
    schema: Schema,
}

impl ParameterSchema {
    /// The parameter of this name and type.
    pub(super) fn of<T: Parameter>(name: &'static str, generator: &mut SchemaGenerator) -> Self {
        let mut schema = generator.subschema_for::<T::Values>();
        if let Some(word) = T::default_word() {
            schema.insert("default".to_owned(), word.into());
        }
        Self { name, is_required: T::IS_REQUIRED, schema }
    }
}

/// Writes into the description of the API what the types say: `components.schemas`, the parameters of each operation with their
/// schemas, and the schema of its response. The prose and the examples of parameters and operations stay as they are.
///
/// # Errors
/// What the description lacks, as a sentence.
pub fn describe(document: &mut Value) -> Result<(), String> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = Cow::Borrowed("/components/schemas");
        settings.contract = schemars::generate::Contract::Serialize;
    });
    let generator = &mut settings.into_generator();
    for &operation in Operation::VARIANTS {
        let row = operation.row();
        let path = format!("{PREFIX}{}", row.path);
        let schemas = operation.schemas(generator);
        let Schemas { path: of_path, query, reply } = schemas;
        let of_path = of_path.into_iter().map(|(name, schema)| (name, "path", true, schema));
        let of_query = query.into_iter().map(|it| (it.name, "query", it.is_required, it.schema));
        let method = row.method.to_ascii_lowercase();
        for (name, location, is_required, schema) in of_path.chain(of_query) {
            let parameter = parameter(document, &path, &method, location, name)
                .ok_or_else(|| format!("{method} {path} does not describe {name}"))?;
            parameter.insert("schema".to_owned(), tidied(schema));
            if is_required {
                parameter.insert("required".to_owned(), true.into());
            } else {
                parameter.remove("required");
            }
        }
        let status = if reply.is_some() { "200" } else { "204" };
        let pointer = format!("/paths/{}/{method}/responses/{status}", escaped(&path));
        let response = document.pointer_mut(&pointer).ok_or_else(|| format!("{method} {path} has no {status}"))?;
        if let Some(schema) = reply {
            let content = response.pointer_mut("/content").and_then(Value::as_object_mut);
            let content = content.ok_or_else(|| format!("the {status} of {method} {path} has no content"))?;
            // In each form that the response may have.
            for form in content.values_mut().filter_map(Value::as_object_mut) {
                form.insert("schema".to_owned(), tidied(schema.clone()));
            }
        }
    }
    // What is not of an operation of the table: problems, and the health check.
    generator.subschema_for::<Body>();
    generator.subschema_for::<Healthy>();
    generator.subschema_for::<Unhealthy>();
    let schemas = generator.take_definitions(true).into_iter().map(|(name, schema)| (name, tidied_value(schema)));
    let components = document.pointer_mut("/components").and_then(Value::as_object_mut);
    let components = components.ok_or("there are no components")?;
    components.insert("schemas".to_owned(), Value::Object(schemas.collect()));
    Ok(())
}

fn escaped(path: &str) -> String {
    path.replace('~', "~0").replace('/', "~1")
}

/// The parameter of an operation, of its path, or the component that one of these refers to.
fn parameter<'a>(
    document: &'a mut Value,
    path: &str,
    method: &str,
    location: &str,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    let path = escaped(path);
    let lists = [format!("/paths/{path}/{method}/parameters"), format!("/paths/{path}/parameters")];
    let mut pointers = lists.iter().flat_map(|list| {
        let count = document.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).map(move |number| format!("{list}/{number}"))
    });
    let pointer = pointers.find_map(|pointer| {
        let reference = document.pointer(&pointer)?.get("$ref").and_then(Value::as_str);
        let pointer = reference.map_or(pointer.clone(), |reference| reference.trim_start_matches('#').to_owned());
        let parameter = document.pointer(&pointer)?;
        (parameter.get("in")? == location && parameter.get("name")? == name).then_some(pointer)
    })?;
    document.pointer_mut(&pointer)?.as_object_mut()
}

fn tidied_value(value: Value) -> Value {
    Schema::try_from(value).map_or(Value::Null, tidied)
}

fn tidied(mut schema: Schema) -> Value {
    tidy(&mut schema);
    schema.to_value()
}

/// Makes a schema one for readers of an `OpenAPI` description.
fn tidy(schema: &mut Schema) {
    // The widths of our integers say nothing of the values.
    let format = schema.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| format.starts_with("int") || format.starts_with("uint")) {
        schema.remove("format");
        // schemars bounds the narrow ones.
        if let Some(maximum) = schema.get("maximum")
            && [255, 65_535].contains(&maximum.as_u64().unwrap_or_default())
        {
            schema.remove("maximum");
        }
    }
    // A line of a doc comment ends where it is full.
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    transform_subschemas(&mut tidy, schema);
}

/// The words of an enum.
fn words<T: VariantArray + Copy + Into<&'static str>>() -> Vec<&'static str> {
    T::VARIANTS.iter().map(|&word| word.into()).collect()
}

/// Describes types as components of their own.
macro_rules! components {
    ($($type:ty = $name:literal $schema:tt)+) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

/// Describes types where they are used.
macro_rules! inline {
    ($($type:ty = $name:literal $schema:tt)+) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

/// Most digits that an SDKAppID has are 15.
const SDK_APP_ID_MAX: u64 = 999_999_999_999_999;

components! {
    SdkAppId = "SdkAppId" {
        "description": "The number that Tencent assigned to the app.",
        "type": "integer", "minimum": 1, "maximum": SDK_APP_ID_MAX,
    }
    AppOrNone = "SdkAppIdOrNone" {
        "description": "The number that Tencent assigned to the app; 0 for a message that could not be read, and for a call of \
                        no app of ours.",
        "type": "integer", "minimum": 0, "maximum": SDK_APP_ID_MAX,
    }
    UnixMs = "UnixMs" {
        "description": "A time in ms since 1970-01-01T00:00:00Z.",
        "type": "integer", "minimum": 0, "maximum": EVENT_TIME_MAX,
    }
    HourStart = "HourStart" {
        "description": "When an hour (UTC) begins, in ms since 1970-01-01T00:00:00Z.",
        "type": "integer", "minimum": 0, "maximum": EVENT_TIME_MAX, "multipleOf": crate::database::HOUR_MS,
    }
    Kind = "Kind" {
        "description": "What the actor did to each target.",
        "type": "string", "enum": words::<Kind>(),
    }
    Role = "Role" {
        "description": "The part that a user has in an event: `actor` unfollowed or followed, `target` was unfollowed or \
                        followed.",
        "type": "string", "enum": words::<Role>(),
    }
    UserId = "UserId" {
        "description": "A UserID: any text. It is compared exactly: `é` in two spellings is two users.",
        "type": "string", "minLength": 1,
    }
    EventId = "EventId" {
        "description": "13 digits of 9999999999999 − `event_time`, a hyphen, and 32 hex digits of a hash of the event's \
                        content. Ids sort newest first as text.",
        "type": "string", "pattern": "^[0-9]{13}-[0-9a-f]{32}$",
    }
    DeadLetterId = "DeadLetterId" {
        "description": "The event's id, followed by `-store_kv` or `-store_d1` if the event was still to be stored. Under \
                        app 0, the id that the queue assigned to the message.",
        "type": "string", "pattern": "^[0-9A-Za-z_-]{1,256}$",
    }
    Cursor = "Cursor" {
        "description": "Where a list goes on; valid for one query only.",
        "type": "string", "pattern": "^([0-9a-f]{2})+$",
    }
    // `config` has no need of the derive.
    InvalidSetting = "InvalidSetting" {
        "description": "A setting that breaks a rule.",
        "type": "object",
        "required": ["name", "problem"],
        "properties": {
            "name": { "description": "The variable, secret or binding.", "type": "string" },
            "problem": { "description": "The rule that it breaks; never its value.", "type": "string" },
        },
    }
}

inline! {
    Language = "Language" { "type": "string", "enum": words::<Language>() }
    Word<AlertKind> = "AlertKind" { "type": "string", "enum": words::<AlertKind>() }
    Word<Service> = "AlertService" { "type": "string", "enum": words::<Service>() }
    Word<OutgoingError> = "NoAnswer" { "type": "string", "enum": words::<OutgoingError>() }
    Word<Severity> = "Severity" { "type": "string", "enum": words::<Severity>() }
    BucketSize = "BucketSize" { "type": "string", "enum": words::<BucketSize>() }
    Recording = "Recording" { "type": "string", "enum": words::<Recording>() }
    Word<RecordOutcome> = "RecordOutcome" { "type": "string", "enum": words::<RecordOutcome>() }
    Format = "ExportFormat" { "type": "string", "enum": words::<Format>() }
    Measure = "Measure" { "type": "string", "enum": words::<Measure>() }
    State = "State" { "type": "string", "enum": words::<State>() }
    StoredWord<ShownState> = "StoredState" { "type": "string", "enum": stored_words::<ShownState>() }
    StoredWord<CallOutcome> = "CallOutcome" { "type": "string", "enum": stored_words::<CallOutcome>() }
    Word<Plan> = "Plan" { "type": "string", "enum": words::<Plan>() }
    Source = "Source" { "type": "string", "enum": words::<Source>() }
    Word<Sink> = "Sink" { "type": "string", "enum": words::<Sink>() }
    Word<CallerRole> = "CallerRole" { "type": "string", "enum": words::<CallerRole>() }
    HttpStatus = "HttpStatus" { "type": "integer", "minimum": 100, "maximum": 599 }
    FailureWord = "FailureWord" { "type": "string", "enum": failure_words() }
}

/// The words of an enum, and the one for others that are stored.
fn stored_words<T: VariantArray + Copy + Into<&'static str>>() -> Vec<&'static str> {
    [words::<T>(), vec![UNKNOWN]].concat()
}

fn failure_words() -> Vec<&'static str> {
    Failure::words().chain([UNKNOWN]).collect()
}

/// A parameter that is a time.
impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimeParameter")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let ms = generator.subschema_for::<UnixMs>();
        json_schema!({
            "description": "A time in Unix ms, or in RFC 3339. A number of at most ten digits is in seconds.",
            "anyOf": [ms, { "type": "string", "format": "date-time" }],
        })
    }
}

impl JsonSchema for App {
    fn schema_name() -> Cow<'static, str> {
        SdkAppId::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        SdkAppId::json_schema(generator)
    }
}

impl<const MAX: u64, const DEFAULT: u64> JsonSchema for Limit<MAX, DEFAULT> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Limit")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX, "default": DEFAULT })
    }
}

/// What a list shows of a dead letter besides its id and app.
impl JsonSchema for dead_letter::Metadata {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("DeadLetterMetadata")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (status, error) =
            (generator.subschema_for::<Option<HttpStatus>>(), generator.subschema_for::<Option<FailureWord>>());
        let described = |description: &str, mut schema: Schema| {
            schema.insert("description".to_owned(), description.into());
            schema
        };
        let time = generator.subschema_for::<UnixMs>();
        let time_or_null = generator.subschema_for::<Option<UnixMs>>();
        let jobs: Vec<_> = Sink::VARIANTS.iter().map(|sink| sink.job()).chain([UNKNOWN.to_owned()]).collect();
        json_schema!({
            "type": "object",
            "required": ["last_status", "last_error", "dead_at"],
            "properties": {
                "last_status": described(
                    "The HTTP status of the origin's last response; null if there was none.", status),
                "last_error": described(
                    "The last error, if there was no response: the origin was late (`timeout`, after 10 s), \
                     `unreachable`, or its response `too_large`; `queue`, `kv` or `d1` did not accept the event; `settings` \
                     are missing or invalid; the app is no longer in `SDK_APP_IDS` (`app_removed`); the queue gave up on the \
                     message (`retries_exhausted`); the response said FAIL (`fail`); the message is `unreadable`, came from a queue of another name \
                     (`unknown_queue`), or stopped the Worker that processed it (`crashed`); or another version of this \
                     Worker knows (`unknown`). Null if there was another response.", error),
                "received_at": described(
                    "When the webhook arrived; absent if the message could not be read.", time.clone()),
                "dead_at": described("When the dead letter was written; null if that is not known.", time_or_null),
                "replayed_at": described(
                    "When it was last put back on the queue; absent if it was not. It ends when its event has come to where it \
                     was to go.", time.clone()),
                "job": {
                    "description": "What was still to be done: deliver the event to the origin, or store it in KV or in D1; \
                                    `unknown` if another version of this Worker knows. \
                                    Absent if the message could not be read.",
                    "type": "string", "enum": jobs,
                },
                "targets": {
                    "description": "How many users were unfollowed or followed; absent if the message could not be read.",
                    "type": "integer", "minimum": 1,
                },
            },
        })
    }
}

/// What the health check answers if all settings are valid.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Healthy {
    #[schemars(with = "HealthyStatus")]
    status: (),
    /// The Worker's version.
    version: String,
}

/// What the health check answers if some settings are invalid.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Unhealthy {
    #[schemars(with = "UnhealthyStatus")]
    status: (),
    /// The Worker's version.
    version: String,
    /// The settings and bindings to fix.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    settings: Vec<InvalidSetting>,
}

struct HealthyStatus;
struct UnhealthyStatus;

inline! {
    HealthyStatus = "HealthyStatus" { "type": "string", "const": "ok" }
    UnhealthyStatus = "UnhealthyStatus" { "type": "string", "const": "invalid settings" }
}
