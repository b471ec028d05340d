//! Draws some of the rows in one pass, and counts all rows.

use gugus_kmeans::HandleInvalid;

use crate::error::{AllError, PartialError};
use crate::partial::{Content, Partial};
use crate::step::Step;

/// A draw of rows in one pass. It takes the rows with the smallest hashes, so neither the cut of the rows nor their
/// order changes the result.
///
/// ```
/// use gugus_kmeans::{DistanceMeasure, HandleInvalid};
/// use gugus_kmeans_all::{Sampling, Kernel, PointOrder, PointsBuilder, Weighting, key, run_step};
///
/// let x: Vec<f64> = (0..100).map(f64::from).collect();
/// let keys: Vec<u64> = (0..100).map(|offset| key(1, 0, offset)).collect();
/// let mut builder = PointsBuilder::new(1, DistanceMeasure::Euclidean, Weighting::Uniform);
/// builder.push(&[&x], None, &keys);
/// let points = builder.finish(PointOrder::Auto);
///
/// let sampling = Sampling::new(1, 10, HandleInvalid::Error);
/// let sampled = sampling.absorb(run_step(&sampling.step(), &points, Kernel::default())?)?;
/// assert_eq!((sampled.rows, sampled.drawn.len()), (100, 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    dimensions: usize,
    limit: usize,
    invalid: HandleInvalid,
}

/// The result of a [`Sampling`].
#[derive(Clone, Debug, PartialEq)]
pub struct SampledRows {
    /// How many rows there are.
    pub rows: u64,
    /// How many rows were left out for a null or a NaN.
    pub dropped: u64,
    /// As many rows as were asked for, or all if there are fewer. Their order does not depend on their content.
    pub drawn: Vec<Vec<f64>>,
}

impl Sampling {
    /// A draw of at most `limit` rows, each with so many columns.
    #[must_use]
    pub fn new(dimensions: usize, limit: usize, invalid: HandleInvalid) -> Self {
        Self {
            dimensions,
            limit,
            invalid,
        }
    }

    /// The step to compute over all data.
    #[must_use]
    pub fn step(&self) -> Step {
        // The seed may be any number.
        Step::Summarize {
            seed: 0,
            first: self.limit,
        }
    }

    /// Takes in the result of the step over all data.
    ///
    /// # Errors
    /// [`AllError`] for rows that would fail a training, and when the partial is not of this step.
    pub fn absorb(&self, partial: Partial) -> Result<SampledRows, AllError> {
        let mut answer = Partial::empty(&self.step(), self.dimensions);
        answer.merge(partial)?;
        let Content::Summarize(summary) = answer.0 else {
            return Err(AllError::Partial(PartialError::Shape { step: "summarize" }));
        };
        summary.check(self.invalid)?;
        let dropped = summary.dropped();
        Ok(SampledRows {
            rows: summary.rows,
            dropped,
            drawn: summary
                .first
                .rows
                .into_iter()
                .map(|row| row.values)
                .collect(),
        })
    }
}
