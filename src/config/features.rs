//! Features that need lines of `wrangler.toml`, which one of another version, or of one's own, may lack. `make deploy` says so by
//! the same table.

use serde::{Deserialize, Serialize};

use crate::ports::Environment;

/// A feature, and the lines that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MissingLines {
    /// The binding by which the Worker sees that they are there; `None` if it cannot see it.
    #[serde(skip_serializing)]
    binding: Option<String>,
    /// The cron trigger by which it sees it; `None` if it needs none.
    #[serde(skip_serializing)]
    cron: Option<String>,
    /// What `wrangler.toml` lacks.
    lines: String,
    /// What the Worker does not do without them.
    feature: String,
}

impl MissingLines {
    /// What `wrangler.toml` lacks.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// What the Worker does not do without them.
    #[must_use]
    pub fn feature(&self) -> &str {
        &self.feature
    }

    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("features.json")).unwrap_or_default()
    }

    /// Those of messages about alerts, if the latest run of them was by this cron trigger and it is not the one that they need.
    #[must_use]
    pub fn of_trigger(latest: &str) -> Vec<Self> {
        Self::all().into_iter().filter(|it| it.cron.as_ref().is_some_and(|cron| cron != latest)).collect()
    }

    /// Those that are not there, as far as the Worker can see.
    #[must_use]
    pub fn of(environment: &impl Environment) -> Vec<Self> {
        let all = Self::all();
        let is_missing = |it: &Self| it.binding.as_ref().is_some_and(|name| !environment.is_bound(name));
        all.into_iter().filter(is_missing).collect()
    }
}
