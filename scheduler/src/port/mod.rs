//! The scheduler's port: what it answers, and to whom.

mod follow;
pub(crate) mod hosts;
pub(crate) mod metrics;
mod monitoring;
mod openapi;
pub(crate) mod origins;
pub(crate) mod routes;
