//! Variables that no setting is called, but that were meant for one: a misspelt name would be passed over in silence.
//!
//! `scripts/names.mjs` does the same before a deployment; both read `names.json`, and are tested with the same vectors.

use serde::Deserialize;
use strsim::osa_distance;

use crate::webhook::SdkAppId;

/// The names of all settings and bindings.
#[derive(Deserialize)]
pub struct Names {
    /// Those without an SDKAppID.
    pub names: Vec<String>,
    /// Those of one app, with `{SdkAppid}` for its id.
    pub per_app: Vec<String>,
    /// What several of them begin with: whatever else begins so is meant for this Worker.
    prefixes: Vec<String>,
}

impl Names {
    /// All of them.
    #[must_use]
    pub fn all() -> Option<Self> {
        serde_json::from_str(include_str!("names.json")).ok()
    }

    /// Those of `names` that are no setting's, and look as if they were meant for one, sorted. `apps` may have tokens of their
    /// own.
    #[must_use]
    pub fn unknown(&self, names: Vec<String>, apps: &[SdkAppId]) -> Vec<String> {
        let is_of_app = |name: &str, app: &SdkAppId| {
            self.per_app.iter().any(|setting| setting.replace("{SdkAppid}", &app.to_string()) == name)
        };
        let is_known = |name: &String| self.names.contains(name) || apps.iter().any(|app| is_of_app(name, app));
        let is_meant = |name: &String| {
            let name = name.to_ascii_uppercase();
            let is_near = |setting: &String| osa_distance(&name, setting) <= letters_off(setting);
            self.prefixes.iter().any(|prefix| name.starts_with(prefix)) || self.names.iter().any(is_near)
        };
        let mut unknown: Vec<_> = names.into_iter().filter(|name| !is_known(name) && is_meant(name)).collect();
        unknown.sort_unstable();
        unknown
    }
}

/// How many letters a name may be from a setting's to be meant for it: two, and less where two would be half of it.
const fn letters_off(setting: &str) -> usize {
    match setting.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    }
}
