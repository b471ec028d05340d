//! The executor process, composed of Ballista's parts.
//!
//! Ballista's own executor process has five faults. It ends itself after five failed heartbeats. It reports the end of a task
//! once and forgets it if the report fails. It takes its results with it when it is told to stop. It listens on two ports
//! that it cannot choose freely. It asks no caller for a proof. So Gugus takes from Ballista only the code that runs a stage
//! and the code that sends results.

pub(crate) mod config;
pub(crate) mod error;
mod failure;
mod fetches;
mod leave;
mod link;
pub(crate) mod metrics;
mod node;
pub(crate) mod process;
mod reports;
mod results;
mod service;
mod task;
mod work_dir;
