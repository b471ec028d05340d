//! What `produce` and `ingest` share of Kafka's client.

pub(crate) mod context;
pub(crate) mod properties;
mod reports;
pub(crate) mod setup;
mod token;
pub(crate) mod topic;
