//! Ballista's scheduler as Gugus runs it: how it is set up, where tasks go, what it shows, and who sees that it moves.

mod binding;
pub(crate) mod checked;
mod job_snapshot;
mod ledger;
pub(crate) mod log_events;
mod observed;
mod operators;
mod placement;
mod record;
pub(crate) mod recorder;
pub(crate) mod records;
pub(crate) mod rest;
mod roster;
mod secrets;
pub(crate) mod start;
mod still;
mod tried_executors;
pub(crate) mod view;
pub(crate) mod watch;
