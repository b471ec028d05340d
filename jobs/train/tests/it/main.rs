//! Training on a cluster in this process: real Parquet, real plans, real model folders, no sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod all;
mod batches;
mod chains;
mod columns;
mod follow;
mod following;
mod kit;
mod mutated;
mod observed;
mod promote;
mod windows;
