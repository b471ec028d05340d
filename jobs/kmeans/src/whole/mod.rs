//! One model over everything: k-means over data that is cut into slices, which nobody needs to hold at once.
//!
//! # How it goes
//!
//! Each slice becomes [`Points`]. A [`Training`] asks for one [`Step`] after the other; whoever holds slices computes the step on each of them
//! with [`run_step`], merges the [`Partial`]s in whatever order they come, and hands the whole to [`Training::absorb`]. Steps and partials are
//! small and can be sent anywhere: a step holds the candidates or centers, a partial a few numbers for each of them.
//!
//! An [`Assessment`] of given centers asks for steps in the same way: sizes, costs, and Spark's silhouette. A [`Glance`] draws some rows.
//!
//! # What it guarantees
//!
//! **The same bits always**: for any cut of the rows into slices, any order of rows, slices and partials, any number of threads, any processor's
//! vector width, and with or without a tree. Nothing is close to equal here; it is equal, because
//! * what a row is compared by is computed for each row alone, by the same operations in the same order, which vector
//!   instructions do not change,
//! * everything that is added up over rows is added exactly: sums of coordinates and weights as integers in fixed point, sums of costs in a
//!   superaccumulator,
//! * what is drawn is drawn by a hash of the seed, the step and the row's [`key`],
//! * a tree spares comparisons only where their outcome is certain, roundings included.
//!
//! # What it is not
//!
//! It follows Spark's algorithm (k-means|| with Spark's oversampling, its local k-means++, Lloyd's loop with its criterion, empty
//! clusters that keep their centers, the training cost of the last pass, weights in Lloyd's iterations alone), but neither its random numbers nor its
//! roundings, which depend on how Spark cut the rows. Who needs Spark's very centers has [`fit`](crate::fit()), on one machine.
//! [`Params::solver`](crate::Params::solver) plays no part.

mod assessment;
mod builder;
mod draws;
mod error;
mod exact;
mod fixed;
mod glance;
mod hash;
mod judge;
mod kernel;
mod means;
mod order;
mod partial;
mod points;
mod search;
mod silhouette;
mod sites;
mod spread;
mod stages;
mod step;
#[cfg(test)]
mod tests;
mod training;
mod tree;
mod walk;

pub use assessment::{Assessed, AssessedCluster, Assessment};
pub use builder::PointsBuilder;
pub use error::{PartialError, WholeError};
pub use fixed::Scale;
pub use glance::{Glance, Seen};
pub use hash::key;
pub use kernel::Kernel;
pub use partial::Partial;
pub use points::{Layout, Points, Weighting};
pub use silhouette::Cluster;
pub use step::{Step, run_step};
pub use training::{Invalid, Progress, Training, WholeFit};
