//! The service over real folders and real HTTP.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends by a panic, also in what its functions share"
)]

mod documents;
mod explain;
mod folders;
mod formats;
mod guards;
mod kinds;
mod life;
mod limits;
mod models;
mod noticed;
mod open_inference;
mod open_inference_grpc;
mod open_inference_guarded;
mod open_inference_mutated;
mod pages;
mod point;
mod records;
mod service;
mod sites;
mod spark;
mod strict;
