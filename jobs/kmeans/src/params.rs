//! What a fit is asked to do, by Spark's names in snake case and with Spark's defaults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The seed of a fit that names none: the Java hash of `org.apache.spark.ml.clustering.KMeans`, as in Spark.
///
/// Scala and Java users of Spark get this seed. PySpark hashes another name, so a PySpark user who wants the same
/// numbers names a seed on both sides.
pub const DEFAULT_SEED: i64 = java_hash("org.apache.spark.ml.clustering.KMeans") as i64;

/// The parameters of one fit. `Default` gives Spark's defaults.
///
/// Under serde every key may be left out, and keys that are not listed here are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How many clusters are asked for, at least 2. Fewer distinct points give fewer centers.
    pub k: usize,
    /// Seed of every random draw; the same seed gives the same bits.
    pub seed: i64,
    /// The most passes Lloyd's iterations may take. 0 leaves the initial centers as they are.
    pub max_iter: u32,
    /// The distance (not squared) that no center may exceed in a pass for the fit to be converged.
    pub tol: f64,
    /// Who finds the first centers. It is left out where Spark's ways find them, so that documents stay as they were.
    #[serde(skip_serializing_if = "is_default")]
    pub init: Init,
    /// How many fits there are, each from other first centers, at least 1. The fit with the lowest training cost is kept,
    /// and the first of equal fits. Without iterations there is no training cost; then the cost of the centers decides.
    #[serde(skip_serializing_if = "is_one")]
    pub n_init: u32,
    /// How Spark finds the first centers. With [`Init::PlusPlus`] it does not count.
    pub init_mode: InitMode,
    /// Rounds of sampling in [`InitMode::Parallel`], at least 1.
    pub init_steps: u32,
    /// What "near" means.
    pub distance_measure: DistanceMeasure,
    /// Which of Spark's two loops is followed; they round differently.
    pub solver: Solver,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            k: 2,
            seed: DEFAULT_SEED,
            max_iter: 20,
            tol: 1e-4,
            init: Init::Spark,
            n_init: 1,
            init_mode: InitMode::Parallel,
            init_steps: 2,
            distance_measure: DistanceMeasure::Euclidean,
            solver: Solver::Auto,
        }
    }
}

impl Params {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        if self.k < 2 {
            return Err(ParamsError::K { k: self.k });
        }
        if !self.tol.is_finite() || self.tol < 0.0 {
            return Err(ParamsError::Tol { tol: self.tol });
        }
        if self.init_steps < 1 {
            return Err(ParamsError::InitSteps);
        }
        if self.n_init < 1 {
            return Err(ParamsError::NInit);
        }
        Ok(())
    }
}

/// A parameter out of its range: correct the job file.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// `k` is below 2.
    #[error("k is {k}, but k-means needs at least 2 clusters")]
    K {
        /// The value given.
        k: usize,
    },
    /// `tol` is negative or not finite.
    #[error("tol is {tol}, but it must be a finite number that is not negative")]
    Tol {
        /// The value given.
        tol: f64,
    },
    /// `init_steps` is 0.
    #[error("init_steps is 0, but k-means|| needs at least 1 step")]
    InitSteps,
    /// `n_init` is 0.
    #[error("n_init is 0, but there must be at least 1 fit")]
    NInit,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(value: &u32) -> bool {
    *value == 1
}

/// A text that names none of a parameter's choices.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{parameter} is \"{given}\", but it must be one of \"{}\"", choices.join("\", \""))]
pub struct ParseChoiceError {
    parameter: &'static str,
    given: String,
    choices: &'static [&'static str],
}

/// Who finds the first centers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Init {
    /// Spark's ways: [`InitMode`] says which.
    #[default]
    #[serde(rename = "spark")]
    Spark,
    /// Greedy k-means++ on a sample of the rows, as [`plus_plus`](crate::plus_plus) does it. Where the sample has fewer than
    /// `k` distinct rows, [`InitMode::Parallel`] finds the centers.
    #[serde(rename = "k-means++")]
    PlusPlus,
}

/// How Spark finds the first centers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InitMode {
    /// Spark's `k-means||`: oversampled candidates, reduced by a local k-means++.
    #[default]
    #[serde(rename = "k-means||")]
    Parallel,
    /// Spark's `random`: k rows drawn without replacement.
    #[serde(rename = "random")]
    Random,
}

/// What "near" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DistanceMeasure {
    /// The straight line; costs are squared distances.
    #[default]
    Euclidean,
    /// One minus the cosine of the angle at the origin; a zero vector has none and is an error.
    Cosine,
}

/// What a null or NaN in a feature does, by Spark's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandleInvalid {
    /// The fit fails, naming column and count.
    #[default]
    Error,
    /// Such rows take no part.
    Skip,
}

