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
    /// [`Problem::NotFound`] if no token is set: then there is no API, for nobody. [`Problem::Forbidden`] for the `METRICS_TOKEN`, and
    /// [`Problem::Unauthorized`] for any other token.
    pub fn of(config: &Config, authorization: Option<&str>) -> Result<Self, Problem> {
        let tokens = [(Self::Admin, &config.admin_token), (Self::Viewer, &config.viewer_token)];
        if tokens.iter().all(|(_, token)| token.is_none()) {
            return Err(Problem::NotFound);
        }
        let admitting = tokens.iter().find(|(_, token)| token.as_ref().is_some_and(|it| it.admits(authorization)));
        let is_scraper = || config.metrics_token.as_ref().is_some_and(|it| it.admits(authorization));
        let problem = || if is_scraper() { Problem::Forbidden } else { Problem::Unauthorized };
        admitting.map(|(role, _)| *role).ok_or_else(problem)
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

/// Whether a call with this `Authorization` header may read metrics: with any token that is set.
///
/// # Errors
/// [`Problem::NotFound`] if none is, and [`Problem::Unauthorized`].
pub fn may_scrape(config: &Config, authorization: Option<&str>) -> Result<(), Problem> {
    let tokens = [&config.metrics_token, &config.admin_token, &config.viewer_token];
    let mut set = tokens.into_iter().flatten().peekable();
    if set.peek().is_none() {
        return Err(Problem::NotFound);
    }
    set.any(|token| token.admits(authorization)).then_some(()).ok_or(Problem::Unauthorized)
}
