//! The API's description is a complete document and has every operation. `tests/runtime/openapi.rs` checks the
//! responses against it on the real runtime.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value, json};
use unfollow_webhook::{
    api::{Operation, PREFIX},
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
    let row = |operation: Operation| {
        let (method, path) = operation.row();
        (method.to_owned(), format!("{PREFIX}{path}"))
    };
    let health = ("GET".to_owned(), "/healthz".to_owned());
    let routes: BTreeSet<_> = Operation::ALL.into_iter().map(row).chain([health]).collect();
    assert_eq!(described, routes);
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
    // The schemas that extend them close them.
    let mut bases = HashSet::new();
    walk(&document.0, "#", &mut |_, object| {
        let parts = object.get("allOf").and_then(Value::as_array).into_iter().flatten();
        bases.extend(parts.map(|part| part["$ref"].as_str().unwrap()));
    });
    let mut seen = 0;
    walk(&document.0["components"]["schemas"], "#/components/schemas", &mut |at, object| {
        if object.contains_key("properties") && !at.ends_with("/properties") && !bases.contains(at) {
            let closed = ["additionalProperties", "unevaluatedProperties"].map(|name| object.get(name));
            assert!(closed.contains(&Some(&json!(false))), "{at} may have any members");
            seen += 1;
        }
        let is_open = object.get("type") == Some(&json!("object")) && !object.contains_key("properties");
        assert!(!is_open || at == "#/components/schemas/EventRecord/properties/body", "{at} may have any members");
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
        }
        assert_eq!(of_path, slots(path));

        // An operation is open to everybody, or requires the token.
        let is_open = operation.get("security") == Some(&json!([]));
        assert_eq!(is_open, path == "/healthz");
        let responses = operation["responses"].as_object().unwrap();
        let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
        let expected = if is_open { &["503"][..] } else { &["401", "403", "404", "405", "503"] };
        assert!(expected.iter().all(|status| statuses.contains(status)), "{path}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| status.starts_with('2')).count(), 1, "{path}");
        for (status, response) in responses {
            let response = document.resolve(response);
            assert!(response["description"].is_string(), "{path}: {status}");
            assert_eq!(response.get("content").is_none(), status == "204", "{path}: {status}");
            for (media_type, body) in response["content"].as_object().into_iter().flatten() {
                assert!(body.get("example").is_some(), "{path}: {status}: {media_type} has no example");
            }
        }
    }
    assert_eq!(document.0["security"], json!([{"adminToken": []}]));
    assert_eq!(document.0["components"]["securitySchemes"]["adminToken"]["scheme"], "bearer");
}
