//! Decides by what was counted whether the rows can be trained on.

use gugus_kmeans::HandleInvalid;
use serde::{Deserialize, Serialize};

use crate::bounds::magnitude;
use crate::draws::Draws;
use crate::error::AllError;
use crate::fixed_point::Scale;
use crate::merge::{Clash, merge_each};
use crate::points::{Points, Weighting};
use crate::tally::Tally;

/// What is known about the rows before the first fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    tally: Tally,
    pub(crate) rows: u64,
    bounds: Vec<[f64; 2]>,
    largest_weight: f64,
    pub(crate) first: Draws,
}

impl Summary {
    pub(crate) fn of(points: &Points, first: Draws) -> Self {
        Self {
            tally: points.tally.clone(),
            rows: points.rows() as u64,
            bounds: points.bounds.clone(),
            largest_weight: points.largest_weight,
            first,
        }
    }

    pub(crate) fn empty(dimensions: usize, first: usize) -> Self {
        Self {
            tally: Tally::new(dimensions),
            rows: 0,
            bounds: vec![[f64::INFINITY, f64::NEG_INFINITY]; dimensions],
            largest_weight: 0.0,
            first: Draws::new(first),
        }
    }

    /// Checks that there are rows, and that none of them is forbidden.
    pub(crate) fn check(&self, invalid: HandleInvalid) -> Result<(), AllError> {
        let tally = &self.tally;
        let rows = tally.given;
        let found = |counts: &[u64]| -> Vec<(usize, u64)> {
            let counts = counts.iter().copied().enumerate();
            counts.filter(|(_, count)| *count > 0).collect()
        };
        let columns = found(&tally.not_numbers);
        if invalid == HandleInvalid::Error && !columns.is_empty() {
            return Err(AllError::NotANumber { columns, rows });
        }
        let columns = found(&tally.infinite);
        if !columns.is_empty() {
            return Err(AllError::Infinite { columns, rows });
        }
        if tally.negative_weights > 0 {
            let count = tally.negative_weights;
            return Err(AllError::NegativeWeights { count });
        }
        if tally.zero_vectors > 0 {
            let count = tally.zero_vectors;
            return Err(AllError::ZeroVectors { count });
        }
        if tally.overflows > 0 {
            return Err(AllError::Overflow);
        }
        if self.rows == 0 {
            return Err(AllError::NoRows);
        }
        Ok(())
    }

    /// Does [`Summary::check`], then gives the scale for sums over these rows.
    pub(crate) fn scale(
        &self,
        invalid: HandleInvalid,
        weighting: Weighting,
    ) -> Result<Scale, AllError> {
        self.check(invalid)?;
        let largest: Vec<f64> = self.bounds.iter().map(|of| magnitude(*of)).collect();
        let largest_weight = match weighting {
            Weighting::Uniform => None,
            Weighting::LastColumn => Some(self.largest_weight),
        };
        Scale::new(&largest, largest_weight).ok_or(AllError::Overflow)
    }

    /// How many rows were left out.
    pub(crate) fn dropped(&self) -> u64 {
        self.tally.given.saturating_sub(self.rows)
    }

    /// Adds what is known about other rows.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Clash> {
        self.tally.merge(&other.tally)?;
        self.rows = self.rows.checked_add(other.rows).ok_or(Clash::Full)?;
        merge_each(&mut self.bounds, &other.bounds, |own, other| {
            *own = [own[0].min(other[0]), own[1].max(other[1])];
            Some(())
        })?;
        self.largest_weight = self.largest_weight.max(other.largest_weight);
        self.first.merge(other.first)
    }
}
