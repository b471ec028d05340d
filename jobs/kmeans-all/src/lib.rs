//! k-means over data that no machine has to hold at once: one model over all batches.
//!
//! # What it is for
//!
//! `gugus-kmeans` needs all rows of a fit in memory. This crate fits more rows than that. The data are cut into slices, and
//! each slice becomes [`Points`]. A [`Training`] asks for one [`Step`] after the other. The caller computes a step on every
//! slice with [`run_step`], merges the [`Partial`]s in any order, and gives the merged partial to [`Training::absorb`].
//! Steps and partials are small: a step holds candidates or centers, a partial holds a few numbers for each of them.
//!
//! An [`Assessment`] tells how good given centers are: sizes, costs and Spark's silhouette. A [`Sampling`] draws some rows.
//! Both ask for steps as a training does. [`Training`] has an example.
//!
//! # What it guarantees
//!
//! **The same bits always**: for any cut of the rows into slices, for any order of rows, slices and partials, for any number
//! of threads, for any processor's vector width, and with or without a tree. Four rules bring this about:
//! * Distances of a row are computed for that row alone, by the same operations in the same order. Vector instructions
//!   do not change that.
//! * Sums over rows are exact. Coordinates and weights are added as integers in fixed point, costs in a superaccumulator.
//! * A draw is a hash of the seed, the step and the row's [`key`].
//! * A tree saves comparisons only if their outcome is certain, in spite of rounding.
//!
//! # What it is not
//!
//! It does not give exactly the centers of Spark; `gugus_kmeans::fit` does, on one machine. It follows the algorithm of
//! Spark: k-means|| with Spark's oversampling and local k-means++, and Lloyd's loop with Spark's criterion. Empty
//! clusters keep their centers, the training cost is that of the last pass, and weights count only in Lloyd's
//! iterations. Spark's random numbers and rounding depend on how Spark cut the rows, so this crate has its own.
//! `Params::solver` is ignored.
//!
//! It reads nothing and sends nothing. `gugus-features` makes points of batches and runs steps as Ballista jobs.
//!
//! # Why not otherwise
//!
//! Sums of floating-point numbers depend on their order, and on a cluster the order differs from run to run. With such
//! sums, nobody could check a model by training it again.

mod assessment;
mod bounds;
mod builder;
mod draws;
mod error;
mod exact_sum;
mod fixed_point;
mod hash;
mod kernel;
mod leaves;
mod lloyd;
mod means;
mod measure;
mod merge;
mod node_sums;
mod partial;
mod points;
mod run;
mod sampling;
mod search;
mod silhouette;
mod sites;
mod spread;
mod step;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
mod training;
mod tree;
mod walk;

pub use assessment::{Assessed, AssessedCluster, Assessment};
pub use builder::PointsBuilder;
pub use error::{AllError, PartialError};
pub use fixed_point::Scale;
pub use hash::key;
pub use kernel::Kernel;
pub use leaves::PointOrder;
pub use partial::Partial;
pub use points::{Points, Weighting};
pub use run::{run_step, run_step_until};
pub use sampling::{SampledRows, Sampling};
pub use silhouette::Cluster;
pub use step::Step;
pub use training::{AllFit, StepReport, Training};
