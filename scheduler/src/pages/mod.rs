//! Pages for browsers, which show the present state. They have no script and load nothing from other sites, so that they
//! work without the internet.
//!
//! A page is one file in this room and one line in `routes.rs`.

mod assets;
mod configuration;
mod document;
mod executors;
mod job;
mod jobs;
mod overview;
mod parts;
mod routes;
mod run;
mod served;
mod shown;
mod tables;

pub(crate) use routes::routes;
pub(crate) use shown::Shown;
