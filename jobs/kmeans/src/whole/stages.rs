//! What the driver makes of each step's answer: candidates, centers, the next step.
//!
//! This is Spark's k-means|| and Lloyd's loop, with two differences that come of having neither partitions nor an order of rows: draws are by
//! hash, and a mean is the exact sum over the exact weight, rounded once.

use super::draws::Drawn;
use super::error::{PartialError, WholeError};
use super::fixed::{Grid, quotient};
use super::means::Means;
use super::partial::{Content, Evaluation, Partial, Summary};
use super::training::{Progress, Stage, Training};
use crate::centers::Centers;
use crate::distance::{Point, dot, norm, scale, squared_distance};
use crate::init::LOCAL_ROUNDS;
use crate::local::k_means_plus_plus;
use crate::params::{DistanceMeasure, InitMode};
use crate::rows::RowForm;

impl Training {
    /// Takes in the whole answer to the current step. Nothing is changed before everything is known to be right.
    pub(super) fn take(
        &mut self,
        whole: Partial,
        progress: &mut Progress,
    ) -> Result<(), WholeError> {
        match whole.0 {
            Content::Summarize(summary) => self.begin(summary),
            Content::Cost(sum) => {
                let cost = finite(sum.value())?;
                progress.cost = Some(self.as_cost(cost));
                self.draw(cost);
                Ok(())
            }
            Content::Sample(draws) => self.extend(draws.rows),
            Content::Weigh(counts) => {
                self.reduce(&counts);
                Ok(())
            }
            Content::Lloyd(means) => self.move_centers(&means, progress),
            Content::Evaluate(evaluation) => self.end(*evaluation, progress),
            // Whole was merged into the partial of this training's own step, which is none of these.
            Content::Spread(_) | Content::Silhouette(_) => Ok(()),
        }
    }

    /// Judges the rows and begins with those that were drawn.
    fn begin(&mut self, summary: Summary) -> Result<(), WholeError> {
        let scale = summary.judge(self.invalid, self.weighting)?;
        self.check_widths(&summary.first.rows)?;
        self.scale = Some(scale);
        self.rows = summary.rows;
        self.dropped = summary.dropped();
        self.centers = summary
            .first
            .rows
            .into_iter()
            .map(|row| row.values)
            .collect();
        match self.params.init_mode {
            InitMode::Parallel => self.stage = Stage::Cost { round: 1 },
            InitMode::Random => {
                self.centers = centers_of(&self.centers).distinct().to_rows();
                self.set_out();
            }
        }
        Ok(())
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
    fn extend(&mut self, mut rows: Vec<Drawn>) -> Result<(), WholeError> {
        self.check_widths(&rows)?;
        // By key, which has nothing to do with how little a row drew. Rows of the same key are in order.
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

    /// Makes centers of the candidates at once when there are few.
    fn choose(&mut self) {
        self.centers = centers_of(&self.centers).distinct().to_rows();
        if self.centers.len() <= self.params.k {
            self.set_out();
        } else {
            self.stage = Stage::Weigh;
        }
    }

    /// Makes `k` centers of many candidates, as this crate's fit does.
    fn reduce(&mut self, counts: &[u64]) {
        let weights: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let candidates = centers_of(&self.centers);
        self.centers =
            k_means_plus_plus(&candidates, &weights, self.params.k, LOCAL_ROUNDS).to_rows();
        self.set_out();
    }

    /// Begins with Lloyd's iterations.
    fn set_out(&mut self) {
        for center in &mut self.centers {
            self.params.distance_measure.settle(center);
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

    /// Moves each center to the mean of its rows; one that no weight is nearest to stays where it is.
    fn move_centers(&mut self, means: &Means, progress: &mut Progress) -> Result<(), WholeError> {
        let measure = self.params.distance_measure;
        let mut moved = self.centers.clone();
        let mut farthest = 0.0_f64;
        let mut saved = 0.0;
        for (j, center) in moved.iter_mut().enumerate() {
            let Some(share) = means.share(j) else {
                continue;
            };
            saved += 2.0 * dot(center, &share.totals()) - share.weight() * dot(center, center);
            let mut mean = share.mean();
            if measure.settle(&mut mean) {
                farthest = farthest.max(squared_distance(center, &mean));
                *center = mean;
            }
        }
        let squares = quotient(means.squares, 1, Grid::new(means.scale.squares).unit());
        let cost = finite(squares - saved)?.max(0.0);
        let tol = self.params.tol;
        (self.converged, progress.moved) = match measure {
            DistanceMeasure::Euclidean => (farthest <= tol * tol, Some(farthest.sqrt())),
            DistanceMeasure::Cosine => (farthest / 2.0 <= tol, Some(farthest / 2.0)),
        };
        self.before = Some(std::mem::replace(&mut self.centers, moved));
        self.iterations += 1;
        self.stage = self.next_iteration();
        progress.iteration = Some(self.iterations);
        progress.cost = Some(self.as_cost(cost));
        Ok(())
    }

    fn end(&mut self, evaluation: Evaluation, progress: &mut Progress) -> Result<(), WholeError> {
        let before = evaluation.before.map_or(0.0, |sum| sum.value());
        let training_cost = self.as_cost(finite(before)?);
        let cost = self.as_cost(finite(evaluation.cost.value())?);
        self.stage = Stage::Done {
            training_cost,
            cost,
            sizes: evaluation.sizes,
        };
        progress.cost = Some(cost);
        Ok(())
    }

    fn as_cost(&self, squared: f64) -> f64 {
        self.params.distance_measure.cost_of(squared)
    }

    /// The shape of a partial does not tell how wide its rows are.
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

impl DistanceMeasure {
    /// A cost from a sum of squared distances: of points at length 1, one minus the cosine is half of it.
    pub(super) fn cost_of(self, squared: f64) -> f64 {
        match self {
            Self::Euclidean => squared,
            Self::Cosine => squared / 2.0,
        }
    }

    /// Makes a center of a mean. Without a direction, where the measure asks for one, it is none: `false`, and the mean stays as it is.
    pub(super) fn settle(self, mean: &mut [f64]) -> bool {
        match self {
            Self::Euclidean => true,
            Self::Cosine => {
                let norm = norm(mean);
                if norm > 0.0 {
                    scale(mean, 1.0 / norm);
                }
                norm > 0.0
            }
        }
    }
}

fn centers_of(rows: &[Vec<f64>]) -> Centers {
    let mut centers = Centers::new(rows.first().map_or(0, Vec::len));
    for row in rows {
        centers.push(Point::new(row, RowForm::Dense));
    }
    centers
}

pub(super) fn finite(cost: f64) -> Result<f64, WholeError> {
    if cost.is_finite() {
        Ok(cost)
    } else {
        Err(WholeError::Overflow)
    }
}
