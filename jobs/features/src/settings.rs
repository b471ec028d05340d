//! The settings that travel with the aggregate function from the client to the executors.

use gugus_kmeans_all::Weighting;
use gugus_spec::{Algorithm, HandleInvalid};
use serde::{Deserialize, Serialize};

/// All settings of a fit. The plan holds them as JSON, which keeps all bits of the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitSettings {
    /// The algorithm, with its parameters.
    pub algorithm: Algorithm,
    /// The names of the features, in order, for messages.
    pub features: Vec<String>,
    /// Whether the last argument of the function is a weight.
    pub weighting: Weighting,
    /// The treatment of rows with a null or a NaN.
    pub handle_invalid: HandleInvalid,
}

impl FitSettings {
    /// How many arguments the function takes: the features, and the weight if there is one.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len() + usize::from(self.weighting == Weighting::LastColumn)
    }
}
