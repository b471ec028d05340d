//! Mishaps drawn from a seed: whatever happens, no record is lost and no bit of a model changes.

mod cluster;
mod ingest;
