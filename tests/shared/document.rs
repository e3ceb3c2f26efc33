//! `page/openapi.json`, the API's description, as the tests read it.

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document.
pub struct Document(pub Value);

/// One operation of the document.
pub struct Described<'a> {
    /// In upper case.
    pub method: String,
    /// With its parameters in braces.
    pub path: &'a str,
    /// The operation object.
    pub operation: &'a Value,
    /// Its parameters, those of its path included.
    pub parameters: Vec<&'a Value>,
}

impl Document {
    pub fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../page/openapi.json")).unwrap())
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Described<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
                let lists = [&item["parameters"], &operation["parameters"]];
                let parameters = lists.into_iter().filter_map(Value::as_array).flatten();
                let parameters = parameters.map(|parameter| self.resolve(parameter)).collect();
                operations.push(Described { method: method.to_uppercase(), path, operation, parameters });
            }
        }
        operations
    }

    /// What `value` refers to, if it is a reference; else `value` itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leaves the document"));
        self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} does not resolve"))
    }

    /// A validator for this schema of the document.
    pub fn validator(&self, schema: &Value) -> Validator {
        // With the components beside the schema, its references resolve as in the document.
        let schema = json!({ "allOf": [schema], "components": self.0["components"] });
        jsonschema::draft202012::new(&schema).unwrap()
    }

    /// Panics unless `value` is valid by this schema.
    #[track_caller]
    pub fn check(&self, schema: &Value, value: &Value, what: &str) {
        let validator = self.validator(schema);
        let errors = validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path()));
        let errors: Vec<_> = errors.collect();
        assert!(errors.is_empty(), "{what}: {errors:#?} in {value:#}");
    }
}
