//! The list of algorithms. Each has a module that implements [`Parameters`] and [`Model`].

use std::fmt;

use gugus_kmeans::DistanceMeasure;
#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Rows, Stop};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::algorithm::{Facts, Parameters};
#[cfg(feature = "fit")]
use crate::fit::FitError;
use crate::model::{Cells, FittedError, Model, Saved};
use crate::predict::Predictor;

/// Makes two enums of the list, one of parameters and one of models. They hand each question on to the algorithm.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $module:ident: $name:ident($params:ident) fits $model:ident),+ $(,)?) => {
        $(mod $module; pub use $module::*;)+

        /// The algorithm of a model, with its parameters.
        ///
        /// In JSON: `{algorithm, params}`. Without `algorithm` it is `kmeans`, as in documents from before there were
        /// others. Flatten it into the object around it.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "algorithm", content = "params", rename_all = "lowercase")]
        pub enum Algorithm { $($(#[$doc])* $name($params)),+ }

        /// A fitted model of any algorithm.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Fitted { $(#[doc = concat!("What [`Algorithm::", stringify!($name), "`] fits.")] $model($model)),+ }

        impl Algorithm {
            /// What each algorithm says about itself.
            pub const ALL: &'static [&'static Facts] = &[$(&$params::FACTS),+];

            /// The names of all algorithms in the job file.
            pub const NAMES: &'static [&'static str] = &[$($params::FACTS.name),+];

            /// What it says about itself.
            pub fn facts(&self) -> &'static Facts {
                match self { $(Self::$name(_) => &$params::FACTS),+ }
            }

            /// The algorithm of this name, with its parameters as JSON.
            ///
            /// # Errors
            /// Those of reading the parameters, or that there is no such algorithm.
            pub fn from_json<E: de::Error>(name: &str, params: serde_json::Value) -> Result<Self, E> {
                let wrong = |error| E::custom(format_args!("params: {error}"));
                $(if name == $params::FACTS.name {
                    return serde_json::from_value(params).map(Self::$name).map_err(wrong);
                })+
                Err(E::unknown_variant(name, Self::NAMES))
            }

            /// How many clusters the job asks for; `None` if the points decide.
            pub fn k(&self) -> Option<usize> {
                match self { $(Self::$name(params) => params.k()),+ }
            }

            /// The seed; `None` if nothing is drawn.
            pub fn seed(&self) -> Option<i64> {
                match self { $(Self::$name(params) => params.seed()),+ }
            }

            /// What in the model contradicts this algorithm and its parameters, if anything.
            pub fn contradiction(&self, fitted: &Fitted) -> Option<String> {
                match (self, fitted) {
                    $((Self::$name(params), Fitted::$model(model)) => params.contradiction(model),)+
                    _ => Some(format!("it holds what {} does not fit", self.name())),
                }
            }

            /// The model that was saved.
            ///
            /// # Errors
            /// What is wrong with the saved data, in words.
            pub fn open(&self, saved: Saved) -> Result<Fitted, String> {
                match self { $(Self::$name(params) => params.open(saved).map(Fitted::$model)),+ }
            }

            /// Fits a model to all rows at once. `carried` is the model of the batch before, if the algorithm is chained.
            /// After the signal of `stop` the fit ends without a model.
            ///
            /// # Errors
            /// Those of the algorithm.
            #[cfg(feature = "fit")]
            pub fn fit(
                &self,
                carried: Option<&Fitted>,
                rows: &Rows,
                weights: Option<&[f64]>,
                stop: &Stop,
            ) -> Result<Fit<Fitted>, FitError> {
                match self {
                    $(Self::$name(params) => {
                        let carried = carried.and_then(|fitted| match fitted {
                            Fitted::$model(model) => Some(model),
                            _ => None,
                        });
                        params.fit(carried, rows, weights, stop).map(|fit| fit.of(Fitted::$model))
                    })+
                }
            }
        }

        /// The parameters in one line.
        impl fmt::Display for Algorithm {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$name(params) => params.describe(f)),+ }
            }
        }

        impl Fitted {
            fn model(&self) -> &dyn Model {
                match self { $(Self::$model(model) => model),+ }
            }

            /// The model prepared for predictions.
            ///
            /// # Errors
            /// [`FittedError`] for what no fit gives.
            pub fn into_predictor(self) -> Result<Predictor, FittedError> {
                match self { $(Self::$model(model) => model.into_predictor()),+ }
            }
        }
    };
}

algorithms! {
    /// `kmeans`, the default: Spark's k-means.
    kmeans: KMeans(Params) fits Centers,
    /// `minibatch`: k-means that each batch moves on from the centers of the batch before.
    minibatch: MiniBatch(MiniBatchParams) fits MiniBatch,
    /// `dbscan`: clusters are where points lie dense; all other points are noise.
    dbscan: Dbscan(DbscanParams) fits HotSpots,
    /// `gmm`: a mixture of Gaussians, which gives probabilities.
    gmm: Gmm(GmmParams) fits Mixture,
}

impl Algorithm {
    /// The name in the job file.
    pub fn name(&self) -> &'static str {
        self.facts().name
    }

    /// The parameters, if the algorithm is Spark's k-means.
    pub fn kmeans(&self) -> Option<&Params> {
        match self {
            Self::KMeans(params) => Some(params),
            _ => None,
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::KMeans(Params::default())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            algorithm: Option<String>,
            params: serde_json::Value,
        }
        let Written { algorithm, params } = Written::deserialize(deserializer)?;
        let name = algorithm.as_deref().unwrap_or(Params::FACTS.name);
        Self::from_json(name, params)
    }
}

impl Fitted {
    /// How many clusters there are, numbered from 0.
    pub fn clusters(&self) -> usize {
        self.model().clusters()
    }

    /// How many numbers a point has; 0 if nothing tells.
    pub fn dimensions(&self) -> usize {
        self.model().dimensions()
    }

    /// The centers, if that is what the model is.
    pub fn centers(&self) -> Option<&[Vec<f64>]> {
        self.model().centers()
    }

    /// What "near" means.
    pub fn distance_measure(&self) -> DistanceMeasure {
        self.model().distance_measure()
    }

    /// A middle for each cluster: its center, its mean, the mean of its core points.
    pub fn middles(&self) -> Vec<Vec<f64>> {
        self.model().middles()
    }

    /// How many rows have moved each center so far, in a model that the next batch goes on from.
    pub fn counts(&self) -> &[u64] {
        self.model().counts()
    }

    /// The columns of the table that the model is saved in ([`Facts::table`]).
    pub fn table(&self) -> Vec<Cells> {
        self.model().table()
    }
}
