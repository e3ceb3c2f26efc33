//! The stand-in for Tencent's REST API: see `tests/host/tencent.mjs`.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    call::{APP, post_at, request},
    process::Server,
    worker::{ROOT, wait_for},
};

/// A key like those of the console.
pub const KEY: &str = "f1e2d3c4b5a697887766554433221100ffeeddccbbaa99887766554433221100";

/// A running stand-in, which knows the app [`APP`] by [`KEY`].
pub struct Tencent {
    _server: Server,
    pub url: String,
}

impl Tencent {
    pub fn start() -> Self {
        let mut node = Command::new(format!("{ROOT}/node_modules/.bin/node"));
        let server = Server::start(node.arg(format!("{ROOT}/tests/host/tencent.mjs")).args([APP, KEY]));
        let url = wait_for("the stand-in's URL", || server.log().into_iter().find(|line| line.starts_with("http://")));
        Self { _server: server, url }
    }

    /// Does these operations, one after the other.
    pub fn control(&self, operations: &[Value]) -> Value {
        let answer = post_at(&format!("{}/control", self.url), json!(operations).to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    pub fn follow(&self, actor: &str, target: &str, seconds: u64) {
        self.control(&[json!(["follow", actor, target, seconds])]);
    }

    pub fn unfollow(&self, actor: &str, target: &str) {
        self.control(&[json!(["unfollow", actor, target])]);
    }

    /// What it knows, and how it was called.
    pub fn state(&self) -> Value {
        request("GET", &format!("{}/control", self.url)).body
    }

    /// The settings of a Worker that compares with it, besides those of [`crate::worker`].
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("TENCENT_SECRET_KEY", KEY), ("TENCENT_REGION", &self.url)]
    }
}
