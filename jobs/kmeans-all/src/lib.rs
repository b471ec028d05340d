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
//! of threads, for any processor's vector width, and with or without a tree. Five rules bring this about:
//! * Distances of a row are computed for that row alone, by the same operations in the same order. Vector instructions
//!   do not change that.
//! * Sums over rows are exact. Coordinates and weights are added as integers in fixed point, costs in a superaccumulator.
//! * A draw is a hash of the seed, the step and the row's [`key`].
//! * A tree, and a comparison in single precision, save work only if their outcome is certain, in spite of rounding.
//! * Whatever points keep from one pass for the next only saves comparisons and additions. Points that keep nothing give
//!   the same sums.
//!
//! # How it saves time
//!
//! *Few columns.* A k-d tree has the rows in boxes. A box that only one center can be nearest to is decided whole.
//!
//! *Wide rows.* No box is decided there. Rows and centers are rounded to 32 bits, and one product of matrices scores every
//! center for every row. A proven bound says how far a score can be from the truth. If the best score leads by more than the
//! bound, the center is certainly nearest, also by the exact rule. The other rows, about one in a thousand with up
//! to a thousand columns, are compared with all centers in 64 bits. In short, the bound holds for three reasons:
//! * Rounding to 32 bits, and each product and sum, has a relative error of at most 2^-24. A score of `n` columns takes `n +
//!   1` of them one after another. So its error is at most about `n` times 2^-24 times the lengths of row and center.
//! * Lengths are measured from the median of the centers, which is subtracted in 64 bits. So the error is small even if all
//!   rows lie far from the origin. Each center has a bound of its own, so a far one does not blur the others.
//! * Numbers that might overflow are left to 64 bits, and the bound has room for those that underflow.
//!
//! The proof is in `frame.rs`; a property test holds it against the plainest search, with ties, near ties, rows far from the
//! origin, and distances that underflow or overflow. The bound counts the roundings, whichever way they go. So it needs no fixed
//! order of additions: the width of vectors and fused instructions change which rows are in doubt, and never a result.
//!
//! *Which way* is decided by the data in each step: a tree has to rule out two of three centers in a few probes, and single
//! precision needs at least eight centers.
//!
//! *Later passes.* With eight columns or more, a comparison also tells how far the row is from its center at most, and from any other
//! one at least (`carried.rs`, after Hamerly 2010). If the centers have moved less since, the row keeps its center and is not compared.
//! In clusters that lie apart, that holds for nearly all rows after a few passes. With 32 columns or more, and rows that are not
//! decided, there is such a bound for each bundle of 16 centers or more (after Yinyang k-means, Ding et al. 2015). Then a row is
//! compared only with bundles that may have a nearer center. In uniform rows of 64 columns, these are a quarter to a half of all
//! centers.
//!
//! *Rounded rows.* If the caller has the memory ([`Points::keep_rounded`]), the rows stay in 32 bits, too, in the order in which a
//! comparison reads them. Then a pass reads half as much, and rounds nothing.
//!
//! *First centers.* The last step of k-means|| compares rows with the candidates of the last draw only. What is nearest among the earlier
//! ones is known from an earlier step.
//!
//! *Sums.* Where no tree pays, points remember the center of each row. The next pass adds and subtracts only the rows that change
//! it. Sums are whole numbers, so nothing is lost on the way.
//!
//! # What it is not
//!
//! It does not give exactly the centers of Spark; `gugus_kmeans::fit` does, on one machine. It follows the algorithm of
//! Spark: k-means|| with Spark's oversampling and local k-means++, and Lloyd's loop with Spark's criterion. Empty
//! clusters keep their centers, the training cost is that of the last pass, and weights count only in Lloyd's
//! iterations. With `Init::PlusPlus` a training begins with greedy k-means++ on rows that its first pass draws, and with
//! `Params::n_init` it begins more than once. Spark's random numbers and rounding depend on how Spark cut the rows, so this crate has its own.
//! `Params::solver` is ignored.
//!
//! It reads nothing and sends nothing. `gugus-features` makes points of batches and runs steps as Ballista jobs.
//!
//! # Why not otherwise
//!
//! Sums of floating-point numbers depend on their order, and on a cluster the order differs from run to run. With such
//! sums, nobody could check a model by training it again.

mod adder;
mod assessment;
mod assigned;
mod bounds;
mod builder;
mod bundles;
mod carried;
#[cfg(test)]
mod carried_tests;
mod draws;
mod error;
mod exact_sum;
mod fixed_point;
mod frame;
mod hash;
mod kernel;
mod known;
#[cfg(test)]
mod known_tests;
mod leaves;
mod lloyd;
mod means;
mod measure;
mod merge;
mod node_sums;
mod partial;
#[cfg(test)]
mod passes_tests;
mod points;
mod products;
#[cfg(test)]
mod products_tests;
mod rounded;
mod run;
mod sampling;
mod search;
mod silhouette;
mod sites;
mod spread;
mod starts;
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
pub use points::{PointRows, Points, Weighting};
pub use run::{run_step, run_step_until};
pub use sampling::{SampledRows, Sampling};
pub use silhouette::Cluster;
pub use step::Step;
pub use training::{AllFit, StepReport, Training};
