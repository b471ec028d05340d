//! The driver of a training. It says which step is next and takes in the result.
//!
//! This is Spark's k-means|| and Lloyd's loop, with two differences. Draws are made by hash and means are exact until
//! they are rounded once, because there are no partitions and no order of rows here.

use gugus_kmeans::{
    Centers, DistanceMeasure, Fit, FitSummary, HandleInvalid, Init, InitMode, Params, ParamsError,
    Stop, candidates,
};

use crate::draws::Drawn;
use crate::error::{AllError, PartialError};
use crate::fixed_point::Scale;
use crate::lloyd::{Moved, move_centers};
use crate::means::Means;
use crate::measure::{cost_of, finite, settle};
use crate::partial::{Content, Evaluation, Partial};
use crate::points::Weighting;
use crate::starts::{self, Ended};
use crate::step::Step;
use crate::summary::Summary;

/// How many rows one draw of k-means|| takes on average, for each cluster asked for. It is the number of Spark.
const OVERSAMPLING: usize = 2;

/// A draw may hand on so many times the expected number of rows. Beyond that, rows with large hashes are dropped.
/// Chance never gives so many rows; the limit only bounds the size of a partial.
const SAMPLE_SLACK: usize = 4;

/// This number is added to the limit, because small draws vary more.
const SAMPLE_SPARE: usize = 256;

/// How far the training is after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The name of the step that was absorbed.
    pub step: &'static str,
    /// How many passes over the data there were, with this one.
    pub pass: u32,
    /// The number of this iteration of Lloyd's loop, from 1.
    pub iteration: Option<u32>,
    /// The cost of the rows with the centers or candidates at the beginning of the step, if the step tells the cost. In
    /// Lloyd's iterations the cost follows from sums that are made anyway. It is right to about ten digits if the data
    /// are not far from the origin.
    pub cost: Option<f64>,
    /// How far the center that moved farthest has moved: a distance, or a cosine distance.
    pub moved: Option<f64>,
}

/// One model over all data.
#[derive(Clone, Debug, PartialEq)]
pub struct AllFit {
    /// The part that every fit has.
    pub fit: Fit,
    /// Whether the iterations ended because no center moved farther than `tol`.
    pub converged: bool,
    /// The cost of the rows with the final centers, by weight.
    pub cost: f64,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Summarize,
    Cost { round: u32 },
    Sample { round: u32, cost: f64 },
    Weigh,
    Lloyd,
    Evaluate,
    Done,
}

/// A training over all data. It asks for one [`Step`] after another and takes in the merged partial of each.
///
/// ```
/// use gugus_kmeans_all::{Kernel, PointOrder, PointsBuilder, Training, Weighting, key, run_step};
/// use gugus_kmeans::{DistanceMeasure, HandleInvalid, Params};
///
/// let x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
/// let keys: Vec<u64> = (0..6).map(|offset| key(1, 0, offset)).collect();
/// let mut builder = PointsBuilder::new(1, DistanceMeasure::Euclidean, Weighting::Uniform);
/// builder.push(&[&x], None, &keys);
/// let points = builder.finish(PointOrder::Auto);
///
/// let mut training = Training::new(Params::default(), 1, Weighting::Uniform, HandleInvalid::Error)?;
/// while let Some(step) = training.step() {
///     // With more slices: a partial of each, merged in any order.
///     let partial = run_step(&step, &points, Kernel::default())?;
///     let report = training.absorb(partial)?;
///     println!("{}: pass {}", report.step, report.pass);
/// }
/// let fit = training.finish().ok_or("it is done")?;
/// assert_eq!(fit.fit.summary.sizes, [3, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Training {
    params: Params,
    dimensions: usize,
    weighting: Weighting,
    invalid: HandleInvalid,
    stage: Stage,
    passes: u32,
    rows: u64,
    dropped: u64,
    scale: Option<Scale>,
    /// The centers to begin with, until the rows were checked.
    given: Option<Vec<Vec<f64>>>,
    /// The rows that were drawn for all starts.
    drawn: Vec<Drawn>,
    /// The number of the start, from 0.
    start: u32,
    /// The best start so far.
    best: Option<Ended>,
    /// Candidates first, then centers.
    centers: Vec<Vec<f64>>,
    before: Option<Vec<Vec<f64>>>,
    iterations: u32,
    converged: bool,
    stop: Stop,
}

