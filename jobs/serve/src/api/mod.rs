//! The routes. Each file has its routes, their answers (`answers`), and their part of the OpenAPI document (`Document`);
//! pages for people are not in the document.
//! [`crate::routes`] lists the files.

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod pages;
pub(crate) mod predict;
