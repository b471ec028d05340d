//! The run that a path names.

use axum::extract::{FromRequestParts, Path};
use gugus_pages::run::RunId;
use http::request::Parts;

use crate::problem::Problem;

/// The run that a path names; a text that is no id names no run.
pub(super) struct Named(pub(super) RunId);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        Ok(Self(id.parse()?))
    }
}
