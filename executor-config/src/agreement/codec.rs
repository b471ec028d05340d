//! How plans travel between client, scheduler and executors.

use ballista_core::serde::BallistaPhysicalExtensionCodec;

/// The codec of all members: ours for our own nodes and functions, and Ballista's for everything else.
pub type PlanCodec = gugus_features::PlanCodec<BallistaPhysicalExtensionCodec>;
