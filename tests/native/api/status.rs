//! What the Worker says of itself.

use serde_json::{Value, json};
use unfollow_webhook::config::{Config, VERSION};

use super::{ADMIN, json_of, request, timed};
use crate::{
    database::{Sqlite, Trouble},
    fakes::FakeKv,
    samples::{APP, BOUND_WITHOUT_DATABASE, ORIGIN, TOKEN, config, config_with},
};

fn status(config: &Config, database: Option<&Sqlite>) -> Value {
    let (response, _) = timed(config, &FakeKv::default(), None, database, request("GET", "/v1/status"));
    assert_eq!((response.status, response.content_type), (200, "application/json"), "{response:?}");
    let mut status = json_of(&response);
    // By the bindings, of which there are none here.
    let missing = status.as_object_mut().unwrap().remove("missing_lines").unwrap();
    assert_eq!(missing.as_array().unwrap().len(), 2);
    status
}

#[test]
fn the_status_says_where_events_go_and_where_the_webhook_is() {
    let variables = [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN)];
    let plain = config_with(&variables, BOUND_WITHOUT_DATABASE);
    let expected = json!({
        "version": VERSION, "sinks": ["kv"], "origin": false, "webhook_path": "/", "metrics_path": "/metrics", "plan": "free", "role": "admin",
        "retention_due_since": null, "settings": [], "unknown_settings": [], "compares": [],
    });
    assert_eq!(status(&plain, None), expected);
    let more = [("SINKS", "origin,d1,kv"), ("ORIGIN_URL", ORIGIN), ("WEBHOOK_PATH", "/hook")];
    let all = config(&[&variables[..], &more].concat());
    let expected = json!({
        "version": VERSION, "sinks": ["kv", "d1", "origin"], "origin": true, "webhook_path": "/hook",
        "metrics_path": "/metrics", "plan": "free", "role": "admin", "retention_due_since": null, "settings": [], "unknown_settings": [], "compares": [],
    });
    assert_eq!(status(&all, Some(&Sqlite::default())), expected);
    // Where the webhook was before there were metrics, it stays.
    let taken = config(&[&variables[..], &[("WEBHOOK_PATH", "/metrics")]].concat());
    let status = status(&taken, None);
    assert_eq!((&status["webhook_path"], &status["metrics_path"]), (&json!("/metrics"), &Value::Null));
}

#[test]
fn the_status_names_the_invalid_settings_and_db_without_its_schema() {
    let variables =
        [("SDK_APP_IDS", APP), ("CALLBACK_TOKEN", TOKEN), ("ADMIN_TOKEN", ADMIN), ("RETENTION_DAYS", "soon")];
    let config = config_with(&variables, BOUND_WITHOUT_DATABASE);
    let names = |status: &Value| -> Vec<_> {
        status["settings"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&status(&config, Some(&Sqlite::default()))), ["RETENTION_DAYS"]);
    let without = status(&config, Some(&Sqlite::without_schema()));
    assert_eq!(names(&without), ["RETENTION_DAYS", "DB"]);
    assert!(without["settings"][1]["problem"].as_str().unwrap().contains("d1 migrations apply DB"), "{without}");
    let failing = Sqlite::default();
    failing.trouble.set(Some(Trouble::Fails));
    let failing = status(&config, Some(&failing));
    assert_eq!(failing["settings"][1], json!({ "name": "DB", "problem": "must answer: D1 fails" }));
}
