//! The likelihood of a point in a mixture of Gaussians, computed on logarithms.

use std::f64::consts::TAU;

use gugus_kmeans::PredictError;

use super::{Gaussian, Mixture};
use crate::model::FittedError;
use crate::predict::{Explained, Predict, Prediction, number};

/// A mixture prepared for prediction.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Densities(Vec<Density>);

/// One Gaussian: its density is `exp(constant - |L⁻¹ (x - mean)|² / 2)` for `L Lᵀ` the covariances.
#[derive(Clone, Debug, PartialEq)]
struct Density {
    constant: f64,
    mean: Vec<f64>,
    /// The lower triangle `L`, row after row. Row 1 has one number, row 2 has two, and so on.
    triangle: Vec<f64>,
}

impl Densities {
    /// Checks and prepares a mixture.
    pub(super) fn new(mixture: &Mixture) -> Result<Self, FittedError> {
        let wrong = |reason: String| FittedError::Other(reason);
        let gaussians = &mixture.gaussians;
        let none = || wrong("there are no gaussians to predict with".to_owned());
        let dimensions = gaussians.first().ok_or_else(none)?.mean.len();
        let densities = gaussians.iter().enumerate().map(|(gaussian, given)| {
            let Gaussian {
                weight,
                mean,
                covariance,
            } = given;
            let complete = mean.len() == dimensions
                && Some(covariance.len()) == dimensions.checked_mul(dimensions)
                && (0.0..=2.0).contains(weight)
                && mean.iter().chain(covariance).all(|x| x.is_finite());
            if !complete || dimensions == 0 {
                return Err(wrong(format!(
                    "gaussian {gaussian} does not have a weight, {dimensions} means and {dimensions} by {dimensions} covariances that are finite"
                )));
            }
            let flat = || {
                let reason = "are not positive definite";
                wrong(format!("the covariances of gaussian {gaussian} {reason}"))
            };
            let triangle = triangle(covariance, dimensions).ok_or_else(flat)?;
            let half_log_det: f64 = (1..=dimensions)
                .map(|n| triangle[n * (n + 1) / 2 - 1].ln())
                .sum();
            let constant = weight.ln() - half_log_det - 0.5 * dimensions as f64 * TAU.ln();
            Ok(Density {
                constant,
                mean: mean.clone(),
                triangle,
            })
        });
        densities.collect::<Result<_, _>>().map(Self)
    }

    /// The probability of each Gaussian given the point, and the logarithm of the point's density.
    pub(super) fn of(&self, point: &[f64]) -> (Vec<f64>, f64) {
        let mut logs: Vec<f64> = self.0.iter().map(|density| density.log(point)).collect();
        let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if greatest == f64::NEG_INFINITY {
            // The point is so far out that no square is finite, so the Gaussians cannot be told apart.
            let share = 1.0 / logs.len() as f64;
            return (vec![share; logs.len()], greatest);
        }
        let sum: f64 = logs.iter().map(|log| (log - greatest).exp()).sum();
        let norm = greatest + sum.ln();
        for log in &mut logs {
            *log = (*log - norm).exp();
        }
        (logs, norm)
    }
}

impl Predict for Densities {
    fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError> {
        let (probabilities, _) = self.of(point);
        Ok(Prediction::Probable {
            cluster: first_greatest(&probabilities),
            probabilities,
        })
    }

    fn explain(&self, point: &[f64]) -> Result<Explained, PredictError> {
        let (mut probabilities, _) = self.of(point);
        let first = first_greatest(&probabilities);
        let distance = |cluster: usize| self.0[cluster].squares(point).sqrt();
        probabilities[first] = f64::NEG_INFINITY;
        let second = first_greatest(&probabilities);
        Ok(Explained {
            distance: distance(first),
            second: (second != first).then(|| (number(second), distance(second))),
        })
    }
}

/// The first position of the greatest number.
fn first_greatest(numbers: &[f64]) -> usize {
    let mut best = 0;
    for (i, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = i;
        }
    }
    best
}

impl Density {
    /// The logarithm of weight and density at a point.
    fn log(&self, point: &[f64]) -> f64 {
        let squares = self.squares(point);
        if squares.is_nan() {
            return f64::NEG_INFINITY;
        }
        self.constant - 0.5 * squares
    }

