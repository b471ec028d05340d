//! `kmeans`: Spark's, by `gugus-kmeans`.

use std::fmt;

pub use gugus_kmeans::{Centers, Params};
use gugus_kmeans::{DistanceMeasure, Init, PredictError};
#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Partitions, Rows, Stop, plus_plus::sample_size};

use crate::algorithm::{Facts, MOST_CLUSTERS, MOST_ROUNDS, MOST_RUNS, Parameter, Parameters};
#[cfg(feature = "fit")]
use crate::fit::{FitError, MOST_STEPS, need_few_steps};
use crate::model::{FittedError, Model, Saved};
use crate::predict::{Explained, Predict, Prediction, Predictions, Predictor, number};

impl Parameters for Params {
    const FACTS: Facts = Facts {
        name: "kmeans",
        uid: "KMeans",
        parameters: &[
            Parameter::whole("k", 2).up_to(MOST_CLUSTERS),
            Parameter::SEED,
            Parameter::whole("max_iter", 0).up_to(MOST_ROUNDS),
            Parameter::not_negative("tol"),
            Parameter::one_of("init", &["spark", "k-means++"]),
            Parameter::whole("n_init", 1).up_to(MOST_RUNS),
            Parameter::one_of("init_mode", &["k-means||", "random"]),
            Parameter::whole("init_steps", 1).up_to(MOST_RUNS),
            Parameter::one_of("distance_measure", &["euclidean", "cosine"]),
            Parameter::one_of("solver", &["auto", "block", "row"]),
        ],
        weighted: true,
        any_scope: true,
        chained: false,
        table: None,
    };

    type Model = Centers;

    fn k(&self) -> Option<usize> {
        Some(self.k)
    }

    fn seed(&self) -> Option<i64> {
        Some(self.seed)
    }

    /// The name of the algorithm is left out, because a job file need not say it.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k {}, seed {}", self.k, self.seed)?;
        write!(f, ", max_iter {}, tol {}", self.max_iter, self.tol)?;
        match self.init {
            Init::Spark => write!(f, ", {} with {} steps", self.init_mode, self.init_steps)?,
            Init::PlusPlus => write!(f, ", {}", self.init)?,
        }
        if self.n_init > 1 {
            write!(f, ", the best of {} starts", self.n_init)?;
        }
        write!(f, ", {}, solver {}", self.distance_measure, self.solver)
    }

    fn contradiction(&self, model: &Centers) -> Option<String> {
        (self.distance_measure != model.distance_measure)
            .then(|| "its centers have another distance than its parameters".to_owned())
    }

    fn open(&self, saved: Saved) -> Result<Centers, String> {
        Ok(Centers {
            centers: saved.centers,
            distance_measure: self.distance_measure,
        })
    }

    #[cfg(feature = "fit")]
    fn fit(
        &self,
        _: Option<&Centers>,
        rows: &Rows,
        weights: Option<&[f64]>,
        stop: &Stop,
    ) -> Result<Fit, FitError> {
        let (width, k) = (rows.dimensions() as f64, self.k.min(rows.len()) as f64);
        // A round of k-means|| compares each row with about twice as many candidates as there will be centers. Later rounds
        // than the first do not count: most fits converge long before max_iter, and a fit may be told to end.
        let rounds = 1.0 + 2.0 * f64::from(self.init_steps);
        // k-means++ compares the rows of its sample with a few rows for each center, and again for its swaps.
        let drawn = match self.init {
            Init::Spark => 0.0,
            Init::PlusPlus => {
                sample_size(self.k, rows.dimensions()).min(rows.len()) as f64
                    * (3.0 + k.max(1.0).ln())
            }
        };
        let compared = rows.len() as f64 * rounds + drawn;
        let factors = [compared, k, width, f64::from(self.n_init)];
        let advice = "lower n_init, init_steps or k";
        need_few_steps("kmeans", &factors, MOST_STEPS, advice)?;
        let one = Partitions::one();
        Ok(gugus_kmeans::fit_until(self, rows, weights, &one, stop)?)
    }
}

impl Model for Centers {
    fn centers(&self) -> Option<&[Vec<f64>]> {
        Some(&self.centers)
    }

    fn distance_measure(&self) -> DistanceMeasure {
        self.distance_measure
    }

    fn into_predictor(self) -> Result<Predictor, FittedError> {
        let centers = gugus_kmeans::Predictor::new(self.centers, self.distance_measure)?;
        Ok(Predictor::new(centers.dimensions(), centers))
    }
}

impl Predict for gugus_kmeans::Predictor {
    fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError> {
        Self::predict(self, point).map(Prediction::Cluster)
    }

    fn explain(&self, point: &[f64]) -> Result<Explained, PredictError> {
        let (first, second) = self.nearest_two(point)?;
        Ok(Explained {
            distance: first.distance,
            second: second.map(|near| (number(near.center), near.distance)),
        })
    }

    fn predict_columns(
        &self,
        columns: &[&[f64]],
        into: &mut Predictions,
    ) -> Result<(), (usize, PredictError)> {
        Self::predict_columns(self, columns, |center| into.labels.push(number(center)))
    }
}