impl Training {
    /// A training that has not begun. [`Params::solver`] is ignored, because there is only one way.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn new(
        params: Params,
        dimensions: usize,
        weighting: Weighting,
        invalid: HandleInvalid,
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
            given: None,
            drawn: Vec::new(),
            start: 0,
            best: None,
            centers: Vec::new(),
            before: None,
            iterations: 0,
            converged: false,
            stop: Stop::default(),
        })
    }

    /// The same training, whose [`absorb`](Self::absorb) ends soon after this signal.
    #[must_use]
    pub fn until(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// The same training, which begins once, with these centers, and draws none. Centers that do not have the columns of
    /// the rows are left out. The model then depends on where it began.
    #[must_use]
    pub fn starting_from(mut self, centers: Option<Vec<Vec<f64>>>) -> Self {
        let dimensions = self.dimensions;
        let fits = |centers: &Vec<Vec<f64>>| {
            !centers.is_empty() && centers.iter().all(|center| center.len() == dimensions)
        };
        self.given = centers.filter(fits);
        self
    }

    /// The step to compute next over all data; `None` when the training is done. Asking again gives the same step, so a
    /// step whose result got lost can be computed again.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let seed = || starts::seed(&self.params, self.start);
        let centers = || self.centers.clone();
        Some(match &self.stage {
            Stage::Summarize => Step::Summarize {
                seed: seed(),
                first: match self.given {
                    Some(_) => 0,
                    None => starts::rows_wanted(&self.params, self.dimensions),
                },
            },
            Stage::Cost { .. } => Step::Cost {
                candidates: centers(),
            },
            Stage::Sample { round, cost } => {
                let wanted = OVERSAMPLING.saturating_mul(self.params.k);
                Step::Sample {
                    candidates: centers(),
                    seed: seed(),
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
            Stage::Done => return None,
        })
    }

    /// Takes in the result of the current step over all data. Where a start begins, that chooses centers, which takes
    /// minutes if there are many clusters.
    ///
    /// # Errors
    /// [`AllError`] when the data cannot be trained on, when the partial is not of this step, or after the signal of
    /// [`until`](Self::until). The training then stays at the same step.
    pub fn absorb(&mut self, partial: Partial) -> Result<StepReport, AllError> {
        let Some(step) = self.step() else {
            return Err(AllError::Partial(PartialError::Over {
                given: partial.name(),
            }));
        };
        // Merging checks that the partial is of this step and shape.
        let mut answer = Partial::empty(&step, self.dimensions);
        answer.merge(partial)?;
        let mut report = StepReport {
            step: step.name(),
            pass: self.passes + 1,
            iteration: None,
            cost: None,
            moved: None,
        };
        self.take(answer, &mut report)?;
        self.passes += 1;
        Ok(report)
    }

    /// What the training found; `None` while a step is left.
    #[must_use]
    pub fn finish(self) -> Option<AllFit> {
        let kept = self.best.filter(|_| self.stage == Stage::Done)?;
        let model = Centers {
            centers: kept.centers,
            distance_measure: self.params.distance_measure,
        };
        let summary = FitSummary {
            rows: self.rows,
            dropped: self.dropped,
            iterations: kept.iterations,
            training_cost: kept.training_cost,
            sizes: kept.sizes,
            noise: 0,
        };
        Some(AllFit {
            fit: Fit { model, summary },
            converged: kept.converged,
            cost: kept.cost,
        })
    }

    /// Takes in the result of the current step. It changes nothing before it has checked the whole result.
    fn take(&mut self, answer: Partial, report: &mut StepReport) -> Result<(), AllError> {
        match answer.0 {
            Content::Summarize(summary) => self.begin(summary),
            Content::Cost(sum) => {
                let cost = finite(sum.value())?;
                report.cost = Some(self.as_cost(cost));
                self.draw(cost);
                Ok(())
            }
            Content::Sample(draws) => self.extend(draws.rows),
            Content::Weigh(counts) => self.reduce(&counts),
            Content::Lloyd(means) => self.move_centers(&means, report),
            Content::Evaluate(evaluation) => self.end(*evaluation, report),
            // The result was merged into the partial of this training's own step, and that step is none of these.
            Content::Spread(_) | Content::Silhouette(_) => Ok(()),
        }
    }

    /// Checks the rows. The training goes on with the rows that were drawn.
    fn begin(&mut self, summary: Summary) -> Result<(), AllError> {
        let scale = summary.scale(self.invalid, self.weighting)?;
        self.check_widths(&summary.first.rows)?;
        let first = match &self.given {
            Some(_) => Vec::new(),
            None => self.first(self.start, &summary.first.rows)?,
        };
        self.scale = Some(scale);
        self.rows = summary.rows;
        self.dropped = summary.dropped();
        if let Some(given) = self.given.take() {
            self.params.n_init = 1;
            self.centers = given;
            self.set_out();
            return Ok(());
        }
        self.drawn = summary.first.rows;
        self.begin_start(first);
        Ok(())
    }

    /// The centers, or the candidates, that a start begins with.
    fn first(&self, start: u32, drawn: &[Drawn]) -> Result<Vec<Vec<f64>>, PartialError> {
        Ok(starts::first(&self.params, start, drawn, &self.stop)?)
    }

    /// Begins the next start with some of the rows that were drawn.
    fn begin_start(&mut self, first: Vec<Vec<f64>>) {
        self.centers = first;
        self.before = None;
        self.iterations = 0;
        self.converged = false;
        let enough = match (self.params.init, self.params.init_mode) {
            // A sample of many equal rows may lack what the others have. Then k-means|| goes on from it.
            (Init::PlusPlus, _) => self.centers.len() == self.params.k,
            (Init::Spark, InitMode::Random) => true,
            (Init::Spark, InitMode::Parallel) => false,
        };
        if enough {
            self.set_out();
        } else {
            self.stage = Stage::Cost { round: 1 };
        }
    }

    /// Draws candidates unless all rows are candidates already.
    fn draw(&mut self, cost: f64) {
        if cost > 0.0
            && let Stage::Cost { round } = self.stage
        {
            self.stage = Stage::Sample { round, cost };
        } else {
            self.choose();
        }
    }

    /// Takes more candidates.
    fn extend(&mut self, mut rows: Vec<Drawn>) -> Result<(), AllError> {
        self.check_widths(&rows)?;
        // By key, so that the order does not depend on the drawn number. Rows of the same key are ordered by their
        // values.
        rows.sort_by_key(|row| row.key);
        self.centers.extend(rows.into_iter().map(|row| row.values));
        match self.stage {
            Stage::Sample { round, .. } if round < self.params.init_steps => {
                self.stage = Stage::Cost { round: round + 1 };
            }
            _ => self.choose(),
        }
        Ok(())
    }

    /// Turns the candidates into centers at once if they are few.
    fn choose(&mut self) {
        self.centers = candidates::distinct(&self.centers);
        if self.centers.len() <= self.params.k {
            self.set_out();
        } else {
            self.stage = Stage::Weigh;
        }
    }

    /// Turns many candidates into `k` centers, as `gugus_kmeans::fit` does.
    fn reduce(&mut self, counts: &[u64]) -> Result<(), AllError> {
        let weights: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let centers = candidates::reduce(&self.centers, &weights, self.params.k, &self.stop);
        self.centers = centers.map_err(PartialError::from)?;
        self.set_out();
        Ok(())
    }

    /// Begins Lloyd's iterations.
    fn set_out(&mut self) {
        for center in &mut self.centers {
            settle(self.params.distance_measure, center);
        }
        self.stage = self.next_iteration();
    }

    fn next_iteration(&self) -> Stage {
        if self.converged || self.iterations >= self.params.max_iter {
            Stage::Evaluate
        } else {
            Stage::Lloyd
        }
    }

    /// Moves the centers, and checks whether they still move.
    fn move_centers(&mut self, means: &Means, report: &mut StepReport) -> Result<(), AllError> {
        let measure = self.params.distance_measure;
        let Moved {
            centers,
            farthest,
            cost,
        } = move_centers(&self.centers, means, measure)?;
        let tol = self.params.tol;
        (self.converged, report.moved) = match measure {
            DistanceMeasure::Euclidean => (farthest <= tol * tol, Some(farthest.sqrt())),
            DistanceMeasure::Cosine => (farthest / 2.0 <= tol, Some(farthest / 2.0)),
        };
        self.before = Some(std::mem::replace(&mut self.centers, centers));
        self.iterations += 1;
        self.stage = self.next_iteration();
        report.iteration = Some(self.iterations);
        report.cost = Some(self.as_cost(cost));
        Ok(())
    }

    fn end(&mut self, evaluation: Evaluation, report: &mut StepReport) -> Result<(), AllError> {
        let before = evaluation.before.map_or(0.0, |sum| sum.value());
        let training_cost = self.as_cost(finite(before)?);
        let cost = self.as_cost(finite(evaluation.cost.value())?);
        let next = self.start + 1;
        let first = if next < self.params.n_init {
            Some(self.first(next, &self.drawn)?)
        } else {
            None
        };
        report.cost = Some(cost);
        let ended = Ended {
            centers: std::mem::take(&mut self.centers),
            iterations: self.iterations,
            converged: self.converged,
            training_cost,
            cost,
            sizes: evaluation.sizes,
        };
        if self
            .best
            .as_ref()
            .is_none_or(|best| ended.is_better_than(best))
        {
            self.best = Some(ended);
        }
        self.start = next;
        match first {
            Some(first) => self.begin_start(first),
            None => self.stage = Stage::Done,
        }
        Ok(())
    }

    fn as_cost(&self, squared: f64) -> f64 {
        cost_of(self.params.distance_measure, squared)
    }

    /// The shape of a partial does not show how many columns the rows have.
    fn check_widths(&self, rows: &[Drawn]) -> Result<(), PartialError> {
        match rows.iter().find(|row| row.values.len() != self.dimensions) {
            None => Ok(()),
            Some(row) => Err(PartialError::Dimensions {
                expected: self.dimensions,
                given: row.values.len(),
            }),
        }
    }
}
