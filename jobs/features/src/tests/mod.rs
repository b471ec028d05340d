//! Tests of the crate as a whole, within it so that they share one build with the units.

mod all;
mod fits;
mod mutated;
mod plans;
mod waves;
mod windows;
