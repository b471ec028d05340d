//! Ballista's scheduler as Gugus runs it: how it is set up, where tasks go, what it shows.

mod binding;
mod placement;
pub(crate) mod rest;
pub(crate) mod start;
pub(crate) mod view;
