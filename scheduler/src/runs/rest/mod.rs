//! Runs over HTTP. A resource is one file in this room, and its routes are lines in `list.rs`.

mod blocking;
mod list;
mod log;
mod named;
mod run;
mod runs;

pub(crate) use list::routes;
