//! Pages for browsers, which show the present state. They load nothing from other sites, so that they work without the
//! internet.
//!
//! Each file here gathers the data of one page; `gugus-pages` (`scheduler/pages`) draws it. A page is one file here and one
//! line in `routes.rs`.

mod actions;
mod asked;
mod assets;
mod batch;
mod batches;
mod chosen_store;
mod configuration;
mod described;
mod drift;
mod executors;
mod job;
mod jobs;
mod live;
mod model;
mod model_work;
mod models;
mod overview;
mod refusals;
mod routes;
mod run;
mod runs;
mod served;
mod shown;
mod sign_in;
mod submit;

pub(crate) use live::Live;
pub(crate) use refusals::refusals;
pub(crate) use routes::routes;
pub(crate) use shown::Shown;
