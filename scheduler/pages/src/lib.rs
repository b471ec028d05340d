//! The pages of the scheduler: each is a value, and the HTML that is made of it.
//!
//! The scheduler gathers the value of a page, a *snapshot*. A browser gets it as HTML below `/`, a script as JSON at the same
//! path below `/gugus/v1`. Both come from the same value, so they cannot tell different things. A run and the list of runs
//! have JSON at these paths, too: the API of runs answers there.
//!
//! # Guarantees
//! * Plain data in, text out. The same snapshot gives the same bytes.
//! * A page is whole without JavaScript; see [`gugus_look`].
//!
//! # What it is not
//! It knows no Ballista, no folder and no network. So it builds in seconds, and its tests need no cluster. The scheduler's
//! room `pages` gathers the snapshots and serves them.
//!
//! # Where to add
//! A page is one file here, or a folder where the file would be long, with its snapshot and its [`Page`]. One file in the
//! scheduler's `pages/` gathers the snapshot, and one line in `pages/routes.rs` there serves it.

pub mod batch;
pub mod batches;
pub mod command;
pub mod configuration;
pub mod executors;
pub mod href;
pub mod job;
pub mod jobs;
pub mod model;
pub mod models;
mod moment;
pub mod overview;
mod page;
mod place;
pub mod run;
pub mod runs;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]
mod samples;
pub mod sign_in;
pub mod stores;
pub mod submit;

pub use page::{Page, refused, render};
pub use place::Place;

/// How many rows a page of a long table has.
pub const ROWS: u64 = 100;
