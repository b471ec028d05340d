//! Model folders.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixtures;
mod kinds;
mod local;
mod models;
mod spark_examples;
mod sparks;
