//! Alerts in words: the only place that has them.

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::Alert;

/// A language of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// What is wrong, as a line without a full stop. It names a user where [`Alert::names_user`] says so, and only if `with_user`.
#[must_use]
pub fn title(alert: &Alert, language: Language, with_user: bool) -> String {
    let _ = (language, with_user);
    alert.key()
}

/// What to do, as one or more sentences.
#[must_use]
pub fn action(alert: &Alert, language: Language) -> String {
    let _ = language;
    alert.key()
}
