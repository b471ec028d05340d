//! The real binary, driven as a user's script drives it: on port 0, in temporary folders, judged by exit codes, files
//! and answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod batch_files;
mod chaos;
mod cluster;
mod cluster_chaos;
mod config;
mod demo;
mod errors;
mod evaluate;
mod independent;
mod ingest_named;
mod judge;
mod kafka;
mod kafka_pass;
mod kinds;
mod losses;
mod machines;
mod members;
mod messages;
mod outcomes;
mod pipeline;
mod plot;
mod process;
mod python;
mod reader;
mod reset;
mod runs;
mod s3;
mod secure;
mod sender;
mod server;
mod shell;
mod spark;
mod upkeep;
mod wait;
mod whole;
mod windows;
mod wire;
mod work;
