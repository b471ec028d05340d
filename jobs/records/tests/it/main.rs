//! Records become typed columns, from the outside.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod csv;
mod formats;
mod job_files;
mod properties;
mod rows;
mod rules;
mod support;
