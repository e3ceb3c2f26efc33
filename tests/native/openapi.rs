//! The API's description is a complete document, has every operation, and says of each what the table of operations says.
//! `tests/runtime/openapi.rs` checks the responses against it on the real runtime.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    env, fs,
    path::Path,
    process::Command,
};

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use strum::VariantArray as _;
use unfollow_webhook::{
    api::{Access, Operation, PREFIX, description::describe},
    config::VERSION,
};

use crate::document::Document;

/// Calls `each` with every object in `value`, and with its path.
fn walk<'a>(value: &'a Value, at: &str, each: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            each(at, members);
            members.iter().for_each(|(name, value)| walk(value, &format!("{at}/{name}"), each));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| walk(item, &format!("{at}/{number}"), each));
        }
        _ => {}
    }
}

/// The texts between braces.
fn slots(path: &str) -> BTreeSet<&str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

#[test]
fn each_route_has_an_operation_and_each_operation_a_route() {
    let document = Document::read();
    let described: BTreeSet<_> =
        document.operations().iter().map(|it| (it.method.clone(), it.path.to_owned())).collect();
    let health = ("GET".to_owned(), "/healthz".to_owned());
    let routes: BTreeSet<_> =
        Operation::VARIANTS.iter().map(|&operation| method_and_path(operation)).chain([health]).collect();
    assert_eq!(described, routes);
}

fn method_and_path(operation: Operation) -> (String, String) {
    (operation.row().method.to_owned(), format!("{PREFIX}{}", operation.row().path))
}

/// What each operation costs, and whether it changes something, is a row of the table.
#[test]
fn costs_and_tokens_are_those_of_the_table() {
    let document = Document::read();
    let rows: BTreeMap<_, _> = Operation::VARIANTS.iter().map(|&it| (method_and_path(it), it.row())).collect();
    for described in document.operations().into_iter().filter(|it| it.path != "/healthz") {
        let row = rows[&(described.method.clone(), described.path.to_owned())];
        let text = described.operation["description"].as_str().unwrap();
        assert!(text.contains(&format!("Costs {}.", row.cost)), "{} {}: {text}", described.method, described.path);
        let of_all = document.0.get("security");
        let security = described.operation.get("security").or(of_all).unwrap();
        let tokens: Vec<_> =
            security.as_array().unwrap().iter().flat_map(|it| it.as_object().unwrap().keys()).collect();
        let expected: &[_] = if row.access == Access::Reads { &["adminToken", "viewerToken"] } else { &["adminToken"] };
        assert_eq!(tokens, expected, "{} {}", described.method, described.path);
    }
}

/// JSON in the order in which it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Ordered {
    Object(IndexMap<String, Ordered>),
    List(Vec<Ordered>),
    Scalar(Value),
}

impl Ordered {
    /// The members of a schema in the order in which they are of interest; the others come last.
    const SCHEMA: [&str; 8] = ["description", "type", "enum", "const", "pattern", "required", "properties", "items"];

    /// `value` in the order of `self`, but for schemas, which are written anew.
    fn with(self, value: &Value) -> Self {
        match (self, value) {
            (Self::Object(old), Value::Object(new)) => {
                let mut members = IndexMap::new();
                for (name, old) in old.into_iter().filter(|(name, _)| new.contains_key(name)) {
                    let new = &new[&name];
                    let new = match (name.as_str(), new) {
                        ("schema", schema) => Self::of_schema(schema),
                        ("schemas", Value::Object(schemas)) => old.with_schemas(schemas),
                        _ => old.with(new),
                    };
                    members.insert(name, new);
                }
                let added = new.iter().filter(|(name, _)| !members.contains_key(*name));
                let added: Vec<_> = added.map(|(name, value)| (name.clone(), Self::of_schema(value))).collect();
                members.extend(added);
                Self::Object(members)
            }
            (Self::List(old), Value::Array(new)) if old.len() == new.len() => {
                Self::List(old.into_iter().zip(new).map(|(old, new)| old.with(new)).collect())
            }
            (_, value) => Self::of_schema(value),
        }
    }

