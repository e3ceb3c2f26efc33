//! Who may use the API, and for what.

use strum::{IntoStaticStr, VariantArray};

use super::{operations::Access, problem::Problem};
use crate::config::Config;

/// What a caller may do, by the token of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum CallerRole {
    /// Everything: the call has the `ADMIN_TOKEN`.
    Admin,
    /// Only read: the call has the `VIEWER_TOKEN`.
    Viewer,
}

impl CallerRole {
    /// The role of a call with this `Authorization` header.
    ///
    /// # Errors
    /// [`Problem::NotFound`] if no token is set: then there is no API, for nobody. [`Problem::Unauthorized`] for any other token.
    pub fn of(config: &Config, authorization: Option<&str>) -> Result<Self, Problem> {
        let tokens = [(Self::Admin, &config.admin_token), (Self::Viewer, &config.viewer_token)];
        if tokens.iter().all(|(_, token)| token.is_none()) {
            return Err(Problem::NotFound);
        }
        let admitting = tokens.iter().find(|(_, token)| token.as_ref().is_some_and(|it| it.admits(authorization)));
        admitting.map(|(role, _)| *role).ok_or(Problem::Unauthorized)
    }

    /// Whether it may do this.
    #[must_use]
    pub const fn may(self, access: Access) -> bool {
        match (self, access) {
            (Self::Admin, _) | (Self::Viewer, Access::Reads) => true,
            (Self::Viewer, Access::Changes) => false,
        }
    }
}
