//! The state that all handlers share.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;
use crate::config::UnknownColumns;
use crate::guards::settings::Guards;
use crate::metrics::Metrics;
use crate::unloaded::Unloaded;

/// The state that all handlers share.
pub(crate) struct State {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) body_limit: usize,
    pub(crate) max_rows: usize,
    pub(crate) unknown_columns: UnknownColumns,
    pub(crate) unloaded: Unloaded,
    /// Pages tell how the service is reached.
    pub(crate) guards: Guards,
    /// The OpenAPI document.
    pub(crate) document: Bytes,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shutdown: CancellationToken,
}
