//! The configuration of the service.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use gugus_files::Store;
use gugus_http::Monitor;

use crate::guards::settings::Guards;

/// The configuration for [`run`](crate::run). [`Config::new`] gives the defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the models are.
    pub models: Store,
    /// The model that `/predict_cluster/` asks. Without one it is the first of [`PREDICT_CLUSTER_MODELS`] that is
    /// there, else the only model there is.
    pub predict_cluster: Option<String>,
    /// How many bytes the models in memory may take, [`CACHE_SIZE`] unless given. The models that were not asked for
    /// longest are dropped first, and read again when they are asked.
    pub cache_size: u64,
    /// How often the whole store is looked through, [`POLL`] unless given. A folder on this machine tells of its changes
    /// at once; in a bucket this is how soon a change is noticed.
    pub poll: Duration,
    /// The longest body of a request in bytes, [`BODY_LIMIT`] unless given.
    pub body_limit: usize,
    /// The most records of a request, [`MAX_ROWS`] unless given.
    pub max_rows: usize,
    /// Whether a record may have columns that its model does not know.
    pub unknown_columns: UnknownColumns,
    /// The socket for gRPC; none unless given.
    pub grpc: Option<Arc<TcpListener>>,
    /// Who may ask, how much at a time, and what is told about it.
    pub guards: Guards,
    /// Holds the metrics of other parts of the process, which `/metrics` shows, too; none unless given.
    pub monitor: Option<Monitor>,
}

/// The treatment of columns that a model does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownColumns {
    /// They are ignored, because the records of a topic have many columns that no feature reads.
    #[default]
    Ignore,
    /// The record is refused, and the answer names them. So a misspelt column is noticed.
    Refuse,
}

/// 256 MiB hold some twenty thousand models of a few centers, each with its compiled expressions.
pub const CACHE_SIZE: u64 = 256 * 1024 * 1024;

/// Two seconds. Looking through a small store takes a millisecond, and one request in a bucket.
pub const POLL: Duration = Duration::from_secs(2);

/// 8 MiB hold about ten thousand records with all their columns. A body is held in memory while it is answered.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// As many as a body of [`BODY_LIMIT`] can hold in most formats. Their predictions take a core for a second or less.
pub const MAX_ROWS: usize = 1_000_000;

/// The names that `/predict_cluster/` looks for: that of the crime job, then that of the Python system.
pub const PREDICT_CLUSTER_MODELS: [&str; 2] = ["location", "kmeans_model"];

impl Config {
    /// Serves these models, everything else by default.
    #[must_use]
    pub fn new(models: Store) -> Self {
        Self {
            models,
            predict_cluster: None,
            cache_size: CACHE_SIZE,
            poll: POLL,
            body_limit: BODY_LIMIT,
            max_rows: MAX_ROWS,
            unknown_columns: UnknownColumns::default(),
            grpc: None,
            guards: Guards::default(),
            monitor: None,
        }
    }
}
