//! Measures how well given centers fit some data: sizes, costs and silhouettes, in three passes.

use gugus_kmeans::{DistanceMeasure, HandleInvalid};

use crate::error::{AllError, PartialError};
use crate::exact_sum::ExactSum;
use crate::fixed_point::Scale;
use crate::measure::{cost_of, finite, settle};
use crate::partial::{Content, Partial};
use crate::points::Weighting;
use crate::silhouette::{Cluster, Silhouettes};
use crate::spread::Spreads;
use crate::step::Step;
use crate::summary::Summary;

/// The figures of given centers on some data.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessed {
    /// How many rows there are.
    pub rows: u64,
    /// How many rows were left out for a null or a NaN.
    pub dropped: u64,
    /// The cost of the rows with the centers, by weight.
    pub cost: f64,
    /// The mean silhouette of the rows, by weight. `None` if fewer than two centers have rows (Spark refuses that), or
    /// if no row has a weight.
    pub silhouette: Option<f64>,
    /// The figures of each center.
    pub clusters: Vec<AssessedCluster>,
}

/// The figures of one center.
#[derive(Clone, Debug, PartialEq)]
pub struct AssessedCluster {
    /// How many rows are nearest to it, without their weights.
    pub rows: u64,
    /// The sum of the weights of these rows; without weights, the number of rows.
    pub weight: f64,
    /// The cost of these rows, by weight.
    pub cost: f64,
    /// The mean silhouette of these rows, by weight. `None` if they have no weight or there is no second cluster.
    pub silhouette: Option<f64>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Summarize,
    Spread(Scale),
    Silhouette(Vec<Cluster>),
    Done,
}

/// An assessment of given centers. It asks for one [`Step`] after another, as a [`Training`](crate::Training) does, and
/// gives the same bits for any cut of the data.
///
/// ```
/// use gugus_kmeans::{DistanceMeasure, HandleInvalid};
/// use gugus_kmeans_all::{Assessment, Kernel, PointOrder, PointsBuilder, Weighting, key, run_step};
///
/// let x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
/// let keys: Vec<u64> = (0..6).map(|offset| key(1, 0, offset)).collect();
/// let (measure, weighting) = (DistanceMeasure::Euclidean, Weighting::Uniform);
/// let mut builder = PointsBuilder::new(1, measure, weighting);
/// builder.push(&[&x], None, &keys);
/// let points = builder.finish(PointOrder::Auto);
///
/// let centers = vec![vec![1.0], vec![11.0]];
/// let mut assessment = Assessment::new(centers, measure, 1, weighting, HandleInvalid::Error);
/// while let Some(step) = assessment.step() {
///     assessment.absorb(run_step(&step, &points, Kernel::default())?)?;
/// }
/// let assessed = assessment.finish().ok_or("it is done")?;
/// assert_eq!(assessed.cost, 4.0);
/// assert!(assessed.silhouette.is_some_and(|silhouette| silhouette > 0.9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assessment {
    centers: Vec<Vec<f64>>,
    measure: DistanceMeasure,
    dimensions: usize,
    weighting: Weighting,
    invalid: HandleInvalid,
    stage: Stage,
    assessed: Assessed,
}

impl Assessment {
    /// An assessment that has not begun. Under the cosine distance only the direction of a center counts.
    #[must_use]
    pub fn new(
        mut centers: Vec<Vec<f64>>,
        measure: DistanceMeasure,
        dimensions: usize,
        weighting: Weighting,
        invalid: HandleInvalid,
    ) -> Self {
        for center in &mut centers {
            settle(measure, center);
        }
        Self {
            centers,
            measure,
            dimensions,
            weighting,
            invalid,
            stage: Stage::Summarize,
            assessed: Assessed {
                rows: 0,
                dropped: 0,
                cost: 0.0,
                silhouette: None,
                clusters: Vec::new(),
            },
        }
    }

