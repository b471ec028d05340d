//! Batches and models of the stores that runs have used, as pages show them.
//!
//! Viewers ask often and for the same, while stores may be slow and long. So a store is listed at most once a second for all
//! viewers together ([`fresh`]), and what never changes is kept with a bound: footers, whole models, samples of rows.
//! Everything is read by `gugus-batches`, `gugus-models` and `gugus-evaluate`. A place that somebody names in an address is
//! checked like a place that somebody submits.

mod asked_work;
mod failed;
mod fresh;
mod kept_silhouettes;
mod key;
mod log;
mod models;
mod scan;
mod shelf;
mod trouble;
mod work;

pub(crate) use self::asked_work::WorkState;
pub(crate) use self::key::Key;
pub(crate) use self::log::{Head, LogView};
pub(crate) use self::models::{Listing, ModelsView};
pub(crate) use self::shelf::{FailedModel, Shelf};
pub(crate) use self::work::Asked;
