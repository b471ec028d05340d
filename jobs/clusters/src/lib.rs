//! Clusters that Spark's k-means does not find: k-means that every batch moves on, hot spots with noise, and mixtures of
//! Gaussians with probabilities.
//!
//! # What it is for
//! The fits are [linfa-clustering]'s; this crate gives them the manners of `gugus-kmeans`: parameters that are validated
//! ([`MiniBatchParams`], [`DbscanParams`], [`GmmParams`]), a seed that decides everything, errors that say which
//! parameter to change, and fitted forms ([`Fitted`]) that can be written down and predict without linfa.
//!
//! ```
//! # #[cfg(feature = "fit")] {
//! use gugus_clusters::{DbscanParams, Prediction, Predictor, fit};
//! use gugus_kmeans::{RowForm, Rows};
//!
//! let x = [1.0, 1.1, 1.2, 7.0, 7.1, 7.2, 90.0];
//! let rows = Rows::from_columns(&[&x], RowForm::Dense);
//! let found = fit::dbscan(&DbscanParams { eps: 0.3, min_points: 3 }, &rows)?;
//! assert_eq!((&found.sizes[..], found.noise), (&[3, 3][..], 1));
//!
//! let predictor = Predictor::new(found.fitted)?;
//! assert_eq!(predictor.predict(&[7.3])?, Prediction::Cluster(1));
//! assert_eq!(predictor.predict(&[50.0])?, Prediction::Noise);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it guarantees
//! * **The same bits for the same rows, parameters and seed.** A fit runs on the thread that asks for it; who has many runs
//!   them side by side. In a pool of several threads it gives the same bits too: linfa shares out work by rows, each of
//!   which is computed alone, and adds up on one thread. What it draws by thread (its k-means||) is not offered. A mixture is computed with matrix products that take the machine's widest vectors, so its last bits may
//!   differ between kinds of CPU; the other two do not use them.
//! * **Predictions agree with fits.** [`Fit::sizes`] are counted with the [`Predictor`] that serves the model later.
//! * **No panic over data**, and no fit without end: what would take too much memory or time is refused with the parameter
//!   that decides it.
//!
//! # What it is not
//! It reads and writes nothing. It has no weights and no distance but the Euclidean one: neither has linfa.
//!
//! # Features
//! Without `fit` there are parameters, fitted forms and predictions, and no dependency on linfa: enough for who reads job
//! files or serves models.
//!
//! # Where it knowingly differs from linfa
//! * A point at the rim of two clusters of `dbscan` belongs to that of the nearest core point; linfa gives it to the one
//!   that was found first, which depends on the order of rows and cannot be asked for a new point.
//! * `gmm` begins each of its `n_runs` with draws of its own; linfa's runs go on from where the one before ended.
//! * Probabilities of a mixture are computed on logarithms throughout, so that a point far from all Gaussians has some too.
//!
//! [linfa-clustering]: https://docs.rs/linfa-clustering

#[cfg(feature = "fit")]
pub mod fit;
mod fitted;
mod gaussian;
mod params;
mod predict;
mod spots;

#[cfg(feature = "fit")]
pub use fit::{Fit, FitError};
pub use fitted::{Centers, CorePoint, Fitted, FittedError, Gaussian, HotSpots, MiniBatch, Mixture};
pub use params::{
    Covariance, DbscanParams, GmmInit, GmmParams, MiniBatchInit, MiniBatchParams, ParamsError,
};
pub use predict::{Prediction, Predictor};
