//! Whether rows can be worked on at all, by what was counted of them.

use super::error::WholeError;
use super::fixed::Scale;
use super::partial::Summary;
use super::points::{Weighting, magnitude};
use super::training::Invalid;

impl Summary {
    /// Sees that there are rows, and none that may not be there.
    pub(crate) fn check(&self, invalid: Invalid) -> Result<(), WholeError> {
        let rows = self.given;
        let found = |counts: &[u64]| -> Vec<(usize, u64)> {
            let counts = counts.iter().copied().enumerate();
            counts.filter(|(_, count)| *count > 0).collect()
        };
        let columns = found(&self.not_numbers);
        if invalid == Invalid::Fail && !columns.is_empty() {
            return Err(WholeError::NotANumber { columns, rows });
        }
        let columns = found(&self.infinite);
        if !columns.is_empty() {
            return Err(WholeError::Infinite { columns, rows });
        }
        if self.negative_weights > 0 {
            let count = self.negative_weights;
            return Err(WholeError::NegativeWeights { count });
        }
        if self.zero_vectors > 0 {
            let count = self.zero_vectors;
            return Err(WholeError::ZeroVectors { count });
        }
        if self.overflows > 0 {
            return Err(WholeError::Overflow);
        }
        if self.rows == 0 {
            return Err(WholeError::NoRows);
        }
        Ok(())
    }

    /// [`Summary::check`], and the scale of the sums over these rows.
    pub(crate) fn judge(
        &self,
        invalid: Invalid,
        weighting: Weighting,
    ) -> Result<Scale, WholeError> {
        self.check(invalid)?;
        let largest: Vec<f64> = self.bounds.iter().map(|of| magnitude(*of)).collect();
        let largest_weight = match weighting {
            Weighting::None => None,
            Weighting::Column => Some(self.largest_weight),
        };
        Scale::new(&largest, largest_weight).ok_or(WholeError::Overflow)
    }

    /// How many rows were left out.
    pub(crate) fn dropped(&self) -> u64 {
        self.given.saturating_sub(self.rows)
    }
}
