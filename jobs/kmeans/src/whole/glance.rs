//! A look at the rows before or without a training: how many there are, and some of them.

use super::error::{PartialError, WholeError};
use super::partial::{Content, Partial};
use super::step::Step;
use super::training::Invalid;

/// A draw of rows in one pass: those with the smallest hashes, so that neither the cut of the rows nor their order decides.
///
/// ```
/// use gugus_kmeans::DistanceMeasure;
/// use gugus_kmeans::whole::{
///     Glance, Invalid, Kernel, Layout, PointsBuilder, Weighting, key, run_step,
/// };
///
/// let x: Vec<f64> = (0..100).map(f64::from).collect();
/// let keys: Vec<u64> = (0..100).map(|offset| key(1, 0, offset)).collect();
/// let mut builder = PointsBuilder::new(1, DistanceMeasure::Euclidean, Weighting::None);
/// builder.push(&[&x], None, &keys);
/// let points = builder.finish(Layout::Auto);
///
/// let glance = Glance::new(1, 10, Invalid::Fail);
/// let seen = glance.absorb(run_step(&glance.step(), &points, Kernel::default())?)?;
/// assert_eq!((seen.rows, seen.drawn.len()), (100, 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    dimensions: usize,
    limit: usize,
    invalid: Invalid,
}

/// What a [`Glance`] saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// How many rows there are.
    pub rows: u64,
    /// How many rows were left out for a null or a NaN.
    pub dropped: u64,
    /// All rows, or as many as were asked for, in an order that has nothing to do with what is in them.
    pub drawn: Vec<Vec<f64>>,
}

impl Glance {
    /// A draw of at most `limit` rows of so many columns.
    #[must_use]
    pub fn new(dimensions: usize, limit: usize, invalid: Invalid) -> Self {
        Self {
            dimensions,
            limit,
            invalid,
        }
    }

    /// What is to be computed over all the data.
    #[must_use]
    pub fn step(&self) -> Step {
        // Any seed does.
        Step::Summarize {
            seed: 0,
            first: self.limit,
        }
    }

    /// Takes in what the step came to over all the data.
    ///
    /// # Errors
    /// [`WholeError`] for rows that would fail a training, and when the partial is not of this step.
    pub fn absorb(&self, partial: Partial) -> Result<Seen, WholeError> {
        let mut whole = Partial::empty(&self.step(), self.dimensions);
        whole.merge(partial)?;
        let Content::Summarize(summary) = whole.0 else {
            return Err(WholeError::Partial(PartialError::Shape {
                step: "summarize",
            }));
        };
        summary.check(self.invalid)?;
        let dropped = summary.dropped();
        Ok(Seen {
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