    /// The step to compute next over all data; `None` when nothing is left to compute. Asking again gives the same
    /// step.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        match &self.stage {
            // Nothing is drawn.
            Stage::Summarize => Some(Step::Summarize { seed: 0, first: 0 }),
            Stage::Spread(scale) => Some(Step::Spread {
                scale: scale.clone(),
                centers: self.centers.clone(),
            }),
            Stage::Silhouette(clusters) => Some(Step::Silhouette {
                clusters: clusters.clone(),
            }),
            Stage::Done => None,
        }
    }

    /// Takes in the result of the current step over all data.
    ///
    /// # Errors
    /// [`AllError`] for data that would also fail a training, and when the partial is not of this step.
    pub fn absorb(&mut self, partial: Partial) -> Result<(), AllError> {
        let Some(step) = self.step() else {
            return Err(AllError::Partial(PartialError::Over {
                given: partial.name(),
            }));
        };
        // Merging checks that the partial is of this step and shape.
        let mut answer = Partial::empty(&step, self.dimensions);
        answer.merge(partial)?;
        self.stage = match (&self.stage, answer.0) {
            (Stage::Summarize, Content::Summarize(summary)) => self.begin(&summary)?,
            (Stage::Spread(_), Content::Spread(spreads)) => self.measure(&spreads)?,
            (Stage::Silhouette(_), Content::Silhouette(silhouettes)) => self.end(&silhouettes),
            // The merge above has refused partials of other steps.
            _ => Stage::Done,
        };
        Ok(())
    }

    /// The figures of the centers; `None` while a step is left.
    #[must_use]
    pub fn finish(self) -> Option<Assessed> {
        (self.stage == Stage::Done).then_some(self.assessed)
    }

    fn begin(&mut self, summary: &Summary) -> Result<Stage, AllError> {
        let scale = summary.scale(self.invalid, self.weighting)?;
        self.assessed.rows = summary.rows;
        self.assessed.dropped = summary.dropped();
        Ok(Stage::Spread(scale))
    }

    /// Takes in sizes and costs, and the sums that silhouettes need.
    fn measure(&mut self, spreads: &Spreads) -> Result<Stage, AllError> {
        let mut clusters = Vec::with_capacity(self.centers.len());
        let mut assessed = Vec::with_capacity(self.centers.len());
        let mut cost = ExactSum::default();
        for (number, (center, sum)) in self.centers.iter().zip(&spreads.costs).enumerate() {
            let of_center = finite(sum.value())?;
            cost.merge(sum)
                .ok_or(PartialError::Full { step: "spread" })?;
            let share = spreads.means.share(number);
            let weight = share.as_ref().map_or(0.0, |share| share.weight());
            let drift = match &share {
                None => vec![0.0; center.len()],
                Some(share) => {
                    let mean = share.mean();
                    mean.iter().zip(center).map(|(m, c)| m - c).collect()
                }
            };
            clusters.push(Cluster {
                center: center.clone(),
                drift,
                spread: if weight > 0.0 {
                    of_center / weight
                } else {
                    0.0
                },
                weight,
            });
            assessed.push(AssessedCluster {
                rows: spreads.means.counts[number],
                weight,
                cost: cost_of(self.measure, of_center),
                silhouette: None,
            });
        }
        self.assessed.cost = cost_of(self.measure, finite(cost.value())?);
        self.assessed.clusters = assessed;
        let with_rows = self.assessed.clusters.iter().filter(|of| of.rows > 0);
        Ok(if with_rows.count() > 1 {
            Stage::Silhouette(clusters)
        } else {
            Stage::Done
        })
    }

    /// Takes in the silhouettes.
    fn end(&mut self, silhouettes: &Silhouettes) -> Stage {
        let (mut sum, mut weight) = (0.0, 0.0);
        let sums = silhouettes.above.iter().zip(&silhouettes.below);
        for (of, (above, below)) in self.assessed.clusters.iter_mut().zip(sums) {
            let of_cluster = above.value() - below.value();
            of.silhouette = (of.weight > 0.0).then(|| of_cluster / of.weight);
            sum += of_cluster;
            weight += of.weight;
        }
        self.assessed.silhouette = (weight > 0.0).then(|| sum / weight);
        Stage::Done
    }
}
