//! When a new model takes an alias: the condition of the job file, compiled, and the metrics that it may read.

use gugus_features::{Condition, PlanError};
use gugus_spec::{Algorithm, AliasName, Promote};

/// The mean silhouette of the model on the rows that it was trained on.
pub(crate) const SILHOUETTE: &str = "silhouette";
/// How much the rows moved away from the model that the alias stands for.
pub(crate) const DRIFT: &str = "drift";

/// The metrics that need centers and another look at the rows.
const OF_CENTERS: [&str; 2] = [SILHOUETTE, DRIFT];

/// Every metric that a condition may read.
pub(crate) const METRICS: [&str; 7] = [
    SILHOUETTE,
    DRIFT,
    "training_cost",
    "rows",
    "iterations",
    "k",
    "clusters",
];

/// A promotion of the job file, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Promotion {
    pub(crate) alias: AliasName,
    pub(crate) condition: Condition,
}

impl Promotion {
    /// Compiles the condition over [`METRICS`].
    pub(crate) fn new(promote: &Promote) -> Result<Self, PlanError> {
        Ok(Self {
            alias: promote.alias.clone(),
            condition: Condition::new("promote.if", &promote.condition, &METRICS)?,
        })
    }

    /// A metric that the condition reads, and that models of this algorithm do not have.
    pub(crate) fn without(&self, algorithm: &Algorithm) -> Option<&'static str> {
        let has_centers = algorithm.facts().table.is_none();
        let mut missing = OF_CENTERS.into_iter();
        missing.find(|metric| !has_centers && self.condition.reads(metric))
    }
}
