//! What each route answers, with its part of the OpenAPI document beside it.

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod models;
pub(crate) mod predict;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;

/// What handlers work with.
pub(crate) struct State {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) body_limit: usize,
    pub(crate) shutdown: CancellationToken,
}
