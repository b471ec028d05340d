//! Pages for browsers, which show the present state. They load nothing from other sites, so that they work without the
//! internet.
//!
//! A page is one file in this room and one line in `routes.rs`.

mod asked;
mod assets;
mod configuration;
mod described;
mod document;
mod live;
mod overview;
mod parts;
mod refusals;
mod routes;
mod run;
mod served;
mod shown;
mod sign_in;
mod tables;

pub(crate) use live::Live;
pub(crate) use refusals::refusals;
pub(crate) use routes::routes;
pub(crate) use shown::Shown;
