//! A client of a scheduler: one physical plan in, its rows out.

mod away;
mod cancel;
pub(crate) mod cluster;
pub(crate) mod error;
mod presence;
mod results;
mod run;
