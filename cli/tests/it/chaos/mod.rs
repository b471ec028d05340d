//! Mishaps and damage drawn from a seed: whatever happens, no record is lost, no bit of a model changes, and no command
//! hangs or panics.

mod batches;
mod cluster;
mod ingest;
mod jobs;
mod pipeline;
mod standing;
mod up;

use gugus_damage::{cases, in_time, number, seeds};
