//! Pages for browsers, which show the present state. They load nothing from other sites, so that they
//! work without the internet.
//!
//! A page is one file in this room and one line in `routes.rs`.

mod actions;
mod assets;
mod configuration;
mod document;
mod log;
mod overview;
mod parts;
mod routes;
mod run;
mod runs;
mod served;
mod shown;
mod submit;
mod tables;

pub(crate) use routes::routes;
pub(crate) use shown::Shown;