    /// The squared distance of a point from the mean, in standard deviations: the Mahalanobis distance.
    fn squares(&self, point: &[f64]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(point.len());
        let mut squares = 0.0;
        let mut start = 0;
        for (i, (x, mean)) in point.iter().zip(&self.mean).enumerate() {
            let row = &self.triangle[start..=start + i];
            let known: f64 = row.iter().zip(&solved).map(|(l, y)| l * y).sum();
            let y = (x - mean - known) / row[i];
            squares += y * y;
            solved.push(y);
            start += i + 1;
        }
        squares
    }
}

/// Cholesky's lower triangle of a symmetric matrix, of which only the lower half is read. `None` if the matrix is not
/// positive definite.
fn triangle(matrix: &[f64], dimensions: usize) -> Option<Vec<f64>> {
    let mut lower: Vec<f64> = Vec::with_capacity(dimensions * (dimensions + 1) / 2);
    for i in 0..dimensions {
        let row = lower.len();
        for j in 0..=i {
            let other = j * (j + 1) / 2;
            let dot: f64 = (0..j).map(|k| lower[row + k] * lower[other + k]).sum();
            let rest = matrix[i * dimensions + j] - dot;
            lower.push(if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / lower[other + j]
            });
        }
    }
    lower.iter().all(|x| x.is_finite()).then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture(parts: &[(f64, [f64; 2], [f64; 4])]) -> Mixture {
        let gaussian = |(weight, mean, covariance): &(f64, [f64; 2], [f64; 4])| Gaussian {
            weight: *weight,
            mean: mean.to_vec(),
            covariance: covariance.to_vec(),
        };
        Mixture {
            gaussians: parts.iter().map(gaussian).collect(),
        }
    }

    const UNIT: [f64; 4] = [1.0, 0.0, 0.0, 1.0];

    #[test]
    fn triangles_multiply_to_the_matrix() {
        let matrix = [4.0, 2.0, 0.6, 2.0, 5.0, 1.5, 0.6, 1.5, 3.0];
        let lower = triangle(&matrix, 3).unwrap();
        let at = |i: usize, j: usize| {
            if j <= i {
                lower[i * (i + 1) / 2 + j]
            } else {
                0.0
            }
        };
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| at(i, k) * at(j, k)).sum();
                assert!((product - matrix[i * 3 + j]).abs() < 1e-12);
            }
        }
        assert_eq!(triangle(&[1.0, 2.0, 2.0, 1.0], 2), None);
        assert_eq!(triangle(&[0.0], 1), None);
        assert_eq!(triangle(&[f64::NAN], 1), None);
    }

    #[test]
    fn probabilities_are_those_of_the_formula() {
        let two = mixture(&[
            (0.25, [0.0, 0.0], UNIT),
            (0.75, [3.0, 0.0], [4.0, 0.0, 0.0, 0.25]),
        ]);
        let densities = Densities::new(&two).unwrap();
        // Both by hand, without the factor that they share.
        let first = 0.25 * (-0.5_f64).exp();
        let second = 0.75 * (-0.5_f64 * (4.0 / 4.0)).exp() / (2.0 * 0.5);
        let (probabilities, log) = densities.of(&[1.0, 0.0]);
        assert!((probabilities[0] - first / (first + second)).abs() < 1e-14);
        assert!((log - ((first + second) / TAU).ln()).abs() < 1e-14);
    }

    #[test]
    fn far_out_there_are_probabilities_too() {
        let two = mixture(&[(0.5, [0.0, 0.0], UNIT), (0.5, [9.0, 0.0], UNIT)]);
        let densities = Densities::new(&two).unwrap();
        assert_eq!(densities.of(&[1e6, 0.0]).0, [0.0, 1.0]);
        for far in [[1e200, 1e200], [f64::MAX, f64::MIN]] {
            let (probabilities, _) = densities.of(&far);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_no_mixture_is_refused() {
        let refused = |mixture: &Mixture| Densities::new(mixture).unwrap_err().to_string();
        assert_eq!(
            refused(&mixture(&[])),
            "there are no gaussians to predict with"
        );
        let mut ragged = mixture(&[(0.5, [0.0, 0.0], UNIT), (0.5, [9.0, 0.0], UNIT)]);
        ragged.gaussians[1].mean.push(1.0);
        assert!(refused(&ragged).starts_with("gaussian 1 does not have a weight"));
        let flat = mixture(&[(1.0, [0.0, 0.0], [1.0, 1.0, 1.0, 1.0])]);
        assert_eq!(
            refused(&flat),
            "the covariances of gaussian 0 are not positive definite"
        );
        let heavy = mixture(&[(f64::NAN, [0.0, 0.0], UNIT)]);
        assert!(Densities::new(&heavy).is_err());
    }
}
