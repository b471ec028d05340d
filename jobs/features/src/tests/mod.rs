//! Tests of several modules together. They are in the crate, so that they share one build with the unit tests.

mod all;
mod files;
mod fits;
mod functions;
mod mutated;
mod plans;
mod waves;
mod windows;
