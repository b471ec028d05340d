//! The scheduler's port: what it answers, and to whom.

pub(crate) mod hosts;
pub(crate) mod metrics;
mod monitoring;
mod openapi;
pub(crate) mod origins;
pub(crate) mod routes;
mod shown;
pub(crate) mod standing_metrics;
