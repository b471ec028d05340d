//! The real binary, driven as a user's script drives it: on port 0, in temporary folders, judged by exit codes, files
//! and answers. Here is what only the whole product shows; each crate tests its own behaviour.
//!
//! The tests lie in rooms by theme. [`kit`] holds what they share, and no tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod kit;

mod browser;
mod chaos;
mod cluster;
mod command;
mod ingest;
mod store;
mod train;
