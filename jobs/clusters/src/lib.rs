//! Algorithms beside Spark's k-means: `minibatch` (k-means that each batch moves on), `dbscan` (hot spots and noise) and
//! `gmm` (mixtures of Gaussians, with probabilities).
//!
//! # What it is for
//! The fits are those of [linfa-clustering]. This crate makes them behave like `gugus-kmeans`: parameters are validated
//! ([`MiniBatchParams`], [`DbscanParams`], [`GmmParams`]), the seed decides everything, errors say which parameter to
//! change, and the results ([`Fitted`]) can be saved and predict without linfa.
//!
//! ```
//! # #[cfg(feature = "fit")] {
//! use gugus_clusters::{Algorithm, DbscanParams, Prediction};
//! use gugus_kmeans::{RowForm, Rows, Stop};
//!
//! let x = [1.0, 1.1, 1.2, 7.0, 7.1, 7.2, 90.0];
//! let rows = Rows::from_columns(&[&x], RowForm::Dense);
//! let dbscan = Algorithm::Dbscan(DbscanParams { eps: 0.3, min_points: 3 });
//! let found = dbscan.fit(None, &rows, None, &Stop::default())?;
//! assert_eq!((&found.summary.sizes[..], found.summary.noise), (&[3, 3][..], 1));
//!
//! let predictor = found.model.into_predictor()?;
//! assert_eq!(predictor.predict(&[7.3])?, Prediction::Cluster(1));
//! assert_eq!(predictor.predict(&[50.0])?, Prediction::Noise);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it guarantees
//! * **The same bits for the same rows, parameters and seed.** A fit runs on the thread that calls it; to run many fits at
//!   once, call it from several threads. In a pool of several threads it gives the same bits, too: linfa computes each row
//!   alone and adds up on one thread. Its k-means||, which draws by thread, is not offered. `gmm` uses matrix products with
//!   the widest vectors of the machine, so its last bits may differ between kinds of CPU; the other two do not use them.
//! * **Predictions agree with fits.** The [`Predictor`] that later serves the model also counts [`Fit::summary`].
//! * **No panic over data, and no endless fit.** A fit that would take too much memory or time is refused, and the error
//!   names the parameter that decides it.
//!
//! # What it is not
//! It reads and writes no files. Like linfa, it knows no weights and only the Euclidean distance.
//!
//! # Features
//! Without the feature `fit` the crate has parameters, results and predictions, and does not depend on linfa. That is
//! enough to read job files and to serve models.
//!
//! # Where it differs from linfa on purpose
//! * A point at the rim of two clusters of `dbscan` belongs to the cluster of the nearest core point. linfa gives it to the
//!   cluster that it found first, which depends on the order of rows and is unknown for a new point.
//! * Each of the `n_runs` of `gmm` begins with draws of its own. linfa's runs go on from where the previous one ended.
//! * Probabilities of a mixture are computed on logarithms, so that a point far from all Gaussians has some, too.
//!
//! [linfa-clustering]: https://docs.rs/linfa-clustering

mod algorithm;
mod algorithms;
#[cfg(feature = "fit")]
mod fit;
mod model;
mod params;
mod predict;

pub use algorithm::{Facts, Parameter, Parameters, Takes};
pub use algorithms::*;
#[cfg(feature = "fit")]
pub use fit::FitError;
pub use model::{Cells, FittedError, Holds, Model, Saved, TableLayout};
pub use params::ParamsError;
pub use predict::{Explain, Explained, Prediction, Predictions, Predictor};

/// What a fit found, whatever the algorithm.
pub type Fit = gugus_kmeans::Fit<Fitted>;
