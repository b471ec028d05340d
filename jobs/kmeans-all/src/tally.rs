//! Counts that are taken while rows become points.

use serde::{Deserialize, Serialize};

use crate::merge::{Clash, add_counts};

/// Counts that are taken while points are built. The driver decides by them whether the rows can be trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// All rows that came in, kept or not.
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
    /// A tally in which nothing is counted yet, for rows with so many columns.
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            not_numbers: vec![0; dimensions + 1],
            infinite: vec![0; dimensions + 1],
            ..Self::default()
        }
    }

    /// Adds the counts of other rows.
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
