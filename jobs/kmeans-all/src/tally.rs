//! What was counted while rows became points.

use serde::{Deserialize, Serialize};

use crate::merge::{Clash, add_counts};

/// What was counted while points were built, for the driver, which decides whether the rows can be trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Rows that were given, kept or not.
    pub(crate) given: u64,
    /// Rows with a NaN, for each column and the weight.
    pub(crate) not_numbers: Vec<u64>,
    /// Rows with an infinity but no NaN, for each column and the weight.
    pub(crate) infinite: Vec<u64>,
    /// Rows with a negative weight.
    pub(crate) negative_weights: u64,
    /// Rows of length 0 under the cosine distance.
    pub(crate) zero_vectors: u64,
    /// Rows whose length overflows under the cosine distance.
    pub(crate) overflows: u64,
}

impl Tally {
    /// Nothing counted yet of rows with so many columns.
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            not_numbers: vec![0; dimensions + 1],
            infinite: vec![0; dimensions + 1],
            ..Self::default()
        }
    }

    /// Takes in what was counted of other rows.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        for (own, other) in [
            (&mut self.given, other.given),
            (&mut self.negative_weights, other.negative_weights),
            (&mut self.zero_vectors, other.zero_vectors),
            (&mut self.overflows, other.overflows),
        ] {
            *own = own.checked_add(other).ok_or(Clash::Full)?;
        }
        add_counts(&mut self.not_numbers, &other.not_numbers)?;
        add_counts(&mut self.infinite, &other.infinite)
    }
}
