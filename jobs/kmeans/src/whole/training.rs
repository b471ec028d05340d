//! The driver of a training: which step is next. What is done with a step's answer is in [`stages`](super::stages).

use super::error::{PartialError, WholeError};
use super::fixed::Scale;
use super::partial::Partial;
use super::points::Weighting;
use super::step::Step;
use crate::params::{InitMode, Params, ParamsError};

/// How many rows a draw of k-means|| takes in the mean, for each cluster asked for. Spark's number.
const OVERSAMPLING: usize = 2;

/// How many times as many a draw may hand on before rows with large hashes are dropped: far above what chance gives, it only
/// keeps a partial's size bounded.
const SAMPLE_SLACK: usize = 4;

/// What is added to that, since small draws vary more.
const SAMPLE_SPARE: usize = 256;

/// What becomes of rows with a null or a NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invalid {
    /// The training fails and tells how many there are.
    #[default]
    Fail,
    /// They are left out.
    Drop,
}

/// What the training has come to with a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The name of the step that was absorbed.
    pub step: &'static str,
    /// How many passes over the data there were, this one included.
    pub pass: u32,
    /// Which of Lloyd's iterations it was, from 1.
    pub iteration: Option<u32>,
    /// What the rows cost with the centers or candidates that the step began with, as far as it tells. In Lloyd's iterations
    /// this comes out of the sums that there are anyway: good to ten digits or so where the data are not far from the origin.
    pub cost: Option<f64>,
    /// How far the center moved that moved farthest: a distance, or a cosine distance.
    pub moved: Option<f64>,
}

/// One model over everything.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeFit {
    /// The centers, by cluster number. At least one, at most `k`.
    pub centers: Vec<Vec<f64>>,
    /// How many rows each center is nearest to, weights left aside.
    pub sizes: Vec<u64>,
    /// How many rows were trained on.
    pub rows: u64,
    /// How many rows were left out for a null or a NaN.
    pub dropped: u64,
    /// Lloyd's iterations.
    pub iterations: u32,
    /// Whether they ended because no center moved farther than `tol`.
    pub converged: bool,
    /// What the last iteration cost, as in [`crate::Fit::training_cost`]: by weight, and before it moved the centers. 0 without an iteration.
    pub training_cost: f64,
    /// What the rows cost with the centers, by weight.
    pub cost: f64,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    Summarize,
    Cost {
        round: u32,
    },
    Sample {
        round: u32,
        cost: f64,
    },
    Weigh,
    Lloyd,
    Evaluate,
    Done {
        training_cost: f64,
        cost: f64,
        sizes: Vec<u64>,
    },
}

/// A training over all data: asks for one [`Step`] after the other and takes in what each comes to.
///
/// ```
/// use gugus_kmeans::whole::{
///     Invalid, Kernel, Layout, PointsBuilder, Training, Weighting, key, run_step,
/// };
/// use gugus_kmeans::{DistanceMeasure, Params};
///
/// let x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
/// let keys: Vec<u64> = (0..6).map(|offset| key(1, 0, offset)).collect();
/// let mut builder = PointsBuilder::new(1, DistanceMeasure::Euclidean, Weighting::None);
/// builder.push(&[&x], None, &keys);
/// let points = builder.finish(Layout::Auto);
///
/// let mut training = Training::new(Params::default(), 1, Weighting::None, Invalid::Fail)?;
/// while let Some(step) = training.step() {
///     // With more slices: a partial of each, merged in any order.
///     let partial = run_step(&step, &points, Kernel::default())?;
///     let progress = training.absorb(partial)?;
///     println!("{}: pass {}", progress.step, progress.pass);
/// }
/// let fit = training.finish().ok_or("it is done")?;
/// assert_eq!(fit.sizes, [3, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Training {
    pub(super) params: Params,
    pub(super) dimensions: usize,
    pub(super) weighting: Weighting,
    pub(super) invalid: Invalid,
    pub(super) stage: Stage,
    pub(super) passes: u32,
    pub(super) rows: u64,
    pub(super) dropped: u64,
    pub(super) scale: Option<Scale>,
    /// Candidates first, then centers.
    pub(super) centers: Vec<Vec<f64>>,
    pub(super) before: Option<Vec<Vec<f64>>>,
    pub(super) iterations: u32,
    pub(super) converged: bool,
}

impl Training {
    /// A training that has not begun. [`Params::solver`] plays no part: there is one way only.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn new(
        params: Params,
        dimensions: usize,
        weighting: Weighting,
        invalid: Invalid,
    ) -> Result<Self, ParamsError> {
        params.validate()?;
        Ok(Self {
            params,
            dimensions,
            weighting,
            invalid,
            stage: Stage::Summarize,
            passes: 0,
            rows: 0,
            dropped: 0,
            scale: None,
            centers: Vec::new(),
            before: None,
            iterations: 0,
            converged: false,
        })
    }

    /// What is to be computed next over all the data; `None` when the training is done. Asking again gives the same step,
    /// so that one that got lost can be carried out again.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let seed = self.params.seed.cast_unsigned();
        let centers = || self.centers.clone();
        Some(match &self.stage {
            Stage::Summarize => Step::Summarize {
                seed,
                first: match self.params.init_mode {
                    InitMode::Random => self.params.k,
                    InitMode::Parallel => 1,
                },
            },
            Stage::Cost { .. } => Step::Cost {
                candidates: centers(),
            },
            Stage::Sample { round, cost } => {
                let wanted = OVERSAMPLING.saturating_mul(self.params.k);
                Step::Sample {
                    candidates: centers(),
                    seed,
                    round: *round,
                    wanted: wanted as f64,
                    cost: *cost,
                    limit: wanted
                        .saturating_mul(SAMPLE_SLACK)
                        .saturating_add(SAMPLE_SPARE),
                }
            }
            Stage::Weigh => Step::Weigh {
                candidates: centers(),
            },
            Stage::Lloyd => Step::Lloyd {
                scale: self.scale.clone()?,
                centers: centers(),
            },
            Stage::Evaluate => Step::Evaluate {
                before: self.before.clone(),
                centers: centers(),
            },
            Stage::Done { .. } => return None,
        })
    }

    /// Takes in what the current step came to over all the data.
    ///
    /// # Errors
    /// [`WholeError`] when the data cannot be trained on, and when the partial is not of this step. The training stays at the step
    /// it was at.
    pub fn absorb(&mut self, partial: Partial) -> Result<Progress, WholeError> {
        let Some(step) = self.step() else {
            return Err(WholeError::Partial(PartialError::Over {
                given: partial.name(),
            }));
        };
        // Merging checks that the partial is of this step and shape.
        let mut whole = Partial::empty(&step, self.dimensions);
        whole.merge(partial)?;
        let mut progress = Progress {
            step: step.name(),
            pass: self.passes + 1,
            iteration: None,
            cost: None,
            moved: None,
        };
        self.take(whole, &mut progress)?;
        self.passes += 1;
        Ok(progress)
    }

    /// What the training found; `None` while a step is left.
    #[must_use]
    pub fn finish(self) -> Option<WholeFit> {
        let Stage::Done {
            training_cost,
            cost,
            sizes,
        } = self.stage
        else {
            return None;
        };
        Some(WholeFit {
            centers: self.centers,
            sizes,
            rows: self.rows,
            dropped: self.dropped,
            iterations: self.iterations,
            converged: self.converged,
            training_cost,
            cost,
        })
    }
}
