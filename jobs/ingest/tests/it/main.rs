//! Files and topics into real folders.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of a test"
)]

mod bombs;
mod csv_again;
mod dirty;
mod import_files;
mod import_refused;
mod import_resume;
mod ingest_counts;
mod ingest_cut_off;
mod ingest_group;
mod ingest_mock;
mod ingest_refused;
mod ingest_reset;
mod mutated;
mod produce_mock;
mod replay;
mod support;
