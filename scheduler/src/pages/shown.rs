//! The data that pages show.

use gugus_pages::configuration::Configuration;
use http::StatusCode;

use super::live::Live;
use crate::ballista::view::ClusterView;
use crate::problem::Problem;
use crate::runs::Runs;
use crate::stores::Shelf;

/// The data that pages show.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) cluster: ClusterView,
    /// Absent where the scheduler takes no runs.
    pub(crate) runs: Option<Runs>,
    /// The stores that runs have used; absent where the scheduler takes no runs.
    pub(crate) shelf: Option<Shelf>,
    /// The address by which clients reach the scheduler, for commands to copy.
    pub(crate) address: String,
    /// The settings that the scheduler runs with.
    pub(crate) configuration: Configuration,
    /// The pages that somebody looks at.
    pub(crate) live: Live,
}

impl Shown {
    /// The runs, for a page that needs them.
    pub(super) fn runs(self) -> Result<Runs, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "this scheduler takes no runs");
        self.runs.ok_or_else(none)
    }

    /// Whether this scheduler has a run of this name.
    pub(super) fn has_run(&self, run: &str) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.knows(run))
    }
}
