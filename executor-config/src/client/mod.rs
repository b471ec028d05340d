//! A client of a scheduler: one physical plan in, its rows out.

mod cancel;
pub(crate) mod cluster;
pub(crate) mod error;
mod results;
mod run;
