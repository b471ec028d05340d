//! One model over all batches: one pass over all rows is one Ballista job.
//!
//! [`pass_plan`] builds scan → [`AllPassExec`]. The node computes one [`gugus_kmeans_all::Step`] on each file of its task and
//! gives one row, the encoded [`gugus_kmeans_all::Partial`]. The driver merges these partials. The node reads a file by a plan
//! that it carries, [`EncodedRows`]: scan → filter → projection. Points that were read stay in the [`FeatureCache`] of the
//! session, so that later passes read no files. Points beyond its memory lie in a temporary file.
//!
//! *Why a node and not an aggregate?* Between passes the cache keeps all points of a file, in its own order. A stream
//! of record batches could not hand them over. *Why an inner node and not a leaf?* Ballista cuts a plan into tasks at
//! its leaves, and it can cut only leaves that it knows.

mod cache;
mod encoded_rows;
mod load;
mod node;
mod pass;
mod plan;
mod spill;
mod yielding;

pub use cache::{CacheFigures, FeatureCache};
pub use encoded_rows::EncodedRows;
pub use node::{AllPassExec, PARTIAL_COLUMN};
pub use pass::{Pass, PointSettings};
pub use plan::{AllFile, pass_plan};
pub use yielding::YieldingPool;