    /// These schemas; those that are new come last.
    fn with_schemas(self, schemas: &Map<String, Value>) -> Self {
        let Self::Object(old) = self else { panic!("the schemas are an object") };
        let known = old.into_keys().filter(|name| schemas.contains_key(name));
        let names: IndexSet<_> = known.chain(schemas.keys().cloned()).collect();
        let schema = |name: String| {
            let schema = Self::of_schema(&schemas[&name]);
            (name, schema)
        };
        Self::Object(names.into_iter().map(schema).collect())
    }

    fn of_schema(schema: &Value) -> Self {
        let object = match schema {
            Value::Object(members) => members,
            Value::Array(items) => return Self::List(items.iter().map(Self::of_schema).collect()),
            scalar => return Self::Scalar(scalar.clone()),
        };
        let rank = |name: &String| Self::SCHEMA.iter().position(|it| it == name).unwrap_or(Self::SCHEMA.len());
        let required: Vec<_> = object.get("required").and_then(Value::as_array).into_iter().flatten().collect();
        let mut members: IndexMap<_, _> =
            object.iter().map(|(name, value)| (name.clone(), Self::of_schema(value))).collect();
        members.sort_by(|one, _, other, _| rank(one).cmp(&rank(other)));
        if let Some(Self::Object(properties)) = members.get_mut("properties") {
            let rank = |name: &String| required.iter().position(|it| *it == name).unwrap_or(required.len());
            properties.sort_by(|one, _, other, _| rank(one).cmp(&rank(other)));
        }
        Self::Object(members)
    }
}

/// `UPDATE=1` writes them.
#[test]
fn the_schemas_are_those_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/openapi.json");
    let text = fs::read_to_string(&path).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut described = document.clone();
    describe(&mut described).unwrap();
    let is_wanted = env::var_os("UPDATE").is_some();
    if described == document && !is_wanted {
        return;
    }
    assert!(is_wanted, "the types say something else: UPDATE=1 cargo test --test native openapi");
    let ordered: Ordered = serde_json::from_str(&text).unwrap();
    fs::write(&path, serde_json::to_string_pretty(&ordered.with(&described)).unwrap()).unwrap();
    let biome = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin/biome");
    assert!(Command::new(biome).args(["format", "--write"]).arg(&path).status().unwrap().success());
}

#[test]
fn the_document_and_its_examples_have_the_workers_version() {
    let Document(document) = Document::read();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{"url": "/"}]));
    let mut versions = 0;
    walk(&document, "#", &mut |at, object| {
        // In a schema, it is the description of a member.
        if let Some(Value::String(version)) = object.get("version") {
            assert_eq!(version, VERSION, "{at}");
            versions += 1;
        }
    });
    assert!(versions > 1, "there are no examples");
}

#[test]
fn each_reference_resolves_and_each_component_is_used() {
    let document = Document::read();
    let mut targets = HashSet::new();
    walk(&document.0, "#", &mut |at, object| {
        if let Some(reference) = object.get("$ref") {
            let reference = reference.as_str().unwrap();
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{at} leaves the document"));
            assert!(document.0.pointer(pointer).is_some(), "{at}: {reference} does not resolve");
            targets.insert(reference.to_owned());
        }
    });
    for (kind, components) in document.0["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            let reference = format!("#/components/{kind}/{name}");
            assert!(targets.contains(&reference), "nothing refers to {reference}");
        }
    }
}

