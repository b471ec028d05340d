//! Pages for browsers, which show the present state. They have no script and load nothing from other sites, so that they
//! work without the internet.
//!
//! A page is one file in this room and one line in `list.rs`.

mod document;
mod list;
mod overview;
mod parts;
mod run;
mod shown;
mod tables;

pub(crate) use list::routes;
pub(crate) use shown::Shown;
