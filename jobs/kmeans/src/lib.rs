//! k-means with the answers of Apache Spark 3.5.5, without Spark.
//!
//! # What it is for
//!
//! People who train k-means with Spark's MLlib have models, dashboards and habits that name clusters by number. A
//! replacement of Spark must give the same centers in the same order, or all of these change their meaning. [`fit`] follows
//! Spark's `KMeans` step by step: its random number generators, its sampling, k-means|| and the local k-means++ behind it,
//! both solvers, both distances, and the roundings of each. [`Predictor`] gives the cluster of a point as `KMeansModel`
//! would.
//!
//! ```
//! use gugus_kmeans::{DistanceMeasure, Params, Partitions, Predictor, RowForm, Rows, fit};
//!
//! let lat = [34.01, 34.02, 34.00, 34.20, 34.21, 34.19];
//! let lon = [-118.30, -118.31, -118.29, -118.50, -118.51, -118.49];
//! let rows = Rows::from_columns(&[&lat, &lon], RowForm::Assembled);
//!
//! let params = Params { k: 2, seed: 1, ..Params::default() };
//! let fit = fit(&params, &rows, None, &Partitions::one())?;
//! assert_eq!(fit.model.centers.len(), 2);
//! assert_eq!(fit.summary.sizes, [3, 3]);
//!
//! let predictor = Predictor::new(fit.model.centers, DistanceMeasure::Euclidean)?;
//! assert_eq!(predictor.predict(&[34.01, -118.30])?, predictor.predict(&[34.02, -118.28])?);
//! assert_ne!(predictor.predict(&[34.01, -118.30])?, predictor.predict(&[34.20, -118.50])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it guarantees
//!
//! * **Spark's answer.** The same rows in the same order and partitions, the same parameters and seed give Spark's
//!   centers (within 1e-12, relative), its number of iterations, its predictions and so its cluster sizes. The training
//!   cost agrees within 1e-6. Recorded answers of Spark 3.5.5 are part of the tests.
//! * **The same bits always.** A fit runs on one thread and adds up in row order, so its result depends on its input
//!   alone, not on the machine's number of cores or its vector units. To run many fits
//!   at once, call `fit` from several threads.
//! * **No panic over data.** What rows and weights decide ends in a [`FitError`]; what is wrong with a single point, in a
//!   [`PredictError`].
//! * **No padding.** Fewer distinct rows than `k` give fewer centers, and [`FitSummary::sizes`] has one entry for each of them.
//!
//! # What it is not
//!
//! It reads and writes no files, and knows neither Arrow nor DataFusion nor the format of saved models. It holds all rows of
//! a fit in memory. `gugus-kmeans-all` fits more rows than that, and evaluates given centers.
//!
//! # Why not another crate
//!
//! Every k-means finds good clusters, but only this one finds Spark's. An implementation that draws other random numbers,
//! updates centers by another formula or breaks ties in another way ends in another local optimum, and its clusters have
//! other numbers.
//!
//! # Where it differs from Spark on purpose
//!
//! * Numbers whose squares overflow are refused ([`FitError::Overflow`]); Spark returns centers that are not numbers.
//! * Each product is rounded before it is added. On newer JVMs, Spark's linear algebra fuses the two operations. The
//!   difference shows in the last bits of cosine distances and, more so, of the block solver's expanded squares. So a fit with
//!   [`Solver::Block`] over coordinates far from the origin may decide a near tie in the other way.
//! * [`Init::PlusPlus`] and [`Params::n_init`] are not Spark's. They begin elsewhere, or more than once; Lloyd's iterations stay.
//! * Centers that a fit never moved are dense, even if the drawn row was sparse.

mod bounds;
pub mod candidates;
mod centers;
mod distance;
mod fit;
mod init;
mod lloyd;
mod local;
mod params;
pub mod plus_plus;
mod predict;
mod random;
mod rows;
mod sample;
mod stop;
mod summary;
pub mod vectors;

pub use fit::{FitError, fit, fit_until};
pub use params::{
    DEFAULT_SEED, DistanceMeasure, HandleInvalid, Init, InitMode, Params, ParamsError,
    ParseChoiceError, Solver,
};
pub use predict::{CentersError, Near, PredictError, Predictor};
pub use rows::{Partitions, RowForm, Rows};
pub use stop::{Stop, StopOnDrop, Stopped};
pub use summary::{Centers, Fit, FitSummary};
