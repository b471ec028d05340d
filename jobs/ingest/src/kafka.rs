//! Kafka's client, as `produce` and `ingest` share it.

pub(crate) mod context;
pub(crate) mod properties;
mod reports;
pub(crate) mod setup;
mod token;
pub(crate) mod topic;