/// Which of Spark's two loops is followed.
///
/// Both compute k-means, but their distances are rounded differently, and real data has ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    /// What Spark 3.5 takes: [`Solver::Block`] when there are more dimensions than rows, else [`Solver::Row`]. (It means
    /// to look at the share of entries that are not zero, but does not.)
    #[default]
    Auto,
    /// Distances as expanded squares over blocks of dense rows.
    Block,
    /// Distances row by row, with centers skipped by the triangle inequality.
    Row,
}

/// Gives an enum `Display` and `FromStr` by Spark's names from one list.
macro_rules! choices {
    ($type:ident, $parameter:literal, $($name:literal => $variant:ident),+ $(,)?) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = ParseChoiceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(ParseChoiceError {
                        parameter: $parameter,
                        given: text.to_owned(),
                        choices: &[$($name),+],
                    }),
                }
            }
        }
    };
}

choices!(Init, "init", "spark" => Spark, "k-means++" => PlusPlus);
choices!(InitMode, "init_mode", "k-means||" => Parallel, "random" => Random);
choices!(DistanceMeasure, "distance_measure", "euclidean" => Euclidean, "cosine" => Cosine);
choices!(Solver, "solver", "auto" => Auto, "block" => Block, "row" => Row);

/// `String.hashCode` of Java, for text that is plain ASCII.
const fn java_hash(text: &str) -> i32 {
    let bytes = text.as_bytes();
    let mut hash = 0_i32;
    let mut i = 0;
    while i < bytes.len() {
        hash = hash.wrapping_mul(31).wrapping_add(bytes[i] as i32);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_hash_is_javas() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn defaults_are_sparks() {
        let params: Params = serde_json::from_str("{}").unwrap();
        assert_eq!(params, Params::default());
        assert_eq!(params.validate(), Ok(()));
        assert_eq!((params.k, params.max_iter, params.init_steps), (2, 20, 2));
    }

    #[test]
    fn written_and_read_by_sparks_names() {
        let params = Params {
            init_mode: InitMode::Random,
            distance_measure: DistanceMeasure::Cosine,
            solver: Solver::Row,
            ..Params::default()
        };
        let text = serde_json::to_string(&params).unwrap();
        for part in [
            r#""init_mode":"random""#,
            r#""distance_measure":"cosine""#,
            r#""solver":"row""#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), params);
        assert!(
            !text.contains("\"init\"") && !text.contains("n_init"),
            "{text}"
        );
        let parallel = serde_json::to_string(&InitMode::Parallel).unwrap();
        assert_eq!(parallel, r#""k-means||""#);
    }

    #[test]
    fn starts_that_are_not_sparks_are_written_and_read() {
        let params = Params {
            init: Init::PlusPlus,
            n_init: 4,
            ..Params::default()
        };
        let text = serde_json::to_string(&params).unwrap();
        for part in [r#""init":"k-means++""#, r#""n_init":4"#] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), params);
    }

    #[test]
    fn display_and_from_str_agree() {
        for init in [Init::Spark, Init::PlusPlus] {
            assert_eq!(init.to_string().parse(), Ok(init));
        }
        for mode in [InitMode::Parallel, InitMode::Random] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for measure in [DistanceMeasure::Euclidean, DistanceMeasure::Cosine] {
            assert_eq!(measure.to_string().parse(), Ok(measure));
        }
        for solver in [Solver::Auto, Solver::Block, Solver::Row] {
            assert_eq!(solver.to_string().parse(), Ok(solver));
        }
        let error = "rows".parse::<Solver>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"solver is "rows", but it must be one of "auto", "block", "row""#
        );
    }

    #[test]
    fn keys_that_are_not_parameters_are_refused() {
        assert!(serde_json::from_str::<Params>(r#"{"maxIter": 3}"#).is_err());
    }

    #[test]
    fn ranges_are_checked() {
        let base = Params::default();
        for (params, error) in [
            (
                Params {
                    k: 1,
                    ..base.clone()
                },
                ParamsError::K { k: 1 },
            ),
            (
                Params {
                    tol: -1.0,
                    ..base.clone()
                },
                ParamsError::Tol { tol: -1.0 },
            ),
            (
                Params {
                    init_steps: 0,
                    ..base.clone()
                },
                ParamsError::InitSteps,
            ),
            (
                Params {
                    n_init: 0,
                    ..base.clone()
                },
                ParamsError::NInit,
            ),
        ] {
            assert_eq!(params.validate(), Err(error));
        }
        assert!(
            Params {
                tol: f64::NAN,
                ..base.clone()
            }
            .validate()
            .is_err()
        );
        assert!(
            Params {
                tol: f64::INFINITY,
                ..base
            }
            .validate()
            .is_err()
        );
    }
}
