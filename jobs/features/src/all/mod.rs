//! One model over everything: a pass over all the data as one Ballista job.
//!
//! [`pass_plan`] builds scan → filter → projection → [`AllPassExec`]. The node computes one [`gugus_kmeans_all::Step`]
//! on each file of its task and answers one row, the encoded [`gugus_kmeans_all::Partial`]; the driver merges them.
//! Points that were read stay in the [`FeatureCache`] of the session, so that later passes read nothing.
//!
//! Why a node and not an aggregate: what is worth keeping between passes is the whole of a file's points, in an order of
//! their own, which a stream of record batches cannot hand over. Why an interior node and not a leaf: Ballista cuts a
//! task's slice only out of leaves that it knows.

mod cache;
mod load;
mod node;
mod pass;
mod plan;

pub use cache::{CacheFigures, FeatureCache, YieldingPool};
pub use node::{AllPassExec, PARTIAL_COLUMN};
pub use pass::{Pass, PointSettings};
pub use plan::{AllFile, pass_plan};
