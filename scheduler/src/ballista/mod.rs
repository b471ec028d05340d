//! Ballista's scheduler as Gugus runs it: how it is set up, where tasks go, what it shows, and who sees that it moves.

mod binding;
mod had;
mod placement;
pub(crate) mod rest;
mod sight;
pub(crate) mod start;
mod still;
pub(crate) mod view;
pub(crate) mod watch;
