//! The executor process, composed of Ballista's parts.
//!
//! Ballista's own executor process ends itself after five failed heartbeats, tells of the end of a task once and forgets
//! it when that fails, takes its results with it when it is told to stop, listens on two ports that it cannot choose
//! freely, and asks nobody who calls for a proof. So only what runs a stage and what sends results is Ballista's here.

pub(crate) mod config;
pub(crate) mod error;
mod fetches;
mod leave;
mod link;
pub(crate) mod metrics;
mod node;
pub(crate) mod process;
mod service;
mod work_dir;
