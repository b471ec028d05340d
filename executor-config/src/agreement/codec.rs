//! How plans travel between client, scheduler and executors.

use ballista_core::serde::BallistaPhysicalExtensionCodec;

/// The codec of all roles: ours, and Ballista's for all else.
pub type PlanCodec = gugus_submit::PlanCodec<BallistaPhysicalExtensionCodec>;
