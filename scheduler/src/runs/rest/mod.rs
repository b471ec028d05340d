//! Runs over HTTP. A resource is one file in this room, and its routes are lines in `routes.rs`.

mod log;
mod named;
mod routes;
mod run;
mod runs;

pub(crate) use routes::{BODY_LIMIT, routes};
