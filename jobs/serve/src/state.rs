//! The state that all handlers share.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;

/// The state that all handlers share.
pub(crate) struct State {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) body_limit: usize,
    /// The OpenAPI document.
    pub(crate) document: Bytes,
    pub(crate) shutdown: CancellationToken,
}