#[test]
fn each_schema_is_valid_and_allows_no_unnamed_members() {
    let document = Document::read();
    let mut seen = 0;
    walk(&document.0["components"]["schemas"], "#/components/schemas", &mut |at, object| {
        // Without the member, openapi-typescript allows none.
        if object.get("type") == Some(&json!("object")) {
            let is_body = at == "#/components/schemas/EventRecord/properties/body";
            assert_eq!(object.get("additionalProperties"), Some(&json!(is_body)), "{at}");
            seen += 1;
        }
        if at.ends_with("/properties") {
            return;
        }
        // In what openapi-python-client makes of it, mypy finds two types for one name.
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            let schema = at.rsplit('/').next().unwrap();
            let lists = properties.iter().filter(|(_, member)| member.get("items").is_some());
            assert!(lists.into_iter().all(|(name, _)| name.replace('_', "") != schema.to_lowercase()), "{at}");
        }
        // openapi-python-client drops what is beside it.
        assert!(!object.contains_key("allOf"), "{at}");
        // @hey-api/openapi-ts drops the null of one without a type.
        assert!(!object.contains_key("enum") || object.contains_key("type"), "{at} has an enum without a type");
    });
    assert!(seen >= 10, "{seen}");
    walk(&document.0, "#", &mut |at, object| {
        if let Some(schema) = object.get("schema") {
            jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{at}: {error}"));
            // Builds what it refers to as well.
            document.validator(schema);
        }
    });
}

#[test]
fn each_example_is_as_its_schema_says() {
    let document = Document::read();
    let mut seen = 0;
    walk(&document.0, "#", &mut |at, object| {
        let Some(schema) = object.get("schema") else { return };
        let several = object.get("examples").and_then(Value::as_object).into_iter().flatten();
        let examples = several.map(|(_, example)| &example["value"]).chain(object.get("example"));
        for example in examples {
            document.check(schema, example, at);
            seen += 1;
        }
    });
    assert!(seen >= 20, "{seen}");
}

#[test]
fn each_operation_says_what_it_takes_returns_and_costs() {
    let document = Document::read();
    let mut ids = HashSet::new();
    for described in document.operations() {
        let (path, operation) = (described.path, &described.operation);
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
        assert!(operation["summary"].is_string(), "{path}");
        assert!(operation["description"].as_str().unwrap().contains("Costs "), "{path}");
        let tags = operation["tags"].as_array().unwrap();
        assert!(tags.iter().all(|tag| document.0["tags"].as_array().unwrap().iter().any(|it| it["name"] == *tag)));

        let mut of_path = BTreeSet::new();
        for parameter in &described.parameters {
            let name = parameter["name"].as_str().unwrap();
            assert!(parameter["description"].is_string() && parameter["schema"].is_object(), "{path}: {name}");
            // A cursor comes from a response.
            let has_example = ["example", "examples"].iter().any(|member| parameter.get(member).is_some());
            assert!(has_example || name == "cursor", "{path}: {name} has no example");
            match parameter["in"].as_str().unwrap() {
                "path" => assert!(of_path.insert(name) && parameter["required"] == true, "{path}: {name}"),
                location => assert_eq!(location, "query", "{path}: {name}"),
            }
            // An empty one counts as absent.
            let may_be_absent = parameter["in"] == "query" && parameter["required"] != true;
            assert_eq!(parameter.get("allowEmptyValue"), may_be_absent.then_some(&json!(true)), "{path}: {name}");
        }
        assert_eq!(of_path, slots(path));

        // An operation is open to everybody, or requires a token.
        let is_open = operation.get("security") == Some(&json!([]));
        assert_eq!(is_open, path == "/healthz");
        let responses = operation["responses"].as_object().unwrap();
        let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
        let expected = if is_open { &["405", "503"][..] } else { &["400", "401", "403", "404", "405", "503"] };
        assert!(expected.iter().all(|status| statuses.contains(status)), "{path}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| status.starts_with('2')).count(), 1, "{path}");
        for (status, response) in responses {
            let response = document.resolve(response);
            assert!(response["description"].is_string(), "{path}: {status}");
            assert_eq!(response.get("content").is_none(), status == "204", "{path}: {status}");
            for (media_type, body) in response["content"].as_object().into_iter().flatten() {
                let has_example = ["example", "examples"].iter().any(|member| body.get(member).is_some());
                assert!(has_example, "{path}: {status}: {media_type} has no example");
            }
        }
    }
    for (_, scheme) in document.0["components"]["securitySchemes"].as_object().unwrap() {
        assert_eq!(scheme["scheme"], "bearer");
    }
}
