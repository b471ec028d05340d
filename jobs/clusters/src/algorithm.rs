//! The algorithm of a model, with its parameters.

use std::fmt;

use gugus_kmeans::Params;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::params::{DbscanParams, GmmParams, MiniBatchParams};

/// The algorithm of a model, with its parameters.
///
/// In JSON: `{algorithm, params}`. Without `algorithm` it is `kmeans`, as in documents from before there were others.
/// Flatten it into the object around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "algorithm", content = "params", rename_all = "lowercase")]
pub enum Algorithm {
    /// `kmeans`, the default: Spark's k-means.
    KMeans(Params),
    /// `minibatch`: k-means that each batch moves on from the centers of the batch before.
    MiniBatch(MiniBatchParams),
    /// `dbscan`: clusters are where points lie dense; all other points are noise.
    Dbscan(DbscanParams),
    /// `gmm`: a mixture of Gaussians, which gives probabilities.
    Gmm(GmmParams),
}

impl Algorithm {
    /// The names of all algorithms in the job file.
    pub const NAMES: [&'static str; 4] = ["kmeans", "minibatch", "dbscan", "gmm"];

    /// The name in the job file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KMeans(_) => "kmeans",
            Self::MiniBatch(_) => "minibatch",
            Self::Dbscan(_) => "dbscan",
            Self::Gmm(_) => "gmm",
        }
    }

    /// The parameters, if the algorithm is Spark's k-means.
    pub fn kmeans(&self) -> Option<&Params> {
        match self {
            Self::KMeans(params) => Some(params),
            _ => None,
        }
    }

    /// How many clusters the job asks for; `None` if the points decide.
    pub fn k(&self) -> Option<usize> {
        match self {
            Self::KMeans(params) => Some(params.k),
            Self::MiniBatch(params) => Some(params.k),
            Self::Dbscan(_) => None,
            Self::Gmm(params) => Some(params.k),
        }
    }

    /// The seed; `None` if nothing is drawn.
    pub fn seed(&self) -> Option<i64> {
        match self {
            Self::KMeans(params) => Some(params.seed),
            Self::MiniBatch(params) => Some(params.seed),
            Self::Dbscan(_) => None,
            Self::Gmm(params) => Some(params.seed),
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::KMeans(Params::default())
    }
}

/// The parameters in one line.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Without the name of the algorithm, because a job file need not say it.
            Self::KMeans(p) => {
                write!(f, "k {}, seed {}", p.k, p.seed)?;
                write!(f, ", max_iter {}, tol {}", p.max_iter, p.tol)?;
                write!(f, ", {} with {} steps", p.init_mode, p.init_steps)?;
                write!(f, ", {}, solver {}", p.distance_measure, p.solver)
            }
            Self::MiniBatch(p) => {
                write!(f, "minibatch, k {}, seed {}", p.k, p.seed)?;
                write!(f, ", {}, best of {} draws", p.init_mode.name(), p.n_runs)
            }
            Self::Dbscan(p) => write!(f, "dbscan, eps {}, min_points {}", p.eps, p.min_points),
            Self::Gmm(p) => {
                write!(f, "gmm, k {}, seed {}", p.k, p.seed)?;
                write!(f, ", max_iter {}, tol {}", p.max_iter, p.tol)?;
                write!(f, ", {} covariances", p.covariance_type.name())?;
                write!(f, ", reg_covar {}", p.reg_covar)?;
                write!(f, ", {}, best of {} runs", p.init_mode.name(), p.n_runs)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            algorithm: Option<String>,
            params: serde_json::Value,
        }
        fn read<T: de::DeserializeOwned, E: de::Error>(params: serde_json::Value) -> Result<T, E> {
            serde_json::from_value(params).map_err(|e| E::custom(format_args!("params: {e}")))
        }
        let Written { algorithm, params } = Written::deserialize(deserializer)?;
        match algorithm.as_deref() {
            None | Some("kmeans") => read(params).map(Self::KMeans),
            Some("minibatch") => read(params).map(Self::MiniBatch),
            Some("dbscan") => read(params).map(Self::Dbscan),
            Some("gmm") => read(params).map(Self::Gmm),
            Some(other) => Err(de::Error::unknown_variant(other, &Self::NAMES)),
        }
    }
}
