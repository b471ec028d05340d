//! How the models of runs come about: told by the driver, kept in a file of the run, read in pages.
//!
//! A line of the file is one thing that was told: a model is to be trained, was written, failed, or a pass ended. The last line
//! of a model counts. In memory is only where each model's line lies, and what rows are sorted by. So the page of a run costs
//! the same whether the run is under way, has ended, or was broken off with the scheduler.
//!
//! The course of a standing run keeps its newest models only (`trim`). When its file is cut, the passes in it go, too: the page
//! shows them until the scheduler ends.

mod courses;
mod file;
mod index;
mod line;
mod series;
mod trim;
mod view;

pub(super) use courses::{Courses, Told};
pub(crate) use view::ModelsAsked;

#[cfg(test)]
mod tests;
