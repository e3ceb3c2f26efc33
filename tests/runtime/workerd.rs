//! The built Worker on workerd alone. `wrangler dev` puts two proxies before it, which need memory themselves and may pass
//! on a broken request as a complete one.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::Server,
    worker::{ROOT, Settings, wait_for},
};

/// A running workerd with the Worker, and a KV that takes everything and stores nothing.
pub struct Workerd {
    /// `127.0.0.1:<port>`.
    pub address: String,
    server: Server,
    _folder: TempDir,
}

impl Workerd {
    pub fn start(settings: Settings<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for module in ["index.js", "index_bg.wasm"] {
            fs::copy(Path::new(ROOT).join("build").join(module), folder.path().join(module)).unwrap();
        }
        let config = folder.path().join("config.capnp");
        fs::write(&config, self::config(settings)).unwrap();
        // workerd reports its port on the same stream as the log.
        let mut command = Command::new(format!("{ROOT}/node_modules/.bin/workerd"));
        let mut server = Server::start(command.arg("serve").arg(config).arg("--control-fd=1"));
        let port = wait_for("workerd to listen", || {
            let ended = server.ended();
            assert!(ended.is_none(), "workerd ended: {ended:?}: {:#?}", server.log());
            let events = server.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            events.filter(|event| event["event"] == "listen").find_map(|event| event["port"].as_u64())
        });
        Self { address: format!("127.0.0.1:{port}"), server, _folder: folder }
    }

    /// What has been logged so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.server.log()
    }

    /// The memory of the process in bytes, without the files that it maps.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        assert!(status.starts_with("Name:\tworkerd\n"), "not workerd: {status}");
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        kilobytes.unwrap().parse::<u64>().unwrap() * 1024
    }
}

fn config(settings: Settings<'_>) -> String {
    let settings: String =
        settings.iter().map(|(name, value)| format!(r#"(name = "{name}", text = "{value}"), "#)).collect();
    format!(
        r#"
        using Workerd = import "/workerd/workerd.capnp";
        const config :Workerd.Config = (
            services = [
                (name = "ours", worker = (
                    modules = [
                        (name = "index.js", esModule = embed "index.js"),
                        (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
                    ],
                    compatibilityDate = "2026-07-01",
                    bindings = [{settings}(name = "EVENTS", kvNamespace = "kv")],
                )),
                (name = "kv", worker = (
                    modules = [(name = "kv.js", esModule = "export default {{ fetch: () => new Response() }}")],
                    compatibilityDate = "2026-07-01",
                )),
                (name = "internet", network = (allow = ["local"])),
            ],
            sockets = [(name = "ours", address = "127.0.0.1:0", http = (), service = "ours")],
        );
        "#
    )
}
