//! What pages show.

use crate::ballista::view::ClusterView;
use crate::runs::Runs;

/// What pages show.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) cluster: ClusterView,
    /// Absent where the scheduler takes no runs.
    pub(crate) runs: Option<Runs>,
}
