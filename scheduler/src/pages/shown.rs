//! The data that pages show.

use gugus_pages::configuration::Configuration;

use super::live::Live;
use crate::ballista::view::ClusterView;
use crate::runs::Runs;

/// The data that pages show.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) cluster: ClusterView,
    /// Absent where the scheduler takes no runs.
    pub(crate) runs: Option<Runs>,
    /// The settings that the scheduler runs with.
    pub(crate) configuration: Configuration,
    /// The pages that somebody looks at.
    pub(crate) live: Live,
}

impl Shown {
    /// Whether this scheduler has a run of this name.
    pub(super) fn has_run(&self, run: &str) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.knows(run))
    }
}
